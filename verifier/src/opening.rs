//! What a statement's commitments are opened to, for the relying party only: never posted, never stored
//! (`docs/format.md`, section 2).

use crate::{Day, Fr, Name, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// Bits of a packed code.
pub const CODE_BITS: u32 = 72;
/// Bits of an NPI.
pub const NPI_BITS: u32 = 34;
/// Bits of an amount in cents.
pub const AMOUNT_BITS: u32 = 40;

/// The opening of `cm_dispense`: what is handed over, for whom, on whose prescription.
pub struct DispenseOpening {
    /// Packed drug code, 72 bits.
    pub drug: u128,
    /// Quantity of this fill, milli-units.
    pub quantity: u32,
    /// Days that the quantity lasts.
    pub days: u16,
    /// Quantity of a full fill, milli-units.
    pub prescribed_quantity: u32,
    /// Days of a full fill.
    pub prescribed_days: u16,
    /// The prescriber's party.
    pub prescriber: Name,
    /// The person's salted digest.
    pub person: Fr,
    /// Blinding.
    pub r: Fr,
}

impl DispenseOpening {
    /// `cm_dispense = H(DISP; drug code, pack(q, d, quantity, days), prescriber party, person, r)`, or
    /// `None` when the drug code has more than 72 bits.
    pub fn commitment(&self) -> Option<Fr> {
        let amounts = pack(&[
            (self.quantity.into(), 32),
            (self.days.into(), 16),
            (self.prescribed_quantity.into(), 32),
            (self.prescribed_days.into(), 16),
        ])?;
        Some(tagged(
            Tag::Disp,
            [
                pack(&[(self.drug, CODE_BITS)])?,
                amounts,
                self.prescriber.to_fr(),
                self.person,
                self.r,
            ],
        ))
    }
}

impl Drop for DispenseOpening {
    fn drop(&mut self) {
        self.drug.zeroize();
        self.person.zeroize();
        self.r.zeroize();
    }
}

/// A rendered service as the duplicate check sees it: who, when and what, never how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The provider's NPI as a number, 34 bits.
    pub npi: u64,
    /// Day of the service.
    pub service: Day,
    /// Packed procedure code, 72 bits.
    pub procedure: u128,
}

impl Event {
    /// `pack(npi:34, service date:16, procedure:72)`, or `None` when a field is out of range.
    pub fn to_fr(&self) -> Option<Fr> {
        pack(&[
            (self.npi.into(), NPI_BITS),
            (self.service.0.into(), 16),
            (self.procedure, CODE_BITS),
        ])
    }

    /// `nf_claim = H(CLAIM; member_secret, event)`, or `None` when a field is out of range.
    pub fn nullifier(&self, member_secret: Fr) -> Option<Fr> {
        Some(tagged(Tag::Claim, [member_secret, self.to_fr()?]))
    }
}

/// The amounts of a claim in cents, each below 2^40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// What the plan allows for the service.
    pub allowed: u64,
    /// The part of it that the deductible takes.
    pub deductible: u64,
    /// The patient's share of the rest.
    pub coinsurance: u64,
    /// What the payer pays.
    pub pay: u64,
}

impl Amounts {
    /// `pack(allowed:40, deductible:40, coinsurance:40, pay:40)`, or `None` when an amount is out of range.
    pub fn to_fr(&self) -> Option<Fr> {
        let all = [self.allowed, self.deductible, self.coinsurance, self.pay];
        pack(&all.map(|cents| (cents.into(), AMOUNT_BITS)))
    }
}

/// The opening of `cm_payable`: which event is payable under which policy, and how much.
pub struct PayableOpening {
    /// The member's plan year, `H(PLAN; payer party, plan word)`.
    pub plan: Fr,
    /// The policy under which the amounts were computed.
    pub policy_id: Fr,
    /// The service.
    pub event: Event,
    /// The amounts.
    pub amounts: Amounts,
    /// Blinding.
    pub r: Fr,
}

impl PayableOpening {
    /// `cm_payable = H(PAY; plan, policy_id, event, pack(amounts), r)`, or `None` when the event or an
    /// amount is out of range.
    pub fn commitment(&self) -> Option<Fr> {
        let (event, amounts) = (self.event.to_fr()?, self.amounts.to_fr()?);
        Some(tagged(
            Tag::Pay,
            [self.plan, self.policy_id, event, amounts, self.r],
        ))
    }
}

impl Drop for PayableOpening {
    fn drop(&mut self) {
        self.plan.zeroize();
        self.r.zeroize();
    }
}

/// What comes beside a proof, for the relying party's eyes.
pub enum Opening {
    /// Nothing: the proof alone answers (eligibility).
    None,
    /// The salt that turns the identity digest on the card into the proof's `person` (bind).
    Person {
        /// Salt of the person's digest.
        salt: Fr,
    },
    /// A dispense and the salt of its person's digest.
    Dispense {
        /// Opening of `cm_dispense`.
        opening: DispenseOpening,
        /// Salt of the person's digest.
        salt: Fr,
    },
    /// A payable claim.
    Payable(PayableOpening),
}
