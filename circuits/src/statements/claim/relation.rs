//! The native relation: each clause of `docs/statements/claim.md` once, in the order in which
//! `medproof check claim` names the first that fails.

use super::Witness;
use crate::gadgets::registry::{AcceptedKey, KeyRefused};
use ark_bn254::Fr;
use medproof_records::claim::{BASIS_POINTS, benefit_leaf};
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::{Day, Role, eddsa, field::unpack};

/// The clause that a claim breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The holder has no identity leaf in the domain under the root.
    #[error("the holder's identity is not in the identity tree of this domain")]
    Identity,
    /// Rules and table root do not hash to the policy id, or the coinsurance is over 100 %.
    #[error("the rules are not those of the policy id")]
    Policy,
    /// The row is not in the pair table.
    #[error("the row is not in the policy's pair table")]
    Row,
    /// The coverage's signer is not accepted.
    #[error("coverage: {0}")]
    CoverageKey(KeyRefused),
    /// The coverage's signer is another payer.
    #[error("the coverage is signed by another payer than the policy's")]
    CoverageParty,
    /// The coverage's signature does not hold.
    #[error("the payer's signature of the coverage does not hold")]
    CoverageSignature,
    /// The coverage is someone else's.
    #[error("the coverage is not the holder's")]
    CoverageSubject,
    /// The coverage names another payer.
    #[error("the coverage names another payer than the policy")]
    CoveragePayer,
    /// The coverage names another plan.
    #[error("the coverage names another plan than the policy")]
    CoveragePlan,
    /// The coverage does not hold on the day of the service.
    #[error("the coverage does not hold on the day of the service")]
    CoveragePeriod,
    /// The provider is not accepted.
    #[error("provider: {0}")]
    ServiceKey(KeyRefused),
    /// The provider's signature does not hold.
    #[error("the provider's signature of the service does not hold")]
    ServiceSignature,
    /// The service was someone else's.
    #[error("the service was not rendered to the holder")]
    ServiceSubject,
    /// The claim was received before the service or too late.
    #[error("the claim was not received within the filing time")]
    Filing,
    /// The row is for another diagnosis or procedure.
    #[error("the diagnosis and the procedure are not those of the row")]
    Pair,
    /// No units, or more than the row allows.
    #[error("the units are not within the row's maximum")]
    Units,
    /// The authorisation's signer is not accepted.
    #[error("prior authorisation: {0}")]
    AuthorisationKey(KeyRefused),
    /// The authorisation's signer or payer is another one.
    #[error("the prior authorisation is another payer's")]
    AuthorisationPayer,
    /// The authorisation's signature does not hold.
    #[error("the payer's signature of the prior authorisation does not hold")]
    AuthorisationSignature,
    /// The authorisation is someone else's.
    #[error("the prior authorisation is not the holder's")]
    AuthorisationSubject,
    /// The authorisation is for another procedure or for fewer units.
    #[error("the prior authorisation is for another procedure or for fewer units")]
    AuthorisationScope,
    /// The authorisation does not hold on the day of the service.
    #[error("the prior authorisation does not hold on the day of the service")]
    AuthorisationPeriod,
    /// The balance is someone else's.
    #[error("the benefit note is not the holder's")]
    NoteOwner,
    /// The balance is of another plan, year, member or payer.
    #[error("the benefit note is of another plan year, member or payer than the coverage")]
    NotePlan,
    /// The balance is not under the anchor as a benefit note of this domain.
    #[error("the benefit note is not in the commitment tree of this domain")]
    NoteAnchor,
    /// The event's nullifier is another.
    #[error("nf_claim is not the nullifier of the claimed event")]
    ClaimNullifier,
    /// The note's nullifier is another.
    #[error("nf_benefit is not the nullifier of the benefit note")]
    BenefitNullifier,
    /// The payment is over the annual rest.
    #[error("the payment is over the annual rest")]
    AnnualLimit,
    /// The new note is not what is left.
    #[error("cm_benefit is not what is left of the balance")]
    NextNote,
    /// The opening to the insurer is of something else.
    #[error("cm_payable does not commit to this event and these amounts")]
    Payable,
}

/// The reason of the command contract for a broken clause; `None` for clauses that only a forged
/// statement breaks and that say nothing about the claim.
pub fn reason(refused: &Refused) -> Option<&'static str> {
    use Refused::*;
    match refused {
        CoverageKey(_) | CoverageParty | CoverageSignature | CoverageSubject | CoveragePayer
        | CoveragePlan | CoveragePeriod => Some("coverage"),
        ServiceKey(_) | ServiceSignature | ServiceSubject => Some("provider"),
        Filing => Some("timely filing"),
        Pair => Some("diagnosis and procedure"),
        Units => Some("units"),
        AuthorisationKey(_)
        | AuthorisationPayer
        | AuthorisationSignature
        | AuthorisationSubject
        | AuthorisationScope
        | AuthorisationPeriod => Some("prior authorisation"),
        AnnualLimit => Some("annual limit"),
        Identity | Policy | Row | NoteOwner | NotePlan | NoteAnchor | ClaimNullifier | BenefitNullifier
        | NextNote | Payable => None,
    }
}

