//! The gateway's logic, without the wire.

use crate::{
    challenges::{Begin, Challenges, Done, Question, Stage, presentation_key},
    clock::{Clock, local_date},
    config::{Config, Party},
    error::GatewayError,
    journal::{Accepted, Journal, JournalError, Record},
    ledger::{Ledger, PostError},
};
use ed25519_dalek::SigningKey;
use medproof_proto::ledger_client::Appended;
use medproof_verifier::{
    CircuitId, CircuitName, Context, Day, Entry, Fr, Name, Proof, Receipt, Role, Statement, VerifyingKey,
    asked::Asked,
    context::bound,
    entry::{Post, Signed, Void},
    field::fr_to_be_bytes,
    opening::Opening,
    statement,
};
use rand::{RngCore, rngs::OsRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tonic::Code;

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
    /// Opens the journal at `config.journal` and takes up where it ends.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(config: Config, ledger: L, clock: C) -> Result<Self, JournalError> {
        let (journal, records) = Journal::open(&config.journal)?;
        let mut challenges = Challenges::new(config.open_challenges);
        let (voids, bound) = restore(&mut challenges, records)?;
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

    /// Checks an answer, posts it, and returns after its receipt is on disk here.
    ///
    /// The work goes on when the caller gives up: an entry on the ledger is always followed by its record.
    ///
    /// # Errors
    /// [`GatewayError`]; the challenge can be answered again unless the entry's fate is open.
    pub async fn present(self: &Arc<Self>, presentation: Presentation) -> Result<Answer, GatewayError> {
        let challenge = presentation.challenge;
        let key = presentation_key(&presentation.inputs);
        let begin = lock(&self.challenges).begin(&challenge, &key, self.clock.now())?;
        let desk = Arc::clone(self);
        let work = match begin {
            Begin::Repeat(done) => return Ok(answer(&done, false)),
            Begin::Resend(post, None) => {
                tokio::spawn(async move { desk.post(challenge, post, Sent::Before).await })
            }
            Begin::Resend(post, Some(question)) => tokio::spawn(async move {
                // Public inputs are public: only proof and opening show that this is the holder.
                if let Err(error) = desk.check_again(presentation, question).await {
                    lock(&desk.challenges).settle(&challenge, Stage::Posting(post));
                    return Err(error);
                }
                let answer = desk.post(challenge, post, Sent::Before).await?;
                Ok(Answer {
                    hand_over: true,
                    ..answer
                })
            }),
            Begin::Check(question) => tokio::spawn(async move {
                match desk.check(presentation, question).await {
                    Ok(Checked::Post(post)) => {
                        let answer = desk.post(challenge, post, Sent::First).await?;
                        Ok(Answer {
                            hand_over: true,
                            ..answer
                        })
                    }
                    Ok(Checked::Bound(done)) => {
                        lock(&desk.challenges).settle(&challenge, Stage::Done(Arc::clone(&done)));
                        Ok(answer(&done, true))
                    }
                    Err(error) => {
                        lock(&desk.challenges).settle(&challenge, Stage::Open);
                        Err(error)
                    }
                }
            }),
        };
        work.await.map_err(|_| GatewayError::Task)?
    }

    /// Proof, context, opening and date; then the signed post, recorded as an intent.
    async fn check(
        self: &Arc<Self>,
        presentation: Presentation,
        question: Arc<Question>,
    ) -> Result<Checked, GatewayError> {
        let desk = Arc::clone(self);
        // A challenge of yesterday is not answered today.
        if question.asked.date().is_some_and(|date| date != self.today()) {
            return Err(GatewayError::Date);
        }
        let challenge = presentation.challenge;
        let key = presentation_key(&presentation.inputs);
        // Pairings and a disk sync: off the reactor.
        let work = tokio::task::spawn_blocking(move || {
            let (statement, context) = desk.verify(&presentation, &question)?;
            if let Statement::Bind(bind) = statement {
                return Ok(Verdict::Bind(bind));
            }
            let post = Post::new(&statement, &context, presentation.proof, &desk.signing_key);
            let entry = Entry::Statement(Box::new(post.clone())).to_bytes();
            lock(&desk.journal).append(&Record::Intent { challenge, entry })?;
            Ok::<_, GatewayError>(Verdict::Post(Arc::new(post)))
        });
        let bind = match work.await.map_err(|_| GatewayError::Task)?? {
            Verdict::Post(post) => return Ok(Checked::Post(post)),
            Verdict::Bind(bind) => bind,
        };
        // Nothing is posted, so nobody but this gateway checks the root.
        if self.ledger.identity_root().await? != bind.identity_root {
            return Err(GatewayError::IdentityRoot);
        }
        let (time, subject) = (self.clock.now(), fr_to_be_bytes(&bind.subject));
        let person = fr_to_be_bytes(&bind.person);
        self.bind(subject, person)?;
        let person = Some(person);
        self.record(Record::Bound {
            challenge,
            time,
            key,
            subject,
            person,
        })
        .await?;
        let done = Done::Bound {
            time,
            key,
            subject,
            person,
        };
        Ok(Checked::Bound(Arc::new(done)))
    }

    /// Two people under one secret have one pseudonym: the second is refused. Kept before it is recorded, so
    /// that of two at once only one is; when the record cannot be written, nothing is accepted any more.
    fn bind(&self, subject: [u8; 32], person: [u8; 32]) -> Result<(), GatewayError> {
        if *lock(&self.bound).entry(subject).or_insert(person) != person {
            return Err(GatewayError::Bound);
        }
        Ok(())
    }

    /// The same checks for an answer whose entry was signed before, but for the date: that was right when
    /// the entry was signed, and the ledger judges it too.
    async fn check_again(
        self: &Arc<Self>,
        presentation: Presentation,
        question: Arc<Question>,
    ) -> Result<(), GatewayError> {
        let desk = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || desk.verify(&presentation, &question).map(|_| ()));
        work.await.map_err(|_| GatewayError::Task)?
    }

    fn verify(
        &self,
        presentation: &Presentation,
        question: &Question,
    ) -> Result<(Statement, Context), GatewayError> {
        let name = question.circuit;
        let key = self
            .keys
            .get(&name)
            .ok_or_else(|| GatewayError::Circuit(name.as_str().to_owned()))?;
        let statement = Statement::from_slice(name, &presentation.inputs)
            .map_err(|e| GatewayError::Presentation(e.to_string()))?;
        let context = Context {
            ledger_id: self.ledger_id,
            circuit_id: key.circuit_id(),
            relying_party: self.party.name.clone(),
            challenge: presentation.challenge,
            payload_hash: question.asked.payload_hash(&question.salt),
        };
        question.asked.check(&statement, &presentation.opening)?;
        let verified = statement::verify(key, statement, context, &presentation.proof)?;
        Ok((*verified.statement(), verified.context().clone()))
    }

    async fn record(self: &Arc<Self>, record: Record) -> Result<(), GatewayError> {
        let desk = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || lock(&desk.journal).append(&record));
        Ok(written.await.map_err(|_| GatewayError::Task)??)
    }

    /// Posts a signed entry and records what became of it. Whether anything is handed over is the caller's
    /// to say.
    async fn post(
        self: &Arc<Self>,
        challenge: [u8; 32],
        post: Arc<Post>,
        sent: Sent,
    ) -> Result<Answer, GatewayError> {
        let entry = Entry::Statement(Box::new(Post::clone(&post)));
        let settled = match self.ledger.append(&entry).await {
            Ok(appended) => self.accepted(challenge, &post, appended).await,
            Err(error @ PostError::Refused { .. }) if sent == Sent::First || !error.is_signature() => {
                // The challenge may be answered anew, for example from a newer note.
                let written = self.record(Record::Refused { challenge }).await;
                lock(&self.challenges).settle(&challenge, Stage::Open);
                written?;
                return Err(error.into());
            }
            Err(error) => Err(error.into()),
        };
        match settled {
            Ok(done) => {
                lock(&self.challenges).settle(&challenge, Stage::Done(Arc::clone(&done)));
                Ok(answer(&done, false))
            }
            Err(error) => {
                // The ledger may have the entry: only the same statement can be presented again.
                lock(&self.challenges).settle(&challenge, Stage::Posting(post));
                Err(error)
            }
        }
    }

    async fn accepted(
        self: &Arc<Self>,
        challenge: [u8; 32],
        post: &Arc<Post>,
        appended: Appended,
    ) -> Result<Arc<Done>, GatewayError> {
        let accepted = Accepted {
            challenge,
            time: self.clock.now(),
            sealed: appended.time,
            commitment_index: appended.commitment_index,
            receipt: appended.receipt.to_bytes(),
        };
        self.record(Record::Accepted(accepted.clone())).await?;
        tracing::info!(index = appended.receipt.index, "accepted");
        let post = Arc::clone(post);
        Ok(Arc::new(Done::Posted { post, accepted }))
    }

    /// Sends every entry again whose fate the journal leaves open. A crash between the ledger's receipt and
    /// its record thus hands nothing over by itself: staff sees the outcome, and can void the fill.
    pub async fn settle(self: &Arc<Self>) {
        let unsettled = lock(&self.challenges).unsettled();
        for (challenge, post) in unsettled {
            match self.post(challenge, post, Sent::Before).await {
                Ok(_) => tracing::info!("settled an entry of an earlier run"),
                Err(error) => tracing::warn!(cause = %error, "an entry of an earlier run has no receipt yet"),
            }
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
            Stage::Busy | Stage::Posting(_) => Outcome::Posting,
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

    /// Takes back the fill of a challenge that was accepted but not collected. Asked again, it gives the
    /// first receipt.
    ///
    /// # Errors
    /// [`GatewayError::NotAsked`] for another role or a challenge without a posted dispense;
    /// [`GatewayError::Post`] when the ledger refuses (after 14 days, or voided before).
    pub async fn void(self: &Arc<Self>, challenge: [u8; 32]) -> Result<Posted, GatewayError> {
        if self.party.role != Role::Pharmacy {
            return Err(GatewayError::NotAsked("only a pharmacy voids"));
        }
        let (Outcome::Posted(dispense) | Outcome::Voided(dispense)) = self.outcome(&challenge)? else {
            return Err(GatewayError::NotAsked("the challenge has no posted dispense"));
        };
        // From now on staff is told not to hand it over.
        lock(&self.voids).entry(challenge).or_insert(Taking::Asked);
        let desk = Arc::clone(self);
        // Not cut off with its caller.
        let work = tokio::spawn(async move {
            let _turn = desk.void_turn.lock().await;
            desk.take_back(challenge, dispense).await
        });
        work.await.map_err(|_| GatewayError::Task)?
    }

    async fn take_back(self: &Arc<Self>, challenge: [u8; 32], dispense: u64) -> Result<Posted, GatewayError> {
        let stage = lock(&self.voids).get(&challenge).cloned();
        let (entry, sent) = match stage {
            Some(Taking::Done(posted)) => return Ok(posted),
            Some(Taking::Sent(entry)) => (entry, Sent::Before),
            Some(Taking::Asked) | None => match self.void_entry(dispense).await {
                Ok(entry) => (Arc::new(entry), Sent::First),
                Err(error) => {
                    // Nothing was sent.
                    lock(&self.voids).remove(&challenge);
                    return Err(error);
                }
            },
        };
        lock(&self.voids).insert(challenge, Taking::Sent(Arc::clone(&entry)));
        let appended = match self.ledger.append(&entry).await {
            Ok(appended) => appended,
            Err(error) => {
                if refuses_void(&error, sent) {
                    lock(&self.voids).remove(&challenge);
                }
                return Err(error.into());
            }
        };
        let posted = Posted {
            entry: entry.to_bytes(),
            receipt: appended.receipt,
            commitment_index: appended.commitment_index,
            sealed: appended.time,
        };
        self.record(Record::Voided {
            challenge,
            entry: posted.entry.clone(),
            receipt: posted.receipt.to_bytes(),
            commitment_index: posted.commitment_index,
            sealed: posted.sealed,
        })
        .await?;
        let mut voids = lock(&self.voids);
        let challenges = lock(&self.challenges);
        voids.retain(|c, _| challenges.knows(c));
        voids.insert(challenge, Taking::Done(posted.clone()));
        Ok(posted)
    }

    async fn void_entry(&self, dispense: u64) -> Result<Entry, GatewayError> {
        let last = self.ledger.last_sequence(&self.party.name).await?;
        let sequence = last
            .checked_add(1)
            .ok_or_else(|| PostError::Receipt("this party's sequence numbers are used up".into()))?;
        let body = Void {
            sequence,
            party: self.party.name.clone(),
            dispense,
        };
        Ok(Entry::Void(Signed::new(body, &self.ledger_id, &self.signing_key)))
    }
}

/// How far a void has come.
#[derive(Clone)]
enum Taking {
    /// Asked for, nothing sent.
    Asked,
    /// Whether the ledger has this entry is not known.
    Sent(Arc<Entry>),
    /// The receipt is durable.
    Done(Posted),
}

/// Whether a refusal leaves the fill as it is.
fn refuses_void(error: &PostError, sent: Sent) -> bool {
    match error {
        // Voided by an entry whose receipt was lost: only its own pharmacy can void a fill.
        PostError::Refused {
            code: Code::AlreadyExists,
            ..
        } => false,
        PostError::Refused { .. } => sent == Sent::First || !error.is_signature(),
        PostError::Unavailable(_) | PostError::Receipt(_) => false,
    }
}

/// Whether the ledger may have an entry already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    First,
    Before,
}

