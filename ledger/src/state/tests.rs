//! Acceptance rules: what is accepted, what it does, and what is refused.

use crate::{
    refusal::Refusal,
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

#[test]
fn leaves_are_typed_by_the_ledger_and_roots_are_those_of_a_full_recomputation() {
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
        .registry()
        .map(|(_, leaf, _)| leaf.hash())
        .collect();
    assert_eq!(w.now().registry_root, DenseTree::<10>::new(keys).unwrap().root());
    // Account, (fill: freed), trial, claim, benefit.
    assert_eq!(w.state.head().nullifiers, [1, 0, 1, 1, 1]);
}

#[test]
fn only_the_right_role_opens_in_its_own_domain() {
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
}

#[test]
fn a_person_has_one_leaf_and_comes_back_only_after_the_delay() {
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
fn nullifiers_are_spent_once_and_kinds_do_not_mix() {
    let mut w = World::new();
    let first = w.fill(1, |_| ()).unwrap();
    refused!(
        w.fill(2, |p| p.nf_note = fr(10_001)),
        Refusal::Spent(NullifierKind::Account)
    );
    refused!(
        w.fill(2, |p| p.nf_fill = fr(40_001)),
        Refusal::Spent(NullifierKind::Fill)
    );
    let now = w.now();
    let mut trial = eligibility(&now, 1);
    trial.nf_trial = fr(10_001);
    w.post(Statement::Eligibility(trial), "sponsor-1").unwrap();
    let mut other = eligibility(&now, 2);
    other.nf_trial = fr(10_001);
    other.registry_root = now.registry_root;
    other.date = now.date + fr(1);
    refused!(
        w.post(Statement::Eligibility(other), "sponsor-1"),
        Refusal::Spent(NullifierKind::Trial)
    );
    let mut one = claim(&now, 1);
    one.nf_benefit = fr(10_001);
    one.nf_claim = fr(40_001);
    w.post(Statement::Claim(one), "gateway-a").unwrap();
    let mut two = claim(&now, 2);
    two.nf_claim = fr(40_001);
    refused!(
        w.post(Statement::Claim(two), "gateway-a"),
        Refusal::Spent(NullifierKind::Claim)
    );
    two.nf_claim = fr(7);
    two.nf_benefit = fr(10_001);
    refused!(
        w.post(Statement::Claim(two), "gateway-a"),
        Refusal::Spent(NullifierKind::Benefit)
    );

    // The same circuit and inputs are found again, also under other proof bytes.
    let again = w
        .state
        .base()
        .get(crate::table::Table::Entry, &first.index.to_be_bytes())
        .unwrap()
        .unwrap();
    let Entry::Statement(mut stored) = Entry::from_bytes(&again).unwrap() else {
        unreachable!()
    };
    let submission = Submission::check(&again, w.state.rules()).unwrap();
    assert_eq!(w.state.find(&submission).unwrap(), Some(first));
    stored.proof = re_randomised(&stored.inputs);
    let submission = Submission::check(&Entry::Statement(stored).to_bytes(), w.state.rules()).unwrap();
    assert_eq!(w.state.find(&submission).unwrap(), Some(first));
}

/// Another proof of the same inputs: A' = A / r, B' = r B, C' = C.
fn re_randomised(inputs: &[Fr]) -> medproof_verifier::Proof {
    use ark_ec::CurveGroup;
    use ark_ff::Field;
    let p = proof(CircuitName::Dispense, 0, inputs);
    let r = fr(99);
    medproof_verifier::Proof::new(ark_groth16::Proof {
        a: (p.inner().a * r.inverse().unwrap()).into_affine(),
        b: (p.inner().b * r).into_affine(),
        c: p.inner().c,
    })
    .unwrap()
}

#[test]
fn a_void_is_the_posters_own_once_within_14_days() {
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
fn a_burn_cancels_fills_and_nothing_else() {
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
fn roots_are_accepted_within_their_windows() {
    let mut w = World::new();
    w.open("authority", "us-ma", account(0, 1)).unwrap();
    let old = w.now();
    let sealed = w.time;
    refused!(w.fill(1, |p| p.anchor = fr(1)), Refusal::Anchor);
    refused!(w.fill(1, |p| p.identity_root = fr(1)), Refusal::IdentityRoot);
    refused!(w.fill(1, |p| p.registry_root = fr(1)), Refusal::RegistryRoot);
    // Idle for two days: the newest anchor still holds.
    w.time += 2 * DAY;
    w.fill(1, |_| ()).unwrap();
    let after = w.now();
    // Sealed more than 24 hours ago and replaced now.
    refused!(w.fill(2, |p| p.anchor = old.anchor), Refusal::Anchor);
    // A burst of posts between proof and post does no harm.
    for n in 10..40 {
        w.fill(n, |_| ()).unwrap();
    }
    w.open("authority", "us-ma", account(1, 2)).unwrap();
    let replaced = w.time;
    w.time = replaced + 600;
    w.fill(2, |p| {
        p.anchor = after.anchor;
        p.identity_root = after.identity_root;
    })
    .unwrap();
    w.time += 1;
    refused!(
        w.fill(3, |p| p.identity_root = after.identity_root),
        Refusal::IdentityRoot
    );
    w.time = sealed + 2 * DAY + 24 * HOUR;
    w.fill(3, |p| p.anchor = after.anchor).unwrap();
    w.time += 1;
    refused!(w.fill(4, |p| p.anchor = after.anchor), Refusal::Anchor);
    let registry = w.now().registry_root;
    let put = w.governance.put(50, Role::Pharmacy, "pharmacy-9", "us-ma");
    w.submit(&put).unwrap();
    w.time += 600;
    w.fill(4, |p| p.registry_root = registry).unwrap();
    w.time += 1;
    refused!(w.fill(5, |p| p.registry_root = registry), Refusal::RegistryRoot);
    // An anchor of the batch in progress is not sealed yet.
    let id = w.id();
    let now = w.now();
    let one = Entry::Statement(Box::new(post(
        id,
        Statement::Dispense(dispense(&now, 6)),
        "pharmacy-1",
    )));
    let submission = Submission::check(&one.to_bytes(), w.state.rules()).unwrap();
    w.state.apply(&submission, w.time).unwrap();
    let future = w.state.next_seal(w.time).unwrap().commitment_root;
    let mut two = dispense(&now, 7);
    two.anchor = future;
    let two = Entry::Statement(Box::new(post(id, Statement::Dispense(two), "pharmacy-1")));
    let submission = Submission::check(&two.to_bytes(), w.state.rules()).unwrap();
    refused!(w.state.apply(&submission, w.time), Refusal::Anchor);
}

#[test]
fn dates_and_policies_are_judged() {
    let mut w = World::new();
    let today = w.now().date;
    for days in [2u64, 3, 40_000] {
        refused!(
            w.fill(1, |p| p.date = today + fr(days)),
            Refusal::Date { .. } | Refusal::NotADay
        );
    }
    refused!(w.fill(1, |p| p.date = today - fr(2)), Refusal::Date { .. });
    refused!(w.fill(1, |p| p.date = fr(0xFFFF)), Refusal::NotADay);
    refused!(w.fill(1, |p| p.date = today + fr(1 << 16)), Refusal::NotADay);
    refused!(w.fill(1, |p| p.date = -fr(1)), Refusal::NotADay);
    w.fill(1, |p| p.date = today + fr(1)).unwrap();
    w.fill(2, |p| p.date = today - fr(1)).unwrap();

    refused!(w.fill(3, |p| p.policy_id = fr(101)), Refusal::UnknownPolicy);
    refused!(w.fill(3, |p| p.policy_id = fr(200)), Refusal::PolicyKind);
    let nh = w.governance.policy(102, "us-nh", PolicyPurpose::Dispense);
    w.submit(&nh).unwrap();
    refused!(w.fill(3, |p| p.policy_id = fr(102)), Refusal::PolicyDomain);
    refused!(
        w.fill(3, |p| p.domain = name("us-nh").to_fr()),
        Refusal::PolicyDomain
    );
    // A domain element that is no name cannot be typed into a leaf.
    refused!(w.fill(3, |p| p.domain += fr(1)), Refusal::PolicyDomain);
    let now = w.now();
    let trial = Statement::Eligibility(eligibility(&now, 1));
    refused!(w.post(trial, "sponsor-2"), Refusal::PolicySponsor);
    w.post(trial, "sponsor-1").unwrap();

    let end = Day(Day::from_unix_seconds(w.time).0);
    let ended = w.governance.end_policy(100, end);
    w.submit(&ended).unwrap();
    w.fill(3, |_| ()).unwrap();
    refused!(w.fill(4, |p| p.date += fr(1)), Refusal::PolicyDates { .. });
    w.time += DAY;
    refused!(w.fill(4, |_| ()), Refusal::PolicyDates { .. });
    w.fill(4, |p| p.date -= fr(1)).unwrap();
}

#[test]
fn relying_parties_need_their_role_in_the_statements_domain() {
    let mut w = World::new();
    let now = w.now();
    let fill = Statement::Dispense(dispense(&now, 1));
    for party in ["pharmacy-nh", "gateway-a", "sponsor-1", "authority", "dr-1"] {
        refused!(
            w.post(fill, party),
            Refusal::Role {
                role: Role::Pharmacy,
                ..
            }
        );
    }
    refused!(w.post(fill, "stranger"), Refusal::UnknownParty(_));
    for party in ["payer-a", "pharmacy-1", "payer-b"] {
        refused!(
            w.post(Statement::Claim(claim(&now, 1)), party),
            Refusal::Role { .. }
        );
    }
    w.post(fill, "pharmacy-2").unwrap();
}

#[test]
fn ended_and_zeroed_keys_lose_their_role() {
    let mut w = World::new();
    let today = Day::from_unix_seconds(w.time);
    // pharmacy-1 is leaf 2, pharmacy-2 leaf 3.
    let end = w.governance.registry(2, RegistryAction::End { valid_to: today });
    w.submit(&end).unwrap();
    w.fill(1, |_| ()).unwrap();
    w.time += DAY;
    refused!(w.fill(2, |_| ()), Refusal::Role { .. });
    refused!(w.fill(2, |p| p.date -= fr(1)), Refusal::Role { .. });
    let zero = w.governance.registry(3, RegistryAction::Zero);
    w.submit(&zero).unwrap();
    let now = w.now();
    refused!(
        w.post(Statement::Dispense(dispense(&now, 2)), "pharmacy-2"),
        Refusal::Role { .. }
    );
    // A key that is valid only from tomorrow.
    let mut later = put_action(Role::Pharmacy, "pharmacy-2", name("us-ma").to_fr());
    if let RegistryAction::Put { leaf, .. } = &mut later {
        leaf.valid_from = Day(Day::from_unix_seconds(w.time).0 + 1);
    }
    let put = w.governance.registry(3, later);
    w.submit(&put).unwrap();
    let now = w.now();
    refused!(
        w.post(Statement::Dispense(dispense(&now, 2)), "pharmacy-2"),
        Refusal::Role { .. }
    );
    w.time += DAY;
    let now = w.now();
    w.post(Statement::Dispense(dispense(&now, 2)), "pharmacy-2")
        .unwrap();
}

#[test]
fn a_rotated_posting_key_ends_the_old_one() {
    let mut w = World::new();
    let now = w.now();
    let entry = Entry::Statement(Box::new(post(
        w.id(),
        Statement::Dispense(dispense(&now, 1)),
        "pharmacy-1",
    )));
    let submission = Submission::check(&entry.to_bytes(), w.state.rules()).unwrap();
    let mut action = put_action(Role::Pharmacy, "pharmacy-1", name("us-ma").to_fr());
    if let RegistryAction::Put { posting_key, .. } = &mut action {
        *posting_key = key_of("fresh").verifying_key();
    }
    let put = w.governance.registry(60, action);
    w.submit(&put).unwrap();
    // Checked before the rotation, judged after it.
    refused!(
        w.state.apply(&submission, w.time),
        Refusal::Signature(SignatureError::Party)
    );
    refused!(w.submit(&entry), Refusal::Signature(SignatureError::Party));
}

#[test]
fn a_proof_is_bound_to_ledger_party_challenge_and_payload() {
    let mut w = World::new();
    let now = w.now();
    let base = post(w.id(), Statement::Dispense(dispense(&now, 1)), "pharmacy-1");
    let mut submit = |change: &dyn Fn(&mut medproof_verifier::entry::Post)| {
        let mut post = base.clone();
        change(&mut post);
        w.submit(&Entry::Statement(Box::new(post)))
    };
    refused!(
        submit(&|p| p.challenge[0] ^= 1),
        Refusal::Proof(VerifyError::Context)
    );
    refused!(
        submit(&|p| p.payload_hash[0] ^= 1),
        Refusal::Proof(VerifyError::Context)
    );
    refused!(
        submit(&|p| p.relying_party = name("pharmacy-2")),
        Refusal::Signature(SignatureError::Party)
    );
    refused!(
        submit(&|p| p.inputs[6] += fr(1)),
        Refusal::Signature(SignatureError::Party)
    );
    refused!(
        submit(&|p| p.proof = proof(CircuitName::Dispense, 0, &[fr(1); 12])),
        Refusal::Proof(VerifyError::Proof)
    );
    // Seen in the log and signed anew by another pharmacy: still bound to the first one.
    refused!(
        submit(&|p| {
            use ed25519_dalek::Signer;
            let digest =
                medproof_verifier::entry::post_digest(&genesis().ledger_id(), &p.circuit_id, &p.inputs);
            p.relying_party = name("pharmacy-2");
            p.signature = key_of("pharmacy-2").sign(&digest);
        }),
        Refusal::Proof(VerifyError::Context)
    );
    // Other circuits' keys, and inputs that are too few.
    refused!(
        submit(&|p| p.circuit_id = verifying_key(CircuitName::Dispense, 1, true).circuit_id()),
        Refusal::UnknownCircuit(_)
    );
    let resigned = |p: &mut medproof_verifier::entry::Post| {
        use ed25519_dalek::Signer;
        let digest = medproof_verifier::entry::post_digest(&genesis().ledger_id(), &p.circuit_id, &p.inputs);
        p.signature = key_of("pharmacy-1").sign(&digest);
    };
    refused!(
        submit(&|p| {
            p.inputs.pop();
            resigned(p);
        }),
        Refusal::Proof(VerifyError::Inputs { .. })
    );
    refused!(
        submit(&|p| {
            p.circuit_id = verifying_key(CircuitName::Claim, 0, true).circuit_id();
            p.inputs.pop();
            resigned(p);
        }),
        Refusal::Proof(VerifyError::Context | VerifyError::Proof)
    );
    submit(&|_| ()).unwrap();
    let elsewhere = post([9; 32], Statement::Dispense(dispense(&now, 2)), "pharmacy-1");
    refused!(
        w.submit(&Entry::Statement(Box::new(elsewhere))),
        Refusal::Signature(SignatureError::Party)
    );
}

#[test]
fn what_only_the_ledger_makes_and_what_is_never_posted() {
    let mut w = World::new();
    let bind = BindPublic {
        identity_root: w.now().identity_root,
        domain: name("us-ma").to_fr(),
        issuer_party: fr(1),
        subject: fr(2),
        person: fr(3),
        ctx: fr(0),
    };
    refused!(w.post(Statement::Bind(bind), "pharmacy-1"), Refusal::BindPosted);
    refused!(w.submit(&Entry::Genesis(genesis())), Refusal::Reserved(_));
    let seal = Seal {
        batch: 99,
        first: 0,
        previous: [0; 32],
        time: START,
        commitment_root: fr(0),
        identity_root: fr(0),
        registry_root: fr(0),
        commitments: 0,
        nullifiers: [0; 5],
    };
    refused!(w.submit(&Entry::Seal(seal)), Refusal::Reserved(_));
    let garbage = Submission::check(&[1, 7, 0], w.state.rules());
    assert!(matches!(
        garbage,
        Err(Refusal::Malformed(DecodeError {
            field: "circuit id",
            ..
        }))
    ));
}

#[test]
fn circuits_are_accepted_by_governance_and_retired_for_good() {
    let accept = |circuit, salt, development| {
        CircuitAction::Accept(Box::new(verifying_key(circuit, salt, development)))
    };
    let mut w = World::new();
    let id = verifying_key(CircuitName::Dispense, 0, true).circuit_id();
    let again = Governance {
        sequence: w.governance.sequence,
        ..Governance::new(w.id())
    }
    .circuit(accept(CircuitName::Dispense, 0, true));
    refused!(w.submit(&again), Refusal::KnownCircuit(_));
    let retire = w.governance.circuit(CircuitAction::Retire(id));
    w.submit(&retire).unwrap();
    refused!(w.fill(1, |_| ()), Refusal::RetiredCircuit(_));
    let twice = w.governance.circuit(CircuitAction::Retire(id));
    refused!(w.submit(&twice), Refusal::RetiredCircuit(_));
    w.governance.sequence -= 1;
    let back = w.governance.circuit(accept(CircuitName::Dispense, 0, true));
    refused!(w.submit(&back), Refusal::KnownCircuit(_));
    w.governance.sequence -= 1;
    let fresh = w.governance.circuit(accept(CircuitName::Dispense, 1, false));
    w.submit(&fresh).unwrap();

    let pinned = PinnedCircuit {
        name: CircuitName::Dispense,
        version: 1,
        id,
    };
    let production = Genesis {
        development: false,
        reenrol_delay: DAY as u32,
        pinned: vec![pinned],
        ..genesis()
    };
    let mut w = World::bare(production);
    let dev = w.governance.circuit(accept(CircuitName::Claim, 0, true));
    refused!(w.submit(&dev), Refusal::DevelopmentKey);
    w.governance.sequence -= 1;
    let other = w.governance.circuit(accept(CircuitName::Dispense, 1, false));
    refused!(w.submit(&other), Refusal::PinnedCircuit);
    w.governance.sequence -= 1;
    let good = w.governance.circuit(accept(CircuitName::Claim, 0, false));
    w.submit(&good).unwrap();
}

#[test]
fn governance_is_signed_by_its_threshold_in_sequence() {
    let mut w = World::new();
    let next = w.governance.sequence + 1;
    for sequence in [0, 1, next - 1, next + 1, u64::MAX] {
        let body = RegistryChange {
            sequence,
            index: 2,
            action: RegistryAction::Zero,
        };
        let entry = Entry::Registry(w.governance.sign(body));
        refused!(w.submit(&entry), Refusal::GovernanceSequence { .. });
    }
    let body = RegistryChange {
        sequence: next,
        index: 2,
        action: RegistryAction::Zero,
    };
    let g0 = ["g0", "g1", "g2"]
        .map(key_of)
        .into_iter()
        .min_by_key(|k| k.verifying_key().to_bytes())
        .unwrap();
    let sign = |ledger: &[u8; 32], keys: &[(u8, &ed25519_dalek::SigningKey)]| {
        Entry::Registry(medproof_verifier::entry::Governed::new(
            body.clone(),
            ledger,
            keys,
        ))
    };
    let id = w.id();
    refused!(
        w.submit(&sign(&id, &[])),
        Refusal::Signature(SignatureError::Threshold { .. })
    );
    refused!(
        w.submit(&sign(&id, &[(0, &g0)])),
        Refusal::Signature(SignatureError::Threshold { .. })
    );
    refused!(
        w.submit(&sign(&id, &[(0, &g0), (1, &g0)])),
        Refusal::Signature(SignatureError::Governance(1))
    );
    refused!(
        w.submit(&sign(&id, &[(0, &g0), (9, &g0)])),
        Refusal::Signature(SignatureError::UnknownKey(9))
    );
    let elsewhere = Entry::Registry(Governance::new([7; 32]).sign(body.clone()));
    refused!(
        w.submit(&elsewhere),
        Refusal::Signature(SignatureError::Governance(0))
    );
    let good = Entry::Registry(w.governance.sign(body));
    w.submit(&good).unwrap();
}

#[test]
fn registry_leaves_fit_their_roles_and_domains_have_one_opener() {
    let mut w = World::new();
    let put = |action: RegistryAction| {
        let body = RegistryChange {
            sequence: w.governance.sequence + 1,
            index: 70,
            action,
        };
        let entry = Entry::Registry(w.governance.sign(body));
        let submission = Submission::check(&entry.to_bytes(), w.state.rules()).unwrap();
        let result = w.state.rules().check(submission.entry());
        assert!(result.is_err() || w.state.pending() == 0);
        result
    };
    let ma = name("us-ma").to_fr();
    refused!(put(RegistryAction::Zero), Refusal::LeafEmpty(70));
    refused!(
        put(put_action(Role::EnrolmentAuthority, "rival", ma)),
        Refusal::DomainOwned { .. }
    );
    refused!(
        put(put_action(Role::Payer, "payer-a", ma)),
        Refusal::DomainOwned { .. }
    );
    refused!(
        put(put_action(Role::Payer, "payer-b", name("plan-a").to_fr())),
        Refusal::DomainOwned { .. }
    );
    put(put_action(Role::EnrolmentAuthority, "authority", ma)).unwrap();
    refused!(
        put(put_action(Role::Sponsor, "sponsor-3", fr(5))),
        Refusal::RoleScope { .. }
    );
    refused!(
        put(put_action(Role::Provider, "clinic", fr(999_999_999))),
        Refusal::RoleScope { .. }
    );
    refused!(
        put(put_action(Role::Provider, "clinic", ma)),
        Refusal::RoleScope { .. }
    );
    put(put_action(Role::Provider, "clinic", fr(1_234_567_893))).unwrap();
    refused!(
        put(put_action(Role::Pharmacy, "p", fr(0))),
        Refusal::RoleScope { .. }
    );
    let changed = |role, change: &dyn Fn(&mut medproof_verifier::KeyLeaf)| {
        let mut action = put_action(role, "x", ma);
        if let RegistryAction::Put { leaf, .. } = &mut action {
            change(leaf);
        }
        action
    };
    refused!(
        put(changed(Role::Pharmacy, &|l| l.ax = fr(1))),
        Refusal::RoleKey { .. }
    );
    refused!(
        put(changed(Role::Prescriber, &|l| (l.ax, l.ay) = (fr(0), fr(0)))),
        Refusal::RoleKey { .. }
    );
    refused!(
        put(changed(Role::Pharmacy, &|l| l.valid_to = Day(l.valid_from.0 - 1))),
        Refusal::Validity
    );

    let in_use = w.governance.put(2, Role::Pharmacy, "p", "us-ma");
    refused!(w.submit(&in_use), Refusal::LeafInUse(2));
    w.governance.sequence -= 1;
    let extended = w
        .governance
        .registry(2, RegistryAction::End { valid_to: Day::OPEN });
    refused!(w.submit(&extended), Refusal::Validity);
    w.governance.sequence -= 1;
    let early = w.governance.registry(2, RegistryAction::End { valid_to: Day(1) });
    refused!(w.submit(&early), Refusal::Validity);
    w.governance.sequence -= 1;
    let overlap = w.governance.policy(103, "us-ma", PolicyPurpose::Dispense);
    refused!(w.submit(&overlap), Refusal::PolicyOverlap(_));
    w.governance.sequence -= 1;
    let known = w.governance.policy(100, "us-nh", PolicyPurpose::Dispense);
    refused!(w.submit(&known), Refusal::KnownPolicy);
    w.governance.sequence -= 1;
    let longer = w.governance.end_policy(100, Day::OPEN);
    refused!(w.submit(&longer), Refusal::Validity);
    w.governance.sequence -= 1;
    let unknown = w.governance.end_policy(999, Day(5));
    refused!(w.submit(&unknown), Refusal::UnknownPolicy);
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
