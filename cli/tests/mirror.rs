//! A ledger, its mirror and the promotion of the mirror, each by the command of its operator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ed25519_dalek::SigningKey;
use medproof_cli::{journey::party::Party, secret};
use medproof_verifier::{Entry, Name, entry::Genesis};
use rand::rngs::OsRng;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

const PASSPHRASE: &str = "correct horse battery";

/// A folder in which the commands run.
struct Desk(tempfile::TempDir);

/// A service in a process of its own, and what it printed first.
struct Service {
    child: Child,
    said: Value,
}

fn party(folder: &Path, name: &str) -> SigningKey {
    let party = Party::generate(name.parse::<Name>().unwrap(), &mut OsRng);
    let passphrase = age::secrecy::SecretString::from(PASSPHRASE.to_owned());
    secret::write(&folder.join(format!("{name}.age")), &party, passphrase).unwrap();
    SigningKey::from_bytes(&party.posting().to_bytes())
}

impl Desk {
    /// With a genesis, and the keys of log, governance and mirror.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [log, governance, _] = ["log", "governance", "mirror"].map(|name| party(folder.path(), name));
        let genesis = Genesis {
            nonce: [7; 32],
            origin: "ledger.example/test".into(),
            log_key: log.verifying_key(),
            development: true,
            time: 1_772_445_600,
            reenrol_delay: 86_400,
            threshold: 1,
            governance: vec![governance.verifying_key()],
            pinned: vec![],
        };
        let bytes = Entry::Genesis(genesis).to_bytes();
        std::fs::write(folder.path().join("genesis.bin"), bytes).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medproof"));
        command
            .arg("--json")
            .args(line.split(' '))
            .current_dir(self.0.path())
            .env("MEDPROOF_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a command that succeeds.
    fn ok(&self, line: &str) -> Value {
        let output = self.run(line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that fails; its exit code and message.
    fn fails(&self, line: &str) -> (i32, String) {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    }

    fn serve(&self, line: &str) -> Service {
        let mut child = self.command(line).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        let said = serde_json::from_str(&first).unwrap();
        Service { child, said }
    }

    fn register(&self, ledger: &Service, index: u32) {
        let (url, id) = (ledger.text("url"), ledger.text("ledger_id"));
        self.ok(&format!(
            "ledger register --ledger {url} --ledger-id {id} --governance governance.age --party party.json \
             --role pharmacy --scope us-ma --index {index} --from 2026-01-01"
        ));
    }
}

impl Service {
    fn text(&self, member: &str) -> &str {
        self.said[member]
            .as_str()
            .unwrap_or_else(|| panic!("{}", self.said))
    }

    /// What it shows at `/checkpoint`.
    fn checkpoint(&self) -> Vec<u8> {
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
    fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn a_mirror_follows_is_promoted_and_goes_on() {
    let desk = Desk::new();
    let public = desk.ok("issuer show mirror.age");
    std::fs::write(desk.path("party.json"), public.to_string()).unwrap();
    let free = "--listen 127.0.0.1:0 --http 127.0.0.1:0";
    let primary = desk.serve(&format!(
        "serve ledger --directory ledger --genesis genesis.bin --log-key log.age {free}"
    ));
    desk.register(&primary, 0);
    let (http, key) = (primary.text("http"), primary.text("ledger_key"));
    let follow = format!(
        "serve ledger --directory mirror --genesis genesis.bin --mirror {http} --primary-key {key} --mirror-key mirror.age \
         --mirror-name mirror.example/m1 {free}"
    );
    let mirror = desk.serve(&follow);
    assert_eq!(
        (mirror.text("service"), mirror.text("mirror_of")),
        ("mirror", http)
    );
    assert_eq!(mirror.text("ledger_id"), primary.text("ledger_id"));
    let status = |url: &str| desk.ok(&format!("ledger status --ledger {url}"));
    let ends = |url: &str| status(url)["checkpoint"].clone();
    assert_eq!(ends(mirror.text("url")), ends(primary.text("url")));
    // The last checkpoint, with the mirror's cosignature.
    let witness = mirror.text("witness_key").to_owned();
    let mut note = mirror.checkpoint();
    for _ in 0..100 {
        if note.windows(17).any(|w| w == b"mirror.example/m1") {
            break;
        }
        thread::sleep(Duration::from_millis(50));
        note = mirror.checkpoint();
    }
    std::fs::write(desk.path("latest"), note).unwrap();
    let promote = format!(
        "ledger promote mirror --checkpoint latest --log-key log.age --ledger-key {key} --witness {witness}"
    );
    let (exit, error) = desk.fails(&promote);
    assert!(exit == 69 && error.contains("is in use"), "{exit} {error}");
    mirror.end();
    let last = ends(primary.text("url"));
    let again = format!("serve ledger --directory mirror --log-key log.age {free}");
    let (exit, error) = desk.fails(&again);
    assert!(exit == 69 && error.contains("ledger promote"), "{exit} {error}");

    // What it has halted on stays until somebody has looked.
    std::fs::write(desk.path("mirror/halted"), "entry 7: a lie\nprimary p\n").unwrap();
    let (exit, error) = desk.fails(&follow);
    assert!(exit == 1 && error.contains("entry 7: a lie"), "{exit} {error}");
    std::fs::remove_file(desk.path("mirror/halted")).unwrap();

    primary.end();
    let checked = desk.ok("ledger fsck mirror");
    assert_eq!(
        (&checked["clean"], &checked["mirror"]),
        (&Value::from(true), &Value::from(true))
    );
    let promoted = desk.ok(&promote);
    assert_eq!(
        (&promoted["entries"], &promoted["root"]),
        (&last["size"], &last["root"])
    );
    let (exit, error) = desk.fails(&promote);
    assert!(
        exit == 65 && error.contains("no mirror's directory"),
        "{exit} {error}"
    );
    let ledger = desk.serve(&again);
    assert_eq!(ends(ledger.text("url")), last);
    desk.register(&ledger, 1);
    ledger.end();
}
