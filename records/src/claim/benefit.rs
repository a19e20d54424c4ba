//! The benefit note: a member's yearly balances, consumed and made anew by each claim.

use super::{AnnualLimit, BENEFIT_KIND, Balances, Cost};
use ark_bn254::Fr;
use medproof_verifier::{Name, Tag, tagged};
use zeroize::Zeroize;

/// An unspent balance. Wiped on drop; neither `Clone` nor `Debug`.
pub struct BenefitNote {
    /// The owner's identity leaf, `H(IDENT; domain, id)`.
    pub owner: Fr,
    /// The member's plan year, `H(PLAN; payer party, plan word)`.
    pub plan: Fr,
    /// What is left.
    pub balances: Balances,
    /// What the note's nullifier is made from; the nullifier of the note before it.
    pub rho: Fr,
    /// Blinding.
    pub rcm: Fr,
}

impl BenefitNote {
    /// `cm = H(BEN; owner, plan, balances word, rho, rcm)`.
    pub fn commitment(&self) -> Fr {
        tagged(
            Tag::Ben,
            [self.owner, self.plan, self.balances.to_fr(), self.rho, self.rcm],
        )
    }

    /// The leaf that the ledger computes for the note in `domain`.
    pub fn leaf(&self, domain: &Name) -> Fr {
        benefit_leaf(domain.to_fr(), self.commitment())
    }

    /// `nf = H(NF; nk, rho)`.
    pub fn nullifier(&self, nk: Fr) -> Fr {
        tagged(Tag::Nf, [nk, self.rho])
    }

    /// The note after a claim: same owner and plan, what is left of the balances, `rho' = nf` and
    /// `rcm' = H(RCM; nk, nf)`, so that a wallet recovers it from its seed.
    ///
    /// # Errors
    /// [`AnnualLimit`] as [`Balances::after`].
    pub fn next(&self, nk: Fr, cost: &Cost) -> Result<Self, AnnualLimit> {
        let nf = self.nullifier(nk);
        Ok(Self {
            owner: self.owner,
            plan: self.plan,
            balances: self.balances.after(cost)?,
            rho: nf,
            rcm: tagged(Tag::Rcm, [nk, nf]),
        })
    }

    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        Self {
            owner: self.owner,
            plan: self.plan,
            balances: self.balances,
            rho: self.rho,
            rcm: self.rcm,
        }
    }
}

/// `H(LEAF; 2 + 2^8 domain, cm)`.
pub fn benefit_leaf(domain: Fr, cm: Fr) -> Fr {
    tagged(
        Tag::Leaf,
        [Fr::from(BENEFIT_KIND) + Fr::from(256u64) * domain, cm],
    )
}

impl Drop for BenefitNote {
    fn drop(&mut self) {
        self.balances = Balances {
            deductible: 0,
            out_of_pocket: 0,
            annual: 0,
        };
        for secret in [&mut self.owner, &mut self.plan, &mut self.rho, &mut self.rcm] {
            secret.zeroize();
        }
    }
}
