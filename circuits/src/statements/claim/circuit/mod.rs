//! The constraints of `claim`. Values are allocated where they are first bound; the argument why a
//! prover cannot lie stands at each constraint. Counts by part: `docs/statements/claim.md`.

mod amounts;
mod policy;
mod signed;

use super::Witness;
use crate::gadgets::eddsa::SignatureVar;
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{enforce_equal, witness};
use crate::gadgets::merkle::PathVar;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::enforce_range;
use crate::gadgets::registry::{AcceptedKey, AcceptedKeyVar};
use amounts::{BalancesVar, CostVar};
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::claim::BENEFIT_KIND;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::{Day, Name, Public, Tag};
use policy::{PolicyVar, filing_time};
use signed::{CoverageVar, ServiceVar, authorisation};

type Var = FpVar<Fr>;
type Result<T> = std::result::Result<T, SynthesisError>;

const CODE_BITS: usize = 72;
const CENT_BITS: usize = 40;
const UNIT_BITS: usize = 16;
const DAY_BITS: usize = 16;
const NPI_BITS: usize = 34;
const BALANCE_BITS: usize = 64;
/// Fee times units.
const PRODUCT_BITS: usize = CENT_BITS + UNIT_BITS;
/// Bits of 10,000.
const BASIS_POINT_BITS: usize = 14;

fn constant(x: u64) -> Var {
    FpVar::Constant(Fr::from(x))
}

/// The public inputs in their only order.
struct Inputs {
    anchor: Var,
    identity_root: Var,
    registry_root: Var,
    domain: Var,
    policy_id: Var,
    received: Var,
    nf_claim: Var,
    nf_benefit: Var,
    cm_benefit: Var,
    cm_payable: Var,
    ctx: Var,
}

impl Inputs {
    fn new(cs: &ConstraintSystemRef<Fr>, public: &ClaimPublic) -> Result<Self> {
        let inputs = public.to_vec();
        let inputs = inputs.into_iter().map(|x| Var::new_input(cs.clone(), || Ok(x)));
        let inputs: [Var; 11] = inputs
            .collect::<Result<Vec<_>>>()?
            .try_into()
            .map_err(|_| SynthesisError::AssignmentMissing)?;
        let [
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            received,
            nf_claim,
            nf_benefit,
            cm_benefit,
            cm_payable,
            ctx,
        ] = inputs;
        Ok(Self {
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            received,
            nf_claim,
            nf_benefit,
            cm_benefit,
            cm_payable,
            ctx,
        })
    }
}

/// Called with a part's name when the part is complete; for counts.
pub(super) type Mark<'a> = &'a dyn Fn(&'static str);

/// Allocates private values and marks the parts.
struct Builder<'a> {
    cs: &'a ConstraintSystemRef<Fr>,
    mark: Mark<'a>,
}

impl Builder<'_> {
    fn any(&self, value: Fr) -> Result<Var> {
        witness(self.cs, || Ok(value))
    }

    fn key(&self, key: &AcceptedKey) -> Result<AcceptedKeyVar> {
        AcceptedKeyVar::new_witness(self.cs.clone(), key)
    }

    fn signature(&self, signature: &Signature) -> Result<SignatureVar> {
        SignatureVar::new_witness(self.cs.clone(), signature)
    }

    /// A value below 2^bits.
    fn ranged(&self, value: impl Into<Fr>, bits: usize) -> Result<Var> {
        let x = self.any(value.into())?;
        enforce_range(&x, bits)?;
        Ok(x)
    }

    fn day(&self, day: Day) -> Result<Var> {
        self.ranged(day.0, DAY_BITS)
    }

    fn name(&self, name: &Name) -> Result<Var> {
        self.any(name.to_fr())
    }
}

