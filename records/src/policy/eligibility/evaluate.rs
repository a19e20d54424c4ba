//! What the atoms and the formula of a policy say about a patient's records, in Kleene's three
//! values: `Some(true)`, `Some(false)` and `None` for unknown. This is the native twin of the circuit.

use super::atom::{Atom, Operation};
use super::formula::{Clause, all, any};
use crate::code::Code;
use crate::decimal::OFFSET;
use crate::record::{Category, Kind, Record};
use crate::table::CodeTable;
use medproof_verifier::Day;

/// A record as the atoms see it: its fields, and the value sets that its codes belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it stands for.
    pub kind: Kind,
    /// Status.
    pub status: u8,
    /// Verification.
    pub verification: u8,
    /// Comparator of the value, 0 = none.
    pub comparator: u8,
    /// States an absence.
    pub negated: bool,
    /// Packed value, 0 = none.
    pub value: u64,
    /// Unit of the value.
    pub unit: u8,
    /// Quantity; a patient's sex.
    pub quantity: u32,
    /// Days' supply.
    pub days: u16,
    /// First day, 0 = not known.
    pub start: u16,
    /// Last day, 0xFFFF = open.
    pub end: u16,
    /// From the same resource as the record before it, which has too many codes for one record.
    pub continues: bool,
    /// Bit i: a code is in the value set of atom i.
    pub members: u16,
    /// Bit i: a code of a system that atom i calls total is in no value set.
    pub unmapped: u16,
}

impl Fact {
    /// Looks the record's codes up in the policy's table.
    pub fn new(record: &Record, table: &CodeTable) -> Self {
        let mask = |code: Code| {
            let found = table.lookup(code);
            if found.member { found.leaf.mask } else { 0 }
        };
        Self::with_mask(record, mask(record.code) | mask(record.code2))
    }

    /// The record with the union of its codes' masks.
    pub fn with_mask(record: &Record, mask: u64) -> Self {
        Self {
            kind: record.kind,
            status: record.status,
            verification: record.verification.id(),
            comparator: record.comparator.id(),
            negated: record.negated,
            value: record.value,
            unit: record.unit.id(),
            quantity: record.quantity,
            days: record.days,
            start: record.start.0,
            end: record.end.0,
            continues: false,
            members: mask as u16,
            unmapped: (mask >> 16) as u16,
        }
    }

    /// Whether a medication that began earlier still runs on `date`, or may: by its days' supply or its end.
    /// What has no end may still run, but for a dispense whose days' supply is stated: it is over with that.
    pub fn runs_on(&self, date: Day) -> bool {
        let supplied = u32::from(self.start) + u32::from(self.days) > u32::from(date.0);
        let ends_with_supply = self.kind == Kind::Dispense && self.days != 0;
        let reaches = self.end >= date.0 && !(ends_with_supply && self.end == Day::OPEN.0);
        self.kind.category() == Category::Medication && (supplied || reaches)
    }

    /// Whether the record is one that atom number `index` asks for, its window aside.
    pub fn matches(&self, atom: &Atom, index: usize) -> Option<bool> {
        let bit = |mask: u16| mask >> index & 1 == 1;
        let member = match (bit(self.members), bit(self.unmapped)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        };
        let category = Some(!self.negated && self.kind.category() == atom.category);
        let filters = [
            category,
            member,
            atom.status.admits(self.status),
            atom.verification.admits(self.verification),
        ];
        all(filters.into_iter())
    }

    /// Whether the record starts in the atom's window. An undated record, and a medication that began
    /// before the window and may still run, may or may not count.
    pub fn in_window(&self, atom: &Atom, date: Day) -> Option<bool> {
        match atom.within_days {
            None => Some(true),
            Some(n) if u32::from(self.start) + u32::from(n) >= u32::from(date.0) => Some(true),
            Some(_) if self.start == 0 || self.runs_on(date) => None,
            Some(_) => Some(false),
        }
    }

    /// Whether the record carries an exact value in the atom's unit, on a known day.
    pub fn has_value(&self, atom: &Atom) -> bool {
        self.value != 0 && self.unit == atom.unit && self.comparator == 0 && self.start != 0
    }
}

/// A day in the form yyyymmdd.
pub fn yyyymmdd(day: Day) -> u64 {
    let (y, m, d) = day.ymd();
    // A Day's year is 1900 to 2079.
    y as u64 * 10_000 + u64::from(m) * 100 + u64::from(d)
}

