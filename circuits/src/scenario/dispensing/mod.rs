//! `medproof check dispensing`: a throw-away prescriber and account around one bundle. The account is seeded
//! with the history, and the prescription equals the candidate fill.

mod example;
#[cfg(test)]
mod tests;

pub use example::{example, example_bundle, example_policy};

use super::world::{self, Registry, lone_path};
use super::{Outcome, Verdict};
use crate::statements::dispense::{OpenedPolicy, Witness, no_row};
use ark_bn254::Fr;
use medproof_records::dispensing::history::{self, Candidate, HistoryError, Requested};
use medproof_records::dispensing::{ClassRow, Note, Prescription};
use medproof_records::fhir::{Bundle, Refusal};
use medproof_records::identity::Secret;
use medproof_records::policy::dispensing::DispensingPolicy;
use medproof_records::signing::SigningKey;
use medproof_verifier::statement::DispensePublic;
use medproof_verifier::{Day, Name, Role};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeMap;

/// Days for which the throw-away prescription may be filled.
const VALID_DAYS: u16 = 90;

/// Public inputs and witness of one fill.
pub type Assignment = (DispensePublic, Witness);

/// Evaluates the candidate fill of a bundle on `on`, or on the candidate's own date. `ctx` becomes the public
/// input of that name.
///
/// # Errors
/// [`Refusal`], naming the resource and its field, when the bundle cannot be used: no single patient or
/// candidate, somebody else's dispense, a quantity out of range.
pub fn check(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &DispensingPolicy,
    bundle: &Bundle,
    on: Option<Day>,
    ctx: Fr,
) -> Result<Outcome<Assignment>, Refusal> {
    let date = match on {
        Some(date) => date,
        None => history::candidate_date(bundle)?,
    };
    match history::read(policy, bundle, date) {
        Ok(requested) => Ok(judge(rng, policy, requested, ctx)),
        Err(HistoryError::Unprovable(reason)) => Ok(Outcome {
            verdict: Verdict::Unprovable,
            reason: reason.to_string(),
            figures: BTreeMap::new(),
            assignment: None,
            nullifier_spent: false,
        }),
        Err(HistoryError::Refused(refusal)) => Err(refusal),
    }
}

/// The verdict by the rules, and the assignment that relation and circuit judge.
fn judge(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &DispensingPolicy,
    requested: Requested,
    ctx: Fr,
) -> Outcome<Assignment> {
    let date = requested.date;
    let exempting = policy
        .row(requested.candidate.drug.class)
        .and_then(|row| row.exempting(requested.candidate.exemption));
    let (registry, witness) = world(rng, policy, requested, exempting.unwrap_or(0));
    // `history::read` has checked the dose, and that the class is 0 or has a row.
    let fill = witness.fill(date).expect("the dose is in range");
    let row: &ClassRow = &witness.policy.row;
    let findings = row.limits.evaluate(&witness.note.ring, &fill, date);
    let (verdict, reason) = match (findings.breaches.first(), exempting) {
        (None, _) => (Verdict::Accept, "ok"),
        (Some(_), Some(_)) => (Verdict::Accept, "exempt"),
        (Some(rule), None) => (Verdict::Reject, rule.as_str()),
    };
    // At most 33 doses below 2^32.
    let figures = BTreeMap::from([("peak_milli_mme", findings.peak as i64)]);
    let public = witness.public(registry.root(), date, ctx);
    Outcome {
        verdict,
        reason: reason.to_owned(),
        figures,
        assignment: Some((public, witness)),
        nullifier_spent: false,
    }
}

fn world(
    rng: &mut (impl RngCore + CryptoRng),
    policy: &DispensingPolicy,
    requested: Requested,
    exemption: usize,
) -> (Registry, Witness) {
    let Requested {
        date,
        ring,
        candidate,
    } = requested;
    let prescriber = SigningKey::generate(rng);
    // A constant name within the alphabet.
    let party: Name = "prescriber".parse().expect("a valid name");
    let mut registry = Registry::default();
    let domain = policy.domain();
    let at = registry.add(
        &prescriber,
        Role::Prescriber,
        &party,
        domain.to_fr(),
        (Day(0), Day::OPEN),
    );
    let (identity, _) = world::identity(rng, domain);
    let subject = identity.sk.subject(party.to_fr());
    let prescription = prescription(rng, (subject, identity.person), &candidate, date);
    let slot = ring.free_slot(date).unwrap_or(0);
    let mut fresh = || Secret::generate(rng).expose();
    let note = Note {
        owner: identity.owner(),
        ring,
        seq: 0,
        rho: fresh(),
        rcm: fresh(),
    };
    let r = fresh();
    let witness = Witness {
        identity,
        note,
        // A u32 is below 4^16.
        note_path: lone_path(rng.next_u32().into()).expect("32 bits index 16 quaternary levels"),
        signature: prescriber.sign(prescription.message()),
        // The position is one that `add` returned.
        prescriber: registry.accepted(at).expect("a registered key"),
        policy: opened(policy, &candidate),
        fill_no: 0,
        q: candidate.quantity,
        d: candidate.days,
        slot,
        exemption,
        r,
        prescription,
    };
    (registry, witness)
}

/// A prescription for one fill, equal to the candidate.
fn prescription(
    rng: &mut (impl RngCore + CryptoRng),
    (subject, person): (Fr, Fr),
    candidate: &Candidate,
    date: Day,
) -> Prescription {
    Prescription {
        subject,
        person,
        drug: candidate.code,
        quantity: candidate.quantity,
        days: candidate.days,
        fills: 1,
        issued: date,
        earliest: date,
        expires: Day(date.0.saturating_add(VALID_DAYS)),
        rx_secret: Secret::generate(rng).expose(),
        exemption: candidate.exemption,
    }
}

/// The parts of the policy that a fill of the candidate opens.
fn opened(policy: &DispensingPolicy, candidate: &Candidate) -> OpenedPolicy {
    let found = policy.table().lookup(candidate.code);
    let class = candidate.drug.class;
    OpenedPolicy {
        rules: policy.rules(),
        table_root: policy.table().root(),
        version: policy.version_fr(),
        drug: found.leaf,
        drug_path: found.path,
        row: policy.row(class).cloned().unwrap_or_else(no_row),
        // A class with a row is below 16, and so is class 0.
        row_path: policy.row_path(class).expect("a class below 16"),
    }
}
