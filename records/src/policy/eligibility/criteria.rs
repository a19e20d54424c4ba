//! From the TOML form of one atom to its compiled form.

use super::atom::{Atom, Filter, Operation};
use super::compile::Resolver;
use super::document::{AtomDocument, RangeDocument};
use crate::decimal::{Decimal, OFFSET};
use crate::record::Category;
use crate::unit::Unit;

/// Most years of an age bound.
const MAX_YEARS: u16 = 150;
/// Most matches that an atom can ask for.
const MAX_COUNT: u16 = 128;
const CLINICAL: [(&str, u8); 7] = [
    // A parent of the FHIR hierarchy stands for its children too.
    ("active", 0b0000_1110),
    ("recurrence", 0b0000_0100),
    ("relapse", 0b0000_1000),
    ("inactive", 0b0111_0000),
    ("remission", 0b0010_0000),
    ("resolved", 0b0100_0000),
    ("unknown", 0b1000_0000),
];
const VERIFICATION: [(&str, u8); 4] = [
    ("unconfirmed", 0b0_0010),
    ("provisional", 0b0_0100),
    ("differential", 0b0_1000),
    ("confirmed", 0b1_0000),
];
/// Every verification but `refuted` and `entered-in-error`.
const NOT_REFUTED: u8 = 0b1_1111;
/// Clinical status that is not recorded, or recorded as unknown.
const CLINICAL_UNKNOWN: u8 = 0b1000_0001;
/// Status of other kinds: active, completed or final.
const DONE: u8 = 0b0000_0010;
/// Status of other kinds that leaves open what happened; entered in error and not done never match.
const PERHAPS_DONE: u8 = 0b1000_0011;

/// The category with this name.
pub(super) fn category(r: &mut Resolver, at: &str, name: &str) -> Option<Category> {
    let category = Category::from_name(name);
    if category.is_none() {
        let names: Vec<_> = Category::ALL.iter().map(|c| c.name()).collect();
        r.add(
            at,
            format!("`{name}` is not a category: expected {}", names.join(", ")),
        );
    }
    category
}

/// Compiles one atom; problems are added under `at`.
pub(super) fn atom(r: &mut Resolver, at: &str, source: &AtomDocument) -> Option<Atom> {
    match source {
        AtomDocument::Age { min_years, max_years } => age(r, at, *min_years, *max_years),
        AtomDocument::Sex { is } => match is.as_str() {
            "male" => Some(demographic(Operation::Sex, 1, 1)),
            "female" => Some(demographic(Operation::Sex, 2, 2)),
            "other" => Some(demographic(Operation::Sex, 3, 3)),
            _ => {
                r.add(
                    format!("{at}.is"),
                    format!("`{is}` is not `female`, `male` or `other`"),
                );
                None
            }
        },
        AtomDocument::Alive {} => Some(demographic(Operation::Alive, 1, 1)),
        AtomDocument::Exists {
            category,
            at_least,
            clinical,
            verification,
            within_days,
            ..
        } => {
            let count = at_least.unwrap_or(1);
            if !(1..=MAX_COUNT).contains(&count) {
                r.add(format!("{at}.at_least"), format!("expected 1 to {MAX_COUNT}"));
                return None;
            }
            let category = self::category(r, &format!("{at}.category"), category)?;
            if category == Category::Demographics {
                r.add(
                    format!("{at}.category"),
                    "use the kinds age, sex and alive for demographics",
                );
                return None;
            }
            let status = clinical_filter(r, at, category, clinical.as_deref())?;
            let verification = verification_filter(r, at, category, verification.as_deref())?;
            Some(Atom {
                operation: Operation::Exists,
                category,
                status,
                verification,
                within_days: *within_days,
                // At most MAX_COUNT = 128.
                count: count as u8,
                unit: 0,
                low: 0,
                high: 0,
            })
        }
        AtomDocument::Latest(range) => ranged(r, at, Operation::Latest, range),
        AtomDocument::Any(range) => ranged(r, at, Operation::Any, range),
    }
}

fn demographic(operation: Operation, low: u64, high: u64) -> Atom {
    let none = Filter {
        definite: 0,
        possible: 0,
    };
    Atom {
        operation,
        category: Category::Demographics,
        status: none,
        verification: none,
        within_days: None,
        count: 0,
        unit: 0,
        low,
        high,
    }
}

/// In yyyymmdd form somebody is at least n years old when `D - B >= n * 10000`, and at most n until the
/// day before the next birthday: `D - B < (n + 1) * 10000`.
fn age(r: &mut Resolver, at: &str, min: Option<u16>, max: Option<u16>) -> Option<Atom> {
    if min.is_none() && max.is_none() {
        r.add(at, "expected `min_years`, `max_years` or both");
        return None;
    }
    let (least, most) = (min.unwrap_or(0), max.unwrap_or(MAX_YEARS));
    if least > most || most > MAX_YEARS {
        r.add(at, format!("expected min_years <= max_years <= {MAX_YEARS}"));
        return None;
    }
    let high = max.map_or(u64::MAX, |n| (u64::from(n) + 1) * 10_000 - 1);
    Some(demographic(Operation::Age, u64::from(least) * 10_000, high))
}

