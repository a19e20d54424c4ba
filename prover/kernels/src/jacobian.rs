//! Points of a curve `y^2 = x^3 + b`, eight at a time, in Jacobian coordinates: `x = X / Z^2`, `y = Y / Z^3`.
//!
//! The formulas know no special case. Where one is met (equal or opposite points, the identity), the Z of the result
//! is zero, and it stays zero in every later step: Z of a double is `2 Y Z`, of a sum `Z1 Z2 H` with H zero for equal
//! or opposite points. So a result whose Z is not zero is right, and one whose Z is zero says nothing; whoever uses
//! these kernels looks at Z at the end.
//!
//! Bounds, in multiples of p: coordinates are reduced (below 1.01). Products of a reduced element with one below 5.2p
//! are below 3.2 and squares of reduced elements below 2.2, in both fields; sums stay within (-39, 43).

use core::ops::{Add, Sub};

use crate::Ifma;
use crate::field::{Base, Quadratic8, Vec8, Wide, WideQuadratic8};

/// Eight elements of Fq or Fq2.
pub(crate) trait Coordinate: Copy + Sub<Output = Self::Sum> {
    /// Eight sums, not carried.
    type Sum: Copy
        + Add<Self, Output = Self::Sum>
        + Sub<Self, Output = Self::Sum>
        + Sub<Self::Sum, Output = Self::Sum>;

    fn times(self, token: Ifma, other: Self) -> Self;
    fn squared(self, token: Ifma) -> Self;
    fn wide(self) -> Self::Sum;
    fn doubled(sum: Self::Sum) -> Self::Sum;
    /// Adds 2p and carries.
    fn raised(token: Ifma, sum: Self::Sum) -> Self;
    /// See [`Wide::reduce_far`].
    fn reduced(token: Ifma, sum: Self::Sum) -> Self;
    /// Bit i says that lane i is zero. For reduced elements.
    fn zeros(self, token: Ifma) -> u8;
    fn blended(self, mask: u8, other: Self) -> Self;
}

macro_rules! coordinate {
    ($element:ty, $sum:ty) => {
        impl Coordinate for $element {
            type Sum = $sum;

            #[inline(always)]
            fn times(self, token: Ifma, other: Self) -> Self {
                self.mul(token, other)
            }

            #[inline(always)]
            fn squared(self, token: Ifma) -> Self {
                self.square(token)
            }

            #[inline(always)]
            fn wide(self) -> $sum {
                Self::wide(self)
            }

            #[inline(always)]
            fn doubled(sum: $sum) -> $sum {
                sum.double()
            }

            #[inline(always)]
            fn raised(token: Ifma, sum: $sum) -> Self {
                sum.add_p::<2>(token).carry(token)
            }

            #[inline(always)]
            fn reduced(token: Ifma, sum: $sum) -> Self {
                sum.reduce_far(token)
            }

            #[inline(always)]
            fn zeros(self, token: Ifma) -> u8 {
                self.is_zero(token)
            }

            #[inline(always)]
            fn blended(self, mask: u8, other: Self) -> Self {
                self.blend(mask, other)
            }
        }
    };
}

coordinate!(Vec8<Base>, Wide<Base>);
coordinate!(Quadratic8, WideQuadratic8);

/// Eight points in affine coordinates.
#[derive(Clone, Copy)]
pub(crate) struct Affine8<F> {
    pub(crate) x: F,
    pub(crate) y: F,
}

/// Eight points in Jacobian coordinates.
#[derive(Clone, Copy)]
pub(crate) struct Jacobian8<F> {
    pub(crate) x: F,
    pub(crate) y: F,
    pub(crate) z: F,
}

impl<F: Coordinate> Jacobian8<F> {
    /// Twice the points.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(crate) fn double(self, token: Ifma) -> Self {
        let Self { x, y, z } = self;
        let square = y.squared(token);
        // 3 X^2 is below 6.6p, 4 X Y^2 below 12.8p.
        let x_square = x.squared(token);
        let slope = F::reduced(token, F::doubled(x_square.wide()) + x_square);
        let middle = F::reduced(token, F::doubled(F::doubled(x.times(token, square).wide())));
        // Within (-2.1p, 2.2p).
        let next_x = F::reduced(token, slope.squared(token).wide() - F::doubled(middle.wide()));
        // 8 Y^4 is below 20p: Y^2 is below 2.2p, its square below 2.5p.
        let fourth = F::doubled(F::doubled(F::doubled(square.squared(token).wide())));
        let fall = F::raised(token, middle - next_x);
        let next_y = F::reduced(token, slope.times(token, fall).wide() - fourth);
        let next_z = F::reduced(token, F::doubled(y.times(token, z).wide()));
        Self {
            x: next_x,
            y: next_y,
            z: next_z,
        }
    }

    /// The sums with points in affine coordinates.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(crate) fn add_affine(self, token: Ifma, other: Affine8<F>) -> Self {
        let Self { x, y, z } = self;
        let square = z.squared(token);
        let cube = z.times(token, square);
        // Within (-1.1p, 3.2p).
        let run = F::reduced(token, other.x.times(token, square) - x);
        let rise = F::reduced(token, other.y.times(token, cube) - y);
        Self::chord(token, [x, y, z], run, rise)
    }

    /// The sums with points in Jacobian coordinates.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(crate) fn add(self, token: Ifma, other: Self) -> Self {
        let (square, other_square) = (self.z.squared(token), other.z.squared(token));
        let (cube, other_cube) = (self.z.times(token, square), other.z.times(token, other_square));
        let x = F::reduced(token, self.x.times(token, other_square).wide());
        let y = F::reduced(token, self.y.times(token, other_cube).wide());
        let z = F::reduced(token, self.z.times(token, other.z).wide());
        let run = F::reduced(token, other.x.times(token, square) - x);
        let rise = F::reduced(token, other.y.times(token, cube) - y);
        Self::chord(token, [x, y, z], run, rise)
    }

    /// The third point, from one of the first two over Z and the differences to the other.
    #[inline(always)]
    fn chord(token: Ifma, [x, y, z]: [F; 3], run: F, rise: F) -> Self {
        let square = run.squared(token);
        let cube = run.times(token, square);
        let middle = x.times(token, square);
        // Within (-9.6p, 2.2p).
        let next_x = rise.squared(token) - cube - F::doubled(middle.wide());
        let next_x = F::reduced(token, next_x);
        // Within (0.9p, 5.2p), then (-3.2p, 3.2p).
        let fall = F::raised(token, middle - next_x);
        let next_y = rise.times(token, fall) - y.times(token, cube);
        Self {
            x: next_x,
            y: F::reduced(token, next_y),
            z: F::reduced(token, z.times(token, run).wide()),
        }
    }

    /// Bit i says that the points of lane i are known to be equal, and neither the identity.
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    pub(crate) fn equal(self, token: Ifma, other: Self) -> u8 {
        let (square, other_square) = (self.z.squared(token), other.z.squared(token));
        let (cube, other_cube) = (self.z.times(token, square), other.z.times(token, other_square));
        let run = F::reduced(
            token,
            self.x.times(token, other_square) - other.x.times(token, square),
        );
        let rise = F::reduced(
            token,
            self.y.times(token, other_cube) - other.y.times(token, cube),
        );
        run.zeros(token) & rise.zeros(token) & !self.z.zeros(token) & !other.z.zeros(token)
    }

    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    #[inline(always)]
    pub(crate) fn blend(self, mask: u8, other: Self) -> Self {
        Self {
            x: self.x.blended(mask, other.x),
            y: self.y.blended(mask, other.y),
            z: self.z.blended(mask, other.z),
        }
    }
}
