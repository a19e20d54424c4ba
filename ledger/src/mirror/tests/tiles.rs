//! Hash tiles of logs that need more than one: none is believed that does not lead to the signed root.

use super::{mismatch::Failed, *};
use crate::{
    http::Listener,
    log_reader::{ReadError, Tiles},
    tile::{TileKind, TilePath},
};
use axum::{Router, http::Uri};
use medproof_verifier::{LogSigner, entry::MAX_ENTRY_BYTES, inclusion::leaf_hash};
use tlog_tiles::tlog::{Error as TlogError, Hash, HashReader, node_hash, split_stored_hash_index, tree_hash};

/// The hashes of a log whose entries are numbers, by level.
struct Log(Vec<Vec<Hash>>);

impl Log {
    /// `other` stands for the history from an entry on.
    fn new(size: u64, other: impl Fn(u64) -> u8) -> Self {
        let leaf = |n: u64| Hash(leaf_hash(&[&n.to_be_bytes()[..], &[other(n)]].concat()));
        let mut levels = vec![(0..size).map(leaf).collect::<Vec<_>>()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let pairs = last.as_chunks::<2>().0;
            let next = pairs.iter().map(|[left, right]| node_hash(*left, *right));
            levels.push(next.collect());
        }
        Self(levels)
    }

    fn note(&self) -> Vec<u8> {
        let size = self.0[0].len() as u64;
        let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
        signer.sign(size, &tree_hash(size, self).unwrap().0).unwrap()
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::verify(&self.note(), &log_key()).unwrap()
    }

    /// The tile at a path; none for what is no hash tile of this log.
    fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let path: TilePath = path.parse().ok()?;
        let TileKind::Hashes(level) = path.kind() else {
            return None;
        };
        let first = path.first() as usize;
        let hashes = self.0.get(8 * usize::from(level))?;
        let tile = hashes.get(first..first + usize::from(path.width()))?;
        Some(tile.iter().flat_map(|hash| hash.0).collect())
    }

    /// Paths of the tiles that lead from a bundle of leaves to the root: all at the right edge, and the full ones above
    /// the bundle.
    fn path_of(&self, bundle: u64) -> Vec<String> {
        let mut paths = vec![];
        for (level, hashes) in (0u8..).zip(self.0.iter().step_by(8)) {
            for (index, tile) in (0u64..).zip(hashes.chunks(256)) {
                if tile.len() < 256 || index == bundle >> (8 * level) {
                    let path = TilePath::new(TileKind::Hashes(level), index, tile.len() as u16);
                    paths.push(path.unwrap().to_string());
                }
            }
        }
        paths
    }
}

