//! What must be tried against proofs, keys and statements, and fail (V1 to V8 of the soundness plan).

#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand, Zero};
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError},
    lc,
};
use ark_serialize::CanonicalSerialize;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use medproof_verifier::{
    CircuitName, Context, KeyError, PROOF_BYTES, Proof, ProofError, Public, Statement, VerifyError,
    VerifyingKey,
    context::bound,
    field::{fr_from_be_bytes, fr_to_be_bytes},
    statement::{BindPublic, EligibilityPublic, verify},
};
use std::sync::OnceLock;

/// Six public inputs, one of them the square of the witness; the others are squared.
struct Square {
    inputs: Vec<Fr>,
    root: Option<Fr>,
}

impl ConstraintSynthesizer<Fr> for Square {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let root = cs.new_witness_variable(|| self.root.ok_or(SynthesisError::AssignmentMissing))?;
        for (i, value) in self.inputs.iter().enumerate() {
            let input = cs.new_input_variable(|| Ok(*value))?;
            if i == 0 {
                cs.enforce_r1cs_constraint(|| lc!() + root, || lc!() + root, || lc!() + input)?;
            } else {
                let square = cs.new_witness_variable(|| Ok(value.square()))?;
                cs.enforce_r1cs_constraint(|| lc!() + input, || lc!() + input, || lc!() + square)?;
            }
        }
        Ok(())
    }
}

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn set_up(seed: u64) -> ProvingKey<Bn254> {
    let blank = Square {
        inputs: vec![Fr::ZERO; 6],
        root: None,
    };
    Groth16::<Bn254>::generate_random_parameters_with_reduction(blank, &mut rng(seed)).unwrap()
}

fn proving_key() -> &'static ProvingKey<Bn254> {
    static KEY: OnceLock<ProvingKey<Bn254>> = OnceLock::new();
    KEY.get_or_init(|| set_up(1))
}

fn key() -> VerifyingKey {
    VerifyingKey::new(CircuitName::Bind, 1, true, proving_key().vk.clone()).unwrap()
}

fn context(key: &VerifyingKey) -> Context {
    Context {
        ledger_id: [7; 32],
        circuit_id: key.circuit_id(),
        relying_party: "pharmacy-1".parse().unwrap(),
        challenge: bound([9; 32]),
        payload_hash: [0; 32],
    }
}

fn public(key: &VerifyingKey) -> BindPublic {
    let f = |n: u64| Fr::from(n);
    BindPublic {
        identity_root: f(49),
        domain: f(2),
        issuer_party: f(3),
        subject: f(4),
        person: f(5),
        ctx: context(key).to_fr(),
    }
}

fn prove(inputs: Vec<Fr>) -> Proof {
    let circuit = Square {
        inputs,
        root: Some(Fr::from(7u64)),
    };
    let proof =
        Groth16::<Bn254>::create_random_proof_with_reduction(circuit, proving_key(), &mut rng(2)).unwrap();
    Proof::new(proof).unwrap()
}

/// A key, true public inputs under it, and their proof.
fn good() -> (VerifyingKey, Vec<Fr>, Proof) {
    let key = key();
    let inputs = public(&key).to_vec();
    let proof = prove(inputs.clone());
    assert_eq!(key.verify(&inputs, &proof), Ok(()));
    (key, inputs, proof)
}

#[test]
fn v01_a_wrong_number_of_inputs_is_refused() {
    let (key, inputs, proof) = good();
    let mut longer = inputs.clone();
    longer.push(Fr::ZERO);
    for wrong in [&inputs[..5], &inputs[..0], &longer[..]] {
        let expected = VerifyError::Inputs {
            expected: 6,
            got: wrong.len(),
        };
        assert_eq!(key.verify(wrong, &proof), Err(expected));
        assert!(BindPublic::from_slice(wrong).is_err());
    }
    // arkworks alone takes the extra zero: the count has to be ours.
    let prepared = ark_groth16::prepare_verifying_key(key.inner());
    let taken = Groth16::<Bn254>::verify_proof(&prepared, proof.inner(), &longer);
    assert!(
        matches!(taken, Ok(true)),
        "if this fails, arkworks counts inputs again"
    );
}

