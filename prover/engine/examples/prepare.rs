//! What preparing a key takes on this machine, by size: `prepare [LARGEST [SMALLEST]]` for domains of 2^SMALLEST to
//! 2^LARGEST. Prints milliseconds of one conversion of a key with as many variables as constraints, and of the tables
//! of as many bases in G1 and G2.

use std::time::Instant;

use ark_bn254::{Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{Field, UniformRand};
use ark_groth16::{ProvingKey, VerifyingKey};
use medproof_engine::msm::Group;
use medproof_engine::{ConvertedKey, FixedBases, Kernels, Matrices, MemoryCap};
use rand::{SeedableRng, rngs::StdRng};

fn bases<G: Group>(count: usize, rng: &mut StdRng) -> Vec<Affine<G>> {
    let factors: Vec<Fr> = (0..count).map(|_| Fr::rand(rng)).collect();
    BatchMulPreprocessing::new(Projective::<G>::rand(rng), count).batch_mul(&factors)
}

fn milliseconds<T>(work: impl FnOnce() -> T) -> f64 {
    let begin = Instant::now();
    drop(work());
    begin.elapsed().as_secs_f64() * 1e3
}

fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .map_while(|size| size.parse::<u32>().ok());
    let largest = sizes.next().unwrap_or(14);
    let smallest = sizes.next().unwrap_or(largest);
    let kernels = Kernels::detect();
    println!(
        "{:>10} {:>14} {:>14} {:>14}",
        "log2", "conversion", "tables G1", "tables G2"
    );
    for log in smallest..=largest {
        let mut rng = StdRng::seed_from_u64(u64::from(log));
        let size = 1usize << log;
        let h_query: Vec<G1Affine> = bases::<g1::Config>(size - 1, &mut rng);
        // One input, and each other variable the product of those before it.
        let row = |k: usize| vec![(Fr::ONE, k)];
        let (a, c): (Vec<_>, Vec<_>) = (0..size - 1).map(|k| (row(k), row(k + 1))).unzip();
        let matrices = Matrices {
            a: &a,
            b: &a,
            c: &c,
            inputs: 1,
            variables: size,
        };
        let key = ProvingKey {
            vk: VerifyingKey::default(),
            beta_g1: G1Affine::default(),
            delta_g1: G1Affine::default(),
            a_query: Vec::new(),
            b_g1_query: Vec::new(),
            b_g2_query: Vec::<G2Affine>::new(),
            h_query,
            l_query: Vec::new(),
        };
        let conversion = milliseconds(|| ConvertedKey::new(&key, matrices, kernels).expect("they fit"));
        let first = milliseconds(|| FixedBases::new(&key.h_query, MemoryCap::UNLIMITED));
        let in_g2 = bases::<g2::Config>(size, &mut rng);
        let second = milliseconds(|| FixedBases::new(&in_g2, MemoryCap::UNLIMITED));
        println!("{log:>10} {conversion:>14.1} {first:>14.1} {second:>14.1}");
    }
}
