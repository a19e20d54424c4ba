//! Restoring a backup to go on: what is asked of the checkpoint that is said to be the last.

use super::desk::{Desk, strangers_key};
use serde_json::{Value, json};

#[test]
fn a_restored_ledger_is_held_to_what_others_know() {
    let desk = Desk::new();
    let ledger = desk.serve(
        "serve ledger --directory ledger --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 --http 127.0.0.1:0",
    );
    desk.register(&ledger, 0);
    desk.ok("ledger backup ledger copy");
    desk.register(&ledger, 2);
    std::fs::write(desk.path("latest"), ledger.checkpoint()).unwrap();
    let key = ledger.text("ledger_key").to_owned();
    ledger.end();

    // Somebody has a later one.
    let (exit, error) = desk.fails("ledger restore copy refused --checkpoint latest");
    assert!(exit == 65 && error.contains("second history"), "{exit} {error}");
    // The old one is signed by the same key: only cosignatures tell them apart.
    desk.party("w1");
    let witness = desk.serve(&format!(
        "ledger witness --directory w1 --key w1.age --name witness.example/w1 --listen 127.0.0.1:0 --begin ledger.example/test --log {key}"
    ));
    let asked = format!("--witness {}", witness.text("witness_key"));
    let restore = "ledger restore copy refused --checkpoint copy/checkpoint";
    let (exit, error) = desk.fails(&format!("{restore} --ledger-key {key} {asked}"));
    assert!(
        exit == 65 && error.contains("0 of the 1 witnesses"),
        "{exit} {error}"
    );
    witness.end();
    let (exit, error) = desk.fails(&format!("{restore} --ledger-key {}", strangers_key()));
    assert!(
        exit == 65 && error.contains("not that of this backup's log"),
        "{exit} {error}"
    );
    let (exit, error) = desk.fails(&format!("{restore} {asked}"));
    assert!(exit == 64 && error.contains("--ledger-key"), "{exit} {error}");
    let (exit, error) = desk.fails(&format!("ledger restore copy refused --ledger-key {key}"));
    assert!(
        exit == 64 && error.contains("give --checkpoint"),
        "{exit} {error}"
    );
    assert!(!desk.path("refused").exists());

    // On the operator's word alone, which is said.
    let output = desk.run("ledger restore copy own --checkpoint copy/checkpoint");
    let (said, warned): (Value, Value) = (
        serde_json::from_slice(&output.stdout).unwrap(),
        serde_json::from_slice(&output.stderr).unwrap(),
    );
    assert_eq!(said["signs"], json!(true));
    assert!(
        warned["warning"].as_str().unwrap().contains("can show a fork"),
        "{warned}"
    );
    // From one for reading nothing is signed.
    let output = desk.run("ledger restore copy reading");
    assert!(output.status.success() && output.stderr.is_empty());
}
