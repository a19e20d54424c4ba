//! Keys made elsewhere: from a checked `.zkey` of this circuit's constraints to a key of our own form.

use super::{CircuitKeys, KeysError, file};
use crate::constraints::Constraints;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::FftField;
use ark_groth16::ProvingKey;
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use medproof_circom::{SparseMatrix, Zkey};
use medproof_circuits::statement::Circuit;
use medproof_verifier::{KeyError, VerifyingKey};
use rayon::prelude::*;
use std::time::Duration;

/// Why a key made elsewhere is not one of a circuit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignKey {
    /// Another number of something.
    #[error("it has {got} {what} where the circuit has {expected}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// The circuit's number.
        expected: usize,
        /// The key's number.
        got: usize,
    },
    /// A constraint differs.
    #[error("its constraint {row} differs from the circuit's in matrix {matrix}")]
    Constraint {
        /// `A` or `B`.
        matrix: &'static str,
        /// The first constraint that differs, from 0.
        row: usize,
    },
    /// The verifier refuses the verifying key in it.
    #[error("its verifying key is refused: {0}")]
    Verifying(#[from] KeyError),
}

impl CircuitKeys {
    /// Takes over a key whose set-up ran elsewhere over the constraints of `C`, as `medproof export --format
    /// r1cs` writes them. It does not carry the development mark.
    ///
    /// Sizes and the matrices A and B are compared entry by entry. A `.zkey` does not hold C, which its points
    /// contain: before the key is used, a proof made with it must verify. Converting the H query takes
    /// `n log n` scalar multiplications for a domain of `n` points.
    ///
    /// # Errors
    /// [`KeysError::Foreign`] when the key is for other constraints or its verifying key is refused.
    pub fn from_zkey<C: Circuit>(zkey: Zkey) -> Result<Self, KeysError> {
        let constraints = Constraints::of::<C>()?;
        let foreign = |source| KeysError::Foreign {
            circuit: C::NAME.as_str(),
            source,
        };
        compare(&constraints, &zkey).map_err(foreign)?;
        let mut proving = zkey.into_proving_key();
        let verifying = VerifyingKey::new(C::NAME, C::NAME.version(), false, proving.vk.clone())
            .map_err(|e| foreign(e.into()))?;
        let no_domain = || crate::CircuitError::Domain(C::NAME.as_str());
        proving.h_query = powers(&proving, constraints.domain()).ok_or_else(no_domain)?;
        let file_bytes = file::expected_bytes(&constraints);
        Ok(Self {
            constraints,
            proving,
            verifying,
            file_bytes,
            synthesis: Duration::ZERO,
            reading: Duration::ZERO,
            converted_path: None,
        })
    }
}

fn compare(constraints: &Constraints, zkey: &Zkey) -> Result<(), ForeignKey> {
    let inputs = constraints.num_instance_variables();
    for (what, expected, got) in [
        ("public inputs", inputs - 1, zkey.public()),
        (
            "wires",
            inputs + constraints.num_witness_variables(),
            zkey.variables(),
        ),
        ("constraints", constraints.num_constraints(), zkey.constraints()),
        ("points in its domain", constraints.domain(), zkey.domain()),
    ] {
        if expected != got {
            return Err(ForeignKey::Size { what, expected, got });
        }
    }
    let [a, b, ..] = constraints.matrices() else {
        // `Constraints` always holds three.
        return Ok(());
    };
    for (matrix, ours, theirs) in [("A", a, zkey.a()), ("B", b, zkey.b())] {
        let ours = SparseMatrix::from_rows(ours);
        if ours != *theirs {
            let differs = |row: &usize| !ours.row(*row).eq(theirs.row(*row));
            let row = (0..ours.rows()).find(differs).unwrap_or_default();
            return Err(ForeignKey::Constraint { matrix, row });
        }
    }
    Ok(())
}

/// The H query over powers of tau, which arkworks' reduction wants, from the one over Lagrange polynomials.
///
/// With `g` of order 2n, point j of the key is `L_j(tau) / delta`, where `L_j` is 1 at `g^(2j+1)` and 0 at every
/// other power of g. `x^i Z(x)` has degree below 2n, vanishes at the even powers of g and is `-2 g^(i (2j+1))` at
/// the odd ones, since `Z(x) = x^n - 1` is -2 there. Hence `tau^i Z(tau) / delta` is the sum over j of
/// `-2 g^i (g^2)^(i j)` times point j: a Fourier transform of the points, scaled.
fn powers(key: &ProvingKey<Bn254>, n: usize) -> Option<Vec<G1Affine>> {
    let domain = GeneralEvaluationDomain::<Fr>::new(n)?;
    let g = Fr::get_root_of_unity(2 * n as u64)?;
    let mut points: Vec<G1Projective> = key.h_query.par_iter().map(|p| (*p).into()).collect();
    domain.fft_in_place(&mut points);
    // Degree 2n - 2 at most: the last power is never used.
    points.truncate(n - 1);
    let mut scale = -Fr::from(2u64);
    let scales: Vec<Fr> = (0..points.len())
        .map(|_| {
            let current = scale;
            scale *= g;
            current
        })
        .collect();
    points.par_iter_mut().zip(scales).for_each(|(p, s)| *p *= s);
    Some(G1Projective::normalize_batch(&points))
}
