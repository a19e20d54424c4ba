//! Products of many points with scalars, eight points to a vector.
//!
//! A scalar is split by the endomorphism into two halves below 2^127, and each half is written with 32 digits that
//! are odd and below 16 in size: no digit is zero, so all lanes do the same, and the sums on the way never meet a
//! point twice. (With multiples `a P + b phi(P)` of one point, an addition meets its own operand only if `a` or `b`
//! vanishes, and both stay odd.) What can go wrong are identities among the points and halves of 0 or 2, whose even
//! value is put right at the end: then a denominator is zero, the batch is given up, and the caller takes the
//! complete formulas.
//!
//! Coordinates are kept below `p + p/2^24`, in Montgomery form of radix 2^260.

use ark_bn254::{Fq, G1Affine, g1};
use ark_ec::{AffineRepr, scalar_mul::glv::GLVConfig};
use ark_ff::{BigInt, Field, PrimeField};
use medproof_kernels::field::{Base, Ifma, LimbBlock, Modulus, Vec8, inverse, limbs, words};
use std::ops::{Add, Sub};

type Vector = Vec8<Base>;

/// Digits of a half scalar, four bits each.
const DIGITS: usize = 32;
/// Odd multiples 1, 3, ..., 15.
const MULTIPLES: usize = 8;
/// The mask of all lanes.
const ALL: u8 = 0xff;
/// Running products of denominators side by side: a product waits for the one before it in its chain only.
const CHAINS: usize = 4;

/// Vectors of points.
#[derive(Clone)]
struct Points {
    x: Vec<LimbBlock>,
    y: Vec<LimbBlock>,
}

/// Which multiple each lane adds, whether it adds its negative, and whether it adds at all.
#[derive(Clone, Copy)]
struct Choice {
    multiples: [u8; MULTIPLES],
    negative: u8,
    active: u8,
}

/// One half of a scalar.
struct Half {
    digits: [i8; DIGITS],
    /// The digits are those of one more, in the direction of the sign.
    even: bool,
    positive: bool,
}

impl Half {
    fn new(half: i128) -> Self {
        let (size, positive) = (half.unsigned_abs(), half >= 0);
        debug_assert!(size >> 127 == 0);
        let mut rest = size | 1;
        let mut digits = [0; DIGITS];
        for digit in &mut digits[..DIGITS - 1] {
            // Odd and between -15 and 15; what is left is odd again.
            let value = (rest & 31) as i8 - 16;
            rest = (rest >> 4) | 1;
            *digit = if positive { value } else { -value };
        }
        // Below 2^127 there are three bits left.
        let value = rest as i8;
        digits[DIGITS - 1] = if positive { value } else { -value };
        Self {
            digits,
            even: size & 1 == 0,
            positive,
        }
    }
}

/// `points[i] *= k0 + k1 lambda` for the `i`th pair of `halves`, or `None` and no change. The number of points must be a
/// multiple of 8.
pub(super) fn scale(token: Ifma, points: &mut [G1Affine], halves: &[[i128; 2]]) -> Option<()> {
    if points.iter().any(|p| p.is_zero()) {
        return None;
    }
    let halves: Vec<[Half; 2]> = halves.iter().map(|halves| halves.map(Half::new)).collect();
    let choices = |half: usize, place: usize| -> Vec<Choice> {
        let of = |lanes: &[[Half; 2]]| choice(lanes.iter().map(|h| (h[half].digits[place], true)));
        halves.chunks_exact(8).map(of).collect()
    };
    // One less where the half scalar was even: minus the point, in the direction of the sign.
    let correction = |half: usize| -> Vec<Choice> {
        let unit = |h: &[Half; 2]| (if h[half].positive { -1 } else { 1 }, h[half].even);
        halves
            .chunks_exact(8)
            .map(|lanes| choice(lanes.iter().map(unit)))
            .collect()
    };
    let first = Points::load(points);
    let mut room = Room::default();
    let mut twice = first.clone();
    // SAFETY: the token proves that the CPU has the instructions.
    unsafe { double(token, &mut twice, &mut room) }?;
    let twice = [twice];
    let every = vec![choice([(1, true); 8]); points.len() / 8];
    let twice = Addends {
        multiples: &twice,
        choices: &every,
        image: false,
    };
    let mut multiples = vec![first];
    for m in 1..MULTIPLES {
        let mut next = multiples[m - 1].clone();
        // SAFETY: as above.
        unsafe { add(token, &mut next, &twice, &mut room) }?;
        multiples.push(next);
    }
    let mut sum = multiples[0].clone();
    // SAFETY: as above.
    unsafe { choose(token, &mut sum, &multiples, &choices(0, DIGITS - 1)) };
    let mut add_half = |sum: &mut Points, half: usize, choices: &[Choice]| {
        let addends = Addends {
            multiples: &multiples,
            choices,
            image: half == 1,
        };
        // SAFETY: as above.
        unsafe { add(token, sum, &addends, &mut room) }
    };
    add_half(&mut sum, 1, &choices(1, DIGITS - 1))?;
    let mut doubled = Room::default();
    for place in (0..DIGITS - 1).rev() {
        for _ in 0..4 {
            // SAFETY: as above.
            unsafe { double(token, &mut sum, &mut doubled) }?;
        }
        for half in 0..2 {
            add_half(&mut sum, half, &choices(half, place))?;
        }
    }
    for half in 0..2 {
        add_half(&mut sum, half, &correction(half))?;
    }
    sum.store(points);
    Some(())
}

