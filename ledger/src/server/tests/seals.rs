//! Seals as a client follows them back: the roots that it may accept in the ledger's place.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn l03_recent_seals_reach_ten_minutes_back_and_one_further() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    // All of these are of the last minutes: the walk ends with the first batch.
    for n in 0..70u32 {
        let what = account(n, u64::from(n) + 1);
        let entry = open(id, u64::from(n) + 1, "authority", "us-ma", what);
        ledger.append(&entry).await.unwrap();
    }
    let seals = ledger.recent_seals(0).await.unwrap();
    let batches: Vec<u64> = seals.iter().map(|seal| seal.batch).collect();
    let newest = batches[0];
    assert!(newest > 70, "{newest}");
    assert_eq!(batches, (0..=newest).rev().collect::<Vec<_>>());
    assert!(
        checkpoint(&mut ledger).await.size() > 128,
        "more than one answer holds"
    );

    let mut roots = vec![now(&mut ledger).await.identity_root];
    let start = ledger.anchors().await.unwrap().time;
    for (n, later) in [(70u32, 2_000), (71, 2_500)] {
        ledger.set_clock(start + later).await.unwrap();
        let what = account(n, u64::from(n) + 1);
        let entry = open(id, u64::from(n) + 1, "authority", "us-ma", what);
        ledger.append(&entry).await.unwrap();
        roots.insert(0, now(&mut ledger).await.identity_root);
    }
    let shown = |seals: &[medproof_verifier::entry::Seal]| -> Vec<Fr> {
        seals.iter().map(|seal| seal.identity_root).collect()
    };
    let seals = ledger.recent_seals(0).await.unwrap();
    assert_eq!(shown(&seals), roots);
    // Ten minutes after the last one nothing before it counts any more.
    let seals = ledger.recent_seals(seals[0].time + 600).await.unwrap();
    assert_eq!(shown(&seals), roots[..2]);
    let seals = ledger.recent_seals(seals[0].time + 601).await.unwrap();
    assert_eq!(shown(&seals), roots[..1]);
    server.shutdown().await;
}
