//! Judging a log's entries as if they were new, batch by batch, under the rules and with the writes of the sequencer.

use super::mismatch::{Failed, Mismatch};
use crate::{
    audit::differences,
    clock::{Clock, SystemClock, ahead},
    refusal::Refusal,
    state::State,
    store::Store,
    table::StoreError,
    waiting::{Unsealed, Waiting},
};
use medproof_verifier::{
    Checkpoint, Entry, LogKey,
    entry::{Genesis, Seal},
};
use std::sync::Arc;

/// Most signed checkpoints ahead that are compared once their entries are here. Each lies in the next one by its tiles
/// already, so that one may be left out.
const MAX_AHEAD: usize = 64;

/// The log so far, and what waits to be judged.
pub(super) struct Judge {
    store: Store,
    /// None before the genesis.
    state: Option<State<Store>>,
    waiting: Waiting,
    log_key: LogKey,
    genesis: Option<Genesis>,
    /// Signed checkpoints whose entries are not here yet: the log must come to have their roots.
    ahead: Vec<Checkpoint>,
    /// Entries that are in the store.
    committed: u64,
    /// What a production ledger's seals are held to.
    pub(super) clock: Arc<dyn Clock>,
    /// Judged entries that are held in memory before a seal is written that no checkpoint was signed at.
    pub(super) held: u64,
}

/// What a refusal by the rules means; the store's own errors are no mismatch.
fn refused(refusal: Refusal, mismatch: impl FnOnce(Refusal) -> Mismatch) -> Failed {
    match refusal {
        Refusal::Store(error) => Failed::Store(error),
        other => mismatch(other).into(),
    }
}

impl Judge {
    /// Goes on from `state`, or from nothing; a genesis that is given is the only one that is taken.
    pub(super) fn new(
        store: Store,
        state: Option<State<Store>>,
        (log_key, genesis): (LogKey, Option<Genesis>),
        held: u64,
    ) -> Self {
        Self {
            store,
            committed: state.as_ref().map_or(0, |state| state.head().size),
            state,
            waiting: Waiting::default(),
            log_key,
            genesis,
            ahead: vec![],
            clock: Arc::new(SystemClock),
            held,
        }
    }

    /// The state after the last seal.
    pub(super) fn state(&self) -> Option<&State<Store>> {
        self.state.as_ref()
    }

