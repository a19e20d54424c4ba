#![allow(clippy::unwrap_used, reason = "tests")]

use ark_bn254::{Fq, Fq2, Fr};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

/// Integers below 84 p as limbs, eight of them, with their residues.
type Sample = [Limbs; 8];

fn residue<M: Modulus>(limbs: &Limbs) -> M::Scalar {
    let radix = M::Scalar::from(1u64 << LIMB_BITS);
    limbs.iter().rev().fold(M::Scalar::from(0u64), |sum, &limb| {
        sum * radix + M::Scalar::from(limb)
    })
}

fn vector<M: Modulus>(token: Ifma, sample: &Sample) -> Vec8<M> {
    let mut block = LimbBlock::default();
    for (lane, element) in sample.iter().enumerate() {
        for (row, limb) in block.0.iter_mut().zip(element) {
            row.0[lane] = *limb;
        }
    }
    Vec8::load(token, &block)
}

fn sample<M: Modulus>(v: Vec8<M>) -> Sample {
    let mut block = LimbBlock::default();
    v.store(&mut block);
    std::array::from_fn(|lane| std::array::from_fn(|j| block.0[j].0[lane]))
}

/// `count` times p plus `offset`, carried.
fn near_multiple<M: Modulus>(count: u64, offset: i64) -> Limbs {
    let mut out = [0; LIMBS];
    let mut carry = i128::from(offset);
    for (limb, p) in out.iter_mut().zip(M::P) {
        carry += i128::from(p) * i128::from(count);
        *limb = carry as u64 & LIMB_MASK;
        carry >>= LIMB_BITS;
    }
    assert_eq!(carry, 0, "below 2^260");
    out
}

fn less(a: &Limbs, b: &Limbs) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn assert_carried_below<M: Modulus>(limbs: &Limbs, count: u64) {
    assert!(limbs.iter().all(|&limb| limb <= LIMB_MASK), "carried: {limbs:x?}");
    assert!(
        less(limbs, &near_multiple::<M>(count, 0)),
        "below {count} p: {limbs:x?}"
    );
}

/// Values where carries and estimates go wrong: 0, 1, near multiples of p, limbs all ones or just above a
/// power of two, below `bound` p.
fn edges<M: Modulus>(bound: u64) -> Vec<Limbs> {
    let mut out = vec![[0; LIMBS], [1, 0, 0, 0, 0]];
    for count in 1..=bound {
        for offset in [-2, -1, 0, 1, 2, 1 << 52, -(1 << 52), 1 << 60] {
            if count < bound || offset < 0 {
                out.push(near_multiple::<M>(count, offset));
            }
        }
    }
    for pattern in 0..32u32 {
        for delta in [0, 1] {
            let limb = |j: u32| {
                if pattern >> j & 1 == 1 {
                    LIMB_MASK - delta
                } else {
                    delta
                }
            };
            let top = if pattern >> 4 & 1 == 1 { M::P[4] - 1 } else { delta };
            out.push([limb(0), limb(1), limb(2), limb(3), top]);
        }
    }
    out
}

