//! Parts of witnesses survive the wire, and each bad field is named.

use super::{WireError, parts::*};
use medproof_records::identity::{Identity, Secret};
use medproof_verifier::{Fr, Path, eddsa::Signature};

fn identity_example() -> Identity {
    let siblings = std::array::from_fn(|level| std::array::from_fn(|i| Fr::from((level * 3 + i) as u64)));
    Identity {
        sk: Secret::new(Fr::from(1u64)),
        person: Fr::from(2u64),
        ts: Secret::new(Fr::from(3u64)),
        domain: Fr::from(4u64),
        path: Path::new(4_000_000_000, siblings).unwrap(),
    }
}

#[test]
fn identities_survive_the_wire() {
    let original = identity_example();
    let read = identity(&identity_message(&original)).unwrap();
    assert_eq!(read.sk.expose(), original.sk.expose());
    assert_eq!(read.ts.expose(), original.ts.expose());
    assert_eq!((read.person, read.domain), (original.person, original.domain));
    assert_eq!(read.path, original.path);
}

#[test]
fn signatures_survive_the_wire() {
    let original = Signature {
        r8x: Fr::from(1u64),
        r8y: Fr::from(2u64),
        s: Fr::from(3u64),
    };
    assert_eq!(signature(&signature_message(&original)).unwrap(), original);
}

#[test]
fn each_bad_field_is_named_without_its_value() {
    type Change = fn(&mut medproof_proto::prover::witness::Identity);
    let changes: [(Change, &str); 8] = [
        (|m| m.sk = vec![0xff; 32], "field `sk` is not a canonical"),
        (|m| m.sk = vec![7; 31], "field `sk` has 31 bytes"),
        (|m| m.person.clear(), "field `person` has 0 bytes"),
        (|m| m.ts.push(0), "field `ts` has 33 bytes"),
        (|m| m.path = None, "field `path` is missing"),
        (
            |m| m.path.as_mut().unwrap().siblings.truncate(47),
            "field `path.siblings` has 47 elements, not 48",
        ),
        (
            |m| m.path.as_mut().unwrap().siblings[5] = vec![0xff; 32],
            "field `path.siblings` is not a canonical",
        ),
        (
            |m| m.path.as_mut().unwrap().index = 1 << 32,
            "field `path.index` is refused",
        ),
    ];
    for (change, expected) in changes {
        let mut message = identity_message(&identity_example());
        change(&mut message);
        let error = identity(&message).err().unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn lists_name_their_element_and_have_a_limit() {
    let read = |n: &u32| narrow::<u16>("n", *n);
    assert_eq!(list("xs", &[1, 2], 2, read), Ok(vec![1, 2]));
    let above = WireError::new("xs[1].n", "is above 65535");
    assert_eq!(list("xs", &[1, 65536], 2, read), Err(above));
    let long = WireError::new("xs", "has 3 elements, at most 2");
    assert_eq!(list("xs", &[1, 2, 3], 2, read), Err(long));
}
