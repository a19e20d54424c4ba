//! Prescriptions as a prescriber signs them, and the keys of their fills.

use crate::code::Code;
use ark_bn254::Fr;
use medproof_verifier::{Day, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// Widths in bits of the prescription word: quantity, days, fills, issued, earliest, expires.
pub const PRESCRIPTION_WIDTHS: [u32; 6] = [32, 16, 8, 16, 16, 16];

/// A prescription. Wiped on drop; neither `Clone` nor `Debug`.
pub struct Prescription {
    /// The patient's pseudonym at the prescriber, `H(SUBJECT; sk, prescriber party)`.
    pub subject: Fr,
    /// The patient as the bind has shown it, `H(PERSON; identity digest, salt)`: the pseudonym alone tells
    /// two people apart only by their secrets.
    pub person: Fr,
    /// The drug.
    pub drug: Code,
    /// Quantity of one fill in milli-units, at least 1.
    pub quantity: u32,
    /// Days' supply of one fill, at least 1.
    pub days: u16,
    /// Number of fills; they are numbered from 0.
    pub fills: u8,
    /// Day on which it was signed.
    pub issued: Day,
    /// First day on which it may be filled.
    pub earliest: Day,
    /// Last day on which it may be filled; [`Day::OPEN`] when open.
    pub expires: Day,
    /// Random; shared by prescriber and patient, so that the prescriber can cancel fills.
    pub rx_secret: Fr,
    /// The diagnosis that exempts from limits; [`Code::NONE`] when there is none.
    pub exemption: Code,
}

impl Prescription {
    /// `pack(quantity:32, days:16, fills:8, issued:16, earliest:16, expires:16)`.
    pub fn word(&self) -> Fr {
        let [quantity, days, fills, issued, earliest, expires] = PRESCRIPTION_WIDTHS;
        // Every field's type has the width of its place.
        pack(&[
            (self.quantity.into(), quantity),
            (self.days.into(), days),
            (self.fills.into(), fills),
            (self.issued.0.into(), issued),
            (self.earliest.0.into(), earliest),
            (self.expires.0.into(), expires),
        ])
        .unwrap_or_default()
    }

    /// The signed message `H(RX; subject, person, drug code, word, rx_secret, exemption code)`.
    pub fn message(&self) -> Fr {
        tagged(
            Tag::Rx,
            [
                self.subject,
                self.person,
                self.drug.to_fr(),
                self.word(),
                self.rx_secret,
                self.exemption.to_fr(),
            ],
        )
    }

    /// The key of fill `fill_no`; a prescriber cancels the fill by posting it.
    pub fn fill_key(&self, fill_no: u8) -> Fr {
        fill_key(self.rx_secret, fill_no)
    }

    /// The nullifier of fill `fill_no`.
    pub fn fill_nullifier(&self, fill_no: u8) -> Fr {
        fill_nullifier(self.fill_key(fill_no))
    }

    /// The days that `q` milli-units last at the prescribed rate: the d with
    /// `(d-1) * quantity < q * days <= d * quantity`. `None` for a quantity of 0 or more than 65,535 days.
    pub fn days_of(&self, q: u32) -> Option<u16> {
        if self.quantity == 0 {
            return None;
        }
        let d = (u64::from(q) * u64::from(self.days)).div_ceil(self.quantity.into());
        u16::try_from(d).ok()
    }

    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        Self { ..*self }
    }
}

/// `fk = H(FK; rx_secret, fill_no)`.
pub fn fill_key(rx_secret: Fr, fill_no: u8) -> Fr {
    tagged(Tag::Fk, [rx_secret, Fr::from(fill_no)])
}

/// `nf_fill = H(FILL; fk)`.
pub fn fill_nullifier(fk: Fr) -> Fr {
    tagged(Tag::Fill, [fk])
}

impl Drop for Prescription {
    fn drop(&mut self) {
        self.subject.zeroize();
        self.person.zeroize();
        self.rx_secret.zeroize();
        self.drug = Code::NONE;
        self.exemption = Code::NONE;
    }
}
