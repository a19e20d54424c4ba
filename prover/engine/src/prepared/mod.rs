//! What proving needs of a circuit and its key, worked out once and kept.
//!
//! # The quotient without a transform of C
//!
//! Let the constraints be `(A w)_r (B w)_r = (C w)_r` for the rows `r` of a domain `D = {X^n = 1}` (set-up
//! adds one row for each instance variable to A, and none to B and C), and let `a`, `b`, `c` be the
//! polynomials of degree below `n` with these values on `D`. A prover needs the quotient
//!
//! ```text
//! h = (a b - c) / (X^n - 1),    of degree at most n - 2,
//! ```
//!
//! and from it the point `sum_i h_i Q_i`, where `Q_i = [tau^i (tau^n - 1) / delta]` is the key's H query,
//! `i <= n - 2`. Let `Q_(n-1)` be the identity: `h` has no coefficient there.
//!
//! On `D' = {X^n = -1}`, whose points are `x_j = z w^j` with `z^2 = w`, the divisor is `-2` everywhere, so
//!
//! ```text
//! h(x_j) = c(x_j) / 2 - a(x_j) b(x_j) / 2.
//! ```
//!
//! Both terms are values of polynomials of degree below `n`: of `c / 2`, and of some `g` that interpolates
//! `-a b / 2` on `D'`. So `h = c / 2 + g`, and because the map `p -> sum_i p_i Q_i` is linear,
//!
//! ```text
//! sum_i h_i Q_i  =  sum_j g(x_j) Q'_j  +  sum_r (C w)_r / 2 Q"_r
//! Q'_j = sum_i (coefficient i of the Lagrange polynomial of x_j on D') Q_i = 1/n sum_i x_j^-i Q_i
//! Q"_r = sum_i (coefficient i of the Lagrange polynomial of w^r on D)  Q_i = 1/n sum_i w^(-ri) Q_i.
//! ```
//!
//! The second sum is linear in the assignment: it is `sum_k w_k F_k` with `F_k = sum_r C_rk / 2 Q"_r`, and `F_k` is
//! added to the L query, which so grows by the instance variables that occur in C. What is left of the quotient
//! are the values `a(x_j) b(x_j)`: two transforms each for `a` and `b`, none for `c`, none back. `Q'` and `Q"` are
//! two transforms of the H query, over points, once for each key; the factor `1/n` of `Q'` goes into the scalars.
//! The point, hence the proof, is the same as with the key as it was.
//!
//! Where one assignment does not satisfy the constraints, `a b - c` has a remainder and neither form gives a
//! proof that verifies.
//!
//! # Three forms
//!
//! [`Form::Coset`] is this one. [`Form::Coefficients`] leaves the key as it is, for callers that make few proofs:
//! `c` on `D` is the product of `a` and `b`, and seven transforms give the coefficients of `h`.
//! [`Form::Snarkjs`] is for keys of snarkjs, whose H query is `L_j(tau) / delta` for the Lagrange polynomials `L_j`
//! of the odd points of a domain of size `2n`: there `sum_j (a b - c)(x_j) H_j` is the point wanted. Such keys come
//! without C, so `c` is again the product on `D` and takes two transforms of its own: six in all.

mod converted;
mod endomorphism;
pub(crate) mod group;
mod lagrange;
#[cfg(target_arch = "x86_64")]
mod lanes;
pub(crate) mod matrix;
mod query;
mod satisfied;
#[cfg(test)]
mod tests;

pub use converted::ConvertedKey;
pub(crate) use query::Query;
pub use satisfied::Satisfaction;

use crate::{EngineError, Kernels, ntt::Transform};
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine, g1, g2};
use ark_ff::Field;
use ark_groth16::ProvingKey;
use matrix::SparseMatrix;

/// How the quotient reaches the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Four transforms for each proof; the key's H query is transformed and C folded into its L query.
    Coset,
    /// Seven transforms for each proof; the key is used as it is.
    Coefficients,
    /// Six transforms for each proof, with the H query of a snarkjs key.
    Snarkjs,
}

/// How a circuit is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How the quotient reaches the proof.
    pub form: Form,
    /// Bytes that the bases with their tables may take; one copy of the bases is always kept.
    pub table_bytes: usize,
    /// The kernels; proofs do not depend on them.
    pub kernels: Kernels,
}

/// The constraints of a circuit: coefficients and variables by row.
///
/// Variable 0 is the constant 1, then come the public inputs, then the witness.
#[derive(Clone, Copy)]
pub struct Matrices<'a> {
    /// A, without the rows that set-up adds for the instance variables.
    pub a: &'a [Vec<(Fr, usize)>],
    /// B.
    pub b: &'a [Vec<(Fr, usize)>],
    /// C; read for [`Form::Coset`] only.
    pub c: &'a [Vec<(Fr, usize)>],
    /// Number of instance variables: the public inputs and the constant 1.
    pub inputs: usize,
    /// Number of variables of all kinds.
    pub variables: usize,
}

impl Matrices<'_> {
    /// Binary logarithm of the size of the evaluation domain.
    fn log_domain(&self) -> u32 {
        (self.a.len() + self.inputs).next_power_of_two().trailing_zeros()
    }
}

