//! What decoding and checking a proof costs among others, on the vector kernels and on the scalar ones in turn: the least
//! of `RUNS` (20), on one core. `cargo run -p medproof-verifier --example batches [RUNS]`. The keys are toys whose logarithms are
//! known, with the inputs of `dispense`; the time of a check does not depend on that.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use medproof_kernels::{Ifma, Kernels};
use medproof_verifier::{
    CircuitName, Proof, Statement, VerifyingKey,
    batch::{Item, verify_on},
};
use std::{error::Error, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let runs: usize = std::env::args().nth(1).map_or(Ok(20), |runs| runs.parse())?;
    let mut rng = StdRng::seed_from_u64(1);
    let cases = Cases::new(128, &mut rng)?;
    let mut all = vec![Kernels::Scalar];
    all.extend(Ifma::detect().map(Kernels::Ifma));
    println!("microseconds a proof   proofs    decoding    checking");
    for count in [1, 2, 4, 8, 16, 64, 128] {
        let items = cases.items(count);
        let encodings: Vec<&[u8]> = cases.bytes[..count].iter().map(|bytes| &bytes[..]).collect();
        let mut least = vec![[f64::MAX; 2]; all.len()];
        for _ in 0..runs {
            for (kernels, least) in all.iter().zip(&mut least) {
                let start = Instant::now();
                let decoded = Proof::from_bytes_all_on(*kernels, &encodings);
                least[0] = least[0].min(start.elapsed().as_secs_f64());
                let start = Instant::now();
                let verdicts = verify_on(*kernels, &items, &mut rng);
                least[1] = least[1].min(start.elapsed().as_secs_f64());
                assert!(decoded.iter().all(Result::is_ok) && verdicts.iter().all(Result::is_ok));
            }
        }
        for (kernels, least) in all.iter().zip(&least) {
            let name = if *kernels == Kernels::Scalar {
                "scalar"
            } else {
                "vector"
            };
            let [decode, check] = least.map(|seconds| seconds * 1e6 / count as f64);
            println!("{name:20} {count:8} {decode:11.1} {check:11.1}");
        }
    }
    Ok(())
}

/// Inputs with their proofs, under one key.
struct Cases {
    key: VerifyingKey,
    inputs: Vec<Vec<Fr>>,
    proofs: Vec<Proof>,
    bytes: Vec<[u8; 128]>,
}

impl Cases {
    fn new(count: usize, rng: &mut StdRng) -> Result<Self, Box<dyn Error>> {
        let g1 = |k: Fr| (G1Affine::generator() * k).into_affine();
        let g2 = |k: Fr| (G2Affine::generator() * k).into_affine();
        let [alpha, beta, gamma, delta] = std::array::from_fn(|_| Fr::rand(rng));
        let names = Statement::names(CircuitName::Dispense);
        let ic: Vec<Fr> = (0..=names.len()).map(|_| Fr::rand(rng)).collect();
        let inner = ark_groth16::VerifyingKey::<Bn254> {
            alpha_g1: g1(alpha),
            beta_g2: g2(beta),
            gamma_g2: g2(gamma),
            delta_g2: g2(delta),
            gamma_abc_g1: ic.iter().map(|k| g1(*k)).collect(),
        };
        let mut out = Self {
            key: VerifyingKey::new(CircuitName::Dispense, 1, true, inner)?,
            inputs: Vec::new(),
            proofs: Vec::new(),
            bytes: Vec::new(),
        };
        for _ in 0..count {
            let inputs: Vec<Fr> = names.iter().map(|_| Fr::rand(rng)).collect();
            let sum = ic[0] + ic[1..].iter().zip(&inputs).map(|(k, x)| *k * x).sum::<Fr>();
            let (a, b) = (Fr::rand(rng), Fr::rand(rng));
            let c = (a * b - alpha * beta - gamma * sum) * delta.inverse().ok_or("delta is zero")?;
            let proof = Proof::new(ark_groth16::Proof {
                a: g1(a),
                b: g2(b),
                c: g1(c),
            })?;
            out.bytes.push(proof.to_bytes());
            out.proofs.push(proof);
            out.inputs.push(inputs);
        }
        Ok(out)
    }

    fn items(&self, count: usize) -> Vec<Item<'_>> {
        let item = |(inputs, proof)| Item {
            key: &self.key,
            inputs,
            proof,
        };
        let both = self.inputs.iter().map(Vec::as_slice).zip(&self.proofs);
        both.map(item).take(count).collect()
    }
}
