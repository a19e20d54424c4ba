//! Poseidon with circomlib's parameters; equal to [`medproof_verifier::poseidon`].
//!
//! Three constraints an s-box (x^2, x^4, x^5); additions and matrices are free. With t = inputs + 1, RF = 8
//! full rounds and RP partial rounds there are 8t + RP s-boxes, less those of the first round whose input is
//! a constant: the capacity element (always 0) and a tag. So a node costs 297, a tagged hash of k inputs
//! `3 * (8 * (k + 2) - 2 + RP)` with RP of width k + 2.

use super::linear::weighted_sum;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;
use light_poseidon::PoseidonParameters;
use light_poseidon::parameters::bn254_x5::get_poseidon_parameters;
use medproof_verifier::Tag;
use medproof_verifier::poseidon::MAX_INPUTS;
use std::sync::OnceLock;

/// `H(TAG; inputs)` as `tagged` of the verifier computes it.
///
/// Costs 237 constraints for k = 1, then 258 (k = 2), 351 (5), 378 (6), 414 (8), 462 (10), 501 (11); 3 less for
/// each input that is a constant.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When `K` is not the tag's arity (a fault of the code; unreachable from data).
pub fn tagged<const K: usize>(tag: Tag, inputs: [&FpVar<Fr>; K]) -> Result<FpVar<Fr>, SynthesisError> {
    assert_eq!(K, tag.arity(), "{tag:?} takes {} inputs", tag.arity());
    let mut all = vec![FpVar::Constant(tag.to_fr())];
    all.extend(inputs.into_iter().cloned());
    poseidon(&all)
}

/// The parent of four tree nodes. Costs 297 constraints.
///
/// # Errors
/// Those of the constraint system.
pub fn node(children: [&FpVar<Fr>; 4]) -> Result<FpVar<Fr>, SynthesisError> {
    poseidon(&children.map(Clone::clone))
}

/// `Poseidon_n` of 1 to 12 inputs. Statements use [`tagged`] and [`node`]; this one serves signatures and
/// test vectors.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When the number of inputs is not in 1..=12 (a fault of the code).
pub fn poseidon(inputs: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    assert!(
        (1..=MAX_INPUTS).contains(&inputs.len()),
        "Poseidon takes 1 to 12 inputs"
    );
    let plan = plan(inputs.len() + 1);
    let zero = FpVar::Constant(Fr::ZERO);
    let mut boxes = Vec::with_capacity(plan.width + plan.rows.len());
    for (x, constant) in std::iter::once(&zero).chain(inputs).zip(&plan.first) {
        boxes.push(s_box(&(x + *constant))?);
    }
    for row in &plan.rows {
        let input = row.apply(&boxes)?;
        boxes.push(s_box(&input)?);
    }
    plan.output.apply(&boxes)
}

/// x^5. Costs 3 constraints, or none when `x` is a constant.
fn s_box(x: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    if let FpVar::Constant(c) = x {
        return Ok(FpVar::Constant(c.square().square() * c));
    }
    // Each product is a function of its factors, so the three variables have one value for each x.
    let square = x * x;
    let fourth = &square * &square;
    Ok(&fourth * x)
}

/// An affine function of the s-box outputs so far.
struct Row {
    terms: Vec<(usize, Fr)>,
    constant: Fr,
}

impl Row {
    fn apply(&self, boxes: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
        weighted_sum(self.terms.iter().map(|(i, c)| (*c, &boxes[*i])), self.constant)
    }
}

/// The whole permutation of one width as rows of constants: between two s-boxes everything is linear, so the
/// input of each s-box is written directly over the outputs of earlier ones, and synthesis multiplies
/// no matrices. In the partial rounds the rows grow by one term each, which no form of the matrices avoids
/// without spending constraints.
struct Plan {
    width: usize,
    /// Constants added to the state before the first s-boxes.
    first: Vec<Fr>,
    /// Input of every later s-box, in order.
    rows: Vec<Row>,
    /// `state[0]` after the last round.
    output: Row,
}

/// State elements as affine functions of the s-box outputs numbered `basis`.
struct SymbolicState {
    basis: Vec<usize>,
    /// One row an element: a coefficient for each of `basis`, then the constant.
    elements: Vec<Vec<Fr>>,
}

impl SymbolicState {
    /// The state whose elements are the outputs of `width` s-boxes from number `first` on.
    fn outputs(first: usize, width: usize) -> Self {
        let elements = (0..width)
            .map(|i| (0..=width).map(|j| Fr::from(u64::from(i == j))).collect())
            .collect();
        Self {
            basis: (first..first + width).collect(),
            elements,
        }
    }

    /// Replaces element 0 by the output of s-box number `number`.
    fn replace_first(&mut self, number: usize) {
        self.basis.push(number);
        for (i, element) in self.elements.iter_mut().enumerate() {
            if i == 0 {
                element.fill(Fr::ZERO);
            }
            element.insert(element.len() - 1, Fr::from(u64::from(i == 0)));
        }
    }

    fn mix(&mut self, mds: &[Vec<Fr>]) {
        let columns = self.basis.len() + 1;
        self.elements = mds
            .iter()
            .map(|row| {
                let mut sum = vec![Fr::ZERO; columns];
                for (m, element) in row.iter().zip(&self.elements) {
                    for (s, e) in sum.iter_mut().zip(element) {
                        *s += *m * e;
                    }
                }
                sum
            })
            .collect();
    }

    fn row(&self, element: usize) -> Row {
        let (coefficients, constant) = self.elements[element].split_at(self.basis.len());
        Row {
            terms: self
                .basis
                .iter()
                .copied()
                .zip(coefficients.iter().copied())
                .collect(),
            constant: constant[0],
        }
    }

    fn add(&mut self, constants: &[Fr]) {
        for (element, c) in self.elements.iter_mut().zip(constants) {
            if let Some(last) = element.last_mut() {
                *last += c;
            }
        }
    }
}

fn build(parameters: &PoseidonParameters<Fr>) -> Plan {
    let width = parameters.width;
    let half = parameters.full_rounds / 2;
    let full = |round: usize| round < half || round >= half + parameters.partial_rounds;
    let mut rounds = parameters.ark.chunks(width);
    let first = rounds.next().unwrap_or_default().to_vec();
    let mut rows: Vec<Row> = Vec::new();
    let mut state = SymbolicState::outputs(0, width);
    state.mix(&parameters.mds);
    for (i, constants) in rounds.enumerate() {
        let next_box = width + rows.len();
        state.add(constants);
        if full(i + 1) {
            rows.extend((0..width).map(|e| state.row(e)));
            state = SymbolicState::outputs(next_box, width);
        } else {
            rows.push(state.row(0));
            state.replace_first(next_box);
        }
        state.mix(&parameters.mds);
    }
    let output = state.row(0);
    Plan {
        width,
        first,
        rows,
        output,
    }
}

fn plan(width: usize) -> &'static Plan {
    static PLANS: [OnceLock<Plan>; MAX_INPUTS + 2] = [const { OnceLock::new() }; MAX_INPUTS + 2];
    PLANS[width].get_or_init(|| {
        // The library has parameters for widths 2 to 13, and the caller has checked the range.
        let parameters = get_poseidon_parameters(width as u8).expect("width is in 2..=13");
        build(&parameters)
    })
}

#[cfg(test)]
mod tests;
