//! One record: its leaf, its fields, what the code table says of its codes, and which atoms it matches.

use super::calendar::DateVar;
use super::policy::RulesVar;
use super::snapshot::HeaderVar;
use super::table::TableVar;
use super::{bit, sum};
use crate::gadgets::linear::{enforce_equal, enforce_product, weighted_sum, witness};
use crate::gadgets::pack::{join, split};
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_range, less_or_equal, less_than};
use crate::gadgets::select::{is_equal, is_zero};
use crate::statements::eligibility::Witness;
use ark_bn254::Fr;
use ark_ff::{Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::policy::eligibility::MAX_ATOMS;
use medproof_records::record::{Category, Kind, W0_WIDTHS, W1_WIDTHS};
use medproof_verifier::{Day, Tag};

/// Bits of a digit that counts up to four conditions.
const DIGIT_BITS: usize = 3;

/// The rules' masks, one word a category, status and verification, with atom i at place 8^i. Definite
/// and possible.
pub(super) struct Columns {
    category: Vec<FpVar<Fr>>,
    status: [Vec<FpVar<Fr>>; 2],
    verification: [Vec<FpVar<Fr>>; 2],
}

impl RulesVar {
    /// The masks of all atoms, by number of the field. Free.
    pub(super) fn columns(&self) -> Result<Columns, SynthesisError> {
        let status = |side: usize| (0..8).map(move |k| self.column(|a| &a.status[side][k]));
        let verification = |side: usize| (0..8).map(move |k| self.column(|a| &a.verification[side][k]));
        Ok(Columns {
            category: (0..8)
                .map(|k| self.column(|a| &a.category[k]))
                .collect::<Result<_, _>>()?,
            status: [
                status(0).collect::<Result<_, _>>()?,
                status(1).collect::<Result<_, _>>()?,
            ],
            verification: [
                verification(0).collect::<Result<_, _>>()?,
                verification(1).collect::<Result<_, _>>()?,
            ],
        })
    }
}

/// A record as the atoms see it.
pub(super) struct RecordVar {
    /// `H(REC; ..)`.
    pub(super) leaf: FpVar<Fr>,
    /// 248 bits of SHA-256 of the resource.
    source: FpVar<Fr>,
    /// From the same resource as the record in the slot before.
    pub(super) continues: FpVar<Fr>,
    /// First day, below 2^16.
    pub(super) start: FpVar<Fr>,
    /// Packed value.
    pub(super) value: FpVar<Fr>,
    /// Quantity; a patient's sex.
    pub(super) quantity: FpVar<Fr>,
    /// A demographics record in use.
    pub(super) demographics: FpVar<Fr>,
    /// 1 = alive, 2 = deceased, 0 = anything else.
    pub(super) life: FpVar<Fr>,
    /// Undated, or a medication that runs on the date: outside its window it may count.
    pub(super) perhaps: FpVar<Fr>,
    /// `pack(value:64, unit:8, comparator:8, start:16, gap:1, undated:1)`.
    pub(super) evidence: FpVar<Fr>,
    /// Whether it matches each atom for certain, its window aside.
    pub(super) definite: Vec<FpVar<Fr>>,
    /// Whether it matches each atom or is not known not to.
    pub(super) possible: Vec<FpVar<Fr>>,
}

/// Place of the flag "not a definite match in the window" in [`RecordVar::evidence`].
pub(super) fn gap_place() -> Fr {
    Fr::from(2u64).pow([96])
}

/// One bit a number from 0 to 7 (or 1 to n), as numbers.
pub(super) struct Hot(Vec<FpVar<Fr>>);

impl Hot {
    /// Bits of which the one at position `value - first` is set, `on` of them in all (0 or 1). Costs
    /// n + 2 constraints.
    pub(super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        value: &FpVar<Fr>,
        first: u64,
        n: usize,
        on: &FpVar<Fr>,
    ) -> Result<Self, SynthesisError> {
        let hint = |i: usize| {
            let is = value
                .value()
                .is_ok_and(|v| v.into_bigint().0[0] == first + i as u64);
            is && on.value().is_ok_and(|v| v == Fr::from(1u64))
        };
        let bits = (0..n)
            .map(|i| bit(cs, || hint(i)))
            .collect::<Result<Vec<_>, _>>()?;
        // n bits sum to an integer below r: exactly `on` of them are set. If it is one, the weighted sum is its
        // number, which must be the value.
        enforce_equal(&sum(&bits)?, on)?;
        let numbers = (first..).map(Fr::from).zip(&bits);
        let named = weighted_sum(numbers, Fr::from(0u64))?;
        enforce_product(on, value, &named)?;
        Ok(Self(bits))
    }

    /// `sum of bit * column`. Costs a constraint a column.
    fn of(&self, columns: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
        let products: Vec<FpVar<Fr>> = self.0.iter().zip(columns).map(|(b, c)| b * c).collect();
        sum(&products)
    }
}

impl RecordVar {
    /// Allocates the record in slot `i`. Costs 1,703 constraints in the standard tier.
    #[allow(clippy::too_many_arguments)] // each is one part of the statement that a record meets
    pub(super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        witnessed: &Witness,
        i: usize,
        used: &FpVar<Fr>,
        header: &HeaderVar,
        columns: &Columns,
        table: &TableVar,
        date: &DateVar,
        previous: Option<&Self>,
    ) -> Result<Self, SynthesisError> {
        let salted = witnessed.snapshot.records.get(i);
        let zero = Fr::from(0u64);
        let words = salted.map_or([zero; 2], |s| s.record.to_words());
        let (actor2, source, salt) =
            salted.map_or((zero, zero, zero), |s| (s.record.actor2, s.record.source, s.salt));
        let new = |x: Fr| witness(cs, || Ok(x));
        let (w0, w1) = (new(words[0])?, new(words[1])?);
        let (actor2, source, salt) = (new(actor2)?, new(source)?, new(salt)?);
        let leaf = tagged(Tag::Rec, [&header.subject, &w0, &w1, &actor2, &source, &salt])?;
        // Each word has one split, so that every field is the one that was signed.
        let low = split(&w0, &W0_WIDTHS.map(|w| w as usize))?;
        let high = split(&w1, &W1_WIDTHS.map(|w| w as usize))?;
        let [
            kind,
            code,
            code2,
            status,
            verification,
            _,
            _,
            comparator,
            negated,
            ..,
        ] = low.as_slice()
        else {
            // The first word has eleven fields.
            return Err(SynthesisError::Unsatisfiable);
        };
        let [value, unit, quantity, days, start, end, ..] = high.as_slice() else {
            // The second word has eight fields.
            return Err(SynthesisError::Unsatisfiable);
        };
        // E10: nothing in the snapshot is later than the snapshot. An empty slot has a free word, and start 0.
        enforce_range(&(&header.as_of - start), 16)?;

        // A record that is unused or says that something is not so has no kind, and matches nothing.
        let counts = used - used * negated;
        let kinds = Hot::new(cs, kind, 1, Kind::ALL.len(), &counts)?;
        let one = FpVar::Constant(Fr::from(1u64));
        let status = Hot::new(cs, status, 0, 8, &one)?;
        let verification = Hot::new(cs, verification, 0, 8, &one)?;
        let categories = categories(&kinds)?;

        let [first, second] = witnessed.opening.choice(i);
        let first = table.lookup(cs, code, first)?;
        let second = table.lookup(cs, code2, second)?;
        let mask = first.union(&second)?;
        let (members, unmapped) = mask.split_at(MAX_ATOMS);
        let maybe: Vec<FpVar<Fr>> = members.iter().zip(unmapped).map(|(m, u)| m + u - m * u).collect();
        let matches = |member: &[FpVar<Fr>], side: usize| {
            let parts = [
                super::digits(member, 8)?,
                categories.of(&columns.category)?,
                status.of(&columns.status[side])?,
                verification.of(&columns.verification[side])?,
            ];
            fourfold(&sum(&parts)?)
        };
        let definite = matches(members, 0)?;
        let possible = matches(&maybe, 1)?;

        let undated = FpVar::from(is_zero(start)?);
        let runs = runs(&kinds, &categories, days, start, end, date)?;
        let continues = match previous {
            Some(previous) => FpVar::from(is_equal(&source, &previous.source)?),
            None => FpVar::Constant(zero),
        };
        let gap = FpVar::Constant(zero);
        Ok(Self {
            leaf,
            source,
            continues,
            start: start.clone(),
            value: value.clone(),
            quantity: quantity.clone(),
            demographics: kinds.0[0].clone(),
            life: &status.0[1] + &status.0[2] + &status.0[2],
            perhaps: &undated + &runs - &undated * &runs,
            evidence: join(&[
                (value, 64),
                (unit, 8),
                (comparator, 8),
                (start, 16),
                (&gap, 1),
                (&undated, 1),
            ])?,
            definite,
            possible,
        })
    }
}

/// The category's bits from the kind's. Free.
fn categories(kinds: &Hot) -> Result<Hot, SynthesisError> {
    let bits = Category::ALL.iter().map(|category| {
        let of = Kind::ALL.iter().zip(&kinds.0);
        sum(of.filter(|(k, _)| k.category() == *category).map(|(_, b)| b))
    });
    Ok(Hot(bits.collect::<Result<_, _>>()?))
}

/// Which digits (base 8, each at most 4) of a sum of four masks are 4. Costs 48 constraints.
pub(super) fn fourfold(sum: &FpVar<Fr>) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    // Each digit counts the conditions that hold, 0 to 4, so no digit carries; it is 4 exactly if its highest
    // bit is set.
    let bits = split(sum, &[1; DIGIT_BITS * MAX_ATOMS])?;
    Ok(bits
        .chunks(DIGIT_BITS)
        .map(|digit| digit[DIGIT_BITS - 1].clone())
        .collect())
}

/// Whether a medication runs on the date, or may: by its days' supply or its end. Costs 41 constraints.
fn runs(
    kinds: &Hot,
    categories: &Hot,
    days: &FpVar<Fr>,
    start: &FpVar<Fr>,
    end: &FpVar<Fr>,
    date: &DateVar,
) -> Result<FpVar<Fr>, SynthesisError> {
    // Sums of 16-bit numbers are below 2^17.
    let supplied = FpVar::from(less_than(&date.day, &(start + days), 17)?);
    let reaches = FpVar::from(less_or_equal(&date.day, end, 16)?);
    let open = FpVar::from(is_equal(end, &FpVar::Constant(Fr::from(Day::OPEN.0)))?);
    // An open end (2^16 - 1) reaches every date. Only of a dispense with a days' supply it says nothing; 0 days
    // stand for a supply that is not stated, which may last.
    let stated = FpVar::Constant(Fr::from(1u64)) - FpVar::from(is_zero(days)?);
    let ends_with_supply = &kinds.0[Kind::Dispense as usize - 1] * stated;
    let reaches = reaches - ends_with_supply * open;
    let either = &supplied + &reaches - &supplied * &reaches;
    Ok(either * &categories.0[Category::Medication as usize])
}
