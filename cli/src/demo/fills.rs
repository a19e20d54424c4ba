//! The dispensing limit: fills accepted, refused, raced for, taken back and cancelled.

use super::{
    DemoError, data,
    deployment::Desk,
    morning,
    stage::{Person, Stage, day, from_day, ledger_refusal, name},
};
use crate::journey::{
    attested::Attested,
    desk::{Challenge, Posted},
    enrolment,
    fill::{self, PreparedFill},
    governance::{dispensing_terms, domain_scope},
    party::Party,
};
use medproof_records::{
    code::Code,
    dispensing::{Prescription, history},
    identity::Secret,
};
use medproof_verifier::{Day, Name, Role, asked::Asked};
use rand::rngs::OsRng;
use std::time::Instant;

/// The second part of the story.
pub(super) const TODAY: &str = "2026-03-02";

const HYDROCODONE: &str = "rxnorm|856999";
const OXYCODONE: &str = "rxnorm|1049683";
const TRAMADOL: &str = "rxnorm|835603";
const BUPRENORPHINE: &str = "rxnorm|351265";

struct Cast {
    domain: Name,
    prescriber: Party,
    prescriber_desk: Desk,
    pharmacies: [Desk; 2],
}

/// Plays the scenes at the pharmacies and returns the patient.
pub(super) async fn play(
    stage: &mut Stage<'_, '_>,
    enrolment: &mut enrolment::Desk<'_>,
) -> Result<Person, DemoError> {
    stage.d.set_clock(morning(TODAY)).await?;
    let mut cast = open(stage, enrolment).await?;
    let mut alex = enrol(stage, &mut cast, enrolment).await?;
    accepted(stage, &mut cast, &mut alex).await?;
    refused(stage, &mut cast, &alex).await?;
    let tramadol = prescription(&cast, &alex, TRAMADOL, 60, 30)?;
    let challenge = race(stage, &mut cast, &mut alex, &tramadol).await?;
    void(stage, &mut cast, &mut alex, &tramadol, &challenge).await?;
    cancelled(stage, &mut cast, &alex).await?;
    Ok(alex)
}

async fn open(stage: &mut Stage<'_, '_>, enrolment: &enrolment::Desk<'_>) -> Result<Cast, DemoError> {
    stage
        .report
        .scene("2026-03-02: a prescriber, two pharmacies and a dispensing policy join");
    let policy = &stage.data.dispensing;
    let (domain, from) = (&enrolment.domain, day(TODAY));
    let scope = domain_scope(domain);
    let prescriber = Party::generate(name("dr-lee"), &mut OsRng);
    let pharmacies = [name("pharmacy-a"), name("pharmacy-b")].map(|n| Party::generate(n, &mut OsRng));
    stage
        .d
        .register(&prescriber, Role::Prescriber, scope, from)
        .await?;
    for pharmacy in &pharmacies {
        stage.d.register(pharmacy, Role::Pharmacy, scope, from).await?;
    }
    let terms = dispensing_terms(policy, from_day(TODAY, data::DISPENSING))?;
    let appended = stage
        .d
        .governance
        .accept_policy(&mut stage.d.ledger, terms)
        .await?;
    stage.report.sees(
        "governance",
        format!(
            "accepts three parties and policy {} {} for {domain} (entry {})",
            policy.name(),
            policy.version(),
            appended.receipt.index
        ),
    );
    let [a, b] = &pharmacies;
    Ok(Cast {
        prescriber_desk: stage.d.open_desk(&prescriber, Role::Prescriber, domain).await?,
        pharmacies: [
            stage.d.open_desk(a, Role::Pharmacy, domain).await?,
            stage.d.open_desk(b, Role::Pharmacy, domain).await?,
        ],
        prescriber,
        domain: domain.clone(),
    })
}

/// Enrolment with the reported history, and the one-time bind at the prescriber.
async fn enrol(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    enrolment: &mut enrolment::Desk<'_>,
) -> Result<Person, DemoError> {
    stage
        .report
        .scene("Alex Doe is enrolled with the reported history, and bound at the prescriber");
    let mut alex = Person::new("Alex Doe", "1970-05-17", "S99912345");
    let policy = &stage.data.dispensing;
    // The bundle's candidate is the fill that is asked for below.
    let ring = history::ring(policy, &stage.data.fills, day(TODAY))
        .map_err(|error| DemoError::Data(error.to_string()))?;
    let reported = ring.entries.iter().filter(|e| !e.is_empty()).count();
    let pk = alex.wallet.sk().pk();
    let (membership, account, _) = enrolment
        .open_account(&mut stage.d.ledger, &alex.card, pk, ring, &mut OsRng)
        .await?;
    alex.wallet.join(membership);
    alex.wallet.keep_account(account);
    stage.report.expect(
        reported == 1,
        "authority",
        format!("checks the card; the PDMP reports {reported} fill that still counts (30 MME a day)"),
    );
    stage.report.sees(
        "ledger",
        "two commitments; neither the fill nor how many there are",
    );
    let issuer = cast.prescriber.name().clone();
    let domain = enrolment.domain.clone();
    stage
        .bind(&alex, &mut cast.prescriber_desk, &issuer, &domain, "prescriber")
        .await?;
    Ok(alex)
}

