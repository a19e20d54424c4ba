//! Eight coordinates at a time: [`Batch`] for the vector fields.
//!
//! No closure here may call a vector operation: it would be compiled without the kernel's features, and each
//! instruction become a call.
//!
//! Bounds, in multiples of p (ε below 2^-20): reduced values lie in [0, 1 + ε), signed ones in (-1 - ε, 1 + ε);
//! products are below 2.2 in Fq and below 3.5 in Fq2, factors below 5 (in Fq2, products of products included).

use ark_bn254::{Fq, Fq2};
use ark_ff::{BigInt, Field};

use super::batch::{Batch, Words};
use medproof_kernels::field::{Base, Ifma, LimbBlock, Modulus, Quadratic8, Vec8, inverse, inverse_quadratic};

type Base8 = Vec8<Base>;

impl Batch for Base8 {
    const LANES: usize = 8;
    const PARTS: usize = 1;
    const TOGETHER: usize = 2;
    type Token = Ifma;
    type Stored = LimbBlock;

    #[inline(always)]
    fn gather<'a>(token: Ifma, part: impl Fn(usize) -> &'a [Words]) -> Self {
        gather_part(token, 0, &part)
    }

    #[inline(always)]
    fn scatter(self, token: Ifma, mut write: impl FnMut(usize, usize, Words)) {
        let mut out = [[0; 4]; 8];
        self.store_elements(token, out.each_mut());
        for (lane, words) in out.into_iter().enumerate() {
            write(lane, 0, words);
        }
    }

    #[inline(always)]
    fn load(token: Ifma, stored: &LimbBlock) -> Self {
        Self::load(token, stored)
    }

    #[inline(always)]
    fn store(self, stored: &mut LimbBlock) {
        Self::store(self, stored);
    }

    #[inline(always)]
    fn zero(token: Ifma) -> Self {
        Self::zero(token)
    }

    #[inline(always)]
    fn one(token: Ifma) -> Self {
        Self::splat(token, Base::ONE)
    }

    #[inline(always)]
    fn mul(self, token: Ifma, other: Self) -> Self {
        Self::mul(self, token, other)
    }

    #[inline(always)]
    fn square(self, token: Ifma) -> Self {
        Self::square(self, token)
    }

    /// In (1 - ε, 5 + ε) for signed operands, (2 - ε, 4 + ε) for reduced ones.
    #[inline(always)]
    fn difference(self, token: Ifma, other: Self) -> Self {
        (self - other).add_p::<3>(token).carry(token)
    }

    #[inline(always)]
    fn difference_of_product(self, token: Ifma, a: Self, b: Self) -> Self {
        (self - a - b).reduce(token)
    }

    #[inline(always)]
    fn negate_where(self, token: Ifma, mask: u8) -> Self {
        self.wide().negate_where(token, mask).uncarried()
    }

    #[inline(always)]
    fn double(self, token: Ifma) -> Self {
        self.wide().double().add_p::<3>(token).carry(token)
    }

    #[inline(always)]
    fn triple(self, token: Ifma) -> Self {
        (self.wide().reduce(token).wide().double() + self).carry(token)
    }

    #[inline(always)]
    fn is_zero(self, token: Ifma) -> u8 {
        Self::is_zero(self, token)
    }

    #[inline(always)]
    fn may_be_zero(self, token: Ifma) -> u8 {
        self.lowest_limb_is_zero(token)
    }

    #[inline(always)]
    fn blend(self, mask: u8, other: Self) -> Self {
        Self::blend(self, mask, other)
    }

    #[inline(always)]
    fn invert(self, token: Ifma) -> Self {
        let mut elements = export(token, self);
        invert_all(&mut elements, inverse);
        import(token, &elements)
    }
}

impl Batch for Quadratic8 {
    const LANES: usize = 8;
    const PARTS: usize = 2;
    // The three products of one in Fq2 are side by side already.
    const TOGETHER: usize = 1;
    type Token = Ifma;
    type Stored = [LimbBlock; 2];

