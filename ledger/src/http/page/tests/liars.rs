//! Ledgers that lie to the page, which must show it.

use super::{
    browser::{READY, pictures, state, visit},
    hex,
    webdriver::Browser,
    world::{World, liar},
};
use crate::testing::{Governance, HOUR, START, fr};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{field::fr_to_be_bytes, inclusion::leaf_hash};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Where an entry stands in the bundle that it is in.
fn offset(log: &[Vec<u8>], index: usize) -> usize {
    let first = index / 256 * 256;
    log[first..index]
        .iter()
        .map(|entry| 2 + entry.len())
        .sum::<usize>()
        + 2
}

/// Changes a character of the signature line with this name.
fn break_line(note: &mut [u8], name: &str) {
    let start = format!("\u{2014} {name} ").into_bytes();
    let at = note.windows(start.len()).position(|w| w == start).unwrap() + start.len() + 40;
    note[at] = if note[at] == b'A' { b'B' } else { b'A' };
}

type Lie = Arc<dyn Fn(&str, &mut Vec<u8>) + Send + Sync>;
type Change = Box<dyn Fn(&mut Vec<u8>) + Send + Sync>;

/// What a liar changes, where the browser looks, and what it must show: whether all is well, whether the entry
/// is, and words about it.
fn lies(log: &[Vec<u8>]) -> Vec<(Lie, String, [&'static str; 2], &'static str)> {
    let entry = offset(log, 262) + 20;
    let on = |start: &'static str, change: Change| -> Lie {
        Arc::new(move |path, body| {
            if path.starts_with(start) {
                change(body);
            }
        })
    };
    let other = hex(&leaf_hash(&log[9]));
    let spent = hex(&fr_to_be_bytes(&fr(60_001)));
    let answer = json!({ "size": log.len(), "leaf": 8, "field": true, "spent": [] }).to_string();
    let spender = json!({ "kind": "trial", "index": 8, "burned": false });
    let spends = json!({ "size": log.len(), "leaf": null, "field": true, "spent": [spender] }).to_string();
    let leaf = "#leaf=262".to_owned();
    vec![
        (
            on("/tile/entries/001", Box::new(move |body| body[entry] ^= 1)),
            leaf.clone(),
            ["good", "bad"],
            "NOT VERIFIED: these bytes do not lead to the root of the checkpoint. The hash of the bytes is not even",
        ),
        (
            on("/tile/0/001", Box::new(|body| body[32 * 7] ^= 1)),
            leaf.clone(),
            ["bad", "bad"],
            "NOT VERIFIED: these bytes do not lead to the root of the checkpoint. The hash of the bytes is the one",
        ),
        (
            on(
                "/tile/0/001",
                Box::new(|body| {
                    body.pop();
                }),
            ),
            leaf.clone(),
            ["bad", "bad"],
            "bytes, not ",
        ),
        (
            on(
                "/tile/entries/001",
                Box::new(|body| {
                    body.pop();
                }),
            ),
            leaf.clone(),
            ["bad", "bad"],
            "is cut off",
        ),
        (
            on(
                "/checkpoint",
                Box::new(|body| break_line(body, "ledger.example/test")),
            ),
            leaf.clone(),
            ["bad", "bad"],
            "NOT VERIFIED: the bytes lead to the checkpoint’s root, but its signature does not hold.",
        ),
        (
            on(
                "/checkpoint",
                Box::new(|body| break_line(body, "witness-2.example")),
            ),
            leaf.clone(),
            ["bad", "good"],
            "Verified: leaf 262",
        ),
        (
            on(
                "/api/find/",
                Box::new(move |body| *body = answer.clone().into_bytes()),
            ),
            format!("#find={other}"),
            ["good", "bad"],
            "The ledger gives an entry for this leaf hash that has ANOTHER hash.",
        ),
        (
            on(
                "/api/find/",
                Box::new(move |body| *body = spends.clone().into_bytes()),
            ),
            format!("#find={spent}"),
            ["good", "bad"],
            "does NOT name it",
        ),
    ]
}

/// One witness' line twice is one cosignature.
fn a_line_twice(browser: &Browser, runtime: &tokio::runtime::Runtime, world: &World) {
    let ledger = world.http;
    let twice = |path: &str, body: &mut Vec<u8>| {
        if path == "/checkpoint" {
            let line = body[..body.len() - 1]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .unwrap()
                + 1;
            body.extend_from_within(line..);
        }
    };
    let between = runtime.block_on(liar(move || ledger, twice));
    visit(browser, between.address(), "");
    browser.wait_for(READY);
    let shown = browser.text("#checkpoint");
    assert!(shown.contains("2 cosignatures of witnesses hold"), "{shown}");
    runtime.block_on(between.shutdown());
}

pub(super) fn liars(browser: &Browser, runtime: &tokio::runtime::Runtime, world: &World, log: &[Vec<u8>]) {
    a_line_twice(browser, runtime, world);
    let ledger = world.http;
    for (lie, search, [overall, entry], words) in lies(log) {
        let between = runtime.block_on(liar(move || ledger, move |path, body| lie(path, body)));
        visit(browser, between.address(), &search);
        browser.wait_for("document.querySelector('#found .verdict')");
        assert_eq!(
            state(browser, "#overall"),
            overall,
            "{words}: {}",
            browser.text("#overall")
        );
        assert_eq!(
            state(browser, "#found .verdict"),
            entry,
            "{words}: {}",
            browser.text("#found")
        );
        let shown = browser.text("#found");
        // Hashes stand between the sentences.
        for part in words.split(". The").map(|part| part.trim()) {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(
            shown.contains("Verified: "),
            entry == "good" || words.contains("NOT name") || words.contains("ANOTHER"),
            "{shown}"
        );
        if words.starts_with("NOT VERIFIED: these") {
            browser.picture(&pictures().join("not-verified.png"));
        }
        runtime.block_on(between.shutdown());
    }
}

/// A ledger that shows one history first and another one later, each well signed.
pub(super) fn a_fork(browser: &Browser, runtime: &tokio::runtime::Runtime, small: &World, large: &World) {
    // The same key and GENESIS; one more batch, which the other ledger has in no such form.
    runtime.block_on(async {
        let mut ledger = Ledger::connect(&small.server.address().into(), None)
            .await
            .unwrap();
        let mut governance = Governance::new(ledger.ledger_id());
        let mut entries = governance.setup();
        ledger.set_clock(START + HOUR).await.unwrap();
        ledger.append(&entries.remove(0)).await.unwrap();
    });
    let later = Arc::new(AtomicBool::new(false));
    let (switched, first, second) = (later.clone(), small.http, large.http);
    let ledger = move || {
        if switched.load(Ordering::SeqCst) {
            second
        } else {
            first
        }
    };
    let between = runtime.block_on(liar(ledger, |_, _| {}));
    visit(browser, between.address(), "");
    assert_eq!(state(browser, "#overall"), "good");
    later.store(true, Ordering::SeqCst);
    browser.run("document.querySelector('#again').click()");
    browser.wait_for("document.querySelector('#checkpoint').innerText.includes('do NOT belong to one log')");
    assert_eq!(state(browser, "#overall"), "bad");
    // The new checkpoint by itself is in order.
    assert!(
        browser
            .text("#checkpoint")
            .contains("2 cosignatures of witnesses hold")
    );
    runtime.block_on(between.shutdown());
}
