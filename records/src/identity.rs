//! A holder's secret, what is derived from it, and the witness of an identity leaf
//! (`docs/format.md`, sections 2 and 4).

use ark_bn254::Fr;
use medproof_verifier::field::{NotCanonical, fr_from_be_bytes, fr_to_be_bytes};
use medproof_verifier::tree::IDENTITY_DEPTH;
use medproof_verifier::{Path, Tag, tagged};
use rand::{CryptoRng, RngCore};
use zeroize::{Zeroize, Zeroizing};

/// A secret field element: a holder's `sk` or an authority's `ts`. Zeroised on drop.
pub struct Secret(Fr);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// A fresh secret of at least 253 bits of entropy.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        loop {
            rng.fill_bytes(&mut *bytes);
            // Rejection keeps the distribution uniform; r is 254 bits, so two bits are cleared first.
            bytes[0] &= 0x3f;
            if let Ok(secret) = Self::from_bytes(&bytes) {
                return secret;
            }
        }
    }

    /// Wraps a field element that the caller keeps secret.
    pub fn new(value: Fr) -> Self {
        Self(value)
    }

    /// Reads 32 big-endian bytes.
    ///
    /// # Errors
    /// [`NotCanonical`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotCanonical> {
        fr_from_be_bytes(bytes).map(Self)
    }

    /// 32 big-endian bytes, to be stored encrypted.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(fr_to_be_bytes(&self.0))
    }

    /// The value, for hashing and for witnesses.
    pub fn expose(&self) -> Fr {
        self.0
    }

    /// A second handle on the same secret.
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }

    /// Owner key `pk = H(OWNER; sk)`.
    pub fn pk(&self) -> Fr {
        tagged(Tag::Owner, [self.0])
    }

    /// Nullifier key `nk = H(NK; sk)`.
    pub fn nk(&self) -> Fr {
        tagged(Tag::Nk, [self.0])
    }

    /// Pseudonym `H(SUBJECT; sk, issuer party)`.
    pub fn subject(&self, issuer_party: Fr) -> Fr {
        tagged(Tag::Subject, [self.0, issuer_party])
    }

    /// Nullifier `nf = H(NF; nk, rho)` of a note.
    pub fn nullifier(&self, rho: Fr) -> Fr {
        tagged(Tag::Nf, [self.nk(), rho])
    }

    /// Blinding `rcm' = H(RCM; nk, nf)` of the note after the one with nullifier `nf`.
    pub fn next_rcm(&self, nf: Fr) -> Fr {
        tagged(Tag::Rcm, [self.nk(), nf])
    }
}

/// The salted digest of a person, `H(PERSON; identity digest, salt)`.
pub fn person(identity_digest: Fr, salt: Fr) -> Fr {
    tagged(Tag::Person, [identity_digest, salt])
}

/// The identity `id = H(ID; pk, person, ts, 0, 0)` that OPEN carries.
pub fn id(pk: Fr, person: Fr, ts: Fr) -> Fr {
    let zero = Fr::from(0u64);
    tagged(Tag::Id, [pk, person, ts, zero, zero])
}

/// The identity leaf `owner = H(IDENT; domain, id)`, computed by the ledger.
pub fn owner(domain: Fr, id: Fr) -> Fr {
    tagged(Tag::Ident, [domain, id])
}

/// Everything that shows who holds an identity leaf: private input of every statement.
pub struct Identity {
    /// The holder's secret.
    pub sk: Secret,
    /// The person's salted digest.
    pub person: Fr,
    /// The enrolment authority's random secret for the person.
    pub ts: Secret,
    /// Domain of the leaf.
    pub domain: Fr,
    /// Path of the leaf in the identity tree.
    pub path: Path<IDENTITY_DEPTH>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        // The secrets wipe themselves.
        self.person.zeroize();
    }
}

impl Identity {
    /// The identity `id`.
    pub fn id(&self) -> Fr {
        id(self.sk.pk(), self.person, self.ts.expose())
    }

    /// The identity leaf.
    pub fn owner(&self) -> Fr {
        owner(self.domain, self.id())
    }

    /// The identity root under the path.
    pub fn root(&self) -> Fr {
        self.path.root(self.owner())
    }

    /// A value of the right shape with nothing in it.
    pub fn blank() -> Self {
        let zero = Fr::from(0u64);
        Self {
            sk: Secret::new(zero),
            person: zero,
            ts: Secret::new(zero),
            domain: zero,
            path: Path::zero(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn secrets_are_fresh_canonical_and_round_trip() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let (a, b) = (Secret::generate(&mut rng), Secret::generate(&mut rng));
        assert_ne!(a.expose(), b.expose());
        assert_eq!(
            Secret::from_bytes(&a.to_bytes()).map(|s| s.expose()),
            Ok(a.expose())
        );
        assert!(Secret::from_bytes(&[0xff; 32]).is_err());
    }

    #[test]
    fn derived_values_are_separated_by_tag_and_input() {
        let sk = Secret::new(Fr::from(5u64));
        let other = Secret::new(Fr::from(6u64));
        assert_ne!(sk.pk(), sk.nk());
        assert_ne!(sk.pk(), other.pk());
        let party = Fr::from(9u64);
        assert_ne!(sk.subject(party), other.subject(party));
        assert_ne!(sk.subject(party), sk.subject(party + party));
        assert_ne!(sk.nullifier(party), sk.next_rcm(party));
        assert_ne!(owner(Fr::from(1u64), sk.pk()), owner(Fr::from(2u64), sk.pk()));
    }
}
