//! Writes that fail before or after they reached the disk.

use super::*;
use crate::{
    clock::DevelopmentClock,
    recovery,
    testing::{Governance, genesis, key_of},
};
use medproof_verifier::Entry;
use std::{path::Path, sync::mpsc::sync_channel, thread};

struct Running {
    store: Store,
    commands: std::sync::mpsc::SyncSender<Command>,
    published: watch::Receiver<Arc<Published>>,
    thread: thread::JoinHandle<()>,
}

fn start(directory: &Path) -> Running {
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
    let clock = Arc::new(DevelopmentClock::default());
    let limits = BatchLimits {
        wait: Duration::ZERO,
        ..BatchLimits::default()
    };
    let sequencer = Sequencer::start(state, store.clone(), signer, record, clock, limits).unwrap();
    let published = sequencer.subscribe();
    let (commands, receiver) = sync_channel(8);
    let thread = thread::spawn(move || sequencer.run(&receiver));
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
        let rules = self.published.borrow().rules.clone();
        let submission = Box::new(Submission::check(&entry.to_bytes(), &rules).unwrap());
        let (reply, outcome) = oneshot::channel();
        self.commands.send(Command::Append(submission, reply)).ok()?;
        outcome.blocking_recv().ok().map(Result::unwrap)
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
}