#[test]
fn v02_inputs_at_or_above_the_modulus_are_refused() {
    let modulus = Fr::MODULUS;
    for x in [0u64, 1, 5, u64::MAX] {
        let mut sum = modulus;
        assert!(!sum.add_with_carry(&x.into()));
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(&sum.to_bytes_be());
        assert!(fr_from_be_bytes(&bytes).is_err(), "r + {x}");
    }
    assert!(fr_from_be_bytes(&[0xff; 32]).is_err());
    let largest = fr_to_be_bytes(&-Fr::from(1u64));
    assert_eq!(fr_from_be_bytes(&largest), Ok(-Fr::from(1u64)));
}

#[test]
fn v03_each_input_matters() {
    let (key, inputs, proof) = good();
    for at in 0..inputs.len() {
        for other in [inputs[at] + Fr::from(1u64), Fr::ZERO, -inputs[at]] {
            let mut changed = inputs.clone();
            changed[at] = other;
            assert_eq!(key.verify(&changed, &proof), Err(VerifyError::Proof), "{at}");
        }
        for with in 0..at {
            let mut swapped = inputs.clone();
            swapped.swap(at, with);
            assert_eq!(key.verify(&swapped, &proof), Err(VerifyError::Proof));
        }
    }
}

fn g2_outside_subgroup() -> G2Affine {
    let candidates =
        (1u64..).filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ZERO), false));
    let mut outside = candidates.filter(|p| !p.is_in_correct_subgroup_assuming_on_curve());
    outside.next().unwrap()
}

#[test]
fn v04_degenerate_keys_are_refused() {
    type Vk = ark_groth16::VerifyingKey<Bn254>;
    type Change<'a> = &'a dyn Fn(&mut Vk);
    let refused = |change: Change<'_>| {
        let mut vk = proving_key().vk.clone();
        change(&mut vk);
        VerifyingKey::new(CircuitName::Bind, 1, true, vk).unwrap_err()
    };
    let degenerate: [Change<'_>; 16] = [
        &|k| k.gamma_g2 = k.delta_g2,
        &|k| k.gamma_g2 = -k.delta_g2,
        &|k| k.delta_g2 = G2Affine::generator(),
        &|k| k.delta_g2 = -G2Affine::generator(),
        &|k| k.beta_g2 = k.gamma_g2,
        &|k| k.beta_g2 = -k.delta_g2,
        &|k| k.alpha_g1 = G1Affine::zero(),
        &|k| k.beta_g2 = G2Affine::zero(),
        &|k| k.gamma_g2 = G2Affine::zero(),
        &|k| k.delta_g2 = G2Affine::zero(),
        &|k| k.gamma_abc_g1[0] = G1Affine::zero(),
        &|k| k.gamma_abc_g1[6] = G1Affine::zero(),
        &|k| k.gamma_abc_g1[2] = k.gamma_abc_g1[1],
        &|k| k.gamma_abc_g1[5] = -k.gamma_abc_g1[4],
        &|k| k.gamma_abc_g1[0] = k.gamma_abc_g1[6],
        &|k| k.gamma_abc_g1[6] = -k.gamma_abc_g1[0],
    ];
    for (i, change) in degenerate.iter().enumerate() {
        assert!(matches!(refused(change), KeyError::Degenerate(_)), "{i}");
    }
    let off_g1 = G1Affine::new_unchecked(Fq::from(1u64), Fq::from(3u64));
    let off_g2 = G2Affine::new_unchecked(Fq2::ONE, Fq2::ONE);
    let outside = g2_outside_subgroup();
    assert!(outside.is_on_curve());
    let points: [(&str, Change<'_>); 8] = [
        ("alpha", &|k| k.alpha_g1 = off_g1),
        ("IC", &|k| k.gamma_abc_g1[3] = off_g1),
        ("beta", &|k| k.beta_g2 = off_g2),
        ("gamma", &|k| k.gamma_g2 = off_g2),
        ("delta", &|k| k.delta_g2 = off_g2),
        ("beta", &|k| k.beta_g2 = outside),
        ("gamma", &|k| k.gamma_g2 = outside),
        ("delta", &|k| k.delta_g2 = outside),
    ];
    for (name, change) in points {
        assert_eq!(refused(change), KeyError::Point(name));
    }
    for length in [0usize, 6, 8] {
        let change = |k: &mut Vk| k.gamma_abc_g1.resize(length, G1Affine::generator());
        let expected = KeyError::IcLength {
            expected: 7,
            got: length,
        };
        assert_eq!(refused(&change), expected);
    }
}

