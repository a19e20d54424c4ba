//! Audits of logs on loopback: what the auditor knows beforehand, and what is shown between log and auditor. What the
//! judging finds in entries is tried with the ledger (`server/tests`).

use super::*;
use crate::{
    http::Listener,
    server::{Config, Server},
    testing::{
        Governance, Now,
        client::{LOOPBACK, audit_of, audited, between, connect, get, log_key, now},
        directory, dispense, genesis, key_of, post,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer;
use medproof_verifier::{
    Entry, LogKey, LogSigner, Statement,
    cosignature::{Cosigner, WitnessKey},
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

mod time;

async fn start(directory: &Path) -> (Server, SocketAddr) {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.http = Some(LOOPBACK);
    let server = Server::start(config).await.unwrap();
    let http = server.http_address().unwrap();
    (server, http)
}

/// Appends fills, all at once.
async fn fills(server: &Server, roots: Now, numbers: std::ops::Range<u64>) {
    let ledger = connect(&server.url()).await;
    let fill = |n| {
        let statement = Statement::Dispense(dispense(&roots, n));
        Entry::Statement(Box::new(post(genesis().ledger_id(), statement, "pharmacy-1")))
    };
    let tasks: Vec<_> = numbers
        .map(|n| {
            let (mut ledger, entry) = (ledger.clone(), fill(n));
            tokio::spawn(async move { ledger.append(&entry).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A ledger with the usual parties.
async fn begin(directory: &Path) -> (Server, SocketAddr, Now) {
    let (server, http) = start(directory).await;
    let mut ledger = connect(&server.url()).await;
    for entry in Governance::new(genesis().ledger_id()).setup() {
        ledger.append(&entry).await.unwrap();
    }
    let roots = now(&mut ledger).await;
    (server, http, roots)
}

fn shown(http: SocketAddr) -> (Vec<u8>, Checkpoint) {
    let note = get(http, "/checkpoint").body;
    let checkpoint = Checkpoint::verify(&note, &log_key()).unwrap();
    (note, checkpoint)
}

fn signed(size: u64, root: &[u8; 32]) -> Vec<u8> {
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    signer.sign(size, root).unwrap()
}

/// A checkpoint of another origin, under the name and key of this log.
fn under_another_origin() -> Vec<u8> {
    let text = tlog_tiles::checkpoint::Checkpoint::new("elsewhere", 1, tlog_tiles::tlog::Hash([7; 32]), "");
    let text = text.unwrap().to_bytes();
    // NAME+ID+KEY; a signature's line has the four bytes of the id before the signature.
    let key = log_key().to_string();
    let id = u32::from_str_radix(key.split('+').nth(1).unwrap(), 16).unwrap();
    let signature = key_of("log").sign(&text).to_bytes();
    let line = STANDARD.encode([&id.to_be_bytes()[..], &signature].concat());
    [&text[..], format!("\n— {} {line}\n", genesis().origin).as_bytes()].concat()
}

async fn refused(config: AuditConfig) -> AuditError {
    audit(config, |_, _| ()).await.unwrap_err()
}

fn witness() -> Cosigner {
    Cosigner::new("witness.example/w1", key_of("witness 1")).unwrap()
}

fn witnessed(http: SocketAddr, keys: &[&WitnessKey], quorum: usize) -> AuditConfig {
    let keys = keys.iter().map(|&key| key.clone()).collect();
    AuditConfig {
        policy: WitnessPolicy::new(log_key(), keys, quorum).unwrap(),
        ..audit_of(http)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_holds_the_log_to_what_was_signed_before() {
    let folder = tempfile::tempdir().unwrap();
    let (server, http, roots) = begin(&folder.path().join("one")).await;
    let (before, first) = shown(http);
    server.shutdown().await;
    // The same ledger goes on twice, each time as if the other had not been.
    let copy = folder.path().join("two");
    directory::copy(&folder.path().join("one"), &copy);
    let (other, at) = start(&copy).await;
    fills(&other, roots, 1000..1001).await;
    let (forked, fork) = shown(at);
    let (server, http) = start(&folder.path().join("one")).await;
    fills(&server, roots, 0..3).await;
    let (last, latest) = shown(http);
    assert!(first.size() < fork.size() && fork.size() < latest.size());

    // Each by itself keeps every rule.
    for address in [at, http] {
        let mut config = audit_of(address);
        config.hold_to(before.clone()).unwrap();
        let report = audit(config, |_, _| ()).await.unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!(report.contained, [first.size()]);
    }
    // Held to a checkpoint of the other, neither is what it seems: one is longer, one as long, one shorter.
    let same = signed(latest.size(), &[7; 32]);
    let longer = signed(latest.size() + 1, &[7; 32]);
    for (note, what, verdict) in [
        (&forked, "signed two histories", true),
        (&same, "signed two histories", true),
        // Anybody on the way can show a log as it was.
        (&longer, "the log ends before", false),
    ] {
        let mut config = audit_of(http);
        config.hold_to(last.clone()).unwrap();
        config.hold_to(note.clone()).unwrap();
        let error = refused(config).await;
        assert_eq!(error.is_verdict(), verdict);
        let said = error.to_string();
        let both = [note, &last].map(|note| String::from_utf8(note.clone()).unwrap());
        assert!(said.contains(what), "{said}");
        assert!(both.iter().all(|note| said.contains(note)), "{said}");
    }
    // One that is not reached hides no other.
    let mut config = audit_of(http);
    config.hold_to(longer.clone()).unwrap();
    config.hold_to(forked.clone()).unwrap();
    assert!(matches!(refused(config).await, AuditError::Forked { .. }));
    for size in [0, 1 << 41] {
        let mut config = audit_of(http);
        config.hold_to(signed(size, &[7; 32])).unwrap();
        assert!(matches!(refused(config).await, AuditError::Size(n) if n == size));
    }
    // What this log's key has not signed says nothing of it.
    let elsewhere = LogSigner::new(&genesis().origin, key_of("other")).unwrap();
    let note = elsewhere.sign(first.size(), first.root()).unwrap();
    assert!(matches!(
        audit_of(http).hold_to(note),
        Err(CheckpointError::Signature)
    ));
    server.shutdown().await;
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_knows_the_logs_key_and_counts_cosignatures() {
    let directory = tempfile::tempdir().unwrap();
    let (server, http, _) = begin(directory.path()).await;
    // The key alone, without the ledger's id.
    let mut config = audit_of(http);
    config.ledger_id = None;
    let report = audit(config, |_, _| ()).await.unwrap();
    assert!(report.is_clean() && report.cosignatures.is_empty());
    assert_eq!(report.development, genesis().development);
    assert_eq!(report.ledger_id, genesis().ledger_id());
    let mut config = audit_of(http);
    config.ledger_id = Some([7; 32]);
    let error = refused(config).await;
    assert!(
        matches!(error, AuditError::Genesis(_)) && error.is_verdict(),
        "{error}"
    );
    let mut config = audit_of(http);
    let other = LogKey::new(&genesis().origin, key_of("other").verifying_key()).unwrap();
    config.policy = WitnessPolicy::new(other, vec![], 0).unwrap();
    let error = refused(config).await;
    assert!(
        error.to_string().contains("not signed by the log's key") && !error.is_verdict(),
        "{error}"
    );

    // Nobody has cosigned it; then somebody has, and somebody has cosigned another.
    let key = witness().witness_key().clone();
    let error = refused(witnessed(http, &[&key], 1)).await;
    assert!(
        error.to_string().contains("0 of the 1 witnesses") && !error.is_verdict(),
        "{error}"
    );
    let proxy = between(http, |path, note| {
        let line = witness().cosign(&note, 5).unwrap_or_default();
        Some(if path == "/checkpoint" {
            [note, line].concat()
        } else {
            note
        })
    });
    let proxy = Listener::start(LOOPBACK, proxy).await.unwrap();
    let report = audit(witnessed(proxy.address(), &[&key], 1), |_, _| ())
        .await
        .unwrap();
    assert!(report.is_clean());
    let names: Vec<_> = report
        .cosignatures
        .iter()
        .map(|c| (&*c.witness, c.time))
        .collect();
    assert_eq!(names, [("witness.example/w1", 5)]);
    let second = Cosigner::new("witness.example/w2", key_of("witness 2")).unwrap();
    let error = refused(witnessed(proxy.address(), &[&key, second.witness_key()], 2)).await;
    assert!(error.to_string().contains("1 of the 2 witnesses"), "{error}");
    proxy.shutdown().await;
    let forged = between(http, |path, note| {
        let line = witness().cosign(&signed(9, &[7; 32]), 5).unwrap();
        Some(if path == "/checkpoint" {
            [note, line].concat()
        } else {
            note
        })
    });
    let forged = Listener::start(LOOPBACK, forged).await.unwrap();
    let error = refused(witnessed(forged.address(), &[&key], 0)).await;
    assert!(
        error
            .to_string()
            .contains("the cosignature of witness.example/w1")
            && !error.is_verdict(),
        "anybody can add a line"
    );
    forged.shutdown().await;
    // The log's key signs for another log.
    let elsewhere = between(http, |path, note| {
        Some(if path == "/checkpoint" {
            under_another_origin()
        } else {
            note
        })
    });
    let elsewhere = Listener::start(LOOPBACK, elsewhere).await.unwrap();
    let error = refused(audit_of(elsewhere.address())).await;
    assert!(
        error.to_string().contains("of another log") && !error.is_verdict(),
        "{error}"
    );
    elsewhere.shutdown().await;

    // A size that no ledger has, signed.
    let endless = between(http, |path, body| {
        Some(if path == "/checkpoint" {
            signed(1 << 41, &[7; 32])
        } else {
            body
        })
    });
    let endless = Listener::start(LOOPBACK, endless).await.unwrap();
    assert!(matches!(
        refused(audit_of(endless.address())).await,
        AuditError::Size(_)
    ));
    endless.shutdown().await;
    server.shutdown().await;
}

/// What stands between auditor and log does with the answer to one path.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Nothing,
    Flip,
    Cut,
    Lose,
    /// Once only.
    LoseOnce,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tile_or_bundle_is_believed_that_is_not_under_the_signed_root() {
    let directory = tempfile::tempdir().unwrap();
    let (server, http, roots) = begin(directory.path()).await;
    fills(&server, roots, 0..260).await;
    let size = shown(http).1.size();
    assert!((257..512).contains(&size));
    let now = Arc::new(Mutex::new((String::new(), Change::Nothing)));
    let wanted = Arc::clone(&now);
    let proxy = between(http, move |path, mut body| {
        let mut wanted = wanted.lock().unwrap();
        if wanted.0 != path {
            return Some(body);
        }
        let middle = body.len() / 2;
        match wanted.1 {
            Change::Nothing => {}
            Change::Flip => body[middle] ^= 1,
            Change::Cut => drop(body.pop()),
            Change::Lose => return None,
            Change::LoseOnce => {
                wanted.1 = Change::Nothing;
                return None;
            }
        }
        Some(body)
    });
    let proxy = Listener::start(LOOPBACK, proxy).await.unwrap();
    let paths = [
        "/tile/0/000".to_owned(),
        format!("/tile/0/001.p/{}", size - 256),
        "/tile/1/000.p/1".to_owned(),
        "/tile/entries/000".to_owned(),
        format!("/tile/entries/001.p/{}", size - 256),
    ];
    for path in &paths {
        for change in [Change::Flip, Change::Cut] {
            *now.lock().unwrap() = (path.clone(), change);
            let error = refused(audit_of(proxy.address())).await;
            assert!(!error.is_verdict(), "nobody signed it");
            assert!(
                matches!(
                    error,
                    AuditError::Read(ReadError::Tile { .. } | ReadError::Hashes { .. } | ReadError::Leaf(_))
                ),
                "{path} {change:?}: {error}"
            );
        }
    }
    *now.lock().unwrap() = (paths[4].clone(), Change::Lose);
    let error = refused(audit_of(proxy.address())).await.to_string();
    assert!(error.contains(&paths[4][1..]) && error.contains("404"), "{error}");
    *now.lock().unwrap() = (paths[3].clone(), Change::LoseOnce);
    let report = audited(proxy.address()).await;
    assert!(report.is_clean() && report.entries == size && report.proofs == 260);
    assert_eq!(now.lock().unwrap().1, Change::Nothing, "it was asked for twice");
    proxy.shutdown().await;
    server.shutdown().await;
}

#[test]
fn a_batch_without_a_seal_is_bounded() {
    let config = audit_of(SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut auditor = Auditor::new(&config);
    auditor.take(vec![vec![0]; 16_384]).unwrap();
    let error = auditor.take(vec![vec![0]]).unwrap_err();
    assert!(
        matches!(error, AuditError::Unsealed(0)) && error.is_verdict(),
        "{error}"
    );
    // Its seal was read ahead: a mirror, which reads less at once, halts on such a batch.
    let with_seal = |count| [vec![vec![0]; count], vec![vec![1, Kind::Seal as u8]]].concat();
    let error = Auditor::new(&config).take(with_seal(16_385)).unwrap_err();
    assert!(matches!(error, AuditError::Unsealed(0)), "{error}");
    let error = Auditor::new(&config).take(with_seal(16_384)).unwrap_err();
    assert!(matches!(error, AuditError::Genesis(_)), "it was judged: {error}");
}

#[test]
fn notes_in_messages_cannot_act_on_a_terminal() {
    let note = "origin\n1\nroot\n\n— origin sig+/=\n— \u{1b}[2J\u{9b}2J\u{202e}\u{2066}\r\u{7f}\"' é\n";
    let shown =
        "origin\n1\nroot\n\n— origin sig+/=\n— \\u{1b}[2J\\u{9b}2J\\u{202e}\\u{2066}\\r\\u{7f}\"' é\n";
    assert_eq!(text(note.as_bytes()), shown);
    // What is no text is a replacement character in its place.
    assert_eq!(text(b"a\xffb\n"), "a\u{fffd}b\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_line_that_nobody_checked_is_escaped_where_it_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (server, http, _) = begin(directory.path()).await;
    let proxy = between(http, |path, note| {
        let line = "— \u{202e}\u{9b}2J AAAAAAAAAAA=\n".as_bytes();
        Some(if path == "/checkpoint" {
            [&note, line].concat()
        } else {
            note
        })
    });
    let proxy = Listener::start(LOOPBACK, proxy).await.unwrap();
    let mut config = audit_of(proxy.address());
    config.hold_to(signed(shown(http).1.size(), &[7; 32])).unwrap();
    let error = refused(config).await.to_string();
    assert!(
        error.contains("signed two histories") && error.contains("\n— \\u{202e}\\u{9b}2J AAAAAAAAAAA=\n"),
        "{error}"
    );
    assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{error:?}");
    proxy.shutdown().await;
    server.shutdown().await;
}
