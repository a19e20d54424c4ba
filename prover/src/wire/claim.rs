//! The witness of `claim`.

use super::{Message, WireError, WireWitness, other, parts::*};
use medproof_circuits::statements::claim::{Claim, Signed, Witness};
use medproof_proto::{
    field::{fr, fr_bytes},
    prover::witness as wire,
};
use medproof_records::{
    claim::{Balances, BenefitNote, Coverage, PlanWord, PriorAuthorisation, RenderedService},
    code::CodeInterval,
    npi::Npi,
    policy::claim::{ClaimRules, PairRow},
};

impl WireWitness for Claim {
    fn encode(witness: &Witness) -> Message {
        let w = witness;
        Message::Claim(wire::Claim {
            identity: Some(identity_message(&w.identity)),
            note: Some(note_message(&w.note)),
            note_path: Some(path_message(&w.note_path)),
            coverage: Some(coverage_message(&w.coverage.content)),
            coverage_signer: Some(signer_message(&w.coverage.key, &w.coverage.signature)),
            service: Some(service_message(&w.service.content)),
            service_signer: Some(signer_message(&w.service.key, &w.service.signature)),
            authorisation: Some(authorisation_message(&w.authorisation.content)),
            authorisation_signer: Some(signer_message(&w.authorisation.key, &w.authorisation.signature)),
            rules: Some(rules_message(&w.rules)),
            row: Some(row_message(&w.row)),
            row_path: Some(path_message(&w.row_path)),
            r: fr_bytes(&w.r),
        })
    }

    fn decode(message: &Message) -> Result<Witness, WireError> {
        match message {
            Message::Claim(m) => decode(m).map_err(|e| e.within("claim")),
            _ => Err(other()),
        }
    }
}

pub(super) fn decode(message: &wire::Claim) -> Result<Witness, WireError> {
    let m = message;
    let coverage = part("coverage", &m.coverage, coverage)?;
    let service = part("service", &m.service, service)?;
    let authorisation = part("authorisation", &m.authorisation, authorisation)?;
    Ok(Witness {
        identity: part("identity", &m.identity, identity)?,
        note: part("note", &m.note, note)?,
        note_path: part("note_path", &m.note_path, path)?,
        coverage: signed("coverage_signer", coverage, &m.coverage_signer)?,
        service: signed("service_signer", service, &m.service_signer)?,
        authorisation: signed("authorisation_signer", authorisation, &m.authorisation_signer)?,
        rules: part("rules", &m.rules, rules)?,
        row: part("row", &m.row, row)?,
        row_path: part("row_path", &m.row_path, path)?,
        r: fr("r", &m.r)?,
    })
}

fn signed<T>(
    field: &'static str,
    content: T,
    message: &Option<wire::Signer>,
) -> Result<Signed<T>, WireError> {
    let (key, signature) = part(field, message, signer)?;
    Ok(Signed {
        content,
        key,
        signature,
    })
}

fn note(m: &wire::BenefitNote) -> Result<BenefitNote, WireError> {
    Ok(BenefitNote {
        owner: fr("owner", &m.owner)?,
        plan: fr("plan", &m.plan)?,
        balances: Balances {
            deductible: m.deductible,
            out_of_pocket: m.out_of_pocket,
            annual: m.annual,
        },
        rho: fr("rho", &m.rho)?,
        rcm: fr("rcm", &m.rcm)?,
    })
}

fn note_message(note: &BenefitNote) -> wire::BenefitNote {
    wire::BenefitNote {
        owner: fr_bytes(&note.owner),
        plan: fr_bytes(&note.plan),
        deductible: note.balances.deductible,
        out_of_pocket: note.balances.out_of_pocket,
        annual: note.balances.annual,
        rho: fr_bytes(&note.rho),
        rcm: fr_bytes(&note.rcm),
    }
}

fn coverage(m: &wire::Coverage) -> Result<Coverage, WireError> {
    Ok(Coverage {
        subject: fr("subject", &m.subject)?,
        payer: parsed("payer", &m.payer)?,
        plan: PlanWord {
            plan: parsed("plan", &m.plan)?,
            year: narrow("year", m.year)?,
            member: parsed("member", &m.member)?,
        },
        member_secret: fr("member_secret", &m.member_secret)?,
        start: day("start", m.start)?,
        end: day("end", m.end)?,
    })
}

fn coverage_message(coverage: &Coverage) -> wire::Coverage {
    wire::Coverage {
        subject: fr_bytes(&coverage.subject),
        payer: coverage.payer.to_string(),
        plan: coverage.plan.plan.to_string(),
        year: coverage.plan.year.into(),
        member: coverage.plan.member.to_string(),
        member_secret: fr_bytes(&coverage.member_secret),
        start: coverage.start.0.into(),
        end: coverage.end.0.into(),
    }
}