fn any_below<M: Modulus>(rng: &mut StdRng, bound: u64) -> Limbs {
    loop {
        let top = rng.gen_range(0..=(M::P[4] + 1) * bound);
        let mut out = [0; LIMBS].map(|_: u64| rng.r#gen::<u64>() & LIMB_MASK);
        out[4] = top;
        if less(&out, &near_multiple::<M>(bound, 0)) {
            return out;
        }
    }
}

/// Edges, then random values, in samples of eight; the second operand walks at another pace.
fn operands<M: Modulus>(bound: u64) -> Vec<(Sample, Sample)> {
    let mut rng = StdRng::seed_from_u64(52);
    let edges = edges::<M>(bound);
    let mut out = Vec::new();
    for shift in 0..edges.len() {
        for start in (0..edges.len()).step_by(8) {
            let a = std::array::from_fn(|i| edges[(start + i) % edges.len()]);
            let b = std::array::from_fn(|i| edges[(start + i + shift) % edges.len()]);
            out.push((a, b));
        }
    }
    for _ in 0..2_000 {
        let mut draw = || std::array::from_fn(|_| any_below::<M>(&mut rng, bound));
        out.push((draw(), draw()));
    }
    out
}

fn check_products<M: Modulus>(token: Ifma) {
    let radix = M::Scalar::from(2u64).pow([260]).inverse().unwrap();
    for (a, b) in operands::<M>(4) {
        let (va, vb) = (vector::<M>(token, &a), vector::<M>(token, &b));
        let (product, square) = (sample(va.mul(token, vb)), sample(va.square(token)));
        for i in 0..8 {
            let (x, y) = (residue::<M>(&a[i]), residue::<M>(&b[i]));
            assert_eq!(
                residue::<M>(&product[i]),
                x * y * radix,
                "{:x?} * {:x?}",
                a[i],
                b[i]
            );
            assert_eq!(residue::<M>(&square[i]), x * x * radix, "{:x?} squared", a[i]);
            assert_carried_below::<M>(&product[i], 3);
            assert_carried_below::<M>(&square[i], 3);
        }
    }
}

#[test]
fn products_agree_with_arkworks_at_limb_edges_and_at_random() {
    let Some(token) = Ifma::detect() else { return };
    check_products::<Base>(token);
    check_products::<Scalar>(token);
}

#[test]
fn quadratic_products_agree_with_arkworks_at_limb_edges_and_at_random() {
    let Some(token) = Ifma::detect() else { return };
    let radix = Fq::from(2u64).pow([260]).inverse().unwrap();
    let cases = operands::<Base>(4);
    for pair in cases.chunks_exact(2) {
        let [(a0, b0), (a1, b1)] = [pair[0], pair[1]];
        let a = Quadratic8 {
            c0: vector(token, &a0),
            c1: vector(token, &a1),
        };
        let b = Quadratic8 {
            c0: vector(token, &b0),
            c1: vector(token, &b1),
        };
        let (product, square) = (a.mul(token, b), a.square(token));
        let [p0, p1, s0, s1] = [product.c0, product.c1, square.c0, square.c1].map(sample);
        for i in 0..8 {
            let element =
                |c0: &Sample, c1: &Sample| Fq2::new(residue::<Base>(&c0[i]), residue::<Base>(&c1[i]));
            let (x, y) = (element(&a0, &a1), element(&b0, &b1));
            let scale = Fq2::new(radix, Fq::ZERO);
            assert_eq!(element(&p0, &p1), x * y * scale);
            assert_eq!(element(&s0, &s1), x * x * scale);
            for part in [p0, p1, s0, s1] {
                assert_carried_below::<Base>(&part[i], 4);
            }
        }
    }
}

fn check_sums<M: Modulus>(token: Ifma) {
    for (a, b) in operands::<M>(3) {
        let (va, vb) = (vector::<M>(token, &a), vector::<M>(token, &b));
        let sum = sample((va + vb).carry(token));
        let difference = sample((va - vb).add_p::<4>(token).carry(token));
        let sum_reduced = sample((va + vb - Vec8::splat(token, near_multiple::<M>(1, 5))).reduce(token));
        let shifted = (va - vb).add_p::<1>(token);
        let reduced = sample(shifted.reduce(token));
        let canonical = sample(shifted.reduce(token).canonical(token));
        let doubled = sample((va.wide().double() - vb.wide()).add_p::<4>(token).carry(token));
        let negated = sample(
            va.wide()
                .negate_where(token, 0b1010_0110)
                .add_p::<1>(token)
                .reduce(token),
        );
        let slack = near_multiple::<M>(1, 0);
        for i in 0..8 {
            let (x, y) = (residue::<M>(&a[i]), residue::<M>(&b[i]));
            assert_eq!(residue::<M>(&sum[i]), x + y);
            assert_eq!(residue::<M>(&difference[i]), x - y);
            assert_eq!(residue::<M>(&reduced[i]), x - y);
            assert_eq!(residue::<M>(&sum_reduced[i]) + M::Scalar::from(5u64), x + y);
            assert_eq!(residue::<M>(&doubled[i]), x + x - y);
            assert_eq!(
                residue::<M>(&negated[i]),
                if 0b1010_0110 >> i & 1 == 1 { -x } else { x }
            );
            assert_carried_below::<M>(&sum[i], 6);
            assert_carried_below::<M>(&difference[i], 7);
            assert_carried_below::<M>(&doubled[i], 10);
            let mut close = slack;
            close[4] += close[4] >> 24;
            assert!(
                less(&reduced[i], &close),
                "reduced {:x?} - {:x?} = {:x?}",
                a[i],
                b[i],
                reduced[i]
            );
            assert_carried_below::<M>(&canonical[i], 1);
            assert_eq!(words(canonical[i]), montgomery_words(x - y), "canonical words");
        }
    }
}

/// Sums of as many terms as `reduce_far` takes, not carried: from just above -39p to just below 43p, with limbs of all
/// sizes below 2^58.
fn check_far<M: Modulus>(token: Ifma) {
    let check = |wide: Wide<M>, expected: [M::Scalar; 8], what: &dyn Fn(usize) -> String| {
        let reduced = sample(wide.reduce_far(token));
        for i in 0..8 {
            assert_eq!(residue::<M>(&reduced[i]), expected[i], "{}", what(i));
            assert!(reduced[i].iter().all(|limb| *limb <= LIMB_MASK));
            let mut close = near_multiple::<M>(1, 0);
            close[4] += close[4] >> 16;
            assert!(less(&reduced[i], &close), "{}: {:x?}", what(i), reduced[i]);
        }
    };
    let zero = Vec8::<M>::zero(token);
    // Alone and negated; a sum of 2^5 and of 2^6 terms has the largest limbs.
    for a in edges::<M>(43).chunks(8) {
        let a: Sample = std::array::from_fn(|i| a[i % a.len()]);
        let v = vector::<M>(token, &a);
        let expected = a.map(|limbs| residue::<M>(&limbs));
        check(v.wide(), expected, &|i| format!("{:x?}", a[i]));
    }
    for a in edges::<M>(39).chunks(8) {
        let a: Sample = std::array::from_fn(|i| a[i % a.len()]);
        let v = vector::<M>(token, &a);
        let expected = a.map(|limbs| -residue::<M>(&limbs));
        check(zero - v, expected, &|i| format!("-{:x?}", a[i]));
    }
    for (a, b) in operands::<M>(1) {
        let (va, vb) = (vector::<M>(token, &a), vector::<M>(token, &b));
        let (mut sum, mut difference) = (va.wide(), va.wide());
        for _ in 0..41 {
            sum = sum + vb;
        }
        for _ in 0..38 {
            difference = difference - vb;
        }
        let at = |i: usize| (residue::<M>(&a[i]), residue::<M>(&b[i]));
        let what = |i: usize| format!("{:x?}, {:x?}", a[i], b[i]);
        let times = |count: u64, y: M::Scalar| M::Scalar::from(count) * y;
        check(sum, std::array::from_fn(|i| at(i).0 + times(41, at(i).1)), &what);
        check(
            difference,
            std::array::from_fn(|i| at(i).0 - times(38, at(i).1)),
            &what,
        );
    }
}

#[test]
fn sums_of_many_terms_are_reduced_as_arkworks_reduces_them() {
    let Some(token) = Ifma::detect() else { return };
    check_far::<Base>(token);
    check_far::<Scalar>(token);
}

/// Differences with 4p and 2p added, conjugates and products with 9 + u; squares of parts up to the bounds that curves
/// need: 3.2p in the real part.
#[test]
fn sums_in_fq2_agree_with_arkworks() {
    let Some(token) = Ifma::detect() else { return };
    for pair in operands::<Base>(3).chunks_exact(2) {
        let [(a0, b0), (a1, b1)] = [pair[0], pair[1]];
        let [a, b] = [(&a0, &a1), (&b0, &b1)].map(|(c0, c1)| Quadratic8 {
            c0: vector(token, c0),
            c1: vector(token, c1),
        });
        let element =
            |c0: &Sample, c1: &Sample, i: usize| Fq2::new(residue::<Base>(&c0[i]), residue::<Base>(&c1[i]));
        let found = [
            (a + b).carry(token),
            (a - b).add_p::<4>(token).carry(token),
            a.wide().conjugate(token).reduce_far(token),
            a.wide().times_nonresidue().reduce_far(token),
            (a.wide().double() - b.wide()).reduce_far(token),
            a.blend(0b0101_0011, b),
        ]
        .map(|v| (sample(v.c0), sample(v.c1)));
        let zeros = (a - a).reduce(token).is_zero(token);
        assert_eq!(zeros, 0xff);
        for i in 0..8 {
            let (x, y) = (element(&a0, &a1, i), element(&b0, &b1, i));
            let mut conjugate = x;
            conjugate.conjugate_in_place();
            let nonresidue = Fq2::new(Fq::from(9u64), Fq::ONE);
            let chosen = if 0b0101_0011 >> i & 1 == 1 { y } else { x };
            let expected = [x + y, x - y, conjugate, x * nonresidue, x.double() - y, chosen];
            for ((c0, c1), expected) in found.iter().zip(expected) {
                assert_eq!(element(c0, c1, i), expected);
            }
        }
    }
}

#[test]
fn arkworks_elements_come_back_from_lanes() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(4);
    let mut values: Vec<Fq> = edges::<Base>(2).iter().map(residue::<Base>).collect();
    values.extend((0..64).map(|_| Fq::rand(&mut rng)));
    for chunk in values.chunks_exact(8) {
        let elements: [Fq; 8] = std::array::from_fn(|i| chunk[i]);
        let lanes = Vec8::import(token, &elements);
        assert_eq!(lanes.export(token), elements);
        // 15 times as much and 14 times less: the largest values that are exported.
        let mut sum = lanes.wide().reduce(token).wide();
        for _ in 0..14 {
            sum = sum + Vec8::splat(token, Base::P);
        }
        assert_eq!(sum.carry(token).export(token), elements);
        let splat = Vec8::splat_element(token, &elements[3]);
        assert_eq!(splat.export(token), [elements[3]; 8]);
        let pairs: [Fq2; 8] = std::array::from_fn(|i| Fq2::new(chunk[i], chunk[7 - i]));
        assert_eq!(Quadratic8::import(token, &pairs).export(token), pairs);
        assert_eq!(Quadratic8::splat(token, &pairs[1]).export(token), [pairs[1]; 8]);
    }
}

