//! V10: the verdicts of a batch are those of single checks, for every mixture.

use super::*;
use crate::lanes::tests::kernels;
use crate::{
    CircuitName, Context, Public, Statement,
    context::bound,
    statement::{BindPublic, Claim, verify_batch},
};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::UniformRand;
use ark_std::rand::{Error, Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::{cell::Cell, sync::OnceLock};

/// A key whose points' logarithms are known, so that any proof can be made.
struct Trapdoor {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    ic: Vec<Fr>,
    key: VerifyingKey,
}

fn g1(k: Fr) -> G1Affine {
    (G1Affine::generator() * k).into_affine()
}

fn g2(k: Fr) -> G2Affine {
    (G2Affine::generator() * k).into_affine()
}

impl Trapdoor {
    fn new(name: CircuitName, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let [alpha, beta, gamma, delta] = std::array::from_fn(|_| Fr::rand(&mut rng));
        let points = Statement::names(name).len() + 1;
        let ic: Vec<Fr> = (0..points).map(|_| Fr::rand(&mut rng)).collect();
        let inner = ark_groth16::VerifyingKey {
            alpha_g1: g1(alpha),
            beta_g2: g2(beta),
            gamma_g2: g2(gamma),
            delta_g2: g2(delta),
            gamma_abc_g1: ic.iter().map(|k| g1(*k)).collect(),
        };
        let key = VerifyingKey::new(name, 1, true, inner).unwrap();
        Self {
            alpha,
            beta,
            gamma,
            delta,
            ic,
            key,
        }
    }

    fn ic(&self, inputs: &[Fr]) -> Fr {
        self.ic[0] + self.ic[1..].iter().zip(inputs).map(|(k, x)| *k * x).sum::<Fr>()
    }

    /// A proof of the inputs whose C is off by `error` times the generator.
    fn prove(&self, inputs: &[Fr], error: Fr, rng: &mut StdRng) -> Proof {
        let (a, b) = (Fr::rand(rng), Fr::rand(rng));
        let c = (a * b - self.alpha * self.beta - self.gamma * self.ic(inputs)) / self.delta;
        Proof::new(ark_groth16::Proof {
            a: g1(a),
            b: g2(b),
            c: g1(c + error),
        })
        .unwrap()
    }

    fn inputs(&self, rng: &mut StdRng) -> Vec<Fr> {
        (1..self.ic.len()).map(|_| Fr::rand(rng)).collect()
    }
}

fn keys() -> &'static [Trapdoor; 3] {
    static KEYS: OnceLock<[Trapdoor; 3]> = OnceLock::new();
    KEYS.get_or_init(|| {
        [
            Trapdoor::new(CircuitName::Bind, 1),
            Trapdoor::new(CircuitName::Dispense, 2),
            // As many inputs as the first.
            Trapdoor::new(CircuitName::Eligibility, 3),
        ]
    })
}

/// Inputs and a proof, under one of the keys.
#[derive(Clone)]
struct Case {
    key: usize,
    inputs: Vec<Fr>,
    proof: Proof,
}

impl Case {
    fn good(key: usize, rng: &mut StdRng) -> Self {
        Self::off_by(key, Fr::ZERO, rng)
    }

    fn off_by(key: usize, error: Fr, rng: &mut StdRng) -> Self {
        let inputs = keys()[key].inputs(rng);
        let proof = keys()[key].prove(&inputs, error, rng);
        Self { key, inputs, proof }
    }

    /// One of the ways to be refused.
    fn spoilt(kind: usize, rng: &mut StdRng) -> Self {
        let mut case = Self::good(rng.gen_range(0..3), rng);
        let mut inner = case.proof.inner().clone();
        match kind {
            0 => case.inputs[0] += Fr::ONE,
            1 => drop(case.inputs.pop()),
            2 => case.inputs.push(Fr::ZERO),
            3 => case.inputs.clear(),
            // Eligibility has as many inputs as bind.
            4 => case.key = if case.key == 0 { 2 } else { 0 },
            5 => inner.a = -inner.a,
            6 => std::mem::swap(&mut inner.a, &mut inner.c),
            7 => inner.b = g2(Fr::rand(rng)),
            _ => inner.c = (inner.c + g1(Fr::ONE)).into_affine(),
        }
        case.proof = Proof::new(inner).unwrap();
        case
    }
}

