//! Primaries that lie, with and without their own signature: the mirror halts, says where, and keeps what was good.

use super::*;
use crate::{
    http::tls::tests as tls,
    testing::{client, directory, name, proof},
};
use axum::Router;
use medproof_verifier::{
    CircuitName, LogSigner,
    entry::{Kind, Signed, Void},
};

/// A primary's directory and that of a mirror which has followed it, both stopped.
pub(super) struct Pair {
    root: tempfile::TempDir,
    pub(super) size: u64,
}

pub(super) async fn pair() -> Pair {
    let root = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&root.path().join("primary")).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 1)).await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    let http = server.http_address().unwrap();
    let follower = mirror(&root.path().join("mirror"), http).await.unwrap();
    reach(&follower, size).await;
    follower.shutdown().await;
    server.shutdown().await;
    Pair { root, size }
}

impl Pair {
    pub(super) fn primary(&self) -> PathBuf {
        self.root.path().join("primary")
    }

    pub(super) fn mirror(&self) -> PathBuf {
        self.root.path().join("mirror")
    }

    /// Copies of both, for one lie.
    pub(super) fn again(&self) -> Self {
        let root = tempfile::tempdir().unwrap();
        directory::copy(self.root.path(), root.path());
        Self {
            root,
            size: self.size,
        }
    }

    /// The operator of the primary writes past the rules, and seals it.
    fn doctor(&self, change: impl FnOnce(&mut State<Store>)) {
        let store = Store::open(&self.primary().join("db")).unwrap();
        let mut state = State::open(store).unwrap().unwrap();
        change(&mut state);
        let time = state.head().time;
        state.seal(time).unwrap();
        state.commit().unwrap();
    }

    /// Follows a primary that lies; gives why the mirror has halted.
    async fn halts(&self, primary: SocketAddr) -> String {
        let folder = self.mirror();
        let follower = mirror(&folder, primary).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(60), follower.ended()).await;
        let Ok(Ended::Halted(halted)) = ended else {
            panic!("the mirror does not halt: {ended:?}");
        };
        // It says so, and shows nothing newer.
        let at = follower.http_address().unwrap();
        let health = get(at, "/healthz");
        let said = String::from_utf8(health.body).unwrap();
        assert!(health.status == 503 && said.contains(&halted.reason), "{said}");
        assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 1);
        let shown = Checkpoint::verify(&get(at, "/checkpoint").body, &log_key()).unwrap();
        assert!(
            shown.size() <= self.size,
            "what is shown is cosigned, which takes a moment"
        );
        let served = checkpoint(&mut connect(&follower.url()).await).await;
        assert_eq!(served.size(), self.size);
        follower.shutdown().await;
        // It does not start again while the evidence lies there, and what was good is as it was.
        let written = std::fs::read(folder.join(HALTED_FILE)).unwrap();
        assert!(written.starts_with(halted.reason.as_bytes()));
        match mirror(&folder, primary).await {
            Err(StartError::Halted(again)) => assert_eq!(again, halted),
            other => panic!("{other:?}"),
        }
        let report = fsck(&folder, |_, _| ()).unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!(report.entries, self.size);
        halted.reason
    }

    /// As [`Pair::halts`], with what the primary's directory holds now and its own signature.
    async fn signed_lie(&self) -> String {
        let store = Store::open(&self.primary().join("db")).unwrap();
        let state = State::open(store.clone()).unwrap().unwrap();
        let size = state.head().size;
        let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
        let note = signer.sign(size, &state.log_root(size).unwrap()).unwrap();
        let server = served(store, &state, note).await;
        let reason = self.halts(server.address()).await;
        // What it signed is kept with the reason.
        let written = std::fs::read(self.mirror().join(HALTED_FILE)).unwrap();
        let at = written.windows(2).position(|w| w == b"\n\n").unwrap() + 2;
        let evidence = Checkpoint::verify(&written[at..], &log_key()).unwrap();
        assert!(evidence.size() > self.size);
        server.shutdown().await;
        reason
    }
}

fn roots(state: &State<Store>) -> Now {
    let head = state.head();
    Now {
        anchor: head.commitment_root,
        identity_root: head.identity_root,
        registry_root: head.registry_root,
        date: fr(Day::from_unix_seconds(head.time).0.into()),
    }
}

fn statement(state: &State<Store>, n: u64) -> medproof_verifier::entry::Post {
    match fill(&roots(state), n) {
        Entry::Statement(post) => *post,
        other => panic!("{other:?}"),
    }
}

