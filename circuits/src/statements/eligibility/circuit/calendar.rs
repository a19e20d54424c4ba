//! The public day as a calendar date.

use crate::gadgets::linear::{enforce_equal, weighted_sum, witness};
use crate::gadgets::range::enforce_range;
use crate::gadgets::select::{dot, is_zero, one_hot};
use ark_bn254::Fr;
use ark_ff::PrimeField;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::Day;

const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A day since 1900-01-01, below 2^16, and the same date as yyyymmdd.
pub(in super::super) struct DateVar {
    /// Days since 1900-01-01.
    pub(in super::super) day: FpVar<Fr>,
    /// Year, month and day as one number.
    pub(in super::super) yyyymmdd: FpVar<Fr>,
}

impl DateVar {
    /// Binds `day` to a calendar date. Costs 56 constraints.
    pub(in super::super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        day: &FpVar<Fr>,
    ) -> Result<Self, SynthesisError> {
        enforce_range(day, 16)?;
        let ymd = || {
            let low = day.value()?.into_bigint().0[0];
            // A day that does not fit breaks the range check above, whatever the date.
            Ok::<_, SynthesisError>(Day(low as u16).ymd())
        };
        // The year is 1900 + 4a + b with a < 64 and b < 4.
        let years = || Ok::<_, SynthesisError>((ymd()?.0 - 1900) as u64);
        let a = witness(cs, || Ok(Fr::from(years()? / 4)))?;
        enforce_range(&a, 6)?;
        let b = one_hot(cs, || Ok((years()? % 4) as usize), 4)?;
        let month = one_hot(cs, || Ok(usize::from(ymd()?.1) - 1), 12)?;
        let d = witness(cs, || Ok(Fr::from(ymd()?.2)))?;
        // Of 1900 to 2155 every year with b = 0 is a leap year but 1900 (a = 0); 2100 is beyond 16 bits.
        let first = FpVar::from(b[0].clone());
        let leap = &first - &first * FpVar::from(is_zero(&a)?);
        let constants = |values: [u64; 12]| values.map(|v| FpVar::Constant(Fr::from(v)));
        let mut before = [0u64; 12];
        for m in 1..12 {
            before[m] = before[m - 1] + LENGTHS[m - 1];
        }
        let february = FpVar::from(month[1].clone());
        let after_february = dot(&month, &constants(std::array::from_fn(|m| u64::from(m > 1))))?;
        let length = dot(&month, &constants(LENGTHS))? + &february * &leap;
        // 1 <= d <= length: d - 1 and length - d both fit 5 bits.
        let one = Fr::from(1u64);
        enforce_range(&(&d - one), 5)?;
        enforce_range(&(&length - &d), 5)?;
        // Leap days before the year: one for each multiple of four after 1900 and before it, which are a of
        // them, less one if the year itself is one. Valid dates and days correspond one to one, so the day
        // leaves no other year, month and day.
        let b = weighted_sum(
            [
                (one, &FpVar::from(b[1].clone())),
                (Fr::from(2u64), &FpVar::from(b[2].clone())),
                (Fr::from(3u64), &FpVar::from(b[3].clone())),
            ],
            Fr::from(0u64),
        )?;
        let of_year = dot(&month, &constants(before))? + &leap * &after_february + &d;
        let number = weighted_sum(
            [
                (Fr::from(4 * 365 + 1u64), &a),
                (Fr::from(365u64), &b),
                (-one, &leap),
                (one, &of_year),
            ],
            -one,
        )?;
        enforce_equal(&number, day)?;
        let month = dot(&month, &constants(std::array::from_fn(|m| m as u64 + 1)))?;
        let yyyymmdd = weighted_sum(
            [
                (Fr::from(40_000u64), &a),
                (Fr::from(10_000u64), &b),
                (Fr::from(100u64), &month),
                (one, &d),
            ],
            Fr::from(19_000_000u64),
        )?;
        Ok(Self {
            day: day.clone(),
            yyyymmdd,
        })
    }
}
