//! `claim`: a rendered service is payable under the plan, and the balance changes by what is paid
//! (`docs/statements/claim.md`).

mod circuit;
mod relation;
#[cfg(test)]
mod tests;

pub use relation::{Refused, reason};

use crate::gadgets::registry::AcceptedKey;
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::claim::{
    Balances, BenefitNote, Cost, Coverage, Fee, PlanWord, PriorAuthorisation, RenderedService,
};
use medproof_records::code::{Code, CodeInterval, CodeSystem};
use medproof_records::identity::Identity;
use medproof_records::policy::claim::{ClaimRules, PairRow};
use medproof_records::record::Cents;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::opening::{Event, PayableOpening};
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::tree::{COMMITMENT_DEPTH, TABLE_DEPTH};
use medproof_verifier::{CircuitName, Day, Path};
use zeroize::Zeroize;

/// The statement `claim`.
pub struct Claim;

/// Something signed, with the registered key that signed it.
pub struct Signed<T> {
    /// What is signed.
    pub content: T,
    /// The signer's key in the registry.
    pub key: AcceptedKey,
    /// The signature over the content's hash.
    pub signature: Signature,
}

/// Everything private of a claim. Its parts wipe themselves on drop.
pub struct Witness {
    /// The holder.
    pub identity: Identity,
    /// The balance that is consumed.
    pub note: BenefitNote,
    /// Its place under the anchor.
    pub note_path: Path<COMMITMENT_DEPTH>,
    /// The payer's word that the member is covered.
    pub coverage: Signed<Coverage>,
    /// The provider's word that the service was rendered.
    pub service: Signed<RenderedService>,
    /// The payer's consent. Not looked at unless the row asks for one.
    pub authorisation: Signed<PriorAuthorisation>,
    /// The compiled policy.
    pub rules: ClaimRules,
    /// The row of the pair table.
    pub row: PairRow,
    /// Its place in the table.
    pub row_path: Path<TABLE_DEPTH>,
    /// Blinding of the opening to the insurer.
    pub r: Fr,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.r.zeroize();
    }
}

impl Witness {
    /// The event that is claimed.
    pub fn event(&self) -> Event {
        self.service.content.event()
    }

    /// The amounts that the plan's arithmetic gives.
    pub fn cost(&self) -> Cost {
        let fee = Fee {
            cents: self.row.fee,
            coinsurance_bp: self.rules.coinsurance_bp,
        };
        let service = &self.service.content;
        Cost::of(fee, service.charge, service.units, &self.note.balances)
    }

    /// What is opened to the insurer.
    pub fn opening(&self) -> PayableOpening {
        PayableOpening {
            plan: self.coverage.content.plan_digest(),
            policy_id: self.rules.policy_id(),
            event: self.event(),
            amounts: self.cost().amounts(),
            r: self.r,
        }
    }

    /// The note that is left, or `None` when the payment is over the annual rest.
    pub fn next_note(&self) -> Option<BenefitNote> {
        self.note.next(self.identity.sk.nk(), &self.cost()).ok()
    }

    /// The public inputs that belong to this witness. Where there is no such value (a payment over the
    /// annual rest has no next note), the input is 0 and the relation refuses the pair.
    pub fn public(&self, registry_root: Fr, received: Day, ctx: Fr) -> ClaimPublic {
        let member_secret = self.coverage.content.member_secret;
        let leaf = medproof_records::claim::benefit_leaf(self.identity.domain, self.note.commitment());
        ClaimPublic {
            anchor: self.note_path.root(leaf),
            identity_root: self.identity.root(),
            registry_root,
            domain: self.identity.domain,
            policy_id: self.rules.policy_id(),
            received: Fr::from(received.0),
            nf_claim: self.event().nullifier(member_secret).unwrap_or_default(),
            nf_benefit: self.note.nullifier(self.identity.sk.nk()),
            cm_benefit: self.next_note().map(|n| n.commitment()).unwrap_or_default(),
            cm_payable: self.opening().commitment().unwrap_or_default(),
            ctx,
        }
    }
}

impl Circuit for Claim {
    type Public = ClaimPublic;
    type Witness = Witness;
    type Refused = Refused;
    const NAME: CircuitName = CircuitName::Claim;
    const BUDGET: usize = 1 << 16;

    fn relation(public: &ClaimPublic, witness: &Witness) -> Result<(), Refused> {
        relation::check(public, witness)
    }

    fn synthesise(
        cs: ConstraintSystemRef<Fr>,
        public: &ClaimPublic,
        witness: &Witness,
    ) -> Result<(), SynthesisError> {
        circuit::synthesise(cs, public, witness, &|_| {})
    }

    fn blank() -> (ClaimPublic, Witness) {
        let witness = blank();
        (witness.public(Fr::from(0u64), Day(0), Fr::from(0u64)), witness)
    }
}

fn signed<T>(content: T) -> Signed<T> {
    let zero = Fr::from(0u64);
    Signed {
        content,
        key: AcceptedKey::blank(),
        signature: Signature {
            r8x: zero,
            r8y: zero,
            s: zero,
        },
    }
}

/// An authorisation for services that need none: of the right shape, signed by nobody.
pub fn no_authorisation() -> Signed<PriorAuthorisation> {
    let zero = Fr::from(0u64);
    signed(PriorAuthorisation {
        subject: zero,
        procedure: Code::NONE,
        units: 0,
        start: Day(0),
        end: Day(0),
        payer: blank_name(),
        source: zero,
        salt: zero,
    })
}

fn blank_name() -> medproof_verifier::Name {
    AcceptedKey::blank().leaf.party
}

fn blank() -> Witness {
    let zero = Fr::from(0u64);
    // Constant texts within the alphabet.
    let plan: medproof_records::claim::PlanId = "blank".parse().expect("a valid plan id");
    let member = "blank".parse().expect("a valid member id");
    Witness {
        identity: Identity::blank(),
        note: BenefitNote {
            owner: zero,
            plan: zero,
            balances: Balances {
                deductible: 0,
                out_of_pocket: 0,
                annual: 0,
            },
            rho: zero,
            rcm: zero,
        },
        note_path: Path::zero(),
        coverage: signed(Coverage {
            subject: zero,
            payer: blank_name(),
            plan: PlanWord {
                plan,
                year: 0,
                member,
            },
            member_secret: zero,
            start: Day(0),
            end: Day(0),
        }),
        service: signed(RenderedService {
            subject: zero,
            procedure: Code::NONE,
            diagnosis: Code::NONE,
            units: 0,
            charge: Cents::default(),
            service: Day(0),
            npi: None,
            facility: None,
            source: zero,
            salt: zero,
        }),
        authorisation: no_authorisation(),
        rules: ClaimRules {
            payer: blank_name(),
            plan,
            max_days: 0,
            coinsurance_bp: 0,
            table_root: zero,
            version: zero,
        },
        row: PairRow {
            diagnosis: CodeInterval::whole(CodeSystem::Icd10Cm),
            procedure: Code::NONE,
            fee: Cents::default(),
            max_units: 0,
            prior_authorisation: false,
        },
        row_path: Path::zero(),
        r: zero,
    }
}
