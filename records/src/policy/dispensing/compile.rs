//! From a policy file and its drug table to field elements.

use super::document::{Bound, Class, Document, Number, Op, SCHEMA, UnknownCode, Window};
use super::{
    CLASS_NAMES, CLASSES, CompileError, DispensingPolicy, MAX_POLICY_BYTES, MAX_WINDOW_DAYS, Problem,
    class_id, table,
};
use crate::code::CodeInterval;
use crate::decimal::Decimal;
use crate::dispensing::{CLASS_OTHER, ClassRow, EXEMPTIONS, Limits, NO_PEAK_LIMIT};
use ark_bn254::Fr;
use medproof_verifier::Name;
use medproof_verifier::field::fr_from_248;
use medproof_verifier::tree::DenseTree;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Statuses of a MedicationDispense.
const STATUSES: [&str; 9] = [
    "preparation",
    "in-progress",
    "cancelled",
    "on-hold",
    "completed",
    "entered-in-error",
    "stopped",
    "declined",
    "unknown",
];
/// Statuses under which something may have been handed over.
const HANDED_OVER: [&str; 4] = ["in-progress", "completed", "stopped", "unknown"];

/// Compiles a policy. `read` fetches the drug table that the policy names, relative to the policy's own
/// place.
///
/// # Errors
/// [`CompileError`] with everything that cannot be resolved.
pub fn compile(
    text: &str,
    read: &mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>,
) -> Result<DispensingPolicy, CompileError> {
    let mut problems = Problems::default();
    if text.len() > MAX_POLICY_BYTES {
        problems.add("policy", format!("longer than {MAX_POLICY_BYTES} bytes"));
        return Err(problems.into_error());
    }
    let document: Document = match toml::from_str(text) {
        Ok(document) => document,
        Err(e) => {
            problems.add("policy", e.to_string().trim_end().to_owned());
            return Err(problems.into_error());
        }
    };
    if document.schema != SCHEMA {
        problems.add(
            "schema",
            format!("`{}` is not `{SCHEMA}`", shown(&document.schema)),
        );
    }
    let name = problems.name("id", &document.id);
    let domain = problems.name("domain", &document.domain);
    if document.version.is_empty() || document.version.len() > 64 {
        problems.add("version", "expected 1 to 64 bytes");
    }
    let not_counted = not_counted(&document.history.not_counted, &mut problems);
    let rows = rows(&document.classes, &mut problems);
    let UnknownCode::Unprovable = document.drug_table.unknown_code;
    let file = &document.drug_table.file;
    let table = match read(file) {
        Ok(csv) => table::compile(&shown(file), &csv)
            .map_err(|found| problems.0.extend(found))
            .ok(),
        Err(e) => {
            problems.add("drug_table.file", format!("cannot read `{}`: {e}", shown(file)));
            None
        }
    };
    let tree = DenseTree::new(leaves(&rows)).ok();
    match (name, domain, table, tree) {
        (Some(name), Some(domain), Some(table), Some(tree)) if problems.0.is_empty() => {
            Ok(DispensingPolicy {
                name,
                version: document.version,
                domain,
                not_covered: document.not_covered,
                not_counted,
                table_file: document.drug_table.file,
                table,
                rows,
                tree,
            })
        }
        _ => Err(problems.into_error()),
    }
}

/// The leaves of the class rows at their indices. The limits were checked, so every row has a hash.
fn leaves(rows: &[Option<ClassRow>; CLASSES]) -> Vec<Fr> {
    rows.iter()
        .map(|row| row.as_ref().and_then(ClassRow::hash).unwrap_or_default())
        .collect()
}

/// 248 bits of SHA-256 of `id || 0x00 || version`.
pub(super) fn version_fr(id: &str, version: &str) -> Fr {
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update([0]);
    hash.update(version.as_bytes());
    fr_from_248(&hash.finalize().into())
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            at: at.into(),
            message: message.into(),
        });
    }

    fn name(&mut self, at: &str, text: &str) -> Option<Name> {
        text.parse()
            .map_err(|e: medproof_verifier::name::NameError| self.add(at, e.to_string()))
            .ok()
    }

    fn into_error(self) -> CompileError {
        CompileError { problems: self.0 }
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn not_counted(statuses: &[String], problems: &mut Problems) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for status in statuses {
        if HANDED_OVER.contains(&status.as_str()) {
            problems.add(
                "history.not_counted",
                format!("`{status}` may have been handed over, so it must count"),
            );
        } else if !STATUSES.contains(&status.as_str()) {
            problems.add(
                "history.not_counted",
                format!("`{}` is not a status of a MedicationDispense", shown(status)),
            );
        }
        out.insert(status.clone());
    }
    out
}

