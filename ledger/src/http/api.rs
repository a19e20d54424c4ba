//! What the explorer page cannot read from tiles at a bounded cost: what stands where, and counts over time
//! (`docs/format.md`, section 12). Each answer is a small JSON object; nothing in it is signed.

use super::{DEADLINE, NEVER, Reads, answer, not_found, unavailable};
use crate::{
    sequencer::Published,
    state::{Spent, read_seal},
    store::Store,
    table::{Base, StoreError, Table, nullifier_key, number},
};
use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use medproof_verifier::{
    entry::{Kind, NullifierKind},
    field::fr_from_be_bytes,
};
use serde_json::{Map, Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time};

const JSON: &str = "application/json";
/// How long an answer on rates is given again while the log grows: each takes some hundred reads.
const RATES_KEPT: Duration = Duration::from_secs(2);
/// Points of the span `all`.
const POINTS: u64 = 48;

/// A stretch of time that ends with the last seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Hour,
    Day,
    Week,
    Month,
    All,
}

impl Span {
    const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::All];

    fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::All => "all",
        }
    }

    /// Seconds of a step, and how many steps. `age`: seconds from GENESIS to the last seal.
    fn steps(self, age: u64) -> (u64, u64) {
        match self {
            Self::Hour => (60, 60),
            Self::Day => (1_800, 48),
            Self::Week => (10_800, 56),
            Self::Month => (86_400, 30),
            // One second more than there are, so that GENESIS lies in the first step.
            Self::All => (age.saturating_add(1).div_ceil(POINTS), POINTS),
        }
    }
}

/// An answer that may be given again: for this size of the log, since then.
struct Kept {
    size: u64,
    since: Instant,
    text: String,
}

/// The answers on rates; whoever asks for one waits for the one that is being made.
#[derive(Default)]
pub(super) struct Rates(Mutex<[Option<Kept>; Span::ALL.len()]>);

/// Whether a part of the path was sent as it is read, and nothing behind it: an encoded byte is another spelling.
pub(super) fn is_plain(uri: &Uri, last: &str) -> bool {
    uri.query().is_none() && uri.path().ends_with(last)
}

fn send(reads: &Reads, status: StatusCode, text: String) -> Response {
    answer(reads, status, JSON, NEVER, text)
}

fn refused(reads: &Reads, why: &str) -> Response {
    send(
        reads,
        StatusCode::BAD_REQUEST,
        json!({ "error": why }).to_string(),
    )
}

/// Reads within the deadline. `None` when there is no answer; the cause is logged here.
async fn in_time<T: Send + 'static>(
    reads: &Reads,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Option<T> {
    // A share of the memory for what such an answer takes, so that no more run at once than may.
    let share = time::timeout(DEADLINE, reads.memory.clone().acquire_many_owned(1 << 10));
    let share = share.await.ok()?.ok()?;
    let store = reads.store.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _share = share;
        read(&store)
    });
    match time::timeout(DEADLINE, done).await.ok()?.ok()? {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::error!(%error, "the store cannot be read");
            None
        }
    }
}

/// `/api/summary`: figures of the last batch, circuits, and the witnesses that are asked.
pub(super) async fn summary(State(reads): State<Arc<Reads>>, uri: Uri) -> Response {
    if uri.query().is_some() {
        return not_found(&reads);
    }
    let published = reads.now();
    let head = &published.head;
    let kinds: Map<String, Value> = Kind::ALL
        .into_iter()
        .zip(head.kinds)
        .map(|(kind, count)| (kind.as_str().to_owned(), count.into()))
        .collect();
    let circuits = published.rules.circuits().map(|circuit| {
        json!({
            "id": hex(&circuit.key.circuit_id().0),
            "name": circuit.key.name().as_str(),
            "version": circuit.key.version(),
            "retired": circuit.retired,
        })
    });
    let cosigned = reads.cosigned();
    let text = json!({
        "size": head.size,
        "batches": head.batches,
        "time": head.time,
        "healthy": published.healthy,
        "kinds": kinds,
        "circuits": circuits.collect::<Vec<_>>(),
        "witnesses": cosigned.as_ref().map_or(&[][..], |c| &c.keys),
        "quorum": cosigned.as_ref().map_or(0, |c| c.quorum),
    });
    send(&reads, StatusCode::OK, text.to_string())
}

