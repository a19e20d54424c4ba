//! The acceptance cases: bundles with exact answers, judged natively, by the circuits and by real proofs;
//! the [`decoders`] with what they must keep on any bytes; and [`outside`], where other people's tools are asked.
//!
//! The data and where it comes from is described in `data/README.md`.

pub mod decoders;
pub mod outside;

use ark_bn254::Fr;
use medproof_circuits::scenario::{self, Outcome, Verdict};
use medproof_circuits::statement::Circuit;
use medproof_circuits::statements::claim::Claim;
use medproof_circuits::statements::dispense::Dispense;
use medproof_circuits::statements::eligibility::{Eligibility, Large, Standard};
use medproof_records::claim::ClaimContext;
use medproof_records::fhir::Bundle;
use medproof_records::policy::Policy;
use medproof_verifier::Day;
use rand::rngs::OsRng;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One case of `cases.json`.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Name of the case.
    pub id: String,
    /// `dispensing`, `eligibility` or `claim`.
    pub statement: String,
    /// The policy file.
    pub policy: PathBuf,
    /// The FHIR bundle.
    pub bundle: PathBuf,
    /// The context file of a claim.
    pub context: Option<PathBuf>,
    /// The day on which the case is judged.
    pub on: String,
    /// The verdict.
    pub expect: String,
    /// The reason, where the case fixes it.
    pub reason: Option<String>,
    /// The figures, where the case fixes them.
    pub figures: Option<BTreeMap<String, i64>>,
}

/// The folder of the acceptance data.
pub fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("tests are run by cargo"))
        .join("data/acceptance")
}

/// Every case.
///
/// # Panics
/// When the data is not there: a test without its reference must not pass.
pub fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.json")).expect("cases.json is part of the tests");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("cases.json has the form of its reader");
    assert_eq!(cases.len(), 58, "all cases are there");
    cases
}

/// What is done with the assignment of a case.
pub trait Judge {
    /// Judges one pair of public inputs and witness. `accepted` is what the relation says.
    fn judge<C: Circuit>(&mut self, case: &Case, public: C::Public, witness: &C::Witness, accepted: bool);
}

/// Evaluates a case natively, compares it with the expected answer, and hands its assignment to `judge`.
///
/// # Panics
/// When verdict, reason or figures differ, or when relation and verdict contradict each other.
pub fn run(case: &Case, judge: &mut impl Judge) {
    let policy = Policy::load(&folder().join(&case.policy)).expect("the case's policy compiles");
    let bytes = std::fs::read(folder().join(&case.bundle)).expect("the case's bundle is there");
    let bundle = Bundle::parse(&bytes).expect("the case's bundle is read");
    let on = Day::parse(&case.on).expect("the case's date is one");
    let ctx = Fr::from(7u64);
    match policy {
        Policy::Dispensing(policy) => {
            let outcome = scenario::dispensing::check(&mut OsRng, &policy, &bundle, Some(on), ctx);
            settle::<Dispense>(case, outcome.expect("the bundle can be judged"), judge);
        }
        Policy::Claim(policy) => {
            let file = case.context.as_ref().expect("a claim has a context");
            let bytes = std::fs::read(folder().join(file)).expect("the case's context is there");
            let context = ClaimContext::parse(&bytes).expect("the case's context is read");
            let outcome = scenario::claim::check(&mut OsRng, &policy, &bundle, &context, ctx);
            settle::<Claim>(case, outcome.expect("the bundle can be judged"), judge);
        }
        Policy::Eligibility(policy) => {
            use scenario::eligibility::Assignment;
            let outcome = scenario::eligibility::check(&mut OsRng, &policy, &bundle, on, ctx)
                .expect("the bundle can be judged");
            let Outcome {
                verdict,
                reason,
                figures,
                assignment,
                nullifier_spent,
            } = outcome;
            let with = |assignment| Outcome {
                verdict,
                reason,
                figures,
                assignment,
                nullifier_spent,
            };
            match assignment {
                Some(Assignment::Large(p, w)) => {
                    settle::<Eligibility<Large>>(case, with(Some((p, w))), judge)
                }
                Some(Assignment::Standard(p, w)) => {
                    settle::<Eligibility<Standard>>(case, with(Some((p, w))), judge);
                }
                None => settle::<Eligibility<Standard>>(case, with(None), judge),
            }
        }
    }
}

fn settle<C: Circuit>(case: &Case, outcome: Outcome<(C::Public, C::Witness)>, judge: &mut impl Judge) {
    let id = &case.id;
    assert_eq!(
        outcome.verdict.as_str(),
        case.expect,
        "verdict of {id}: {}",
        outcome.reason
    );
    if let Some(reason) = &case.reason {
        assert_eq!(&outcome.reason, reason, "reason of {id}");
    }
    if let Some(figures) = &case.figures {
        let got: BTreeMap<String, i64> = outcome
            .figures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        assert_eq!(&got, figures, "figures of {id}");
    }
    let Some((public, witness)) = outcome.assignment else {
        assert_eq!(
            outcome.verdict,
            Verdict::Unprovable,
            "{id}: only the unprovable has no assignment"
        );
        return;
    };
    let accepted = C::relation(&public, &witness).is_ok();
    let holds = outcome.verdict == Verdict::Accept || outcome.nullifier_spent;
    assert_eq!(accepted, holds, "relation and verdict of {id}");
    judge.judge::<C>(case, public, &witness, accepted);
}
