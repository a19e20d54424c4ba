//! The claim: paid to the cent, and its duplicate refused.

use super::{
    DemoError, data,
    deployment::Desk,
    fills::TODAY,
    screening::DOMAIN,
    stage::{Person, Stage, day, from_day, ledger_refusal, name},
};
use crate::journey::{
    JourneyError,
    attested::Attested,
    claim::{self, Papers, ProvenClaim},
    desk::Challenge,
    enrolment,
    governance::{claim_terms, domain_scope},
    party::Party,
    wallet::Benefit,
};
use medproof_records::{
    claim::{Balances, Coverage, PlanWord, RenderedService},
    identity::Secret,
    record::Cents,
};
use medproof_verifier::{Day, Fr, Role, asked::Asked, opening::Opening};
use rand::rngs::OsRng;
use std::time::Instant;

/// First index of the identity tree that the payer uses.
const PAYER_INDEX: u32 = 1_000;
/// What the plan pays for the test, in cents.
const EXPECTED_PAY: u64 = 960;

struct Cast {
    payer: Party,
    provider: Party,
    claims_desk: Desk,
    member_secret: Fr,
    plan: PlanWord,
}

/// Plays the insurer's scenes.
pub(super) async fn play(stage: &mut Stage<'_, '_>, alex: &mut Person) -> Result<(), DemoError> {
    let cast = &mut open(stage, alex).await?;
    paid(stage, cast, alex).await?;
    duplicate(stage, cast, alex).await
}

/// Payer and provider join; Alex becomes a member with a balance, and is bound at both.
async fn open(stage: &mut Stage<'_, '_>, alex: &mut Person) -> Result<Cast, DemoError> {
    stage
        .report
        .scene("A payer and a laboratory join; Alex becomes a member with a balance");
    let policy = &stage.data.plan;
    let rules = policy.rules();
    let (domain, from) = (rules.payer.clone(), day("2020-01-01"));
    let payer = Party::generate(rules.payer.clone(), &mut OsRng);
    let provider = Party::generate(name("lab-1"), &mut OsRng);
    let scope = domain_scope(&domain);
    stage.d.register(&payer, Role::Payer, scope, from).await?;
    stage
        .d
        .register(&payer, Role::InsurerGateway, scope, from)
        .await?;
    let filed = &stage.data.claim;
    let npi = filed.provider.npi.ok_or_else(|| missing("an NPI"))?.number();
    stage
        .d
        .register(&provider, Role::Provider, Fr::from(npi), from)
        .await?;
    let terms = claim_terms(policy, &domain, from_day(TODAY, data::PLAN));
    let governance = &stage.d.governance;
    governance.accept_policy(&mut stage.d.ledger, terms).await?;
    let mut members = enrolment::Desk::new(&payer, domain.clone(), PAYER_INDEX);
    let pk = alex.wallet.sk().pk();
    let ledger = &mut stage.d.ledger;
    let (membership, _) = members.open_member(ledger, &alex.card, pk, &mut OsRng).await?;
    let known = members.register.find(alex.card.digest());
    let member_secret = known.ok_or_else(|| missing("a member"))?.member_secret.expose();
    let owner = membership.owner(alex.wallet.sk());
    alex.wallet.join(membership);
    let filed_coverage = filed.coverage.as_ref().ok_or_else(|| missing("a coverage"))?;
    let plan = PlanWord {
        plan: rules.plan,
        year: 2026,
        member: filed_coverage.member,
    };
    let left = &stage.data.context.balance_cents;
    let balances = Balances {
        deductible: left.deductible_left,
        out_of_pocket: left.out_of_pocket_left,
        annual: left.annual_left,
    };
    let digest = plan.digest(&rules.payer);
    let (note, position, _) = members
        .open_benefit(ledger, owner, digest, balances, &mut OsRng)
        .await?;
    let benefit = Benefit::new(domain.clone(), note, position);
    alex.wallet.keep_benefit(benefit);
    stage.report.sees(
        "payer",
        "opens a member's identity and balance: two commitments on the ledger",
    );
    let mut member_desk = stage.d.open_desk(&payer, Role::Payer, &domain).await?;
    stage
        .bind(alex, &mut member_desk, payer.name(), &domain, "payer")
        .await?;
    let mut provider_desk = stage
        .d
        .open_desk(&provider, Role::Provider, &name(DOMAIN))
        .await?;
    stage
        .bind(
            alex,
            &mut provider_desk,
            provider.name(),
            &name(DOMAIN),
            "laboratory",
        )
        .await?;
    Ok(Cast {
        claims_desk: stage.d.open_desk(&payer, Role::InsurerGateway, &domain).await?,
        payer,
        provider,
        member_secret,
        plan,
    })
}

fn missing(what: &str) -> DemoError {
    DemoError::Data(format!("the claim bundle has no {what}"))
}

