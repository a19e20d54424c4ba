//! The one table from errors to gRPC status codes.

use crate::{
    ProveError, Stopped,
    queue::{JobError, SubmitError},
    wire::WireError,
};
use medproof_proto::retry;
use tonic::Status;

pub(super) fn of_wire(error: &WireError) -> Status {
    Status::invalid_argument(error.to_string())
}

pub(super) fn of_submit(error: &SubmitError) -> Status {
    match error {
        SubmitError::Full { retry_after } | SubmitError::ClientFull { retry_after, .. } => {
            retry::exhausted(error.to_string(), *retry_after)
        }
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
