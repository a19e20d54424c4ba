//! The snapshot: whose it is, who signed it, what it covers (E5 to E9), and its whole content (E10).

use super::calendar::DateVar;
use super::policy::RulesVar;
use super::record::RecordVar;
use super::table::TableVar;
use super::{bit, digits, sum};
use crate::gadgets::eddsa::{SignatureVar, verify};
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{self, enforce_equal, enforce_product, weighted_sum};
use crate::gadgets::merkle::root_of;
use crate::gadgets::pack::join;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::enforce_range;
use crate::gadgets::registry::AcceptedKeyVar;
use crate::statements::eligibility::{Tier, Witness};
use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::tree::SNAPSHOT_DEPTH;
use medproof_verifier::{Role, Tag};

/// The signed header.
pub(super) struct HeaderVar {
    pub(super) subject: FpVar<Fr>,
    pub(super) as_of: FpVar<Fr>,
    count: FpVar<Fr>,
    root: FpVar<Fr>,
}

impl HeaderVar {
    /// Allocates the header and enforces E5 to E9. Costs 7,333 constraints, most of them for the
    /// issuer's key and signature.
    pub(super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        witness: &Witness,
        identity: &IdentityVar,
        rules: &RulesVar,
        registry_root: &FpVar<Fr>,
        date: &DateVar,
    ) -> Result<Self, SynthesisError> {
        let header = &witness.snapshot.header;
        let categories: Vec<FpVar<Fr>> = (0..16)
            .map(|i| bit(cs, || header.categories >> i & 1 == 1))
            .collect::<Result<_, _>>()?;
        let from = number(cs, header.from.0.into(), 16)?;
        let to = number(cs, header.to.0.into(), 16)?;
        let as_of = number(cs, header.as_of.0.into(), 16)?;
        let count = number(cs, header.count.into(), 16)?;
        let seq = number(cs, header.seq, 32)?;
        let root = linear::witness(cs, || Ok(header.root))?;

        // E5: a record issuer of the domain, valid on the day of the snapshot. The role is a constant.
        let issuer = AcceptedKeyVar::new_witness(cs.clone(), &witness.issuer)?;
        issuer.enforce_accepted(registry_root, Role::RecordIssuer, &rules.identity_domain, &as_of)?;
        // E6: the subject is computed from the holder's secret, and this one variable enters the header and
        // every record, so that nobody else's snapshot or record fits.
        let subject = identity.subject(&issuer.party)?;
        // E7, E8: the header that is signed has the policy's scope.
        let mask = digits(&categories, 2)?;
        let word = join(&[
            (&mask, 16),
            (&from, 16),
            (&to, 16),
            (&as_of, 16),
            (&count, 16),
            (&seq, 32),
        ])?;
        let zero = FpVar::Constant(Fr::from(0u64));
        let message = tagged(Tag::Snap, [&subject, &rules.snapshot_scope, &word, &root, &zero])?;
        let signature = SignatureVar::new_witness(cs.clone(), &witness.snapshot.signature)?;
        verify(&issuer.public_key, &message, &signature)?;
        // E8: whatever the policy asks for is covered.
        for (wanted, held) in rules.categories.iter().zip(&categories) {
            enforce_product(wanted, &(held - Fr::from(1u64)), &zero)?;
        }
        // E9: 0 <= date - as_of <= freshness. All are below 2^16, so that a negative difference is far above.
        let age = &date.day - &as_of;
        enforce_range(&age, 16)?;
        enforce_range(&(&rules.freshness - &age), 16)?;
        // E9: from + look-back <= date, and the snapshot's own day is covered.
        let one = Fr::from(1u64);
        let reach = weighted_sum(
            [(one, &date.day), (-one, &from), (-one, &rules.lookback)],
            Fr::from(0u64),
        )?;
        enforce_range(&reach, 16)?;
        enforce_range(&(&to - &as_of), 16)?;
        Ok(Self {
            subject,
            as_of,
            count,
            root,
        })
    }
}

fn number(cs: &ConstraintSystemRef<Fr>, value: u32, bits: usize) -> Result<FpVar<Fr>, SynthesisError> {
    let x = linear::witness(cs, || Ok(Fr::from(value)))?;
    enforce_range(&x, bits)?;
    Ok(x)
}

/// One bit a slot: those in use come first, and their number is the signed count.
pub(super) fn slots_in_use(
    cs: &ConstraintSystemRef<Fr>,
    held: &[bool],
    count: &FpVar<Fr>,
) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let used: Vec<FpVar<Fr>> = held
        .iter()
        .map(|held| bit(cs, || *held))
        .collect::<Result<_, _>>()?;
    // No slot is used after an unused one.
    for pair in used.windows(2) {
        enforce_product(
            &pair[1],
            &(&pair[0] - Fr::from(1u64)),
            &FpVar::Constant(Fr::from(0u64)),
        )?;
    }
    enforce_equal(&sum(&used)?, count)?;
    Ok(used)
}

/// E10: all slots of the tier are reopened; those from `count` on are empty.
pub(super) fn records<T: Tier>(
    cs: &ConstraintSystemRef<Fr>,
    witness: &Witness,
    header: &HeaderVar,
    rules: &RulesVar,
    table: &TableVar,
    date: &DateVar,
) -> Result<Vec<RecordVar>, SynthesisError> {
    let held: Vec<bool> = (0..T::RECORDS)
        .map(|i| i < witness.snapshot.records.len())
        .collect();
    let used = slots_in_use(cs, &held, &header.count)?;
    let columns = rules.columns()?;
    let mut leaves = Vec::with_capacity(T::RECORDS);
    let mut out: Vec<RecordVar> = Vec::with_capacity(T::RECORDS);
    for (i, used) in used.iter().enumerate() {
        let record = RecordVar::new(cs, witness, i, used, header, &columns, table, date, out.last())?;
        // An unused slot is an empty leaf; a used one has the hash of the record that is judged.
        leaves.push(used * &record.leaf);
        out.push(record);
    }
    // The tier's slots are the first of the tree; the tree's others are empty by construction.
    enforce_equal(&root_of(&leaves, SNAPSHOT_DEPTH)?, &header.root)?;
    Ok(out)
}
