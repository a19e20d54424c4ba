use super::*;
use crate::tamper::System;
use medproof_verifier::field;

const WIDTHS: [usize; 6] = [16, 16, 8, 32, 32, 32];

fn system(word: Fr, widths: &[usize], expected: Option<&[u128]>) -> System {
    System::prove(|cs| {
        let word = witness(&cs, || Ok(word))?;
        let fields = split(&word, widths)?;
        if let Some(expected) = expected {
            let values: Vec<Fr> = fields.iter().map(|f| f.value().unwrap()).collect();
            assert_eq!(values, expected.iter().map(|x| Fr::from(*x)).collect::<Vec<_>>());
            let pairs: Vec<_> = fields.iter().zip(widths.iter().copied()).collect();
            assert_eq!(join(&pairs)?.value()?, word.value()?);
        }
        Ok(())
    })
    .unwrap()
}

#[test]
fn c08_splits_what_the_native_twin_packs() {
    for fields in [
        [0u128, 0, 0, 0, 0, 0],
        [1, 2, 3, 4, 5, 6],
        [0xffff, 0xffff, 0xff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff],
    ] {
        let parts: Vec<(u128, u32)> = fields.into_iter().zip(WIDTHS.map(|w| w as u32)).collect();
        let word = field::pack(&parts).unwrap();
        let system = system(word, &WIDTHS, Some(&fields));
        assert!(system.is_satisfied() && system.alternatives(&[0]).is_empty());
        assert_eq!(system.constraints(), WIDTHS.iter().sum::<usize>());
    }
}

#[test]
fn c10_nothing_may_be_left_above_the_last_field() {
    let one = Fr::ONE;
    for word in [
        Fr::from(2u64).pow([136]),
        Fr::from(2u64).pow([253]),
        -one,
        Fr::from(2u64).inverse().unwrap(),
    ] {
        assert!(!system(word, &WIDTHS, None).is_satisfied());
        assert!(split(&FpVar::Constant(word), &WIDTHS).is_err());
    }
    let top = Fr::from(2u64).pow([136]) - one;
    assert!(system(top, &WIDTHS, None).is_satisfied());
    assert!(split(&FpVar::Constant(top), &WIDTHS).is_ok());
}

/// A field taken one too high with its neighbour compensating is still one reading too many.
#[test]
fn c10_a_carry_between_fields_is_refused() {
    // pack(3:2, 1:2) = 7; as 7:?, 0 the low field does not fit; as -1 and 2 it is no number.
    let seven = Fr::from(7u64);
    let honest = system(seven, &[2, 2], Some(&[3, 1]));
    // Variables: word, low field, its low bit, the high field's low bit.
    for low in [seven, -Fr::ONE] {
        for bits in 0..4u64 {
            let forged = [(1, low), (2, Fr::from(bits & 1)), (3, Fr::from(bits >> 1))];
            assert!(!honest.is_satisfied_with(&forged));
        }
    }
}

#[test]
fn c09_a_full_word_has_one_reading() {
    let word = field::pack(&[(5, 64), (9, 64), (u128::from(u64::MAX), 64), (3, 61)]).unwrap();
    let system = system(word, &[64, 64, 64, 61], Some(&[5, 9, u128::from(u64::MAX), 3]));
    assert!(system.is_satisfied() && system.alternatives(&[0]).is_empty());
}

/// The fields of word + r, which is the same word modulo r: the forger gives every lower field with all its bits,
/// and the low bits of the top field.
#[test]
fn c09_the_fields_of_a_word_plus_r_are_refused() {
    let full = field::pack(&[(5, 64), (9, 64), (7, 64), (3, 61)]).unwrap();
    for word in [Fr::ZERO, Fr::ONE, full] {
        let honest = system(word, &[64, 64, 64, 61], None);
        assert!(honest.is_satisfied());
        let mut alias = word.into_bigint();
        assert!(!alias.add_with_carry(&Fr::MODULUS));
        let bit = |i: usize| Fr::from(u64::from(alias.get_bit(i)));
        // Variable 0 is the word; each lower field is followed by its low 63 bits; then come 60 bits of the top.
        let mut forged = Vec::new();
        for k in 0..3 {
            forged.push((1 + 64 * k, Fr::from(alias.0[k])));
            forged.extend((0..63).map(|i| (2 + 64 * k + i, bit(64 * k + i))));
        }
        forged.extend((0..60).map(|i| (193 + i, bit(192 + i))));
        assert_eq!(forged.len() + 1, honest.private_variables());
        assert!(!honest.is_satisfied_with(&forged));
    }
}
