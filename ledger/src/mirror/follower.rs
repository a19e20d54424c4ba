//! The one writer of a mirror: reads the primary's checkpoint again and again, judges what is new, and publishes it.

use super::{
    Following, Halted,
    judge::Judge,
    looks::Looks,
    mismatch::{self, Failed, Mismatch},
    remember,
};
use crate::{
    HALTED_FILE,
    clock::TIME_TOLERANCE,
    cosigning::{Heard, lines_of},
    log_reader::{self, LogReader, Tiles},
    sequencer::{Command, Published},
    server::StartError,
    store::Store,
    table::{Base, StoreError, Table},
    tile::TILE_WIDTH,
};
use medproof_verifier::{Checkpoint, LogKey};
use std::{
    cmp::Ordering,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Longest wait before a primary that does not answer is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long checkpoints may be shown that are older than one before, as a ledger and its mirrors may for a moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Entries between two lines on the progress of a long way.
const STEP: u64 = 65_536;

/// Who waits for the first state that can be served.
pub(super) type Ready = oneshot::Sender<Result<watch::Receiver<Arc<Published>>, StartError>>;

/// The follower's own side.
pub(super) struct Follower {
    pub(super) directory: PathBuf,
    pub(super) store: Store,
    pub(super) primary: Arc<LogReader>,
    pub(super) log_key: LogKey,
    pub(super) judge: Judge,
    /// The largest checkpoint that the primary was seen to sign, and the one that was cosigned last: what is stored must
    /// come to contain both.
    pub(super) seen: Option<Checkpoint>,
    pub(super) cosigned: Option<Checkpoint>,
    pub(super) following: watch::Sender<Following>,
    /// The primary's checkpoint as it was read last, once everything under it is here.
    pub(super) heard: watch::Sender<Option<Heard>>,
    pub(super) poll: Duration,
    pub(super) looks: Looks,
    /// [`PATIENCE`] but in tests.
    pub(super) patience: Duration,
    /// Absent before there is a state that a checkpoint was signed for.
    pub(super) published: Option<watch::Sender<Arc<Published>>>,
    /// What was shown last, with all its cosignatures, for whoever looks into a mismatch.
    pub(super) note: Option<Vec<u8>>,
}

/// A note's text with the lines that bear the log's name; all of it where it has no text.
fn own_part(note: &[u8], origin: &str) -> Vec<u8> {
    match note.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => [&note[..end + 2], &lines_of(note, origin)].concat(),
        None => note.to_vec(),
    }
}

