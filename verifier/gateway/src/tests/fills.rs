//! Fills at a pharmacy, and their voids.

use super::*;
use crate::journal::tests::Side;

pub(super) fn fill(issued: &Issued) -> (DispensePublic, Opening) {
    let opening = DispenseOpening {
        drug: 1 << 64 | 856_999,
        quantity: 120_000,
        days: 30,
        prescribed_quantity: 120_000,
        prescribed_days: 30,
        prescriber: name("dr-lee"),
        person: tagged(Tag::Person, [Fr::from(8u64), Fr::from(9u64)]),
        r: Fr::from(10u64),
    };
    let f = |n: u64| Fr::from(n);
    let date = issued.asked.date().unwrap();
    let public = DispensePublic {
        anchor: f(49),
        identity_root: f(2),
        registry_root: f(3),
        domain: name("us-ma").to_fr(),
        policy_id: f(3),
        date: Fr::from(date.0),
        nf_note: f(4),
        cm_note: f(5),
        cm_undo: f(6),
        nf_fill: f(7),
        cm_dispense: opening.commitment().unwrap(),
        ctx: context(issued),
    };
    let salt = Fr::from(9u64);
    (public, Opening::Dispense { opening, salt })
}

#[tokio::test]
async fn a08_only_proof_and_opening_take_what_is_handed_over_once() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let (public, opening) = fill(&issued);
    world.ledger.mood(Mood::Loses);
    let lost = presentation(&issued, public.to_vec(), opening);
    assert!(world.desk.present(lost).await.is_err());
    world.ledger.mood(Mood::Answers);
    // A stranger knows the public inputs from the ledger, also the proof, but not the opening.
    let stranger = presentation(&issued, public.to_vec(), Opening::None);
    assert!(matches!(
        world.desk.present(stranger).await,
        Err(GatewayError::Mismatch(Mismatch::Kind))
    ));
    let (public, opening) = fill(&issued);
    let mut forged = presentation(&issued, public.to_vec(), opening);
    forged.proof = prove(issued.circuit, &vec![Fr::from(49u64); public.to_vec().len()]);
    assert!(matches!(
        world.desk.present(forged).await,
        Err(GatewayError::Proof(_))
    ));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    // The holder still gets it, also after midnight: the entry was signed on its day.
    world.clock.set(NOW + 86_400);
    let (public, opening) = fill(&issued);
    let holder = presentation(&issued, public.to_vec(), opening);
    assert!(world.desk.present(holder).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a02_a_fill_is_opened_handed_over_and_voided_once() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    assert!(matches!(
        world.desk.void(issued.challenge).await,
        Err(GatewayError::NotAsked(_))
    ));
    let (public, _) = fill(&issued);
    let closed = world
        .desk
        .present(presentation(&issued, public.to_vec(), Opening::None));
    assert!(matches!(
        closed.await,
        Err(GatewayError::Mismatch(Mismatch::Kind))
    ));
    let (public, opening) = fill(&issued);
    let answer = world
        .desk
        .present(presentation(&issued, public.to_vec(), opening));
    assert!(answer.await.unwrap().hand_over);
    let voided = world.desk.void(issued.challenge).await.unwrap();
    let Ok(Entry::Void(entry)) = Entry::from_bytes(&voided.entry) else {
        panic!("a VOID")
    };
    assert_eq!((entry.body.dispense, entry.body.sequence), (0, 8));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Voided(0));
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Voided(0));
    assert_eq!(world.desk.void(issued.challenge).await.unwrap(), voided);
    assert_eq!(world.ledger.entries(), 2);
}

#[tokio::test]
async fn staff_is_told_of_a_void_as_soon_as_it_may_be_on_the_ledger() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let (public, opening) = fill(&issued);
    let answer = presentation(&issued, public.to_vec(), opening);
    world.desk.present(answer).await.unwrap();
    let outcome = |world: &World| world.desk.outcome(&issued.challenge).unwrap();
    // Refused for good: the fill stands.
    world.ledger.mood(Mood::Refuses(Code::FailedPrecondition));
    assert!(world.desk.void(issued.challenge).await.is_err());
    assert_eq!(outcome(&world), Outcome::Posted(0));
    // In flight: nothing is polled after the first poll of the call.
    let mut void = Box::pin(world.desk.void(issued.challenge));
    world.ledger.mood(Mood::Loses);
    assert!(is_pending(void.as_mut()));
    assert_eq!(outcome(&world), Outcome::Voided(0));
    assert!(void.await.is_err());
    // The answer was lost, and the same entry gets its receipt, whatever was said in between.
    for code in [Code::Unauthenticated, Code::AlreadyExists] {
        world.ledger.mood(Mood::Refuses(code));
        assert!(world.desk.void(issued.challenge).await.is_err());
        assert_eq!(outcome(&world), Outcome::Voided(0));
    }
    world.ledger.mood(Mood::Answers);
    world.desk.void(issued.challenge).await.unwrap();
    assert_eq!(world.ledger.entries(), 2);
    let world = world.restart();
    assert_eq!(outcome(&world), Outcome::Voided(0));
}