/// A prescription of `units` for `days`, signed today, with two fills.
fn prescription(
    cast: &Cast,
    person: &Person,
    drug: &'static str,
    units: u32,
    days: u16,
) -> Result<Attested<Prescription>, DemoError> {
    let today = day(TODAY);
    let membership = person.wallet.membership(&cast.domain)?;
    let content = Prescription {
        subject: person.wallet.subject(cast.prescriber.name()),
        person: membership.person,
        drug: Code::parse(drug).map_err(|e| DemoError::Data(e.to_string()))?,
        quantity: units * 1000,
        days,
        fills: 2,
        issued: today,
        earliest: today,
        expires: Day(today.0 + 90),
        rx_secret: Secret::generate(&mut OsRng).expose(),
        exemption: Code::NONE,
    };
    Ok(Attested::sign(&cast.prescriber, content, Prescription::message))
}

/// What the pharmacy asks about a prescription, and the fill that answers it.
async fn ask(
    stage: &mut Stage<'_, '_>,
    desk: &mut Desk,
    person: &Person,
    prescription: &Attested<Prescription>,
) -> Result<(Challenge, PreparedFill), DemoError> {
    let policy = &stage.data.dispensing;
    let asked = Asked::Dispense {
        domain: policy.domain().clone(),
        policy_id: policy.policy_id(),
        date: Day(0),
        drug: prescription.content.drug.packed(),
        quantity: prescription.content.quantity,
        identity: person.card.digest(),
        prescriber: Some(prescription.signer.clone()),
    };
    let challenge = desk.staff.ask(&asked).await?;
    let ledger = &mut stage.d.ledger;
    let prepared = fill::prepare(&person.wallet, policy, prescription, 0, &challenge, ledger).await?;
    Ok((challenge, prepared))
}

async fn accepted(stage: &mut Stage<'_, '_>, cast: &mut Cast, alex: &mut Person) -> Result<(), DemoError> {
    stage
        .report
        .scene("A fill within the limit: hydrocodone, 40 MME a day on top of 30");
    let rx = prescription(cast, alex, HYDROCODONE, 120, 30)?;
    let begin = Instant::now();
    let desk = &mut cast.pharmacies[0];
    let (challenge, prepared) = ask(stage, desk, alex, &rx).await?;
    let mut proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await?;
    let answer = proven
        .present(&alex.wallet, &challenge, &mut desk.counter)
        .await?;
    let report = &mut stage.report;
    report.time("dispense_challenge_to_receipt", begin.elapsed());
    report.time("dispense_witness", proven.timings.witness);
    report.time("dispense_proving", proven.timings.proving);
    report.time("dispense_verifying", proven.timings.verifying);
    report.expect(
        answer.hand_over,
        "pharmacy-a",
        "hands out 120 units for 30 days: meets us-opioid-mme-90 2026.1; learns no other fill",
    );
    report.sees(
        "pharmacy-a",
        "residual gap: fills outside this ledger after enrolment; cash, samples, inpatient doses",
    );
    if let Some(posted) = &answer.posted {
        stage.posted("dispense", posted);
    }
    proven.settle(&mut alex.wallet, &answer)?;
    Ok(())
}

async fn refused(stage: &mut Stage<'_, '_>, cast: &mut Cast, alex: &Person) -> Result<(), DemoError> {
    stage
        .report
        .scene("A fill over the limit: oxycodone, 30 MME a day on top of 70");
    let rx = prescription(cast, alex, OXYCODONE, 60, 30)?;
    let desk = &mut cast.pharmacies[1];
    let (challenge, prepared) = ask(stage, desk, alex, &rx).await?;
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
    let outcome = desk.staff.outcome(&challenge.challenge).await?;
    stage.report.expect(
        outcome.index.is_none(),
        "pharmacy-b",
        "no answer to its challenge: hands nothing out, and is told no reason",
    );
    Ok(())
}

