//! What a primary is given to do while its mirror is killed: fills, openings and changes of the registry, from several
//! clients at once.

use super::*;

/// Clients that post fills.
const FILLERS: u64 = 2;
/// Who opens accounts, each from a client of its own: sequence numbers follow one another.
const OPENERS: [(&str, &str); 2] = [("authority", "us-ma"), ("authority-nh", "us-nh")];
/// Openings between two changes of the registry.
const OPENINGS: u32 = 16;

/// An entry and its receipt.
type Acknowledged = Arc<Mutex<Vec<(Entry, Receipt)>>>;

/// Appends without end while nobody rests.
pub(super) struct Load {
    gate: Arc<RwLock<()>>,
    acknowledged: Acknowledged,
    lanes: JoinSet<()>,
}

struct Lane {
    gate: Arc<RwLock<()>>,
    acknowledged: Acknowledged,
    ledger: Ledger,
}

impl Lane {
    async fn append(&mut self, entry: Entry) {
        let _open = self.gate.read().await;
        let receipt = self.ledger.append(&entry).await.unwrap().receipt;
        self.acknowledged.lock().unwrap().push((entry, receipt));
    }

    async fn fills(mut self, lane: u64) {
        let mut roots = now(&mut self.ledger).await;
        for n in 0.. {
            // A root that was replaced counts for ten minutes.
            if n % 16 == 0 {
                roots = now(&mut self.ledger).await;
            }
            self.append(fill(&roots, FILLERS * n + lane)).await;
        }
    }

    async fn openings(mut self, opener: usize) {
        let (party, domain) = OPENERS[opener];
        let mut governance = Governance::new(genesis().ledger_id());
        let parties = governance.setup().len() as u32;
        for n in 0.. {
            let index = n * OPENERS.len() as u32 + opener as u32;
            let opened = account(index, index.into());
            let entry = open_entry(genesis().ledger_id(), u64::from(n) + 1, party, domain, opened);
            self.append(entry).await;
            if opener == 0 && n % OPENINGS == 0 {
                let prescriber = format!("dr-of-load-{n}");
                let entry = governance.put(parties + n, Role::Prescriber, &prescriber, domain);
                self.append(entry).await;
            }
        }
    }
}

impl Load {
    pub(super) fn start(ledger: &Ledger) -> Self {
        let mut load = Self {
            gate: Arc::default(),
            acknowledged: Arc::default(),
            lanes: JoinSet::new(),
        };
        let lane = || Lane {
            gate: Arc::clone(&load.gate),
            acknowledged: Arc::clone(&load.acknowledged),
            ledger: ledger.clone(),
        };
        let mut lanes = JoinSet::new();
        for opener in 0..OPENERS.len() {
            lanes.spawn(lane().openings(opener));
        }
        for filler in 0..FILLERS {
            lanes.spawn(lane().fills(filler));
        }
        load.lanes = lanes;
        load
    }

    /// Lets nothing be appended while the guard is held; what was begun is acknowledged.
    pub(super) async fn rest(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// Waits until so many more entries are acknowledged.
    pub(super) async fn goes_on(&mut self, more: usize) {
        let count = || self.acknowledged.lock().unwrap().len();
        let (wanted, until) = (count() + more, Instant::now() + PATIENCE);
        while count() < wanted {
            assert!(Instant::now() < until, "the primary does not acknowledge");
            if let Some(ended) = self.lanes.try_join_next() {
                ended.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Everything that was acknowledged. Nothing may be on its way.
    pub(super) fn end(mut self) -> Vec<(Entry, Receipt)> {
        if let Some(ended) = self.lanes.try_join_next() {
            ended.unwrap();
        }
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }
}
