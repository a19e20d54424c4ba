//! A batch of entries gets the answers of checking each.

use super::*;
use crate::testing::{World, account, claim, dispense, eligibility, fr, key_of, open, post, proof};
use medproof_verifier::{
    CircuitName, Fr,
    entry::{Post, post_digest},
    statement::BindPublic,
};

/// An entry that is fine, or wrong in the way of this number, with what is said of it.
fn entry(world: &World, n: u64, kind: u64) -> (Vec<u8>, Option<&'static str>) {
    let (id, now) = (world.id(), world.now());
    let fill = || post(id, Statement::Dispense(dispense(&now, n)), "pharmacy-1");
    let bytes = |post: Post| Entry::Statement(Box::new(post)).to_bytes();
    let changed = |change: &dyn Fn(&mut Post)| {
        let mut post = fill();
        change(&mut post);
        bytes(post)
    };
    match kind {
        0 => (bytes(fill()), None),
        1 => {
            let trial = Statement::Eligibility(eligibility(&now, n));
            (bytes(post(id, trial, "sponsor-1")), None)
        }
        2 => {
            let claim = Statement::Claim(claim(&now, n));
            (bytes(post(id, claim, "gateway-a")), None)
        }
        3 => (open(id, n, "authority", "us-ma", account(1, n)).to_bytes(), None),
        // The proof of other inputs.
        4 => {
            let other = |post: &mut Post| {
                let inputs: Vec<Fr> = post.inputs.iter().map(|x| *x + fr(1)).collect();
                post.proof = proof(CircuitName::Dispense, 0, &inputs);
            };
            (changed(&other), Some("the proof does not hold"))
        }
        // Bound to another challenge.
        5 => (
            changed(&|post| post.challenge[0] ^= 1),
            Some("is bound to another"),
        ),
        6 => {
            let shorter = |post: &mut Post| {
                post.inputs.pop();
                let digest = post_digest(&id, &post.circuit_id, &post.inputs);
                post.signature = ed25519_dalek::Signer::sign(&key_of("pharmacy-1"), &digest);
            };
            (changed(&shorter), Some("11 public inputs"))
        }
        7 => {
            let stranger = |post: &mut Post| post.relying_party = "pharmacy-2".parse().unwrap();
            (changed(&stranger), Some("signature"))
        }
        8 => (changed(&|post| post.circuit_id.0[0] ^= 1), Some("circuit")),
        9 => {
            let f = |k: u64| fr(k + n);
            let bind = BindPublic {
                identity_root: f(1),
                domain: f(2),
                issuer_party: f(3),
                subject: f(4),
                person: f(5),
                ctx: f(6),
            };
            (bytes(post(id, Statement::Bind(bind), "pharmacy-1")), Some("bind"))
        }
        _ => (vec![1, 99, n as u8], Some("kind")),
    }
}

fn said(checked: &Result<Submission, Refusal>) -> Result<([u8; 32], bool), String> {
    match checked {
        Ok(submission) => Ok((submission.leaf_hash, submission.verified.is_some())),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[test]
fn every_mixture_is_answered_as_one_by_one() {
    let world = World::new();
    let rules = world.state.rules();
    let mixtures: [&[u64]; 8] = [
        &[],
        &[4],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        &[0, 0, 0, 0, 0, 0],
        &[3, 3, 10, 8],
        &[4, 4, 4, 4, 4],
        &[6, 0, 9, 0, 5, 1, 6],
        &[10, 9, 2, 4, 2, 7, 2, 0, 4],
    ];
    for mixture in mixtures {
        let entries: Vec<_> = (1..)
            .zip(mixture)
            .map(|(n, kind)| entry(&world, n, *kind))
            .collect();
        let bytes: Vec<_> = entries.iter().map(|(bytes, _)| bytes).collect();
        let together = Submission::check_all(&bytes, rules);
        assert_eq!(together.len(), mixture.len());
        for ((bytes, expected), checked) in entries.iter().zip(&together) {
            let answer = said(checked);
            assert_eq!(answer, said(&Submission::check(bytes, rules)), "{mixture:?}");
            match (expected, &answer) {
                (None, Ok((hash, verified))) => {
                    assert_eq!(hash, &leaf_hash(bytes));
                    // Its second byte is the kind.
                    assert_eq!(*verified, bytes[1] == Kind::Statement as u8);
                }
                (Some(part), Err(reason)) => assert!(reason.contains(part), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
