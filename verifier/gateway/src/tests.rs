//! The desk against a ledger that can be told to refuse, to be away, or to answer.

use crate::{
    Config, GatewayError, ManualClock, Party,
    desk::{Desk, Issued, Outcome, Presentation},
    journal::{Journal, Record},
    ledger::{Ledger, PostError},
    service::Service,
};
use ark_bn254::Bn254;
use ark_ff::Field;
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError},
    lc,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use ed25519_dalek::SigningKey;
use medproof_proto::{
    gateway::{ChallengeRequest, gateway_server::Gateway as _},
    ledger_client::Appended,
};
use medproof_verifier::{
    CircuitName, Context, Day, Entry, Fr, LogSigner, Name, Proof, Public, Receipt, Role, Statement, Tag,
    VerifyingKey,
    asked::{Asked, Mismatch},
    field::fr_to_be_bytes,
    inclusion::leaf_hash,
    opening::{DispenseOpening, Opening},
    statement::{BindPublic, DispensePublic, EligibilityPublic},
    tagged,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};
use tempfile::TempDir;
use tonic::Code;

/// The first input is the square of 7; the others are free.
struct Square(Vec<Fr>);

impl ConstraintSynthesizer<Fr> for Square {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let root = cs.new_witness_variable(|| Ok(Fr::from(7u64)))?;
        for (i, value) in self.0.iter().enumerate() {
            let input = cs.new_input_variable(|| Ok(*value))?;
            let (left, right) = match i {
                0 => (root, input),
                _ => (input, cs.new_witness_variable(|| Ok(value.square()))?),
            };
            cs.enforce_r1cs_constraint(|| lc!() + left, || lc!() + left, || lc!() + right)?;
        }
        Ok(())
    }
}

fn proving_key(circuit: CircuitName) -> &'static ProvingKey<Bn254> {
    static KEYS: OnceLock<BTreeMap<CircuitName, ProvingKey<Bn254>>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let circuits = [CircuitName::Bind, CircuitName::Dispense, CircuitName::Eligibility];
        let key = |circuit: CircuitName| {
            let blank = Square(vec![Fr::from(0u64); Statement::names(circuit).len()]);
            let mut rng = StdRng::seed_from_u64(circuit as u64);
            Groth16::<Bn254>::generate_random_parameters_with_reduction(blank, &mut rng).unwrap()
        };
        circuits.into_iter().map(|c| (c, key(c))).collect()
    });
    &keys[&circuit]
}

fn verifying_keys() -> Vec<VerifyingKey> {
    [CircuitName::Bind, CircuitName::Dispense, CircuitName::Eligibility]
        .into_iter()
        .map(|c| VerifyingKey::new(c, 1, true, proving_key(c).vk.clone()).unwrap())
        .collect()
}

fn prove(circuit: CircuitName, inputs: &[Fr]) -> Proof {
    let mut rng = StdRng::seed_from_u64(9);
    let key = proving_key(circuit);
    let proof = Groth16::<Bn254>::create_random_proof_with_reduction(Square(inputs.to_vec()), key, &mut rng);
    Proof::new(proof.unwrap()).unwrap()
}

/// What the fake ledger does with the next entry.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    Refuses(Code),
    /// Takes the entry, but the answer is lost.
    Loses,
}

#[derive(Clone)]
struct FakeLedger(Arc<Mutex<(Mood, Vec<Vec<u8>>)>>);

impl FakeLedger {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Mood::Answers, Vec::new()))))
    }

    fn mood(&self, mood: Mood) {
        self.0.lock().unwrap().0 = mood;
    }

    fn entries(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }
}

impl Ledger for FakeLedger {
    async fn append(&self, entry: &Entry) -> Result<Appended, PostError> {
        let bytes = entry.to_bytes();
        let mut inner = self.0.lock().unwrap();
        if let Mood::Refuses(code) = inner.0 {
            return Err(PostError::Refused {
                code,
                reason: "refused".into(),
            });
        }
        let known = inner.1.iter().position(|b| *b == bytes);
        let index = known.unwrap_or_else(|| {
            inner.1.push(bytes.clone());
            inner.1.len() - 1
        });
        if inner.0 == Mood::Loses {
            return Err(PostError::Unavailable("the connection broke".into()));
        }
        let signer = LogSigner::new("log", SigningKey::from_bytes(&[3; 32])).unwrap();
        let receipt = Receipt {
            index: index as u64,
            inclusion: vec![],
            checkpoint: signer.sign(1, &leaf_hash(&bytes)).unwrap(),
        };
        Ok(Appended {
            receipt,
            repeated: known.is_some(),
            commitment_index: Some(5),
            time: NOW,
        })
    }