pub(super) fn synthesise(
    cs: ConstraintSystemRef<Fr>,
    public: &ClaimPublic,
    w: &Witness,
    mark: Mark<'_>,
) -> Result<()> {
    let inputs = Inputs::new(&cs, public)?;
    // `ctx` means nothing to the circuit; the square keeps it from being an input without a constraint,
    // which whoever holds a proof could change.
    let _ = &inputs.ctx * &inputs.ctx;
    let identity = IdentityVar::new_witness(cs.clone(), &w.identity)?;
    identity.enforce_member(&inputs.identity_root, &inputs.domain)?;
    mark("identity");
    let build = Builder { cs: &cs, mark };
    let policy = PolicyVar::new(&build, &inputs, w)?;
    let service = ServiceVar::new(&build, &w.service.content)?;
    let coverage = CoverageVar::new(&build, &w.coverage.content)?;
    coverage.enforce(&build, &inputs, &identity, &policy, &service.day, &w.coverage)?;
    service.enforce(&build, &inputs, &identity, &w.service)?;
    filing_time(&inputs, &policy, &service)?;
    policy.enforce_row(&service)?;
    mark("records and rules");
    authorisation(&build, &inputs, &identity, &policy, &service, &w.authorisation)?;
    balance(&build, &inputs, &identity, &policy, &service, &coverage, w)
}

/// Consumes the benefit note, makes the next, and commits to what is payable.
fn balance(
    build: &Builder<'_>,
    inputs: &Inputs,
    identity: &IdentityVar,
    policy: &PolicyVar,
    service: &ServiceVar,
    coverage: &CoverageVar,
    w: &Witness,
) -> Result<()> {
    let note = &w.note;
    let owner = build.any(note.owner)?;
    let plan = build.any(note.plan)?;
    let rho = build.any(note.rho)?;
    let rcm = build.any(note.rcm)?;
    // The word's parts are in range, so the commitment stands for these balances only.
    let before = BalancesVar {
        deductible: build.ranged(note.balances.deductible, BALANCE_BITS)?,
        out_of_pocket: build.ranged(note.balances.out_of_pocket, BALANCE_BITS)?,
        annual: build.ranged(note.balances.annual, BALANCE_BITS)?,
    };
    // The note is the holder's live one: `owner` is the leaf proven in the identity tree.
    enforce_equal(&owner, &identity.owner)?;
    // It is of the coverage's payer, plan, year and member.
    enforce_equal(&plan, &tagged(Tag::Plan, [&policy.payer, &coverage.plan_word])?)?;
    let cm = tagged(Tag::Ben, [&owner, &plan, &before.word()?, &rho, &rcm])?;
    // The ledger made the leaf with kind and domain, so an account note or another payer's is none.
    let place = constant(BENEFIT_KIND) + &inputs.domain * Fr::from(256u64);
    let leaf = tagged(Tag::Leaf, [&place, &cm])?;
    (build.mark)("notes and nullifiers");
    let path = PathVar::new_witness(build.cs.clone(), &w.note_path)?;
    enforce_equal(&path.root(&leaf)?, &inputs.anchor)?;
    (build.mark)("commitment path");

    // One event has one nullifier for one member: amount and salt are left out.
    let event = service.event()?;
    enforce_equal(
        &tagged(Tag::Claim, [&coverage.member_secret, &event])?,
        &inputs.nf_claim,
    )?;
    // One note has one nullifier: rho is in its commitment, nk is a function of the sk in its owner.
    let nk = identity.nk()?;
    enforce_equal(&tagged(Tag::Nf, [&nk, &rho])?, &inputs.nf_benefit)?;

    (build.mark)("notes and nullifiers");
    let cost = CostVar::new(policy, service, &before)?;
    let after = before.after(&cost)?;
    (build.mark)("amounts");
    // rho' = nf and rcm' = H(RCM; nk, nf) leave the prover no choice.
    let rcm = tagged(Tag::Rcm, [&nk, &inputs.nf_benefit])?;
    let next = tagged(
        Tag::Ben,
        [&owner, &plan, &after.word()?, &inputs.nf_benefit, &rcm],
    )?;
    enforce_equal(&next, &inputs.cm_benefit)?;

    let r = build.any(w.r)?;
    let payable = tagged(Tag::Pay, [&plan, &inputs.policy_id, &event, &cost.word()?, &r])?;
    enforce_equal(&payable, &inputs.cm_payable)?;
    (build.mark)("notes and nullifiers");
    Ok(())
}
