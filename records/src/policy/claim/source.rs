//! The file form of a claim policy: TOML that names four CSV tables.

use super::{ClaimPolicy, ClaimRules, MAX_ROWS, PairRow, SCHEMA};
use crate::claim::{BASIS_POINTS, PlanId};
use crate::code::{Code, CodeInterval};
use crate::record::Cents;
use medproof_verifier::tree::DenseTree;
use medproof_verifier::{Name, field::fr_from_248};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Largest table, in bytes.
pub const MAX_TABLE_BYTES: usize = 8 << 20;
/// Most problems that are listed.
pub const MAX_PROBLEMS: usize = 100;

/// The arithmetic that the circuit computes, in its order.
const ORDER: [&str; 5] = [
    "lesser_of_charge_and_fee",
    "deductible",
    "coinsurance",
    "out_of_pocket_cap",
    "annual_limit",
];
/// What makes two claims one event.
const DUPLICATE_KEY: [&str; 4] = ["member", "npi", "service_date", "procedure"];
const ROUND: &str = "half-up-cent";
const CURRENCY: &str = "USD";

/// Why a file is not a claim policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimPolicyError {
    /// Not TOML of the schema; the message names line and field.
    #[error("not a claim policy: {0}")]
    Syntax(String),
    /// Everything in the file and its tables that cannot be resolved, at most [`MAX_PROBLEMS`].
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    id: String,
    payer: String,
    plan: String,
    version: String,
    currency: String,
    #[serde(default)]
    not_covered: Vec<String>,
    tables: Tables,
    timing: Timing,
    benefit: Benefit,
    duplicate: Duplicate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    pairs: String,
    fee: String,
    max_units: String,
    prior_authorisation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timing {
    max_days_to_receipt: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Benefit {
    coinsurance_bp: u16,
    round: String,
    order: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Duplicate {
    key: Vec<String>,
}

/// Collects problems, so that one run names all of them.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: impl Into<String>) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(problem.into());
        }
    }

    fn keep<T, E: std::fmt::Display>(&mut self, place: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|e| self.add(format!("{place}: {e}"))).ok()
    }

    fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.add(problem());
        }
    }
}

pub(super) fn compile(
    text: &str,
    read: &mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>,
) -> Result<ClaimPolicy, ClaimPolicyError> {
    let file: File = toml::from_str(text).map_err(|e| ClaimPolicyError::Syntax(e.to_string()))?;
    if file.schema != SCHEMA {
        return Err(ClaimPolicyError::Syntax(format!(
            "schema: `{}` is not `{SCHEMA}`",
            file.schema.escape_debug()
        )));
    }
    let mut problems = Problems::default();
    fixed_terms(&file, &mut problems);
    let id = problems.keep("id", file.id.parse::<Name>());
    let version = problems.keep("version", file.version.parse::<Name>());
    let payer = problems.keep("payer", file.payer.parse::<Name>());
    let plan = problems.keep("plan", file.plan.parse::<PlanId>());
    let rows = rows(&file.tables, read, &mut problems);
    let leaves = rows.iter().map(PairRow::hash).collect();
    let table = problems.keep("tables.pairs", DenseTree::new(leaves));
    if let (true, Some(id), Some(version), Some(payer), Some(plan), Some(table)) =
        (problems.0.is_empty(), id, version, payer, plan, table)
    {
        let rules = ClaimRules {
            payer,
            plan,
            max_days: file.timing.max_days_to_receipt,
            coinsurance_bp: file.benefit.coinsurance_bp,
            table_root: table.root(),
            version: version_digest(&id, &version),
        };
        return Ok(ClaimPolicy {
            id,
            version,
            rules,
            rows,
            table,
            not_covered: file.not_covered,
        });
    }
    Err(ClaimPolicyError::Problems(problems.0))
}

/// Terms that the file states and the circuit fixes: stated otherwise, they are refused, never ignored.
fn fixed_terms(file: &File, problems: &mut Problems) {
    problems.require(file.currency == CURRENCY, || {
        format!("currency: only {CURRENCY} is computed, in cents")
    });
    problems.require(file.benefit.round == ROUND, || {
        format!("benefit.round: only `{ROUND}` is computed")
    });
    problems.require(file.benefit.order == ORDER, || {
        format!("benefit.order: only {ORDER:?} is computed")
    });
    problems.require(file.duplicate.key == DUPLICATE_KEY, || {
        format!("duplicate.key: only {DUPLICATE_KEY:?} is computed")
    });
    problems.require(u64::from(file.benefit.coinsurance_bp) <= BASIS_POINTS, || {
        format!("benefit.coinsurance_bp: at most {BASIS_POINTS}")
    });
}

/// 248 bits of SHA-256 of `id || 0x00 || version`.
fn version_digest(id: &Name, version: &Name) -> ark_bn254::Fr {
    let mut hash = Sha256::new();
    hash.update(id.as_str());
    hash.update([0]);
    hash.update(version.as_str());
    fr_from_248(&hash.finalize().into())
}