    async fn last_sequence(&self, _: &Name) -> Result<u64, PostError> {
        Ok(7)
    }

    async fn identity_root(&self) -> Result<Fr, PostError> {
        Ok(Fr::from(49u64))
    }
}

/// 2026-03-02, 10:00 UTC.
const NOW: u64 = 1_772_445_600;

struct World {
    desk: Arc<Desk<FakeLedger, ManualClock>>,
    ledger: FakeLedger,
    clock: ManualClock,
    dir: TempDir,
    role: Role,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn config(dir: &TempDir, role: Role) -> Config {
    let mut config = Config::new(
        ([127, 0, 0, 1], 0).into(),
        Party {
            name: name("party-1"),
            role,
            domain: name("us-ma"),
        },
        "http://127.0.0.1:1".into(),
        [4; 32],
        SigningKey::from_bytes(&[6; 32]),
        zeroize::Zeroizing::new("a token of enough bytes".into()),
        dir.path().join("journal"),
        verifying_keys(),
    );
    config.development = true;
    config
}

impl World {
    fn new(role: Role) -> Self {
        let (dir, ledger) = (tempfile::tempdir().unwrap(), FakeLedger::new());
        let clock = ManualClock::new(NOW);
        let desk = Desk::open(config(&dir, role), ledger.clone(), clock.clone()).unwrap();
        Self {
            desk: Arc::new(desk),
            ledger,
            clock,
            dir,
            role,
        }
    }

    /// The process ends and begins again.
    fn restart(self) -> Self {
        let Self {
            desk,
            ledger,
            clock,
            dir,
            role,
        } = self;
        drop(desk);
        let desk = Desk::open(config(&dir, role), ledger.clone(), clock.clone()).unwrap();
        Self {
            desk: Arc::new(desk),
            ledger,
            clock,
            dir,
            role,
        }
    }
}

fn trial() -> Asked {
    Asked::Eligibility {
        policy_id: Fr::from(3u64),
        date: Day(0),
    }
}

fn context(issued: &Issued) -> Fr {
    Context {
        ledger_id: issued.ledger_id,
        circuit_id: issued.circuit_id,
        relying_party: issued.relying_party.clone(),
        challenge: issued.challenge,
        payload_hash: issued.payload_hash,
    }
    .to_fr()
}

fn screening(issued: &Issued, nullifier: u64) -> EligibilityPublic {
    let Some(date) = issued.asked.date() else {
        panic!("a trial has a date")
    };
    EligibilityPublic {
        identity_root: Fr::from(49u64),
        registry_root: Fr::from(2u64),
        policy_id: Fr::from(3u64),
        date: Fr::from(date.0),
        nf_trial: Fr::from(nullifier),
        ctx: context(issued),
    }
}

fn presentation(issued: &Issued, inputs: Vec<Fr>, opening: Opening) -> Presentation {
    Presentation {
        challenge: issued.challenge,
        proof: prove(issued.circuit, &inputs),
        inputs,
        opening,
    }
}

fn screened(issued: &Issued, nullifier: u64) -> Presentation {
    presentation(issued, screening(issued, nullifier).to_vec(), Opening::None)
}

#[tokio::test]
async fn a08_a_challenge_is_answered_once_and_survives_a_restart() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Open);
    let first = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(first.hand_over);
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));

    let again = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!again.hand_over);
    assert_eq!(again.posted, first.posted);
    let other = world.desk.present(screened(&issued, 6)).await;
    assert!(matches!(other, Err(GatewayError::Used)));

    let world = world.restart();
    let again = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!again.hand_over);
    assert_eq!(again.posted, first.posted);
    assert!(matches!(
        world.desk.present(screened(&issued, 6)).await,
        Err(GatewayError::Used)
    ));
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_found_before_anything_is_posted() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    let present = |change: fn(&mut EligibilityPublic)| {
        let mut public = screening(&issued, 5);
        change(&mut public);
        world
            .desk
            .present(presentation(&issued, public.to_vec(), Opening::None))
    };
    let mismatch = |result| match result {
        Err(GatewayError::Mismatch(mismatch)) => mismatch,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        mismatch(present(|p| p.policy_id = Fr::from(4u64)).await),
        Mismatch::Field("policy")
    );
    assert_eq!(
        mismatch(present(|p| p.date += Fr::from(1u64)).await),
        Mismatch::Field("date")
    );
    assert!(matches!(
        present(|p| p.ctx += Fr::from(1u64)).await,
        Err(GatewayError::Proof(_))
    ));
    let mut forged = screened(&issued, 5);
    forged.inputs[4] = Fr::from(6u64);
    assert!(matches!(
        world.desk.present(forged).await,
        Err(GatewayError::Proof(_))
    ));
    let mut short = screened(&issued, 5);
    short.inputs.pop();
    assert!(matches!(
        world.desk.present(short).await,
        Err(GatewayError::Presentation(_))
    ));
    let mut unknown = screened(&issued, 5);
    unknown.challenge = [0; 32];
    assert!(matches!(
        world.desk.present(unknown).await,
        Err(GatewayError::UnknownChallenge)
    ));
    assert_eq!(world.ledger.entries(), 0);
    // After all that the challenge can still be answered.
    assert!(world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
}