/// The choice of eight lanes that each add `digit` times the point, or nothing.
fn choice(lanes: impl IntoIterator<Item = (i8, bool)>) -> Choice {
    let mut out = Choice {
        multiples: [0; MULTIPLES],
        negative: 0,
        active: 0,
    };
    for (lane, (digit, active)) in lanes.into_iter().enumerate() {
        out.multiples[usize::from(digit.unsigned_abs() / 2)] |= 1 << lane;
        out.negative |= u8::from(digit < 0) << lane;
        out.active |= u8::from(active) << lane;
    }
    out
}

impl Points {
    fn load(points: &[G1Affine]) -> Self {
        // 2^256 to 2^260.
        let block = |of: &dyn Fn(usize) -> Fq| {
            let mut out = LimbBlock::default();
            for lane in 0..8 {
                let value = limbs((of(lane) * Fq::from(16u64)).0.0);
                for (row, limb) in out.0.iter_mut().zip(value) {
                    row.0[lane] = limb;
                }
            }
            out
        };
        let eights = || points.chunks_exact(8);
        Self {
            x: eights().map(|p| block(&|lane| p[lane].x)).collect(),
            y: eights().map(|p| block(&|lane| p[lane].y)).collect(),
        }
    }

    fn store(&self, points: &mut [G1Affine]) {
        let sixteenth = Fq::from(16u64).inverse().unwrap_or(Fq::ONE);
        let element = |block: &LimbBlock, lane: usize| from_words(block, lane) * sixteenth;
        for (k, points) in points.chunks_exact_mut(8).enumerate() {
            for (lane, point) in points.iter_mut().enumerate() {
                *point = G1Affine::new_unchecked(element(&self.x[k], lane), element(&self.y[k], lane));
            }
        }
    }
}

/// The element whose Montgomery form of radix 2^256 is what lane `lane` holds, a value below 2 p.
fn from_words(block: &LimbBlock, lane: usize) -> Fq {
    let mut value = BigInt(words(std::array::from_fn(|j| block.0[j].0[lane])));
    if value >= Fq::MODULUS {
        value = subtract(value);
    }
    Fq::new_unchecked(value)
}

fn subtract(mut value: BigInt<4>) -> BigInt<4> {
    use ark_ff::BigInteger;
    // Not smaller than the modulus, so nothing is borrowed.
    value.sub_with_borrow(&Fq::MODULUS);
    value
}

/// What the second pass of a step needs of the first, by vector.
#[derive(Default)]
struct Room {
    denominators: Vec<LimbBlock>,
    /// The products of the denominators before them, in their chain.
    products: Vec<LimbBlock>,
    /// x of what is added.
    others: Vec<LimbBlock>,
}

impl Room {
    fn clear(&mut self, count: usize) {
        for blocks in [&mut self.denominators, &mut self.products, &mut self.others] {
            blocks.resize(count, LimbBlock::default());
        }
    }

