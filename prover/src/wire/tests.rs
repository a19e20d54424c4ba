//! Parts of witnesses survive the wire, and each bad field is named.

use super::{
    Message, ProveRequest, WireError, WireWitness, bind, claim, dispense, eligibility, job, parts::*, request,
};
use medproof_circuits::{
    statement::Circuit,
    statements::{
        bind::Bind,
        claim::Claim,
        dispense::Dispense,
        eligibility::{Eligibility, Large, Standard},
    },
};
use medproof_records::identity::{Identity, Secret};
use medproof_verifier::{CircuitName, Fr, Path, eddsa::Signature};

fn identity_example() -> Identity {
    let siblings = std::array::from_fn(|level| std::array::from_fn(|i| Fr::from((level * 3 + i) as u64)));
    Identity {
        sk: Secret::new(Fr::from(1u64)),
        person: Fr::from(2u64),
        ts: Secret::new(Fr::from(3u64)),
        domain: Fr::from(4u64),
        path: Path::new(4_000_000_000, siblings).unwrap(),
    }
}

#[test]
fn identities_survive_the_wire() {
    let original = identity_example();
    let read = identity(&identity_message(&original)).unwrap();
    assert_eq!(read.sk.expose(), original.sk.expose());
    assert_eq!(read.ts.expose(), original.ts.expose());
    assert_eq!((read.person, read.domain), (original.person, original.domain));
    assert_eq!(read.path, original.path);
}

#[test]
fn signatures_survive_the_wire() {
    let original = Signature {
        r8x: Fr::from(1u64),
        r8y: Fr::from(2u64),
        s: Fr::from(3u64),
    };
    assert_eq!(signature(&signature_message(&original)).unwrap(), original);
}

