use super::*;
use ark_relations::gr1cs::{ConstraintSystem, OptimizationGoal, SynthesisMode};

#[test]
fn the_circuit_is_within_its_budget() {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Setup);
    let (public, witness) = Claim::blank();
    Claim::synthesise(cs.clone(), &public, &witness).unwrap();
    cs.finalize();
    println!("claim: {} constraints", cs.num_constraints());
    assert!(cs.num_constraints() < Claim::BUDGET);
}