fn masks(r: &mut Resolver, at: String, names: &[String], known: &[(&str, u8)], never: &str) -> Option<u8> {
    let mut mask = 0;
    for name in names {
        match known.iter().find(|(n, _)| n == name) {
            Some((_, bits)) => mask |= bits,
            None => r.add(
                &at,
                format!("`{name}` is not one of the statuses that can match{never}"),
            ),
        }
    }
    if names.is_empty() {
        r.add(&at, "the list is empty");
    }
    (mask != 0).then_some(mask)
}

fn clinical_filter(
    r: &mut Resolver,
    at: &str,
    category: Category,
    names: Option<&[String]>,
) -> Option<Filter> {
    let at = format!("{at}.clinical");
    match (category, names) {
        (Category::Condition | Category::Allergy, None) => Some(Filter {
            definite: 0xff,
            possible: 0xff,
        }),
        (Category::Condition | Category::Allergy, Some(names)) => {
            let definite = masks(r, at, names, &CLINICAL, "")?;
            // A status that is missing or unknown may be one of those listed.
            Some(Filter {
                definite,
                possible: definite | CLINICAL_UNKNOWN,
            })
        }
        (_, None) => Some(Filter {
            definite: DONE,
            possible: PERHAPS_DONE,
        }),
        (_, Some(_)) => {
            r.add(at, "only conditions have a clinical status");
            None
        }
    }
}

fn verification_filter(
    r: &mut Resolver,
    at: &str,
    category: Category,
    names: Option<&[String]>,
) -> Option<Filter> {
    let at = format!("{at}.verification");
    match (category, names) {
        (Category::Condition | Category::Allergy, Some(names)) => {
            let never = " (refuted and entered-in-error never do)";
            let definite = masks(r, at, names, &VERIFICATION, never)?;
            // A verification that is missing may be one of those listed.
            Some(Filter {
                definite,
                possible: definite | 1,
            })
        }
        (_, Some(_)) => {
            r.add(at, "only conditions have a verification status");
            None
        }
        (_, None) => Some(Filter {
            definite: NOT_REFUTED,
            possible: NOT_REFUTED,
        }),
    }
}

fn ranged(r: &mut Resolver, at: &str, operation: Operation, range: &RangeDocument) -> Option<Atom> {
    let unit = unit(r, at, &range.unit);
    let low = bound(r, at, ["min", "above"], [&range.min, &range.above], 1);
    let high = bound(r, at, ["max", "below"], [&range.max, &range.below], -1);
    let (unit, low, high) = (unit?, low?, high?);
    if low.is_none() && high.is_none() {
        r.add(at, "expected a bound: `min` or `above`, `max` or `below`");
        return None;
    }
    // 0 stands for a record without a value, so that the least value is 1.
    let (low, high) = (low.unwrap_or(1), high.unwrap_or(u64::MAX));
    if low > high {
        r.add(at, "no value lies in this range");
        return None;
    }
    Some(Atom {
        operation,
        category: Category::Laboratory,
        status: Filter {
            definite: DONE,
            possible: PERHAPS_DONE,
        },
        verification: Filter {
            definite: NOT_REFUTED,
            possible: NOT_REFUTED,
        },
        within_days: range.within_days,
        count: 0,
        unit: unit.id(),
        low,
        high,
    })
}

fn unit(r: &mut Resolver, at: &str, text: &str) -> Option<Unit> {
    let unit = Unit::from_ucum(text);
    if unit == Unit::UNKNOWN || unit == Unit::NONE {
        r.add(
            format!("{at}.unit"),
            format!("`{text}` is not a UCUM unit of the unit table"),
        );
        return None;
    }
    Some(unit)
}

/// The inclusive bound of an inclusive and a strict form; `step` leads from a strict bound to the next
/// value inside. The outer `None` means that a problem was named.
fn bound(
    r: &mut Resolver,
    at: &str,
    names: [&str; 2],
    texts: [&Option<String>; 2],
    step: i128,
) -> Option<Option<u64>> {
    let (name, text, step) = match texts {
        [None, None] => return Some(None),
        [Some(text), None] => (names[0], text, 0),
        [None, Some(text)] => (names[1], text, step),
        [Some(_), Some(_)] => {
            r.add(
                at,
                format!("`{}` and `{}` exclude each other", names[0], names[1]),
            );
            return None;
        }
    };
    let at = format!("{at}.{name}");
    let decimal = r.keep(&at, text.parse::<Decimal>())?;
    let Some(exact) = decimal.exact(4) else {
        r.add(
            &at,
            format!("`{text}` has more than four decimal places or is out of range"),
        );
        return None;
    };
    let value = exact.checked_add(step + i128::from(OFFSET));
    match value.and_then(|v| u64::try_from(v).ok()).filter(|v| *v != 0) {
        Some(value) => Some(Some(value)),
        None => {
            r.add(&at, format!("`{text}` is out of range"));
            None
        }
    }
}