#[test]
fn each_bad_field_is_named_without_its_value() {
    type Change = fn(&mut medproof_proto::prover::witness::Identity);
    let changes: [(Change, &str); 8] = [
        (|m| m.sk = vec![0xff; 32], "field `sk` is not a canonical"),
        (|m| m.sk = vec![7; 31], "field `sk` has 31 bytes"),
        (|m| m.person.clear(), "field `person` has 0 bytes"),
        (|m| m.ts.push(0), "field `ts` has 33 bytes"),
        (|m| m.path = None, "field `path` is missing"),
        (
            |m| m.path.as_mut().unwrap().siblings.truncate(47),
            "field `path.siblings` has 47 elements, not 48",
        ),
        (
            |m| m.path.as_mut().unwrap().siblings[5] = vec![0xff; 32],
            "field `path.siblings` is not a canonical",
        ),
        (
            |m| m.path.as_mut().unwrap().index = 1 << 32,
            "field `path.index` is refused",
        ),
    ];
    for (change, expected) in changes {
        let mut message = identity_message(&identity_example());
        change(&mut message);
        let error = identity(&message).err().unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn narrow_numbers_are_checked() {
    assert_eq!(narrow::<u16>("n", 65535), Ok(65535));
    let error = narrow::<u16>("n", 65536).unwrap_err();
    assert_eq!(error.to_string(), "field `n` is above 65535");
    assert!(narrow::<u8>("n", 256).is_err());
    assert!(cents("c", 1 << 40).is_err() && cents("c", (1 << 40) - 1).is_ok());
}

#[test]
fn packed_codes_survive_the_wire() {
    use medproof_records::code::Code;
    for text in ["icd10cm|E11.9", "rxnorm|7804", "loinc|4548-4", "cpt|99213"] {
        let original = Code::parse(text).unwrap();
        assert_eq!(code("c", &code_bytes(original)), Ok(original));
    }
    assert_eq!(code("c", &[0; 9]), Ok(Code::NONE));
    assert!(code("c", &[0xff; 9]).is_err());
    assert!(code("c", &[0; 8]).is_err());
}

#[test]
fn bind_survives_the_wire() {
    let witness = medproof_circuits::statements::bind::Witness {
        identity: identity_example(),
    };
    let Message::Bind(message) = Bind::encode(&witness) else {
        panic!("another message");
    };
    let read = bind::decode(&message).unwrap();
    assert!(Bind::encode(&read) == Message::Bind(message));
    let (public, _) = Bind::blank();
    let job = job(&request::<Bind>(&public, &witness, 0)).unwrap();
    assert_eq!(job.circuit(), CircuitName::Bind);
}

#[test]
fn requests_are_checked_as_a_whole() {
    let (public, witness) = Claim::blank();
    let good = || request::<Claim>(&public, &witness, 0);
    assert!(job(&good()).is_ok());
    let refused = |change: &dyn Fn(&mut ProveRequest)| {
        let mut request = good();
        change(&mut request);
        job(&request).err().unwrap().to_string()
    };
    assert_eq!(refused(&|r| r.witness = None), "field `witness` is missing");
    assert_eq!(
        refused(&|r| r.public_inputs.truncate(10)),
        "field `public_inputs` has 10 elements where the statement has 11"
    );
    assert_eq!(
        refused(&|r| r.public_inputs = vec![vec![0; 32]; 33]),
        "field `public_inputs` has 33 elements, at most 32"
    );
    // The inputs of another statement.
    let (other, _) = Bind::blank();
    let inputs = request::<Bind>(&other, &Bind::blank().1, 0).public_inputs.clone();
    assert!(refused(&|r| r.public_inputs.clone_from(&inputs)).contains("has 6 elements"));
}

type Claimed = medproof_proto::prover::witness::Claim;

fn claim_message() -> Claimed {
    let Message::Claim(message) = Claim::encode(&Claim::blank().1) else {
        panic!("another message");
    };
    message
}

#[test]
fn claim_survives_the_wire() {
    let mut message = claim_message();
    // Values that differ from each other, where the blank witness has zeros.
    let mut n = 100u64;
    let mut next = || {
        n += 1;
        medproof_proto::field::fr_bytes(&Fr::from(n))
    };
    message.r = next();
    let note = message.note.as_mut().unwrap();
    (note.owner, note.plan, note.rho, note.rcm) = (next(), next(), next(), next());
    (note.deductible, note.out_of_pocket, note.annual) = (u64::MAX, 2, 3);
    let coverage = message.coverage.as_mut().unwrap();
    (coverage.subject, coverage.member_secret) = (next(), next());
    (coverage.year, coverage.start, coverage.end) = (2026, 65535, 7);
    (coverage.plan, coverage.member, coverage.payer) = ("a".into(), "b".into(), "c".into());
    let service = message.service.as_mut().unwrap();
    (service.subject, service.source, service.salt) = (next(), next(), next());
    (service.units, service.charge_cents, service.day) = (9, 10, 11);
    (service.npi, service.facility) = (1_234_567_893, "f".into());
    service.procedure = code_bytes(medproof_records::code::Code::parse("cpt|99213").unwrap());
    let row = message.row.as_mut().unwrap();
    (row.fee_cents, row.max_units, row.prior_authorisation) = (12, 13, true);
    let rules = message.rules.as_mut().unwrap();
    (
        rules.max_days,
        rules.coinsurance_bp,
        rules.table_root,
        rules.version,
    ) = (14, 15, next(), next());
    let read = claim::decode(&message).unwrap();
    assert!(Claim::encode(&read) == Message::Claim(message));
}

#[test]
fn bad_claim_fields_are_named() {
    type Change = fn(&mut Claimed);
    let changes: [(Change, &str); 12] = [
        (|m| m.note = None, "note"),
        (|m| m.note.as_mut().unwrap().rho = vec![0xff; 32], "note.rho"),
        (
            |m| m.note_path.as_mut().unwrap().siblings.clear(),
            "note_path.siblings",
        ),
        (|m| m.coverage.as_mut().unwrap().year = 65536, "coverage.year"),
        (
            |m| m.coverage.as_mut().unwrap().member = "a b".into(),
            "coverage.member",
        ),
        (|m| m.service.as_mut().unwrap().npi = 1_234_567_890, "service.npi"),
        (
            |m| m.service.as_mut().unwrap().charge_cents = 1 << 40,
            "service.charge_cents",
        ),
        (
            |m| m.service_signer.as_mut().unwrap().key = None,
            "service_signer.key",
        ),
        (
            |m| {
                m.service_signer
                    .as_mut()
                    .unwrap()
                    .key
                    .as_mut()
                    .unwrap()
                    .leaf
                    .as_mut()
                    .unwrap()
                    .role = 9
            },
            "service_signer.key.leaf.role",
        ),
        (
            |m| m.authorisation.as_mut().unwrap().procedure = vec![0xff; 9],
            "authorisation.procedure",
        ),
        (
            |m| m.row.as_mut().unwrap().diagnosis_hi = vec![0; 9],
            "row.diagnosis_hi",
        ),
        (|m| m.r.clear(), "r"),
    ];
    for (change, field) in changes {
        let mut message = claim_message();
        change(&mut message);
        assert_eq!(claim::decode(&message).err().unwrap().field, field);
    }
}

#[test]
fn lists_name_their_element_and_have_a_limit() {
    let read = |n: &u32| narrow::<u16>("n", *n);
    assert_eq!(list("xs", &[1, 2], 2, read), Ok(vec![1, 2]));
    let above = WireError::new("xs[1].n", "is above 65535");
    assert_eq!(list("xs", &[1, 65536], 2, read), Err(above));
    let long = WireError::new("xs", "has 3 elements, at most 2");
    assert_eq!(list("xs", &[1, 2, 3], 2, read), Err(long));
}

type Dispensed = medproof_proto::prover::witness::Dispense;

fn dispense_message() -> Dispensed {
    let Message::Dispense(message) = Dispense::encode(&Dispense::blank().1) else {
        panic!("another message");
    };
    message
}

#[test]
fn dispense_survives_the_wire() {
    use medproof_records::code::{Code, CodeInterval};
    let mut n = 100u64;
    let mut next = || {
        n += 1;
        medproof_proto::field::fr_bytes(&Fr::from(n))
    };
    let mut message = dispense_message();
    (message.r, message.fill_no, message.quantity) = (next(), 255, u32::MAX);
    (message.days, message.slot, message.exemption) = (65535, 31, 7);
    let note = message.note.as_mut().unwrap();
    (note.owner, note.rho, note.rcm, note.seq) = (next(), next(), next(), u64::MAX);
    for entry in &mut note.ring {
        *entry = next();
    }
    let rx = message.prescription.as_mut().unwrap();
    (rx.subject, rx.person, rx.rx_secret) = (next(), next(), next());
    (rx.quantity, rx.days, rx.fills) = (1, 2, 3);
    (rx.issued, rx.earliest, rx.expires) = (4, 5, 65535);
    rx.drug = code_bytes(Code::parse("rxnorm|7804").unwrap());
    rx.exemption = code_bytes(Code::parse("icd10cm|C34.1").unwrap());
    let policy = message.policy.as_mut().unwrap();
    (policy.rules, policy.table_root, policy.version) = (next(), next(), next());
    let drug = policy.drug.as_mut().unwrap();
    (drug.lo, drug.hi, drug.next_lo) = (vec![1; 16], vec![2; 16], vec![3; 16]);
    (drug.mask, drug.number) = (u64::MAX, 6);
    let row = policy.row.as_mut().unwrap();
    (row.class, row.peak, row.quantity, row.quantity_window) = (1, (1 << 40) - 1, 8, 9);
    (row.fills, row.fills_window, row.first_lookback) = (10, 11, 12);
    (row.first_max_days, row.refill_percent) = (13, 14);
    let interval = CodeInterval::parse("icd10cm|C34.*").unwrap();
    row.exemptions[3] = [packed_bytes(interval.lo()), packed_bytes(interval.hi())].concat();
    let read = dispense::decode(&message).unwrap();
    assert!(Dispense::encode(&read) == Message::Dispense(message));
}

#[test]
fn bad_dispense_fields_are_named() {
    type Change = fn(&mut Dispensed);
    let changes: [(Change, &str); 11] = [
        (|m| m.note.as_mut().unwrap().ring.truncate(31), "note.ring"),
        (|m| m.note.as_mut().unwrap().ring[9][0] = 0x20, "note.ring"),
        (
            |m| m.prescription.as_mut().unwrap().fills = 256,
            "prescription.fills",
        ),
        (
            |m| m.prescription.as_mut().unwrap().person.clear(),
            "prescription.person",
        ),
        (
            |m| m.prescription.as_mut().unwrap().drug.clear(),
            "prescription.drug",
        ),
        (
            |m| m.prescriber.as_mut().unwrap().signature = None,
            "prescriber.signature",
        ),
        (
            |m| m.policy.as_mut().unwrap().drug.as_mut().unwrap().hi.clear(),
            "policy.drug.hi",
        ),
        (
            |m| m.policy.as_mut().unwrap().row.as_mut().unwrap().peak = 1 << 40,
            "policy.row.peak",
        ),
        (
            |m| m.policy.as_mut().unwrap().row.as_mut().unwrap().exemptions[0] = vec![1; 17],
            "policy.row.exemptions",
        ),
        (|m| m.slot = 32, "slot"),
        (|m| m.exemption = 8, "exemption"),
    ];
    for (change, field) in changes {
        let mut message = dispense_message();
        change(&mut message);
        assert_eq!(dispense::decode(&message).err().unwrap().field, field);
    }
}

type Screened = medproof_proto::prover::witness::Eligibility;

/// The built-in screening.
fn screening() -> (medproof_verifier::statement::EligibilityPublic, Screened) {
    use medproof_circuits::scenario::eligibility::{Assignment, example};
    match example(&mut rand::rngs::OsRng, Fr::from(5u64)) {
        Assignment::Standard(public, witness) => match Eligibility::<Standard>::encode(&witness) {
            Message::Eligibility(message) => (public, message),
            _ => panic!("another message"),
        },
        Assignment::Large(..) => panic!("the example is small"),
    }
}

#[test]
fn eligibility_survives_the_wire() {
    let (public, message) = screening();
    let read = eligibility::decode::<Standard>(&message).unwrap();
    assert!(Eligibility::<Standard>::relation(&public, &read).is_ok());
    assert!(Eligibility::<Standard>::encode(&read) == Message::Eligibility(message.clone()));
    let read = eligibility::decode::<Large>(&message).unwrap();
    assert!(Eligibility::<Large>::relation(&public, &read).is_ok());
    assert!(Eligibility::<Large>::encode(&read) == Message::EligibilityLarge(message));
}

#[test]
fn bad_eligibility_fields_are_named() {
    type Change = fn(&mut Screened);
    let changes: [(Change, &str); 14] = [
        (|m| m.records[1].salt.clear(), "records[1].salt"),
        (|m| m.records[0].w0 = vec![0x2f; 32], "records[0].w0"),
        (|m| m.records = vec![m.records[0].clone(); 65], "records"),
        (|m| m.leaves = vec![m.leaves[0].clone(); 25], "leaves"),
        (|m| m.leaves[0].path = None, "leaves[0].path"),
        (|m| m.choices.truncate(3), "choices"),
        (|m| m.choices[0] = 2 * m.leaves.len() as u32, "choices"),
        (|m| m.claims.truncate(15), "claims"),
        (|m| m.claims[2].truth = 3, "claims[2].truth"),
        (|m| m.claims[2].standing = vec![true; 65], "claims[2].standing"),
        (|m| m.header.as_mut().unwrap().count = 65536, "header.count"),
        (
            |m| m.rules.as_mut().unwrap().atom_words.truncate(3),
            "rules.atom_words",
        ),
        (
            |m| m.rules.as_mut().unwrap().atom_words[0] = vec![0; 32],
            "rules.atom_words",
        ),
        (
            |m| m.rules.as_mut().unwrap().clauses = vec![1; 17],
            "rules.clauses",
        ),
    ];
    for (change, field) in changes {
        let (_, mut message) = screening();
        change(&mut message);
        let error = eligibility::decode::<Standard>(&message).err().unwrap();
        assert_eq!(error.field, field);
    }
}