/// The integer in 64-bit words.
fn montgomery_words<F: PrimeField<BigInt = BigInt<4>>>(x: F) -> [u64; 4] {
    x.into_bigint().0
}

#[test]
fn sums_differences_and_reductions_agree_with_arkworks() {
    let Some(token) = Ifma::detect() else { return };
    check_sums::<Base>(token);
    check_sums::<Scalar>(token);
}

#[test]
fn zero_is_found_in_every_representative_and_nowhere_else() {
    let Some(token) = Ifma::detect() else { return };
    for a in edges::<Base>(6).chunks(8) {
        let a: Sample = std::array::from_fn(|i| a[i % a.len()]);
        let found = vector::<Base>(token, &a).is_zero(token);
        for (i, limbs) in a.iter().enumerate() {
            assert_eq!(
                found >> i & 1 == 1,
                residue::<Base>(limbs) == Fq::ZERO,
                "{limbs:x?}"
            );
        }
    }
}

#[test]
fn constants_are_what_they_say() {
    fn check<M: Modulus>() {
        let two = M::Scalar::from(2u64);
        assert_eq!(words(M::P), M::Scalar::MODULUS.0);
        assert_eq!(M::P[0].wrapping_mul(M::NEG_INV) & LIMB_MASK, LIMB_MASK);
        assert_eq!(residue::<M>(&M::FOLD) * two.pow([52]), M::Scalar::ONE);
        assert!(less(&M::FOLD, &M::P));
        for (constant, exponent) in [
            (M::FROM_ARK, 264),
            (M::TO_ARK, 256),
            (M::FROM_ARK_INVERSE, 268),
            (M::ONE, 260),
            (M::ARK_TO_INTEGER, 4),
        ] {
            assert_eq!(words(constant), two.pow([exponent]).into_bigint().0);
        }
    }
    check::<Base>();
    check::<Scalar>();
}

