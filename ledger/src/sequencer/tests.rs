//! Writes that fail before or after they reached the disk, and what is asked while one is on its way.

use super::*;
use crate::{
    fsck, recovery,
    table::{Base, Table},
    testing::{Governance, Now, START, dispense, fr, genesis, key_of, post, tried},
};
use medproof_verifier::{Checkpoint, Day, Entry, Statement, entry::NullifierKind};
use std::{path::Path, sync::mpsc::sync_channel, thread};

/// The time at which the usual policies hold.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        START
    }

    fn set(&self, _time: u64) -> Option<i64> {
        None
    }
}

type Answer = oneshot::Receiver<Result<Outcome, Refusal>>;

struct Running {
    store: Store,
    commands: std::sync::mpsc::SyncSender<Command>,
    published: watch::Receiver<Arc<Published>>,
    thread: thread::JoinHandle<()>,
}

fn start(directory: &Path) -> Running {
    start_with(directory, BatchLimits::default().entries, 8)
}

fn start_with(directory: &Path, entries: usize, queue: usize) -> Running {
    let store = Store::open(&directory.join("db")).unwrap();
    let record = SignedRecord::open(&directory.join("signed-checkpoints")).unwrap();
    let state = match State::open(store.clone()).unwrap() {
        Some(state) => state,
        None => {
            let (mut state, _) = State::create(store.clone(), genesis()).unwrap();
            state.commit().unwrap();
            state
        }
    };
    recovery::check(&state, record.last()).unwrap();
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    let clock = Arc::new(Still);
    let limits = BatchLimits {
        wait: Duration::ZERO,
        entries,
        queue,
    };
    let sequencer = Sequencer::start(state, store.clone(), signer, record, clock, limits).unwrap();
    let published = sequencer.subscribe();
    let (commands, receiver) = sync_channel(queue);
    let thread = sequencer.spawn(receiver).unwrap();
    Running {
        store,
        commands,
        published,
        thread,
    }
}

impl Running {
    /// `None` when the sequencer does not answer.
    fn append(&self, entry: &Entry) -> Option<Outcome> {
        self.send(entry)?.blocking_recv().ok().map(Result::unwrap)
    }

    /// Returns when the entry is in the queue. `None` when the sequencer is gone.
    fn send(&self, entry: &Entry) -> Option<Answer> {
        let rules = self.published.borrow().rules.clone();
        let submission = Box::new(Submission::check(&entry.to_bytes(), &rules).unwrap());
        let (reply, outcome) = oneshot::channel();
        self.commands.send(Command::Append(submission, reply)).ok()?;
        Some(outcome)
    }

    fn stop(self) {
        // It may have stopped by itself.
        let _ = self.commands.send(Command::Stop);
        self.thread.join().unwrap();
    }
}

#[test]
fn l02_after_a_failed_write_nothing_is_acknowledged_and_a_restart_goes_on() {
    let entries: Vec<_> = Governance::new(genesis().ledger_id())
        .setup()
        .into_iter()
        .take(4)
        .collect();
    // Each entry makes two writes: its batch, then the row of its checkpoint.
    for write in 1..=6u32 {
        for after in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let running = start(directory.path());
            running.store.fail_at(write, after);
            let mut answered = vec![];
            while let Some(outcome) = running.append(&entries[answered.len()]) {
                assert!(!outcome.repeated);
                answered.push(outcome.effects);
            }
            assert_eq!(
                answered.len() as u32,
                (write - 1) / 2,
                "write {write} after {after}"
            );
            assert!(!running.published.borrow().healthy);
            // It has stopped for good, also for an entry that is in the log.
            assert!(running.append(&entries[0]).is_none());
            running.stop();
            let report = fsck(directory.path(), |_, _| ()).unwrap();
            assert!(report.is_clean(), "{:?}", report.problems);

            let running = start(directory.path());
            for (entry, effects) in entries.iter().zip(&answered) {
                assert_eq!(
                    running.append(entry),
                    Some(Outcome {
                        effects: *effects,
                        repeated: true
                    })
                );
            }
            let persisted = after || write % 2 == 0;
            let failed = running.append(&entries[answered.len()]).unwrap();
            assert_eq!(failed.repeated, persisted, "write {write} after {after}");
            assert!(running.published.borrow().healthy);
            running.stop();
        }
    }
    tried(
        "6 writes failed, each before and after it reached the disk; fsck, restart and the same entries again after each of 12",
    );
}

/// A sequencer that takes one entry a batch, with the usual parties, and the roots for fills. A command is in its hands
/// when sending it returns: then every batch before it is with the writer, or done.
fn one_by_one(directory: &Path) -> (Running, Now) {
    let running = start_with(directory, 1, 0);
    for entry in Governance::new(genesis().ledger_id()).setup() {
        running.append(&entry).unwrap();
    }
    let head = running.published.borrow().head.clone();
    let now = Now {
        anchor: head.commitment_root,
        identity_root: head.identity_root,
        registry_root: head.registry_root,
        date: fr(Day::from_unix_seconds(head.time).0.into()),
    };
    (running, now)
}

fn fill(now: &Now, n: u64) -> Entry {
    let statement = Statement::Dispense(dispense(now, n));
    Entry::Statement(Box::new(post(genesis().ledger_id(), statement, "pharmacy-1")))
}

/// Another statement with the nullifiers of fill `n`.
fn other(now: &Now, n: u64) -> Entry {
    let date = now.date + fr(1);
    fill(&Now { date, ..*now }, n)
}

