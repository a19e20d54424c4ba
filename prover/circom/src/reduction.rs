//! From a witness to the quotient, as keys in circom's form expect it.

use ark_ff::PrimeField;
use ark_groth16::r1cs_to_qap::{R1CSToQAP, evaluate_constraint};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, SynthesisError};
use rayon::prelude::*;

/// The reduction for `.zkey` files, whose H points are the Lagrange basis over the odd points of the domain
/// of twice the size, divided by delta.
///
/// Let g be a generator of the domain of size 2n, so that the domain of size n is its even powers. A B - C has
/// degree below 2n and vanishes on the even powers, hence it is the sum over odd powers of its value there
/// times that point's Lagrange polynomial: h(tau) Z(tau) / delta is an MSM of those values. A key holds no C;
/// for a witness that satisfies, C(x) is the polynomial through A(x) B(x) on the domain.
pub struct CircomReduction;

impl R1CSToQAP for CircomReduction {
    /// Keys in this form come out of files; this crate makes none.
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        _: ConstraintSystemRef<F>,
        _: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        Err(SynthesisError::MissingCS)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        full_assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let [a_rows, b_rows, ..] = matrices else {
            return Err(SynthesisError::MissingCS);
        };
        let rows = num_constraints + num_inputs;
        if a_rows.len() != num_constraints
            || b_rows.len() != num_constraints
            || full_assignment.len() < num_inputs
        {
            return Err(SynthesisError::AssignmentMissing);
        }
        let domain = D::new(rows).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let n = domain.size();
        let shift = F::get_root_of_unity(2 * n as u64).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let evaluate = |rows: &Matrix<F>| {
            let mut values = vec![F::zero(); n];
            let of = |row: &Vec<(F, usize)>| evaluate_constraint(row, full_assignment);
            values.par_iter_mut().zip(rows).for_each(|(v, row)| *v = of(row));
            values
        };
        let mut a = evaluate(a_rows);
        a[num_constraints..rows].copy_from_slice(&full_assignment[..num_inputs]);
        let mut b = evaluate(b_rows);
        let mut c: Vec<F> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            D::distribute_powers(values, shift);
            domain.fft_in_place(values);
        }
        a.par_iter_mut().zip(&b).zip(&c).for_each(|((a, b), c)| {
            *a *= b;
            *a -= c;
        });
        Ok(a)
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        _: usize,
        _: F,
        _: F,
        _: F,
    ) -> Result<Vec<F>, SynthesisError> {
        Err(SynthesisError::MissingCS)
    }
}