#[tokio::test]
async fn a_challenge_expires_and_its_day_ends() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    assert_eq!(issued.expires, NOW + 300);
    world.clock.set(NOW + 300);
    assert!(matches!(
        world.desk.present(screened(&issued, 5)).await,
        Err(GatewayError::Expired)
    ));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Expired);
    // 100 seconds before midnight; answered after it.
    world.clock.set(NOW + 14 * 3_600 - 100);
    let late = world.desk.challenge(trial(), None).unwrap();
    world.clock.set(NOW + 14 * 3_600);
    assert!(matches!(
        world.desk.present(screened(&late, 5)).await,
        Err(GatewayError::Date)
    ));
    let dated = Asked::Eligibility {
        policy_id: Fr::from(3u64),
        date: Day(46_000),
    };
    assert!(matches!(
        world.desk.challenge(dated, None),
        Err(GatewayError::Date)
    ));
}

#[tokio::test]
async fn a_refusal_reopens_the_challenge_and_a_lost_answer_does_not() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Refuses(Code::AlreadyExists));
    let refused = world.desk.present(screened(&issued, 5)).await;
    assert!(matches!(
        refused,
        Err(GatewayError::Post(PostError::Refused { .. }))
    ));
    world.ledger.mood(Mood::Loses);
    let lost = world.desk.present(screened(&issued, 6)).await;
    assert!(matches!(lost, Err(GatewayError::Post(PostError::Unavailable(_)))));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    // The ledger may have it: nothing else can be presented.
    assert!(matches!(
        world.desk.present(screened(&issued, 7)).await,
        Err(GatewayError::Used)
    ));
    world.ledger.mood(Mood::Answers);
    assert!(world.desk.present(screened(&issued, 6)).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_refused_signature_is_final_for_a_first_post_only() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Refuses(Code::Unauthenticated));
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Open);
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    // The ledger has it, and the party's key has changed since.
    world.ledger.mood(Mood::Refuses(Code::Unauthenticated));
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    let world = world.restart();
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    world.ledger.mood(Mood::Answers);
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a08_only_proof_and_opening_take_what_is_handed_over_once() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let (public, opening) = fill(&issued);
    world.ledger.mood(Mood::Loses);
    let lost = presentation(&issued, public.to_vec(), opening);
    assert!(world.desk.present(lost).await.is_err());
    world.ledger.mood(Mood::Answers);
    // A stranger knows the public inputs from the ledger, also the proof, but not the opening.
    let stranger = presentation(&issued, public.to_vec(), Opening::None);
    assert!(matches!(
        world.desk.present(stranger).await,
        Err(GatewayError::Mismatch(Mismatch::Kind))
    ));
    let (public, opening) = fill(&issued);
    let mut forged = presentation(&issued, public.to_vec(), opening);
    forged.proof = prove(issued.circuit, &vec![Fr::from(49u64); public.to_vec().len()]);
    assert!(matches!(
        world.desk.present(forged).await,
        Err(GatewayError::Proof(_))
    ));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    // The holder still gets it, also after midnight: the entry was signed on its day.
    world.clock.set(NOW + 86_400);
    let (public, opening) = fill(&issued);
    let holder = presentation(&issued, public.to_vec(), opening);
    assert!(world.desk.present(holder).await.unwrap().hand_over);
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn a_restored_entry_that_is_sent_again_hands_nothing_over() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    let world = world.restart();
    world.ledger.mood(Mood::Answers);
    let answer = world.desk.present(screened(&issued, 5)).await.unwrap();
    assert!(!answer.hand_over && answer.posted.is_some());
    assert_eq!(world.ledger.entries(), 1);
}

