//! Affine additions in batches that share one inversion.
//!
//! P + Q has slope (y2 - y1) / (x2 - x1). All denominators of a batch are inverted by one inversion of their
//! product (Montgomery's trick: three products each), so that an addition costs five products and a square.
//! The exceptional cases are exact, not merely unlikely: equal points have the tangent's slope, opposite points
//! sum to infinity, and infinity is neutral.
//!
//! Sums stay in slots, a point in each lane, in the kernel's own form: only the points of the first round are collected
//! from all over a table.

use core::ops::Range;

use super::batch::{Batch, Words};
use super::group::Packed;
use crate::wiped::Wiped;

/// Top bit of an index into a table: the point is to be negated.
pub(crate) const NEGATED: u32 = 1 << 31;

/// Additions of points from a table, a group of lanes at a time.
pub(crate) struct Gathers {
    /// For each group the left points of its lanes, then the right ones: indices that may carry [`NEGATED`].
    pub(crate) indices: Wiped<u32>,
    /// For each group the lanes whose left, and those whose right point is infinity, whatever the index says. The lanes
    /// without a left point have no right one.
    pub(crate) absent: Wiped<[u8; 2]>,
}

/// Addition of two slots: the sums of the points at `left` and `right` go to `out`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) out: u32,
}

/// Coordinates of points, one in each lane.
#[derive(Clone, Copy, Default)]
struct Slot<S> {
    x: S,
    y: S,
}

/// Points in the kernel's own form, as many in a slot as it has lanes. Sums are reduced; between the two passes of a batch a
/// slot has points of a table, whose y may be negated.
pub(crate) struct Slots<B: Batch> {
    points: Wiped<Slot<B::Stored>>,
    /// Lanes whose point is infinity; their coordinates say nothing.
    infinite: Wiped<u8>,
}

impl<B: Batch> Slots<B> {
    pub(crate) fn new() -> Self {
        Self {
            points: Wiped::new(),
            infinite: Wiped::new(),
        }
    }

    /// At least so many slots.
    pub(crate) fn make_room(&mut self, slots: usize) {
        if self.points.len() < slots {
            self.points.resize(slots, Slot::default());
            self.infinite.resize(slots, 0);
        }
    }

    /// Writes the points of these slots to `out`, one after the other.
    #[inline(always)]
    pub(crate) fn unload<P: Packed>(&self, token: B::Token, slots: &[u32], out: &mut [P]) {
        for (&slot, out) in slots.iter().zip(out.chunks_mut(B::LANES)) {
            let Slot { x, y } = &self.points[slot as usize];
            let infinite = self.infinite[slot as usize];
            for (base, coordinate) in [(0, x), (B::PARTS, y)] {
                B::load(token, coordinate).scatter(token, |lane, part, words: Words| {
                    out[lane].parts_mut()[base + part] = words;
                });
            }
            for (lane, point) in out.iter_mut().enumerate() {
                if infinite >> lane & 1 == 1 {
                    *point = P::default();
                }
            }
        }
    }
}

/// Groups of lanes that share one inversion.
const GROUPS: usize = 128;
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
    denominator: S,
    /// The product of the denominators of all groups after this one in its chain.
    others: S,
    /// The right points, where they come from a table; the left ones wait in the slot of the sum.
    right: Slot<S>,
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

impl Special {
    /// Of the lanes whose points are infinity (`left`, `right`), whose x agree (`equal`), and whose y do (`same`).
    #[inline(always)]
    fn new(group: usize, left: u8, right: u8, equal: u8, same: u8) -> Self {
        let finite = !(left | right);
        Self {
            group,
            double: equal & same & finite,
            left: right & !left,
            right: left & !right,
            infinity: (equal & !same & finite) | (left & right),
        }
    }

    /// What is inverted in the place of `denominator`, given the left y.
    #[inline(always)]
    fn denominator<B: Batch>(&self, token: B::Token, denominator: B, y1: B) -> B {
        denominator
            .blend(self.double, y1.double(token))
            .blend(self.left | self.right | self.infinity, B::one(token))
    }
}

