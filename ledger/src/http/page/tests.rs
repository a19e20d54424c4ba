//! The explorer page: its files and reads as a stranger gets them, and the page in a browser.

mod browser;
mod liars;
mod webdriver;
mod world;

use super::{FILES, POLICY};
use crate::{
    http::raw::{Answer, send},
    testing::{DAY, HOUR, START, client::get, fr},
};
use medproof_verifier::{
    Entry, Tag, entry::Kind, entry::Seal, field::fr_to_be_bytes, inclusion::leaf_hash, tagged,
};
use serde_json::Value;
use std::net::SocketAddr;
use world::World;

fn json(address: SocketAddr, path: &str) -> Value {
    let answer = get(address, path);
    assert_eq!(answer.status, 200, "{path}");
    assert!(answer.head.contains("content-type: application/json"), "{path}");
    assert!(answer.head.contains("cache-control: no-store"), "{path}");
    serde_json::from_slice(&answer.body).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every entry of the log, out of its bundles.
fn entries(address: SocketAddr) -> Vec<Vec<u8>> {
    let size = json(address, "/api/summary")["size"].as_u64().unwrap();
    let mut out = vec![];
    for index in 0..size.div_ceil(256) {
        let path = match size - 256 * index {
            256.. => format!("/tile/entries/{index:03}"),
            width => format!("/tile/entries/{index:03}.p/{width}"),
        };
        let Answer { status, body, .. } = get(address, &path);
        assert_eq!(status, 200, "{path}");
        let mut rest = &body[..];
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(u16::from_be_bytes(*length).into());
            out.push(entry.to_vec());
            rest = tail;
        }
    }
    out
}

