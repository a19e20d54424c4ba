//! Constraints, witnesses, verifying keys, proofs and public inputs in the forms that snarkjs reads.
//!
//! In JSON, numbers are decimal strings; points are projective with a third coordinate of 1 (or `0, 1, 0` for the
//! identity); an element `c0 + c1 u` of the quadratic extension is `[c0, c1]`.

use crate::{Assignment, Constraints};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{One, PrimeField, Zero};
use medproof_circom::{CircomError, R1cs, SparseMatrix, r1cs::Wires, wtns};
use medproof_verifier::{Proof, VerifyingKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// `verification_key.json`.
pub fn verification_key(key: &VerifyingKey) -> Value {
    let k = key.inner();
    let ic: Vec<Value> = k.gamma_abc_g1.iter().map(g1).collect();
    json!({
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": ic.len() - 1,
        "vk_alpha_1": g1(&k.alpha_g1),
        "vk_beta_2": g2(&k.beta_g2),
        "vk_gamma_2": g2(&k.gamma_g2),
        "vk_delta_2": g2(&k.delta_g2),
        "IC": ic,
    })
}

/// `proof.json`.
pub fn proof(proof: &Proof) -> Value {
    let p = proof.inner();
    json!({
        "pi_a": g1(&p.a),
        "pi_b": g2(&p.b),
        "pi_c": g1(&p.c),
        "protocol": "groth16",
        "curve": "bn128",
    })
}

/// `public.json`: the public inputs in order.
pub fn public(inputs: &[Fr]) -> Value {
    Value::Array(inputs.iter().map(decimal).collect())
}

/// `circuit.r1cs`: the constant 1, the public inputs in their order, then the witness in order of allocation.
/// All public inputs count as inputs, none as an output; the witness is not divided further.
///
/// # Errors
/// [`CircomError::Range`] when the circuit is larger than the format takes.
pub fn constraints(constraints: &Constraints) -> Result<R1cs, CircomError> {
    let public_inputs = constraints.num_instance_variables() - 1;
    let wires = Wires {
        total: constraints.num_instance_variables() + constraints.num_witness_variables(),
        public_inputs,
        ..Wires::default()
    };
    let mut matrices = constraints.matrices().iter().map(SparseMatrix::from_rows);
    // `Constraints` always holds three.
    R1cs::new(
        wires,
        std::array::from_fn(|_| matrices.next().unwrap_or_default()),
    )
}

/// `witness.wtns`: as secret as the witness. Write none but made-up ones to disk.
pub fn witness(assignment: &Assignment) -> Zeroizing<Vec<u8>> {
    wtns::write(assignment.full())
}

fn decimal<F: PrimeField>(x: &F) -> Value {
    // Nine digits at a time from the lowest: 2^256 has 78 decimal digits.
    let mut limbs = x.into_bigint().as_ref().to_vec();
    let mut groups = Vec::with_capacity(9);
    loop {
        let mut rest = 0u128;
        for limb in limbs.iter_mut().rev() {
            let value = (rest << 64) | u128::from(*limb);
            *limb = (value / 1_000_000_000) as u64;
            rest = value % 1_000_000_000;
        }
        groups.push(rest as u64);
        if limbs.iter().all(|limb| *limb == 0) {
            break;
        }
    }
    let mut text = groups.pop().map(|g| g.to_string()).unwrap_or_default();
    for group in groups.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    Value::String(text)
}

fn g1(p: &G1Affine) -> Value {
    match p.xy() {
        Some((x, y)) => json!([decimal(&x), decimal(&y), decimal(&Fq::one())]),
        None => json!([decimal(&Fq::zero()), decimal(&Fq::one()), decimal(&Fq::zero())]),
    }
}

fn g2(p: &G2Affine) -> Value {
    let pair = |x: Fq2| json!([decimal(&x.c0), decimal(&x.c1)]);
    match p.xy() {
        Some((x, y)) => json!([pair(x), pair(y), pair(Fq2::one())]),
        None => json!([pair(Fq2::zero()), pair(Fq2::one()), pair(Fq2::zero())]),
    }
}
