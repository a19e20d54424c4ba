//! Acceptance rules: what is accepted, what it does, and what is refused.

use crate::{
    refusal::Refusal,
    state::MAX_SEQUENCE_STEP,
    submission::Submission,
    table::Base,
    testing::{
        DAY, Governance, HOUR, START, World, account, claim, dispense, eligibility, fr, genesis, key_of,
        name, open, post, proof, put_action, verifying_key,
    },
};
use medproof_verifier::{
    CircuitName, Day, Entry, Fr, Role, Statement, Tag, VerifyError,
    entry::{
        Burn, CircuitAction, DecodeError, Genesis, NullifierKind, Opening, PinnedCircuit, PolicyPurpose,
        RegistryAction, RegistryChange, Seal, SignatureError, Signed, Void,
    },
    statement::BindPublic,
    tagged,
    tree::DenseTree,
};
use proptest::prelude::*;

macro_rules! refused {
    ($result:expr, $pattern:pat) => {{
        let result = $result;
        assert!(
            matches!(result, Err($pattern)),
            "{:?}",
            result.map_err(|e| e.to_string())
        );
    }};
}

fn typed(kind: u64, domain: &str, cm: Fr) -> Fr {
    tagged(Tag::Leaf, [fr(kind) + fr(256) * name(domain).to_fr(), cm])
}

mod governance;
mod in_flight;
mod statements;

#[test]
fn l06_leaves_are_typed_by_the_ledger_and_roots_are_those_of_a_full_recomputation() {
    let mut w = World::new();
    assert_eq!(
        w.open("authority", "us-ma", account(2, 7))
            .unwrap()
            .commitment_index,
        Some(0)
    );
    assert_eq!(
        w.open("payer-a", "plan-a", Opening::Member { index: 5, id: fr(8) })
            .unwrap()
            .commitment_index,
        None
    );
    assert_eq!(
        w.open("payer-a", "plan-a", Opening::Benefit { note: fr(9) })
            .unwrap()
            .commitment_index,
        Some(1)
    );
    let filled = w.fill(1, |_| ()).unwrap();
    assert_eq!(filled.commitment_index, Some(2));
    let now = w.now();
    w.post(Statement::Claim(claim(&now, 1)), "gateway-a").unwrap();
    w.post(Statement::Eligibility(eligibility(&now, 1)), "sponsor-1")
        .unwrap();
    assert_eq!(
        w.void("pharmacy-1", filled.index).unwrap().commitment_index,
        Some(4)
    );

    let leaves = vec![
        typed(1, "us-ma", fr(1_000_007)),
        typed(2, "plan-a", fr(9)),
        typed(1, "us-ma", fr(20_001)),
        typed(2, "plan-a", fr(90_001)),
        typed(1, "us-ma", fr(30_001)),
    ];
    assert_eq!(w.now().anchor, DenseTree::<16>::new(leaves).unwrap().root());
    let owner = |domain: &str, id| tagged(Tag::Ident, [name(domain).to_fr(), fr(id)]);
    let zero = fr(0);
    let identities = vec![zero, zero, owner("us-ma", 7), zero, zero, owner("plan-a", 8)];
    assert_eq!(
        w.now().identity_root,
        DenseTree::<16>::new(identities).unwrap().root()
    );
    let keys = w
        .state
        .rules()
        .registry(0)
        .map(|(_, leaf, _)| leaf.hash())
        .collect();
    assert_eq!(w.now().registry_root, DenseTree::<10>::new(keys).unwrap().root());
    // Account, (fill: freed), trial, claim, benefit.
    assert_eq!(w.state.head().nullifiers, [1, 0, 1, 1, 1]);
}

