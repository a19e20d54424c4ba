//! The example policies, refusals, and the meaning of every kind of atom over hand-made facts.

use super::*;
use crate::code::Code;
use crate::decimal::OFFSET;

fn policy(name: &str) -> String {
    let root = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    std::fs::read_to_string(root.join("../tests/data/acceptance/policies").join(name)).unwrap()
}

fn diabetes() -> String {
    policy("trial-diabetes.toml")
}

fn kidney() -> String {
    policy("trial-kidney.toml")
}

fn problems(text: &str) -> Vec<String> {
    match compile(text) {
        Err(PolicyError::Problems(list)) => list.iter().map(|p| format!("{}: {}", p.at, p.message)).collect(),
        Err(other) => vec![other.to_string()],
        Ok(_) => vec![],
    }
}

#[test]
fn the_example_policies_compile() {
    let policy = compile(&diabetes()).unwrap();
    assert_eq!(policy.rules().atoms.len(), 7);
    assert_eq!(policy.rules().clauses.len(), 7);
    assert_eq!(policy.rules().categories, 0b1111);
    assert_eq!(policy.rules().lookback_days, 365);
    assert_eq!(policy.atom_names()[0], "age");
    let age = &policy.rules().atoms[0];
    assert_eq!((age.low, age.high), (180_000, 759_999));

    let policy = compile(&kidney()).unwrap();
    assert_eq!(policy.rules().clauses.len(), 12);
    let at = policy.atom_names().iter().position(|n| n == "uacr_hi").unwrap();
    let uacr = &policy.rules().atoms[at];
    // Strict bounds: 300.0001 to 4999.9999.
    assert_eq!(uacr.low - OFFSET, 3_000_001);
    assert_eq!(uacr.high - OFFSET, 49_999_999);
}

#[test]
fn every_rule_is_part_of_the_policy_id() {
    let text = diabetes();
    let id = compile(&text).unwrap().policy_id();
    for (from, to) in [
        ("2026.1", "2026.2"),
        ("records-subset", "records-subset2"),
        ("sponsor-diabetes", "sponsor-other"),
        ("us-ma", "us-me"),
        (
            "uniqueness_scope = \"NCT03882970\"",
            "uniqueness_scope = \"other\"",
        ),
        ("freshness_days = 14", "freshness_days = 15"),
        ("max_years = 75", "max_years = 76"),
        ("E11.*", "E12.*"),
        ("within_days = 365 }\negfr", "within_days = 364 }\negfr"),
        ("not insulin", "insulin"),
        ("min = \"7.0\"", "above = \"7.0\""),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = compile(&text.replace(from, to)).unwrap();
        assert_ne!(changed.policy_id(), id, "{from}");
    }
    let same = compile(&text.replace("min = \"7.0\"", "min = \"7.00\"")).unwrap();
    assert_eq!(same.policy_id(), id);
}

