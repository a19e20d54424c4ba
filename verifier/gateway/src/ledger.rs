//! The ledger as the gateway needs it.

use medproof_proto::ledger_client::{Appended, ClientError, Ledger as Client};
use medproof_verifier::{Entry, Name, Receipt, cosignature::WitnessPolicy, entry::Seal};
use std::{future::Future, time::Duration};
use tonic::Code;

/// How often an entry is sent before its fate is left open.
const ATTEMPTS: u32 = 4;
/// Pause before the second attempt; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest pause that a ledger whose queue is full may ask for: somebody waits at a desk.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pause before a ledger that has no cosignatures yet is asked again; it waits for them itself.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Why an entry has no receipt.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The ledger will not take this entry.
    #[error("the ledger refuses the entry: {reason}")]
    Refused {
        /// The ledger's status.
        code: Code,
        /// The ledger's words.
        reason: String,
    },
    /// It is not known whether the ledger has the entry; the same entry can be sent again.
    #[error("the ledger cannot be asked now: {0}")]
    Unavailable(String),
    /// The entry is in the log, and too few witnesses have cosigned that; the same entry can be sent again.
    #[error("the entry is posted as leaf {index}, and the witnesses have not cosigned it yet: {reason}")]
    Uncosigned {
        /// Its leaf index.
        index: u64,
        /// What the ledger says.
        reason: String,
    },
    /// The ledger answered with a receipt that does not hold.
    #[error("the ledger's answer does not hold: {0}")]
    Receipt(String),
}

impl PostError {
    /// Whether the ledger refuses the party's signature. That settles nothing about an entry that was sent
    /// before: the party's key may have changed since.
    pub(crate) fn is_signature(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: Code::Unauthenticated,
                ..
            }
        )
    }
}

/// What the gateway asks of a ledger.
pub trait Ledger: Send + Sync + 'static {
    /// Appends an entry. The receipt has been verified against the ledger's checkpoint key. The same entry
    /// again gives the same receipt.
    ///
    /// # Errors
    /// [`PostError`].
    fn append(&self, entry: &Entry) -> impl Future<Output = Result<Appended, PostError>> + Send;

    /// The receipt of an entry that was appended at `index`, with the cosignatures that the policy asks for, which have
    /// been verified. They are waited for this long.
    ///
    /// # Errors
    /// [`PostError::Uncosigned`] when they have not come, [`PostError::Receipt`] for a receipt that does not hold.
    fn cosigned(
        &self,
        entry: &Entry,
        index: u64,
        policy: &WitnessPolicy,
        wait: Duration,
    ) -> impl Future<Output = Result<Receipt, PostError>> + Send;

    /// The last sequence number that `party` used.
    ///
    /// # Errors
    /// [`PostError`].
    fn last_sequence(&self, party: &Name) -> impl Future<Output = Result<u64, PostError>> + Send;

    /// The seals of the last ten minutes before `now` and the one before them, newest first, shown under the log's
    /// signed checkpoint.
    ///
    /// # Errors
    /// [`PostError`].
    fn recent_seals(&self, now: u64) -> impl Future<Output = Result<Vec<Seal>, PostError>> + Send;
}

impl From<ClientError> for PostError {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Connect { .. } => Self::Unavailable(error.to_string()),
            ClientError::Status(status) if error.is_refusal() => Self::Refused {
                code: status.code(),
                reason: status.message().to_owned(),
            },
            // Everything else leaves open whether the entry was written.
            ClientError::Status(_) => Self::Unavailable(error.to_string()),
            ClientError::Answer(_)
            | ClientError::OtherLedger { .. }
            | ClientError::Receipt(_)
            | ClientError::Cosignatures(_) => Self::Receipt(error.to_string()),
        }
    }
}

/// The pause before the next attempt: what a full ledger asks for, in place of our own where that is shorter.
fn next_pause(own: Duration, asked_for: Option<Duration>) -> Duration {
    asked_for.map_or(own, |asked_for| asked_for.min(LONGEST_PAUSE).max(own))
}

/// A ledger over gRPC.
#[derive(Debug, Clone)]
pub struct RemoteLedger(pub Client);

impl Ledger for RemoteLedger {
    async fn append(&self, entry: &Entry) -> Result<Appended, PostError> {
        let mut client = self.0.clone();
        let mut pause = PAUSE;
        for attempt in 1.. {
            let answer = client.append(entry).await;
            let asked_for = answer.as_ref().err().and_then(ClientError::retry_after);
            match answer.map_err(PostError::from) {
                // The first copy may have been taken before the party's key changed.
                Err(error) if attempt > 1 && error.is_signature() => {
                    return Err(PostError::Unavailable(error.to_string()));
                }
                Err(PostError::Unavailable(reason)) if attempt < ATTEMPTS => {
                    tracing::warn!(attempt, reason, "the ledger did not answer; asking again");
                    tokio::time::sleep(next_pause(pause, asked_for)).await;
                    pause *= 2;
                }
                done => return done,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn cosigned(
        &self,
        entry: &Entry,
        index: u64,
        policy: &WitnessPolicy,
        wait: Duration,
    ) -> Result<Receipt, PostError> {
        let mut client = self.0.clone();
        let mut reason = "no answer in time".to_owned();
        let asked = async {
            loop {
                match client.cosigned_receipt(entry, index, policy).await {
                    Ok(receipt) => return Ok(receipt),
                    // Also where the ledger asks too few of these witnesses, which its operator may change.
                    Err(ClientError::Status(status)) => reason = status.message().to_owned(),
                    Err(ClientError::Connect { .. }) => {}
                    Err(other) => return Err(PostError::from(other)),
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        match tokio::time::timeout(wait, asked).await {
            Ok(receipt) => receipt,
            Err(_) => Err(PostError::Uncosigned { index, reason }),
        }
    }

    async fn last_sequence(&self, party: &Name) -> Result<u64, PostError> {
        Ok(self.0.clone().last_sequence(Some(party)).await?)
    }

    async fn recent_seals(&self, now: u64) -> Result<Vec<Seal>, PostError> {
        Ok(self.0.clone().recent_seals(now).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ledger_is_left_alone_as_long_as_it_asks() {
        let (own, asked) = (PAUSE, Duration::from_millis(700));
        assert_eq!(next_pause(own, None), own);
        assert_eq!(next_pause(own, Some(asked)), asked);
        // Attempts still lie further and further apart, and nobody waits for ever.
        assert_eq!(next_pause(4 * asked, Some(asked)), 4 * asked);
        assert_eq!(next_pause(own, Some(Duration::MAX)), LONGEST_PAUSE);
    }
}
