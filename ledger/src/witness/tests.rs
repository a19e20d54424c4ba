use super::*;
use crate::{
    clock::DevelopmentClock,
    overlay::Overlay,
    state::log,
    table::{MemoryBase, Table},
    testing::key_of,
};
use medproof_verifier::{LogSigner, cosignature::WitnessPolicy, inclusion::leaf_hash};
use std::{ops::Range, os::unix::fs::MetadataExt, sync::Barrier};
use tlog_tiles::tlog::prove_tree;

mod crash;

const ORIGIN: &str = "ledger.example/test";

/// A log whose leaf `i` is `(salt, i)`, from leaf `from` on; before that the salt is 0.
struct Log {
    view: Overlay<MemoryBase>,
    signer: LogSigner,
}

impl Log {
    fn new(size: u64, from: u64, salt: u64) -> Self {
        let mut log = Self {
            view: Overlay::new(MemoryBase::default()),
            signer: LogSigner::new(ORIGIN, key_of("log")).unwrap(),
        };
        log.append(0..from.min(size), 0);
        log.append(from.min(size)..size, salt);
        log
    }

    fn append(&mut self, leaves: Range<u64>, salt: u64) {
        for i in leaves {
            let leaf = leaf_hash(&[salt.to_be_bytes(), i.to_be_bytes()].concat());
            log::append(&mut self.view, i, leaf).unwrap();
        }
    }

    fn note(&self, size: u64) -> Vec<u8> {
        let root = match size {
            0 => Sha256::digest([]).into(),
            _ => log::root(&self.view, size).unwrap(),
        };
        self.signer.sign(size, &root).unwrap()
    }

    fn ask(&self, old: u64, size: u64) -> AddCheckpoint {
        let reader = log::Hashes(|key: &[u8]| self.view.get(Table::Hash, key));
        let proof = match old {
            0 => vec![],
            old if old >= size => vec![],
            old => prove_tree(size, old, &reader).unwrap(),
        };
        AddCheckpoint {
            old,
            proof: proof.into_iter().map(|h| h.0).collect(),
            checkpoint: self.note(size),
        }
    }
}

fn open(directory: &Path) -> Result<Witness, WitnessError> {
    let cosigner = Cosigner::new("witness.example/w1", key_of("witness")).unwrap();
    let logs = vec![LogSigner::new(ORIGIN, key_of("log")).unwrap().log_key()];
    Witness::open(directory, cosigner, logs, Arc::new(DevelopmentClock::default()))
}

fn add(witness: &Witness, asked: &AddCheckpoint) -> Result<Vec<u8>, NotCosigned> {
    witness.add_checkpoint(&asked.to_bytes())
}

