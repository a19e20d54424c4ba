//! A gateway that asks for cosignatures: what is handed over, what waits, what a retry gets.

use super::{fills::fill, *};
use medproof_verifier::cosignature::Cosigner;

fn cosigner(n: u8) -> Cosigner {
    Cosigner::new(
        &format!("witness.example/w{n}"),
        SigningKey::from_bytes(&[100 + n; 32]),
    )
    .unwrap()
}

/// Two of three witnesses.
fn policy() -> WitnessPolicy {
    let keys = [1, 2, 3].map(|n| cosigner(n).witness_key().clone());
    WitnessPolicy::new(log_signer().log_key(), keys.to_vec(), 2).unwrap()
}

fn asking(role: Role) -> World {
    World::asking(role, Some(policy()))
}

impl World {
    /// From now on these witnesses cosign the first checkpoint of the entry that was posted last.
    fn cosign(&self, witnesses: &[u8]) {
        let entry = self.ledger.inner.lock().unwrap().1.last().unwrap().clone();
        let note = receipt(0, &entry).checkpoint;
        let lines = witnesses
            .iter()
            .flat_map(|n| cosigner(*n).cosign(&note, NOW).unwrap());
        *self.ledger.cosignatures.lock().unwrap() = lines.collect();
    }

    fn outcome_of(&self, issued: &Issued) -> Outcome {
        self.desk.outcome(&issued.challenge).unwrap()
    }
}

fn uncosigned<T: std::fmt::Debug>(result: Result<T, GatewayError>) -> GatewayError {
    let error = result.unwrap_err();
    let waits = matches!(error, GatewayError::Post(PostError::Uncosigned { .. }));
    assert!(waits, "{error}");
    error
}

#[tokio::test]
async fn nothing_is_handed_over_before_the_witnesses_have_cosigned() {
    let world = asking(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    let error = uncosigned(world.desk.present(screened(&issued, 5)).await);
    // What the peer is told: it is posted, and what to do.
    let status = tonic::Status::from(error);
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("medproof-code").unwrap(), "uncosigned");
    assert!(status.metadata().contains_key("retry-after-ms"));
    assert!(
        status.message().contains("posted as leaf 0"),
        "{}",
        status.message()
    );
    assert_eq!(world.outcome_of(&issued), Outcome::Uncosigned(0));
    // Too few, and of a stranger; and no other answer takes its place.
    for witnesses in [&[2][..], &[2, 9]] {
        world.cosign(witnesses);
        uncosigned(world.desk.present(screened(&issued, 5)).await);
    }
    let other = world.desk.present(screened(&issued, 6)).await;
    assert!(matches!(other, Err(GatewayError::Used)));
    // A ledger that is away then does not make it less posted.
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    assert_eq!(world.outcome_of(&issued), Outcome::Uncosigned(0));
    world.ledger.mood(Mood::Answers);
    world.cosign(&[3, 1]);
    let answer = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(answer.hand_over);
    let posted = answer.posted.unwrap();
    let cosigned = posted.receipt.verify_cosigned(&posted.entry, &policy()).unwrap();
    assert_eq!(cosigned.cosignatures.len(), 2);
    assert_eq!(world.outcome_of(&issued), Outcome::Posted(0));
    // The same receipt for good, whatever the witnesses have cosigned since.
    world.cosign(&[1, 2, 3]);
    let world = world.restart();
    let again = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!again.hand_over);
    assert_eq!(again.posted, Some(posted));
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_cosignature_that_does_not_hold_is_no_receipt() {
    let world = asking(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    uncosigned(world.desk.present(screened(&issued, 5)).await);
    // Of two witnesses, but of another checkpoint.
    let other = log_signer().sign(1, &[9; 32]).unwrap();
    let lines = [1, 2].map(|n| cosigner(n).cosign(&other, NOW).unwrap()).concat();
    *world.ledger.cosignatures.lock().unwrap() = lines;
    let refused = world.desk.present(screened(&issued, 5)).await;
    assert!(matches!(refused, Err(GatewayError::Post(PostError::Receipt(_)))));
    assert_eq!(world.outcome_of(&issued), Outcome::Uncosigned(0));
    world.cosign(&[1, 2]);
    assert!(world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn what_an_earlier_run_posted_is_settled_once_it_is_cosigned_and_hands_nothing_over() {
    let world = asking(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    uncosigned(world.desk.present(screened(&issued, 5)).await);
    let world = world.restart();
    assert_eq!(world.outcome_of(&issued), Outcome::Posting);
    world.desk.settle().await;
    assert_eq!(world.outcome_of(&issued), Outcome::Uncosigned(0));
    world.cosign(&[1, 2]);
    let world = world.restart();
    world.desk.settle().await;
    assert_eq!(world.outcome_of(&issued), Outcome::Posted(0));
    assert!(!world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_void_waits_for_its_cosignatures_and_a_retry_gets_its_receipt() {
    let world = asking(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let present = || {
        let (public, opening) = fill(&issued);
        world
            .desk
            .present(presentation(&issued, public.to_vec(), opening))
    };
    uncosigned(present().await);
    // Not accepted yet, so there is nothing to take back.
    assert!(matches!(
        world.desk.void(issued.challenge).await,
        Err(GatewayError::NotAsked(_))
    ));
    world.cosign(&[1, 2]);
    assert!(present().await.unwrap().hand_over);
    world.ledger.cosignatures.lock().unwrap().clear();
    uncosigned(world.desk.void(issued.challenge).await);
    assert_eq!(world.outcome_of(&issued), Outcome::Voided(0));
    world.cosign(&[2, 3]);
    let voided = world.desk.void(issued.challenge).await.unwrap();
    // The fake ledger's second leaf is in no tree, so it is the checkpoint alone that is checked.
    assert!(policy().check(&voided.receipt.checkpoint).is_ok());
    world.ledger.cosignatures.lock().unwrap().clear();
    assert_eq!(world.desk.void(issued.challenge).await.unwrap(), voided);
    assert_eq!(world.ledger.entries(), 2);
}
