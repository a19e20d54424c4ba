//! Each clause is broken once, by a prover who otherwise keeps to the statement; relation and circuit must both
//! refuse.

mod broken;
mod fixture;
mod rules;

use super::*;
use crate::tamper::System;
use fixture::{Parts, agree, build, system};
use medproof_verifier::Public;

#[test]
fn the_circuit_costs_what_its_document_says() {
    let (public, witness) = Dispense::blank();
    let mut parts = Vec::new();
    let system = System::setup(|cs| {
        parts = circuit::synthesise(cs, &public, &witness)?;
        Ok(())
    })
    .unwrap();
    let mut before = 0;
    for (name, so_far, _) in parts {
        println!("{:>6} {name}", so_far - before);
        before = so_far;
    }
    println!("dispense: {} constraints", system.constraints());
    assert_eq!(system.constraints(), 37_935);
    assert!(system.constraints() <= Dispense::BUDGET);
}

#[test]
fn honest_fills_satisfy_both() {
    let changes: [fn(&mut Parts); 7] = [
        |_| {},
        // A part of a fill, the last fill, and the edges of its dates.
        |p| (p.q, p.d) = (15_001, 7),
        |p| (p.rx.fills, p.fill_no) = (255, 254),
        |p| p.rx.expires = p.date,
        |p| p.rx.issued.0 -= 30,
        // A drug without limits, in a full ring that it leaves alone.
        |p| {
            p.drug("314076");
            p.fill_ring(p.date.0 - 20);
        },
        // A full ring of which one entry expired today.
        |p| {
            p.fill_ring(p.date.0 - 100);
            (p.ring.entries[31].start.0, p.ring.entries[31].days, p.slot) = (p.date.0 - 150, 30, 31);
        },
    ];
    for (i, change) in changes.iter().enumerate() {
        let (public, witness) = build(i as u64, change);
        agree(&public, &witness, Ok(()));
    }
}

#[test]
fn a_drug_without_limits_leaves_the_ring_as_it_was_and_does_not_show() {
    let (public, witness) = build(1, &|p: &mut Parts| p.drug("314076"));
    let next = witness
        .next_note(Day::from_unix_seconds(0))
        .map(|n| n.ring.words());
    assert_eq!(next, Some(witness.note.ring.words()));
    assert_ne!(public.cm_note, public.cm_undo);
    agree(&public, &witness, Ok(()));
    let (public, _) = build(1, &|_: &mut Parts| {});
    assert_ne!(public.cm_note, public.cm_undo);
}

#[test]
fn the_shape_is_the_same_for_every_witness_and_in_set_up() {
    let (public, witness) = Dispense::blank();
    let setup = System::setup(|cs| Dispense::synthesise(cs, &public, &witness)).unwrap();
    assert_eq!(system(&public, &witness).digest(), setup.digest());
    let changes: [fn(&mut Parts); 4] = [
        |_| {},
        |p| p.drug("314076"),
        |p| p.exempt("icd10cm|G89.3", 0),
        |p| p.fill_ring(p.date.0 - 20),
    ];
    for change in changes {
        let (public, witness) = build(5, &change);
        assert_eq!(system(&public, &witness).digest(), setup.digest());
    }
}

#[test]
fn inputs_and_variables_are_all_bound_but_for_known_hints() {
    // A ring in which no comparison with 0 holds, but for the one entry of the fill's ingredient.
    let (public, witness) = build(6, &|p: &mut Parts| {
        p.fill_ring(p.date.0 - 20);
        for entry in &mut p.ring.entries {
            (entry.class, entry.milli_mme) = (2, 7);
        }
        (p.ring.entries[3].class, p.ring.entries[3].ingredient) = (1, 7804);
        (p.ring.entries[9].start.0, p.slot) = (p.date.0 - 400, 9);
        p.exempt("icd10cm|G89.3", 0);
    });
    agree(&public, &witness, Ok(()));
    let mut parts = Vec::new();
    let system = System::prove(|cs| {
        parts = circuit::synthesise(cs, &public, &witness)?;
        Ok(())
    })
    .unwrap();
    assert!(system.unused_inputs().is_empty());
    // The signature gadget's hints are free in its own way, and tested with it.
    let at = parts.iter().position(|part| part.0 == circuit::SIGNED).unwrap();
    let signature = parts[at - 1].2..parts[at].2;
    let free = system.free_variables();
    let free: Vec<_> = free.iter().filter(|v| !signature.contains(v)).collect();
    // The hint of an equality is free where the two are equal: class and ingredient of entry 3.
    assert_eq!(free.len(), 2, "{free:?}");
    assert_eq!(public.to_vec().len(), DispensePublic::NAMES.len());
}
