//! Baby Jubjub in circomlib's form: `a x^2 + y^2 = 1 + d x^2 y^2` over the BN254 scalar field with
//! a = 168700, d = 168696.
//!
//! The curve has order 8l with l prime. a is a square and d is not, so the addition law is complete: its
//! denominators never vanish on points of the curve (Bernstein and Lange, "Faster addition and doubling on
//! elliptic curves", theorem 3.3, carried over to a square a).

use ark_bn254::Fr;
use ark_ec::{
    CurveConfig,
    twisted_edwards::{Affine, MontCurveConfig, Projective, TECurveConfig},
};
use ark_ff::{Field, MontFp};

/// Integers modulo the prime order l of the subgroup.
pub type Scalar = ark_ed_on_bn254::Fr;
/// A point in affine coordinates.
pub type Point = Affine<BabyJubjub>;
/// A point in extended projective coordinates.
pub type ProjectivePoint = Projective<BabyJubjub>;

/// The curve's parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BabyJubjub;

impl CurveConfig for BabyJubjub {
    type BaseField = Fr;
    type ScalarField = Scalar;

    const COFACTOR: &'static [u64] = &[8];
    const COFACTOR_INV: Scalar =
        MontFp!("2394026564107420727433200628387514462817212225638746351800188703329891451411");
}

impl TECurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168700");
    const COEFF_D: Fr = MontFp!("168696");
    /// circomlib's `Base8`, of order l.
    const GENERATOR: Point = Affine::new_unchecked(
        MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
        MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
    );
    type MontCurveConfig = Self;
}

/// The birationally equivalent Montgomery curve `v^2 = u^3 + 168698 u^2 + u`, with `u = (1+y)/(1-y)`,
/// `v = u/x`. Its second coefficient is 1 because a - d = 4.
impl MontCurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168698");
    const COEFF_B: Fr = Fr::ONE;
    type TECurveConfig = Self;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::{AffineRepr, CurveGroup};
    use ark_ff::{LegendreSymbol, One, PrimeField};

    #[test]
    fn parameters_are_those_that_completeness_and_order_rest_on() {
        let a = <BabyJubjub as TECurveConfig>::COEFF_A;
        let d = BabyJubjub::COEFF_D;
        assert_eq!(a.legendre(), LegendreSymbol::QuadraticResidue);
        assert_eq!(d.legendre(), LegendreSymbol::QuadraticNonResidue);
        let base = Point::generator();
        assert!(base.is_on_curve() && !base.is_zero());
        assert!(base.mul_bigint(Scalar::MODULUS).into_affine().is_zero());
        assert!((BabyJubjub::COFACTOR_INV * Scalar::from(8u64)).is_one());
        let mont_a = <BabyJubjub as MontCurveConfig>::COEFF_A;
        assert_eq!((a + d) * Fr::from(2u64), mont_a * (a - d));
        assert_eq!(Fr::from(4u64), a - d);
    }
}
