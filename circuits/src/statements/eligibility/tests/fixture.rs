//! A small circuit, a policy with every kind of atom, and records that can be changed one by one.

use super::super::{Eligibility, Refused, Tier, Witness};
use crate::scenario::world::{self, Registry};
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystem, SynthesisError};
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::{CompiledPolicy, compile};
use medproof_records::record::{Kind, Record, Verification};
use medproof_records::signing::SigningKey;
use medproof_records::snapshot::{SaltedRecord, Snapshot};
use medproof_records::unit::Unit;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{CircuitName, Day, Name, Role, Tag, tagged};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A tier for tests.
pub(super) struct Small;

impl Tier for Small {
    const RECORDS: usize = 9;
    const LEAVES: usize = 9;
    const NAME: CircuitName = CircuitName::Eligibility;
    const BUDGET: usize = 1 << 17;
}

pub(super) const POLICY: &str = r#"
schema = "medproof/eligibility/1"
id = "every-kind"
version = "1"
sponsor = "sponsor"
identity_domain = "us-ma"
uniqueness_scope = "every-kind"

[source]
categories = ["demographics", "condition", "laboratory", "medication"]
freshness_days = 14

[valueset]
t2d = ["sct|44054006", "icd10cm|E11.*"]
cancer = ["icd10cm|C50.*"]
a1c = ["loinc|4548-4"]
egfr = ["loinc|33914-3"]
insulin = ["rxnorm|5856"]
metformin = ["rxnorm|6809"]

[atom]
adult = { kind = "age", min_years = 18, max_years = 75 }
woman = { kind = "sex", is = "female" }
alive = { kind = "alive" }
t2d = { kind = "exists", category = "condition", valueset = "t2d", clinical = ["active"], verification = ["confirmed"] }
cancer = { kind = "exists", category = "condition", valueset = "cancer" }
a1c = { kind = "latest", valueset = "a1c", unit = "%", min = "7.0", max = "10.5", within_days = 90 }
egfr = { kind = "any", valueset = "egfr", unit = "mL/min/{1.73_m2}", min = "45", within_days = 365 }
insulin = { kind = "exists", category = "medication", valueset = "insulin", within_days = 60, total = ["rxnorm"] }
metformin = { kind = "exists", category = "medication", valueset = "metformin", at_least = 2 }

[rule]
eligible = "adult and woman and alive and t2d and not cancer and a1c and egfr and not insulin and metformin"
"#;

/// The number of a named atom.
pub(super) fn at(world: &World, name: &str) -> usize {
    world.policy.atom_names().iter().position(|n| n == name).unwrap()
}

pub(super) fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

/// Everything that a proof is made of, before it is signed.
pub(super) struct World {
    pub(super) policy: CompiledPolicy,
    pub(super) records: Vec<Record>,
    pub(super) on: Day,
    pub(super) key: SigningKey,
    pub(super) role: Role,
    pub(super) issuer_scope: Fr,
    pub(super) valid: (Day, Day),
    pub(super) rng: StdRng,
}

impl World {
    /// Records that meet every atom of the policy.
    pub(super) fn eligible() -> Self {
        let on = Day::parse("2026-03-02").unwrap();
        let mut rng = StdRng::seed_from_u64(11);
        let policy = compile(POLICY).unwrap();
        let mut person = Record::empty(Kind::Demographics);
        person.value = OFFSET + 19_600_101;
        person.quantity = 2;
        person.status = 1;
        let mut diabetes = Record::empty(Kind::Condition);
        diabetes.code = code("sct|44054006");
        diabetes.code2 = code("icd10cm|E11.9");
        diabetes.status = 1;
        diabetes.verification = Verification::Confirmed;
        diabetes.start = Day(on.0 - 2000);
        let lab = |text: &str, unit: &str, value: u64, ago: u16| {
            let mut lab = Record::empty(Kind::Observation);
            lab.code = code(text);
            lab.status = 1;
            lab.unit = Unit::from_ucum(unit);
            lab.value = OFFSET + value;
            lab.start = Day(on.0 - ago);
            lab
        };
        let fill = |ago: u16| {
            let mut fill = Record::empty(Kind::Dispense);
            fill.code = code("rxnorm|6809");
            fill.status = 1;
            fill.days = 30;
            fill.start = Day(on.0 - ago);
            fill
        };
        let mut records = vec![
            person,
            diabetes,
            lab("loinc|4548-4", "%", 81_000, 20),
            lab("loinc|4548-4", "%", 120_000, 40),
            lab("loinc|33914-3", "mL/min/{1.73_m2}", 400_000, 10),
            lab("loinc|33914-3", "mL/min/{1.73_m2}", 600_000, 200),
            fill(100),
            fill(70),
        ];
        for (i, record) in records.iter_mut().enumerate() {
            record.source = Fr::from(1000 + i as u64);
        }
        Self {
            issuer_scope: policy.rules().identity_domain,
            policy,
            records,
            on,
            key: SigningKey::generate(&mut rng),
            role: Role::RecordIssuer,
            valid: (on, on),
            rng,
        }
    }

    /// Signs the records as they are and claims what is known.
    pub(super) fn assignment(&mut self) -> (EligibilityPublic, Witness) {
        let (on, rng) = (self.on, &mut self.rng);
        let (identity, identity_root) = world::identity(rng, self.policy.identity_domain());
        let party: Name = "hospital".parse().unwrap();
        let mut registry = Registry::default();
        let at = registry.add(&self.key, self.role, &party, self.issuer_scope, self.valid);
        let subject = identity.sk.subject(party.to_fr());
        let snapshot = Snapshot::clinical_summary(&self.records, subject, on, 1, &self.key, rng).unwrap();
        let public = EligibilityPublic {
            identity_root,
            registry_root: registry.root(),
            policy_id: self.policy.policy_id(),
            date: Fr::from(on.0),
            nf_trial: tagged(
                Tag::Trial,
                [identity.ts.expose(), self.policy.rules().trial_scope()],
            ),
            ctx: Fr::from(5u64),
        };
        let issuer = registry.accepted(at).unwrap();
        let witness = Witness::new(identity, &self.policy, snapshot, issuer, on);
        (public, witness)
    }

    /// Signs the witness's snapshot anew, after a change of its header or records.
    pub(super) fn sign_again(&self, witness: &mut Witness) {
        let header = witness.snapshot.header.clone();
        let records: Vec<SaltedRecord> = std::mem::take(&mut witness.snapshot.records);
        witness.snapshot = Snapshot::sign(header, records, &self.key);
    }
}

/// Whether the circuit takes the witness and is satisfied.
pub(super) fn satisfied(public: &EligibilityPublic, witness: &Witness) -> bool {
    let cs = ConstraintSystem::<Fr>::new_ref();
    match Eligibility::<Small>::synthesise(cs.clone(), public, witness) {
        Ok(()) => cs.is_satisfied().unwrap(),
        Err(SynthesisError::Unsatisfiable) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Relation and circuit both accept.
pub(super) fn accepted(public: &EligibilityPublic, witness: &Witness) {
    assert_eq!(Eligibility::<Small>::relation(public, witness), Ok(()));
    assert!(
        satisfied(public, witness),
        "the circuit refuses what the relation accepts"
    );
}

/// Relation and circuit both refuse.
pub(super) fn refused(public: &EligibilityPublic, witness: &Witness, why: &Refused) {
    assert_eq!(Eligibility::<Small>::relation(public, witness).as_ref(), Err(why));
    assert!(!satisfied(public, witness), "the circuit accepts: {why}");
}
