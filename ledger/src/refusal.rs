//! Why an entry is not accepted.

use crate::table::StoreError;
use medproof_verifier::{
    CircuitId, Day, Name, Role, VerifyError,
    entry::{DecodeError, Kind, NullifierKind, SignatureError},
};

/// Why an entry is not accepted. The rules are in `docs/ledger.md`, by kind of entry.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not an entry.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// Only the ledger itself makes this kind.
    #[error("a {} entry is made by the ledger, never posted", .0.as_str())]
    Reserved(Kind),
    /// No such circuit was accepted.
    #[error("circuit {0} is not accepted by this ledger")]
    UnknownCircuit(CircuitId),
    /// The circuit was retired.
    #[error("circuit {0} is retired: prove again under the current version")]
    RetiredCircuit(CircuitId),
    /// `bind` proofs are for one issuer only.
    #[error("a bind statement is given to its issuer and never posted")]
    BindPosted,
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// A signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The party has no posting key.
    #[error("party {0} is not registered")]
    UnknownParty(Name),
    /// The party has no valid key of the role and scope that the entry needs.
    #[error("party {party} has no {} key for this scope that is valid on {day}", .role.as_str())]
    Role {
        /// The party.
        party: Name,
        /// The role needed.
        role: Role,
        /// The day judged.
        day: Day,
    },
    /// A sequence number was used before.
    #[error("sequence number {got} is not above {last}, the last one of {party}")]
    Sequence {
        /// The party.
        party: Name,
        /// Its last number.
        last: u64,
        /// The entry's number.
        got: u64,
    },
    /// A sequence number is too far above the last.
    #[error("sequence number {got} is more than 2^32 above {last}, the last one of {party}: take the next")]
    SequenceStep {
        /// The party.
        party: Name,
        /// Its last number.
        last: u64,
        /// The entry's number.
        got: u64,
    },
    /// A governance entry is out of order.
    #[error("governance sequence number {got} where {expected} comes next")]
    GovernanceSequence {
        /// The next number.
        expected: u64,
        /// The entry's number.
        got: u64,
    },
    /// The anchor is no sealed commitment root of the last 24 hours.
    #[error(
        "the anchor is not a commitment root sealed in the last 24 hours: take a new one and prove again"
    )]
    Anchor,
    /// The identity root is too old or unknown.
    #[error(
        "the identity root is neither the last sealed one nor replaced less than 10 minutes ago: prove again"
    )]
    IdentityRoot,
    /// The registry root is too old or unknown.
    #[error(
        "the registry root is neither the last sealed one nor replaced less than 10 minutes ago: prove again"
    )]
    RegistryRoot,
    /// The date is no day.
    #[error("the statement's date is not a day")]
    NotADay,
    /// The date is more than a day from today.
    #[error("the statement is dated {date}, more than one day from {today}")]
    Date {
        /// The statement's date.
        date: Day,
        /// The ledger's.
        today: Day,
    },
    /// No such policy was accepted.
    #[error("the policy is not accepted by this ledger")]
    UnknownPolicy,
    /// The policy is for another statement.
    #[error("the policy is for another kind of statement")]
    PolicyKind,
    /// The policy is for another domain.
    #[error("the policy is for another domain")]
    PolicyDomain,
    /// The policy is not valid on the statement's date.
    #[error("the policy is valid from {from} to {to}, not on {date}")]
    PolicyDates {
        /// First valid day.
        from: Day,
        /// Last valid day.
        to: Day,
        /// The statement's date.
        date: Day,
    },
    /// The policy belongs to another sponsor.
    #[error("the policy belongs to another sponsor than the relying party")]
    PolicySponsor,
    /// The nullifier was spent.
    #[error("the {} nullifier is spent", .0.as_str())]
    Spent(NullifierKind),
    /// The identity was enrolled before.
    #[error("this identity was enrolled before: enrol with a fresh salt")]
    KnownIdentity,
    /// The identity index is in use.
    #[error("identity index {0} is in use: close it first")]
    IndexInUse(u32),
    /// The identity index belongs to another domain.
    #[error("identity index {0} belongs to another domain")]
    IndexDomain(u32),
    /// The identity index is not open.
    #[error("identity index {0} is not open")]
    IndexNotOpen(u32),
    /// Too early after CLOSE.
    #[error("identity index {index} may be opened again from Unix time {from}")]
    TooEarly {
        /// The index.
        index: u32,
        /// When it is allowed.
        from: u64,
    },
    /// VOID names something else than a dispense.
    #[error("entry {0} is not a dispense")]
    NotADispense(u64),
    /// VOID by another party.
    #[error("the dispense was posted by another pharmacy")]
    OtherPharmacy,
    /// VOID after 14 days.
    #[error("the dispense is older than 14 days")]
    VoidTooLate,
    /// A second VOID.
    #[error("the dispense was voided before")]
    VoidedBefore,
    /// The circuit is already known.
    #[error("circuit {0} was accepted before")]
    KnownCircuit(CircuitId),
    /// Genesis fixes another key.
    #[error("genesis fixes another key for this circuit and version")]
    PinnedCircuit,
    /// A development key on a production ledger.
    #[error("a development verifying key is accepted by a development ledger only")]
    DevelopmentKey,
    /// The registry leaf is in use.
    #[error("registry leaf {0} is in use: take another")]
    LeafInUse(u32),
    /// The registry leaf is empty.
    #[error("registry leaf {0} is empty")]
    LeafEmpty(u32),
    /// Validity that is empty or would be extended.
    #[error("the last day of validity may not precede the first nor come later than it was")]
    Validity,
    /// The key is not what its role needs.
    #[error("a key of role {} {rule}", .role.as_str())]
    RoleKey {
        /// The role.
        role: Role,
        /// What it needs.
        rule: &'static str,
    },
    /// The scope is not what its role needs.
    #[error("the scope of a {} key is {rule}", .role.as_str())]
    RoleScope {
        /// The role.
        role: Role,
        /// What it is.
        rule: &'static str,
    },
    /// The domain has its authority or payer.
    #[error("the domain belongs to {} {owner}", .role.as_str())]
    DomainOwned {
        /// Enrolment authority or payer.
        role: Role,
        /// The party.
        owner: Name,
    },
    /// The policy is already known.
    #[error("the policy was accepted before")]
    KnownPolicy,
    /// Another dispensing policy covers some of the days.
    #[error("policy {0} covers some of these days in this domain: end it first")]
    PolicyOverlap(Name),
    /// A tree is full.
    #[error("the commitment tree is full")]
    TreeFull,
    /// The time lies before the last seal's.
    #[error("the batch's time lies before the last seal's")]
    TimeRunsBack,
    /// A batch of nothing but its seal.
    #[error("the batch has no entry before its seal")]
    EmptyBatch,
    /// The store fails; nothing more is acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
}
