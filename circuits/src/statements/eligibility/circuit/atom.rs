//! E12: what may be claimed of an atom.
//!
//! A claim "true" is counted from definite matches only, a claim "false" from all possible ones, so that
//! what is unknown supports neither.

use super::calendar::DateVar;
use super::policy::{RuleVar, RulesVar, enforce_nonzero_if};
use super::record::{RecordVar, gap_place};
use super::{bit, sum};
use crate::gadgets::linear::{enforce_product, weighted_sum, witness};
use crate::gadgets::pack::join;
use crate::gadgets::range::{enforce_range, less_or_equal};
use crate::gadgets::select::is_equal;
use crate::statements::eligibility::{AtomClaim, Witness};
use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::decimal::OFFSET;

/// Bits that hold every number of records and every count of a policy.
const COUNT_BITS: usize = 8;

/// What the demographics record says; meaningful when there is exactly one.
struct PersonVar {
    /// Number of demographics records.
    count: FpVar<Fr>,
    /// The packed birth date, 0 = not known.
    born: FpVar<Fr>,
    /// `date - birth date`, both as yyyymmdd.
    age: FpVar<Fr>,
    sex: FpVar<Fr>,
    /// 1 for male, female or other.
    sex_known: FpVar<Fr>,
    /// 1 = alive, 2 = deceased, 0 = not known.
    life: FpVar<Fr>,
}

impl PersonVar {
    /// Costs 3 constraints a record and 6 more.
    fn new(records: &[RecordVar], date: &DateVar) -> Result<Self, SynthesisError> {
        let of = |field: fn(&RecordVar) -> &FpVar<Fr>| {
            let products: Vec<FpVar<Fr>> = records.iter().map(|r| &r.demographics * field(r)).collect();
            sum(&products)
        };
        let born = of(|r| &r.value)?;
        let sex = of(|r| &r.quantity)?;
        let known = (1..=3u64)
            .map(|n| Ok(FpVar::from(is_equal(&sex, &FpVar::Constant(Fr::from(n)))?)))
            .collect::<Result<Vec<_>, SynthesisError>>()?;
        Ok(Self {
            count: sum(records.iter().map(|r| &r.demographics))?,
            age: &date.yyyymmdd - &born + Fr::from(OFFSET),
            born,
            sex,
            // At most one of three equalities holds.
            sex_known: sum(&known)?,
            life: of(|r| &r.life)?,
        })
    }
}

/// The bits (claimed true, claimed false) of an atom.
pub(super) type ClaimBits = (FpVar<Fr>, FpVar<Fr>);

/// The claims of all atoms.
pub(super) fn claims(
    cs: &ConstraintSystemRef<Fr>,
    witness: &Witness,
    rules: &RulesVar,
    records: &[RecordVar],
    date: &DateVar,
) -> Result<Vec<ClaimBits>, SynthesisError> {
    let person = PersonVar::new(records, date)?;
    let nothing = AtomClaim::none();
    let atoms = rules.atoms.iter().enumerate().map(|(i, rule)| {
        let claim = witness.claims.get(i).unwrap_or(&nothing);
        let atom = AtomVar::new(cs, rule, claim, date)?;
        let matches = atom.matches(cs, i, claim, records)?;
        atom.enforce_counts(&matches)?;
        atom.enforce_value(cs, &matches, &person, claim)?;
        Ok((atom.yes, atom.no))
    });
    atoms.collect()
}

/// An atom with what is claimed of it.
struct AtomVar<'a> {
    rule: &'a RuleVar,
    yes: FpVar<Fr>,
    no: FpVar<Fr>,
    /// Value of the standing records, below 2^64.
    value: FpVar<Fr>,
    /// Matches start on this day or later.
    from: FpVar<Fr>,
    /// What [`RecordVar::evidence`] of a standing record is.
    target: FpVar<Fr>,
}

/// Numbers of matches; each at most the number of records.
struct MatchesVar {
    definite: FpVar<Fr>,
    possible: FpVar<Fr>,
    standing: FpVar<Fr>,
}

impl<'a> AtomVar<'a> {
    fn new(
        cs: &ConstraintSystemRef<Fr>,
        rule: &'a RuleVar,
        claim: &AtomClaim,
        date: &DateVar,
    ) -> Result<Self, SynthesisError> {
        let yes = bit(cs, || claim.truth == Some(true))?;
        let no = bit(cs, || claim.truth == Some(false))?;
        let zero = FpVar::Constant(Fr::from(0u64));
        // At most one claim, and none of an atom that the policy does not use.
        enforce_product(&yes, &no, &zero)?;
        let operations = [
            &rule.age,
            &rule.sex,
            &rule.alive,
            &rule.exists,
            &rule.latest,
            &rule.any,
        ];
        enforce_product(&(&yes + &no), &(sum(operations)? - Fr::from(1u64)), &zero)?;
        let value = witness(cs, || Ok(Fr::from(claim.value)))?;
        enforce_range(&value, 64)?;
        let day = witness(cs, || Ok(Fr::from(claim.day)))?;
        enforce_range(&day, 16)?;
        // The window begins within_days before the date, or on day 0 without one.
        let begin = &rule.windowed * (&date.day - &rule.window);
        enforce_range(&begin, 16)?;
        // Of `latest` only the last day counts: matches from the claimed day on. It lies in the window.
        let from = &begin + &rule.latest * (&day - &begin);
        enforce_range(&(&from - &begin), 16)?;
        // No comparator, no gap, not undated.
        let target = join(&[(&value, 64), (&rule.unit, 8), (&zero, 8), (&day, 16)])?;
        Ok(Self {
            rule,
            yes,
            no,
            value,
            from,
            target,
        })
    }

