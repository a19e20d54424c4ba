//! One dispensing in the ring.

use super::RETENTION_DAYS;
use ark_bn254::Fr;
use medproof_verifier::Day;
use medproof_verifier::field::{pack, unpack};
use zeroize::Zeroize;

/// Widths in bits of a packed entry: start, days, class, ingredient, milli-MME a day, quantity.
pub const ENTRY_WIDTHS: [u32; 6] = [16, 16, 8, 32, 32, 32];

/// One dispensing, or an empty slot (every field 0). Not `Debug`: it is a health record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RingEntry {
    /// Day on which it was handed over.
    pub start: Day,
    /// Days that the handed-over quantity lasts.
    pub days: u16,
    /// Class of the drug; never 0 in an entry that is not empty.
    pub class: u8,
    /// RxCUI of the ingredient.
    pub ingredient: u32,
    /// Daily dose in 0.001 MME.
    pub milli_mme: u32,
    /// Handed-over quantity in milli-units.
    pub quantity: u32,
}

impl RingEntry {
    /// An empty slot.
    pub const EMPTY: Self = Self {
        start: Day(0),
        days: 0,
        class: 0,
        ingredient: 0,
        milli_mme: 0,
        quantity: 0,
    };

    /// Whether the slot holds nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// The packed entry, below 2^136.
    pub fn to_fr(&self) -> Fr {
        let [start, days, class, ingredient, milli_mme, quantity] = ENTRY_WIDTHS;
        // Every field's type has the width of its place.
        pack(&[
            (self.start.0.into(), start),
            (self.days.into(), days),
            (self.class.into(), class),
            (self.ingredient.into(), ingredient),
            (self.milli_mme.into(), milli_mme),
            (self.quantity.into(), quantity),
        ])
        .unwrap_or_default()
    }

    /// Reads a packed entry; `None` when it is not below 2^136.
    pub fn from_fr(word: &Fr) -> Option<Self> {
        let fields: [u128; 6] = unpack(word, &ENTRY_WIDTHS)?.try_into().ok()?;
        let [start, days, class, ingredient, milli_mme, quantity] = fields;
        Some(Self {
            start: Day(u16::try_from(start).ok()?),
            days: u16::try_from(days).ok()?,
            class: u8::try_from(class).ok()?,
            ingredient: u32::try_from(ingredient).ok()?,
            milli_mme: u32::try_from(milli_mme).ok()?,
            quantity: u32::try_from(quantity).ok()?,
        })
    }

    /// Whether no rule of any policy asks for the entry any more: `start + days + 120 <= date`.
    pub fn is_expired(&self, date: Day) -> bool {
        u32::from(self.start.0) + u32::from(self.days) + u32::from(RETENTION_DAYS) <= u32::from(date.0)
    }

    /// Days from the entry's start to `date`; `None` when it starts later.
    pub fn age(&self, date: Day) -> Option<u16> {
        date.0.checked_sub(self.start.0)
    }

    /// Whether the supply lasts on `date`: `start <= date < start + days`.
    pub fn is_active(&self, date: Day) -> bool {
        self.age(date).is_some_and(|age| age < self.days)
    }
}

impl Zeroize for RingEntry {
    fn zeroize(&mut self) {
        self.start.0.zeroize();
        self.days.zeroize();
        self.class.zeroize();
        self.ingredient.zeroize();
        self.milli_mme.zeroize();
        self.quantity.zeroize();
    }
}
