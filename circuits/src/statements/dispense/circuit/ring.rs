//! The ring: its entries, its digest, and the new entry.

use super::rules::FillVar;
use super::{Allocator, DAY_BITS, Result, Var, constant};
use crate::gadgets::pack::{join, split};
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_range, less_or_equal};
use crate::gadgets::select::{choose, dot, is_zero, one_hot};
use ark_bn254::Fr;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::eq::EqGadget;
use ark_relations::gr1cs::SynthesisError;
use medproof_records::dispensing::{ENTRY_WIDTHS, RETENTION_DAYS, RING_GROUP, RING_SLOTS, Ring};
use medproof_verifier::Tag;

const GROUPS: usize = RING_SLOTS / RING_GROUP;

/// One entry, every part in range.
pub(super) struct EntryVar {
    word: Var,
    /// Days from its start to the date, below 2^16.
    pub(super) age: Var,
    start: Var,
    pub(super) days: Var,
    pub(super) class: Var,
    pub(super) ingredient: Var,
    pub(super) milli_mme: Var,
    pub(super) quantity: Var,
}

impl EntryVar {
    fn new(word: Var, date: &Var) -> Result<Self> {
        let fields = split(&word, &ENTRY_WIDTHS.map(|w| w as usize))?;
        let [start, days, class, ingredient, milli_mme, quantity]: [Var; 6] =
            fields.try_into().map_err(|_| SynthesisError::AssignmentMissing)?;
        // Both are below 2^16, so the difference is in range only if the entry starts on or before the date:
        // an entry of tomorrow would have a huge age and escape every rule. An empty slot has start 0.
        let age = date - &start;
        enforce_range(&age, DAY_BITS)?;
        Ok(Self {
            word,
            age,
            start,
            days,
            class,
            ingredient,
            milli_mme,
            quantity,
        })
    }
}

/// The whole ring: nothing can be left out, since its digest is in the note.
pub(super) struct RingVar {
    pub(super) entries: Vec<EntryVar>,
    groups: Vec<Var>,
    digest: Var,
}

impl RingVar {
    pub(super) fn new(alloc: &Allocator<'_>, ring: &Ring, date: &Var) -> Result<Self> {
        let entries = ring
            .words()
            .iter()
            .map(|word| EntryVar::new(alloc.any(*word)?, date))
            .collect::<Result<Vec<_>>>()?;
        let groups = entries
            .chunks(RING_GROUP)
            .map(|group| digest_of(&group.iter().map(|e| e.word.clone()).collect::<Vec<_>>()))
            .collect::<Result<Vec<_>>>()?;
        let digest = top(&groups)?;
        Ok(Self {
            entries,
            groups,
            digest,
        })
    }

    pub(super) fn digest(&self) -> &Var {
        &self.digest
    }

    /// The digest of the ring with the fill in a slot that is empty or expired; of the same ring if `other`.
    pub(super) fn insert(
        &self,
        alloc: &Allocator<'_>,
        date: &Var,
        fill: &FillVar,
        other: &Boolean<Fr>,
        slot: usize,
    ) -> Result<Var> {
        // The prover picks the slot: exactly one group and one place in it. A slot of 32 or more has no group,
        // which no one-hot allows.
        let group = one_hot(alloc.0, || Ok(slot / RING_GROUP), GROUPS)?;
        let place = one_hot(alloc.0, || Ok(slot % RING_GROUP), RING_GROUP)?;
        let in_group = |value: &dyn Fn(&EntryVar) -> Var| -> Result<Vec<Var>> {
            (0..RING_GROUP)
                .map(|k| {
                    let column: Vec<Var> = (0..GROUPS)
                        .map(|j| value(&self.entries[j * RING_GROUP + k]))
                        .collect();
                    dot(&group, &column)
                })
                .collect()
        };
        let words = in_group(&|e| e.word.clone())?;
        let old = dot(&place, &words)?;
        let end = dot(&place, &in_group(&|e| &e.start + &e.days)?)?;
        // start + days + 120 <= date, all below 2^18: then no look-back or window (at most 120 days) and no
        // refill rule (at most 100 %) asks for the entry.
        let until = &end + Fr::from(u64::from(RETENTION_DAYS));
        let expired = less_or_equal(&until, date, DAY_BITS + 2)?;
        // An empty slot is the word 0; an entry of class 0 is never made, so nothing else is taken for one.
        let empty = is_zero(&old)?;
        (&(&empty | &expired) | other).enforce_equal(&Boolean::TRUE)?;
        // Every part is in range: date, days and quantity where they were made, class and ingredient in the
        // table leaf, the dose after its division.
        let widths = ENTRY_WIDTHS.map(|w| w as usize);
        let parts = [
            date,
            &fill.days,
            &fill.class,
            &fill.ingredient,
            &fill.milli_mme,
            &fill.quantity,
        ];
        let new = join(&parts.into_iter().zip(widths).collect::<Vec<_>>())?;
        // Class 0 writes the old word back.
        let written = choose(other, &old, &new)?;
        let words = words
            .iter()
            .zip(&place)
            .map(|(word, here)| choose(here, &written, word))
            .collect::<Result<Vec<_>>>()?;
        let changed = digest_of(&words)?;
        // Only the chosen group's digest changes.
        let groups = self
            .groups
            .iter()
            .zip(&group)
            .map(|(digest, here)| choose(here, &changed, digest))
            .collect::<Result<Vec<_>>>()?;
        top(&groups)
    }
}

/// `H(RING; eight words)`.
fn digest_of(words: &[Var]) -> Result<Var> {
    let [a, b, c, d, e, f, g, h] = words else {
        return Err(SynthesisError::AssignmentMissing);
    };
    tagged(Tag::Ring, [a, b, c, d, e, f, g, h])
}

/// `H(RINGTOP; four digests, 0)`.
fn top(groups: &[Var]) -> Result<Var> {
    let [a, b, c, d] = groups else {
        return Err(SynthesisError::AssignmentMissing);
    };
    tagged(Tag::RingTop, [a, b, c, d, &constant(0)])
}
