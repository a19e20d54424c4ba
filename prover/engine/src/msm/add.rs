//! Affine additions in batches that share one inversion.
//!
//! P + Q has slope (y2 - y1) / (x2 - x1). All denominators of a batch are inverted by one inversion of their
//! product (Montgomery's trick: three products each), so that an addition costs five products and a square.
//! The exceptional cases are exact, not merely unlikely: equal points have the tangent's slope, opposite points
//! sum to infinity, and infinity is neutral.

use core::ops::Range;

use super::batch::{Batch, Words};
use super::group::Packed;
use crate::wiped::Wiped;

/// Top bit of an index into a table: the point is to be negated.
pub(crate) const NEGATED: u32 = 1 << 31;

/// One addition: the sum of the points at `left` and `right` goes to `out`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) out: u32,
}

/// Groups of lanes that share one inversion.
const GROUPS: usize = 256;
/// The same for kernels of one lane.
const SINGLES: usize = 1024;
/// Running products of denominators side by side: a product waits for the one before it in its chain only. A power
/// of two.
pub(crate) const CHAINS: usize = 4;
/// Stages of an addition between which points are fetched.
const STAGES: usize = 4;

/// What the second pass needs of the first, for one group of lanes.
#[derive(Clone, Copy, Default)]
struct Step<S> {
    x1: S,
    x2: S,
    denominator: S,
    /// The product of the denominators of all groups after this one in its chain.
    others: S,
}

/// A group with lanes that are no plain additions. In the lanes of no mask, the slope formula holds.
struct Special {
    group: usize,
    /// Lanes where both points are the same.
    double: u8,
    /// Lanes where the right point is infinity, and the sum the left one.
    left: u8,
    /// Lanes where the left point is infinity, and the sum the right one.
    right: u8,
    /// Lanes where the sum is infinity.
    infinity: u8,
}

/// Memory of [`add_pairs`], kept between calls.
pub(crate) struct Scratch<B: Batch> {
    steps: Wiped<Step<B::Stored>>,
    special: Wiped<Special>,
}

impl<B: Batch> Scratch<B> {
    pub(crate) fn new() -> Self {
        Self {
            steps: Wiped::new(),
            special: Wiped::new(),
        }
    }
}

/// Adds all pairs: points come from `table` (indices may carry [`NEGATED`]), or from `buffer` itself.
///
/// Within a buffer, pairs must be ordered so that no pair reads what an earlier one, or another of its own group
/// of lanes, has written: `out` ascending and never above the inputs of its own or any later pair does it.
#[inline(always)]
pub(crate) fn add_pairs<B: Batch, P: Packed, const FROM_TABLE: bool>(
    token: B::Token,
    table: &[P],
    pairs: &[Pair],
    buffer: &mut [P],
    scratch: &mut Scratch<B>,
) {
    let batch = if B::LANES == 1 { SINGLES } else { GROUPS * B::LANES };
    let mut batches = pairs.chunks(batch).peekable();
    if FROM_TABLE {
        fetch(table, batches.peek().copied().unwrap_or_default());
    }
    while let Some(pairs) = batches.next() {
        let groups = pairs.len().div_ceil(B::LANES);
        if scratch.steps.len() < groups {
            scratch.steps.resize(groups, Step::default());
        }
        let products = multiply_denominators::<B, P, FROM_TABLE>(token, table, pairs, buffer, scratch);
        let mut inverses = invert_chains(token, &products);
        // Tables are far larger than caches: the next batch's points are on their way while this one is computed.
        let next = batches.peek().copied().unwrap_or_default();
        let next = if FROM_TABLE { next } else { &[] };
        let ahead = |groups: Range<usize>| {
            let range = groups.start * B::LANES..next.len().min(groups.end * B::LANES);
            next.get(range).unwrap_or_default()
        };
        let mut group = 0;
        while group < groups {
            let mut work = Work::<B, P, FROM_TABLE> {
                token,
                table,
                pairs,
                buffer,
                scratch,
                inverses: &mut inverses,
            };
            if B::TOGETHER == 2 && group + 2 <= groups {
                work.add_groups::<2>(group, ahead(group..group + 2));
                group += 2;
            } else {
                work.add_groups::<1>(group, ahead(group..group + 1));
                group += 1;
            }
        }
    }
}

/// Asks for the points of pairs from a table.
#[inline(always)]
fn fetch<P: Packed>(table: &[P], pairs: &[Pair]) {
    for pair in pairs {
        fetch_point(table, pair.left);
        fetch_point(table, pair.right);
    }
}

/// Asks for a point from a table: it will be in the cache when it is read.
#[inline(always)]
pub(crate) fn fetch_point<P: Packed>(table: &[P], index: u32) {
    #[cfg(target_arch = "x86_64")]
    for line in table[(index & !NEGATED) as usize].parts().chunks(2) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is a hint, and this one is of memory in the table.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, index);
}

