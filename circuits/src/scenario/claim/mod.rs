//! `medproof check claim`: a throw-away payer, provider, member and balance around one claim bundle.
//!
//! What the bundle states is signed by those who state it; what it does not state is not signed. A lying
//! prover's witness claims it all the same, and the clause that refuses it gives the reason.

mod example;
#[cfg(test)]
mod tests;

pub use example::{example, example_bundle, example_context, example_policy};

use super::world::{self, Registry, lone_path};
use super::{Outcome, Verdict};
use crate::gadgets::registry::AcceptedKey;
use crate::statement::Circuit;
use crate::statements::claim::{Claim, Refused, Signed, Witness, no_authorisation, reason};
use ark_bn254::Fr;
use medproof_records::claim::{
    Authorised, Balances, BenefitNote, ClaimContext, Coverage, Days, FiledClaim, FiledCoverage, PlanWord,
    PriorAuthorisation, RenderedService,
};
use medproof_records::code::Code;
use medproof_records::fhir::{Bundle, Refusal};
use medproof_records::identity::{Identity, Secret};
use medproof_records::policy::claim::{ClaimPolicy, PairRow};
use medproof_records::signing::SigningKey;
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::{Day, KeyLeaf, Name, Path, Role};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeMap;

/// Public inputs and witness of one claim.
pub type Assignment = (ClaimPublic, Witness);

/// Evaluates one claim. `ctx` becomes the public input of that name.
///
/// # Errors
/// [`Refusal`] when the bundle does not say what is claimed.
pub fn check(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &ClaimPolicy,
    bundle: &Bundle,
    context: &ClaimContext,
    ctx: Fr,
) -> Result<Outcome<Assignment>, Refusal> {
    let filed = FiledClaim::read(bundle)?;
    let world = World::new(rng, policy, &filed, context);
    let codes_differ = world.codes_differ();
    let witness = world.witness(rng, context);
    let public = witness.public(world.registry.root(), filed.received, ctx);
    let refused = Claim::relation(&public, &witness).err();
    let spent = context.already_claimed;
    let reason = match refused {
        // The two last reasons: a duplicate is one however much it would pay.
        None | Some(Refused::AnnualLimit) if spent => "duplicate",
        None => "ok",
        // A record of other codes is refused by its signature. The reason is in the codes, which come
        // after the filing time.
        Some(Refused::ServiceSignature) if codes_differ => match filed_in_time(policy, &filed) {
            true => "diagnosis and procedure",
            false => "timely filing",
        },
        // The world is honest about everything but the claim, so the other clauses hold.
        Some(refused) => reason(&refused).unwrap_or("coverage"),
    };
    let accepted = reason == "ok";
    let figures = match accepted {
        true => figures(&witness),
        false => BTreeMap::new(),
    };
    Ok(Outcome {
        verdict: match accepted {
            true => Verdict::Accept,
            false => Verdict::Reject,
        },
        reason: reason.to_owned(),
        figures,
        nullifier_spent: spent && refused.is_none(),
        assignment: Some((public, witness)),
    })
}

fn figures(witness: &Witness) -> BTreeMap<&'static str, i64> {
    let cost = witness.cost();
    // Amounts are below 2^40.
    BTreeMap::from([
        ("allowed", cost.allowed as i64),
        ("deductible", cost.deductible as i64),
        ("coinsurance", cost.coinsurance as i64),
        ("pay", cost.pay as i64),
    ])
}

fn filed_in_time(policy: &ClaimPolicy, filed: &FiledClaim) -> bool {
    let days = filed.received.0.checked_sub(filed.day.0);
    days.is_some_and(|days| days <= policy.rules().max_days)
}

/// Everybody who signs, and the holder.
struct World<'a> {
    policy: &'a ClaimPolicy,
    filed: &'a FiledClaim,
    payer: SigningKey,
    provider: SigningKey,
    /// Signs what nobody accepted has signed.
    stranger: SigningKey,
    provider_party: Name,
    registry: Registry,
    payer_at: usize,
    /// Position of the provider's leaf; `None` when it has none.
    provider_at: Option<usize>,
    domain: Name,
    procedure: Code,
    diagnosis: Code,
}

impl<'a> World<'a> {
    fn new(
        rng: &mut (impl RngCore + CryptoRng),
        policy: &'a ClaimPolicy,
        filed: &'a FiledClaim,
        context: &ClaimContext,
    ) -> Self {
        let mut keys = || SigningKey::generate(rng);
        let (payer, provider, stranger) = (keys(), keys(), keys());
        let mut registry = Registry::default();
        let party = &policy.rules().payer;
        let always = (Day(0), Day::OPEN);
        // A payer's members are enrolled in its own domain, here of its own name.
        let payer_at = registry.add(&payer, Role::Payer, party, party.to_fr(), always);
        // A constant name within the alphabet.
        let provider_party: Name = "provider".parse().expect("a valid name");
        let provider_at = privileges(filed, context).map(|(npi, valid)| {
            let scope = Fr::from(npi);
            registry.add(&provider, Role::Provider, &provider_party, scope, valid)
        });
        let (diagnosis, procedure) = claimed_codes(policy, filed);
        Self {
            policy,
            filed,
            payer,
            provider,
            stranger,
            provider_party,
            registry,
            payer_at,
            provider_at,
            domain: party.clone(),
            procedure,
            diagnosis,
        }
    }

