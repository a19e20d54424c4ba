//! Key files: round trip, damage, staleness, modes and concurrent set-up.

use super::*;
use crate::example::{Cube, CubeDearer};
use std::sync::atomic::{AtomicUsize, Ordering};

fn quiet(_: Progress) {}

fn store(mode: Mode) -> (tempfile::TempDir, KeyStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = KeyStore::new(directory.path().join("keys"), mode);
    (directory, store)
}

#[test]
fn a_key_is_made_once_and_read_back_equal() {
    let (_guard, store) = store(Mode::Development);
    let mut stages = Vec::new();
    let made = store.open::<Cube>(&mut |p| stages.push(p.stage)).unwrap();
    assert!(stages.iter().any(|s| matches!(s, Stage::SettingUp { .. })));
    assert!(matches!(stages.last(), Some(Stage::Ready { .. })));
    let mut stages = Vec::new();
    let read = store.open::<Cube>(&mut |p| stages.push(p.stage)).unwrap();
    assert!(!stages.iter().any(|s| matches!(s, Stage::SettingUp { .. })));
    assert_eq!(made.proving_key(), read.proving_key());
    assert_eq!(made.verifying_key().to_bytes(), read.verifying_key().to_bytes());
    assert!(read.verifying_key().is_development());
    let path = store.path(read.constraints());
    assert_eq!(fs::metadata(&path).unwrap().len(), read.file_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!with_suffix(&path, ".partial").exists());
    let listed = store.list().unwrap();
    assert!(matches!(
        listed.as_slice(),
        [Ok(key)] if key.path == path
            && key.bytes == read.file_bytes()
            && key.constraints as usize == read.constraints().num_constraints()
            && key.verifying.to_bytes() == read.verifying_key().to_bytes()
    ));
}

#[test]
fn damaged_files_are_refused_and_named() {
    let keys = CircuitKeys::throw_away::<Cube>().unwrap();
    let c = keys.constraints();
    let good = file::encode(c, keys.proving_key(), keys.verifying_key());
    assert!(file::decode(c, &good).is_ok());
    let rehash = |mut bytes: Vec<u8>| {
        let end = bytes.len() - 32;
        let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&bytes[..end]).into();
        bytes[end..].copy_from_slice(&hash);
        bytes
    };
    let change = |at: usize, to: u8| {
        let mut bytes = good.clone();
        assert_ne!(bytes[at], to);
        bytes[at] = to;
        bytes
    };
    let refused = |bytes: Vec<u8>| file::decode(c, &bytes).unwrap_err();
    // Without a matching hash, every single changed byte is damage.
    for at in (8..good.len()).step_by(97) {
        assert_eq!(refused(change(at, good[at] ^ 1)), FormatError::Hash, "{at}");
    }
    assert_eq!(refused(change(0, b'x')), FormatError::Magic);
    assert!(matches!(
        refused(good[..good.len() - 1].to_vec()),
        FormatError::Length { .. }
    ));
    assert!(matches!(refused(vec![]), FormatError::Length { .. }));
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(refused(longer), FormatError::Length { .. }));
    // With a matching hash, the contents are still checked.
    assert_eq!(refused(rehash(change(8, 2))), FormatError::Circuit);
    assert_eq!(refused(rehash(change(10, 9))), FormatError::Circuit);
    assert_eq!(refused(rehash(change(11, 2))), FormatError::Flags);
    assert_eq!(refused(rehash(change(11, 0))), FormatError::Flags);
    assert_eq!(refused(rehash(change(12, good[12] ^ 1))), FormatError::Shape);
    assert_eq!(refused(rehash(change(47, good[47] ^ 1))), FormatError::Shape);
    // The verifying key begins behind the header of 64 bytes.
    assert!(matches!(
        refused(rehash(change(64, b'x'))),
        FormatError::Verifying(KeyError::Magic)
    ));
    let points = good.len() - 32 - 64;
    assert_eq!(
        refused(rehash(change(points, good[points] ^ 1))),
        FormatError::Point("L query")
    );
    let mut not_canonical = good.clone();
    not_canonical[points..points + 32].fill(0xff);
    assert_eq!(refused(rehash(not_canonical)), FormatError::Point("L query"));
}

#[test]
fn keys_of_two_set_ups_are_not_mixed() {
    let one = CircuitKeys::throw_away::<Cube>().unwrap();
    let two = CircuitKeys::throw_away::<Cube>().unwrap();
    let c = one.constraints();
    let mixed = file::encode(c, two.proving_key(), one.verifying_key());
    assert_eq!(file::decode(c, &mixed).unwrap_err(), FormatError::Pair);
    let mut unblinded = one.proving_key().clone();
    unblinded.delta_g1 = <ark_bn254::G1Affine as ark_ec::AffineRepr>::zero();
    let unblinded = file::encode(c, &unblinded, one.verifying_key());
    assert_eq!(file::decode(c, &unblinded).unwrap_err(), FormatError::Pair);
}

#[test]
fn a_changed_circuit_gets_its_own_key() {
    let (_guard, store) = store(Mode::Development);
    let cube = store.open::<Cube>(&mut quiet).unwrap();
    let dearer = store.open::<CubeDearer>(&mut quiet).unwrap();
    assert_eq!(cube.name(), dearer.name());
    assert_ne!(cube.constraints().digest(), dearer.constraints().digest());
    let (old, new) = (store.path(cube.constraints()), store.path(dearer.constraints()));
    assert_ne!(old, new);
    // Even under the right name, the old file is refused.
    fs::copy(&old, &new).unwrap();
    let error = store.open::<CubeDearer>(&mut quiet).err().unwrap();
    assert!(matches!(error, KeysError::Format { .. }), "{error}");
    assert!(error.to_string().contains("remove it"), "{error}");
}

