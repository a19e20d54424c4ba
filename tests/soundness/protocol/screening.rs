//! A4 and A12 for trials: a person is screened once in a sponsor's scope, and nobody else uses that up.

use crate::{
    ideal,
    world::{DAY, Patient, Stopped, World, name, signing, stopped},
};
use ark_bn254::Fr;
use medproof_circuits::{
    scenario::eligibility::example_bundle,
    statement::Circuit,
    statements::eligibility::{Eligibility, Refused, Standard, Witness},
};
use medproof_ledger::{Effects, Refusal};
use medproof_records::{
    import::{Scope, import},
    policy::eligibility::{CompiledPolicy, compile},
    snapshot::Snapshot,
};
use medproof_verifier::{
    Day, Tag,
    entry::{NullifierKind, PolicyAction, PolicyPurpose, PolicyTerms},
    statement::EligibilityPublic,
    tagged,
};

type Screening = Eligibility<Standard>;

const POLICY: &str = r#"
schema = "medproof/eligibility/1"
id = "asthma"
version = "1"
sponsor = "sponsor-a"
identity_domain = "us-ma"
uniqueness_scope = "asthma"

[source]
categories = ["demographics", "condition", "laboratory", "medication"]
freshness_days = 14

[valueset]
asthma = ["sct|195967001", "icd10cm|J45.*"]

[atom]
alive = { kind = "alive" }
asthma = { kind = "exists", category = "condition", valueset = "asthma", clinical = ["active"] }

[rule]
eligible = "alive and asthma"
"#;

fn policy(change: impl Fn(&str) -> String) -> CompiledPolicy {
    compile(&change(POLICY)).unwrap()
}

fn of_sponsor_b() -> CompiledPolicy {
    policy(|text| text.replace("sponsor-a", "sponsor-b"))
}

impl World {
    fn accept_trial(&mut self, policy: &CompiledPolicy) {
        let from = self.today();
        let terms = PolicyTerms {
            id: policy.policy_id(),
            name: policy.id().clone(),
            version: name(policy.version()),
            domain: policy.identity_domain().clone(),
            purpose: PolicyPurpose::Eligibility {
                sponsor: policy.sponsor().clone(),
            },
            valid_from: from,
            valid_to: Day(from.0 + 365),
            text_hash: [0; 32],
        };
        self.policy(PolicyAction::Accept(terms)).unwrap();
    }

    /// A screening of the patient on a fresh snapshot by the hospital.
    fn screening(&mut self, policy: &CompiledPolicy, patient: &Patient) -> (EligibilityPublic, Witness) {
        let on = self.today();
        let records = import(&example_bundle(), &Scope::clinical_summary(on))
            .unwrap()
            .records;
        let issuer = self.leaf_of("hospital");
        let issuer = self.key(issuer, self.leaf(issuer).unwrap());
        let subject = patient.sk.subject(name("hospital").to_fr());
        let key = signing("hospital");
        let snapshot = Snapshot::clinical_summary(&records, subject, on, 1, &key, &mut self.rng).unwrap();
        let identity = self.identity(patient);
        let public = EligibilityPublic {
            identity_root: identity.root(),
            registry_root: issuer.path.root(issuer.leaf.hash()),
            policy_id: policy.policy_id(),
            date: Fr::from(on.0),
            nf_trial: tagged(Tag::Trial, [patient.ts.expose(), policy.rules().trial_scope()]),
            ctx: Fr::from(0u64),
        };
        (public, Witness::new(identity, policy, snapshot, issuer, on))
    }

    /// Proves a screening by its relation (the circuit is held to it elsewhere) and has the sponsor post it.
    fn screen(
        &mut self,
        sponsor: &str,
        (public, witness): &(EligibilityPublic, Witness),
    ) -> Result<Effects, Stopped<Refused>> {
        let entry = self.post::<Screening>(sponsor, public, |public| {
            Screening::relation(public, witness)?;
            Ok(ideal::forge(&medproof_verifier::Public::to_vec(public)))
        })?;
        self.submit(&entry).map_err(Stopped::Ledger)
    }
}

#[test]
fn a04_a_second_screening_is_recognised_after_re_enrolment() {
    let mut w = World::new();
    let trial = policy(str::to_owned);
    w.accept_trial(&trial);
    let old = w.patient(4);
    let first = w.screening(&trial, &old);
    w.screen("sponsor-a", &first).unwrap();
    w.close("authority", "us-ma", 4).unwrap();
    w.time += DAY;
    // Another key and another salt; the authority keeps its secret for the person.
    let sk = w.fresh();
    let new = w.enrol(("authority", "us-ma"), 4, &sk, &old.ts).unwrap();
    assert_ne!(new.owner(), old.owner());
    let second = w.screening(&trial, &new);
    assert_eq!(second.0.nf_trial, first.0.nf_trial);
    stopped!(
        w.screen("sponsor-a", &second),
        Stopped::Ledger(Refusal::Spent(NullifierKind::Trial))
    );
    // A secret of one's own choice is not the leaf's.
    let mut chosen = w.screening(&trial, &new);
    chosen.1.identity.ts = w.fresh();
    chosen.0.nf_trial = tagged(
        Tag::Trial,
        [chosen.1.identity.ts.expose(), trial.rules().trial_scope()],
    );
    stopped!(
        w.screen("sponsor-a", &chosen),
        Stopped::Circuit(Refused::Identity)
    );
    // Nor is another scope the policy's.
    let mut elsewhere = w.screening(&trial, &new);
    elsewhere.0.nf_trial = tagged(Tag::Trial, [new.ts.expose(), Fr::from(5u64)]);
    stopped!(
        w.screen("sponsor-a", &elsewhere),
        Stopped::Circuit(Refused::Nullifier)
    );
}

#[test]
fn a12_one_sponsor_cannot_use_up_anothers_scope() {
    let mut w = World::new();
    let (ours, theirs) = (policy(str::to_owned), of_sponsor_b());
    w.accept_trial(&ours);
    let alice = w.patient(4);
    // Sponsor B posts under sponsor A's criteria.
    let screening = w.screening(&ours, &alice);
    stopped!(
        w.screen("sponsor-b", &screening),
        Stopped::Ledger(Refusal::PolicySponsor)
    );
    // B's own criteria under the same names have another scope: spending there leaves A's alone.
    w.accept_trial(&theirs);
    let there = w.screening(&theirs, &alice);
    w.screen("sponsor-b", &there).unwrap();
    // B's criteria with A's nullifier are not provable.
    let mut aimed = w.screening(&theirs, &alice);
    aimed.0.nf_trial = screening.0.nf_trial;
    stopped!(
        w.screen("sponsor-b", &aimed),
        Stopped::Circuit(Refused::Nullifier)
    );
    w.screen("sponsor-a", &screening).unwrap();
    // Within one scope the person is known, also under new criteria of the same sponsor.
    let next = policy(|text| text.replace("version = \"1\"", "version = \"2\""));
    w.accept_trial(&next);
    let again = w.screening(&next, &alice);
    stopped!(
        w.screen("sponsor-a", &again),
        Stopped::Ledger(Refusal::Spent(NullifierKind::Trial))
    );
}
