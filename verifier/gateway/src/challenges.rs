//! The table of challenges: what was asked, and how far each answer has come.

use crate::{error::GatewayError, journal::Accepted};
use medproof_verifier::{CircuitName, Fr, asked::Asked, entry::Post, field::fr_to_be_bytes};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// How long an accepted challenge is remembered in seconds: a fill can be voided for 14 days.
const MEMORY: u64 = 15 * 86_400;
/// How long an expired challenge still answers "expired" in seconds.
const GRACE: u64 = 3_600;
/// How often old challenges are dropped, in seconds.
const SWEEP: u64 = 60;

/// What makes two presentations of one challenge the same, whatever the bytes of their proofs:
/// `SHA-256("medproof/presentation/1" || public inputs)`.
pub(crate) fn presentation_key(inputs: &[Fr]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"medproof/presentation/1");
    for input in inputs {
        hash.update(fr_to_be_bytes(input));
    }
    hash.finalize().into()
}

/// A question that was asked.
pub(crate) struct Question {
    pub(crate) asked: Asked,
    pub(crate) salt: [u8; 32],
    pub(crate) circuit: CircuitName,
    pub(crate) expires: u64,
}

/// What is known about an accepted challenge.
pub(crate) enum Done {
    /// Posted; the receipt is durable.
    Posted { post: Arc<Post>, accepted: Accepted },
    /// A bind.
    Bound {
        time: u64,
        key: [u8; 32],
        subject: [u8; 32],
        /// None when it was recorded by version 1 of the journal.
        person: Option<[u8; 32]>,
    },
}

impl Done {
    fn key(&self) -> [u8; 32] {
        match self {
            Self::Posted { post, .. } => presentation_key(&post.inputs),
            Self::Bound { key, .. } => *key,
        }
    }

    fn time(&self) -> u64 {
        match self {
            Self::Posted { accepted, .. } => accepted.time,
            Self::Bound { time, .. } => *time,
        }
    }
}

/// How far a challenge has come.
#[derive(Clone)]
pub(crate) enum Stage {
    /// Asked, not answered.
    Open,
    /// A presentation is being worked on.
    Busy,
    /// An entry was signed; whether the ledger has it is not known.
    Posting(Arc<Post>),
    /// Accepted.
    Done(Arc<Done>),
}

struct Slot {
    question: Option<Arc<Question>>,
    stage: Stage,
}

/// What a presentation may do.
pub(crate) enum Begin {
    /// Check it: the question.
    Check(Arc<Question>),
    /// Send the entry again. Without the question (after a restart) nothing is handed over.
    Resend(Arc<Post>, Option<Arc<Question>>),
    /// Answer as before.
    Repeat(Arc<Done>),
}

/// All challenges.
pub(crate) struct Challenges {
    slots: HashMap<[u8; 32], Slot>,
    limit: usize,
    next_sweep: u64,
}

impl Challenges {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: HashMap::new(),
            limit,
            next_sweep: 0,
        }
    }

    /// Adds a fresh challenge.
    pub(crate) fn issue(
        &mut self,
        challenge: [u8; 32],
        question: Question,
        now: u64,
    ) -> Result<(), GatewayError> {
        let open = |slots: &HashMap<_, Slot>| {
            let unanswered = |s: &&Slot| !matches!(s.stage, Stage::Done(_));
            slots.values().filter(unanswered).count()
        };
        if now >= self.next_sweep || self.slots.len() >= self.limit {
            self.sweep(now);
        }
        if self.slots.len() >= self.limit && open(&self.slots) >= self.limit {
            return Err(GatewayError::Full("open challenges"));
        }
        let slot = Slot {
            question: Some(Arc::new(question)),
            stage: Stage::Open,
        };
        self.slots.insert(challenge, slot);
        Ok(())
    }

    fn sweep(&mut self, now: u64) {
        self.next_sweep = now + SWEEP;
        self.slots.retain(|_, slot| match (&slot.stage, &slot.question) {
            (Stage::Done(done), _) => now < done.time().saturating_add(MEMORY),
            (Stage::Open, Some(q)) => now < q.expires.saturating_add(GRACE),
            (Stage::Open, None) => false,
            (Stage::Busy | Stage::Posting(_), _) => true,
        });
    }

    /// Puts back what the journal says about a challenge.
    pub(crate) fn restore(&mut self, challenge: [u8; 32], stage: Stage) {
        let slot = Slot {
            question: None,
            stage,
        };
        self.slots.insert(challenge, slot);
    }

    /// Drops a challenge.
    pub(crate) fn forget(&mut self, challenge: &[u8; 32]) {
        self.slots.remove(challenge);
    }

    /// Whether a challenge is remembered.
    pub(crate) fn knows(&self, challenge: &[u8; 32]) -> bool {
        self.slots.contains_key(challenge)
    }

    /// Every entry whose fate is open.
    pub(crate) fn unsettled(&self) -> Vec<([u8; 32], Arc<Post>)> {
        let posting = |(challenge, slot): (&[u8; 32], &Slot)| match &slot.stage {
            Stage::Posting(post) => Some((*challenge, Arc::clone(post))),
            _ => None,
        };
        self.slots.iter().filter_map(posting).collect()
    }

    /// Begins the presentation with this [`presentation_key`]. Whoever gets [`Begin::Check`] or
    /// [`Begin::Resend`] owns the challenge until [`Challenges::settle`].
    pub(crate) fn begin(
        &mut self,
        challenge: &[u8; 32],
        key: &[u8; 32],
        now: u64,
    ) -> Result<Begin, GatewayError> {
        let slot = self
            .slots
            .get_mut(challenge)
            .ok_or(GatewayError::UnknownChallenge)?;
        let begin = match &slot.stage {
            Stage::Busy => return Err(GatewayError::Busy),
            Stage::Done(done) if done.key() == *key => return Ok(Begin::Repeat(Arc::clone(done))),
            Stage::Posting(post) if presentation_key(&post.inputs) == *key => {
                Begin::Resend(Arc::clone(post), slot.question.clone())
            }
            Stage::Done(_) | Stage::Posting(_) => return Err(GatewayError::Used),
            Stage::Open => {
                let question = slot.question.as_ref().ok_or(GatewayError::UnknownChallenge)?;
                if now >= question.expires {
                    return Err(GatewayError::Expired);
                }
                Begin::Check(Arc::clone(question))
            }
        };
        slot.stage = Stage::Busy;
        Ok(begin)
    }

    /// Ends the work on a challenge.
    pub(crate) fn settle(&mut self, challenge: &[u8; 32], stage: Stage) {
        if let Some(slot) = self.slots.get_mut(challenge) {
            slot.stage = stage;
        }
    }

    /// What staff is told.
    pub(crate) fn look(&self, challenge: &[u8; 32], now: u64) -> Option<(Stage, bool)> {
        let slot = self.slots.get(challenge)?;
        let expired = slot.question.as_ref().is_none_or(|q| now >= q.expires);
        Some((slot.stage.clone(), expired))
    }
}
