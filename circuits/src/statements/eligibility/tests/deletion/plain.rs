//! Witnesses with one kind of record in every slot and one rule for every atom: what a constraint refuses shows at all of
//! them alike. Under no clause and mostly no claim little follows from a change.

use super::super::fixture::World;
use super::super::tamper::{Pair, system};
use crate::statements::eligibility::{AtomClaim, Choice, OpenedLeaf, Opening, Tier};
use crate::tamper::System;
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::{Atom, Filter, MAX_ATOMS, Operation};
use medproof_records::record::{Category, Kind, Record, Verification};
use medproof_records::table::{TABLE_END, TableLeaf};
use medproof_records::unit::Unit;
use medproof_verifier::{Day, Path};

const PERSONS_SEX: u32 = 2;

/// Equal records under equal atoms; one leaf, alone in its table, decides every code.
pub(super) struct Plain {
    pub(super) on: Day,
    pub(super) record: Record,
    /// How many; in every slot without a number.
    pub(super) records: Option<usize>,
    /// In the first slot a person in place of it.
    pub(super) person: bool,
    pub(super) leaf: TableLeaf,
    pub(super) atom: Atom,
    /// How many.
    pub(super) atoms: usize,
    /// What is claimed of every atom; what is known without it.
    pub(super) claim: Option<AtomClaim>,
}

pub(super) const fn filter(definite: u8, possible: u8) -> Filter {
    Filter { definite, possible }
}

impl Plain {
    /// Procedures whose fields have middling numbers, under ages that nobody claims: bits that are none are refused as
    /// such, and by nothing that follows from them. It matters nowhere which leaf is chosen, or whether inside.
    pub(super) fn idle(on: &str, filter: Filter) -> Self {
        let on = Day::parse(on).unwrap();
        let mut record = Record::empty(Kind::Procedure);
        record.status = 3;
        record.verification = Verification::from_id(3).unwrap();
        Self {
            on,
            record,
            records: None,
            person: false,
            leaf: TableLeaf {
                next_lo: 1,
                ..TableLeaf::default()
            },
            atom: Atom {
                operation: Operation::Age,
                category: Category::Procedure,
                status: filter,
                verification: filter,
                within_days: Some(on.0),
                count: 0,
                unit: 0,
                low: 0,
                high: 0,
            },
            atoms: MAX_ATOMS,
            claim: Some(AtomClaim::none()),
        }
    }

    /// No records.
    pub(super) fn empty() -> Self {
        Self {
            records: Some(0),
            ..Self::idle("2026-04-15", filter(0, 0))
        }
    }

    /// No atoms.
    pub(super) fn without_atoms() -> Self {
        Self {
            atoms: 0,
            ..Self::idle("2026-04-15", filter(0, 0))
        }
    }

    /// The second code, or both, is in the gap after the sentinel's interval, whose mask is this.
    pub(super) fn in_gap(mut self, mask: u64, both: bool) -> Self {
        let code = Code::parse("sct|1").unwrap();
        self.record.code2 = code;
        if both {
            self.record.code = code;
        }
        (self.leaf.next_lo, self.leaf.mask) = (TABLE_END, mask);
        self
    }

    /// Dated, with a days' supply.
    pub(super) fn dated(mut self) -> Self {
        (self.record.start, self.record.days) = (Day(self.on.0 - 10), 30);
        self
    }

    /// Measurements of value 5, of resources of their own, that match every atom for certain.
    fn measured(operation: Operation) -> Self {
        let mut plain = Self::idle("2026-04-15", filter(0xff, 0xff));
        let unit = Unit::from_ucum("%");
        let mut record = Record::empty(Kind::Observation);
        (record.status, record.value, record.unit) = (1, 5, unit);
        record.start = Day(plain.on.0 - 10);
        plain.record = record;
        plain.leaf.mask = 0xffff;
        let atom = &mut plain.atom;
        (atom.operation, atom.category, atom.within_days) = (operation, Category::Laboratory, None);
        (atom.unit, atom.high) = (unit.id(), 9);
        plain
    }