fn service(m: &wire::RenderedService) -> Result<RenderedService, WireError> {
    let npi = match m.npi {
        0 => None,
        number => Some(Npi::from_number(number).map_err(|_| WireError::new("npi", "is not a valid NPI"))?),
    };
    let facility = match m.facility.as_str() {
        "" => None,
        text => Some(parsed("facility", text)?),
    };
    Ok(RenderedService {
        subject: fr("subject", &m.subject)?,
        procedure: code("procedure", &m.procedure)?,
        diagnosis: code("diagnosis", &m.diagnosis)?,
        units: narrow("units", m.units)?,
        charge: cents("charge_cents", m.charge_cents)?,
        service: day("day", m.day)?,
        npi,
        facility,
        source: fr("source", &m.source)?,
        salt: fr("salt", &m.salt)?,
    })
}

fn service_message(service: &RenderedService) -> wire::RenderedService {
    wire::RenderedService {
        subject: fr_bytes(&service.subject),
        procedure: code_bytes(service.procedure),
        diagnosis: code_bytes(service.diagnosis),
        units: service.units.into(),
        charge_cents: service.charge.get(),
        day: service.service.0.into(),
        npi: service.npi_number(),
        facility: service
            .facility
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        source: fr_bytes(&service.source),
        salt: fr_bytes(&service.salt),
    }
}

fn authorisation(m: &wire::PriorAuthorisation) -> Result<PriorAuthorisation, WireError> {
    Ok(PriorAuthorisation {
        subject: fr("subject", &m.subject)?,
        procedure: code("procedure", &m.procedure)?,
        units: narrow("units", m.units)?,
        start: day("start", m.start)?,
        end: day("end", m.end)?,
        payer: parsed("payer", &m.payer)?,
        source: fr("source", &m.source)?,
        salt: fr("salt", &m.salt)?,
    })
}

fn authorisation_message(authorisation: &PriorAuthorisation) -> wire::PriorAuthorisation {
    wire::PriorAuthorisation {
        subject: fr_bytes(&authorisation.subject),
        procedure: code_bytes(authorisation.procedure),
        units: authorisation.units.into(),
        start: authorisation.start.0.into(),
        end: authorisation.end.0.into(),
        payer: authorisation.payer.to_string(),
        source: fr_bytes(&authorisation.source),
        salt: fr_bytes(&authorisation.salt),
    }
}

fn rules(m: &wire::ClaimRules) -> Result<ClaimRules, WireError> {
    Ok(ClaimRules {
        payer: parsed("payer", &m.payer)?,
        plan: parsed("plan", &m.plan)?,
        max_days: narrow("max_days", m.max_days)?,
        coinsurance_bp: narrow("coinsurance_bp", m.coinsurance_bp)?,
        table_root: fr("table_root", &m.table_root)?,
        version: fr("version", &m.version)?,
    })
}

fn rules_message(rules: &ClaimRules) -> wire::ClaimRules {
    wire::ClaimRules {
        payer: rules.payer.to_string(),
        plan: rules.plan.to_string(),
        max_days: rules.max_days.into(),
        coinsurance_bp: rules.coinsurance_bp.into(),
        table_root: fr_bytes(&rules.table_root),
        version: fr_bytes(&rules.version),
    }
}

fn row(m: &wire::PairRow) -> Result<PairRow, WireError> {
    let lo = packed("diagnosis_lo", &m.diagnosis_lo)?;
    let hi = packed("diagnosis_hi", &m.diagnosis_hi)?;
    let reason = "does not end an interval of one code system that begins at diagnosis_lo";
    Ok(PairRow {
        diagnosis: CodeInterval::from_bounds(lo, hi).ok_or_else(|| WireError::new("diagnosis_hi", reason))?,
        procedure: code("procedure", &m.procedure)?,
        fee: cents("fee_cents", m.fee_cents)?,
        max_units: narrow("max_units", m.max_units)?,
        prior_authorisation: m.prior_authorisation,
    })
}

fn row_message(row: &PairRow) -> wire::PairRow {
    wire::PairRow {
        diagnosis_lo: packed_bytes(row.diagnosis.lo()),
        diagnosis_hi: packed_bytes(row.diagnosis.hi()),
        procedure: code_bytes(row.procedure),
        fee_cents: row.fee.get(),
        max_units: row.max_units.into(),
        prior_authorisation: row.prior_authorisation,
    }
}