#[test]
fn v04_key_bytes_are_exact() {
    let key = key();
    let bytes = key.to_bytes();
    let again = VerifyingKey::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.circuit_id(), key.circuit_id());
    let changed = |at: usize, to: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = to;
        VerifyingKey::from_bytes(&bytes)
    };
    assert_eq!(changed(0, b'x').unwrap_err(), KeyError::Magic);
    assert_eq!(changed(7, 2).unwrap_err(), KeyError::Magic);
    assert_eq!(changed(8, 0).unwrap_err(), KeyError::Circuit(0));
    assert_eq!(changed(8, 200).unwrap_err(), KeyError::Circuit(200));
    assert!(matches!(
        changed(8, CircuitName::Claim as u8),
        Err(KeyError::Length { .. })
    ));
    assert_eq!(changed(11, 2).unwrap_err(), KeyError::Flag);
    for cut in [0, 5, 11, 12, bytes.len() - 1] {
        assert!(VerifyingKey::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(
        VerifyingKey::from_bytes(&longer),
        Err(KeyError::Length { .. })
    ));
    // Version, mark and every point enter the id: no other key answers to it.
    for (at, to) in [(9, 1), (10, 2), (11, 0)] {
        let other = changed(at, to).unwrap();
        assert_ne!(other.hash(), key.hash());
        assert_ne!(other.circuit_id(), key.circuit_id());
    }
    // A point that is still valid, but another one, gives another id; most changes give no point at all.
    for at in (12..bytes.len()).step_by(13) {
        if let Ok(other) = changed(at, bytes[at] ^ 0x04) {
            assert_ne!(other.circuit_id(), key.circuit_id(), "{at}");
        }
    }
}

#[test]
fn v05_the_forger_fails_where_gamma_is_not_delta() {
    let (key, inputs, _) = good();
    let forge = |k: &ark_groth16::VerifyingKey<Bn254>| {
        let mut ic = k.gamma_abc_g1[0].into_group();
        for (point, x) in k.gamma_abc_g1[1..].iter().zip(&inputs) {
            ic += *point * x;
        }
        ark_groth16::Proof::<Bn254> {
            a: k.alpha_g1,
            b: k.beta_g2,
            c: (-ic).into_affine(),
        }
    };
    let forged = Proof::new(forge(key.inner())).unwrap();
    assert_eq!(key.verify(&inputs, &forged), Err(VerifyError::Proof));
    // The same forger succeeds against a key without phase 2, which is why such keys are refused.
    let mut weak = key.inner().clone();
    weak.delta_g2 = weak.gamma_g2;
    let prepared = ark_groth16::prepare_verifying_key(&weak);
    assert!(matches!(
        Groth16::<Bn254>::verify_proof(&prepared, &forge(&weak), &inputs),
        Ok(true)
    ));
    assert!(VerifyingKey::new(CircuitName::Bind, 1, true, weak).is_err());
}

