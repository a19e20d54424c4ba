//! Conversions of the gateway service's messages.

pub use crate::wire::gateway::*;

use crate::field::{self, FieldError};
use medproof_verifier::{
    Day,
    asked::Asked as Question,
    opening::{self, Amounts, CODE_BITS, Event, Opening},
};

/// Most public inputs in a presentation.
pub const MAX_PUBLIC_INPUTS: usize = medproof_verifier::entry::MAX_INPUTS;

/// A packed code (72 bits) on the wire.
fn code(packed: u128) -> Code {
    Code {
        system: ((packed >> 64) & 0xff) as u32,
        value: packed as u64,
    }
}

fn packed(field: &'static str, code: Option<Code>) -> Result<u128, FieldError> {
    let code = field::required(field, code)?;
    if code.system >> (CODE_BITS - 64) != 0 {
        return Err(FieldError::new(field, "has a system above 255"));
    }
    Ok(u128::from(code.system) << 64 | u128::from(code.value))
}

fn day(field: &'static str, days: u32) -> Result<Day, FieldError> {
    u16::try_from(days)
        .ok()
        .map(Day)
        .filter(|day| *day <= Day::LAST)
        .ok_or_else(|| FieldError::new(field, "is not a date before 2079-06-06"))
}

fn u16_of(field: &'static str, value: u32) -> Result<u16, FieldError> {
    u16::try_from(value).map_err(|_| FieldError::new(field, "is above 65535"))
}

impl From<&Question> for Asked {
    fn from(question: &Question) -> Self {
        let what = match question {
            Question::Bind {
                issuer,
                domain,
                identity,
            } => asked::What::Bind(Bind {
                issuer: issuer.to_string(),
                domain: domain.to_string(),
                identity: field::fr_bytes(identity),
            }),
            Question::Dispense {
                domain,
                policy_id,
                date,
                drug,
                quantity,
                identity,
                prescriber,
            } => asked::What::Dispense(Dispense {
                domain: domain.to_string(),
                policy_id: field::fr_bytes(policy_id),
                date: date.0.into(),
                drug: Some(code(*drug)),
                quantity: *quantity,
                identity: field::fr_bytes(identity),
                prescriber: prescriber.as_ref().map(ToString::to_string).unwrap_or_default(),
            }),
            Question::Eligibility { policy_id, date } => asked::What::Eligibility(Eligibility {
                policy_id: field::fr_bytes(policy_id),
                date: date.0.into(),
            }),
            Question::Claim {
                domain,
                policy_id,
                received,
                plan,
                event,
                pay,
            } => asked::What::Claim(Claim {
                domain: domain.to_string(),
                policy_id: field::fr_bytes(policy_id),
                received: received.0.into(),
                plan: field::fr_bytes(plan),
                npi: event.npi,
                service_date: event.service.0.into(),
                procedure: Some(code(event.procedure)),
                pay: *pay,
            }),
        };
        Self { what: Some(what) }
    }
}

impl TryFrom<Asked> for Question {
    type Error = FieldError;

    fn try_from(message: Asked) -> Result<Self, FieldError> {
        Ok(match field::required("asked.what", message.what)? {
            asked::What::Bind(m) => Self::Bind {
                issuer: field::name("bind.issuer", &m.issuer)?,
                domain: field::name("bind.domain", &m.domain)?,
                identity: field::fr("bind.identity", &m.identity)?,
            },
            asked::What::Dispense(m) => Self::Dispense {
                domain: field::name("dispense.domain", &m.domain)?,
                policy_id: field::fr("dispense.policy_id", &m.policy_id)?,
                date: day("dispense.date", m.date)?,
                drug: packed("dispense.drug", m.drug)?,
                quantity: m.quantity,
                identity: field::fr("dispense.identity", &m.identity)?,
                prescriber: match m.prescriber.as_str() {
                    "" => None,
                    party => Some(field::name("dispense.prescriber", party)?),
                },
            },
            asked::What::Eligibility(m) => Self::Eligibility {
                policy_id: field::fr("eligibility.policy_id", &m.policy_id)?,
                date: day("eligibility.date", m.date)?,
            },
            asked::What::Claim(m) => Self::Claim {
                domain: field::name("claim.domain", &m.domain)?,
                policy_id: field::fr("claim.policy_id", &m.policy_id)?,
                received: day("claim.received", m.received)?,
                plan: field::fr("claim.plan", &m.plan)?,
                event: event("claim", m.npi, m.service_date, m.procedure)?,
                pay: m.pay,
            },
        })
    }
}

fn event(
    message: &'static str,
    npi: u64,
    service_date: u32,
    procedure: Option<Code>,
) -> Result<Event, FieldError> {
    let event = Event {
        npi,
        service: day("service_date", service_date)?,
        procedure: packed("procedure", procedure)?,
    };
    match event.to_fr() {
        Some(_) => Ok(event),
        None => Err(FieldError::new(message, "has an NPI above 34 bits")),
    }
}

/// The opening of a presentation as a message.
pub fn opening_message(opening: &Opening) -> Option<present_request::Opening> {
    Some(match opening {
        Opening::None => return None,
        Opening::Person { salt } => present_request::Opening::Person(PersonOpening {
            salt: field::fr_bytes(salt),
        }),
        Opening::Dispense { opening, salt } => present_request::Opening::Dispense(DispenseOpening {
            drug: Some(code(opening.drug)),
            quantity: opening.quantity,
            days: opening.days.into(),
            prescribed_quantity: opening.prescribed_quantity,
            prescribed_days: opening.prescribed_days.into(),
            prescriber: opening.prescriber.to_string(),
            person: field::fr_bytes(&opening.person),
            r: field::fr_bytes(&opening.r),
            salt: field::fr_bytes(salt),
        }),
        Opening::Payable(opening) => present_request::Opening::Payable(PayableOpening {
            plan: field::fr_bytes(&opening.plan),
            policy_id: field::fr_bytes(&opening.policy_id),
            npi: opening.event.npi,
            service_date: opening.event.service.0.into(),
            procedure: Some(code(opening.event.procedure)),
            allowed: opening.amounts.allowed,
            deductible: opening.amounts.deductible,
            coinsurance: opening.amounts.coinsurance,
            pay: opening.amounts.pay,
            r: field::fr_bytes(&opening.r),
        }),
    })
}