#[test]
fn a01_only_the_right_role_opens_in_its_own_domain() {
    let mut w = World::new();
    let benefit = Opening::Benefit { note: fr(9) };
    let member = Opening::Member { index: 3, id: fr(9) };
    for (party, domain, what) in [
        ("payer-a", "plan-a", account(3, 9)),
        ("payer-a", "us-ma", account(3, 9)),
        ("pharmacy-1", "us-ma", account(3, 9)),
        ("authority-nh", "us-ma", account(3, 9)),
        ("authority", "us-ma", benefit),
        ("authority", "us-ma", member),
        ("payer-a", "plan-b", benefit),
        ("payer-a", "plan-b", member),
        ("gateway-a", "plan-a", benefit),
        ("dr-1", "us-ma", account(3, 9)),
    ] {
        refused!(w.open(party, domain, what), Refusal::Role { .. });
    }
    refused!(
        w.open("stranger", "us-ma", account(3, 9)),
        Refusal::UnknownParty(_)
    );
    // Another party's signature, another ledger's, and an old sequence number.
    let forged = open(w.id(), 99, "authority", "us-ma", account(3, 9));
    let Entry::Open(mut signed) = forged else {
        unreachable!()
    };
    signed.body.party = name("authority-nh");
    refused!(
        w.submit(&Entry::Open(signed)),
        Refusal::Signature(SignatureError::Party)
    );
    let elsewhere = open([8; 32], 99, "authority", "us-ma", account(3, 9));
    refused!(w.submit(&elsewhere), Refusal::Signature(SignatureError::Party));
    w.submit(&open(w.id(), 99, "authority", "us-ma", account(3, 9)))
        .unwrap();
    let replayed = open(w.id(), 99, "authority", "us-ma", account(4, 10));
    refused!(
        w.submit(&replayed),
        Refusal::Sequence {
            last: 99,
            got: 99,
            ..
        }
    );
    // Nor may one entry leave its party without numbers.
    let top = MAX_SEQUENCE_STEP + 99;
    for far in [top + 1, u64::MAX] {
        let jump = open(w.id(), far, "authority", "us-ma", account(4, 10));
        refused!(w.submit(&jump), Refusal::SequenceStep { last: 99, .. });
    }
    w.submit(&open(w.id(), top, "authority", "us-ma", account(4, 10)))
        .unwrap();
}

#[test]
fn a04_a_person_has_one_leaf_and_comes_back_only_after_the_delay() {
    let mut w = World::new();
    w.open("authority", "us-ma", account(0, 1)).unwrap();
    refused!(
        w.open("authority", "us-ma", account(0, 2)),
        Refusal::IndexInUse(0)
    );
    refused!(
        w.open("authority", "us-ma", account(1, 1)),
        Refusal::KnownIdentity
    );
    refused!(
        w.open("authority-nh", "us-nh", account(1, 1)),
        Refusal::KnownIdentity
    );
    refused!(
        w.open("authority-nh", "us-nh", account(0, 3)),
        Refusal::IndexDomain(0)
    );
    refused!(w.close("authority-nh", "us-nh", 0), Refusal::IndexDomain(0));
    refused!(w.close("authority-nh", "us-ma", 0), Refusal::Role { .. });
    refused!(w.close("authority", "us-ma", 1), Refusal::IndexNotOpen(1));
    let open_root = w.now().identity_root;
    w.close("authority", "us-ma", 0).unwrap();
    let closed_at = w.time;
    assert_eq!(w.now().identity_root, medproof_verifier::tree::empty_root(16));
    refused!(w.close("authority", "us-ma", 0), Refusal::IndexNotOpen(0));
    refused!(
        w.open("authority", "us-ma", account(0, 2)),
        Refusal::TooEarly { .. }
    );
    w.time = closed_at + DAY - 1;
    refused!(
        w.open("authority", "us-ma", account(0, 2)),
        Refusal::TooEarly { .. }
    );
    w.time = closed_at + DAY;
    refused!(
        w.open("authority-nh", "us-nh", account(0, 2)),
        Refusal::IndexDomain(0)
    );
    refused!(
        w.open("authority", "us-ma", account(0, 1)),
        Refusal::KnownIdentity
    );
    w.open("authority", "us-ma", account(0, 2)).unwrap();
    // The old identity's proofs refer to a root that is no longer accepted.
    refused!(w.fill(1, |p| p.identity_root = open_root), Refusal::IdentityRoot);
}