#[tokio::test]
async fn an_entry_of_a_crashed_run_is_settled_and_hands_nothing_over() {
    let world = World::new(Role::Sponsor);
    let issued = world.desk.challenge(trial(), None).unwrap();
    world.ledger.mood(Mood::Loses);
    assert!(world.desk.present(screened(&issued, 5)).await.is_err());
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posting);
    world.ledger.mood(Mood::Answers);
    world.desk.settle().await;
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert!(!world.desk.present(screened(&issued, 5)).await.unwrap().hand_over);
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Posted(0));
    assert_eq!(world.ledger.entries(), 1);
}

fn fill(issued: &Issued) -> (DispensePublic, Opening) {
    let opening = DispenseOpening {
        drug: 1 << 64 | 856_999,
        quantity: 120_000,
        days: 30,
        prescribed_quantity: 120_000,
        prescribed_days: 30,
        prescriber: name("dr-lee"),
        person: tagged(Tag::Person, [Fr::from(8u64), Fr::from(9u64)]),
        r: Fr::from(10u64),
    };
    let f = |n: u64| Fr::from(n);
    let date = issued.asked.date().unwrap();
    let public = DispensePublic {
        anchor: f(49),
        identity_root: f(2),
        registry_root: f(3),
        domain: name("us-ma").to_fr(),
        policy_id: f(3),
        date: Fr::from(date.0),
        nf_note: f(4),
        cm_note: f(5),
        cm_undo: f(6),
        nf_fill: f(7),
        cm_dispense: opening.commitment().unwrap(),
        ctx: context(issued),
    };
    let salt = Fr::from(9u64);
    (public, Opening::Dispense { opening, salt })
}

fn counter() -> Asked {
    Asked::Dispense {
        domain: name("us-ma"),
        policy_id: Fr::from(3u64),
        date: Day(0),
        drug: 1 << 64 | 856_999,
        quantity: 120_000,
        identity: Fr::from(8u64),
        prescriber: None,
    }
}

#[tokio::test]
async fn a02_a_fill_is_opened_handed_over_and_voided_once() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    assert!(matches!(
        world.desk.void(issued.challenge).await,
        Err(GatewayError::NotAsked(_))
    ));
    let (public, _) = fill(&issued);
    let closed = world
        .desk
        .present(presentation(&issued, public.to_vec(), Opening::None));
    assert!(matches!(
        closed.await,
        Err(GatewayError::Mismatch(Mismatch::Kind))
    ));
    let (public, opening) = fill(&issued);
    let answer = world
        .desk
        .present(presentation(&issued, public.to_vec(), opening));
    assert!(answer.await.unwrap().hand_over);
    let voided = world.desk.void(issued.challenge).await.unwrap();
    let Ok(Entry::Void(entry)) = Entry::from_bytes(&voided.entry) else {
        panic!("a VOID")
    };
    assert_eq!((entry.body.dispense, entry.body.sequence), (0, 8));
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Voided(0));
    let world = world.restart();
    assert_eq!(world.desk.outcome(&issued.challenge).unwrap(), Outcome::Voided(0));
    assert_eq!(world.desk.void(issued.challenge).await.unwrap(), voided);
    assert_eq!(world.ledger.entries(), 2);
}

