//! Fq12, eight elements at a time: `f0 + f1 w` with f0, f1 in `Fq6 = Fq2[v] / (v^3 - (9 + u))` and `w^2 = v`.
//!
//! Bounds, in multiples of p, for both parts of every coefficient: elements at rest are reduced, that is below
//! 1.01. With factors ip and jp in Fq2 a product's real part is below 3 + ij/84 and its other part below
//! 2 + ij/42: below 3.4 and 2.7 for all products here (ij at most 26). What is added up from them stays within
//! (-39, 43), which `reduce_far` takes, or (-2.9, 5), which `reduce` takes; each function says how far it goes.

use ark_bn254::{Fq2, Fq6, Fq12};

use crate::Ifma;
use crate::field::{Quadratic8, WideQuadratic8};

/// Eight elements of Fq6, coefficients of 1, v, v^2.
pub(super) type Cubic8 = [Quadratic8; 3];

/// Eight elements of Fq12.
#[derive(Clone, Copy)]
pub(super) struct Twelve8 {
    pub(super) c0: Cubic8,
    pub(super) c1: Cubic8,
}

/// Eight sparse elements `at_one + (at_w + at_vw v) w`: lines at points. Parts below 2.1p.
#[derive(Clone, Copy)]
pub(super) struct Line8 {
    pub(super) at_one: Quadratic8,
    pub(super) at_w: Quadratic8,
    pub(super) at_vw: Quadratic8,
}

/// The product in Fq2, not inlined: the loop over a line's thirteen products would not fit the cache of decoded
/// instructions.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
pub(super) fn times(token: Ifma, a: &Quadratic8, b: &Quadratic8) -> Quadratic8 {
    a.mul(token, *b)
}

impl Twelve8 {
    /// One in every lane.
    #[inline(always)]
    pub(super) fn one(token: Ifma) -> Self {
        let zero = Quadratic8::splat(token, &Fq2::new(0.into(), 0.into()));
        let one = Quadratic8::splat(token, &Fq2::new(1.into(), 0.into()));
        Self {
            c0: [one, zero, zero],
            c1: [zero; 3],
        }
    }

    /// The lanes as elements of arkworks.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(super) fn export(&self, token: Ifma) -> [Fq12; 8] {
        let mut out = [Fq12::new(Fq6::default(), Fq6::default()); 8];
        for (half, which) in [(&self.c0, 0), (&self.c1, 1)] {
            let [c0, c1, c2] = half;
            let (c0, c1, c2) = (c0.export(token), c1.export(token), c2.export(token));
            for lane in 0..8 {
                let value = Fq6::new(c0[lane], c1[lane], c2[lane]);
                if which == 0 {
                    out[lane].c0 = value;
                } else {
                    out[lane].c1 = value;
                }
            }
        }
        out
    }

    /// The square.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(super) fn square(&self, token: Ifma) -> Self {
        let (a, b) = (&self.c0, &self.c1);
        let cross = cubic(token, a, b);
        let sum = add_cubic(token, a, b);
        // a + v b; up to 11.2p.
        let shifted = [
            (b[2].wide().times_nonresidue() + a[0]).reduce_far(token),
            (a[1] + b[0]).carry(token),
            (a[2] + b[1]).carry(token),
        ];
        let all = cubic(token, &sum, &shifted);
        // (a + b)(a + v b) - a b - v a b, within (-11.2p, 2.1p) and (-2.1p, 1.1p).
        let turned = cross[2].wide().times_nonresidue();
        Self {
            c0: [
                (all[0] - cross[0] - turned).reduce_far(token),
                (all[1] - cross[1] - cross[0]).reduce(token),
                (all[2] - cross[2] - cross[1]).reduce(token),
            ],
            c1: [
                cross[0].wide().double().reduce(token),
                cross[1].wide().double().reduce(token),
                cross[2].wide().double().reduce(token),
            ],
        }
    }

    /// The product with a line.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(super) fn multiply(&mut self, token: Ifma, line: &Line8) {
        let (a, b) = (&self.c0, &self.c1);
        let first = [
            times(token, &a[0], &line.at_one),
            times(token, &a[1], &line.at_one),
            times(token, &a[2], &line.at_one),
        ];
        let [s0, s1, s2] = sparse(token, b, &line.at_w, &line.at_vw);
        let second = [s0.reduce_far(token), s1.reduce_far(token), s2.reduce_far(token)];
        let sum = add_cubic(token, a, b);
        // Below 4.2p.
        let at_w = (line.at_one + line.at_w).carry(token);
        let cross = sparse(token, &sum, &at_w, &line.at_vw);
        // Within (-11p, 31p).
        self.c1 = [
            (cross[0] - first[0] - second[0]).reduce_far(token),
            (cross[1] - first[1] - second[1]).reduce_far(token),
            (cross[2] - first[2] - second[2]).reduce_far(token),
        ];
        // Below 13.2p and 4.1p.
        self.c0 = [
            (second[2].wide().times_nonresidue() + first[0]).reduce_far(token),
            (first[1] + second[0]).reduce(token),
            (first[2] + second[1]).reduce(token),
        ];
    }
}

#[inline(always)]
fn add_cubic(token: Ifma, a: &Cubic8, b: &Cubic8) -> Cubic8 {
    [
        (a[0] + b[0]).carry(token),
        (a[1] + b[1]).carry(token),
        (a[2] + b[2]).carry(token),
    ]
}

/// The product in Fq6, reduced, of factors below 2.1p.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn cubic(token: Ifma, a: &Cubic8, b: &Cubic8) -> Cubic8 {
    let (t0, t1, t2) = (
        times(token, &a[0], &b[0]),
        times(token, &a[1], &b[1]),
        times(token, &a[2], &b[2]),
    );
    // Factors below 4.2p.
    let (a01, b01) = ((a[0] + a[1]).carry(token), (b[0] + b[1]).carry(token));
    let (a02, b02) = ((a[0] + a[2]).carry(token), (b[0] + b[2]).carry(token));
    let (a12, b12) = ((a[1] + a[2]).carry(token), (b[1] + b[2]).carry(token));
    // Within (-6.2p, 3.3p), (-8.3p, 31p) and (-6.2p, 6.5p).
    let turned = (times(token, &a12, &b12) - t1 - t2).reduce_far(token);
    let c0 = turned.wide().times_nonresidue() + t0;
    let c1 = t2.wide().times_nonresidue() + times(token, &a01, &b01) - t0 - t1;
    let c2 = times(token, &a02, &b02) - t0 - t2 + t1;
    [c0.reduce_far(token), c1.reduce_far(token), c2.reduce_far(token)]
}

/// The product of `g` (below 2.1p) with `d + e v` (d below 4.2p, e below 2.1p), within (-6.3p, 31p).
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn sparse(token: Ifma, g: &Cubic8, d: &Quadratic8, e: &Quadratic8) -> [WideQuadratic8; 3] {
    let (g0_d, g1_e) = (times(token, &g[0], d), times(token, &g[1], e));
    let (g2_d, g2_e) = (times(token, &g[2], d), times(token, &g[2], e));
    let (left, right) = ((g[0] + g[1]).carry(token), (*d + *e).carry(token));
    let cross = times(token, &left, &right);
    [
        g2_e.wide().times_nonresidue() + g0_d,
        cross - g0_d - g1_e,
        g1_e + g2_d,
    ]
}