/// A pharmacy that has accepted one fill, which is entry 0.
async fn accepted() -> (World, [u8; 32]) {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let (public, opening) = fill(&issued);
    let answer = presentation(&issued, public.to_vec(), opening);
    assert!(world.desk.present(answer).await.unwrap().hand_over);
    (world, issued.challenge)
}

#[tokio::test]
async fn a_void_is_taken_up_after_a_fault_on_either_side_of_each_write() {
    for (write, side) in [0, 1]
        .into_iter()
        .flat_map(|n| [(n, Side::Before), (n, Side::After)])
    {
        let (world, challenge) = accepted().await;
        let outcome = |world: &World| world.desk.outcome(&challenge).unwrap();
        world.desk.fail_journal(write, side);
        let failed = world.desk.void(challenge).await;
        assert!(
            matches!(failed, Err(GatewayError::Journal(_))),
            "{write} {side:?}"
        );
        assert_eq!(outcome(&world), Outcome::Voided(0), "not to be handed over");
        assert_eq!(
            world.ledger.entries(),
            1 + write as usize,
            "sent after its record only"
        );

        let world = world.restart();
        let lost = (write, side) == (0, Side::Before);
        let expected = if lost {
            Outcome::Posted(0)
        } else {
            Outcome::Voided(0)
        };
        assert_eq!(outcome(&world), expected, "{write} {side:?}");
        world.desk.settle().await;
        assert_eq!(outcome(&world), expected, "{write} {side:?}");
        assert_eq!(world.ledger.entries(), 2 - usize::from(lost), "{write} {side:?}");
        let voided = world.desk.void(challenge).await.unwrap();
        assert_eq!(voided.receipt.index, 1);
        let world = world.restart();
        assert_eq!(outcome(&world), Outcome::Voided(0));
        assert_eq!(world.desk.void(challenge).await.unwrap(), voided);
        assert_eq!(world.ledger.entries(), 2);
    }
}

#[tokio::test]
async fn a_refused_void_is_taken_up_after_a_fault_on_either_side_of_its_write() {
    for (side, before_settling) in [
        (Side::Before, Outcome::Voided(0)),
        (Side::After, Outcome::Posted(0)),
    ] {
        let (world, challenge) = accepted().await;
        let outcome = |world: &World| world.desk.outcome(&challenge).unwrap();
        world.ledger.mood(Mood::Refuses(Code::FailedPrecondition));
        world.desk.fail_journal(1, side);
        let failed = world.desk.void(challenge).await;
        assert!(matches!(failed, Err(GatewayError::Journal(_))), "{side:?}");
        assert_eq!(outcome(&world), Outcome::Voided(0), "not to be handed over");
        let world = world.restart();
        assert_eq!(outcome(&world), before_settling, "{side:?}");
        world.desk.settle().await;
        assert_eq!(outcome(&world), Outcome::Posted(0), "{side:?}");
        // Refused for good: no start sends it again.
        world.ledger.mood(Mood::Answers);
        let world = world.restart();
        world.desk.settle().await;
        assert_eq!((outcome(&world), world.ledger.entries()), (Outcome::Posted(0), 1));
    }
}

#[tokio::test]
async fn a_void_of_an_earlier_run_gets_another_sequence_number_where_its_own_is_taken() {
    let (world, challenge) = accepted().await;
    world.desk.fail_journal(0, Side::After);
    assert!(world.desk.void(challenge).await.is_err());
    let world = world.restart();
    // Nothing is settled while the ledger is away.
    world.ledger.mood(Mood::Refuses(Code::Unauthenticated));
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&challenge).unwrap(), Outcome::Voided(0));
    assert_eq!(world.ledger.entries(), 1);
    world.ledger.mood(Mood::RefusesOnce(Code::FailedPrecondition));
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&challenge).unwrap(), Outcome::Voided(0));
    assert_eq!(world.ledger.entries(), 2);
}

/// Polls once; true when there is no answer yet.
fn is_pending<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.poll(&mut context).is_pending()
}