/// The pair table: one row for each pair, with the terms of its procedure, sorted by procedure and diagnosis.
fn rows(
    tables: &Tables,
    read: &mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>,
    problems: &mut Problems,
) -> Vec<PairRow> {
    let fees = by_procedure(
        &load("fee", &tables.fee, ["procedure", "fee_cents"], read, problems),
        problems,
        |t| t.parse().ok().and_then(Cents::new),
    );
    let units = by_procedure(
        &load(
            "max_units",
            &tables.max_units,
            ["procedure", "units"],
            read,
            problems,
        ),
        problems,
        |t| t.parse::<u16>().ok().filter(|units| *units >= 1),
    );
    let authorised = load(
        "prior_authorisation",
        &tables.prior_authorisation,
        ["procedure"],
        read,
        problems,
    );
    let authorised: BTreeMap<Code, String> = authorised
        .lines
        .into_iter()
        .filter_map(|(place, [cell])| Some((problems.keep(&place, procedure(&cell))?, place)))
        .collect();
    let pairs = load("pairs", &tables.pairs, ["diagnosis", "procedure"], read, problems);
    let mut rows = Vec::with_capacity(pairs.lines.len());
    let mut paired = BTreeSet::new();
    for (place, [diagnosis_cell, procedure_cell]) in &pairs.lines {
        let diagnosis = problems.keep(place, diagnosis(diagnosis_cell));
        let Some(procedure) = problems.keep(place, procedure(procedure_cell)) else {
            continue;
        };
        paired.insert(procedure);
        let (fee, max_units) = (fees.get(&procedure), units.get(&procedure));
        problems.require(fee.is_some(), || {
            format!("{place}: {procedure} has no row in tables.fee")
        });
        problems.require(max_units.is_some(), || {
            format!("{place}: {procedure} has no row in tables.max_units")
        });
        if let (Some(diagnosis), Some(fee), Some(max_units)) = (diagnosis, fee, max_units) {
            rows.push(PairRow {
                diagnosis,
                procedure,
                fee: *fee,
                max_units: *max_units,
                prior_authorisation: authorised.contains_key(&procedure),
            });
        }
    }
    // Most likely a slip in the code or its system, which would silently waive the authorisation.
    for (procedure, place) in authorised
        .iter()
        .filter(|(p, _)| pairs.read && !paired.contains(p))
    {
        problems.add(format!("{place}: {procedure} has no row in tables.pairs"));
    }
    problems.require(!pairs.lines.is_empty() || !pairs.read, || {
        "tables.pairs: no row, so nothing is covered".to_owned()
    });
    problems.require(rows.len() <= MAX_ROWS, || {
        format!("tables.pairs: more than {MAX_ROWS} rows")
    });
    rows.truncate(MAX_ROWS);
    rows.sort_by_key(|r| (r.procedure, r.diagnosis));
    for pair in rows.windows(2) {
        if let [a, b] = pair {
            problems.require(
                a.procedure != b.procedure || !a.diagnosis.overlaps(&b.diagnosis),
                || {
                    format!(
                        "tables.pairs: {} and {} overlap for {}",
                        a.diagnosis, b.diagnosis, a.procedure
                    )
                },
            );
        }
    }
    rows
}

/// A table of `N` columns; each line with its place for messages.
struct Table<const N: usize> {
    lines: Vec<(String, [String; N])>,
    /// Whether the table could be read at all.
    read: bool,
}

fn load<const N: usize>(
    name: &str,
    path: &str,
    columns: [&str; N],
    read: &mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>,
    problems: &mut Problems,
) -> Table<N> {
    let mut table = Table {
        lines: Vec::new(),
        read: false,
    };
    let place = format!("tables.{name} ({})", path.escape_debug());
    let Some(bytes) = problems.keep(&place, read(path)) else {
        return table;
    };
    if bytes.len() > MAX_TABLE_BYTES {
        problems.add(format!("{place}: larger than {MAX_TABLE_BYTES} bytes"));
        return table;
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    if !reader.headers().is_ok_and(|h| h.iter().eq(columns)) {
        problems.add(format!("{place}: the first line must be `{}`", columns.join(",")));
        return table;
    }
    table.read = true;
    for (i, line) in reader.records().enumerate() {
        // The header is line 1.
        let place = format!("{place}, row {}", i + 2);
        let Some(line) = problems.keep(&place, line) else {
            continue;
        };
        let cells: Vec<String> = line.iter().map(str::to_owned).collect();
        if let Ok(cells) = cells.try_into() {
            table.lines.push((place, cells));
        }
    }
    table
}

/// Column 2 by the procedure in column 1.
fn by_procedure<T>(
    table: &Table<2>,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Option<T>,
) -> BTreeMap<Code, T> {
    let mut map = BTreeMap::new();
    for (place, [code, cell]) in &table.lines {
        let Some(code) = problems.keep(place, procedure(code)) else {
            continue;
        };
        match parse(cell) {
            None => problems.add(format!("{place}: `{}` is not in range", cell.escape_debug())),
            Some(value) => {
                let before = map.insert(code, value);
                problems.require(before.is_none(), || format!("{place}: {code} is listed twice"));
            }
        }
    }
    map
}

/// A diagnosis or prefix of diagnoses; ICD-10-CM unless the cell says `system|code`.
fn diagnosis(cell: &str) -> Result<CodeInterval, crate::code::CodeError> {
    match cell.contains('|') {
        true => CodeInterval::parse(cell),
        false => CodeInterval::parse(&format!("icd10cm|{cell}")),
    }
}

/// A procedure. Without `system|` its shape tells the system: `D` and digits is CDT, another letter and
/// digits HCPCS, all else CPT.
fn procedure(cell: &str) -> Result<Code, crate::code::CodeError> {
    if cell.contains('|') {
        return Code::parse(cell);
    }
    let system = match cell.as_bytes() {
        [b'D' | b'd', ..] => "cdt",
        [first, ..] if first.is_ascii_alphabetic() => "hcpcs",
        _ => "cpt",
    };
    Code::parse(&format!("{system}|{cell}"))
}
