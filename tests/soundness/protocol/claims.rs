//! D3 and A7 for claims on the ledger: one event is paid once, and one balance pays one of two claims at once.

use crate::{
    ideal,
    world::{Stopped, World, name, posting, stopped},
};
use ark_bn254::Fr;
use medproof_circuits::{
    gadgets::registry::AcceptedKey,
    scenario,
    statements::claim::{Claim, Refused, Witness},
};
use medproof_ledger::{Effects, Refusal};
use medproof_records::{claim::ClaimContext, fhir::Bundle, policy::Policy};
use medproof_verifier::{
    CircuitName, Day, Role,
    entry::{
        CircuitAction, NullifierKind, Opening, PolicyAction, PolicyPurpose, PolicyTerms, RegistryAction,
    },
    statement::ClaimPublic,
};
use rand::{SeedableRng, rngs::StdRng};

const PAYER_LEAF: u32 = 100;
const PROVIDER_LEAF: u32 = 101;
const MEMBER: u32 = 3;

/// The witness of the acceptance case C01 after a change of its bundle. The seed is the same, and so are the
/// member, the keys and the balance.
fn claim(change: impl Fn(String) -> String) -> Witness {
    let folder = medproof_tests::folder();
    let Policy::Claim(policy) = Policy::load(&folder.join("policies/claim-lab.toml")).unwrap() else {
        unreachable!()
    };
    let bundle = std::fs::read_to_string(folder.join("claim/C01.json")).unwrap();
    // Received on the ledger's first day.
    let bundle = change(bundle.replace("2026-02-20", "2026-03-02"));
    let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
    let context = std::fs::read(folder.join("claim/C01.context.json")).unwrap();
    let context = ClaimContext::parse(&context).unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let outcome = scenario::claim::check(&mut rng, &policy, &bundle, &context, Fr::from(0u64)).unwrap();
    assert_eq!(outcome.reason, "ok");
    outcome.assignment.unwrap().1
}

fn a_cent_dearer(bundle: String) -> String {
    assert!(bundle.contains("15.0"));
    bundle.replace("15.0", "15.01")
}

fn a_day_later(bundle: String) -> String {
    assert!(bundle.contains("2026-02-10"));
    bundle.replace("2026-02-10", "2026-02-11")
}

impl World {
    /// Takes the member, its payer and its provider to the ledger, and gives the place of the balance.
    fn home(&mut self, witness: &Witness) -> u64 {
        let key = Box::new(ideal::verifying_key(CircuitName::Claim));
        self.circuit(CircuitAction::Accept(key)).unwrap();
        for (index, key) in [
            (PAYER_LEAF, &witness.coverage.key),
            (PROVIDER_LEAF, &witness.service.key),
        ] {
            let leaf = key.leaf.clone();
            let posting_key = posting(leaf.party.as_str()).verifying_key();
            self.registry(index, RegistryAction::Put { leaf, posting_key })
                .unwrap();
        }
        self.register(Role::InsurerGateway, "insurer", "acme").unwrap();
        let from = self.today();
        let terms = PolicyTerms {
            id: witness.rules.policy_id(),
            name: name("lab"),
            version: name("1"),
            domain: name("acme"),
            purpose: PolicyPurpose::Claim {
                payer: witness.rules.payer.clone(),
                plan: witness.rules.plan.to_u128(),
            },
            valid_from: from,
            valid_to: Day(from.0 + 365),
            text_hash: [0; 32],
        };
        self.policy(PolicyAction::Accept(terms)).unwrap();
        let id = witness.identity.id();
        self.open("acme", "acme", Opening::Member { index: MEMBER, id })
            .unwrap();
        let note = witness.note.commitment();
        let opened = self.open("acme", "acme", Opening::Benefit { note }).unwrap();
        opened.commitment_index.unwrap()
    }

    /// The witness under the ledger's present roots, its balance at `position`.
    fn at_home(&self, mut witness: Witness, position: u64) -> (ClaimPublic, Witness) {
        let key = |index, key: &AcceptedKey| self.key(index, key.leaf.clone());
        witness.identity.path = self.identity_tree().path(MEMBER.into()).unwrap();
        witness.note_path = self.commitment_tree().path(position).unwrap();
        witness.coverage.key = key(PAYER_LEAF, &witness.coverage.key);
        witness.service.key = key(PROVIDER_LEAF, &witness.service.key);
        let root = witness.service.key.path.root(witness.service.key.leaf.hash());
        let mut public = witness.public(root, self.today(), Fr::from(0u64));
        // Whatever the paths lead to, the ledger takes its own roots only.
        public.anchor = self.commitment_tree().root();
        public.identity_root = self.identity_tree().root();
        (public, witness)
    }

