//! Taking up where the journal ends.

use super::{Posted, taking_back::Taking};
use crate::{
    challenges::{Challenges, Done, Stage},
    journal::{JournalError, Record},
};
use medproof_verifier::{Entry, Receipt};
use std::{collections::BTreeMap, sync::Arc};

/// The voids of the challenges, and the persons of the pseudonyms.
pub(super) type Restored = (BTreeMap<[u8; 32], Taking>, BTreeMap<[u8; 32], [u8; 32]>);

/// Puts the records back in their order.
pub(super) fn restore(challenges: &mut Challenges, records: Vec<Record>) -> Result<Restored, JournalError> {
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
            Record::Voiding { challenge, entry } => {
                let entry = Entry::from_bytes(&entry)?;
                if !matches!(entry, Entry::Void(_)) {
                    return Err(JournalError::Order);
                }
                voids.insert(challenge, Taking::Sent(Arc::new(entry)));
            }
            Record::VoidRefused { challenge } => {
                voids.remove(&challenge);
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
