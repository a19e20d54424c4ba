//! The four statements through keys, prover and service, each with its built-in example. Development keys
//! are cached where the product caches them, so that only the first run makes them.

#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use ark_bn254::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use medproof_circuits::{
    scenario,
    statement::Circuit,
    statements::{
        bind::Bind,
        claim::Claim,
        dispense::Dispense,
        eligibility::{Eligibility, Standard},
    },
};
use medproof_prover::{
    KeyStore, Mode, ProveError, Prover, Server, ServerConfig,
    client::{Client, ClientError, Update},
    wire::WireWitness,
};
use medproof_verifier::{CircuitName, Proof, Public, VerifyError, VerifyingKey};
use rand::rngs::OsRng;
use std::{sync::Arc, time::Duration};
use tonic::Code;

const DEADLINE: Duration = Duration::from_secs(120);

fn bind() -> (<Bind as Circuit>::Public, <Bind as Circuit>::Witness) {
    let (domain, issuer) = ("us-ma".parse().unwrap(), "clinic-1".parse().unwrap());
    scenario::bind::example(&mut OsRng, &domain, &issuer, Fr::from(5u64))
}

fn claim() -> (<Claim as Circuit>::Public, <Claim as Circuit>::Witness) {
    scenario::claim::example(&mut OsRng, Fr::from(5u64))
}

fn dispense() -> (<Dispense as Circuit>::Public, <Dispense as Circuit>::Witness) {
    scenario::dispensing::example(&mut OsRng, Fr::from(5u64))
}

type Screening = Eligibility<Standard>;

fn eligibility() -> (<Screening as Circuit>::Public, <Screening as Circuit>::Witness) {
    match scenario::eligibility::example(&mut OsRng, Fr::from(5u64)) {
        scenario::eligibility::Assignment::Standard(public, witness) => (public, witness),
        scenario::eligibility::Assignment::Large(..) => panic!("the example is small"),
    }
}

/// Who forges takes A = alpha, B = beta, C = -IC(x), which holds under a key without a real phase 2.
fn forger_fails(key: &VerifyingKey, inputs: &[Fr]) {
    let vk = key.inner();
    let ic = vk.gamma_abc_g1[1..].iter().zip(inputs);
    let ic = ic.fold(vk.gamma_abc_g1[0].into_group(), |sum, (p, x)| sum + *p * x);
    for c in [(-ic).into_affine(), ic.into_affine(), G1Affine::generator()] {
        let forged = ark_groth16::Proof {
            a: vk.alpha_g1,
            b: vk.beta_g2,
            c,
        };
        let forged = Proof::new(forged).unwrap();
        assert_eq!(key.verify(inputs, &forged), Err(VerifyError::Proof));
    }
}

/// Proves an example over the service, then tries what must fail.
async fn play<C: WireWitness>(
    prover: &Prover,
    client: &mut Client,
    example: fn() -> (C::Public, C::Witness),
) {
    let key = prover.verifying_key(C::NAME).unwrap();
    let (public, witness) = example();
    assert_eq!(C::relation(&public, &witness), Ok(()));
    let inputs = public.to_vec();
    let mut stages = Vec::new();
    let mut update = |u| {
        if let Update::Stage { name, percent } = u {
            stages.push((name, percent));
        }
    };
    let sent = client.prove::<C>(key, &public, &witness, DEADLINE, &mut update);
    let (proof, timings) = sent.await.unwrap();
    assert_eq!(key.verify(&inputs, &proof), Ok(()));
    assert!(timings.total() < DEADLINE);
    assert!(stages.contains(&("proving".to_owned(), 20)), "{stages:?}");

    // Each public input changed in turn: the proof does not hold, and none is made.
    for at in 0..inputs.len() {
        let mut changed = inputs.clone();
        // Far outside: a date a day later may be as true.
        changed[at] += Fr::from(1u128 << 100);
        assert_eq!(key.verify(&changed, &proof), Err(VerifyError::Proof), "{at}");
        let public = C::Public::from_slice(&changed).unwrap();
        let assigned = prover.assign::<C>(&public, &witness);
        // `ctx` binds the proof and has no clause.
        if C::Public::NAMES[at] == "ctx" {
            assert!(assigned.is_ok());
        } else {
            assert!(matches!(assigned, Err(ProveError::Unsatisfied(_))), "input {at}");
        }
    }
    let (_, other) = example();
    let refused = client
        .prove::<C>(key, &public, &other, DEADLINE, &mut |_| ())
        .await;
    match refused.unwrap_err() {
        ClientError::Status(status) => assert_eq!(status.code(), Code::FailedPrecondition),
        error => panic!("{error}"),
    }
    forger_fails(key, &inputs);
}

#[tokio::test(flavor = "multi_thread")]
async fn v03_v05_every_statement_is_proven_over_the_service() {
    let store = KeyStore::at_default(Mode::Development).unwrap();
    let circuits = [
        CircuitName::Bind,
        CircuitName::Dispense,
        CircuitName::Eligibility,
        CircuitName::Claim,
    ];
    let prover = Arc::new(Prover::open(&store, &circuits, &mut |_| ()).unwrap());
    let server = Server::start(Arc::clone(&prover), ServerConfig::default())
        .await
        .unwrap();
    let mut client = Client::connect(&server.address().into()).await.unwrap();
    play::<Bind>(&prover, &mut client, bind).await;
    play::<Dispense>(&prover, &mut client, dispense).await;
    play::<Claim>(&prover, &mut client, claim).await;
    play::<Screening>(&prover, &mut client, eligibility).await;
    let health = client.health().await.unwrap();
    assert!(
        health
            .counts
            .iter()
            .all(|c| (c.proven, c.refused, c.failed) == (1, 1, 0))
    );

    // Nobody else's key answers for a circuit.
    let listed = client.circuits().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|c| c.key().unwrap().circuit_id()).collect();
    assert_eq!(ids.len(), circuits.len());
    assert!((1..ids.len()).all(|i| !ids[..i].contains(&ids[i])));
    server.shutdown().await;
}

#[test]
fn v06_a_damaged_proof_is_refused_at_every_byte() {
    let store = KeyStore::at_default(Mode::Development).unwrap();
    let prover = Prover::open(&store, &[CircuitName::Bind], &mut |_| ()).unwrap();
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let (public, witness) = bind();
    let bytes = prover.prove::<Bind>(&public, &witness).unwrap().proof.to_bytes();
    for at in 0..bytes.len() {
        let mut damaged = bytes;
        damaged[at] ^= 1;
        let verdict = Proof::from_bytes(&damaged).map(|p| key.verify(&public.to_vec(), &p));
        assert!(!matches!(verdict, Ok(Ok(()))), "byte {at}");
    }
}
