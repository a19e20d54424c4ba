use super::*;
use crate::code::Code;
use std::io;

const POLICY: &str = include_str!("../../../../tests/data/acceptance/policies/claim-lab.toml");

fn table(path: &str) -> io::Result<Vec<u8>> {
    let text = match path {
        "../tables/pairs.csv" => include_str!("../../../../tests/data/acceptance/tables/pairs.csv"),
        "../tables/fee.csv" => include_str!("../../../../tests/data/acceptance/tables/fee.csv"),
        "../tables/max-units.csv" => include_str!("../../../../tests/data/acceptance/tables/max-units.csv"),
        "../tables/prior-authorisation.csv" => {
            include_str!("../../../../tests/data/acceptance/tables/prior-authorisation.csv")
        }
        _ => return Err(io::ErrorKind::NotFound.into()),
    };
    Ok(text.as_bytes().to_vec())
}

fn problems(text: &str, replaced: &[(&str, &str)]) -> Vec<String> {
    let mut read = |path: &str| match replaced.iter().find(|(p, _)| path.ends_with(p)) {
        Some((_, text)) => Ok(text.as_bytes().to_vec()),
        None => table(path),
    };
    match ClaimPolicy::compile(text, &mut read) {
        Err(ClaimPolicyError::Problems(problems)) => problems,
        Err(ClaimPolicyError::Syntax(e)) => vec![format!("syntax: {e}")],
        Ok(_) => panic!("compiled"),
    }
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

#[test]
fn the_sample_policy_compiles() {
    let policy = ClaimPolicy::compile(POLICY, &mut table).unwrap();
    assert_eq!(policy.rows().len(), 5);
    let found = policy.find(code("icd10cm|E11.9"), code("cpt|95250")).unwrap();
    let (row, path) = policy.open(found).unwrap();
    assert_eq!(
        (row.fee.get(), row.max_units, row.prior_authorisation),
        (1200, 1, true)
    );
    assert_eq!(path.root(row.hash()), policy.rules().table_root);
    assert!(policy.find(code("icd10cm|I10"), code("cpt|83036")).is_none());
    assert!(policy.find(code("icd10cm|E11.9"), code("hcpcs|G0108")).is_none());
    assert_eq!(
        (policy.rules().max_days, policy.rules().coinsurance_bp),
        (365, 2000)
    );
    let words = policy.explain();
    for part in [
        "ppo-2026 of acme",
        "365 days",
        "20.00 %",
        "cpt|95250 for icd10cm|E11.9: 12.00 a unit, at most 1 unit, with prior",
    ] {
        assert!(words.contains(part), "{part} not in {words}");
    }
}

#[test]
fn a_policy_of_the_same_name_with_another_table_or_term_has_another_id() {
    let compile = |text: &str, fee: &'static str| {
        let mut read = |path: &str| match path.ends_with("fee.csv") {
            true => Ok(fee.as_bytes().to_vec()),
            false => table(path),
        };
        ClaimPolicy::compile(text, &mut read).unwrap().policy_id()
    };
    let fees = include_str!("../../../../tests/data/acceptance/tables/fee.csv");
    let dearer = "procedure,fee_cents\n80061,1300\n83036,1201\n93000,1700\n95250,1200\n";
    let first = compile(POLICY, fees);
    assert_eq!(
        first,
        ClaimPolicy::compile(POLICY, &mut table).unwrap().policy_id()
    );
    assert_ne!(first, compile(POLICY, dearer));
    for (from, to) in [
        ("= 365", "= 366"),
        ("= 2000", "= 2001"),
        ("plan = \"ppo-2026\"", "plan = \"ppo-2027\""),
        ("payer = \"acme\"", "payer = \"acne\""),
        ("\"2026.1\"", "\"2026.2\""),
    ] {
        let changed = POLICY.replace(from, to);
        assert_ne!(changed, POLICY);
        assert_ne!(first, compile(&changed, fees), "{to}");
    }
}

