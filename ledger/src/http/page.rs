//! The explorer page: a few files that are part of the program, served as they are.
//!
//! The page is static, asks no other host for anything, and may run nothing but its own files, which the
//! browser is told in a content security policy. What it can be trusted with stands in `docs/ledger.md`.

use super::{NEVER, Reads, answer, api::is_plain, not_found};
use axum::{
    extract::{Path, State},
    http::{
        HeaderName, HeaderValue, StatusCode, Uri,
        header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY},
    },
    response::Response,
};
use std::sync::Arc;

/// Only the page's own files, and reads of this ledger. Texts of the log cannot become markup: the page
/// makes none from strings, and the browser refuses it (`require-trusted-types-for`).
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

const INDEX: &str = include_str!("../../explorer/index.html");

/// Name below `/explorer/`, type and content.
pub(super) const FILES: [(&str, &str, &str); 13] = [
    ("page.css", CSS, include_str!("../../explorer/page.css")),
    ("icon.svg", ICON, include_str!("../../explorer/icon.svg")),
    ("bytes.js", SCRIPT, include_str!("../../explorer/bytes.js")),
    ("sha256.js", SCRIPT, include_str!("../../explorer/sha256.js")),
    ("merkle.js", SCRIPT, include_str!("../../explorer/merkle.js")),
    ("note.js", SCRIPT, include_str!("../../explorer/note.js")),
    ("entry.js", SCRIPT, include_str!("../../explorer/entry.js")),
    ("reads.js", SCRIPT, include_str!("../../explorer/reads.js")),
    ("dom.js", SCRIPT, include_str!("../../explorer/dom.js")),
    (
        "checkpoint.js",
        SCRIPT,
        include_str!("../../explorer/checkpoint.js"),
    ),
    ("activity.js", SCRIPT, include_str!("../../explorer/activity.js")),
    ("found.js", SCRIPT, include_str!("../../explorer/found.js")),
    ("page.js", SCRIPT, include_str!("../../explorer/page.js")),
];

fn file(reads: &Reads, kind: &'static str, content: &'static str) -> Response {
    // Files of one version only work together, so none is kept beyond a visit.
    let mut response = answer(reads, StatusCode::OK, kind, NEVER, content);
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, "no-referrer");
    response
}

/// `/`.
pub(super) async fn index(State(reads): State<Arc<Reads>>, uri: Uri) -> Response {
    match uri.query() {
        None => file(&reads, HTML, INDEX),
        Some(_) => not_found(&reads),
    }
}

/// `/explorer/NAME`.
pub(super) async fn part(State(reads): State<Arc<Reads>>, Path(name): Path<String>, uri: Uri) -> Response {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    match found {
        Some((_, kind, content)) if is_plain(&uri, &name) => file(&reads, kind, content),
        _ => not_found(&reads),
    }
}

#[cfg(test)]
mod tests;
