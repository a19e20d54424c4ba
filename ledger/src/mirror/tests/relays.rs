//! Who hands a log on to a mirror chooses which of its genuine checkpoints and bytes come, and when: that ends no mirror.

use super::{liars::served, mismatch::Failed, *};
use crate::{Submission, http::Listener};
use medproof_verifier::LogSigner;
use std::sync::Mutex;

/// A log of one bundle and a part of the next. Its last batch lies in both.
struct Log {
    store: Store,
    state: State<Store>,
    /// Sizes at the ends of the batches.
    ends: Vec<u64>,
}

fn seal(state: &mut State<Store>, entries: &[Entry]) -> u64 {
    let time = state.head().time;
    for entry in entries {
        let checked = Submission::check(&entry.to_bytes(), state.rules()).unwrap();
        state.apply(&checked, time).unwrap();
    }
    let sealed = state.seal(time).unwrap();
    state.commit().unwrap();
    sealed.size
}

impl Log {
    fn new(directory: &Path) -> Self {
        let store = Store::open(directory).unwrap();
        let (mut state, begun) = State::create(store.clone(), genesis()).unwrap();
        state.commit().unwrap();
        let id = genesis().ledger_id();
        let opened = |n: u64| open_entry(id, n, "authority", "us-ma", account(n as u32, n));
        let few: Vec<_> = (1..=20).map(opened).collect();
        let many: Vec<_> = (21..=250).map(opened).collect();
        let mut ends = vec![begun.size];
        for batch in [&Governance::new(id).setup(), &few, &many] {
            ends.push(seal(&mut state, batch));
        }
        assert!(ends[2] < 256 && ends[3] > 257, "{ends:?}");
        Self { store, state, ends }
    }

    /// The log's own checkpoint of so many entries.
    fn note(&self, size: u64) -> Vec<u8> {
        let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
        signer.sign(size, &self.state.log_root(size).unwrap()).unwrap()
    }
}

/// What a relay shows at `/checkpoint`, and a path below which it answers nothing.
type Shown = Arc<Mutex<(Vec<u8>, Option<&'static str>)>>;

/// A relay before a log.
async fn relay(log: &Log) -> (Listener, Listener, Shown) {
    let last = log.note(log.state.head().size);
    let server = served(log.store.clone(), &log.state, last.clone()).await;
    let shown: Shown = Arc::new(Mutex::new((last, None)));
    let shows = Arc::clone(&shown);
    let router = client::between(server.address(), move |path, body| {
        let (note, without) = shows.lock().unwrap().clone();
        match path {
            "/checkpoint" => Some(note),
            path => without
                .is_none_or(|without| !path.starts_with(without))
                .then_some(body),
        }
    });
    (server, Listener::start(LOOPBACK, router).await.unwrap(), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stops_inside_a_batch_and_shows_an_older_checkpoint_halts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::new(&directory.path().join("primary"));
    let (server, relay, shown) = relay(&log).await;
    let (folder, at) = (directory.path().join("mirror"), relay.address());
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        for held in [1, HELD] {
            let folder = folder.with_extension(held.to_string());
            let (mut follower, _stop) = by_batches(&folder, at);
            follower.judge.held = held;
            *shown.lock().unwrap() = (log.note(log.ends[3]), Some("/tile/entries/001"));
            let failed = follower.pass(&receiver).unwrap_err();
            assert!(matches!(failed, Failed::Unreachable(_)), "{failed:?}");
            // The first bundle has come, which ends inside the last batch.
            assert_eq!((follower.judge.size(), follower.judge.next()), (log.ends[2], 256));
            // Any receipt of that batch has the checkpoint at its end.
            *shown.lock().unwrap() = (log.note(log.ends[2]), None);
            follower.pass(&receiver).unwrap();
            let size = |follower: &Follower| follower.published.as_ref().map(|p| p.borrow().head.size);
            assert_eq!(size(&follower), Some(log.ends[2]));
            *shown.lock().unwrap() = (log.note(log.ends[3]), None);
            follower.pass(&receiver).unwrap();
            assert_eq!(size(&follower), Some(log.ends[3]));
            drop(follower);
            assert!(fsck(&folder, |_, _| ()).unwrap().is_clean());
        }
    });
    tried.await.unwrap();
    relay.shutdown().await;
    server.shutdown().await;
}

