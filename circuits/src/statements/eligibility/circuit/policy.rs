//! The compiled rules, hashed to the policy id (E3), and the clauses (E13).

use super::sum;
use crate::gadgets::linear::{enforce_equal, enforce_product, witness};
use crate::gadgets::pack::split;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::select::is_zero;
use ark_bn254::Fr;
use ark_ff::Field;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::policy::eligibility::{
    ATOM_WORDS, CLAUSES_PER_WORD, MAX_ATOMS, MAX_CLAUSES, Rules, STATEMENT_KIND,
};
use medproof_verifier::Tag;

/// Widths of an atom's first word with every mask in single bits.
const HEAD_BITS: [usize; 50] = {
    let mut widths = [1; 50];
    widths[47] = 16;
    widths[48] = 8;
    widths[49] = 8;
    widths
};

/// One atom's rule.
pub(super) struct RuleVar {
    pub(super) age: FpVar<Fr>,
    pub(super) sex: FpVar<Fr>,
    pub(super) alive: FpVar<Fr>,
    pub(super) exists: FpVar<Fr>,
    pub(super) latest: FpVar<Fr>,
    pub(super) any: FpVar<Fr>,
    /// Bits over categories, status and verification; masks of the possible contain the definite.
    pub(super) category: Vec<FpVar<Fr>>,
    pub(super) status: [Vec<FpVar<Fr>>; 2],
    pub(super) verification: [Vec<FpVar<Fr>>; 2],
    pub(super) windowed: FpVar<Fr>,
    pub(super) window: FpVar<Fr>,
    pub(super) count: FpVar<Fr>,
    pub(super) unit: FpVar<Fr>,
    pub(super) low: FpVar<Fr>,
    pub(super) high: FpVar<Fr>,
}

impl RuleVar {
    fn new(words: &[FpVar<Fr>]) -> Result<Self, SynthesisError> {
        let head = split(&words[0], &HEAD_BITS)?;
        let bounds = split(&words[1], &[64, 64])?;
        let mask = |from: usize| head[from..from + 8].to_vec();
        let (status, verification) = ([mask(14), mask(22)], [mask(30), mask(38)]);
        // Claims of "true" count certain matches and claims of "false" possible ones: what is certain and not
        // possible could be claimed to be both.
        let zero = FpVar::Constant(Fr::from(0u64));
        for [definite, possible] in [&status, &verification] {
            for (sure, may) in definite.iter().zip(possible) {
                enforce_product(sure, &(may - Fr::from(1u64)), &zero)?;
            }
        }
        Ok(Self {
            age: head[0].clone(),
            sex: head[1].clone(),
            alive: head[2].clone(),
            exists: head[3].clone(),
            latest: head[4].clone(),
            any: head[5].clone(),
            category: mask(6),
            status,
            verification,
            windowed: head[46].clone(),
            window: head[47].clone(),
            count: head[48].clone(),
            unit: head[49].clone(),
            low: bounds[0].clone(),
            high: bounds[1].clone(),
        })
    }
}

/// The rules behind a policy id.
pub(super) struct RulesVar {
    pub(super) atoms: Vec<RuleVar>,
    clauses: Vec<Vec<FpVar<Fr>>>,
    pub(super) sponsor: FpVar<Fr>,
    pub(super) identity_domain: FpVar<Fr>,
    pub(super) uniqueness_scope: FpVar<Fr>,
    pub(super) snapshot_scope: FpVar<Fr>,
    /// Bits of the categories that a snapshot must cover.
    pub(super) categories: Vec<FpVar<Fr>>,
    pub(super) lookback: FpVar<Fr>,
    pub(super) freshness: FpVar<Fr>,
    pub(super) table_root: FpVar<Fr>,
}