    /// Nothing is claimed, but the value and day with which every record could stand for an atom.
    pub(super) fn with_evidence() -> Self {
        let mut plain = Self::measured(Operation::Any);
        let record = &plain.record;
        plain.claim = Some(AtomClaim {
            day: record.start.0,
            value: record.value,
            ..AtomClaim::none()
        });
        plain
    }

    /// Every record stands for every atom, whose bounds lie below its value; nothing is claimed.
    pub(super) fn with_other_evidence(slots: usize) -> Self {
        let mut plain = Self::with_evidence();
        plain.atom.high = plain.record.value - 1;
        if let Some(claim) = &mut plain.claim {
            (claim.standing, claim.above) = (vec![true; slots], true);
        }
        plain
    }

    /// What is known of the latest measurement is claimed.
    pub(super) fn latest() -> Self {
        Self {
            claim: None,
            ..Self::measured(Operation::Latest)
        }
    }

    /// A person is known to be old enough, which is claimed.
    pub(super) fn aged() -> Self {
        let mut plain = Self::idle("2026-04-15", filter(0, 0));
        plain.person = true;
        plain.atom.high = u64::MAX;
        plain.claim = None;
        plain
    }

    /// A person's sex is the greatest that fits, which is claimed, and that it lies above would pass too.
    pub(super) fn at_the_bound() -> Self {
        let mut plain = Self::aged();
        (plain.atom.operation, plain.atom.high) = (Operation::Sex, PERSONS_SEX.into());
        plain.claim = Some(AtomClaim {
            truth: Some(true),
            above: true,
            ..AtomClaim::none()
        });
        plain
    }

    /// As many people as slots, whose values sum to an age below the bounds; nothing is claimed.
    pub(super) fn people() -> Self {
        let mut plain = Self::idle("2026-04-15", filter(0, 0));
        plain.record = Record::empty(Kind::Demographics);
        plain.record.value = 1;
        (plain.atom.low, plain.atom.high) = (u64::MAX, u64::MAX);
        plain
    }

    /// `exists`, with this least number of matches.
    pub(super) fn counted(count: usize) -> Self {
        let mut plain = Self::measured(Operation::Exists);
        plain.atom.count = u8::try_from(count).unwrap();
        plain
    }

    pub(super) fn pair<T: Tier>(&self) -> (World, Pair) {
        let mut world = World::eligible();
        world.on = self.on;
        world.valid = (self.on, self.on);
        let records = self.records.unwrap_or(T::RECORDS);
        world.records = vec![self.record.clone(); records];
        if self.record.kind == Kind::Observation {
            for (source, record) in (1u64..).zip(&mut world.records) {
                record.source = source.into();
            }
        }
        if self.person {
            world.records[0] = Record::empty(Kind::Demographics);
            (world.records[0].value, world.records[0].quantity) = (OFFSET + 19_600_101, PERSONS_SEX);
        }
        let (mut public, mut witness) = world.assignment();
        witness.snapshot.header.categories = u16::MAX;
        world.sign_again(&mut witness);
        let path = Path::zero();
        let rules = &mut witness.rules;
        rules.table_root = path.root(self.leaf.hash());
        rules.categories = 0;
        rules.clauses.clear();
        rules.atoms = vec![self.atom.clone(); self.atoms];
        public.policy_id = rules.policy_id();
        let choice = |code: Code| Choice {
            leaf: 0,
            inside: code == Code::NONE,
        };
        witness.opening = Opening {
            leaves: vec![
                OpenedLeaf {
                    leaf: self.leaf,
                    path
                };
                T::LEAVES
            ],
            choices: vec![[self.record.code, self.record.code2].map(choice); records],
        };
        match &self.claim {
            Some(claim) => witness.claims = vec![claim.clone(); MAX_ATOMS],
            None => witness.claim_what_is_known(world.on),
        }
        (world, (public, witness))
    }

    pub(super) fn system<T: Tier>(&self) -> System {
        system::<T>(&self.pair::<T>().1)
    }
}