fn items(cases: &[Case]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for case in cases {
        items.push(Item {
            key: &keys()[case.key].key,
            inputs: &case.inputs,
            proof: &case.proof,
        });
    }
    items
}

#[track_caller]
fn agree(cases: &[Case], seed: u64) -> Vec<Result<(), VerifyError>> {
    let items = items(cases);
    let singly: Vec<_> = items.iter().map(|i| i.key.verify(i.inputs, i.proof)).collect();
    for kernels in kernels() {
        let together = verify_on(kernels, &items, &mut StdRng::seed_from_u64(seed));
        assert_eq!(together, singly, "{kernels:?}");
    }
    singly
}

/// The same byte for ever.
struct Constant(u8);

impl RngCore for Constant {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes([self.0; 4])
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes([self.0; 8])
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Constant {}

#[test]
fn v10_every_mixture_gets_the_verdicts_of_single_checks() {
    let mut rng = StdRng::seed_from_u64(10);
    assert!(agree(&[], 0).is_empty());
    let sizes = [1, 2, 3, 4, 5, 6, 9, 17];
    let mixtures = sizes.iter().flat_map(|size| [(*size, 0), (*size, 1), (*size, 3)]);
    for (round, (size, spoilt)) in mixtures.enumerate() {
        let mut cases: Vec<_> = (0..size)
            .map(|_| Case::good(rng.gen_range(0..3), &mut rng))
            .collect();
        for (i, case) in cases.iter_mut().enumerate().take(spoilt) {
            *case = Case::spoilt((round + i) % 9, &mut rng);
        }
        cases.shuffle(&mut rng);
        let refused = agree(&cases, round as u64).iter().filter(|v| v.is_err()).count();
        assert_eq!(refused, spoilt.min(size));
    }
    let all: Vec<_> = (0..9).map(|kind| Case::spoilt(kind, &mut rng)).collect();
    assert!(agree(&all, 99).iter().all(Result::is_err));
}

/// In every lane of the vectors, among proofs of one key and of three.
#[test]
fn v10_one_bad_proof_is_found_wherever_it_stands() {
    let mut rng = StdRng::seed_from_u64(11);
    let good: Vec<_> = (0..17).map(|i| Case::good(i % 3, &mut rng)).collect();
    let of_one_key: Vec<_> = (0..17).map(|_| Case::good(1, &mut rng)).collect();
    for kernels in kernels() {
        // One vector not full, just full, and one more; the scalar kernels have no lanes.
        let counts: &[usize] = if lanes::available(kernels) {
            &[2, 3, 5, 7, 8, 9, 13, 16, 17]
        } else {
            &[11]
        };
        for (&count, all) in counts.iter().zip([&good, &of_one_key].into_iter().cycle()) {
            for at in 0..count {
                let mut cases = all[..count].to_vec();
                cases[at] = Case::off_by(cases[at].key, Fr::ONE, &mut rng);
                let items = items(&cases);
                let places: Vec<_> = (0..count).collect();
                assert!(!holds(kernels, &items, &places, &mut rng), "{at} of {count}");
                let verdicts = verify_on(kernels, &items, &mut rng);
                for (i, verdict) in verdicts.iter().enumerate() {
                    let expected = if i == at { Err(VerifyError::Proof) } else { Ok(()) };
                    assert_eq!(*verdict, expected, "{at} of {count}");
                }
            }
        }
    }
}

/// A lane without a pair counts as 1 whatever is beside it: batches of every size hold, and none holds once a proof of it is
/// off, the last one included.
#[test]
fn v10_lanes_without_a_proof_neither_spoil_a_batch_nor_save_it() {
    let mut rng = StdRng::seed_from_u64(16);
    let good: Vec<_> = (0..17).map(|i| Case::good(i % 3, &mut rng)).collect();
    for kernels in kernels() {
        for count in 1..=good.len() {
            let places: Vec<_> = (0..count).collect();
            assert!(holds(kernels, &items(&good), &places, &mut rng), "{count}");
            for at in [0, count / 2, count - 1] {
                let mut cases = good.clone();
                cases[at] = Case::off_by(cases[at].key, Fr::ONE, &mut rng);
                assert!(
                    !holds(kernels, &items(&cases), &places, &mut rng),
                    "{at} of {count}"
                );
                // The bad one left out.
                let others: Vec<_> = places.iter().copied().filter(|i| *i != at).collect();
                assert!(
                    holds(kernels, &items(&cases), &others, &mut rng),
                    "{at} of {count}"
                );
            }
        }
    }
}

/// Cases whose errors cancel when every power is the same: refused with random powers, and taken together
/// without them, or the case would show nothing.
#[track_caller]
fn cancels(cases: &[Case]) {
    let verdicts = agree(cases, 5);
    assert!(verdicts.iter().all(|v| *v == Err(VerifyError::Proof)));
    let items = items(cases);
    let places: Vec<_> = (0..items.len()).collect();
    for kernels in kernels() {
        assert!(holds(kernels, &items, &places, &mut Constant(1)));
        for seed in 0..8 {
            assert!(!holds(kernels, &items, &places, &mut StdRng::seed_from_u64(seed)));
        }
    }
}

#[test]
fn v10_errors_that_cancel_without_random_powers_are_found() {
    let mut rng = StdRng::seed_from_u64(12);
    let error = Fr::rand(&mut rng);
    cancels(&[
        Case::off_by(1, error, &mut rng),
        Case::off_by(1, -error, &mut rng),
    ]);
    let twice = -(error + error);
    let cases = [error, twice, error].map(|e| Case::off_by(0, e, &mut rng));
    cancels(&cases);
    // Under two keys: e(D, delta) e(D', delta') = 1.
    let other = -error * keys()[0].delta / keys()[1].delta;
    cancels(&[Case::off_by(0, error, &mut rng), Case::off_by(1, other, &mut rng)]);
    // In the inputs: two statements whose sum is that of two others.
    let mut cases = [Case::good(1, &mut rng), Case::good(1, &mut rng)];
    cases[0].inputs[3] += error;
    cases[1].inputs[3] -= error;
    cancels(&cases);
    // The proofs of two statements, exchanged.
    let [mut first, mut second] = [Case::good(0, &mut rng), Case::good(0, &mut rng)];
    std::mem::swap(&mut first.proof, &mut second.proof);
    cancels(&[first, second]);
}

#[test]
fn v10_repeated_items_are_each_judged() {
    let mut rng = StdRng::seed_from_u64(13);
    let (good, bad) = (Case::good(0, &mut rng), Case::spoilt(8, &mut rng));
    let verdicts = agree(&vec![good.clone(); 6], 1);
    assert!(verdicts.iter().all(Result::is_ok));
    let verdicts = agree(&vec![bad.clone(); 6], 2);
    assert!(verdicts.iter().all(Result::is_err));
    let mixed: Vec<_> = (0..9)
        .map(|i| if i % 2 == 0 { &good } else { &bad })
        .cloned()
        .collect();
    let verdicts = agree(&mixed, 3);
    assert!(
        verdicts
            .iter()
            .enumerate()
            .all(|(i, v)| v.is_ok() == (i % 2 == 0))
    );
    // Other bytes of the same proof.
    let mut negated = good.clone();
    let inner = negated.proof.inner().clone();
    negated.proof = Proof::new(ark_groth16::Proof {
        a: -inner.a,
        b: -inner.b,
        ..inner
    })
    .unwrap();
    assert_eq!(agree(&[good, negated], 4), [Ok(()), Ok(())]);
}

#[test]
fn points_that_vanish_change_no_verdict() {
    let mut rng = StdRng::seed_from_u64(14);
    // No proof has an identity point: `Proof` cannot hold one. IC(x) can be one, whoever knows its logarithms.
    let trapdoor = &keys()[0];
    let mut inputs = trapdoor.inputs(&mut rng);
    let off = trapdoor.ic(&inputs) / trapdoor.ic[3];
    inputs[2] -= off;
    assert_eq!(trapdoor.ic(&inputs), Fr::ZERO);
    let proof = trapdoor.prove(&inputs, Fr::ZERO, &mut rng);
    let vanishing = Case {
        key: 0,
        inputs,
        proof,
    };
    let mut off = vanishing.clone();
    off.inputs[0] += Fr::ONE;
    let cases = [vanishing, off, Case::good(1, &mut rng)];
    assert_eq!(agree(&cases[..1], 1), [Ok(())]);
    assert_eq!(agree(&cases, 1), [Ok(()), Err(VerifyError::Proof), Ok(())]);
    // A power of 0 would leave a proof out.
    assert_eq!(Power::random(&mut Constant(0)).to_fr(), Fr::ONE);
    let bad = [Case::spoilt(8, &mut rng), Case::good(0, &mut rng)];
    for kernels in kernels() {
        assert!(!holds(kernels, &items(&bad), &[0, 1], &mut Constant(0)));
    }
}

#[test]
fn claims_get_the_verdicts_of_single_checks() {
    let mut rng = StdRng::seed_from_u64(15);
    let trapdoor = &keys()[0];
    let context = Context {
        ledger_id: [7; 32],
        circuit_id: trapdoor.key.circuit_id(),
        relying_party: "dr-lee".parse().unwrap(),
        challenge: bound([9; 32]),
        payload_hash: [0; 32],
    };
    let bind = |n: u64| BindPublic {
        identity_root: Fr::from(n),
        domain: Fr::from(2u64),
        issuer_party: Fr::from(3u64),
        subject: Fr::from(4u64),
        person: Fr::from(5u64),
        ctx: context.to_fr(),
    };
    let statements: Vec<_> = (0..6).map(bind).collect();
    let mut proofs: Vec<_> = statements
        .iter()
        .map(|s| trapdoor.prove(&s.to_vec(), Fr::ZERO, &mut rng))
        .collect();
    proofs[4] = proofs[3].clone();
    let mut claims: Vec<_> = statements
        .iter()
        .zip(&proofs)
        .map(|(statement, proof)| Claim {
            key: &trapdoor.key,
            statement: Statement::Bind(*statement),
            context: context.clone(),
            proof,
        })
        .collect();
    claims[0].context.challenge[0] ^= 1;
    claims[1].key = &keys()[2].key;
    claims[2].context.circuit_id = keys()[2].key.circuit_id();
    let singly: Vec<_> = claims
        .iter()
        .map(|c| crate::statement::verify(c.key, c.statement, c.context.clone(), c.proof))
        .collect();
    let together = verify_batch(claims, &mut rng);
    assert_eq!(together, singly);
    let refused: Vec<_> = together.iter().map(|v| v.as_ref().err().copied()).collect();
    use VerifyError as E;
    let expected = [
        Some(E::Context),
        Some(E::Circuit),
        Some(E::Circuit),
        None,
        Some(E::Proof),
        None,
    ];
    assert_eq!(refused, expected);
    let verified = together[5].as_ref().unwrap();
    assert_eq!(verified.statement(), &Statement::Bind(statements[5]));
    assert_eq!(verified.context(), &context);
}

/// A worker of a pool that waits within a check takes up other checks on the same stack, without end.
#[test]
fn no_check_waits_for_a_pool() {
    let mut rng = StdRng::seed_from_u64(12);
    let cases = [Case::good(1, &mut rng), Case::good(1, &mut rng)];
    thread_local!(static DEPTH: Cell<usize> = const { Cell::new(0) });
    let deepest = (0..64).into_par_iter().map(|at| {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        // A check of one, and one of two together.
        let items = &items(&cases)[..1 + at % 2];
        assert_eq!(
            verify(items, &mut StdRng::seed_from_u64(at as u64)),
            vec![Ok(()); items.len()]
        );
        DEPTH.set(depth - 1);
        depth
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(pool.install(|| deepest.max()), Some(1));
}
