//! Answers, repeats, lost answers and restarts.

use super::*;

#[tokio::test]
async fn a08_a_challenge_is_answered_once_and_survives_a_restart() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Open);
    let first = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(first.hand_over);
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));

    let again = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!again.hand_over);
    assert_eq!(again.posted, first.posted);
    let other = world.desk.present(screened(&issued, 6)).await;
    assert!(matches!(other, Err(GatewayError::Used)));

    let world = world.restart();
    let again = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!again.hand_over);
    assert_eq!(again.posted, first.posted);
    assert!(matches!(
        world.desk.present(screened(&issued, 6)).await,
        Err(GatewayError::Used)
    ));
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_found_before_anything_is_posted() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    let present = |change: fn(&mut EligibilityPublic)| {
        let mut public = screening(&issued, 5);
        change(&mut public);
        world
            .desk
            .present(presentation(&issued, public.to_vec(), Opening::None))
    };
    let mismatch = |result| match result {
        Err(GatewayError::Mismatch(mismatch)) => mismatch,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        mismatch(present(|p| p.policy_id = Fr::from(4u64)).await),
        Mismatch::Field("policy")
    );
    assert_eq!(
        mismatch(present(|p| p.date += Fr::from(1u64)).await),
        Mismatch::Field("date")
    );
    assert!(matches!(
        present(|p| p.ctx += Fr::from(1u64)).await,
        Err(GatewayError::Proof(_))
    ));
    let mut forged = screened(&issued, 5);
    forged.inputs[4] = Fr::from(6u64);
    assert!(matches!(
        world.desk.present(forged).await,
        Err(GatewayError::Proof(_))
    ));
    let mut short = screened(&issued, 5);
    short.inputs.pop();
    assert!(matches!(
        world.desk.present(short).await,
        Err(GatewayError::Presentation(_))
    ));
    let mut unknown = screened(&issued, 5);
    unknown.challenge = [0; 32];
    assert!(matches!(
        world.desk.present(unknown).await,
        Err(GatewayError::UnknownChallenge)
    ));
    assert_eq!(world.ledger.entries(), 0);
    // After all that the challenge can still be answered.
    assert!(world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
}

#[tokio::test]
async fn a_challenge_expires_and_its_day_ends() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    assert_eq!(issued.expires, NOW + 300);
    world.clock.set(NOW + 300);
    assert!(matches!(
        world.desk.present(screened(&issued, 5)).await,
        Err(GatewayError::Expired)
    ));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Expired);
    // 100 seconds before midnight; answered after it.
    world.clock.set(NOW + 14 * 3_600 - 100);
    let late = world.desk.challenge(trial(), None).unwrap();
    world.clock.set(NOW + 14 * 3_600);
    assert!(matches!(
        world.desk.present(screened(&late, 5)).await,
        Err(GatewayError::Date)
    ));
    let dated = Asked::Eligibility {
        policy_id: Fr::from(3u64),
        date: Day(46_000),
    };
    assert!(matches!(
        world.desk.challenge(dated, None),
        Err(GatewayError::Date)
    ));
}

#[tokio::test]
async fn a_refusal_reopens_the_challenge_and_a_lost_answer_does_not() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Refuses(Code::AlreadyExists));
    let refused = world.desk.present(screened(&issued, 5)).await;
    assert!(matches!(
        refused,
        Err(GatewayError::Post(PostError::Refused { .. }))
    ));
    world.ledger.mood(Mood::Loses);
    let lost = world.desk.present(screened(&issued, 6)).await;
    assert!(matches!(lost, Err(GatewayError::Post(PostError::Unavailable(_)))));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    // The ledger may have it: nothing else can be presented.
    assert!(matches!(
        world.desk.present(screened(&issued, 7)).await,
        Err(GatewayError::Used)
    ));
    world.ledger.mood(Mood::Answers);
    assert!(world.desk.present(screened(&issued, 6)).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_refused_signature_is_final_for_a_first_post_only() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Refuses(Code::Unauthenticated));
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Open);
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    // The ledger has it, and the party's key has changed since.
    world.ledger.mood(Mood::Refuses(Code::Unauthenticated));
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    let world = world.restart();
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    world.ledger.mood(Mood::Answers);
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_restored_entry_that_is_sent_again_hands_nothing_over() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    let world = world.restart();
    world.ledger.mood(Mood::Answers);
    let answer = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!answer.hand_over && answer.posted.is_some());
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn an_entry_of_a_crashed_run_is_settled_and_hands_nothing_over() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    world.ledger.mood(Mood::Answers);
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert!(!world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert_eq!(world.ledger.entries(), 1);
}
