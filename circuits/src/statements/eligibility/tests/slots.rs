//! Slots, fields and digits: padding that is filled, the last slot, carries, and codes between two intervals. Most of
//! it no typed witness can hold, so that only the circuit is asked.

use super::super::circuit::{TableVar, parts};
use super::super::{AtomClaim, Choice, Eligibility, Large, OpenedLeaf, Refused, Standard, Tier, Witness};
use super::agreement::without_clauses;
use super::corners::under;
use super::fixture::{Small, World, at, code};
use crate::gadgets::linear;
use crate::statement::Circuit;
use crate::tamper::System;
use ark_bn254::Fr;
use ark_r1cs_std::GR1CSVar;
use ark_relations::gr1cs::ConstraintSystem;
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::MAX_ATOMS;
use medproof_records::record::{Kind, Record};
use medproof_records::table::{CodeTable, TABLE_END, TableEntry};
use medproof_verifier::Day;
use medproof_verifier::statement::EligibilityPublic;

/// How many constraints refuse a witness of which some variables are told otherwise.
fn refusals(public: &EligibilityPublic, witness: &Witness, lies: &[(usize, Fr)]) -> usize {
    let synthesise = |cs| Eligibility::<Small>::synthesise(cs, public, witness);
    System::prove_lying(lies, synthesise).broken().len()
}

#[test]
fn a_filled_padding_slot_matches_nothing() {
    let mut world = under(&[("at_least = 2", "at_least = 3")]);
    world.records[2].value = OFFSET + 69_999;
    let (public, mut witness) = without_clauses(&mut world);
    let honest = System::prove(|cs| Eligibility::<Small>::synthesise(cs, &public, &witness)).unwrap();
    // Every slot has the same variables, its first word first; the fills of the last two have different days.
    let second_word = |i: usize| witness.snapshot.records[i].record.to_words()[1];
    let [before, last] = [6, 7].map(|i| honest.position(0, second_word(i)));
    let padding = last + (last - before) - 1;
    let told = |record: &Record| {
        let [w0, w1] = record.to_words();
        let words = [w0, w1, record.actor2, Fr::from(7u64), Fr::from(8u64)];
        (padding..).zip(words).collect::<Vec<_>>()
    };
    // A third metformin beyond the signed count may lie there, and is not counted.
    let metformin = at(&world, "metformin");
    let fill = told(&world.records[7]);
    witness.opening.choices.push(witness.opening.choices[7]);
    assert_eq!(witness.claims[metformin].truth, Some(false));
    assert_eq!(refusals(&public, &witness, &fill), 0);
    witness.claims[metformin].truth = Some(true);
    assert_ne!(refusals(&public, &witness, &fill), 0);
    // A value in range of the day before is no evidence.
    witness.claim_what_is_known(world.on);
    let a1c = at(&world, "a1c");
    let mut newer = world.records[2].clone();
    (newer.start, newer.value) = (Day(world.on.0 - 1), OFFSET + 80_000);
    witness.opening.choices[8] = witness.opening.choices[2];
    assert_eq!(refusals(&public, &witness, &told(&newer)), 0);
    let mut standing = vec![false; 9];
    standing[8] = true;
    witness.claims[a1c] = AtomClaim {
        truth: Some(true),
        day: newer.start.0,
        value: newer.value,
        standing,
        above: false,
    };
    assert_ne!(refusals(&public, &witness, &told(&newer)), 0);
}

#[test]
fn slots_in_use_have_no_gap_and_the_signed_number() {
    for (held, count, fits) in [
        ([true, true, false, false], 2, true),
        ([true, false, true, false], 2, false),
        ([false, true, true, false], 2, false),
        ([true, true, false, false], 1, false),
        ([true; 4], 5, false),
    ] {
        assert_eq!(parts::may_be_in_use(&held, count), fits, "{held:?} {count}");
    }
}

