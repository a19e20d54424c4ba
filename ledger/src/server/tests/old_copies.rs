//! A ledger on an old copy of its whole directory, and a forked one: what its witnesses have seen stops it.

use super::witnesses::{address, policy, start_with, try_start, witness, witness_at};
use super::*;
use crate::{cosigning::Contradicted, server::Failed};
use std::net::SocketAddr;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&entry.path(), &target),
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), target).unwrap()),
            _ => {} // the socket for backups
        }
    }
}

fn refused(start: Result<Server, StartError>) -> Contradicted {
    match start.unwrap_err() {
        StartError::Contradicted(contradicted) => contradicted,
        other => panic!("{other}"),
    }
}

/// Why a ledger does not start that has halted before.
async fn marked(directory: &Path, asked: &[WitnessAddress]) -> String {
    match try_start(directory, asked.to_vec(), 1).await.unwrap_err() {
        StartError::ContradictedBefore { reason, file } => {
            assert_eq!(file, directory.join(crate::HALTED_FILE));
            reason
        }
        other => panic!("{other}"),
    }
}

fn unmark(directory: &Path) {
    std::fs::remove_file(directory.join(crate::HALTED_FILE)).unwrap();
}

/// A ledger in `live` with cosigned entries of one witness, and `old`, a copy of its directory before the last of them.
async fn live_and_old(directory: &Path, asked: &[WitnessAddress]) -> (PathBuf, PathBuf) {
    let (live, old) = (directory.join("live"), directory.join("old"));
    let setup = Governance::new(genesis().ledger_id()).setup();
    for (n, entry) in setup.iter().take(3).enumerate() {
        let server = start_with(&live, asked.to_vec(), 1).await;
        let mut ledger = connect(&server).await;
        let index = ledger.append(entry).await.unwrap().receipt.index;
        let (bytes, receipt) = ledger.receipt(index, 1).await.unwrap();
        assert!(receipt.verify_cosigned(&bytes, &policy(1, 1)).is_ok());
        server.shutdown().await;
        if n == 0 {
            copy(&live, &old);
        }
    }
    (live, old)
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_an_old_copy_of_the_whole_directory_is_stopped_by_its_witness() {
    let directory = tempfile::tempdir().unwrap();
    let one = witness(directory.path(), 1).await;
    let at = one.address();
    let asked = vec![address(1, at)];
    let (live, old) = live_and_old(directory.path(), &asked).await;
    // It holds the witness' cosignature of its own head, and the record of all that it signed.
    let contradicted = refused(try_start(&old, asked.clone(), 1).await);
    assert_eq!(contradicted, Contradicted { witnesses: 1, of: 1 });
    let said = contradicted.to_string();
    assert!(
        said.contains("1 of 1 witnesses") && said.contains("an old copy"),
        "{said}"
    );

    // It does not start again, also where its witness is away, before somebody has taken the mark off.
    one.shutdown().await;
    assert_eq!(marked(&old, &asked).await, contradicted.to_string());

    // A witness that is away does not keep it from starting. Once it is back, nothing more is acknowledged, also where
    // nothing was meanwhile: it holds the witness' cosignature of its head.
    unmark(&old);
    let server = start_with(&old, asked.clone(), 1).await;
    let one = witness_at(directory.path(), 1, at).await;
    assert_eq!(server.failed().await, Failed::Contradicted(contradicted));
    server.shutdown().await;
    one.shutdown().await;
    unmark(&old);
    let server = start_with(&old, asked.clone(), 1).await;
    let mut ledger = connect(&server).await;
    let setup = Governance::new(genesis().ledger_id()).setup();
    ledger.append(&setup[1]).await.unwrap();
    let one = witness_at(directory.path(), 1, at).await;
    assert_eq!(server.failed().await, Failed::Contradicted(contradicted));
    assert_eq!(code(ledger.append(&setup[2]).await), Code::Unavailable);
    assert_eq!(
        code(ledger.append(&setup[1]).await),
        Code::Unavailable,
        "nor what is in its log"
    );
    let request = b"GET /healthz HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n";
    let health = crate::http::raw::send(server.http_address().unwrap(), request);
    assert_eq!(health.status, 503);
    server.shutdown().await;
    assert_eq!(marked(&old, &asked).await, contradicted.to_string());
    unmark(&old);
    assert_eq!(refused(try_start(&old, asked.clone(), 1).await), contradicted);

    // The ledger itself goes on.
    let server = start_with(&live, asked, 1).await;
    let mut ledger = connect(&server).await;
    ledger.append(&setup[3]).await.unwrap();
    server.shutdown().await;
    one.shutdown().await;
    tried(
        "an old copy of the whole directory, its witness there at the start, and away at first: refused twice, stopped \
         twice, and kept from starting after each",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_a_fork_that_has_grown_longer_is_stopped_by_its_witness() {
    let directory = tempfile::tempdir().unwrap();
    let one = witness(directory.path(), 1).await;
    let asked = vec![address(1, one.address())];
    let honest = start_with(&directory.path().join("a"), asked.clone(), 1).await;
    let mut ledger = connect(&honest).await;
    let setup = Governance::new(genesis().ledger_id()).setup();
    let appended = ledger.append(&setup[0]).await.unwrap();
    assert!(ledger.receipt(appended.receipt.index, 1).await.is_ok());
    honest.shutdown().await;

    // The same genesis and key in another folder, with another and longer history.
    let folder = directory.path().join("b");
    let forked = start(&folder).await;
    let mut ledger = connect(&forked).await;
    let mut governance = Governance::new(genesis().ledger_id());
    for (at, party) in ["pharmacy-7", "pharmacy-8", "pharmacy-9"].iter().enumerate() {
        let put = governance.put(at as u32, Role::Pharmacy, party, "us-ma");
        ledger.append(&put).await.unwrap();
    }
    forked.shutdown().await;
    let contradicted = refused(try_start(&folder, asked, 1).await);
    assert_eq!(contradicted, Contradicted { witnesses: 1, of: 1 });
    one.shutdown().await;
    tried("a second history, longer than the one that the witness has cosigned: refused");
}

/// What one of two witnesses says, where both are asked for, is its word against the other's.
#[tokio::test(flavor = "multi_thread")]
async fn l02_one_witness_of_two_cannot_stop_a_ledger_that_asks_for_both() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (
        witness(directory.path(), 1).await,
        witness(directory.path(), 2).await,
    );
    // The second vouches for a history that the first has not seen.
    let other = start_with(
        &directory.path().join("other"),
        vec![address(2, two.address())],
        1,
    )
    .await;
    let mut ledger = connect(&other).await;
    let mut governance = Governance::new(genesis().ledger_id());
    for (at, party) in ["pharmacy-7", "pharmacy-8", "pharmacy-9"].iter().enumerate() {
        let put = governance.put(at as u32, Role::Pharmacy, party, "us-ma");
        let index = ledger.append(&put).await.unwrap().receipt.index;
        assert!(ledger.receipt(index, 1).await.is_ok());
    }
    other.shutdown().await;

    let asked = vec![address(1, one.address()), address(2, two.address())];
    let folder = directory.path().join("ledger");
    let server = start_with(&folder, asked.clone(), 2).await;
    let mut ledger = connect(&server).await;
    for entry in Governance::new(genesis().ledger_id()).setup() {
        let index = ledger.append(&entry).await.unwrap().receipt.index;
        // The first goes on to cosign.
        assert!(ledger.receipt(index, 1).await.is_ok());
    }
    server.shutdown().await;
    // Where one is enough to vouch for a checkpoint, it is enough to stop the ledger.
    let contradicted = refused(try_start(&folder, asked, 1).await);
    assert_eq!(contradicted, Contradicted { witnesses: 1, of: 2 });
    tried(
        "a witness of another history beside an honest one: not believed at quorum 2, at quorum 1 the start is refused",
    );
    one.shutdown().await;
    two.shutdown().await;
}

/// A witness that answers nothing in time, and one that is not there, delay a start and do not prevent it.
#[tokio::test(flavor = "multi_thread")]
async fn witnesses_that_are_silent_do_not_keep_a_ledger_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let asked = vec![address(1, silent.local_addr().unwrap()), address(2, nowhere)];
    let server = start_with(directory.path(), asked, 2).await;
    let mut ledger = connect(&server).await;
    let setup = Governance::new(genesis().ledger_id()).setup();
    ledger.append(&setup[0]).await.unwrap();
    server.shutdown().await;
}

/// One that never answers does not keep another from being believed.
#[tokio::test(flavor = "multi_thread")]
async fn l02_an_old_copy_is_stopped_by_one_witness_beside_a_silent_one() {
    let directory = tempfile::tempdir().unwrap();
    let one = witness(directory.path(), 1).await;
    let (_, old) = live_and_old(directory.path(), &[address(1, one.address())]).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asked = vec![
        address(1, one.address()),
        address(2, silent.local_addr().unwrap()),
    ];
    let expected = Contradicted { witnesses: 1, of: 2 };
    match try_start(&old, asked, 1).await {
        // On a machine so busy that its answer takes longer than a start waits.
        Ok(server) => {
            assert_eq!(server.failed().await, Failed::Contradicted(expected));
            server.shutdown().await;
        }
        refusal => assert_eq!(refused(refusal), expected),
    }
    one.shutdown().await;
    tried("an old copy, one of two witnesses silent: the start is refused on the other's word");
}
