//! The kinds of nullifier: one set each.

use crate::{Fr, Statement};

/// Number of nullifier sets.
pub const NULLIFIER_KINDS: usize = 5;

/// Which set a nullifier belongs to. A value spent in one set says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NullifierKind {
    /// Account notes.
    Account = 1,
    /// Fills of prescriptions.
    Fill = 2,
    /// Screenings in a trial's scope.
    Trial = 3,
    /// Claimed events.
    Claim = 4,
    /// Benefit notes.
    Benefit = 5,
}

impl NullifierKind {
    /// Every kind, by number.
    pub const ALL: [Self; NULLIFIER_KINDS] =
        [Self::Account, Self::Fill, Self::Trial, Self::Claim, Self::Benefit];

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u8 == number)
    }

    /// The name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Fill => "fill",
            Self::Trial => "trial",
            Self::Claim => "claim",
            Self::Benefit => "benefit",
        }
    }
}

impl Statement {
    /// The nullifiers that the statement spends.
    pub fn nullifiers(&self) -> Vec<(NullifierKind, Fr)> {
        match self {
            Self::Bind(_) => vec![],
            Self::Dispense(p) => vec![
                (NullifierKind::Account, p.nf_note),
                (NullifierKind::Fill, p.nf_fill),
            ],
            Self::Eligibility(p) => vec![(NullifierKind::Trial, p.nf_trial)],
            Self::Claim(p) => {
                vec![
                    (NullifierKind::Claim, p.nf_claim),
                    (NullifierKind::Benefit, p.nf_benefit),
                ]
            }
        }
    }
}
