//! The facade: keys and matrices loaded once, then proofs of typed statements.

use crate::{
    Assignment, CircuitError,
    backend::{BackendError, CircuitHandle, EngineBackend, Preparation, PreparationTimes, ProverBackend},
    catalogue,
    keys::{CircuitKeys, Conversion, KeyStore, KeysError, Progress, Stage},
};
use ark_bn254::Fr;
use medproof_circuits::statement::Circuit;
use medproof_verifier::{CircuitId, CircuitName, PROOF_BYTES, Proof, Statement, VerifyingKey};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// What a proof in the making does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofStage {
    /// Computing every value of the circuit from the witness, and checking them against the constraints.
    Witness,
    /// Computing the proof.
    Proving,
    /// Verifying the proof before it leaves.
    Verifying,
}

impl ProofStage {
    /// The stage's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::Proving => "proving",
            Self::Verifying => "verifying",
        }
    }

    /// The share of a typical proof's time that lies before this stage, in percent.
    pub fn percent_before(self) -> u8 {
        match self {
            Self::Witness => 0,
            Self::Proving => 20,
            Self::Verifying => 99,
        }
    }
}

/// Why a proof was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Nobody waits for it any longer.
    #[error("cancelled")]
    Cancelled,
    /// Its deadline passed.
    #[error("the deadline passed")]
    Deadline,
}

/// Told when a stage begins; may stop the proof there.
pub trait Observer: Sync {
    /// `stage` begins.
    ///
    /// # Errors
    /// [`Stopped`] to give up instead.
    fn enter(&self, stage: ProofStage) -> Result<(), Stopped>;
}

/// An observer that never stops.
pub struct Unobserved;

impl Observer for Unobserved {
    fn enter(&self, _: ProofStage) -> Result<(), Stopped> {
        Ok(())
    }
}

/// Why there is no proof. No message holds a value of a witness.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The circuit's keys were not opened.
    #[error("circuit `{0}` is not loaded: open the prover with it")]
    NotLoaded(&'static str),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The circuit cannot be synthesised with this witness.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The witness does not satisfy the circuit.
    #[error("the witness does not satisfy circuit `{0}`: the statement does not hold for it")]
    Unsatisfied(&'static str),
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The backend's proof does not verify.
    #[error("the backend `{backend}` made a proof of `{circuit}` that does not verify; it was discarded")]
    Invalid {
        /// The backend.
        backend: &'static str,
        /// The circuit.
        circuit: &'static str,
    },
    /// The proof was given up.
    #[error("the proof was given up: {0}")]
    Stopped(#[from] Stopped),
}

/// How long the parts of a proof took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Computing and checking the assignment.
    pub witness: Duration,
    /// Computing the proof.
    pub proving: Duration,
    /// Verifying the proof.
    pub verifying: Duration,
}

impl Timings {
    /// All parts together.
    pub fn total(&self) -> Duration {
        self.witness + self.proving + self.verifying
    }
}

/// How long the parts of opening a circuit took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningTimes {
    /// Synthesising the circuit.
    pub synthesis: Duration,
    /// Reading and checking the key file.
    pub reading: Duration,
    /// What the backend did.
    pub preparation: PreparationTimes,
}

/// A verified proof and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven {
    /// The circuit, its version and key.
    pub circuit_id: CircuitId,
    /// The circuit's name.
    pub circuit: CircuitName,
    /// The public inputs, in order.
    pub public_inputs: Vec<Fr>,
    /// The proof.
    pub proof: Proof,
    /// How long it took.
    pub timings: Timings,
}

impl Proven {
    /// Bytes of the encoded proof.
    pub fn proof_bytes(&self) -> usize {
        PROOF_BYTES
    }
}

/// What users are told about a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitInfo {
    /// The circuit's name.
    pub name: CircuitName,
    /// Its version.
    pub version: u16,
    /// Name, version and verifying key as one value.
    pub id: CircuitId,
    /// Number of constraints.
    pub constraints: usize,
    /// Size of the evaluation domain.
    pub domain: usize,
    /// Names of the public inputs, in order.
    pub public_inputs: &'static [&'static str],
    /// Bytes of the proving-key file.
    pub proving_key_bytes: u64,
    /// SHA-256 of the encoded verifying key.
    pub verifying_key_hash: [u8; 32],
    /// Whether one machine ran the set-up.
    pub development_key: bool,
}

struct Loaded {
    keys: Arc<CircuitKeys>,
    handle: CircuitHandle,
}

