//! Verifying keys: checked on the way in, prepared once.

use crate::{CircuitId, CircuitName, Proof, Statement, fixed_points::FixedPoints, proof::point};
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_ff::Field;
use ark_groth16::{Groth16, PreparedVerifyingKey};
use ark_serialize::CanonicalSerialize;
use sha2::{Digest, Sha256};

/// First bytes of an encoded verifying key.
const MAGIC: &[u8; 8] = b"mpvk\0\0\0\x01";
const HEADER: usize = 8 + 1 + 2 + 1;

/// A verifying key of one circuit, checked and prepared.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    name: CircuitName,
    version: u16,
    development: bool,
    inner: ark_groth16::VerifyingKey<Bn254>,
    prepared: PreparedVerifyingKey<Bn254>,
    alpha: FixedPoints,
    ic: FixedPoints,
    hash: [u8; 32],
    id: CircuitId,
}

/// Why a verifying key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the beginning of a verifying key.
    #[error("not a medproof verifying key (wrong first bytes)")]
    Magic,
    /// Shorter or longer than its number of public inputs asks for.
    #[error("a verifying key of {name} has {expected} bytes, these are {got}")]
    Length {
        /// The circuit.
        name: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// The circuit's number is unknown.
    #[error("unknown circuit number {0}")]
    Circuit(u8),
    /// The development flag is neither 0 nor 1.
    #[error("the development flag is neither 0 nor 1")]
    Flag,
    /// A point is not canonical, not on its curve or outside its subgroup.
    #[error("verifying-key point {0} is not a canonical point of its subgroup")]
    Point(&'static str),
    /// The number of IC points is not the number of public inputs and one.
    #[error("{got} IC points where the statement asks for {expected}")]
    IcLength {
        /// Points expected.
        expected: usize,
        /// Points given.
        got: usize,
    },
    /// The key would let anyone forge, or ignores an input.
    #[error("degenerate verifying key: {0}")]
    Degenerate(&'static str),
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The proof is for another circuit than the key, or another statement than the circuit proves.
    #[error("the proof's circuit is not that of the verifying key")]
    Circuit,
    /// `ctx` is not that of ledger, circuit, relying party, challenge and payload.
    #[error("the proof is bound to another ledger, circuit, relying party, challenge or payload")]
    Context,
    /// Challenge or payload hash has more than the 248 bits that `ctx` binds.
    #[error("the last byte of challenge or payload hash is not zero, so `ctx` does not bind it")]
    Unbound,
    /// A wrong number of public inputs.
    #[error("{got} public inputs where the key has {expected}")]
    Inputs {
        /// Inputs of the key.
        expected: usize,
        /// Inputs given.
        got: usize,
    },
    /// The pairing equation does not hold.
    #[error("the proof does not hold")]
    Proof,
}

impl VerifyingKey {
    /// Checks and prepares a key.
    ///
    /// # Errors
    /// [`KeyError`] when a point is outside its subgroup or the key is degenerate: an identity point,
    /// gamma = +-delta, gamma or delta equal to +-beta, an identity or repeated IC point, or an IC of
    /// the wrong length. `delta = G2 generator` is a set-up that never had a phase 2.
    pub fn new(
        name: CircuitName,
        version: u16,
        development: bool,
        inner: ark_groth16::VerifyingKey<Bn254>,
    ) -> Result<Self, KeyError> {
        check(name, &inner)?;
        let mut key = Self {
            name,
            version,
            development,
            prepared: ark_groth16::prepare_verifying_key(&inner),
            alpha: FixedPoints::new(&[inner.alpha_g1]),
            ic: FixedPoints::new(&inner.gamma_abc_g1),
            inner,
            hash: [0; 32],
            id: CircuitId([0; 32]),
        };
        key.hash = Sha256::digest(key.to_bytes()).into();
        key.id = CircuitId::new(name, version, &key.hash);
        Ok(key)
    }

    /// Decodes and checks a key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() < HEADER || bytes[..8] != MAGIC[..] {
            return Err(KeyError::Magic);
        }
        let name = CircuitName::from_number(bytes[8]).ok_or(KeyError::Circuit(bytes[8]))?;
        let version = u16::from_be_bytes([bytes[9], bytes[10]]);
        let development = match bytes[11] {
            0 => false,
            1 => true,
            _ => return Err(KeyError::Flag),
        };
        let points = Statement::names(name).len() + 1;
        let expected = HEADER + 32 + 3 * 64 + 32 * points;
        if bytes.len() != expected {
            return Err(KeyError::Length {
                name: name.as_str(),
                expected,
                got: bytes.len(),
            });
        }
        let mut rest = &bytes[HEADER..];
        let mut next = |length: usize| {
            let (head, tail) = rest.split_at(length);
            rest = tail;
            head
        };
        let refuse = |e: crate::ProofError| match e {
            crate::ProofError::Point(p) | crate::ProofError::Identity(p) => KeyError::Point(p),
            crate::ProofError::Length(_) => KeyError::Magic,
        };
        let alpha_g1 = point(next(32), "alpha").map_err(refuse)?;
        let beta_g2 = point(next(64), "beta").map_err(refuse)?;
        let gamma_g2 = point(next(64), "gamma").map_err(refuse)?;
        let delta_g2 = point(next(64), "delta").map_err(refuse)?;
        let gamma_abc_g1 = (0..points)
            .map(|_| point(next(32), "IC").map_err(refuse))
            .collect::<Result<_, _>>()?;
        let inner = ark_groth16::VerifyingKey {
            alpha_g1,
            beta_g2,
            gamma_g2,
            delta_g2,
            gamma_abc_g1,
        };
        Self::new(name, version, development, inner)
    }

    /// Encodes the key: magic, circuit, version, development flag, alpha, beta, gamma, delta, IC.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(self.name as u8);
        out.extend(self.version.to_be_bytes());
        out.push(u8::from(self.development));
        let k = &self.inner;
        // Writing into a vector cannot fail.
        let _ = k.alpha_g1.serialize_compressed(&mut out);
        for p in [&k.beta_g2, &k.gamma_g2, &k.delta_g2] {
            let _ = p.serialize_compressed(&mut out);
        }
        for p in &k.gamma_abc_g1 {
            let _ = p.serialize_compressed(&mut out);
        }
        out
    }

    /// The circuit.
    pub fn name(&self) -> CircuitName {
        self.name
    }

    /// The circuit's version.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Whether one machine ran the set-up: whoever did can forge. Refused in production.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// SHA-256 of the encoded key.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Name, version and key as one value.
    pub fn circuit_id(&self) -> CircuitId {
        self.id
    }

    /// The key as arkworks' type.
    pub fn inner(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.inner
    }

    /// Checks a proof over bare inputs. Services use [`crate::statement::verify`], which also checks `ctx`.
    ///
    /// # Errors
    /// [`VerifyError::Inputs`] or [`VerifyError::Proof`].
    pub fn verify(&self, inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
        self.check_count(inputs)?;
        let scalars: Vec<Fr> = [Fr::ONE].iter().chain(inputs).copied().collect();
        let ic = self.sum_of_ic(&scalars);
        match Groth16::<Bn254>::verify_proof_with_prepared_inputs(&self.prepared, proof.inner(), &ic) {
            Ok(true) => Ok(()),
            _ => Err(VerifyError::Proof),
        }
    }

    /// A multiple of alpha.
    pub(crate) fn multiple_of_alpha(&self, scalar: Fr) -> G1Projective {
        self.alpha.sum(&[scalar])
    }

    /// The sum of multiples of the IC points, of which there are as many as scalars.
    pub(crate) fn sum_of_ic(&self, scalars: &[Fr]) -> G1Projective {
        self.ic.sum(scalars)
    }

    /// arkworks 0.6 counts a missing input as zero and ignores extra ones.
    pub(crate) fn check_count(&self, inputs: &[Fr]) -> Result<(), VerifyError> {
        let expected = self.inner.gamma_abc_g1.len() - 1;
        if inputs.len() == expected {
            return Ok(());
        }
        Err(VerifyError::Inputs {
            expected,
            got: inputs.len(),
        })
    }
}

