//! A mirror in a process of its own that is killed at any moment, beside a primary under load: whatever the kill leaves
//! is the beginning of the primary's log, and contains everything that the mirror was ever seen to cosign.

use super::*;
use crate::{
    http::raw::Answer,
    testing::{
        child::{self, Child, PATIENCE},
        directory, tried,
    },
};
use medproof_verifier::{Receipt, Role, inclusion::verify_consistency};
use rand::{Rng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    sync::{Mutex, PoisonError},
};
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::JoinSet,
};

mod load;
use load::Load;

const CHILD: &str = "mirror::tests::crash::crash_child";
const PRIMARY: &str = "MEDPROOF_CRASH_PRIMARY";
/// Entries between two writes on a long way: so few that a kill meets one of many.
const PART: u64 = 16;
/// How far the primary is ahead of a mirror that is killed as it catches up.
const AHEAD: usize = 160;

/// A mirror until it is killed, which says where it serves. The tests of this module run it in a process of its own.
#[test]
#[ignore = "the child of the crash tests"]
fn crash_child() {
    let Some(directory) = child::directory() else {
        return;
    };
    let primary = std::env::var(PRIMARY).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        match Mirror::start_holding(config(&directory, primary), cosigner(), PART).await {
            Ok(mirror) => {
                println!("\nserves {}", mirror.http_address().unwrap());
                println!("has ended: {:?}", mirror.ended().await);
            }
            Err(error) => println!("\n{}{error}", child::REFUSED),
        }
    });
}

/// The log's signature and the mirror's own.
fn own_policy() -> WitnessPolicy {
    WitnessPolicy::new(log_key(), vec![cosigner().witness_key().clone()], 1).unwrap()
}

