//! Witness and constraint files against those of circom and snarkjs, and damaged ones.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use crate::{CircomError, R1cs, SparseMatrix, r1cs::Wires, wtns};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

pub(crate) const R1CS: &[u8] = include_bytes!("../../../tests/vectors/circom/cube.r1cs");
pub(crate) const WTNS: &[u8] = include_bytes!("../../../tests/vectors/circom/cube.wtns");

/// The sections of a file with their numbers.
pub(crate) fn sections(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut rest = &bytes[12..];
    let mut out = Vec::new();
    while !rest.is_empty() {
        let number = u32::from_le_bytes(rest[..4].try_into().unwrap());
        let length = u64::from_le_bytes(rest[4..12].try_into().unwrap()) as usize;
        out.push((number, rest[12..12 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    out
}

/// A file of these sections that begins like `like`.
pub(crate) fn file(like: &[u8], sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = like[..8].to_vec();
    out.extend((sections.len() as u32).to_le_bytes());
    for (number, body) in sections {
        out.extend(number.to_le_bytes());
        out.extend((body.len() as u64).to_le_bytes());
        out.extend(body);
    }
    out
}

/// `bytes` with one section changed.
pub(crate) fn with(bytes: &[u8], number: u32, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut parts = sections(bytes);
    let part = parts.iter_mut().find(|(n, _)| *n == number).unwrap();
    change(&mut part.1);
    file(bytes, &parts)
}

/// What every reader must refuse, whatever the format: cut, lengthened, other magic, other version, sections
/// missing, twice or unknown. Nothing panics.
pub(crate) fn refuses_damage(good: &[u8], read: impl Fn(&[u8]) -> Result<(), CircomError>) {
    assert_eq!(read(good), Ok(()));
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err(), "cut to {length}");
    }
    let mut longer = good.to_vec();
    longer.push(0);
    assert_eq!(read(&longer), Err(CircomError::Trailing(1)));
    let mut other = good.to_vec();
    other[0] ^= 1;
    assert!(matches!(read(&other), Err(CircomError::Magic(_))));
    let mut other = good.to_vec();
    other[4] += 1;
    assert!(matches!(read(&other), Err(CircomError::Version { .. })));
    let parts = sections(good);
    for (i, (number, _)) in parts.iter().enumerate() {
        let mut fewer = parts.clone();
        fewer.remove(i);
        assert!(
            matches!(read(&file(good, &fewer)), Err(CircomError::Missing(_))),
            "{number}"
        );
        let mut twice = parts.clone();
        twice.push(parts[i].clone());
        assert_eq!(read(&file(good, &twice)), Err(CircomError::Section(*number)));
        let mut longer = parts.clone();
        longer[i].1.push(0);
        assert!(read(&file(good, &longer)).is_err(), "section {number} is longer");
    }
    for unknown in [0, 11, u32::MAX] {
        let mut more = parts.clone();
        more.push((unknown, vec![]));
        assert_eq!(read(&file(good, &more)), Err(CircomError::Section(unknown)));
    }
    // A length beyond the file, also one that would wrap.
    for length in [good.len() as u64, u64::MAX, 1 << 63] {
        let mut huge = good.to_vec();
        huge[16..24].copy_from_slice(&length.to_le_bytes());
        assert!(read(&huge).is_err());
    }
    // Sections may come in any order.
    let mut reversed = parts;
    reversed.reverse();
    assert_eq!(read(&file(good, &reversed)), Ok(()));
}

fn read_wtns(bytes: &[u8]) -> Result<(), CircomError> {
    wtns::read(bytes).map(|_| ())
}

fn read_r1cs(bytes: &[u8]) -> Result<(), CircomError> {
    R1cs::read(bytes).map(|_| ())
}

#[test]
fn a_witness_of_snarkjs_is_read_and_written_to_the_byte() {
    let witness = wtns::read(WTNS).unwrap();
    // root = 5, offset = r - 2: cube, shifted, offset, root, square.
    let offset = -Fr::from(2u64);
    let [five, square] = [Fr::from(5u64), Fr::from(25u64)];
    let shifted = (five + Fr::from(3u64) * offset) * (square - offset) + Fr::from(7u64);
    let expected = [Fr::ONE, Fr::from(125u64), shifted, offset, five, square];
    assert_eq!(witness.values(), expected);
    assert_eq!(*wtns::write(witness.values()), WTNS);
}

#[test]
fn damaged_witnesses_are_refused() {
    refuses_damage(WTNS, read_wtns);
    let modulus = with(WTNS, 1, |header| header[5] ^= 1);
    assert_eq!(read_wtns(&modulus), Err(CircomError::Field));
    let wider = with(WTNS, 1, |header| header[0] = 48);
    assert_eq!(read_wtns(&wider), Err(CircomError::Field));
    let one = with(WTNS, 2, |values| values[0] = 2);
    assert_eq!(read_wtns(&one), Err(CircomError::One));
    let number = |index| CircomError::Number {
        what: "values",
        index,
    };
    let too_large = with(WTNS, 2, |values| values[64..96].fill(0xff));
    assert_eq!(read_wtns(&too_large), Err(number(2)));
    // Exactly the modulus.
    let modulus = sections(WTNS)[0].1[4..36].to_vec();
    let at = with(WTNS, 2, |values| values[96..128].copy_from_slice(&modulus));
    assert_eq!(read_wtns(&at), Err(number(3)));
    for count in [0, 5, 7, u32::MAX] {
        let wrong = with(WTNS, 1, |header| {
            header[36..40].copy_from_slice(&count.to_le_bytes())
        });
        assert!(read_wtns(&wrong).is_err(), "{count}");
    }
}

#[test]
fn constraints_of_circom_are_read_and_written_again() {
    let r1cs = R1cs::read(R1CS).unwrap();
    let wires = Wires {
        total: 6,
        public_outputs: 2,
        public_inputs: 1,
        private_inputs: 1,
    };
    assert_eq!((r1cs.wires(), r1cs.constraints()), (wires, 3));
    let witness = wtns::read(WTNS).unwrap();
    assert_eq!(r1cs.first_broken(witness.values()), None);
    for at in 1..6 {
        let mut values = witness.values().to_vec();
        values[at] += Fr::ONE;
        assert!(r1cs.first_broken(&values).is_some(), "value {at}");
    }
    assert!(r1cs.first_broken(&witness.values()[..5]).is_some());
    assert_eq!(R1cs::read(&r1cs.write()).unwrap(), r1cs);
}

#[test]
fn damaged_constraints_are_refused() {
    let good = R1cs::read(R1CS).unwrap().write();
    refuses_damage(&good, read_r1cs);
    for at in [0, 4, 20] {
        assert_eq!(
            read_r1cs(&with(&good, 1, |h| h[at] ^= 1)),
            Err(CircomError::Field)
        );
    }
    // Wires, outputs, inputs, private inputs and constraints one off or out of range.
    for (at, values) in [
        (36, [0, 5, 7, u32::MAX]),
        (40, [6, 5, 7, u32::MAX]),
        (44, [6, 5, 7, u32::MAX]),
        (48, [6, 5, 7, u32::MAX]),
        (60, [0, 2, 4, u32::MAX]),
    ] {
        for value in values {
            let wrong = with(&good, 1, |h| h[at..at + 4].copy_from_slice(&value.to_le_bytes()));
            assert!(read_r1cs(&wrong).is_err(), "{at}: {value}");
        }
    }
    // The first term's wire, then its value.
    let wire = with(&good, 2, |c| c[4..8].copy_from_slice(&6u32.to_le_bytes()));
    assert_eq!(read_r1cs(&wire), Err(CircomError::Coefficient(0)));
    let value = with(&good, 2, |c| c[8..40].fill(0xff));
    let expected = CircomError::Number {
        what: "constraints",
        index: 0,
    };
    assert_eq!(read_r1cs(&value), Err(expected));
}

#[test]
fn a_matrix_has_one_normal_form() {
    let f = |n: u64| Fr::from(n);
    let one = SparseMatrix::from_rows(&vec![
        vec![(f(2), 3), (f(1), 0), (f(3), 3)],
        vec![],
        vec![(f(4), 1), (-f(4), 1), (f(0), 2)],
    ]);
    let other = SparseMatrix::from_rows(&vec![vec![(f(1), 0), (f(5), 3)], vec![], vec![]]);
    assert_eq!(one, other);
    assert_eq!((one.rows(), one.entries()), (3, 2));
    assert_eq!(one.to_rows()[0], [(f(1), 0), (f(5), 3)]);
    assert_eq!(one.dot(0, &[f(1), f(9), f(9), f(2)]), f(11));
    assert_eq!(one.dot(0, &[f(1)]), f(1));
    assert_eq!((one.dot(1, &[]), one.dot(9, &[])), (Fr::ZERO, Fr::ZERO));
    assert_eq!(one.row(7).len(), 0);
}

#[test]
fn constraints_that_do_not_fit_their_wires_are_refused() {
    let matrix = |columns: &[usize]| {
        let row = |c: &usize| vec![(Fr::ONE, *c)];
        SparseMatrix::from_rows(&columns.iter().map(row).collect())
    };
    let wires = Wires {
        total: 3,
        public_inputs: 2,
        ..Wires::default()
    };
    let same = || matrix(&[0, 2]);
    assert!(R1cs::new(wires, [same(), same(), same()]).is_ok());
    assert!(R1cs::new(wires, [same(), same(), matrix(&[0])]).is_err());
    let outside = R1cs::new(wires, [same(), matrix(&[0, 3]), same()]);
    assert_eq!(outside.err(), Some(CircomError::Coefficient(1)));
    let crowded = Wires {
        private_inputs: 1,
        ..wires
    };
    assert!(R1cs::new(crowded, [same(), same(), same()]).is_err());
    let none = Wires::default();
    assert!(R1cs::new(none, [matrix(&[]), matrix(&[]), matrix(&[])]).is_err());
}
