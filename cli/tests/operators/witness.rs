//! `medproof ledger witness`: how it begins, and what it does to a ledger with another history.

use super::desk::Desk;

#[test]
fn a_witness_begins_when_it_is_told_to_and_stops_a_second_history() {
    let desk = Desk::new();
    desk.party("w1");
    let log = desk.log_key.to_string();
    let witness = format!(
        "ledger witness --directory w1 --key w1.age --name witness.example/w1 --log {log} --listen 127.0.0.1:0"
    );
    // A folder that remembers nothing may be one that was lost.
    let (exit, error) = desk.fails(&witness);
    assert!(exit == 64 && error.contains("--begin"), "{exit} {error}");
    let (exit, error) = desk.fails(&format!("{witness} --begin other.example/log"));
    assert!(
        exit == 64 && error.contains("remembers nothing of ledger.example/test"),
        "{exit} {error}"
    );
    let begin = format!("{witness} --begin ledger.example/test");
    let running = desk.serve(&begin);
    let asked = format!(
        "--witness {}={}",
        running.text("witness_key"),
        running.text("url")
    );
    let serve = |directory: &str| {
        format!(
            "serve ledger --directory {directory} --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 {asked}"
        )
    };
    let ledger = desk.serve(&serve("ledger"));
    desk.register(&ledger, 0);
    let url = ledger.text("url");
    desk.ok(&format!(
        "ledger receipt --ledger {url} 2 --cosignatures 1 --out cosigned"
    ));
    running.end();
    // It remembers the log now, and says so rather than begin anew one day.
    let (exit, error) = desk.fails(&begin);
    assert!(
        exit == 64 && error.contains("not a log that is new"),
        "{exit} {error}"
    );
    let running = desk.serve(&witness);
    // As a service manager ends it.
    ledger.end_by("-TERM");

    // The same genesis and key, and another history.
    let asked = format!(
        "--witness {}={}",
        running.text("witness_key"),
        running.text("url")
    );
    let fork = format!(
        "serve ledger --directory fork --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 {asked}"
    );
    let (exit, error) = desk.fails(&fork);
    assert!(exit == 1 && error.contains("1 of 1 witnesses"), "{exit} {error}");
    running.end();
    let (exit, error) = desk.fails(&fork);
    assert!(
        exit == 1 && error.contains("an earlier run has halted") && error.contains("fork/halted"),
        "{exit} {error}"
    );
}
