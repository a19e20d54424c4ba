//! Verification on one core: single proofs and batches, beside ark-groth16 on the same proofs.

use super::median_ms;
use crate::CliError;
use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, PreparedVerifyingKey};
use medproof_verifier::{
    CircuitName, Proof, VerifyingKey,
    batch::{self, Item},
};
use rand::rngs::OsRng;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Proofs of a batch.
const BATCH: usize = 64;

/// Different proofs of one statement, and one that does not hold.
struct Corpus<'a> {
    key: &'a VerifyingKey,
    theirs: PreparedVerifyingKey<Bn254>,
    inputs: &'a [Fr],
    proofs: Vec<Proof>,
    bad: Proof,
}

/// Measures `runs` times and gives a row for single proofs, a batch, and a batch with one bad proof. Times are
/// those of one proof.
///
/// # Errors
/// [`CliError`] when a verdict is wrong.
pub(super) fn measure(
    name: CircuitName,
    key: &VerifyingKey,
    inputs: &[Fr],
    proof: &Proof,
    runs: u32,
) -> Result<Vec<Value>, CliError> {
    let corpus = Corpus::new(key, inputs, proof)?;
    let core = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let core = core.map_err(|error| CliError::Software(format!("a pool of one thread: {error}")))?;
    let mut times = <[Vec<Duration>; 4]>::default();
    core.install(|| {
        // Alternating, so that all see the same state of the machine.
        for _ in 0..runs {
            let measured = [
                timed(|| corpus.arkworks()),
                timed(|| corpus.singly()),
                timed(|| corpus.together(None)),
                timed(|| corpus.together(Some(BATCH / 2))),
            ];
            for (times, (right, time)) in times.iter_mut().zip(measured) {
                if !right {
                    return Err(CliError::Software("a verdict of verification is wrong".into()));
                }
                times.push(time);
            }
        }
        Ok(())
    })?;
    let [arkworks, singly, together, one_bad] = times.map(|t| median_ms(t) / BATCH as f64);
    let row = |batch: usize, bad: u32, ms: f64| {
        json!({
            "name": name.as_str(),
            "public_inputs": inputs.len(),
            "batch": batch,
            "bad_proofs": bad,
            "verifying_ms": (ms * 1e3).round() / 1e3,
            "verifications_per_second": (1e3 / ms).round(),
            "ratio_to_arkworks": (arkworks / ms * 1e2).round() / 1e2,
        })
    };
    Ok(vec![
        row(1, 0, singly),
        row(BATCH, 0, together),
        row(BATCH, 1, one_bad),
    ])
}

fn timed(work: impl FnOnce() -> bool) -> (bool, Duration) {
    let begin = Instant::now();
    let right = work();
    (right, begin.elapsed())
}

impl<'a> Corpus<'a> {
    fn new(key: &'a VerifyingKey, inputs: &'a [Fr], proof: &Proof) -> Result<Self, CliError> {
        let fault = |error| CliError::Software(format!("a proof made from another: {error}"));
        let again = |_| {
            let inner = Groth16::<Bn254>::rerandomize_proof(key.inner(), proof.inner(), &mut OsRng);
            Proof::new(inner).map_err(fault)
        };
        let mut wrong = proof.inner().clone();
        wrong.a = -wrong.a;
        Ok(Self {
            key,
            theirs: ark_groth16::prepare_verifying_key(key.inner()),
            inputs,
            proofs: (0..BATCH).map(again).collect::<Result<_, _>>()?,
            bad: Proof::new(wrong).map_err(fault)?,
        })
    }

    fn arkworks(&self) -> bool {
        let holds = |proof: &Proof| {
            let verdict = Groth16::<Bn254>::verify_proof(&self.theirs, proof.inner(), self.inputs);
            matches!(verdict, Ok(true))
        };
        self.proofs.iter().all(holds)
    }

    fn singly(&self) -> bool {
        self.proofs
            .iter()
            .all(|proof| self.key.verify(self.inputs, proof).is_ok())
    }

    /// One batch; with the bad proof in the given place.
    fn together(&self, bad: Option<usize>) -> bool {
        let mut items: Vec<_> = self
            .proofs
            .iter()
            .map(|proof| Item {
                key: self.key,
                inputs: self.inputs,
                proof,
            })
            .collect();
        if let Some(item) = bad.and_then(|at| items.get_mut(at)) {
            item.proof = &self.bad;
        }
        let verdicts = batch::verify(&items, &mut OsRng);
        verdicts.len() == BATCH
            && verdicts
                .iter()
                .enumerate()
                .all(|(at, verdict)| verdict.is_err() == (bad == Some(at)))
    }
}
