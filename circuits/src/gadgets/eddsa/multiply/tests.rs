use super::*;
use crate::gadgets::linear::witness;
use crate::tamper::System;
use ark_ff::UniformRand;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn edwards(cs: &ConstraintSystemRef<Fr>, point: &Point) -> EdwardsVar {
    EdwardsVar {
        x: witness(cs, || Ok(point.x)).unwrap(),
        y: witness(cs, || Ok(point.y)).unwrap(),
    }
}

/// Scalars around 0, the multiples of the group order, the middle and the end of the field.
fn scalars() -> Vec<Fr> {
    let one = Fr::one();
    let order = Fr::from(Scalar::MODULUS);
    let half = Fr::from(2u64).inverse().unwrap();
    let mut out = vec![Fr::ZERO, one, one + one, -one, -one - one, half, half - one];
    for multiple in 1..8u64 {
        let m = order * Fr::from(multiple);
        out.extend([m - one, m, m + one]);
    }
    for k in [3u64, 64, 128, 249, 250, 251, 252, 253] {
        let power = Fr::from(2u64).pow([k]);
        out.extend([power - one, power, power + one]);
    }
    let mut rng = StdRng::seed_from_u64(3);
    out.extend((0..6).map(|_| Fr::rand(&mut rng)));
    out
}

#[test]
fn c08_variable_base_equals_the_native_multiple() {
    let base = Point::generator();
    let points = [base, -base, base.mul_bigint([12_345u64]).into_affine()];
    for (i, h) in scalars().into_iter().enumerate() {
        let t = points[i % points.len()];
        let system = System::prove(|cs| {
            let h_var = witness(&cs, || Ok(h))?;
            let product = variable_base(&h_var, &edwards(&cs, &t))?;
            let expected = t.mul_bigint(h.into_bigint()).into_affine();
            assert_eq!(product.x.value()?, expected.x, "{h}");
            assert_eq!(product.y.value()?, expected.y, "{h}");
            Ok(())
        });
        assert!(system.unwrap().is_satisfied(), "{h}");
    }
}

#[test]
fn c08_fixed_base_equals_the_native_multiple() {
    for s in scalars() {
        if s.into_bigint() >= Scalar::MODULUS {
            continue;
        }
        let system = System::prove(|cs| {
            let bits = (0..251)
                .map(|i| witness(&cs, || Ok(Fr::from(u64::from(s.into_bigint().get_bit(i))))))
                .collect::<Result<Vec<_>, _>>()?;
            let product = fixed_base(&bits)?;
            let expected = Point::generator().mul_bigint(s.into_bigint()).into_affine();
            assert_eq!(product.x.value()?, expected.x, "{s}");
            assert_eq!(product.y.value()?, expected.y, "{s}");
            Ok(())
        });
        assert!(system.unwrap().is_satisfied(), "{s}");
    }
}

fn with_scalar(h: Fr, k: BigInteger256) -> bool {
    System::prove(|cs| {
        let h = witness(&cs, || Ok(h))?;
        let v = witness(&cs, || Ok(Fr::from(77u64)))?;
        signed_bits(&cs, &h, &v, || Ok(k)).map(|_| ())
    })
    .unwrap()
    .is_satisfied()
}

/// k - r and k + r have the top bit at 2^254 for many h, and are the same field element; both are refused.
#[test]
fn c09_aliases_of_the_challenge_are_refused() {
    let (low, high) = (BigInteger256::one() << 254, BigInteger256::one() << 255);
    let mut met = [0; 2];
    for h in scalars() {
        let mut k = h.into_bigint();
        k.add_with_carry(&shift());
        assert!(k >= low && k < high && with_scalar(h, k));
        let (mut above, mut below) = (k, k);
        above.add_with_carry(&Fr::MODULUS);
        below.sub_with_borrow(&Fr::MODULUS);
        for (i, alias) in [above, below].into_iter().enumerate() {
            if alias >= low && alias < high {
                met[i] += 1;
                assert!(!with_scalar(h, alias), "{h}");
            }
        }
        // Another scalar of the same multiple is another field element.
        let mut other = k;
        other.sub_with_borrow(&Scalar::MODULUS);
        assert!(!with_scalar(h, other), "{h}");
    }
    assert!(met[0] > 0 && met[1] > 0, "{met:?}");
}

#[test]
fn the_shifted_scalar_always_has_255_bits() {
    let mut largest = shift();
    largest.add_with_carry(&Fr::MODULUS);
    assert_eq!(shift().num_bits(), 255);
    assert_eq!(largest.num_bits(), 255);
    assert!(low_shift() < Fr::MODULUS);
    // Incomplete steps see multiples below 2^249, and 2 * 2^249 <= l - 1.
    assert!(Scalar::MODULUS > (BigInteger256::one() << 250));
}