/// `/api/find/HEX`: the leaf with this hash, and the entries that spent this nullifier, one for each kind.
pub(super) async fn find(State(reads): State<Arc<Reads>>, Path(value): Path<String>, uri: Uri) -> Response {
    if !is_plain(&uri, &value) {
        return not_found(&reads);
    }
    let Some(bytes) = unhex(&value) else {
        return refused(
            &reads,
            "a leaf hash or a nullifier is 64 hexadecimal digits in lower case",
        );
    };
    let size = reads.now().head.size;
    // Whatever is no field element can be no nullifier.
    let is_field = fr_from_be_bytes(&bytes).is_ok();
    let found = in_time(&reads, move |store| {
        let leaf = store.get(Table::ByLeaf, &bytes)?;
        let leaf = leaf.map(|row| number(Table::ByLeaf, &row)).transpose()?;
        let mut spent = vec![];
        for kind in NullifierKind::ALL.into_iter().filter(|_| is_field) {
            if let Some(row) = store.get(Table::Nullifier, &nullifier_key(kind, &bytes))? {
                let Spent { index, burned } = Spent::from_bytes(&row)?;
                spent.push((kind, index, burned));
            }
        }
        Ok((leaf, spent))
    });
    let Some((leaf, spent)) = found.await else {
        return unavailable(&reads);
    };
    // Of a batch that is written and not yet signed nothing is shown.
    let spent: Vec<_> = spent
        .into_iter()
        .filter(|(_, index, _)| *index < size)
        .map(|(kind, index, burned)| json!({ "kind": kind.as_str(), "index": index, "burned": burned }))
        .collect();
    let leaf = leaf.filter(|index| *index < size);
    let text = json!({ "size": size, "leaf": leaf, "field": is_field, "spent": spent });
    send(&reads, StatusCode::OK, text.to_string())
}

/// `/api/rates/SPAN`: entries and batches that there were at points in time, up to the last seal.
pub(super) async fn rates(State(reads): State<Arc<Reads>>, Path(span): Path<String>, uri: Uri) -> Response {
    if !is_plain(&uri, &span) {
        return not_found(&reads);
    }
    let Some(at) = Span::ALL.into_iter().position(|known| known.as_str() == span) else {
        return refused(&reads, "a span is hour, day, week, month or all");
    };
    let Ok(mut kept) = time::timeout(DEADLINE, reads.rates.0.lock()).await else {
        return unavailable(&reads);
    };
    let published = reads.now();
    let size = published.head.size;
    if let Some(kept) = &kept[at]
        && (kept.size == size || kept.since.elapsed() < RATES_KEPT)
    {
        return send(&reads, StatusCode::OK, kept.text.clone());
    }
    let span = Span::ALL[at];
    let Some(text) = in_time(&reads, move |store| points(store, &published, span)).await else {
        return unavailable(&reads);
    };
    kept[at] = Some(Kept {
        size,
        since: Instant::now(),
        text: text.clone(),
    });
    send(&reads, StatusCode::OK, text)
}

fn points(store: &Store, published: &Published, span: Span) -> Result<String, StoreError> {
    let head = &published.head;
    let begun = published.rules.genesis().time;
    let (step, steps) = span.steps(head.time.saturating_sub(begun));
    let mut points = vec![];
    let mut batches = 0;
    for ago in (0..=steps).rev() {
        let time = head.time.saturating_sub(ago.saturating_mul(step));
        batches = sealed_until(store, batches, head.batches, time)?;
        let size = match batches {
            0 => 0,
            sealed => read_seal(store, sealed - 1)?.0 + 1,
        };
        points.push(json!({ "time": time, "size": size, "batches": batches }));
    }
    let text = json!({
        "span": span.as_str(),
        "size": head.size,
        "step": step,
        "points": points,
    });
    Ok(text.to_string())
}

/// How many of the first `to` batches were sealed at or before `time`, of which the first `from` were: the
/// times of seals never run back.
fn sealed_until(store: &Store, from: u64, to: u64, time: u64) -> Result<u64, StoreError> {
    let (mut from, mut to) = (from, to);
    while from < to {
        let middle = from + (to - from) / 2;
        if read_seal(store, middle)?.2.time <= time {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    Ok(from)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exactly 64 digits in lower case.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().as_chunks::<2>().0;
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}
