//! The group law of Baby Jubjub in constraints: complete on the Edwards form, cheap and incomplete on the
//! Montgomery form.

use crate::gadgets::linear::{enforce_product, quotient, weighted_sum, witness};
use ark_bn254::Fr;
use ark_ec::twisted_edwards::{MontCurveConfig, TECurveConfig};
use ark_ff::Field;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;
use medproof_verifier::curve::BabyJubjub;

const A: Fr = <BabyJubjub as TECurveConfig>::COEFF_A;
const D: Fr = <BabyJubjub as TECurveConfig>::COEFF_D;
/// Coefficient of `v^2 = u^3 + M u^2 + u`.
const M: Fr = <BabyJubjub as MontCurveConfig>::COEFF_A;

/// A point in Edwards coordinates.
///
/// For points on the curve every operation here is complete and its result unique: a is a square and d is
/// not, so `1 + d x1 x2 y1 y2` and `1 - d x1 x2 y1 y2` are never 0 (tested in the verifier's `curve`).
#[derive(Clone)]
pub(super) struct EdwardsVar {
    pub(super) x: FpVar<Fr>,
    pub(super) y: FpVar<Fr>,
}

impl EdwardsVar {
    pub(super) fn negate(&self) -> Self {
        Self {
            x: &self.x * -Fr::ONE,
            y: self.y.clone(),
        }
    }

    /// Enforces the curve's equation. Costs 3 constraints.
    pub(super) fn enforce_on_curve(&self) -> Result<(), SynthesisError> {
        let xx = &self.x * &self.x;
        let yy = &self.y * &self.y;
        let rest = weighted_sum([(A, &xx), (Fr::ONE, &yy)], -Fr::ONE)?;
        enforce_product(&(xx * D), &yy, &rest)
    }

    /// `2 * self`. Costs 5 constraints.
    pub(super) fn double(&self) -> Result<Self, SynthesisError> {
        let [x_num, x_den, y_num, y_den] = self.double_fractions()?;
        Ok(Self {
            x: quotient(&x_num, &x_den)?,
            y: quotient(&y_num, &y_den)?,
        })
    }

    /// Enforces `2 * self = result`. Costs 5 constraints.
    pub(super) fn enforce_double(&self, result: &Self) -> Result<(), SynthesisError> {
        let [x_num, x_den, y_num, y_den] = self.double_fractions()?;
        enforce_product(&result.x, &x_den, &x_num)?;
        enforce_product(&result.y, &y_den, &y_num)
    }

    /// `2xy / (a x^2 + y^2)` and `(y^2 - a x^2) / (2 - a x^2 - y^2)`: the addition law with the curve's
    /// equation put into its denominators.
    fn double_fractions(&self) -> Result<[FpVar<Fr>; 4], SynthesisError> {
        let xx = &self.x * &self.x;
        let yy = &self.y * &self.y;
        let xy = &self.x * &self.y;
        let two = Fr::from(2u64);
        Ok([
            xy * two,
            weighted_sum([(A, &xx), (Fr::ONE, &yy)], Fr::from(0u64))?,
            weighted_sum([(-A, &xx), (Fr::ONE, &yy)], Fr::from(0u64))?,
            weighted_sum([(-A, &xx), (-Fr::ONE, &yy)], two)?,
        ])
    }

    /// `self + other`. Costs 6 constraints.
    pub(super) fn add(&self, other: &Self) -> Result<Self, SynthesisError> {
        let [x_num, x_den, y_num, y_den] = self.sum_fractions(other)?;
        Ok(Self {
            x: quotient(&x_num, &x_den)?,
            y: quotient(&y_num, &y_den)?,
        })
    }

    /// Enforces `self + other = result`. Costs 6 constraints.
    pub(super) fn enforce_sum(&self, other: &Self, result: &Self) -> Result<(), SynthesisError> {
        let [x_num, x_den, y_num, y_den] = self.sum_fractions(other)?;
        enforce_product(&result.x, &x_den, &x_num)?;
        enforce_product(&result.y, &y_den, &y_num)
    }

