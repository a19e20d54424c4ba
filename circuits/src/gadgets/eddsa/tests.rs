use super::*;
use crate::tamper::checks::always_free;
use crate::tamper::{Loose, System};
use ark_ec::CurveGroup;
use ark_r1cs_std::alloc::AllocVar;
use medproof_records::signing::SigningKey;
use medproof_verifier::eddsa::{EddsaError, verify as verify_native};

fn system(key: &PublicKey, message: Fr, signature: &Signature, condition: Option<bool>) -> System {
    System::prove(|cs| {
        let key = PublicKeyVar::new_witness(cs.clone(), key)?;
        let message = witness(&cs, || Ok(message))?;
        let signature = SignatureVar::new_witness(cs.clone(), signature)?;
        match condition {
            None => verify(&key, &message, &signature),
            Some(value) => {
                let condition = Boolean::new_witness(cs, || Ok(value))?;
                verify_if(&condition, &key, &message, &signature)
            }
        }
    })
    .unwrap()
}

fn agree(key: &PublicKey, message: Fr, signature: &Signature, expected: Result<(), EddsaError>) {
    assert_eq!(verify_native(key, message, signature), expected);
    let run = |condition| system(key, message, signature, condition).is_satisfied();
    assert_eq!(run(None), expected.is_ok(), "{expected:?}");
    assert_eq!(run(Some(true)), expected.is_ok(), "{expected:?}");
    assert!(run(Some(false)), "{expected:?}");
}

fn signed(seed: u8, message: u64) -> (PublicKey, Fr, Signature) {
    let key = SigningKey::from_seed(&[seed; 32]);
    let message = Fr::from(message);
    (key.public_key(), message, key.sign(message))
}

fn point(x: Fr, y: Fr) -> Point {
    Point::new_unchecked(x, y)
}

/// The points of order 2, 4 and 8, made by multiplying points of the whole curve by l.
fn torsion() -> Vec<Point> {
    let mut found: Vec<Point> = Vec::new();
    let mut y = Fr::from(2u64);
    while found.len() < 7 {
        y += Fr::from(1u64);
        let Some(p) = Point::get_point_from_y_unchecked(y, false) else {
            continue;
        };
        for sign in [p, -p] {
            let t = sign.mul_bigint(Scalar::MODULUS).into_affine();
            if !t.is_zero() && !found.contains(&t) {
                found.push(t);
            }
        }
    }
    found
}

/// 8 h a modulo l, and signatures by formula with a chosen key, nonce and published points.
fn forge(a: u64, nonce: u64, published_a: Point, published_r: Point, message: Fr) -> (PublicKey, Signature) {
    let key = PublicKey::from(published_a);
    let h = challenge(&key, message, published_r.x, published_r.y);
    let eight_h = (0..254).rev().fold(Scalar::from(0u64), |sum, i| {
        sum + sum + Scalar::from(8 * u64::from(h.into_bigint().get_bit(i)))
    });
    let s = Scalar::from(nonce) + eight_h * Scalar::from(a);
    let signature = Signature {
        r8x: published_r.x,
        r8y: published_r.y,
        s: Fr::from(s.into_bigint()),
    };
    (key, signature)
}

#[test]
fn signatures_of_the_records_crate_are_accepted() {
    for seed in 0..4 {
        let (key, message, signature) = signed(seed, 1 << seed);
        agree(&key, message, &signature, Ok(()));
        agree(
            &key,
            message + Fr::from(1u64),
            &signature,
            Err(EddsaError::Mismatch),
        );
    }
}

/// With torsion added to A, 8hA and so the whole equation stay true: only the order check refuses it. Of the
/// eight points that make up the torsion the identity alone changes nothing.
#[test]
fn c13_torsion_in_key_or_nonce_is_refused_for_all_8_points() {
    let message = Fr::from(5u64);
    let base = Point::generator();
    let (a, nonce) = (1234u64, 777u64);
    let (public, r8) = (
        base.mul_bigint([a]).into_affine(),
        base.mul_bigint([nonce]).into_affine(),
    );
    let (key, signature) = forge(a, nonce, public, r8, message);
    agree(&key, message, &signature, Ok(()));
    let torsion = torsion();
    assert_eq!(torsion.len(), 7);
    for t in torsion {
        let (key, signature) = forge(a, nonce, (public + t).into_affine(), r8, message);
        agree(&key, message, &signature, Err(EddsaError::Key));
        let (key, signature) = forge(a, nonce, public, (r8 + t).into_affine(), message);
        agree(&key, message, &signature, Err(EddsaError::Nonce));
        // A key that is torsion alone: every S with R8 = S * Base8 would do.
        let (key, signature) = forge(0, nonce, t, r8, message);
        agree(&key, message, &signature, Err(EddsaError::Key));
    }
    let (key, signature) = forge(0, nonce, Point::zero(), r8, message);
    agree(&key, message, &signature, Err(EddsaError::Key));
}

