//! The statement as constraints. Each clause stands where it is enforced; the numbers are those of
//! `docs/statements/eligibility.md`.

mod atom;
mod calendar;
#[cfg(test)]
pub(super) mod parts;
mod policy;
mod record;
mod snapshot;
mod table;

use super::{Tier, Witness};
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{bind_input, enforce_equal, lc, witness};
use crate::gadgets::poseidon::tagged;
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Public, Tag};

pub(super) use calendar::DateVar;
pub(super) use table::TableVar;

/// Allocates inputs and witness and enforces every clause.
pub(super) fn synthesise<T: Tier>(
    cs: ConstraintSystemRef<Fr>,
    public: &EligibilityPublic,
    witness: &Witness,
) -> Result<(), SynthesisError> {
    in_parts::<T>(cs, public, witness, &mut |_| ())
}

/// [`synthesise`], telling after each part that it is done, so that parts can be counted.
pub(super) fn in_parts<T: Tier>(
    cs: ConstraintSystemRef<Fr>,
    public: &EligibilityPublic,
    witness: &Witness,
    done: &mut dyn FnMut(&'static str),
) -> Result<(), SynthesisError> {
    if !witness.fits::<T>() {
        return Err(SynthesisError::Unsatisfiable);
    }
    let inputs = public.to_vec();
    let inputs = inputs
        .iter()
        .map(|x| FpVar::new_input(cs.clone(), || Ok(*x)))
        .collect::<Result<Vec<_>, _>>()?;
    let [identity_root, registry_root, policy_id, date, nf_trial, ctx] = inputs.as_slice() else {
        // The statement has these six inputs.
        return Err(SynthesisError::Unsatisfiable);
    };
    bind_input(ctx)?;
    // E1
    let date = DateVar::new(&cs, date)?;
    done("date");
    // E3
    let rules = policy::RulesVar::new(&cs, &witness.rules, policy_id)?;
    done("rules");
    // E2, E4
    let identity = IdentityVar::new_witness(cs.clone(), &witness.identity)?;
    identity.enforce_member(identity_root, &rules.identity_domain)?;
    let scope = tagged(Tag::Scope, [&rules.sponsor, &rules.uniqueness_scope])?;
    enforce_equal(&tagged(Tag::Trial, [&identity.ts, &scope])?, nf_trial)?;
    done("identity and nullifier");
    // E5 to E9
    let header = snapshot::HeaderVar::new(&cs, witness, &identity, &rules, registry_root, &date)?;
    done("issuer and header");
    // E10, E11
    let table = TableVar::new(&cs, &witness.opening.leaves, T::LEAVES, &rules.table_root)?;
    done("opened table leaves");
    let records = snapshot::records::<T>(&cs, witness, &header, &rules, &table, &date)?;
    done("records");
    // E12, E13
    let claims = atom::claims(&cs, witness, &rules, &records, &date)?;
    done("atoms");
    rules.enforce_clauses(&claims)?;
    done("clauses");
    Ok(())
}

/// A new bit as a number, in the constraint of `Boolean::new_witness`. Costs 1 constraint.
fn bit(cs: &ConstraintSystemRef<Fr>, hint: impl FnOnce() -> bool) -> Result<FpVar<Fr>, SynthesisError> {
    let x = witness(cs, || Ok(Fr::from(hint())))?;
    let not = || LinearCombination::from(Variable::One) - lc(&x);
    cs.enforce_r1cs_constraint(not, || lc(&x), LinearCombination::zero)?;
    Ok(x)
}

/// The sum of some variables. Free.
fn sum<'a>(terms: impl IntoIterator<Item = &'a FpVar<Fr>>) -> Result<FpVar<Fr>, SynthesisError> {
    let one = Fr::from(1u64);
    crate::gadgets::linear::weighted_sum(terms.into_iter().map(|t| (one, t)), Fr::from(0u64))
}

/// `sum of base^i * terms[i]`. Free; the caller knows that nothing wraps.
fn digits(terms: &[FpVar<Fr>], base: u64) -> Result<FpVar<Fr>, SynthesisError> {
    let base = Fr::from(base);
    let places = std::iter::successors(Some(Fr::from(1u64)), |p| Some(*p * base));
    crate::gadgets::linear::weighted_sum(places.zip(terms), Fr::from(0u64))
}
