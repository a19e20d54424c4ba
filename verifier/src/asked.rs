//! What a relying party asks for with a challenge, its hash in `ctx`, and whether a statement and its
//! opening answer it (`docs/format.md`, section 14).

use crate::{
    CircuitName, Day, Fr, Name, Statement, Tag,
    context::bound,
    field::fr_to_be_bytes,
    opening::{Event, Opening},
    tagged,
};
use sha2::{Digest, Sha256};

/// What is asked. The staff of the relying party enters it; the holder sees it before proving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A prescriber or issuer: is this pseudonym that of the person before me?
    Bind {
        /// The asking issuer's party.
        issuer: Name,
        /// Domain of the identity leaf.
        domain: Name,
        /// Identity digest of the person, as on the card.
        identity: Fr,
    },
    /// A pharmacy: may I hand out this fill to this person today?
    Dispense {
        /// Domain of the policy and the account.
        domain: Name,
        /// The compiled policy.
        policy_id: Fr,
        /// The pharmacy's date.
        date: Day,
        /// Packed drug code, 72 bits.
        drug: u128,
        /// Quantity, milli-units.
        quantity: u32,
        /// Identity digest of the person, as on the card.
        identity: Fr,
        /// The prescriber on the prescription, when it is known.
        prescriber: Option<Name>,
    },
    /// A sponsor: does this participant meet the criteria, and for the first time?
    Eligibility {
        /// The compiled policy.
        policy_id: Fr,
        /// The sponsor's date.
        date: Day,
    },
    /// An insurer: is this event payable, and how much?
    Claim {
        /// The payer's domain.
        domain: Name,
        /// The compiled policy.
        policy_id: Fr,
        /// Day on which the claim was received.
        received: Day,
        /// The member's plan year, `H(PLAN; payer party, plan word)`.
        plan: Fr,
        /// The claimed service.
        event: Event,
        /// The payment in cents that the insurer expects, when it has computed it.
        pay: Option<u64>,
    },
}

/// A statement or its opening does not answer what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The proof is of another statement.
    #[error("the proof is of another statement than was asked for")]
    Statement,
    /// An opening is missing or of another kind.
    #[error("the opening is missing or belongs to another statement")]
    Kind,
    /// The opening does not open the statement's commitment.
    #[error("the opening does not open the statement's commitment")]
    Commitment,
    /// A value is another than was asked for.
    #[error("`{0}` is not what was asked for")]
    Field(&'static str),
}

impl Asked {
    /// Whether a proof under this circuit can answer.
    pub fn answered_by(&self, circuit: CircuitName) -> bool {
        match self {
            Self::Bind { .. } => circuit == CircuitName::Bind,
            Self::Dispense { .. } => circuit == CircuitName::Dispense,
            Self::Eligibility { .. } => {
                matches!(circuit, CircuitName::Eligibility | CircuitName::EligibilityLarge)
            }
            Self::Claim { .. } => circuit == CircuitName::Claim,
        }
    }

    /// The date on which the answer holds; a bind has none.
    pub fn date(&self) -> Option<Day> {
        match self {
            Self::Bind { .. } => None,
            Self::Dispense { date, .. } | Self::Eligibility { date, .. } => Some(*date),
            Self::Claim { received, .. } => Some(*received),
        }
    }

