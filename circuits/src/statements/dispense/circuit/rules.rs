//! The rules over the ring; twin of `medproof_records::dispensing::Limits::evaluate`.

use super::ring::{EntryVar, RingVar};
use super::{Allocator, DAY_BITS, DAYS_BITS, Result, Var};
use crate::gadgets::linear::weighted_sum;
use crate::gadgets::pack::join;
use crate::gadgets::range::{less_or_equal, less_than};
use crate::gadgets::select::{count, is_equal, is_zero};
use ark_bn254::Fr;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use medproof_records::dispensing::{LIMITS_WIDTHS, Limits};

/// Bits of the peak and quantity limits.
const LIMIT_BITS: usize = 40;
/// Bits of a number of fills.
const FILLS_BITS: usize = 8;
/// 100 * 2^16 and 2^8 * 2^16 are below it.
const PERCENT_BITS: usize = 24;

/// The fill that is asked for, every part in range.
pub(super) struct FillVar {
    pub(super) class: Var,
    pub(super) ingredient: Var,
    pub(super) micro_mme: Var,
    pub(super) milli_mme: Var,
    pub(super) days: Var,
    pub(super) quantity: Var,
}

/// The limits of a class, each in the range of its place in the limits word.
pub(super) struct LimitsVar {
    peak: Var,
    quantity: Var,
    quantity_window: Var,
    fills: Var,
    fills_window: Var,
    first_lookback: Var,
    first_max_days: Var,
    refill_percent: Var,
}

/// What one entry adds to the rules.
struct Contribution {
    peak: Var,
    quantity: Var,
    fill: Boolean<Fr>,
    prior: Boolean<Fr>,
    early: Boolean<Fr>,
}

impl LimitsVar {
    pub(super) fn new(alloc: &Allocator<'_>, limits: &Limits) -> Result<Self> {
        let [
            peak,
            quantity,
            quantity_window,
            fills,
            fills_window,
            lookback,
            max_days,
            percent,
        ] = LIMITS_WIDTHS.map(|w| w as usize);
        Ok(Self {
            peak: alloc.ranged(limits.peak, peak)?,
            quantity: alloc.ranged(limits.quantity, quantity)?,
            quantity_window: alloc.ranged(limits.quantity_window, quantity_window)?,
            fills: alloc.ranged(limits.fills, fills)?,
            fills_window: alloc.ranged(limits.fills_window, fills_window)?,
            first_lookback: alloc.ranged(limits.first_lookback, lookback)?,
            first_max_days: alloc.ranged(limits.first_max_days, max_days)?,
            refill_percent: alloc.ranged(limits.refill_percent, percent)?,
        })
    }

    /// The limits word: its parts are in range, so it stands for these limits only.
    pub(super) fn word(&self) -> Result<Var> {
        let parts = [
            &self.peak,
            &self.quantity,
            &self.quantity_window,
            &self.fills,
            &self.fills_window,
            &self.first_lookback,
            &self.first_max_days,
            &self.refill_percent,
        ];
        let widths = LIMITS_WIDTHS.map(|w| w as usize);
        join(&parts.into_iter().zip(widths).collect::<Vec<_>>())
    }

    /// Whether the fill keeps every limit, given all entries of the ring.
    pub(super) fn kept(&self, ring: &RingVar, fill: &FillVar) -> Result<Boolean<Fr>> {
        let parts = ring
            .entries
            .iter()
            .map(|entry| self.contribution(entry, fill))
            .collect::<Result<Vec<_>>>()?;
        let one = Fr::from(1u64);
        let sum = |terms: Vec<&Var>| weighted_sum(terms.into_iter().map(|t| (one, t)), Fr::from(0u64));
        // 33 terms below 2^32 are below 2^38: sums and limits are comparable in 40 bits.
        let peak = sum(parts.iter().map(|p| &p.peak).chain([&fill.milli_mme]).collect())?;
        let peak = less_or_equal(&peak, &self.peak, LIMIT_BITS)?;
        let quantity = sum(parts
            .iter()
            .map(|p| &p.quantity)
            .chain([&fill.quantity])
            .collect())?;
        let quantity = less_or_equal(&quantity, &self.quantity, LIMIT_BITS)?;
        // At most 33.
        let fills = count(&parts.iter().map(|p| p.fill.clone()).collect::<Vec<_>>())? + one;
        let fills = less_or_equal(&fills, &self.fills, FILLS_BITS)?;
        // At most 32 each, so they are 0 only if no entry adds to them.
        let naive = is_zero(&count(
            &parts.iter().map(|p| p.prior.clone()).collect::<Vec<_>>(),
        )?)?;
        let in_time = is_zero(&count(
            &parts.iter().map(|p| p.early.clone()).collect::<Vec<_>>(),
        )?)?;
        let short = less_or_equal(&fill.days, &self.first_max_days, DAYS_BITS)?;
        // A window or look-back of 0 means that the rule is not there; a drug of 0 MME is not asked for the
        // first-fill rule.
        let quantity = &quantity | &is_zero(&self.quantity_window)?;
        let fills = &fills | &is_zero(&self.fills_window)?;
        let not_asked = &is_zero(&self.first_lookback)? | &is_zero(&fill.micro_mme)?;
        let first = &(&not_asked | &!&naive) | &short;
        Ok(&(&(&peak & &quantity) & &(&fills & &first)) & &in_time)
    }

    /// What `entry` adds. An entry of another class, and an empty slot (class 0) unless the fill's class is 0
    /// too, adds nothing; for class 0 the result is not used.
    fn contribution(&self, entry: &EntryVar, fill: &FillVar) -> Result<Contribution> {
        let age = &entry.age;
        let same = is_equal(&entry.class, &fill.class)?;
        // start <= date < start + days; the start is not after the date.
        let active = &same & &less_than(age, &entry.days, DAY_BITS)?;
        // start > date - W
        let in_quantity_window = &same & &less_than(age, &self.quantity_window, DAY_BITS)?;
        let fill_counts = &same & &less_than(age, &self.fills_window, DAY_BITS)?;
        // MME > 0 and date - L <= start < date
        let before = &less_or_equal(age, &self.first_lookback, DAY_BITS)? & &!is_zero(age)?;
        let with_mme = &same & &!is_zero(&entry.milli_mme)?;
        // (date - start) * 100 < percent * days, both below 2^24
        let used = age * Fr::from(100u64);
        let needed = &self.refill_percent * &entry.days;
        let ingredient = &same & &is_equal(&entry.ingredient, &fill.ingredient)?;
        Ok(Contribution {
            peak: FpVar::from(active) * &entry.milli_mme,
            quantity: FpVar::from(in_quantity_window) * &entry.quantity,
            fill: fill_counts,
            prior: &with_mme & &before,
            early: &ingredient & &less_than(&used, &needed, PERCENT_BITS)?,
        })
    }
}
