//! Sections 1 and 2: protocol, field, sizes and single points.

use crate::{
    CircomError, MAX_SIZE,
    container::Reader,
    number::{self, point},
};
use ark_bn254::{Fq, Fr, G1Affine, G2Affine};

const GROTH16: u32 = 1;
/// More public inputs than any circuit here has; each costs a quadratic check.
const MAX_PUBLIC: usize = 4096;

pub(super) fn check_protocol(mut reader: Reader<'_>) -> Result<(), CircomError> {
    match reader.u32()? {
        GROTH16 => reader.end(),
        other => Err(CircomError::Protocol(other)),
    }
}

pub(super) struct Header {
    pub(super) variables: usize,
    pub(super) public: usize,
    pub(super) domain: usize,
    pub(super) alpha_g1: G1Affine,
    pub(super) beta_g1: G1Affine,
    pub(super) beta_g2: G2Affine,
    pub(super) gamma_g2: G2Affine,
    pub(super) delta_g1: G1Affine,
    pub(super) delta_g2: G2Affine,
}

impl Header {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, CircomError> {
        let r = &mut reader;
        number::check_modulus::<Fq>(r)?;
        number::check_modulus::<Fr>(r)?;
        let variables = r.count("number of wires", 1, MAX_SIZE)?;
        let public = r.count("number of public inputs", 0, MAX_PUBLIC.min(variables - 1))?;
        let domain = r.count("domain size", 1, MAX_SIZE)?;
        let header = Self {
            variables,
            public,
            domain,
            alpha_g1: point(r, "alpha")?,
            beta_g1: point(r, "beta in G1")?,
            beta_g2: point(r, "beta in G2")?,
            gamma_g2: point(r, "gamma")?,
            delta_g1: point(r, "delta in G1")?,
            delta_g2: point(r, "delta in G2")?,
        };
        reader.end()?;
        Ok(header)
    }
}
