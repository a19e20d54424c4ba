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

use crate::field::{Base, Ifma, LimbBlock, Modulus, Vec8, inverse, limbs, words};
use ark_bn254::{Fq, Fr, G1Affine, g1};
use ark_ec::{AffineRepr, scalar_mul::glv::GLVConfig};
use ark_ff::{BigInt, Field, PrimeField};
use std::ops::{Add, Sub};

type Vector = Vec8<Base>;

/// Digits of a half scalar, four bits each.
const DIGITS: usize = 32;
/// Odd multiples 1, 3, ..., 15.
const MULTIPLES: usize = 8;
/// The mask of all lanes.
const ALL: u8 = 0xff;

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
    fn new(positive: bool, scalar: Fr) -> Self {
        let words = scalar.into_bigint().0;
        debug_assert!(words[1] >> 63 == 0 && words[2] == 0 && words[3] == 0);
        let scalar = u128::from(words[0]) | u128::from(words[1]) << 64;
        let mut rest = scalar | 1;
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
            even: scalar & 1 == 0,
            positive,
        }
    }
}

/// `points[i] *= scalar(i)`, or `None` and no change. The number of points must be a multiple of 8.
pub(super) fn scale(token: Ifma, points: &mut [G1Affine], scalar: impl Fn(usize) -> Fr) -> Option<()> {
    if points.iter().any(|p| p.is_zero()) {
        return None;
    }
    let halves: Vec<[Half; 2]> = (0..points.len())
        .map(|i| {
            let ((p0, k0), (p1, k1)) = g1::Config::scalar_decomposition(scalar(i));
            [Half::new(p0, k0), Half::new(p1, k1)]
        })
        .collect();
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
    let mut multiples = vec![first];
    let every = vec![choice([(1, true); 8]); points.len() / 8];
    for m in 1..MULTIPLES {
        let mut next = multiples[m - 1].clone();
        // SAFETY: as above.
        unsafe { add(token, &mut next, &twice, &every, false, &mut room) }?;
        multiples.push(next);
    }
    let mut sum = multiples[0].clone();
    let top = choices(0, DIGITS - 1);
    // SAFETY: as above.
    unsafe { choose(token, &mut sum, &multiples, &top) };
    for place in (0..DIGITS).rev() {
        if place < DIGITS - 1 {
            for _ in 0..4 {
                // SAFETY: as above.
                unsafe { double(token, &mut sum, &mut room) }?;
            }
            // SAFETY: as above.
            unsafe { add(token, &mut sum, &multiples, &choices(0, place), false, &mut room) }?;
        }
        // SAFETY: as above.
        unsafe { add(token, &mut sum, &multiples, &choices(1, place), true, &mut room) }?;
    }
    for half in 0..2 {
        // SAFETY: as above.
        unsafe {
            add(
                token,
                &mut sum,
                &multiples,
                &correction(half),
                half == 1,
                &mut room,
            )
        }?;
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

/// Denominators and the products of those before them.
#[derive(Default)]
struct Room {
    denominators: Vec<LimbBlock>,
    products: Vec<LimbBlock>,
}

impl Room {
    fn clear(&mut self, count: usize) {
        self.denominators.resize(count, LimbBlock::default());
        self.products.resize(count, LimbBlock::default());
    }
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

/// The multiple that each lane chose.
#[inline(always)]
fn chosen(token: Ifma, multiples: &[Points], choice: &Choice, k: usize) -> [Vector; 2] {
    let mut x = Vector::load(token, &multiples[0].x[k]);
    let mut y = Vector::load(token, &multiples[0].y[k]);
    for (points, mask) in multiples.iter().zip(choice.multiples).skip(1) {
        x = x.blend(mask, Vector::load(token, &points.x[k]));
        y = y.blend(mask, Vector::load(token, &points.y[k]));
    }
    [x, y]
}

/// Sets each lane to the multiple that it chose.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn choose(token: Ifma, sum: &mut Points, multiples: &[Points], choices: &[Choice]) {
    for (k, choice) in choices.iter().enumerate() {
        let [x, y] = chosen(token, multiples, choice, k);
        x.store(&mut sum.x[k]);
        let y = y.wide().negate_where(token, choice.negative);
        y.reduce(token).store(&mut sum.y[k]);
    }
}

/// `points = 2 points`.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn double(token: Ifma, points: &mut Points, room: &mut Room) -> Option<()> {
    let count = points.x.len();
    room.clear(count);
    let mut product = Vector::splat(token, Base::ONE);
    for k in 0..count {
        product.store(&mut room.products[k]);
        let y = Vector::load(token, &points.y[k]);
        let denominator = y.wide().double().carry(token);
        denominator.store(&mut room.denominators[k]);
        product = product.mul(token, denominator);
    }
    let mut rest = invert(token, product)?;
    for k in (0..count).rev() {
        let inverse = rest.mul(token, Vector::load(token, &room.products[k]));
        rest = rest.mul(token, Vector::load(token, &room.denominators[k]));
        let (x, y) = (
            Vector::load(token, &points.x[k]),
            Vector::load(token, &points.y[k]),
        );
        let square = x.square(token);
        let slope = square
            .wide()
            .double()
            .add(square)
            .carry(token)
            .mul(token, inverse);
        finish(token, slope, [x, y], x, &mut points.x[k], &mut points.y[k], ALL);
    }
    Some(())
}

/// Adds to each lane the multiple that it chose, or its image under the endomorphism.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn add(
    token: Ifma,
    sum: &mut Points,
    multiples: &[Points],
    choices: &[Choice],
    image: bool,
    room: &mut Room,
) -> Option<()> {
    let count = sum.x.len();
    room.clear(count);
    let beta = Vector::splat(token, limbs((g1::Config::ENDO_COEFFS[0] * Fq::from(16u64)).0.0));
    let one = Vector::splat(token, Base::ONE);
    let mut product = one;
    for (k, choice) in choices.iter().enumerate() {
        product.store(&mut room.products[k]);
        let mut x = chosen(token, multiples, choice, k)[0];
        if image {
            x = x.mul(token, beta).wide().reduce(token);
        }
        let denominator = x
            .sub(Vector::load(token, &sum.x[k]))
            .add_p::<2>(token)
            .carry(token);
        // Lanes that add nothing must not spoil the product.
        let denominator = one.blend(choice.active, denominator);
        denominator.store(&mut room.denominators[k]);
        product = product.mul(token, denominator);
    }
    let mut rest = invert(token, product)?;
    for (k, choice) in choices.iter().enumerate().rev() {
        let inverse = rest.mul(token, Vector::load(token, &room.products[k]));
        rest = rest.mul(token, Vector::load(token, &room.denominators[k]));
        let (x, y) = (Vector::load(token, &sum.x[k]), Vector::load(token, &sum.y[k]));
        let [mut other, height] = chosen(token, multiples, choice, k);
        if image {
            other = other.mul(token, beta).wide().reduce(token);
        }
        let rise = height.wide().negate_where(token, choice.negative).sub(y);
        let slope = rise.add_p::<3>(token).carry(token).mul(token, inverse);
        finish(
            token,
            slope,
            [x, y],
            other,
            &mut sum.x[k],
            &mut sum.y[k],
            choice.active,
        );
    }
    Some(())
}

/// The third point on the line, mirrored, where `active` says so.
#[inline(always)]
fn finish(
    token: Ifma,
    slope: Vector,
    [x, y]: [Vector; 2],
    other: Vector,
    out_x: &mut LimbBlock,
    out_y: &mut LimbBlock,
    active: u8,
) {
    let third = slope.square(token).sub(x).sub(other).reduce(token);
    let run = x.sub(third).add_p::<2>(token).carry(token);
    let height = slope.mul(token, run).sub(y).reduce(token);
    x.blend(active, third).store(out_x);
    y.blend(active, height).store(out_y);
}
