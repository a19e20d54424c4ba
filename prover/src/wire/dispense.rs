//! The witness of `dispense`.

use super::{Message, WireError, WireWitness, other, parts::*};
use medproof_circuits::statements::dispense::{Dispense, OpenedPolicy, Witness};
use medproof_proto::{
    field::{fr, fr_bytes},
    prover::witness as wire,
};
use medproof_records::{
    code::CodeInterval,
    dispensing::{ClassRow, EXEMPTIONS, Limits, Note, Prescription, RING_SLOTS, Ring, RingEntry},
};

impl WireWitness for Dispense {
    fn encode(witness: &Witness) -> Message {
        let w = witness;
        Message::Dispense(wire::Dispense {
            identity: Some(identity_message(&w.identity)),
            note: Some(note_message(&w.note)),
            note_path: Some(path_message(&w.note_path)),
            prescription: Some(prescription_message(&w.prescription)),
            prescriber: Some(signer_message(&w.prescriber, &w.signature)),
            policy: Some(policy_message(&w.policy)),
            fill_no: w.fill_no.into(),
            quantity: w.q,
            days: w.d.into(),
            // Both are below 32; a larger one is refused on the other side.
            slot: u32::try_from(w.slot).unwrap_or(u32::MAX),
            exemption: u32::try_from(w.exemption).unwrap_or(u32::MAX),
            r: fr_bytes(&w.r),
        })
    }

    fn decode(message: &Message) -> Result<Witness, WireError> {
        match message {
            Message::Dispense(m) => decode(m).map_err(|e| e.within("dispense")),
            _ => Err(other()),
        }
    }
}

pub(super) fn decode(message: &wire::Dispense) -> Result<Witness, WireError> {
    let m = message;
    let (prescriber, signature) = part("prescriber", &m.prescriber, signer)?;
    Ok(Witness {
        identity: part("identity", &m.identity, identity)?,
        note: part("note", &m.note, note)?,
        note_path: part("note_path", &m.note_path, path)?,
        prescription: part("prescription", &m.prescription, prescription)?,
        prescriber,
        signature,
        policy: part("policy", &m.policy, policy)?,
        fill_no: narrow("fill_no", m.fill_no)?,
        q: m.quantity,
        d: narrow("days", m.days)?,
        slot: index("slot", m.slot, RING_SLOTS)?,
        exemption: index("exemption", m.exemption, EXEMPTIONS)?,
        r: fr("r", &m.r)?,
    })
}

fn note(m: &wire::Note) -> Result<Note, WireError> {
    if m.ring.len() != RING_SLOTS {
        let reason = format!("has {} elements, not {RING_SLOTS}", m.ring.len());
        return Err(WireError::new("ring", reason));
    }
    let mut ring = Ring::empty();
    for (slot, bytes) in ring.entries.iter_mut().zip(&m.ring) {
        let entry = RingEntry::from_fr(&fr("ring", bytes)?);
        *slot = entry.ok_or_else(|| WireError::new("ring", "has an element that is no packed entry"))?;
    }
    Ok(Note {
        owner: fr("owner", &m.owner)?,
        ring,
        seq: m.seq,
        rho: fr("rho", &m.rho)?,
        rcm: fr("rcm", &m.rcm)?,
    })
}

fn note_message(note: &Note) -> wire::Note {
    wire::Note {
        owner: fr_bytes(&note.owner),
        ring: note.ring.entries.iter().map(|e| fr_bytes(&e.to_fr())).collect(),
        seq: note.seq,
        rho: fr_bytes(&note.rho),
        rcm: fr_bytes(&note.rcm),
    }
}

fn prescription(m: &wire::Prescription) -> Result<Prescription, WireError> {
    Ok(Prescription {
        subject: fr("subject", &m.subject)?,
        person: fr("person", &m.person)?,
        drug: code("drug", &m.drug)?,
        quantity: m.quantity,
        days: narrow("days", m.days)?,
        fills: narrow("fills", m.fills)?,
        issued: day("issued", m.issued)?,
        earliest: day("earliest", m.earliest)?,
        expires: day("expires", m.expires)?,
        rx_secret: fr("rx_secret", &m.rx_secret)?,
        exemption: code("exemption", &m.exemption)?,
    })
}