fn rows(classes: &[Class], problems: &mut Problems) -> [Option<ClassRow>; CLASSES] {
    let mut rows = [const { None }; CLASSES];
    for class in classes {
        let at = format!("class `{}`", shown(&class.name));
        let id = match class_id(&class.name) {
            Some(CLASS_OTHER) => {
                problems.add(&at, "class `other` has no limits; name another class");
                continue;
            }
            Some(id) => id,
            None => {
                problems.add(&at, format!("not one of {}", CLASS_NAMES[1..].join(", ")));
                continue;
            }
        };
        let slot = &mut rows[usize::from(id)];
        if slot.is_some() {
            problems.add(&at, "listed twice");
        }
        *slot = Some(ClassRow {
            class: id,
            limits: limits(&at, class, problems),
            exemptions: exemptions(&at, class, problems),
        });
    }
    if classes.is_empty() {
        problems.add("class", "the policy has no class; write at least one [[class]]");
    }
    rows
}

fn limits(at: &str, class: &Class, problems: &mut Problems) -> Limits {
    let mut limits = Limits::NONE;
    if let Some(bound) = &class.mme_per_day {
        limits.peak = peak(&format!("{at}.mme_per_day"), bound, problems);
    }
    if let Some(window) = &class.quantity {
        let at = format!("{at}.quantity");
        limits.quantity = milli(&format!("{at}.max"), &window.max, problems);
        limits.quantity_window = window_days(&at, window, problems);
    }
    if let Some(window) = &class.fills {
        let at = format!("{at}.fills");
        limits.fills = window.max.0.parse().unwrap_or_else(|_| {
            problems.add(format!("{at}.max"), "expected a whole number from 0 to 255");
            0
        });
        limits.fills_window = window_days(&at, window, problems);
    }
    if let Some(first) = &class.first_fill {
        let at = format!("{at}.first_fill");
        limits.first_lookback = days(&format!("{at}.lookback_days"), first.lookback_days, problems);
        limits.first_max_days = u16::try_from(first.max_days).unwrap_or_else(|_| {
            problems.add(format!("{at}.max_days"), "expected 0 to 65535 days");
            0
        });
    }
    if let Some(refill) = &class.refill {
        match u8::try_from(refill.used_percent_min) {
            Ok(percent @ 1..=100) => limits.refill_percent = percent,
            _ => problems.add(
                format!("{at}.refill.used_percent_min"),
                "expected 1 to 100 percent",
            ),
        }
    }
    limits
}

fn window_days(at: &str, window: &Window, problems: &mut Problems) -> u8 {
    days(&format!("{at}.window_days"), window.window_days, problems)
}

/// 1 to 120 days: an entry is kept 120 days after its supply ran out, and no longer.
fn days(at: &str, days: u32, problems: &mut Problems) -> u8 {
    match u8::try_from(days) {
        Ok(small) if (1..=MAX_WINDOW_DAYS).contains(&days) => small,
        _ => {
            problems.add(
                at,
                format!("{days} days: expected 1 to {MAX_WINDOW_DAYS}, since older entries are not kept"),
            );
            0
        }
    }
}

/// The inclusive peak limit in 0.001 MME; a strict `< L` becomes `<= L - 1`.
fn peak(at: &str, bound: &Bound, problems: &mut Problems) -> u64 {
    let limit = milli(&format!("{at}.value"), &bound.value, problems);
    match bound.op {
        Op::AtMost => limit,
        Op::Below => limit.checked_sub(1).unwrap_or_else(|| {
            problems.add(at, "nothing is below 0; write op = \"<=\"");
            0
        }),
    }
}

/// A number in thousandths, exactly, below the value that stands for no limit.
fn milli(at: &str, number: &Number, problems: &mut Problems) -> u64 {
    let parsed: Result<Decimal, _> = number.0.parse();
    let exact = parsed
        .ok()
        .and_then(|d| d.exact(3))
        .and_then(|v| u64::try_from(v).ok());
    match exact {
        Some(value) if value < NO_PEAK_LIMIT => value,
        _ => {
            problems.add(
                at,
                format!(
                    "`{}`: expected a number from 0 to 1099511627.774 with at most three decimals",
                    shown(&number.0)
                ),
            );
            0
        }
    }
}

fn exemptions(at: &str, class: &Class, problems: &mut Problems) -> [Option<CodeInterval>; EXEMPTIONS] {
    let mut out = [None; EXEMPTIONS];
    let Some(exempt) = &class.exempt else { return out };
    let at = format!("{at}.exempt.conditions");
    if exempt.conditions.len() > EXEMPTIONS {
        problems.add(
            &at,
            format!(
                "{} conditions: at most {EXEMPTIONS} fit; use prefixes",
                exempt.conditions.len()
            ),
        );
    }
    for (text, slot) in exempt.conditions.iter().zip(&mut out) {
        match CodeInterval::parse(text) {
            Ok(interval) => *slot = Some(interval),
            Err(e) => problems.add(&at, e.to_string()),
        }
    }
    out
}
