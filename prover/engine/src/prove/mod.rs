//! One proof: the deterministic one, then its re-randomisation.
//!
//! A Groth16 prover with blinding factors `r` and `s` needs its B in both groups. The deterministic proof
//! (`r = s = 0`) needs it in G2 alone, and from a proof `(A, B, C)` anyone can make
//!
//! ```text
//! A' = 1/r1 A      B' = r1 B + r1 r2 delta      C' = C + r2 A
//! ```
//!
//! with `r1`, `r2` random and not zero, which has the distribution of a fresh honest proof whatever the first one
//! was (BKSV20, eprint 2020/811, theorem 3). That leaves out a quarter of the work in G1. The deterministic proof
//! may betray its witness: [`PreparedCircuit::prove_unblinded`] is for comparisons and measurements.

#[cfg(test)]
mod tests;

use crate::{
    EngineError,
    msm::Scalars,
    prepared::{Form, PreparedCircuit},
};
use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};
use ark_groth16::Proof;
use rayon::prelude::*;
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// The factors that blind one proof. Wiped on drop.
pub struct Blinding {
    r1: Fr,
    r2: Fr,
}

impl Blinding {
    /// Takes the factors, which must be uniform and used once.
    ///
    /// # Errors
    /// [`EngineError::Blinding`] when one is zero.
    pub fn new(r1: Fr, r2: Fr) -> Result<Self, EngineError> {
        if r1 == Fr::ZERO || r2 == Fr::ZERO {
            return Err(EngineError::Blinding);
        }
        Ok(Self { r1, r2 })
    }
}

impl Drop for Blinding {
    fn drop(&mut self) {
        self.r1.zeroize();
        self.r2.zeroize();
    }
}

/// How long the steps of a proof took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Steps {
    /// The assignment times A and B.
    pub products: Duration,
    /// The quotient's transforms.
    pub transforms: Duration,
    /// The multi-scalar multiplication of A, in G1, and what is done to the scalars for all three.
    pub msm_a: Duration,
    /// The multi-scalar multiplication of B, in G2.
    pub msm_b: Duration,
    /// The multi-scalar multiplication of C, in G1: the L query and the H query.
    pub msm_c: Duration,
    /// The re-randomisation.
    pub blinding: Duration,
}

/// Values on the domain, or what the transforms make of them.
struct Values {
    a: Zeroizing<Vec<Fr>>,
    b: Zeroizing<Vec<Fr>>,
    c: Option<Zeroizing<Vec<Fr>>>,
}

/// A proof before it is blinded.
struct Parts {
    a: G1Projective,
    b: G2Projective,
    c: G1Projective,
}

impl PreparedCircuit {
    /// Proves that `full` (1, public inputs, witness) satisfies the constraints. Where it does not, the result
    /// is a proof that does not verify: the caller checks one or the other.
    ///
    /// # Errors
    /// [`EngineError::Assignment`].
    pub fn prove(&self, full: &[Fr], blinding: &Blinding) -> Result<Proof<Bn254>, EngineError> {
        Ok(self.blind(self.parts(full)?, blinding))
    }

    /// One proof for each assignment, in order, side by side: the fastest way to make many.
    pub fn prove_batch(&self, assignments: &[(&[Fr], Blinding)]) -> Vec<Result<Proof<Bn254>, EngineError>> {
        assignments
            .par_iter()
            .with_max_len(1)
            .map(|(full, blinding)| self.prove(full, blinding))
            .collect()
    }

    /// The deterministic proof, `r = s = 0`. It is not zero-knowledge.
    ///
    /// # Errors
    /// [`EngineError::Assignment`].
    pub fn prove_unblinded(&self, full: &[Fr]) -> Result<Proof<Bn254>, EngineError> {
        let Parts { a, b, c } = self.parts(full)?;
        Ok(Proof {
            a: a.into_affine(),
            b: b.into_affine(),
            c: c.into_affine(),
        })
    }

