//! The desk against a ledger that can be told to refuse, to be away, or to answer.

use crate::{
    Config, GatewayError, ManualClock, Party,
    desk::{Desk, Issued, Outcome, Presentation},
    ledger::{Ledger, PostError},
    service::Service,
};
use ark_bn254::Bn254;
use ark_ff::Field;
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError},
    lc,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use ed25519_dalek::SigningKey;
use medproof_proto::{
    gateway::{ChallengeRequest, gateway_server::Gateway as _},
    ledger_client::Appended,
};
use medproof_verifier::{
    CircuitName, Context, Day, Entry, Fr, LogSigner, Name, Proof, Public, Receipt, Role, Statement, Tag,
    VerifyingKey,
    asked::{Asked, Mismatch},
    cosignature::{CosignatureError, WitnessPolicy},
    entry::Seal,
    field::fr_to_be_bytes,
    inclusion::leaf_hash,
    opening::{DispenseOpening, Opening},
    statement::{BindPublic, DispensePublic, EligibilityPublic},
    tagged,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tempfile::TempDir;
use tonic::Code;

mod answers;
mod binds;
mod cosigned;
mod fills;
mod front;

/// The first input is the square of 7; the others are free.
struct Square(Vec<Fr>);

impl ConstraintSynthesizer<Fr> for Square {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let root = cs.new_witness_variable(|| Ok(Fr::from(7u64)))?;
        for (i, value) in self.0.iter().enumerate() {
            let input = cs.new_input_variable(|| Ok(*value))?;
            let (left, right) = match i {
                0 => (root, input),
                _ => (input, cs.new_witness_variable(|| Ok(value.square()))?),
            };
            cs.enforce_r1cs_constraint(|| lc!() + left, || lc!() + left, || lc!() + right)?;
        }
        Ok(())
    }
}

fn proving_key(circuit: CircuitName) -> &'static ProvingKey<Bn254> {
    static KEYS: OnceLock<BTreeMap<CircuitName, ProvingKey<Bn254>>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let circuits = [CircuitName::Bind, CircuitName::Dispense, CircuitName::Eligibility];
        let key = |circuit: CircuitName| {
            let blank = Square(vec![Fr::from(0u64); Statement::names(circuit).len()]);
            let mut rng = StdRng::seed_from_u64(circuit as u64);
            Groth16::<Bn254>::generate_random_parameters_with_reduction(blank, &mut rng).unwrap()
        };
        circuits.into_iter().map(|c| (c, key(c))).collect()
    });
    &keys[&circuit]
}

fn verifying_keys() -> Vec<VerifyingKey> {
    [CircuitName::Bind, CircuitName::Dispense, CircuitName::Eligibility]
        .into_iter()
        .map(|c| VerifyingKey::new(c, 1, true, proving_key(c).vk.clone()).unwrap())
        .collect()
}

fn prove(circuit: CircuitName, inputs: &[Fr]) -> Proof {
    let mut rng = StdRng::seed_from_u64(9);
    let key = proving_key(circuit);
    let proof = Groth16::<Bn254>::create_random_proof_with_reduction(Square(inputs.to_vec()), key, &mut rng);
    Proof::new(proof.unwrap()).unwrap()
}

/// What the fake ledger does with the next entry.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    Refuses(Code),
    /// Refuses one entry and answers from then on.
    RefusesOnce(Code),
    /// Takes the entry, but the answer is lost.
    Loses,
}

#[derive(Clone)]
struct FakeLedger {
    inner: Arc<Mutex<(Mood, Vec<Vec<u8>>)>>,
    /// Newest first.
    seals: Arc<Mutex<Vec<Seal>>>,
    /// Cosignature lines that its receipts get.
    cosignatures: Arc<Mutex<Vec<u8>>>,
}

fn log_signer() -> LogSigner {
    LogSigner::new("log", SigningKey::from_bytes(&[3; 32])).unwrap()
}

impl FakeLedger {
    fn new() -> Self {
        Self {
            inner: Arc::new(Mutex::new((Mood::Answers, Vec::new()))),
            seals: Arc::new(Mutex::new(vec![seal(NOW - 1_000, 49)])),
            cosignatures: Arc::default(),
        }
    }

    fn mood(&self, mood: Mood) {
        self.inner.lock().unwrap().0 = mood;
    }

    fn entries(&self) -> usize {
        self.inner.lock().unwrap().1.len()
    }
}

impl Ledger for FakeLedger {
    async fn append(&self, entry: &Entry) -> Result<Appended, PostError> {
        let bytes = entry.to_bytes();
        let mut inner = self.inner.lock().unwrap();
        if let Mood::Refuses(code) | Mood::RefusesOnce(code) = inner.0 {
            if matches!(inner.0, Mood::RefusesOnce(_)) {
                inner.0 = Mood::Answers;
            }
            return Err(PostError::Refused {
                code,
                reason: "refused".into(),
            });
        }
        let known = inner.1.iter().position(|b| *b == bytes);
        let index = known.unwrap_or_else(|| {
            inner.1.push(bytes.clone());
            inner.1.len() - 1
        });
        if inner.0 == Mood::Loses {
            return Err(PostError::Unavailable("the connection broke".into()));
        }
        Ok(Appended {
            receipt: receipt(index as u64, &bytes),
            repeated: known.is_some(),
            commitment_index: Some(5),
            time: NOW,
        })
    }