    /// The inverses of the denominators of vectors `first` to `first + W`, which lie in chains of their own.
    #[inline(always)]
    fn inverses<const W: usize>(
        &self,
        token: Ifma,
        rests: &mut [Vector; CHAINS],
        first: usize,
    ) -> [Vector; W] {
        let mut out = [Vector::zero(token); W];
        for k in 0..W {
            let rest = &mut rests[(first + k) % CHAINS];
            out[k] = rest.mul(token, Vector::load(token, &self.products[first + k]));
            *rest = rest.mul(token, Vector::load(token, &self.denominators[first + k]));
        }
        out
    }
}

/// The inverses of all chains' products, or `None` where a denominator is zero.
#[inline(always)]
fn invert_chains(token: Ifma, products: &[Vector; CHAINS]) -> Option<[Vector; CHAINS]> {
    let [a, b, c, d] = *products;
    let (ab, cd) = (a.mul(token, b), c.mul(token, d));
    let all = invert(token, ab.mul(token, cd))?;
    let (of_ab, of_cd) = (all.mul(token, cd), all.mul(token, ab));
    Some([
        of_ab.mul(token, b),
        of_ab.mul(token, a),
        of_cd.mul(token, d),
        of_cd.mul(token, c),
    ])
}

/// The inverse of every lane, or `None` where one has none. Values below 3 p.
#[inline(always)]
fn invert(token: Ifma, product: Vector) -> Option<Vector> {
    let mut block = LimbBlock::default();
    product.wide().reduce(token).store(&mut block);
    // What arkworks takes for x 2^4; its inverse is to stand for x^-1 2^4 again.
    let mut lanes: [Fq; 8] = std::array::from_fn(|lane| from_words(&block, lane));
    let all = inverse(&lanes.iter().product::<Fq>())?;
    let mut after = [Fq::ONE; 8];
    for lane in (0..7).rev() {
        after[lane] = after[lane + 1] * lanes[lane + 1];
    }
    let mut rest = all * Fq::from(256u64);
    for (lane, after) in lanes.iter_mut().zip(after) {
        let own = *lane;
        *lane = rest * after;
        rest *= own;
    }
    for (lane, value) in lanes.iter().enumerate() {
        for (row, limb) in block.0.iter_mut().zip(limbs(value.0.0)) {
            row.0[lane] = limb;
        }
    }
    Some(Vector::load(token, &block))
}

/// A coordinate of the multiple that each lane chose.
#[inline(always)]
fn chosen<'a>(
    token: Ifma,
    multiples: &'a [Points],
    choice: &Choice,
    of: impl Fn(&'a Points) -> &'a LimbBlock,
) -> Vector {
    // All lanes of most vectors of a transform have one scalar.
    for (points, mask) in multiples.iter().zip(choice.multiples) {
        if mask == ALL {
            return Vector::load(token, of(points));
        }
    }
    let mut out = Vector::load(token, of(&multiples[0]));
    for (points, mask) in multiples.iter().zip(choice.multiples).skip(1) {
        out = out.blend(mask, Vector::load(token, of(points)));
    }
    out
}

/// Sets each lane to the multiple that it chose.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn choose(token: Ifma, sum: &mut Points, multiples: &[Points], choices: &[Choice]) {
    for (k, choice) in choices.iter().enumerate() {
        chosen(token, multiples, choice, |points| &points.x[k]).store(&mut sum.x[k]);
        let y = chosen(token, multiples, choice, |points| &points.y[k]);
        let y = y.wide().negate_where(token, choice.negative);
        y.reduce(token).store(&mut sum.y[k]);
    }
}

/// `points = 2 points`.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn double(token: Ifma, points: &mut Points, room: &mut Room) -> Option<()> {
    let count = points.x.len();
    room.clear(count);
    let mut products = [Vector::splat(token, Base::ONE); CHAINS];
    for k in 0..count {
        let product = &mut products[k % CHAINS];
        product.store(&mut room.products[k]);
        let y = Vector::load(token, &points.y[k]);
        let denominator = y.wide().double().carry(token);
        denominator.store(&mut room.denominators[k]);
        *product = product.mul(token, denominator);
    }
    let mut rests = invert_chains(token, &products)?;
    if !count.is_multiple_of(2) {
        double_some::<1>(token, points, room, &mut rests, count - 1);
    }
    for pair in (0..count / 2).rev() {
        double_some::<2>(token, points, room, &mut rests, 2 * pair);
    }
    Some(())
}

