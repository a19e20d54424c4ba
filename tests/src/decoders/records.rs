//! Bundles, contexts of claims, and the short texts in them.

use ark_bn254::Fr;
use medproof_circuits::scenario::{self, Outcome, Verdict, eligibility::Assignment};
use medproof_circuits::statement::Circuit;
use medproof_circuits::statements::claim::Claim;
use medproof_circuits::statements::dispense::Dispense;
use medproof_circuits::statements::eligibility::{Eligibility, Large, Standard};
use medproof_records::claim::{ClaimContext, FiledClaim, MemberId, PlanId};
use medproof_records::code::{Code, CodeInterval};
use medproof_records::date::PartialDate;
use medproof_records::decimal::Decimal;
use medproof_records::dispensing::history;
use medproof_records::fhir::Bundle;
use medproof_records::import::{Scope, import};
use medproof_records::npi::Npi;
use medproof_records::policy::{
    claim::ClaimPolicy, dispensing::DispensingPolicy, eligibility::CompiledPolicy,
};
use medproof_records::record::Record;
use medproof_records::unit::Unit;
use medproof_verifier::{Day, Name};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::LazyLock;

pub(super) static DISPENSING: LazyLock<DispensingPolicy> =
    LazyLock::new(scenario::dispensing::example_policy);
pub(super) static ELIGIBILITY: LazyLock<CompiledPolicy> =
    LazyLock::new(scenario::eligibility::example_policy);
pub(super) static CLAIM: LazyLock<ClaimPolicy> = LazyLock::new(scenario::claim::example_policy);
static CONTEXT: LazyLock<ClaimContext> = LazyLock::new(scenario::claim::example_context);

/// The day on which bundles are screened.
const ON: Day = Day(44_319);

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// A FHIR bundle: refused, or read, with the same digests however its JSON is spaced.
pub(super) fn bundle(bytes: &[u8]) -> bool {
    let bundle = match Bundle::parse(bytes) {
        Ok(bundle) => bundle,
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            return false;
        }
    };
    let digests = |bundle: &Bundle| bundle.entries().iter().map(|e| e.digest).collect::<Vec<_>>();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: serde_json::Value = serde_json::from_slice(bytes).expect("a bundle is JSON");
    let pretty = serde_json::to_vec_pretty(&value).expect("JSON is written");
    let again = Bundle::parse(&pretty).expect("the same JSON");
    assert_eq!(digests(&again), digests(&bundle));
    for scope in [
        Scope::clinical_summary(ON),
        Scope::everything(Day::LAST),
        Scope::everything(Day(0)),
    ] {
        let Ok(imported) = import(&bundle, &scope) else {
            continue;
        };
        for record in &imported.records {
            let again = Record::from_words(record.to_words(), record.actor2, record.source);
            assert!(again.is_ok_and(|again| again == *record));
        }
    }
    for date in [Day(0), ON, Day::LAST] {
        let _ = history::read(&DISPENSING, &bundle, date);
        let _ = history::ring(&DISPENSING, &bundle, date);
    }
    let _ = history::candidate_date(&bundle);
    let _ = FiledClaim::read(&bundle);
    true
}

/// A FHIR bundle judged by a policy of each kind: verdict and relation agree.
pub(super) fn check(bytes: &[u8]) -> bool {
    let Ok(bundle) = Bundle::parse(bytes) else {
        return false;
    };
    dispensing(&DISPENSING, &bundle);
    eligibility(&ELIGIBILITY, &bundle);
    claim(&CLAIM, &bundle, &CONTEXT);
    true
}

pub(super) fn dispensing(policy: &DispensingPolicy, bundle: &Bundle) {
    for on in [None, Some(ON)] {
        if let Ok(outcome) = scenario::dispensing::check(&mut rng(), policy, bundle, on, Fr::from(7u64)) {
            agree::<Dispense>(&outcome.verdict, outcome.nullifier_spent, &outcome.assignment);
        }
    }
}