/// The signed papers of the bundle's claim, with `extra` cents on the charge.
fn papers(stage: &Stage<'_, '_>, cast: &Cast, alex: &Person, extra: u64) -> Result<Papers, DemoError> {
    let filed = &stage.data.claim;
    let (start, end) = filed
        .coverage
        .as_ref()
        .and_then(|c| c.period)
        .ok_or_else(|| missing("a period of coverage"))?;
    let coverage = Coverage {
        subject: alex.wallet.subject(cast.payer.name()),
        payer: cast.payer.name().clone(),
        plan: cast.plan,
        member_secret: cast.member_secret,
        start,
        end,
    };
    let service = RenderedService {
        subject: alex.wallet.subject(cast.provider.name()),
        procedure: *filed.procedures.first().ok_or_else(|| missing("a procedure"))?,
        diagnosis: *filed.diagnoses.first().ok_or_else(|| missing("a diagnosis"))?,
        units: filed.units,
        charge: Cents::new(filed.charge.get() + extra).ok_or_else(|| missing("a charge in range"))?,
        service: filed.day,
        npi: filed.provider.npi,
        facility: None,
        source: filed.rendered.as_ref().map(|r| r.source).unwrap_or_default(),
        salt: Secret::generate(&mut OsRng).expose(),
    };
    Ok(Papers {
        coverage: Attested::sign(&cast.payer, coverage, Coverage::hash),
        service: Attested::sign(&cast.provider, service, RenderedService::hash),
        authorisation: None,
    })
}

/// The insurer asks about the claimed event; Alex proves that it is payable.
async fn ask(
    stage: &mut Stage<'_, '_>,
    cast: &mut Cast,
    alex: &Person,
    extra: u64,
) -> Result<(Challenge, ProvenClaim), DemoError> {
    let papers = papers(stage, cast, alex, extra)?;
    let policy = &stage.data.plan;
    let asked = Asked::Claim {
        domain: policy.rules().payer.clone(),
        policy_id: policy.policy_id(),
        received: Day(0),
        plan: cast.plan.digest(&policy.rules().payer),
        event: papers.service.content.event(),
        pay: Some(EXPECTED_PAY),
    };
    let challenge = cast.claims_desk.staff.ask(&asked).await?;
    let (ledger, prover) = (&mut stage.d.ledger, &mut stage.d.prover);
    let proven = claim::prove(&alex.wallet, policy, papers, &challenge, ledger, prover).await?;
    Ok((challenge, proven))
}

async fn paid(stage: &mut Stage<'_, '_>, cast: &mut Cast, alex: &mut Person) -> Result<(), DemoError> {
    stage.report.scene("A claim is paid to the cent");
    let begin = Instant::now();
    let (challenge, proven) = ask(stage, cast, alex, 0).await?;
    let amounts = match &proven.opening {
        Opening::Payable(opening) => opening.amounts,
        _ => return Err(missing("an opening")),
    };
    let timings = proven.timings;
    let counter = &mut cast.claims_desk.counter;
    let answer = claim::present(&mut alex.wallet, proven, &challenge, counter).await?;
    let report = &mut stage.report;
    report.time("claim_challenge_to_receipt", begin.elapsed());
    report.time("claim_witness", timings.witness);
    report.time("claim_proving", timings.proving);
    report.time("claim_verifying", timings.verifying);
    report.expect(
        answer.hand_over
            && (
                amounts.allowed,
                amounts.deductible,
                amounts.coinsurance,
                amounts.pay,
            ) == (1_200, 0, 240, EXPECTED_PAY),
        "insurer",
        format!(
            "pays {}.{:02} USD: allowed {} cents, deductible {}, coinsurance {}; learns no diagnosis",
            amounts.pay / 100,
            amounts.pay % 100,
            amounts.allowed,
            amounts.deductible,
            amounts.coinsurance
        ),
    );
    if let Some(posted) = &answer.posted {
        stage.posted("claim", posted);
    }
    let left = alex.wallet.benefits.first().map(|b| b.note.balances.annual);
    let before = stage.data.context.balance_cents.annual_left;
    stage.report.expect(
        left == Some(before - EXPECTED_PAY),
        "wallet",
        format!(
            "keeps the new balance: {} cents of the year are left",
            left.unwrap_or(0)
        ),
    );
    Ok(())
}

async fn duplicate(stage: &mut Stage<'_, '_>, cast: &mut Cast, alex: &mut Person) -> Result<(), DemoError> {
    stage
        .report
        .scene("The same event is claimed again, a cent dearer");
    let (challenge, proven) = ask(stage, cast, alex, 1).await?;
    let counter = &mut cast.claims_desk.counter;
    let presented: Result<_, JourneyError> =
        claim::present(&mut alex.wallet, proven, &challenge, counter).await;
    let refusal = ledger_refusal(presented);
    stage.report.expect(
        refusal
            .as_deref()
            .is_some_and(|r| r.contains("claim nullifier is spent")),
        "insurer",
        format!(
            "refused, though the proof holds: {}",
            refusal.as_deref().unwrap_or("(it was not refused)")
        ),
    );
    Ok(())
}
