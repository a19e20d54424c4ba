#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{Form, Kernels, Matrices, Options, ntt::tests::kernels};
use ark_ff::{FftField, PrimeField, UniformRand};
use ark_groth16::{
    Groth16, ProvingKey,
    r1cs_to_qap::{LibsnarkReduction, R1CSToQAP},
};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::{
    gr1cs::{
        ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination, Matrix,
        OptimizationGoal, R1CS_PREDICATE_LABEL, Result as Synthesis, SynthesisError, Variable,
    },
    lc,
};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

/// Constraints of random shape: coefficients 1, -1, small and full, repeated bits and columns, public inputs and
/// the constant on every side, C of several terms.
#[derive(Clone)]
struct Random {
    constraints: usize,
    shape: u64,
    values: u64,
}

const PUBLIC: usize = 3;

impl Random {
    fn combination(known: &[(Variable, Fr)], rng: &mut StdRng) -> (LinearCombination<Fr>, Fr) {
        let (mut sum, mut value) = (lc!(), Fr::ZERO);
        for _ in 0..rng.gen_range(0..4) {
            let coefficient = match rng.gen_range(0..5) {
                0 | 1 => Fr::ONE,
                2 => -Fr::ONE,
                3 => Fr::from(rng.gen_range(2u64..9)),
                _ => Fr::rand(rng),
            };
            let (variable, x) = known[rng.gen_range(0..known.len())];
            sum += (coefficient, variable);
            value += coefficient * x;
        }
        (sum, value)
    }
}

impl ConstraintSynthesizer<Fr> for Random {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Synthesis<()> {
        let (mut shape, mut values) = (
            StdRng::seed_from_u64(self.shape),
            StdRng::seed_from_u64(self.values),
        );
        let mut known = vec![(Variable::One, Fr::ONE)];
        for _ in 0..PUBLIC {
            let x = Fr::rand(&mut values);
            known.push((cs.new_input_variable(|| Ok(x))?, x));
        }
        for k in 0..self.constraints {
            if k % 3 == 0 {
                let bit = Fr::from(values.gen_range(0u64..2));
                let b = cs.new_witness_variable(|| Ok(bit))?;
                cs.enforce_r1cs_constraint(|| lc!() + b, || lc!() + b, || lc!() + b)?;
                known.push((b, bit));
                continue;
            }
            let [(a, x), (b, y), (c, z)] = [(); 3].map(|()| Self::combination(&known, &mut shape));
            let factor = Fr::from(shape.gen_range(1u64..3));
            let value = (x * y - z) * factor.inverse().ok_or(SynthesisError::DivisionByZero)?;
            let w = cs.new_witness_variable(|| Ok(value))?;
            cs.enforce_r1cs_constraint(|| a, || b, || c + (factor, w))?;
            known.push((w, value));
        }
        Ok(())
    }
}

fn options(form: Form, kernels: Kernels) -> Options {
    Options {
        form,
        table_bytes: 1 << 24,
        kernels,
    }
}

struct Synthesised {
    matrices: Vec<Matrix<Fr>>,
    full: Vec<Fr>,
}

fn synthesise(circuit: Random) -> Synthesised {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    circuit.generate_constraints(cs.clone()).unwrap();
    cs.finalize();
    assert!(cs.is_satisfied().unwrap());
    let matrices = cs.to_matrices().unwrap().remove(R1CS_PREDICATE_LABEL).unwrap();
    let full = [
        cs.instance_assignment().unwrap(),
        cs.witness_assignment().unwrap(),
    ]
    .concat();
    Synthesised { matrices, full }
}

impl Synthesised {
    fn matrices(&self) -> Matrices<'_> {
        Matrices {
            a: &self.matrices[0],
            b: &self.matrices[1],
            c: &self.matrices[2],
            inputs: PUBLIC + 1,
            variables: self.full.len(),
        }
    }

    fn prepare(&self, key: &ProvingKey<Bn254>, form: Form, kernels: Kernels) -> PreparedCircuit {
        PreparedCircuit::new(key, self.matrices(), options(form, kernels)).unwrap()
    }

    fn arkworks<Q: R1CSToQAP>(&self, key: &ProvingKey<Bn254>) -> Proof<Bn254> {
        Groth16::<Bn254, Q>::create_proof_with_reduction_and_matrices(
            key,
            Fr::ZERO,
            Fr::ZERO,
            &self.matrices,
            PUBLIC + 1,
            self.matrices[0].len(),
            &self.full,
        )
        .unwrap()
    }
}

fn circuit(constraints: usize) -> Random {
    Random {
        constraints,
        shape: constraints as u64,
        values: 5,
    }
}

fn key<Q: R1CSToQAP>(circuit: &Random) -> ProvingKey<Bn254> {
    let mut rng = StdRng::seed_from_u64(9);
    Groth16::<Bn254, Q>::generate_random_parameters_with_reduction(circuit.clone(), &mut rng).unwrap()
}

