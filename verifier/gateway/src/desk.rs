//! The gateway's logic, without the wire: what is asked here, answers in `presentation`, voids in `taking_back`.

mod presentation;
mod restored;
mod taking_back;

use crate::{
    challenges::{Challenges, Done, Question, Stage},
    clock::{Clock, local_date},
    config::{Config, Party},
    error::GatewayError,
    journal::{Journal, JournalError, Record},
    ledger::{Ledger, PostError},
};
use ed25519_dalek::SigningKey;
use medproof_proto::ledger_client::Appended;
use medproof_verifier::{
    CircuitId, CircuitName, Day, Entry, Fr, Name, Proof, Receipt, Role, VerifyingKey, asked::Asked,
    context::bound, cosignature::WitnessPolicy, entry::Post, opening::Opening,
};
use rand::{RngCore, rngs::OsRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use taking_back::Taking;

/// A challenge with everything that a holder needs to answer it.
#[derive(Debug, Clone)]
pub struct Issued {
    /// 32 random bytes.
    pub challenge: [u8; 32],
    /// The ledger to which the answer is posted.
    pub ledger_id: [u8; 32],
    /// The circuit to prove with.
    pub circuit: CircuitName,
    /// Its id.
    pub circuit_id: CircuitId,
    /// Who asks.
    pub relying_party: Name,
    /// What is asked, with the date.
    pub asked: Asked,
    /// The salt under which it is hashed.
    pub payload_salt: [u8; 32],
    /// Its hash.
    pub payload_hash: [u8; 32],
    /// Unix time after which it cannot be answered.
    pub expires: u64,
}

/// An answer to a challenge.
pub struct Presentation {
    /// The challenge.
    pub challenge: [u8; 32],
    /// Public inputs, in order.
    pub inputs: Vec<Fr>,
    /// The proof.
    pub proof: Proof,
    /// What its commitments are opened to.
    pub opening: Opening,
}

/// A durable, verified receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Canonical bytes of the entry.
    pub entry: Vec<u8>,
    /// The ledger's receipt.
    pub receipt: Receipt,
    /// Position of the commitment that the entry appended.
    pub commitment_index: Option<u64>,
    /// Time of the entry's seal.
    pub sealed: u64,
}

/// What a holder is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// True once a challenge: what was asked for is handed over now.
    pub hand_over: bool,
    /// The receipt; none for a bind, which is not posted.
    pub posted: Option<Posted>,
}

/// What staff is told about a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet.
    Open,
    /// The ledger's answer is outstanding.
    Posting,
    /// Posted at this leaf index; the cosignatures that this gateway asks for are outstanding.
    Uncosigned(u64),
    /// Accepted and posted at this leaf index.
    Posted(u64),
    /// The dispense at this leaf index was taken back, or that was asked for and the ledger has not refused.
    Voided(u64),
    /// A bind was accepted.
    Bound {
        /// The pseudonym.
        subject: [u8; 32],
        /// Its person, with which prescriptions are signed. None when an earlier version of this gateway
        /// accepted the bind: ask again.
        person: Option<[u8; 32]>,
    },
    /// Not answered in time.
    Expired,
}

/// The gateway of one party.
pub struct Desk<L, C> {
    party: Party,
    ledger_id: [u8; 32],
    signing_key: SigningKey,
    keys: BTreeMap<CircuitName, VerifyingKey>,
    challenge_seconds: u64,
    utc_offset_minutes: i32,
    challenges: Mutex<Challenges>,
    journal: Mutex<Journal>,
    voids: Mutex<BTreeMap<[u8; 32], Taking>>,
    /// The person of every pseudonym.
    bound: Mutex<BTreeMap<[u8; 32], [u8; 32]>>,
    /// One void at a time: each needs the next sequence number.
    void_turn: tokio::sync::Mutex<()>,
    /// What a receipt must have beside the log's signature, and how long that is waited for.
    policy: Option<(WitnessPolicy, Duration)>,
    /// Leaf indexes of answers that are posted and not yet cosigned.
    uncosigned: Mutex<BTreeMap<[u8; 32], u64>>,
    ledger: L,
    clock: C,
}