/// Two proofs from one note, presented at once. Returns the winner's challenge.
async fn race(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    alex: &mut Person,
    rx: &Attested<Prescription>,
) -> Result<(usize, Challenge), DemoError> {
    stage
        .report
        .scene("Two pharmacies race on one note: tramadol, 20 MME a day on top of 70");
    let [a, b] = &mut cast.pharmacies;
    let (challenge_a, prepared_a) = ask(stage, a, alex, rx).await?;
    let (challenge_b, prepared_b) = ask(stage, b, alex, rx).await?;
    let prover = &mut stage.d.prover;
    let mut proven_a = prepared_a.prove(&challenge_a, &stage.d.ledger, prover).await?;
    let mut proven_b = prepared_b.prove(&challenge_b, &stage.d.ledger, prover).await?;
    let (answer_a, answer_b) = tokio::join!(
        proven_a.present(&alex.wallet, &challenge_a, &mut a.counter),
        proven_b.present(&alex.wallet, &challenge_b, &mut b.counter),
    );
    let (winner, won, proven, answer, lost, loser) = match (answer_a, answer_b) {
        (Ok(answer), lost) => (0, challenge_a, proven_a, answer, lost, "pharmacy-b"),
        (lost, Ok(answer)) => (1, challenge_b, proven_b, answer, lost, "pharmacy-a"),
        (Err(error), Err(_)) => return Err(error.into()),
    };
    stage.report.expect(
        answer.hand_over,
        ["pharmacy-a", "pharmacy-b"][winner],
        "wins: its post came first, and it alone hands out",
    );
    let refusal = ledger_refusal(lost);
    stage.report.expect(
        refusal.as_deref().is_some_and(|r| r.contains("spent")),
        loser,
        format!(
            "refused, though its proof holds: {}",
            refusal.as_deref().unwrap_or("(it was not refused)")
        ),
    );
    proven.settle(&mut alex.wallet, &answer)?;
    Ok((winner, won))
}

/// The winner's fill is not collected; the patient goes on from the note before it.
async fn void(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    alex: &mut Person,
    rx: &Attested<Prescription>,
    (winner, challenge): &(usize, Challenge),
) -> Result<(), DemoError> {
    stage
        .report
        .scene("The fill is not collected: the pharmacy voids it, and Alex goes on from the note before");
    let voided: Posted = cast.pharmacies[*winner].staff.void(&challenge.challenge).await?;
    let account = alex.wallet.account_mut(stage.data.dispensing.domain())?;
    if let Some(position) = voided.commitment_index {
        account.voided(position)?;
    }
    stage.report.expect(
        voided.commitment_index.is_some(),
        ["pharmacy-a", "pharmacy-b"][*winner],
        format!(
            "posts a VOID (entry {}); the fill is free again",
            voided.receipt.index
        ),
    );
    let other = 1 - *winner;
    let desk = &mut cast.pharmacies[other];
    let (challenge, prepared) = ask(stage, desk, alex, rx).await?;
    let mut proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await?;
    let answer = proven
        .present(&alex.wallet, &challenge, &mut desk.counter)
        .await?;
    stage.report.expect(
        answer.hand_over,
        ["pharmacy-a", "pharmacy-b"][other],
        "hands out the same fill of the same prescription: exactly 90 MME a day",
    );
    proven.settle(&mut alex.wallet, &answer)?;
    Ok(())
}

/// The prescriber posts the fill keys of a prescription; its fills are dead.
async fn cancelled(stage: &mut Stage<'_, '_>, cast: &mut Cast, alex: &Person) -> Result<(), DemoError> {
    stage
        .report
        .scene("The prescriber cancels a prescription (BURN); its fill is refused");
    let rx = prescription(cast, alex, BUPRENORPHINE, 60, 30)?;
    let keys = (0..rx.content.fills).map(|n| rx.content.fill_key(n)).collect();
    let appended = cast.prescriber.burn(&mut stage.d.ledger, keys).await?;
    stage.report.sees(
        "ledger",
        format!(
            "entry {}: two fill keys, hashed to nullifiers",
            appended.receipt.index
        ),
    );
    let desk = &mut cast.pharmacies[0];
    let (challenge, prepared) = ask(stage, desk, alex, &rx).await?;
    let mut proven = prepared
        .prove(&challenge, &stage.d.ledger, &mut stage.d.prover)
        .await?;
    let presented = proven.present(&alex.wallet, &challenge, &mut desk.counter).await;
    let refusal = ledger_refusal(presented);
    stage.report.expect(
        refusal.as_deref().is_some_and(|r| r.contains("fill nullifier")),
        "pharmacy-a",
        format!(
            "refused, though the proof holds: {}",
            refusal.as_deref().unwrap_or("(it was not refused)")
        ),
    );
    Ok(())
}