#[tokio::test]
async fn staff_is_told_of_a_void_as_soon_as_it_may_be_on_the_ledger() {
    let world = World::new(Role::Pharmacy);
    let issued = world.desk.challenge(counter(), None).unwrap();
    let (public, opening) = fill(&issued);
    let answer = presentation(&issued, public.to_vec(), opening);
    world.desk.present(answer).await.unwrap();
    let outcome = |world: &World| world.desk.outcome(&issued.challenge).unwrap();
    // Refused for good: the fill stands.
    world.ledger.mood(Mood::Refuses(Code::FailedPrecondition));
    assert!(world.desk.void(issued.challenge).await.is_err());
    assert_eq!(outcome(&world), Outcome::Posted(0));
    // In flight: nothing is polled after the first poll of the call.
    let mut void = Box::pin(world.desk.void(issued.challenge));
    world.ledger.mood(Mood::Loses);
    assert!(is_pending(void.as_mut()));
    assert_eq!(outcome(&world), Outcome::Voided(0));
    assert!(void.await.is_err());
    // The answer was lost, and the same entry gets its receipt, whatever was said in between.
    for code in [Code::Unauthenticated, Code::AlreadyExists] {
        world.ledger.mood(Mood::Refuses(code));
        assert!(world.desk.void(issued.challenge).await.is_err());
        assert_eq!(outcome(&world), Outcome::Voided(0));
    }
    world.ledger.mood(Mood::Answers);
    world.desk.void(issued.challenge).await.unwrap();
    assert_eq!(world.ledger.entries(), 2);
    let world = world.restart();
    assert_eq!(outcome(&world), Outcome::Voided(0));
}

/// Polls once; true when there is no answer yet.
fn is_pending<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.poll(&mut context).is_pending()
}

#[tokio::test]
async fn a_bind_is_never_posted_and_needs_the_current_identity_root() {
    let world = World::new(Role::Prescriber);
    let asked = |domain: &str| Asked::Bind {
        issuer: name("party-1"),
        domain: name(domain),
        identity: Fr::from(8u64),
    };
    assert!(matches!(
        world.desk.challenge(asked("us-ny"), None),
        Err(GatewayError::NotAsked(_))
    ));
    let issued = world.desk.challenge(asked("us-ma"), None).unwrap();
    let answer = world.desk.present(bound(&issued, 77, 8)).await.unwrap();
    assert!(answer.hand_over && answer.posted.is_none());
    let world = world.restart();
    assert_eq!(
        world.desk.outcome(&issued.challenge).unwrap(),
        Outcome::Bound {
            subject: fr_to_be_bytes(&Fr::from(77u64)),
            person: Some(fr_to_be_bytes(&person(8))),
        }
    );
    assert_eq!(world.ledger.entries(), 0);
}

#[tokio::test]
async fn a04_a_pseudonym_has_one_person() {
    let world = World::new(Role::Prescriber);
    let ask = |world: &World, identity: u64| {
        let asked = Asked::Bind {
            issuer: name("party-1"),
            domain: name("us-ma"),
            identity: Fr::from(identity),
        };
        world.desk.challenge(asked, None).unwrap()
    };
    let first = ask(&world, 8);
    assert!(world.desk.present(bound(&first, 77, 8)).await.unwrap().hand_over);
    // Somebody else whom the authority enrolled under the same secret shows a valid proof and a card.
    let second = ask(&world, 9);
    let refused = world.desk.present(bound(&second, 77, 9)).await;
    assert!(matches!(refused, Err(GatewayError::Bound)));
    assert_eq!(world.desk.outcome(&second.challenge).unwrap(), Outcome::Open);
    // The same person may be bound again, and anybody under another pseudonym; also after a restart.
    let again = ask(&world, 8);
    assert!(world.desk.present(bound(&again, 77, 8)).await.unwrap().hand_over);
    let world = world.restart();
    let third = ask(&world, 9);
    let refused = world.desk.present(bound(&third, 77, 9)).await;
    assert!(matches!(refused, Err(GatewayError::Bound)));
    assert!(world.desk.present(bound(&third, 78, 9)).await.unwrap().hand_over);
}

#[tokio::test]
async fn a_pseudonym_bound_under_version_1_gets_its_person_with_the_next_bind() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(&dir.path().join("journal")).unwrap();
    let record = Record::Bound {
        challenge: [1; 32],
        time: NOW,
        key: [2; 32],
        subject: fr_to_be_bytes(&Fr::from(77u64)),
        person: None,
    };
    journal.append(&record).unwrap();
    drop(journal);
    let desk = Desk::open(
        config(&dir, Role::Prescriber),
        FakeLedger::new(),
        ManualClock::new(NOW),
    );
    let desk = Arc::new(desk.unwrap());
    for (identity, accepted) in [(8, true), (9, false)] {
        let asked = Asked::Bind {
            issuer: name("party-1"),
            domain: name("us-ma"),
            identity: Fr::from(identity),
        };
        let issued = desk.challenge(asked, None).unwrap();
        let answer = desk.present(bound(&issued, 77, identity)).await;
        assert_eq!(answer.is_ok(), accepted);
    }
}