#[test]
fn v06_proof_points_are_checked() {
    let (key, inputs, proof) = good();
    type Inner = ark_groth16::Proof<Bn254>;
    let with = |change: &dyn Fn(&mut Inner)| {
        let mut inner = proof.inner().clone();
        change(&mut inner);
        Proof::new(inner)
    };
    assert_eq!(with(&|p| p.a = G1Affine::zero()), Err(ProofError::Identity("A")));
    assert_eq!(with(&|p| p.b = G2Affine::zero()), Err(ProofError::Identity("B")));
    assert_eq!(with(&|p| p.c = G1Affine::zero()), Err(ProofError::Identity("C")));
    let outside = g2_outside_subgroup();
    assert_eq!(with(&|p| p.b = outside), Err(ProofError::Point("B")));
    assert_eq!(
        with(&|p| p.b = (p.b + outside).into_affine()),
        Err(ProofError::Point("B"))
    );
    let off = G1Affine::new_unchecked(Fq::from(1u64), Fq::from(3u64));
    assert_eq!(with(&|p| p.a = off), Err(ProofError::Point("A")));
    assert_eq!(with(&|p| p.c = off), Err(ProofError::Point("C")));
    // Valid points in the wrong place or with the wrong sign.
    for wrong in [
        with(&|p| p.a = -p.a),
        with(&|p| p.b = -p.b),
        with(&|p| p.c = -p.c),
        with(&|p| std::mem::swap(&mut p.a, &mut p.c)),
        with(&|p| p.c = G1Affine::generator()),
    ] {
        assert_eq!(key.verify(&inputs, &wrong.unwrap()), Err(VerifyError::Proof));
    }
    // Both signs negated is the same proof in other bytes.
    let negated = with(&|p| (p.a, p.b) = (-p.a, -p.b)).unwrap();
    assert_ne!(negated.to_bytes(), proof.to_bytes());
    assert_eq!(key.verify(&inputs, &negated), Ok(()));
}

#[test]
fn v06_proof_bytes_are_canonical() {
    let (key, _, proof) = good();
    let bytes = proof.to_bytes();
    assert_eq!(Proof::from_bytes(&bytes), Ok(proof.clone()));
    for wrong in [0usize, 127, 129] {
        let mut resized = bytes.to_vec();
        resized.resize(wrong, 0);
        assert_eq!(Proof::from_bytes(&resized), Err(ProofError::Length(wrong)));
    }
    let refused = |at: usize, part: &[u8]| {
        let mut changed = bytes;
        changed[at..at + part.len()].copy_from_slice(part);
        Proof::from_bytes(&changed).unwrap_err()
    };
    // The identity in each place, clean, with a sign, and with a coordinate behind the flag.
    for (at, size, name) in [(0, 32, "A"), (32, 64, "B"), (96, 32, "C")] {
        let mut zero = vec![0u8; size];
        zero[size - 1] = 0x40;
        assert_eq!(refused(at, &zero), ProofError::Identity(name));
        zero[size - 1] = 0xc0;
        assert_eq!(refused(at, &zero), ProofError::Point(name));
        zero[size - 1] = 0x40;
        zero[0] = 1;
        assert_eq!(refused(at, &zero), ProofError::Point(name));
        assert_eq!(refused(at, &vec![0xff; size]), ProofError::Point(name));
        let mut flagged = bytes[at..at + size].to_vec();
        flagged[size - 1] |= 0xc0;
        assert_eq!(refused(at, &flagged), ProofError::Point(name));
    }
    // x and x + p are the same coordinate; only x may be written.
    let mut random = rng(5);
    let (x, bytes_with_small_x) = loop {
        let inner = Groth16::<Bn254>::rerandomize_proof(key.inner(), proof.inner(), &mut random);
        let x = inner.a.x.into_bigint();
        let mut sum = x;
        if !sum.add_with_carry(&Fq::MODULUS) && sum.num_bits() <= 254 {
            break (sum, Proof::new(inner).unwrap().to_bytes());
        }
    };
    let mut twin = bytes_with_small_x;
    let sign = twin[31] & 0x80;
    twin[..32].copy_from_slice(&x.to_bytes_le());
    twin[31] |= sign;
    assert_eq!(Proof::from_bytes(&twin), Err(ProofError::Point("A")));
    // A compressed B outside the subgroup.
    let mut outside = Vec::new();
    g2_outside_subgroup().serialize_compressed(&mut outside).unwrap();
    assert_eq!(refused(32, &outside), ProofError::Point("B"));
    assert_eq!(bytes.len(), PROOF_BYTES);
}

