#![allow(clippy::unwrap_used, reason = "tests")]

use ark_bn254::{Fr, G1Affine, G1Projective, G2Projective, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, PrimeField, UniformRand};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::add::NEGATED;
use super::*;
use medproof_kernels::field::Ifma;

/// Both kernels where the machine has both.
fn all_kernels() -> Vec<Kernels> {
    std::iter::once(Kernels::Scalar)
        .chain(Ifma::detect().map(Kernels::Ifma))
        .collect()
}

const CAPS: [MemoryCap; 3] = [
    MemoryCap::UNLIMITED,
    MemoryCap::BASES_ONLY,
    MemoryCap::bytes(20_000),
];

fn naive<G: Group>(bases: &[Affine<G>], scalars: &[Fr]) -> Projective<G> {
    bases
        .iter()
        .zip(scalars)
        .map(|(base, scalar)| *base * *scalar)
        .sum()
}

/// Checks every kernel and memory cap against a sum formed one by one.
fn check<G: Group>(bases: &[Affine<G>], scalars: &[Fr], what: &str) {
    let expected = naive(bases, scalars);
    for kernels in all_kernels() {
        for cap in CAPS {
            let fixed = FixedBases::with_kernels(kernels, bases, cap);
            assert_eq!(
                fixed.msm(scalars),
                expected,
                "{what}, {} bases, {kernels:?}, {cap:?}",
                bases.len()
            );
        }
    }
}

fn points<G: Group>(rng: &mut StdRng, count: usize) -> Vec<Affine<G>> {
    let points: Vec<_> = (0..count).map(|_| Projective::<G>::rand(rng)).collect();
    Projective::normalize_batch(&points)
}

fn scalars(rng: &mut StdRng, count: usize) -> Vec<Fr> {
    (0..count).map(|_| Fr::rand(rng)).collect()
}

#[test]
fn tiny_sizes_agree_with_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(1);
    for count in 0..20 {
        check::<g1::Config>(&points(&mut rng, count), &scalars(&mut rng, count), "random");
    }
    for count in 0..6 {
        check::<g2::Config>(&points(&mut rng, count), &scalars(&mut rng, count), "random");
    }
}

/// Scalars at the edges of classes, windows, halves and words.
fn edge_scalars() -> Vec<Fr> {
    let mut out = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64), -Fr::from(2u64)];
    let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
    out.extend([half, half + Fr::ONE, half - Fr::ONE]);
    for bits in 1..254u64 {
        let power = Fr::from(2u64).pow([bits]);
        out.extend([power, power - Fr::ONE, power + Fr::ONE, -power]);
    }
    out
}

#[test]
fn scalars_at_every_edge_agree_with_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(2);
    let edges = edge_scalars();
    check::<g1::Config>(&points(&mut rng, edges.len()), &edges, "edges");
    let few: Vec<_> = edges.iter().copied().step_by(17).collect();
    check::<g2::Config>(&points(&mut rng, few.len()), &few, "edges");
    // One at a time, so that no error hides behind another.
    let base = points::<g1::Config>(&mut rng, 1);
    for kernels in all_kernels() {
        for cap in CAPS {
            let fixed = FixedBases::with_kernels(kernels, &base, cap);
            for scalar in &edges {
                assert_eq!(
                    fixed.msm(&[*scalar]),
                    base[0] * scalar,
                    "{scalar}, {kernels:?}, {cap:?}"
                );
            }
        }
    }
}

#[test]
fn uniform_scalars_agree_with_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(3);
    let bases = points::<g1::Config>(&mut rng, 300);
    for (scalar, what) in [
        (Fr::ZERO, "zeros"),
        (Fr::ONE, "ones"),
        (-Fr::ONE, "minus ones"),
        (Fr::from(65_535u64), "small"),
    ] {
        check(&bases, &vec![scalar; bases.len()], what);
    }
    let bases = points::<g2::Config>(&mut rng, 70);
    for (scalar, what) in [(Fr::ZERO, "zeros"), (Fr::ONE, "ones"), (-Fr::ONE, "minus ones")] {
        check(&bases, &vec![scalar; bases.len()], what);
    }
}