    /// Counts the matches of atom number `index`. Costs 24 constraints a record.
    fn matches(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        index: usize,
        claim: &AtomClaim,
        records: &[RecordVar],
    ) -> Result<MatchesVar, SynthesisError> {
        let zero = FpVar::Constant(Fr::from(0u64));
        let (mut definite, mut possible, mut standing) = (Vec::new(), Vec::new(), Vec::new());
        let mut counted_before = zero.clone();
        for (i, record) in records.iter().enumerate() {
            // Both directions are enforced: a match can be neither hidden from "false" nor added to "true".
            let reached = FpVar::from(less_or_equal(&self.from, &record.start, 16)?);
            let perhaps = &record.perhaps + &reached - &record.perhaps * &reached;
            let sure = &record.definite[index] * &reached;
            possible.push(&record.possible[index] * perhaps);
            // A standing record is a definite match in the window, and carries exactly the claimed value on the
            // claimed day in the policy's unit: all fields are range-checked, so that equal words have equal
            // fields. One minus a bit stands at a place of its own.
            let stands = bit(cs, || claim.standing.get(i).copied().unwrap_or(false))?;
            let gap = weighted_sum([(-gap_place(), &sure)], gap_place())?;
            enforce_product(&stands, &(&record.evidence + gap - &self.target), &zero)?;
            // Records of one resource count once: not again where an earlier one of the resource counted.
            let before = &record.continues * &counted_before;
            let new = &sure - &sure * &before;
            counted_before = &before + &new;
            definite.push(new);
            standing.push(stands);
        }
        Ok(MatchesVar {
            definite: sum(&definite)?,
            possible: sum(&possible)?,
            standing: sum(&standing)?,
        })
    }

    /// Claims of `exists`: "true" needs `count` definite matches, "false" fewer than `count` possible ones.
    /// Costs 20 constraints.
    fn enforce_counts(&self, matches: &MatchesVar) -> Result<(), SynthesisError> {
        let rule = self.rule;
        let one = Fr::from(1u64);
        // Counts are below 2^8, so that a negative difference is far above it modulo r.
        let enough = (&rule.exists * &self.yes) * (&matches.definite - &rule.count);
        enforce_range(&enough, COUNT_BITS)?;
        let fewer = (&rule.exists * &self.no) * (&rule.count - &matches.possible - one);
        enforce_range(&fewer, COUNT_BITS)
    }

    /// Claims of all other operations: there is a value, it is known, and it lies inside (or, for "false",
    /// outside) the bounds. Costs 149 constraints.
    fn enforce_value(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        matches: &MatchesVar,
        person: &PersonVar,
        claim: &AtomClaim,
    ) -> Result<(), SynthesisError> {
        let rule = self.rule;
        let zero = FpVar::Constant(Fr::from(0u64));
        let one = Fr::from(1u64);
        let claimed = &self.yes + &self.no;
        // latest: every match from the claimed day on stands for the value, so that none is later, none of
        // that day has another value, and none is undated, uncertain, or in another unit.
        let latest = &rule.latest * &claimed;
        enforce_product(&latest, &(&matches.possible - &matches.standing), &zero)?;
        // any: never false.
        enforce_product(&rule.any, &self.no, &zero)?;
        let measured = &rule.latest + &rule.any;
        let of_record = &measured * &claimed;
        enforce_nonzero_if(cs, &of_record, &matches.standing)?;
        // Demographics: exactly one record.
        let of_person = (&rule.age + &rule.sex + &rule.alive) * &claimed;
        enforce_product(&of_person, &(&person.count - one), &zero)?;
        // What is compared, and what must not be 0 for it to be known.
        let measure = &measured * &self.value;
        let life = &rule.alive * &person.life;
        let tested = sum([
            &measure,
            &(&rule.age * &person.age),
            &(&rule.sex * &person.sex),
            &life,
        ])?;
        let known = sum([
            &measure,
            &(&rule.age * &person.born),
            &(&rule.sex * &person.sex_known),
            &life,
        ])?;
        enforce_nonzero_if(cs, &(&of_record + &of_person), &known)?;
        // True: low <= tested <= high. False: tested < low, or high < tested; the prover says which.
        let counted = &rule.exists * &self.yes;
        let inside = &self.yes - counted;
        let outside = &self.no - &rule.exists * &self.no;
        let above = bit(cs, || claim.above)?;
        let over = &tested - &rule.high - one;
        let under = &rule.low - &tested - one;
        let beyond = &above * (over - &under) + under;
        // At most one of the two claims is made, so that the sum is one of the differences or 0. Values and bounds
        // are below 2^64 and ages far below 2^64 in magnitude, so that a negative difference is far above 2^64.
        let first = &inside * (&tested - &rule.low) + &outside * beyond;
        enforce_range(&first, 64)?;
        enforce_range(&(&inside * (&rule.high - &tested)), 64)
    }
}
