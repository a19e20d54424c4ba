//! The statement on plain values.

use super::{OpeningRefused, Tier, Witness};
use crate::gadgets::registry::KeyRefused;
use ark_bn254::Fr;
use ark_ff::PrimeField;
use medproof_records::policy::eligibility::clause_truth;
use medproof_verifier::eddsa::verify;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Day, Role, Tag, tagged};

/// The clause that a pair of public inputs and witness breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// E1.
    #[error("`date` is not a day")]
    Date,
    /// E2.
    #[error("the identity leaf is not under the identity root in the policy's domain")]
    Identity,
    /// E3.
    #[error("the rules do not have this policy id")]
    Policy,
    /// E3.
    #[error("what atom {0} matches for certain is no part of what it may match")]
    Atom(usize),
    /// E4.
    #[error("the trial nullifier is not that of this person and scope")]
    Nullifier,
    /// E5.
    #[error("the issuer's key is not accepted: {0}")]
    Issuer(#[from] KeyRefused),
    /// E6.
    #[error("the snapshot's subject is not the holder's pseudonym at this issuer")]
    Subject,
    /// E7.
    #[error("the snapshot is not signed by the issuer")]
    Signature,
    /// E8.
    #[error("the snapshot has another scope than the policy")]
    Scope,
    /// E8.
    #[error("the snapshot does not cover all categories of the policy")]
    Categories,
    /// E9.
    #[error("the snapshot is from the future or too old")]
    Freshness,
    /// E9.
    #[error("the snapshot does not reach back as far as the policy, or not up to its own day")]
    Coverage,
    /// E10.
    #[error("the records are not the whole content of the snapshot")]
    Records,
    /// A part of the witness that no slot of the circuit holds.
    #[error("a record, leaf, choice, claim, atom or clause of the witness has no slot in the circuit")]
    TooLarge,
    /// E10.
    #[error("record {0} starts after the snapshot was made, or has a status that no record has")]
    Record(usize),
    /// E11.
    #[error(transparent)]
    Opening(#[from] OpeningRefused),
    /// E12.
    #[error("a window of the policy begins before the first day")]
    Window,
    /// E12.
    #[error("what is claimed of atom {0} is not known")]
    Claim(usize),
    /// E13.
    #[error("clause {0} is not claimed to be met")]
    Clause(usize),
}

fn holds(condition: bool, refused: Refused) -> Result<(), Refused> {
    if condition { Ok(()) } else { Err(refused) }
}

pub(super) fn check<T: Tier>(public: &EligibilityPublic, witness: &Witness) -> Result<(), Refused> {
    holds(witness.fits::<T>(), Refused::TooLarge)?;
    let date = day(public.date).ok_or(Refused::Date)?;
    holders(public, witness)?;
    source(public, witness, date)?;
    content(witness)?;
    criteria(witness, date)
}

fn day(x: Fr) -> Option<Day> {
    let [low, rest @ ..] = x.into_bigint().0;
    let small = u16::try_from(low).ok()?;
    rest.iter().all(|limb| *limb == 0).then_some(Day(small))
}

/// E2 to E4: who is eligible for what.
fn holders(public: &EligibilityPublic, witness: &Witness) -> Result<(), Refused> {
    let (identity, rules) = (&witness.identity, &witness.rules);
    let enrolled = identity.domain == rules.identity_domain && identity.root() == public.identity_root;
    holds(enrolled, Refused::Identity)?;
    holds(rules.policy_id() == public.policy_id, Refused::Policy)?;
    for (i, atom) in rules.atoms.iter().enumerate() {
        let ordered = atom.status.is_ordered() && atom.verification.is_ordered();
        holds(ordered, Refused::Atom(i))?;
    }
    let nullifier = tagged(Tag::Trial, [identity.ts.expose(), rules.trial_scope()]);
    holds(nullifier == public.nf_trial, Refused::Nullifier)
}

/// E5 to E9: whose snapshot it is, who signed it, and what it covers.
fn source(public: &EligibilityPublic, witness: &Witness, date: Day) -> Result<(), Refused> {
    let (rules, issuer) = (&witness.rules, &witness.issuer);
    let header = &witness.snapshot.header;
    let scope = rules.identity_domain;
    issuer.check(public.registry_root, Role::RecordIssuer, scope, header.as_of)?;
    let subject = witness.identity.sk.subject(issuer.leaf.party.to_fr());
    holds(subject == header.subject, Refused::Subject)?;
    let signed = verify(
        &issuer.public_key(),
        header.message(),
        &witness.snapshot.signature,
    );
    holds(signed.is_ok(), Refused::Signature)?;
    holds(header.scope.to_fr() == rules.snapshot_scope, Refused::Scope)?;
    let missing = rules.categories & !header.categories;
    holds(missing == 0, Refused::Categories)?;
    let age = i32::from(date.0) - i32::from(header.as_of.0);
    let fresh = (0..=i32::from(rules.freshness_days)).contains(&age);
    holds(fresh, Refused::Freshness)?;
    let reach = u32::from(header.from.0) + u32::from(rules.lookback_days);
    let covers = reach <= u32::from(date.0) && header.as_of <= header.to;
    holds(covers, Refused::Coverage)
}

/// E10 and E11: all records are there, and every code is decided by the policy's table.
fn content(witness: &Witness) -> Result<(), Refused> {
    let snapshot = &witness.snapshot;
    let whole = usize::from(snapshot.header.count) == snapshot.records.len();
    holds(
        whole && snapshot.computed_root() == snapshot.header.root,
        Refused::Records,
    )?;
    for (i, salted) in snapshot.records.iter().enumerate() {
        let record = &salted.record;
        let plain = record.start <= snapshot.header.as_of && record.status < 8;
        holds(plain, Refused::Record(i))?;
    }
    let root = witness.rules.table_root;
    Ok(witness.opening.check(root, &snapshot.records)?)
}

/// E12 and E13: nothing is claimed that is not known, and the claims meet every clause.
fn criteria(witness: &Witness, date: Day) -> Result<(), Refused> {
    let rules = &witness.rules;
    let facts = witness.opening.facts(&witness.snapshot.records);
    let early = |n: u16| n > date.0;
    let begun = !rules.atoms.iter().any(|a| a.within_days.is_some_and(early));
    holds(begun, Refused::Window)?;
    let known = rules.truths(&facts, date);
    for (i, claim) in witness.claims.iter().enumerate() {
        let nothing = claim.truth.is_none();
        let shown = match rules.atoms.get(i) {
            Some(atom) => (nothing || claim.truth == known[i]) && claim.is_shown(atom, i, &facts, date),
            None => nothing && !claim.standing.contains(&true),
        };
        holds(shown, Refused::Claim(i))?;
    }
    let claims: Vec<_> = witness.claims.iter().map(|c| c.truth).collect();
    for (i, clause) in rules.clauses.iter().enumerate() {
        let unused = clause.positive | clause.negative == 0;
        holds(
            unused || clause_truth(*clause, &claims) == Some(true),
            Refused::Clause(i),
        )?;
    }
    Ok(())
}
