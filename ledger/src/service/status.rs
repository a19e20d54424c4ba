//! The one table from errors to status codes.

use crate::{refusal::Refusal, table::StoreError};
use medproof_proto::retry;
use std::time::Duration;
use tonic::{Code, Status};

/// The code for a refusal. Codes say who has to act: `INVALID_ARGUMENT` never can be accepted,
/// `FAILED_PRECONDITION` not as things stand: after another proof or at another time, or, where the tree is full, never, `ALREADY_EXISTS` is spent or
/// taken, `UNAVAILABLE` is the ledger's own fault.
fn code(refusal: &Refusal) -> Code {
    use Refusal as R;
    match refusal {
        R::Malformed(_)
        | R::Reserved(_)
        | R::BindPosted
        | R::Proof(_)
        | R::NotADay
        | R::PolicyKind
        | R::PolicyDomain
        | R::NotADispense(_)
        | R::Validity
        | R::RoleKey { .. }
        | R::RoleScope { .. } => Code::InvalidArgument,
        R::Signature(_) => Code::Unauthenticated,
        R::UnknownParty(_)
        | R::Role { .. }
        | R::PolicySponsor
        | R::OtherPharmacy
        | R::DomainOwned { .. }
        | R::IndexDomain(_)
        | R::DevelopmentKey
        | R::PinnedCircuit => Code::PermissionDenied,
        R::UnknownCircuit(_)
        | R::RetiredCircuit(_)
        | R::Sequence { .. }
        | R::SequenceStep { .. }
        | R::GovernanceSequence { .. }
        | R::Anchor
        | R::IdentityRoot
        | R::RegistryRoot
        | R::Date { .. }
        | R::UnknownPolicy
        | R::PolicyDates { .. }
        | R::IndexNotOpen(_)
        | R::TooEarly { .. }
        | R::VoidTooLate
        | R::TreeFull
        | R::LeafEmpty(_) => Code::FailedPrecondition,
        R::Spent(_)
        | R::KnownIdentity
        | R::IndexInUse(_)
        | R::VoidedBefore
        | R::KnownCircuit(_)
        | R::LeafInUse(_)
        | R::KnownPolicy
        | R::PolicyOverlap(_) => Code::AlreadyExists,
        R::TimeRunsBack | R::EmptyBatch | R::Store(_) => Code::Unavailable,
    }
}

/// A refusal as a status. The store's own errors stay in the ledger's log.
pub(super) fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Store(error) => unreadable(error),
        other => Status::new(code(&other), other.to_string()),
    }
}

/// A failing store: the cause is logged here, the peer learns only that the ledger is unavailable.
pub(super) fn unreadable(error: StoreError) -> Status {
    tracing::error!(%error, "the store cannot be read");
    Status::unavailable("the ledger's store fails")
}

/// How long whoever finds the queue full is asked to wait: time for a few batches.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A full queue, which empties. A full tree does not, and is a refusal.
pub(super) fn busy() -> Status {
    let message = format!(
        "too many entries are waiting: try again in {} ms",
        RETRY_AFTER.as_millis()
    );
    retry::exhausted(message, RETRY_AFTER)
}

/// A mirror takes nothing of its own. It has not looked whether it has the entry, so the code is not that of a refusal.
pub(super) fn mirrored(primary: &str) -> Status {
    Status::unimplemented(format!(
        "this is a mirror, which only follows: append and set the clock at its primary, the ledger whose tiles are at {primary}"
    ))
}

/// The sequencer has stopped.
pub(super) fn stopped() -> Status {
    Status::unavailable("the ledger has stopped acknowledging: it was shut down, or its store fails")
}
