//! The witness of `eligibility`, in either tier.

use super::{Message, WireError, WireWitness, other, parts::*};
use medproof_circuits::statements::eligibility::{
    AtomClaim, Choice, Eligibility, Large, OpenedLeaf, Opening, Standard, Tier, Witness,
};
use medproof_proto::{
    field::{fr, fr_bytes, frs},
    prover::witness as wire,
};
use medproof_records::{
    policy::eligibility::{Atom, Clause, MAX_ATOMS, MAX_CLAUSES, Rules},
    record::Record,
    snapshot::{SaltedRecord, Snapshot, SnapshotHeader},
};

impl WireWitness for Eligibility<Standard> {
    fn encode(witness: &Witness) -> Message {
        Message::Eligibility(message(witness))
    }

    fn decode(message: &Message) -> Result<Witness, WireError> {
        match message {
            Message::Eligibility(m) => decode::<Standard>(m).map_err(|e| e.within("eligibility")),
            _ => Err(other()),
        }
    }
}

impl WireWitness for Eligibility<Large> {
    fn encode(witness: &Witness) -> Message {
        Message::EligibilityLarge(message(witness))
    }

    fn decode(message: &Message) -> Result<Witness, WireError> {
        match message {
            Message::EligibilityLarge(m) => decode::<Large>(m).map_err(|e| e.within("eligibility_large")),
            _ => Err(other()),
        }
    }
}

fn message(w: &Witness) -> wire::Eligibility {
    // Fewer than 128 leaves are ever opened; a larger number is refused on the other side.
    let choice = |c: &Choice| {
        let leaf = u32::try_from(c.leaf).unwrap_or(u32::MAX);
        leaf.saturating_mul(2).saturating_add(c.inside.into())
    };
    wire::Eligibility {
        identity: Some(identity_message(&w.identity)),
        rules: Some(rules_message(&w.rules)),
        header: Some(header_message(&w.snapshot.header)),
        records: w.snapshot.records.iter().map(record_message).collect(),
        issuer: Some(signer_message(&w.issuer, &w.snapshot.signature)),
        leaves: w
            .opening
            .leaves
            .iter()
            .map(|opened| table_leaf_message(&opened.leaf, &opened.path))
            .collect(),
        choices: w.opening.choices.iter().flatten().map(choice).collect(),
        claims: w.claims.iter().map(claim_message).collect(),
    }
}

pub(super) fn decode<T: Tier>(message: &wire::Eligibility) -> Result<Witness, WireError> {
    let m = message;
    let (issuer, signature) = part("issuer", &m.issuer, signer)?;
    let records = list("records", &m.records, T::RECORDS, record)?;
    let leaves = list("leaves", &m.leaves, T::LEAVES, |leaf| {
        let (leaf, path) = table_leaf(leaf)?;
        Ok(OpenedLeaf { leaf, path })
    })?;
    let choices = choices(&m.choices, records.len(), leaves.len())?;
    let claims = list("claims", &m.claims, MAX_ATOMS, |m| claim(m, T::RECORDS))?;
    if claims.len() != MAX_ATOMS {
        let reason = format!("has {} elements, not {MAX_ATOMS}", claims.len());
        return Err(WireError::new("claims", reason));
    }
    Ok(Witness {
        identity: part("identity", &m.identity, identity)?,
        rules: part("rules", &m.rules, rules)?,
        snapshot: Snapshot {
            header: part("header", &m.header, header)?,
            records,
            signature,
        },
        issuer,
        opening: Opening { leaves, choices },
        claims,
    })
}

fn choices(list: &[u32], records: usize, leaves: usize) -> Result<Vec<[Choice; 2]>, WireError> {
    if list.len() != 2 * records {
        let reason = format!(
            "has {} elements, not two for each of {records} records",
            list.len()
        );
        return Err(WireError::new("choices", reason));
    }
    let choice = |number: u32| {
        Ok::<_, WireError>(Choice {
            leaf: index("choices", number / 2, leaves)?,
            inside: number % 2 == 1,
        })
    };
    list.chunks_exact(2)
        .map(|pair| Ok([choice(pair[0])?, choice(pair[1])?]))
        .collect()
}

fn record(m: &wire::Record) -> Result<SaltedRecord, WireError> {
    let words = [fr("w0", &m.w0)?, fr("w1", &m.w1)?];
    let record = Record::from_words(words, fr("actor2", &m.actor2)?, fr("source", &m.source)?);
    Ok(SaltedRecord {
        // The error names a field of the record and no value.
        record: record.map_err(|e| WireError::new("w0", format!("and the fields after it are {e}")))?,
        salt: fr("salt", &m.salt)?,
    })
}

