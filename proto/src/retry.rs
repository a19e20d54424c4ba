//! When a service that is full may be asked again: gRPC's trailer for it, which both sides read here.

use std::time::Duration;
use tonic::{Code, Status, metadata::MetadataMap};

/// The trailer: milliseconds, a decimal number. gRPC's own clients know it, and take a negative one for "never".
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// RESOURCE_EXHAUSTED, to be asked again after so long.
pub fn exhausted(message: impl Into<String>, retry_after: Duration) -> Status {
    let mut metadata = MetadataMap::new();
    let milliseconds = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
    metadata.insert(PUSHBACK, milliseconds.into());
    Status::with_metadata(Code::ResourceExhausted, message, metadata)
}

/// How long a service that is full asks to be left alone, where it says so.
pub fn retry_after(status: &Status) -> Option<Duration> {
    let hint = status
        .metadata()
        .get(PUSHBACK)
        .filter(|_| status.code() == Code::ResourceExhausted)?;
    hint.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_hint_is_read_as_it_was_given() {
        let status = exhausted("full", Duration::from_millis(250));
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "250");
        assert_eq!(retry_after(&status), Some(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_no_hint_is_none() {
        for text in ["-1", "", "soon", "1.5"] {
            let mut metadata = MetadataMap::new();
            metadata.insert(PUSHBACK, text.parse().unwrap());
            let status = Status::with_metadata(Code::ResourceExhausted, "", metadata.clone());
            assert_eq!(retry_after(&status), None, "{text}");
        }
        let mut other = exhausted("full", Duration::from_secs(1));
        other = Status::with_metadata(Code::Unavailable, "", other.metadata().clone());
        assert_eq!(retry_after(&other), None);
        assert_eq!(retry_after(&Status::resource_exhausted("full")), None);
    }
}
