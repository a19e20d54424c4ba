//! The thread that makes batches durable in order: one synced write, the record of the head, the signature, and only
//! then the answers. The sequencer judges the next batch meanwhile, and hands it over when this one is done.

use super::{Failure, Outcome, Published, Reply, Stopped};
use crate::{
    overlay::Rows,
    refusal::Refusal,
    rules::Rules,
    signed_record::{SignedHead, SignedRecord},
    state::Head,
    store::Store,
    table::{StoreError, Table},
};
use medproof_verifier::LogSigner;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};
use tokio::sync::{oneshot, watch};

/// A batch with its seal, ready to be written.
pub(super) struct Sealed {
    pub(super) rows: Arc<Rows>,
    pub(super) size: u64,
    pub(super) root: [u8; 32],
    pub(super) head: Head,
    pub(super) rules: Arc<Rules>,
}

/// What the writer is given.
pub(super) enum Work {
    /// A batch, or none where nothing was accepted, and the answers that hold once everything before them is durable.
    Batch(Option<Box<Sealed>>, Vec<(Reply, Result<Outcome, Refusal>)>),
    /// Copy the database to this directory. Gives the checkpoint of what is in the copy.
    Backup(PathBuf, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    /// The store cannot be read, or witnesses contradict it: nothing follows.
    Failed(Failure),
}

/// The sequencer's hold on the thread.
pub(super) struct Handle {
    work: SyncSender<Work>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// Gives the writer its next work, and returns when it has taken it: whatever it was given before is durable, signed
    /// and answered then. False when it has failed.
    #[must_use]
    pub(super) fn give(&self, work: Work) -> bool {
        self.work.send(work).is_ok()
    }

    /// Waits until the work given is done.
    pub(super) fn finish(self) {
        drop(self.work);
        let _ = self.thread.join();
    }
}

/// The writer's own side.
pub(super) struct Writer {
    store: Store,
    signer: LogSigner,
    record: SignedRecord,
    published: watch::Sender<Arc<Published>>,
    stopped: Stopped,
}

impl Writer {
    /// Signs the store's head (`size`, `root`) and publishes it.
    pub(super) fn new(
        store: Store,
        signer: LogSigner,
        mut record: SignedRecord,
        head: &Head,
        rules: &Arc<Rules>,
        root: [u8; 32],
    ) -> Result<Self, StoreError> {
        let published = Published {
            head: head.clone(),
            rules: Arc::clone(rules),
            checkpoint: sign(&signer, &mut record, &store, head.size, root)?,
            healthy: true,
        };
        Ok(Self {
            store,
            signer,
            record,
            published: watch::Sender::new(Arc::new(published)),
            stopped: Stopped::default(),
        })
    }

    pub(super) fn stopped(&self) -> Stopped {
        Arc::clone(&self.stopped)
    }

    /// Fails once witnesses have stopped the ledger.
    fn go_on(&self) -> Result<(), Failure> {
        match self.stopped.get() {
            Some(by) => Err(Failure::Contradicted(*by)),
            None => Ok(()),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    pub(super) fn spawn(self) -> io::Result<Handle> {
        // No place to wait in: what is given next stays with the sequencer until the writer takes it.
        let (work, receiver) = sync_channel(0);
        let run = move || self.run(&receiver);
        let thread = thread::Builder::new().name("writer".into()).spawn(run)?;
        Ok(Handle { work, thread })
    }

    /// Runs until the sequencer is gone or something fails.
    fn run(mut self, work: &Receiver<Work>) {
        while let Ok(next) = work.recv() {
            match next {
                Work::Batch(sealed, answers) => {
                    let written = sealed.map_or(Ok(()), |sealed| self.write(*sealed));
                    if let Err(error) = written.and_then(|()| self.go_on()) {
                        // Before the answers are dropped: whoever waits then finds that the ledger is unavailable.
                        return self.fail(&error);
                    }
                    for (reply, answer) in answers {
                        // A client that has gone away may ask again; its entry is in the log.
                        let _ = reply.send(answer);
                    }
                }
                // Whoever asked may have gone. A copy that fails leaves the store as it is.
                Work::Backup(path, reply) => drop(reply.send(self.backup(&path))),
                Work::Failed(error) => return self.fail(&error),
            }
        }
    }

    fn fail(&self, error: &Failure) {
        tracing::error!(%error, "the ledger stops acknowledging");
        self.published.send_modify(|p| Arc::make_mut(p).healthy = false);
    }

    fn backup(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        self.store.checkpoint(path)?;
        Ok(self.published.borrow().checkpoint.clone())
    }

    fn write(&mut self, sealed: Sealed) -> Result<(), Failure> {
        let Sealed {
            rows,
            size,
            root,
            head,
            rules,
        } = sealed;
        self.go_on()?;
        self.store.write_rows(&rows)?;
        self.go_on()?;
        let checkpoint = sign(&self.signer, &mut self.record, &self.store, size, root)?;
        self.published.send_replace(Arc::new(Published {
            head,
            rules,
            checkpoint,
            healthy: true,
        }));
        Ok(())
    }
}

/// Records a head, signs it and keeps the note. The record is durable before the signature exists.
fn sign(
    signer: &LogSigner,
    record: &mut SignedRecord,
    store: &Store,
    size: u64,
    root: [u8; 32],
) -> Result<Vec<u8>, StoreError> {
    record
        .append(SignedHead { size, root })
        .map_err(|e| StoreError::Database(format!("signed-checkpoints: {e}")))?;
    let note = signer
        .sign(size, &root)
        .map_err(|e| StoreError::Database(e.to_string()))?;
    let row = (
        (Table::Checkpoint, size.to_be_bytes().to_vec()),
        Some(note.clone()),
    );
    // Not synced: signing is deterministic, so a lost row is made again at the next start.
    store.write(vec![row], false)?;
    Ok(note)
}