#[test]
fn everything_that_cannot_be_resolved_is_named() {
    let text = diabetes();
    for (from, to, expected) in [
        ("sct|44054006", "sct|44054006x", "valueset.t2d"),
        ("sct|44054006", "snomed|1", "valueset.t2d"),
        ("loinc|4548-4", "loinc|4548-*", "valueset.a1c"),
        ("unit = \"%\"", "unit = \"percents\"", "atom.a1c.unit"),
        ("min = \"7.0\"", "min = \"seven\"", "atom.a1c.min"),
        ("min = \"7.0\"", "min = \"7.00001\"", "atom.a1c.min"),
        ("min = \"7.0\"", "min = \"17.0\"", "atom.a1c: no value"),
        (
            "min = \"7.0\"",
            "min = \"7.0\", above = \"6\"",
            "exclude each other",
        ),
        ("not insulin", "not insulins", "no atom `insulins`"),
        ("and not insulin", "", "atom.insulin: the rule does not use"),
        (
            "valueset = \"insulin\"",
            "valueset = \"insulins\"",
            "no value set `insulins`",
        ),
        (
            "within_days = 365 }\n",
            "within_days = 366 }\n",
            "more than the snapshot holds",
        ),
        (
            ", \"medication\"]",
            "]",
            "source.categories does not list `medication`",
        ),
        (
            ", \"medication\"]",
            ", \"medication\", \"allergy\"]",
            "does not hold allergy",
        ),
        ("medproof/eligibility/1", "medproof/eligibility/2", "schema"),
        ("sponsor-diabetes", "a sponsor", "sponsor: "),
        ("max_years = 75", "max_years = 17", "min_years <= max_years"),
        ("not t1d", "not t1d and (", "rule.eligible"),
        (
            "freshness_days = 14",
            "freshness_days = 14\nfresh = 2",
            "unknown field `fresh`",
        ),
        (
            "{ kind = \"alive\" }",
            "{ kind = \"alive\", at = 3 }",
            "unknown field `at`",
        ),
        (
            "kind = \"latest\", valueset = \"a1c\"",
            "kind = \"latest\", when = 1, valueset = \"a1c\"",
            "unknown field `when`",
        ),
        ("{ kind = \"alive\" }", "{ kind = \"happy\" }", "happy"),
        (
            "category = \"medication\"",
            "category = \"medications\"",
            "medications",
        ),
        (
            "category = \"medication\"",
            "category = \"medication\", clinical = [\"active\"]",
            "only conditions",
        ),
        (
            "category = \"medication\"",
            "category = \"medication\", total = [\"rxn\"]",
            "`rxn` is not a code system",
        ),
        (
            "category = \"medication\"",
            "category = \"medication\", at_least = 0",
            "atom.insulin.at_least",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let found = problems(&text.replacen(from, to, 1));
        assert!(found.iter().any(|p| p.contains(expected)), "{to}: {found:?}");
    }
    let several = text
        .replace("sct|44054006", "sct|x")
        .replace("unit = \"%\"", "unit = \"?\"");
    assert!(problems(&several).len() >= 2);
}

#[test]
fn an_atom_without_a_window_asks_for_the_scopes_whole_year() {
    let text = diabetes().replace(", within_days = 365", "");
    let lookback = |text: &str| compile(text).unwrap().rules().lookback_days;
    assert_eq!(lookback(&text), 365);
    // The longest of the windows, where every atom of these categories has one.
    let windows = text
        .replace("max = \"10.5\"", "max = \"10.5\", within_days = 90")
        .replace("min = \"45\"", "min = \"45\", within_days = 120");
    assert_eq!(lookback(&windows), 365);
    let windows = windows.replace(
        "valueset = \"insulin\"",
        "valueset = \"insulin\", within_days = 60",
    );
    assert_eq!(lookback(&windows), 120);
    let words = compile(&windows).unwrap().explain();
    assert!(words.contains("reach back 120 days"), "{words}");
    // Conditions are held for ever.
    let conditions = text
        .replace(" and a1c and egfr", "")
        .replace(" and not insulin", "")
        .lines()
        .filter(|l| {
            !["a1c ", "egfr ", "insulin "]
                .iter()
                .any(|atom| l.starts_with(atom))
        })
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(lookback(&conditions), 0);
}

#[test]
fn a_long_window_over_conditions_is_negative_only() {
    let text = |days: u16, not: &str| {
        let windowed = format!("valueset = \"t1d\", within_days = {days}");
        diabetes()
            .replace("valueset = \"t1d\"", &windowed)
            .replace("not t1d", &format!("{not} t1d"))
    };
    assert!(text(366, "not").contains("within_days = 366"));
    assert_eq!(problems(&text(366, "not")), [""; 0]);
    assert_eq!(problems(&text(36_500, "not")), [""; 0]);
    assert_eq!(problems(&text(365, "")), [""; 0]);
    let refused = problems(&text(366, ""));
    assert!(
        refused[0].starts_with("atom.t1d.within_days: a window of more than 365 days"),
        "{refused:?}"
    );
    let words = compile(&text(365, "")).unwrap().explain();
    assert!(
        words.contains("begun (where no onset is stated, recorded) within the last 365 days"),
        "{words}"
    );
}

#[test]
fn any_is_positive_only() {
    let text = diabetes().replace("a1c     = { kind = \"latest\"", "a1c     = { kind = \"any\"");
    assert!(compile(&text).is_ok());
    let negated = text.replace("and a1c and", "and not a1c and");
    assert!(problems(&negated).iter().any(|p| p.contains("cannot be negated")));
}

#[test]
fn the_explanation_names_atoms_codes_and_limits() {
    let words = compile(&kidney()).unwrap().explain();
    for expected in [
        "NCT03819153-records-subset",
        "uacr_hi: the latest value of `uacr` is above 300 and below 5000 mg/g",
        "icd10cm|Z94.*",
        "clinically active",
        "at most 14 days old",
        "Not covered: informed consent",
    ] {
        assert!(words.contains(expected), "{expected} in\n{words}");
    }
}

mod atoms {
    use super::super::*;
    use crate::decimal::OFFSET;
    use crate::record::{Category, Kind};

    const DATE: Day = Day(46_000);
    const UNIT: u8 = 3;

    fn latest(low: u64, high: u64) -> Atom {
        Atom {
            operation: Operation::Latest,
            category: Category::Laboratory,
            status: Filter {
                definite: 0b10,
                possible: 0b1000_0011,
            },
            verification: Filter {
                definite: 0x1f,
                possible: 0x1f,
            },
            within_days: Some(90),
            count: 0,
            unit: UNIT,
            low: OFFSET + low,
            high: OFFSET + high,
        }
    }

    fn exists(category: Category, within_days: Option<u16>, count: u8) -> Atom {
        Atom {
            operation: Operation::Exists,
            category,
            within_days,
            count,
            unit: 0,
            ..latest(0, 0)
        }
    }

    fn lab(days_ago: u16, value: u64) -> Fact {
        Fact {
            kind: Kind::Observation,
            status: 1,
            verification: 0,
            comparator: 0,
            negated: false,
            value: OFFSET + value,
            unit: UNIT,
            quantity: 0,
            days: 0,
            start: DATE.0 - days_ago,
            end: Day::OPEN.0,
            continues: false,
            members: 1,
            unmapped: 0,
        }
    }

    fn of(atom: &Atom, facts: &[Fact]) -> Option<bool> {
        truth(atom, 0, facts, DATE)
    }

    #[test]
    fn latest_takes_the_last_day_only() {
        let atom = latest(50, 75);
        assert_eq!(of(&atom, &[lab(90, 50)]), Some(true));
        assert_eq!(of(&atom, &[lab(91, 60)]), None);
        assert_eq!(of(&atom, &[lab(3, 60), lab(2, 76)]), Some(false));
        assert_eq!(of(&atom, &[lab(3, 76), lab(2, 75)]), Some(true));
        assert_eq!(of(&atom, &[]), None);
    }

    #[test]
    fn two_equal_date_values_must_agree() {
        let atom = latest(50, 75);
        assert_eq!(of(&atom, &[lab(2, 60), lab(2, 60)]), Some(true));
        assert_eq!(of(&atom, &[lab(2, 60), lab(2, 61)]), None);
        assert_eq!(of(&atom, &[lab(2, 60), lab(2, 99)]), None);
        assert_eq!(of(&atom, &[lab(2, 98), lab(2, 99)]), None);
    }

    #[test]
    fn a_match_that_cannot_be_compared_is_unknown() {
        let atom = latest(50, 75);
        let good = lab(5, 60);
        for bad in [
            Fact {
                unit: UNIT + 1,
                ..lab(2, 60)
            },
            Fact {
                value: 0,
                ..lab(2, 60)
            },
            Fact {
                comparator: 1,
                ..lab(2, 60)
            },
            Fact {
                status: 7,
                ..lab(2, 60)
            },
            Fact {
                start: 0,
                ..lab(2, 60)
            },
            Fact {
                members: 0,
                unmapped: 1,
                ..lab(2, 60)
            },
        ] {
            assert_eq!(of(&atom, &[good.clone(), bad.clone()]), None, "{bad:?}");
        }
        for harmless in [
            Fact {
                status: 2,
                ..lab(2, 99)
            },
            Fact {
                status: 3,
                ..lab(2, 99)
            },
            Fact {
                verification: 6,
                ..lab(2, 99)
            },
            Fact {
                members: 2,
                ..lab(2, 99)
            },
            Fact {
                negated: true,
                ..lab(2, 99)
            },
            Fact {
                kind: Kind::Condition,
                ..lab(2, 99)
            },
        ] {
            assert_eq!(
                of(&atom, &[good.clone(), harmless.clone()]),
                Some(true),
                "{harmless:?}"
            );
        }
    }

    #[test]
    fn exists_counts_what_is_certain_and_what_is_possible() {
        let atom = exists(Category::Laboratory, Some(30), 2);
        assert_eq!(of(&atom, &[lab(1, 1), lab(30, 1)]), Some(true));
        assert_eq!(of(&atom, &[lab(1, 1), lab(31, 1)]), Some(false));
        let perhaps = Fact {
            status: 0,
            ..lab(1, 1)
        };
        assert_eq!(of(&atom, &[lab(1, 1), perhaps.clone()]), None);
        assert_eq!(of(&atom, &[perhaps]), Some(false));
        assert_eq!(
            of(
                &atom,
                &[
                    lab(1, 1),
                    Fact {
                        start: 0,
                        ..lab(1, 1)
                    }
                ]
            ),
            None
        );
    }

    #[test]
    fn a_resource_of_many_codes_counts_once() {
        let atom = exists(Category::Laboratory, Some(30), 2);
        let more = Fact {
            continues: true,
            ..lab(1, 1)
        };
        let other = Fact {
            members: 0,
            ..more.clone()
        };
        assert_eq!(of(&atom, &[lab(1, 1), more.clone()]), None);
        assert_eq!(of(&atom, &[lab(1, 1), other, more.clone()]), None);
        assert_eq!(of(&atom, &[lab(1, 1), more.clone(), lab(1, 1), more]), Some(true));
    }

    #[test]
    fn a_medication_that_still_runs_is_unknown_outside_its_window() {
        let atom = exists(Category::Medication, Some(30), 1);
        let fill = |days_ago, days| Fact {
            kind: Kind::Dispense,
            days,
            ..lab(days_ago, 0)
        };
        assert_eq!(of(&atom, &[fill(30, 28)]), Some(true));
        assert_eq!(of(&atom, &[fill(31, 28)]), Some(false));
        assert_eq!(of(&atom, &[fill(31, 31)]), Some(false));
        assert_eq!(of(&atom, &[fill(31, 32)]), None);
        // No days' supply is not a supply of no days: nothing says when it was used up, unless it has an end.
        assert_eq!(of(&atom, &[fill(31, 0)]), None);
        let ended = |end| Fact { end, ..fill(31, 0) };
        assert_eq!(of(&atom, &[ended(DATE.0)]), None);
        assert_eq!(of(&atom, &[ended(DATE.0 - 1)]), Some(false));
        let order = |end| Fact {
            kind: Kind::Order,
            end,
            ..lab(31, 0)
        };
        assert_eq!(of(&atom, &[order(DATE.0)]), None);
        assert_eq!(of(&atom, &[order(DATE.0 - 1)]), Some(false));
        // Nothing says that an order without an end is over.
        assert_eq!(of(&atom, &[order(Day::OPEN.0)]), None);
    }

    #[test]
    fn a_birthday_counts_from_its_day_on() {
        let atom = Atom {
            operation: Operation::Age,
            category: Category::Demographics,
            low: 180_000,
            high: 759_999,
            ..exists(Category::Demographics, None, 0)
        };
        let person = |born: u64| Fact {
            kind: Kind::Demographics,
            status: 1,
            value: OFFSET + born,
            quantity: 2,
            ..lab(0, 0)
        };
        let on = |day: &str, born| truth(&atom, 0, &[person(born)], Day::parse(day).unwrap());
        assert_eq!(on("2026-03-01", 20080302), Some(false));
        assert_eq!(on("2026-03-02", 20080302), Some(true));
        // Somebody born on 29 February turns 18 on 1 March of a common year.
        assert_eq!(on("2026-02-28", 20080229), Some(false));
        assert_eq!(on("2026-03-01", 20080229), Some(true));
        assert_eq!(on("2026-03-01", 19500302), Some(true));
        assert_eq!(on("2026-03-02", 19500302), Some(false));
        assert_eq!(of(&atom, &[]), None);
        assert_eq!(of(&atom, &[person(19600101), person(19600101)]), None);
        assert_eq!(
            of(
                &atom,
                &[Fact {
                    value: 0,
                    ..person(0)
                }]
            ),
            None
        );
    }

    #[test]
    fn sex_and_life_are_unknown_when_not_recorded() {
        let sex = Atom {
            operation: Operation::Sex,
            category: Category::Demographics,
            low: 2,
            high: 2,
            ..exists(Category::Demographics, None, 0)
        };
        let alive = Atom {
            operation: Operation::Alive,
            low: 1,
            high: 1,
            ..sex.clone()
        };
        let person = |quantity, status| {
            [Fact {
                kind: Kind::Demographics,
                status,
                quantity,
                ..lab(0, 0)
            }]
        };
        assert_eq!(of(&sex, &person(2, 1)), Some(true));
        assert_eq!(of(&sex, &person(1, 1)), Some(false));
        assert_eq!(of(&sex, &person(4, 1)), None);
        assert_eq!(of(&sex, &person(0, 1)), None);
        assert_eq!(of(&alive, &person(2, 1)), Some(true));
        assert_eq!(of(&alive, &person(2, 2)), Some(false));
        assert_eq!(of(&alive, &person(2, 0)), None);
    }

    #[test]
    fn only_an_unknown_atom_that_decides_is_named() {
        let a = Clause {
            positive: 1,
            negative: 0,
        };
        let b_or_c = Clause {
            positive: 0b110,
            negative: 0,
        };
        let clauses = [a, b_or_c];
        assert_eq!(decide(&clauses, &[Some(true), None, Some(true)]), Decision::Met);
        assert_eq!(decide(&clauses, &[Some(false), None, None]), Decision::NotMet);
        assert_eq!(
            decide(&clauses, &[Some(true), None, Some(false)]),
            Decision::Unknown(1)
        );
        let middle = [Clause {
            positive: 1,
            negative: 1,
        }];
        assert_eq!(decide(&middle, &[None]), Decision::Unknown(0));
    }
}

#[test]
fn a_total_system_makes_its_unlisted_codes_unknown() {
    let text = diabetes().replace(
        "category = \"medication\", valueset = \"insulin\"",
        "category = \"medication\", valueset = \"insulin\", total = [\"rxnorm\", \"absent\"]",
    );
    let policy = compile(&text).unwrap();
    let at = policy.atom_names().iter().position(|n| n == "insulin").unwrap();
    let mask = |code| {
        let found = policy.table().lookup(code);
        if found.member { found.leaf.mask } else { 0 }
    };
    let code = |text| Code::parse(text).unwrap();
    assert_eq!(mask(code("rxnorm|5856")), 1 << at);
    assert_eq!(mask(code("rxnorm|5857")), 1 << (16 + at));
    assert_eq!(mask(Code::ABSENT), 1 << (16 + at));
    assert_eq!(mask(code("sct|5857")), 0);
    assert_eq!(mask(Code::NONE), 0);
}