/// The reduction behind snarkjs' keys, as their format defines it.
struct Snarkjs;

impl R1CSToQAP for Snarkjs {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Synthesis<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize)> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        inputs: usize,
        constraints: usize,
        full: &[F],
    ) -> Synthesis<Vec<F>> {
        let domain = D::new(constraints + inputs).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let dot = |row: &Vec<(F, usize)>| row.iter().map(|(c, at)| *c * full[*at]).sum::<F>();
        let [mut a, mut b] = [0, 1].map(|m| matrices[m].iter().map(dot).collect::<Vec<F>>());
        a.extend_from_slice(&full[..inputs]);
        a.resize(domain.size(), F::zero());
        b.resize(domain.size(), F::zero());
        let c: Vec<F> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        let zeta = F::get_root_of_unity(2 * domain.size() as u64).unwrap();
        let coset = domain.get_coset(zeta).unwrap();
        let [a, b, c] = [a, b, c].map(|x| coset.fft(&domain.ifft(&x)));
        Ok(a.iter().zip(b).zip(c).map(|((a, b), c)| *a * b - c).collect())
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Synthesis<Vec<F>> {
        let double = D::new(2 * (max_power + 1)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let lagrange = double.evaluate_all_lagrange_coefficients(t);
        Ok(lagrange
            .into_iter()
            .skip(1)
            .step_by(2)
            .map(|l| l * delta_inverse)
            .collect())
    }
}

/// Sizes with full and partly filled domains: 28 constraints and 4 instance variables make 32.
const SIZES: [usize; 5] = [1, 4, 28, 29, 300];

#[test]
fn unblinded_proofs_equal_arkworks_to_the_bit() {
    for constraints in SIZES {
        let circuit = circuit(constraints);
        let synthesised = synthesise(circuit.clone());
        let key = key::<LibsnarkReduction>(&circuit);
        let expected = synthesised.arkworks::<LibsnarkReduction>(&key);
        let whole = Groth16::<Bn254>::create_proof_with_reduction_no_zk(circuit, &key).unwrap();
        assert_eq!(expected, whole);
        for form in [Form::Coset, Form::Coefficients] {
            for kernels in kernels() {
                let options = options(form, kernels);
                let prepared = PreparedCircuit::new(&key, synthesised.matrices(), options).unwrap();
                let proof = prepared.prove_unblinded(&synthesised.full).unwrap();
                assert_eq!(
                    proof, expected,
                    "{constraints} constraints, {form:?}, {kernels:?}"
                );
            }
        }
    }
}

#[test]
fn unblinded_proofs_of_snarkjs_keys_equal_arkworks_to_the_bit() {
    for constraints in SIZES {
        let circuit = circuit(constraints);
        let synthesised = synthesise(circuit.clone());
        let key = key::<Snarkjs>(&circuit);
        let expected = synthesised.arkworks::<Snarkjs>(&key);
        for kernels in kernels() {
            let prepared = synthesised.prepare(&key, Form::Snarkjs, kernels);
            let proof = prepared.prove_unblinded(&synthesised.full).unwrap();
            assert_eq!(proof, expected, "{constraints} constraints, {kernels:?}");
        }
        let public = &synthesised.full[1..=PUBLIC];
        let vk = ark_groth16::prepare_verifying_key(&key.vk);
        assert!(Groth16::<Bn254>::verify_proof(&vk, &expected, public).unwrap());
    }
}

#[test]
fn quotients_equal_arkworks_with_the_part_of_c_added_back() {
    let circuit = circuit(300);
    let synthesised = synthesise(circuit.clone());
    let key = key::<LibsnarkReduction>(&circuit);
    let full = &synthesised.full;
    let expected = LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(
        &synthesised.matrices,
        PUBLIC + 1,
        300,
        full,
    )
    .unwrap();
    for kernels in kernels() {
        let coefficients = synthesised.prepare(&key, Form::Coefficients, kernels);
        let bits = coefficients.domain().trailing_zeros();
        for (at, h) in coefficients.quotient(full).iter().enumerate() {
            assert_eq!(*h, expected[crate::ntt::reversed(at, bits)], "{kernels:?}");
        }
        let coset = synthesised.prepare(&key, Form::Coset, kernels);
        assert_eq!(with_part_of_c(&synthesised, &coset), expected, "{kernels:?}");
    }
}

/// The quotient's coefficients: its values in the coset form, with those that C stands for added.
fn with_part_of_c(synthesised: &Synthesised, coset: &PreparedCircuit) -> Vec<Fr> {
    let full = &synthesised.full;
    let n = coset.domain();
    let domain = GeneralEvaluationDomain::<Fr>::new(n).unwrap();
    let points = domain
        .get_coset(Fr::get_root_of_unity(2 * n as u64).unwrap())
        .unwrap();
    let dot = |row: &Vec<(Fr, usize)>| row.iter().map(|(c, at)| *c * full[*at]).sum::<Fr>();
    let c: Vec<Fr> = synthesised.matrices[2].iter().map(dot).collect();
    let c = points.fft(&domain.ifft(&c));
    // The scalars carry 1/n for the bases.
    let values = coset.quotient(full);
    let halves = values
        .iter()
        .zip(&c)
        .map(|(g, c)| *g * Fr::from(n as u64) + *c / Fr::from(2u64));
    points.ifft(&halves.collect::<Vec<_>>())
}

#[test]
fn blinded_proofs_equal_a_re_randomisation_and_verify() {
    let circuit = circuit(300);
    let synthesised = synthesise(circuit.clone());
    let key = key::<LibsnarkReduction>(&circuit);
    for kernels in kernels() {
        blinded_proofs_verify(&synthesised, &key, kernels);
    }
}

fn blinded_proofs_verify(synthesised: &Synthesised, key: &ProvingKey<Bn254>, kernels: Kernels) {
    let prepared = synthesised.prepare(key, Form::Coset, kernels);
    let plain = prepared.prove_unblinded(&synthesised.full).unwrap();
    let vk = ark_groth16::prepare_verifying_key(&key.vk);
    let mut assignments: Vec<(&[Fr], Blinding)> = Vec::new();
    let mut expected = Vec::new();
    for seed in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed);
        expected.push(Groth16::<Bn254>::rerandomize_proof(
            &key.vk,
            &plain,
            &mut rng.clone(),
        ));
        let [r1, r2] = [(); 2].map(|()| Fr::rand(&mut rng));
        assignments.push((&synthesised.full, Blinding::new(r1, r2).unwrap()));
    }
    let (in_steps, _) = prepared
        .prove_in_steps(&synthesised.full, &assignments[0].1)
        .unwrap();
    assert_eq!(in_steps, expected[0]);
    for (proof, expected) in prepared.prove_batch(&assignments).into_iter().zip(expected) {
        let proof = proof.unwrap();
        assert_eq!(proof, expected);
        assert_ne!(proof, plain);
        let public = &synthesised.full[1..=PUBLIC];
        assert!(Groth16::<Bn254>::verify_proof(&vk, &proof, public).unwrap());
    }
}

