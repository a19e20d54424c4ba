//! The trial: one participant accepted, a second screening and another person refused.

use super::{
    DemoError, data,
    deployment::Desk,
    morning,
    stage::{Person, Stage, day, from_day, ledger_refusal, name},
};
use crate::journey::{
    desk::Challenge,
    enrolment,
    governance::{domain_scope, eligibility_terms},
    party::Party,
    trial::{self, PreparedScreening, SignedSnapshot},
};
use medproof_proto::gateway::State;
use medproof_records::{dispensing::Ring, fhir::Bundle};
use medproof_verifier::{Day, Role, asked::Asked};
use rand::rngs::OsRng;
use std::time::Instant;

/// The ledger begins on this day.
pub(super) const FIRST_DAY: &str = "2021-03-15";
const SECOND_DAY: &str = "2021-03-28";
/// The identities' domain of all scenes.
pub(super) const DOMAIN: &str = "us-ma";

struct Cast {
    hospital: Party,
    hospital_desk: Desk,
    sponsor_desk: Desk,
}

/// Plays the trial's scenes.
pub(super) async fn play(
    stage: &mut Stage<'_, '_>,
    enrolment: &mut enrolment::Desk<'_>,
) -> Result<(), DemoError> {
    let mut cast = open(stage, enrolment).await?;
    let data = stage.data;

    stage
        .report
        .scene("Leonor Trujillo is enrolled and known to the hospital");
    let mut leonor = Person::new("Leonor Trujillo", "1960-01-11", "S99979956");
    let today = day(FIRST_DAY);
    let snapshot = admit(stage, &mut cast, enrolment, &mut leonor, &data.leonor, today).await?;
    accepted(stage, &mut cast, &leonor, &snapshot).await?;
    second(stage, &mut cast, &leonor, &snapshot).await?;

    stage.d.set_clock(morning(SECOND_DAY)).await?;
    stage
        .report
        .scene("2021-03-28: Clarine O'Keefe does not meet the criteria");
    let mut clarine = Person::new("Clarine O'Keefe", "1966-02-17", "S99931234");
    let today = day(SECOND_DAY);
    let snapshot = admit(stage, &mut cast, enrolment, &mut clarine, &data.clarine, today).await?;
    refused(stage, &mut cast, &clarine, &snapshot).await
}

/// Governance registers who takes part, and accepts the trial's policy.
async fn open(stage: &mut Stage<'_, '_>, enrolment: &enrolment::Desk<'_>) -> Result<Cast, DemoError> {
    stage.report.scene("2021-03-15: a development ledger begins");
    let policy = &stage.data.trial;
    let (domain, from) = (&enrolment.domain, day(FIRST_DAY));
    let hospital = Party::generate(name("hospital-1"), &mut OsRng);
    let sponsor = Party::generate(policy.sponsor().clone(), &mut OsRng);
    let scope = domain_scope(domain);
    let authority = Role::EnrolmentAuthority;
    stage.d.register(enrolment.party, authority, scope, from).await?;
    stage
        .d
        .register(&hospital, Role::RecordIssuer, scope, from)
        .await?;
    let own = sponsor.name().to_fr();
    stage.d.register(&sponsor, Role::Sponsor, own, from).await?;
    let terms = eligibility_terms(policy, from_day(FIRST_DAY, data::TRIAL))?;
    let governance = &stage.d.governance;
    let appended = governance.accept_policy(&mut stage.d.ledger, terms).await?;
    stage.report.sees(
        "governance",
        format!(
            "accepts four circuits, three parties and policy {} {} (entry {})",
            policy.id(),
            policy.version(),
            appended.receipt.index
        ),
    );
    Ok(Cast {
        hospital_desk: stage.d.open_desk(&hospital, Role::RecordIssuer, domain).await?,
        sponsor_desk: stage.d.open_desk(&sponsor, Role::Sponsor, domain).await?,
        hospital,
    })
}

