//! From the TOML form to a compiled policy. Everything that cannot be resolved is named at once.

use super::atom::{Atom, Operation};
use super::criteria::{atom, category};
use super::document::{DEFAULT_SCOPE, Document, SCHEMA};
use super::formula::{Clause, Formula};
use super::{CompiledPolicy, MAX_ATOMS, PolicyError, Problem, Rules, version_fr};
use crate::code::{CodeInterval, CodeSystem};
use crate::record::Category;
use crate::table::{CodeTable, TableEntry, disjoint};
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
/// Most atoms of kind `any`.
const MAX_ANY: usize = 3;

/// Collects problems with their place in the file.
pub(super) struct Resolver {
    problems: Vec<Problem>,
}

impl Resolver {
    pub(super) fn add(&mut self, at: impl Into<String>, message: impl ToString) {
        self.problems.push(Problem {
            at: at.into(),
            message: message.to_string(),
        });
    }

    pub(super) fn keep<T, E: ToString>(&mut self, at: &str, result: Result<T, E>) -> Option<T> {
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
    onsets(r, &atoms, &names, &clauses);
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

/// The longest window over a category that the scope limits. An atom without one asks for all that the scope holds.
fn lookback(atoms: &[Atom]) -> u16 {
    let limited = atoms
        .iter()
        .filter(|a| matches!(a.category, Category::Laboratory | Category::Medication));
    let days = limited.map(|a| a.within_days.unwrap_or(SUMMARY_LOOKBACK_DAYS));
    days.max().unwrap_or(0)
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

/// A partial onset from before the year of the scope counts from the latest day that it may mean, so that a longer
/// window can be known not to hold a condition, but not to hold it.
fn onsets(r: &mut Resolver, atoms: &[Atom], names: &[String], clauses: &[Clause]) {
    let long = |a: &Atom| a.within_days.is_some_and(|days| days > SUMMARY_LOOKBACK_DAYS);
    let of_condition = |a: &Atom| a.category == Category::Condition;
    let at_fault = |(_, a): &(usize, &Atom)| of_condition(a) && long(a);
    for (i, _) in atoms.iter().enumerate().filter(at_fault) {
        if clauses.iter().any(|c| c.positive >> i & 1 == 1) {
            r.add(
                format!("atom.{}.within_days", names[i]),
                format!(
                    "a window of more than {SUMMARY_LOOKBACK_DAYS} days over conditions can only be negated: older \
                     onsets may be known by month or year only"
                ),
            );
        }
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
