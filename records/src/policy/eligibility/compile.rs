//! From the TOML form to a compiled policy. Everything that cannot be resolved is named at once.

use super::atom::{Atom, Filter, Operation};
use super::document::{AtomDocument, DEFAULT_SCOPE, Document, RangeDocument, SCHEMA};
use super::formula::{Clause, Formula};
use super::{CompiledPolicy, MAX_ATOMS, PolicyError, Problem, Rules, version_fr};
use crate::code::{CodeInterval, CodeSystem};
use crate::decimal::{Decimal, OFFSET};
use crate::record::Category;
use crate::table::{CodeTable, TableEntry, disjoint};
use crate::unit::Unit;
use medproof_verifier::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Largest policy file in bytes.
pub const MAX_POLICY_BYTES: usize = 4 << 20;
/// Longest version text in bytes.
const MAX_VERSION_BYTES: usize = 64;
/// Categories of the scope `clinical-summary`.
const SUMMARY_CATEGORIES: [Category; 4] = [
    Category::Demographics,
    Category::Condition,
    Category::Laboratory,
    Category::Medication,
];
/// Days that the scope `clinical-summary` looks back for laboratory values and medications.
pub const SUMMARY_LOOKBACK_DAYS: u16 = 365;
/// Longest window over conditions, of which the scope holds all.
const MAX_CONDITION_DAYS: u16 = 36_500;
/// Most years of an age bound.
const MAX_YEARS: u16 = 150;
/// Most matches that an atom can ask for.
const MAX_COUNT: u16 = 128;
/// Most atoms of kind `any`.
const MAX_ANY: usize = 3;

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

/// Collects problems with their place in the file.
struct Resolver {
    problems: Vec<Problem>,
}

impl Resolver {
    fn add(&mut self, at: impl Into<String>, message: impl ToString) {
        self.problems.push(Problem {
            at: at.into(),
            message: message.to_string(),
        });
    }

    fn keep<T, E: ToString>(&mut self, at: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|e| self.add(at, e)).ok()
    }
}

/// Compiles a policy file.
///
/// # Errors
/// [`PolicyError`], with every problem that was found.
pub fn compile(text: &str) -> Result<CompiledPolicy, PolicyError> {
    if text.len() > MAX_POLICY_BYTES {
        return Err(PolicyError::TooLarge);
    }
    let document: Document = toml::from_str(text).map_err(|e| PolicyError::Toml(Box::new(e)))?;
    let mut r = Resolver { problems: Vec::new() };
    let compiled = resolve(&mut r, document);
    match compiled {
        Some(policy) if r.problems.is_empty() => Ok(policy),
        _ => Err(PolicyError::Problems(r.problems)),
    }
}

fn resolve(r: &mut Resolver, document: Document) -> Option<CompiledPolicy> {
    if document.schema != SCHEMA {
        r.add("schema", format!("expected `{SCHEMA}`"));
    }
    if document.version.is_empty() || document.version.len() > MAX_VERSION_BYTES {
        r.add("version", format!("expected 1 to {MAX_VERSION_BYTES} bytes"));
    }
    let id = r.keep("id", document.id.parse::<Name>());
    let sponsor = r.keep("sponsor", document.sponsor.parse::<Name>());
    let identity_domain = r.keep("identity_domain", document.identity_domain.parse::<Name>());
    let uniqueness_scope = r.keep("uniqueness_scope", document.uniqueness_scope.parse::<Name>());
    let scope = scope(r, &document);
    let categories = categories(r, &document);
    let sets = value_sets(r, &document.valueset);
    let rule = rule(r, &document);
    let held = categories.as_deref().unwrap_or(&[]);
    let atoms = rule
        .as_ref()
        .map(|(names, _)| atoms(r, &document, names, &sets, held));
    let (names, clauses) = rule?;
    let (atoms, wanted) = atoms?;
    if !r.problems.is_empty() {
        return None;
    }
    polarity(r, &atoms, &names, &clauses);
    let table = r.keep("valueset", CodeTable::new(masked(&wanted)))?;
    let categories = categories?.iter().fold(0u16, |m, c| m | c.bit());
    let (id, sponsor, scope) = (id?, sponsor?, scope?);
    let (identity_domain, uniqueness_scope) = (identity_domain?, uniqueness_scope?);
    let rules = Rules {
        sponsor: sponsor.to_fr(),
        identity_domain: identity_domain.to_fr(),
        uniqueness_scope: uniqueness_scope.to_fr(),
        snapshot_scope: scope.to_fr(),
        categories,
        lookback_days: lookback(&atoms),
        freshness_days: document.source.freshness_days,
        table_root: table.root(),
        version: version_fr(&id, &document.version),
        atoms,
        clauses,
    };
    Some(CompiledPolicy {
        id,
        version: document.version.clone(),
        sponsor,
        identity_domain,
        uniqueness_scope,
        snapshot_scope: scope,
        rules,
        table,
        names,
        document,
    })
}