    /// One proof with its steps one after the other, each on all cores, and the time that each took.
    ///
    /// # Errors
    /// [`EngineError::Assignment`].
    pub fn prove_in_steps(
        &self,
        full: &[Fr],
        blinding: &Blinding,
    ) -> Result<(Proof<Bn254>, Steps), EngineError> {
        self.check(full)?;
        let mut steps = Steps::default();
        let begin = Instant::now();
        let mut values = self.values(full);
        steps.products = begin.elapsed();
        let begin = Instant::now();
        self.transform(&mut values);
        steps.transforms = begin.elapsed();
        let begin = Instant::now();
        let (scalars, none) = (Scalars::new(full), Scalars::new(&[]));
        let a = self.a_query.msm(&scalars, &none) + self.alpha;
        steps.msm_a = begin.elapsed();
        let begin = Instant::now();
        let b = self.b_query.msm(&scalars, &none) + self.beta;
        steps.msm_b = begin.elapsed();
        let begin = Instant::now();
        let c = self.c_query.msm(&scalars, &Scalars::new(&values.a));
        steps.msm_c = begin.elapsed();
        let begin = Instant::now();
        let proof = self.blind(Parts { a, b, c }, blinding);
        steps.blinding = begin.elapsed();
        Ok((proof, steps))
    }

    fn check(&self, full: &[Fr]) -> Result<(), EngineError> {
        if full.len() != self.variables || full[0] != Fr::ONE {
            return Err(EngineError::Assignment {
                expected: self.variables,
            });
        }
        Ok(())
    }

    fn parts(&self, full: &[Fr]) -> Result<Parts, EngineError> {
        self.check(full)?;
        let (scalars, none) = (Scalars::new(full), Scalars::new(&[]));
        let ((a, b), c) = rayon::join(
            || {
                rayon::join(
                    || self.a_query.msm(&scalars, &none) + self.alpha,
                    || self.b_query.msm(&scalars, &none) + self.beta,
                )
            },
            || {
                let quotient = Scalars::new(&self.quotient(full));
                self.c_query.msm(&scalars, &quotient)
            },
        );
        Ok(Parts { a, b, c })
    }

    /// The scalars of the quotient in this circuit's form.
    pub(crate) fn quotient(&self, full: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let mut values = self.values(full);
        self.transform(&mut values);
        values.a
    }

    /// The values of `a`, `b` and, where the form asks for it, `c` on the domain.
    fn values(&self, full: &[Fr]) -> Values {
        let zeros = || Zeroizing::new(vec![Fr::ZERO; self.domain()]);
        let (mut a, mut b) = (zeros(), zeros());
        rayon::join(|| self.a.multiply(full, &mut a), || self.b.multiply(full, &mut b));
        let constraints = self.constraints();
        a[constraints..constraints + self.inputs].copy_from_slice(&full[..self.inputs]);
        let c = match self.form {
            Form::Coset => None,
            // What C gives too, if the constraints hold; on the other rows both products are zero.
            Form::Coefficients | Form::Snarkjs => {
                let products = a
                    .par_iter()
                    .zip(&b[..])
                    .with_min_len(1 << 10)
                    .map(|(a, b)| *a * b);
                Some(Zeroizing::new(products.collect()))
            }
        };
        Values { a, b, c }
    }

    /// From values on the domain to the quotient's scalars, left in `a`.
    fn transform(&self, Values { a, b, c }: &mut Values) {
        let c = c.as_mut().map(|c| &mut c[..]);
        self.transform.product(a, b, c, self.factor);
        if self.form == Form::Coefficients {
            self.transform.coset_to_coefficients(a);
        }
    }

    fn blind(&self, parts: Parts, Blinding { r1, r2 }: &Blinding) -> Proof<Bn254> {
        let Parts { a, b, c } = parts;
        // r1 is not zero.
        let mut inverse = r1.inverse().unwrap_or(Fr::ONE);
        let ((a, c), b) = rayon::join(
            || rayon::join(|| a * inverse, || c + a * r2),
            || (b + self.delta.into_group() * r2) * r1,
        );
        inverse.zeroize();
        Proof {
            a: a.into_affine(),
            b: b.into_affine(),
            c: c.into_affine(),
        }
    }
}
