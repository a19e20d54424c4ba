//! What a prover claims of an atom, and the evidence that the circuit asks for.
//!
//! The circuit never decides that an atom is unknown. It lets the prover claim an atom true or false,
//! and makes each claim impossible unless it is known; a clause counts claims only. An unknown atom is
//! one of which nothing can be claimed.

use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::{Atom, Fact, Operation, truth};
use medproof_records::record::Kind;
use medproof_verifier::Day;

/// A claim with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtomClaim {
    /// Claimed true, claimed false, or nothing claimed.
    pub truth: Option<bool>,
    /// Day of the latest match (`Latest`) or of the standing match (`Any`).
    pub day: u16,
    /// Packed value of the standing records.
    pub value: u64,
    /// Which records stand for the value.
    pub standing: Vec<bool>,
    /// What is compared lies above the upper bound.
    pub above: bool,
}

impl AtomClaim {
    /// Nothing claimed.
    pub fn none() -> Self {
        Self {
            truth: None,
            day: 0,
            value: 0,
            standing: Vec::new(),
            above: false,
        }
    }

    /// What is known of atom number `index`, with its evidence.
    pub fn honest(atom: &Atom, index: usize, facts: &[Fact], date: Day) -> Self {
        let truth = truth(atom, index, facts, date);
        // Where nothing is claimed, the day must still lie in the window.
        let nothing = Self {
            truth,
            day: first_day(atom, date),
            above: tested_person(atom, facts, date).is_some_and(|x| x > atom.high.into()),
            ..Self::none()
        };
        let sure = |f: &&Fact| {
            f.matches(atom, index) == Some(true) && f.in_window(atom, date) == Some(true) && f.has_value(atom)
        };
        let stands = match (atom.operation, truth) {
            (_, None) => None,
            (Operation::Latest, _) => facts.iter().filter(sure).max_by_key(|f| f.start),
            (Operation::Any, _) => facts
                .iter()
                .filter(sure)
                .find(|f| (atom.low..=atom.high).contains(&f.value)),
            _ => None,
        };
        let Some(stands) = stands else { return nothing };
        let same = |f: &Fact| sure(&f) && f.start == stands.start && f.value == stands.value;
        Self {
            truth,
            day: stands.start,
            value: stands.value,
            standing: facts.iter().map(same).collect(),
            above: stands.value > atom.high,
        }
    }

    /// Whether the evidence shows the claim: the circuit's conditions on plain values.
    pub fn is_shown(&self, atom: &Atom, index: usize, facts: &[Fact], date: Day) -> bool {
        let stands = |i: usize| self.standing.get(i).copied().unwrap_or(false);
        if (0..self.standing.len()).any(|i| stands(i) && i >= facts.len()) {
            return false;
        }
        let latest = atom.operation == Operation::Latest;
        let from = if latest { self.day } else { first_day(atom, date) };
        if from < first_day(atom, date) {
            return false;
        }
        let (mut definite, mut possible, mut standing) = (0usize, 0usize, 0usize);
        let mut counted = false;
        for (i, f) in facts.iter().enumerate() {
            let matches = f.matches(atom, index);
            let reached = f.start >= from;
            let sure = matches == Some(true) && reached;
            let before = f.continues && counted;
            definite += usize::from(sure && !before);
            counted = sure || before;
            let perhaps = f.start == 0 || f.runs_on(date);
            possible += usize::from(matches != Some(false) && (reached || perhaps));
            if stands(i) {
                standing += 1;
                let dated = f.start != 0 && f.start == self.day;
                let exact = dated && f.value == self.value && f.unit == atom.unit && f.comparator == 0;
                if !(sure && exact) {
                    return false;
                }
            }
        }
        let Some(truth) = self.truth else { return true };
        let least = usize::from(atom.count);
        // A record without a value may stand, but nothing is claimed of a value by it.
        let measured = standing > 0 && self.value != 0;
        match atom.operation {
            Operation::Exists if truth => definite >= least,
            Operation::Exists => possible < least,
            Operation::Latest => {
                measured && standing == possible && self.in_range(atom, self.value.into(), truth)
            }
            Operation::Any => truth && measured && self.in_range(atom, self.value.into(), true),
            _ => tested_person(atom, facts, date).is_some_and(|x| self.in_range(atom, x, truth)),
        }
    }

    fn in_range(&self, atom: &Atom, x: i128, truth: bool) -> bool {
        let (low, high) = (i128::from(atom.low), i128::from(atom.high));
        match (truth, self.above) {
            (true, _) => (low..=high).contains(&x),
            (false, true) => x > high,
            (false, false) => x < low,
        }
    }
}

/// The first day of an atom's window; day 0 without one.
fn first_day(atom: &Atom, date: Day) -> u16 {
    atom.within_days.map_or(0, |n| date.0.saturating_sub(n))
}

/// What a demographic atom compares; `None` when it is not known.
fn tested_person(atom: &Atom, facts: &[Fact], date: Day) -> Option<i128> {
    let people = || {
        facts
            .iter()
            .filter(|f| f.kind == Kind::Demographics && !f.negated)
    };
    let person = people().next().filter(|_| people().count() == 1)?;
    match atom.operation {
        Operation::Age if person.value != 0 => {
            let today = medproof_records::policy::eligibility::yyyymmdd(date);
            Some(i128::from(today) + i128::from(OFFSET) - i128::from(person.value))
        }
        Operation::Sex if (1..=3).contains(&person.quantity) => Some(person.quantity.into()),
        Operation::Alive if (1..=2).contains(&person.status) => Some(person.status.into()),
        _ => None,
    }
}