    /// 248 bits of `SHA-256("medproof/asked/1" || salt || kind || fields)`, and a last byte of zero. What is asked
    /// can be guessed and the hash is posted, hence the salt: 32 random bytes that only the two parties see.
    pub fn payload_hash(&self, salt: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"medproof/asked/1");
        hash.update(salt);
        hash.update(self.to_bytes());
        bound(hash.finalize().into())
    }

    /// The only encoding: kind, then fixed-width fields; names with a length byte; an absent option is 0.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let name = |out: &mut Vec<u8>, n: &Name| {
            // A name has at most 30 bytes.
            out.push(n.as_str().len() as u8);
            out.extend(n.as_str().as_bytes());
        };
        match self {
            Self::Bind {
                issuer,
                domain,
                identity,
            } => {
                out.push(1);
                name(&mut out, issuer);
                name(&mut out, domain);
                out.extend(fr_to_be_bytes(identity));
            }
            Self::Dispense {
                domain,
                policy_id,
                date,
                drug,
                quantity,
                identity,
                prescriber,
            } => {
                out.push(2);
                name(&mut out, domain);
                out.extend(fr_to_be_bytes(policy_id));
                out.extend(date.0.to_be_bytes());
                out.extend(drug.to_be_bytes());
                out.extend(quantity.to_be_bytes());
                out.extend(fr_to_be_bytes(identity));
                match prescriber {
                    Some(party) => name(&mut out, party),
                    None => out.push(0),
                }
            }
            Self::Eligibility { policy_id, date } => {
                out.push(3);
                out.extend(fr_to_be_bytes(policy_id));
                out.extend(date.0.to_be_bytes());
            }
            Self::Claim {
                domain,
                policy_id,
                received,
                plan,
                event,
                pay,
            } => {
                out.push(4);
                name(&mut out, domain);
                out.extend(fr_to_be_bytes(policy_id));
                out.extend(received.0.to_be_bytes());
                out.extend(fr_to_be_bytes(plan));
                out.extend(event.npi.to_be_bytes());
                out.extend(event.service.0.to_be_bytes());
                out.extend(event.procedure.to_be_bytes());
                out.push(u8::from(pay.is_some()));
                out.extend(pay.unwrap_or(0).to_be_bytes());
            }
        }
        out
    }

    /// Whether a statement (whose proof is checked elsewhere) and its opening answer this question.
    ///
    /// # Errors
    /// [`Mismatch`] naming the first value that differs.
    pub fn check(&self, statement: &Statement, opening: &Opening) -> Result<(), Mismatch> {
        match (self, statement) {
            (
                Self::Bind {
                    issuer,
                    domain,
                    identity,
                },
                Statement::Bind(s),
            ) => {
                let Opening::Person { salt } = opening else {
                    return Err(Mismatch::Kind);
                };
                same("issuer", s.issuer_party, issuer.to_fr())?;
                same("domain", s.domain, domain.to_fr())?;
                same("person", s.person, person(identity, salt))
            }
            (Self::Dispense { .. }, Statement::Dispense(s)) => self.check_dispense(s, opening),
            (Self::Eligibility { policy_id, date }, Statement::Eligibility(s)) => {
                if !matches!(opening, Opening::None) {
                    return Err(Mismatch::Kind);
                }
                same("policy", s.policy_id, *policy_id)?;
                same("date", s.date, Fr::from(date.0))
            }
            (Self::Claim { .. }, Statement::Claim(s)) => self.check_claim(s, opening),
            _ => Err(Mismatch::Statement),
        }
    }

    fn check_dispense(
        &self,
        s: &crate::statement::DispensePublic,
        opening: &Opening,
    ) -> Result<(), Mismatch> {
        let Self::Dispense {
            domain,
            policy_id,
            date,
            drug,
            quantity,
            identity,
            prescriber,
        } = self
        else {
            return Err(Mismatch::Statement);
        };
        let Opening::Dispense { opening, salt } = opening else {
            return Err(Mismatch::Kind);
        };
        if opening.commitment() != Some(s.cm_dispense) {
            return Err(Mismatch::Commitment);
        }
        same("domain", s.domain, domain.to_fr())?;
        same("policy", s.policy_id, *policy_id)?;
        same("date", s.date, Fr::from(date.0))?;
        same("drug", opening.drug, *drug)?;
        same("quantity", opening.quantity, *quantity)?;
        // The person before the pharmacist, not merely some enrolled person.
        same("person", opening.person, person(identity, salt))?;
        match prescriber {
            Some(party) => same("prescriber", &opening.prescriber, party),
            None => Ok(()),
        }
    }

    fn check_claim(&self, s: &crate::statement::ClaimPublic, opening: &Opening) -> Result<(), Mismatch> {
        let Self::Claim {
            domain,
            policy_id,
            received,
            plan,
            event,
            pay,
        } = self
        else {
            return Err(Mismatch::Statement);
        };
        let Opening::Payable(opening) = opening else {
            return Err(Mismatch::Kind);
        };
        if opening.commitment() != Some(s.cm_payable) {
            return Err(Mismatch::Commitment);
        }
        same("domain", s.domain, domain.to_fr())?;
        same("policy", s.policy_id, *policy_id)?;
        same("opened policy", opening.policy_id, *policy_id)?;
        same("received", s.received, Fr::from(received.0))?;
        same("plan", opening.plan, *plan)?;
        same("event", opening.event, *event)?;
        match pay {
            Some(cents) => same("pay", opening.amounts.pay, *cents),
            None => Ok(()),
        }
    }
}

/// `person = H(PERSON; identity digest, salt)`.
fn person(identity: &Fr, salt: &Fr) -> Fr {
    tagged(Tag::Person, [*identity, *salt])
}

fn same<T: PartialEq>(field: &'static str, a: T, b: T) -> Result<(), Mismatch> {
    if a == b {
        Ok(())
    } else {
        Err(Mismatch::Field(field))
    }
}

#[cfg(test)]
mod tests;