/// Memory of the functions below, kept between calls.
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

    /// Begins a batch.
    fn clear(&mut self, groups: usize) {
        self.special.clear();
        if self.steps.len() < groups {
            self.steps.resize(groups, Step::default());
        }
    }
}

/// Groups in a batch.
const fn batch<B: Batch>() -> usize {
    if B::LANES == 1 { SINGLES } else { GROUPS }
}

/// Adds points from `table`: the sums of group i go to slot i.
#[inline(always)]
pub(crate) fn add_gathered<B: Batch, P: Packed>(
    token: B::Token,
    table: &[P],
    gathers: &Gathers,
    slots: &mut Slots<B>,
    scratch: &mut Scratch<B>,
) {
    let size = batch::<B>();
    let indices = |groups: Range<usize>| {
        let end = gathers.indices.len();
        let range = groups.start * 2 * B::LANES..groups.end * 2 * B::LANES;
        &gathers.indices[range.start.min(end)..range.end.min(end)]
    };
    fetch(table, indices(0..size));
    let count = gathers.absent.len();
    for first in (0..count).step_by(size) {
        let groups = first..(first + size).min(count);
        let mut inverses = invert_chains(
            token,
            &multiply_gathered(token, table, gathers, groups.clone(), slots, scratch),
        );
        let mut group = 0;
        while group < groups.len() {
            // Tables are far larger than caches: the next batch's points are on their way while this one is computed.
            let ahead = first + size + group;
            if B::TOGETHER == 2 && group + 2 <= groups.len() {
                let places = [first + group, first + group + 1].map(Place::of_gathered);
                let mut ahead = stages(indices(ahead..ahead + 2));
                let ahead = || fetch(table, ahead.next().unwrap_or_default());
                add_groups::<B, 2, true>(token, group, places, slots, scratch, &mut inverses, ahead);
                group += 2;
            } else {
                let places = [Place::of_gathered(first + group)];
                let mut ahead = stages(indices(ahead..ahead + 1));
                let ahead = || fetch(table, ahead.next().unwrap_or_default());
                add_groups::<B, 1, true>(token, group, places, slots, scratch, &mut inverses, ahead);
                group += 1;
            }
        }
    }
}

/// Adds slots.
///
/// Pairs must be ordered so that none reads what an earlier one has written: `out` ascending and never above the inputs
/// of its own or any later pair does it.
#[inline(always)]
pub(crate) fn add_slots<B: Batch>(
    token: B::Token,
    pairs: &[Pair],
    slots: &mut Slots<B>,
    scratch: &mut Scratch<B>,
) {
    for pairs in pairs.chunks(batch::<B>()) {
        let mut inverses = invert_chains(token, &multiply_slots(token, pairs, slots, scratch));
        let mut group = 0;
        while group < pairs.len() {
            if B::TOGETHER == 2 && group + 2 <= pairs.len() {
                let places = [pairs[group], pairs[group + 1]].map(Place::of_pair);
                add_groups::<B, 2, false>(token, group, places, slots, scratch, &mut inverses, || ());
                group += 2;
            } else {
                let places = [Place::of_pair(pairs[group])];
                add_groups::<B, 1, false>(token, group, places, slots, scratch, &mut inverses, || ());
                group += 1;
            }
        }
    }
}

/// A share for each stage.
fn stages(indices: &[u32]) -> core::slice::Chunks<'_, u32> {
    indices.chunks(indices.len().div_ceil(STAGES).max(1))
}

/// Asks for points from a table.
#[inline(always)]
fn fetch<P: Packed>(table: &[P], indices: &[u32]) {
    for &index in indices {
        fetch_point(table, index);
    }
}

