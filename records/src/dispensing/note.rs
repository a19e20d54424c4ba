//! The account note: a ring behind a commitment, spent by each dispense.

use super::{ACCOUNT_KIND, Ring};
use ark_bn254::Fr;
use medproof_verifier::{Tag, tagged};
use zeroize::Zeroize;

/// An account note. Wiped on drop; neither `Clone` nor `Debug`.
pub struct Note {
    /// The owner's identity leaf, `H(IDENT; domain, id)`.
    pub owner: Fr,
    /// Every dispensing that still counts.
    pub ring: Ring,
    /// Number of dispenses since the account was opened.
    pub seq: u64,
    /// What the note's nullifier is made from; the nullifier of the note before it.
    pub rho: Fr,
    /// Blinding.
    pub rcm: Fr,
}

impl Note {
    /// `cm = H(NOTE; owner, ring digest, seq, rho, rcm)`.
    pub fn commitment(&self) -> Fr {
        self.commitment_numbered(Fr::from(self.seq))
    }

    /// [`Note::commitment`] with `seq` in place of the note's number. A proof counts in the field, where 2^64
    /// follows 2^64 - 1, which no note can hold.
    pub fn commitment_numbered(&self, seq: Fr) -> Fr {
        tagged(
            Tag::Note,
            [self.owner, self.ring.digest(), seq, self.rho, self.rcm],
        )
    }

    /// The leaf that the ledger computes for the note in the domain whose name is `domain`.
    pub fn leaf(&self, domain: Fr) -> Fr {
        account_leaf(domain, self.commitment())
    }

    /// `nf = H(NF; nk, rho)`.
    pub fn nullifier(&self, nk: Fr) -> Fr {
        tagged(Tag::Nf, [nk, self.rho])
    }

    /// The note after this one, holding `ring`: same owner, `seq' = seq + 1`, `rho' = nf` and
    /// `rcm' = H(RCM; nk, nf)`, so that a wallet recovers it from its seed and a copy of the ring.
    pub fn next(&self, nk: Fr, ring: Ring) -> Self {
        let nf = self.nullifier(nk);
        Self {
            owner: self.owner,
            ring,
            // No account sees 2^64 dispenses.
            seq: self.seq.saturating_add(1),
            rho: nf,
            rcm: tagged(Tag::Rcm, [nk, nf]),
        }
    }

    /// The note that a VOID of the next dispense brings to life: [`Note::next`] with this note's own ring and
    /// `rcm' + 1`. It shares its nullifier with the next note, so only one of the two is ever spent, and its
    /// commitment differs even where the ring does not change (`docs/adr/004-undo-blinding.md`).
    pub fn undo(&self, nk: Fr) -> Self {
        let mut undo = self.next(nk, self.ring.duplicate());
        undo.rcm += Fr::from(1u64);
        undo
    }

    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        Self {
            owner: self.owner,
            ring: self.ring.duplicate(),
            seq: self.seq,
            rho: self.rho,
            rcm: self.rcm,
        }
    }
}

/// `H(LEAF; 1 + 2^8 domain, cm)`.
pub fn account_leaf(domain: Fr, cm: Fr) -> Fr {
    tagged(
        Tag::Leaf,
        [Fr::from(ACCOUNT_KIND) + Fr::from(256u64) * domain, cm],
    )
}

impl Drop for Note {
    fn drop(&mut self) {
        self.seq.zeroize();
        for secret in [&mut self.owner, &mut self.rho, &mut self.rcm] {
            secret.zeroize();
        }
    }
}