/// The salted digest of whoever's card has this identity digest.
fn person(identity: u64) -> Fr {
    tagged(Tag::Person, [Fr::from(identity), Fr::from(9u64)])
}

/// A bind of pseudonym and person.
fn bound(issued: &Issued, subject: u64, identity: u64) -> Presentation {
    let public = BindPublic {
        identity_root: Fr::from(49u64),
        domain: name("us-ma").to_fr(),
        issuer_party: name("party-1").to_fr(),
        subject: Fr::from(subject),
        person: person(identity),
        ctx: context(issued),
    };
    let salt = Fr::from(9u64);
    presentation(issued, public.to_vec(), Opening::Person { salt })
}

#[tokio::test]
async fn each_role_asks_its_own_question_and_challenges_are_bounded() {
    let pharmacy = World::new(Role::Pharmacy);
    assert!(matches!(
        pharmacy.desk.challenge(trial(), None),
        Err(GatewayError::NotAsked(_))
    ));
    assert!(matches!(
        pharmacy.desk.challenge(counter(), Some(CircuitName::Claim)),
        Err(GatewayError::NotAsked(_))
    ));
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOW));
    let mut config = config(&dir, Role::Sponsor);
    config.open_challenges = 2;
    let desk = Desk::open(config, FakeLedger::new(), clock.clone()).unwrap();
    let large = desk.challenge(trial(), Some(CircuitName::EligibilityLarge));
    assert!(matches!(large, Err(GatewayError::Circuit(_))));
    assert!(desk.challenge(trial(), None).is_ok() && desk.challenge(trial(), None).is_ok());
    assert!(matches!(
        desk.challenge(trial(), None),
        Err(GatewayError::Full(_))
    ));
    // Long after their end the old ones make room.
    clock.set(NOW + 300 + 3_600);
    assert!(desk.challenge(trial(), None).is_ok());
}

#[tokio::test]
async fn staff_calls_need_the_token_and_peers_see_opaque_codes() {
    let world = World::new(Role::Sponsor);
    let service = Service::new(Arc::clone(&world.desk), "a token of enough bytes", 1);
    let request = |token: Option<&str>| {
        let mut request = tonic::Request::new(ChallengeRequest {
            asked: Some((&trial()).into()),
            circuit: String::new(),
        });
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    };
    for wrong in [None, Some(""), Some("a token of enough byte")] {
        let status = service.challenge(request(wrong)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert_eq!(status.metadata().get("medproof-code").unwrap(), "token");
    }
    assert!(
        service
            .challenge(request(Some("a token of enough bytes")))
            .await
            .is_ok()
    );
    let status = tonic::Status::from(GatewayError::Full("requests"));
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.metadata().contains_key("retry-after-ms"));
    let status = tonic::Status::from(GatewayError::Post(PostError::Unavailable("10.1.2.3".into())));
    assert!(!status.message().contains("10.1.2.3"));
}

#[test]
fn a_configuration_is_checked_field_by_field() {
    let dir = tempfile::tempdir().unwrap();
    let field = |change: fn(&mut Config)| {
        let mut config = config(&dir, Role::Pharmacy);
        change(&mut config);
        config.check().err().map(|e| e.field)
    };
    assert_eq!(field(|_| ()), None);
    assert_eq!(field(|c| c.staff_token.truncate(15)), Some("staff_token"));
    assert_eq!(field(|c| c.challenge_seconds = 3_600), None);
    assert_eq!(field(|c| c.challenge_seconds = 3_601), Some("challenge_seconds"));
    assert_eq!(field(|c| c.open_challenges = 0), Some("open_challenges"));
    assert_eq!(field(|c| c.concurrent_requests = 0), Some("concurrent_requests"));
    assert_eq!(field(|c| c.utc_offset_minutes = 841), Some("utc_offset_minutes"));
    assert_eq!(field(|c| c.circuits.clear()), Some("circuits"));
    assert_eq!(field(|c| c.development = false), Some("circuits"));
}