/// The inverses of all chains' products, by one inversion.
#[inline(always)]
pub(crate) fn invert_chains<B: Batch>(token: B::Token, products: &[B; CHAINS]) -> [B; CHAINS] {
    let [a, b, c, d] = *products;
    let (ab, cd) = (a.mul(token, b), c.mul(token, d));
    let inverse = ab.mul(token, cd).invert(token);
    let (of_ab, of_cd) = (inverse.mul(token, cd), inverse.mul(token, ab));
    [
        of_ab.mul(token, b),
        of_ab.mul(token, a),
        of_cd.mul(token, d),
        of_cd.mul(token, c),
    ]
}

/// The points of one group of lanes. The last group is filled up with repetitions of its last pair.
#[derive(Clone, Copy)]
struct Operands<'a, P, const FROM_TABLE: bool> {
    points: &'a [P],
    pairs: [Pair; 8],
    group: usize,
}

impl<'a, P: Packed, const FROM_TABLE: bool> Operands<'a, P, FROM_TABLE> {
    #[inline(always)]
    fn new<B: Batch>(points: &'a [P], pairs: &[Pair], group: usize) -> Self {
        let first = group * B::LANES;
        let pairs = match pairs.get(first..first + B::LANES) {
            Some(full) => core::array::from_fn(|lane| full[lane.min(B::LANES - 1)]),
            None => core::array::from_fn(|lane| pairs[(first + lane).min(pairs.len() - 1)]),
        };
        Self { points, pairs, group }
    }

    #[inline(always)]
    fn point(&self, index: u32) -> &'a P {
        let index = if FROM_TABLE { index & !NEGATED } else { index };
        &self.points[index as usize]
    }

    #[inline(always)]
    fn x<B: Batch>(&self, token: B::Token, side: impl Fn(Pair) -> u32) -> B {
        B::gather(token, |lane| self.point(side(self.pairs[lane])).parts())
    }

    /// y, negated as the index says.
    #[inline(always)]
    fn y<B: Batch>(&self, token: B::Token, side: impl Fn(Pair) -> u32) -> B {
        let y = B::gather(token, |lane| {
            &self.point(side(self.pairs[lane])).parts()[B::PARTS..]
        });
        if !FROM_TABLE {
            return y;
        }
        let negated = (0..B::LANES).fold(0, |mask, lane| {
            mask | ((side(self.pairs[lane]) >> 31) as u8) << lane
        });
        y.negate_where(token, negated)
    }

    /// Bit i says that the point of lane i is infinity.
    #[inline(always)]
    fn infinite<B: Batch>(&self, side: impl Fn(Pair) -> u32) -> u8 {
        (0..B::LANES).fold(0, |mask, lane| {
            mask | u8::from(self.point(side(self.pairs[lane])).is_infinity()) << lane
        })
    }
}

/// First pass, from the last group to the first: differences of x, and their running products.
///
/// Descending, so that the second pass is ascending and may write into the buffer that it reads.
#[inline(always)]
fn multiply_denominators<B: Batch, P: Packed, const FROM_TABLE: bool>(
    token: B::Token,
    table: &[P],
    pairs: &[Pair],
    buffer: &[P],
    scratch: &mut Scratch<B>,
) -> [B; CHAINS] {
    scratch.special.clear();
    let points = if FROM_TABLE { table } else { buffer };
    let groups = pairs.len().div_ceil(B::LANES);
    let mut products = [B::one(token); CHAINS];
    for (group, step) in scratch.steps[..groups].iter_mut().enumerate().rev() {
        let operands = Operands::<P, FROM_TABLE>::new::<B>(points, pairs, group);
        let x1 = operands.x::<B>(token, |pair| pair.left);
        let x2 = operands.x::<B>(token, |pair| pair.right);
        let mut denominator = x2.difference(token, x1);
        let equal = denominator.is_zero(token);
        if equal | x1.may_be_zero(token) | x2.may_be_zero(token) != 0 {
            let special = classify::<B, P, FROM_TABLE>(token, &operands, equal);
            denominator = denominator.blend(
                special.double,
                operands.y::<B>(token, |pair| pair.left).double(token),
            );
            denominator = denominator.blend(special.left | special.right | special.infinity, B::one(token));
            scratch.special.push(special);
        }
        let product = &mut products[group % CHAINS];
        x1.store(&mut step.x1);
        x2.store(&mut step.x2);
        denominator.store(&mut step.denominator);
        product.store(&mut step.others);
        *product = product.mul(token, denominator);
    }
    products
}