impl HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        let hash = |index: &u64| {
            let (level, n) = split_stored_hash_index(*index);
            self.0[usize::from(level)][n as usize]
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

/// Serves whatever `answer` has for a path without its slash.
async fn serves(answer: impl Fn(&str) -> Option<Vec<u8>> + Clone + Send + Sync + 'static) -> Listener {
    let router = Router::new().fallback(move |uri: Uri| {
        let answer = answer(uri.path().trim_start_matches('/'));
        async move { answer.ok_or(hyper::StatusCode::SERVICE_UNAVAILABLE) }
    });
    Listener::start(LOOPBACK, router).await.unwrap()
}

fn reader_of(listener: &Listener) -> (LogReader, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let prefix = format!("http://{}", listener.address()).parse().unwrap();
    (LogReader::new(prefix, Handle::current(), stopped), stop)
}

/// The last of these needs three levels of tiles.
const SIZES: [u64; 7] = [255, 256, 257, 300, 1024, 1200, 70_000];

#[tokio::test(flavor = "multi_thread")]
async fn no_tile_is_believed_that_does_not_lead_to_the_root() {
    for size in SIZES {
        let log = Arc::new(Log::new(size, |_| 0));
        let changed = Arc::new(std::sync::Mutex::new(String::new()));
        let (served, named) = (Arc::clone(&log), Arc::clone(&changed));
        let listener = serves(move |path| {
            let mut tile = served.tile(path)?;
            if *named.lock().unwrap() == path {
                let last = tile.len() - 1;
                tile[last] ^= 1;
            }
            Some(tile)
        })
        .await;
        let (primary, _stop) = reader_of(&listener);
        let tried = tokio::task::spawn_blocking(move || {
            let checkpoint = log.checkpoint();
            // Of the many tiles of leaves, those at both ends and one between.
            let bundles = size.div_ceil(256);
            for bundle in [0, bundles / 2, bundles - 1] {
                let range = bundle * 256..size.min(bundle * 256 + 256);
                let expected: Vec<_> = log.0[0][range.start as usize..range.end as usize]
                    .iter()
                    .map(|hash| hash.0)
                    .collect();
                *changed.lock().unwrap() = String::new();
                let honest = Tiles::new(&primary, &checkpoint).leaves(range.clone());
                assert_eq!(honest.unwrap(), expected, "{size} {range:?}");
                for path in log.path_of(bundle) {
                    *changed.lock().unwrap() = path.clone();
                    match Tiles::new(&primary, &checkpoint).leaves(range.clone()) {
                        Err(failed) => assert!(
                            matches!(failed, ReadError::Hashes { .. }),
                            "{size} {range:?} {path}: {failed:?}"
                        ),
                        Ok(_) => panic!("{size} {range:?}: {path} is believed"),
                    }
                }
            }
        });
        tried.await.unwrap();
        listener.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_behind_a_tile_of_the_earlier_history_does_not_replace_what_was_seen() {
    let first = Log::new(1000, |_| 0);
    let second = Log::new(1200, |n| u8::from(n >= 768));
    assert_eq!(first.0[8][..3], second.0[8][..3]);
    // Entries 768 to 999 as the first history has them, and the second's from there on.
    let mixed = Log::new(1200, |n| u8::from(n >= 1000));
    let root = |log: &Log| tree_hash(1000, log).unwrap().0;
    assert_eq!(root(&mixed), *first.checkpoint().root());
    assert_ne!(root(&second), root(&first));
    let (note, seen) = (second.note(), first.note());
    let logs = Arc::new((second, mixed));
    let listener = serves(move |path| match path {
        "checkpoint" => Some(note.clone()),
        "tile/0/003" => logs.1.tile(path),
        _ => logs.0.tile(path),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("mirror");
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(&folder.join("db")).unwrap();
    remember(&store, &seen).unwrap();
    drop(store);
    let at = listener.address();
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        let (mut follower, _stop) = by_batches(&folder, at);
        let failed = follower.pass(&receiver).unwrap_err();
        let Failed::Mismatch(mismatch) = failed else {
            panic!("{failed:?}");
        };
        assert!(
            matches!(*mismatch, Mismatch::Unvouched(ReadError::Hashes { .. })),
            "{mismatch}"
        );
        assert_eq!(follower.seen.as_ref(), Some(&first.checkpoint()));
        let kept = super::seen(&follower.store, &log_key()).unwrap();
        assert_eq!(kept, Some(first.checkpoint()));
    });
    tried.await.unwrap();
    listener.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_compared_with_the_entries_once_they_are_here() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let size = checkpoint(&mut ledger).await.size();
    let http = server.http_address().unwrap();
    let folder = directory.path().join("mirror");
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        let (mut follower, _stop) = by_batches(&folder, http);
        // Whatever the tiles have shown of it.
        let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
        let note = signer.sign(size - 1, &[7; 32]).unwrap();
        follower
            .judge
            .expect(&Checkpoint::verify(&note, &log_key()).unwrap());
        match follower.pass(&receiver).unwrap_err() {
            Failed::Mismatch(mismatch) => {
                assert!(
                    matches!(*mismatch, Mismatch::Forked { agreed, .. } if agreed == size - 1),
                    "{mismatch}"
                );
            }
            other => panic!("{other:?}"),
        }
        // The batch that has reached it is not written.
        let state = State::open(follower.store.clone()).unwrap().unwrap();
        assert!(state.head().size < size - 1);
        assert!(follower.published.is_none());
    });
    tried.await.unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_checkpoint_is_compared_with_what_was_judged_and_is_not_written_yet() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let older = checkpoint(&mut ledger).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 1)).await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    let mut listeners = vec![];
    for root in [older.root(), &[7; 32]] {
        let note = signer.sign(older.size(), root).unwrap();
        listeners.push(serves(move |path| (path == "checkpoint").then(|| note.clone())).await);
    }
    let http = server.http_address().unwrap();
    let again = [listeners[0].address(), listeners[1].address()];
    let folder = directory.path().join("mirror");
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        let (mut follower, stop) = by_batches(&folder, http);
        follower.judge.held = HELD;
        // As after a tile that did not come, on the way to a checkpoint further on.
        let entries = follower.primary.entries(0, size).unwrap();
        follower
            .judge
            .take(entries, |_| panic!("nothing is written"))
            .unwrap();
        assert!(State::open(follower.store.clone()).unwrap().is_none());
        let mut shows = |at: SocketAddr| {
            let prefix = format!("http://{at}").parse().unwrap();
            let primary = LogReader::new(prefix, Handle::current(), stop.subscribe());
            follower.primary = Arc::new(primary);
            follower.pass(&receiver)
        };
        shows(again[0]).unwrap();
        match shows(again[1]).unwrap_err() {
            Failed::Mismatch(mismatch) => assert!(mismatch.to_string().contains("second history")),
            other => panic!("{other:?}"),
        }
        assert!(follower.published.is_none() && follower.heard.borrow().is_none());
    });
    tried.await.unwrap();
    for listener in listeners {
        listener.shutdown().await;
    }
    server.shutdown().await;
}

#[test]
fn a_batch_without_a_seal_is_bounded_in_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("db")).unwrap();
    let mut judge = Judge::new(store, None, (log_key(), None), HELD);
    let junk = vec![0; MAX_ENTRY_BYTES];
    let unasked = |_| panic!("nothing is written");
    judge.take(vec![junk; 1024], unasked).unwrap();
    assert_eq!(judge.next(), 1024);
    match judge.take(vec![vec![0]], unasked).unwrap_err() {
        Failed::Mismatch(mismatch) => assert!(matches!(*mismatch, Mismatch::Unsealed(0)), "{mismatch}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_on_the_way_are_written_only_under_the_signed_root() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let size = checkpoint(&mut ledger).await.size();
    let http = server.http_address().unwrap();
    let folder = directory.path().join("mirror");
    let tried = tokio::task::spawn_blocking(move || {
        let (mut follower, _stop) = by_batches(&folder, http);
        let entries = follower.primary.entries(0, size).unwrap();
        let failed = follower.judge.take(entries, |_| Ok([7; 32])).unwrap_err();
        match failed {
            Failed::Mismatch(mismatch) => assert!(mismatch.to_string().contains("second history")),
            other => panic!("{other:?}"),
        }
        assert!(State::open(follower.store.clone()).unwrap().is_none());
        assert_eq!(follower.judge.size(), 2);
    });
    tried.await.unwrap();
    server.shutdown().await;
}