    /// Entries that were judged.
    pub(super) fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.head().size)
    }

    /// Root of the first `size` entries that were judged, written or not.
    pub(super) fn root(&self, size: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.state.as_ref().map(|state| state.log_root(size)).transpose()
    }

    /// Leaf index of the entry to be read next.
    pub(super) fn next(&self) -> u64 {
        self.size() + self.waiting.len() as u64
    }

    /// Forgets the entries of a batch that was begun: they are read anew, under whatever checkpoint is followed next.
    pub(super) fn forget(&mut self) {
        self.waiting.take_unjudged(self.waiting.len());
    }

    /// Holds the log to a checkpoint that was seen or cosigned, whatever is followed until its entries are here.
    pub(super) fn expect(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.size() > 0 {
            self.ahead.truncate(MAX_AHEAD - 1);
            self.ahead.push(checkpoint.clone());
        }
    }

    /// Compares a signed checkpoint of entries that were judged, written or not, with them.
    pub(super) fn agrees(&self, checkpoint: &Checkpoint) -> Result<(), Failed> {
        // Nothing is shorter than no entries.
        self.state
            .as_ref()
            .map_or(Ok(()), |state| agrees(state, checkpoint))
    }

    /// Compares the roots of checkpoints whose entries are here now, before anything of them is written.
    fn reach(&mut self) -> Result<(), Failed> {
        let Some(state) = &self.state else {
            return Ok(());
        };
        let here = state.head().size;
        for known in self.ahead.iter().filter(|known| known.size() <= here) {
            agrees(state, known)?;
        }
        self.ahead.retain(|known| known.size() > here);
        Ok(())
    }

    /// Takes the next entries, and judges the batches that are whole. `root` gives the root of so many entries under the
    /// signed checkpoint that is followed: nothing is written that does not lead to it.
    pub(super) fn take(
        &mut self,
        entries: Vec<Vec<u8>>,
        root: impl Fn(u64) -> Result<[u8; 32], Failed>,
    ) -> Result<(), Failed> {
        self.waiting.extend(entries);
        while let Some(at) = self.first_seal()? {
            if self.state.is_none() {
                self.begin(at)?;
            } else {
                self.batch(at)?;
            }
            self.reach()?;
            let size = self.size();
            if size - self.committed >= self.held {
                if self.root(size)? != Some(root(size)?) {
                    return Err(Mismatch::Forked { size, agreed: size }.into());
                }
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Where the next batch ends among the entries that wait, if it does.
    fn first_seal(&self) -> Result<Option<usize>, Failed> {
        let first = self.waiting.first_seal();
        first.map_err(|Unsealed| Mismatch::Unsealed(self.size()).into())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(state) = &mut self.state {
            state.commit()?;
            self.committed = state.head().size;
        }
        Ok(())
    }

    /// The batch of GENESIS: both entries must be exactly what the genesis leads to.
    fn begin(&mut self, seal: usize) -> Result<(), Failed> {
        let batch = self.waiting.take_unjudged(seal + 1);
        let wrong = |what: &str| Failed::from(Mismatch::Genesis(what.to_owned()));
        let genesis = match batch.first().map(|bytes| Entry::from_bytes(bytes)) {
            Some(Ok(Entry::Genesis(genesis))) => genesis,
            Some(Err(error)) => return Err(wrong(&error.to_string())),
            _ => return Err(wrong("is no genesis")),
        };
        if self.genesis.as_ref().is_some_and(|asked| *asked != genesis) {
            return Err(wrong("is not the genesis that was given"));
        }
        if genesis.origin != self.log_key.origin() || genesis.log_key != *self.log_key.key() {
            return Err(wrong(
                "the genesis has another origin or log key than the one given",
            ));
        }
        if !genesis.development {
            self.in_time((1, 0), genesis.time)?;
        }
        let bytes = Entry::Genesis(genesis.clone()).to_bytes();
        let (state, sealed) = State::create(self.store.clone(), genesis)
            .map_err(|refusal| refused(refusal, |refusal| Mismatch::Genesis(refusal.to_string())))?;
        if batch != [bytes, Entry::Seal(sealed.seal).to_bytes()] {
            return Err(wrong("what follows is not the seal of the genesis"));
        }
        self.state = Some(state);
        Ok(())
    }

    /// Refuses for now the seal at this index, of this batch, where its time lies ahead of the clock. Nothing of its batch has
    /// been taken then, so it is judged again whenever it is read again.
    fn in_time(&self, (index, batch): (u64, u64), time: u64) -> Result<(), Failed> {
        match ahead(time, self.clock.now()) {
            Some(_) => Err(Mismatch::Ahead { index, batch, time }.into()),
            None => Ok(()),
        }
    }

    /// Judges the batch whose seal is entry `at` of those that wait.
    fn batch(&mut self, at: usize) -> Result<(), Failed> {
        let Some(state) = &self.state else {
            return Ok(());
        };
        let (first, batch) = (state.head().size, state.head().batches);
        let end = first + at as u64;
        let wrong = |what: String| {
            Failed::from(Mismatch::Seal {
                index: end,
                batch,
                what,
            })
        };
        let seal = match self.waiting.get(at).map(Entry::from_bytes) {
            Some(Ok(Entry::Seal(seal))) => seal,
            Some(Err(error)) => return Err(wrong(error.to_string())),
            _ => return Err(wrong("is no seal".into())),
        };
        if seal.time < state.head().time {
            return Err(wrong("its time lies before the previous seal's".into()));
        }
        if !state.rules().genesis().development {
            self.in_time((end, batch), seal.time)?;
        }
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        for index in first..end {
            let Some((_, submission)) = self.waiting.next(state.rules()) else {
                break;
            };
            submission
                .and_then(|submission| state.apply(&submission, seal.time))
                .map_err(|refusal| {
                    refused(refusal, |refusal| Mismatch::Entry {
                        index,
                        batch,
                        refusal,
                    })
                })?;
        }
        // The seal itself, whose bytes follow from what it holds.
        self.waiting.next(state.rules());
        sealed(state, &seal, wrong)
    }

    /// Ends with a signed checkpoint: everything that was judged, and the note, are durable when this returns.
    pub(super) fn finish(&mut self, checkpoint: &Checkpoint, note: Vec<u8>) -> Result<(), Failed> {
        let size = self.size();
        let Some(state) = self.state.as_mut().filter(|_| self.waiting.len() == 0) else {
            return Err(Mismatch::Open(checkpoint.size()).into());
        };
        // Every leaf was compared with the one under the root, so this cannot differ; what is signed is compared once
        // more all the same, as it is what readers are given.
        if (size, state.log_root(size)?) != (checkpoint.size(), *checkpoint.root()) {
            let (size, agreed) = (checkpoint.size(), size);
            return Err(Mismatch::Forked { size, agreed }.into());
        }
        state.put_checkpoint(note);
        Ok(self.commit()?)
    }
}

/// Holds a signed checkpoint of at most as many entries against them: their root, and that a seal is the last of them, for
/// nothing is signed within a batch.
fn agrees(state: &State<Store>, checkpoint: &Checkpoint) -> Result<(), Failed> {
    let size = checkpoint.size();
    if state.log_root(size)? != *checkpoint.root() {
        return Err(Mismatch::Forked { size, agreed: size }.into());
    }
    match state.ends_with_seal(size)? {
        true => Ok(()),
        false => Err(Mismatch::Open(size).into()),
    }
}

/// Compares a seal with the one that its batch leads to, and takes it.
fn sealed(state: &mut State<Store>, seal: &Seal, wrong: impl Fn(String) -> Failed) -> Result<(), Failed> {
    let refused = |refusal| match refusal {
        Refusal::Store(error) => Failed::Store(error),
        other => wrong(other.to_string()),
    };
    let expected = state.next_seal(seal.time).map_err(refused)?;
    if expected != *seal {
        return Err(wrong(differences(seal, &expected)));
    }
    state.seal(seal.time).map(|_| ()).map_err(refused)
}