/// Reads the opening of a presentation.
///
/// # Errors
/// [`FieldError`] naming the bad field.
pub fn opening(message: Option<present_request::Opening>) -> Result<Opening, FieldError> {
    Ok(match message {
        None => Opening::None,
        Some(present_request::Opening::Person(m)) => Opening::Person {
            salt: field::fr("person.salt", &m.salt)?,
        },
        Some(present_request::Opening::Dispense(m)) => Opening::Dispense {
            opening: opening::DispenseOpening {
                drug: packed("opening.drug", m.drug)?,
                quantity: m.quantity,
                days: u16_of("opening.days", m.days)?,
                prescribed_quantity: m.prescribed_quantity,
                prescribed_days: u16_of("opening.prescribed_days", m.prescribed_days)?,
                prescriber: field::name("opening.prescriber", &m.prescriber)?,
                person: field::fr("opening.person", &m.person)?,
                r: field::fr("opening.r", &m.r)?,
            },
            salt: field::fr("opening.salt", &m.salt)?,
        },
        Some(present_request::Opening::Payable(m)) => Opening::Payable(opening::PayableOpening {
            plan: field::fr("opening.plan", &m.plan)?,
            policy_id: field::fr("opening.policy_id", &m.policy_id)?,
            event: event("opening", m.npi, m.service_date, m.procedure)?,
            amounts: Amounts {
                allowed: m.allowed,
                deductible: m.deductible,
                coinsurance: m.coinsurance,
                pay: m.pay,
            },
            r: field::fr("opening.r", &m.r)?,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use medproof_verifier::Fr;

    fn questions() -> Vec<Question> {
        let event = Event {
            npi: 1_234_567_893,
            service: Day(46_000),
            procedure: 5 << 64 | 77,
        };
        vec![
            Question::Bind {
                issuer: "dr-lee".parse().unwrap(),
                domain: "us-ma".parse().unwrap(),
                identity: Fr::from(9u64),
            },
            Question::Dispense {
                domain: "us-ma".parse().unwrap(),
                policy_id: Fr::from(1u64),
                date: Day(46_000),
                drug: 1 << 64 | 1_049_683,
                quantity: 60_000,
                identity: Fr::from(9u64),
                prescriber: None,
            },
            Question::Eligibility {
                policy_id: Fr::from(2u64),
                date: Day(44_000),
            },
            Question::Claim {
                domain: "acme".parse().unwrap(),
                policy_id: Fr::from(3u64),
                received: Day(46_010),
                plan: Fr::from(4u64),
                event,
                pay: Some(960),
            },
        ]
    }

    #[test]
    fn questions_survive_the_wire() {
        for question in questions() {
            assert_eq!(Question::try_from(Asked::from(&question)), Ok(question));
        }
    }

    #[test]
    fn bad_fields_are_named() {
        let wire = |i: usize| match Asked::from(&questions()[i]).what {
            Some(what) => what,
            None => panic!("a question has content"),
        };
        let refused = |what| {
            let asked = Asked { what: Some(what) };
            Question::try_from(asked).unwrap_err().field
        };
        let asked::What::Dispense(good) = wire(1) else {
            panic!("a dispense")
        };
        let bad = |change: fn(&mut Dispense)| {
            let mut message = good.clone();
            change(&mut message);
            refused(asked::What::Dispense(message))
        };
        assert_eq!(bad(|m| m.domain.clear()), "dispense.domain");
        assert_eq!(bad(|m| m.policy_id[0] = 0xff), "dispense.policy_id");
        assert_eq!(bad(|m| m.date = 65_535), "dispense.date");
        assert_eq!(bad(|m| m.drug = None), "dispense.drug");
        assert_eq!(
            bad(|m| m.drug = Some(Code {
                system: 256,
                value: 0
            })),
            "dispense.drug"
        );
        assert_eq!(bad(|m| m.identity.clear()), "dispense.identity");
        assert_eq!(bad(|m| m.prescriber = "a b".into()), "dispense.prescriber");
        let asked::What::Claim(mut claim) = wire(3) else {
            panic!("a claim")
        };
        claim.npi = 1 << 34;
        assert_eq!(refused(asked::What::Claim(claim)), "claim");
        assert_eq!(
            Question::try_from(Asked { what: None }).unwrap_err().field,
            "asked.what"
        );
    }

    #[test]
    fn openings_survive_the_wire() {
        let opening_in = Opening::Payable(opening::PayableOpening {
            plan: Fr::from(1u64),
            policy_id: Fr::from(2u64),
            event: Event {
                npi: 1,
                service: Day(2),
                procedure: 3,
            },
            amounts: Amounts {
                allowed: 4,
                deductible: 5,
                coinsurance: 6,
                pay: 7,
            },
            r: Fr::from(8u64),
        });
        let wire = opening_message(&opening_in);
        let (Opening::Payable(a), Ok(Opening::Payable(b))) = (&opening_in, opening(wire)) else {
            panic!("a payable opening")
        };
        assert_eq!(a.commitment(), b.commitment());
    }
}
