//! `medproof audit`: reads a whole ledger by its tiles, as a stranger would, and judges every entry again.

use crate::{
    CliError, Exit, Output, folder_of, output, read_bytes,
    remote::{ledger_id, runtime},
    replace,
    tls::authorities,
    trust::TrustArgs,
};
use medproof_ledger::{
    self as ledger, AuditConfig, ReadError,
    audit::{AuditError, Report},
    http::client::Prefix,
};
use medproof_verifier::{Checkpoint, LogKey, checkpoint::MAX_CHECKPOINT_BYTES, entry::Kind};
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

/// Arguments of `medproof audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the ledger, or a mirror of it, serves its tiles (`serve ledger --http`): http[s]://HOST:PORT.
    #[arg(long, value_name = "URL")]
    http: Prefix,
    #[command(flatten)]
    trust: TrustArgs,
    /// A signed checkpoint of the ledger from before, which its log must contain (repeatable).
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A file that follows the log from audit to audit: where it exists it is one more `--checkpoint`, and after an audit that
    /// finds nothing wrong the checkpoint that was audited takes its place.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// The ledger's id in hexadecimal; its genesis is checked against it. Without it any genesis with the ledger's key is
    /// taken, and its id shown.
    #[arg(long, value_name = "HEX", value_parser = ledger_id)]
    ledger_id: Option<[u8; 32]>,
    /// Certificates (PEM) of the authorities that must have certified an https address [default: those that browsers believe].
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

impl Args {
    fn config(&self) -> Result<AuditConfig, CliError> {
        let mut http = self.http.clone();
        if let Some(authorities) = authorities(self.tls_ca.as_deref())? {
            http = http.certified_by(&authorities);
        }
        let mut config = AuditConfig::new(http, self.trust.policy()?);
        config.ledger_id = self.ledger_id;
        for path in &self.checkpoint {
            let note = read_bytes(path, MAX_CHECKPOINT_BYTES as u64)?;
            let held = config.hold_to(note);
            held.map_err(|e| CliError::Data(format!("`{}`: {e}", path.display())))?;
        }
        if let Some((path, note)) = self.kept()? {
            let held = config.hold_to(note);
            held.map_err(|e| {
                let path = path.display();
                CliError::Data(format!(
                    "`{path}`: {e}: it is left as it is; keep this log's checkpoints in another file"
                ))
            })?;
        }
        Ok(config)
    }

    /// What was kept by the audit before, if there was one. That nothing can be kept is said now, not after hours of reading.
    fn kept(&self) -> Result<Option<(&Path, Vec<u8>)>, CliError> {
        let Some(path) = self.keep.as_deref() else {
            return Ok(None);
        };
        let folder = folder_of(path);
        let cannot = |source| CliError::CannotCreate {
            path: path.display().to_string(),
            source,
        };
        if !folder.metadata().map_err(cannot)?.is_dir() {
            return Err(cannot(io::ErrorKind::NotADirectory.into()));
        }
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Ok(Some((path, read_bytes(path, MAX_CHECKPOINT_BYTES as u64)?))),
        }
    }
}

/// Audits a ledger.
///
/// # Errors
/// [`CliError`] when it cannot be read to its end, or as far as a checkpoint that is known, or is not cosigned as asked; a ledger
/// that broke a rule or forked is [`Exit::Reject`].
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let config = args.config()?;
    let log = config.policy.log().clone();
    let quorum = config.policy.quorum();
    let bar = output.bar(0, "entries");
    let shown = bar.clone();
    let begin = Instant::now();
    let audited = runtime()?.block_on(ledger::audit(config, move |done, of| {
        shown.set_length(of);
        shown.set_position(done);
    }));
    bar.finish_and_clear();
    let report = match audited {
        Ok(report) => report,
        Err(error) if error.is_verdict() => {
            output.error(Exit::Reject as u8, &error.to_string());
            return Ok(Exit::Reject);
        }
        Err(error @ AuditError::Read(ReadError::Unreachable(_))) => {
            return Err(CliError::Unavailable(format!(
                "{error}; `--http` is the address that `serve ledger --http` names"
            )));
        }
        Err(error) => return Err(CliError::unavailable(error)),
    };
    let seconds = begin.elapsed().as_secs_f64();
    output.result(&document(&report, quorum, seconds), || text(&report, seconds));
    if !report.is_clean() {
        return Ok(Exit::Reject);
    }
    keep(args, &log, &report, output)
}