/// A poisoned lock means that a thread panicked between two single assignments; the data are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

impl<L: Ledger, C: Clock> Desk<L, C> {
    /// Opens the journal at `config.journal` and takes up where it ends. `policy` is that of the configured witnesses, for
    /// this ledger's log; none where there are none.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(
        config: Config,
        policy: Option<WitnessPolicy>,
        ledger: L,
        clock: C,
    ) -> Result<Self, JournalError> {
        let (journal, records) = Journal::open(&config.journal)?;
        let mut challenges = Challenges::new(config.open_challenges);
        let (voids, bound) = restored::restore(&mut challenges, records)?;
        Ok(Self {
            party: config.party,
            ledger_id: config.ledger_id,
            signing_key: config.signing_key,
            keys: config.circuits.into_iter().map(|k| (k.name(), k)).collect(),
            challenge_seconds: config.challenge_seconds,
            utc_offset_minutes: config.utc_offset_minutes,
            challenges: Mutex::new(challenges),
            journal: Mutex::new(journal),
            voids: Mutex::new(voids),
            bound: Mutex::new(bound),
            void_turn: tokio::sync::Mutex::new(()),
            policy: policy.map(|policy| (policy, config.cosignature_wait)),
            uncosigned: Mutex::default(),
            ledger,
            clock,
        })
    }

    /// This party's date now.
    pub fn today(&self) -> Day {
        local_date(self.clock.now(), self.utc_offset_minutes)
    }

    /// Asks a question. A date of day 0 stands for today.
    ///
    /// # Errors
    /// [`GatewayError::NotAsked`], [`GatewayError::Date`], [`GatewayError::Circuit`] or
    /// [`GatewayError::Full`].
    pub fn challenge(&self, mut asked: Asked, circuit: Option<CircuitName>) -> Result<Issued, GatewayError> {
        self.may_ask(&asked)?;
        let today = self.today();
        match &mut asked {
            Asked::Bind { .. } => {}
            Asked::Dispense { date, .. }
            | Asked::Eligibility { date, .. }
            | Asked::Claim { received: date, .. } => {
                if *date == Day(0) {
                    *date = today;
                }
                if *date != today {
                    return Err(GatewayError::Date);
                }
            }
        }
        let standard = match &asked {
            Asked::Bind { .. } => CircuitName::Bind,
            Asked::Dispense { .. } => CircuitName::Dispense,
            Asked::Eligibility { .. } => CircuitName::Eligibility,
            Asked::Claim { .. } => CircuitName::Claim,
        };
        let circuit = circuit.unwrap_or(standard);
        if !asked.answered_by(circuit) {
            return Err(GatewayError::NotAsked("the circuit is of another statement"));
        }
        let key = self
            .keys
            .get(&circuit)
            .ok_or_else(|| GatewayError::Circuit(circuit.as_str().to_owned()))?;
        let now = self.clock.now();
        let (challenge, salt) = (bound(random()), random());
        let issued = Issued {
            challenge,
            ledger_id: self.ledger_id,
            circuit,
            circuit_id: key.circuit_id(),
            relying_party: self.party.name.clone(),
            payload_hash: asked.payload_hash(&salt),
            payload_salt: salt,
            expires: now + self.challenge_seconds,
            asked: asked.clone(),
        };
        let question = Question {
            asked,
            salt,
            circuit,
            expires: issued.expires,
        };
        lock(&self.challenges).issue(challenge, question, now)?;
        Ok(issued)
    }

    /// Whether this party's role and domain go with the question.
    fn may_ask(&self, asked: &Asked) -> Result<(), GatewayError> {
        let refuse = |reason| Err(GatewayError::NotAsked(reason));
        let (roles, domain): (&[Role], _) = match asked {
            Asked::Bind { issuer, domain, .. } => {
                if *issuer != self.party.name {
                    return refuse("the issuer is another party");
                }
                let issuers: &[Role] = &[Role::Prescriber, Role::RecordIssuer, Role::Payer, Role::Provider];
                (issuers, Some(domain))
            }
            Asked::Dispense { domain, .. } => (&[Role::Pharmacy], Some(domain)),
            Asked::Eligibility { .. } => (&[Role::Sponsor], None),
            Asked::Claim { domain, event, .. } => {
                if event.to_fr().is_none() {
                    return refuse("the event is out of range");
                }
                (&[Role::InsurerGateway], Some(domain))
            }
        };
        if !roles.contains(&self.party.role) {
            return refuse("the question belongs to another role");
        }
        match domain {
            Some(domain) if *domain != self.party.domain => refuse("the domain is another one"),
            _ => Ok(()),
        }
    }

    /// What became of a challenge.
    ///
    /// # Errors
    /// [`GatewayError::UnknownChallenge`].
    pub fn outcome(&self, challenge: &[u8; 32]) -> Result<Outcome, GatewayError> {
        let found = lock(&self.challenges).look(challenge, self.clock.now());
        let (stage, expired) = found.ok_or(GatewayError::UnknownChallenge)?;
        Ok(match stage {
            Stage::Open if expired => Outcome::Expired,
            Stage::Open => Outcome::Open,
            Stage::Busy | Stage::Posting(_) => match lock(&self.uncosigned).get(challenge) {
                Some(index) => Outcome::Uncosigned(*index),
                None => Outcome::Posting,
            },
            Stage::Done(done) => match done.as_ref() {
                Done::Posted { .. } => match answer(&done, false).posted {
                    Some(posted) if lock(&self.voids).contains_key(challenge) => {
                        Outcome::Voided(posted.receipt.index)
                    }
                    Some(posted) => Outcome::Posted(posted.receipt.index),
                    None => Outcome::Posting,
                },
                Done::Bound { subject, person, .. } => Outcome::Bound {
                    subject: *subject,
                    person: *person,
                },
            },
        })
    }

    /// Appends an entry; its receipt is one that meets the policy. `wait`: for cosignatures, where not as configured.
    async fn append(&self, entry: &Entry, wait: Option<Duration>) -> Result<Appended, PostError> {
        let appended = self.ledger.append(entry).await?;
        let Some((policy, usual)) = &self.policy else {
            return Ok(appended);
        };
        let (index, wait) = (appended.receipt.index, wait.unwrap_or(*usual));
        let receipt = self.ledger.cosigned(entry, index, policy, wait).await?;
        Ok(Appended { receipt, ..appended })
    }

    /// The journal fails at a write from now on.
    #[cfg(test)]
    pub(crate) fn fail_journal(&self, write: u32, side: crate::journal::tests::Side) {
        lock(&self.journal).fault.0 = Some((write, side));
    }

    async fn record(self: &Arc<Self>, record: Record) -> Result<(), GatewayError> {
        let desk = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || lock(&desk.journal).append(&record));
        Ok(written.await.map_err(|_| GatewayError::Task)??)
    }
}

/// How long cosignatures of an entry of an earlier run are waited for while the gateway starts.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// Whether the ledger may have an entry already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    First,
    Before,
}

fn answer(done: &Done, hand_over: bool) -> Answer {
    let posted = match done {
        Done::Bound { .. } => None,
        Done::Posted { post, accepted } => {
            Receipt::from_bytes(&accepted.receipt).ok().map(|receipt| Posted {
                entry: Entry::Statement(Box::new(Post::clone(post))).to_bytes(),
                receipt,
                commitment_index: accepted.commitment_index,
                sealed: accepted.sealed,
            })
        }
    };
    Answer { hand_over, posted }
}