#[test]
fn v07_a_rerandomised_proof_verifies_and_differs() {
    let (key, inputs, proof) = good();
    let other = Groth16::<Bn254>::rerandomize_proof(key.inner(), proof.inner(), &mut rng(3));
    let other = Proof::new(other).unwrap();
    assert_ne!(other.to_bytes(), proof.to_bytes());
    assert_eq!(key.verify(&inputs, &other), Ok(()));
    // Scaled without its counterpart it does not.
    let factor = Fr::rand(&mut rng(4));
    assert!(!factor.is_zero());
    let mut scaled = proof.inner().clone();
    scaled.a = (scaled.a * factor).into_affine();
    assert_eq!(
        key.verify(&inputs, &Proof::new(scaled).unwrap()),
        Err(VerifyError::Proof)
    );
}

#[test]
fn v08_a_proof_counts_in_its_own_context_only() {
    let key = key();
    let (statement, context) = (Statement::Bind(public(&key)), context(&key));
    let proof = prove(statement.to_vec());
    let verified = verify(&key, statement, context.clone(), &proof).unwrap();
    assert_eq!(verified.statement(), &statement);
    assert_eq!(verified.context(), &context);
    let changes: [&dyn Fn(&mut Context); 4] = [
        &|c| c.ledger_id[0] ^= 1,
        &|c| c.relying_party = "pharmacy-2".parse().unwrap(),
        &|c| c.challenge[30] ^= 1,
        &|c| c.payload_hash[5] ^= 1,
    ];
    for change in changes {
        let mut other = context.clone();
        change(&mut other);
        let refused = verify(&key, statement, other.clone(), &proof);
        assert_eq!(refused, Err(VerifyError::Context));
        // Nor does it help to claim the ctx of the other context.
        let mut public = public(&key);
        public.ctx = other.to_fr();
        let refused = verify(&key, Statement::Bind(public), other, &proof);
        assert_eq!(refused, Err(VerifyError::Proof));
    }
}

#[test]
fn v08_no_bit_of_challenge_or_payload_is_left_unbound() {
    let key = key();
    let (statement, context) = (Statement::Bind(public(&key)), context(&key));
    let proof = prove(statement.to_vec());
    // Every bit of the 31 bytes that enter `ctx`, and those of the byte that does not.
    for bit in 0..256 {
        let expected = if bit < 248 {
            VerifyError::Context
        } else {
            VerifyError::Unbound
        };
        for change in [
            (|c: &mut Context, at: usize, by: u8| c.challenge[at] ^= by) as fn(&mut Context, usize, u8),
            |c: &mut Context, at: usize, by: u8| c.payload_hash[at] ^= by,
        ] {
            let mut other = context.clone();
            change(&mut other, bit / 8, 1 << (bit % 8));
            assert_eq!(verify(&key, statement, other, &proof), Err(expected), "bit {bit}");
        }
    }
}

#[test]
fn v08_another_key_version_or_statement_is_refused() {
    let right = key();
    let (statement, context) = (Statement::Bind(public(&right)), context(&right));
    let proof = prove(statement.to_vec());
    let another_set_up = VerifyingKey::new(CircuitName::Bind, 1, true, set_up(99).vk).unwrap();
    let retired = VerifyingKey::new(CircuitName::Bind, 0, true, proving_key().vk.clone()).unwrap();
    let unmarked = VerifyingKey::new(CircuitName::Bind, 1, false, proving_key().vk.clone()).unwrap();
    // `eligibility` has six public inputs as well.
    let other_name = VerifyingKey::new(CircuitName::Eligibility, 1, true, proving_key().vk.clone()).unwrap();
    for other in [&another_set_up, &retired, &unmarked, &other_name] {
        assert_ne!(other.circuit_id(), right.circuit_id());
        let refused = verify(other, statement, context.clone(), &proof);
        assert_eq!(refused, Err(VerifyError::Circuit));
        // Naming the other circuit in the context changes ctx.
        let mut renamed = context.clone();
        renamed.circuit_id = other.circuit_id();
        assert!(verify(other, statement, renamed, &proof).is_err());
    }
    // The same six numbers read as another statement.
    let relabelled = EligibilityPublic::from_slice(&statement.to_vec()).unwrap();
    let refused = verify(&right, Statement::Eligibility(relabelled), context, &proof);
    assert_eq!(refused, Err(VerifyError::Circuit));
}