fn mismatch_of(failed: Result<(), Failed>) -> Mismatch {
    match failed.unwrap_err() {
        Failed::Mismatch(mismatch) => *mismatch,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_goes_on_showing_older_checkpoints_is_doubted() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::new(&directory.path().join("primary"));
    let (server, relay, shown) = relay(&log).await;
    let (folder, at) = (directory.path().join("mirror"), relay.address());
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        let (mut follower, _stop) = by_batches(&folder, at);
        let following = follower.following.subscribe();
        let mut show = |size, patience: Duration| {
            *shown.lock().unwrap() = (log.note(size), None);
            follower.patience = patience;
            follower.pass(&receiver)
        };
        show(log.ends[3], PATIENCE).unwrap();
        let read = following.borrow().read;
        assert!(read.is_some());
        // For a moment a ledger may, but that is not taken for the newest.
        show(log.ends[1], PATIENCE).unwrap();
        assert_eq!(following.borrow().read, read);
        let said = following.borrow().to_string();
        assert!(said.contains("older than one before"), "{said}");
        let since = following.borrow().older;
        // For long it is a doubt, which halts nothing.
        let older = mismatch_of(show(log.ends[2], Duration::ZERO));
        assert!(
            matches!(older, Mismatch::Older { size, seen } if (size, seen) == (log.ends[2], log.ends[3])),
            "{older}"
        );
        assert!(!older.halts());
        // From the first of them on, whichever they are.
        assert_eq!(following.borrow().older, since);
        assert_eq!(following.borrow().read, read);
        show(log.ends[3], Duration::ZERO).unwrap();
        assert!(following.borrow().older.is_none() && following.borrow().read > read);
        drop(follower);

        // What was seen before the start counts, and the way to an older one is gone nevertheless.
        let folder = folder.with_extension("new");
        let (follower, _stop) = by_batches(&folder, at);
        remember(&follower.store, &log.note(log.ends[3])).unwrap();
        drop(follower);
        let (mut follower, _stop) = by_batches(&folder, at);
        *shown.lock().unwrap() = (log.note(log.ends[2]), None);
        follower.pass(&receiver).unwrap();
        let following = follower.following.borrow().clone();
        assert!(following.read.is_none() && following.age().is_none());
        let said = following.to_string();
        assert!(said.contains("older than one before"), "{said}");
        follower.patience = Duration::ZERO;
        let older = mismatch_of(follower.pass(&receiver));
        assert!(matches!(older, Mismatch::Older { .. }), "{older}");
        let published = follower.published.as_ref().map(|p| p.borrow().head.size);
        assert_eq!(published, Some(log.ends[2]));
    });
    tried.await.unwrap();
    relay.shutdown().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_has_signed_half_a_batch_is_followed_no_further() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::new(&directory.path().join("primary"));
    let (server, relay, shown) = relay(&log).await;
    let (folder, at) = (directory.path().join("mirror"), relay.address());
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        let half = log.ends[2] + 3;
        // Shown when the mirror has the whole batch: the root is the right one.
        let (mut follower, _stop) = by_batches(&folder, at);
        follower.pass(&receiver).unwrap();
        *shown.lock().unwrap() = (log.note(half), None);
        let open = mismatch_of(follower.pass(&receiver));
        assert!(open.halts());
        assert!(matches!(open, Mismatch::Open(size) if size == half), "{open}");
        drop(follower);
        // Seen, not reached, and then hidden behind a longer one.
        let folder = folder.with_extension("seen");
        let (mut follower, _stop) = by_batches(&folder, at);
        *shown.lock().unwrap() = (log.note(half), Some("/tile/entries/"));
        let failed = follower.pass(&receiver).unwrap_err();
        assert!(matches!(failed, Failed::Unreachable(_)), "{failed:?}");
        *shown.lock().unwrap() = (log.note(log.ends[3]), None);
        let open = mismatch_of(follower.pass(&receiver));
        assert!(matches!(open, Mismatch::Open(size) if size == half), "{open}");
        // The batch that it lies in is not written.
        let state = State::open(follower.store.clone()).unwrap().unwrap();
        assert_eq!(state.head().size, log.ends[2]);
    });
    tried.await.unwrap();
    relay.shutdown().await;
    server.shutdown().await;
}