/// The second pass of [`double`] for vectors `first` to `first + W`: the products of one wait for each other, those of
/// two side by side keep the multipliers busy.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
fn double_some<const W: usize>(
    token: Ifma,
    points: &mut Points,
    room: &Room,
    rests: &mut [Vector; CHAINS],
    first: usize,
) {
    let mut slopes = room.inverses::<W>(token, rests, first);
    for k in 0..W {
        let square = Vector::load(token, &points.x[first + k]).square(token);
        let triple = square.wide().double().add(square).carry(token);
        slopes[k] = triple.mul(token, slopes[k]);
    }
    let mut thirds = [Vector::zero(token); W];
    for k in 0..W {
        let x = Vector::load(token, &points.x[first + k]);
        thirds[k] = slopes[k].square(token).sub(x).sub(x).reduce(token);
    }
    for k in 0..W {
        let x = Vector::load(token, &points.x[first + k]);
        let run = x.sub(thirds[k]).add_p::<2>(token).carry(token);
        let y = Vector::load(token, &points.y[first + k]);
        let height = slopes[k].mul(token, run).sub(y).reduce(token);
        thirds[k].store(&mut points.x[first + k]);
        height.store(&mut points.y[first + k]);
    }
}

/// What [`add`] adds.
struct Addends<'a> {
    multiples: &'a [Points],
    choices: &'a [Choice],
    /// Not the multiples, but their images under the endomorphism.
    image: bool,
}

/// Adds to each lane what it chose.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn add(token: Ifma, sum: &mut Points, addends: &Addends<'_>, room: &mut Room) -> Option<()> {
    let count = sum.x.len();
    room.clear(count);
    let beta = Vector::splat(token, limbs((g1::Config::ENDO_COEFFS[0] * Fq::from(16u64)).0.0));
    let one = Vector::splat(token, Base::ONE);
    let mut products = [one; CHAINS];
    for (k, choice) in addends.choices.iter().enumerate() {
        let product = &mut products[k % CHAINS];
        product.store(&mut room.products[k]);
        let mut x = chosen(token, addends.multiples, choice, |points| &points.x[k]);
        if addends.image {
            x = x.mul(token, beta).wide().reduce(token);
        }
        x.store(&mut room.others[k]);
        let denominator = x
            .sub(Vector::load(token, &sum.x[k]))
            .add_p::<2>(token)
            .carry(token);
        // Lanes that add nothing must not spoil the product.
        let denominator = one.blend(choice.active, denominator);
        denominator.store(&mut room.denominators[k]);
        *product = product.mul(token, denominator);
    }
    let mut rests = invert_chains(token, &products)?;
    if !count.is_multiple_of(2) {
        add_some::<1>(token, sum, addends, room, &mut rests, count - 1);
    }
    for pair in (0..count / 2).rev() {
        add_some::<2>(token, sum, addends, room, &mut rests, 2 * pair);
    }
    Some(())
}

/// The second pass of [`add`] for vectors `first` to `first + W`, as [`double_some`].
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
fn add_some<const W: usize>(
    token: Ifma,
    sum: &mut Points,
    addends: &Addends<'_>,
    room: &Room,
    rests: &mut [Vector; CHAINS],
    first: usize,
) {
    let mut slopes = room.inverses::<W>(token, rests, first);
    for k in 0..W {
        let at = first + k;
        let choice = &addends.choices[at];
        let height = chosen(token, addends.multiples, choice, |points| &points.y[at]);
        let y = Vector::load(token, &sum.y[at]);
        let rise = height.wide().negate_where(token, choice.negative).sub(y);
        slopes[k] = rise.add_p::<3>(token).carry(token).mul(token, slopes[k]);
    }
    let mut thirds = [Vector::zero(token); W];
    for k in 0..W {
        let x = Vector::load(token, &sum.x[first + k]);
        let other = Vector::load(token, &room.others[first + k]);
        thirds[k] = slopes[k].square(token).sub(x).sub(other).reduce(token);
    }
    for k in 0..W {
        let at = first + k;
        let (x, y) = (Vector::load(token, &sum.x[at]), Vector::load(token, &sum.y[at]));
        let run = x.sub(thirds[k]).add_p::<2>(token).carry(token);
        let height = slopes[k].mul(token, run).sub(y).reduce(token);
        let active = addends.choices[at].active;
        x.blend(active, thirds[k]).store(&mut sum.x[at]);
        y.blend(active, height).store(&mut sum.y[at]);
    }
}
