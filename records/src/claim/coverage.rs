//! Coverage: what a payer signs about a member's plan year.

use super::PlanWord;
use ark_bn254::Fr;
use medproof_verifier::{Day, Name, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// A coverage as the payer signs it. Whoever holds `member_secret` can recognise the member's claims,
/// so the type is neither `Clone` nor `Debug` and is wiped on drop.
pub struct Coverage {
    /// The holder's pseudonym at the payer, `H(SUBJECT; sk, payer party)`.
    pub subject: Fr,
    /// The payer's party.
    pub payer: Name,
    /// Plan, plan year and member.
    pub plan: PlanWord,
    /// Random, one a person and payer, never reissued: the key of the claim nullifier.
    pub member_secret: Fr,
    /// First day covered.
    pub start: Day,
    /// Last day covered; [`Day::OPEN`] when open. A payer whose plan has yearly limits signs one
    /// coverage a plan year, since nothing else ties a service to the year's balance.
    pub end: Day,
}

impl Coverage {
    /// The signed message `H(COV; subject, payer party, plan word, member_secret, pack(start:16, end:16))`.
    pub fn hash(&self) -> Fr {
        // Two u16 fit their widths.
        let period = pack(&[(self.start.0.into(), 16), (self.end.0.into(), 16)]).unwrap_or_default();
        tagged(
            Tag::Cov,
            [
                self.subject,
                self.payer.to_fr(),
                self.plan.to_fr(),
                self.member_secret,
                period,
            ],
        )
    }

    /// `plan = H(PLAN; payer party, plan word)`.
    pub fn plan_digest(&self) -> Fr {
        self.plan.digest(&self.payer)
    }

    /// Whether the coverage holds on `day`.
    pub fn covers(&self, day: Day) -> bool {
        self.start <= day && day <= self.end
    }
}

impl Drop for Coverage {
    fn drop(&mut self) {
        self.subject.zeroize();
        self.member_secret.zeroize();
    }
}