#[test]
fn c10_a_carry_between_the_headers_fields_is_refused() {
    let mut world = World::eligible();
    let (public, witness) = world.assignment();
    let honest = System::prove(|cs| Eligibility::<Small>::synthesise(cs, &public, &witness)).unwrap();
    let header = &witness.snapshot.header;
    // In the order of their allocation, and of the word that is signed.
    let fields = [header.from.0, header.to.0, header.as_of.0, header.count].map(Fr::from);
    let mut next = 0;
    let places = fields.map(|value| {
        let at = honest.position(next, value);
        next = at + 1;
        at
    });
    assert_eq!(refusals(&public, &witness, &[]), 0);
    // The lower field of two takes 2^16 and the upper one gives 1, or the other way about: the same word.
    let carry = Fr::from(1u64 << 16);
    let one = Fr::from(1u64);
    for i in 0..3 {
        for (low, high) in [(carry, -one), (-carry, one)] {
            let lies = [
                (places[i], fields[i] + low),
                (places[i + 1], fields[i + 1] + high),
            ];
            assert_ne!(refusals(&public, &witness, &lies), 0, "{i}");
        }
    }
}

#[test]
fn a_field_keeps_to_its_numbers() {
    let kinds = Kind::ALL.len();
    for (value, first, n, fits) in [
        (1, 1, kinds, true),
        (0, 1, kinds, false),
        (kinds as u64, 1, kinds, true),
        (kinds as u64 + 1, 1, kinds, false),
        (7, 0, 8, true),
        (8, 0, 8, false),
    ] {
        assert_eq!(parts::has_bit(value, first, n), fits, "{value} of {n}");
    }
}

/// A circuit of which every slot and every leaf is used; the last record decides.
fn the_last_slot_is_judged<T: Tier>() {
    // The fixture opens six leaves; each of these drugs opens one of its own.
    let drugs: Vec<String> = (6..T::LEAVES)
        .map(|i| format!("rxnorm|{}", 20_000 + 10 * i))
        .collect();
    let listed: Vec<String> = drugs.iter().map(|d| format!("\"{d}\"")).collect();
    let set = format!("metformin = [\"rxnorm|6809\", {}]", listed.join(", "));
    let full = |drugs: &[String]| {
        let mut world = under(&[("metformin = [\"rxnorm|6809\"]", set.as_str())]);
        for drug in drugs.iter().cycle().take(T::RECORDS - world.records.len()) {
            let mut fill = world.records[7].clone();
            fill.code = code(drug);
            fill.source = Fr::from(2000 + world.records.len() as u64);
            world.records.push(fill);
        }
        world
    };
    let verdicts = |public: &EligibilityPublic, witness: &Witness| {
        let (records, leaves) = (witness.snapshot.records.len(), witness.opening.leaves.len());
        assert_eq!((records, leaves), (T::RECORDS, T::LEAVES));
        let cs = ConstraintSystem::<Fr>::new_ref();
        Eligibility::<T>::synthesise(cs.clone(), public, witness).unwrap();
        let relation = Eligibility::<T>::relation(public, witness);
        (relation, cs.is_satisfied().unwrap())
    };
    let (public, witness) = full(&drugs).assignment();
    assert_eq!(verdicts(&public, &witness), (Ok(()), true));
    let honest = witness.claims.clone();
    // One drug fewer, and the last record is insulin of the day before.
    let mut world = full(&drugs[1..]);
    let last = world.records.last_mut().unwrap();
    (last.code, last.start) = (code("rxnorm|5856"), Day(world.on.0 - 1));
    let (public, mut witness) = world.assignment();
    witness.claims = honest;
    let lie = Refused::Claim(at(&world, "insulin"));
    assert_eq!(verdicts(&public, &witness), (Err(lie), false));
}

#[test]
fn d01_the_last_slot_of_a_full_circuit_is_judged() {
    the_last_slot_is_judged::<Standard>();
}

#[test]
#[ignore = "soak: two assignments of the large tier"]
fn d01_the_last_slot_of_the_full_large_circuit_is_judged() {
    the_last_slot_is_judged::<Large>();
}

