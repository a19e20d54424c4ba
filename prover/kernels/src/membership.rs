//! Membership of G2, eight points at a time.

use ark_bn254::{Config, Fq2, G2Affine};
use ark_ec::{AffineRepr, bn::BnConfig};
use ark_ff::AdditiveGroup;

use crate::Ifma;
use crate::field::Quadratic8;
use crate::jacobian::{Affine8, Jacobian8};
use crate::parameter::X_DIGITS;

/// Bit i says that point i satisfies `(x + 1) P + psi(x P) + psi^2(x P) = psi^3(2 x P)`, with psi the endomorphism of
/// untwist, Frobenius and twist: that it is in G2. Points must be on the twist.
///
/// A bit is clear also where the sums on the way met equal or opposite points or the identity, which no member other
/// than the identity makes them do, but some points of small order: a clear bit is to be decided another way.
#[must_use]
pub fn in_g2(token: Ifma, points: &[G2Affine; 8]) -> u8 {
    // SAFETY: the token proves that the CPU has the instructions.
    unsafe { members(token, points) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn members(token: Ifma, points: &[G2Affine; 8]) -> u8 {
    let (mut xs, mut ys, mut finite) = ([Fq2::ZERO; 8], [Fq2::ZERO; 8], 0);
    for (lane, point) in points.iter().enumerate() {
        (xs[lane], ys[lane]) = (point.x, point.y);
        finite |= u8::from(!point.is_zero()) << lane;
    }
    let zero = Quadratic8::splat(token, &Fq2::ZERO);
    let point = Affine8 {
        x: Quadratic8::import(token, &xs).wide().reduce(token),
        y: Quadratic8::import(token, &ys).wide().reduce(token),
    };
    let negative = Affine8 {
        x: point.x,
        y: (zero - point.y).reduce(token),
    };
    let mut multiple = Jacobian8 {
        x: point.x,
        y: point.y,
        z: Quadratic8::splat(token, &Fq2::new(1.into(), 0.into())),
    };
    // Below the leading digit, which is 1.
    for digit in X_DIGITS[..62].iter().rev() {
        multiple = multiple.double(token);
        match digit {
            1 => multiple = multiple.add_affine(token, point),
            -1 => multiple = multiple.add_affine(token, negative),
            _ => {}
        }
    }
    let constants = [
        Quadratic8::splat(token, &Config::TWIST_MUL_BY_Q_X),
        Quadratic8::splat(token, &Config::TWIST_MUL_BY_Q_Y),
    ];
    let first = psi(token, &multiple, &constants);
    let second = psi(token, &first, &constants);
    let third = psi(token, &second, &constants).double(token);
    let sum = multiple
        .add_affine(token, point)
        .add(token, first)
        .add(token, second);
    finite & sum.equal(token, third)
}

/// The endomorphism; Z stays zero where it is.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn psi(token: Ifma, point: &Jacobian8<Quadratic8>, [by_x, by_y]: &[Quadratic8; 2]) -> Jacobian8<Quadratic8> {
    let x = point.x.wide().conjugate(token).reduce(token);
    let y = point.y.wide().conjugate(token).reduce(token);
    Jacobian8 {
        x: x.mul(token, *by_x).wide().reduce(token),
        y: y.mul(token, *by_y).wide().reduce(token),
        z: point.z.wide().conjugate(token).reduce(token),
    }
}

#[cfg(test)]
mod tests;
