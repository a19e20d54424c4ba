//! A service in a process of its own that is this test binary itself, for tests that kill it at any moment.

use rand::{SeedableRng, rngs::StdRng};
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child as Process, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

const DIRECTORY: &str = "MEDPROOF_CRASH_DIRECTORY";
/// What a child that does not start says before the reason.
pub(crate) const REFUSED: &str = "does not start: ";
/// Longest wait for anything that a child does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The child's side: its folder, or none where the harness runs the child's test by itself. The process ends with its
/// parent from now on, whose end of the pipe is closed then.
pub(crate) fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os(DIRECTORY)?;
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut vec![]);
        std::process::exit(0);
    });
    Some(directory.into())
}

/// How often a test kills: `MEDPROOF_KILLS`, or so often.
pub(crate) fn kills(usual: u64) -> u64 {
    std::env::var("MEDPROOF_KILLS").map_or(usual, |number| number.parse().unwrap())
}

/// Moments to kill at, and the seed that they follow from: `MEDPROOF_SEED`, or 1. It is printed, for a failure to be sought
/// again.
pub(crate) fn moments() -> (u64, StdRng) {
    let seed = std::env::var("MEDPROOF_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("\nMEDPROOF_SEED={seed}");
    (seed, StdRng::seed_from_u64(seed))
}

/// Waits until what is looked at was seen to change so many times, or there is nothing more to wait for.
pub(crate) fn wait_for_changes<T: PartialEq>(times: u32, look: impl Fn() -> T, done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    let (mut last, mut changes) = (look(), 0);
    while changes < times && !done() {
        assert!(Instant::now() < until, "nothing happens");
        thread::sleep(Duration::from_micros(100));
        let now = look();
        changes += u32::from(now != last);
        last = now;
    }
}

/// The parent's side. What is running is killed when this is dropped.
pub(crate) struct Child {
    process: Process,
    lines: Receiver<String>,
}

impl Child {
    /// Runs the test of this name in a process of its own, on a folder.
    pub(crate) fn start(test: &str, directory: &Path, variables: &[(&str, String)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(DIRECTORY, directory)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// What follows `word` on a line that begins with it, if the child says it within this time.
    pub(crate) fn hear(&self, word: &str, patience: Duration) -> Option<String> {
        loop {
            match self.lines.recv_timeout(patience) {
                Ok(line) if line.starts_with(REFUSED) => panic!("the child {line}"),
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(word) {
                        return Some(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the child has ended by itself"),
            }
        }
    }

    /// Kills it, which must be running.
    pub(crate) fn kill(mut self) {
        let ended = self.process.try_wait().unwrap();
        assert_eq!(ended, None, "{:?}", self.lines.try_iter().collect::<Vec<_>>());
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