/// A request with this body, as it goes over HTTP.
fn request_of(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The only file of a witness' memory.
fn file(directory: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(directory).unwrap().map(|f| f.unwrap().path());
    files
        .find(|f| f.extension().is_some_and(|e| e == "checkpoint"))
        .unwrap()
}

#[test]
fn a_growing_log_is_cosigned_step_by_step() {
    let directory = tempfile::tempdir().unwrap();
    let witness = open(directory.path()).unwrap();
    let log = Log::new(40, 0, 0);
    let policy = WitnessPolicy::new(log.signer.log_key(), vec![witness.key().clone()], 1).unwrap();
    let mut old = 0;
    for size in [0, 0, 1, 1, 2, 7, 8, 33, 40, 40] {
        let line = add(&witness, &log.ask(old, size)).unwrap();
        let note = [log.note(size), line].concat();
        assert_eq!(policy.check(&note).unwrap().cosignatures.len(), 1, "{old} {size}");
        old = size;
    }
}

#[test]
fn every_refusal_of_the_text_is_given() {
    use NotCosigned as N;
    let directory = tempfile::tempdir().unwrap();
    let witness = open(directory.path()).unwrap();
    let (log, fork) = (Log::new(20, 0, 0), Log::new(20, 5, 1));
    add(&witness, &log.ask(0, 8)).unwrap();
    let refused = |asked: &AddCheckpoint| add(&witness, asked).unwrap_err();

    let other = LogSigner::new("elsewhere", key_of("log")).unwrap();
    let unknown = AddCheckpoint {
        checkpoint: other.sign(9, &[1; 32]).unwrap(),
        ..log.ask(8, 9)
    };
    assert_eq!(refused(&unknown), N::UnknownLog);
    let thief = LogSigner::new(ORIGIN, key_of("thief")).unwrap();
    let unsigned = AddCheckpoint {
        checkpoint: thief.sign(9, &[1; 32]).unwrap(),
        ..log.ask(8, 9)
    };
    assert_eq!(refused(&unsigned), N::Unsigned);
    assert_eq!(refused(&log.ask(10, 9)), N::OldSize);
    for (old, size) in [(0, 9), (0, 8), (0, 3), (7, 9), (9, 9), (3, 5)] {
        assert_eq!(
            refused(&log.ask(old, size)),
            N::OtherSize { latest: 8 },
            "{old} {size}"
        );
    }
    // A second history: at the same size, further on, and with a proof of the first one.
    assert_eq!(refused(&fork.ask(8, 8)), N::OtherRoot { latest: 8 });
    assert_eq!(refused(&fork.ask(8, 12)), N::Inconsistent);
    let mixed = AddCheckpoint {
        checkpoint: fork.note(12),
        ..log.ask(8, 12)
    };
    assert_eq!(refused(&mixed), N::Inconsistent);
    let mut more = log.ask(8, 12);
    more.proof.push([0; 32]);
    assert_eq!(refused(&more), N::Inconsistent);
    more = log.ask(8, 8);
    more.proof.push([0; 32]);
    assert_eq!(refused(&more), N::Inconsistent);
    more = log.ask(8, 12);
    more.proof.pop();
    assert_eq!(refused(&more), N::Inconsistent);
    // None of it has changed what comes next.
    assert!(add(&witness, &log.ask(8, 12)).is_ok());

    let fresh = tempfile::tempdir().unwrap();
    let fresh = open(fresh.path()).unwrap();
    let mut first = log.ask(0, 9);
    first.proof.push([0; 32]);
    assert_eq!(add(&fresh, &first), Err(N::Inconsistent));
    assert_eq!(add(&fresh, &log.ask(3, 9)), Err(N::OtherSize { latest: 0 }));
    let empty = AddCheckpoint {
        checkpoint: log.signer.sign(0, &[1; 32]).unwrap(),
        ..log.ask(0, 0)
    };
    assert_eq!(add(&fresh, &empty), Err(N::Inconsistent));
}

#[test]
fn malformed_requests_are_refused_by_their_line() {
    let directory = tempfile::tempdir().unwrap();
    let witness = open(directory.path()).unwrap();
    let note = String::from_utf8(Log::new(1, 0, 0).note(1)).unwrap();
    let hash = "A".repeat(43) + "=";
    for (body, error) in [
        (String::new(), RequestError::Old),
        ("old 0".into(), RequestError::Old),
        (format!("old 00\n\n{note}"), RequestError::Old),
        (format!("old +1\n\n{note}"), RequestError::Old),
        (format!("old  1\n\n{note}"), RequestError::Old),
        (format!("old 18446744073709551616\n\n{note}"), RequestError::Old),
        (format!("new 0\n\n{note}"), RequestError::Old),
        (format!("old 0\r\n\r\n{note}"), RequestError::Old),
        ("old 0\n".into(), RequestError::Checkpoint),
        (format!("old 0\n{hash}\n"), RequestError::Checkpoint),
        (format!("old 1\n{hash}\nx\n\n{note}"), RequestError::Proof(3)),
        (format!("old 1\n{}\n\n{note}", &hash[1..]), RequestError::Proof(2)),
        (format!("old 1\n{hash}=\n\n{note}"), RequestError::Proof(2)),
        (
            format!("old 1\n{}\n{note}", format!("{hash}\n").repeat(64)),
            RequestError::ProofLength,
        ),
        (
            format!("old 1\n\n{}", "a".repeat(request::MAX_REQUEST_BYTES)),
            RequestError::Length,
        ),
    ] {
        let refused = witness.add_checkpoint(body.as_bytes()).unwrap_err();
        assert_eq!(refused, NotCosigned::Request(error), "{body:.60}");
    }
    for checkpoint in ["", "\n", "a note\n", &note[1..], &note[..note.len() - 2]] {
        let body = format!("old 0\n\n{checkpoint}");
        let refused = witness.add_checkpoint(body.as_bytes()).unwrap_err();
        let unknown = refused == NotCosigned::UnknownLog;
        assert!(
            unknown || matches!(refused, NotCosigned::Checkpoint(_)),
            "{checkpoint:?} {refused}"
        );
    }
    let most = AddCheckpoint {
        old: u64::MAX,
        proof: vec![[7; 32]; 63],
        checkpoint: note.into_bytes(),
    };
    assert_eq!(AddCheckpoint::from_bytes(&most.to_bytes()), Ok(most));
}

#[test]
fn what_was_cosigned_survives_a_restart_whoever_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (log, fork) = (Log::new(20, 0, 0), Log::new(20, 5, 1));
    let witness = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(WitnessError::InUse(_))));
    add(&witness, &log.ask(0, 8)).unwrap();
    let before = std::fs::read(file(directory.path())).unwrap();
    add(&witness, &log.ask(8, 12)).unwrap();
    drop(witness);

    // Killed after 12 was durable and before it was answered: the log asks on from 8, and learns of 12.
    let witness = open(directory.path()).unwrap();
    let learnt = Err(NotCosigned::OtherSize { latest: 12 });
    assert_eq!(add(&witness, &log.ask(8, 12)), learnt);
    assert_eq!(add(&witness, &fork.ask(8, 12)), learnt);
    assert!(add(&witness, &log.ask(12, 12)).is_ok());
    assert_eq!(
        add(&witness, &fork.ask(12, 12)),
        Err(NotCosigned::OtherRoot { latest: 12 })
    );
    drop(witness);

    // Killed before the new file was put in place: 12 was never cosigned then.
    std::fs::write(file(directory.path()).with_extension("partial"), b"half").unwrap();
    std::fs::write(file(directory.path()), &before).unwrap();
    let witness = open(directory.path()).unwrap();
    assert!(add(&witness, &log.ask(8, 13)).is_ok());
    drop(witness);

    // A start writes what it reads once more: whether the run before came to its sync is not known.
    let inode = || std::fs::metadata(file(directory.path())).unwrap().ino();
    let was = inode();
    drop(open(directory.path()).unwrap());
    assert_ne!(inode(), was);

    // Damage is not taken for an empty memory.
    let path = file(directory.path());
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(
            matches!(open(directory.path()), Err(WitnessError::Damaged { .. })),
            "{cut}"
        );
    }
    let mut changed = whole.clone();
    changed[ORIGIN.len() + 1] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(WitnessError::Damaged { .. })
    ));
    std::fs::write(&path, &whole).unwrap();
    assert!(open(directory.path()).is_ok());
}

