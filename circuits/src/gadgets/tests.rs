//! Properties of all gadgets together.

use super::*;
use crate::scenario::world;
use crate::tamper::System;
use ark_bn254::Fr;
use ark_ff::{Field, UniformRand};
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use linear::witness;
use medproof_records::signing::SigningKey;
use medproof_verifier::{Day, Path, Role, Tag};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Every gadget once, over values drawn from `seed`: honest ones, and arbitrary ones that satisfy nothing.
fn everything(cs: ConstraintSystemRef<Fr>, seed: u64) -> Result<(), SynthesisError> {
    let mut rng = StdRng::seed_from_u64(seed);
    let wild = |rng: &mut StdRng| {
        let x = match seed % 3 {
            0 => Fr::from(rng.r#gen::<u16>()),
            1 => -Fr::from(rng.r#gen::<u16>()),
            _ => Fr::rand(rng),
        };
        witness(&cs, || Ok(x))
    };
    let (a, b) = (wild(&mut rng)?, wild(&mut rng)?);
    let bit = Boolean::new_witness(cs.clone(), || Ok(rng.r#gen::<bool>()))?;

    range::bits(&a, 20)?;
    range::enforce_range(&b, 16)?;
    let _ = range::less_than(&a, &b, 16)?;
    let _ = range::less_or_equal(&a, &b, 16)?;
    range::enforce_less_or_equal(&a, &b, 16)?;
    pack::split(&a, &[3, 5, 8])?;
    let _ = pack::join(&[(&a, 16), (&b, 16)])?;
    let _ = select::is_zero(&a)?;
    let _ = select::is_equal(&a, &b)?;
    let selectors = select::one_hot(&cs, || Ok(rng.gen_range(0..4)), 4)?;
    let _ = select::dot(&selectors, &[a.clone(), b.clone(), a.clone(), b.clone()])?;
    let _ = select::choose(&bit, &a, &b)?;
    select::enforce_equal_if(&bit, &a, &b)?;
    let _ = select::to_boolean(&a)?;
    let _ = division::half_up(&a, &b, 16, 16)?;
    linear::enforce_nonzero(&a)?;

    let leaf = poseidon::tagged(Tag::Subject, [&a, &b])?;
    let index = rng.gen_range(0..64);
    let path =
        Path::<3>::new(index, [[Fr::rand(&mut rng); 3]; 3]).map_err(|_| SynthesisError::Unsatisfiable)?;
    let _ = merkle::PathVar::new_witness(cs.clone(), &path)?.root(&leaf)?;
    let _ = merkle::root_of(&[a.clone(), b.clone(), leaf.clone()], 2)?;

    let (holder, _) = world::identity(
        &mut rng,
        &"us-ca".parse().map_err(|_| SynthesisError::Unsatisfiable)?,
    );
    let holder = identity::IdentityVar::new_witness(cs.clone(), &holder)?;
    holder.enforce_member(&a, &b)?;

    let signer = SigningKey::from_seed(&rng.r#gen());
    let mut keys = world::Registry::default();
    let party = "clinic-7".parse().map_err(|_| SynthesisError::Unsatisfiable)?;
    let position = keys.add(&signer, Role::Payer, &party, Fr::ONE, (Day(1), Day(9)));
    let key = keys.accepted(position).ok_or(SynthesisError::Unsatisfiable)?;
    let key = registry::AcceptedKeyVar::new_witness(cs.clone(), &key)?;
    key.enforce_accepted(&a, Role::Payer, &b, &a)?;
    key.enforce_accepted_if(&bit, &a, Role::Payer, &b, &a)?;
    let signature = signer.sign(Fr::rand(&mut rng));
    let signature = eddsa::SignatureVar::new_witness(cs.clone(), &signature)?;
    eddsa::verify(&key.public_key, &leaf, &signature)?;
    eddsa::verify_if(&bit, &key.public_key, &FpVar::Constant(Fr::ONE), &signature)
}

/// No value changes the constraints, honest or not, and set-up sees the same ones.
#[test]
fn the_shape_never_depends_on_values() {
    let setup = System::setup(|cs| everything(cs, 0)).unwrap();
    assert!(setup.constraints() > 10_000);
    for seed in 0..6 {
        let system = System::prove(|cs| everything(cs, seed)).unwrap();
        assert_eq!(system.digest(), setup.digest(), "{seed}");
    }
}
