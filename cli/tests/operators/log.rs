//! What services write to their logs.

use super::desk::{Desk, Service, registration};
use ed25519_dalek::SigningKey;
use medproof_verifier::cosignature::Cosigner;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

#[test]
fn a_witness_that_cannot_be_reached_is_in_the_ledgers_log() {
    let desk = Desk::new();
    let witness = Cosigner::new("witness.example/w1", SigningKey::from_bytes(&[8; 32])).unwrap();
    let witness = witness.witness_key();
    let mut command = desk.command(&format!(
        "serve ledger --directory ledger --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 \
         --witness {witness}=http://127.0.0.1:1"
    ));
    let mut ledger = Service::spawn(command.stderr(Stdio::piped()));
    let log = BufReader::new(ledger.child.stderr.take().unwrap());
    let mut lines = log.lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("no cosignature")).unwrap();
    for part in [
        " WARN medproof_ledger::cosigning: ",
        "cannot connect",
        "witness=\"witness.example/w1\"",
    ] {
        assert!(line.contains(part), "{line}");
    }
    ledger.end();
}

/// No file may grow any more: as on a full disk, the next write of the store fails.
#[test]
fn l02_a_ledger_whose_write_fails_ends_with_69_and_says_why() {
    let desk = Desk::new();
    let line = "serve ledger --directory ledger --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0";
    let mut command = desk.command_without_signal(line);
    let mut ledger = Service::spawn(command.stderr(Stdio::piped()));
    desk.register(&ledger, 0);
    let pid = ledger.child.id().to_string();
    let limited = Command::new("prlimit")
        .args(["--fsize=1:1", "--pid", &pid])
        .status();
    assert!(limited.unwrap().success(), "prlimit (util-linux) sets the limit");
    let (exit, error) = desk.fails(&registration(&ledger, 1));
    assert!(
        exit == 69 && error.contains("stopped acknowledging"),
        "{exit} {error}"
    );
    let mut log = String::new();
    let mut errors = ledger.child.stderr.take().unwrap();
    errors.read_to_string(&mut log).unwrap();
    assert_eq!(ledger.child.wait().unwrap().code(), Some(69), "{log}");
    let stops = log
        .lines()
        .find(|line| line.contains("the ledger stops acknowledging"));
    let stops = stops.unwrap();
    assert!(
        stops.contains(" ERROR ") && stops.contains("File too large"),
        "{log}"
    );
    assert!(
        log.contains("find the disk's fault, then start it again"),
        "{log}"
    );

    // With room again it has what it acknowledged, and takes what it did not.
    assert_eq!(desk.ok("ledger fsck ledger")["clean"], true);
    let ledger = desk.serve(line);
    desk.register(&ledger, 1);
    ledger.end();
}