impl Follower {
    /// Runs until it is told to stop, the primary signs what it must not, or the store fails.
    pub(super) fn run(mut self, commands: &Receiver<Command>, ready: Ready) {
        let mut ready = Some(ready);
        let mut failures = 0u32;
        let ended = self.go_on().and_then(|()| {
            loop {
                self.tell(&mut ready);
                let pause = match self.pass(commands) {
                    Ok(()) => {
                        failures = 0;
                        self.following
                            .send_if_modified(|following| following.doubted.take().is_some());
                        self.poll
                    }
                    Err(failed) => {
                        self.again(failed)?;
                        failures += 1;
                        // The first pause is twice the usual one.
                        self.poll.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE)
                    }
                };
                self.tell(&mut ready);
                self.wait(commands, pause)?;
            }
        });
        self.end(ended, ready);
    }

    /// Says why the primary cannot be followed now, where it is to be asked again.
    fn again(&self, failed: Failed) -> Result<(), Failed> {
        let shown = match failed {
            Failed::Unreachable(error) => {
                tracing::warn!(%error, "the primary cannot be followed now");
                None
            }
            Failed::Mismatch(mismatch) if !mismatch.halts() => Some(mismatch.doubt()),
            other => return Err(other),
        };
        self.following.send_modify(|following| following.failures += 1);
        if let Some(shown) = shown {
            self.doubt(shown);
        }
        Ok(())
    }

    /// Keeps what is wrong with what is shown, and logs it when it is another.
    fn doubt(&self, shown: String) {
        let primary = self.following.borrow().primary.clone();
        self.following.send_if_modified(|following| {
            let news = following.doubted.as_ref() != Some(&shown);
            if news {
                tracing::error!(error = %shown, %primary, "what is shown at the primary's address is not followed");
                following.doubted = Some(shown);
            }
            news
        });
    }

    /// Says that there is something to serve, the first time that there is.
    fn tell(&self, ready: &mut Option<Ready>) {
        if let Some(published) = &self.published
            && let Some(ready) = ready.take()
        {
            // Whoever waited has gone, and the mirror ends with it.
            let _ = ready.send(Ok(published.subscribe()));
        }
    }

    /// Publishes what the store holds, if a checkpoint was signed for it.
    pub(super) fn go_on(&mut self) -> Result<(), Failed> {
        let size = self.judge.size();
        match self.store.get(Table::Checkpoint, &size.to_be_bytes())? {
            Some(note) if size > 0 => self.publish(note),
            _ => {}
        }
        Ok(())
    }

    fn publish(&mut self, checkpoint: Vec<u8>) {
        let Some(state) = self.judge.state() else {
            return;
        };
        let published = Arc::new(Published {
            head: state.head().clone(),
            rules: state.rules().clone(),
            checkpoint,
            healthy: true,
        });
        match &self.published {
            Some(sender) => drop(sender.send_replace(published)),
            None => self.published = Some(watch::Sender::new(published)),
        }
    }

    /// Waits before the next look, and answers the operator meanwhile.
    fn wait(&self, commands: &Receiver<Command>, pause: Duration) -> Result<(), Failed> {
        let until = Instant::now() + pause;
        loop {
            match commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(command) => self.command(command)?,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Failed::Stopped),
            }
        }
    }

    fn command(&self, command: Command) -> Result<(), Failed> {
        match command {
            // The service of a mirror hands on no entries; without an answer whoever waits is told that it has stopped.
            Command::Append(..) => Ok(()),
            // Its own witness is all that a mirror asks, and has no alarm.
            Command::Contradicted(_) => Ok(()),
            Command::Backup(path, reply) => {
                let copy = || {
                    let (_, note) = self
                        .store
                        .last(Table::Checkpoint)?
                        .ok_or_else(|| StoreError::damaged("no checkpoint is stored"))?;
                    self.store.checkpoint(&path)?;
                    Ok(note)
                };
                // Whoever asked may have gone. A copy that fails leaves the store as it is.
                let _ = reply.send(copy());
                Ok(())
            }
            Command::Stop => Err(Failed::Stopped),
        }
    }

    /// Reads the primary's checkpoint and follows up to it.
    pub(super) fn pass(&mut self, commands: &Receiver<Command>) -> Result<(), Failed> {
        let looked = self.judge.clock.now();
        let note = self.primary.checkpoint()?;
        // Whatever others have added, and be it no signature at all, says nothing of the log.
        let verified = Checkpoint::verify_plain(&own_part(&note, self.log_key.origin()), &self.log_key);
        self.note = Some(note.clone());
        let (checkpoint, plain) = verified.map_err(Mismatch::Checkpoint)?;
        // What an earlier pass left of a batch is read anew: whoever hands the log on chose where it was cut off, and under
        // this checkpoint, which may end before it, nothing of it counts.
        self.judge.forget();
        let size = checkpoint.size();
        if !log_reader::is_size(size) {
            return Err(Mismatch::Size(size).into());
        }
        let held_back = self.has_read(size);
        self.looks.see(size, looked);
        self.follow(&checkpoint, (plain, note), commands)?;
        held_back.map_or(Ok(()), |mismatch| Err(mismatch.into()))
    }

    /// Notes that a signed checkpoint was read. One that is older than what was seen says nothing of what the log is now:
    /// gives what is wrong where only such have been shown for long.
    fn has_read(&self, size: u64) -> Option<Mismatch> {
        let seen = self.seen.as_ref().map_or(0, Checkpoint::size);
        let now = Instant::now();
        let mut older = None;
        self.following.send_modify(|following| {
            following.size = size;
            if size < seen {
                older = Some(*following.older.get_or_insert(now));
            } else {
                following.read = Some(now);
                following.older = None;
            }
        });
        let long = older.is_some_and(|since| now.duration_since(since) >= self.patience);
        long.then_some(Mismatch::Older { size, seen })
    }

    /// Goes on to a signed checkpoint, or compares it with what was judged. `note`: what the log has signed of it, and all
    /// that was shown.
    fn follow(
        &mut self,
        checkpoint: &Checkpoint,
        (plain, note): (Vec<u8>, Vec<u8>),
        commands: &Receiver<Command>,
    ) -> Result<(), Failed> {
        let (size, here) = (checkpoint.size(), self.judge.size());
        if size <= here {
            // Of what was judged, whether it is written or waits for a longer checkpoint.
            self.judge.agrees(checkpoint)?;
        } else {
            let primary = Arc::clone(&self.primary);
            let tiles = Tiles::new(&primary, checkpoint);
            // One that was seen and not yet reached is forgotten for no other before that is known to contain it.
            let reached = self.seen.as_ref().is_none_or(|seen| seen.size() <= here);
            if reached {
                self.see(checkpoint, &plain)?;
            }
            self.contains(&tiles, checkpoint)?;
            self.see(checkpoint, &plain)?;
            self.read(&tiles, commands)?;
        }
        // Behind it lies what was judged on the way to a longer checkpoint.
        if size >= here {
            let published = self.published.as_ref();
            if published.is_none_or(|p| p.borrow().head.size != size) {
                self.judge.finish(checkpoint, plain.clone())?;
                self.publish(plain.clone());
            }
            self.told_time();
        }
        // Cosignatures are shown of what can be read here.
        let published = self.published.as_ref();
        if published.is_none_or(|p| p.borrow().head.size < size) {
            return Ok(());
        }
        let heard = Some(Heard { size, plain, note });
        self.heard.send_if_modified(|last| {
            let news = *last != heard;
            *last = heard;
            news
        });
        Ok(())
    }

    /// Holds the seal of a checkpoint that was new to the look before it: the clock of a production ledger may run behind, and
    /// a mirror can only say so.
    fn told_time(&mut self) {
        let Some(state) = self.judge.state().filter(|s| !s.rules().genesis().development) else {
            return;
        };
        let (size, time) = (state.head().size, state.head().time);
        let Some(seconds) = self.looks.behind(size, time) else {
            return;
        };
        self.following.send_modify(|following| {
            if seconds > TIME_TOLERANCE && following.seal_behind <= TIME_TOLERANCE {
                let primary = &following.primary;
                tracing::warn!(seconds, %primary, "the primary's clock stands or runs behind, or its checkpoints come late");
            }
            following.seal_behind = seconds;
        });
    }

    /// Keeps a checkpoint that is longer than any before it: whatever becomes of this mirror, the primary has signed it.
    fn see(&mut self, checkpoint: &Checkpoint, plain: &[u8]) -> Result<(), Failed> {
        if self
            .seen
            .as_ref()
            .is_none_or(|seen| seen.size() < checkpoint.size())
        {
            remember(&self.store, plain)?;
            self.judge.expect(checkpoint);
            self.seen = Some(checkpoint.clone());
        }
        Ok(())
    }

    /// Checks that the tree of a checkpoint begins with what is here, with what was seen and with what was cosigned.
    fn contains(&self, tiles: &Tiles<'_>, checkpoint: &Checkpoint) -> Result<(), Failed> {
        let size = checkpoint.size();
        let mut known: Vec<(u64, [u8; 32])> = [&self.seen, &self.cosigned]
            .into_iter()
            .flatten()
            .map(|known| (known.size(), *known.root()))
            .collect();
        if let Some(state) = self.judge.state() {
            let here = state.head().size;
            known.push((here, state.log_root(here)?));
        }
        for (agreed, root) in known {
            let found = match agreed.cmp(&size) {
                Ordering::Less if agreed > 0 => tiles.root(agreed)?,
                Ordering::Equal => *checkpoint.root(),
                // One that is longer is compared when the log has come so far.
                _ => continue,
            };
            if found != root {
                return Err(Mismatch::Forked { size, agreed }.into());
            }
        }
        Ok(())
    }

    /// Reads and judges every entry up to the end of a checkpoint.
    fn read(&mut self, tiles: &Tiles<'_>, commands: &Receiver<Command>) -> Result<(), Failed> {
        let (width, size) = (u64::from(TILE_WIDTH), tiles.size());
        loop {
            let next = self.judge.next();
            if next >= size {
                return Ok(());
            }
            if next / STEP > 0 && next % STEP < width {
                tracing::info!(entries = next, of = size, "following the primary");
            }
            self.judge
                .take(tiles.entries(next)?, |size| Ok(tiles.root(size)?))?;
            while let Ok(command) = commands.try_recv() {
                self.command(command)?;
            }
        }
    }

    /// Says how it ended, and serves nothing newer.
    fn end(self, ended: Result<(), Failed>, ready: Option<Ready>) {
        let primary = self.following.borrow().primary.clone();
        let (error, why) = match ended {
            Ok(()) | Err(Failed::Stopped | Failed::Unreachable(_)) => (StartError::Stopped, None),
            Err(Failed::Store(error)) => {
                tracing::error!(%error, "the mirror stops: its store fails");
                (error.into(), None)
            }
            Err(Failed::Mismatch(mismatch)) => {
                let reason = mismatch.to_string();
                tracing::error!(error = %reason, %primary, "the mirror halts: the primary is not to be followed");
                let recorded = mismatch::record(&self.directory, &reason, &primary, self.note.as_deref());
                if let Err(error) = recorded {
                    tracing::error!(%error, "why the mirror has halted cannot be written down");
                }
                let halted = Halted {
                    reason: reason.clone(),
                    file: self.directory.join(HALTED_FILE),
                };
                (StartError::Halted(halted), Some(reason))
            }
        };
        let failed = !matches!(error, StartError::Stopped);
        self.following.send_modify(|following| {
            following.doubted = None;
            following.halted = why;
        });
        if let Some(ready) = ready {
            let _ = ready.send(Err(error));
        }
        if let Some(published) = self.published.as_ref().filter(|_| failed) {
            published.send_modify(|p| Arc::make_mut(p).healthy = false);
        }
    }
}
