//! Papers and wallets survive their byte form, and nothing else is taken for one.

use super::{
    address,
    paper::{Content, Enrolment, OpenedBenefit, Paper},
    state::{PaperError, State},
};
use crate::journey::{
    attested::Attested,
    desk::Challenge,
    party::Party,
    trial::SignedSnapshot,
    wallet::{Account, Benefit, Candidate, Membership},
};
use medproof_records::{
    claim::{Balances, BenefitNote, Coverage, PlanWord, PriorAuthorisation, RenderedService},
    code::Code,
    dispensing::{Note, Prescription, Ring, RingEntry},
    identity::Secret,
    record::{Cents, Kind, Record},
    snapshot::Snapshot,
};
use medproof_verifier::{CircuitId, CircuitName, Day, Fr, Name, asked::Asked, opening::Event};
use rand::{SeedableRng, rngs::StdRng};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn fr(n: u64) -> Fr {
    Fr::from(n)
}

fn note() -> Note {
    let entry = RingEntry {
        start: Day(46_000),
        days: 30,
        class: 1,
        ingredient: 7804,
        milli_mme: 30_000,
        quantity: 60_000,
    };
    Note {
        owner: fr(1),
        ring: Ring::from_entries(&[entry]).unwrap(),
        seq: 3,
        rho: fr(2),
        rcm: fr(3),
    }
}

fn plan() -> PlanWord {
    PlanWord {
        plan: "PPO-1".parse().unwrap(),
        year: 2026,
        member: "M-100200".parse().unwrap(),
    }
}

fn benefit() -> BenefitNote {
    BenefitNote {
        owner: fr(1),
        plan: plan().digest(&name("acme")),
        balances: Balances {
            deductible: 1,
            out_of_pocket: 2,
            annual: 3,
        },
        rho: fr(4),
        rcm: fr(5),
    }
}

fn membership() -> Membership {
    Membership {
        domain: name("us-ma"),
        index: 7,
        person: fr(6),
        salt: fr(7),
        ts: Secret::new(fr(8)),
    }
}

/// The issuer of every signed paper here, and the pseudonym that it signs for.
struct World {
    party: Party,
    state: State,
}

