//! The native relation: each clause of `docs/statements/dispense.md` once.

use super::Witness;
use crate::gadgets::registry::KeyRefused;
use ark_bn254::Fr;
use medproof_records::code::Code;
use medproof_records::dispensing::{CLASS_OTHER, EXEMPTIONS, Fill, RING_SLOTS, Rule, account_leaf};
use medproof_verifier::statement::DispensePublic;
use medproof_verifier::{Day, Role, eddsa, field::unpack};

/// The clause that a fill breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The date has more than 16 bits.
    #[error("the date is not a day")]
    Date,
    /// The holder has no identity leaf in the domain under the root.
    #[error("the holder's identity is not in the identity tree of this domain")]
    Identity,
    /// The note is someone else's.
    #[error("the account note is not the holder's")]
    NoteOwner,
    /// The note is not under the anchor as an account note of this domain.
    #[error("the account note is not in the commitment tree of this domain")]
    NoteAnchor,
    /// An entry starts after the date.
    #[error("an entry of the ring starts after the date of the fill")]
    EntryAfterDate,
    /// Rules, table root and version do not hash to the policy id.
    #[error("the rules and the drug table are not those of the policy id")]
    Policy,
    /// The opened leaf is not in the table.
    #[error("the drug's leaf is not in the policy's table")]
    DrugLeaf,
    /// The drug is not the leaf's.
    #[error("the drug is not in the policy's table")]
    DrugUnknown,
    /// The class has no such row.
    #[error("the policy has no such row for the drug's class")]
    ClassRow,
    /// The signer is not accepted.
    #[error("prescription: {0}")]
    Prescriber(KeyRefused),
    /// The signature does not hold.
    #[error("the prescriber's signature does not hold")]
    Signature,
    /// The prescription is someone else's.
    #[error("the prescription is not the holder's")]
    Subject,
    /// The prescription is for another person under the same secret.
    #[error("the prescription is for another person than the holder's identity")]
    Person,
    /// Signed after the date.
    #[error("the prescription was issued after the date")]
    Issued,
    /// Too early.
    #[error("the prescription may not be filled yet")]
    Earliest,
    /// Too late.
    #[error("the prescription has expired")]
    Expired,
    /// No such fill.
    #[error("the prescription has fewer fills")]
    FillNumber,
    /// Nothing, or more than prescribed.
    #[error("the quantity is not from 1 to the prescribed one")]
    Quantity,
    /// No days' supply.
    #[error("the prescription has no days' supply")]
    PrescribedDays,
    /// Days that the quantity does not last, or does not need.
    #[error("the quantity does not last these days at the prescribed rate")]
    Days,
    /// The daily dose does not fit.
    #[error("the daily dose is 4294967.296 MME or more")]
    Dose,
    /// No such interval.
    #[error("there are eight exemption intervals, and none beyond")]
    Exemption,
    /// A limit without an exemption.
    #[error("limit: {0}")]
    Limit(Rule),
    /// The slot still counts.
    #[error("the overwritten entry is neither empty nor expired")]
    Slot,
    /// The note's nullifier is another.
    #[error("nf_note is not the nullifier of the account note")]
    NoteNullifier,
    /// The next note is another.
    #[error("cm_note is not the account note with the new entry")]
    NextNote,
    /// The undo note is another.
    #[error("cm_undo is not the account note with the old ring")]
    UndoNote,
    /// The fill's nullifier is another.
    #[error("nf_fill is not the nullifier of this fill")]
    FillNullifier,
    /// The opening to the pharmacy is of something else.
    #[error("cm_dispense does not commit to this fill")]
    Opening,
}

/// Bits of a packed code.
const CODE_BITS: u32 = 72;

fn require(holds: bool, otherwise: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(otherwise) }
}

pub(super) fn check(public: &DispensePublic, w: &Witness) -> Result<(), Refused> {
    let date = day_of(public.date).ok_or(Refused::Date)?;
    account(public, w, date)?;
    policy(public, w)?;
    prescription(public, w, date)?;
    let fill = quantities(w, date)?;
    require(w.exemption < EXEMPTIONS, Refused::Exemption)?;
    if fill.entry.class != CLASS_OTHER {
        limits(w, &fill, date)?;
        let free = w.note.ring.entries.get(w.slot);
        require(
            free.is_some_and(|e| e.is_empty() || e.is_expired(date)),
            Refused::Slot,
        )?;
    }
    require(w.slot < RING_SLOTS, Refused::Slot)?;
    outputs(public, w, date)
}

fn day_of(x: Fr) -> Option<Day> {
    let fields = unpack(&x, &[16])?;
    u16::try_from(fields[0]).ok().map(Day)
}

