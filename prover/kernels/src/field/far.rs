//! The reduction of sums of many terms.

use super::Ifma;
use super::lanes::Lanes;
use super::modulus::{LIMB_BITS, LIMB_MASK, LIMBS, Modulus};
use super::vector::{Vec8, Wide};

/// Multiples of p that make every value that is taken positive.
const BIAS: u64 = 40;

impl<M: Modulus> Wide<M> {
    /// A representative in [0, p + p/2^16), for values in (-39p, 43p) whose limbs are below 2^58 in absolute value.
    ///
    /// As [`Wide::reduce`], with a product in place of a table: the quotient of value + 40p by p is estimated from the
    /// top limb, never too large, and its multiple of 2^260 - p added; what goes beyond 2^260 is its multiple of 2^260.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
    pub fn reduce_far(self, token: Ifma) -> Vec8<M> {
        // 40p makes limbs of less than 2^58, so that those below the top one amount to less than 2^7 of its units,
        // on either side. 83p is below 2^260, so that the top limb is below 2^52 and loses 20 bits to fit 32; of the
        // quotient that costs less than 2^-25 for the bits and 83 / 2^25 for the reciprocal, beside the fraction.
        let slack = Lanes::splat(token, (M::P[LIMBS - 1] * BIAS).wrapping_sub(1 << 7));
        let top = self.limbs[LIMBS - 1].add(slack).shr::<20>();
        let quotient = top.mul_u32(Lanes::splat(token, M::FAR_RECIPROCAL)).shr::<57>();
        let mut limbs = self.limbs;
        for j in 0..LIMBS {
            limbs[j] = limbs[j]
                .add(Lanes::splat(token, M::P[j] * BIAS))
                .madd_low(quotient, Lanes::splat(token, M::MINUS_P[j]));
        }
        for j in 0..LIMBS - 1 {
            limbs[j + 1] = limbs[j + 1].madd_high(quotient, Lanes::splat(token, M::MINUS_P[j]));
        }
        let mask = Lanes::splat(token, LIMB_MASK);
        for j in 1..LIMBS {
            limbs[j] = limbs[j].add(limbs[j - 1].sar::<LIMB_BITS>());
            limbs[j - 1] = limbs[j - 1].and(mask);
        }
        limbs[LIMBS - 1] = limbs[LIMBS - 1].and(mask);
        Vec8::from_limbs(limbs)
    }
}
