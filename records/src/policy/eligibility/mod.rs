//! Eligibility policies: value sets, atoms and one Boolean formula, compiled to field elements, and
//! their meaning over a patient's records (`docs/statements/eligibility.md`).

mod atom;
mod compile;
mod criteria;
mod document;
mod evaluate;
mod explain;
mod formula;
#[cfg(test)]
mod tests;

pub use atom::{Atom, BOUND_WIDTHS, Filter, HEAD_WIDTHS, Operation};
pub use compile::{MAX_POLICY_BYTES, SUMMARY_LOOKBACK_DAYS, compile};
pub use document::SCHEMA;
pub use evaluate::{Decision, Fact, clause_truth, decide, truth, yyyymmdd};
pub use formula::{Clause, FormulaError, MAX_CLAUSES};

use crate::table::CodeTable;
use ark_bn254::Fr;
use document::Document;
use medproof_verifier::field::{fr_from_248, pack};
use medproof_verifier::{Day, Name, Tag, tagged};
use sha2::{Digest, Sha256};

/// Most atoms of a policy.
pub const MAX_ATOMS: usize = 16;
/// Words of all atoms.
pub const ATOM_WORDS: usize = 2 * MAX_ATOMS;
/// Words of all clauses.
pub const CLAUSE_WORDS: usize = 3;
/// Clauses in one word.
pub const CLAUSES_PER_WORD: usize = 6;
/// Number of this statement in a policy id.
pub const STATEMENT_KIND: u64 = 3;
/// Widths of the source word: categories, look-back days, freshness days.
pub const SOURCE_WIDTHS: [u32; 3] = [16, 16, 16];

/// One thing that cannot be resolved, and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Place in the file, such as `atom.a1c.unit`.
    pub at: String,
    /// What is wrong and what is expected.
    pub message: String,
}

/// Why a policy file cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file is too large.
    #[error("the policy is larger than {MAX_POLICY_BYTES} bytes")]
    TooLarge,
    /// Not TOML of the expected form.
    #[error("the policy is not valid: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    /// Everything that could not be resolved.
    #[error("the policy cannot be compiled: {}", list(.0))]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|p| format!("{}: {}", p.at, p.message));
    lines.collect::<Vec<_>>().join("; ")
}

/// The compiled rules: everything that a proof uses of a policy but its table's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The atoms, at most 16; number i has bit i in the table's masks.
    pub atoms: Vec<Atom>,
    /// The formula's clauses, at most 16.
    pub clauses: Vec<Clause>,
    /// The sponsor's party, the only relying party.
    pub sponsor: Fr,
    /// The domain of the identity and of the record issuers.
    pub identity_domain: Fr,
    /// Inside which a person is screened once.
    pub uniqueness_scope: Fr,
    /// The scope that the snapshot must have.
    pub snapshot_scope: Fr,
    /// Mask of the categories that the snapshot must cover.
    pub categories: u16,
    /// Days before the date from which on the snapshot must cover laboratory values and medications.
    pub lookback_days: u16,
    /// Greatest age of the snapshot in days.
    pub freshness_days: u16,
    /// Root of the code table.
    pub table_root: Fr,
    /// 248 bits of SHA-256 of the policy's `id || 0x00 || version`.
    pub version: Fr,
}

impl Rules {
    /// Rules of the right shape with nothing in them.
    pub fn blank() -> Self {
        let zero = Fr::from(0u64);
        Self {
            atoms: Vec::new(),
            clauses: Vec::new(),
            sponsor: zero,
            identity_domain: zero,
            uniqueness_scope: zero,
            snapshot_scope: zero,
            categories: 0,
            lookback_days: 0,
            freshness_days: 0,
            table_root: zero,
            version: zero,
        }
    }

    /// Two words for each of 16 atoms; unused atoms are 0.
    pub fn atom_words(&self) -> [Fr; ATOM_WORDS] {
        let mut words = [Fr::from(0u64); ATOM_WORDS];
        for (slot, atom) in words.chunks_exact_mut(2).zip(&self.atoms) {
            slot.copy_from_slice(&atom.words());
        }
        words
    }