#[test]
fn an_assignment_that_does_not_satisfy_gives_no_proof_that_verifies() {
    let circuit = circuit(28);
    let synthesised = synthesise(circuit.clone());
    let vk_and_keys = key::<LibsnarkReduction>(&circuit);
    let vk = ark_groth16::prepare_verifying_key(&vk_and_keys.vk);
    let chosen = kernels();
    let forms = [Form::Coset, Form::Coefficients];
    for (form, kernels) in forms
        .iter()
        .flat_map(|form| chosen.iter().map(move |kernels| (*form, *kernels)))
    {
        let prepared = synthesised.prepare(&vk_and_keys, form, kernels);
        // Witness PUBLIC + 1 is a bit with a constraint of its own.
        let mut full = synthesised.full.clone();
        full[PUBLIC + 1] += Fr::from(2u64);
        let proof = prepared.prove_unblinded(&full).unwrap();
        assert!(!Groth16::<Bn254>::verify_proof(&vk, &proof, &full[1..=PUBLIC]).unwrap());
    }
}

#[test]
fn wrong_lengths_and_factors_are_refused() {
    let circuit = circuit(4);
    let synthesised = synthesise(circuit.clone());
    let mut key = key::<LibsnarkReduction>(&circuit);
    let prepared = synthesised.prepare(&key, Form::Coefficients, Kernels::detect());
    let mut full = synthesised.full.clone();
    full.push(Fr::ONE);
    let refused = EngineError::Assignment {
        expected: synthesised.full.len(),
    };
    assert_eq!(prepared.prove_unblinded(&full), Err(refused.clone()));
    let mut full = synthesised.full.clone();
    full[0] = Fr::ZERO;
    assert_eq!(prepared.prove_unblinded(&full), Err(refused));
    assert_eq!(
        Blinding::new(Fr::ONE, Fr::ZERO).err(),
        Some(EngineError::Blinding)
    );
    assert_eq!(
        Blinding::new(Fr::ZERO, Fr::ONE).err(),
        Some(EngineError::Blinding)
    );
    let error = |key: &ProvingKey<Bn254>, matrices| {
        PreparedCircuit::new(key, matrices, options(Form::Coset, Kernels::scalar()))
            .err()
            .unwrap()
            .to_string()
    };
    let mut matrices = synthesised.matrices();
    matrices.c = &[];
    assert_eq!(
        error(&key, matrices),
        "the matrix C has 0 entries where the constraints ask for 4"
    );
    key.h_query.pop();
    assert_eq!(
        error(&key, synthesised.matrices()),
        "the H query has 6 entries where the constraints ask for 7"
    );
}
