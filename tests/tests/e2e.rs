//! Ledger, prover and gateways over real gRPC on loopback: what must be accepted, and what attackers try.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected"
)]

#[path = "e2e/cosigned.rs"]
mod cosigned;

use medproof_cli::{
    demo::deployment::{Deployment, Desk},
    journey::{
        JourneyError,
        attested::Attested,
        bind,
        desk::Challenge,
        enrolment::{self, Card},
        fill::{self, ProvenFill},
        governance::{PolicyDates, dispensing_terms},
        party::Party,
        wallet::Wallet,
    },
};
use medproof_prover::{
    KeyStore, Mode, Prover,
    backend::{EngineBackend, Preparation},
};
use medproof_records::{
    code::Code,
    dispensing::{Prescription, Ring},
    identity::Secret,
    policy::dispensing::{self, DispensingPolicy},
};
use medproof_verifier::{
    CircuitName, Day, Entry, Name, Role,
    asked::Asked,
    entry::{Signed, Void},
};
use rand::rngs::OsRng;
use std::sync::Arc;

const HYDROCODONE: &str = "rxnorm|856999";
const OXYCODONE: &str = "rxnorm|1049683";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn today() -> Day {
    Day::parse("2026-03-02").unwrap()
}

/// 10:00 UTC of today.
fn morning() -> u64 {
    today().to_unix_seconds() + 36_000
}

fn policy() -> (DispensingPolicy, String) {
    let folder = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("data/acceptance/policies");
    let text = std::fs::read_to_string(folder.join("rx-mme-90.toml")).unwrap();
    let policy = dispensing::compile(&text, &mut |file| std::fs::read(folder.join(file))).unwrap();
    (policy, text)
}

/// A running system with a prescriber, two pharmacies and one patient.
struct World {
    d: Deployment,
    policy: DispensingPolicy,
    prescriber: Party,
    prescriber_desk: Desk,
    parties: [Party; 2],
    pharmacies: [Desk; 2],
    patient: Wallet,
    card: Card,
}

impl World {
    async fn start() -> Self {
        let store = KeyStore::at_default(Mode::Development).unwrap();
        let circuits = [CircuitName::Bind, CircuitName::Dispense];
        // As `serve prover` has it: converted keys, which are kept beside the key files, and tables.
        let prover = Prover::with_backend(Box::new(EngineBackend::new(Preparation::MANY)));
        let prover = tokio::task::spawn_blocking(move || prover.opening(&store, &circuits, &mut |_| ()));
        let prover = Arc::new(prover.await.unwrap().unwrap());
        let mut d = Deployment::start(morning(), prover).await.unwrap();
        let domain = name("us-ma");
        let authority = Party::generate(name("authority"), &mut OsRng);
        let prescriber = Party::generate(name("dr-lee"), &mut OsRng);
        let parties = ["pharmacy-a", "pharmacy-b"].map(|n| Party::generate(name(n), &mut OsRng));
        let roles = [
            (&authority, Role::EnrolmentAuthority),
            (&prescriber, Role::Prescriber),
            (&parties[0], Role::Pharmacy),
            (&parties[1], Role::Pharmacy),
        ];
        for (party, role) in roles {
            d.register(party, role, domain.to_fr(), today()).await.unwrap();
        }
        let (policy, text) = policy();
        let dates = PolicyDates {
            from: today(),
            to: Day::OPEN,
            text: &text,
        };
        let terms = dispensing_terms(&policy, dates).unwrap();
        d.governance.accept_policy(&mut d.ledger, terms).await.unwrap();
        let card = Card {
            name: "Alex Doe".into(),
            birth_date: "1970-05-17".into(),
            document: "S1".into(),
        };
        let mut patient = Wallet::generate(&mut OsRng);
        let mut enrolment = enrolment::Desk::new(&authority, domain.clone(), 0);
        let pk = patient.sk().pk();
        let mut rng = OsRng;
        let opened = enrolment.open_account(&mut d.ledger, &card, pk, Ring::empty(), &mut rng);
        let (membership, account, _) = opened.await.unwrap();
        // A4: no second account for the person, and no second person on the key.
        let other_pk = Wallet::generate(&mut OsRng).sk().pk();
        let stranger = Card {
            document: "S3".into(),
            ..card.clone()
        };
        for (card, pk) in [(&card, other_pk), (&stranger, pk)] {
            let opened = enrolment.open_account(&mut d.ledger, card, pk, Ring::empty(), &mut rng);
            assert!(matches!(opened.await, Err(JourneyError::Enrolled(_))));
        }
        patient.join(membership);
        patient.keep_account(account);
        Self {
            prescriber_desk: d.open_desk(&prescriber, Role::Prescriber, &domain).await.unwrap(),
            pharmacies: [
                d.open_desk(&parties[0], Role::Pharmacy, &domain).await.unwrap(),
                d.open_desk(&parties[1], Role::Pharmacy, &domain).await.unwrap(),
            ],
            d,
            policy,
            prescriber,
            parties,
            patient,
            card,
        }
    }

