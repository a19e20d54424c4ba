//! Answers: checked, posted, and recorded before anything is handed over.

use super::{Answer, Desk, Presentation, SETTLE_WAIT, Sent, answer, lock};
use crate::{
    challenges::{Begin, Done, Question, Stage, presentation_key},
    clock::Clock,
    error::GatewayError,
    journal::{Accepted, Record},
    ledger::{Ledger, PostError},
};
use medproof_proto::ledger_client::Appended;
use medproof_verifier::{
    Context, Entry, Fr, Statement,
    entry::{Post, REPLACED_SECONDS, Seal},
    field::fr_to_be_bytes,
    statement,
};
use std::{sync::Arc, time::Duration};

enum Verdict {
    Post(Arc<Post>),
    Bind(statement::BindPublic),
}

enum Checked {
    Post(Arc<Post>),
    Bound(Arc<Done>),
}

/// Whether an identity root is that of the last seal, or was replaced at most ten minutes ago. Where this clock is
/// behind the log's, the log's counts.
fn is_recent(seals: &[Seal], root: &Fr, now: u64) -> bool {
    let Some(last) = seals.first() else {
        return false;
    };
    let now = now.max(last.time);
    let replaced = |pair: &[Seal]| {
        let [by, before] = pair else { return false };
        before.identity_root == *root && by.time.saturating_add(REPLACED_SECONDS) >= now
    };
    last.identity_root == *root || seals.windows(2).any(replaced)
}

impl<L: Ledger, C: Clock> Desk<L, C> {
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
                tokio::spawn(async move { desk.post(challenge, post, Sent::Before, None).await })
            }
            Begin::Resend(post, Some(question)) => tokio::spawn(async move {
                // Public inputs are public: only proof and opening show that this is the holder.
                if let Err(error) = desk.check_again(presentation, question).await {
                    lock(&desk.challenges).settle(&challenge, Stage::Posting(post));
                    return Err(error);
                }
                let answer = desk.post(challenge, post, Sent::Before, None).await?;
                Ok(Answer {
                    hand_over: true,
                    ..answer
                })
            }),
            Begin::Check(question) => tokio::spawn(async move {
                match desk.check(presentation, question).await {
                    Ok(Checked::Post(post)) => {
                        let answer = desk.post(challenge, post, Sent::First, None).await?;
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
        let time = self.clock.now();
        let seals = self.ledger.recent_seals(time).await?;
        if !is_recent(&seals, &bind.identity_root, time) {
            return Err(GatewayError::IdentityRoot);
        }
        let subject = fr_to_be_bytes(&bind.subject);
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

    /// Posts a signed entry and records what became of it. Whether anything is handed over is the caller's
    /// to say.
    async fn post(
        self: &Arc<Self>,
        challenge: [u8; 32],
        post: Arc<Post>,
        sent: Sent,
        wait: Option<Duration>,
    ) -> Result<Answer, GatewayError> {
        let entry = Entry::Statement(Box::new(Post::clone(&post)));
        let appended = self.append(&entry, wait).await;
        match &appended {
            Err(PostError::Uncosigned { index, .. }) => {
                lock(&self.uncosigned).insert(challenge, *index);
            }
            // It is still posted.
            Err(PostError::Unavailable(_) | PostError::Receipt(_)) => {}
            Ok(_) | Err(PostError::Refused { .. }) => {
                lock(&self.uncosigned).remove(&challenge);
            }
        }
        let settled = match appended {
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
    /// its record thus hands nothing over by itself: staff sees the outcome, and can void the fill. So with voids.
    pub async fn settle(self: &Arc<Self>) {
        let unsettled = lock(&self.challenges).unsettled();
        for (challenge, post) in unsettled {
            match self.post(challenge, post, Sent::Before, Some(SETTLE_WAIT)).await {
                Ok(_) => tracing::info!("settled an entry of an earlier run"),
                Err(error) => tracing::warn!(cause = %error, "an entry of an earlier run has no receipt yet"),
            }
        }
        self.settle_voids().await;
    }
}
