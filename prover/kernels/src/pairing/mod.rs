//! The Miller loops of many pairs, eight at a time.
//!
//! Each pair has a lane in a vector of eight; all vectors multiply their lines into one accumulator of eight lanes,
//! so that its squarings are shared, and the lanes are multiplied at the end. Points of G2 run in homogeneous
//! projective coordinates `x = X / Z`, `y = Y / Z` (Costello, Lange and Naehrig, "Faster pairing computations on
//! curves with high-degree twists"; the doubling here is theirs times 4, which saves the halves), so that no
//! inversion ties the vectors together. A line through T untwisted and evaluated at P = (x, y) is
//!
//! - tangent: `-2 Y Z y + 3 X^2 x w + (3 b' Z^2 - Y^2) w^3`;
//! - chord to Q: `-L y + H x w + (L y_Q - H x_Q) w^3` with `H = Y - y_Q Z` and `L = X - x_Q Z`,
//!
//! up to factors in Fq2, which final exponentiation removes, like those in Fq.
//!
//! Lanes without a pair multiply their accumulator by 1 at every step: the mask `active` of a vector says which
//! lanes have one, and every line is put through it.

mod tower;

#[cfg(test)]
mod tests;

use ark_bn254::{Config, Fq, Fq2, Fq12, G1Affine, G2Affine, g2};
use ark_ec::{AffineRepr, bn::BnConfig, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, Field};

use crate::Ifma;
use crate::field::{Base, Quadratic8, Vec8};
use tower::{Line8, Twelve8, times};

/// The product of the Miller loops of all pairs, up to factors that final exponentiation removes; of no pairs it is 1.
///
/// Points of G2 must have prime order r. A pair with the identity on either side counts as 1, as its pairing is.
#[must_use]
pub fn miller_loop(token: Ifma, pairs: &[(G1Affine, G2Affine)]) -> Fq12 {
    // SAFETY: the token proves that the CPU has the instructions.
    let lanes = unsafe { miller_lanes(token, pairs) };
    lanes.iter().product()
}

/// Eight pairs on their way through the loop. All parts are reduced (below 1.01p).
struct Eight {
    /// Bit i says that lane i holds a pair; other lanes hold zeros.
    active: u8,
    /// Of the points of G1: x, 3 x, -y.
    x: Vec8<Base>,
    three_x: Vec8<Base>,
    minus_y: Vec8<Base>,
    q: [Quadratic8; 2],
    /// The multiple of `q` so far.
    t: [Quadratic8; 3],
}

/// What all steps need.
struct Constants {
    /// 3 b' of the twist `y^2 = x^3 + b'`.
    three_b: Quadratic8,
    zero: Quadratic8,
    one: Quadratic8,
    psi_x: Quadratic8,
    psi_y: Quadratic8,
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn miller_lanes(token: Ifma, pairs: &[(G1Affine, G2Affine)]) -> [Fq12; 8] {
    let b = g2::Config::COEFF_B;
    let constants = Constants {
        three_b: Quadratic8::splat(token, &(b.double() + b)),
        zero: Quadratic8::splat(token, &Fq2::ZERO),
        one: Quadratic8::splat(token, &Fq2::ONE),
        psi_x: Quadratic8::splat(token, &Config::TWIST_MUL_BY_Q_X),
        psi_y: Quadratic8::splat(token, &Config::TWIST_MUL_BY_Q_Y),
    };
    let mut eights = Vec::with_capacity(pairs.len().div_ceil(8));
    for pairs in pairs.chunks(8) {
        eights.push(Eight::load(token, pairs, &constants));
    }
    let mut f = Twelve8::one(token);
    // The leading digit is 1: `t` begins as `q`.
    for (step, digit) in Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate() {
        if step > 0 {
            f = f.square(token);
        }
        for eight in &mut eights {
            eight.double(token, &mut f, &constants);
            if *digit != 0 {
                let [x, mut y] = eight.q;
                if *digit < 0 {
                    y = (constants.zero - y).reduce(token);
                }
                eight.add(token, &mut f, &[x, y], &constants);
            }
        }
    }
    for eight in &mut eights {
        let first = eight.psi(token, &eight.q, &constants);
        eight.add(token, &mut f, &first, &constants);
        let [x, y] = eight.psi(token, &first, &constants);
        let y = (constants.zero - y).reduce(token);
        eight.add(token, &mut f, &[x, y], &constants);
    }
    f.export(token)
}

impl Eight {
    /// At most eight pairs.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn load(token: Ifma, pairs: &[(G1Affine, G2Affine)], constants: &Constants) -> Self {
        let (mut px, mut py) = ([Fq::ZERO; 8], [Fq::ZERO; 8]);
        let (mut qx, mut qy) = ([Fq2::ZERO; 8], [Fq2::ZERO; 8]);
        let mut active = 0;
        for (lane, (p, q)) in pairs.iter().enumerate() {
            if !p.is_zero() && !q.is_zero() {
                (px[lane], py[lane], qx[lane], qy[lane]) = (p.x, p.y, q.x, q.y);
                active |= 1 << lane;
            }
        }
        let x = Vec8::import(token, &px).wide().reduce(token);
        let y = Vec8::import(token, &py).wide().reduce(token);
        let q = [
            Quadratic8::import(token, &qx).wide().reduce(token),
            Quadratic8::import(token, &qy).wide().reduce(token),
        ];
        Self {
            active,
            x,
            three_x: (x.wide().double() + x).reduce(token),
            minus_y: (Vec8::zero(token) - y).reduce(token),
            q,
            t: [q[0], q[1], constants.one],
        }
    }

