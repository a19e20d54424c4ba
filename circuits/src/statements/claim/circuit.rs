//! The constraints of `claim`. Values are allocated where they are first bound; the argument why a
//! prover cannot lie stands at each constraint. Counts by part: `docs/statements/claim.md`.

use super::{Signed, Witness};
use crate::gadgets::division::half_up;
use crate::gadgets::eddsa::{SignatureVar, verify, verify_if};
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{enforce_equal, witness};
use crate::gadgets::merkle::PathVar;
use crate::gadgets::pack::join;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_less_or_equal, enforce_range, less_or_equal};
use crate::gadgets::registry::{AcceptedKey, AcceptedKeyVar};
use crate::gadgets::select::{choose, enforce_equal_if};
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::claim::{
    BASIS_POINTS, BENEFIT_KIND, Coverage, MEMBER_BITS, MILLI_UNITS, PLAN_BITS, PriorAuthorisation,
    RenderedService, YEAR_BITS,
};
use medproof_records::policy::claim::STATEMENT_KIND;
use medproof_records::record::{Kind, Status};
use medproof_verifier::eddsa::Signature;
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::{Day, Name, Public, Role, Tag};

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

/// The compiled policy and the opened row of its pair table.
struct PolicyVar {
    payer: Var,
    plan: Var,
    max_days: Var,
    coinsurance_bp: Var,
    diagnosis_lo: Var,
    diagnosis_hi: Var,
    procedure: Var,
    fee: Var,
    max_units: Var,
    authorisation_needed: Boolean<Fr>,
}

