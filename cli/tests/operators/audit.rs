//! `medproof audit` of a running ledger: what the auditor knows beforehand, and how it ends.

use super::desk::{Desk, Service, strangers_key};
use serde_json::json;

#[test]
fn an_auditor_needs_the_address_of_the_tiles_and_the_ledgers_key() {
    let desk = Desk::new();
    let serve = |directory: &str| {
        desk.serve(&format!(
            "serve ledger --directory {directory} --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 \
             --http 127.0.0.1:0"
        ))
    };
    let ledger = serve("ledger");
    desk.register(&ledger, 0);
    std::fs::write(desk.path("before"), ledger.checkpoint()).unwrap();
    desk.register(&ledger, 1);
    let (http, key, id) = (
        ledger.text("http"),
        ledger.text("ledger_key"),
        ledger.text("ledger_id"),
    );
    let audit = format!("audit --http {http} --ledger-key {key}");
    let report = desk.ok(&format!("{audit} --checkpoint before --ledger-id {id}"));
    assert_eq!(report["clean"], json!(true));
    assert_eq!(
        (&report["entries"], &report["contained"]),
        (&json!(6), &json!([4]))
    );
    assert_eq!(
        (&report["kinds"]["registry"], &report["kinds"]["seal"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(report["ledger_id"], json!(id));
    let status = desk.ok(&format!("ledger status --ledger {}", ledger.text("url")));
    assert_eq!(report["checkpoint"], status["checkpoint"]);

    // Not the log, or not with the key given: nothing is said of the ledger.
    let grpc = ledger.text("url");
    let (exit, error) = desk.fails(&format!("audit --http {grpc} --ledger-key {key}"));
    assert!(
        exit == 69 && error.contains("`serve ledger --http`"),
        "{exit} {error}"
    );
    let other = strangers_key();
    let (exit, error) = desk.fails(&format!("audit --http {http} --ledger-key {other}"));
    assert!(
        exit == 69 && error.contains("not signed by the log's key"),
        "{exit} {error}"
    );
    // Not what the auditor asks of it.
    let (exit, error) = desk.fails(&format!("{audit} --ledger-id {}", "07".repeat(32)));
    assert!(exit == 1 && error.contains("ledger id given"), "{exit} {error}");
    desk.party("w1");
    let witness = "ledger witness --directory w1 --key w1.age --name witness.example/w1 --listen 127.0.0.1:0 --begin ledger.example/test --log";
    let witness = desk.serve(&format!("{witness} {key}"));
    let (exit, error) = desk.fails(&format!("{audit} --witness {}", witness.text("witness_key")));
    assert!(
        exit == 69 && error.contains("0 of the 1 witnesses") && error.contains("at another address"),
        "{exit} {error}"
    );
    witness.end();

    // A second history under the same key: each is clean, and together they are a fork.
    let fork = serve("fork");
    desk.register(&fork, 5);
    std::fs::write(desk.path("forked"), fork.checkpoint()).unwrap();
    let (http, note) = (fork.text("http"), String::from_utf8(fork.checkpoint()).unwrap());
    assert_eq!(
        desk.ok(&format!("audit --http {http} --ledger-key {key}"))["clean"],
        json!(true)
    );
    let (exit, error) = desk.fails(&format!("{audit} --checkpoint before --checkpoint forked"));
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    let said = error["error"]["message"].as_str().unwrap();
    let both = [note, String::from_utf8(ledger.checkpoint()).unwrap()];
    assert!(
        exit == 1 && said.contains("the ledger has forked"),
        "{exit} {said}"
    );
    assert!(both.iter().all(|note| said.contains(note)), "{said}");
    std::fs::write(desk.path("no-note"), "nothing\n").unwrap();
    let (exit, error) = desk.fails(&format!("{audit} --checkpoint no-note"));
    assert!(exit == 65 && error.contains("`no-note`"), "{exit} {error}");
    fork.end();
    ledger.end();
}

#[test]
fn an_audit_keeps_what_the_next_one_is_held_to() {
    let desk = Desk::new();
    let serve = |directory: &str| {
        desk.serve(&format!(
            "serve ledger --directory {directory} --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 \
             --http 127.0.0.1:0"
        ))
    };
    let kept = || std::fs::read(desk.path("kept.note")).ok();
    let audit = |service: &Service, options: &str| {
        let (http, key) = (service.text("http"), service.text("ledger_key"));
        format!("audit --http {http} --ledger-key {key} {options}")
    };
    let ledger = serve("ledger");
    desk.register(&ledger, 0);
    // Nothing is there yet: held to nobody, which is said, and kept for the next time.
    let first = desk.ok(&audit(&ledger, "--keep kept.note"));
    assert_eq!(first["held_to"], json!({ "witnesses": 0, "checkpoints": [] }));
    assert_eq!(kept(), Some(ledger.checkpoint()));
    let alone = desk.text(&audit(&ledger, ""));
    assert!(
        alone.contains("shown to this auditor alone would pass"),
        "{alone}"
    );
    // The log has grown.
    desk.register(&ledger, 1);
    let again = desk.ok(&audit(&ledger, "--keep kept.note"));
    assert_eq!(again["held_to"], json!({ "witnesses": 0, "checkpoints": [4] }));
    assert_eq!(kept(), Some(ledger.checkpoint()));
    let held = desk.text(&audit(&ledger, "--keep kept.note"));
    assert!(
        held.contains("root and seal holds") && !held.contains("auditor alone"),
        "{held}"
    );

    // A second history, one that ends before, and an audit that fails leave it as it is.
    let before = kept();
    let fork = serve("fork");
    desk.register(&fork, 5);
    let (exit, error) = desk.fails(&audit(&fork, "--keep kept.note"));
    assert!(
        exit == 69 && error.contains("the log ends before"),
        "{exit} {error}"
    );
    desk.register(&fork, 6);
    let (exit, error) = desk.fails(&audit(&fork, "--keep kept.note"));
    assert!(
        exit == 1 && error.contains("the ledger has forked"),
        "{exit} {error}"
    );
    let (exit, error) = desk.fails(&audit(
        &ledger,
        &format!("--keep kept.note --ledger-id {}", "07".repeat(32)),
    ));
    assert!(exit == 1 && error.contains("ledger id given"), "{exit} {error}");
    assert_eq!(kept(), before);
    fork.end();
    // What is not this log's is refused before anything is read: nothing answers any more.
    let nobody = audit(&ledger, "--keep");
    ledger.end();
    std::fs::write(desk.path("other.note"), "nothing\n").unwrap();
    let (exit, error) = desk.fails(&format!("{nobody} other.note"));
    assert!(
        exit == 65 && error.contains("`other.note`") && error.contains("another file"),
        "{exit} {error}"
    );
    assert_eq!(std::fs::read(desk.path("other.note")).unwrap(), b"nothing\n");
    let (exit, error) = desk.fails(&format!("{nobody} nowhere/kept.note"));
    assert!(
        exit == 73 && error.contains("make its folder first"),
        "{exit} {error}"
    );
}