fn append(state: &mut State<Store>, post: medproof_verifier::entry::Post) {
    let bytes = Entry::Statement(Box::new(post)).to_bytes();
    state.append_refused(Kind::Statement, &bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_signs_what_breaks_the_rules_is_followed_no_further() {
    let good = pair().await;
    let place = format!("entry {} (batch ", good.size);

    // The proof of another statement.
    let lie = good.again();
    lie.doctor(|state| {
        let mut post = statement(state, 2);
        post.proof = proof(CircuitName::Dispense, 0, &statement(state, 3).inputs);
        append(state, post);
    });
    let reason = lie.signed_lie().await;
    assert!(reason.starts_with(&place) && reason.contains("proof"), "{reason}");

    // A flipped byte of a proof.
    let lie = good.again();
    lie.doctor(|state| {
        let post = statement(state, 2);
        let proof = post.proof.to_bytes();
        let mut bytes = Entry::Statement(Box::new(post)).to_bytes();
        let at = bytes.windows(proof.len()).position(|w| *w == proof).unwrap();
        bytes[at] ^= 1;
        state.append_refused(Kind::Statement, &bytes).unwrap();
    });
    let reason = lie.signed_lie().await;
    assert!(reason.starts_with(&place) && reason.contains("proof"), "{reason}");

    // A spent nullifier, in a statement whose proof holds.
    let lie = good.again();
    lie.doctor(|state| {
        let mut public = dispense(&roots(state), 2);
        public.nf_note = fr(10_001);
        let id = genesis().ledger_id();
        append(state, post(id, Statement::Dispense(public), "pharmacy-1"));
    });
    let reason = lie.signed_lie().await;
    assert!(
        reason.starts_with(&place) && reason.contains("account nullifier is spent"),
        "{reason}"
    );

    // An entry that the rules refuse, signed as it must be.
    let lie = good.again();
    lie.doctor(|state| {
        let void = Void {
            sequence: 1,
            party: name("pharmacy-2"),
            dispense: 0,
        };
        let void = Entry::Void(Signed::new(void, &genesis().ledger_id(), &key_of("pharmacy-2")));
        state.append_refused(Kind::Void, &void.to_bytes()).unwrap();
    });
    let reason = lie.signed_lie().await;
    assert!(
        reason.starts_with(&place) && reason.contains("not a dispense"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_does_not_follow_from_its_batch_halts_the_mirror() {
    let good = pair().await;
    // A seal over a leaf that no entry has put there.
    let lie = good.again();
    lie.doctor(|state| {
        let entry = fill(&roots(state), 2);
        let checked = crate::Submission::check(&entry.to_bytes(), state.rules()).unwrap();
        let time = state.head().time;
        state.apply(&checked, time).unwrap();
        state.set_commitment(&fr(666));
    });
    let reason = lie.signed_lie().await;
    let place = format!("entry {} (batch ", good.size + 1);
    assert!(
        reason.starts_with(&place) && reason.contains("commitment root"),
        "{reason}"
    );

    // Nothing but a seal.
    let lie = good.again();
    let store = Store::open(&lie.primary().join("db")).unwrap();
    let mut state = State::open(store).unwrap().unwrap();
    let time = state.head().time;
    state.seal_empty(time);
    state.commit().unwrap();
    drop(state);
    let reason = lie.signed_lie().await;
    let place = format!("entry {} (batch ", good.size);
    assert!(
        reason.starts_with(&place) && reason.contains("no entry before its seal"),
        "{reason}"
    );

    // A log that ends in the middle of a batch.
    let lie = good.again();
    let store = Store::open(&lie.primary().join("db")).unwrap();
    let mut state = State::open(store.clone()).unwrap().unwrap();
    let open_end = statement(&state, 2);
    append(&mut state, open_end);
    let size = state.head().size;
    let root = state.log_root(size).unwrap();
    state.commit().unwrap();
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    let server = served(store, &state, signer.sign(size, &root).unwrap()).await;
    let reason = lie.halts(server.address()).await;
    assert!(reason.contains("does not end with a seal"), "{reason}");
    server.shutdown().await;
}

/// A store and a checkpoint over HTTP, as they are.
pub(super) async fn served(store: Store, state: &State<Store>, note: Vec<u8>) -> crate::http::Listener {
    let published = Published {
        head: state.head().clone(),
        rules: state.rules().clone(),
        checkpoint: note,
        healthy: true,
    };
    let published = watch::Sender::new(Arc::new(published)).subscribe();
    let router = crate::http::router(Reads::new(store, published, None, None));
    crate::http::Listener::start(LOOPBACK, router).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_history_halts_the_mirror_whichever_is_longer() {
    let good = pair().await;
    // Four entries more than what both have.
    let other = good.again();
    let server = primary(&other.primary()).await;
    let mut ledger = connect(&server.url()).await;
    let roots = now(&mut ledger).await;
    for n in [5, 6] {
        ledger.append(&fill(&roots, n)).await.unwrap();
    }
    server.shutdown().await;
    for more in 1..=3 {
        let lie = good.again();
        let server = primary(&lie.primary()).await;
        let mut ledger = connect(&server.url()).await;
        for n in 0..more {
            ledger.append(&fill(&roots, 10 + n)).await.unwrap();
        }
        let size = checkpoint(&mut ledger).await.size();
        let follower = mirror(&lie.mirror(), server.http_address().unwrap())
            .await
            .unwrap();
        reach(&follower, size).await;
        follower.shutdown().await;
        server.shutdown().await;
        let forked = Pair { size, root: lie.root };
        let server = primary(&other.primary()).await;
        let reason = forked.halts(server.http_address().unwrap()).await;
        assert!(reason.contains("second history"), "{more}: {reason}");
        server.shutdown().await;
    }
}

/// A change to the answers of one kind.
pub(super) type Change = fn(Vec<u8>) -> Vec<u8>;

/// Stands between a primary and the mirror, and changes the answers below a path.
pub(super) async fn between(primary: SocketAddr, change: (&'static str, Change)) -> crate::http::Listener {
    crate::http::Listener::start(LOOPBACK, changing(primary, change))
        .await
        .unwrap()
}

fn changing(primary: SocketAddr, (below, change): (&'static str, Change)) -> Router {
    client::between(primary, move |path, body| {
        Some(if path.starts_with(below) {
            change(body)
        } else {
            body
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_is_followed_over_https_and_one_that_is_not_certified_is_no_lie() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let unchanged = changing(server.http_address().unwrap(), ("/", |body| body));
    let proxy = crate::http::Listener::start_with(LOOPBACK, unchanged, Some(tls::identity()));
    let proxy = proxy.await.unwrap();
    let secured = || format!("https://{}", proxy.address()).parse::<Prefix>().unwrap();
    let folder = directory.path().join("mirror");
    let mut certified = config(&folder, proxy.address());
    certified.primary = secured().certified_by(&tls::authorities());
    let follower = Mirror::start(certified, cosigner()).await.unwrap();
    reach(&follower, checkpoint(&mut ledger).await.size()).await;
    follower.shutdown().await;
    // Whoever stands in the primary's place now: nothing is read from it, and nothing halts.
    let mut stranger = config(&folder, proxy.address());
    stranger.primary = secured();
    let follower = Mirror::start(stranger, cosigner()).await.unwrap();
    fails(&follower, 1).await;
    follower.shutdown().await;
    proxy.shutdown().await;
    server.shutdown().await;
}

/// Waits until a mirror has counted so many failures, which do not halt it.
pub(super) async fn fails(follower: &Mirror, failures: u64) {
    let at = follower.http_address().unwrap();
    let mut waits = 0;
    while metric(at, "medproof_ledger_mirror_failures_total") < failures {
        waits += 1;
        assert!(waits < 500, "no failure is counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_size_that_no_ledger_has_halts_the_mirror() {
    let good = pair().await;
    let server = primary(&good.primary()).await;
    let change: Change = |_| {
        let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
        let note = signer.sign(1 << 41, &[7; 32]).unwrap();
        let line = cosigner().cosign(&note, 5).unwrap();
        [note, line].concat()
    };
    let proxy = between(server.http_address().unwrap(), ("/checkpoint", change)).await;
    let reason = good.halts(proxy.address()).await;
    assert!(reason.contains("which no ledger has"), "{reason}");
    // Whoever has cosigned it is in the evidence.
    let written = std::fs::read(good.mirror().join(HALTED_FILE)).unwrap();
    let lines = crate::cosigning::lines_of(&written, cosigner().witness_key().name());
    assert!(!lines.is_empty(), "{}", String::from_utf8_lossy(&written));
    proxy.shutdown().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_does_not_forget_what_it_saw_or_cosigned() {
    let good = pair().await;
    // The primary was seen to sign more, and shows another history when the mirror comes back.
    let lie = good.again();
    let server = primary(&lie.primary()).await;
    let mut ledger = connect(&server.url()).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 2)).await.unwrap();
    let store = Store::open(&lie.mirror().join("db")).unwrap();
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    remember(&store, &signer.sign(lie.size + 1, &[7; 32]).unwrap()).unwrap();
    drop(store);
    let reason = lie.halts(server.http_address().unwrap()).await;
    assert!(reason.contains("second history"), "{reason}");
    server.shutdown().await;

    // The database is lost, and the folder of what was cosigned is not.
    let lie = good.again();
    let elsewhere = tempfile::tempdir().unwrap();
    let (other, mut ledger) = begin(elsewhere.path()).await;
    let roots = now(&mut ledger).await;
    for n in 7..10 {
        ledger.append(&fill(&roots, n)).await.unwrap();
    }
    std::fs::remove_dir_all(lie.mirror().join("db")).unwrap();
    match mirror(&lie.mirror(), other.http_address().unwrap()).await {
        Err(StartError::Halted(halted)) => assert!(halted.reason.contains("second history"), "{halted}"),
        other => panic!("{other:?}"),
    }
    other.shutdown().await;
    // Once the operator has looked into it, a mirror follows the history that was cosigned.
    std::fs::remove_file(lie.mirror().join(HALTED_FILE)).unwrap();
    std::fs::remove_dir_all(lie.mirror().join("db")).unwrap();
    let server = primary(&lie.primary()).await;
    let follower = mirror(&lie.mirror(), server.http_address().unwrap())
        .await
        .unwrap();
    reach(&follower, lie.size).await;
    follower.shutdown().await;
    server.shutdown().await;
}
