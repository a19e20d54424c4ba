//! The one table from errors to gRPC status codes.

use crate::{
    ProveError, Stopped,
    queue::{JobError, SubmitError},
    wire::WireError,
};
use std::time::Duration;
use tonic::{Code, Status, metadata::MetadataMap};

/// gRPC's own trailer for "try again after so many milliseconds".
pub(crate) const RETRY_HINT: &str = "grpc-retry-pushback-ms";

pub(super) fn of_wire(error: &WireError) -> Status {
    Status::invalid_argument(error.to_string())
}

pub(super) fn of_submit(error: &SubmitError) -> Status {
    let busy = |retry_after: &Duration| {
        let mut metadata = MetadataMap::new();
        metadata.insert(RETRY_HINT, (retry_after.as_millis() as u64).into());
        Status::with_metadata(Code::ResourceExhausted, error.to_string(), metadata)
    };
    match error {
        SubmitError::Full { retry_after } | SubmitError::ClientFull { retry_after, .. } => busy(retry_after),
        SubmitError::TooLarge { .. } => Status::invalid_argument(error.to_string()),
        SubmitError::Closed => Status::unavailable(error.to_string()),
    }
}

pub(super) fn of_job(error: &JobError) -> Status {
    match error {
        JobError::Stopped(stopped) => of_stopped(*stopped),
        JobError::Panicked => internal(),
        JobError::Closed => Status::unavailable(error.to_string()),
    }
}

pub(super) fn of_prove(error: &ProveError) -> Status {
    match error {
        ProveError::NotLoaded(_) => Status::not_found(error.to_string()),
        ProveError::Unsatisfied(_) => Status::failed_precondition(error.to_string()),
        ProveError::Circuit(_) => Status::invalid_argument(error.to_string()),
        ProveError::Stopped(stopped) => of_stopped(*stopped),
        // The peer need not know; the log has the cause, in which there is no value of a witness.
        ProveError::Keys(_) | ProveError::Backend(_) | ProveError::Invalid { .. } => {
            tracing::error!(%error, "a proof could not be made");
            internal()
        }
    }
}

fn of_stopped(stopped: Stopped) -> Status {
    match stopped {
        Stopped::Cancelled => Status::cancelled("the job was cancelled"),
        Stopped::Deadline => Status::deadline_exceeded("the job's deadline passed"),
    }
}

fn internal() -> Status {
    Status::internal("the proof could not be made; the prover's log has the cause")
}
