//! A witness in a process of its own that is killed at any moment, while two clients present checkpoints of one log and
//! of a fork of it: it remembers each cosignature that anybody got, and cosigns no second history afterwards.

use super::*;
use crate::{
    http::raw::send_to_mortal,
    testing::{
        child::{self, Child, PATIENCE},
        client::LOOPBACK,
        tried,
    },
};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

const CHILD: &str = "witness::tests::crash::crash_child";
/// Leaves that the log grows by, at most, from one kill to the next.
const GROWTH: u64 = 1500;

/// A witness until it is killed, which says where it serves. The tests of this module run it in a process of its own.
#[test]
#[ignore = "the child of the crash tests"]
fn crash_child() {
    let Some(directory) = child::directory() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        match open(&directory) {
            Ok(witness) => {
                let server = WitnessServer::start(witness, LOOPBACK).await.unwrap();
                println!("\nserves {}", server.address());
                std::future::pending::<()>().await;
            }
            Err(error) => println!("\n{}{error}", child::REFUSED),
        }
    });
}

/// Status and body of the witness' answer; none when it was killed before all of it was here.
fn post(at: SocketAddr, asked: &AddCheckpoint) -> Option<(u16, Vec<u8>)> {
    let answer = send_to_mortal(at, &request_of(&asked.to_bytes()))?;
    Some((answer.status, answer.body))
}

/// The size in a 409.
fn size_of(body: &[u8]) -> u64 {
    let text = std::str::from_utf8(body).unwrap();
    text.strip_suffix('\n').unwrap().parse().unwrap()
}

/// The log, and another of as many leaves, none of which is the same.
struct Histories {
    log: Log,
    fork: Log,
    size: u64,
}

impl Histories {
    fn new() -> Self {
        Self {
            log: Log::new(1, 0, 0),
            fork: Log::new(1, 0, 1),
            size: 1,
        }
    }

    fn grow(&mut self, size: u64) {
        self.log.append(self.size..size, 0);
        self.fork.append(self.size..size, 1);
        self.size = size;
    }
}

/// What one client got.
#[derive(Default)]
struct Answered {
    /// Sizes of the log that were cosigned.
    cosigned: Vec<u64>,
    /// Requests with the fork that were refused.
    forks: u64,
    /// Requests that the other client was ahead of.
    overtaken: u64,
}

/// Presents checkpoints, each a little longer than the last that the witness is known to have, and a fork now and then, until
/// the witness is gone.
fn client(at: SocketAddr, histories: &Histories, mut random: StdRng) -> Answered {
    let key = Cosigner::new("witness.example/w1", key_of("witness")).unwrap();
    let log_key = histories.log.signer.log_key();
    let policy = WitnessPolicy::new(log_key, vec![key.witness_key().clone()], 1).unwrap();
    let (mut old, mut answered) = (1, Answered::default());
    loop {
        let size = (old + random.gen_range(0..5)).min(histories.size);
        let forked = random.gen_ratio(1, 5);
        let history = if forked { &histories.fork } else { &histories.log };
        let Some((status, body)) = post(at, &history.ask(old, size)) else {
            return answered;
        };
        match (status, forked) {
            (200, false) => {
                let note = [histories.log.note(size), body].concat();
                assert_eq!(policy.check(&note).unwrap().checkpoint.size(), size);
                answered.cosigned.push(size);
                old = size;
            }
            (409 | 422, true) => answered.forks += 1,
            (409, false) => {
                let latest = size_of(&body);
                assert!(latest > old, "it knew {old}, and {latest} now");
                answered.overtaken += 1;
                old = latest;
            }
            other => panic!(
                "{other:?} from {old} to {size}: {}",
                String::from_utf8_lossy(&body)
            ),
        }
    }
}

struct Campaign {
    folder: std::path::PathBuf,
    histories: Histories,
    moments: StdRng,
    /// All sizes that anybody got a cosignature of.
    cosigned: Vec<u64>,
    forks: u64,
    overtaken: u64,
    /// Times that the witness remembered a size whose cosignature nobody got.
    unanswered: u64,
}

impl Campaign {
    fn start(folder: std::path::PathBuf, moments: StdRng) -> Self {
        let histories = Histories::new();
        // A witness that knows nothing yet takes any history.
        add(&open(&folder).unwrap(), &histories.log.ask(0, 1)).unwrap();
        Self {
            folder,
            histories,
            moments,
            cosigned: vec![1],
            forks: 0,
            overtaken: 0,
            unanswered: 0,
        }
    }

    fn last(&self) -> u64 {
        self.cosigned.iter().copied().max().unwrap_or_default()
    }

    fn spawn(&self) -> (Child, SocketAddr) {
        let child = Child::start(CHILD, &self.folder, &[]);
        let at = child.hear("serves ", PATIENCE).expect("it serves");
        (child, at.parse().unwrap())
    }