/// Repeated, opposite and infinite bases under scalars that bring them together in every bucket.
fn check_exceptional<G: Group>(rng: &mut StdRng, count: usize) {
    let distinct = points::<G>(rng, 3);
    let same = vec![distinct[0]; count];
    let mixed: Vec<Affine<G>> = (0..count)
        .map(|_| match rng.gen_range(0..8) {
            0 => Affine::identity(),
            n @ 1..=3 => distinct[n - 1],
            n @ 4..=6 => -distinct[n - 4],
            _ => (distinct[0] + distinct[1]).into_affine(),
        })
        .collect();
    let alternating: Vec<Affine<G>> = (0..count)
        .map(|i| if i % 2 == 0 { distinct[0] } else { -distinct[0] })
        .collect();
    let random = scalars(rng, count);
    let few: Vec<Fr> = (0..count)
        .map(|_| [random[0], -random[0], Fr::ONE, -Fr::ONE, Fr::ZERO][rng.gen_range(0..5)])
        .collect();
    for (bases, what) in [
        (same, "one base repeated"),
        (mixed, "repeated, opposite and infinite bases"),
        (alternating, "P and -P"),
        (vec![Affine::identity(); count], "infinity alone"),
    ] {
        check(&bases, &random, what);
        check(&bases, &few, what);
        check(&bases, &vec![Fr::ONE; count], what);
        check(&bases, &vec![random[0]; count], what);
    }
}

#[test]
fn repeated_opposite_and_infinite_bases_agree_with_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(4);
    for count in [1, 2, 3, 8, 9, 33, 130] {
        check_exceptional::<g1::Config>(&mut rng, count);
    }
    check_exceptional::<g2::Config>(&mut rng, 33);
}