/// The longest window over a category that the scope limits.
fn lookback(atoms: &[Atom]) -> u16 {
    let limited = atoms
        .iter()
        .filter(|a| matches!(a.category, Category::Laboratory | Category::Medication));
    limited.filter_map(|a| a.within_days).max().unwrap_or(0)
}

fn scope(r: &mut Resolver, document: &Document) -> Option<Name> {
    let source = &document.source;
    let scope = source.scope.as_deref().unwrap_or(DEFAULT_SCOPE);
    if scope != DEFAULT_SCOPE {
        r.add(
            "source.scope",
            format!("`{scope}` is not a scope with a known content; use `{DEFAULT_SCOPE}`"),
        );
    }
    if source.freshness_days > SUMMARY_LOOKBACK_DAYS {
        r.add(
            "source.freshness_days",
            format!("expected at most {SUMMARY_LOOKBACK_DAYS}"),
        );
    }
    r.keep("source.scope", scope.parse::<Name>())
}

fn categories(r: &mut Resolver, document: &Document) -> Option<Vec<Category>> {
    let at = "source.categories";
    let mut out = Vec::new();
    for name in &document.source.categories {
        let category = category(r, at, name)?;
        if !SUMMARY_CATEGORIES.contains(&category) {
            r.add(
                at,
                format!("the scope `{DEFAULT_SCOPE}` does not hold {category} records"),
            );
        }
        out.push(category);
    }
    Some(out)
}