/// Which lanes of a group are exceptional; `equal` are those whose x agree.
#[inline(always)]
fn classify<B: Batch, P: Packed, const FROM_TABLE: bool>(
    token: B::Token,
    operands: &Operands<'_, P, FROM_TABLE>,
    equal: u8,
) -> Special {
    let left = operands.infinite::<B>(|pair| pair.left);
    let right = operands.infinite::<B>(|pair| pair.right);
    let (y1, y2) = (
        operands.y::<B>(token, |pair| pair.left),
        operands.y::<B>(token, |pair| pair.right),
    );
    let same = y2.difference(token, y1).is_zero(token);
    let finite = !(left | right);
    Special {
        group: operands.group,
        double: equal & same & finite,
        left: right & !left,
        right: left & !right,
        infinity: (equal & !same & finite) | (left & right),
    }
}

/// The second pass of a batch.
struct Work<'a, B: Batch, P, const FROM_TABLE: bool> {
    token: B::Token,
    table: &'a [P],
    pairs: &'a [Pair],
    buffer: &'a mut [P],
    scratch: &'a mut Scratch<B>,
    inverses: &'a mut [B; CHAINS],
}

impl<B: Batch, P: Packed, const FROM_TABLE: bool> Work<'_, B, P, FROM_TABLE> {
    /// Slopes and sums of `W` groups at once, from the first group to the last: the products of one sum wait for
    /// each other, those of two groups side by side keep the multipliers busy.
    ///
    /// Meanwhile the points of `ahead` are asked for, a few at each stage: all at once would wait for each other.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
    fn add_groups<const W: usize>(&mut self, first: usize, ahead: &[Pair]) {
        let Self {
            token,
            table,
            pairs,
            buffer,
            scratch,
            inverses,
        } = self;
        let token = *token;
        let mut ahead = ahead.chunks(W * B::LANES.div_ceil(STAGES));
        let mut fetch = || fetch(table, ahead.next().unwrap_or_default());
        let points: &[P] = if FROM_TABLE { table } else { buffer };
        // Plain loops: closures around vector operations are compiled without the kernel's features.
        let zero = B::zero(token);
        let mut operands = [Operands::<P, FROM_TABLE>::new::<B>(points, pairs, first); W];
        for k in 1..W {
            operands[k] = Operands::new::<B>(points, pairs, first + k);
        }
        let steps: &[Step<B::Stored>; W] = scratch.steps[first..]
            .first_chunk()
            .expect("the first pass made a step for each group");
        let mut special: [Option<Special>; W] = [const { None }; W];
        let (mut inverted, mut slope) = ([zero; W], [zero; W]);
        let (mut x, mut y) = ([zero; W], [zero; W]);
        fetch();
        for k in 0..W {
            let inverse = &mut inverses[(first + k) % CHAINS];
            inverted[k] = inverse.mul(token, B::load(token, &steps[k].others));
            *inverse = inverse.mul(token, B::load(token, &steps[k].denominator));
            special[k] = scratch.special.pop_if(|special| special.group == first + k);
        }
        fetch();
        for k in 0..W {
            let y1 = operands[k].y::<B>(token, |pair| pair.left);
            let y2 = operands[k].y::<B>(token, |pair| pair.right);
            let mut numerator = y2.difference(token, y1);
            if let Some(special) = &special[k] {
                let tangent = B::load(token, &steps[k].x1).square(token).triple(token);
                numerator = numerator.blend(special.double, tangent);
            }
            slope[k] = numerator.mul(token, inverted[k]);
        }
        fetch();
        for k in 0..W {
            let (x1, x2) = (B::load(token, &steps[k].x1), B::load(token, &steps[k].x2));
            x[k] = slope[k].square(token).difference_of_product(token, x1, x2);
        }
        fetch();
        for k in 0..W {
            let x1 = B::load(token, &steps[k].x1);
            let y1 = operands[k].y::<B>(token, |pair| pair.left);
            let product = slope[k].mul(token, x1.difference(token, x[k]));
            y[k] = product.difference_of_product(token, zero, y1);
        }
        for k in 0..W {
            if let Some(special) = &special[k] {
                let (x1, x2) = (B::load(token, &steps[k].x1), B::load(token, &steps[k].x2));
                let y1 = operands[k].y::<B>(token, |pair| pair.left);
                let y2 = operands[k].y::<B>(token, |pair| pair.right);
                x[k] = x[k].blend(special.left, x1).blend(special.right, x2);
                x[k] = x[k].blend(special.infinity, zero);
                y[k] = y[k].blend(special.left, y1.difference_of_product(token, zero, zero));
                y[k] = y[k].blend(special.right, y2.difference_of_product(token, zero, zero));
                y[k] = y[k].blend(special.infinity, zero);
            }
        }
        let mut outs = [[0; 8]; W];
        for k in 0..W {
            for lane in 0..B::LANES {
                outs[k][lane] = operands[k].pairs[lane].out as usize;
            }
        }
        for k in 0..W {
            x[k].scatter(token, |lane, part, words: Words| {
                buffer[outs[k][lane]].parts_mut()[part] = words
            });
            y[k].scatter(token, |lane, part, words: Words| {
                buffer[outs[k][lane]].parts_mut()[B::PARTS + part] = words
            });
        }
    }
}
