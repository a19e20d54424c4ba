//! The drug table: CSV with the columns `rxcui,class,ingredient_rxcui,micro_mme_per_unit` and, optionally, `name`.

use super::{CLASS_NAMES, Drug, Problem, class_id};
use crate::code::{Code, CodeInterval, CodeSystem};
use crate::table::{CodeTable, TableEntry};
use std::collections::BTreeMap;

/// Largest drug table in bytes.
pub(super) const MAX_TABLE_BYTES: usize = 64 << 20;
/// Most problems that are reported of one file.
const MAX_PROBLEMS: usize = 50;
/// The columns that must be there.
const COLUMNS: [&str; 4] = ["rxcui", "class", "ingredient_rxcui", "micro_mme_per_unit"];

/// Compiles a drug table. `file` names it in problems.
pub(super) fn compile(file: &str, csv: &[u8]) -> Result<CodeTable, Vec<Problem>> {
    let problem = |line: u64, message: String| Problem {
        at: format!("{file}, line {line}"),
        message,
    };
    if csv.len() > MAX_TABLE_BYTES {
        return Err(vec![problem(1, format!("longer than {MAX_TABLE_BYTES} bytes"))]);
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let columns = match reader.headers() {
        Ok(header) => columns(header).map_err(|message| vec![problem(1, message)])?,
        Err(e) => return Err(vec![problem(1, e.to_string())]),
    };
    let (mut drugs, mut problems) = (BTreeMap::new(), Vec::new());
    for row in reader.records() {
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
        let row = match row {
            Ok(row) => row,
            Err(e) => {
                let line = e.position().map_or(0, csv::Position::line);
                problems.push(problem(line, e.to_string()));
                continue;
            }
        };
        let line = row.position().map_or(0, csv::Position::line);
        match drug(columns.map(|at| row.get(at).unwrap_or_default())) {
            Ok((code, drug)) => match drugs.get(&code) {
                Some((_, first)) => {
                    problems.push(problem(line, format!("{code} is listed before, on line {first}")))
                }
                None => {
                    drugs.insert(code, (drug, line));
                }
            },
            Err(message) => problems.push(problem(line, message)),
        }
    }
    if problems.is_empty() && drugs.is_empty() {
        problems.push(problem(1, "no drug is listed".into()));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let entries = drugs
        .iter()
        .map(|(code, (drug, _))| TableEntry::new(CodeInterval::single(*code), drug.mask(), drug.micro_mme));
    CodeTable::new(entries.collect()).map_err(|e| vec![problem(0, e.to_string())])
}

/// Positions of the columns in the header.
fn columns(header: &csv::StringRecord) -> Result<[usize; 4], String> {
    let mut at = [0; 4];
    for (place, column) in at.iter_mut().zip(COLUMNS) {
        *place = header.iter().position(|h| h == column).ok_or_else(|| {
            format!(
                "column `{column}` is missing; the columns are {}",
                COLUMNS.join(",")
            )
        })?;
    }
    match header.iter().find(|h| !COLUMNS.contains(h) && *h != "name") {
        Some(other) => Err(format!(
            "column `{other}` is unknown; the columns are {} and, optionally, name",
            COLUMNS.join(",")
        )),
        None => Ok(at),
    }
}

/// One row.
fn drug([rxcui, class, ingredient, micro_mme]: [&str; 4]) -> Result<(Code, Drug), String> {
    let code = Code::new(CodeSystem::RxNorm, rxcui).map_err(|e| format!("rxcui: {e}"))?;
    let class = class_id(class).ok_or_else(|| {
        let shown: String = class.chars().take(40).collect();
        format!("class: `{shown}` is not one of {}", CLASS_NAMES.join(", "))
    })?;
    let ingredient: u32 = match ingredient.parse() {
        Ok(number) if number > 0 => number,
        _ => return Err("ingredient_rxcui: expected a number from 1 to 4294967295".into()),
    };
    let micro_mme = micro_mme
        .parse()
        .map_err(|_| "micro_mme_per_unit: expected a whole number of micro-MME, below 2^64")?;
    let drug = Drug {
        class,
        ingredient,
        micro_mme,
    };
    if class == 0 && micro_mme > 0 {
        return Err(
            "class `other` has no limits, so its micro_mme_per_unit must be 0; give the drug its class"
                .into(),
        );
    }
    Ok((code, drug))
}