impl RulesVar {
    /// Allocates the rules and enforces that they have this policy id. Costs 6,634 constraints.
    pub(super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        rules: &Rules,
        policy_id: &FpVar<Fr>,
    ) -> Result<Self, SynthesisError> {
        let new = |x: Fr| witness(cs, || Ok(x));
        let words = rules.atom_words();
        let words: Vec<FpVar<Fr>> = words.into_iter().map(new).collect::<Result<_, _>>()?;
        let clause_words = rules.clause_words().map(new);
        let [c0, c1, c2] = clause_words;
        let (c0, c1, c2) = (c0?, c1?, c2?);
        let sponsor = new(rules.sponsor)?;
        let identity_domain = new(rules.identity_domain)?;
        let uniqueness_scope = new(rules.uniqueness_scope)?;
        let snapshot_scope = new(rules.snapshot_scope)?;
        let source = new(rules.source_word())?;
        let table_root = new(rules.table_root)?;
        let version = new(rules.version)?;
        // Every word enters the hash, so the prover can only take the rules that the policy id stands for.
        let digests = (0..ATOM_WORDS / 8)
            .map(|i| tagged(Tag::Rules, std::array::from_fn::<_, 8, _>(|j| &words[8 * i + j])))
            .collect::<Result<Vec<_>, _>>()?;
        let [d0, d1, d2, d3] = digests.as_slice() else {
            // 32 words are four digests of eight.
            return Err(SynthesisError::Unsatisfiable);
        };
        let hash = tagged(
            Tag::RulesTop,
            [
                d0,
                d1,
                d2,
                d3,
                &c0,
                &c1,
                &c2,
                &sponsor,
                &uniqueness_scope,
                &snapshot_scope,
                &source,
            ],
        )?;
        let kind = FpVar::Constant(Fr::from(STATEMENT_KIND));
        let id = tagged(
            Tag::Policy,
            [&kind, &identity_domain, &hash, &table_root, &version],
        )?;
        enforce_equal(&id, policy_id)?;
        let mut source_bits = [1usize; 18];
        source_bits[16] = 16;
        source_bits[17] = 16;
        let source = split(&source, &source_bits)?;
        Ok(Self {
            atoms: words.chunks(2).map(RuleVar::new).collect::<Result<_, _>>()?,
            clauses: clauses(&[c0, c1, c2])?,
            sponsor,
            identity_domain,
            uniqueness_scope,
            snapshot_scope,
            categories: source[..16].to_vec(),
            lookback: source[16].clone(),
            freshness: source[17].clone(),
            table_root,
        })
    }

    /// The bits of all atoms in one column, bit of atom i at place 8^i. Free.
    pub(super) fn column<'a>(
        &'a self,
        bit: impl Fn(&'a RuleVar) -> &'a FpVar<Fr>,
    ) -> Result<FpVar<Fr>, SynthesisError> {
        let bits: Vec<FpVar<Fr>> = self.atoms.iter().map(|a| bit(a).clone()).collect();
        super::digits(&bits, 8)
    }

    /// E13: every clause that is used holds an atom claimed true or, negated, claimed false. `claims` are
    /// the bits (true, false) of each atom. Costs 35 constraints a clause.
    pub(super) fn enforce_clauses(&self, claims: &[(FpVar<Fr>, FpVar<Fr>)]) -> Result<(), SynthesisError> {
        let one = FpVar::Constant(Fr::from(1u64));
        for clause in &self.clauses {
            let (positive, negative) = clause.split_at(MAX_ATOMS);
            let met = positive.iter().zip(claims).map(|(bit, (yes, _))| bit * yes);
            let refused = negative.iter().zip(claims).map(|(bit, (_, no))| bit * no);
            let literals: Vec<FpVar<Fr>> = met.chain(refused).collect();
            // At most 32, so that the sum is 0 only if no literal holds.
            let count = sum(&literals)?;
            let unused = FpVar::from(is_zero(&sum(clause)?)?);
            enforce_nonzero_if(&count.cs(), &(&one - &unused), &count)?;
        }
        Ok(())
    }
}

/// Enforces `x != 0` where `condition` (a bit) is set. Costs 1 constraint.
pub(super) fn enforce_nonzero_if(
    cs: &ConstraintSystemRef<Fr>,
    condition: &FpVar<Fr>,
    x: &FpVar<Fr>,
) -> Result<(), SynthesisError> {
    // x * q = condition has no solution for x = 0 where the condition is set; where it is not, q = 0 is one.
    let q = witness(cs, || {
        Ok(condition.value()? * x.value()?.inverse().unwrap_or_default())
    })?;
    enforce_product(x, &q, condition)
}

/// 32 bits a clause, the positive ones first.
fn clauses(words: &[FpVar<Fr>; 3]) -> Result<Vec<Vec<FpVar<Fr>>>, SynthesisError> {
    let mut out = Vec::with_capacity(MAX_CLAUSES);
    for word in words {
        let here = CLAUSES_PER_WORD.min(MAX_CLAUSES - out.len());
        let bits = split(word, &vec![1; 2 * MAX_ATOMS * here])?;
        out.extend(bits.chunks(2 * MAX_ATOMS).map(<[_]>::to_vec));
    }
    Ok(out)
}