    /// A prescription of 20 units for 5 days with two fills.
    fn prescribe(&self) -> Attested<Prescription> {
        let membership = self.patient.membership(self.policy.domain()).unwrap();
        let content = Prescription {
            subject: self.patient.subject(self.prescriber.name()),
            person: membership.person,
            drug: Code::parse(HYDROCODONE).unwrap(),
            quantity: 20_000,
            days: 5,
            fills: 2,
            issued: today(),
            earliest: today(),
            expires: Day(today().0 + 30),
            rx_secret: Secret::generate(&mut OsRng).expose(),
            exemption: Code::NONE,
        };
        Attested::sign(&self.prescriber, content, Prescription::message)
    }

    fn question(&self, drug: &str, card: &Card) -> Asked {
        Asked::Dispense {
            domain: self.policy.domain().clone(),
            policy_id: self.policy.policy_id(),
            date: Day(0),
            drug: Code::parse(drug).unwrap().packed(),
            quantity: 20_000,
            identity: card.digest(),
            prescriber: None,
        }
    }

    async fn ask(&mut self, at: usize, asked: &Asked) -> Challenge {
        self.pharmacies[at].staff.ask(asked).await.unwrap()
    }

    async fn prove(&mut self, rx: &Attested<Prescription>, fill_no: u8, challenge: &Challenge) -> ProvenFill {
        let ledger = &mut self.d.ledger;
        let prepared = fill::prepare(&self.patient, &self.policy, rx, fill_no, challenge, ledger).await;
        let proven = prepared
            .unwrap()
            .prove(challenge, &self.d.ledger, &mut self.d.prover);
        proven.await.unwrap()
    }

    /// Presents at a pharmacy and tells the gateway's code, or `accepted`.
    async fn outcome(&mut self, at: usize, challenge: &Challenge, proven: &mut ProvenFill) -> String {
        let counter = &mut self.pharmacies[at].counter;
        code(proven.present(&self.patient, challenge, counter).await)
    }
}

fn code<T>(result: Result<T, JourneyError>) -> String {
    match result {
        Ok(_) => "accepted".into(),
        Err(error) => match error.gateway_code() {
            Some(code) => code.to_owned(),
            None => panic!("{error}"),
        },
    }
}

/// What a pharmacy refuses by itself: nothing of it reaches the ledger.
async fn refused_at_the_counter(w: &mut World) {
    let rx = w.prescribe();
    let card = w.card.clone();
    let asked = w.question(HYDROCODONE, &card);

    // A proof for one pharmacy's challenge is presented at the other, and for another challenge (A8).
    let challenge = w.ask(0, &asked).await;
    let mut proven = w.prove(&rx, 0, &challenge).await;
    assert_eq!(w.outcome(1, &challenge, &mut proven).await, "challenge-unknown");
    let other = w.ask(0, &asked).await;
    assert_eq!(w.outcome(0, &other, &mut proven).await, "proof");

    // Another person stands at the counter; another drug was asked for.
    let stranger = Card {
        name: "Chris Roe".into(),
        ..card.clone()
    };
    for asked in [w.question(HYDROCODONE, &stranger), w.question(OXYCODONE, &card)] {
        let challenge = w.ask(0, &asked).await;
        let mut proven = w.prove(&rx, 0, &challenge).await;
        assert_eq!(w.outcome(0, &challenge, &mut proven).await, "mismatch");
    }

    // A challenge that is answered too late.
    let challenge = w.ask(0, &asked).await;
    let mut proven = w.prove(&rx, 0, &challenge).await;
    w.d.clock.set(morning() + 300);
    assert_eq!(w.outcome(0, &challenge, &mut proven).await, "challenge-expired");
    w.d.clock.set(morning());

    // A pharmacy asks no other party's question.
    let bind = Asked::Bind {
        issuer: name("pharmacy-a"),
        domain: name("us-ma"),
        identity: card.digest(),
    };
    assert_eq!(code(w.pharmacies[0].staff.ask(&bind).await), "not-asked");
}

