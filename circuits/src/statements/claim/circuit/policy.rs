//! The policy, its opened row, and what they ask of the service.

use super::signed::ServiceVar;
use super::{
    BASIS_POINT_BITS, Builder, CENT_BITS, CODE_BITS, DAY_BITS, Inputs, Result, UNIT_BITS, Var, constant,
};
use crate::gadgets::linear::enforce_equal;
use crate::gadgets::merkle::PathVar;
use crate::gadgets::pack::join;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_less_or_equal, enforce_range};
use crate::statements::claim::Witness;
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use medproof_records::claim::{BASIS_POINTS, PLAN_BITS};
use medproof_records::policy::claim::STATEMENT_KIND;
use medproof_verifier::Tag;

/// The compiled policy and the opened row of its pair table.
pub(super) struct PolicyVar {
    pub(super) payer: Var,
    pub(super) plan: Var,
    pub(super) max_days: Var,
    pub(super) coinsurance_bp: Var,
    pub(super) diagnosis_lo: Var,
    pub(super) diagnosis_hi: Var,
    pub(super) procedure: Var,
    pub(super) fee: Var,
    pub(super) max_units: Var,
    pub(super) authorisation_needed: Boolean<Fr>,
}

impl PolicyVar {
    /// Everything here hashes to `policy_id`, which names one policy that the relying party and the ledger
    /// know; so a prover has no choice but of the row.
    pub(super) fn new(build: &Builder<'_>, inputs: &Inputs, w: &Witness) -> Result<Self> {
        let (rules, row) = (&w.rules, &w.row);
        let cs = build.cs;
        let this = Self {
            payer: build.name(&rules.payer)?,
            plan: build.ranged(rules.plan.to_fr(), PLAN_BITS as usize)?,
            max_days: build.ranged(rules.max_days, DAY_BITS)?,
            coinsurance_bp: build.ranged(rules.coinsurance_bp, BASIS_POINT_BITS)?,
            diagnosis_lo: build.ranged(row.diagnosis.lo(), CODE_BITS)?,
            diagnosis_hi: build.ranged(row.diagnosis.hi(), CODE_BITS)?,
            procedure: build.any(row.procedure.to_fr())?,
            fee: build.ranged(row.fee.get(), CENT_BITS)?,
            max_units: build.ranged(row.max_units, UNIT_BITS)?,
            authorisation_needed: Boolean::new_witness(cs.clone(), || Ok(row.prior_authorisation))?,
        };
        // A share over 100 % would make the payment negative.
        enforce_less_or_equal(&this.coinsurance_bp, &constant(BASIS_POINTS), BASIS_POINT_BITS)?;
        let zero = constant(0);
        let table_root = build.any(rules.table_root)?;
        let version = build.any(rules.version)?;
        // Both parts were range-checked, so the word has one reading; likewise for the row's terms below.
        let limits = join(&[(&this.max_days, 16), (&this.coinsurance_bp, 16)])?;
        let rules = tagged(Tag::ClaimRules, [&this.payer, &this.plan, &limits, &zero, &zero])?;
        let policy_id = tagged(
            Tag::Policy,
            [
                &constant(STATEMENT_KIND),
                &this.payer,
                &rules,
                &table_root,
                &version,
            ],
        )?;
        enforce_equal(&policy_id, &inputs.policy_id)?;
        let needed = FpVar::from(this.authorisation_needed.clone());
        let terms = join(&[(&this.fee, CENT_BITS), (&this.max_units, UNIT_BITS), (&needed, 1)])?;
        let leaf = tagged(
            Tag::Pair,
            [
                &this.diagnosis_lo,
                &this.diagnosis_hi,
                &this.procedure,
                &terms,
                &zero,
            ],
        )?;
        (build.mark)("records and rules");
        // The row is a leaf of the table: leaves are tagged hashes, nodes are not, empty leaves are 0, and
        // the path has the table's depth.
        let path = PathVar::new_witness(cs.clone(), &w.row_path)?;
        enforce_equal(&path.root(&leaf)?, &table_root)?;
        (build.mark)("pair table path");
        Ok(this)
    }

    /// The row is the one of the service's codes and allows its units.
    pub(super) fn enforce_row(&self, service: &ServiceVar) -> Result<()> {
        // All three are below 2^72.
        enforce_less_or_equal(&self.diagnosis_lo, &service.diagnosis, CODE_BITS)?;
        enforce_less_or_equal(&service.diagnosis, &self.diagnosis_hi, CODE_BITS)?;
        enforce_equal(&self.procedure, &service.procedure)?;
        // 1 <= units <= maximum. Units of 0 stand for "not stated", which is not free of charge: units - 1
        // would be r - 1, far above 2^16.
        enforce_range(&(&service.units - Fr::from(1u64)), UNIT_BITS)?;
        enforce_less_or_equal(&service.units, &self.max_units, UNIT_BITS)
    }
}

/// `0 <= received - service day <= max days`.
pub(super) fn filing_time(inputs: &Inputs, policy: &PolicyVar, service: &ServiceVar) -> Result<()> {
    enforce_range(&inputs.received, DAY_BITS)?;
    // Both days are below 2^16, so the difference is in range only if it is not negative.
    let days = &inputs.received - &service.day;
    enforce_range(&days, DAY_BITS)?;
    enforce_less_or_equal(&days, &policy.max_days, DAY_BITS)
}
