//! What is opened to the pharmacy: which drug, how much, prescribed by whom, for whom.

use crate::code::Code;
use ark_bn254::Fr;
use medproof_verifier::{Name, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// The opening of `cm_dispense`, given to the pharmacy only, which compares it with the drug and the person
/// before it. Neither `Clone` nor `Debug`; `r` is wiped on drop.
pub struct DispenseOpening {
    /// The drug.
    pub drug: Code,
    /// Quantity to hand over in milli-units.
    pub q: u32,
    /// Days that it lasts.
    pub d: u16,
    /// Prescribed quantity of a fill in milli-units.
    pub quantity: u32,
    /// Prescribed days of a fill.
    pub days: u16,
    /// The prescriber's party.
    pub prescriber: Name,
    /// The person, `H(PERSON; identity digest, salt)`.
    pub person: Fr,
    /// Blinding: random, chosen by the prover.
    pub r: Fr,
}

impl DispenseOpening {
    /// `pack(q:32, d:16, quantity:32, days:16)`.
    pub fn word(&self) -> Fr {
        // Every field's type has the width of its place.
        pack(&[
            (self.q.into(), 32),
            (self.d.into(), 16),
            (self.quantity.into(), 32),
            (self.days.into(), 16),
        ])
        .unwrap_or_default()
    }

    /// `cm_dispense = H(DISP; drug code, word, prescriber party, person, r)`.
    pub fn commitment(&self) -> Fr {
        tagged(
            Tag::Disp,
            [
                self.drug.to_fr(),
                self.word(),
                self.prescriber.to_fr(),
                self.person,
                self.r,
            ],
        )
    }
}

impl Drop for DispenseOpening {
    fn drop(&mut self) {
        self.person.zeroize();
        self.r.zeroize();
    }
}
