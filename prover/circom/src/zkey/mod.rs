//! Groth16 proving keys in snarkjs's form.
//!
//! Everything that can be seen without the ceremony's files is checked on the way in: see [`Zkey::read`]. What
//! cannot be seen from the key alone is whether its points belong to a given phase-1 ceremony, and whether a
//! beacon's contribution came from that beacon: `snarkjs zkey verify` shows both with the `.ptau` file.

mod chain;
mod coefficients;
mod contribution;
mod header;
mod pairing;
#[cfg(test)]
pub(crate) mod tests;

pub use contribution::{Contribution, ContributionKind};

use crate::{
    CircomError, SparseMatrix,
    container::{Format, Sections},
    number,
};
use ark_bn254::Bn254;
use ark_groth16::{ProvingKey, VerifyingKey};

const FORMAT: Format = Format {
    name: "zkey",
    version: 1,
    sections: 10,
};

/// A checked Groth16 key with its matrices and the record of its second phase.
#[derive(Debug)]
pub struct Zkey {
    domain: usize,
    key: ProvingKey<Bn254>,
    a: SparseMatrix,
    b: SparseMatrix,
    circuit_hash: [u8; 64],
    contributions: Vec<Contribution>,
}

impl Zkey {
    /// Reads and checks a key:
    ///
    /// - sizes: every section has the length that the header asks for, nothing is left over;
    /// - numbers and points: canonical, on their curves, in their prime-order subgroups;
    /// - matrices: A and B inside their sizes, followed by one row a public input; the domain fits them;
    /// - the verifying key: no identity, gamma and delta apart from each other and from the generator and beta,
    ///   IC points different; alpha, beta and delta the same in both groups;
    /// - the second phase: at least one contribution that is no beacon, no contributor twice, each proven and
    ///   bound to the circuit's hash and the ones before it, the last one giving this delta.
    ///
    /// # Errors
    /// [`CircomError`] with the first reason found.
    pub fn read(bytes: &[u8]) -> Result<Self, CircomError> {
        let sections = Sections::split(&FORMAT, bytes)?;
        header::check_protocol(sections.get(1, "protocol")?)?;
        let header = header::Header::read(sections.get(2, "header")?)?;
        let (variables, inputs) = (header.variables, header.public + 1);
        // Before the long lists of points: a hostile header must not cost more than its own bytes.
        let h = sections.get(9, "H points")?;
        if h.remaining() as u64 != header.domain as u64 * 64 {
            return Err(h
                .all(header.domain, 64)
                .err()
                .unwrap_or(CircomError::Truncated("H points")));
        }
        let (a, b) = coefficients::read(sections.get(4, "coefficients")?, &header)?;
        let mut record = contribution::read(sections.get(10, "contributions")?)?;
        let key = ProvingKey {
            vk: VerifyingKey {
                alpha_g1: header.alpha_g1,
                beta_g2: header.beta_g2,
                gamma_g2: header.gamma_g2,
                delta_g2: header.delta_g2,
                gamma_abc_g1: number::points(sections.get(3, "IC points")?, inputs)?,
            },
            beta_g1: header.beta_g1,
            delta_g1: header.delta_g1,
            a_query: number::points(sections.get(5, "A points")?, variables)?,
            b_g1_query: number::points(sections.get(6, "B points in G1")?, variables)?,
            b_g2_query: number::points(sections.get(7, "B points in G2")?, variables)?,
            l_query: number::points(sections.get(8, "C points")?, variables - inputs)?,
            h_query: number::points(h, header.domain)?,
        };
        chain::check(&record.circuit_hash, &mut record.contributions, &header.delta_g1)?;
        pairing::check(&key)?;
        Ok(Self {
            domain: header.domain,
            key,
            a,
            b,
            circuit_hash: record.circuit_hash,
            contributions: record.contributions,
        })
    }

    /// Number of public inputs, without the constant 1.
    pub fn public(&self) -> usize {
        self.key.vk.gamma_abc_g1.len() - 1
    }

    /// Number of wires: the constant 1, the public inputs and all others.
    pub fn variables(&self) -> usize {
        self.key.a_query.len()
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.a.rows()
    }

    /// Size of the evaluation domain, a power of two.
    pub fn domain(&self) -> usize {
        self.domain
    }

    /// The points. The H query has one point for each point of the domain, in the form that
    /// [`crate::CircomReduction`] explains.
    pub fn proving_key(&self) -> &ProvingKey<Bn254> {
        &self.key
    }

    /// Gives the points away; the H query as in [`Self::proving_key`].
    pub fn into_proving_key(self) -> ProvingKey<Bn254> {
        self.key
    }

    /// Matrix A, one row a constraint, without the rows that keep the public inputs apart.
    pub fn a(&self) -> &SparseMatrix {
        &self.a
    }

    /// Matrix B, one row a constraint.
    pub fn b(&self) -> &SparseMatrix {
        &self.b
    }

    /// The hash that names circuit and first phase; snarkjs calls it the circuit hash.
    pub fn circuit_hash(&self) -> &[u8; 64] {
        &self.circuit_hash
    }

    /// Who contributed to the second phase, in order.
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }
}