#[test]
fn a02_a_void_is_the_posters_own_once_within_14_days() {
    let mut w = World::new();
    let fill = w.fill(1, |_| ()).unwrap().index;
    let filled_at = w.time;
    refused!(w.void("pharmacy-2", fill), Refusal::OtherPharmacy);
    refused!(w.void("authority", fill), Refusal::OtherPharmacy);
    refused!(w.void("pharmacy-1", fill + 1), Refusal::NotADispense(_));
    refused!(w.void("pharmacy-1", 0), Refusal::NotADispense(0));
    refused!(w.void("pharmacy-1", 1 << 60), Refusal::NotADispense(_));
    w.time = filled_at + 14 * DAY + 1;
    refused!(w.void("pharmacy-1", fill), Refusal::VoidTooLate);
    w.time = filled_at + 14 * DAY;
    w.void("pharmacy-1", fill).unwrap();
    refused!(w.void("pharmacy-1", fill), Refusal::VoidedBefore);
    // The fill is free again, the note is not; the second dispense of the fill has a life of its own.
    refused!(
        w.fill(2, |p| p.nf_note = fr(10_001)),
        Refusal::Spent(NullifierKind::Account)
    );
    let again = w.fill(2, |p| p.nf_fill = fr(40_001)).unwrap().index;
    refused!(w.void("pharmacy-1", fill), Refusal::VoidedBefore);
    refused!(
        w.fill(3, |p| p.nf_fill = fr(40_001)),
        Refusal::Spent(NullifierKind::Fill)
    );
    w.void("pharmacy-1", again).unwrap();
    w.fill(3, |p| p.nf_fill = fr(40_001)).unwrap();
    // A claim is not a dispense.
    let now = w.now();
    let claimed = w
        .post(Statement::Claim(claim(&now, 1)), "gateway-a")
        .unwrap()
        .index;
    refused!(w.void("gateway-a", claimed), Refusal::NotADispense(_));
}

#[test]
fn a_pharmacy_that_lost_its_key_cannot_void() {
    let mut w = World::new();
    let fill = w.fill(1, |_| ()).unwrap().index;
    let zero = w.governance.registry(2, RegistryAction::Zero);
    w.submit(&zero).unwrap();
    refused!(
        w.void("pharmacy-1", fill),
        Refusal::Role {
            role: Role::Pharmacy,
            ..
        }
    );
}

#[test]
fn a03_a_burn_cancels_fills_and_nothing_else() {
    let mut w = World::new();
    let (fk, used) = (fr(5), fr(6));
    let nf = |key: Fr| tagged(Tag::Fill, [key]);
    refused!(
        w.burn("pharmacy-1", vec![fk]),
        Refusal::Role {
            role: Role::Prescriber,
            ..
        }
    );
    let fill = w.fill(1, |p| p.nf_fill = nf(used)).unwrap().index;
    w.burn("dr-1", vec![fk, used, fr(10_002)]).unwrap();
    refused!(
        w.fill(2, |p| p.nf_fill = nf(fk)),
        Refusal::Spent(NullifierKind::Fill)
    );
    // A note's nullifier given as a fill key is hashed, so the note is untouched.
    w.fill(2, |_| ()).unwrap();
    // Voiding a fill that was burned meanwhile brings back the note, not the fill.
    w.void("pharmacy-1", fill).unwrap();
    refused!(
        w.fill(3, |p| p.nf_fill = nf(used)),
        Refusal::Spent(NullifierKind::Fill)
    );
    assert_eq!(w.state.head().nullifiers, [2, 4, 0, 0, 0]);
    // Burning twice changes nothing more.
    w.burn("dr-1", vec![fk]).unwrap();
    assert_eq!(w.state.head().nullifiers, [2, 4, 0, 0, 0]);
}

#[test]
fn time_never_runs_back() {
    let mut w = World::new();
    let now = w.now();
    w.wait(10);
    w.time -= 1;
    refused!(
        w.post(Statement::Dispense(dispense(&now, 1)), "pharmacy-1"),
        Refusal::TimeRunsBack
    );
    refused!(w.state.seal(w.time), Refusal::TimeRunsBack);
}

#[test]
fn a_batch_of_nothing_but_its_seal_is_refused() {
    let mut w = World::new();
    let before = (
        w.state.head().clone(),
        w.state.log_root(w.state.head().size).unwrap(),
    );
    for time in [w.time, w.time + 1] {
        refused!(w.state.next_seal(time), Refusal::EmptyBatch);
        refused!(w.state.seal(time), Refusal::EmptyBatch);
    }
    let size = w.state.head().size;
    assert_eq!((w.state.head().clone(), w.state.log_root(size).unwrap()), before);
    // One entry is enough, and the genesis is one.
    w.wait(1);
    assert_eq!(World::bare(genesis()).state.head().batches, 1);
}

