//! Claim policies: a plan's TOML and its four tables, compiled to a pair table and a policy id
//! (`docs/statements/claim.md`, `docs/format.md`, sections 2 and 10).

mod explain;
mod source;
#[cfg(test)]
mod tests;

pub use source::{ClaimPolicyError, MAX_PROBLEMS, MAX_TABLE_BYTES};

use crate::claim::PlanId;
use crate::code::{Code, CodeInterval};
use crate::record::Cents;
use ark_bn254::Fr;
use medproof_verifier::tree::{DenseTree, TABLE_DEPTH};
use medproof_verifier::{Name, Path, Tag, field::pack, tagged};

/// Schema that the policy's file names.
pub const SCHEMA: &str = "medproof/claim/1";
/// Statement kind of claims in a policy id.
pub const STATEMENT_KIND: u64 = 4;
/// Most rows of a pair table.
pub const MAX_ROWS: usize = 1 << (2 * TABLE_DEPTH);

/// What a claim policy's id is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    /// The payer's party, which stands in the policy id. The policy's domain on the ledger is the payer's registry
    /// scope, which may have another name (`docs/format.md`, section 11).
    pub payer: Name,
    /// The plan.
    pub plan: PlanId,
    /// Most days from the service to the claim's receipt.
    pub max_days: u16,
    /// The patient's share after the deductible, in basis points, at most 10,000.
    pub coinsurance_bp: u16,
    /// Root of the pair table.
    pub table_root: Fr,
    /// 248 bits of SHA-256 of `id || 0x00 || version`.
    pub version: Fr,
}

impl ClaimRules {
    /// `policy_id = H(POLICY; 4, payer, rules, table root, version)` with
    /// `rules = H(CLAIMRULES; payer, plan id, pack(max days:16, coinsurance bp:16), 0, 0)`.
    pub fn policy_id(&self) -> Fr {
        let zero = Fr::from(0u64);
        // Two u16 fit their widths.
        let limits =
            pack(&[(self.max_days.into(), 16), (self.coinsurance_bp.into(), 16)]).unwrap_or_default();
        let payer = self.payer.to_fr();
        let rules = tagged(Tag::ClaimRules, [payer, self.plan.to_fr(), limits, zero, zero]);
        tagged(
            Tag::Policy,
            [
                Fr::from(STATEMENT_KIND),
                payer,
                rules,
                self.table_root,
                self.version,
            ],
        )
    }
}

/// A row of the pair table: a procedure is covered for these diagnoses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRow {
    /// The diagnoses.
    pub diagnosis: CodeInterval,
    /// The procedure.
    pub procedure: Code,
    /// Price of a unit.
    pub fee: Cents,
    /// Most units a day.
    pub max_units: u16,
    /// Whether a prior authorisation is needed.
    pub prior_authorisation: bool,
}

impl PairRow {
    /// `H(PAIR; diagnosis lo, diagnosis hi, procedure, pack(fee:40, max units:16, prior authorisation:1), 0)`.
    pub fn hash(&self) -> Fr {
        // Each fits its width by its type.
        let terms = pack(&[
            (self.fee.get().into(), 40),
            (self.max_units.into(), 16),
            (self.prior_authorisation.into(), 1),
        ])
        .unwrap_or_default();
        tagged(
            Tag::Pair,
            [
                Fr::from(self.diagnosis.lo()),
                Fr::from(self.diagnosis.hi()),
                self.procedure.to_fr(),
                terms,
                Fr::from(0u64),
            ],
        )
    }

    /// Whether the row is for this diagnosis and procedure.
    pub fn covers(&self, diagnosis: Code, procedure: Code) -> bool {
        self.procedure == procedure && self.diagnosis.contains(diagnosis)
    }
}

/// A compiled claim policy.
#[derive(Debug, Clone)]
pub struct ClaimPolicy {
    id: Name,
    version: Name,
    rules: ClaimRules,
    rows: Vec<PairRow>,
    table: DenseTree<TABLE_DEPTH>,
    not_covered: Vec<String>,
}

impl ClaimPolicy {
    /// Compiles a policy file; `read` gives the bytes of a table by the path that the file names.
    ///
    /// # Errors
    /// [`ClaimPolicyError`]: the file is no claim policy, or the list of everything in it and its
    /// tables that cannot be resolved.
    pub fn compile(
        text: &str,
        read: &mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, ClaimPolicyError> {
        source::compile(text, read)
    }

    /// The policy's own id, as in its file.
    pub fn id(&self) -> &Name {
        &self.id
    }

    /// The policy's version, as in its file.
    pub fn version(&self) -> &Name {
        &self.version
    }

    /// Payer, plan and limits.
    pub fn rules(&self) -> &ClaimRules {
        &self.rules
    }

    /// `policy_id`, the public input.
    pub fn policy_id(&self) -> Fr {
        self.rules.policy_id()
    }

    /// Rows of the pair table, in its order.
    pub fn rows(&self) -> &[PairRow] {
        &self.rows
    }

    /// What the policy says that it does not look at.
    pub fn not_covered(&self) -> &[String] {
        &self.not_covered
    }

    /// The row for a diagnosis and a procedure. There is at most one.
    pub fn find(&self, diagnosis: Code, procedure: Code) -> Option<usize> {
        self.rows.iter().position(|r| r.covers(diagnosis, procedure))
    }

    /// A row with its path in the pair table.
    pub fn open(&self, index: usize) -> Option<(&PairRow, Path<TABLE_DEPTH>)> {
        Some((self.rows.get(index)?, self.table.path(index as u64).ok()?))
    }

    /// The policy in words.
    pub fn explain(&self) -> String {
        explain::explain(self)
    }
}
