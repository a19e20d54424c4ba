//! `medproof audit`: reads a whole ledger as a stranger would and judges every entry again.

use crate::{
    CliError, Exit, Output, output,
    remote::{LedgerArgs, runtime},
};
use medproof_ledger as ledger;
use medproof_verifier::entry::Kind;
use serde_json::json;
use std::time::Instant;

/// Arguments of `medproof audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Audits a ledger.
///
/// # Errors
/// [`CliError`] when it cannot be read to its end; a ledger that broke a rule is [`Exit::Reject`].
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let bar = output.bar(0, "entries");
    let begin = Instant::now();
    let report = runtime()?.block_on(async {
        let mut client = args.ledger.connect().await?;
        let audited = ledger::audit(&mut client, |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        });
        audited.await.map_err(CliError::unavailable)
    });
    bar.finish_and_clear();
    let report = report?;
    let seconds = begin.elapsed().as_secs_f64();
    let rate = |count: u64| (count as f64 / seconds.max(1e-3)).round();
    let kinds = Kind::ALL.iter().zip(report.kinds);
    let problems: Vec<_> = report
        .problems
        .iter()
        .map(|p| json!({ "entry": p.index, "reason": p.reason }))
        .collect();
    let value = json!({
        "clean": report.is_clean(),
        "entries": report.entries,
        "kinds": kinds.clone().map(|(k, n)| (k.as_str().to_owned(), json!(n))).collect::<serde_json::Map<_, _>>(),
        "batches": report.batches,
        "proofs": report.proofs,
        "commitments": report.commitments,
        "nullifiers": report.nullifiers,
        "checkpoint": { "size": report.size, "root": hex::encode(report.root) },
        "problems": problems,
        "problem_count": report.problem_count,
        "seconds": seconds,
        "entries_per_second": rate(report.entries),
        "proofs_per_second": rate(report.proofs),
    });
    output.result(&value, || {
        let rows = kinds
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| vec![kind.as_str().to_owned(), count.to_string()]);
        let mut text = output::table(&["entry", "count"], rows);
        text.push_str(&format!(
            "\n{} proofs verified again; checkpoint of size {}, root {}\n",
            report.proofs,
            report.size,
            hex::encode(report.root)
        ));
        for problem in &report.problems {
            text.push_str(&format!("entry {}: {}\n", problem.index, problem.reason));
        }
        let unlisted = report.problem_count - report.problems.len() as u64;
        text.push_str(&format!(
            "{} problems ({unlisted} not listed); {seconds:.1} s: {} entries and {} proofs a second, reading included\n",
            report.problem_count,
            rate(report.entries),
            rate(report.proofs)
        ));
        text.push_str(match report.is_clean() {
            true => "Every entry, proof, signature, root and seal holds.",
            false => "The ledger broke its rules.",
        });
        text
    });
    Ok(match report.is_clean() {
        true => Exit::Accept,
        false => Exit::Reject,
    })
}
