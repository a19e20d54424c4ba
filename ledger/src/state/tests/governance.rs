//! CIRCUIT, REGISTRY and POLICY entries.

use super::*;
use crate::testing::terms;
use medproof_verifier::entry::{PolicyAction, PolicyChange, PolicyTerms};

#[test]
fn v08_circuits_are_accepted_by_governance_and_retired_for_good() {
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
    // Neither zero nor off the curve, nor the identity, nor the point of order 2.
    for (x, y) in [(fr(0), fr(0)), (fr(5), fr(6)), (fr(0), fr(1)), (fr(0), -fr(1))] {
        let key = changed(Role::Prescriber, &|l| (l.ax, l.ay) = (x, y));
        refused!(put(key), Refusal::RoleKey { .. });
    }
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
fn a_policy_that_was_ended_altogether_overlaps_none() {
    let mut w = World::new();
    let day = |days: u64| Day::from_unix_seconds(START - days * DAY);
    let accept = |w: &mut World, id| {
        w.governance.sequence += 1;
        // From before to after the days of the policy of the set-up.
        let terms = PolicyTerms {
            valid_from: day(200),
            ..terms(id, "us-ma", PolicyPurpose::Dispense)
        };
        let body = PolicyChange {
            sequence: w.governance.sequence,
            action: PolicyAction::Accept(terms),
        };
        let entry = Entry::Policy(w.governance.sign(body));
        w.submit(&entry)
    };
    refused!(accept(&mut w, 101), Refusal::PolicyOverlap(_));
    w.governance.sequence -= 1;
    // Its one first day is left: still an overlap.
    let ended = w.governance.end_policy(100, day(100));
    w.submit(&ended).unwrap();
    refused!(accept(&mut w, 101), Refusal::PolicyOverlap(_));
    w.governance.sequence -= 1;
    let ended = w.governance.end_policy(100, day(101));
    w.submit(&ended).unwrap();
    accept(&mut w, 101).unwrap();
    w.reopen();
    refused!(accept(&mut w, 102), Refusal::PolicyOverlap(_));
}