    async fn cosigned(
        &self,
        entry: &Entry,
        index: u64,
        policy: &WitnessPolicy,
        _: Duration,
    ) -> Result<Receipt, PostError> {
        let bytes = entry.to_bytes();
        let mut receipt = receipt(index, &bytes);
        receipt.checkpoint.extend(&*self.cosignatures.lock().unwrap());
        let checked = policy.check(&receipt.checkpoint);
        match checked {
            Ok(_) => Ok(receipt),
            Err(error @ CosignatureError::Quorum { .. }) => Err(PostError::Uncosigned {
                index,
                reason: error.to_string(),
            }),
            Err(error) => Err(PostError::Receipt(error.to_string())),
        }
    }

    async fn last_sequence(&self, _: &Name) -> Result<u64, PostError> {
        Ok(7)
    }

    async fn recent_seals(&self, _: u64) -> Result<Vec<Seal>, PostError> {
        Ok(self.seals.lock().unwrap().clone())
    }
}

/// The receipt of an entry in a log of its own.
fn receipt(index: u64, entry: &[u8]) -> Receipt {
    Receipt {
        index,
        inclusion: vec![],
        checkpoint: log_signer().sign(1, &leaf_hash(entry)).unwrap(),
    }
}

fn seal(time: u64, identity_root: u64) -> Seal {
    Seal {
        batch: 0,
        first: 0,
        previous: [0; 32],
        time,
        commitment_root: Fr::from(1u64),
        identity_root: Fr::from(identity_root),
        registry_root: Fr::from(2u64),
        commitments: 0,
        nullifiers: [0; 5],
    }
}

/// 2026-03-02, 10:00 UTC.
const NOW: u64 = 1_772_445_600;

struct World {
    desk: Arc<Desk<FakeLedger, ManualClock>>,
    ledger: FakeLedger,
    clock: ManualClock,
    dir: TempDir,
    role: Role,
    policy: Option<WitnessPolicy>,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn config(dir: &TempDir, role: Role) -> Config {
    let mut config = Config::new(
        ([127, 0, 0, 1], 0).into(),
        Party {
            name: name("party-1"),
            role,
            domain: name("us-ma"),
        },
        "http://127.0.0.1:1".parse().unwrap(),
        [4; 32],
        SigningKey::from_bytes(&[6; 32]),
        zeroize::Zeroizing::new("a token of enough bytes".into()),
        dir.path().join("journal"),
        verifying_keys(),
    );
    config.development = true;
    config
}

impl World {
    fn new(role: Role) -> Self {
        Self::asking(role, None)
    }

    /// A gateway that asks for cosignatures.
    fn asking(role: Role, policy: Option<WitnessPolicy>) -> Self {
        let (dir, ledger) = (tempfile::tempdir().unwrap(), FakeLedger::new());
        Self::open(dir, (ledger, ManualClock::new(NOW)), role, policy)
    }

    fn open(
        dir: TempDir,
        (ledger, clock): (FakeLedger, ManualClock),
        role: Role,
        policy: Option<WitnessPolicy>,
    ) -> Self {
        let config = config(&dir, role);
        let desk = Desk::open(config, policy.clone(), ledger.clone(), clock.clone()).unwrap();
        Self {
            desk: Arc::new(desk),
            ledger,
            clock,
            dir,
            role,
            policy,
        }
    }

    /// The process ends and begins again.
    fn restart(self) -> Self {
        let Self {
            desk,
            ledger,
            clock,
            dir,
            role,
            policy,
        } = self;
        drop(desk);
        Self::open(dir, (ledger, clock), role, policy)
    }
}

fn trial() -> Asked {
    Asked::Eligibility {
        policy_id: Fr::from(3u64),
        date: Day(0),
    }
}

fn counter() -> Asked {
    Asked::Dispense {
        domain: name("us-ma"),
        policy_id: Fr::from(3u64),
        date: Day(0),
        drug: 1 << 64 | 856_999,
        quantity: 120_000,
        identity: Fr::from(8u64),
        prescriber: None,
    }
}

fn context(issued: &Issued) -> Fr {
    Context {
        ledger_id: issued.ledger_id,
        circuit_id: issued.circuit_id,
        relying_party: issued.relying_party.clone(),
        challenge: issued.challenge,
        payload_hash: issued.payload_hash,
    }
    .to_fr()
}

fn screening(issued: &Issued, nullifier: u64) -> EligibilityPublic {
    let Some(date) = issued.asked.date() else {
        panic!("a trial has a date")
    };
    EligibilityPublic {
        identity_root: Fr::from(49u64),
        registry_root: Fr::from(2u64),
        policy_id: Fr::from(3u64),
        date: Fr::from(date.0),
        nf_trial: Fr::from(nullifier),
        ctx: context(issued),
    }
}

fn presentation(issued: &Issued, inputs: Vec<Fr>, opening: Opening) -> Presentation {
    Presentation {
        challenge: issued.challenge,
        proof: prove(issued.circuit, &inputs),
        inputs,
        opening,
    }
}

fn screened(issued: &Issued, nullifier: u64) -> Presentation {
    presentation(issued, screening(issued, nullifier).to_vec(), Opening::None)
}
