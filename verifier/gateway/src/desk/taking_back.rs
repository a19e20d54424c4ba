//! Voids: fills that were accepted but not collected.

use super::{Desk, Outcome, Posted, Sent, lock};
use crate::{
    clock::Clock,
    error::GatewayError,
    journal::Record,
    ledger::{Ledger, PostError},
};
use medproof_verifier::{
    Entry, Role,
    entry::{Signed, Void},
};
use std::sync::Arc;
use tonic::Code;

/// How far a void has come.
#[derive(Clone)]
pub(super) enum Taking {
    /// Asked for, nothing sent.
    Asked,
    /// Recorded here; whether the ledger has this entry is not known.
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
        PostError::Unavailable(_) | PostError::Uncosigned { .. } | PostError::Receipt(_) => false,
    }
}

impl<L: Ledger, C: Clock> Desk<L, C> {
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
                Ok(entry) => {
                    // If this fails the record may be on disk all the same: staff is told not to hand over.
                    self.record(Record::Voiding {
                        challenge,
                        entry: entry.to_bytes(),
                    })
                    .await?;
                    (Arc::new(entry), Sent::First)
                }
                Err(error) => {
                    // Nothing was sent.
                    lock(&self.voids).remove(&challenge);
                    return Err(error);
                }
            },
        };
        lock(&self.voids).insert(challenge, Taking::Sent(Arc::clone(&entry)));
        let appended = match self.append(&entry, None).await {
            Ok(appended) => appended,
            Err(error) => {
                if refuses_void(&error, sent) {
                    // Recorded first: a void that staff was told is refused is never sent again.
                    self.record(Record::VoidRefused { challenge }).await?;
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

    /// Sends every void again that an earlier run has sent, or was about to.
    pub(super) async fn settle_voids(self: &Arc<Self>) {
        let sent: Vec<[u8; 32]> = lock(&self.voids)
            .iter()
            .filter(|(_, taking)| matches!(taking, Taking::Sent(_)))
            .map(|(challenge, _)| *challenge)
            .collect();
        for challenge in sent {
            let mut settled = self.void(challenge).await;
            if settled.is_err() && !lock(&self.voids).contains_key(&challenge) {
                // Another entry may have taken its sequence number: staff wanted the fill taken back.
                settled = self.void(challenge).await;
            }
            match settled {
                Ok(_) => tracing::info!("settled a void of an earlier run"),
                Err(error) => tracing::warn!(cause = %error, "a void of an earlier run has no receipt"),
            }
        }
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
