//! Between arkworks' elements (radix 2^256) and lanes (radix 2^260).

use ark_bn254::Fq;
use ark_ff::BigInt;

use super::Ifma;
use super::modulus::{Base, Modulus, limbs};
use super::vector::Vec8;

impl Vec8<Base> {
    /// The same element in every lane, given as arkworks keeps it; canonical.
    #[inline(always)]
    #[must_use]
    pub fn splat_element(token: Ifma, element: &Fq) -> Self {
        Self::splat(token, limbs((*element * Fq::from(16u64)).0.0))
    }

    /// Eight elements of arkworks; below 2.1p.
    #[inline(always)]
    #[must_use]
    pub fn import(token: Ifma, elements: &[Fq; 8]) -> Self {
        Self::load_elements(token, core::array::from_fn(|lane| &elements[lane].0.0))
            .mul(token, Self::splat(token, Base::FROM_ARK))
    }

    /// The lanes as elements of arkworks, for values below 16p.
    #[inline(always)]
    #[must_use]
    pub fn export(self, token: Ifma) -> [Fq; 8] {
        let mut words = [[0; 4]; 8];
        self.mul(token, Self::splat(token, Base::TO_ARK))
            .wide()
            .reduce(token)
            .canonical(token)
            .store_elements(token, words.each_mut());
        words.map(|words| Fq::new_unchecked(BigInt(words)))
    }
}