fn record_message(salted: &SaltedRecord) -> wire::Record {
    let [w0, w1] = salted.record.to_words();
    wire::Record {
        w0: fr_bytes(&w0),
        w1: fr_bytes(&w1),
        actor2: fr_bytes(&salted.record.actor2),
        source: fr_bytes(&salted.record.source),
        salt: fr_bytes(&salted.salt),
    }
}

fn header(m: &wire::SnapshotHeader) -> Result<SnapshotHeader, WireError> {
    Ok(SnapshotHeader {
        subject: fr("subject", &m.subject)?,
        scope: parsed("scope", &m.scope)?,
        categories: narrow("categories", m.categories)?,
        from: day("from", m.from)?,
        to: day("to", m.to)?,
        as_of: day("as_of", m.as_of)?,
        count: narrow("count", m.count)?,
        seq: m.seq,
        root: fr("root", &m.root)?,
    })
}

fn header_message(header: &SnapshotHeader) -> wire::SnapshotHeader {
    wire::SnapshotHeader {
        subject: fr_bytes(&header.subject),
        scope: header.scope.to_string(),
        categories: header.categories.into(),
        from: header.from.0.into(),
        to: header.to.0.into(),
        as_of: header.as_of.0.into(),
        count: header.count.into(),
        seq: header.seq,
        root: fr_bytes(&header.root),
    }
}

fn rules(m: &wire::EligibilityRules) -> Result<Rules, WireError> {
    if m.atom_words.len() > 2 * MAX_ATOMS || !m.atom_words.len().is_multiple_of(2) {
        let reason = format!(
            "has {} elements, not two for each of at most {MAX_ATOMS} atoms",
            m.atom_words.len()
        );
        return Err(WireError::new("atom_words", reason));
    }
    if m.clauses.len() > MAX_CLAUSES {
        let reason = format!("has {} elements, at most {MAX_CLAUSES}", m.clauses.len());
        return Err(WireError::new("clauses", reason));
    }
    let words = frs("atom_words", &m.atom_words)?;
    let atoms = words.chunks_exact(2).map(|pair| {
        let atom = Atom::from_words(&[pair[0], pair[1]]);
        atom.ok_or_else(|| WireError::new("atom_words", "has two elements that are no atom"))
    });
    let clause = |word: &u32| Clause {
        // The two halves of a u32.
        positive: (word & 0xffff) as u16,
        negative: (word >> 16) as u16,
    };
    Ok(Rules {
        atoms: atoms.collect::<Result<_, _>>()?,
        clauses: m.clauses.iter().map(clause).collect(),
        sponsor: fr("sponsor", &m.sponsor)?,
        identity_domain: fr("identity_domain", &m.identity_domain)?,
        uniqueness_scope: fr("uniqueness_scope", &m.uniqueness_scope)?,
        snapshot_scope: fr("snapshot_scope", &m.snapshot_scope)?,
        categories: narrow("categories", m.categories)?,
        lookback_days: narrow("lookback_days", m.lookback_days)?,
        freshness_days: narrow("freshness_days", m.freshness_days)?,
        table_root: fr("table_root", &m.table_root)?,
        version: fr("version", &m.version)?,
    })
}

fn rules_message(rules: &Rules) -> wire::EligibilityRules {
    let words = rules.atoms.iter().flat_map(Atom::words);
    let clause = |c: &Clause| u32::from(c.positive) | u32::from(c.negative) << 16;
    wire::EligibilityRules {
        atom_words: words.map(|word| fr_bytes(&word)).collect(),
        clauses: rules.clauses.iter().map(clause).collect(),
        sponsor: fr_bytes(&rules.sponsor),
        identity_domain: fr_bytes(&rules.identity_domain),
        uniqueness_scope: fr_bytes(&rules.uniqueness_scope),
        snapshot_scope: fr_bytes(&rules.snapshot_scope),
        categories: rules.categories.into(),
        lookback_days: rules.lookback_days.into(),
        freshness_days: rules.freshness_days.into(),
        table_root: fr_bytes(&rules.table_root),
        version: fr_bytes(&rules.version),
    }
}

fn claim(m: &wire::AtomClaim, records: usize) -> Result<AtomClaim, WireError> {
    if m.standing.len() > records {
        let reason = format!("has {} elements, at most {records}", m.standing.len());
        return Err(WireError::new("standing", reason));
    }
    Ok(AtomClaim {
        truth: match m.truth {
            0 => None,
            1 => Some(false),
            2 => Some(true),
            _ => return Err(WireError::new("truth", "is above 2")),
        },
        day: narrow("day", m.day)?,
        value: m.value,
        standing: m.standing.clone(),
        above: m.above,
    })
}

fn claim_message(claim: &AtomClaim) -> wire::AtomClaim {
    wire::AtomClaim {
        truth: match claim.truth {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        },
        day: claim.day.into(),
        value: claim.value,
        standing: claim.standing.clone(),
        above: claim.above,
    }
}