#[test]
fn small_and_special_scalars_are_accepted() {
    let base = Point::generator();
    let last = Scalar::from(0u64) - Scalar::from(1u64);
    for (a, nonce) in [
        (1u64, 1u64),
        (1, 0),
        (2, 1),
        (1, 2),
        (8, 64),
        (u64::MAX, u64::MAX),
    ] {
        let (public, r8) = (
            base.mul_bigint([a]).into_affine(),
            base.mul_bigint([nonce]).into_affine(),
        );
        for message in [Fr::from(0u64), -Fr::from(1u64)] {
            let (key, signature) = forge(a, nonce, public, r8, message);
            agree(&key, message, &signature, Ok(()));
        }
    }
    assert!(last.into_bigint() < Scalar::MODULUS);
}

#[test]
fn c09_s_must_be_reduced() {
    let (key, message, mut signature) = signed(9, 9);
    let order = Fr::from(Scalar::MODULUS);
    signature.s += order;
    while signature.s.into_bigint().num_bits() <= 252 {
        agree(&key, message, &signature, Err(EddsaError::NotReduced));
        signature.s += order;
    }
    signature.s = -Fr::from(1u64);
    agree(&key, message, &signature, Err(EddsaError::NotReduced));
}

#[test]
fn blank_data_passes_under_a_false_condition_only() {
    let zero = Fr::from(0u64);
    let key = PublicKey { x: zero, y: zero };
    let signature = Signature {
        r8x: zero,
        r8y: zero,
        s: zero,
    };
    agree(&key, zero, &signature, Err(EddsaError::Key));
    let (key, message, signature) = fixed_triple();
    agree(key, *message, signature, Ok(()));
}

#[test]
fn costs_are_as_documented() {
    let (key, message, signature) = signed(3, 3);
    let plain = system(&key, message, &signature, None).constraints();
    assert_eq!(plain, VERIFY_COST);
    assert_eq!(
        system(&key, message, &signature, Some(true)).constraints(),
        1 + VERIFY_COST + 6
    );
}

#[test]
fn the_shape_is_the_same_for_every_witness_and_in_set_up() {
    let setup = System::setup(|cs| {
        let zero = Fr::from(0u64);
        let key = PublicKeyVar::new_witness(cs.clone(), &PublicKey { x: zero, y: zero })?;
        let message = witness(&cs, || Ok(zero))?;
        let signature = SignatureVar::new_witness(
            cs,
            &Signature {
                r8x: zero,
                r8y: zero,
                s: zero,
            },
        )?;
        verify(&key, &message, &signature)
    })
    .unwrap();
    for seed in 0..3 {
        let (key, message, signature) = signed(seed, 88);
        assert_eq!(system(&key, message, &signature, None).digest(), setup.digest());
    }
}

/// The hints of the bounds are free where a run of ones is matched; which runs are, differs between
/// signatures. No other variable is free in any, so none is free in all of several.
#[test]
fn c04_no_variable_is_free_in_every_signature() {
    let systems = (0..16).map(|seed| {
        let (key, message, signature) = signed(seed, 5);
        system(&key, message, &signature, None)
    });
    let systems: Vec<System> = systems.collect();
    assert_eq!(always_free(&systems), [0usize; 0]);
}

/// A fault planted for the harness: the multiplication runs over a point that is assigned as 8A but tied to
/// nothing, so that every message has a signature.
#[test]
fn c05_an_assigned_base_that_is_not_constrained_is_caught_by_the_rank() {
    let multiply = |tied: bool| {
        let (key, message, _) = signed(4, 4);
        System::prove(|cs| {
            let key = PublicKeyVar::new_witness(cs.clone(), &key)?;
            let h = witness(&cs, || Ok(message))?;
            let mut base = enforce_prime_order(&key)?.double()?.double()?.double()?;
            if !tied {
                base = EdwardsVar {
                    x: witness(&cs, || base.x.value())?,
                    y: witness(&cs, || base.y.value())?,
                };
            }
            multiply::variable_base(&h, &base).map(|_| ())
        })
        .unwrap()
    };
    let open = |system: &System| {
        let loose = system.undetermined(&[0, 1, 2]);
        loose.iter().filter(|(_, kind)| *kind == Loose::Open).count()
    };
    assert_eq!(open(&multiply(true)), 0);
    // Nearly everything that follows from the base is open with it.
    let broken = multiply(false);
    assert!(broken.is_satisfied() && open(&broken) > 1_000);
}

#[test]
fn the_torsion_points_are_on_the_curve() {
    for t in torsion() {
        assert!(point(t.x, t.y).is_on_curve());
        assert!(t.mul_bigint([8]).into_affine().is_zero());
    }
}
