//! Attacks on the protocol: a holder, payer, prescriber, pharmacy or sponsor that lies, against real notes, real
//! circuits and the ledger's own rules.

mod claims;
mod identity;
mod keys;
mod notes;
mod policies;
mod posts;
mod screening;
