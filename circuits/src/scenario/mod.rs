//! Complete throw-away worlds around one bundle: keys, registry, identity, notes and signed data, for
//! `medproof check`, tests, benchmarks and sample proofs.

pub mod bind;
pub mod claim;
pub mod dispensing;
pub mod eligibility;
pub mod world;

use std::collections::BTreeMap;
use std::fmt;

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The statement holds.
    Accept,
    /// The statement does not hold, or the ledger refuses its nullifier.
    Reject,
    /// Data that the statement needs is missing, unknown or too much: neither a yes nor a no.
    Unprovable,
}

impl Verdict {
    /// The word of the command contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Unprovable => "unprovable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The outcome of a native check, with what a prover needs to go on.
///
/// `A` holds public inputs and witness: `(C::Public, C::Witness)` of one circuit, or a choice between tiers.
pub struct Outcome<A> {
    /// The verdict.
    pub verdict: Verdict,
    /// The first reason that applies, `ok` or `exempt` on acceptance.
    pub reason: String,
    /// What the person who owns the data may see.
    pub figures: BTreeMap<&'static str, i64>,
    /// The assignment. Present for a rejection too: the best witness of a lying prover, which relation and
    /// circuit must both refuse. Absent where nothing can be written down.
    pub assignment: Option<A>,
    /// Whether the statement holds but its nullifier is spent, so that only the ledger refuses it.
    pub nullifier_spent: bool,
}
