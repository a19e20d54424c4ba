//! One element at a time, on every machine: Montgomery arithmetic on four 64-bit words, radix 2^256.
//!
//! Elements are arkworks' own, canonical before and after; only the way to a result differs. Nothing here branches
//! on a value (sums and differences of random elements would be mispredicted every other time), and products use
//! the two carry chains of ADX where the CPU has them.
//!
//! # Bounds
//! Both moduli are below 0.19 2^256, so that the top two bits of an element are free: with a product's factors
//! below ip and jp the sums of a row stay below (i + 1) p < 2^256 and never need a sixth word, and the result is
//! below (1 + 0.19 ij) p. One subtraction then makes it canonical as long as ij <= 5.

#[cfg(target_arch = "x86_64")]
mod adx;

use ark_bn254::{Fq2, FqConfig};
use ark_ff::{BigInt, Fp, MontBackend, MontConfig};

/// Four words, least significant first.
type Words = [u64; 4];

/// An element of a prime field of arkworks.
type Element<T> = Fp<MontBackend<T, 4>, 4>;

/// What a reduction needs of a modulus, as the kernels read it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Constants {
    p: Words,
    /// -1/p mod 2^64.
    neg_inv: u64,
}

impl Constants {
    const fn of<T: MontConfig<4>>() -> Self {
        Self {
            p: T::MODULUS.0,
            neg_inv: T::INV,
        }
    }
}

/// Those of Fq.
const FQ: Constants = Constants::of::<FqConfig>();

/// Branchless arithmetic on canonical elements.
pub trait Single: Copy {
    /// `self + other`.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// `self - other`.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// `self * other`.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// `self * self`.
    #[must_use]
    fn squared(self) -> Self;
    /// `-self` if so, else `self`.
    #[must_use]
    fn negated_if(self, negate: bool) -> Self;
}

impl<T: MontConfig<4>> Single for Element<T> {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // Below 2p: no carry.
        element(subtract_once(add(self.0.0, other.0.0), T::MODULUS.0))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        let (difference, borrow) = subtract(self.0.0, other.0.0);
        let mask = 0u64.wrapping_sub(u64::from(borrow));
        let mut p = T::MODULUS.0;
        for word in &mut p {
            *word &= mask;
        }
        // If it was negative, the carry out undoes the borrow.
        element(add(difference, p))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        element(mul(&self.0.0, &other.0.0, const { &Constants::of::<T>() }))
    }

    #[inline(always)]
    fn squared(self) -> Self {
        self.times(self)
    }

    #[inline(always)]
    fn negated_if(self, negate: bool) -> Self {
        let negated = Self::new_unchecked(BigInt([0; 4])).minus(self);
        element(select(negate, self.0.0, negated.0.0))
    }
}

impl Single for Fq2 {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self::new(self.c0.plus(other.c0), self.c1.plus(other.c1))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self::new(self.c0.minus(other.c0), self.c1.minus(other.c1))
    }

    /// Three products (Karatsuba) and two reductions.
    #[inline]
    fn times(self, other: Self) -> Self {
        let (a, b) = ([self.c0.0.0, self.c1.0.0], [other.c0.0.0, other.c1.0.0]);
        let real = product(&a[0], &b[0]);
        let imaginary = product(&a[1], &b[1]);
        // Both sums are below 2p, their product below 4p^2 < 2^512.
        let cross = product(&add(a[0], a[1]), &add(b[0], b[1]));
        // Below 2p^2: the upper halves stay below 0.4p.
        let c0 = subtract(add(real, P_SQUARED), imaginary).0;
        let c1 = subtract(subtract(cross, real).0, imaginary).0;
        Self::new(element(reduce(&c0)), element(reduce(&c1)))
    }

    /// (c0 + c1)(c0 - c1) + 2 c0 c1 u.
    #[inline]
    fn squared(self) -> Self {
        let sum = add(self.c0.0.0, self.c1.0.0);
        let twice = add(self.c0.0.0, self.c0.0.0);
        let difference = self.c0.minus(self.c1);
        // One factor below 2p, the other canonical.
        Self::new(
            element(mul(&sum, &difference.0.0, &FQ)),
            element(mul(&twice, &self.c1.0.0, &FQ)),
        )
    }

    #[inline(always)]
    fn negated_if(self, negate: bool) -> Self {
        Self::new(self.c0.negated_if(negate), self.c1.negated_if(negate))
    }
}

#[inline(always)]
fn element<T: MontConfig<4>>(words: Words) -> Element<T> {
    Element::new_unchecked(BigInt(words))
}

/// p^2 of Fq.
const P_SQUARED: [u64; 8] = portable::product(&FQ.p, &FQ.p);