fn require(holds: bool, otherwise: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(otherwise) }
}

pub(super) fn check(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let identity = &witness.identity;
    require(
        identity.domain == public.domain && identity.root() == public.identity_root,
        Refused::Identity,
    )?;
    policy(public, witness)?;
    coverage(public, witness)?;
    service(public, witness)?;
    let day = witness.service.content.service;
    let filed = day_of(public.received).and_then(|received| received.checked_sub(day.0));
    require(
        filed.is_some_and(|days| days <= witness.rules.max_days),
        Refused::Filing,
    )?;
    let (claimed, row) = (&witness.service.content, &witness.row);
    require(
        row.diagnosis.contains(claimed.diagnosis) && row.procedure == claimed.procedure,
        Refused::Pair,
    )?;
    require((1..=row.max_units).contains(&claimed.units), Refused::Units)?;
    if row.prior_authorisation {
        authorisation(public, witness)?;
    }
    balance(public, witness)
}

fn policy(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let rules = &witness.rules;
    require(
        rules.policy_id() == public.policy_id && u64::from(rules.coinsurance_bp) <= BASIS_POINTS,
        Refused::Policy,
    )?;
    let root = witness.row_path.root(witness.row.hash());
    require(root == rules.table_root, Refused::Row)
}

fn coverage(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let (signed, rules) = (&witness.coverage, &witness.rules);
    let coverage = &signed.content;
    let day = witness.service.content.service;
    payer_key(&signed.key, public, day).map_err(Refused::CoverageKey)?;
    require(signed.key.leaf.party == rules.payer, Refused::CoverageParty)?;
    require(
        eddsa::verify(&signed.key.public_key(), coverage.hash(), &signed.signature).is_ok(),
        Refused::CoverageSignature,
    )?;
    require(
        coverage.subject == witness.identity.sk.subject(rules.payer.to_fr()),
        Refused::CoverageSubject,
    )?;
    require(coverage.payer == rules.payer, Refused::CoveragePayer)?;
    require(coverage.plan.plan == rules.plan, Refused::CoveragePlan)?;
    require(coverage.covers(day), Refused::CoveragePeriod)
}

fn payer_key(key: &AcceptedKey, public: &ClaimPublic, day: Day) -> Result<(), KeyRefused> {
    key.check(public.registry_root, Role::Payer, public.domain, day)
}

fn service(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let signed = &witness.service;
    let service = &signed.content;
    let npi = Fr::from(service.npi_number());
    signed
        .key
        .check(public.registry_root, Role::Provider, npi, service.service)
        .map_err(Refused::ServiceKey)?;
    require(
        eddsa::verify(&signed.key.public_key(), service.hash(), &signed.signature).is_ok(),
        Refused::ServiceSignature,
    )?;
    let party = signed.key.leaf.party.to_fr();
    require(
        service.subject == witness.identity.sk.subject(party),
        Refused::ServiceSubject,
    )
}

fn authorisation(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let (signed, rules) = (&witness.authorisation, &witness.rules);
    let (authorisation, service) = (&signed.content, &witness.service.content);
    payer_key(&signed.key, public, service.service).map_err(Refused::AuthorisationKey)?;
    require(
        signed.key.leaf.party == rules.payer && authorisation.payer == rules.payer,
        Refused::AuthorisationPayer,
    )?;
    require(
        eddsa::verify(&signed.key.public_key(), authorisation.hash(), &signed.signature).is_ok(),
        Refused::AuthorisationSignature,
    )?;
    require(
        authorisation.subject == witness.identity.sk.subject(rules.payer.to_fr()),
        Refused::AuthorisationSubject,
    )?;
    require(
        authorisation.procedure == service.procedure && service.units <= authorisation.units,
        Refused::AuthorisationScope,
    )?;
    require(
        authorisation.covers(service.service),
        Refused::AuthorisationPeriod,
    )
}

fn balance(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
    let (identity, note) = (&witness.identity, &witness.note);
    let coverage = &witness.coverage.content;
    require(note.owner == identity.owner(), Refused::NoteOwner)?;
    require(note.plan == coverage.plan_digest(), Refused::NotePlan)?;
    let leaf = benefit_leaf(public.domain, note.commitment());
    require(witness.note_path.root(leaf) == public.anchor, Refused::NoteAnchor)?;
    require(
        witness.event().nullifier(coverage.member_secret) == Some(public.nf_claim),
        Refused::ClaimNullifier,
    )?;
    require(
        identity.sk.nullifier(note.rho) == public.nf_benefit,
        Refused::BenefitNullifier,
    )?;
    let next = witness.next_note().ok_or(Refused::AnnualLimit)?;
    require(next.commitment() == public.cm_benefit, Refused::NextNote)?;
    require(
        witness.opening().commitment() == Some(public.cm_payable),
        Refused::Payable,
    )
}

/// The day that a public input stands for.
fn day_of(input: Fr) -> Option<u16> {
    unpack(&input, &[16]).and_then(|fields| u16::try_from(*fields.first()?).ok())
}