#[test]
fn several_chunks_and_threads_agree_with_arkworks() {
    let mut rng = StdRng::seed_from_u64(5);
    let bases = points::<g1::Config>(&mut rng, 5_000);
    let mut scalars = scalars(&mut rng, bases.len());
    // Half of them bits, as in a witness: bucket 1 then spans chunks.
    for scalar in scalars.iter_mut().step_by(2) {
        *scalar = Fr::from(u64::from(rng.r#gen::<bool>()));
    }
    let expected = G1Projective::msm(&bases, &scalars).unwrap();
    for kernels in all_kernels() {
        let fixed = FixedBases::with_kernels(kernels, &bases, MemoryCap::UNLIMITED);
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            assert_eq!(
                pool.install(|| fixed.msm(&scalars)),
                expected,
                "{kernels:?}, {threads} threads"
            );
        }
    }
    let bases = points::<g2::Config>(&mut rng, 1_000);
    let expected = G2Projective::msm(&bases, &scalars[..1_000]).unwrap();
    for kernels in all_kernels() {
        assert_eq!(
            FixedBases::with_kernels(kernels, &bases, MemoryCap::UNLIMITED).msm(&scalars[..1_000]),
            expected
        );
    }
}

/// Sums runs of these lengths over few points, infinity among them, so that equal, opposite and infinite ones meet often.
fn check_runs<G: Group, K: Kernel<G>>(kernel: K, lengths: &[usize]) {
    let mut rng = StdRng::seed_from_u64(21);
    let bases = points::<G>(&mut rng, 3);
    let bases = [bases, vec![Affine::identity()]].concat();
    let table: Vec<_> = bases.iter().map(|base| kernel.pack(base)).collect();
    let mut offsets = vec![0];
    for len in lengths {
        offsets.push(offsets[offsets.len() - 1] + *len as u32);
    }
    let total = offsets[lengths.len()];
    let entries: Vec<u32> = (0..total)
        .map(|_| rng.gen_range(0..4) | if rng.r#gen() { NEGATED } else { 0 })
        .collect();
    let sums = runs::sum_runs::<G, K>(kernel, &table, &entries, &offsets);
    assert_eq!(sums.len(), lengths.len());
    for (run, sum) in sums.iter().enumerate() {
        let entries = &entries[offsets[run] as usize..offsets[run + 1] as usize];
        let point = |entry: &u32| {
            let base = bases[(entry & !NEGATED) as usize].into_group();
            if entry & NEGATED == 0 { base } else { -base }
        };
        let expected: Projective<G> = entries.iter().map(point).sum();
        assert_eq!(
            kernel.unpack(sum).into_group(),
            expected,
            "run {run} of {}",
            entries.len()
        );
    }
}

#[test]
fn runs_of_every_length_agree_with_the_naive_sum() {
    // Around the lanes of a bundle and the length at which a run is cut, empty ones among them, then one run of several
    // chunks, whose pieces are merged twice, beside short ones.
    let lengths: Vec<usize> = (0..20)
        .chain([127, 0, 128, 129, 256, 511, 512, 513, 1_000])
        .collect();
    let long = [5, 40_000, 1, 0, 3, 2_048];
    for lengths in [&lengths[..], &long, &[1], &[0], &[]] {
        check_runs::<g1::Config, _>(ScalarKernel, lengths);
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = Ifma::detect() {
            check_runs::<g1::Config, _>(VectorKernel(token), lengths);
            check_runs::<g2::Config, _>(VectorKernel(token), lengths);
        }
    }
    check_runs::<g2::Config, _>(ScalarKernel, &lengths);
}

#[test]
fn all_bits_of_one_base_agree_with_the_naive_sum() {
    // Every digit equal: one bucket, thousands of equal points.
    let base = G1Affine::generator();
    let bases = vec![base; 3_000];
    let scalars = vec![Fr::ONE; bases.len()];
    for kernels in all_kernels() {
        let fixed = FixedBases::with_kernels(kernels, &bases, MemoryCap::UNLIMITED);
        assert_eq!(fixed.msm(&scalars), base * Fr::from(3_000u64), "{kernels:?}");
    }
}

#[test]
fn the_table_keeps_to_its_cap_and_never_below_the_bases() {
    let mut rng = StdRng::seed_from_u64(6);
    let bases = points::<g1::Config>(&mut rng, 200);
    let size = |cap| FixedBases::with_kernels(Kernels::Scalar, &bases, cap).table_bytes();
    assert_eq!(size(MemoryCap::BASES_ONLY), 200 * 64);
    assert!(size(MemoryCap::bytes(100_000)) <= 100_000);
    assert!(size(MemoryCap::bytes(100_000)) > 200 * 64);
    assert!(size(MemoryCap::UNLIMITED) > 100_000);
    let bases = points::<g2::Config>(&mut rng, 10);
    assert_eq!(
        FixedBases::with_kernels(Kernels::Scalar, &bases, MemoryCap::BASES_ONLY).table_bytes(),
        10 * 128
    );
}

#[test]
fn plans_cover_every_scalar_and_stay_under_the_cap() {
    for count in [0, 1, 7, 100, 4_096, 65_536, 1 << 20] {
        for cap in [0, 1 << 20, 68 << 20, usize::MAX] {
            let plan = Plan::new::<g1::Config>(count, MemoryCap::bytes(cap));
            assert!(plan.window * plan.windows >= 254 && plan.sets <= plan.windows);
            let bytes = plan.rows() * count * 64;
            assert!(
                bytes <= cap || plan.rows() == 1,
                "{count} bases under {cap}: {plan:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_mixture_agrees_with_the_naive_sum(
        picks in prop::collection::vec((0usize..6, 0usize..6, any::<u64>()), 0..80)
    ) {
        let p = G1Affine::generator();
        let q = (p * Fr::from(7u64)).into_affine();
        let choices = [p, -p, q, -q, G1Affine::identity(), (p + q).into_affine()];
        let bases: Vec<_> = picks.iter().map(|&(base, _, _)| choices[base]).collect();
        let scalars: Vec<_> = picks
            .iter()
            .map(|&(_, class, value)| match class {
                0 => Fr::ZERO,
                1 => Fr::ONE,
                2 => -Fr::ONE,
                3 => Fr::from(value & 0xffff),
                4 => Fr::from(value),
                _ => Fr::from(value).pow([5]),
            })
            .collect();
        check::<g1::Config>(&bases, &scalars, "mixture");
    }
}
