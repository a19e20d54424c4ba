use super::*;

const TABLE: &str = "rxcui,class,ingredient_rxcui,micro_mme_per_unit,name
1049683,opioid,7804,15000000,oxycodone hydrochloride 10 MG Oral Tablet
856999,opioid,5489,10000000,hydrocodone
238129,opioid,1819,0,buprenorphine
314076,other,314076,0,lisinopril
197321,benzodiazepine,596,0,alprazolam
";

const POLICY: &str = r#"
schema = "medproof/dispensing/1"
id = "us-opioid-mme-90"
version = "2026.1"
domain = "us-ma"
not_covered = ["cash"]
[drug_table]
file = "drugs.csv"
unknown_code = "unprovable"
[history]
not_counted = ["cancelled", "on-hold"]
[[class]]
name = "opioid"
mme_per_day = { op = "<", value = "90" }
quantity = { window_days = 30, max = "120.5" }
fills = { window_days = 90, max = 4 }
first_fill = { lookback_days = 60, max_days = 7 }
refill = { used_percent_min = 75 }
[class.exempt]
conditions = ["icd10cm|G89.3", "icd10cm|D57.*"]
"#;

fn compiled(policy: &str, table: &str) -> Result<DispensingPolicy, CompileError> {
    compile(policy, &mut |file| match file {
        "drugs.csv" => Ok(table.as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    })
}

/// What the policy with one text replaced is refused for.
fn problems(from: &str, to: &str) -> String {
    assert!(POLICY.contains(from), "{from}");
    compiled(&POLICY.replacen(from, to, 1), TABLE)
        .expect_err(to)
        .to_string()
}

#[test]
fn a_policy_compiles_to_its_words() {
    let policy = compiled(POLICY, TABLE).unwrap();
    let row = policy.row(1).unwrap();
    let limits = row.limits;
    assert_eq!((limits.peak, limits.quantity, limits.fills), (89_999, 120_500, 4));
    assert_eq!((limits.quantity_window, limits.fills_window), (30, 90));
    assert_eq!(
        (
            limits.first_lookback,
            limits.first_max_days,
            limits.refill_percent
        ),
        (60, 7, 75)
    );
    assert!(policy.row(2).is_none() && policy.row(0).is_none() && policy.row(200).is_none());
    let path = policy.row_path(1).unwrap();
    assert_eq!(path.root(row.hash().unwrap()), policy.rules());
    assert_eq!(policy.row_path(2).unwrap().root(Fr::from(0u64)), policy.rules());
    assert!(policy.row_path(16).is_none());
    assert!(policy.counts("completed") && policy.counts("stopped") && !policy.counts("on-hold"));
}

#[test]
fn drugs_are_found_and_others_are_not() {
    let policy = compiled(POLICY, TABLE).unwrap();
    let find = |text: &str| policy.drug(Code::parse(text).unwrap());
    let (drug, found) = find("rxnorm|1049683").unwrap();
    assert_eq!(
        drug,
        Drug {
            class: 1,
            ingredient: 7804,
            micro_mme: 15_000_000
        }
    );
    assert_eq!(found.path.root(found.leaf.hash()), policy.table().root());
    assert_eq!(find("rxnorm|314076").unwrap().0.class, 0);
    assert!(find("rxnorm|1049684").is_none() && find("rxnorm|1").is_none());
    assert!(policy.drug(Code::NONE).is_none() && policy.drug(Code::ABSENT).is_none());
    assert!(Drug::from_leaf(1 << 40, 0).is_none());
}

#[test]
fn every_part_of_a_policy_is_in_its_id() {
    let id = compiled(POLICY, TABLE).unwrap().policy_id();
    for (from, to) in [
        ("us-opioid-mme-90", "us-opioid-mme-91"),
        ("2026.1", "2026.2"),
        ("us-ma", "us-nh"),
        ("op = \"<\"", "op = \"<=\""),
        ("\"90\"", "90.001"),
        ("window_days = 30", "window_days = 31"),
        ("120.5", "120"),
        ("window_days = 90", "window_days = 91"),
        ("max = 4", "max = 5"),
        ("lookback_days = 60", "lookback_days = 61"),
        ("max_days = 7", "max_days = 8"),
        ("= 75", "= 76"),
        ("G89.3", "G89.4"),
        ("D57.*", "D57.1"),
        ("name = \"opioid\"", "name = \"stimulant\""),
    ] {
        let changed = compiled(
            &POLICY.replacen(from, to, 1).replace("= 90.001", "= \"90.001\""),
            TABLE,
        )
        .unwrap();
        assert_ne!(changed.policy_id(), id, "{to}");
    }
    for (from, to) in [
        ("15000000", "15000001"),
        ("7804", "7805"),
        ("238129", "238130"),
        ("benzodiazepine", "opioid"),
    ] {
        assert_ne!(
            compiled(POLICY, &TABLE.replacen(from, to, 1))
                .unwrap()
                .policy_id(),
            id,
            "{to}"
        );
    }
    // Names and what is not covered are words only.
    let worded = compiled(
        &POLICY.replace("cash", "cash, samples"),
        &TABLE.replace("lisinopril", "x"),
    )
    .unwrap();
    assert_eq!(worded.policy_id(), id);
}

#[test]
fn everything_that_cannot_be_resolved_is_named() {
    for (from, to, expected) in [
        (
            "id = \"us-opioid-mme-90\"",
            "id = \"a b\"",
            "id: `a b` is not a name",
        ),
        (
            "dispensing/1",
            "dispensing/2",
            "schema: `medproof/dispensing/2` is not",
        ),
        ("not_covered", "not_coverd", "unknown field `not_coverd`"),
        ("mme_per_day", "mme_per_week", "unknown field `mme_per_week`"),
        ("op = \"<\"", "op = \">\"", "unknown variant `>`"),
        ("\"90\"", "90.5", "expected a decimal number as a string"),
        (
            "\"90\"",
            "\"ninety\"",
            "class `opioid`.mme_per_day.value: `ninety`: expected a number",
        ),
        ("\"90\"", "\"0.0005\"", "at most three decimals"),
        ("\"90\"", "\"0\"", "nothing is below 0"),
        (
            "\"90\"",
            "\"1099511627.775\"",
            "expected a number from 0 to 1099511627.774",
        ),
        ("\"90\"", "-1", "expected a number from 0"),
        (
            "window_days = 30",
            "window_days = 121",
            "class `opioid`.quantity.window_days: 121 days: expected 1 to 120",
        ),
        (
            "window_days = 90",
            "window_days = 0",
            "class `opioid`.fills.window_days: 0 days",
        ),
        (
            "lookback_days = 60",
            "lookback_days = 365",
            "first_fill.lookback_days: 365 days: expected 1 to 120",
        ),
        (
            "max_days = 7",
            "max_days = 70000",
            "first_fill.max_days: expected 0 to 65535",
        ),
        (
            "max = 4",
            "max = 256",
            "fills.max: expected a whole number from 0 to 255",
        ),
        ("= 75", "= 101", "refill.used_percent_min: expected 1 to 100"),
        ("G89.3", "G8", "exempt.conditions: `G8` is not a icd10cm code"),
        ("icd10cm|G89.3", "icd9|1", "`icd9` is not a code system"),
        (
            "\"opioid\"",
            "\"opiod\"",
            "class `opiod`: not one of opioid, benzodiazepine",
        ),
        ("\"opioid\"", "\"other\"", "class `other` has no limits"),
        (
            "\"on-hold\"",
            "\"completed\"",
            "`completed` may have been handed over",
        ),
        ("\"on-hold\"", "\"lost\"", "`lost` is not a status"),
        (
            "drugs.csv",
            "nothing.csv",
            "drug_table.file: cannot read `nothing.csv`",
        ),
        ("\"unprovable\"", "\"zero\"", "unknown variant `zero`"),
    ] {
        let found = problems(from, to);
        assert!(found.contains(expected), "{to}: {found}");
    }
    let several = problems(
        "version = \"2026.1\"\ndomain = \"us-ma\"",
        "version = \"\"\ndomain = \"\"",
    );
    assert!(
        several.contains("version:") && several.contains("domain:"),
        "{several}"
    );
    let nine = (0..9)
        .map(|i| format!("\"icd10cm|C{i}0.*\""))
        .collect::<Vec<_>>()
        .join(",");
    assert!(problems("\"icd10cm|G89.3\"", &nine).contains("10 conditions: at most 8 fit"));
    let twice = format!("{POLICY}\n[[class]]\nname = \"opioid\"\n");
    assert!(
        compiled(&twice, TABLE)
            .unwrap_err()
            .to_string()
            .contains("listed twice")
    );
    let long = format!("{POLICY}#{}", "x".repeat(MAX_POLICY_BYTES));
    assert!(
        compiled(&long, TABLE)
            .unwrap_err()
            .to_string()
            .contains("longer than")
    );
}

#[test]
fn a_table_is_refused_by_line() {
    for (from, to, expected) in [
        ("class,ing", "klass,ing", "line 1: column `class` is missing"),
        (",name", ",nom", "column `nom` is unknown"),
        (
            "1049683",
            "10496x3",
            "line 2: rxcui: `10496x3` is not a rxnorm code",
        ),
        (
            "opioid,5489",
            "opiate,5489",
            "line 3: class: `opiate` is not one of other, opioid",
        ),
        (
            "opioid,1819",
            "opioid,0",
            "line 4: ingredient_rxcui: expected a number from 1",
        ),
        (
            "10000000",
            "1e7",
            "line 3: micro_mme_per_unit: expected a whole number",
        ),
        ("314076,0", "314076,5", "line 5: class `other` has no limits"),
        (
            "197321",
            "314076",
            "line 6: rxnorm|314076 is listed before, on line 5",
        ),
        ("5489,10000000,hydrocodone", "5489", "line: 3"),
    ] {
        assert!(TABLE.contains(from), "{from}");
        let found = compiled(POLICY, &TABLE.replacen(from, to, 1))
            .unwrap_err()
            .to_string();
        assert!(found.contains(expected), "{to}: {found}");
    }
    let none = TABLE.lines().next().unwrap();
    assert!(
        compiled(POLICY, none)
            .unwrap_err()
            .to_string()
            .contains("no drug is listed")
    );
}

#[test]
fn a_policy_is_explained_in_words() {
    let text = compiled(POLICY, TABLE).unwrap().explain();
    for line in [
        "Drugs: 1 other, 3 opioid, 1 benzodiazepine (drugs.csv); any other is unprovable.",
        "1 of them belong to a class without rules here; filling them is unprovable.",
        "History: every dispense counts but those cancelled, on-hold.",
        "at most 89.999 MME",
        "at most 120.5 units in 30 days",
        "at most 4 fills in 90 days",
        "at most 7 days' supply when no fill with MME began in the 60 days before",
        "75 % of the days",
        "icd10cm|G89.3, icd10cm|D57.*",
        "Not covered: cash.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
