//! Witnesses that vouch for another history than the ledger's own: as many of them as make a quorum are believed, and
//! the ledger acknowledges nothing more, now and at later starts. The record of what it signed lies beside the database,
//! and an old copy of the whole directory is an old copy of that too; only others can know that there was more.

use crate::{
    halted,
    sequencer::{Command, Stopped},
};
use std::{path::PathBuf, sync::mpsc::SyncSender, time::Duration};
use tokio::{sync::watch, time};

/// Longest wait at a start for what the witnesses have seen. One that is away must not keep a ledger from starting.
const FIRST_WAIT: Duration = Duration::from_secs(3);

/// So many witnesses have cosigned another history than the one here that they are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{witnesses} of {of} witnesses have cosigned a later checkpoint of this log, or another one, than this directory leads \
     to: it is an old copy, or the log was forked. Nothing more is acknowledged; \"An old copy of the whole directory\" in \
     docs/operations.md says how to go on"
)]
pub struct Contradicted {
    /// How many of them.
    pub witnesses: usize,
    /// How many are asked.
    pub of: usize,
}

/// What was heard so far.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Each witness was asked once.
    asked: bool,
    contradicted: Option<Contradicted>,
}

/// What becomes of a ledger that its witnesses contradict.
#[derive(Debug)]
pub(super) struct Alarm {
    /// So many of them are believed.
    enough: usize,
    /// The ledger's, which is marked as halted.
    directory: PathBuf,
    /// What the writer looks at before each batch.
    stopped: Stopped,
    commands: SyncSender<Command>,
    state: watch::Sender<State>,
}

/// A view of the alarm. By default, of none.
#[derive(Debug, Clone)]
pub(crate) struct Heed(watch::Receiver<State>);

impl Default for Heed {
    fn default() -> Self {
        Self(watch::Sender::default().subscribe())
    }
}

impl Alarm {
    pub(super) fn new(
        enough: usize,
        directory: PathBuf,
        (stopped, commands): (Stopped, SyncSender<Command>),
    ) -> Self {
        Self {
            enough,
            directory,
            stopped,
            commands,
            state: watch::Sender::default(),
        }
    }

    pub(super) fn heed(&self) -> Heed {
        Heed(self.state.subscribe())
    }

    /// Each witness was asked once.
    pub(super) fn asked(&self) {
        self.state.send_modify(|state| state.asked = true);
    }

    /// Takes the number of witnesses that contradict the ledger. True when they are enough, or were before; the directory
    /// has been marked and the sequencer told then.
    pub(super) async fn judge(&self, witnesses: usize, of: usize) -> bool {
        if self.state.borrow().contradicted.is_some() {
            return true;
        }
        if witnesses < self.enough {
            return false;
        }
        let contradicted = Contradicted { witnesses, of };
        // Whatever waits to be judged, nothing more is written, signed or answered from here on.
        let _ = self.stopped.set(contradicted);
        // The mark first: who waits for the word may end the process on it.
        let directory = self.directory.clone();
        let mark = move || halted::record(&directory, format!("{contradicted}\n").as_bytes());
        match tokio::task::spawn_blocking(mark).await {
            Ok(Ok(())) => {}
            failed => tracing::error!(
                ?failed,
                "that the ledger is contradicted cannot be kept for the next start"
            ),
        }
        self.state
            .send_modify(|state| state.contradicted = Some(contradicted));
        let commands = self.commands.clone();
        // The queue may be full for a moment. A sequencer that is gone acknowledges nothing.
        let tell = move || drop(commands.send(Command::Contradicted(contradicted)));
        let _ = tokio::task::spawn_blocking(tell).await;
        true
    }
}

impl Heed {
    /// Returns when each witness was asked once, when enough of them contradict the ledger, or after [`FIRST_WAIT`].
    ///
    /// # Errors
    /// [`Contradicted`], by those that have answered.
    pub(crate) async fn asked_once(&self) -> Result<(), Contradicted> {
        let mut state = self.0.clone();
        // What is known by then counts, also where the time is over.
        let _ = time::timeout(
            FIRST_WAIT,
            state.wait_for(|state| state.asked || state.contradicted.is_some()),
        )
        .await;
        self.contradicted().map_or(Ok(()), Err)
    }

    /// Whether the witnesses contradict the ledger.
    pub(crate) fn contradicted(&self) -> Option<Contradicted> {
        self.0.borrow().contradicted
    }
}
