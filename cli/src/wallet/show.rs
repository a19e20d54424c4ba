//! What a wallet holds, as its holder may see it.

use crate::{holder::state::State, output::table};
use medproof_verifier::Day;
use serde_json::{Value, json};

fn day(day: Day) -> Value {
    match day {
        Day::OPEN => Value::Null,
        day => json!(day.to_string()),
    }
}

/// Everything but secrets.
pub(super) fn to_json(state: &State) -> Value {
    let wallet = &state.wallet;
    json!({
        "ledger_id": state.ledger_id.map(hex::encode),
        "introduced_to": state.parties.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        "identities": wallet.memberships()
            .map(|m| json!({ "domain": m.domain.as_str(), "index": m.index }))
            .collect::<Vec<_>>(),
        "accounts": wallet.accounts().map(|a| json!({
            "domain": a.domain().as_str(),
            "sequence": a.note().seq,
            "position": a.position(),
            "dispensings": a.note().ring.entries.iter().filter(|e| !e.is_empty()).map(|e| json!({
                "start": day(e.start),
                "days": e.days,
                "class": e.class,
                "ingredient": e.ingredient,
                "milli_mme_a_day": e.milli_mme,
                "milli_units": e.quantity,
            })).collect::<Vec<_>>(),
            "unsettled": a.candidates().len(),
        })).collect::<Vec<_>>(),
        "balances": wallet.benefits.iter().map(|b| json!({
            "domain": b.domain.as_str(),
            "deductible_cents": b.note.balances.deductible,
            "out_of_pocket_cents": b.note.balances.out_of_pocket,
            "annual_cents": b.note.balances.annual,
            "position": b.position,
            "unsettled": b.candidates().len(),
        })).collect::<Vec<_>>(),
        "prescriptions": state.prescriptions.iter().enumerate().map(|(number, p)| {
            let rx = &p.signed.content;
            json!({
                "number": number,
                "prescriber": p.signed.signer.as_str(),
                "drug": rx.drug.text(),
                "milli_units": rx.quantity,
                "days": rx.days,
                "fills": rx.fills,
                "filled": p.filled,
                "earliest": day(rx.earliest),
                "expires": day(rx.expires),
            })
        }).collect::<Vec<_>>(),
        "snapshots": state.snapshots.iter().map(|s| json!({
            "issuer": s.issuer.as_str(),
            "scope": s.content.header.scope.as_str(),
            "as_of": day(s.content.header.as_of),
            "records": s.content.header.count,
        })).collect::<Vec<_>>(),
        "coverages": state.coverages.iter().map(|c| json!({
            "payer": c.signer.as_str(),
            "plan": c.content.plan.plan.to_string(),
            "year": c.content.plan.year,
            "member": c.content.plan.member.to_string(),
            "start": day(c.content.start),
            "end": day(c.content.end),
        })).collect::<Vec<_>>(),
        "authorisations": state.authorisations.iter().map(|a| json!({
            "payer": a.signer.as_str(),
            "procedure": a.content.procedure.text(),
            "units": a.content.units,
            "start": day(a.content.start),
            "end": day(a.content.end),
        })).collect::<Vec<_>>(),
        "services": state.services.iter().map(|s| json!({
            "provider": s.signer.as_str(),
            "procedure": s.content.procedure.text(),
            "diagnosis": s.content.diagnosis.text(),
            "date": day(s.content.service),
            "charge_cents": s.content.charge.get(),
        })).collect::<Vec<_>>(),
    })
}

/// The same as tables, empty ones left out.
pub(super) fn text(state: &State) -> String {
    let value = to_json(state);
    let mut text = String::new();
    for (name, member) in value.as_object().into_iter().flatten() {
        let Some(rows) = member.as_array().filter(|rows| rows.iter().any(Value::is_object)) else {
            continue;
        };
        let head: Vec<&str> = rows
            .first()
            .and_then(Value::as_object)
            .map(|row| row.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let cells = rows
            .iter()
            .map(|row| head.iter().map(|key| cell(&row[*key])).collect());
        let titles: Vec<String> = head.iter().map(|key| key.replace('_', " ")).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        text += &format!("{name}\n{}\n", table(&titles, cells));
    }
    match text.is_empty() {
        true => "the wallet holds no identity and no papers yet".into(),
        false => text,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "open".into(),
        Value::String(text) => text.clone(),
        Value::Array(rows) if rows.iter().any(Value::is_object) => rows.len().to_string(),
        other => other.to_string(),
    }
}
