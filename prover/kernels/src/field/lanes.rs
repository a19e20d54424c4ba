//! Eight 64-bit lanes of an AVX-512 register: the only place where fields and points meet intrinsics.
//!
//! Every function here is one instruction (or a constant). A [`Lanes`] value can only be made from an [`Ifma`]
//! token, and the token exists only after the CPU was found to have the instructions; that is the reason for
//! each unsafe block of this file that names no other.
//!
//! All are `inline(always)` without `target_feature`, so that they disappear into whichever kernel calls them.
//! A kernel itself must be a function with the features enabled; called from anywhere else the operations are
//! right, but each becomes a call.

use core::arch::x86_64::{
    __m256i, __m512i, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_add_epi64, _mm512_and_si512,
    _mm512_castsi256_si512, _mm512_castsi512_si256, _mm512_cmpeq_epi64_mask, _mm512_extracti64x4_epi64,
    _mm512_inserti64x4, _mm512_load_si512, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_movepi64_mask, _mm512_mul_epu32, _mm512_or_si512,
    _mm512_permutex2var_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shrdi_epi64, _mm512_slli_epi64, _mm512_srai_epi64, _mm512_srli_epi64, _mm512_store_si512,
    _mm512_sub_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use super::Ifma;

/// Eight lanes of 64 bits, wrapping arithmetic.
#[derive(Clone, Copy)]
pub(crate) struct Lanes(__m512i);

/// A row of eight words, as it lies in memory; aligned for whole-line loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Row(pub [u64; 8]);

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:ident;)*) => { $(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(self, other: Self) -> Self {
            // SAFETY: a `Lanes` exists only where the instructions do.
            Self(unsafe { $intrinsic(self.0, other.0) })
        }
    )* };
}

macro_rules! shift {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:ident;)*) => { $(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name<const BITS: u32>(self) -> Self {
            // SAFETY: a `Lanes` exists only where the instructions do.
            Self(unsafe { $intrinsic::<BITS>(self.0) })
        }
    )* };
}

impl Lanes {
    /// All lanes zero.
    #[inline(always)]
    pub(crate) fn zero(_: Ifma) -> Self {
        // SAFETY: the token proves the instructions.
        Self(unsafe { _mm512_setzero_si512() })
    }

    /// The same word in every lane.
    #[inline(always)]
    pub(crate) fn splat(_: Ifma, word: u64) -> Self {
        // SAFETY: the token proves the instructions.
        Self(unsafe { _mm512_set1_epi64(word.cast_signed()) })
    }

    /// The eight words of an aligned row.
    #[inline(always)]
    pub(crate) fn load(_: Ifma, row: &Row) -> Self {
        // SAFETY: the token proves the instructions; a row is 64 readable bytes, aligned to 64.
        Self(unsafe { _mm512_load_si512(row.0.as_ptr().cast()) })
    }

    /// Eight words at any alignment.
    #[inline(always)]
    pub(crate) fn load_unaligned(_: Ifma, words: &[u64; 8]) -> Self {
        // SAFETY: the token proves the instructions; the array is 64 readable bytes.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    /// Four words in the lower half, four in the upper.
    #[inline(always)]
    pub(crate) fn load_halves(_: Ifma, low: &[u64; 4], high: &[u64; 4]) -> Self {
        // SAFETY: the token proves the instructions; each array is 32 readable bytes.
        unsafe {
            let low = _mm256_loadu_si256(low.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(high.as_ptr().cast::<__m256i>());
            Self(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
        }
    }

    /// Writes the lanes to an aligned row.
    #[inline(always)]
    pub(crate) fn store(self, row: &mut Row) {
        // SAFETY: a `Lanes` exists only where the instructions do; a row is 64 writable bytes, aligned to 64.
        unsafe { _mm512_store_si512(row.0.as_mut_ptr().cast(), self.0) }
    }

    /// Writes the lower four lanes and the upper four lanes.
    #[inline(always)]
    pub(crate) fn store_halves(self, low: &mut [u64; 4], high: &mut [u64; 4]) {
        // SAFETY: a `Lanes` exists only where the instructions do; each array is 32 writable bytes.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast::<__m256i>(), _mm512_castsi512_si256(self.0));
            _mm256_storeu_si256(
                high.as_mut_ptr().cast::<__m256i>(),
                _mm512_extracti64x4_epi64::<1>(self.0),
            );
        }
    }

    binary! {
        /// Lane-wise sum.
        add = _mm512_add_epi64;
        /// Lane-wise difference.
        sub = _mm512_sub_epi64;
        /// Bitwise and.
        and = _mm512_and_si512;
        /// Bitwise or.
        or = _mm512_or_si512;
        /// Product of the low 32 bits of each lane.
        mul_u32 = _mm512_mul_epu32;
        /// Words 0, 2, 4, 6 of both, interleaved.
        interleave_low = _mm512_unpacklo_epi64;
        /// Words 1, 3, 5, 7 of both, interleaved.
        interleave_high = _mm512_unpackhi_epi64;
    }

    shift! {
        /// Shift left.
        shl = _mm512_slli_epi64;
        /// Shift right, zeros from above.
        shr = _mm512_srli_epi64;
        /// Shift right, copies of the sign from above.
        sar = _mm512_srai_epi64;
    }

    /// The low word of `(high : self) >> BITS`.
    #[inline(always)]
    pub(crate) fn shift_in<const BITS: i32>(self, high: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_shrdi_epi64::<BITS>(self.0, high.0) })
    }

    /// `self` + the low 52 bits of the product of the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn madd_low(self, a: Self, b: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
    }

    /// `self` + bits 52 to 103 of the product of the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn madd_high(self, a: Self, b: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
    }

    /// Lane i becomes word `self[i] mod 8` of `table`.
    #[inline(always)]
    pub(crate) fn look_up(self, table: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_permutexvar_epi64(self.0, table.0) })
    }

    /// Lane i becomes word `self[i] mod 16` of `low` followed by `high`.
    #[inline(always)]
    pub(crate) fn look_up_two(self, low: Self, high: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_permutex2var_epi64(low.0, self.0, high.0) })
    }

    /// Bit i says that lane i of both is the same.
    #[inline(always)]
    pub(crate) fn equal(self, other: Self) -> u8 {
        // SAFETY: a `Lanes` exists only where the instructions do.
        unsafe { _mm512_cmpeq_epi64_mask(self.0, other.0) }
    }

    /// The top bit of each lane.
    #[inline(always)]
    pub(crate) fn signs(self) -> u8 {
        // SAFETY: a `Lanes` exists only where the instructions do.
        unsafe { _mm512_movepi64_mask(self.0) }
    }

    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    #[inline(always)]
    pub(crate) fn blend(self, mask: u8, other: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_mask_blend_epi64(mask, self.0, other.0) })
    }

    /// `minuend - self` where bit i of `mask` is set, else `self`.
    #[inline(always)]
    pub(crate) fn subtract_from(self, mask: u8, minuend: Self) -> Self {
        // SAFETY: a `Lanes` exists only where the instructions do.
        Self(unsafe { _mm512_mask_sub_epi64(self.0, mask, minuend.0, self.0) })
    }
}
