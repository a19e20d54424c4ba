//! Each clause is broken once, by a prover who otherwise keeps to the statement; relation and circuit must both
//! refuse.

mod broken;
mod carries;
mod derived;
mod edges;
mod fixture;
mod rules;
mod tamper;

use super::*;
use crate::tamper::System;
use fixture::{Parts, agree, build};

#[test]
fn c02_the_circuit_costs_what_its_document_says() {
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