pub(super) fn eligibility(policy: &CompiledPolicy, bundle: &Bundle) {
    let outcome = scenario::eligibility::check(&mut rng(), policy, bundle, ON, Fr::from(7u64));
    let Ok(Outcome {
        verdict, assignment, ..
    }) = outcome
    else {
        return;
    };
    match assignment {
        Some(Assignment::Standard(p, w)) => agree::<Eligibility<Standard>>(&verdict, false, &Some((p, w))),
        Some(Assignment::Large(p, w)) => agree::<Eligibility<Large>>(&verdict, false, &Some((p, w))),
        None => assert_eq!(verdict, Verdict::Unprovable),
    }
}

pub(super) fn claim(policy: &ClaimPolicy, bundle: &Bundle, context: &ClaimContext) {
    if let Ok(outcome) = scenario::claim::check(&mut rng(), policy, bundle, context, Fr::from(7u64)) {
        agree::<Claim>(&outcome.verdict, outcome.nullifier_spent, &outcome.assignment);
    }
}

fn agree<C: Circuit>(verdict: &Verdict, spent: bool, assignment: &Option<(C::Public, C::Witness)>) {
    match assignment {
        Some((public, witness)) => {
            let holds = *verdict == Verdict::Accept || spent;
            assert_eq!(C::relation(public, witness).is_ok(), holds, "{verdict}");
        }
        None => assert_eq!(*verdict, Verdict::Unprovable),
    }
}

/// The context of a claim: refused, or one with which the example is judged.
pub(super) fn claim_context(bytes: &[u8]) -> bool {
    static BUNDLE: LazyLock<Bundle> = LazyLock::new(scenario::claim::example_bundle);
    let Ok(context) = ClaimContext::parse(bytes) else {
        return false;
    };
    claim(&CLAIM, &BUNDLE, &context);
    true
}

/// Codes, intervals, numbers, dates, names and units: what is read is written and read again as itself.
pub(super) fn code(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    coded(text) | number(text) | date(text) | named(text)
}

fn coded(text: &str) -> bool {
    let (code, interval) = (Code::parse(text), CodeInterval::parse(text));
    let unit = Unit::from_ucum(text);
    if let Ok(code) = code {
        assert_eq!(Code::from_packed(code.packed()), Ok(code));
        assert_eq!(Code::parse(&code.to_string()), Ok(code));
    }
    if let Ok(interval) = interval {
        assert_eq!(CodeInterval::parse(&interval.to_string()), Ok(interval));
        let (lo, hi) = (interval.lo(), interval.hi());
        assert_eq!(CodeInterval::from_bounds(lo, hi), Some(interval));
    }
    if let Some(ucum) = unit.ucum() {
        assert_eq!(Unit::from_ucum(ucum), unit);
    }
    interval.is_ok() || unit.ucum().is_some()
}

fn number(text: &str) -> bool {
    let Ok(number) = text.parse::<Decimal>() else {
        return false;
    };
    assert_eq!(number.to_string(), text);
    let _ = (
        number.to_value(),
        number.to_milli(),
        number.to_cents(),
        number.to_days(),
    );
    for places in [0, 3, 4, 38, u32::MAX] {
        if let (Some(exact), Some(rounded)) = (number.exact(places), number.half_up(places)) {
            assert_eq!(exact, rounded);
        }
    }
    true
}

fn date(text: &str) -> bool {
    if let Some(day) = Day::parse(text) {
        assert_eq!(day.to_string(), text);
        assert!(
            text.parse::<PartialDate>()
                .is_ok_and(|date| date.exact_day() == Some(day))
        );
    }
    let Ok(date) = text.parse::<PartialDate>() else {
        return false;
    };
    assert!(date.first() <= date.last());
    assert!(date.first().to_day() <= date.last().to_end());
    true
}

fn named(text: &str) -> bool {
    if let Ok(plan) = text.parse::<PlanId>() {
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }
    if let Ok(member) = text.parse::<MemberId>() {
        assert_eq!(member.to_string().parse(), Ok(member));
    }
    if let Ok(npi) = text.parse::<Npi>() {
        assert_eq!(npi.to_string().parse(), Ok(npi));
    }
    let Ok(name) = text.parse::<Name>() else {
        return false;
    };
    assert_eq!(name.as_str(), text);
    assert!(Name::from_fr(&name.to_fr()).is_ok_and(|again| again == name));
    true
}
