//! A log that is written seal by seal at any time, and served over HTTP, for tests of who looks at its time.

use super::{Governance, client::LOOPBACK, genesis, key_of};
use crate::{
    clock::Clock,
    http::{Listener, Reads, router},
    sequencer::Published,
    state::State,
    store::Store,
    submission::Submission,
};
use medproof_verifier::{LogSigner, Role, entry::Genesis};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// A clock that stands until it is set.
#[derive(Debug)]
pub(crate) struct StandingClock(AtomicU64);

impl StandingClock {
    pub(crate) fn at(time: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(time)))
    }
}

impl Clock for StandingClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, time: u64) -> Option<i64> {
        self.0.store(time, Ordering::SeqCst);
        Some(0)
    }
}

/// The genesis of the tests' ledger as a production ledger has it.
pub(crate) fn production() -> Genesis {
    Genesis {
        development: false,
        ..genesis()
    }
}

/// Whoever runs it chooses the time of each seal.
pub(crate) struct TimedLog {
    state: State<Store>,
    governance: Governance,
    published: watch::Sender<Arc<Published>>,
    listener: Listener,
}

/// What is served of a state, with the log's signature.
fn published(state: &State<Store>) -> Arc<Published> {
    let size = state.head().size;
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    Arc::new(Published {
        head: state.head().clone(),
        rules: state.rules().clone(),
        checkpoint: signer.sign(size, &state.log_root(size).unwrap()).unwrap(),
        healthy: true,
    })
}

impl TimedLog {
    /// A log that begins with this genesis, at its time.
    pub(crate) async fn begin(directory: &Path, genesis: Genesis) -> Self {
        let store = Store::open(&directory.join("db")).unwrap();
        let governance = Governance::new(genesis.ledger_id());
        let (mut state, _) = State::create(store.clone(), genesis).unwrap();
        state.commit().unwrap();
        let published = watch::Sender::new(published(&state));
        let reads = Reads::new(store, published.subscribe(), None, None);
        Self {
            listener: Listener::start(LOOPBACK, router(reads)).await.unwrap(),
            state,
            governance,
            published,
        }
    }

    /// Seals batches at these times, one after the other, and signs the last.
    pub(crate) fn seal(&mut self, times: &[u64]) {
        for &time in times {
            // Each has one entry: a key of a party that is new.
            let party = format!("sponsor-{}", self.state.head().batches);
            let index = self.state.head().batches as u32;
            let entry = self.governance.put(index, Role::Sponsor, &party, &party);
            let checked = Submission::check(&entry.to_bytes(), self.state.rules()).unwrap();
            self.state.apply(&checked, time).unwrap();
            self.state.seal(time).unwrap();
        }
        self.state.commit().unwrap();
        self.published.send_replace(published(&self.state));
    }

    pub(crate) fn size(&self) -> u64 {
        self.state.head().size
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub(crate) async fn shutdown(self) {
        self.listener.shutdown().await;
    }
}
