//! The witness over HTTP: `POST /add-checkpoint`, and `/healthz`.

use super::{NotCosigned, Witness, WitnessError, io_error, request::MAX_REQUEST_BYTES};
use crate::http::Listener;
use axum::{
    Router,
    body::{self, Body},
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::Response,
    routing::{get, post},
};
use medproof_proto::tls::Identity;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time;

/// Longest wait for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";
/// The content type of an answer that says which size was cosigned last.
const SIZE: &str = "text/x.tlog.size";

/// A running witness.
#[derive(Debug)]
pub struct WitnessServer {
    listener: Listener,
}

impl WitnessServer {
    /// Serves a witness at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`WitnessError::Io`] when it cannot listen there.
    pub async fn start(witness: Witness, listen: SocketAddr) -> Result<Self, WitnessError> {
        Self::start_with(witness, listen, None).await
    }

    /// As [`WitnessServer::start`], within TLS where it has an identity for that.
    ///
    /// # Errors
    /// [`WitnessError::Io`] when it cannot listen there.
    pub async fn start_with(
        witness: Witness,
        listen: SocketAddr,
        identity: Option<Identity>,
    ) -> Result<Self, WitnessError> {
        let router = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route("/healthz", get(health))
            .with_state(Arc::new(witness));
        let listener = Listener::start_with(listen, router, identity)
            .await
            .map_err(io_error(listen))?;
        Ok(Self { listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers what is in hand and ends.
    pub async fn shutdown(self) {
        self.listener.shutdown().await;
    }
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn health(State(witness): State<Arc<Witness>>) -> Response {
    // A log's memory is held while it is written.
    let asked = tokio::task::spawn_blocking(move || witness.is_healthy()).await;
    match asked {
        Ok(true) => answer(StatusCode::OK, TEXT, "ok\n"),
        _ => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "a write has failed: nothing more is cosigned for its log before the next start\n",
        ),
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Body) -> Response {
    let body = match time::timeout(BODY_TIMEOUT, body::to_bytes(body, MAX_REQUEST_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let text = "the request is too long or was cut off\n";
            return answer(StatusCode::BAD_REQUEST, TEXT, text);
        }
        Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, TEXT, "the request did not come\n"),
    };
    // It goes on when the client goes away: what is written is written, and may be asked for again.
    let submitted = tokio::task::spawn_blocking(move || submit(&witness, &body)).await;
    match submitted {
        Ok((status @ StatusCode::CONFLICT, size)) => answer(status, SIZE, size),
        Ok((status, text)) => answer(status, TEXT, text),
        Err(_) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            "the witness has failed\n",
        ),
    }
}

/// Judges a request and gives status and body of the text's answer. Blocks while it writes.
pub(crate) fn submit(witness: &Witness, body: &[u8]) -> (StatusCode, Vec<u8>) {
    match witness.add_checkpoint(body) {
        Ok(line) => (StatusCode::OK, line),
        Err(refused) => refuse(&refused),
    }
}

fn refuse(refused: &NotCosigned) -> (StatusCode, Vec<u8>) {
    use NotCosigned as N;
    let status = match refused {
        N::OtherSize { latest } | N::OtherRoot { latest } => {
            if matches!(refused, N::OtherRoot { .. }) {
                tracing::error!(size = latest, "a log has signed two roots for one size");
            }
            return (StatusCode::CONFLICT, format!("{latest}\n").into_bytes());
        }
        N::Request(_) | N::Checkpoint(_) | N::OldSize => StatusCode::BAD_REQUEST,
        N::UnknownLog => StatusCode::NOT_FOUND,
        N::Unsigned => StatusCode::FORBIDDEN,
        N::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        N::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{refused}\n").into_bytes())
}
