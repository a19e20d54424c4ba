//! Linear combinations and single constraints over them. Everything linear is free.
//!
//! These replace `mul_equals`, `square_equals` and `enforce_equal` of r1cs-std, which accept unequal
//! constants or leave a fresh variable unconstrained when an operand is constant.

use ark_bn254::Fr;
use ark_ff::{Field, Zero};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::{AllocatedFp, FpVar};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};

/// The linear combination behind `x`.
pub fn lc(x: &FpVar<Fr>) -> LinearCombination<Fr> {
    match x {
        FpVar::Constant(c) => (*c, Variable::One).into(),
        FpVar::Var(v) => v.variable.into(),
    }
}

/// A new private variable. `hint` is not run in set-up mode.
///
/// # Errors
/// Those of the constraint system and of `hint`.
pub fn witness(
    cs: &ConstraintSystemRef<Fr>,
    hint: impl FnOnce() -> Result<Fr, SynthesisError>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let mut value = None;
    #[cfg(test)]
    let position = cs.num_witness_variables();
    let variable = cs.new_witness_variable(|| {
        let v = hint()?;
        #[cfg(test)]
        let v = crate::tamper::lies::told(position, v);
        value = Some(v);
        Ok(v)
    })?;
    Ok(AllocatedFp::new(value, variable, cs.clone()).into())
}

/// The next public input.
///
/// # Errors
/// Those of the constraint system.
pub fn input(cs: &ConstraintSystemRef<Fr>, value: Fr) -> Result<FpVar<Fr>, SynthesisError> {
    let variable = cs.new_input_variable(|| Ok(value))?;
    let value = (!cs.is_in_setup_mode()).then_some(value);
    Ok(AllocatedFp::new(value, variable, cs.clone()).into())
}

/// `sum of coefficient * variable + constant` as one linear combination.
///
/// # Errors
/// Those of the constraint system.
pub fn weighted_sum<'a>(
    terms: impl IntoIterator<Item = (Fr, &'a FpVar<Fr>)>,
    constant: Fr,
) -> Result<FpVar<Fr>, SynthesisError> {
    let mut cs = ConstraintSystemRef::None;
    let mut sum = Vec::new();
    let mut fixed = constant;
    let mut value = Some(Fr::zero());
    for (coefficient, x) in terms {
        match x {
            FpVar::Constant(c) => fixed += coefficient * c,
            FpVar::Var(v) => {
                cs = cs.or(v.cs.clone());
                sum.push((coefficient, v.variable));
                value = value.zip(v.value().ok()).map(|(s, v)| s + coefficient * v);
            }
        }
    }
    if sum.is_empty() {
        return Ok(FpVar::Constant(fixed));
    }
    if !fixed.is_zero() {
        sum.push((fixed, Variable::One));
    }
    let variable = cs.new_lc(|| {
        let mut lc = LinearCombination(sum);
        lc.compactify();
        lc
    })?;
    Ok(AllocatedFp::new(value.map(|v| v + fixed), variable, cs).into())
}

/// Enforces `a * b = c`. Costs 1 constraint; none when all three are constants.
///
/// # Errors
/// [`SynthesisError::Unsatisfiable`] when all three are constants and the equation is false.
pub fn enforce_product(a: &FpVar<Fr>, b: &FpVar<Fr>, c: &FpVar<Fr>) -> Result<(), SynthesisError> {
    let cs = a.cs().or(b.cs()).or(c.cs());
    if let (FpVar::Constant(a), FpVar::Constant(b), FpVar::Constant(c)) = (a, b, c) {
        return if *a * b == *c {
            Ok(())
        } else {
            Err(SynthesisError::Unsatisfiable)
        };
    }
    cs.enforce_r1cs_constraint(|| lc(a), || lc(b), || lc(c))
}

/// Enforces `a = b`. Costs 1 constraint; none when both are constants.
///
/// # Errors
/// [`SynthesisError::Unsatisfiable`] when both are constants and differ.
pub fn enforce_equal(a: &FpVar<Fr>, b: &FpVar<Fr>) -> Result<(), SynthesisError> {
    enforce_product(&(a - b), &FpVar::Constant(Fr::ONE), &FpVar::Constant(Fr::zero()))
}

/// A new variable q with `q * divisor = dividend`: the quotient where the divisor is not 0. A divisor of 0
/// makes the system unsatisfied unless the dividend is 0 too; then q is free, so the caller must know
/// that the two cannot both vanish. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system.
pub fn quotient(dividend: &FpVar<Fr>, divisor: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let cs = dividend.cs().or(divisor.cs());
    let q = witness(&cs, || {
        Ok(divisor.value()?.inverse().unwrap_or_default() * dividend.value()?)
    })?;
    enforce_product(&q, divisor, dividend)?;
    Ok(q)
}

/// Enforces `x != 0` by witnessing its inverse. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system.
pub fn enforce_nonzero(x: &FpVar<Fr>) -> Result<(), SynthesisError> {
    // x * inverse = 1 has no solution for x = 0.
    quotient(&FpVar::Constant(Fr::ONE), x).map(|_| ())
}

/// Spends one constraint on `x` (its square), so that a public input that nothing else uses is bound to
/// the proof. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system.
pub fn bind_input(x: &FpVar<Fr>) -> Result<(), SynthesisError> {
    let square = witness(&x.cs(), || Ok(x.value()?.square()))?;
    enforce_product(x, x, &square)
}

#[cfg(test)]
mod tests;
