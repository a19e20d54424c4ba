//! A folder in which commands run, and the services that some of them are.

use ed25519_dalek::SigningKey;
use medproof_cli::{journey::party::Party, secret};
use medproof_verifier::{Entry, LogKey, Name, entry::Genesis};
use rand::rngs::OsRng;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

const PASSPHRASE: &str = "correct horse battery";
const ORIGIN: &str = "ledger.example/test";

/// The key of another log of the same name.
pub(super) fn strangers_key() -> LogKey {
    LogKey::new(ORIGIN, SigningKey::from_bytes(&[9; 32]).verifying_key()).unwrap()
}

/// A folder in which the commands run.
pub(super) struct Desk {
    folder: tempfile::TempDir,
    /// The ledger's public key.
    pub(super) log_key: LogKey,
}

/// A service in a process of its own, and what it printed first.
pub(super) struct Service {
    pub(super) child: Child,
    pub(super) said: Value,
}

fn party(folder: &Path, name: &str) -> SigningKey {
    let party = Party::generate(name.parse::<Name>().unwrap(), &mut OsRng);
    let passphrase = age::secrecy::SecretString::from(PASSPHRASE.to_owned());
    secret::write(&folder.join(format!("{name}.age")), &party, passphrase).unwrap();
    SigningKey::from_bytes(&party.posting().to_bytes())
}

/// A file of the test data.
pub(super) fn data(path: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../tests/data")
        .join(path)
}

/// That of a development ledger.
pub(super) fn genesis(log: &SigningKey, governance: &SigningKey) -> Genesis {
    Genesis {
        nonce: [7; 32],
        origin: ORIGIN.into(),
        log_key: log.verifying_key(),
        development: true,
        time: 1_772_445_600,
        reenrol_delay: 86_400,
        threshold: 1,
        governance: vec![governance.verifying_key()],
        pinned: vec![],
    }
}

impl Desk {
    /// With a genesis, the keys of log, governance and mirror, and what the mirror's shows of itself as a party.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [log, governance, _] = ["log", "governance", "mirror"].map(|name| party(folder.path(), name));
        let bytes = Entry::Genesis(genesis(&log, &governance)).to_bytes();
        std::fs::write(folder.path().join("genesis.bin"), bytes).unwrap();
        let log_key = LogKey::new(ORIGIN, log.verifying_key()).unwrap();
        let desk = Self { folder, log_key };
        let public = desk.ok("issuer show mirror.age");
        std::fs::write(desk.path("party.json"), public.to_string()).unwrap();
        desk
    }

    /// Makes another party's secret file.
    pub(super) fn party(&self, name: &str) {
        party(self.folder.path(), name);
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, line: &str) -> Command {
        self.prepare(Command::new(env!("CARGO_BIN_EXE_medproof")), line)
    }

    /// The same where a write to a file may fail without a signal that would end the process at once.
    pub(super) fn command_without_signal(&self, line: &str) -> Command {
        let mut shell = Command::new("bash");
        let program = env!("CARGO_BIN_EXE_medproof");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", program]);
        self.prepare(shell, line)
    }

    fn prepare(&self, mut command: Command, line: &str) -> Command {
        command.arg("--json");
        self.within(command, line)
    }

    fn within(&self, mut command: Command, line: &str) -> Command {
        command
            .args(line.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.folder.path())
            .env("MEDPROOF_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a command that succeeds.
    pub(super) fn ok(&self, line: &str) -> Value {
        let output = self.run(line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that succeeds says without `--json`.
    pub(super) fn text(&self, line: &str) -> String {
        let command = Command::new(env!("CARGO_BIN_EXE_medproof"));
        let output = self.within(command, line).output().unwrap();
        assert!(output.status.success(), "{line}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that fails; its exit code and message.
    pub(super) fn fails(&self, line: &str) -> (i32, String) {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    }

    pub(super) fn serve(&self, line: &str) -> Service {
        Service::spawn(&mut self.command(line))
    }

    pub(super) fn register(&self, ledger: &Service, index: u32) {
        self.ok(&registration(ledger, index));
    }
}

/// The command that registers a party.
pub(super) fn registration(ledger: &Service, index: u32) -> String {
    let (url, id) = (ledger.text("url"), ledger.text("ledger_id"));
    format!(
        "ledger register --ledger {url} --ledger-id {id} --governance governance.age --party party.json \
         --role pharmacy --scope us-ma --index {index} --from 2026-01-01"
    )
}

impl Service {
    /// Starts it, and waits for what it prints first.
    pub(super) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        let said = serde_json::from_str(&first).unwrap();
        Self { child, said }
    }

    pub(super) fn text(&self, member: &str) -> &str {
        self.said[member]
            .as_str()
            .unwrap_or_else(|| panic!("{}", self.said))
    }

    /// What it shows at `/checkpoint`.
    pub(super) fn checkpoint(&self) -> Vec<u8> {
        let address = self.text("http").strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = "GET /checkpoint HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        answer.split_off(head)
    }

    /// Interrupts it, as from a terminal.
    pub(super) fn end(self) {
        self.end_by("-INT");
    }

    /// Ends it by a signal on which it finishes what it has in hand.
    pub(super) fn end_by(mut self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    /// Leaves nothing running where a test has failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
