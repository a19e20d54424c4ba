//! Acceptance of STATEMENT entries.

use super::{Event, Spent, State, today};
use crate::{
    refusal::Refusal,
    rules::Rules,
    submission::Submission,
    table::{Base, Table},
};
use medproof_verifier::{
    Day, Fr, Name, Role, Statement,
    entry::{NullifierKind, PolicyPurpose, Post},
    field::fr_to_be_bytes,
};

/// What of a statement's public inputs the ledger judges.
struct Facts {
    anchor: Option<Fr>,
    identity_root: Fr,
    registry_root: Fr,
    domain: Option<Fr>,
    policy_id: Fr,
    date: Fr,
    /// The role that the relying party needs.
    role: Role,
    /// The number of the policy's statement kind.
    kind: u8,
}

impl Facts {
    fn of(statement: &Statement) -> Result<Self, Refusal> {
        Ok(match statement {
            Statement::Bind(_) => return Err(Refusal::BindPosted),
            Statement::Dispense(p) => Self {
                anchor: Some(p.anchor),
                identity_root: p.identity_root,
                registry_root: p.registry_root,
                domain: Some(p.domain),
                policy_id: p.policy_id,
                date: p.date,
                role: Role::Pharmacy,
                kind: 2,
            },
            Statement::Eligibility(p) => Self {
                anchor: None,
                identity_root: p.identity_root,
                registry_root: p.registry_root,
                domain: None,
                policy_id: p.policy_id,
                date: p.date,
                role: Role::Sponsor,
                kind: 3,
            },
            Statement::Claim(p) => Self {
                anchor: Some(p.anchor),
                identity_root: p.identity_root,
                registry_root: p.registry_root,
                domain: Some(p.domain),
                policy_id: p.policy_id,
                date: p.received,
                role: Role::InsurerGateway,
                kind: 4,
            },
        })
    }

    /// The relying party's role: pharmacies and insurer gateways in the statement's domain, a sponsor
    /// under its own name.
    fn check_role(&self, rules: &Rules, party: &Name, today: Day) -> Result<(), Refusal> {
        let scope = self.domain.unwrap_or_else(|| party.to_fr());
        rules.require(party, self.role, Some(&scope), today)
    }

    fn check_policy(&self, rules: &Rules, party: &Name, date: Day) -> Result<(), Refusal> {
        let policy = rules.policy(&self.policy_id).ok_or(Refusal::UnknownPolicy)?;
        if policy.purpose.kind() != self.kind {
            return Err(Refusal::PolicyKind);
        }
        if self.domain.is_some_and(|domain| domain != policy.domain.to_fr()) {
            return Err(Refusal::PolicyDomain);
        }
        if date < policy.valid_from || date > policy.valid_to {
            return Err(Refusal::PolicyDates {
                from: policy.valid_from,
                to: policy.valid_to,
                date,
            });
        }
        match &policy.purpose {
            PolicyPurpose::Eligibility { sponsor } if sponsor != party => Err(Refusal::PolicySponsor),
            _ => Ok(()),
        }
    }
}

/// Reads a date; `None` when the element is no day.
fn day(x: &Fr) -> Option<Day> {
    let bytes = fr_to_be_bytes(x);
    let small = bytes[..30].iter().all(|b| *b == 0);
    let day = Day(u16::from_be_bytes([bytes[30], bytes[31]]));
    (small && day <= Day::LAST).then_some(day)
}

impl<B: Base> State<B> {
    /// Gives the position of the commitment that the statement appends, if it appends one.
    pub(super) fn post(
        &mut self,
        post: &Post,
        submission: &Submission,
        time: u64,
    ) -> Result<Option<u64>, Refusal> {
        // `Submission::check` makes a `Verified` for every statement; a missing one is refused all the same.
        let verified = submission
            .verified
            .as_ref()
            .ok_or(Refusal::UnknownCircuit(post.circuit_id))?;
        let circuit = self
            .rules
            .circuit(&post.circuit_id)
            .ok_or(Refusal::UnknownCircuit(post.circuit_id))?;
        if circuit.retired {
            return Err(Refusal::RetiredCircuit(post.circuit_id));
        }
        let statement = verified.statement();
        let party = &post.relying_party;
        self.signed(party, submission)?;
        let facts = Facts::of(statement)?;
        let today = today(time);
        let date = day(&facts.date).ok_or(Refusal::NotADay)?;
        if date.0.abs_diff(today.0) > 1 {
            return Err(Refusal::Date { date, today });
        }
        facts.check_policy(&self.rules, party, date)?;
        facts.check_role(&self.rules, party, today)?;
        if facts
            .anchor
            .is_some_and(|anchor| !self.roots.is_anchor(&anchor, time))
        {
            return Err(Refusal::Anchor);
        }
        if !self.roots.is_identity_root(&facts.identity_root, time) {
            return Err(Refusal::IdentityRoot);
        }
        if !self.roots.is_registry_root(&facts.registry_root, time) {
            return Err(Refusal::RegistryRoot);
        }
        let nullifiers = statement.nullifiers();
        for (kind, nullifier) in &nullifiers {
            if self.nullifier(*kind, nullifier)?.is_some() {
                return Err(Refusal::Spent(*kind));
            }
        }
        self.check_room()?;
        Ok(self.take(submission, statement, &nullifiers, time))
    }

    /// Everything was checked: spend the nullifiers, append the commitment.
    fn take(
        &mut self,
        submission: &Submission,
        statement: &Statement,
        nullifiers: &[(NullifierKind, Fr)],
        time: u64,
    ) -> Option<u64> {
        let index = self.head.size;
        for (kind, nullifier) in nullifiers {
            self.put_nullifier(*kind, nullifier, Spent { index, burned: false });
            self.count_nullifier(*kind);
        }
        if let Event::Statement(key) = submission.event {
            self.view
                .put(Table::Statement, &key, index.to_be_bytes().to_vec());
        }
        if let Statement::Dispense(_) = statement {
            self.put_dispense(index, time, false);
        }
        submission.note.map(|leaf| self.place(leaf))
    }
}
