//! What is opened to the insurer: which event is payable, under which policy, and how much.

use super::Cost;
use ark_bn254::Fr;
use medproof_verifier::{Day, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// A rendered service as the duplicate check sees it: who, when and what, never how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The provider's NPI as a number, below 2^34.
    pub npi: u64,
    /// Day of the service.
    pub service: Day,
    /// The packed procedure code, below 2^72.
    pub procedure: u128,
}

impl Event {
    /// `pack(npi:34, service date:16, procedure:72)`, or `None` when a field is out of range.
    pub fn to_fr(&self) -> Option<Fr> {
        pack(&[
            (self.npi.into(), 34),
            (self.service.0.into(), 16),
            (self.procedure, 72),
        ])
    }

    /// `nf_claim = H(CLAIM; member_secret, event)`.
    pub fn nullifier(&self, member_secret: Fr) -> Option<Fr> {
        Some(tagged(Tag::Claim, [member_secret, self.to_fr()?]))
    }
}

/// The opening of `cm_payable`, given to the insurer only. Neither `Clone` nor `Debug`; `r` is wiped on drop.
pub struct PayableOpening {
    /// The member's plan year, `H(PLAN; payer party, plan word)`.
    pub plan: Fr,
    /// The policy under which the amounts were computed.
    pub policy_id: Fr,
    /// The service.
    pub event: Event,
    /// The amounts.
    pub cost: Cost,
    /// Blinding: random, chosen by the prover.
    pub r: Fr,
}

impl PayableOpening {
    /// `cm_payable = H(PAY; plan, policy_id, event, pack(amounts), r)`, or `None` when the event or
    /// an amount is out of range, so that no opening stands for it.
    pub fn commitment(&self) -> Option<Fr> {
        Some(tagged(
            Tag::Pay,
            [
                self.plan,
                self.policy_id,
                self.event.to_fr()?,
                self.cost.to_fr()?,
                self.r,
            ],
        ))
    }
}

impl Drop for PayableOpening {
    fn drop(&mut self) {
        self.r.zeroize();
    }
}