    /// Whether the provider's record is of the service that is claimed, but for its codes.
    fn codes_differ(&self) -> bool {
        self.filed.rendered.as_ref().is_some_and(|rendered| {
            let same =
                rendered.procedures.contains(&self.procedure) && rendered.diagnoses.contains(&self.diagnosis);
            rendered.holds && rendered.day == self.filed.day && !same
        })
    }

    fn witness(&self, rng: &mut (impl RngCore + CryptoRng), context: &ClaimContext) -> Witness {
        let mut fresh = || Secret::generate(rng).expose();
        let salts: [Fr; 7] = std::array::from_fn(|_| fresh());
        let [
            other_subject,
            member_secret,
            salt,
            authorisation_salt,
            rho,
            rcm,
            r,
        ] = salts;
        let (identity, _) = world::identity(rng, &self.domain);
        let coverage = self.coverage(&identity, other_subject, member_secret);
        let (row, row_path) = self.row();
        let note = BenefitNote {
            owner: identity.owner(),
            plan: coverage.content.plan_digest(),
            balances: Balances {
                deductible: context.balance_cents.deductible_left,
                out_of_pocket: context.balance_cents.out_of_pocket_left,
                annual: context.balance_cents.annual_left,
            },
            rho,
            rcm,
        };
        let index = u64::from(rng.next_u32());
        Witness {
            note,
            // A u32 is below 4^16.
            note_path: lone_path(index).expect("32 bits index 16 quaternary levels"),
            coverage,
            service: self.service(&identity, salt),
            authorisation: match row.prior_authorisation {
                true => self.authorisation(&identity, authorisation_salt),
                false => no_authorisation(),
            },
            rules: self.policy.rules().clone(),
            row,
            row_path,
            r,
            identity,
        }
    }

    /// The row of the claimed codes, or the one that comes closest.
    fn row(&self) -> (PairRow, Path<{ medproof_verifier::tree::TABLE_DEPTH }>) {
        let rows = self.policy.rows();
        let found = self.policy.find(self.diagnosis, self.procedure);
        let close = || rows.iter().position(|r| r.procedure == self.procedure);
        let index = found.or_else(close).unwrap_or(0);
        // A policy with no row does not compile.
        let (row, path) = self.policy.open(index).expect("the index is that of a row");
        (row.clone(), path)
    }

    fn payer_key(&self) -> AcceptedKey {
        // The position is one that `add` returned.
        self.registry.accepted(self.payer_at).expect("a registered key")
    }

    /// A key with a leaf of its own making and no place in the registry.
    fn unregistered(&self, key: &SigningKey, role: Role, party: &Name, scope: Fr) -> AcceptedKey {
        let public = key.public_key();
        AcceptedKey {
            leaf: KeyLeaf {
                ax: public.x,
                ay: public.y,
                role,
                party: party.clone(),
                scope,
                valid_from: Day(0),
                valid_to: Day::OPEN,
            },
            path: Path::zero(),
        }
    }

    /// The payer signs the coverage that the bundle states: someone else's when it is not the patient's, not
    /// active or not there.
    fn coverage(&self, identity: &Identity, other_subject: Fr, member_secret: Fr) -> Signed<Coverage> {
        let rules = self.policy.rules();
        let filed = self.filed.coverage.as_ref();
        let stated = filed.and_then(|c| c.plan.as_deref());
        let same_plan = stated.is_none_or(|p| p.trim() == rules.plan.to_string());
        let other_plan = stated.filter(|_| !same_plan).and_then(|p| p.trim().parse().ok());
        let holds = filed.is_some_and(|c| c.holds) && (same_plan || other_plan.is_some());
        let (period, year) = plan_year(filed, self.filed.day);
        let subject = match holds {
            true => identity.sk.subject(rules.payer.to_fr()),
            false => other_subject,
        };
        let content = Coverage {
            subject,
            payer: rules.payer.clone(),
            plan: PlanWord {
                plan: other_plan.unwrap_or(rules.plan),
                year,
                // A constant text within the alphabet.
                member: filed.map_or_else(|| "none".parse().expect("a valid member id"), |c| c.member),
            },
            member_secret,
            start: period.0,
            end: period.1,
        };
        Signed {
            signature: self.payer.sign(content.hash()),
            content,
            key: self.payer_key(),
        }
    }