    #[inline(always)]
    fn gather<'a>(token: Ifma, part: impl Fn(usize) -> &'a [Words]) -> Self {
        Self {
            c0: gather_part(token, 0, &part),
            c1: gather_part(token, 1, &part),
        }
    }

    #[inline(always)]
    fn scatter(self, token: Ifma, mut write: impl FnMut(usize, usize, Words)) {
        self.c0.scatter(token, |lane, _, words| write(lane, 0, words));
        self.c1.scatter(token, |lane, _, words| write(lane, 1, words));
    }

    #[inline(always)]
    fn load(token: Ifma, stored: &[LimbBlock; 2]) -> Self {
        Self {
            c0: Base8::load(token, &stored[0]),
            c1: Base8::load(token, &stored[1]),
        }
    }

    #[inline(always)]
    fn store(self, stored: &mut [LimbBlock; 2]) {
        self.c0.store(&mut stored[0]);
        self.c1.store(&mut stored[1]);
    }

    #[inline(always)]
    fn zero(token: Ifma) -> Self {
        Self {
            c0: Base8::zero(token),
            c1: Base8::zero(token),
        }
    }

    #[inline(always)]
    fn one(token: Ifma) -> Self {
        Self {
            c0: <Base8 as Batch>::one(token),
            c1: Base8::zero(token),
        }
    }

    #[inline(always)]
    fn mul(self, token: Ifma, other: Self) -> Self {
        Self::mul(self, token, other)
    }

    #[inline(always)]
    fn square(self, token: Ifma) -> Self {
        Self::square(self, token)
    }

    #[inline(always)]
    fn difference(self, token: Ifma, other: Self) -> Self {
        Self {
            c0: self.c0.difference(token, other.c0),
            c1: self.c1.difference(token, other.c1),
        }
    }

    #[inline(always)]
    fn difference_of_product(self, token: Ifma, a: Self, b: Self) -> Self {
        Self {
            c0: self.c0.difference_of_product(token, a.c0, b.c0),
            c1: self.c1.difference_of_product(token, a.c1, b.c1),
        }
    }

    #[inline(always)]
    fn negate_where(self, token: Ifma, mask: u8) -> Self {
        Self {
            c0: Batch::negate_where(self.c0, token, mask),
            c1: Batch::negate_where(self.c1, token, mask),
        }
    }

    #[inline(always)]
    fn double(self, token: Ifma) -> Self {
        Self {
            c0: self.c0.double(token),
            c1: self.c1.double(token),
        }
    }

    #[inline(always)]
    fn triple(self, token: Ifma) -> Self {
        Self {
            c0: self.c0.triple(token),
            c1: self.c1.triple(token),
        }
    }

    #[inline(always)]
    fn is_zero(self, token: Ifma) -> u8 {
        let real = Base8::is_zero(self.c0, token);
        if real == 0 {
            0
        } else {
            real & Base8::is_zero(self.c1, token)
        }
    }

    #[inline(always)]
    fn may_be_zero(self, token: Ifma) -> u8 {
        self.c0.may_be_zero(token)
    }

    #[inline(always)]
    fn blend(self, mask: u8, other: Self) -> Self {
        Self {
            c0: Base8::blend(self.c0, mask, other.c0),
            c1: Base8::blend(self.c1, mask, other.c1),
        }
    }

    #[inline(always)]
    fn invert(self, token: Ifma) -> Self {
        let (c0, c1) = (export(token, self.c0), export(token, self.c1));
        let mut elements: [Fq2; 8] = core::array::from_fn(|i| Fq2::new(c0[i], c1[i]));
        invert_all(&mut elements, inverse_quadratic);
        Self {
            c0: import(token, &elements.map(|e| e.c0)),
            c1: import(token, &elements.map(|e| e.c1)),
        }
    }
}

#[inline(always)]
fn gather_part<'a>(token: Ifma, part: usize, of: &impl Fn(usize) -> &'a [Words]) -> Base8 {
    Base8::load_elements(token, core::array::from_fn(|lane| &of(lane)[part]))
}

/// The lanes as arkworks elements 2^4 times as large (their radix is 2^256, ours 2^260).
#[inline(always)]
fn export(token: Ifma, product: Base8) -> [Fq; 8] {
    let mut words = [[0; 4]; 8];
    product
        .wide()
        .reduce(token)
        .canonical(token)
        .store_elements(token, words.each_mut());
    words.map(|w| Fq::new_unchecked(BigInt(w)))
}

/// The inverse of [`export`] for what was inverted in between: a product with 2^268 makes up for both factors.
#[inline(always)]
fn import(token: Ifma, elements: &[Fq; 8]) -> Base8 {
    Base8::load_elements(token, core::array::from_fn(|i| &elements[i].0.0))
        .mul(token, Base8::splat(token, Base::FROM_ARK_INVERSE))
}

/// Inverts every element; one inversion for all.
fn invert_all<F: Field>(elements: &mut [F; 8], invert: impl Fn(&F) -> Option<F>) {
    let mut before = [F::ONE; 8];
    let mut product = F::ONE;
    for (element, before) in elements.iter().zip(&mut before) {
        *before = product;
        product *= element;
    }
    let mut inverse = invert(&product).expect("the contract: no lane is zero");
    for (element, before) in elements.iter_mut().zip(&before).rev() {
        let value = *element;
        *element = inverse * before;
        inverse *= value;
    }
}
