//! A ledger, its mirror and the promotion of the mirror.

use super::desk::Desk;
use serde_json::Value;
use std::{thread, time::Duration};

#[test]
fn a_mirror_follows_is_promoted_and_goes_on() {
    let desk = Desk::new();
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
    // Its tiles are the log as well, and whoever audits them may count on its cosignature.
    let tiles = mirror.text("http");
    let audited = desk.ok(&format!(
        "audit --http {tiles} --ledger-key {key} --witness {witness} --checkpoint latest"
    ));
    assert_eq!(audited["cosignatures"][0]["witness"], "mirror.example/m1");
    assert_eq!(
        (&audited["clean"], &audited["problem_count"]),
        (&Value::from(true), &Value::from(0))
    );
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
    // Without what it has cosigned, only if the operator says so.
    std::fs::rename(desk.path("mirror/witness"), desk.path("aside")).unwrap();
    let (exit, error) = desk.fails(&promote);
    assert!(exit == 65 && error.contains("--without-memory"), "{exit} {error}");
    let _ = std::fs::remove_dir_all(desk.path("mirror/witness"));
    std::fs::rename(desk.path("aside"), desk.path("mirror/witness")).unwrap();
    let promoted = desk.ok(&promote);
    assert!(promoted["cosigned"].is_u64(), "{promoted}");
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