#[test]
fn c10_no_digit_of_a_mask_or_a_sum_carries() {
    let all = u64::from(u32::MAX);
    let (low, high) = (code("rxnorm|100"), code("rxnorm|200"));
    for (a, b) in [
        (all, all),
        (all, 0),
        (0x5555_5555, all),
        (0x5555_5555, 0xaaaa_aaaa),
        (1, 1 << 31),
    ] {
        let entry = |code: Code, mask: u64| TableEntry {
            lo: code.packed(),
            hi: code.packed(),
            mask,
            number: 0,
        };
        let table = CodeTable::new(vec![entry(low, a), entry(high, b)]).unwrap();
        let leaves = [Code::NONE, low, high].map(|code| open(&table, code));
        let cs = ConstraintSystem::<Fr>::new_ref();
        let new = |x: Fr| linear::witness(&cs, || Ok(x)).unwrap();
        let opened = TableVar::new(&cs, &leaves, leaves.len(), &new(table.root())).unwrap();
        let [first, second] = [(1, low), (2, high)].map(|(leaf, code)| {
            let choice = Choice { leaf, inside: true };
            opened.lookup(&cs, &new(code.to_fr()), choice).unwrap()
        });
        let union = first.union(&second).unwrap();
        assert_eq!(union.len(), 2 * MAX_ATOMS);
        for (i, bit) in union.iter().enumerate() {
            let expected = Fr::from((a | b) >> i & 1);
            assert_eq!(bit.value().unwrap(), expected, "{a:x} {b:x} {i}");
        }
        assert!(cs.is_satisfied().unwrap());
    }
    // A digit is set where all four conditions hold, whatever its neighbours are.
    let mixed: [u64; MAX_ATOMS] = std::array::from_fn(|i| 4 - i as u64 % 5);
    for conditions in [[4; MAX_ATOMS], [3; MAX_ATOMS], mixed] {
        let met = conditions.map(|n| Fr::from(u64::from(n == 4)));
        assert_eq!(parts::fourfold_of(&conditions), met, "{conditions:?}");
    }
}

/// The leaf that decides a code, with its path.
fn open(table: &CodeTable, code: Code) -> OpenedLeaf {
    let found = table.lookup(code);
    OpenedLeaf {
        leaf: found.leaf,
        path: found.path,
    }
}

#[test]
fn d01_a_code_between_two_intervals_is_in_neither() {
    let world = World::eligible();
    let table = world.policy.table();
    // Whether one leaf, opened beside the sentinel, decides a code in its interval or in the gap after it.
    let decides = |opened: &OpenedLeaf, code: u128| {
        [true, false].map(|inside| {
            let cs = ConstraintSystem::<Fr>::new_ref();
            let new = |x: Fr| linear::witness(&cs, || Ok(x)).unwrap();
            let leaves = [open(table, Code::NONE), opened.clone()];
            let opened = TableVar::new(&cs, &leaves, leaves.len(), &new(table.root())).unwrap();
            let choice = Choice { leaf: 1, inside };
            opened.lookup(&cs, &new(Fr::from(code)), choice).unwrap();
            cs.is_satisfied().unwrap()
        })
    };
    let (inside, gap, neither) = ([true, false], [false, true], [false, false]);
    let opened = open(table, code("icd10cm|C50.911"));
    let (lo, hi, next) = (opened.leaf.lo, opened.leaf.hi, opened.leaf.next_lo);
    assert!(lo < hi && hi + 2 < next && next < TABLE_END);
    for (code, decided) in [
        (lo - 1, neither),
        (lo, inside),
        (hi, inside),
        (hi + 1, gap),
        (next - 1, gap),
        (next, neither),
        (TABLE_END, neither),
    ] {
        assert_eq!(decides(&opened, code), decided, "{code:#x}");
    }
    // After the last interval the gap ends below the greatest number of 72 bits, which is no code.
    let listed = ["sct|44054006", "icd10cm|E11.9", "loinc|4548-4", "rxnorm|6809"];
    let mut opened = listed.map(|text| open(table, code(text))).into_iter();
    let last = opened.find(|o| o.leaf.next_lo == TABLE_END).unwrap();
    assert_eq!(decides(&last, TABLE_END - 1), gap);
    assert_eq!(decides(&last, TABLE_END), neither);
    assert_eq!(decides(&last, TABLE_END + 1), neither);
}