impl PolicyVar {
    /// Everything here hashes to `policy_id`, which names one policy that the relying party and the ledger
    /// know; so a prover has no choice but of the row.
    fn new(build: &Builder<'_>, inputs: &Inputs, w: &Witness) -> Result<Self> {
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
    fn enforce_row(&self, service: &ServiceVar) -> Result<()> {
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

/// The payer's word on the member's plan year.
struct CoverageVar {
    subject: Var,
    payer: Var,
    plan: Var,
    plan_word: Var,
    member_secret: Var,
    start: Var,
    end: Var,
}

impl CoverageVar {
    fn new(build: &Builder<'_>, coverage: &Coverage) -> Result<Self> {
        let plan = build.ranged(coverage.plan.plan.to_fr(), PLAN_BITS as usize)?;
        let year = build.ranged(coverage.plan.year, YEAR_BITS as usize)?;
        let member = build.ranged(coverage.plan.member.to_u128(), MEMBER_BITS as usize)?;
        // The parts are in range, so no other plan, year and member give the same word.
        let plan_word = join(&[
            (&plan, PLAN_BITS as usize),
            (&year, YEAR_BITS as usize),
            (&member, MEMBER_BITS as usize),
        ])?;
        Ok(Self {
            subject: build.any(coverage.subject)?,
            payer: build.name(&coverage.payer)?,
            plan,
            plan_word,
            member_secret: build.any(coverage.member_secret)?,
            start: build.day(coverage.start)?,
            end: build.day(coverage.end)?,
        })
    }

    fn enforce(
        &self,
        build: &Builder<'_>,
        inputs: &Inputs,
        identity: &IdentityVar,
        policy: &PolicyVar,
        day: &Var,
        signed: &Signed<Coverage>,
    ) -> Result<()> {
        (build.mark)("records and rules");
        let key = build.key(&signed.key)?;
        key.enforce_accepted(&inputs.registry_root, Role::Payer, &inputs.domain, day)?;
        (build.mark)("registry keys");
        // The scope alone would let any payer of the domain sign; the party makes it the policy's.
        enforce_equal(&key.party, &policy.payer)?;
        let period = join(&[(&self.start, DAY_BITS), (&self.end, DAY_BITS)])?;
        let message = tagged(
            Tag::Cov,
            [
                &self.subject,
                &self.payer,
                &self.plan_word,
                &self.member_secret,
                &period,
            ],
        )?;
        (build.mark)("records and rules");
        verify(&key.public_key, &message, &build.signature(&signed.signature)?)?;
        (build.mark)("signatures");
        // Someone else's coverage has a subject of another sk.
        enforce_equal(&self.subject, &identity.subject(&policy.payer)?)?;
        enforce_equal(&self.payer, &policy.payer)?;
        enforce_equal(&self.plan, &policy.plan)?;
        enforce_less_or_equal(&self.start, day, DAY_BITS)?;
        enforce_less_or_equal(day, &self.end, DAY_BITS)
    }
}

/// The provider's word on what was done.
struct ServiceVar {
    subject: Var,
    procedure: Var,
    diagnosis: Var,
    units: Var,
    charge: Var,
    day: Var,
    npi: Var,
    facility: Var,
    source: Var,
    salt: Var,
}

impl ServiceVar {
    fn new(build: &Builder<'_>, service: &RenderedService) -> Result<Self> {
        Ok(Self {
            subject: build.any(service.subject)?,
            procedure: build.ranged(service.procedure.packed(), CODE_BITS)?,
            diagnosis: build.ranged(service.diagnosis.packed(), CODE_BITS)?,
            units: build.ranged(service.units, UNIT_BITS)?,
            charge: build.ranged(service.charge.get(), CENT_BITS)?,
            day: build.day(service.service)?,
            npi: build.ranged(service.npi_number(), NPI_BITS)?,
            facility: build.any(service.facility.as_ref().map(Name::to_fr).unwrap_or_default())?,
            source: build.any(service.source)?,
            salt: build.any(service.salt)?,
        })
    }

    fn enforce(
        &self,
        build: &Builder<'_>,
        inputs: &Inputs,
        identity: &IdentityVar,
        signed: &Signed<RenderedService>,
    ) -> Result<()> {
        (build.mark)("records and rules");
        let key = build.key(&signed.key)?;
        // The key's scope is the record's NPI, so nobody signs for another provider; an excluded provider
        // has no leaf at all.
        key.enforce_accepted(&inputs.registry_root, Role::Provider, &self.npi, &self.day)?;
        (build.mark)("registry keys");
        let message = record(
            Kind::ClaimLine,
            &RecordVar {
                subject: &self.subject,
                code: &self.procedure,
                code2: &self.diagnosis,
                units: &self.units,
                start: &self.day,
                end: &self.day,
                amount: &self.charge,
                actor: &self.npi,
                actor2: &self.facility,
                source: &self.source,
                salt: &self.salt,
            },
        )?;
        (build.mark)("records and rules");
        verify(&key.public_key, &message, &build.signature(&signed.signature)?)?;
        (build.mark)("signatures");
        // The subject is that of the signing party: a record which another provider's pseudonym names is
        // nobody's here.
        enforce_equal(&self.subject, &identity.subject(&key.party)?)
    }

    /// `pack(npi:34, service date:16, procedure:72)`, each in range.
    fn event(&self) -> Result<Var> {
        join(&[
            (&self.npi, NPI_BITS),
            (&self.day, DAY_BITS),
            (&self.procedure, CODE_BITS),
        ])
    }
}

/// The parts of a record that claims use. All but subject, second actor, source and salt must be known
/// to fit their widths.
struct RecordVar<'a> {
    subject: &'a Var,
    code: &'a Var,
    code2: &'a Var,
    units: &'a Var,
    start: &'a Var,
    end: &'a Var,
    amount: &'a Var,
    actor: &'a Var,
    actor2: &'a Var,
    source: &'a Var,
    salt: &'a Var,
}

/// `H(REC; ..)` of a completed record whose other fields (verification, flags, value, unit, days) are 0:
/// a record of another kind or status, or a negated one, has another hash.
fn record(kind: Kind, r: &RecordVar<'_>) -> Result<Var> {
    let w0 = join(&[
        (&constant(kind.id().into()), 8),
        (r.code, CODE_BITS),
        (r.code2, CODE_BITS),
        (&constant(Status::Done.id().into()), 8),
    ])?;
    // 1000 * (2^16 - 1) < 2^32: the quantity fits its width.
    let quantity = r.units * Fr::from(MILLI_UNITS);
    let w1 = join(&[
        (&constant(0), 64 + 8),
        (&quantity, 32),
        (&constant(0), 16),
        (r.start, DAY_BITS),
        (r.end, DAY_BITS),
        (r.amount, CENT_BITS),
        (r.actor, NPI_BITS),
    ])?;
    tagged(Tag::Rec, [r.subject, &w0, &w1, r.actor2, r.source, r.salt])
}

/// `0 <= received - service day <= max days`.
fn filing_time(inputs: &Inputs, policy: &PolicyVar, service: &ServiceVar) -> Result<()> {
    enforce_range(&inputs.received, DAY_BITS)?;
    // Both days are below 2^16, so the difference is in range only if it is not negative.
    let days = &inputs.received - &service.day;
    enforce_range(&days, DAY_BITS)?;
    enforce_less_or_equal(&days, &policy.max_days, DAY_BITS)
}

/// The payer's consent, where the row asks for one. Where it does not, every value will do: the row's flag
/// is bound by the policy id, so a prover cannot clear it.
fn authorisation(
    build: &Builder<'_>,
    inputs: &Inputs,
    identity: &IdentityVar,
    policy: &PolicyVar,
    service: &ServiceVar,
    signed: &Signed<PriorAuthorisation>,
) -> Result<()> {
    let needed = &policy.authorisation_needed;
    let content = &signed.content;
    let subject = build.any(content.subject)?;
    let procedure = build.any(content.procedure.to_fr())?;
    let units = build.ranged(content.units, UNIT_BITS)?;
    let start = build.day(content.start)?;
    let end = build.day(content.end)?;
    let payer = build.name(&content.payer)?;
    (build.mark)("records and rules");
    let key = build.key(&signed.key)?;
    key.enforce_accepted_if(
        needed,
        &inputs.registry_root,
        Role::Payer,
        &inputs.domain,
        &service.day,
    )?;
    (build.mark)("registry keys");
    enforce_equal_if(needed, &key.party, &policy.payer)?;
    enforce_equal_if(needed, &payer, &policy.payer)?;
    // Equal to the service's procedure it is below 2^72, so the record's word has one reading.
    enforce_equal_if(needed, &procedure, &service.procedure)?;
    let zero = constant(0);
    let message = record(
        Kind::PriorAuthorisation,
        &RecordVar {
            subject: &subject,
            code: &procedure,
            code2: &zero,
            units: &units,
            start: &start,
            end: &end,
            amount: &zero,
            actor: &zero,
            actor2: &payer,
            source: &build.any(content.source)?,
            salt: &build.any(content.salt)?,
        },
    )?;
    (build.mark)("records and rules");
    let signature = build.signature(&signed.signature)?;
    verify_if(needed, &key.public_key, &message, &signature)?;
    (build.mark)("signatures");
    enforce_equal_if(needed, &subject, &identity.subject(&policy.payer)?)?;
    // Differences where the condition holds, else 0: all operands are below 2^16.
    let on = FpVar::from(needed.clone());
    for (small, large) in [
        (&service.units, &units),
        (&start, &service.day),
        (&service.day, &end),
    ] {
        enforce_range(&(&on * (large - small)), DAY_BITS)?;
    }
    (build.mark)("records and rules");
    Ok(())
}

/// `min(a, b)` of two values below 2^bits.
fn least(a: &Var, b: &Var, bits: usize) -> Result<Var> {
    choose(&less_or_equal(a, b, bits)?, a, b)
}

/// The amounts of the claim, in cents.
struct CostVar {
    allowed: Var,
    deductible: Var,
    coinsurance: Var,
    pay: Var,
}

impl CostVar {
    /// Twin of `medproof_records::claim::Cost::of`.
    fn new(policy: &PolicyVar, service: &ServiceVar, balances: &BalancesVar) -> Result<Self> {
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

    fn word(&self) -> Result<Var> {
        join(&[
            (&self.allowed, CENT_BITS),
            (&self.deductible, CENT_BITS),
            (&self.coinsurance, CENT_BITS),
            (&self.pay, CENT_BITS),
        ])
    }
}

/// What is left of the yearly limits, in cents, each below 2^64.
struct BalancesVar {
    deductible: Var,
    out_of_pocket: Var,
    annual: Var,
}

impl BalancesVar {
    fn word(&self) -> Result<Var> {
        join(&[
            (&self.deductible, BALANCE_BITS),
            (&self.out_of_pocket, BALANCE_BITS),
            (&self.annual, BALANCE_BITS),
        ])
    }

    /// What is left after `cost`, which was computed from these balances.
    fn after(&self, cost: &CostVar) -> Result<Self> {
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