#[test]
fn prefixes_and_other_systems_are_rows_too() {
    let pairs = "diagnosis,procedure\nE11.*,G0108\nicd10cm|I10,D0120\n";
    let terms = "procedure,fee_cents\nG0108,1\ncdt|D0120,2\n";
    let units = "procedure,units\nhcpcs|G0108,4\nD0120,1\n";
    let mut read = |path: &str| match path {
        p if p.ends_with("pairs.csv") => Ok(pairs.as_bytes().to_vec()),
        p if p.ends_with("fee.csv") => Ok(terms.as_bytes().to_vec()),
        p if p.ends_with("max-units.csv") => Ok(units.as_bytes().to_vec()),
        p if p.ends_with("prior-authorisation.csv") => Ok(b"procedure\n".to_vec()),
        p => table(p),
    };
    let policy = ClaimPolicy::compile(POLICY, &mut read).unwrap();
    assert!(policy.find(code("icd10cm|E11.65"), code("hcpcs|G0108")).is_some());
    assert!(policy.find(code("icd10cm|E12"), code("hcpcs|G0108")).is_none());
    assert!(policy.find(code("icd10cm|I10"), code("cdt|D0120")).is_some());
}

#[test]
fn whatever_cannot_be_resolved_is_named() {
    let pairs = "diagnosis,procedure\nE11.9,83036\nE11.*,83036\n???,93000\nI10,99999\nI10,ABCDEFGHI\n";
    let found = problems(POLICY, &[("pairs.csv", pairs)]).join("\n");
    for part in [
        "row 4",
        "row 5: cpt|99999 has no row in tables.fee",
        "row 5: cpt|99999 has no row in tables.max_units",
        "row 6",
        "overlap for cpt|83036",
    ] {
        assert!(found.contains(part), "{part} not in {found}");
    }
    let cases = [
        (
            "fee.csv",
            "procedure,fee_cents\n83036,-1\n",
            "`-1` is not in range",
        ),
        (
            "fee.csv",
            "procedure,fee_cents\n83036,1099511627776\n",
            "is not in range",
        ),
        (
            "fee.csv",
            "procedure,fee_cents\n83036,1\n83036,2\n",
            "listed twice",
        ),
        (
            "fee.csv",
            "procedure,fee\n83036,1\n",
            "the first line must be `procedure,fee_cents`",
        ),
        (
            "max-units.csv",
            "procedure,units\n83036,0\n",
            "`0` is not in range",
        ),
        (
            "max-units.csv",
            "procedure,units\n83036,65536\n",
            "is not in range",
        ),
        ("pairs.csv", "diagnosis,procedure\n", "nothing is covered"),
        ("pairs.csv", "diagnosis,procedure\nE11.9\n", "row 2"),
        ("prior-authorisation.csv", "procedure\n@@\n", "row 2"),
        // An authorised procedure of no pair: a slip would otherwise waive the authorisation.
        (
            "prior-authorisation.csv",
            "procedure\n95250\n95251\n",
            "row 3: cpt|95251 has no row in tables.pairs",
        ),
        (
            "prior-authorisation.csv",
            "procedure\nhcpcs|G0108\n",
            "row 2: hcpcs|G0108 has no row in tables.pairs",
        ),
    ];
    for (file, text, part) in cases {
        let found = problems(POLICY, &[(file, text)]).join("\n");
        assert!(found.contains(part), "{part} not in {found}");
    }
    let missing = POLICY.replace("../tables/fee.csv", "../tables/gone.csv");
    assert!(problems(&missing, &[]).join("\n").contains("tables.fee"));
    // The list is bounded.
    let many = "diagnosis,procedure\n".to_owned() + &"E11.9,99999\n".repeat(1000);
    assert_eq!(problems(POLICY, &[("pairs.csv", &many)]).len(), MAX_PROBLEMS);
}

#[test]
fn terms_that_the_circuit_does_not_compute_are_refused() {
    for (from, to, part) in [
        ("\"USD\"", "\"EUR\"", "currency"),
        ("half-up-cent", "half-even", "benefit.round"),
        (
            "\"deductible\", \"coinsurance\"",
            "\"coinsurance\", \"deductible\"",
            "benefit.order",
        ),
        ("\"npi\", ", "", "duplicate.key"),
        ("= 2000", "= 10001", "coinsurance_bp"),
        ("= 2000", "= 70000", "syntax"),
        ("= 365", "= -1", "syntax"),
        ("= 365", "= 365\nextra = 1", "unknown field"),
        ("medproof/claim/1", "medproof/claim/2", "schema"),
        ("\"ppo-2026\"", "\"ppo 2026\"", "plan"),
        ("\"acme\"", "\"-acme\"", "payer"),
        ("\"2026.1\"", "\"\"", "version"),
        ("[duplicate]", "[duplicates]", "unknown field"),
    ] {
        let changed = POLICY.replacen(from, to, 1);
        assert_ne!(changed, POLICY);
        let found = problems(&changed, &[]).join("\n");
        assert!(found.contains(part), "{part} not in {found}");
    }
}
