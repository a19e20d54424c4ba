//! Verification of EdDSA-Poseidon signatures; twin of [`medproof_verifier::eddsa`].
//!
//! The equation is checked as `S * Base8 - h * (8A) = R8`. All constraints are complete and sound without
//! exceptional cases: a valid signature always satisfies them, an invalid one never does, whatever the
//! prover hints. The multiplications are in `multiply`, the group law in `curve`.

mod curve;
mod multiply;

use super::linear::{enforce_nonzero, witness};
use super::poseidon::poseidon;
use super::range::{bit_values, bound_bits, enforce_at_most};
use super::select::choose;
use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use curve::EdwardsVar;
use medproof_verifier::curve::{Point, Scalar};
use medproof_verifier::eddsa::{PublicKey, Signature, challenge};
use std::sync::OnceLock;

/// Coordinates that a public key claims to have; [`verify`] enforces that they are a key.
#[derive(Clone)]
pub struct PublicKeyVar {
    /// Affine x.
    pub x: FpVar<Fr>,
    /// Affine y.
    pub y: FpVar<Fr>,
}

impl PublicKeyVar {
    /// Allocates a key. Free: nothing is enforced before [`verify`].
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new_witness(cs: ConstraintSystemRef<Fr>, key: &PublicKey) -> Result<Self, SynthesisError> {
        Ok(Self {
            x: witness(&cs, || Ok(key.x))?,
            y: witness(&cs, || Ok(key.y))?,
        })
    }
}

/// A claimed signature; [`verify`] enforces that it is one.
#[derive(Clone)]
pub struct SignatureVar {
    r8x: FpVar<Fr>,
    r8y: FpVar<Fr>,
    s: FpVar<Fr>,
}

impl SignatureVar {
    /// Allocates a signature. Free: nothing is enforced before [`verify`].
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new_witness(cs: ConstraintSystemRef<Fr>, signature: &Signature) -> Result<Self, SynthesisError> {
        Ok(Self {
            r8x: witness(&cs, || Ok(signature.r8x))?,
            r8y: witness(&cs, || Ok(signature.r8y))?,
            s: witness(&cs, || Ok(signature.s))?,
        })
    }
}

/// Constraints of one verification: the key's order 19, 8A 15, the challenge 321, `h * 8A` 1,838, S < l 371,
/// `S * Base8` 504, the final sum 6.
pub const VERIFY_COST: usize = 3_074;

/// Enforces that `signature` is valid for `message` under `key`, as
/// [`verify`](medproof_verifier::eddsa::verify) of the verifier has it.
///
/// # Errors
/// Those of the constraint system.
pub fn verify(
    key: &PublicKeyVar,
    message: &FpVar<Fr>,
    signature: &SignatureVar,
) -> Result<(), SynthesisError> {
    let a = enforce_prime_order(key)?;
    let eight_a = a.double()?.double()?.double()?;
    let SignatureVar { r8x, r8y, s } = signature;
    let h = poseidon(&[
        r8x.clone(),
        r8y.clone(),
        key.x.clone(),
        key.y.clone(),
        message.clone(),
    ])?;
    let product = multiply::variable_base(&h, &eight_a)?;
    let base = multiply::fixed_base(&reduced_bits(s)?)?;
    // Complete addition of points on the curve has one result, so R8 is that point: its membership of the
    // curve and of the prime-order subgroup needs no check of its own, both terms being multiples of points
    // of prime order.
    let r8 = EdwardsVar {
        x: r8x.clone(),
        y: r8y.clone(),
    };
    base.enforce_sum(&product.negate(), &r8)
}

