//! STATEMENT entries.

use super::*;

#[test]
fn a03_nullifiers_are_spent_once_and_kinds_do_not_mix() {
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
fn l03_roots_are_accepted_within_their_windows() {
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
fn a05_dates_and_policies_are_judged() {
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
    // A payer has one policy id for all its domains; the ledger knows of which one it is.
    let elsewhere = PolicyPurpose::Claim {
        payer: name("payer-a"),
        plan: 9,
    };
    let elsewhere = w.governance.policy(301, "plan-b", elsewhere);
    w.submit(&elsewhere).unwrap();
    let now = w.now();
    let mut one = claim(&now, 1);
    one.policy_id = fr(301);
    refused!(w.post(Statement::Claim(one), "gateway-a"), Refusal::PolicyDomain);
    one.policy_id = fr(300);
    one.domain = name("plan-b").to_fr();
    refused!(w.post(Statement::Claim(one), "gateway-a"), Refusal::PolicyDomain);
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
fn a08_relying_parties_need_their_role_in_the_statements_domain() {
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
fn a10_ended_and_zeroed_keys_lose_their_role() {
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
fn a10_a_rotated_posting_key_ends_the_old_one() {
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
fn l05_a_proof_is_bound_to_ledger_party_challenge_and_payload() {
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
    // `ctx` binds 248 bits of each: an entry with more could be changed unseen, so there is none.
    refused!(
        submit(&|p| p.challenge[31] ^= 1),
        Refusal::Malformed(DecodeError {
            field: "challenge",
            ..
        })
    );
    refused!(
        submit(&|p| p.payload_hash[31] ^= 1),
        Refusal::Malformed(DecodeError {
            field: "payload hash",
            ..
        })
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
