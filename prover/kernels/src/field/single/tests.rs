#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use ark_bn254::{Fq, FrConfig};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

/// Canonical words where carries go wrong: words all zero and all ones, values next to zero, to p and to p/2.
fn edges<T: MontConfig<4>>() -> Vec<Element<T>> {
    let p = T::MODULUS.0;
    let words = [0, 1, 2, u64::MAX, u64::MAX - 1, 1 << 63, p[0], p[1], p[2], p[3]];
    let mut out = Vec::new();
    for low in words {
        for high in words {
            for value in [
                [low, high, low, high],
                [low, low, high, high],
                [high, low, low, p[3] - 1],
                [low, high, u64::MAX, p[3]],
                [low, high, p[2], p[3]],
            ] {
                if subtract(value, p).1 {
                    out.push(element(value));
                }
            }
        }
    }
    for offset in 1..4 {
        out.push(element(subtract(p, [offset, 0, 0, 0]).0));
        let mut half = p.map(|word| word >> 1);
        half[0] = half[0].wrapping_add(offset);
        out.push(element(half));
    }
    out
}

fn samples<T: MontConfig<4>>(count: usize) -> Vec<Element<T>> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut out = edges::<T>();
    out.extend((0..count).map(|_| Element::<T>::rand(&mut rng)));
    out
}

fn assert_agrees<T: MontConfig<4>>(a: Element<T>, b: Element<T>) {
    let expected = a * b;
    assert_eq!(a.times(b), expected, "{a:?} * {b:?}");
    let constants = Constants::of::<T>();
    assert_eq!(
        portable::mul(&a.0.0, &b.0.0, &constants),
        expected.0.0,
        "{a:?} * {b:?}, portable"
    );
    assert_eq!(a.plus(b), a + b, "{a:?} + {b:?}");
    assert_eq!(a.minus(b), a - b, "{a:?} - {b:?}");
}

fn check<T: MontConfig<4>>() {
    let samples = samples::<T>(100);
    assert!(samples.len() > 300, "the edges are there");
    for &a in &samples {
        assert_eq!(a.squared(), a.square());
        assert_eq!(a.negated_if(true), -a);
        assert_eq!(a.negated_if(false), a);
        for &b in &samples {
            assert_agrees(a, b);
        }
    }
}

#[test]
fn elements_agree_with_arkworks() {
    check::<FqConfig>();
    check::<FrConfig>();
}

#[test]
fn factors_may_be_lazy_up_to_five_p_squared() {
    // Montgomery's product of integers, by arkworks: a b 2^-256.
    let multiple = |value: &Words, count: u64| (1..count).fold(*value, |sum, _| add(sum, FQ.p)).to_owned();
    let samples = samples::<FqConfig>(20);
    for a in &samples {
        for b in samples.iter().step_by(7) {
            for (of_a, of_b) in [(1, 4), (4, 1), (2, 2), (2, 1)] {
                let (x, y) = (multiple(&a.0.0, of_a), multiple(&b.0.0, of_b));
                let expected = (*a * b).0.0;
                assert_eq!(mul(&x, &y, &FQ), expected, "{x:x?} * {y:x?}");
                assert_eq!(portable::mul(&x, &y, &FQ), expected, "{x:x?} * {y:x?}, portable");
            }
        }
    }
}

#[test]
fn products_and_reductions_of_both_kinds_agree() {
    let samples = samples::<FqConfig>(20);
    for a in &samples {
        for b in &samples {
            let whole = product(&a.0.0, &b.0.0);
            assert_eq!(whole, portable::product(&a.0.0, &b.0.0));
            assert_eq!(reduce(&whole), (*a * b).0.0);
            let low = [whole[0], whole[1], whole[2], whole[3]];
            let reduced = portable::reduce(low, &FQ);
            assert!(
                reduced == FQ.p || subtract(reduced, FQ.p).1,
                "at most p: {reduced:x?}"
            );
            #[cfg(target_arch = "x86_64")]
            if let Some(token) = adx::Adx::detect() {
                assert_eq!(adx::reduce(token, low, &FQ), reduced);
            }
        }
    }
    let ones = [u64::MAX; 4];
    assert_eq!(product(&ones, &ones), portable::product(&ones, &ones));
}

#[test]
fn quadratic_elements_agree_with_arkworks() {
    let samples: Vec<Fq> = samples::<FqConfig>(20).into_iter().step_by(3).collect();
    let mut elements = vec![Fq2::ZERO, Fq2::ONE, -Fq2::ONE];
    for (i, a) in samples.iter().enumerate() {
        elements.push(Fq2::new(*a, samples[(7 * i + 3) % samples.len()]));
        elements.push(Fq2::new(*a, -*a));
        elements.push(Fq2::new(*a, *a));
    }
    for &a in &elements {
        assert_eq!(a.squared(), a.square(), "{a:?}");
        assert_eq!(a.negated_if(true), -a);
        assert_eq!(a.negated_if(false), a);
        for &b in &elements {
            assert_eq!(a.times(b), a * b, "{a:?} * {b:?}");
            assert_eq!(a.plus(b), a + b);
            assert_eq!(a.minus(b), a - b);
        }
    }
}