/// What atom number `index` says about these records on `date`.
pub fn truth(atom: &Atom, index: usize, facts: &[Fact], date: Day) -> Option<bool> {
    if atom.operation.is_demographic() {
        return demographic(atom, facts, date);
    }
    let found = |f: &Fact| all([f.matches(atom, index), f.in_window(atom, date)].into_iter());
    match atom.operation {
        Operation::Exists => {
            let least = usize::from(atom.count);
            let possible = facts.iter().filter(|f| found(f) != Some(false)).count();
            let (mut definite, mut counted) = (0, false);
            for fact in facts {
                let sure = found(fact) == Some(true);
                let before = fact.continues && counted;
                definite += usize::from(sure && !before);
                counted = sure || before;
            }
            match (definite >= least, possible < least) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            }
        }
        Operation::Latest => {
            let matches: Vec<&Fact> = facts.iter().filter(|f| found(f) != Some(false)).collect();
            // A match that may or may not be in the window may be the latest, or may not count.
            if matches
                .iter()
                .any(|f| f.start == 0 || f.in_window(atom, date).is_none())
            {
                return None;
            }
            let day = matches.iter().map(|f| f.start).max()?;
            let latest: Vec<&Fact> = matches.into_iter().filter(|f| f.start == day).collect();
            let value = latest.first()?.value;
            let agreed = |f: &&Fact| found(f) == Some(true) && f.has_value(atom) && f.value == value;
            let known = latest.iter().all(agreed);
            known.then(|| (atom.low..=atom.high).contains(&value))
        }
        _ => {
            let inside = |f: &&Fact| f.has_value(atom) && (atom.low..=atom.high).contains(&f.value);
            let mut sure = facts.iter().filter(|f| found(f) == Some(true));
            // Used positively only, so that "false" is never asked for.
            sure.any(|f| inside(&f)).then_some(true)
        }
    }
}

/// Age, sex and alive: known only from exactly one demographics record.
fn demographic(atom: &Atom, facts: &[Fact], date: Day) -> Option<bool> {
    let mut found = facts
        .iter()
        .filter(|f| f.kind == Kind::Demographics && !f.negated);
    let (Some(person), None) = (found.next(), found.next()) else {
        return None;
    };
    let value = match atom.operation {
        Operation::Age if person.value != 0 => {
            let born = i128::from(person.value) - i128::from(OFFSET);
            i128::from(yyyymmdd(date)) - born
        }
        Operation::Sex if (1..=3).contains(&person.quantity) => person.quantity.into(),
        Operation::Alive if (1..=2).contains(&person.status) => person.status.into(),
        _ => return None,
    };
    Some((i128::from(atom.low)..=i128::from(atom.high)).contains(&value))
}

/// What the formula says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Every clause is true.
    Met,
    /// Some clause is false.
    NotMet,
    /// No clause is false and some is unknown; the number of the first unknown atom in one.
    Unknown(usize),
}

/// A clause's value for the atoms' truths.
pub fn clause_truth(clause: Clause, truths: &[Option<bool>]) -> Option<bool> {
    let literal = |(i, t): (usize, &Option<bool>)| {
        let positive = (clause.positive >> i & 1 == 1).then_some(*t);
        let negative = (clause.negative >> i & 1 == 1).then_some(t.map(|v| !v));
        positive.into_iter().chain(negative)
    };
    any(truths.iter().enumerate().flat_map(literal))
}

/// Judges all clauses.
pub fn decide(clauses: &[Clause], truths: &[Option<bool>]) -> Decision {
    let values: Vec<_> = clauses.iter().map(|c| clause_truth(*c, truths)).collect();
    match all(values.iter().copied()) {
        Some(true) => Decision::Met,
        Some(false) => Decision::NotMet,
        None => {
            let open = clauses.iter().zip(&values).filter(|(_, v)| v.is_none());
            let atoms = open.fold(0u16, |bits, (c, _)| bits | c.positive | c.negative);
            let unknown = (0..truths.len()).find(|i| atoms >> i & 1 == 1 && truths[*i].is_none());
            // An unknown clause holds an unknown atom.
            unknown.map_or(Decision::NotMet, Decision::Unknown)
        }
    }
}