#[test]
fn a_state_opened_from_its_tables_goes_on_as_the_old_one() {
    let mut w = World::new();
    w.open("authority", "us-ma", account(0, 1)).unwrap();
    let fill = w.fill(1, |_| ()).unwrap().index;
    let old = w.now();
    w.wait(HOUR);
    w.close("authority", "us-ma", 0).unwrap();
    let before = (
        w.state.head().clone(),
        w.state.log_root(w.state.head().size).unwrap(),
    );
    w.reopen();
    assert_eq!(
        (w.state.head().clone(), w.state.log_root(before.0.size).unwrap()),
        before
    );
    refused!(w.fill(1, |p| p.cm_note = fr(3)), Refusal::Spent(_));
    refused!(
        w.open("authority", "us-ma", account(0, 2)),
        Refusal::TooEarly { .. }
    );
    w.fill(2, |p| {
        p.anchor = old.anchor;
        p.identity_root = old.identity_root;
    })
    .unwrap();
    w.void("pharmacy-1", fill).unwrap();
    let body = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense: fill,
    };
    let stale = Entry::Void(Signed::new(body, &w.id(), &key_of("pharmacy-1")));
    refused!(w.submit(&stale), Refusal::Sequence { .. });
    let body = Burn {
        sequence: 1,
        party: name("dr-1"),
        fill_keys: vec![fr(1)],
    };
    w.submit(&Entry::Burn(Signed::new(body, &w.id(), &key_of("dr-1"))))
        .unwrap();
}

/// One random step; the same on every world of the same history.
fn step(w: &mut World, what: u8, n: u8) -> String {
    let n = u64::from(n);
    let fill_key = |n: u64| tagged(Tag::Fill, [fr(n)]);
    let result = match what {
        0 => w.open("authority", "us-ma", account(n as u32 % 3, n % 5)),
        1 => w.close("authority", "us-ma", n as u32 % 3),
        2 => w.fill(n % 6, |p| p.nf_fill = fill_key(n % 4)),
        3 => w.void("pharmacy-1", 40 + n),
        4 => w.burn("dr-1", vec![fr(n % 4)]),
        5 => {
            let now = w.now();
            w.post(Statement::Claim(claim(&now, n % 4)), "gateway-a")
        }
        _ => {
            w.wait(n * HOUR);
            return "waited".into();
        }
    };
    result.map_or_else(|refusal| refusal.to_string(), |effects| format!("{effects:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Replay: a ledger taken up from its tables before every step gives the same answers, roots and
    /// seals as one that never stopped.
    #[test]
    fn l02_stopping_between_batches_changes_nothing(
        steps in proptest::collection::vec((0u8..7, 0u8..24), 1..40)
    ) {
        let (mut running, mut stopping) = (World::new(), World::new());
        for (what, n) in steps {
            stopping.reopen();
            prop_assert_eq!(step(&mut running, what, n), step(&mut stopping, what, n));
            prop_assert_eq!(running.state.head(), stopping.state.head());
        }
        let size = running.state.head().size;
        prop_assert_eq!(running.state.log_root(size).unwrap(), stopping.state.log_root(size).unwrap());
    }
}

#[test]
fn of_an_entry_that_is_refused_an_audit_keeps_the_hash_alone() {
    let (mut kept, mut hashed) = (World::new(), World::new());
    let index = kept.state.head().size;
    let bytes = vec![7; 60_000];
    kept.state
        .append_refused(medproof_verifier::entry::Kind::Void, &bytes)
        .unwrap();
    hashed
        .state
        .append_hash(medproof_verifier::entry::Kind::Void, &bytes)
        .unwrap();
    let [one, other] = [&kept, &hashed].map(|w| (w.state.head().size, w.state.log_root(index + 1).unwrap()));
    assert_eq!(one, other);
    let row = |w: &World| {
        w.state
            .view
            .get(crate::table::Table::Entry, &index.to_be_bytes())
            .unwrap()
    };
    assert_eq!((row(&kept), row(&hashed)), (Some(bytes), None));
}
