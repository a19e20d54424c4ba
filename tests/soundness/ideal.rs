//! A proof system without faults, so that what is left to attack is the protocol: whoever has a witness that the
//! circuit accepts gets a proof, and nobody else does.
//!
//! The ledger and the verifier see ordinary keys and proofs. The proofs are made from the keys' discrete logarithms
//! in a millisecond, but only after the real circuit was synthesised with the witness and found satisfied.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ark_relations::gr1cs::ConstraintSystem;
use medproof_circuits::statement::Circuit;
use medproof_verifier::{CircuitName, Proof, Public, Statement, VerifyingKey};

const ALPHA: u64 = 2;
const BETA: u64 = 3;
const GAMMA: u64 = 5;
const DELTA: u64 = 7;
/// Logarithm of the first IC point; each further one has the next number.
const IC: u64 = 11;

fn g1(k: Fr) -> G1Affine {
    (G1Affine::generator() * k).into_affine()
}

fn g2(k: Fr) -> G2Affine {
    (G2Affine::generator() * k).into_affine()
}

/// The key of a circuit.
pub(crate) fn verifying_key(circuit: CircuitName) -> VerifyingKey {
    let points = Statement::names(circuit).len() as u64 + 1;
    let inner = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(ALPHA.into()),
        beta_g2: g2(BETA.into()),
        gamma_g2: g2(GAMMA.into()),
        delta_g2: g2(DELTA.into()),
        gamma_abc_g1: (IC..IC + points).map(|k| g1(k.into())).collect(),
    };
    VerifyingKey::new(circuit, circuit.version(), true, inner).unwrap()
}

/// A proof of any inputs, true or not: A = a, B = b, C = (ab - alpha beta - gamma ic) / delta.
pub(crate) fn forge(inputs: &[Fr]) -> Proof {
    let (a, b) = (Fr::from(31u64), Fr::from(37u64));
    let weighted = (IC + 1..).zip(inputs).map(|(k, x)| Fr::from(k) * x);
    let ic = Fr::from(IC) + weighted.sum::<Fr>();
    let delta = Fr::from(DELTA).inverse().unwrap();
    let c = (a * b - Fr::from(ALPHA * BETA) - Fr::from(GAMMA) * ic) * delta;
    Proof::new(ark_groth16::Proof {
        a: g1(a),
        b: g2(b),
        c: g1(c),
    })
    .unwrap()
}

/// A proof, if the witness satisfies the circuit; otherwise the clause that the relation names.
pub(crate) fn prove<C: Circuit>(public: &C::Public, witness: &C::Witness) -> Result<Proof, C::Refused> {
    let relation = C::relation(public, witness);
    let cs = ConstraintSystem::<Fr>::new_ref();
    C::synthesise(cs.clone(), public, witness).unwrap();
    assert_eq!(
        cs.is_satisfied().unwrap(),
        relation.is_ok(),
        "relation and circuit differ: {relation:?}"
    );
    relation?;
    Ok(forge(&public.to_vec()))
}

/// Another proof of what was proven, as anybody can make one who has seen the first: A / r, r B, C.
pub(crate) fn rerandomised(proof: &Proof) -> Proof {
    let (seen, r) = (proof.inner(), Fr::from(99u64));
    Proof::new(ark_groth16::Proof {
        a: (seen.a * r.inverse().unwrap()).into_affine(),
        b: (seen.b * r).into_affine(),
        c: seen.c,
    })
    .unwrap()
}
