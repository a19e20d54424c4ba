//! A batch that is judged while the rows of the one before are not in the base yet.

use super::*;
use crate::{overlay::Rows, recovery, state::State, table::MemoryBase};
use std::sync::Arc;

/// What to do with a sealed batch: commit it, or only hand it over.
type End = fn(&mut State<MemoryBase>) -> Option<Arc<Rows>>;

fn commit(state: &mut State<MemoryBase>) -> Option<Arc<Rows>> {
    state.commit().unwrap();
    None
}

fn hand_over(state: &mut State<MemoryBase>) -> Option<Arc<Rows>> {
    Some(state.hand_over())
}

/// Leaf index of each entry of the second batch, or why it has none; and the rows of both batches.
type Judged = (Vec<Result<u64, String>>, Vec<Option<Arc<Rows>>>);

/// A batch with an opening, a fill, and a burn of another fill's key; then one that leans on each row of it. Gives the
/// answers of the second, and both batches' rows where they were handed over.
fn two_batches(w: &mut World, end: End) -> Judged {
    let now = w.now();
    let id = w.id();
    let spend = |n, date: u64| {
        let public = dispense(&now, n);
        let public = medproof_verifier::statement::DispensePublic {
            date: public.date + fr(date),
            ..public
        };
        Entry::Statement(Box::new(post(id, Statement::Dispense(public), "pharmacy-1")))
    };
    let burn = |sequence, key| {
        let body = Burn {
            sequence,
            party: name("dr-1"),
            fill_keys: vec![fr(key)],
        };
        Entry::Burn(Signed::new(body, &id, &key_of("dr-1")))
    };
    let void = |dispense| {
        let body = Void {
            sequence: 1,
            party: name("pharmacy-1"),
            dispense,
        };
        Entry::Void(Signed::new(body, &id, &key_of("pharmacy-1")))
    };
    let first = w.state.head().size;
    let batches = [
        vec![
            open(id, 5, "authority", "us-ma", account(0, 1)),
            spend(1, 0),
            spend(2, 0),
            burn(1, 77),
        ],
        vec![
            spend(1, 0),
            spend(1, 1),
            open(id, 5, "authority", "us-ma", account(1, 2)),
            open(id, 6, "authority", "us-ma", account(0, 3)),
            open(id, 6, "authority", "us-ma", account(1, 1)),
            open(id, 6, "authority", "us-ma", account(1, 2)),
            void(first + 2),
            burn(2, 77),
            spend(3, 0),
        ],
    ];
    let (mut answers, mut rows) = (vec![], vec![]);
    for batch in batches {
        answers.clear();
        for entry in batch {
            let submission = Submission::check(&entry.to_bytes(), w.state.rules()).unwrap();
            let known = w.state.find(&submission).unwrap();
            let answer = match known {
                Some(effects) => Err(format!("known at {}", effects.index)),
                None => w
                    .state
                    .apply(&submission, w.time)
                    .map_err(|e| e.to_string())
                    .map(|effects| effects.index),
            };
            answers.push(answer);
        }
        w.state.seal(w.time).unwrap();
        rows.push(end(&mut w.state));
    }
    (answers, rows)
}

#[test]
fn l02_l03_a_batch_is_judged_against_the_one_in_flight_as_if_that_were_in_the_base() {
    let (mut one, mut other) = (World::new(), World::new());
    let first = one.state.head().size;
    let (expected, _) = two_batches(&mut one, commit);
    let (answers, rows) = two_batches(&mut other, hand_over);
    assert_eq!(answers, expected);
    // Every second entry leans on the batch before, and is refused or found for that reason.
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(accepted.len(), 4, "{accepted:?}");
    assert_eq!(refused[0], Err(format!("known at {}", first + 1)));
    assert!(refused[1].as_ref().unwrap_err().contains("spent"), "{refused:?}");
    assert_eq!(refused.len(), 5);
    assert_eq!(other.state.head(), one.state.head());

    // The base had nothing of either; in order, each of them leaves it whole.
    let head = one.state.head().clone();
    let (mut empty, _) = State::create(MemoryBase::default(), genesis()).unwrap();
    std::mem::swap(&mut empty, &mut other.state);
    let mut base = empty.into_base();
    for (rows, batches) in rows.into_iter().flatten().zip([head.batches - 1, head.batches]) {
        let rows = Arc::try_unwrap(rows).expect("the state that held them is gone");
        base.commit(rows).unwrap();
        let state = State::open(base).unwrap().unwrap();
        recovery::check_last_batch(&state).unwrap();
        assert_eq!(state.head().batches, batches);
        base = state.into_base();
    }
    assert_eq!(State::open(base).unwrap().unwrap().head(), &head);
}
