//! Carries from one field of a packed word into the next: values that no typed witness can hold, so that the prover
//! assigns them to the circuit's variables itself. Word and hash are then those that were signed or accepted; what
//! is left to refuse them is counted.

use super::super::*;
use super::fixture::{Parts, build};
use crate::tamper::System;
use ark_ff::Field;
use medproof_records::dispensing::Rule;

const DATE: u64 = 46_000;

fn two_to(n: u64) -> Fr {
    Fr::from(2u64).pow([n])
}

fn fr(x: u64) -> Fr {
    Fr::from(x)
}

/// Positions of private variables; the same for every fill.
struct Layout {
    entry_class: usize,
    entry_ingredient: usize,
    quantity: usize,
    days: usize,
    fills: usize,
    issued: usize,
    earliest: usize,
    expires: usize,
    class: usize,
    ingredient: usize,
    peak: usize,
    quantity_limit: usize,
    exemption_lo: usize,
}

impl Layout {
    fn new() -> Self {
        let (public, w) = build(60, &|p: &mut Parts| p.opioid(25, |e| (e.days, e.class) = (5, 3)));
        let system = System::prove(|cs| Dispense::synthesise(cs, &public, &w)).unwrap();
        let mut at = 0;
        // In the order of allocation. Bits have no value above 1 and hashes none that is looked for.
        let mut next = |value: Fr| {
            at = system.position(at + 1, value);
            at
        };
        next(w.note.ring.words()[0]);
        next(fr(5));
        let (entry_class, entry_ingredient) = (next(fr(3)), next(fr(5489)));
        next(w.note.rcm);
        let (quantity, days, fills) = (next(fr(30_000)), next(fr(12)), next(fr(2)));
        let (issued, earliest, expires) = (next(fr(DATE)), next(fr(DATE)), next(fr(DATE + 30)));
        next(w.policy.version);
        next(Fr::from(w.policy.drug.lo));
        next(Fr::from(w.policy.drug.hi));
        // The class, which is 1, is the variable after.
        let class = next(Fr::from(w.policy.drug.next_lo)) + 1;
        let (ingredient, peak, quantity_limit) = (next(fr(7804)), next(fr(90_000)), next(fr(120_000)));
        let listed = w.policy.row.exemptions[0].unwrap();
        Self {
            entry_class,
            entry_ingredient,
            quantity,
            days,
            fills,
            issued,
            earliest,
            expires,
            class,
            ingredient,
            peak,
            quantity_limit,
            exemption_lo: next(Fr::from(listed.lo())),
        }
    }
}

type Pair = (DispensePublic, Witness);

/// How many constraints refuse the lies.
fn refusals((public, witness): &Pair, lies: &[(usize, Fr)]) -> usize {
    let synthesise = |cs| Dispense::synthesise(cs, public, witness);
    System::prove_lying(lies, synthesise).broken().len()
}

/// A fill that the relation refuses.
#[track_caller]
fn refused(change: &dyn Fn(&mut Parts), expected: Refused) -> Pair {
    let pair = build(61, change);
    assert_eq!(Dispense::relation(&pair.0, &pair.1), Err(expected));
    pair
}

#[test]
fn c10_no_carry_makes_a_prescription_say_something_else() {
    let at = Layout::new();
    // The third of two fills: 256 more, signed a day earlier.
    let more = refused(&|p| p.fill_no = 2, Refused::FillNumber);
    let lies = [(at.fills, fr(2 + 256)), (at.issued, fr(DATE - 1))];
    assert_eq!(refusals(&more, &lies), 1);
    // Filled before its first day and after its last.
    let outside = refused(
        &|p| (p.rx.earliest.0, p.rx.expires.0) = (p.date.0 + 1, p.date.0 - 1),
        Refused::Earliest,
    );
    let lies = [(at.earliest, fr(DATE + 1) - two_to(16)), (at.expires, fr(DATE))];
    assert_eq!(refusals(&outside, &lies), 1);
    // More than prescribed, and for a day: a drug without MME, so that no dose overflows.
    let stretched = refused(
        &|p| {
            p.drug("238129");
            (p.q, p.d) = (40_000, 1);
        },
        Refused::Quantity,
    );
    let lies = [(at.quantity, fr(30_000) + two_to(32)), (at.days, fr(11))];
    assert_eq!(refusals(&stretched, &lies), 1);
}

#[test]
fn c10_no_carry_makes_a_policy_say_something_else() {
    let at = Layout::new();
    // An opioid as a drug without limits: its class is the ingredient's 256th part, and the ring stays as it is.
    let mut classless = refused(
        &|p| {
            p.opioid(0, |e| e.milli_mme = 90_000);
            (p.row, p.row_at) = (no_row(), 0);
        },
        Refused::ClassRow,
    );
    let (public, w) = (&mut classless.0, &classless.1);
    let next = w.note.next(w.identity.sk.nk(), w.note.ring.duplicate());
    public.cm_note = next.commitment();
    let part = fr(256).inverse().unwrap();
    let lies = [(at.class, fr(0)), (at.ingredient, fr(7804) + part)];
    assert_eq!(refusals(&classless, &lies), 1);
    // A peak that is 2^40 higher, for a thousandth of a unit.
    let peak = Refused::Limit(Rule::Peak);
    let high = refused(&|p| p.opioid(0, |e| e.milli_mme = 52_501), peak);
    let lies = [
        (at.peak, fr(90_000) + two_to(40)),
        (at.quantity_limit, fr(119_999)),
    ];
    assert_eq!(refusals(&high, &lies), 1);
    // An exemption that begins 2^72 lower, for the condition before the listed one. Beside its range the comparison
    // with the code and the limit refuse it, as comparisons set their bits by the values.
    let unlisted = refused(
        &|p| {
            p.opioid(0, |e| e.milli_mme = 90_000);
            p.exempt("icd10cm|G89.2", 0);
        },
        peak,
    );
    let listed = unlisted.1.policy.row.exemptions[0].unwrap();
    let lies = [(at.exemption_lo, Fr::from(listed.lo()) - two_to(72))];
    assert_eq!(refusals(&unlisted, &lies), 3);
}

#[test]
fn c10_no_carry_makes_an_entry_say_something_else() {
    let at = Layout::new();
    // An entry of another class than the fill's does not count towards the peak.
    let peak = Refused::Limit(Rule::Peak);
    let counted = refused(&|p| p.opioid(0, |e| e.milli_mme = 52_501), peak);
    let part = fr(256).inverse().unwrap();
    let lies = [(at.entry_class, fr(2)), (at.entry_ingredient, fr(5489) - part)];
    assert_eq!(refusals(&counted, &lies), 1);
}