fn account(public: &DispensePublic, w: &Witness, date: Day) -> Result<(), Refused> {
    let identity = &w.identity;
    require(
        identity.domain == public.domain && identity.root() == public.identity_root,
        Refused::Identity,
    )?;
    require(w.note.owner == identity.owner(), Refused::NoteOwner)?;
    let leaf = account_leaf(public.domain, w.note.commitment());
    require(w.note_path.root(leaf) == public.anchor, Refused::NoteAnchor)?;
    require(
        w.note.ring.entries.iter().all(|e| e.start <= date),
        Refused::EntryAfterDate,
    )
}

fn policy(public: &DispensePublic, w: &Witness) -> Result<(), Refused> {
    let policy = &w.policy;
    require(w.policy_id() == public.policy_id, Refused::Policy)?;
    let root = policy.drug_path.root(policy.drug.hash());
    require(root == policy.table_root, Refused::DrugLeaf)?;
    let code = w.prescription.drug;
    let inside = (policy.drug.lo..=policy.drug.hi).contains(&code.packed());
    // The circuit compares codes in 72 bits; only a malformed table has wider bounds.
    let inside = inside && policy.drug.hi - code.packed() < 1 << CODE_BITS;
    // Code 0 would be "in" the sentinel.
    require(inside && code != Code::NONE, Refused::DrugUnknown)?;
    let drug = w.drug().ok_or(Refused::DrugUnknown)?;
    // The index is the class, for class 0 too.
    require(
        policy.row_path.index() == u32::from(drug.class),
        Refused::ClassRow,
    )?;
    // Its limits are in range, for class 0 too.
    let row = policy.row.hash().ok_or(Refused::ClassRow)?;
    if drug.class == CLASS_OTHER {
        return Ok(());
    }
    let found = policy.row_path.root(row) == policy.rules && policy.row.class == drug.class;
    require(found, Refused::ClassRow)
}

fn prescription(public: &DispensePublic, w: &Witness, date: Day) -> Result<(), Refused> {
    let (rx, key) = (&w.prescription, &w.prescriber);
    key.check(public.registry_root, Role::Prescriber, public.domain, rx.issued)
        .map_err(Refused::Prescriber)?;
    require(
        eddsa::verify(&key.public_key(), rx.message(), &w.signature).is_ok(),
        Refused::Signature,
    )?;
    let mine = w.identity.sk.subject(key.leaf.party.to_fr());
    require(rx.subject == mine, Refused::Subject)?;
    require(rx.person == w.identity.person, Refused::Person)?;
    require(rx.issued <= date, Refused::Issued)?;
    require(rx.earliest <= date, Refused::Earliest)?;
    require(date <= rx.expires, Refused::Expired)?;
    require(w.fill_no < rx.fills, Refused::FillNumber)
}

fn quantities(w: &Witness, date: Day) -> Result<Fill, Refused> {
    let rx = &w.prescription;
    require((1..=rx.quantity).contains(&w.q), Refused::Quantity)?;
    require(rx.days > 0, Refused::PrescribedDays)?;
    // (d-1) * quantity < q * days <= d * quantity has one solution.
    require(rx.days_of(w.q) == Some(w.d), Refused::Days)?;
    w.fill(date).ok_or(Refused::Dose)
}

fn limits(w: &Witness, fill: &Fill, date: Day) -> Result<(), Refused> {
    let row = &w.policy.row;
    let code = w.prescription.exemption;
    let interval = row.exemptions.get(w.exemption).copied().flatten();
    if code != Code::NONE && interval.is_some_and(|interval| interval.contains(code)) {
        return Ok(());
    }
    let findings = row.limits.evaluate(&w.note.ring, fill, date);
    match findings.breaches.first() {
        Some(rule) => Err(Refused::Limit(*rule)),
        None => Ok(()),
    }
}

fn outputs(public: &DispensePublic, w: &Witness, date: Day) -> Result<(), Refused> {
    let nf = w.note.nullifier(w.identity.sk.nk());
    require(nf == public.nf_note, Refused::NoteNullifier)?;
    // The number is a field element, as in the circuit: after 2^64 - 1 comes 2^64, for which there is no `Note`.
    let seq = Fr::from(w.note.seq) + Fr::from(1u64);
    let next = w.next_note(date).ok_or(Refused::Dose)?.commitment_numbered(seq);
    require(next == public.cm_note, Refused::NextNote)?;
    let undo = w.undo_note().commitment_numbered(seq);
    require(undo == public.cm_undo, Refused::UndoNote)?;
    let fill = w.prescription.fill_nullifier(w.fill_no);
    require(fill == public.nf_fill, Refused::FillNullifier)?;
    require(
        w.opening().commitment() == Some(public.cm_dispense),
        Refused::Opening,
    )
}