/// The sum mod 2^(64 N).
#[inline(always)]
fn add<const N: usize>(a: [u64; N], b: [u64; N]) -> [u64; N] {
    let mut out = a;
    let mut carry = false;
    for (word, b) in out.iter_mut().zip(b) {
        let (sum, over) = word.overflowing_add(b);
        let (sum, over_again) = sum.overflowing_add(u64::from(carry));
        *word = sum;
        carry = over | over_again;
    }
    out
}

/// The difference mod 2^(64 N), and whether it is negative.
#[inline(always)]
fn subtract<const N: usize>(a: [u64; N], b: [u64; N]) -> ([u64; N], bool) {
    let mut out = a;
    let mut borrow = false;
    for (word, b) in out.iter_mut().zip(b) {
        let (difference, under) = word.overflowing_sub(b);
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        *word = difference;
        borrow = under | under_again;
    }
    (out, borrow)
}

/// The representative in [0, p) of a value in [0, 2p).
#[inline(always)]
fn subtract_once(value: Words, p: Words) -> Words {
    let (less, borrow) = subtract(value, p);
    select(borrow, less, value)
}

/// The second if so, else the first.
#[inline(always)]
fn select(second: bool, a: Words, b: Words) -> Words {
    let mask = 0u64.wrapping_sub(u64::from(second));
    let mut out = a;
    for (word, b) in out.iter_mut().zip(b) {
        *word ^= (*word ^ b) & mask;
    }
    out
}

/// a b / 2^256 mod p, canonical, for factors below ip and jp with ij <= 5.
#[inline(always)]
fn mul(a: &Words, b: &Words, constants: &'static Constants) -> Words {
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = adx::Adx::detect() {
        return adx::mul(token, a, b, constants);
    }
    portable::mul(a, b, constants)
}

/// a b.
#[inline(always)]
fn product(a: &Words, b: &Words) -> [u64; 8] {
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = adx::Adx::detect() {
        return adx::product(token, a, b);
    }
    portable::product(a, b)
}

/// value / 2^256 mod p of Fq, canonical, for a value below p 2^256.
#[inline(always)]
fn reduce(value: &[u64; 8]) -> Words {
    let [v0, v1, v2, v3, high @ ..] = *value;
    let low = [v0, v1, v2, v3];
    // One times the lower half, not canonical: at most p, as the multiple of p added is below p 2^256.
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = adx::Adx::detect() {
        return subtract_once(add(adx::reduce(token, low, &FQ), high), FQ.p);
    }
    subtract_once(add(portable::reduce(low, &FQ), high), FQ.p)
}

/// The same without instructions of any CPU in particular.
mod portable {
    use super::{Constants, Words, subtract_once};

    /// a b + c + carry, as low and high word.
    #[inline(always)]
    const fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
        let sum = a as u128 * b as u128 + c as u128 + carry as u128;
        (sum as u64, (sum >> 64) as u64)
    }

    #[inline(always)]
    pub(super) fn mul(a: &Words, b: &Words, constants: &Constants) -> Words {
        let mut t = [0; 4];
        for word in *b {
            let (low, mut carry) = multiply_add(a[0], word, t[0], 0);
            let m = low.wrapping_mul(constants.neg_inv);
            let (_, mut reduced) = multiply_add(m, constants.p[0], low, 0);
            for j in 1..4 {
                let sum;
                (sum, carry) = multiply_add(a[j], word, t[j], carry);
                (t[j - 1], reduced) = multiply_add(m, constants.p[j], sum, reduced);
            }
            // Below 2^64 by the module's bounds.
            t[3] = carry + reduced;
        }
        subtract_once(t, constants.p)
    }

    #[inline(always)]
    pub(super) const fn product(a: &Words, b: &Words) -> [u64; 8] {
        let mut out = [0; 8];
        let mut i = 0;
        while i < 4 {
            let mut carry = 0;
            let mut j = 0;
            while j < 4 {
                (out[i + j], carry) = multiply_add(a[j], b[i], out[i + j], carry);
                j += 1;
            }
            out[i + 4] = carry;
            i += 1;
        }
        out
    }

    /// value / 2^256 mod p, at most p.
    #[inline(always)]
    pub(super) fn reduce(value: Words, constants: &Constants) -> Words {
        let mut t = value;
        for _ in 0..4 {
            let m = t[0].wrapping_mul(constants.neg_inv);
            let (_, mut carry) = multiply_add(m, constants.p[0], t[0], 0);
            for j in 1..4 {
                (t[j - 1], carry) = multiply_add(m, constants.p[j], t[j], carry);
            }
            t[3] = carry;
        }
        t
    }
}

#[cfg(test)]
mod tests;