fn waits(answer: &mut Answer) -> bool {
    matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty))
}

#[test]
fn l02_a_write_that_fails_takes_what_was_judged_meanwhile_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (running, now) = one_by_one(directory.path());
    running.stop();
    // The batch's write, or that of its checkpoint's row, before or after it reached the disk; and what is judged
    // meanwhile: another fill, one with the same nullifiers, the same again.
    let faults = [(1, false), (1, true), (2, false), (2, true)];
    let cases = faults
        .into_iter()
        .flat_map(|fault| [(fault, 0), (fault, 1), (fault, 2)]);
    for (n, ((write, after), which)) in (0..).zip(cases) {
        let entry = fill(&now, n);
        let next = match which {
            0 => fill(&now, 100 + n),
            1 => other(&now, n),
            _ => fill(&now, n),
        };
        let running = start_with(directory.path(), 1, 0);
        let size = running.published.borrow().head.size;
        running.store.fail_at(write, after);
        let held = running.store.hold();
        let mut first = running.send(&entry).unwrap();
        let mut second = running.send(&next).unwrap();
        assert!(waits(&mut first) && waits(&mut second));
        drop(held);
        // Neither accepted nor refused: what the second would be told rests on the first.
        assert!(first.blocking_recv().is_err(), "write {write} after {after}");
        assert!(second.blocking_recv().is_err(), "write {write} after {after}");
        assert!(!running.published.borrow().healthy);
        assert_eq!(running.published.borrow().head.size, size);
        assert!(running.append(&next).is_none());
        running.stop();
        let report = fsck(directory.path(), |_, _| ()).unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);

        // The state is that before the first batch or after it, never after the second.
        let running = start_with(directory.path(), 1, 0);
        let persisted = after || write == 2;
        let head = running.published.borrow().head.clone();
        assert_eq!(
            head.size,
            size + 2 * u64::from(persisted),
            "write {write} after {after}"
        );
        if persisted {
            assert!(running.append(&entry).unwrap().repeated);
        }
        running.stop();
    }
    tried("4 failing writes with 3 kinds of entry judged meanwhile; fsck and restart after each of 12");
}

#[test]
fn l01_a_nullifier_of_the_batch_in_flight_is_spent_and_its_entry_known() {
    let directory = tempfile::tempdir().unwrap();
    let (running, now) = one_by_one(directory.path());
    let held = running.store.hold();
    let mut first = running.send(&fill(&now, 1)).unwrap();
    let mut conflict = running.send(&other(&now, 1)).unwrap();
    let repeated = thread::scope(|scope| {
        let repeated = scope.spawn(|| running.send(&fill(&now, 1)).unwrap());
        assert!(waits(&mut first) && waits(&mut conflict));
        assert_eq!(running.published.borrow().head.nullifiers[0], 0);
        drop(held);
        repeated.join().unwrap()
    });
    let first = first.blocking_recv().unwrap().unwrap();
    assert!(!first.repeated);
    let refusal = conflict.blocking_recv().unwrap().unwrap_err();
    assert!(
        matches!(refusal, Refusal::Spent(NullifierKind::Account)),
        "{refusal}"
    );
    let expected = Outcome {
        repeated: true,
        ..first
    };
    assert_eq!(repeated.blocking_recv().unwrap().unwrap(), expected);
    running.stop();
}

#[test]
fn l02_a_stop_waits_for_the_batch_in_flight_and_the_one_judged_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (running, now) = one_by_one(directory.path());
    let store = running.store.clone();
    let held = store.hold();
    let mut answers: Vec<_> = (1..3).map(|n| running.send(&fill(&now, n)).unwrap()).collect();
    thread::scope(|scope| {
        scope.spawn(|| running.stop());
        assert!(answers.iter_mut().all(waits));
        drop(held);
    });
    for answer in answers {
        assert!(!answer.blocking_recv().unwrap().unwrap().repeated);
    }
    drop(store);
    let running = start(directory.path());
    assert!((1..3).all(|n| running.append(&fill(&now, n)).unwrap().repeated));
    running.stop();
}

#[test]
fn a_backup_holds_the_batch_in_flight_and_none_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let (running, now) = one_by_one(directory.path());
    let copy = directory.path().join("copy");
    let size = running.published.borrow().head.size;
    let held = running.store.hold();
    let first = running.send(&fill(&now, 1)).unwrap();
    let (reply, mut backup) = oneshot::channel();
    running
        .commands
        .send(Command::Backup(copy.clone(), reply))
        .unwrap();
    let second = thread::scope(|scope| {
        let second = scope.spawn(|| running.send(&fill(&now, 2)).unwrap());
        assert!(backup.try_recv().is_err());
        drop(held);
        second.join().unwrap()
    });
    let note = backup.blocking_recv().unwrap().unwrap();
    assert_eq!(first.blocking_recv().unwrap().unwrap().effects.index, size);
    assert_eq!(second.blocking_recv().unwrap().unwrap().effects.index, size + 2);
    running.stop();

    let log_key = LogSigner::new(&genesis().origin, key_of("log"))
        .unwrap()
        .log_key();
    assert_eq!(Checkpoint::verify(&note, &log_key).unwrap().size(), size + 2);
    let copied = Store::open(&copy).unwrap();
    let entry = |index: u64| copied.get(Table::Entry, &index.to_be_bytes()).unwrap();
    assert!(entry(size + 1).is_some() && entry(size + 2).is_none());
    let row = copied.get(Table::Checkpoint, &(size + 2).to_be_bytes()).unwrap();
    assert_eq!(row, Some(note));
}
