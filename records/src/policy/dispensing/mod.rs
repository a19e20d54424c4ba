//! Dispensing policies: TOML and a drug table, compiled to class rows and a code table
//! (`docs/statements/dispense.md`, `docs/format.md`, section 8).

mod compile;
mod document;
mod explain;
mod table;
#[cfg(test)]
mod tests;

pub use compile::compile;
pub use document::SCHEMA;

use crate::code::Code;
use crate::dispensing::{ClassRow, RETENTION_DAYS};
use crate::table::{CodeTable, Lookup};
use ark_bn254::Fr;
use medproof_verifier::field::unpack;
use medproof_verifier::tree::{CLASS_DEPTH, DenseTree};
use medproof_verifier::{Name, Path, Tag, tagged};
use std::collections::BTreeSet;
use std::fmt;

/// Statement kind of dispensing in a policy id.
pub const STATEMENT_KIND: u64 = 2;
/// Class rows of a policy, indexed by class.
pub const CLASSES: usize = 1 << (2 * CLASS_DEPTH);
/// Longest look-back or window in days.
pub const MAX_WINDOW_DAYS: u32 = RETENTION_DAYS as u32;
/// Longest policy file in bytes.
pub const MAX_POLICY_BYTES: usize = 1 << 18;

/// Classes by number; ids 7 to 15 are reserved.
pub const CLASS_NAMES: [&str; 7] = [
    "other",
    "opioid",
    "benzodiazepine",
    "stimulant",
    "gabapentinoid",
    "sedative-hypnotic",
    "muscle-relaxant",
];

/// The number of a class.
pub fn class_id(name: &str) -> Option<u8> {
    let at = CLASS_NAMES.iter().position(|n| *n == name)?;
    u8::try_from(at).ok()
}

/// One thing in a policy that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Field of the policy or line of the table.
    pub at: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// Why a policy does not compile: everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct CompileError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// What a listed drug is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drug {
    /// Its class.
    pub class: u8,
    /// RxCUI of its ingredient.
    pub ingredient: u32,
    /// Micro-MME of a dispensed unit.
    pub micro_mme: u64,
}

impl Drug {
    /// Reads the mask `pack(class:8, ingredient:32)` and number of a table leaf; `None` when the mask has
    /// more than 40 bits.
    pub fn from_leaf(mask: u64, number: u64) -> Option<Self> {
        let fields = unpack(&Fr::from(mask), &[8, 32])?;
        Some(Self {
            class: u8::try_from(fields[0]).ok()?,
            ingredient: u32::try_from(fields[1]).ok()?,
            micro_mme: number,
        })
    }

    /// The mask of the drug's table leaf.
    pub fn mask(&self) -> u64 {
        u64::from(self.class) | u64::from(self.ingredient) << 8
    }
}

/// A compiled dispensing policy.
#[derive(Debug, Clone)]
pub struct DispensingPolicy {
    name: Name,
    version: String,
    domain: Name,
    not_covered: Vec<String>,
    not_counted: BTreeSet<String>,
    table_file: String,
    table: CodeTable,
    rows: [Option<ClassRow>; CLASSES],
    tree: DenseTree<CLASS_DEPTH>,
}

impl DispensingPolicy {
    /// `id` of the file.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// `version` of the file.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The dispensing domain.
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    /// What the policy does not see, in its author's words.
    pub fn not_covered(&self) -> &[String] {
        &self.not_covered
    }

    /// Whether a dispense of this FHIR status counts as history.
    pub fn counts(&self, status: &str) -> bool {
        !self.not_counted.contains(status)
    }

    /// The drug table.
    pub fn table(&self) -> &CodeTable {
        &self.table
    }

    /// The row of a class.
    pub fn row(&self, class: u8) -> Option<&ClassRow> {
        self.rows.get(usize::from(class))?.as_ref()
    }

    /// The path of a class's row; `None` for a class of 16 or more.
    pub fn row_path(&self, class: u8) -> Option<Path<CLASS_DEPTH>> {
        self.tree.path(class.into()).ok()
    }

    /// A listed drug with its table leaf; `None` when the table does not know the code.
    pub fn drug(&self, code: Code) -> Option<(Drug, Lookup)> {
        let found = self.table.lookup(code);
        if !found.member {
            return None;
        }
        Some((Drug::from_leaf(found.leaf.mask, found.leaf.number)?, found))
    }

    /// Root of the class rows.
    pub fn rules(&self) -> Fr {
        self.tree.root()
    }

    /// 248 bits of SHA-256 of `id || 0x00 || version`.
    pub fn version_fr(&self) -> Fr {
        compile::version_fr(self.name.as_str(), &self.version)
    }

    /// `policy_id = H(POLICY; 2, domain, rules, table root, version)`.
    pub fn policy_id(&self) -> Fr {
        policy_id(
            self.domain.to_fr(),
            self.rules(),
            self.table.root(),
            self.version_fr(),
        )
    }
}

/// `H(POLICY; 2, domain, rules, table root, version)`.
pub fn policy_id(domain: Fr, rules: Fr, table_root: Fr, version: Fr) -> Fr {
    tagged(
        Tag::Policy,
        [Fr::from(STATEMENT_KIND), domain, rules, table_root, version],
    )
}
