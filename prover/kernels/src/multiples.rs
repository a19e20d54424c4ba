//! Multiples of points of G1 by numbers of two short halves, eight at a time.

use ark_bn254::{Fq, G1Affine, G1Projective, g1};
use ark_ec::{AffineRepr, scalar_mul::glv::GLVConfig};
use ark_ff::AdditiveGroup;

use crate::Ifma;
use crate::field::{Base, Modulus, Vec8};
use crate::jacobian::{Affine8, Jacobian8};

/// `(low + lambda high) P` for each point and its `[low, high]`, lambda being the number by which the curve's endomorphism
/// multiplies; 0 times a point, and every multiple of the identity, is the identity.
///
/// No sum on the way meets equal or opposite points: after a doubling it is `(2a + 2b lambda) P`, to which
/// 1, lambda or 1 + lambda times P is added, and `(2a - c) + (2b - d) lambda` with c or d odd is no multiple of the
/// group's order r, as its norm `x^2 - x y + y^2` lies between 1 and 2^133, and r would divide it.
///
/// # Panics
/// If there are not as many numbers as points.
#[must_use]
pub fn multiples(token: Ifma, points: &[G1Affine], numbers: &[[u64; 2]]) -> Vec<G1Projective> {
    assert_eq!(points.len(), numbers.len(), "one number for each point");
    let mut out = Vec::with_capacity(points.len());
    for (points, numbers) in points.chunks(8).zip(numbers.chunks(8)) {
        // SAFETY: the token proves that the CPU has the instructions.
        let eight = unsafe { eight_multiples(token, points, numbers) };
        out.extend_from_slice(&eight[..points.len()]);
    }
    out
}

/// At most eight points and as many numbers.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn eight_multiples(token: Ifma, points: &[G1Affine], numbers: &[[u64; 2]]) -> [G1Projective; 8] {
    let (mut xs, mut ys) = ([Fq::ZERO; 8], [Fq::ZERO; 8]);
    let mut halves = [[0; 2]; 8];
    for (lane, (point, number)) in points.iter().zip(numbers).enumerate() {
        if !point.is_zero() {
            (xs[lane], ys[lane], halves[lane]) = (point.x, point.y, *number);
        }
    }
    let beta = Vec8::<Base>::splat_element(token, &g1::Config::ENDO_COEFFS[0]);
    let zero = Vec8::zero(token);
    let one = Vec8::splat(token, Base::ONE);
    // 1 + lambda + lambda^2 = 0, so that (1 + lambda) P = -lambda^2 P.
    let x = Vec8::import(token, &xs).wide().reduce(token);
    let x_image = x.mul(token, beta).wide().reduce(token);
    let x_sum = x_image.mul(token, beta).wide().reduce(token);
    let y = Vec8::import(token, &ys).wide().reduce(token);
    let y_negative = (zero - y).reduce(token);
    let mut sum = Jacobian8 {
        x: zero,
        y: zero,
        z: zero,
    };
    let mut begun = 0;
    for bit in (0..64).rev() {
        let (mut low, mut high) = (0u8, 0u8);
        for (lane, half) in halves.iter().enumerate() {
            low |= ((half[0] >> bit & 1) as u8) << lane;
            high |= ((half[1] >> bit & 1) as u8) << lane;
        }
        sum = sum.double(token);
        let other = Affine8 {
            x: x.blend(high, x_image).blend(low & high, x_sum),
            y: y.blend(low & high, y_negative),
        };
        let first = Jacobian8 {
            x: other.x,
            y: other.y,
            z: one,
        };
        let added = sum.add_affine(token, other).blend(!begun, first);
        sum = sum.blend(low | high, added);
        begun |= low | high;
    }
    let (x, y, z) = (sum.x.export(token), sum.y.export(token), sum.z.export(token));
    let mut out = [G1Projective::ZERO; 8];
    for (lane, point) in out.iter_mut().enumerate() {
        if z[lane] != Fq::ZERO {
            *point = G1Projective::new_unchecked(x[lane], y[lane], z[lane]);
        }
    }
    out
}

#[cfg(test)]
mod tests;
