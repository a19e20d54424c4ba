//! Binds at an issuer.

use super::*;
use crate::journal::{Journal, Record};

#[tokio::test]
async fn a_bind_is_never_posted() {
    let world = World::new(Role::Prescriber);
    let asked = |domain: &str| Asked::Bind {
        issuer: name("party-1"),
        domain: name(domain),
        identity: Fr::from(8u64),
    };
    assert!(matches!(
        world.desk.challenge(asked("us-ny"), None),
        Err(GatewayError::NotAsked(_))
    ));
    let issued = world.desk.challenge(asked("us-ma"), None).unwrap();
    let answer = world.desk.present(bound(&issued, 77, 8)).await.unwrap();
    assert!(answer.hand_over && answer.posted.is_none());
    let world = world.restart();
    assert_eq!(
        world.desk.outcome(&issued.challenge).unwrap(),
        Outcome::Bound {
            subject: fr_to_be_bytes(&Fr::from(77u64)),
            person: Some(fr_to_be_bytes(&person(8))),
        }
    );
    assert_eq!(world.ledger.entries(), 0);
}

#[tokio::test]
async fn l03_a_bind_needs_a_root_that_the_log_has_sealed_and_not_long_replaced() {
    let world = World::new(Role::Prescriber);
    // Every proof of these tests is under the root 49.
    let accepted = async |time: u64, seals: &[(u64, u64)]| {
        world.clock.set(time);
        let seals = seals.iter().map(|(time, root)| seal(*time, *root));
        *world.ledger.seals.lock().unwrap() = seals.collect();
        let asked = Asked::Bind {
            issuer: name("party-1"),
            domain: name("us-ma"),
            identity: Fr::from(8u64),
        };
        let issued = world.desk.challenge(asked, None).unwrap();
        match world.desk.present(bound(&issued, 77, 8)).await {
            Ok(answer) => answer.hand_over,
            Err(GatewayError::IdentityRoot) => false,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(!accepted(NOW, &[]).await);
    assert!(!accepted(NOW, &[(NOW, 50)]).await, "never sealed");
    let first = (NOW - 9_000, 49);
    assert!(accepted(NOW, &[first]).await, "the newest, however old it is");
    for (time, expected) in [(NOW, true), (NOW + 600, true), (NOW + 601, false)] {
        let replaced = [(NOW, 50), first];
        assert_eq!(accepted(time, &replaced).await, expected, "{time}");
        // Replaced once is replaced, whatever was sealed after it.
        let later = [(NOW + 590, 51), (NOW + 500, 50), (NOW, 50), first];
        assert_eq!(accepted(time, &later).await, expected, "{time}");
        // A clock behind the log's makes no root younger.
        let ahead = [(time, 50), (NOW, 50), first];
        assert_eq!(accepted(NOW - 5_000, &ahead).await, expected, "{time}");
    }
    assert!(
        accepted(NOW + 601, &[(NOW + 600, 49), (NOW, 50), first]).await,
        "it came back"
    );
}

#[tokio::test]
async fn a04_a_pseudonym_has_one_person() {
    let world = World::new(Role::Prescriber);
    let ask = |world: &World, identity: u64| {
        let asked = Asked::Bind {
            issuer: name("party-1"),
            domain: name("us-ma"),
            identity: Fr::from(identity),
        };
        world.desk.challenge(asked, None).unwrap()
    };
    let first = ask(&world, 8);
    assert!(world.desk.present(bound(&first, 77, 8)).await.unwrap().hand_over);
    // Somebody else whom the authority enrolled under the same secret shows a valid proof and a card.
    let second = ask(&world, 9);
    let refused = world.desk.present(bound(&second, 77, 9)).await;
    assert!(matches!(refused, Err(GatewayError::Bound)));
    assert_eq!(world.desk.outcome(&second.challenge).unwrap(), Outcome::Open);
    // The same person may be bound again, and anybody under another pseudonym; also after a restart.
    let again = ask(&world, 8);
    assert!(world.desk.present(bound(&again, 77, 8)).await.unwrap().hand_over);
    let world = world.restart();
    let third = ask(&world, 9);
    let refused = world.desk.present(bound(&third, 77, 9)).await;
    assert!(matches!(refused, Err(GatewayError::Bound)));
    assert!(world.desk.present(bound(&third, 78, 9)).await.unwrap().hand_over);
}

#[tokio::test]
async fn a_pseudonym_bound_under_version_1_gets_its_person_with_the_next_bind() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(&dir.path().join("journal")).unwrap();
    let record = Record::Bound {
        challenge: [1; 32],
        time: NOW,
        key: [2; 32],
        subject: fr_to_be_bytes(&Fr::from(77u64)),
        person: None,
    };
    journal.append(&record).unwrap();
    drop(journal);
    let desk = Desk::open(
        config(&dir, Role::Prescriber),
        None,
        FakeLedger::new(),
        ManualClock::new(NOW),
    );
    let desk = Arc::new(desk.unwrap());
    for (identity, accepted) in [(8, true), (9, false)] {
        let asked = Asked::Bind {
            issuer: name("party-1"),
            domain: name("us-ma"),
            identity: Fr::from(identity),
        };
        let issued = desk.challenge(asked, None).unwrap();
        let answer = desk.present(bound(&issued, 77, identity)).await;
        assert_eq!(answer.is_ok(), accepted);
    }
}

/// A valid proof for another issuer, challenge or ledger, shown with the challenge of this one.
#[tokio::test]
async fn a_bind_for_another_issuer_challenge_or_ledger_is_refused() {
    let world = World::new(Role::Prescriber);
    let asked = || Asked::Bind {
        issuer: name("party-1"),
        domain: name("us-ma"),
        identity: Fr::from(8u64),
    };
    let issued = world.desk.challenge(asked(), None).unwrap();
    let other = world.desk.challenge(asked(), None).unwrap();
    let changes: [fn(&mut Issued, &Issued); 4] = [
        |theirs, _| theirs.relying_party = name("party-2"),
        |theirs, other| theirs.challenge = other.challenge,
        |theirs, _| theirs.ledger_id[0] ^= 1,
        |theirs, other| theirs.payload_hash = other.payload_hash,
    ];
    for change in changes {
        let mut theirs = issued.clone();
        change(&mut theirs, &other);
        let mut shown = bound(&theirs, 77, 8);
        shown.challenge = issued.challenge;
        let refused = world.desk.present(shown).await;
        assert!(matches!(refused, Err(GatewayError::Proof(_))));
    }
    assert!(world.desk.present(bound(&issued, 77, 8)).await.unwrap().hand_over);
}

/// The salted digest of whoever's card has this identity digest.
fn person(identity: u64) -> Fr {
    tagged(Tag::Person, [Fr::from(identity), Fr::from(9u64)])
}

/// A bind of pseudonym and person.
fn bound(issued: &Issued, subject: u64, identity: u64) -> Presentation {
    let public = BindPublic {
        identity_root: Fr::from(49u64),
        domain: name("us-ma").to_fr(),
        issuer_party: name("party-1").to_fr(),
        subject: Fr::from(subject),
        person: person(identity),
        ctx: context(issued),
    };
    let salt = Fr::from(9u64);
    presentation(issued, public.to_vec(), Opening::Person { salt })
}