#[test]
fn the_files_ask_no_other_host_and_run_nothing_of_the_log() {
    let mut bytes = super::INDEX.len();
    let all = FILES.iter().map(|(name, _, content)| (*name, *content));
    for (name, content) in all.chain([("index.html", super::INDEX)]) {
        bytes += content.len();
        // The name of a namespace, which nothing is fetched from.
        let content = content.replace("http://www.w3.org/2000/svg", "");
        for bad in [
            "http:",
            "https:",
            "url(",
            "@import",
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "Function(",
            "import(",
            "localStorage",
            "sessionStorage",
            "cookie",
            "style=",
            "javascript:",
        ] {
            assert!(!content.contains(bad), "{name} has `{bad}`");
        }
        // Every file that one names is there.
        for part in content
            .split("from \"./")
            .skip(1)
            .chain(content.split("=\"explorer/").skip(1))
        {
            let named = part.split('"').next().unwrap();
            assert!(
                FILES.iter().any(|(file, ..)| *file == named),
                "{name} names {named}"
            );
        }
    }
    // Handlers and scripts in the markup, which the policy refuses.
    assert!(
        !super::INDEX
            .split('<')
            .any(|tag| tag.split('>').next().unwrap().contains(" on"))
    );
    assert_eq!(super::INDEX.matches("<script").count(), 1);
    assert!(super::INDEX.contains("<script type=\"module\" src=\"explorer/page.js\"></script>"));
    assert!(!super::INDEX.contains("<style"));
    assert!(bytes < 96 << 10, "the page has {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_with_what_a_browser_must_know() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::empty(directory.path(), 0).await;
    let files = FILES.map(|(name, kind, content)| (format!("/explorer/{name}"), kind, content));
    let index = ("/".to_owned(), "text/html; charset=utf-8", super::INDEX);
    for (path, kind, content) in files.into_iter().chain([index]) {
        let answer = get(world.http, &path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body, content.as_bytes(), "{path}");
        for line in [
            format!("content-type: {kind}"),
            format!("content-security-policy: {POLICY}"),
            "x-content-type-options: nosniff".into(),
            "referrer-policy: no-referrer".into(),
            "cache-control: no-store".into(),
        ] {
            assert!(
                answer.head.lines().any(|l| l == line),
                "{path}: {line} in {}",
                answer.head
            );
        }
    }
    assert!(POLICY.starts_with("default-src 'none'; "), "{POLICY}");
    assert!(
        !POLICY.contains("unsafe") && !POLICY.contains('*') && !POLICY.contains("http"),
        "{POLICY}"
    );
    for path in [
        "/?x",
        "/index.html",
        "/explorer",
        "/explorer/",
        "/explorer/page.js?x",
        "/explorer/page%2Ejs",
        "/explorer/Page.js",
        "/explorer/../page.js",
        "/explorer/page.js/",
        "/explorer/index.html",
        "/api",
        "/api/",
        "/api/summary/",
        "/api/summary?x",
        "/api/find",
        "/api/find/",
        "/api/rates/",
        "/api/rates/day?x",
        "/api/rates/d%61y",
        "/api/leaf/0",
    ] {
        assert_eq!(get(world.http, path).status, 404, "{path}");
    }
    let post = b"POST /api/summary HTTP/1.1\r\nhost: l\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(send(world.http, post).status, 405);
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_beside_the_tiles_agree_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::empty(directory.path(), 2).await;
    world.grow().await;
    let http = world.http;
    let log = entries(http);
    summary(http, &log, &world.keys);
    searches(http, &log);
    rates(http, &log);
    bad_requests(http);
    let metrics = String::from_utf8(get(http, "/metrics").body).unwrap();
    let refused = metrics
        .lines()
        .find(|l| l.starts_with("medproof_ledger_http_responses_total{code=\"400\"}"));
    assert!(refused.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    world.shutdown().await;
}

fn summary(http: SocketAddr, log: &[Vec<u8>], keys: &[String]) {
    let summary = json(http, "/api/summary");
    assert_eq!(summary["size"], log.len());
    assert_eq!(summary["quorum"], 2);
    assert_eq!(summary["healthy"], true);
    assert_eq!(summary["witnesses"], Value::from(keys));
    for kind in Kind::ALL {
        // Byte 1 of an entry is its kind.
        let counted = log.iter().filter(|entry| entry[1] == kind as u8).count();
        assert!(counted > 0, "{}", kind.as_str());
        assert_eq!(summary["kinds"][kind.as_str()], counted, "{}", kind.as_str());
    }
    let circuits = summary["circuits"].as_array().unwrap();
    assert_eq!(circuits.len(), 5);
    for entry in log {
        if let Ok(Entry::Statement(post)) = Entry::from_bytes(entry) {
            assert!(
                circuits.iter().any(|c| c["id"] == hex(&post.circuit_id.0)),
                "{summary}"
            );
        }
    }
}

fn searches(http: SocketAddr, log: &[Vec<u8>]) {
    let find = |bytes: &[u8]| json(http, &format!("/api/find/{}", hex(bytes)));
    for index in [0, 1, 17, 255, 256, log.len() - 1] {
        let found = find(&leaf_hash(&log[index]));
        assert_eq!(found["leaf"], index);
        assert_eq!(found["spent"], Value::Array(vec![]));
        assert_eq!(found["size"], log.len());
    }
    let spender = |n: u64| {
        let value = fr_to_be_bytes(&fr(n));
        let names = |entry: &&Vec<u8>| entry.windows(32).any(|window| window == value);
        (find(&value), log.iter().position(|entry| names(&entry)).unwrap())
    };
    for (n, kind) in [
        (10_301, "account"),
        (40_301, "fill"),
        (60_001, "trial"),
        (70_001, "claim"),
        (80_001, "benefit"),
    ] {
        let (found, index) = spender(n);
        let spent = serde_json::json!([{ "kind": kind, "index": index, "burned": false }]);
        assert_eq!(found["spent"], spent, "{kind}");
        assert_eq!(
            (&found["leaf"], &found["field"]),
            (&Value::Null, &Value::Bool(true))
        );
    }
    // A fill that was taken back is free again; a burned one is spent, by the hash of its key.
    let void = log.iter().find_map(|entry| match Entry::from_bytes(entry) {
        Ok(Entry::Void(void)) => Some(void.body.dispense),
        _ => None,
    });
    let Ok(Entry::Statement(taken)) = Entry::from_bytes(&log[void.unwrap() as usize]) else {
        panic!("a void names a dispense");
    };
    assert_eq!(
        find(&fr_to_be_bytes(&taken.inputs[9]))["spent"],
        Value::Array(vec![])
    );
    let burned = find(&fr_to_be_bytes(&tagged(Tag::Fill, [fr(1)])));
    assert_eq!(
        (&burned["spent"][0]["kind"], &burned["spent"][0]["burned"]),
        (&"fill".into(), &true.into())
    );
    for unknown in [[0; 32], [7; 32], [0xff; 32]] {
        let found = find(&unknown);
        assert_eq!(
            (&found["leaf"], &found["spent"]),
            (&Value::Null, &Value::Array(vec![]))
        );
        assert_eq!(found["field"], unknown[0] != 0xff);
    }
}

fn rates(http: SocketAddr, log: &[Vec<u8>]) {
    let seals = log
        .iter()
        .zip(1u64..)
        .filter_map(|(entry, size)| match Entry::from_bytes(entry) {
            Ok(Entry::Seal(seal)) => Some((size, seal)),
            _ => None,
        });
    let seals: Vec<(u64, Seal)> = seals.collect();
    let end = seals.last().unwrap().1.time;
    let age = end - START;
    for (span, step, steps) in [
        ("hour", 60, 60),
        ("day", DAY / 48, 48),
        ("week", 3 * HOUR, 56),
        ("month", DAY, 30),
        ("all", (age + 1).div_ceil(48), 48),
    ] {
        let rates = json(http, &format!("/api/rates/{span}"));
        assert_eq!((&rates["span"], &rates["step"]), (&span.into(), &step.into()));
        assert_eq!(rates["size"], log.len());
        let points = rates["points"].as_array().unwrap();
        assert_eq!(points.len(), steps + 1, "{span}");
        for (point, ago) in points.iter().zip((0..=steps as u64).rev()) {
            let time = end - ago * step;
            let sealed: Vec<_> = seals.iter().filter(|(_, seal)| seal.time <= time).collect();
            let size = sealed.last().map_or(0, |(size, _)| *size);
            let expected = serde_json::json!({ "time": time, "size": size, "batches": sealed.len() });
            assert_eq!(*point, expected, "{span}");
        }
        let last = serde_json::json!({ "time": end, "size": log.len(), "batches": seals.len() });
        assert_eq!(points[steps], last, "{span}");
        if span == "all" {
            assert_eq!(points[0]["size"], 0);
        }
    }
}

fn bad_requests(http: SocketAddr) {
    let (short, long) = ("ab".repeat(31), "ab".repeat(33));
    let (upper, other) = ("AB".repeat(32), "xy".repeat(32));
    for value in [
        short.as_str(),
        &long,
        &upper,
        &other,
        "0",
        "-1",
        &format!("{}\u{e9}", "ab".repeat(31)),
    ] {
        // A letter that is not ASCII travels encoded, which is another spelling of any path.
        let encoded = value.replace('\u{e9}', "%C3%A9");
        let answer = get(http, &format!("/api/find/{encoded}"));
        let expected = if encoded == value { 400 } else { 404 };
        assert_eq!(answer.status, expected, "{value}");
        if expected == 400 {
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let why = "a leaf hash or a nullifier is 64 hexadecimal digits in lower case";
            assert_eq!(body["error"], why, "{value}");
        }
    }
    for span in ["year", "Day", "0", "day%20"] {
        let answer = get(http, &format!("/api/rates/{span}"));
        assert_eq!(
            answer.status,
            if span.contains('%') { 404 } else { 400 },
            "{span}"
        );
    }
}