    fn sum_fractions(&self, other: &Self) -> Result<[FpVar<Fr>; 4], SynthesisError> {
        let xy = &self.x * &other.y;
        let yx = &self.y * &other.x;
        // (y1 - a x1)(x2 + y2) = y1 y2 - a x1 x2 + y1 x2 - a x1 y2
        let mixed = (&self.y - &self.x * A) * (&other.x + &other.y);
        let product = &xy * &yx;
        let one = FpVar::Constant(Fr::ONE);
        let term = product * D;
        Ok([
            &xy + &yx,
            &one + &term,
            weighted_sum([(Fr::ONE, &mixed), (A, &xy), (-Fr::ONE, &yx)], Fr::from(0u64))?,
            one - term,
        ])
    }

    /// The point in Montgomery coordinates. It must be known to be on the curve with x != 0. Costs 2
    /// constraints.
    pub(super) fn to_montgomery(&self) -> Result<MontgomeryVar, SynthesisError> {
        // u (1 - y) = 1 + y has no solution for y = 1; v x = u has one since x != 0.
        let one = FpVar::Constant(Fr::ONE);
        let u = quotient(&(&one + &self.y), &(&one - &self.y))?;
        let v = quotient(&u, &self.x)?;
        Ok(MontgomeryVar { u, v })
    }
}

/// A point in Montgomery coordinates (never the identity).
#[derive(Clone)]
pub(super) struct MontgomeryVar {
    pub(super) u: FpVar<Fr>,
    pub(super) v: FpVar<Fr>,
}

impl MontgomeryVar {
    /// The point in Edwards coordinates. It must be known to be on the curve and not of order 2. Costs 2
    /// constraints.
    pub(super) fn to_edwards(&self) -> Result<EdwardsVar, SynthesisError> {
        // v = 0 only at the point of order 2. u = -1 is no point: there v^2 = M - 2 = d, a non-square.
        Ok(EdwardsVar {
            x: quotient(&self.u, &self.v)?,
            y: quotient(&(&self.u - Fr::ONE), &(&self.u + Fr::ONE))?,
        })
    }

    /// `self + other` for points with different u. The caller proves that they differ; if they did not, the
    /// slope would be free. Costs 3 constraints.
    pub(super) fn add(&self, other: &Self) -> Result<Self, SynthesisError> {
        let slope = quotient(&(&other.v - &self.v), &(&other.u - &self.u))?;
        let u = third_u(&slope, &self.u, &other.u)?;
        let v = third_v(&slope, self, &u)?;
        Ok(Self { u, v })
    }

    /// `2 * self + other` as `(self + other) + self`, without the v of the inner sum. The caller proves that
    /// neither addition meets equal u. Costs 5 constraints.
    pub(super) fn double_and_add(&self, other: &Self) -> Result<Self, SynthesisError> {
        let first = quotient(&(&other.v - &self.v), &(&other.u - &self.u))?;
        let inner = third_u(&first, &self.u, &other.u)?;
        // With w the inner sum's v, w = first * (u - inner) - v, the second slope is
        // (w - v) / (inner - u) = 2v / (u - inner) - first.
        let both = quotient(&(&self.v * Fr::from(2u64)), &(&self.u - &inner))?;
        let second = both - first;
        let u = third_u(&second, &self.u, &inner)?;
        let v = third_v(&second, self, &u)?;
        Ok(Self { u, v })
    }
}

/// u of the sum of two points on a line of this slope: `slope^2 - M - u1 - u2`. Costs 1 constraint; a variable
/// of its own keeps later rows short.
fn third_u(slope: &FpVar<Fr>, u1: &FpVar<Fr>, u2: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let u3 = witness(&slope.cs(), || {
        Ok(slope.value()?.square() - M - u1.value()? - u2.value()?)
    })?;
    let sum = weighted_sum([(Fr::ONE, &u3), (Fr::ONE, u1), (Fr::ONE, u2)], M)?;
    enforce_product(slope, slope, &sum)?;
    Ok(u3)
}

/// v of the sum with this u: `slope * (u1 - u3) - v1`. Costs 1 constraint.
fn third_v(slope: &FpVar<Fr>, p: &MontgomeryVar, u3: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let v3 = witness(&slope.cs(), || {
        Ok(slope.value()? * (p.u.value()? - u3.value()?) - p.v.value()?)
    })?;
    enforce_product(slope, &(&p.u - u3), &(&v3 + &p.v))?;
    Ok(v3)
}
