//! A throw-away development ledger's parties, and as many entries of theirs as a measurement needs.
//!
//! The circuit is the smallest there is: none. The verifying key is a development key made here, and whoever makes a
//! key knows its trapdoor, with which a proof of any inputs takes one multiplication. Such a key has the form of a
//! real one, so checking these proofs takes what checking any proof of `dispense` takes; no check takes advantage of A
//! and B being the same in all of them. A ledger outside development accepts no such key.

use crate::CliError;
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use ed25519_dalek::SigningKey;
use medproof_ledger::{Clock, state::Head};
use medproof_verifier::{
    CircuitName, Context, Day, Entry, KeyLeaf, Name, Proof, Role, Statement, VerifyingKey,
    context::bound,
    eddsa::PublicKey,
    entry::{
        Body, CircuitAction, CircuitChange, Genesis, Governed, MIN_REENROL_DELAY, Open, Opening,
        PolicyAction, PolicyChange, PolicyPurpose, PolicyTerms, Post, RegistryAction, RegistryChange, Signed,
    },
    statement::DispensePublic,
};
use rand::{
    RngCore, SeedableRng,
    rngs::{OsRng, StdRng},
};
use rayon::prelude::*;
use std::ops::Range;

/// 2026-01-01T12:00:00Z.
const TIME: u64 = 1_767_268_800;

/// A clock that stands still, so that no root ages while entries are made.
#[derive(Debug)]
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        TIME
    }

    fn set(&self, _time: u64) -> Option<i64> {
        None
    }
}

/// Roots that statements are about.
pub(super) struct Roots {
    pub(super) anchor: Fr,
    pub(super) identity_root: Fr,
    pub(super) registry_root: Fr,
}

impl Roots {
    /// Those of a ledger's last batch.
    pub(super) fn of(head: &Head) -> Self {
        Self {
            anchor: head.commitment_root,
            identity_root: head.identity_root,
            registry_root: head.registry_root,
        }
    }
}

/// The key's discrete logarithms.
struct Trapdoor {
    constant: Fr,
    gamma: Fr,
    delta_inverse: Fr,
    ic: Vec<Fr>,
    a: G1Affine,
    b: G2Affine,
}

/// The parties' keys.
pub(super) struct World {
    genesis: Genesis,
    ledger_id: [u8; 32],
    log_key: SigningKey,
    governor: SigningKey,
    mirror: SigningKey,
    pharmacy: (Name, SigningKey),
    payer: (Name, SigningKey),
    domain: Name,
    plan: Name,
    policy: Fr,
    key: VerifyingKey,
    trapdoor: Trapdoor,
}

fn name(text: &str) -> Result<Name, CliError> {
    text.parse()
        .map_err(|error| CliError::Software(format!("the name `{text}`: {error}")))
}

fn key() -> SigningKey {
    SigningKey::generate(&mut OsRng)
}

/// A development key of `dispense` that is of no circuit, and its trapdoor.
fn dispense_key() -> Result<(VerifyingKey, Trapdoor), CliError> {
    let random = || Fr::rand(&mut OsRng);
    let [alpha, beta, gamma, delta, a, b] = [(); 6].map(|()| random());
    let ic: Vec<Fr> = Statement::names(CircuitName::Dispense)
        .iter()
        .map(|_| random())
        .chain([random()])
        .collect();
    let g1 = |x: Fr| (G1Affine::generator() * x).into_affine();
    let g2 = |x: Fr| (G2Affine::generator() * x).into_affine();
    let inner = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(alpha),
        beta_g2: g2(beta),
        gamma_g2: g2(gamma),
        delta_g2: g2(delta),
        gamma_abc_g1: ic.iter().copied().map(g1).collect(),
    };
    let fault = |what: String| CliError::Software(format!("the key of the measurement: {what}"));
    let key = VerifyingKey::new(CircuitName::Dispense, 1, true, inner).map_err(|e| fault(e.to_string()))?;
    let delta_inverse = delta.inverse().ok_or_else(|| fault("delta is zero".into()))?;
    let trapdoor = Trapdoor {
        constant: a * b - alpha * beta,
        gamma,
        delta_inverse,
        ic,
        a: g1(a),
        b: g2(b),
    };
    Ok((key, trapdoor))
}

/// An element that differs with the number. In a ledger nullifiers and commitments are hashes: their rows lie anywhere
/// among those there are, which costs more than rows that follow one another.
pub(super) fn scattered(n: u64) -> Fr {
    Fr::rand(&mut StdRng::seed_from_u64(n))
}

/// One of the elements of fill `n`.
fn of_fill(n: u64, kind: u64) -> Fr {
    scattered((1 << 40) * kind + n)
}

/// The account nullifier that fill `n` spends.
pub(super) fn account_nullifier(n: u64) -> Fr {
    of_fill(n, 1)
}

impl Trapdoor {
    /// C = (ab - alpha beta - gamma ic(x)) / delta.
    fn prove(&self, inputs: &[Fr]) -> Result<Proof, CliError> {
        let ic = self.ic[0] + self.ic[1..].iter().zip(inputs).map(|(k, x)| *k * x).sum::<Fr>();
        let c = (self.constant - self.gamma * ic) * self.delta_inverse;
        Proof::new(ark_groth16::Proof {
            a: self.a,
            b: self.b,
            c: (G1Affine::generator() * c).into_affine(),
        })
        .map_err(|error| CliError::Software(format!("a proof of the measurement: {error}")))
    }
}

