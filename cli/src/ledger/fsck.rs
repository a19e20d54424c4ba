//! `medproof ledger fsck`: checks a ledger's directory or a backup, and changes nothing.

use crate::{CliError, Exit, Output, output};
use medproof_ledger::fsck::{self, FsckError, Report};
use medproof_verifier::entry::Kind;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `medproof ledger fsck`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of a ledger or mirror that does not run, or a backup.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let bar = output.bar(0, "rows checked");
    let checked = fsck::fsck(&args.directory, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = checked.map_err(error)?;
    output.result(&value(&report), || text(&report));
    Ok(match report.is_clean() {
        true => Exit::Accept,
        false => Exit::Reject,
    })
}

/// A directory in use is unavailable; one without a ledger is a wrong input.
pub(super) fn error(error: FsckError) -> CliError {
    match error {
        FsckError::Io { path, source } => CliError::NoInput {
            path: path.display().to_string(),
            source,
        },
        FsckError::NoLedger(_) => CliError::Data(error.to_string()),
        FsckError::Store(_) => CliError::unavailable(error),
    }
}

fn value(report: &Report) -> Value {
    let problems: Vec<_> = report
        .problems
        .iter()
        .map(|p| json!({ "place": p.place, "what": p.what }))
        .collect();
    json!({
        "clean": report.is_clean(),
        "backup": report.backup,
        "mirror": report.mirror,
        "entries": report.entries,
        "kinds": Kind::ALL.iter().zip(report.kinds)
            .map(|(kind, n)| (kind.as_str().to_owned(), json!(n)))
            .collect::<serde_json::Map<_, _>>(),
        "batches": report.batches,
        "checkpoints": report.checkpoints,
        "signed_heads": report.signed_heads,
        "root": hex::encode(report.root),
        "rows": report.rows.iter()
            .map(|(table, n)| ((*table).to_owned(), json!(n)))
            .collect::<serde_json::Map<_, _>>(),
        "problems": problems,
        "problem_count": report.problem_count,
        "notes": report.notes,
    })
}

fn text(report: &Report) -> String {
    let rows = report
        .rows
        .iter()
        .map(|(table, n)| vec![(*table).to_owned(), n.to_string()]);
    let mut text = output::table(&["table", "rows"], rows);
    text.push_str(&format!(
        "\n{} entries in {} batches, {} checkpoints, {} recorded heads; root {}\n",
        report.entries,
        report.batches,
        report.checkpoints,
        report.signed_heads,
        hex::encode(report.root)
    ));
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for problem in &report.problems {
        text.push_str(&format!("{}: {}\n", problem.place, problem.what));
    }
    let unlisted = report.problem_count - report.problems.len() as u64;
    if unlisted > 0 {
        text.push_str(&format!("and {unlisted} more\n"));
    }
    text.push_str(match (report.is_clean(), report.backup, report.mirror) {
        (true, false, false) => "Every row is what the entries lead to.",
        (true, true, _) => {
            "Every row is what the entries lead to. This is a backup: no ledger signs from it as it is."
        }
        (true, false, true) => {
            "Every row is what the entries lead to. This is a mirror's directory: no ledger signs from it as it is."
        }
        (false, ..) => "The directory is damaged.",
    });
    text
}
