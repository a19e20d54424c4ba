//! Reads snarkjs' JSON as strictly as our own decoding reads bytes, and gives our verdict.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};
use medproof_verifier::{Proof, VerifyingKey};
use serde_json::Value;

/// A number below the field's modulus; nothing is reduced.
fn number<F: PrimeField<BigInt = BigInt<4>>>(value: &Value) -> Option<F> {
    F::from_bigint(value.as_str()?.parse().ok()?)
}

fn fq2(value: &Value) -> Option<Fq2> {
    Some(Fq2::new(number(&value[0])?, number(&value[1])?))
}

fn g1(value: &Value) -> Option<G1Affine> {
    let one: Fq = number(&value[2])?;
    (one == Fq::from(1u64)).then_some(())?;
    Some(G1Affine::new_unchecked(number(&value[0])?, number(&value[1])?))
}

fn g2(value: &Value) -> Option<G2Affine> {
    (fq2(&value[2])? == Fq2::from(1u64)).then_some(())?;
    Some(G2Affine::new_unchecked(fq2(&value[0])?, fq2(&value[1])?))
}

/// Whether our verifier accepts.
pub(crate) fn accepts(key: &VerifyingKey, inputs: &Value, proof: &Value) -> bool {
    let verdict = || {
        let inputs = inputs.as_array()?;
        let inputs = inputs.iter().map(number).collect::<Option<Vec<Fr>>>()?;
        let proof = ark_groth16::Proof {
            a: g1(&proof["pi_a"])?,
            b: g2(&proof["pi_b"])?,
            c: g1(&proof["pi_c"])?,
        };
        let proof = Proof::new(proof).ok()?;
        key.verify(&inputs, &proof).ok()
    };
    verdict().is_some()
}