impl World {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let party = Party::generate(name("clinic"), &mut rng);
        let mut state = State::generate(&mut rng);
        state.parties.insert(party.name().clone());
        Self { party, state }
    }

    fn subject(&self) -> Fr {
        self.state.wallet.subject(self.party.name())
    }

    fn prescription(&self, subject: Fr) -> Content {
        let content = Prescription {
            subject,
            person: fr(6),
            drug: Code::parse("rxnorm|856999").unwrap(),
            quantity: 30_000,
            days: 10,
            fills: 2,
            issued: Day(46_000),
            earliest: Day(46_000),
            expires: Day(46_090),
            rx_secret: fr(12),
            exemption: Code::NONE,
        };
        Content::Prescription(Attested::sign(&self.party, content, Prescription::message))
    }

    fn snapshot(&self, seq: u32) -> Content {
        let key = self.party.signing();
        let record = Record {
            code: Code::parse("icd10cm|E11.9").unwrap(),
            ..Record::empty(Kind::Condition)
        };
        let mut rng = StdRng::seed_from_u64(2);
        let day = Day(46_000);
        let content = Snapshot::clinical_summary(&[record], self.subject(), day, seq, key, &mut rng).unwrap();
        Content::Snapshot(SignedSnapshot {
            content,
            issuer: self.party.name().clone(),
            key: key.public_key(),
        })
    }

    fn claim_papers(&self) -> [Content; 3] {
        let subject = self.subject();
        let procedure = Code::parse("cpt|83036").unwrap();
        let coverage = Coverage {
            subject,
            payer: self.party.name().clone(),
            plan: plan(),
            member_secret: fr(13),
            start: Day(46_000),
            end: Day(46_365),
        };
        let authorisation = PriorAuthorisation {
            subject,
            procedure,
            units: 1,
            start: Day(46_000),
            end: Day::OPEN,
            payer: self.party.name().clone(),
            source: fr(14),
            salt: fr(15),
        };
        let service = RenderedService {
            subject,
            procedure,
            diagnosis: Code::parse("icd10cm|E11.9").unwrap(),
            units: 1,
            charge: Cents::new(1_500).unwrap(),
            service: Day(46_010),
            npi: Some("1234567893".parse().unwrap()),
            facility: Some(name("lab-east")),
            source: fr(16),
            salt: fr(17),
        };
        [
            Content::Coverage(Attested::sign(&self.party, coverage, Coverage::hash)),
            Content::Authorisation(Attested::sign(
                &self.party,
                authorisation,
                PriorAuthorisation::hash,
            )),
            Content::Service(Attested::sign(&self.party, service, RenderedService::hash)),
        ]
    }

    fn challenge(&self, asked: Asked) -> Content {
        Content::Challenge(Challenge {
            challenge: [1; 32],
            ledger_id: [2; 32],
            circuit: CircuitName::Dispense,
            circuit_id: CircuitId([3; 32]),
            relying_party: self.party.name().clone(),
            asked,
            payload_salt: [4; 32],
            expires: 5,
        })
    }

    fn questions(&self) -> [Content; 4] {
        let policy_id = fr(20);
        let asked = [
            Asked::Bind {
                issuer: name("clinic"),
                domain: name("us-ma"),
                identity: fr(21),
            },
            Asked::Dispense {
                domain: name("us-ma"),
                policy_id,
                date: Day(46_000),
                drug: Code::parse("rxnorm|856999").unwrap().packed(),
                quantity: 30_000,
                identity: fr(21),
                prescriber: Some(name("dr-lee")),
            },
            Asked::Eligibility {
                policy_id,
                date: Day(46_000),
            },
            Asked::Claim {
                domain: name("acme"),
                policy_id,
                received: Day(46_020),
                plan: fr(22),
                event: Event {
                    npi: 1_234_567_893,
                    service: Day(46_010),
                    procedure: Code::parse("cpt|83036").unwrap().packed(),
                },
                pay: Some(960),
            },
        ];
        asked.map(|asked| self.challenge(asked))
    }

    fn papers(&self) -> Vec<Paper> {
        let enrolment = Enrolment {
            ledger_id: [9; 32],
            membership: membership(),
            account: Some(note()),
            from: 11,
        };
        let opened = OpenedBenefit {
            ledger_id: [9; 32],
            domain: name("acme"),
            plan: plan(),
            note: benefit(),
            from: 12,
        };
        let mut contents = vec![
            Content::Enrolment(Box::new(enrolment)),
            Content::Benefit(opened),
            self.snapshot(1),
            self.prescription(self.subject()),
        ];
        contents.extend(self.claim_papers());
        contents.extend(self.questions());
        let from = self.party.name().clone();
        let paper = |content| Paper {
            from: from.clone(),
            content,
        };
        contents.into_iter().map(paper).collect()
    }
}

fn field(result: Result<Paper, super::codec::FormatError>) -> &'static str {
    result.err().map_or("(taken)", |e| e.field)
}