    /// The provider signs the service that the bundle states; the witness claims the one that is filed.
    fn service(&self, identity: &Identity, salt: Fr) -> Signed<RenderedService> {
        let (filed, rendered) = (self.filed, self.filed.rendered.as_ref());
        let subject = identity.sk.subject(self.provider_party.to_fr());
        let record = |procedure, diagnosis, service| RenderedService {
            subject,
            procedure,
            diagnosis,
            units: filed.units,
            charge: filed.charge,
            service,
            npi: filed.provider.npi,
            facility: None,
            source: rendered.map(|r| r.source).unwrap_or_default(),
            salt,
        };
        let claimed = record(self.procedure, self.diagnosis, filed.day);
        let own = |claimed: Code, codes: &[Code]| match codes.contains(&claimed) {
            true => claimed,
            false => codes.first().copied().unwrap_or(Code::ABSENT),
        };
        let signature = match rendered.filter(|r| r.holds) {
            Some(r) => {
                let procedure = own(self.procedure, &r.procedures);
                let diagnosis = own(self.diagnosis, &r.diagnoses);
                self.provider.sign(record(procedure, diagnosis, r.day).hash())
            }
            None => self.stranger.sign(claimed.hash()),
        };
        let scope = Fr::from(claimed.npi_number());
        let registered = self.provider_at.and_then(|at| self.registry.accepted(at));
        Signed {
            content: claimed,
            key: registered.unwrap_or_else(|| {
                self.unregistered(&self.provider, Role::Provider, &self.provider_party, scope)
            }),
            signature,
        }
    }

    /// The payer signs the authorisation that the bundle states and that comes closest; a stranger signs
    /// one that fits when there is none.
    fn authorisation(&self, identity: &Identity, salt: Fr) -> Signed<PriorAuthorisation> {
        let rules = self.policy.rules();
        let filed = self.filed;
        let fits = |a: &Authorised| {
            u8::from(a.procedures.contains(&self.procedure))
                + u8::from(a.period.0 <= filed.day && filed.day <= a.period.1)
                + u8::from(filed.units <= a.units)
        };
        let found = filed.authorisations.iter().max_by_key(|a| fits(a));
        let procedure = found.map_or(self.procedure, |a| match a.procedures.contains(&self.procedure) {
            true => self.procedure,
            false => a.procedures.first().copied().unwrap_or(Code::ABSENT),
        });
        let period = found.map_or((Day(0), Day::OPEN), |a| a.period);
        let content = PriorAuthorisation {
            subject: identity.sk.subject(rules.payer.to_fr()),
            procedure,
            units: found.map_or(filed.units, |a| a.units),
            start: period.0,
            end: period.1,
            payer: rules.payer.clone(),
            source: found.map(|a| a.source).unwrap_or_default(),
            salt,
        };
        let signer = match found {
            Some(_) => &self.payer,
            None => &self.stranger,
        };
        Signed {
            signature: signer.sign(content.hash()),
            content,
            key: match found {
                Some(_) => self.payer_key(),
                None => self.unregistered(signer, Role::Payer, &rules.payer, self.domain.to_fr()),
            },
        }
    }
}

/// The provider's NPI and the period of privileges that counts, unless the registry has no leaf for it: no
/// NPI, no privileges, or excluded.
fn privileges(filed: &FiledClaim, context: &ClaimContext) -> Option<(u64, Days)> {
    let provider = &filed.provider;
    let npi = provider.npi?;
    let excluded = context.excluded_npi.iter().any(|e| e.trim() == npi.to_string());
    let on_the_day = |p: &&Days| p.0 <= filed.day && filed.day <= p.1;
    let period = provider.privileges.iter().find(on_the_day);
    let period = period.or(provider.privileges.last()).filter(|_| !excluded)?;
    Some((npi.number(), *period))
}

/// The diagnosis and procedure that the claim stands on: of those that it names, the first pair that was
/// rendered and is covered, else that is covered, else the first.
fn claimed_codes(policy: &ClaimPolicy, filed: &FiledClaim) -> (Code, Code) {
    let pairs = || {
        let diagnoses = filed.diagnoses.iter();
        diagnoses.flat_map(|d| filed.procedures.iter().map(move |p| (*d, *p)))
    };
    let covered = |(d, p): &(Code, Code)| policy.find(*d, *p).is_some();
    let done = |(d, p): &(Code, Code)| {
        let rendered = filed.rendered.as_ref();
        rendered.is_some_and(|r| r.diagnoses.contains(d) && r.procedures.contains(p))
    };
    let first = |codes: &[Code]| codes.first().copied().unwrap_or(Code::ABSENT);
    pairs()
        .find(|pair| covered(pair) && done(pair))
        .or_else(|| pairs().find(covered))
        .unwrap_or((first(&filed.diagnoses), first(&filed.procedures)))
}

/// The period and the year that a payer signs for. A coverage whose start is not known covers no day.
fn plan_year(filed: Option<&FiledCoverage>, service: Day) -> (Days, u16) {
    let period = filed.and_then(|c| c.period);
    period.map_or(((Day::OPEN, Day(0)), 0), |period| {
        medproof_records::claim::plan_year(period, service)
    })
}