/// [`verify`] where `condition` holds; where it does not, any key, message and signature will do. Costs 6
/// constraints more.
///
/// # Errors
/// Those of the constraint system.
pub fn verify_if(
    condition: &Boolean<Fr>,
    key: &PublicKeyVar,
    message: &FpVar<Fr>,
    signature: &SignatureVar,
) -> Result<(), SynthesisError> {
    let (fixed_key, fixed_message, fixed_signature) = fixed_triple();
    let pick = |x: &FpVar<Fr>, fixed: Fr| choose(condition, x, &FpVar::Constant(fixed));
    // Where the condition is false, a constant valid signature is verified in place of the given one.
    let key = PublicKeyVar {
        x: pick(&key.x, fixed_key.x)?,
        y: pick(&key.y, fixed_key.y)?,
    };
    let signature = SignatureVar {
        r8x: pick(&signature.r8x, fixed_signature.r8x)?,
        r8y: pick(&signature.r8y, fixed_signature.r8y)?,
        s: pick(&signature.s, fixed_signature.s)?,
    };
    verify(&key, &pick(message, *fixed_message)?, &signature)
}

/// A valid signature that everybody can make: of message 0 under secret scalar 1 with nonce 1.
fn fixed_triple() -> &'static (PublicKey, Fr, Signature) {
    static TRIPLE: OnceLock<(PublicKey, Fr, Signature)> = OnceLock::new();
    TRIPLE.get_or_init(|| {
        let base = Point::generator();
        let (key, message) = (PublicKey::from(base), Fr::from(0u64));
        let h = challenge(&key, message, base.x, base.y);
        // 8h modulo l, by doubling and adding.
        let eight_h = (0..Fr::MODULUS_BIT_SIZE as usize)
            .rev()
            .fold(Scalar::from(0u64), |sum, i| {
                sum + sum + Scalar::from(8 * u64::from(h.into_bigint().get_bit(i)))
            });
        let s = Fr::from((Scalar::from(1u64) + eight_h).into_bigint());
        let signature = Signature {
            r8x: base.x,
            r8y: base.y,
            s,
        };
        (key, message, signature)
    })
}

/// Enforces that `key` is a point of prime order other than the identity. Costs 19 constraints.
fn enforce_prime_order(key: &PublicKeyVar) -> Result<EdwardsVar, SynthesisError> {
    let cs = key.x.cs().or(key.y.cs());
    let eighth = || -> Result<Point, SynthesisError> {
        let point = Point::new_unchecked(key.x.value()?, key.y.value()?);
        if !point.is_on_curve() {
            // No hint helps, and the group law has no meaning there.
            return Ok(Point::zero());
        }
        let inverse = Scalar::from(8u64).inverse().unwrap_or_default();
        Ok(point.mul_bigint(inverse.into_bigint()).into())
    };
    let hint = if cs.is_in_setup_mode() {
        None
    } else {
        Some(eighth()?)
    };
    let coordinate = |of: fn(&Point) -> Fr| {
        witness(&cs, || {
            hint.as_ref().map(of).ok_or(SynthesisError::AssignmentMissing)
        })
    };
    let q = EdwardsVar {
        x: coordinate(|p| p.x)?,
        y: coordinate(|p| p.y)?,
    };
    // The curve has 8l points, so 8Q has order l or 1 for every point Q of it, and every point of order l is
    // 8Q for some Q.
    q.enforce_on_curve()?;
    let a = EdwardsVar {
        x: key.x.clone(),
        y: key.y.clone(),
    };
    q.double()?.double()?.enforce_double(&a)?;
    // Only (0, 1) and (0, -1) have x = 0; the first is the identity, the second has order 2.
    enforce_nonzero(&a.x)?;
    Ok(a)
}

/// The 251 bits of S, lowest first; enforces S < l. Costs 371 constraints.
fn reduced_bits(s: &FpVar<Fr>) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let n = Scalar::MODULUS_BIT_SIZE as usize;
    let bits = bit_values(s, n)?;
    let mut bound = Scalar::MODULUS;
    bound.sub_with_borrow(&1u64.into());
    let highest_first: Vec<_> = bits.iter().rev().cloned().collect();
    let one = FpVar::Constant(Fr::ONE);
    enforce_at_most(&s.cs(), &highest_first, &one, &bound_bits(bound, n))?;
    Ok(bits)
}

#[cfg(test)]
mod tests;