#[test]
fn production_refuses_development_keys() {
    let (_guard, development) = store(Mode::Development);
    let keys = development.open::<Cube>(&mut quiet).unwrap();
    let production = KeyStore::new(development.directory(), Mode::Production);
    let error = production.open::<Cube>(&mut quiet).err().unwrap();
    assert!(matches!(error, KeysError::Missing { .. }), "{error}");
    // Renaming does not help.
    fs::copy(
        development.path(keys.constraints()),
        production.path(keys.constraints()),
    )
    .unwrap();
    let error = production.open::<Cube>(&mut quiet).err().unwrap();
    assert!(matches!(error, KeysError::Development("bind")), "{error}");
}

#[test]
fn an_unusable_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("not-a-directory");
    fs::write(&file, b"").unwrap();
    let store = KeyStore::new(&file, Mode::Development);
    let error = store.open::<Cube>(&mut quiet).err().unwrap();
    assert!(error.to_string().contains("not-a-directory"), "{error}");
}

#[test]
fn two_set_ups_at_once_make_one_key() {
    let (_guard, store) = store(Mode::Development);
    let set_ups = AtomicUsize::new(0);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            let count = &mut |p: Progress| {
                if matches!(p.stage, Stage::SettingUp { .. }) {
                    set_ups.fetch_add(1, Ordering::SeqCst);
                }
            };
            store.open::<Cube>(count).unwrap().circuit_id()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(set_ups.load(Ordering::SeqCst), 1);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn the_default_directory_follows_the_environment() {
    let with = |values: &'static [(&str, &str)]| {
        default_directory(|name| {
            let found = values.iter().find(|(n, _)| *n == name)?;
            Some(OsString::from(found.1))
        })
    };
    let all = [(KEYS_VARIABLE, "/k"), ("XDG_CACHE_HOME", "/c"), ("HOME", "/h")];
    let all: &'static [_] = Box::leak(Box::new(all));
    assert_eq!(with(all), Some(PathBuf::from("/k")));
    assert_eq!(with(&all[1..]), Some(PathBuf::from("/c/medproof/keys")));
    assert_eq!(with(&all[2..]), Some(PathBuf::from("/h/.cache/medproof/keys")));
    assert_eq!(
        with(&[("XDG_CACHE_HOME", "c"), ("HOME", "/h")]),
        Some(PathBuf::from("/h/.cache/medproof/keys"))
    );
    assert_eq!(with(&[]), None);
}

#[test]
fn a_converted_key_is_kept_and_made_again_when_damaged() {
    let (_guard, store) = store(Mode::Development);
    let keys = store.open::<Cube>(&mut quiet).unwrap();
    let kernels = medproof_engine::Kernels::detect();
    let path = converted::path_beside(&store.path(keys.constraints()));
    assert!(!path.exists());
    let (first, conversion) = keys.converted(kernels).unwrap();
    assert_eq!(conversion, Conversion::Kept);
    assert_eq!(
        keys.converted(kernels).unwrap(),
        (first.clone(), Conversion::Found)
    );
    let good = fs::read(&path).unwrap();
    assert_eq!(keys.read_converted(&path).unwrap(), first);
    let scalar = medproof_engine::ConvertedKey::new(
        keys.proving_key(),
        keys.constraints().for_engine(),
        medproof_engine::Kernels::scalar(),
    );
    assert_eq!(scalar.unwrap(), first);
    // Damage, the file of another key, and half a file: told apart when read, put right when used.
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    let other = CircuitKeys::throw_away::<Cube>().unwrap();
    let (foreign, conversion) = other.converted(kernels).unwrap();
    assert_eq!(conversion, Conversion::NotKept(None));
    let foreign = other.encode_converted(&foreign);
    for (bytes, expected) in [
        (damaged, FormatError::Hash),
        (foreign, FormatError::Shape),
        (
            good[..good.len() / 2].to_vec(),
            FormatError::Length {
                expected: good.len() as u64,
                got: good.len() as u64 / 2,
            },
        ),
    ] {
        assert_eq!(keys.decode_converted(&bytes).unwrap_err(), expected);
        fs::write(&path, &bytes).unwrap();
        assert!(keys.read_converted(&path).is_err());
        assert_eq!(
            keys.converted(kernels).unwrap(),
            (first.clone(), Conversion::Kept)
        );
        assert_eq!(fs::read(&path).unwrap(), good);
    }
    let rehashed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good[..good.len() - 32].to_vec();
        change(&mut bytes);
        let hash = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
        bytes.extend(hash);
        keys.decode_converted(&bytes).unwrap_err()
    };
    assert_eq!(rehashed(&|bytes| bytes[0] = b'x'), FormatError::Magic);
    assert_eq!(
        rehashed(&|bytes| bytes[80..112].fill(0xff)),
        FormatError::Point("converted H query")
    );
    // A directory in its place cannot be replaced: the key is converted all the same, and who opens it is told.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (converted, conversion) = keys.converted(kernels).unwrap();
    assert_eq!(converted, first);
    let Conversion::NotKept(Some(reason)) = conversion else {
        panic!("{conversion:?}");
    };
    assert!(reason.contains("mpck"), "{reason}");
    fs::remove_dir(&path).unwrap();
    // Nor can anything be kept where the lock cannot be taken.
    fs::remove_file(with_suffix(&path, ".lock")).unwrap();
    fs::create_dir(with_suffix(&path, ".lock")).unwrap();
    let (converted, conversion) = keys.converted(kernels).unwrap();
    assert_eq!(converted, first);
    assert!(
        matches!(conversion, Conversion::NotKept(Some(_))),
        "{conversion:?}"
    );
    assert!(!path.exists());
}
