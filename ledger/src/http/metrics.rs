//! `/metrics` in Prometheus' text format. Every figure stands in the public log or counts answers; none
//! depends on what a proof hides.

use crate::{cosigning::Cosigned, mirror::Following, sequencer::Published};
use axum::http::StatusCode;
use medproof_verifier::entry::{Kind, NullifierKind};
use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers given, by status.
#[derive(Debug, Default)]
pub(super) struct Answered {
    ok: AtomicU64,
    bad_request: AtomicU64,
    not_found: AtomicU64,
    unavailable: AtomicU64,
}

impl Answered {
    pub(super) fn count(&self, status: StatusCode) {
        let counter = match status {
            StatusCode::OK => &self.ok,
            StatusCode::BAD_REQUEST => &self.bad_request,
            StatusCode::NOT_FOUND => &self.not_found,
            _ => &self.unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A metric's head and its samples; a sample is its labels and its value.
fn metric(out: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, u64)]) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

fn one(value: u64) -> [(String, u64); 1] {
    [(String::new(), value)]
}

/// The ledger's state in figures.
pub(super) fn text(
    published: &Published,
    cosigned: Option<&Cosigned>,
    following: Option<&Following>,
    answered: &Answered,
) -> String {
    let head = &published.head;
    let mut out = String::new();
    let healthy = u64::from(published.healthy);
    metric(
        &mut out,
        "medproof_ledger_healthy",
        "gauge",
        "1 while entries are acknowledged.",
        &one(healthy),
    );
    metric(
        &mut out,
        "medproof_ledger_seal_time_seconds",
        "gauge",
        "Unix time of the last seal, by the ledger's clock.",
        &one(head.time),
    );
    let kinds: Vec<_> = Kind::ALL
        .into_iter()
        .zip(head.kinds)
        .map(|(kind, count)| (format!("{{kind=\"{}\"}}", kind.as_str()), count))
        .collect();
    let name = "medproof_ledger_entries_total";
    metric(&mut out, name, "counter", "Entries in the log, by kind.", &kinds);
    let name = "medproof_ledger_batches_total";
    metric(&mut out, name, "counter", "Batches sealed.", &one(head.batches));
    let name = "medproof_ledger_commitments_total";
    metric(
        &mut out,
        name,
        "counter",
        "Commitments appended.",
        &one(head.commitments),
    );
    let spent: Vec<_> = NullifierKind::ALL
        .into_iter()
        .zip(head.nullifiers)
        .map(|(kind, count)| (format!("{{kind=\"{}\"}}", kind.as_str()), count))
        .collect();
    let name = "medproof_ledger_nullifiers";
    metric(&mut out, name, "gauge", "Nullifiers spent, by kind.", &spent);
    if let Some(cosigned) = cosigned {
        let sizes = cosigned.witnesses.iter().map(|(name, size)| {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            (format!("{{witness=\"{name}\"}}"), *size)
        });
        let name = "medproof_ledger_witness_cosigned_size";
        let help = "Entries in the last checkpoint that a witness has cosigned.";
        metric(&mut out, name, "gauge", help, &sizes.collect::<Vec<_>>());
    }
    if let Some(following) = following {
        mirror(&mut out, following);
    }
    let answers: Vec<_> = [
        ("200", &answered.ok),
        ("400", &answered.bad_request),
        ("404", &answered.not_found),
        ("503", &answered.unavailable),
    ]
    .map(|(code, count)| (format!("{{code=\"{code}\"}}"), count.load(Ordering::Relaxed)))
    .to_vec();
    let name = "medproof_ledger_http_responses_total";
    metric(
        &mut out,
        name,
        "counter",
        "Answers over HTTP, by status.",
        &answers,
    );
    out
}

/// What a mirror knows of its primary.
fn mirror(out: &mut String, following: &Following) {
    let name = "medproof_ledger_mirror_halted";
    let help = "1 after the primary has signed what an honest one does not; nothing newer is served then.";
    metric(out, name, "gauge", help, &one(following.halted.is_some().into()));
    let name = "medproof_ledger_mirror_doubted";
    let help = "1 while the primary's address shows what the log's key does not vouch for, a seal whose time has not come, or \
                for long only checkpoints older than before; nothing newer is served then.";
    metric(out, name, "gauge", help, &one(following.doubted.is_some().into()));
    let name = "medproof_ledger_mirror_seal_behind_seconds";
    let help = "How long before a look that did not show it yet the primary's newest checkpoint says that it was sealed; above \
                600 its clock stands or runs behind, or its checkpoints come late.";
    metric(out, name, "gauge", help, &one(following.seal_behind));
    let name = "medproof_ledger_mirror_primary_size";
    let help = "Entries in the primary's last signed checkpoint that was read.";
    metric(out, name, "gauge", help, &one(following.size));
    let name = "medproof_ledger_mirror_failures_total";
    let help = "Attempts to follow the primary that it did not answer, or not with what can be followed.";
    metric(out, name, "counter", help, &one(following.failures));
    if let Some(age) = following.age() {
        let name = "medproof_ledger_mirror_checkpoint_age_seconds";
        let help = "Time since a signed checkpoint was last read that is as large as the largest seen.";
        metric(out, name, "gauge", help, &one(age.as_secs()));
    }
}
