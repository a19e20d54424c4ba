//! Multi-scalar multiplication against arkworks, on this machine, in one run: `msm [LARGEST [SMALLEST]]` for
//! sizes 2^SMALLEST to 2^LARGEST. Prints milliseconds (least of five) and ratios; all results are compared.

use std::time::Instant;

use ark_bn254::{Fr, g1, g2};
use ark_ec::VariableBaseMSM;
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::Projective;
use ark_ff::UniformRand;
use medproof_engine::msm::Group;
use medproof_engine::{FixedBases, Kernels, MemoryCap};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Milliseconds, the least of a few runs.
fn least<T>(runs: usize, mut f: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::MAX;
    let mut last = None;
    for _ in 0..runs {
        let start = Instant::now();
        last = Some(f());
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    (best, last.expect("at least one run"))
}

fn table<G: Group>(name: &str, sizes: std::ops::RangeInclusive<u32>, caps: &[(&str, MemoryCap)]) {
    let mut rng = StdRng::seed_from_u64(1);
    for log in sizes {
        let n = 1usize << log;
        let generator = Projective::<G>::rand(&mut rng);
        let random: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
        let bases = BatchMulPreprocessing::new(generator, n).batch_mul(&random);
        let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
        let mixed: Vec<Fr> = scalars
            .iter()
            .map(|s| {
                if rng.r#gen() {
                    *s
                } else {
                    Fr::from(u64::from(rng.r#gen::<bool>()))
                }
            })
            .collect();
        let (ark, expected) = least(3, || {
            Projective::<G>::msm(&bases, &scalars).expect("equal lengths")
        });
        let (ark_mixed, expected_mixed) =
            least(3, || Projective::<G>::msm(&bases, &mixed).expect("equal lengths"));
        for kernels in [Kernels::Scalar, Kernels::detect()] {
            for (cap_name, cap) in caps {
                let start = Instant::now();
                let fixed = FixedBases::with_kernels(kernels, &bases, *cap);
                let prepared = start.elapsed().as_secs_f64() * 1e3;
                let (ours, result) = least(5, || fixed.msm(&scalars));
                assert_eq!(result, expected);
                let (ours_mixed, result) = least(5, || fixed.msm(&mixed));
                assert_eq!(result, expected_mixed);
                let kernel = if kernels == Kernels::Scalar {
                    "scalar"
                } else {
                    "vector"
                };
                println!(
                    "{name} 2^{log} {kernel} {cap_name}: arkworks {ark:.1} ms, engine {ours:.2} ms, ratio {:.1}; half bits: arkworks {ark_mixed:.1} ms, engine {ours_mixed:.2} ms, ratio {:.1}; table {} MiB in {prepared:.0} ms",
                    ark / ours,
                    ark_mixed / ours_mixed,
                    fixed.table_bytes() >> 20
                );
            }
        }
    }
}

fn main() {
    let argument = |i: usize, default| {
        std::env::args()
            .nth(i)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let (largest, smallest) = (argument(1, 16), argument(2, 12));
    let caps = [
        ("full", MemoryCap::UNLIMITED),
        ("bases only", MemoryCap::BASES_ONLY),
    ];
    table::<g1::Config>("G1", smallest..=largest, &caps);
    table::<g2::Config>("G2", smallest..=largest, &caps[..1]);
}
