//! The log over HTTP as C2SP tlog-tiles has it: `/checkpoint`, `/tile/..`; beside them `/healthz` and
//! `/metrics`, and the explorer page with the reads that it needs beyond tiles. Everything is public, and
//! nothing is written.

mod api;
pub mod client;
mod listener;
mod metrics;
mod page;
#[cfg(test)]
pub(crate) mod raw;
pub(crate) mod tls;

use crate::{
    cosigning::Cosigned,
    mirror::Following,
    sequencer::Published,
    store::Store,
    table::{Base, StoreError, Table},
    tile::{TileKind, TilePath},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderValue, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
    },
    response::Response,
    routing::get,
};
pub(crate) use listener::Listener;
use medproof_verifier::entry::MAX_ENTRY_BYTES;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time,
};

/// Longest wait for memory and store together.
const DEADLINE: Duration = Duration::from_secs(10);
/// Memory for answers that are being read from the store or sent, in KiB.
const MEMORY_KIB: u32 = 256 << 10;
/// Longest path that is looked at, in bytes; the longest of a tile has 46.
const MAX_PATH: usize = 128;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// A tile never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Checkpoints change with each batch. What is not there yet may come with the next one.
const NEVER: &str = "no-store";

/// What the service answers from.
pub(crate) struct Reads {
    store: Store,
    published: watch::Receiver<Arc<Published>>,
    /// Absent where no witnesses are asked.
    cosigned: Option<watch::Receiver<Arc<Cosigned>>>,
    /// Present at a mirror.
    following: Option<watch::Receiver<Following>>,
    memory: Arc<Semaphore>,
    rates: api::Rates,
    answered: metrics::Answered,
}

impl Reads {
    pub(crate) fn new(
        store: Store,
        published: watch::Receiver<Arc<Published>>,
        cosigned: Option<watch::Receiver<Arc<Cosigned>>>,
        following: Option<watch::Receiver<Following>>,
    ) -> Self {
        Self {
            store,
            published,
            cosigned,
            following,
            memory: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            rates: api::Rates::default(),
            answered: metrics::Answered::default(),
        }
    }

    fn now(&self) -> Arc<Published> {
        self.published.borrow().clone()
    }

    fn following(&self) -> Option<Following> {
        self.following
            .as_ref()
            .map(|following| following.borrow().clone())
    }

    fn cosigned(&self) -> Option<Arc<Cosigned>> {
        self.cosigned.as_ref().map(|cosigned| cosigned.borrow().clone())
    }
}

/// The service's routes.
pub(crate) fn router(reads: Reads) -> Router {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*rest}", get(tile))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/", get(page::index))
        .route("/explorer/{name}", get(page::part))
        .route("/api/summary", get(api::summary))
        .route("/api/find/{value}", get(api::find))
        .route("/api/rates/{span}", get(api::rates))
        .fallback(nothing)
        .with_state(Arc::new(reads))
}

/// Bytes that hold their share of the memory until they are sent.
struct Held {
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn answer(
    reads: &Reads,
    status: StatusCode,
    kind: &'static str,
    cache: &'static str,
    body: impl Into<Body>,
) -> Response {
    reads.answered.count(status);
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    // Bytes of the log are never taken for anything but what they are said to be.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn not_found(reads: &Reads) -> Response {
    answer(reads, StatusCode::NOT_FOUND, TEXT, NEVER, "not found\n")
}

fn unavailable(reads: &Reads) -> Response {
    let text = "too busy, or the store fails: try again\n";
    answer(reads, StatusCode::SERVICE_UNAVAILABLE, TEXT, NEVER, text)
}

async fn nothing(State(reads): State<Arc<Reads>>) -> Response {
    not_found(&reads)
}

async fn checkpoint(State(reads): State<Arc<Reads>>, uri: Uri) -> Response {
    if uri.query().is_some() {
        return not_found(&reads);
    }
    let published = reads.now();
    let note = match reads.cosigned() {
        Some(cosigned) => cosigned.shown(&published),
        None => published.checkpoint.clone(),
    };
    answer(&reads, StatusCode::OK, TEXT, NEVER, note)
}

async fn healthz(State(reads): State<Arc<Reads>>) -> Response {
    let mirror = reads.following();
    let (status, text) = match (reads.now().healthy, mirror) {
        (true, None) => (StatusCode::OK, "ok\n".to_owned()),
        (true, Some(following)) if following.doubted.is_some() => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{following}\n"))
        }
        (true, Some(following)) => (StatusCode::OK, format!("ok\n{following}\n")),
        (false, None) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the ledger has stopped acknowledging\n".to_owned(),
        ),
        (false, Some(following)) if following.halted.is_some() => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{following}\n"))
        }
        (false, Some(_)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the mirror's store has failed\n".to_owned(),
        ),
    };
    answer(&reads, status, TEXT, NEVER, text)
}

async fn metrics(State(reads): State<Arc<Reads>>) -> Response {
    let (cosigned, following) = (reads.cosigned(), reads.following());
    let text = metrics::text(
        &reads.now(),
        cosigned.as_deref(),
        following.as_ref(),
        &reads.answered,
    );
    answer(&reads, StatusCode::OK, metrics::CONTENT_TYPE, NEVER, text)
}

async fn tile(State(reads): State<Arc<Reads>>, uri: Uri) -> Response {
    // The path as it was sent: an encoded byte is another spelling, and there is only one.
    let path = uri.path();
    let path = path.strip_prefix('/').filter(|_| path.len() <= MAX_PATH);
    let tile = path.and_then(|path| path.parse::<TilePath>().ok());
    // Of a batch that is written and not yet signed nothing is shown.
    let size = reads.now().head.size;
    let Some(tile) = tile.filter(|tile| tile.is_within(size) && uri.query().is_none()) else {
        return not_found(&reads);
    };
    match time::timeout(DEADLINE, read(&reads, tile)).await {
        Ok(Some(bytes)) => answer(&reads, StatusCode::OK, BYTES, FOREVER, bytes),
        Ok(None) | Err(_) => unavailable(&reads),
    }
}

/// Reads a tile within the memory for answers. `None` when the store fails: the cause is logged here.
async fn read(reads: &Reads, tile: TilePath) -> Option<Bytes> {
    let each = match tile.kind() {
        TileKind::Hashes(_) => 32,
        TileKind::Entries => 2 + MAX_ENTRY_BYTES,
    };
    let kib = |bytes: usize| bytes.div_ceil(1 << 10);
    let most = kib(usize::from(tile.width()) * each);
    let most = u32::try_from(most).unwrap_or(MEMORY_KIB).min(MEMORY_KIB);
    let mut share = reads.memory.clone().acquire_many_owned(most).await.ok()?;
    let store = reads.store.clone();
    // Reads that nobody waits for any more go on, so their share goes with them.
    let done = tokio::task::spawn_blocking(move || {
        let bytes = match tile.kind() {
            TileKind::Hashes(_) => tile.hashes(|key| store.get(Table::Hash, key)),
            TileKind::Entries => tile.entries(|key| store.get(Table::Entry, key)),
        }?;
        // Most entries are small: what was taken in vain goes back.
        drop(share.split(share.num_permits().saturating_sub(kib(bytes.len()))));
        Ok::<_, StoreError>(Held { bytes, _share: share })
    });
    match done.await.ok()? {
        Ok(held) => Some(Bytes::from_owner(held)),
        Err(error) => {
            tracing::error!(%error, "the store cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests;