#[test]
fn after_a_failed_write_nothing_more_is_cosigned() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("witness");
    let log = Log::new(20, 0, 0);
    let witness = open(&folder).unwrap();
    add(&witness, &log.ask(0, 8)).unwrap();
    let away = directory.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    assert!(witness.is_healthy());
    assert_eq!(add(&witness, &log.ask(8, 9)), Err(NotCosigned::Broken));
    // Also not what could be cosigned, and also not when the disk is back.
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(add(&witness, &log.ask(8, 8)), Err(NotCosigned::Broken));
    assert_eq!(add(&witness, &log.ask(8, 9)), Err(NotCosigned::Broken));
    assert!(!witness.is_healthy());
    drop(witness);
    let witness = open(&folder).unwrap();
    assert!(add(&witness, &log.ask(8, 9)).is_ok());
}

#[test]
fn of_racing_histories_one_is_cosigned() {
    let directory = tempfile::tempdir().unwrap();
    let witness = open(directory.path()).unwrap();
    let base = Log::new(8, 0, 0);
    add(&witness, &base.ask(0, 8)).unwrap();
    let (threads, barrier) = (8, Barrier::new(8));
    // Every log extends the same eight leaves by others.
    let won: Vec<bool> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (1..=threads)
            .map(|salt| {
                let (witness, barrier) = (&witness, &barrier);
                scope.spawn(move || {
                    let asked = Log::new(12, 8, salt).ask(8, 12);
                    barrier.wait();
                    add(witness, &asked).is_ok()
                })
            })
            .collect();
        tasks.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|w| **w).count(), 1, "{won:?}");
}