#[test]
fn arkworks_elements_go_in_and_out_in_both_layouts() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(1);
    let elements: [Fr; 8] = std::array::from_fn(|_| Fr::rand(&mut rng));
    let into = Vec8::<Scalar>::load_elements(token, std::array::from_fn(|i| &elements[i].0.0))
        .mul(token, Vec8::splat(token, Scalar::FROM_ARK));
    let integers = Vec8::<Scalar>::load_elements(token, std::array::from_fn(|i| &elements[i].0.0))
        .mul(token, Vec8::splat(token, Scalar::ARK_TO_INTEGER))
        .wide()
        .reduce(token)
        .canonical(token);
    for (limbs, element) in sample(integers).iter().zip(elements) {
        assert_eq!(words(*limbs), element.into_bigint().0);
    }
    let back = into
        .mul(token, Vec8::splat(token, Scalar::TO_ARK))
        .wide()
        .reduce(token)
        .canonical(token);
    let mut out = [[0; 4]; 8];
    back.store_elements(token, out.each_mut());
    assert_eq!(out, elements.map(|element| element.0.0));

    let mut block = WordBlock::default();
    back.store_words(&mut block);
    for (i, element) in elements.iter().enumerate() {
        assert_eq!(std::array::from_fn(|j| block.0[j].0[i]), element.0.0);
    }
    assert_eq!(sample(Vec8::<Scalar>::load_words(token, &block)), sample(back));
}

#[test]
fn the_scalar_kernels_can_be_chosen() {
    assert_eq!(Kernels::scalar(), Kernels::Scalar);
    if std::env::var_os("MEDPROOF_ENGINE").is_some_and(|value| value == "scalar" || value == "portable") {
        assert_eq!(Kernels::detect(), Kernels::Scalar);
    }
}

#[test]
fn inverses_agree_with_arkworks() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut values: Vec<Fq> = edges::<Base>(2).iter().map(residue::<Base>).collect();
    for bits in 0..254u64 {
        let power = Fq::from(2u64).pow([bits]);
        values.extend([
            power,
            -power,
            power + Fq::ONE,
            power - Fq::ONE,
            Fq::new_unchecked(power.into_bigint()),
        ]);
    }
    values.extend((0..2_000).map(|_| Fq::rand(&mut rng)));
    for pair in values.windows(2) {
        assert_eq!(inverse(&pair[0]), pair[0].inverse(), "{}", pair[0]);
        let x = Fq2::new(pair[0], pair[1]);
        assert_eq!(inverse_quadratic(&x), x.inverse(), "{x}");
    }
}
