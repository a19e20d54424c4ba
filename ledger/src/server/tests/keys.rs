//! What reaches a key of the store: canonical field elements and nothing else (L4).

use super::*;
use crate::table::number;
use medproof_verifier::{
    entry::{Burn, Close, Opening},
    field::{fr_from_be_bytes, fr_to_be_bytes},
};

/// The encoding of x + r, which stands for the same element as x in code that reduces.
fn alias(x: &Fr) -> [u8; 32] {
    use ark_ff::{BigInteger, PrimeField};
    let mut sum = x.into_bigint();
    assert!(!sum.add_with_carry(&Fr::MODULUS), "x + r is below 2^256");
    sum.to_bytes_be().try_into().unwrap()
}

/// Sends an entry in which the 32 bytes of `x` are those of its alias.
async fn refused_alias(ledger: &mut Ledger, entry: &Entry, x: Fr, field: &str) {
    let mut bytes = entry.to_bytes();
    let at = bytes.windows(32).position(|w| *w == fr_to_be_bytes(&x)).unwrap();
    bytes[at..at + 32].copy_from_slice(&alias(&x));
    let status = ledger.raw().append(wire::AppendRequest { entry: bytes }).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(
        status.message().contains(&format!("`{field}`")),
        "{}",
        status.message()
    );
}

/// Every row of a table.
fn rows(store: &Store, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut out = vec![];
    let mut key = vec![];
    while let Some(row) = store.first(table, &key).unwrap() {
        key = row.0.clone();
        key.push(0);
        out.push(row);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_only_canonical_field_elements_reach_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    let opened = open(id, 1, "authority", "us-ma", account(0, 7));
    ledger.append(&opened).await.unwrap();
    let roots = now(&mut ledger).await;
    let spent = fill(&roots, 1, "pharmacy-1");
    let dispense = ledger.append(&spent).await.unwrap().receipt.index;
    let trial = Statement::Eligibility(eligibility(&roots, 1));
    let trial = Entry::Statement(Box::new(post(id, trial, "sponsor-1")));
    let claimed = Statement::Claim(claim(&roots, 1));
    let claimed = Entry::Statement(Box::new(post(id, claimed, "gateway-a")));
    let benefit = open(id, 1, "payer-a", "plan-a", Opening::Benefit { note: fr(77) });
    let sign = |body| Entry::Burn(Signed::new(body, &id, &key_of("dr-1")));
    let burn = sign(Burn {
        sequence: 1,
        party: name("dr-1"),
        fill_keys: vec![fr(55)],
    });
    let void = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense,
    };
    let void = Entry::Void(Signed::new(void, &id, &key_of("pharmacy-1")));
    let close = Close {
        sequence: 2,
        party: name("authority"),
        domain: name("us-ma"),
        index: 0,
    };
    let close = Entry::Close(Signed::new(close, &id, &key_of("authority")));
    for entry in [&trial, &claimed, &benefit, &burn, &void, &close] {
        ledger.append(entry).await.unwrap();
    }
    let size = checkpoint(&mut ledger).await.size();
    // A spent nullifier, an identity that was seen, a burned key: none comes back under a second encoding.
    for (entry, x, field) in [
        (&spent, fr(10_001), "public input"),
        (&spent, fr(40_001), "public input"),
        (&spent, fr(20_001), "public input"),
        (&trial, fr(60_001), "public input"),
        (&claimed, fr(70_001), "public input"),
        (&claimed, fr(80_001), "public input"),
        (&opened, fr(7), "id"),
        (&opened, fr(1_000_007), "note"),
        (&benefit, fr(77), "note"),
        (&burn, fr(55), "fill key"),
    ] {
        refused_alias(&mut ledger, entry, x, field).await;
    }
    assert_eq!(checkpoint(&mut ledger).await.size(), size);
    server.shutdown().await;

    let store = Store::open(&directory.path().join("db")).unwrap();
    let canonical = |bytes: &[u8]| {
        bytes
            .try_into()
            .is_ok_and(|b: &[u8; 32]| fr_from_be_bytes(b).is_ok())
    };
    for table in Table::ALL {
        let rows = rows(&store, table);
        // No witnesses are asked here.
        assert_eq!(rows.is_empty(), table == Table::Cosigned, "{table:?}");
        for (key, value) in rows {
            let holds = match table {
                Table::Nullifier => NullifierKind::from_number(key[0]).is_some() && canonical(&key[1..]),
                Table::Person => canonical(&key),
                Table::Statement | Table::ByLeaf => key.len() == 32 && number(table, &value).is_ok(),
                Table::Commitment | Table::Identity | Table::Registry => key.len() == 5 && canonical(&value),
                Table::Member | Table::Meta => !key.is_empty(),
                Table::Party => std::str::from_utf8(&key)
                    .is_ok_and(|text| text.parse::<medproof_verifier::Name>().is_ok()),
                Table::Entry
                | Table::Hash
                | Table::Dispense
                | Table::Placed
                | Table::Governance
                | Table::Batch
                | Table::Checkpoint
                | Table::Cosigned => key.len() == 8,
            };
            assert!(holds, "{table:?}: {key:?}");
        }
    }
}