    /// One kill under load, right after the memory was replaced or at any other moment; then what it left.
    fn round(&mut self, round: u64, (child, at): (Child, SocketAddr)) {
        self.histories.grow(self.histories.size.max(self.last() + GROWTH));
        let clients = [(); 2].map(|()| StdRng::seed_from_u64(self.moments.next_u64()));
        let pause = Duration::from_micros(self.moments.gen_range(0..250_000));
        let (times, shortly) = (self.moments.gen_range(1..60), self.moments.gen_range(0..400));
        let (folder, histories) = (&self.folder, &self.histories);
        let answered = thread::scope(|scope| {
            let clients = clients.map(|random| scope.spawn(move || client(at, histories, random)));
            match round % 2 {
                0 => thread::sleep(pause),
                _ => {
                    let memory = file(folder);
                    // A file may get the number of the one that it replaces.
                    let version = || {
                        let file = std::fs::metadata(&memory).unwrap();
                        (file.ino(), file.mtime(), file.mtime_nsec(), file.len())
                    };
                    child::wait_for_changes(times, version, || false);
                    thread::sleep(Duration::from_micros(shortly));
                }
            }
            child.kill();
            clients.map(|client| client.join().unwrap())
        });
        for answered in answered {
            self.cosigned.extend(answered.cosigned);
            self.forks += answered.forks;
            self.overtaken += answered.overtaken;
        }
        self.left();
    }

    /// As the kill left it: the longest that anybody got, or one that nobody got any more, of the one log.
    fn left(&mut self) {
        let note = std::fs::read(file(&self.folder)).unwrap();
        let log = &self.histories.log;
        let kept = Checkpoint::verify(&note, &log.signer.log_key()).unwrap();
        assert_eq!(log.note(kept.size()), note, "another history");
        assert!(kept.size() >= self.last(), "{} was cosigned", self.last());
        self.unanswered += u64::from(kept.size() > self.last());
    }

    /// The next start: it knows the size that it had, refuses a fork at each size of `sizes` and beyond the last, and goes on
    /// with the log.
    fn remembers(&mut self, at: SocketAddr, sizes: &[u64]) {
        let (log, fork) = (&self.histories.log, &self.histories.fork);
        let ask = |asked: &AddCheckpoint| post(at, asked).expect("nobody kills it");
        let (status, body) = ask(&log.ask(0, 1));
        let latest = size_of(&body);
        assert!(status == 409 && latest >= self.last(), "{status}: {latest}");
        let sizes: BTreeSet<u64> = sizes.iter().copied().chain([latest]).collect();
        for size in sizes {
            for old in [0, size - 1, size] {
                let (status, body) = ask(&fork.ask(old, size));
                assert_eq!((status, size_of(&body)), (409, latest), "{old} {size}");
                self.forks += 1;
            }
        }
        let next = latest + 1;
        let mixed = AddCheckpoint {
            checkpoint: fork.note(next),
            ..log.ask(latest, next)
        };
        for asked in [fork.ask(latest, next), mixed] {
            assert_eq!(ask(&asked).0, 422);
            self.forks += 1;
        }
        assert_eq!(ask(&log.ask(latest, next)).0, 200);
        self.cosigned.push(next);
    }
}

/// Kills a witness so many times. After each kill the forks are presented at every size of that round; after the last at
/// every size that was ever cosigned.
fn killed(rounds: u64) {
    let begun = Instant::now();
    let (seed, moments) = child::moments();
    let root = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::start(root.path().join("witness"), moments);
    let mut running = campaign.spawn();
    for round in 0..rounds {
        let before = campaign.cosigned.len();
        campaign.round(round, running);
        campaign.histories.grow(campaign.histories.size + 1);
        running = campaign.spawn();
        let from = if round + 1 == rounds { 0 } else { before };
        let sizes = campaign.cosigned[from..].to_vec();
        campaign.remembers(running.1, &sizes);
    }
    running.0.kill();
    campaign.left();
    tried(&format!(
        "{rounds} kills of a witness under two clients in {} s (seed {seed}): {} cosignatures answered, all remembered; {} \
         requests overtaken, {} for forks, all refused; {} times one was remembered that nobody had got; log of {}",
        begun.elapsed().as_secs(),
        campaign.cosigned.len(),
        campaign.overtaken,
        campaign.forks,
        campaign.unanswered,
        campaign.last(),
    ));
}

#[test]
fn a_witness_killed_at_any_moment_remembers_each_cosignature() {
    killed(4);
}

/// `MEDPROOF_KILLS` gives another number than 100.
#[test]
#[ignore = "soak: 100 kills of a witness"]
fn a_witness_killed_a_hundred_times_remembers_each_cosignature() {
    killed(child::kills(100));
}