fn category(r: &mut Resolver, at: &str, name: &str) -> Option<Category> {
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

/// What one atom looks for.
struct Wanted {
    atom: usize,
    codes: Vec<CodeInterval>,
    total: Vec<CodeSystem>,
}

/// Disjoint intervals with bit i for a code in atom i's value set, and bit 16 + i for a code that no value
/// set lists, in a system that atom i calls total. A listed code is known, also when another atom lists it.
fn masked(wanted: &[Wanted]) -> Vec<TableEntry> {
    let sets: Vec<(CodeInterval, u64)> = wanted
        .iter()
        .flat_map(|w| {
            let codes = w.codes.iter().map(|c| (*c, 1 << w.atom));
            let whole = w.total.iter().map(|s| CodeInterval::whole(*s));
            codes.chain(whole.map(|c| (c, 1 << (MAX_ATOMS + w.atom))))
        })
        .collect();
    let members = (1 << MAX_ATOMS) - 1;
    let known = |mask: u64| if mask & members == 0 { mask } else { mask & members };
    let cut = disjoint(&sets).into_iter();
    cut.map(|e| TableEntry {
        mask: known(e.mask),
        ..e
    })
    .collect()
}

fn value_sets(r: &mut Resolver, sets: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<CodeInterval>> {
    let mut out = BTreeMap::new();
    for (name, codes) in sets {
        let at = format!("valueset.{name}");
        if codes.is_empty() {
            r.add(&at, "the value set is empty");
        }
        let resolved = codes.iter().filter_map(|c| r.keep(&at, CodeInterval::parse(c)));
        out.insert(name.clone(), resolved.collect());
    }
    out
}

fn rule(r: &mut Resolver, document: &Document) -> Option<(Vec<String>, Vec<Clause>)> {
    let at = "rule.eligible";
    let formula = r.keep(at, Formula::parse(&document.rule.eligible))?;
    let clauses = r.keep(at, formula.clauses());
    let names = formula.atoms().to_vec();
    for name in names.iter().filter(|n| !document.atom.contains_key(*n)) {
        r.add(at, format!("no atom `{name}` is defined"));
    }
    for name in document.atom.keys().filter(|n| !names.contains(n)) {
        r.add(format!("atom.{name}"), "the rule does not use this atom");
    }
    Some((names, clauses?))
}

fn atoms(
    r: &mut Resolver,
    document: &Document,
    names: &[String],
    sets: &BTreeMap<String, Vec<CodeInterval>>,
    held: &[Category],
) -> (Vec<Atom>, Vec<Wanted>) {
    let (mut atoms, mut wanted) = (Vec::new(), Vec::new());
    debug_assert!(names.len() <= MAX_ATOMS);
    for (index, name) in names.iter().enumerate() {
        let Some(source) = document.atom.get(name) else {
            continue;
        };
        let at = format!("atom.{name}");
        let Some(atom) = atom(r, &at, source) else {
            continue;
        };
        if !held.contains(&atom.category) {
            let category = atom.category;
            r.add(
                &at,
                format!("source.categories does not list `{category}`, which this atom needs"),
            );
        }
        window(r, &at, &atom);
        if let Some(set) = source.valueset() {
            let codes = sets.get(set).cloned();
            if codes.is_none() {
                r.add(&at, format!("no value set `{set}` is defined"));
            }
            wanted.push(Wanted {
                atom: index,
                codes: codes.unwrap_or_default(),
                total: total(r, &at, source.total()),
            });
        }
        atoms.push(atom);
    }
    (atoms, wanted)
}

fn total(r: &mut Resolver, at: &str, systems: &[String]) -> Vec<CodeSystem> {
    let known = |s: &str| match s {
        "absent" => Some(CodeSystem::Absent),
        _ => CodeSystem::from_name(s),
    };
    let unique: BTreeSet<_> = systems.iter().collect();
    let mut out = Vec::new();
    for system in unique {
        match known(system) {
            Some(s) => out.push(s),
            None => r.add(format!("{at}.total"), format!("`{system}` is not a code system")),
        }
    }
    out
}

fn window(r: &mut Resolver, at: &str, atom: &Atom) {
    let most = match atom.category {
        Category::Laboratory | Category::Medication => SUMMARY_LOOKBACK_DAYS,
        _ => MAX_CONDITION_DAYS,
    };
    if let Some(days) = atom.within_days.filter(|d| *d > most) {
        let category = atom.category;
        r.add(
            format!("{at}.within_days"),
            format!("{days} days back is more than the snapshot holds of {category} records ({most})"),
        );
    }
}

/// An atom of kind `any` is never known to be false, so that it must not be negated.
fn polarity(r: &mut Resolver, atoms: &[Atom], names: &[String], clauses: &[Clause]) {
    let any = |i: &usize| atoms[*i].operation == Operation::Any;
    for i in (0..atoms.len()).filter(any) {
        if clauses.iter().any(|c| c.negative >> i & 1 == 1) {
            r.add(
                "rule.eligible",
                format!("`{}` is of kind `any` and cannot be negated", names[i]),
            );
        }
    }
    if (0..atoms.len()).filter(any).count() > MAX_ANY {
        r.add("atom", format!("more than {MAX_ANY} atoms of kind `any`"));
    }
}

fn atom(r: &mut Resolver, at: &str, source: &AtomDocument) -> Option<Atom> {
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
