//! Eight elements of Fq2 = Fq[u] / (u^2 + 1) at a time.

use core::ops::{Add, Sub};

use ark_bn254::Fq2;

use super::Ifma;
use super::modulus::Base;
use super::vector::{Product, Vec8, Wide};

/// Eight elements c0 + c1 u. Bounds are those of [`Vec8`], for both parts.
#[derive(Clone, Copy)]
pub struct Quadratic8 {
    /// The real parts.
    pub c0: Vec8<Base>,
    /// The parts at u.
    pub c1: Vec8<Base>,
}

impl Quadratic8 {
    /// Montgomery product (parts over 2^260): below 4p for factors ip, jp with ij <= 40.
    ///
    /// Three products (Karatsuba) but two reductions: columns are combined before they are reduced.
    #[inline(always)]
    #[must_use]
    pub fn mul(self, token: Ifma, other: Self) -> Self {
        let real = Product::of(token, self.c0, other.c0);
        let imaginary = Product::of(token, self.c1, other.c1);
        let cross = Product::of(
            token,
            (self.c0 + self.c1).carry(token),
            (other.c0 + other.c1).carry(token),
        );
        Self {
            // p 2^260 outweighs the product subtracted.
            c0: real.sub(imaginary).add_p_shifted(token).reduce(token),
            c1: cross.sub(real).sub(imaginary).reduce(token),
        }
    }

    /// Montgomery square: below 4p for parts below 4p.
    #[inline(always)]
    #[must_use]
    pub fn square(self, token: Ifma) -> Self {
        let sum = (self.c0 + self.c1).carry(token);
        let difference = (self.c0 - self.c1).add_p::<4>(token).carry(token);
        Self {
            c0: Product::of(token, sum, difference).reduce(token),
            c1: Product::of(token, self.c0.wide().double().carry(token), self.c1).reduce(token),
        }
    }
}

/// Eight sums in Fq2, not carried. Bounds are those of [`Wide`], for both parts.
#[derive(Clone, Copy)]
pub struct WideQuadratic8 {
    /// The real parts.
    pub c0: Wide<Base>,
    /// The parts at u.
    pub c1: Wide<Base>,
}

impl Quadratic8 {
    /// The same element in every lane, given as arkworks keeps it.
    #[inline(always)]
    #[must_use]
    pub fn splat(token: Ifma, element: &Fq2) -> Self {
        Self {
            c0: Vec8::splat_element(token, &element.c0),
            c1: Vec8::splat_element(token, &element.c1),
        }
    }

    /// Eight elements of arkworks; below 2.1p.
    #[inline(always)]
    #[must_use]
    pub fn import(token: Ifma, elements: &[Fq2; 8]) -> Self {
        Self {
            c0: Vec8::import(token, &core::array::from_fn(|lane| elements[lane].c0)),
            c1: Vec8::import(token, &core::array::from_fn(|lane| elements[lane].c1)),
        }
    }

    /// The lanes as elements of arkworks, for parts below 16p.
    #[inline(always)]
    #[must_use]
    pub fn export(self, token: Ifma) -> [Fq2; 8] {
        let (c0, c1) = (self.c0.export(token), self.c1.export(token));
        core::array::from_fn(|lane| Fq2::new(c0[lane], c1[lane]))
    }

    /// The same values as sums of one.
    #[inline(always)]
    #[must_use]
    pub fn wide(self) -> WideQuadratic8 {
        WideQuadratic8 {
            c0: self.c0.wide(),
            c1: self.c1.wide(),
        }
    }

    /// Both parts times an element of Fq: below (2 + ij/84) p for factors ip, jp.
    #[inline(always)]
    #[must_use]
    pub fn scale(self, token: Ifma, factor: Vec8<Base>) -> Self {
        Self {
            c0: self.c0.mul(token, factor),
            c1: self.c1.mul(token, factor),
        }
    }

    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    #[inline(always)]
    #[must_use]
    pub fn blend(self, mask: u8, other: Self) -> Self {
        Self {
            c0: self.c0.blend(mask, other.c0),
            c1: self.c1.blend(mask, other.c1),
        }
    }

    /// Bit i says that lane i is zero. For parts in [0, 6p).
    #[inline(always)]
    #[must_use]
    pub fn is_zero(self, token: Ifma) -> u8 {
        self.c0.is_zero(token) & self.c1.is_zero(token)
    }
}

impl WideQuadratic8 {
    /// Twice the sum.
    #[inline(always)]
    #[must_use]
    pub fn double(self) -> Self {
        self + self
    }

    /// Times 9 + u, of which Fq6 adjoins a cube root.
    #[inline(always)]
    #[must_use]
    pub fn times_nonresidue(self) -> Self {
        let nine = self.double().double().double() + self;
        Self {
            c0: nine.c0 - self.c1,
            c1: nine.c1 + self.c0,
        }
    }

    /// The conjugate.
    #[inline(always)]
    #[must_use]
    pub fn conjugate(self, token: Ifma) -> Self {
        Self {
            c0: self.c0,
            c1: self.c1.negate_where(token, 0xff),
        }
    }

    /// [`Wide::add_p`] to both parts.
    #[inline(always)]
    #[must_use]
    pub fn add_p<const COUNT: u64>(self, token: Ifma) -> Self {
        Self {
            c0: self.c0.add_p::<COUNT>(token),
            c1: self.c1.add_p::<COUNT>(token),
        }
    }

    /// [`Wide::carry`] of both parts.
    #[inline(always)]
    #[must_use]
    pub fn carry(self, token: Ifma) -> Quadratic8 {
        Quadratic8 {
            c0: self.c0.carry(token),
            c1: self.c1.carry(token),
        }
    }

    /// [`Wide::reduce`] of both parts.
    #[inline(always)]
    #[must_use]
    pub fn reduce(self, token: Ifma) -> Quadratic8 {
        Quadratic8 {
            c0: self.c0.reduce(token),
            c1: self.c1.reduce(token),
        }
    }

    /// [`Wide::reduce_far`] of both parts.
    #[inline(always)]
    #[must_use]
    pub fn reduce_far(self, token: Ifma) -> Quadratic8 {
        Quadratic8 {
            c0: self.c0.reduce_far(token),
            c1: self.c1.reduce_far(token),
        }
    }
}

macro_rules! sums {
    ($($left:ident $operator:ident $right:ident by $method:ident;)*) => { $(
        impl $operator<$right> for $left {
            type Output = WideQuadratic8;

            /// Part by part, not carried.
            #[inline(always)]
            fn $method(self, other: $right) -> WideQuadratic8 {
                WideQuadratic8 {
                    c0: self.c0.$method(other.c0),
                    c1: self.c1.$method(other.c1),
                }
            }
        }
    )* };
}

sums! {
    Quadratic8 Add Quadratic8 by add;
    Quadratic8 Sub Quadratic8 by sub;
    WideQuadratic8 Add Quadratic8 by add;
    WideQuadratic8 Sub Quadratic8 by sub;
    WideQuadratic8 Add WideQuadratic8 by add;
    WideQuadratic8 Sub WideQuadratic8 by sub;
}
