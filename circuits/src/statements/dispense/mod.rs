//! `dispense`: a fill keeps every limit of the policy over the complete recent history, and the account
//! moves on by it (`docs/statements/dispense.md`).

mod circuit;
mod relation;
#[cfg(test)]
mod tests;

pub use relation::Refused;

use crate::gadgets::registry::AcceptedKey;
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::code::Code;
use medproof_records::dispensing::{
    CLASS_OTHER, ClassRow, EXEMPTIONS, Fill, Limits, Note, Prescription, Ring, RingEntry, account_leaf,
    daily_milli_mme,
};
use medproof_records::identity::Identity;
use medproof_records::policy::dispensing::{Drug, policy_id};
use medproof_records::table::TableLeaf;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::opening::DispenseOpening;
use medproof_verifier::statement::DispensePublic;
use medproof_verifier::tree::{CLASS_DEPTH, COMMITMENT_DEPTH, TABLE_DEPTH};
use medproof_verifier::{CircuitName, Day, Path};
use zeroize::Zeroize;

/// The statement `dispense`.
pub struct Dispense;

/// The opened parts of the compiled policy.
pub struct OpenedPolicy {
    /// Root of the class rows.
    pub rules: Fr,
    /// Root of the drug table.
    pub table_root: Fr,
    /// 248 bits of SHA-256 of `id || 0x00 || version`.
    pub version: Fr,
    /// The drug's leaf of the table.
    pub drug: TableLeaf,
    /// Its place in the table.
    pub drug_path: Path<TABLE_DEPTH>,
    /// The row of the drug's class; not looked at for class 0.
    pub row: ClassRow,
    /// Its place among the rows; its index is the class.
    pub row_path: Path<CLASS_DEPTH>,
}

/// Everything private of a fill. Its parts wipe themselves on drop.
pub struct Witness {
    /// The holder.
    pub identity: Identity,
    /// The account note that is spent.
    pub note: Note,
    /// Its place under the anchor.
    pub note_path: Path<COMMITMENT_DEPTH>,
    /// The prescription.
    pub prescription: Prescription,
    /// The prescriber's key in the registry.
    pub prescriber: AcceptedKey,
    /// The prescriber's signature over the prescription.
    pub signature: Signature,
    /// The policy.
    pub policy: OpenedPolicy,
    /// Number of this fill, from 0.
    pub fill_no: u8,
    /// Quantity to hand over in milli-units.
    pub q: u32,
    /// Days that it lasts.
    pub d: u16,
    /// Slot of the ring that the new entry overwrites, below 32.
    pub slot: usize,
    /// Which exemption interval holds the exemption code, below 8; any when none does.
    pub exemption: usize,
    /// Blinding of the opening to the pharmacy.
    pub r: Fr,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.q.zeroize();
        self.d.zeroize();
        self.r.zeroize();
        self.policy.drug = TableLeaf::default();
    }
}

impl Witness {
    /// What the opened leaf says of the drug; `None` when its mask has more than 40 bits.
    pub fn drug(&self) -> Option<Drug> {
        Drug::from_leaf(self.policy.drug.mask, self.policy.drug.number)
    }

    /// The fill on `date`; `None` for a daily dose of 2^32 or more, 0 days, or a leaf that is no drug.
    pub fn fill(&self, date: Day) -> Option<Fill> {
        let drug = self.drug()?;
        let rx = &self.prescription;
        let entry = RingEntry {
            start: date,
            days: self.d,
            class: drug.class,
            ingredient: drug.ingredient,
            milli_mme: daily_milli_mme(drug.micro_mme, rx.quantity, rx.days)?,
            quantity: self.q,
        };
        Some(Fill {
            entry,
            micro_mme: drug.micro_mme,
        })
    }

    /// The ring after the fill; class 0 leaves it as it was.
    pub fn next_ring(&self, date: Day) -> Option<Ring> {
        let entry = self.fill(date)?.entry;
        Some(if entry.class == CLASS_OTHER {
            self.note.ring.duplicate()
        } else {
            self.note.ring.with(self.slot, entry)
        })
    }