    fn file(&mut self, (public, witness): &(ClaimPublic, Witness)) -> Result<Effects, Stopped<Refused>> {
        let prove = |public: &ClaimPublic| ideal::prove::<Claim>(public, witness);
        let entry = self.post::<Claim>("insurer", public, prove)?;
        self.submit(&entry).map_err(Stopped::Ledger)
    }
}

#[test]
fn d03_a_claim_a_cent_dearer_is_the_same_event() {
    let mut w = World::new();
    let position = w.home(&claim(|b| b));
    let first = w.at_home(claim(|b| b), position);
    let paid = w.file(&first).unwrap().commitment_index.unwrap();
    // Dearer by a cent, and paid out of what is left of the balance.
    let mut dearer = claim(a_cent_dearer);
    assert_ne!(dearer.service.content.charge, first.1.service.content.charge);
    dearer.note = first.1.next_note().unwrap();
    let again = w.at_home(dearer, paid);
    assert_eq!(again.0.nf_claim, first.0.nf_claim);
    assert_ne!(again.0.nf_benefit, first.0.nf_benefit);
    stopped!(
        w.file(&again),
        Stopped::Ledger(Refusal::Spent(NullifierKind::Claim))
    );
    // Another nullifier for the event is not provable.
    let mut renamed = again;
    renamed.0.nf_claim += Fr::from(1u64);
    stopped!(w.file(&renamed), Stopped::Circuit(Refused::ClaimNullifier));
}

#[test]
fn d03_one_balance_pays_one_of_two_claims_at_once() {
    let mut w = World::new();
    let position = w.home(&claim(|b| b));
    // Both are proven from the same note before either is filed.
    let one = w.at_home(claim(|b| b), position);
    let two = w.at_home(claim(a_day_later), position);
    assert_ne!(one.0.nf_claim, two.0.nf_claim);
    let left = w.file(&one).unwrap().commitment_index.unwrap();
    stopped!(
        w.file(&two),
        Stopped::Ledger(Refusal::Spent(NullifierKind::Benefit))
    );
    // The richer balance of before is not provable at the place of the new one.
    let old = w.at_home(claim(a_day_later), left);
    stopped!(w.file(&old), Stopped::Circuit(Refused::NoteAnchor));
    // The second is paid out of what the first has left.
    let mut next = claim(a_day_later);
    next.note = one.1.next_note().unwrap();
    let next = w.at_home(next, left);
    w.file(&next).unwrap();
}

#[test]
fn a07_claim_service_coverage_and_balance_are_of_one_member_plan_and_day() {
    let mut w = World::new();
    let position = w.home(&claim(|b| b));
    let other = claim(|b| a_day_later(a_cent_dearer(b)));
    type Mix = fn(&mut Witness, &Witness);
    let mixes: [(Mix, Refused); 6] = [
        // The service record of another day and charge under this one's signature, and the other way round.
        (
            |w, o| w.service.content.charge = o.service.content.charge,
            Refused::ServiceSignature,
        ),
        (
            |w, o| w.service.content.service = o.service.content.service,
            Refused::ServiceSignature,
        ),
        (
            |w, o| w.service.signature = o.service.signature,
            Refused::ServiceSignature,
        ),
        (|w, _| w.service.content.units = 2, Refused::ServiceSignature),
        // Another year or member than the coverage was signed for.
        (
            |w, _| w.coverage.content.plan.year = 2027,
            Refused::CoverageSignature,
        ),
        // A balance of another plan year of the same member.
        (|w, _| w.note.plan += Fr::from(1u64), Refused::NotePlan),
    ];
    for (mix, expected) in mixes {
        let mut mixed = claim(|b| b);
        mix(&mut mixed, &other);
        let mixed = w.at_home(mixed, position);
        match w.file(&mixed) {
            Err(Stopped::Circuit(refused)) => assert_eq!(refused, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
    // The payer's own signature is not the provider's word.
    let mut swapped = w.at_home(claim(|b| b), position);
    swapped.1.service.key = swapped.1.coverage.key.clone();
    stopped!(w.file(&swapped), Stopped::Circuit(Refused::ServiceKey(_)));
}