    /// Six clauses to a word; unused clauses are 0.
    pub fn clause_words(&self) -> [Fr; CLAUSE_WORDS] {
        let mut words = [Fr::from(0u64); CLAUSE_WORDS];
        for (word, clauses) in words.iter_mut().zip(self.clauses.chunks(CLAUSES_PER_WORD)) {
            let masks = clauses.iter().flat_map(|c| [(c.positive, 16), (c.negative, 16)]);
            let fields: Vec<(u128, u32)> = masks.map(|(m, w)| (m.into(), w)).collect();
            // Twelve fields of 16 bits fit one word.
            *word = pack(&fields).unwrap_or_default();
        }
        words
    }

    /// `pack(categories:16, look-back:16, freshness:16)`.
    pub fn source_word(&self) -> Fr {
        let values = [self.categories, self.lookback_days, self.freshness_days];
        let fields = values.map(|v| (v.into(), 16));
        // Three u16 fit their widths.
        pack(&fields).unwrap_or_default()
    }

    /// The hash of the rules.
    pub fn hash(&self) -> Fr {
        let atoms = self.atom_words();
        let digest = |i: usize| {
            let mut eight = [Fr::from(0u64); 8];
            eight.copy_from_slice(&atoms[8 * i..8 * i + 8]);
            tagged(Tag::Rules, eight)
        };
        let clauses = self.clause_words();
        let inputs = [
            digest(0),
            digest(1),
            digest(2),
            digest(3),
            clauses[0],
            clauses[1],
            clauses[2],
            self.sponsor,
            self.uniqueness_scope,
            self.snapshot_scope,
            self.source_word(),
        ];
        tagged(Tag::RulesTop, inputs)
    }

    /// The policy id, which the ledger accepts and every proof shows.
    pub fn policy_id(&self) -> Fr {
        let kind = Fr::from(STATEMENT_KIND);
        let inputs = [
            kind,
            self.identity_domain,
            self.hash(),
            self.table_root,
            self.version,
        ];
        tagged(Tag::Policy, inputs)
    }

    /// The trial's scope `H(SCOPE; sponsor party, uniqueness scope)`.
    pub fn trial_scope(&self) -> Fr {
        tagged(Tag::Scope, [self.sponsor, self.uniqueness_scope])
    }

    /// What every atom says about these facts on `date`.
    pub fn truths(&self, facts: &[Fact], date: Day) -> Vec<Option<bool>> {
        let atoms = self.atoms.iter().enumerate();
        atoms.map(|(i, atom)| truth(atom, i, facts, date)).collect()
    }
}

/// A compiled policy; only [`compile`] makes one.
#[derive(Debug, Clone)]
pub struct CompiledPolicy {
    id: Name,
    version: String,
    sponsor: Name,
    identity_domain: Name,
    uniqueness_scope: Name,
    snapshot_scope: Name,
    rules: Rules,
    table: CodeTable,
    names: Vec<String>,
    document: Document,
}

impl CompiledPolicy {
    /// The policy's name.
    pub fn id(&self) -> &Name {
        &self.id
    }

    /// The policy's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The sponsor's party, the only relying party.
    pub fn sponsor(&self) -> &Name {
        &self.sponsor
    }

    /// The domain of the identity and of the record issuers.
    pub fn identity_domain(&self) -> &Name {
        &self.identity_domain
    }

    /// Inside which a person is screened once.
    pub fn uniqueness_scope(&self) -> &Name {
        &self.uniqueness_scope
    }

    /// The scope that the snapshot must have.
    pub fn snapshot_scope(&self) -> &Name {
        &self.snapshot_scope
    }

    /// The compiled rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The atoms' names, in their order.
    pub fn atom_names(&self) -> &[String] {
        &self.names
    }

    /// The code table.
    pub fn table(&self) -> &CodeTable {
        &self.table
    }

    /// The policy id, which the ledger accepts and every proof shows.
    pub fn policy_id(&self) -> Fr {
        self.rules.policy_id()
    }
}

/// 248 bits of SHA-256 of `id || 0x00 || version`.
fn version_fr(id: &Name, version: &str) -> Fr {
    let mut hash = Sha256::new();
    hash.update(id.as_str());
    hash.update([0]);
    hash.update(version);
    fr_from_248(&hash.finalize().into())
}
