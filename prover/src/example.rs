//! Small circuits for tests: they stand for `bind` and prove that `subject` is the cube of a secret.

use ark_bn254::Fr;
use ark_r1cs_std::{
    alloc::AllocVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_circuits::statement::Circuit;
use medproof_verifier::{CircuitName, Public, statement::BindPublic};

/// `x` with `x^3 = subject`.
pub(crate) struct Root(pub(crate) Fr);

/// The statement's one clause.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("subject is not the cube of the secret")]
pub(crate) struct NotCube;

/// `subject = x^3`; every other input is squared.
pub(crate) struct Cube;
/// The same statement with one more constraint.
pub(crate) struct CubeDearer;

/// A true statement.
pub(crate) fn public_of(x: u64) -> BindPublic {
    let f = |n: u64| Fr::from(n);
    BindPublic {
        identity_root: f(11),
        domain: f(12),
        issuer_party: f(13),
        subject: f(x) * f(x) * f(x),
        person: f(14),
        ctx: f(15),
    }
}

fn relation(public: &BindPublic, witness: &Root) -> Result<(), NotCube> {
    let x = witness.0;
    (x * x * x == public.subject).then_some(()).ok_or(NotCube)
}

fn synthesise(
    cs: &ConstraintSystemRef<Fr>,
    public: &BindPublic,
    witness: &Root,
) -> Result<FpVar<Fr>, SynthesisError> {
    let inputs = public.to_vec();
    let inputs: Vec<FpVar<Fr>> = inputs
        .iter()
        .map(|x| FpVar::new_input(cs.clone(), || Ok(*x)))
        .collect::<Result<_, _>>()?;
    for input in &inputs {
        let _ = input.square()?;
    }
    let x = FpVar::new_witness(cs.clone(), || Ok(witness.0))?;
    (x.square()? * &x).enforce_equal(&inputs[3])?;
    Ok(x)
}

macro_rules! circuit {
    ($name:ty, $extra:expr) => {
        impl Circuit for $name {
            type Public = BindPublic;
            type Witness = Root;
            type Refused = NotCube;
            const NAME: CircuitName = CircuitName::Bind;
            const BUDGET: usize = 16;

            fn relation(public: &BindPublic, witness: &Root) -> Result<(), NotCube> {
                relation(public, witness)
            }

            fn synthesise(
                cs: ConstraintSystemRef<Fr>,
                public: &BindPublic,
                witness: &Root,
            ) -> Result<(), SynthesisError> {
                let x = synthesise(&cs, public, witness)?;
                let extra: fn(FpVar<Fr>) -> Result<(), SynthesisError> = $extra;
                extra(x)
            }

            fn blank() -> (BindPublic, Root) {
                (public_of(0), Root(Fr::from(0u64)))
            }
        }
    };
}

circuit!(Cube, |_| Ok(()));
circuit!(CubeDearer, |x| x.square().map(|_| ()));
