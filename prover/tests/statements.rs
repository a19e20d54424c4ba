//! Real statements through keys, prover and service.

use medproof_circuits::{scenario, statement::Circuit, statements::bind::Bind};
use medproof_prover::{
    KeyStore, Mode, ProveError, Prover, Server, ServerConfig,
    client::{Client, ClientError},
};
use medproof_verifier::{CircuitName, Fr, Proof, Public, VerifyError};
use std::{sync::Arc, time::Duration};

const DEADLINE: Duration = Duration::from_secs(60);

fn bind_example() -> (<Bind as Circuit>::Public, <Bind as Circuit>::Witness) {
    let (domain, issuer) = ("us-ma".parse().unwrap(), "clinic-1".parse().unwrap());
    scenario::bind::example(&mut rand::rngs::OsRng, &domain, &issuer, Fr::from(5u64))
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_is_proven_locally_and_over_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let store = KeyStore::new(directory.path(), Mode::Development);
    let prover = Prover::open(&store, &[CircuitName::Bind], &mut |_| ()).unwrap();
    let prover = Arc::new(prover);
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let (public, witness) = bind_example();
    let local = prover.prove::<Bind>(&public, &witness).unwrap();
    assert_eq!(key.verify(&public.to_vec(), &local.proof), Ok(()));

    let server = Server::start(Arc::clone(&prover), ServerConfig::default())
        .await
        .unwrap();
    let mut client = Client::connect(&server.url()).await.unwrap();
    let (proof, timings) = client
        .prove::<Bind>(key, &public, &witness, DEADLINE, &mut |_| ())
        .await
        .unwrap();
    assert_eq!(key.verify(&public.to_vec(), &proof), Ok(()));
    assert!(timings.total() < DEADLINE);

    // Somebody else's public inputs: refused here and there.
    let (other, _) = bind_example();
    let refused = prover.prove::<Bind>(&other, &witness).unwrap_err();
    assert!(matches!(refused, ProveError::Unsatisfied("bind")));
    let refused = client
        .prove::<Bind>(key, &other, &witness, DEADLINE, &mut |_| ())
        .await;
    assert!(matches!(refused, Err(ClientError::Status(_))));
    assert_eq!(key.verify(&other.to_vec(), &proof), Err(VerifyError::Proof));

    // Damaged in any byte, a proof is no proof, or does not hold.
    let bytes = proof.to_bytes();
    for at in 0..bytes.len() {
        let mut damaged = bytes;
        damaged[at] ^= 1;
        let verdict = Proof::from_bytes(&damaged).map(|p| key.verify(&public.to_vec(), &p));
        assert!(!matches!(verdict, Ok(Ok(()))), "byte {at}");
    }
    server.shutdown().await;
}
