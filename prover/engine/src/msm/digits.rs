//! Scalars to signed digits, and digits to buckets.

use std::sync::atomic::{AtomicU32, Ordering};

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use rayon::prelude::*;

use super::add::NEGATED;
use super::plan::Plan;
use crate::wiped::Wiped;

/// The top bit of a magnitude's top word: the scalar is the magnitude's negative.
const NEGATIVE: u64 = 1 << 63;

/// A scalar s as |s| <= r/2, with [`NEGATIVE`] set if s is r - |s|. Zero, one, minus one and other small
/// magnitudes then cost what their size says, and nothing if zero.
type Magnitude = [u64; 4];

/// Scalars with the work done on them that does not depend on the bases: several multiplications share it.
pub struct Scalars(Wiped<Magnitude>);

impl Scalars {
    /// Prepares scalars, on all cores.
    pub fn new(scalars: &[Fr]) -> Self {
        let mut magnitudes = Wiped::filled([0; 4], scalars.len());
        magnitudes
            .par_iter_mut()
            .zip(scalars)
            .with_min_len(1 << 10)
            .for_each(|(out, scalar)| *out = magnitude(scalar));
        Self(magnitudes)
    }

    /// Number of scalars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn magnitude(scalar: &Fr) -> Magnitude {
    let mut value = scalar.into_bigint();
    if value > Fr::MODULUS_MINUS_ONE_DIV_TWO {
        let mut negated = Fr::MODULUS;
        negated.sub_with_borrow(&value);
        value = negated;
        value.0[3] |= NEGATIVE;
    }
    value.0
}

/// Indices into a table of shifted bases, ordered by bucket: those of bucket b lie at
/// `offsets[b]..offsets[b + 1]`, with [`NEGATED`] where the digit is negative.
pub(crate) struct Sorted {
    pub(crate) entries: Wiped<u32>,
    pub(crate) offsets: Wiped<u32>,
}

/// Sorts digits into `plan.sets * plan.buckets()` buckets. Base i of the table has scalar `kept[i]` of those of `first`
/// followed by those of `second`; row j of the table starts at `j * kept.len()`.
pub(crate) fn sort(plan: &Plan, kept: &[u32], first: &Scalars, second: &Scalars) -> Sorted {
    let count = kept.len();
    let (first, second) = (&first.0[..], &second.0[..]);
    let magnitude = |i: u32| match first.get(i as usize) {
        Some(magnitude) => magnitude,
        None => &second[i as usize - first.len()],
    };
    let digits = Digits::new(plan, count);
    let buckets = plan.sets as usize * plan.buckets();
    let block = count.div_ceil(rayon::current_num_threads()).max(1024);

    // How many digits of each block fall into each bucket; then where each block puts them.
    let mut places: Vec<Wiped<u32>> = kept
        .par_chunks(block)
        .map(|kept| {
            let mut counts = Wiped::filled(0, buckets);
            for &i in kept {
                digits.of(magnitude(i), |bucket, _| counts[bucket] += 1);
            }
            counts
        })
        .collect();
    let mut offsets = Wiped::with_capacity(buckets + 1);
    let mut next = 0;
    for bucket in 0..buckets {
        offsets.push(next);
        for block in &mut places {
            next += std::mem::replace(&mut block[bucket], next);
        }
    }
    offsets.push(next);

    let mut entries = Wiped::zeroed(next as usize);
    let shared = as_atomics(&mut entries);
    places
        .par_iter_mut()
        .zip(kept.par_chunks(block))
        .enumerate()
        .for_each(|(index, (places, kept))| {
            for (i, &scalar) in kept.iter().enumerate() {
                let base = (index * block + i) as u32;
                digits.of(magnitude(scalar), |bucket, entry| {
                    shared[places[bucket] as usize].store(entry.wrapping_add(base), Ordering::Relaxed);
                    places[bucket] += 1;
                });
            }
        });
    Sorted { entries, offsets }
}

/// The same words for several threads to write.
fn as_atomics(words: &mut [u32]) -> &[AtomicU32] {
    // SAFETY: an `AtomicU32` has the size, the alignment (on machines with 64-bit words) and the values of a `u32`, and
    // while this borrow lasts nobody reaches the words in another way.
    unsafe { &*(core::ptr::from_mut(words) as *const [AtomicU32]) }
}

/// Cuts magnitudes into digits.
///
/// Adding half a window's range to every window but the last makes digits from -2^(c-1) to 2^(c-1) - 1 plain bit
/// fields: no carry runs from one to the next.
struct Digits {
    plan: Plan,
    /// Bases in a row of the table.
    count: u32,
    /// 2^(c-1) in every window but the last.
    halves: [u64; 4],
}

impl Digits {
    fn new(plan: &Plan, count: usize) -> Self {
        let mut halves = [0; 4];
        for k in 0..plan.windows - 1 {
            let bit = plan.window * k + plan.window - 1;
            halves[bit as usize / 64] |= 1 << (bit % 64);
        }
        Self {
            plan: *plan,
            count: count as u32,
            halves,
        }
    }

    /// Hands each digit that is not zero to `take`: its bucket, and the table index of the first base for it.
    #[inline(always)]
    fn of(&self, magnitude: &Magnitude, mut take: impl FnMut(usize, u32)) {
        let negative = if magnitude[3] & NEGATIVE == 0 { 0 } else { NEGATED };
        let value = [magnitude[0], magnitude[1], magnitude[2], magnitude[3] & !NEGATIVE];
        let half = 1u64 << (self.plan.window - 1);
        if value[1] | value[2] | value[3] == 0 && value[0] <= half {
            if value[0] != 0 {
                take(value[0] as usize - 1, negative);
            }
            return;
        }
        let shifted = self.with_halves(value);
        let mask = 2 * half - 1;
        let (mut set, mut row) = (0, 0);
        for k in 0..self.plan.windows {
            let bit = self.plan.window * k;
            let (word, shift) = (bit as usize / 64, bit % 64);
            let low = shifted[word] >> shift;
            let high = if shift == 0 {
                0
            } else {
                shifted[word + 1] << (64 - shift)
            };
            let last = k + 1 == self.plan.windows;
            let digit = ((low | high) & mask).cast_signed() - if last { 0 } else { half.cast_signed() };
            if digit != 0 {
                let sign = if digit < 0 { negative ^ NEGATED } else { negative };
                let bucket = set * self.plan.buckets() + digit.unsigned_abs() as usize - 1;
                take(bucket, row | sign);
            }
            set += 1;
            if set == self.plan.sets as usize {
                set = 0;
                row += self.count;
            }
        }
    }

    /// The value plus [`Self::halves`], and a word of zeros to read past. Below 2^255: no carry out.
    #[inline(always)]
    fn with_halves(&self, value: [u64; 4]) -> [u64; 6] {
        let mut out = [0; 6];
        let mut carry = false;
        for ((out, value), half) in out.iter_mut().zip(value).zip(self.halves) {
            let (sum, over) = value.overflowing_add(half);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            *out = sum;
            carry = over | over_again;
        }
        out
    }
}
