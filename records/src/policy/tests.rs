use super::*;
use std::fs;

fn policies() -> PathBuf {
    std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../tests/data/acceptance/policies")
}

#[test]
fn every_shipped_policy_loads_and_explains_itself() {
    let mut kinds = Vec::new();
    let mut ids = Vec::new();
    for entry in fs::read_dir(policies()).unwrap() {
        let path = entry.unwrap().path();
        let policy = Policy::load(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(policy.explain().contains(policy.id()), "{}", path.display());
        assert!(!policy.version().is_empty());
        kinds.push(policy.kind());
        ids.push(policy.policy_id());
    }
    for (kind, least) in [("dispensing", 5), ("eligibility", 2), ("claim", 1)] {
        assert!(kinds.iter().filter(|k| **k == kind).count() >= least, "{kind}");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two policies share an id");
}

#[test]
fn what_is_no_policy_is_refused() {
    let refused = |text: &str| {
        let error = Policy::compile(text, &mut |_| Err(io::ErrorKind::NotFound.into())).unwrap_err();
        error.to_string()
    };
    assert!(refused("").ends_with("and it is missing"));
    assert!(refused("schema = 5").contains("schema"));
    assert!(refused("schema").contains("TOML parse error"));
    let unknown = refused("schema = \"medproof/dispensing/2\"");
    assert!(
        unknown.starts_with("schema: expected") && unknown.ends_with("not `medproof/dispensing/2`"),
        "{unknown}"
    );
    for schema in ["dispensing", "eligibility", "claim"] {
        let bare = refused(&format!("schema = \"medproof/{schema}/1\""));
        assert!(bare.contains("missing field"), "{bare}");
    }
}

#[test]
fn files_are_read_within_limits_and_beside_the_policy() {
    let missing = Policy::load(&policies().join("none.toml")).unwrap_err();
    assert!(matches!(missing, LoadError::Read { .. }) && missing.to_string().contains("none.toml"));
    assert!(matches!(Policy::load(&policies()), Err(LoadError::Read { .. })));
    for bad in ["/etc/hostname", "", ".", "a/../../\0"] {
        assert!(read_table(&policies(), bad).is_err(), "{bad:?}");
    }
    let table = read_table(&policies(), "../tables/fee.csv").unwrap();
    assert!(table.starts_with(b"procedure,fee_cents"));
}
