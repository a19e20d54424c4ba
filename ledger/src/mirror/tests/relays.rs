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
