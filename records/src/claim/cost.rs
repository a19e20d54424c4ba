//! The plan's arithmetic, in cents (`docs/statements/claim.md`, section "Arithmetic").

use crate::record::Cents;
use ark_bn254::Fr;
use medproof_verifier::field::{pack, unpack};
use medproof_verifier::opening::Amounts;

/// Basis points in one whole.
pub const BASIS_POINTS: u64 = 10_000;

/// What is left of a member's yearly limits, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balances {
    /// Deductible that the patient still has to meet.
    pub deductible: u64,
    /// Rest of the out-of-pocket maximum (deductible and coinsurance count towards it).
    pub out_of_pocket: u64,
    /// What the plan may still pay this year.
    pub annual: u64,
}

impl Balances {
    /// `pack(deductible:64, out-of-pocket:64, annual:64)`.
    pub fn to_fr(&self) -> Fr {
        // Three u64 fit their widths, 192 bits a field element.
        pack(&[
            (self.deductible.into(), 64),
            (self.out_of_pocket.into(), 64),
            (self.annual.into(), 64),
        ])
        .unwrap_or_default()
    }

    /// Reads packed balances; `None` when anything is left over.
    pub fn from_fr(word: &Fr) -> Option<Self> {
        let fields = unpack(word, &[64, 64, 64])?;
        Some(Self {
            deductible: u64::try_from(fields[0]).ok()?,
            out_of_pocket: u64::try_from(fields[1]).ok()?,
            annual: u64::try_from(fields[2]).ok()?,
        })
    }

    /// What is left after a claim.
    ///
    /// # Errors
    /// [`AnnualLimit`] when the payment is over the annual rest; it is never cut. The patient's
    /// part is within the balances when `cost` was computed from them, else this errs as well.
    pub fn after(&self, cost: &Cost) -> Result<Self, AnnualLimit> {
        let patient = cost.deductible.checked_add(cost.coinsurance).ok_or(AnnualLimit)?;
        Ok(Self {
            deductible: self.deductible.checked_sub(cost.deductible).ok_or(AnnualLimit)?,
            out_of_pocket: self.out_of_pocket.checked_sub(patient).ok_or(AnnualLimit)?,
            annual: self.annual.checked_sub(cost.pay).ok_or(AnnualLimit)?,
        })
    }
}

/// A payment is over what is left of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment is over what the plan may still pay this year")]
pub struct AnnualLimit;

/// What the policy says about one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// Price of a unit.
    pub cents: Cents,
    /// The patient's share after the deductible, in basis points, at most 10,000.
    pub coinsurance_bp: u16,
}

/// The amounts of one claim, in cents, each below 2^40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The lesser of charge and fee.
    pub allowed: u64,
    /// Part of the allowed amount that the patient bears before the plan shares.
    pub deductible: u64,
    /// The patient's share of the rest.
    pub coinsurance: u64,
    /// What the plan pays.
    pub pay: u64,
}

impl Cost {
    /// Prices `units` of a service charged at `charge`:
    ///
    /// - `allowed = min(charge, fee x units)`
    /// - `deductible = min(allowed, deductible rest, out-of-pocket rest)`
    /// - `coinsurance = min(half_up((allowed - deductible) x bp / 10,000), out-of-pocket rest - deductible)`
    /// - `pay = allowed - deductible - coinsurance`
    ///
    /// The out-of-pocket rest bounds the deductible too: it is the most that the patient may bear, and
    /// with it the patient's total is the lesser of that rest and what deductible and coinsurance come to.
    pub fn of(fee: Fee, charge: Cents, units: u16, left: &Balances) -> Self {
        // 40 + 16 bits: no product below leaves u64.
        let allowed = charge.get().min(fee.cents.get() * u64::from(units));
        let deductible = allowed.min(left.deductible).min(left.out_of_pocket);
        let share = half_up(
            (allowed - deductible) * u64::from(fee.coinsurance_bp).min(BASIS_POINTS),
            BASIS_POINTS,
        );
        let coinsurance = share.min(left.out_of_pocket - deductible);
        Self {
            allowed,
            deductible,
            coinsurance,
            pay: allowed - deductible - coinsurance,
        }
    }

    /// The amounts as they are opened to the insurer.
    pub fn amounts(&self) -> Amounts {
        Amounts {
            allowed: self.allowed,
            deductible: self.deductible,
            coinsurance: self.coinsurance,
            pay: self.pay,
        }
    }
}

/// `numerator / divisor` rounded half-up: `floor((2 numerator + divisor) / (2 divisor))`.
///
/// The divisor is a positive constant of the code and `2 numerator + divisor` fits u64.
pub fn half_up(numerator: u64, divisor: u64) -> u64 {
    (2 * numerator + divisor) / (2 * divisor)
}