/// Makes verified proofs of the circuits that were opened.
pub struct Prover {
    backend: Box<dyn ProverBackend>,
    circuits: BTreeMap<CircuitName, Loaded>,
}

impl Default for Prover {
    fn default() -> Self {
        Self::with_backend(Box::new(EngineBackend::new(Preparation::BRIEF)))
    }
}

impl Prover {
    /// A prover on `backend` without circuits.
    pub fn with_backend(backend: Box<dyn ProverBackend>) -> Self {
        Self {
            backend,
            circuits: BTreeMap::new(),
        }
    }

    /// Opens the keys of `circuits` (in development mode they are made where missing) on the default backend:
    /// the engine with [`Preparation::BRIEF`].
    ///
    /// # Errors
    /// [`ProveError`] when a key cannot be opened.
    pub fn open(
        store: &KeyStore,
        circuits: &[CircuitName],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, ProveError> {
        Self::default().opening(store, circuits, progress)
    }

    /// Opens the keys of `circuits` as [`Self::open`] does, on this prover's backend.
    ///
    /// # Errors
    /// [`ProveError`] when a key cannot be opened or prepared.
    pub fn opening(
        mut self,
        store: &KeyStore,
        circuits: &[CircuitName],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, ProveError> {
        let mut opened = Vec::with_capacity(circuits.len());
        for circuit in circuits {
            opened.push(catalogue::open(*circuit, store, progress)?);
        }
        self.backend.announce(&opened.iter().collect::<Vec<_>>());
        for keys in opened {
            let circuit = keys.name();
            progress(Progress {
                circuit,
                stage: Stage::Preparing,
            });
            self.insert(keys)?;
            let prepared = self.opening_times(circuit)?.preparation;
            if let Some((_, Conversion::NotKept(Some(reason)))) = prepared.converting {
                let stage = Stage::NotKept { reason };
                progress(Progress { circuit, stage });
            }
        }
        Ok(self)
    }

    /// Opens the keys of `C`.
    ///
    /// # Errors
    /// [`ProveError`] when its key cannot be opened.
    pub fn load<C: Circuit>(
        &mut self,
        store: &KeyStore,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), ProveError> {
        self.insert(store.open::<C>(progress)?)
    }

    /// Adds a circuit whose keys are at hand.
    ///
    /// # Errors
    /// [`ProveError::Backend`] when the backend cannot prepare them.
    pub fn insert(&mut self, keys: impl Into<Arc<CircuitKeys>>) -> Result<(), ProveError> {
        let keys = keys.into();
        let handle = self.backend.load(Arc::clone(&keys))?;
        self.circuits.insert(keys.name(), Loaded { keys, handle });
        Ok(())
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.backend.name()
    }

    /// The circuits that are loaded.
    pub fn circuits(&self) -> impl Iterator<Item = CircuitName> + '_ {
        self.circuits.keys().copied()
    }

    /// The verifying key of a loaded circuit.
    pub fn verifying_key(&self, circuit: CircuitName) -> Option<&VerifyingKey> {
        self.circuits.get(&circuit).map(|c| c.keys.verifying_key())
    }

    /// The id of a loaded circuit.
    ///
    /// # Errors
    /// [`ProveError::NotLoaded`].
    pub fn circuit_id(&self, circuit: CircuitName) -> Result<CircuitId, ProveError> {
        Ok(self.loaded(circuit)?.keys.circuit_id())
    }

    /// How long opening a circuit took.
    ///
    /// # Errors
    /// [`ProveError::NotLoaded`].
    pub fn opening_times(&self, circuit: CircuitName) -> Result<OpeningTimes, ProveError> {
        let loaded = self.loaded(circuit)?;
        let (synthesis, reading) = loaded.keys.opening_times();
        Ok(OpeningTimes {
            synthesis,
            reading,
            preparation: self.backend.preparation(loaded.handle),
        })
    }

    /// What users are told about the loaded circuits.
    pub fn circuit_info(&self) -> Vec<CircuitInfo> {
        let info = |loaded: &Loaded| {
            let (keys, constraints) = (&loaded.keys, loaded.keys.constraints());
            CircuitInfo {
                name: keys.name(),
                version: keys.verifying_key().version(),
                id: keys.circuit_id(),
                constraints: constraints.num_constraints(),
                domain: constraints.domain(),
                public_inputs: Statement::names(keys.name()),
                proving_key_bytes: keys.file_bytes(),
                verifying_key_hash: *keys.verifying_key().hash(),
                development_key: keys.verifying_key().is_development(),
            }
        };
        self.circuits.values().map(info).collect()
    }

    fn loaded(&self, circuit: CircuitName) -> Result<&Loaded, ProveError> {
        self.circuits
            .get(&circuit)
            .ok_or(ProveError::NotLoaded(circuit.as_str()))
    }

    /// Computes every value of `C` and checks them against the constraints.
    ///
    /// # Errors
    /// [`ProveError::Unsatisfied`] when the statement does not hold for this witness.
    pub fn assign<C: Circuit>(
        &self,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<Assignment, ProveError> {
        let constraints = self.loaded(C::NAME)?.keys.constraints();
        let assignment = constraints.assign::<C>(public, witness)?;
        // Release builds of ark-groth16 do not check this, and would return a proof that does not hold.
        if !constraints.is_satisfied(assignment.full()) {
            return Err(ProveError::Unsatisfied(C::NAME.as_str()));
        }
        Ok(assignment)
    }

    /// Makes a proof of `C`.
    ///
    /// # Errors
    /// [`ProveError`]; in particular [`ProveError::Unsatisfied`] when the statement does not hold.
    pub fn prove<C: Circuit>(&self, public: &C::Public, witness: &C::Witness) -> Result<Proven, ProveError> {
        self.prove_observed::<C>(public, witness, &Unobserved)
    }

    /// Makes a proof of `C`, telling `observer` about each stage.
    ///
    /// # Errors
    /// [`ProveError`]; [`ProveError::Stopped`] when the observer stops it.
    pub fn prove_observed<C: Circuit>(
        &self,
        public: &C::Public,
        witness: &C::Witness,
        observer: &dyn Observer,
    ) -> Result<Proven, ProveError> {
        observer.enter(ProofStage::Witness)?;
        let begin = Instant::now();
        let assignment = self.assign::<C>(public, witness)?;
        let witness_time = begin.elapsed();
        let mut proven = self.prove_assignment(C::NAME, assignment, observer)?;
        proven.timings.witness = witness_time;
        Ok(proven)
    }

    /// Makes a proof from an assignment.
    ///
    /// # Errors
    /// [`ProveError`]; [`ProveError::Invalid`] when the assignment does not satisfy the circuit.
    pub fn prove_assignment(
        &self,
        circuit: CircuitName,
        assignment: Assignment,
        observer: &dyn Observer,
    ) -> Result<Proven, ProveError> {
        let loaded = self.loaded(circuit)?;
        observer.enter(ProofStage::Proving)?;
        let begin = Instant::now();
        let public_inputs = assignment.public_inputs().to_vec();
        let mut proofs = self
            .backend
            .prove_batch(loaded.handle, std::slice::from_ref(&assignment));
        drop(assignment);
        let proof = match (proofs.pop(), proofs.is_empty()) {
            (Some(proof), true) => proof?,
            _ => {
                let reason = "it did not return one proof for one assignment";
                return Err(BackendError::failed(circuit, reason).into());
            }
        };
        let proving = begin.elapsed();
        observer.enter(ProofStage::Verifying)?;
        let begin = Instant::now();
        self.check(loaded, &public_inputs, &proof)?;
        Ok(Proven {
            circuit_id: loaded.keys.circuit_id(),
            circuit,
            public_inputs,
            proof,
            timings: Timings {
                witness: Duration::ZERO,
                proving,
                verifying: begin.elapsed(),
            },
        })
    }

    /// Makes one proof for each assignment, in order, as one batch of the backend.
    ///
    /// # Errors
    /// [`ProveError::NotLoaded`] for the whole batch; other errors stand in the place of their proof.
    pub fn prove_batch(
        &self,
        circuit: CircuitName,
        assignments: &[Assignment],
    ) -> Result<Vec<Result<Proof, ProveError>>, ProveError> {
        let loaded = self.loaded(circuit)?;
        let proofs = self.backend.prove_batch(loaded.handle, assignments);
        if proofs.len() != assignments.len() {
            let reason = "it did not return one proof for each assignment";
            return Err(BackendError::failed(circuit, reason).into());
        }
        let checked = proofs.into_iter().zip(assignments).map(|(proof, assignment)| {
            let proof = proof?;
            self.check(loaded, assignment.public_inputs(), &proof)?;
            Ok(proof)
        });
        Ok(checked.collect())
    }

    fn check(&self, loaded: &Loaded, inputs: &[Fr], proof: &Proof) -> Result<(), ProveError> {
        let verdict = loaded.keys.verifying_key().verify(inputs, proof);
        verdict.map_err(|_| ProveError::Invalid {
            backend: self.backend.name(),
            circuit: loaded.keys.name().as_str(),
        })
    }
}
