//! Dispensing: the ring of recent dispensings, the account note that holds it, prescriptions, and what is
//! opened to the pharmacy (`docs/statements/dispense.md`, `docs/format.md`, section 8).

mod dose;
mod entry;
pub mod history;
mod note;
mod order;
mod prescription;
mod ring;
mod rules;

pub use dose::daily_milli_mme;
pub use entry::{ENTRY_WIDTHS, RingEntry};
pub use note::{Note, account_leaf};
pub use order::Order;
pub use prescription::{PRESCRIPTION_WIDTHS, Prescription, fill_key, fill_nullifier};
pub use ring::{RING_GROUP, RING_SLOTS, Ring, RingFull};
pub use rules::{ClassRow, EXEMPTIONS, Fill, Findings, LIMITS_WIDTHS, Limits, NO_PEAK_LIMIT, Rule};

/// Kind of a commitment-tree leaf that is an account note (`docs/format.md`, section 4).
pub const ACCOUNT_KIND: u64 = 1;

/// Days for which an entry is kept after its supply ran out; a constant of the circuit. No look-back or
/// window of a policy may be longer.
pub const RETENTION_DAYS: u16 = 120;

/// The class without limits, `other`: its dispensings leave no entry.
pub const CLASS_OTHER: u8 = 0;

#[cfg(test)]
mod tests;