#[test]
fn a_log_is_given_once() {
    let directory = tempfile::tempdir().unwrap();
    let key = LogSigner::new(ORIGIN, key_of("log")).unwrap().log_key();
    let cosigner = Cosigner::new("w", key_of("witness")).unwrap();
    let clock = Arc::new(DevelopmentClock::default());
    let twice = Witness::open(directory.path(), cosigner, vec![key.clone(), key], clock);
    assert!(matches!(twice, Err(WitnessError::LogTwice(_))));
}

mod over_http {
    use super::*;
    use crate::http::raw::send;
    use std::net::SocketAddr;

    fn post(address: SocketAddr, body: &[u8]) -> (u16, String, Vec<u8>) {
        let answer = send(address, &request_of(body));
        (answer.status, answer.head, answer.body)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_answer_has_the_status_of_the_text() {
        let directory = tempfile::tempdir().unwrap();
        let server = WitnessServer::start(
            open(directory.path()).unwrap(),
            SocketAddr::from(([127, 0, 0, 1], 0)),
        );
        let server = server.await.unwrap();
        let address = server.address();
        let (log, fork) = (Log::new(20, 0, 0), Log::new(20, 5, 1));
        let (status, _, line) = post(address, &log.ask(0, 8).to_bytes());
        assert_eq!(status, 200);
        assert!(line.starts_with("— witness.example/w1 ".as_bytes()) && line.ends_with(b"\n"));
        for asked in [log.ask(0, 9), fork.ask(8, 8)] {
            let (status, head, body) = post(address, &asked.to_bytes());
            assert_eq!((status, body.as_slice()), (409, b"8\n".as_slice()));
            assert!(head.contains("content-type: text/x.tlog.size"), "{head}");
        }
        assert_eq!(post(address, &fork.ask(8, 12).to_bytes()).0, 422);
        assert_eq!(post(address, &log.ask(12, 9).to_bytes()).0, 400);
        assert_eq!(post(address, b"nonsense").0, 400);
        let thief = LogSigner::new(ORIGIN, key_of("thief")).unwrap();
        let other = LogSigner::new("elsewhere", key_of("log")).unwrap();
        for (signer, expected) in [(thief, 403), (other, 404)] {
            let asked = AddCheckpoint {
                checkpoint: signer.sign(9, &[1; 32]).unwrap(),
                ..log.ask(8, 9)
            };
            assert_eq!(post(address, &asked.to_bytes()).0, expected);
        }
        let get = |path: &str| {
            let text = format!("GET {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n");
            send(address, text.as_bytes()).status
        };
        assert_eq!(
            (get("/healthz"), get("/add-checkpoint"), get("/")),
            (200, 405, 404)
        );
        // Its folder is gone for a moment.
        let away = directory.path().with_extension("away");
        std::fs::rename(directory.path(), &away).unwrap();
        assert_eq!(post(address, &log.ask(8, 9).to_bytes()).0, 500);
        std::fs::rename(&away, directory.path()).unwrap();
        assert_eq!(post(address, &log.ask(8, 9).to_bytes()).0, 500);
        assert_eq!(get("/healthz"), 503, "for it cosigns nothing more");
        server.shutdown().await;
    }
}
