use super::*;
use ark_relations::gr1cs::{ConstraintSystem, OptimizationGoal, SynthesisMode};

#[test]
fn the_circuit_is_within_its_budget() {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Setup);
    let (public, witness) = Dispense::blank();
    let parts = circuit::synthesise(cs.clone(), &public, &witness).unwrap();
    let mut before = 0;
    for (name, so_far) in parts {
        println!("{:>6} {name}", so_far - before);
        before = so_far;
    }
    cs.finalize();
    println!("dispense: {} constraints", cs.num_constraints());
    assert!(cs.num_constraints() <= 40_000);
}