/// A circuit and its proving key, ready to prove.
pub struct PreparedCircuit {
    pub(crate) form: Form,
    pub(crate) inputs: usize,
    pub(crate) variables: usize,
    pub(crate) a: SparseMatrix,
    pub(crate) b: SparseMatrix,
    pub(crate) transform: Transform,
    /// Factor of each product of values on `D'`.
    pub(crate) factor: Fr,
    pub(crate) alpha: G1Affine,
    pub(crate) beta: G2Affine,
    pub(crate) delta: G2Affine,
    pub(crate) a_query: Query<g1::Config>,
    pub(crate) b_query: Query<g2::Config>,
    /// Over the variables, then over the values or coefficients of the quotient.
    pub(crate) c_query: Query<g1::Config>,
}

impl PreparedCircuit {
    /// Prepares a key. [`Form::Coset`] takes a while: two transforms over `n` points of G1.
    ///
    /// # Errors
    /// [`EngineError`] where matrices and key do not fit each other or are too large.
    pub fn new(
        key: &ProvingKey<Bn254>,
        matrices: Matrices<'_>,
        options: Options,
    ) -> Result<Self, EngineError> {
        match options.form {
            Form::Coset => {
                let converted = ConvertedKey::new(key, matrices, options.kernels)?;
                Self::of_converted(key, matrices, &converted, options)
            }
            Form::Coefficients | Form::Snarkjs => Self::of_parts(key, matrices, None, options),
        }
    }

    /// Prepares a key that was converted before: [`Form::Coset`], whatever `options` say.
    ///
    /// # Errors
    /// [`EngineError`] where matrices, key and converted key do not fit each other or are too large.
    pub fn of_converted(
        key: &ProvingKey<Bn254>,
        matrices: Matrices<'_>,
        converted: &ConvertedKey,
        options: Options,
    ) -> Result<Self, EngineError> {
        let form = Form::Coset;
        Self::of_parts(key, matrices, Some(converted), Options { form, ..options })
    }

    fn of_parts(
        key: &ProvingKey<Bn254>,
        matrices: Matrices<'_>,
        converted: Option<&ConvertedKey>,
        options: Options,
    ) -> Result<Self, EngineError> {
        let form = options.form;
        let Matrices {
            inputs, variables, ..
        } = matrices;
        let constraints = matrices.a.len();
        let transform = Transform::new(matrices.log_domain(), options.kernels)?;
        let domain = transform.size();
        let h_length = match form {
            Form::Snarkjs => domain,
            Form::Coset | Form::Coefficients => domain - 1,
        };
        let none = ConvertedKey {
            h: Vec::new(),
            folded: Vec::new(),
        };
        let (converted, points, folded) = match converted {
            Some(converted) => (converted, domain, variables),
            None => (&none, 0, 0),
        };
        let lengths = [
            ("matrix B", constraints, matrices.b.len()),
            ("A query", variables, key.a_query.len()),
            ("B query in G2", variables, key.b_g2_query.len()),
            ("L query", variables.saturating_sub(inputs), key.l_query.len()),
            ("H query", h_length, key.h_query.len()),
            ("converted H query", points, converted.h.len()),
            ("part of the L query for C", folded, converted.folded.len()),
        ];
        for (part, expected, got) in lengths {
            if expected != got {
                return Err(EngineError::Shape { part, expected, got });
            }
        }
        if inputs == 0 || inputs > variables {
            return Err(EngineError::Shape {
                part: "instance",
                expected: variables,
                got: inputs,
            });
        }
        let (a, b) = rayon::join(
            || SparseMatrix::new("A", matrices.a, variables),
            || SparseMatrix::new("B", matrices.b, variables),
        );
        let (a, b) = (a?, b?);
        let mut bases = vec![G1Affine::identity(); inputs];
        bases.extend_from_slice(&key.l_query);
        let two_inverse = Fr::from(2u64).inverse().unwrap_or(Fr::ONE);
        let factor = match form {
            Form::Coset => {
                group::add_each(&mut bases, &converted.folded);
                bases.extend_from_slice(&converted.h);
                // -1/2, and the 1/n that the transform of the points left out.
                -two_inverse * Fr::from(domain as u64).inverse().unwrap_or(Fr::ONE)
            }
            Form::Coefficients => {
                bases.extend(lagrange::bit_reversed(&key.h_query, transform.log_size()));
                -two_inverse
            }
            Form::Snarkjs => {
                bases.extend_from_slice(&key.h_query);
                Fr::ONE
            }
        };
        // Shares of the memory by size: a G2 base is twice a G1 base.
        let total = key.a_query.len() + 2 * key.b_g2_query.len() + bases.len();
        let share = |bases: usize| (options.table_bytes as u128 * bases as u128 / total as u128) as usize;
        Ok(Self {
            form,
            inputs,
            variables,
            a,
            b,
            transform,
            factor,
            alpha: key.vk.alpha_g1,
            beta: key.vk.beta_g2,
            delta: key.vk.delta_g2,
            a_query: Query::new(options.kernels, &key.a_query, share(variables)),
            b_query: Query::new(options.kernels, &key.b_g2_query, share(2 * variables)),
            c_query: Query::new(options.kernels, &bases, share(bases.len())),
        })
    }

    /// How the quotient reaches the proof.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.a.rows()
    }

    /// Number of instance variables: the public inputs and the constant 1.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of variables of all kinds.
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// Size of the evaluation domain.
    pub fn domain(&self) -> usize {
        self.transform.size()
    }

    /// Entries of A and B that are not zero.
    pub fn entries(&self) -> usize {
        self.a.entries() + self.b.entries()
    }

    /// Bytes of the bases and their tables.
    pub fn table_bytes(&self) -> usize {
        self.a_query.bytes() + self.b_query.bytes() + self.c_query.bytes()
    }

    /// Bytes of matrices, roots, bases and tables.
    pub fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes() + self.transform.table_bytes() + self.table_bytes()
    }
}
