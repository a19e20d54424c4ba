//! A8 and V7: who posts what was proven to whom, and that proof bytes mean nothing.

use crate::{
    ideal,
    world::{OTHER, World, challenge, name, posting, stopped},
};
use ed25519_dalek::Signer;
use medproof_circuits::statements::dispense::Dispense;
use medproof_ledger::Refusal;
use medproof_verifier::{
    Entry, VerifyError,
    entry::{NullifierKind, Post, SignatureError, post_digest},
};

/// A world with a proven fill that pharmacy-1 is about to post.
fn proven() -> (World, Post) {
    let mut w = World::new();
    let alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let fill = w.fill(&alice, &rx, 0);
    let entry = w.post::<Dispense>("pharmacy-1", &fill.public, |public| {
        ideal::prove::<Dispense>(public, &fill.witness)
    });
    let Entry::Statement(post) = entry.unwrap() else {
        unreachable!()
    };
    (w, *post)
}

#[test]
fn a08_a_seen_proof_is_of_no_use_to_another_party() {
    let (mut w, post) = proven();
    let id = w.id();
    let stolen = |change: &dyn Fn(&mut Post), by: &str| {
        let mut stolen = post.clone();
        change(&mut stolen);
        let digest = post_digest(&id, &stolen.circuit_id, &stolen.inputs);
        stolen.signature = posting(by).sign(&digest);
        Entry::Statement(Box::new(stolen))
    };
    // Under its own name, under the first one's, with its own ctx, with a challenge of its own.
    let renamed = stolen(&|p| p.relying_party = name("pharmacy-2"), "pharmacy-2");
    stopped!(w.submit(&renamed), Refusal::Proof(VerifyError::Context));
    let forged = stolen(&|_| (), "pharmacy-2");
    stopped!(w.submit(&forged), Refusal::Signature(SignatureError::Party));
    let rebound = |p: &mut Post| {
        p.relying_party = name("pharmacy-2");
        let ctx = p.context(id).to_fr();
        *p.inputs.last_mut().unwrap() = ctx;
    };
    stopped!(
        w.submit(&stolen(&rebound, "pharmacy-2")),
        Refusal::Proof(VerifyError::Proof)
    );
    let asked_anew = |p: &mut Post| p.challenge = challenge(4);
    stopped!(
        w.submit(&stolen(&asked_anew, "pharmacy-1")),
        Refusal::Proof(VerifyError::Context)
    );
    let other_payload = |p: &mut Post| p.payload_hash = challenge(4);
    stopped!(
        w.submit(&stolen(&other_payload, "pharmacy-1")),
        Refusal::Proof(VerifyError::Context)
    );
    w.submit(&Entry::Statement(Box::new(post))).unwrap();
}

#[test]
fn a08_the_same_post_twice_is_one_entry() {
    let (mut w, post) = proven();
    let entry = Entry::Statement(Box::new(post.clone()));
    let first = w.submit(&entry).unwrap();
    assert_eq!(w.submit(&entry).unwrap(), first);
    // Under another challenge it is another statement, whose note is spent.
    let mut again = post;
    again.challenge = challenge(9);
    let ctx = again.context(w.id()).to_fr();
    *again.inputs.last_mut().unwrap() = ctx;
    let digest = post_digest(&w.id(), &again.circuit_id, &again.inputs);
    again.signature = posting("pharmacy-1").sign(&digest);
    again.proof = ideal::forge(&again.inputs);
    stopped!(
        w.submit(&Entry::Statement(Box::new(again))),
        Refusal::Spent(NullifierKind::Account)
    );
}

#[test]
fn v07_a_rerandomised_proof_is_the_same_event() {
    let (mut w, post) = proven();
    let mut other = post.clone();
    other.proof = ideal::rerandomised(&post.proof);
    assert_ne!(other.proof.to_bytes(), post.proof.to_bytes());
    let (first, second) = (
        Entry::Statement(Box::new(post)),
        Entry::Statement(Box::new(other)),
    );
    assert_ne!(first.leaf_hash(), second.leaf_hash());
    let effects = w.submit(&first).unwrap();
    assert_eq!(w.submit(&second).unwrap(), effects);
    // The other way round, in a ledger that has seen neither.
    let (mut w, _) = proven();
    let effects = w.submit(&second).unwrap();
    assert_eq!(w.submit(&first).unwrap(), effects);
}