    /// The account note after the fill.
    pub fn next_note(&self, date: Day) -> Option<Note> {
        Some(self.note.next(self.identity.sk.nk(), self.next_ring(date)?))
    }

    /// The account note after a VOID of the fill.
    pub fn undo_note(&self) -> Note {
        self.note.undo(self.identity.sk.nk())
    }

    /// What is opened to the pharmacy.
    pub fn opening(&self) -> DispenseOpening {
        DispenseOpening {
            drug: self.prescription.drug.packed(),
            quantity: self.q,
            days: self.d,
            prescribed_quantity: self.prescription.quantity,
            prescribed_days: self.prescription.days,
            prescriber: self.prescriber.leaf.party.clone(),
            person: self.identity.person,
            r: self.r,
        }
    }

    /// The id of the opened policy in the holder's domain.
    pub fn policy_id(&self) -> Fr {
        let policy = &self.policy;
        policy_id(
            self.identity.domain,
            policy.rules,
            policy.table_root,
            policy.version,
        )
    }

    /// The public inputs that belong to this witness. Where there is no next note (a dose out of range),
    /// `cm_note` is 0 and the relation refuses the pair.
    pub fn public(&self, registry_root: Fr, date: Day, ctx: Fr) -> DispensePublic {
        let leaf = account_leaf(self.identity.domain, self.note.commitment());
        DispensePublic {
            anchor: self.note_path.root(leaf),
            identity_root: self.identity.root(),
            registry_root,
            domain: self.identity.domain,
            policy_id: self.policy_id(),
            date: Fr::from(date.0),
            nf_note: self.note.nullifier(self.identity.sk.nk()),
            cm_note: self.next_note(date).map(|n| n.commitment()).unwrap_or_default(),
            cm_undo: self.undo_note().commitment(),
            nf_fill: self.prescription.fill_nullifier(self.fill_no),
            // A code of the prescription has 72 bits, so there is always a commitment.
            cm_dispense: self.opening().commitment().unwrap_or_default(),
            ctx,
        }
    }
}

impl Circuit for Dispense {
    type Public = DispensePublic;
    type Witness = Witness;
    type Refused = Refused;
    const NAME: CircuitName = CircuitName::Dispense;
    const BUDGET: usize = 1 << 16;

    fn relation(public: &DispensePublic, witness: &Witness) -> Result<(), Refused> {
        relation::check(public, witness)
    }

    fn synthesise(
        cs: ConstraintSystemRef<Fr>,
        public: &DispensePublic,
        witness: &Witness,
    ) -> Result<(), SynthesisError> {
        circuit::synthesise(cs, public, witness)?;
        Ok(())
    }

    fn blank() -> (DispensePublic, Witness) {
        let witness = blank();
        (witness.public(Fr::from(0u64), Day(0), Fr::from(0u64)), witness)
    }
}

/// A row for class 0, whose row is not looked at.
pub fn no_row() -> ClassRow {
    ClassRow {
        class: CLASS_OTHER,
        limits: Limits::NONE,
        exemptions: [None; EXEMPTIONS],
    }
}

fn blank() -> Witness {
    let zero = Fr::from(0u64);
    Witness {
        identity: Identity::blank(),
        note: Note {
            owner: zero,
            ring: Ring::empty(),
            seq: 0,
            rho: zero,
            rcm: zero,
        },
        note_path: Path::zero(),
        prescription: Prescription {
            subject: zero,
            person: zero,
            drug: Code::NONE,
            quantity: 0,
            days: 0,
            fills: 0,
            issued: Day(0),
            earliest: Day(0),
            expires: Day(0),
            rx_secret: zero,
            exemption: Code::NONE,
        },
        prescriber: AcceptedKey::blank(),
        signature: Signature {
            r8x: zero,
            r8y: zero,
            s: zero,
        },
        policy: OpenedPolicy {
            rules: zero,
            table_root: zero,
            version: zero,
            drug: TableLeaf::default(),
            drug_path: Path::zero(),
            row: no_row(),
            row_path: Path::zero(),
        },
        fill_no: 0,
        q: 0,
        d: 0,
        slot: 0,
        exemption: 0,
        r: zero,
    }
}