/// Keeps the note that was audited, unless another audit has kept more meanwhile.
fn keep(args: &Args, log: &LogKey, report: &Report, output: &Output) -> Result<Exit, CliError> {
    let Some(path) = args.keep.as_deref() else {
        return Ok(Exit::Accept);
    };
    // Of one size the note with more signatures says more.
    let signatures = |note: &[u8]| String::from_utf8_lossy(note).matches("\n\u{2014} ").count();
    if let Some((_, note)) = args.kept()?
        && let Ok(kept) = Checkpoint::verify(&note, log)
    {
        if kept.size() == report.size && *kept.root() != report.root {
            let what =
                "the log has forked: the file that is kept has another root for the same size. Keep both";
            output.error(Exit::Reject as u8, &format!("`{}`: {what}", path.display()));
            return Ok(Exit::Reject);
        }
        if (kept.size(), signatures(&note)) > (report.size, signatures(&report.note)) {
            output.say(format!("`{}` is left: it holds more", path.display()));
            return Ok(Exit::Accept);
        }
    }
    replace(path, &report.note, 0o644)?;
    Ok(Exit::Accept)
}

/// What an audit cannot show that is held to nothing but the log's key.
const ALONE: &str = "\nIt was held to no witness and no earlier checkpoint: a second history that is shown to this auditor alone \
                     would pass as well (--witness, --checkpoint, --keep).";

fn rate(count: u64, seconds: f64) -> f64 {
    (count as f64 / seconds.max(1e-3)).round()
}

fn document(report: &Report, quorum: usize, seconds: f64) -> Value {
    let kinds = Kind::ALL.iter().zip(report.kinds);
    let cosignatures = report.cosignatures.iter();
    let problems = report.problems.iter();
    json!({
        "clean": report.is_clean(),
        "ledger_id": hex::encode(report.ledger_id),
        "development": report.development,
        "entries": report.entries,
        "kinds": kinds.map(|(k, n)| (k.as_str().to_owned(), json!(n))).collect::<serde_json::Map<_, _>>(),
        "batches": report.batches,
        "proofs": report.proofs,
        "commitments": report.commitments,
        "nullifiers": report.nullifiers,
        "checkpoint": { "size": report.size, "root": hex::encode(report.root) },
        "cosignatures": cosignatures
            .map(|c| json!({ "witness": c.witness, "time": c.time }))
            .collect::<Vec<_>>(),
        "quorum": quorum,
        "contained": report.contained,
        "held_to": { "witnesses": report.cosignatures.len(), "checkpoints": report.contained },
        "problems": problems
            .map(|p| json!({ "entry": p.index, "reason": p.reason }))
            .collect::<Vec<_>>(),
        "problem_count": report.problem_count,
        "seconds": seconds,
        "entries_per_second": rate(report.entries, seconds),
        "proofs_per_second": rate(report.proofs, seconds),
    })
}

fn text(report: &Report, seconds: f64) -> String {
    let kinds = Kind::ALL.iter().zip(report.kinds);
    let rows = kinds
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| vec![kind.as_str().to_owned(), count.to_string()]);
    let mut text = output::table(&["entry", "count"], rows);
    text.push_str(&format!(
        "\n{} proofs verified again; ledger {}\ncheckpoint of size {}, root {}\n",
        report.proofs,
        hex::encode(report.ledger_id),
        report.size,
        hex::encode(report.root)
    ));
    for cosignature in &report.cosignatures {
        text.push_str(&format!("cosigned by {}\n", cosignature.witness));
    }
    for size in &report.contained {
        text.push_str(&format!(
            "it contains the checkpoint of {size} entries that was given\n"
        ));
    }
    for problem in &report.problems {
        text.push_str(&format!("entry {}: {}\n", problem.index, problem.reason));
    }
    let unlisted = report.problem_count - report.problems.len() as u64;
    text.push_str(&format!(
        "{} problems ({unlisted} not listed); {seconds:.1} s: {} entries and {} proofs a second, reading included\n",
        report.problem_count,
        rate(report.entries, seconds),
        rate(report.proofs, seconds)
    ));
    if report.development {
        text.push_str("a DEVELOPMENT ledger: whoever made its keys can prove anything\n");
    }
    text.push_str(match report.is_clean() {
        true => "Every entry, proof, signature, root and seal holds.",
        false => "The ledger broke its rules.",
    });
    if report.is_clean() && report.cosignatures.is_empty() && report.contained.is_empty() {
        text.push_str(ALONE);
    }
    text
}