fn check(name: CircuitName, key: &ark_groth16::VerifyingKey<Bn254>) -> Result<(), KeyError> {
    let expected = Statement::names(name).len() + 1;
    let got = key.gamma_abc_g1.len();
    if got != expected {
        return Err(KeyError::IcLength { expected, got });
    }
    let g1 = |p: &G1Affine| p.is_on_curve() && p.is_in_correct_subgroup_assuming_on_curve();
    let g2 = |p: &G2Affine| p.is_on_curve() && p.is_in_correct_subgroup_assuming_on_curve();
    let points = [
        ("beta", &key.beta_g2),
        ("gamma", &key.gamma_g2),
        ("delta", &key.delta_g2),
    ];
    if key.alpha_g1.is_zero() || points.iter().any(|(_, p)| p.is_zero()) {
        return Err(KeyError::Degenerate("an identity point"));
    }
    if !g1(&key.alpha_g1) {
        return Err(KeyError::Point("alpha"));
    }
    for (label, p) in points {
        if !g2(p) {
            return Err(KeyError::Point(label));
        }
    }
    let same = |a: &G2Affine, b: &G2Affine| a == b || *a == -*b;
    if same(&key.gamma_g2, &key.delta_g2) {
        return Err(KeyError::Degenerate("gamma = +-delta"));
    }
    if same(&key.beta_g2, &key.gamma_g2) || same(&key.beta_g2, &key.delta_g2) {
        return Err(KeyError::Degenerate("beta = +-gamma or +-delta"));
    }
    if same(&key.delta_g2, &<Bn254 as Pairing>::G2Affine::generator()) {
        return Err(KeyError::Degenerate(
            "delta is the generator: the key had no phase 2",
        ));
    }
    for (i, p) in key.gamma_abc_g1.iter().enumerate() {
        if p.is_zero() {
            return Err(KeyError::Degenerate(
                "an identity IC point: an input would be ignored",
            ));
        }
        if !g1(p) {
            return Err(KeyError::Point("IC"));
        }
        if key.gamma_abc_g1[..i].iter().any(|q| q == p || *q == -*p) {
            return Err(KeyError::Degenerate(
                "two equal or opposite IC points: inputs could be exchanged",
            ));
        }
    }
    Ok(())
}
