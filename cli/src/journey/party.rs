//! A registered party: its posting key, its signing key, and the entries that it signs itself.

use super::JourneyError;
use ed25519_dalek::SigningKey as PostingKey;
use medproof_proto::ledger_client::{Appended, Ledger};
use medproof_records::signing::SigningKey;
use medproof_verifier::{
    Day, Entry, Fr, KeyLeaf, Name, Role,
    entry::{Burn, Close, Open, Opening, Signed},
};
use rand::{CryptoRng, RngCore};

/// A party and its keys. Neither `Clone` nor `Debug`.
pub struct Party {
    name: Name,
    posting: PostingKey,
    signing: SigningKey,
}

impl Party {
    /// A party with fresh keys.
    pub fn generate(name: Name, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self {
            name,
            posting: PostingKey::generate(rng),
            signing: SigningKey::generate(rng),
        }
    }

    /// A party whose keys are at hand: Ed25519 secret and seed of the signing key.
    pub fn from_seeds(name: Name, posting: &[u8; 32], signing: &[u8; 32]) -> Self {
        Self {
            name,
            posting: PostingKey::from_bytes(posting),
            signing: SigningKey::from_seed(signing),
        }
    }

    /// The party's id.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The Ed25519 key under which it posts.
    pub fn posting(&self) -> &PostingKey {
        &self.posting
    }

    /// The key with which it signs records, prescriptions and coverage.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The registry leaf of this party in a role. Roles that only post have no signing key in it.
    pub fn leaf(&self, role: Role, scope: Fr, valid_from: Day, valid_to: Day) -> KeyLeaf {
        let zero = Fr::from(0u64);
        let (ax, ay) = match role {
            Role::Prescriber | Role::RecordIssuer | Role::Payer | Role::Provider => {
                let key = self.signing.public_key();
                (key.x, key.y)
            }
            Role::Pharmacy | Role::Sponsor | Role::InsurerGateway | Role::EnrolmentAuthority => (zero, zero),
        };
        KeyLeaf {
            ax,
            ay,
            role,
            party: self.name.clone(),
            scope,
            valid_from,
            valid_to,
        }
    }

    async fn next_sequence(&self, ledger: &mut Ledger) -> Result<u64, JourneyError> {
        Ok(ledger.last_sequence(Some(&self.name)).await? + 1)
    }

    /// Opens an identity, account or benefit in `domain`.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn open(
        &self,
        ledger: &mut Ledger,
        domain: &Name,
        what: Opening,
    ) -> Result<Appended, JourneyError> {
        let entry = self.opening(ledger, domain, what).await?;
        Ok(ledger.append(&entry).await?)
    }

    /// The entry that opens an identity, account or benefit in `domain`, not yet appended.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn opening(
        &self,
        ledger: &mut Ledger,
        domain: &Name,
        what: Opening,
    ) -> Result<Entry, JourneyError> {
        let body = Open {
            sequence: self.next_sequence(ledger).await?,
            party: self.name.clone(),
            domain: domain.clone(),
            what,
        };
        Ok(Entry::Open(Signed::new(body, &ledger.ledger_id(), &self.posting)))
    }

    /// Ends an identity that this party has opened.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn close(
        &self,
        ledger: &mut Ledger,
        domain: &Name,
        index: u32,
    ) -> Result<Appended, JourneyError> {
        let body = Close {
            sequence: self.next_sequence(ledger).await?,
            party: self.name.clone(),
            domain: domain.clone(),
            index,
        };
        let entry = Entry::Close(Signed::new(body, &ledger.ledger_id(), &self.posting));
        Ok(ledger.append(&entry).await?)
    }

    /// Cancels fills by their keys (in any order, at most 64).
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn burn(&self, ledger: &mut Ledger, mut fill_keys: Vec<Fr>) -> Result<Appended, JourneyError> {
        fill_keys.sort_unstable();
        let body = Burn {
            sequence: self.next_sequence(ledger).await?,
            party: self.name.clone(),
            fill_keys,
        };
        let entry = Entry::Burn(Signed::new(body, &ledger.ledger_id(), &self.posting));
        Ok(ledger.append(&entry).await?)
    }
}
