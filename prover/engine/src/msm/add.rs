//! Affine additions in batches that share one inversion.
//!
//! P + Q has slope (y2 - y1) / (x2 - x1). All denominators of a batch are inverted by one inversion of their
//! product (Montgomery's trick: three products each), so that an addition costs five products and a square.
//! The exceptional cases are exact, not merely unlikely: equal points have the tangent's slope, opposite points
//! sum to infinity, and infinity is neutral.

use super::batch::{Batch, Words};
use super::group::Packed;

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

/// What the second pass needs of the first, for one group of lanes.
#[derive(Clone, Copy, Default)]
struct Step<S> {
    x1: S,
    x2: S,
    denominator: S,
    /// The product of the denominators of all groups after this one.
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
    steps: Vec<Step<B::Stored>>,
    special: Vec<Special>,
}

impl<B: Batch> Scratch<B> {
    pub(crate) fn new() -> Self {
        Self {
            steps: Vec::new(),
            special: Vec::new(),
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
    for pairs in pairs.chunks(batch) {
        let groups = pairs.len().div_ceil(B::LANES);
        if scratch.steps.len() < groups {
            scratch.steps.resize(groups, Step::default());
        }
        let product = multiply_denominators::<B, P, FROM_TABLE>(token, table, pairs, buffer, scratch);
        add_batch::<B, P, FROM_TABLE>(token, table, pairs, buffer, scratch, product.invert(token));
    }
}

/// The points of one group of lanes. The last group is filled up with repetitions of its last pair.
struct Operands<'a, P> {
    points: &'a [P],
    pairs: &'a [Pair],
    group: usize,
}

impl<'a, P: Packed> Operands<'a, P> {
    #[inline(always)]
    fn pair<B: Batch>(&self, lane: usize) -> Pair {
        self.pairs[(self.group * B::LANES + lane).min(self.pairs.len() - 1)]
    }

    #[inline(always)]
    fn point(&self, index: u32) -> &'a P {
        &self.points[(index & !NEGATED) as usize]
    }

    #[inline(always)]
    fn x<B: Batch>(&self, token: B::Token, side: impl Fn(Pair) -> u32) -> B {
        B::gather(token, |lane| self.point(side(self.pair::<B>(lane))).parts())
    }

    /// y, negated as the index says.
    #[inline(always)]
    fn y<B: Batch>(&self, token: B::Token, side: impl Fn(Pair) -> u32) -> B {
        let mut negated = 0;
        for lane in 0..B::LANES {
            negated |= ((side(self.pair::<B>(lane)) >> 31) as u8) << lane;
        }
        B::gather(token, |lane| {
            &self.point(side(self.pair::<B>(lane))).parts()[B::PARTS..]
        })
        .negate_where(token, negated)
    }

    /// Bit i says that the point of lane i is infinity.
    #[inline(always)]
    fn infinite<B: Batch>(&self, side: impl Fn(Pair) -> u32) -> u8 {
        (0..B::LANES).fold(0, |mask, lane| {
            mask | u8::from(self.point(side(self.pair::<B>(lane))).is_infinity()) << lane
        })
    }
}

/// First pass, from the last group to the first: differences of x, and their running product.
///
/// Descending, so that the second pass is ascending and may write into the buffer that it reads.
#[inline(always)]
fn multiply_denominators<B: Batch, P: Packed, const FROM_TABLE: bool>(
    token: B::Token,
    table: &[P],
    pairs: &[Pair],
    buffer: &[P],
    scratch: &mut Scratch<B>,
) -> B {
    scratch.special.clear();
    let points = if FROM_TABLE { table } else { buffer };
    let groups = pairs.len().div_ceil(B::LANES);
    let mut product = B::one(token);
    for (group, step) in scratch.steps[..groups].iter_mut().enumerate().rev() {
        let operands = Operands { points, pairs, group };
        let x1 = operands.x::<B>(token, |pair| pair.left);
        let x2 = operands.x::<B>(token, |pair| pair.right);
        let mut denominator = x2.difference(token, x1);
        let equal = denominator.is_zero(token);
        if equal | x1.may_be_zero(token) | x2.may_be_zero(token) != 0 {
            let special = classify::<B, P>(token, &operands, equal);
            denominator = denominator.blend(
                special.double,
                operands.y::<B>(token, |pair| pair.left).double(token),
            );
            denominator = denominator.blend(special.left | special.right | special.infinity, B::one(token));
            scratch.special.push(special);
        }
        x1.store(&mut step.x1);
        x2.store(&mut step.x2);
        denominator.store(&mut step.denominator);
        product.store(&mut step.others);
        product = product.mul(token, denominator);
    }
    product
}

/// Which lanes of a group are exceptional; `equal` are those whose x agree.
#[inline(always)]
fn classify<B: Batch, P: Packed>(token: B::Token, operands: &Operands<'_, P>, equal: u8) -> Special {
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

/// Second pass, from the first group to the last: slopes and sums.
#[inline(always)]
fn add_batch<B: Batch, P: Packed, const FROM_TABLE: bool>(
    token: B::Token,
    table: &[P],
    pairs: &[Pair],
    buffer: &mut [P],
    scratch: &mut Scratch<B>,
    mut inverse: B,
) {
    let groups = pairs.len().div_ceil(B::LANES);
    for (group, step) in scratch.steps[..groups].iter().enumerate() {
        let operands = Operands {
            points: if FROM_TABLE { table } else { &*buffer },
            pairs,
            group,
        };
        let (x1, x2) = (B::load(token, &step.x1), B::load(token, &step.x2));
        let y1 = operands.y::<B>(token, |pair| pair.left);
        let y2 = operands.y::<B>(token, |pair| pair.right);
        let denominator = B::load(token, &step.denominator);
        let inverted = inverse.mul(token, B::load(token, &step.others));
        inverse = inverse.mul(token, denominator);

        let special = scratch.special.pop_if(|special| special.group == group);
        let mut numerator = y2.difference(token, y1);
        if let Some(special) = &special {
            numerator = numerator.blend(special.double, x1.square(token).triple(token));
        }
        let slope = numerator.mul(token, inverted);
        let mut x = slope.square(token).difference_of_product(token, x1, x2);
        let mut y =
            slope
                .mul(token, x1.difference(token, x))
                .difference_of_product(token, B::zero(token), y1);
        if let Some(special) = special {
            let reduced = |y: B| y.difference_of_product(token, B::zero(token), B::zero(token));
            x = x
                .blend(special.left, x1)
                .blend(special.right, x2)
                .blend(special.infinity, B::zero(token));
            y = y
                .blend(special.left, reduced(y1))
                .blend(special.right, reduced(y2));
            y = y.blend(special.infinity, B::zero(token));
        }
        let out: [usize; 8] = core::array::from_fn(|lane| {
            if lane < B::LANES {
                operands.pair::<B>(lane).out as usize
            } else {
                0
            }
        });
        x.scatter(token, |lane, part, words: Words| {
            buffer[out[lane]].parts_mut()[part] = words
        });
        y.scatter(token, |lane, part, words: Words| {
            buffer[out[lane]].parts_mut()[B::PARTS + part] = words
        });
    }
}
