//! Receipts as `ledger receipt` writes them, checked by a program that was written from the C2SP texts alone.

use super::desk::{Desk, strangers_key};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Runs `tests/c2sp/verify.mjs` and gives what it prints, or why it refuses.
fn verify(file: &Path, keys: &str) -> Result<Value, String> {
    let script =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../tests/c2sp/verify.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(file)
        .args(keys.split(' '))
        .output()
        .expect("node runs: ./.ci/circom installs it (make test does)");
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        Some(1) => Err(String::from_utf8(output.stderr).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// The parts of a receipt file, as bytes.
#[derive(Clone)]
struct Parts {
    entry: Vec<u8>,
    receipt: Vec<u8>,
}

impl Parts {
    fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let bytes = |member: &str| STANDARD.decode(document[member].as_str().unwrap()).unwrap();
        Self {
            entry: bytes("entry"),
            receipt: bytes("receipt"),
        }
    }

    fn write(&self, file: &Path) {
        let (entry, receipt) = (STANDARD.encode(&self.entry), STANDARD.encode(&self.receipt));
        let document = json!({ "schema": "medproof/receipt/1", "entry": entry, "receipt": receipt });
        std::fs::write(file, document.to_string()).unwrap();
    }

    /// Where a text stands in the receipt.
    fn at(&self, text: &str) -> usize {
        let found = self
            .receipt
            .windows(text.len())
            .position(|w| w == text.as_bytes());
        found.unwrap_or_else(|| panic!("no {text}"))
    }
}

#[test]
fn a_stranger_verifies_receipts_of_a_running_ledger() {
    let desk = Desk::new();
    let log = desk.log_key.to_string();
    let witnesses: Vec<_> = ["w1", "w2"]
        .iter()
        .map(|name| {
            desk.party(name);
            desk.serve(&format!(
                "ledger witness --directory {name} --key {name}.age --name witness.example/{name} --log {log} \
                 --listen 127.0.0.1:0 --begin ledger.example/test"
            ))
        })
        .collect();
    let keys: Vec<_> = witnesses
        .iter()
        .map(|w| w.text("witness_key").to_owned())
        .collect();
    let asked: Vec<_> = witnesses
        .iter()
        .map(|w| format!("--witness {}={}", w.text("witness_key"), w.text("url")))
        .collect();
    let ledger = desk.serve(&format!(
        "serve ledger --directory ledger --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0 --quorum 2 {}",
        asked.join(" ")
    ));
    desk.register(&ledger, 0);
    desk.register(&ledger, 1);
    let receipt = |index: u64, cosignatures: u32| -> PathBuf {
        let (url, name) = (ledger.text("url"), format!("{index}-{cosignatures}.receipt"));
        desk.ok(&format!(
            "ledger receipt --ledger {url} {index} --cosignatures {cosignatures} --out {name}"
        ));
        desk.path(&name)
    };
    let both = format!("--witness {} --witness {}", keys[0], keys[1]);

    // Every entry, its acknowledgement's checkpoint and a cosigned one.
    for index in 0..6 {
        let told = verify(&receipt(index, 0), &log).unwrap();
        let sealed = (index / 2 + 1) * 2;
        assert_eq!((&told["index"], &told["size"]), (&json!(index), &json!(sealed)));
        let told = verify(&receipt(index, 2), &format!("{log} {both}")).unwrap();
        assert_eq!((&told["index"], &told["quorum"]), (&json!(index), &json!(2)));
        let names: Vec<_> = told["cosignatures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["name"])
            .collect();
        assert_eq!(names, ["witness.example/w1", "witness.example/w2"]);
    }
    let (plain, cosigned) = (desk.path("3-0.receipt"), desk.path("3-2.receipt"));
    assert!(verify(&cosigned, &format!("{log} --witness {}", keys[1])).is_ok());
    assert!(verify(&plain, &format!("{log} {both} --quorum 0")).is_ok());

    // Too few cosignatures, and other keys.
    let refused = [
        (&plain, format!("{log} {both}"), "0 of the 2 witnesses"),
        (&plain, format!("{log} {both} --quorum 1"), "0 of the 2 witnesses"),
        (
            &cosigned,
            format!("{log} {both} --quorum 3"),
            "cannot come from 2",
        ),
        (
            &cosigned,
            format!("{log} --witness {0} --witness {0}", keys[0]),
            "are the same",
        ),
        (&cosigned, format!("{} {both}", strangers_key()), "has not signed"),
        (&cosigned, format!("{} {both}", keys[0]), "not a key of type 1"),
        (&cosigned, format!("{log} --witness {log}"), "not a key of type 4"),
    ];
    for (file, keys, why) in refused {
        let error = verify(file, &keys).unwrap_err();
        assert!(
            error.starts_with("refused: ") && error.contains(why),
            "{keys}: {error}"
        );
    }
    flipped(&cosigned, &format!("{log} {both}"), &desk);
    ledger.end();
    for witness in witnesses {
        witness.end();
    }
}

/// One flipped bit in each part of a receipt is found, by the program and by `verify receipt`.
fn flipped(cosigned: &Path, keys: &str, desk: &Desk) {
    let good = Parts::read(cosigned);
    let file = desk.path("changed.receipt");
    let ours = format!("verify receipt changed.receipt --ledger-key {}", keys);
    good.write(&file);
    assert!(verify(&file, keys).is_ok() && desk.run(&ours).status.success());
    let hashes = usize::from(good.receipt[9]);
    assert!(hashes > 1, "the tree has several levels");
    let text = good.at("ledger.example/test\n");
    let log = good.at("\u{2014} ledger.example/test ") + "\u{2014} ledger.example/test ".len();
    let w1 = good.at("witness.example/w1 ") + "witness.example/w1 ".len();
    let w2 = good.at("witness.example/w2 ") + "witness.example/w2 ".len();
    // The key's id takes the first six characters of a signature; the time is in the next eleven of a cosignature.
    let places = [
        0,
        1,
        8,
        9,
        10,
        10 + 32 * hashes - 1,
        text - 2,
        text - 1,
        text,
        text + "ledger.example/test\n".len(),
        text + "ledger.example/test\n6\n".len(),
        log - 2,
        log,
        log + 20,
        w1,
        w1 + 8,
        w1 + 40,
        w2 + 40,
        good.receipt.len() - 1,
    ];
    for place in places {
        let mut changed = good.clone();
        changed.receipt[place] ^= 1;
        changed.write(&file);
        let error = verify(&file, keys).expect_err(&format!("a flipped bit at {place} is not found"));
        assert!(error.starts_with("refused: "), "{place}: {error}");
        assert!(!desk.run(&ours).status.success(), "{place}");
    }
    for place in [0, good.entry.len() / 2, good.entry.len() - 1] {
        let mut changed = good.clone();
        changed.entry[place] ^= 1;
        changed.write(&file);
        let error =
            verify(&file, keys).expect_err(&format!("a flipped bit at {place} of the entry is not found"));
        assert!(error.contains("inclusion proof"), "{place}: {error}");
    }
}

/// Both programs have the same opinion of the receipts that the transcript tries, most of them wrong.
#[test]
fn a_stranger_refuses_what_verify_receipt_refuses() {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/cli/receipt.in");
    let trust = std::fs::read_to_string(folder.join("two.toml")).unwrap();
    let quoted: Vec<_> = trust.split('"').skip(1).step_by(2).collect();
    let (log, witnesses) = quoted.split_first().unwrap();
    let keys = format!("{log} --witness {} --quorum 2", witnesses.join(" --witness "));
    let (mut held, mut refused) = (0, 0);
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "receipt") {
            continue;
        }
        let ours = Command::new(env!("CARGO_BIN_EXE_medproof"))
            .args(["verify", "receipt", file.to_str().unwrap(), "--trust"])
            .arg(folder.join("two.toml"))
            .output()
            .unwrap();
        let theirs = verify(&file, &keys);
        assert_eq!(
            theirs.is_ok(),
            ours.status.success(),
            "{}: {theirs:?}",
            file.display()
        );
        match theirs {
            Ok(_) => held += 1,
            Err(_) => refused += 1,
        }
    }
    assert_eq!((held, refused), (1, 11));
}
