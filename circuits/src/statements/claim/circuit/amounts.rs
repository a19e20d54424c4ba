//! The plan's arithmetic; twin of `medproof_records::claim::Cost` and `Balances`.

use super::policy::PolicyVar;
use super::signed::ServiceVar;
use super::{BALANCE_BITS, BASIS_POINT_BITS, CENT_BITS, PRODUCT_BITS, Result, Var, constant};
use crate::gadgets::division::half_up;
use crate::gadgets::pack::join;
use crate::gadgets::range::{enforce_range, less_or_equal};
use crate::gadgets::select::choose;
use medproof_records::claim::BASIS_POINTS;

/// `min(a, b)` of two values below 2^bits.
fn least(a: &Var, b: &Var, bits: usize) -> Result<Var> {
    choose(&less_or_equal(a, b, bits)?, a, b)
}

/// The amounts of the claim, in cents.
pub(super) struct CostVar {
    pub(super) allowed: Var,
    pub(super) deductible: Var,
    pub(super) coinsurance: Var,
    pub(super) pay: Var,
}

impl CostVar {
    /// Twin of `medproof_records::claim::Cost::of`.
    pub(super) fn new(policy: &PolicyVar, service: &ServiceVar, balances: &BalancesVar) -> Result<Self> {
        // 40 + 16 bits.
        let priced = &policy.fee * &service.units;
        // The lesser of two values, one of them below 2^40, is below 2^40.
        let allowed = least(&service.charge, &priced, PRODUCT_BITS)?;
        let deductible = least(&allowed, &balances.deductible, BALANCE_BITS)?;
        let deductible = least(&deductible, &balances.out_of_pocket, BALANCE_BITS)?;
        // deductible <= allowed and deductible <= out-of-pocket rest: neither difference is negative.
        let shared = &allowed - &deductible;
        let rest = &balances.out_of_pocket - &deductible;
        let share = half_up(
            &(&shared * &policy.coinsurance_bp),
            &constant(BASIS_POINTS),
            CENT_BITS + BASIS_POINT_BITS,
            BASIS_POINT_BITS,
        )?;
        let coinsurance = least(&share, &rest, BALANCE_BITS)?;
        // Not negative: bp <= 10,000 makes share <= shared. The range says it once more, and makes the
        // packed amounts have one reading without that argument.
        let pay = &shared - &coinsurance;
        enforce_range(&pay, CENT_BITS)?;
        Ok(Self {
            allowed,
            deductible,
            coinsurance,
            pay,
        })
    }

    pub(super) fn word(&self) -> Result<Var> {
        join(&[
            (&self.allowed, CENT_BITS),
            (&self.deductible, CENT_BITS),
            (&self.coinsurance, CENT_BITS),
            (&self.pay, CENT_BITS),
        ])
    }
}

/// What is left of the yearly limits, in cents, each below 2^64.
pub(super) struct BalancesVar {
    pub(super) deductible: Var,
    pub(super) out_of_pocket: Var,
    pub(super) annual: Var,
}

impl BalancesVar {
    pub(super) fn word(&self) -> Result<Var> {
        join(&[
            (&self.deductible, BALANCE_BITS),
            (&self.out_of_pocket, BALANCE_BITS),
            (&self.annual, BALANCE_BITS),
        ])
    }

    /// What is left after `cost`, which was computed from these balances.
    pub(super) fn after(&self, cost: &CostVar) -> Result<Self> {
        // A payment over the annual rest is refused: the difference would be negative, or 2^64 and more
        // modulo r. The two others are not negative by the minima in `CostVar::new`.
        let annual = &self.annual - &cost.pay;
        enforce_range(&annual, BALANCE_BITS)?;
        Ok(Self {
            deductible: &self.deductible - &cost.deductible,
            out_of_pocket: &self.out_of_pocket - &cost.deductible - &cost.coinsurance,
            annual,
        })
    }
}
