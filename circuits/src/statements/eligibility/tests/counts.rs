//! Numbers of constraints, by part, and the shape in set-up mode.

use super::super::circuit::in_parts;
use super::super::{Eligibility, Large, Standard, Tier};
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystem, SynthesisMode};

fn blank_parts<T: Tier>() -> Vec<(&'static str, usize)> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_mode(SynthesisMode::Setup);
    let (public, witness) = Eligibility::<T>::blank();
    let mut parts = Vec::new();
    let mut before = 0;
    in_parts::<T>(cs.clone(), &public, &witness, &mut |part| {
        let now = cs.num_constraints();
        parts.push((part, now - before));
        before = now;
    })
    .unwrap();
    parts.push(("all", cs.num_constraints()));
    parts
}

/// The counts of `docs/statements/eligibility.md`. They show change, not soundness.
#[test]
fn c02_both_tiers_stay_within_their_budgets() {
    let standard = blank_parts::<Standard>();
    let counts = [57, 6_634, 6_191, 7_333, 75_218, 112_892, 29_334, 560, 238_219];
    assert_eq!(standard.iter().map(|p| p.1).collect::<Vec<_>>(), counts);
    assert!(standard[8].1 <= Standard::BUDGET, "{standard:?}");
    let large = blank_parts::<Large>();
    let counts = [57, 6_634, 6_191, 7_333, 150_434, 256_220, 54_102, 560, 481_531];
    assert_eq!(large.iter().map(|p| p.1).collect::<Vec<_>>(), counts);
    assert!(large[8].1 <= Large::BUDGET, "{large:?}");
}