/// Asks for a point from a table: it will be in the cache when it is read.
#[inline(always)]
fn fetch_point<P: Packed>(table: &[P], index: u32) {
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

/// First pass over points from a table, from the last group to the first: differences of x, and their running products.
/// The left points go to the slots of their sums.
#[inline(always)]
fn multiply_gathered<B: Batch, P: Packed>(
    token: B::Token,
    table: &[P],
    gathers: &Gathers,
    groups: Range<usize>,
    slots: &mut Slots<B>,
    scratch: &mut Scratch<B>,
) -> [B; CHAINS] {
    scratch.clear(groups.len());
    let mut products = [B::one(token); CHAINS];
    for (group, slot) in groups.enumerate().rev() {
        let [left, right] = [0, 1].map(|side| {
            let first = (2 * slot + side) * B::LANES;
            &gathers.indices[first..first + B::LANES]
        });
        let (x1, y1) = gather::<B, P>(token, table, left);
        let (x2, y2) = gather::<B, P>(token, table, right);
        let [no_left, no_right] = gathers.absent[slot];
        let mut denominator = x2.difference(token, x1);
        let equal = denominator.is_zero(token);
        let (zeros_left, zeros_right) = (x1.may_be_zero(token), x2.may_be_zero(token));
        if equal | zeros_left | zeros_right | no_left | no_right != 0 {
            let same = y2.difference(token, y1).is_zero(token);
            let no_left = no_left | infinite(table, left, zeros_left);
            let no_right = no_right | infinite(table, right, zeros_right);
            let special = Special::new(group, no_left, no_right, equal, same);
            denominator = special.denominator(token, denominator, y1);
            scratch.special.push(special);
        }
        let step = &mut scratch.steps[group];
        let product = &mut products[group % CHAINS];
        let point = &mut slots.points[slot];
        x1.store(&mut point.x);
        y1.store(&mut point.y);
        x2.store(&mut step.right.x);
        y2.store(&mut step.right.y);
        denominator.store(&mut step.denominator);
        product.store(&mut step.others);
        *product = product.mul(token, denominator);
    }
    products
}

/// Points from a table, negated as their indices say: x reduced, y signed.
#[inline(always)]
fn gather<B: Batch, P: Packed>(token: B::Token, table: &[P], indices: &[u32]) -> (B, B) {
    let (x, y) = B::gather_points(token, |lane| &table[(indices[lane] & !NEGATED) as usize]);
    let mut negated = 0;
    for (lane, index) in indices.iter().enumerate() {
        negated |= ((index >> 31) as u8) << lane;
    }
    (x, y.negate_where(token, negated))
}

/// Those of the lanes in `mask` whose point is infinity.
#[inline(always)]
fn infinite<P: Packed>(table: &[P], indices: &[u32], mask: u8) -> u8 {
    let mut found = 0;
    if mask != 0 {
        for (lane, index) in indices.iter().enumerate() {
            let point = &table[(index & !NEGATED) as usize];
            found |= u8::from(point.is_infinity()) << lane;
        }
    }
    found & mask
}

/// [`multiply_gathered`] over slots. Descending, so that the second pass is ascending and may write into the slots that it
/// reads.
#[inline(always)]
fn multiply_slots<B: Batch>(
    token: B::Token,
    pairs: &[Pair],
    slots: &Slots<B>,
    scratch: &mut Scratch<B>,
) -> [B; CHAINS] {
    scratch.clear(pairs.len());
    let mut products = [B::one(token); CHAINS];
    for (group, pair) in pairs.iter().enumerate().rev() {
        let (left, right) = (
            &slots.points[pair.left as usize],
            &slots.points[pair.right as usize],
        );
        let no_left = slots.infinite[pair.left as usize];
        let no_right = slots.infinite[pair.right as usize];
        let mut denominator = B::load(token, &right.x).difference(token, B::load(token, &left.x));
        let equal = denominator.is_zero(token);
        if equal | no_left | no_right != 0 {
            let (y1, y2) = (B::load(token, &left.y), B::load(token, &right.y));
            let same = y2.difference(token, y1).is_zero(token);
            let special = Special::new(group, no_left, no_right, equal, same);
            denominator = special.denominator(token, denominator, y1);
            scratch.special.push(special);
        }
        let step = &mut scratch.steps[group];
        let product = &mut products[group % CHAINS];
        denominator.store(&mut step.denominator);
        product.store(&mut step.others);
        *product = product.mul(token, denominator);
    }
    products
}

/// The slots of one group: of the left points, of the right ones unless the step has them, and of the sums.
#[derive(Clone, Copy)]
struct Place {
    left: usize,
    right: usize,
    out: usize,
}

impl Place {
    #[inline(always)]
    fn of_gathered(slot: usize) -> Self {
        Self {
            left: slot,
            right: slot,
            out: slot,
        }
    }

    #[inline(always)]
    fn of_pair(pair: Pair) -> Self {
        Self {
            left: pair.left as usize,
            right: pair.right as usize,
            out: pair.out as usize,
        }
    }
}

/// The second pass for `W` groups at once, `group` being the first: slopes and sums. The products of one sum wait for each
/// other, those of two groups side by side keep the multipliers busy. Called from the first group to the last.
///
/// `fetch` is called at each of [`STAGES`], for points that will be read soon: all at once would wait for each other.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
fn add_groups<B: Batch, const W: usize, const GATHERED: bool>(
    token: B::Token,
    group: usize,
    places: [Place; W],
    slots: &mut Slots<B>,
    scratch: &mut Scratch<B>,
    inverses: &mut [B; CHAINS],
    mut fetch: impl FnMut(),
) {
    // Plain loops: closures around vector operations are compiled without the kernel's features.
    let zero = B::zero(token);
    let Scratch {
        steps,
        special: specials,
    } = scratch;
    let steps: &[Step<B::Stored>; W] = steps[group..]
        .first_chunk()
        .expect("the first pass made a step for each group");
    let left: [&Slot<B::Stored>; W] = core::array::from_fn(|k| &slots.points[places[k].left]);
    let right: [&Slot<B::Stored>; W] = core::array::from_fn(|k| match GATHERED {
        true => &steps[k].right,
        false => &slots.points[places[k].right],
    });
    let mut special: [Option<Special>; W] = [const { None }; W];
    let (mut inverted, mut slope) = ([zero; W], [zero; W]);
    let (mut x, mut y) = ([zero; W], [zero; W]);
    fetch();
    for k in 0..W {
        let inverse = &mut inverses[(group + k) % CHAINS];
        inverted[k] = inverse.mul(token, B::load(token, &steps[k].others));
        *inverse = inverse.mul(token, B::load(token, &steps[k].denominator));
        special[k] = specials.pop_if(|special| special.group == group + k);
    }
    fetch();
    for k in 0..W {
        let (y1, y2) = (B::load(token, &left[k].y), B::load(token, &right[k].y));
        let mut numerator = y2.difference(token, y1);
        if let Some(special) = &special[k] {
            let tangent = B::load(token, &left[k].x).square(token).triple(token);
            numerator = numerator.blend(special.double, tangent);
        }
        slope[k] = numerator.mul(token, inverted[k]);
    }
    fetch();
    for k in 0..W {
        let (x1, x2) = (B::load(token, &left[k].x), B::load(token, &right[k].x));
        x[k] = slope[k].square(token).difference_of_product(token, x1, x2);
    }
    fetch();
    for k in 0..W {
        let (x1, y1) = (B::load(token, &left[k].x), B::load(token, &left[k].y));
        let product = slope[k].mul(token, x1.difference(token, x[k]));
        y[k] = product.difference_of_product(token, zero, y1);
    }
    let mut infinite = [0; W];
    for k in 0..W {
        if let Some(special) = &special[k] {
            let (x1, x2) = (B::load(token, &left[k].x), B::load(token, &right[k].x));
            let (y1, y2) = (B::load(token, &left[k].y), B::load(token, &right[k].y));
            x[k] = x[k].blend(special.left, x1).blend(special.right, x2);
            y[k] = y[k].blend(special.left, y1.difference_of_product(token, zero, zero));
            y[k] = y[k].blend(special.right, y2.difference_of_product(token, zero, zero));
            infinite[k] = special.infinity;
        }
    }
    for k in 0..W {
        let out = &mut slots.points[places[k].out];
        x[k].store(&mut out.x);
        y[k].store(&mut out.y);
        slots.infinite[places[k].out] = infinite[k];
    }
}
