//! Eight elements of Fq2 = Fq[u] / (u^2 + 1) at a time.

use super::Ifma;
use super::modulus::Base;
use super::vector::{Product, Vec8};

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