    /// The endomorphism of untwist, Frobenius and twist.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn psi(&self, token: Ifma, [x, y]: &[Quadratic8; 2], constants: &Constants) -> [Quadratic8; 2] {
        let x = x.wide().conjugate(token).reduce(token);
        let y = y.wide().conjugate(token).reduce(token);
        [
            times(token, &x, &constants.psi_x).wide().reduce(token),
            times(token, &y, &constants.psi_y).wide().reduce(token),
        ]
    }

    /// Multiplies `f` by the tangents at `t`, and doubles `t`. Squares and products of reduced elements are below 2.2p
    /// and 3.1p.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn double(&mut self, token: Ifma, f: &mut Twelve8, constants: &Constants) {
        let [x, y, z] = self.t;
        let product = times(token, &x, &y);
        let (b, c, j) = (y.square(token), z.square(token), x.square(token));
        let e = times(token, &constants.three_b, &c);
        // 2 Y Z, within (-4.4p, 2.4p).
        let h = ((y + z).carry(token).square(token) - b - c).reduce_far(token);
        let line = Line8 {
            at_one: h.scale(token, self.minus_y),
            at_w: j.scale(token, self.three_x),
            // Within (-2.2p, 3.1p).
            at_vw: (e - b).reduce(token),
        };
        self.multiply(token, f, line, constants);
        let f = e.wide().double() + e;
        // Within (-9.3p, 2.2p), and below 11.5p.
        let below = (b.wide() - f).reduce_far(token);
        let above = (f + b).reduce_far(token);
        let next_x = times(token, &product, &below);
        // 12 E^2 is below 30p: E's parts are below 3.1p and 2.2p, their squares' below 2.5p.
        let square = e.square(token);
        let twelve = (square.wide().double() + square).double().double();
        let next_z = times(token, &b, &h);
        self.t = [
            next_x.wide().double().reduce_far(token),
            (above.square(token).wide() - twelve).reduce_far(token),
            next_z.wide().double().double().reduce_far(token),
        ];
    }

    /// Multiplies `f` by the lines through `t` and `other`, and adds the latter to `t`.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn add(&mut self, token: Ifma, f: &mut Twelve8, other: &[Quadratic8; 2], constants: &Constants) {
        let [x, y, z] = self.t;
        let [qx, qy] = other;
        // Within (-3.1p, 1.1p).
        let height = (y - times(token, qy, &z)).reduce_far(token);
        let length = (x - times(token, qx, &z)).reduce_far(token);
        let line = Line8 {
            at_one: length.scale(token, self.minus_y),
            at_w: height.scale(token, self.x),
            // Within (-3.1p, 3.1p).
            at_vw: (times(token, &length, qy) - times(token, &height, qx)).reduce_far(token),
        };
        self.multiply(token, f, line, constants);
        let square = length.square(token);
        let cube = times(token, &length, &square);
        let run = times(token, &x, &square);
        let rise = times(token, &z, &height.square(token));
        // Within (-6.2p, 6.2p).
        let sum = (cube + rise - run.wide().double()).reduce_far(token);
        // Within (0.9p, 5.2p).
        let fall = (run - sum).add_p::<2>(token).carry(token);
        let next_y = times(token, &height, &fall) - times(token, &cube, &y);
        self.t = [
            times(token, &length, &sum).wide().reduce(token),
            next_y.reduce_far(token),
            times(token, &z, &cube).wide().reduce(token),
        ];
    }

    /// Multiplies the lanes of `f` that have a pair by the line, the others by 1.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn multiply(&self, token: Ifma, f: &mut Twelve8, mut line: Line8, constants: &Constants) {
        if self.active != 0xff {
            line = Line8 {
                at_one: constants.one.blend(self.active, line.at_one),
                at_w: constants.zero.blend(self.active, line.at_w),
                at_vw: constants.zero.blend(self.active, line.at_vw),
            };
        }
        f.multiply(token, &line);
    }
}