/// Enrolment, bind at the hospital, and the hospital's signed snapshot.
async fn admit(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    enrolment: &mut enrolment::Desk<'_>,
    person: &mut Person,
    bundle: &Bundle,
    today: Day,
) -> Result<SignedSnapshot, DemoError> {
    let pk = person.wallet.sk().pk();
    let (membership, account, appended) = enrolment
        .open_account(&mut stage.d.ledger, &person.card, pk, Ring::empty(), &mut OsRng)
        .await?;
    person.wallet.join(membership);
    person.wallet.keep_account(account);
    stage.report.sees(
        "authority",
        "checks the identity card and opens one identity and one account",
    );
    stage.report.sees(
        "ledger",
        format!(
            "entry {}: one salted commitment to an identity, one to an account",
            appended.receipt.index
        ),
    );
    let issuer = cast.hospital.name().clone();
    let domain = enrolment.domain.clone();
    stage
        .bind(person, &mut cast.hospital_desk, &issuer, &domain, "hospital")
        .await?;
    let subject = person.wallet.subject(&issuer);
    let snapshot = trial::snapshot(&cast.hospital, bundle, subject, today, 1, &mut OsRng)?;
    stage.report.sees(
        "hospital",
        format!(
            "signs a clinical summary of {} records as of {today}",
            snapshot.content.records.len()
        ),
    );
    Ok(snapshot)
}

async fn ask(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    person: &Person,
    snapshot: &SignedSnapshot,
) -> Result<(Challenge, PreparedScreening), DemoError> {
    let policy = &stage.data.trial;
    let asked = Asked::Eligibility {
        policy_id: policy.policy_id(),
        date: Day(0),
    };
    let challenge = cast.sponsor_desk.staff.ask(&asked).await?;
    let ledger = &mut stage.d.ledger;
    let prepared = trial::prepare(&person.wallet, policy, snapshot, &challenge, ledger).await?;
    Ok((challenge, prepared))
}

async fn accepted(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    person: &Person,
    snapshot: &SignedSnapshot,
) -> Result<(), DemoError> {
    stage.report.scene("Leonor is screened for the diabetes trial");
    let begin = Instant::now();
    let (challenge, prepared) = ask(stage, cast, person, snapshot).await?;
    let judged = prepared.judge();
    stage.report.expect(
        judged.is_ok(),
        "wallet",
        "sees that every criterion is known and met, and asks its prover for the proof",
    );
    let proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await?;
    let counter = &mut cast.sponsor_desk.counter;
    let answer = proven.present(&challenge, counter).await?;
    stage
        .report
        .time("eligibility_challenge_to_receipt", begin.elapsed());
    stage.report.time("eligibility_witness", proven.timings.witness);
    stage.report.time("eligibility_proving", proven.timings.proving);
    stage
        .report
        .time("eligibility_verifying", proven.timings.verifying);
    let outcome = cast.sponsor_desk.staff.outcome(&challenge.challenge).await?;
    stage.report.expect(
        answer.hand_over && outcome.state == State::Accepted,
        "sponsor",
        "meets policy NCT03882970-records-subset, version 2026.1; learns no diagnosis, value or clause",
    );
    if let Some(posted) = &answer.posted {
        stage.posted("eligibility", posted);
    }
    let again = proven.present(&challenge, counter).await?;
    stage.report.expect(
        !again.hand_over && again.posted == answer.posted,
        "sponsor",
        "the same answer again gets the first receipt and is not counted twice",
    );
    Ok(())
}

async fn second(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    person: &Person,
    snapshot: &SignedSnapshot,
) -> Result<(), DemoError> {
    stage.report.scene("Leonor is screened a second time");
    let (challenge, prepared) = ask(stage, cast, person, snapshot).await?;
    let proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await?;
    let presented = proven.present(&challenge, &mut cast.sponsor_desk.counter).await;
    let refusal = ledger_refusal(presented);
    stage.report.expect(
        refusal
            .as_deref()
            .is_some_and(|r| r.contains("trial nullifier is spent")),
        "sponsor",
        format!(
            "refused, though the proof holds: {}",
            refusal.as_deref().unwrap_or("(it was not refused)")
        ),
    );
    Ok(())
}

async fn refused(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    person: &Person,
    snapshot: &SignedSnapshot,
) -> Result<(), DemoError> {
    let (challenge, prepared) = ask(stage, cast, person, snapshot).await?;
    let judged = prepared.judge();
    let reason = judged.as_ref().err().map(ToString::to_string);
    stage.report.expect(
        judged.is_err(),
        "wallet",
        format!(
            "sees that there is nothing to prove: {}",
            reason.as_deref().unwrap_or("(every clause holds)")
        ),
    );
    let proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await;
    stage.report.expect(
        proven.err().is_some_and(|e| e.is_unsatisfied()),
        "prover",
        "a wallet that asks all the same gets no proof: the circuit is not satisfied",
    );
    let outcome = cast.sponsor_desk.staff.outcome(&challenge.challenge).await?;
    stage.report.expect(
        outcome.state == State::Open,
        "sponsor",
        "no answer to its challenge, and no reason",
    );
    Ok(())
}