impl World {
    pub(super) fn new() -> Result<Self, CliError> {
        let (log_key, governor) = (key(), key());
        let mut nonce = [0; 32];
        OsRng.fill_bytes(&mut nonce);
        let genesis = Genesis {
            nonce,
            origin: "bench.invalid/ledger".into(),
            log_key: log_key.verifying_key(),
            development: true,
            time: TIME,
            reenrol_delay: MIN_REENROL_DELAY,
            threshold: 1,
            governance: vec![governor.verifying_key()],
            pinned: vec![],
        };
        let (key_of_circuit, trapdoor) = dispense_key()?;
        Ok(Self {
            ledger_id: genesis.ledger_id(),
            genesis,
            log_key,
            governor,
            mirror: key(),
            pharmacy: (name("pharmacy-1")?, key()),
            payer: (name("payer-1")?, key()),
            domain: name("us-ma")?,
            plan: name("plan-1")?,
            policy: Fr::from(1u64),
            key: key_of_circuit,
            trapdoor,
        })
    }

    pub(super) fn genesis(&self) -> Genesis {
        self.genesis.clone()
    }

    pub(super) fn log_key(&self) -> SigningKey {
        self.log_key.clone()
    }

    /// The key that a mirror cosigns with.
    pub(super) fn mirror_key(&self) -> SigningKey {
        self.mirror.clone()
    }

    fn governed<T: Body>(&self, body: T) -> Governed<T> {
        Governed::new(body, &self.ledger_id, &[(0, &self.governor)])
    }

    /// Circuit, parties and policy, in the order in which they have to be appended.
    pub(super) fn governance(&self) -> Vec<Vec<u8>> {
        let accept = CircuitChange {
            sequence: 1,
            action: CircuitAction::Accept(Box::new(self.key.clone())),
        };
        let party = |sequence, index, role, (party, key): &(Name, SigningKey), scope: &Name| {
            // A payer also has a key for balances, which nothing here is signed with.
            let point = match role {
                Role::Payer => medproof_records::signing::SigningKey::generate(&mut OsRng).public_key(),
                _ => PublicKey {
                    x: Fr::from(0u64),
                    y: Fr::from(0u64),
                },
            };
            let change = RegistryChange {
                sequence,
                index,
                action: RegistryAction::Put {
                    leaf: KeyLeaf {
                        ax: point.x,
                        ay: point.y,
                        role,
                        party: party.clone(),
                        scope: scope.to_fr(),
                        valid_from: Day::from_unix_seconds(TIME),
                        valid_to: Day::OPEN,
                    },
                    posting_key: key.verifying_key(),
                },
            };
            Entry::Registry(self.governed(change)).to_bytes()
        };
        let policy = PolicyChange {
            sequence: 4,
            action: PolicyAction::Accept(PolicyTerms {
                id: self.policy,
                name: self.domain.clone(),
                version: self.domain.clone(),
                domain: self.domain.clone(),
                purpose: PolicyPurpose::Dispense,
                valid_from: Day::from_unix_seconds(TIME),
                valid_to: Day::from_unix_seconds(TIME),
                text_hash: [1; 32],
            }),
        };
        vec![
            Entry::Circuit(self.governed(accept)).to_bytes(),
            party(2, 0, Role::Pharmacy, &self.pharmacy, &self.domain),
            party(3, 1, Role::Payer, &self.payer, &self.plan),
            Entry::Policy(self.governed(policy)).to_bytes(),
        ]
    }

    /// Openings of benefit notes with these sequence numbers: entries with one commitment and no proof.
    pub(super) fn openings(&self, numbers: Range<u64>) -> Vec<Vec<u8>> {
        let opening = |sequence| {
            let body = Open {
                sequence,
                party: self.payer.0.clone(),
                domain: self.plan.clone(),
                what: Opening::Benefit {
                    note: scattered(sequence),
                },
            };
            Entry::Open(Signed::new(body, &self.ledger_id, &self.payer.1)).to_bytes()
        };
        numbers.into_par_iter().map(opening).collect()
    }

    /// Fills with proofs, one for each number: two nullifiers and one commitment.
    pub(super) fn fills(&self, roots: &Roots, numbers: Range<u64>) -> Result<Vec<Vec<u8>>, CliError> {
        numbers.into_par_iter().map(|n| self.fill(roots, n)).collect()
    }

    fn fill(&self, roots: &Roots, n: u64) -> Result<Vec<u8>, CliError> {
        let mut challenge = [0; 32];
        challenge[..8].copy_from_slice(&n.to_be_bytes());
        let context = Context {
            ledger_id: self.ledger_id,
            circuit_id: self.key.circuit_id(),
            relying_party: self.pharmacy.0.clone(),
            challenge: bound(challenge),
            payload_hash: [0; 32],
        };
        let value = |kind: u64| of_fill(n, kind);
        let statement = Statement::Dispense(DispensePublic {
            anchor: roots.anchor,
            identity_root: roots.identity_root,
            registry_root: roots.registry_root,
            domain: self.domain.to_fr(),
            policy_id: self.policy,
            date: Fr::from(Day::from_unix_seconds(TIME).0),
            nf_note: account_nullifier(n),
            cm_note: value(2),
            cm_undo: value(3),
            nf_fill: value(4),
            cm_dispense: value(5),
            ctx: context.to_fr(),
        });
        let proof = self.trapdoor.prove(&statement.to_vec())?;
        let post = Post::new(&statement, &context, proof, &self.pharmacy.1);
        Ok(Entry::Statement(Box::new(post)).to_bytes())
    }
}