enum Verdict {
    Post(Arc<Post>),
    Bind(statement::BindPublic),
}

enum Checked {
    Post(Arc<Post>),
    Bound(Arc<Done>),
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

/// The voids of the challenges, and the persons of the pseudonyms.
type Restored = (BTreeMap<[u8; 32], Taking>, BTreeMap<[u8; 32], [u8; 32]>);

/// Takes up where the journal ends.
fn restore(challenges: &mut Challenges, records: Vec<Record>) -> Result<Restored, JournalError> {
    let (mut voids, mut bound) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        match record {
            Record::Intent { challenge, entry } => {
                let Entry::Statement(post) = Entry::from_bytes(&entry)? else {
                    return Err(JournalError::Order);
                };
                challenges.restore(challenge, Stage::Posting(Arc::new(*post)));
            }
            Record::Accepted(accepted) => {
                let Some((Stage::Posting(post), _)) = challenges.look(&accepted.challenge, 0) else {
                    return Err(JournalError::Order);
                };
                Receipt::from_bytes(&accepted.receipt)?;
                let challenge = accepted.challenge;
                let done = Done::Posted { post, accepted };
                challenges.restore(challenge, Stage::Done(Arc::new(done)));
            }
            Record::Refused { challenge } => challenges.forget(&challenge),
            Record::Bound {
                challenge,
                time,
                key,
                subject,
                person,
            } => {
                // A pseudonym of version 1 gets its person with its next bind.
                if let Some(person) = person {
                    bound.insert(subject, person);
                }
                let done = Done::Bound {
                    time,
                    key,
                    subject,
                    person,
                };
                challenges.restore(challenge, Stage::Done(Arc::new(done)));
            }
            Record::Voided {
                challenge,
                entry,
                receipt,
                commitment_index,
                sealed,
            } => {
                let receipt = Receipt::from_bytes(&receipt)?;
                let posted = Posted {
                    entry,
                    receipt,
                    commitment_index,
                    sealed,
                };
                voids.insert(challenge, Taking::Done(posted));
            }
        }
    }
    Ok((voids, bound))
}
