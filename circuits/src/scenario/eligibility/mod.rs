//! A throw-away screening: one issuer, one snapshot of the bundle's patient, one trial.

mod example;

pub use example::{example, example_bundle, example_policy};

use super::{Outcome, Verdict, world};
use crate::statements::eligibility::{Large, Standard, Witness};
use ark_bn254::Fr;
use medproof_records::fhir::{Bundle, Refusal};
use medproof_records::import::{Scope, import};
use medproof_records::policy::eligibility::{CompiledPolicy, Decision, decide};
use medproof_records::record::Record;
use medproof_records::signing::SigningKey;
use medproof_records::snapshot::Snapshot;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Day, Name, Role, Tag, tagged};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeMap;

/// The reason when no tier takes the snapshot.
pub const TOO_MANY: &str = "too many records for the largest circuit";
/// The reason when the formula is false.
pub const CRITERIA: &str = "criteria";

/// Public inputs and witness for the smallest circuit that takes them.
pub enum Assignment {
    /// Up to 64 records.
    Standard(EligibilityPublic, Witness),
    /// Up to 128 records.
    Large(EligibilityPublic, Witness),
}

/// Judges the bundle's patient on `on`, with a snapshot made on that day.
///
/// The reason of a rejection is [`CRITERIA`], or `unknown: ATOM` where an atom that decides is not known.
/// The figures count the snapshot's records, the opened leaves of the code table, and the atoms by what is
/// known of them.
///
/// # Errors
/// [`Refusal`], naming the resource and its field, when the bundle has no patient or cannot be imported.
pub fn check(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &CompiledPolicy,
    bundle: &Bundle,
    on: Day,
    ctx: Fr,
) -> Result<Outcome<Assignment>, Refusal> {
    let imported = import(bundle, &Scope::clinical_summary(on))?;
    Ok(judge(rng, policy, &imported.records, on, ctx))
}

/// [`check`] over records that were already imported.
pub fn judge(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &CompiledPolicy,
    records: &[Record],
    on: Day,
    ctx: Fr,
) -> Outcome<Assignment> {
    let Some((public, witness)) = world(rng, policy, records, on, ctx) else {
        return unprovable(records.len());
    };
    let facts = witness.opening.facts(&witness.snapshot.records);
    let truths = policy.rules().truths(&facts, on);
    let (verdict, reason) = match decide(&policy.rules().clauses, &truths) {
        Decision::Met => (Verdict::Accept, "ok".to_owned()),
        Decision::NotMet => (Verdict::Reject, CRITERIA.to_owned()),
        Decision::Unknown(i) => (Verdict::Reject, format!("unknown: {}", policy.atom_names()[i])),
    };
    let count = |wanted| truths.iter().filter(|t| **t == wanted).count();
    let figures = [
        ("records", records.len()),
        ("opened_leaves", witness.opening.leaves.len()),
        ("atoms_true", count(Some(true))),
        ("atoms_false", count(Some(false))),
        ("atoms_unknown", count(None)),
    ];
    // All are below 2^18.
    let figures = figures.into_iter().map(|(name, n)| (name, n as i64)).collect();
    let assignment = if witness.fits::<Standard>() {
        Assignment::Standard(public, witness)
    } else if witness.fits::<Large>() {
        Assignment::Large(public, witness)
    } else {
        return unprovable(records.len());
    };
    Outcome {
        verdict,
        reason,
        figures,
        assignment: Some(assignment),
        nullifier_spent: false,
    }
}

fn unprovable(records: usize) -> Outcome<Assignment> {
    Outcome {
        verdict: Verdict::Unprovable,
        reason: TOO_MANY.to_owned(),
        // Bundles are limited to far fewer than 2^63 records.
        figures: BTreeMap::from([("records", records as i64)]),
        assignment: None,
        nullifier_spent: false,
    }
}

/// A patient, an issuer with a registered key, and a snapshot; `None` when it would hold too many records.
pub fn world(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &CompiledPolicy,
    records: &[Record],
    on: Day,
    ctx: Fr,
) -> Option<(EligibilityPublic, Witness)> {
    let (identity, identity_root) = world::identity(rng, policy.identity_domain());
    let key = SigningKey::generate(rng);
    // A constant name within the alphabet.
    let party: Name = "general-hospital".parse().expect("a valid name");
    let mut registry = world::Registry::default();
    let domain = policy.rules().identity_domain;
    let at = registry.add(&key, Role::RecordIssuer, &party, domain, (on, on));
    let issuer = registry.accepted(at)?;
    let subject = identity.sk.subject(party.to_fr());
    let snapshot = Snapshot::clinical_summary(records, subject, on, 1, &key, rng).ok()?;
    let scope = policy.rules().trial_scope();
    let public = EligibilityPublic {
        identity_root,
        registry_root: registry.root(),
        policy_id: policy.policy_id(),
        date: Fr::from(on.0),
        nf_trial: tagged(Tag::Trial, [identity.ts.expose(), scope]),
        ctx,
    };
    Some((public, Witness::new(identity, policy, snapshot, issuer, on)))
}
