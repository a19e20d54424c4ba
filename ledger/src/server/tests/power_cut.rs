//! The power is cut at each acknowledgement, and the disk has kept what was synced by then and nothing more. A process
//! that is killed leaves what it wrote with the system; only this shows that a sync came before the answer.
//!
//! A traced run (strace) gives the order of writes, syncs and acknowledgements. Each sync is held up for a while, so
//! that an answer that did not wait for it would be seen before it.

use super::crash::{Acknowledged, acknowledged, child, nothing_is_missing};
use super::failing_calls::{base, copy_ledger};
use super::*;
use crate::{fsck::fsck, signed_record::SignedRecord};
use std::{collections::BTreeMap, io::Read, process::Command as Process};

/// Entries that the child appends.
const ENTRIES: u64 = 24;
/// How long each sync is held up, in microseconds.
const HELD_UP: u32 = 20_000;

/// Bytes of each file that are on the disk.
type Synced = BTreeMap<PathBuf, u64>;

/// What a trace shows: what was acknowledged, and what was synced by then.
#[derive(Default)]
struct Trace {
    written: Synced,
    synced: Synced,
    /// Calls that have begun and not ended, by thread: the call, its file, and what was written of it then.
    open: BTreeMap<String, (String, PathBuf, u64)>,
    seen: Vec<(Acknowledged, Synced)>,
    syncs: usize,
}

/// The file of a call's first argument, `7</path/to/file>`.
fn file(arguments: &str) -> Option<PathBuf> {
    let (_, rest) = arguments.split_once('<')?;
    Some(rest.split_once('>')?.0.into())
}

impl Trace {
    /// Takes a line: `THREAD call(arguments) = result`, or the two halves of one.
    fn take(&mut self, line: &str) {
        let Some((thread, call)) = line.split_once(' ') else {
            return;
        };
        let call = call.trim_start();
        let (name, arguments) = match call.strip_prefix("<... ") {
            Some(resumed) => {
                let begun = self.open.remove(thread).unwrap_or_else(|| panic!("{line}"));
                return self.end(begun, resumed);
            }
            None => call.split_once('(').unwrap_or((call, "")),
        };
        if name == "write"
            && let Some(at) = arguments.find("acknowledged ")
        {
            let text = arguments[at..].split("\\n").next().unwrap_or_default();
            let seen = acknowledged(text).unwrap_or_else(|| panic!("{line}"));
            self.seen.push((seen, self.synced.clone()));
        }
        let Some(file) = file(arguments) else { return };
        let written = self.written.get(&file).copied().unwrap_or_default();
        let begun = (name.to_owned(), file, written);
        match call.ends_with("<unfinished ...>") {
            true => drop(self.open.insert(thread.to_owned(), begun)),
            false => self.end(begun, arguments),
        }
    }

    fn end(&mut self, (name, file, before): (String, PathBuf, u64), rest: &str) {
        let result = rest.rsplit_once("= ").map(|(_, result)| result.split(' ').next());
        let Some(result) = result.flatten().and_then(|result| result.parse::<u64>().ok()) else {
            return;
        };
        match &*name {
            "write" => *self.written.entry(file).or_default() += result,
            // What was written before it began.
            "fsync" | "fdatasync" => {
                self.syncs += 1;
                self.synced.insert(file, before);
            }
            // RocksDB gives back what it allocated beyond a file's end.
            "ftruncate" => {}
            other => panic!(
                "{other} on {}: files are thought to grow by `write` alone",
                file.display()
            ),
        }
    }
}

/// Runs a child, traced.
fn traced(directory: &Path) -> Trace {
    let to = directory.with_extension("trace");
    let mut strace = Process::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "160", "-e"]);
    strace.args(["trace=write,pwrite64,pwritev,ftruncate,fsync,fdatasync", "-e"]);
    strace.arg(format!("inject=fsync,fdatasync:delay_enter={HELD_UP}"));
    strace.arg("-o").arg(&to).arg(std::env::current_exe().unwrap());
    let mut child = child(strace, directory, 100_000, ENTRIES);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let mut trace = Trace::default();
    for line in std::fs::read_to_string(to).unwrap().lines() {
        trace.take(line);
    }
    assert_eq!(trace.seen.len() as u64, ENTRIES, "{text}");
    trace
}

/// What grows with each batch: the write-ahead log of this run, and the record of signed checkpoints.
fn growing(directory: &Path, trace: &Trace) -> [PathBuf; 2] {
    let logs = trace.written.keys().filter(|file| {
        file.starts_with(directory.join("db")) && file.extension().is_some_and(|extension| extension == "log")
    });
    let log = logs.max_by_key(|file| trace.written[*file]).unwrap();
    [log.clone(), directory.join("signed-checkpoints")]
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_what_is_acknowledged_was_synced_before() {
    let Some(base) = base().await else { return };
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().canonicalize().unwrap().join("ledger");
    std::fs::create_dir(&directory).unwrap();
    copy_ledger(base.path(), &directory);
    let before = std::fs::metadata(directory.join("signed-checkpoints"))
        .unwrap()
        .len();
    let trace = traced(&directory);
    let [log, record] = growing(&directory, &trace);
    // What the run wrote is there, after a stop as after a kill.
    assert_eq!(std::fs::metadata(&log).unwrap().len(), trace.written[&log]);
    let (acknowledgements, points): (Vec<_>, Vec<_>) = trace.seen.into_iter().unzip();
    let mut cuts = vec![];
    for (at, synced) in points.iter().enumerate() {
        let kept = (
            synced.get(&log).copied().unwrap_or_default(),
            before + synced.get(&record).copied().unwrap_or_default(),
        );
        if cuts.last().is_some_and(|(_, last)| *last == kept) {
            cuts.pop();
        }
        cuts.push((at, kept));
    }
    assert!(cuts.len() > 2, "{cuts:?}");
    for (at, (log_bytes, record_bytes)) in &cuts {
        let cut = parent.path().join("cut");
        std::fs::create_dir(&cut).unwrap();
        copy_ledger(&directory, &cut);
        let inside = |file: &Path| cut.join(file.strip_prefix(&directory).unwrap());
        for (file, bytes) in [(&log, log_bytes), (&record, record_bytes)] {
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(inside(file))
                .unwrap();
            file.set_len(*bytes).unwrap();
        }
        let acknowledged = &acknowledgements[..=*at];
        let report = fsck(&cut, |_, _| ()).unwrap();
        assert_eq!(report.problems, vec![], "cut after acknowledgement {at}");
        nothing_is_missing(&cut, acknowledged);
        let signed = SignedRecord::open(&inside(&record)).unwrap().last().unwrap().size;
        let largest = acknowledged.iter().map(|seen| seen.size).max().unwrap();
        assert!(
            signed >= largest,
            "a signed head of {largest} entries is forgotten"
        );
        let server = start(&cut).await;
        let report = audited(&server).await;
        assert!(report.is_clean(), "{:?}", report.problems);
        server.shutdown().await;
        std::fs::remove_dir_all(cut).unwrap();
    }
    tried(&format!(
        "power cut at {} of {ENTRIES} acknowledgements (those between have the same on the disk), {} syncs held up by {} ms: fsck, \
         restart and audit after each, none missing, no signed head forgotten",
        cuts.len(),
        trace.syncs,
        HELD_UP / 1000
    ));
}
