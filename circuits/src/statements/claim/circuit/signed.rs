//! What payer and provider have signed: coverage, service and prior authorisation.

use super::policy::PolicyVar;
use super::{Builder, CENT_BITS, CODE_BITS, DAY_BITS, Inputs, NPI_BITS, Result, UNIT_BITS, Var, constant};
use crate::gadgets::eddsa::{verify, verify_if};
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::enforce_equal;
use crate::gadgets::pack::join;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_less_or_equal, enforce_range};
use crate::gadgets::select::enforce_equal_if;
use crate::statements::claim::Signed;
use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::FpVar;
use medproof_records::claim::{
    Coverage, MEMBER_BITS, MILLI_UNITS, PLAN_BITS, PriorAuthorisation, RenderedService, YEAR_BITS,
};
use medproof_records::record::{Kind, Status};
use medproof_verifier::{Name, Role, Tag};

/// The payer's word on the member's plan year.
pub(super) struct CoverageVar {
    pub(super) subject: Var,
    pub(super) payer: Var,
    pub(super) plan: Var,
    pub(super) plan_word: Var,
    pub(super) member_secret: Var,
    pub(super) start: Var,
    pub(super) end: Var,
}

impl CoverageVar {
    pub(super) fn new(build: &Builder<'_>, coverage: &Coverage) -> Result<Self> {
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

    pub(super) fn enforce(
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
pub(super) struct ServiceVar {
    pub(super) subject: Var,
    pub(super) procedure: Var,
    pub(super) diagnosis: Var,
    pub(super) units: Var,
    pub(super) charge: Var,
    pub(super) day: Var,
    pub(super) npi: Var,
    pub(super) facility: Var,
    pub(super) source: Var,
    pub(super) salt: Var,
}

impl ServiceVar {
    pub(super) fn new(build: &Builder<'_>, service: &RenderedService) -> Result<Self> {
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

    pub(super) fn enforce(
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
    pub(super) fn event(&self) -> Result<Var> {
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

/// The payer's consent, where the row asks for one. Where it does not, every value will do: the row's flag
/// is bound by the policy id, so a prover cannot clear it.
pub(super) fn authorisation(
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