/// Reads `/checkpoint` again and again until the mirror is gone.
struct Watch {
    /// Every note that differs from the one before.
    notes: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    fn start(at: SocketAddr) -> Self {
        let notes = Arc::new(Mutex::new(vec![]));
        let shown = Arc::clone(&notes);
        let thread = thread::spawn(move || {
            while let Some(Answer { status, body, .. }) = client::get_from_mortal(at, "/checkpoint") {
                assert_eq!(status, 200);
                let mut shown = shown.lock().unwrap();
                if shown.last() != Some(&body) {
                    shown.push(body);
                }
                drop(shown);
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { notes, thread }
    }

    /// Waits until the mirror shows its cosignature on this checkpoint.
    async fn reaches(&self, expected: &Checkpoint) {
        let policy = own_policy();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let last = self.notes.lock().unwrap().last().cloned();
            if last.is_some_and(|note| policy.check(&note).is_ok_and(|c| c.checkpoint == *expected)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let last = self.notes.lock().unwrap().last().cloned().unwrap_or_default();
        panic!("{expected:?} is not reached: {}", String::from_utf8_lossy(&last));
    }

    /// All that was shown until the kill.
    fn end(self) -> Vec<Vec<u8>> {
        self.thread.join().unwrap();
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the mirror was ever seen to show.
#[derive(Default)]
struct Shown {
    roots: BTreeMap<u64, [u8; 32]>,
    /// The longest that it has cosigned, as it was shown.
    cosigned: Option<(u64, Vec<u8>)>,
}

impl Shown {
    fn size(&self) -> u64 {
        self.cosigned.as_ref().map_or(0, |(size, _)| *size)
    }

    /// Takes notes in the order in which they were shown: one root for each size, and from the first cosignature on,
    /// through all kills, only what is cosigned and never less than before.
    fn add(&mut self, notes: Vec<Vec<u8>>) {
        for note in notes {
            let checkpoint = Checkpoint::verify(&note, &log_key()).unwrap();
            let (size, root) = (checkpoint.size(), *checkpoint.root());
            assert_eq!(
                *self.roots.entry(size).or_insert(root),
                root,
                "two roots of {size}"
            );
            match own_policy().check(&note) {
                Ok(_) => {
                    assert!(size >= self.size(), "{size} after {}", self.size());
                    self.cosigned = Some((size, note));
                }
                Err(error) => assert_eq!(self.cosigned, None, "{error} at {size}"),
            }
        }
    }
}

/// What was tried, and in which states the kills have left the directory.
#[derive(Default)]
struct Tried {
    /// While it caught up, as it followed, right after it remembered what it was to cosign, at rest, at its first start.
    kills: [u64; 5],
    /// Before there was anything; between two signed checkpoints; with less than was seen; with something remembered
    /// and the cosignature not kept.
    left: [u64; 4],
    /// Copies of the directory that were promoted, and that were refused because the primary was seen to sign more.
    promoted: [u64; 2],
}

struct Campaign {
    folder: PathBuf,
    primary: SocketAddr,
    ledger: Ledger,
    load: Load,
    /// Held while the primary is to stay as it is.
    rest: Option<OwnedRwLockWriteGuard<()>>,
    moments: StdRng,
    running: Option<(Child, Watch)>,
    shown: Shown,
    tried: Tried,
}

impl Campaign {
    async fn start(folder: PathBuf, primary: SocketAddr, ledger: Ledger, moments: StdRng) -> Self {
        let load = Load::start(&ledger);
        Self {
            rest: Some(load.rest().await),
            folder,
            primary,
            ledger,
            load,
            moments,
            running: None,
            shown: Shown::default(),
            tried: Tried::default(),
        }
    }

    fn spawn(&self) -> Child {
        Child::start(CHILD, &self.folder, &[(PRIMARY, self.primary.to_string())])
    }

    /// Kills mirrors at their first start, each in a folder of its own. The last goes on.
    async fn beginnings(&mut self, number: u64) {
        for n in 1..=number {
            let child = self.spawn();
            let (database, times) = (self.folder.join("db"), self.moments.gen_range(0..4));
            // Changes may be missed on a busy machine.
            let serves = || child.hear("serves ", Duration::ZERO).is_some();
            child::wait_for_changes(times, || files(&database, "log"), serves);
            thread::sleep(Duration::from_micros(self.moments.gen_range(0..30_000)));
            child.kill();
            self.tried.kills[4] += 1;
            self.left(true).await;
            if n < number {
                self.reach().await;
                self.kill(3).await;
                self.left(true).await;
                self.shown = Shown::default();
                self.folder = self.folder.with_extension(n.to_string());
            }
        }
    }

    /// One kill as the mirror catches up, follows or cosigns; what it left; and the next start, which must come to the
    /// primary's checkpoint and cosign it.
    async fn round(&mut self, round: u64, whole: bool) {
        match round % 3 {
            0 => self.catching_up(whole).await,
            1 => {
                self.rest = None;
                let most = self.moments.gen_range(0..250);
                tokio::time::sleep(Duration::from_millis(most)).await;
                self.kill(1).await;
            }
            _ => {
                self.rest = None;
                let times = self.moments.gen_range(1..6);
                let memory = self.folder.join(WITNESS_FOLDER);
                child::wait_for_changes(times, || files(&memory, "checkpoint"), || false);
                thread::sleep(Duration::from_micros(self.moments.gen_range(0..1500)));
                self.kill(2).await;
            }
        }
        self.left(whole).await;
        self.reach().await;
    }

    /// Kills a mirror that is far behind in the midst of its writes.
    async fn catching_up(&mut self, whole: bool) {
        if self.running.is_some() {
            self.kill(3).await;
            self.left(whole).await;
        }
        self.rest = None;
        self.load.goes_on(AHEAD).await;
        self.rest = Some(self.load.rest().await);
        let child = self.spawn();
        let times = self.moments.gen_range(1..24);
        let database = self.folder.join("db");
        let caught_up = || child.hear("serves ", Duration::ZERO).is_some();
        child::wait_for_changes(times, || files(&database, "log"), caught_up);
        thread::sleep(Duration::from_micros(self.moments.gen_range(0..3000)));
        child.kill();
        self.tried.kills[0] += 1;
    }

    async fn kill(&mut self, how: usize) {
        let (child, watch) = self.running.take().unwrap();
        child.kill();
        if self.rest.is_none() {
            self.rest = Some(self.load.rest().await);
        }
        self.shown.add(watch.end());
        self.tried.kills[how] += 1;
    }

    /// Starts the mirror again: it comes to the primary's checkpoint, and cosigns it.
    async fn reach(&mut self) {
        let child = self.spawn();
        let at = child.hear("serves ", PATIENCE).expect("it serves");
        let watch = Watch::start(at.parse().unwrap());
        watch.reaches(&checkpoint(&mut self.ledger).await).await;
        self.running = Some((child, watch));
    }

    /// Looks at the directory as the kill left it, before any recovery; `whole`: also at what earlier rounds saw, and
    /// whether a copy can be promoted.
    async fn left(&mut self, whole: bool) {
        assert!(!self.folder.join(HALTED_FILE).exists());
        let store = Store::open_read_only(&self.folder.join("db"));
        let opened = store.map(|store| (State::open(store.clone()).unwrap(), store));
        let Ok((Some(state), store)) = opened else {
            assert!(self.shown.roots.is_empty(), "what was shown is gone");
            self.tried.left[0] += 1;
            return;
        };
        let size = state.head().size;
        let root = state.log_root(size).unwrap();
        let kept = |table, size: u64| store.get(table, &size.to_be_bytes()).unwrap().is_some();
        // What was shown or remembered is here, under the same root.
        let remembered = crate::witness::remembered(&self.folder.join(WITNESS_FOLDER), &log_key());
        let remembered = remembered.unwrap();
        let from = if whole { 0 } else { self.shown.size() };
        let shown = self.shown.roots.range(from..);
        let known = remembered.iter().map(|c| (c.size(), *c.root()));
        for (known, root) in shown.map(|(size, root)| (*size, *root)).chain(known) {
            assert!(known <= size, "{known} entries were vouched for, {size} are here");
            assert_eq!(state.log_root(known).unwrap(), root, "{known}");
        }
        let remembered = remembered.map_or(0, |checkpoint| checkpoint.size());
        assert!(
            remembered >= self.shown.size(),
            "{remembered} {}",
            self.shown.size()
        );
        self.tried.left[1] += u64::from(!kept(Table::Checkpoint, size));
        let seen = seen(&store, &log_key()).unwrap().map_or(0, |seen| seen.size());
        self.tried.left[2] += u64::from(seen > size);
        self.tried.left[3] += u64::from(remembered > 0 && !kept(Table::Cosigned, remembered));
        drop((state, store));
        let report = fsck(&self.folder, |_, _| ()).unwrap();
        assert!(report.is_clean() && report.mirror, "{:?}", report.problems);
        assert_eq!((report.entries, report.root), (size, root));
        self.is_the_primarys(size, &root).await;
        if whole {
            self.promote_copy();
        }
    }

    /// The primary's log begins with this one.
    async fn is_the_primarys(&mut self, size: u64, root: &[u8; 32]) {
        let latest = checkpoint(&mut self.ledger).await;
        let (first, second) = (size, latest.size());
        let ask = wire::ConsistencyRequest { first, second };
        let answer = self.ledger.raw().consistency(ask).await.unwrap().into_inner();
        let proof = wire::hashes("proof", &answer.proof).unwrap();
        verify_consistency(first, root, second, latest.root(), &proof).unwrap();
    }

    /// Were the primary lost now: with the last checkpoint that the mirror has cosigned, what the kill left becomes a ledger
    /// that signs, unless the mirror has seen that more was signed.
    fn promote_copy(&mut self) {
        let Some((size, note)) = &self.shown.cosigned else {
            return;
        };
        let copy = self.folder.with_extension("copy");
        directory::copy(&self.folder, &copy);
        match promote(
            &copy,
            note,
            &own_policy(),
            key_of("log"),
            Memory::Needed,
            |_, _| (),
        ) {
            Ok(promoted) => {
                assert_eq!(promoted.contained, *size);
                self.tried.promoted[0] += 1;
            }
            Err(PromoteError::Behind { what, .. }) if what.contains("seen") => self.tried.promoted[1] += 1,
            Err(error) => panic!("{error}"),
        }
        std::fs::remove_dir_all(copy).unwrap();
    }
}

/// Names, inodes and lengths of the files in a folder with an extension, if there are any.
fn files(folder: &Path, extension: &str) -> Vec<(PathBuf, u64, u64)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .filter_map(|path| {
            let data = path.metadata().ok()?;
            Some((path, data.ino(), data.len()))
        })
        .collect();
    files.sort();
    files
}

/// Kills so many mirrors as they begin, and the last of them for some rounds more; then promotes what is left.
async fn killed(beginnings: u64, rounds: u64, thorough: u64) {
    let begun = Instant::now();
    let (seed, moments) = child::moments();
    let root = tempfile::tempdir().unwrap();
    let (server, ledger) = begin(&root.path().join("primary")).await;
    let http = server.http_address().unwrap();
    let folder = root.path().join("mirror");
    let mut campaign = Campaign::start(folder, http, ledger, moments).await;
    campaign.beginnings(beginnings).await;
    for round in 0..rounds {
        campaign
            .round(round, round % thorough == 0 || round + 1 == rounds)
            .await;
    }
    // The last: everything that was acknowledged is there, and the primary is gone.
    campaign.kill(3).await;
    campaign.left(true).await;
    let note = get(http, "/checkpoint").body;
    server.shutdown().await;
    let Campaign {
        folder,
        load,
        shown,
        tried: what,
        ..
    } = campaign;
    let acknowledged = load.end();
    let size = goes_on(&folder, &note, &acknowledged, &shown).await;
    let ([behind, following, cosigning, rest, first], [empty, between, less, uncosigned]) =
        (what.kills, what.left);
    let [promoted, refused] = what.promoted;
    tried(&format!(
        "{} kills of a mirror in {} s (seed {seed}): {first} at its first start, {behind} as it caught up, {following} as it followed, {cosigning} as it \
         cosigned, {rest} at rest; left: {empty} times nothing yet, {between} between two signed checkpoints, {less} with \
         less than was seen, {uncosigned} with a cosignature not kept; {} checkpoints shown, all of one log, fsck after each; \
         {promoted} copies promoted, {refused} refused for what was seen; promoted at the end with {} acknowledged entries, \
         none missing; log of {size}",
        what.kills.iter().sum::<u64>(),
        begun.elapsed().as_secs(),
        shown.roots.len(),
        acknowledged.len(),
    ));
}

/// The killed mirror becomes a ledger that signs: it has all that the primary acknowledged, answers repeats with the primary's
/// receipts, contains all that was shown, and appends. Gives its size.
async fn goes_on(folder: &Path, note: &[u8], acknowledged: &[(Entry, Receipt)], shown: &Shown) -> u64 {
    let promoted = promote(folder, note, &own_log(), key_of("log"), Memory::Needed, |_, _| ()).unwrap();
    assert_eq!(promoted.contained, promoted.size, "the primary was at rest");
    let store = Store::open_read_only(&folder.join("db")).unwrap();
    let state = State::open(store.clone()).unwrap().unwrap();
    for (entry, receipt) in acknowledged {
        let (_, found) = crate::state::read_entry(|t, key| store.get(t, key), receipt.index).unwrap();
        assert_eq!(found, *entry, "entry {}", receipt.index);
        let covered = Checkpoint::verify(&receipt.checkpoint, &log_key()).unwrap();
        assert_eq!(state.log_root(covered.size()).unwrap(), *covered.root());
    }
    for (size, root) in &shown.roots {
        assert_eq!(state.log_root(*size).unwrap(), *root, "{size}");
    }
    drop((state, store));
    let server = primary(folder).await;
    let mut ledger = connect(&server.url()).await;
    for (entry, receipt) in acknowledged.iter().rev().take(24) {
        let again = ledger.append(entry).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.receipt, *receipt);
    }
    let roots = now(&mut ledger).await;
    let next = ledger.append(&fill(&roots, u64::from(u32::MAX))).await.unwrap();
    assert!(!next.repeated && next.receipt.index >= promoted.size);
    let size = checkpoint(&mut ledger).await.size();
    drop(ledger);
    server.shutdown().await;
    let report = fsck(folder, |_, _| ()).unwrap();
    assert!(report.is_clean() && !report.mirror, "{:?}", report.problems);
    size
}

/// The log's signature and no other.
fn own_log() -> WitnessPolicy {
    WitnessPolicy::new(log_key(), vec![], 0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_killed_at_any_moment_goes_on_with_its_primarys_log() {
    killed(1, 3, 1).await;
}

/// `MEDPROOF_KILLS` gives another number of rounds than 66, after 10 first starts: a third of the rounds have two kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: 100 kills of a mirror"]
async fn a_mirror_killed_a_hundred_times_goes_on_with_its_primarys_log() {
    killed(10, child::kills(66), 10).await;
}
