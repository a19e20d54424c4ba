//! The table of `docs/threat-model.md` is true: every line of the plan has a row, and every test that a row names
//! exists under that name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The lines of the plan: letter and number of the last.
const LINES: [(char, usize); 5] = [('V', 10), ('C', 15), ('A', 12), ('D', 3), ('L', 6)];

fn workspace() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("..")
}

/// Names of all functions in the workspace's sources.
fn functions(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            functions(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.split("fn ").skip(1).map(|rest| {
                let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
                rest[..end.unwrap_or(rest.len())].to_owned()
            }));
        }
    }
}

/// The rows of the table: line, and the tests named for it.
fn rows() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(workspace().join("docs/threat-model.md")).unwrap();
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some(line) = cells.get(1).filter(|cell| is_line(cell)) else {
            continue;
        };
        assert_eq!(cells.len(), 5, "three cells: {row}");
        assert!(cells[3].len() > 3, "what it would have caught: {row}");
        // What stands between backticks and begins like a test of a line; commands and paths are for the reader.
        let quoted = cells[2].split('`').skip(1).step_by(2);
        let tests = quoted.filter(|q| is_test(q)).map(str::to_owned);
        rows.entry((*line).to_owned()).or_default().extend(tests);
    }
    rows
}

fn is_line(cell: &str) -> bool {
    let mut chars = cell.chars();
    chars.next().is_some_and(|c| "VCADL".contains(c)) && chars.as_str().parse::<usize>().is_ok()
}

fn is_test(quoted: &str) -> bool {
    let mut chars = quoted.chars();
    chars.next().is_some_and(|c| "vcadl".contains(c))
        && chars.by_ref().take(2).all(|c| c.is_ascii_digit())
        && chars.next() == Some('_')
}

#[test]
fn every_line_has_a_test_that_exists() {
    let mut known = BTreeSet::new();
    functions(&workspace(), &mut known);
    let rows = rows();
    for (line, tests) in &rows {
        for test in tests {
            // `c01_*` stands for all tests of the line.
            let exists = match test.strip_suffix('*') {
                Some(start) => known.iter().any(|name| name.starts_with(start)),
                None => known.contains(test),
            };
            assert!(exists, "{line} names `{test}`, which does not exist");
        }
    }
    for (letter, last) in LINES {
        for number in 1..=last {
            let line = format!("{letter}{number}");
            let code = format!("{}{number:02}_", letter.to_ascii_lowercase());
            let tests = rows.get(&line).unwrap_or_else(|| panic!("{line} has no row"));
            assert!(
                tests
                    .iter()
                    .any(|test| test.starts_with(&code) || test.contains(&format!("_{code}"))),
                "{line} names no test `{code}..`"
            );
        }
    }
}
