//! Atoms of an eligibility policy and their two packed words (`docs/statements/eligibility.md`).

use crate::record::Category;
use ark_bn254::Fr;
use medproof_verifier::field::{pack, unpack};

/// Widths of an atom's first word, lowest field first.
pub const HEAD_WIDTHS: [u32; 10] = [6, 8, 8, 8, 8, 8, 1, 16, 8, 8];
/// Widths of an atom's second word: low, high (both inclusive).
pub const BOUND_WIDTHS: [u32; 2] = [64, 64];

/// What an atom asks; the bit of the operation in the atom's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Age by the birthday rule; bounds are differences of dates in yyyymmdd form.
    Age = 1,
    /// Recorded sex; both bounds are the sex's number.
    Sex = 2,
    /// The patient is alive; both bounds are 1.
    Alive = 4,
    /// At least `count` records match.
    Exists = 8,
    /// The latest match lies within the bounds.
    Latest = 16,
    /// At least one match lies within the bounds; used positively only.
    Any = 32,
}

impl Operation {
    /// Every operation, in the order of its bit.
    pub const ALL: [Self; 6] = [
        Self::Age,
        Self::Sex,
        Self::Alive,
        Self::Exists,
        Self::Latest,
        Self::Any,
    ];

    /// Whether the atom is judged by the demographics record.
    pub fn is_demographic(self) -> bool {
        matches!(self, Self::Age | Self::Sex | Self::Alive)
    }
}

/// Two masks over the numbers 0 to 7 of a record's field: those that fit for certain, and those that
/// may fit. A number in neither does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Fits.
    pub definite: u8,
    /// Fits or is not known to fit; contains `definite`.
    pub possible: u8,
}

impl Filter {
    /// Whether whatever fits for certain may fit.
    pub fn is_ordered(&self) -> bool {
        self.definite & !self.possible == 0
    }

    /// What a field with this number is: `Some(true)` fits, `None` may fit, `Some(false)` does not.
    pub fn admits(self, number: u8) -> Option<bool> {
        let has = |mask: u8| number < 8 && mask >> number & 1 == 1;
        match (has(self.definite), has(self.possible)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

/// One compiled atom. Its words are part of the policy's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// What is asked.
    pub operation: Operation,
    /// The category of the records that can match.
    pub category: Category,
    /// Which status matches.
    pub status: Filter,
    /// Which verification matches.
    pub verification: Filter,
    /// Days before the date in which a match must start, inclusive; `None` = all that the scope holds.
    pub within_days: Option<u16>,
    /// Least number of matches, at least 1 (`Exists`); 0 otherwise.
    pub count: u8,
    /// The unit of a value (`Latest`, `Any`); 0 otherwise.
    pub unit: u8,
    /// Least value, inclusive: of a record's packed value (at least 1), an age or a number.
    pub low: u64,
    /// Greatest value, inclusive.
    pub high: u64,
}

impl Atom {
    /// The atom's two words.
    pub fn words(&self) -> [Fr; 2] {
        let head = [
            self.operation as u128,
            self.category.bit().into(),
            self.status.definite.into(),
            self.status.possible.into(),
            self.verification.definite.into(),
            self.verification.possible.into(),
            u128::from(self.within_days.is_some()),
            self.within_days.unwrap_or(0).into(),
            self.count.into(),
            self.unit.into(),
        ];
        let mut fields = [(0u128, 0u32); 10];
        for ((field, value), width) in fields.iter_mut().zip(head).zip(HEAD_WIDTHS) {
            *field = (value, width);
        }
        // Every value has its field's type, so both words fit.
        [
            pack(&fields).unwrap_or_default(),
            pack(&[(self.low.into(), 64), (self.high.into(), 64)]).unwrap_or_default(),
        ]
    }

    /// Reads an atom back from its words; `None` for words that no atom has, among them those of a filter whose
    /// `possible` lacks a number of `definite`. Two zero words are no atom.
    pub fn from_words(words: &[Fr; 2]) -> Option<Self> {
        let head = unpack(&words[0], &HEAD_WIDTHS)?;
        let bounds = unpack(&words[1], &BOUND_WIDTHS)?;
        let small = |i: usize| head[i] as u8;
        let operation = *Operation::ALL.iter().find(|o| **o as u8 == small(0))?;
        let category = *Category::ALL.iter().find(|c| u128::from(c.bit()) == head[1])?;
        let atom = Self {
            operation,
            category,
            status: Filter {
                definite: small(2),
                possible: small(3),
            },
            verification: Filter {
                definite: small(4),
                possible: small(5),
            },
            within_days: (head[6] == 1).then_some(head[7] as u16),
            count: small(8),
            unit: small(9),
            low: bounds[0] as u64,
            high: bounds[1] as u64,
        };
        // No proof takes a policy in which certain matches are no part of the possible ones.
        let ordered = [atom.status, atom.verification].iter().all(Filter::is_ordered);
        (ordered && atom.words() == *words).then_some(atom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        let atom = Atom {
            operation: Operation::Latest,
            category: Category::Laboratory,
            status: Filter {
                definite: 2,
                possible: 0x83,
            },
            verification: Filter {
                definite: 1,
                possible: 1,
            },
            within_days: Some(90),
            count: 0,
            unit: 7,
            low: 1 << 63,
            high: u64::MAX,
        };
        assert_eq!(Atom::from_words(&atom.words()), Some(atom.clone()));
        let ever = Atom {
            within_days: None,
            ..atom
        };
        assert_eq!(Atom::from_words(&ever.words()), Some(ever));
        assert_eq!(Atom::from_words(&[Fr::from(0u64); 2]), None);
        assert_eq!(Atom::from_words(&[Fr::from(3u64), Fr::from(0u64)]), None);
    }

    #[test]
    fn what_fits_for_certain_may_fit() {
        let filter = Filter {
            definite: 0b10,
            possible: 0b11,
        };
        let atom = Atom {
            operation: Operation::Exists,
            category: Category::Condition,
            status: filter,
            verification: filter,
            within_days: None,
            count: 1,
            unit: 0,
            low: 0,
            high: 0,
        };
        assert_eq!(Atom::from_words(&atom.words()), Some(atom.clone()));
        let wrong = Filter {
            definite: 0b110,
            possible: 0b11,
        };
        for (status, verification) in [(wrong, filter), (filter, wrong)] {
            let atom = Atom {
                status,
                verification,
                ..atom.clone()
            };
            assert_eq!(Atom::from_words(&atom.words()), None);
        }
    }

    #[test]
    fn a_filter_has_three_answers() {
        let filter = Filter {
            definite: 0b10,
            possible: 0b11,
        };
        assert_eq!(filter.admits(0), None);
        assert_eq!(filter.admits(1), Some(true));
        assert_eq!(filter.admits(2), Some(false));
        assert_eq!(filter.admits(200), Some(false));
    }
}