/// One bind for the person at the desk, none for another.
async fn bind_at_the_prescriber(w: &mut World) {
    let stranger = Card {
        document: "S2".into(),
        ..w.card.clone()
    };
    for (card, expected) in [(&stranger, "mismatch"), (&w.card, "accepted")] {
        let asked = Asked::Bind {
            issuer: name("dr-lee"),
            domain: name("us-ma"),
            identity: card.digest(),
        };
        let challenge = w.prescriber_desk.staff.ask(&asked).await.unwrap();
        let (ledger, prover) = (&mut w.d.ledger, &mut w.d.prover);
        let counter = &mut w.prescriber_desk.counter;
        let answer = bind::answer(&w.patient, &challenge, ledger, prover, counter).await;
        assert_eq!(code(answer), expected);
    }
}

/// One fill, its repetition, and the VOIDs that must not work (A2).
async fn fill_and_void(w: &mut World) {
    let rx = w.prescribe();
    let card = w.card.clone();
    let asked = w.question(HYDROCODONE, &card);
    let challenge = w.ask(0, &asked).await;
    let mut proven = w.prove(&rx, 0, &challenge).await;
    let counter = &mut w.pharmacies[0].counter;
    let first = proven.present(&w.patient, &challenge, counter).await.unwrap();
    let again = proven.present(&w.patient, &challenge, counter).await.unwrap();
    assert!(first.hand_over && !again.hand_over);
    assert_eq!(first.posted, again.posted);

    // The same fill from the same note for another challenge: spent.
    let second = w.ask(1, &asked).await;
    let mut replayed = w.prove(&rx, 0, &second).await;
    assert_eq!(w.outcome(1, &second, &mut replayed).await, "ledger-refused");
    let index = first.posted.as_ref().unwrap().receipt.index;
    proven.settle(&mut w.patient, &first).unwrap();

    // The other pharmacy voids a dispense that is not its own: its gateway knows nothing of it, and the
    // ledger refuses its entry.
    let foreign = w.pharmacies[1].staff.void(&challenge.challenge).await;
    assert_eq!(code(foreign), "challenge-unknown");
    let body = Void {
        sequence: 1_000,
        party: name("pharmacy-b"),
        dispense: index,
    };
    let ledger_id = w.d.ledger.ledger_id();
    let entry = Entry::Void(Signed::new(body, &ledger_id, w.parties[1].posting()));
    let refused = w.d.ledger.append(&entry).await.unwrap_err().to_string();
    assert!(refused.contains("another pharmacy"), "{refused}");

    // Its own pharmacy voids it, once; asked again it gives the same receipt.
    let voided = w.pharmacies[0].staff.void(&challenge.challenge).await.unwrap();
    let twice = w.pharmacies[0].staff.void(&challenge.challenge).await.unwrap();
    assert_eq!(twice, voided);

    // The patient goes on from the voided dispense's note all the same; then the undo note, which has the
    // same nullifier, is dead.
    let next = w.ask(1, &asked).await;
    let mut from_note = w.prove(&rx, 1, &next).await;
    assert_eq!(w.outcome(1, &next, &mut from_note).await, "accepted");
    let account = w.patient.account_mut(&name("us-ma")).unwrap();
    account.voided(voided.commitment_index.unwrap()).unwrap();
    let last = w.ask(0, &asked).await;
    let mut from_undo = w.prove(&rx, 0, &last).await;
    assert_eq!(w.outcome(0, &last, &mut from_undo).await, "ledger-refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a02_a04_a08_a_pharmacy_hands_over_what_was_proven_to_it_and_nothing_else() {
    let mut world = World::start().await;
    refused_at_the_counter(&mut world).await;
    bind_at_the_prescriber(&mut world).await;
    fill_and_void(&mut world).await;
    let config = world.d.audit_config().unwrap();
    let report = medproof_ledger::audit(config, |_, _| ()).await.unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.proofs, 2);
    world.d.end().await;
}