fn prescription_message(prescription: &Prescription) -> wire::Prescription {
    wire::Prescription {
        subject: fr_bytes(&prescription.subject),
        drug: code_bytes(prescription.drug),
        quantity: prescription.quantity,
        days: prescription.days.into(),
        fills: prescription.fills.into(),
        issued: prescription.issued.0.into(),
        earliest: prescription.earliest.0.into(),
        expires: prescription.expires.0.into(),
        rx_secret: fr_bytes(&prescription.rx_secret),
        exemption: code_bytes(prescription.exemption),
        person: fr_bytes(&prescription.person),
    }
}

fn policy(m: &wire::DispensePolicy) -> Result<OpenedPolicy, WireError> {
    let (drug, drug_path) = part("drug", &m.drug, table_leaf)?;
    Ok(OpenedPolicy {
        rules: fr("rules", &m.rules)?,
        table_root: fr("table_root", &m.table_root)?,
        version: fr("version", &m.version)?,
        drug,
        drug_path,
        row: part("row", &m.row, row)?,
        row_path: part("row_path", &m.row_path, path)?,
    })
}

fn policy_message(policy: &OpenedPolicy) -> wire::DispensePolicy {
    wire::DispensePolicy {
        rules: fr_bytes(&policy.rules),
        table_root: fr_bytes(&policy.table_root),
        version: fr_bytes(&policy.version),
        drug: Some(table_leaf_message(&policy.drug, &policy.drug_path)),
        row: Some(row_message(&policy.row)),
        row_path: Some(path_message(&policy.row_path)),
    }
}

fn row(m: &wire::ClassRow) -> Result<ClassRow, WireError> {
    if m.exemptions.len() != EXEMPTIONS {
        let reason = format!("has {} elements, not {EXEMPTIONS}", m.exemptions.len());
        return Err(WireError::new("exemptions", reason));
    }
    let mut exemptions = [None; EXEMPTIONS];
    for (slot, bytes) in exemptions.iter_mut().zip(&m.exemptions) {
        *slot = exemption(bytes)?;
    }
    let limits = Limits {
        peak: m.peak,
        quantity: m.quantity,
        quantity_window: narrow("quantity_window", m.quantity_window)?,
        fills: narrow("fills", m.fills)?,
        fills_window: narrow("fills_window", m.fills_window)?,
        first_lookback: narrow("first_lookback", m.first_lookback)?,
        first_max_days: narrow("first_max_days", m.first_max_days)?,
        refill_percent: narrow("refill_percent", m.refill_percent)?,
    };
    for (field, value) in [("peak", m.peak), ("quantity", m.quantity)] {
        if value >> 40 != 0 {
            return Err(WireError::new(field, "is not below 2^40"));
        }
    }
    Ok(ClassRow {
        class: narrow("class", m.class)?,
        limits,
        exemptions,
    })
}

fn exemption(bytes: &[u8]) -> Result<Option<CodeInterval>, WireError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let refused = || WireError::new("exemptions", "has an element that is no interval of codes");
    let (lo, hi) = bytes.split_at_checked(9).ok_or_else(refused)?;
    let interval = CodeInterval::from_bounds(packed("exemptions", lo)?, packed("exemptions", hi)?);
    interval.ok_or_else(refused).map(Some)
}

fn row_message(row: &ClassRow) -> wire::ClassRow {
    let interval = |e: &Option<CodeInterval>| match e {
        Some(interval) => [packed_bytes(interval.lo()), packed_bytes(interval.hi())].concat(),
        None => Vec::new(),
    };
    let limits = &row.limits;
    wire::ClassRow {
        class: row.class.into(),
        peak: limits.peak,
        quantity: limits.quantity,
        quantity_window: limits.quantity_window.into(),
        fills: limits.fills.into(),
        fills_window: limits.fills_window.into(),
        first_lookback: limits.first_lookback.into(),
        first_max_days: limits.first_max_days.into(),
        refill_percent: limits.refill_percent.into(),
        exemptions: row.exemptions.iter().map(interval).collect(),
    }
}