#[test]
fn papers_survive_and_cuts_additions_and_changes_are_refused() {
    for paper in World::new().papers() {
        let kind = paper.content.kind();
        let bytes = paper.to_bytes();
        let again = Paper::from_bytes(&bytes).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(again.to_bytes().as_slice(), bytes.as_slice(), "{kind}");
        // Every cut near a field, and a thinner sample of the rest.
        for cut in (0..bytes.len()).filter(|n| *n < 300 || n % 37 == 0) {
            assert!(Paper::from_bytes(&bytes[..cut]).is_err(), "{kind} cut at {cut}");
        }
        let mut changed = bytes.to_vec();
        changed.push(0);
        assert_eq!(field(Paper::from_bytes(&changed)), "end", "{kind}");
        changed.truncate(bytes.len());
        changed[7] = 2;
        assert_eq!(field(Paper::from_bytes(&changed)), "version");
        changed[7] = 1;
        changed[8 + 1 + "clinic".len()] = 9;
        assert_eq!(field(Paper::from_bytes(&changed)), "kind");
        // A signed paper has no byte that can be changed and still be taken.
        if paper.content.subject().is_some() {
            let last = bytes.len() - 1;
            let mut changed = bytes.to_vec();
            changed[last] ^= 1;
            assert!(Paper::from_bytes(&changed).is_err(), "{kind}");
        }
    }
}

#[test]
fn a_paper_is_read_by_the_holder_to_whom_it_was_given_alone() {
    let world = World::new();
    let own = world.subject();
    let seal = |content, recipient: age::x25519::Recipient| {
        let paper = Paper {
            from: name("clinic"),
            content,
        };
        age::encrypt(&recipient, &paper.to_bytes()).unwrap()
    };
    let (sk, clinic) = (world.state.wallet.sk(), name("clinic"));
    let good = seal(world.prescription(own), address::recipient(sk, &clinic));
    assert!(world.state.open(&good).is_ok());

    let stranger = State::generate(&mut StdRng::seed_from_u64(9));
    assert_eq!(stranger.open(&good).err(), Some(PaperError::NotMine));
    let mut cut = good.clone();
    *cut.last_mut().unwrap() ^= 1;
    assert_eq!(world.state.open(&cut).err(), Some(PaperError::NotMine));

    let other = seal(world.prescription(own + fr(1)), address::recipient(sk, &clinic));
    assert_eq!(
        world.state.open(&other).err(),
        Some(PaperError::Subject("prescription"))
    );

    // The clinic got hold of the address that was told to the laboratory.
    let mut state = State::from_bytes(&world.state.to_bytes()).unwrap();
    state.parties.insert(name("lab-1"));
    let borrowed = seal(world.prescription(own), address::recipient(sk, &name("lab-1")));
    assert!(matches!(
        state.open(&borrowed),
        Err(PaperError::Sender { from, told }) if from == clinic && told == name("lab-1")
    ));
}

#[test]
fn a_wallet_survives_and_cuts_and_additions_are_refused() {
    let mut world = World::new();
    for content in world.claim_papers() {
        world.state.keep(content);
    }
    for content in [
        world.snapshot(1),
        world.snapshot(3),
        world.snapshot(2),
        world.prescription(world.subject()),
        world.prescription(world.subject()),
    ] {
        world.state.keep(content);
    }
    let state = &mut world.state;
    assert_eq!((state.snapshots.len(), state.prescriptions.len()), (1, 1));
    assert_eq!(state.snapshots[0].content.header.seq, 3);
    state.prescriptions[0].filled.insert(1);
    state.ledger_id = Some([7; 32]);
    state.wallet.join(membership());
    let candidate = |note| Candidate {
        note,
        date: Day(46_000),
        from: 5,
        event: fr(30),
    };
    let mut account = Account::new(name("us-ma"), note(), 4);
    account.dispensed(note(), note(), 9);
    account.present(candidate(note())).unwrap();
    state.wallet.keep_account(account);
    let mut balance = Benefit::new(name("acme"), benefit(), 6);
    balance
        .present(Candidate {
            note: benefit(),
            date: Day(46_000),
            from: 5,
            event: fr(31),
        })
        .unwrap();
    state.wallet.keep_benefit(balance);

    let bytes = state.to_bytes();
    let again = State::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes().as_slice(), bytes.as_slice());
    assert!(again.prescriptions[0].filled.contains(&1));
    for cut in (0..bytes.len()).filter(|n| n % 13 == 0) {
        assert!(State::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(State::from_bytes(&longer).err().map(|e| e.field), Some("end"));
}
