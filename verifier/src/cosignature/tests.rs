use super::*;
use crate::{LogSigner, Receipt, inclusion::leaf_hash};
use proptest::prelude::*;

const TIME: u64 = 1_679_315_147;

fn log() -> LogSigner {
    LogSigner::new("ledger.example/test", SigningKey::from_bytes(&[1; 32])).unwrap()
}

fn witness(seed: u8) -> Cosigner {
    let name = format!("witness.example/w{seed}");
    Cosigner::new(&name, SigningKey::from_bytes(&[100 + seed; 32])).unwrap()
}

fn policy(seeds: &[u8], quorum: usize) -> WitnessPolicy {
    let keys = seeds.iter().map(|s| witness(*s).witness_key().clone()).collect();
    WitnessPolicy::new(log().log_key(), keys, quorum).unwrap()
}

/// A checkpoint of size 7 with cosignatures of these witnesses.
fn note(by: &[u8]) -> Vec<u8> {
    let mut note = log().sign(7, &[9; 32]).unwrap();
    for seed in by {
        let line = witness(*seed).cosign(&note, TIME).unwrap();
        note.extend(line);
    }
    note
}

/// The text's own example: its second signature has the form and the time that stand there.
#[test]
fn the_example_of_the_text_is_read() {
    let example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let line = example.lines().last().unwrap();
    let signature = Signature::from_bytes(line.as_bytes()).unwrap();
    assert_eq!(signature.signature().len(), COSIGNATURE_BYTES);
    assert_eq!(time_of(signature.signature()).unwrap().0, TIME);
    // The message that is signed, as the text spells it out.
    let note = Note::from_bytes(example.as_bytes()).unwrap();
    let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(message(TIME, note.text()), expected.as_bytes());
}

#[test]
fn a_quorum_of_known_witnesses_is_counted() {
    for (by, quorum, got) in [
        (&[1, 2, 3][..], 2, Some(3)),
        (&[1, 3], 2, Some(2)),
        (&[3], 1, Some(1)),
        (&[], 0, Some(0)),
        (&[2], 2, None),
        // Strangers do not count, nor does a witness twice.
        (&[4, 5, 1], 2, None),
        (&[1, 1], 2, None),
    ] {
        let outcome = policy(&[1, 2, 3], quorum).check(&note(by));
        match got {
            Some(got) => assert_eq!(outcome.unwrap().cosignatures.len(), got, "{by:?}"),
            None => assert!(
                matches!(outcome, Err(CosignatureError::Quorum { of: 3, .. })),
                "{by:?} {outcome:?}"
            ),
        }
    }
    let cosigned = policy(&[3, 1], 1).check(&note(&[1, 2, 3])).unwrap();
    let names: Vec<_> = cosigned.cosignatures.iter().map(|c| c.witness.as_str()).collect();
    assert_eq!(names, ["witness.example/w3", "witness.example/w1"]);
    assert!(cosigned.cosignatures.iter().all(|c| c.time == TIME));
    assert_eq!(cosigned.checkpoint.size(), 7);
    // The log's own signature is needed, whoever else has signed.
    let other = LogSigner::new("ledger.example/test", SigningKey::from_bytes(&[2; 32])).unwrap();
    let mut forged = other.sign(7, &[9; 32]).unwrap();
    forged.extend(witness(1).cosign(&forged, TIME).unwrap());
    let refused = policy(&[1], 1).check(&forged);
    assert_eq!(refused, Err(CheckpointError::Signature.into()));
}

#[test]
fn a_wrong_cosignature_of_a_known_witness_refuses_the_note() {
    let good = note(&[]);
    let line = witness(1).cosign(&good, TIME).unwrap();
    let parsed = Signature::from_bytes(line.trim_ascii_end()).unwrap();
    let with = |bytes: Vec<u8>| {
        let line = Signature::new(parsed.name().into(), parsed.id(), bytes).unwrap();
        policy(&[1], 0).check(&[good.as_slice(), &line.to_bytes()].concat())
    };
    let wrong = Err(CosignatureError::Witness("witness.example/w1".into()));
    let bytes = parsed.signature();
    assert!(with(bytes.to_vec()).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        assert_eq!(with(changed), wrong, "{at}");
    }
    assert_eq!(with(bytes[..71].to_vec()), wrong);
    assert_eq!(with([bytes, &[0]].concat()), wrong);
    // A plain signature over the note, and one over another head.
    let key = SigningKey::from_bytes(&[101; 32]);
    let text = Note::from_bytes(&good).unwrap();
    let plain = key.sign(text.text()).to_bytes();
    assert_eq!(with([&TIME.to_be_bytes()[..], &plain].concat()), wrong);
    let elsewhere = log().sign(8, &[9; 32]).unwrap();
    let line = witness(1).cosign(&elsewhere, TIME).unwrap();
    let refused = policy(&[1], 0).check(&[good.as_slice(), &line].concat());
    assert_eq!(refused, wrong);
    // A time that no cosignature can have, rightly signed.
    let late = 1u64 << 63;
    let signed = key.sign(&message(late, text.text())).to_bytes();
    assert_eq!(with([&late.to_be_bytes()[..], &signed].concat()), wrong);
    assert!(witness(1).cosign(&good, late).is_err());
    assert!(witness(1).cosign(b"no note", TIME).is_err());
}

#[test]
fn nobody_counts_twice_in_a_policy() {
    let key = |seed| witness(seed).witness_key().clone();
    let new = |keys, quorum| WitnessPolicy::new(log().log_key(), keys, quorum);
    assert_eq!(new(vec![key(1)], 2), Err(WitnessPolicyError::Quorum));
    assert!(new(vec![], 0).is_ok());
    assert_eq!(
        new(vec![key(1), key(1)], 1),
        Err(WitnessPolicyError::Name("witness.example/w1".into()))
    );
    let alias = Cosigner::new("alias", SigningKey::from_bytes(&[101; 32])).unwrap();
    let alias = alias.witness_key().clone();
    assert_eq!(
        new(vec![key(1), alias], 1),
        Err(WitnessPolicyError::Key("alias".into()))
    );
    let own = WitnessKey::new("own", *log().log_key().key()).unwrap();
    assert_eq!(new(vec![own], 1), Err(WitnessPolicyError::Key("own".into())));
    let many: Vec<_> = (0..=MAX_WITNESSES as u8).map(key).collect();
    assert!(new(many[1..].to_vec(), MAX_WITNESSES).is_ok());
    assert_eq!(new(many, 1), Err(WitnessPolicyError::Quorum));
    // 32 witnesses fit into one note.
    let all: Vec<u8> = (0..MAX_WITNESSES as u8).collect();
    let cosigned = policy(&all, MAX_WITNESSES).check(&note(&all)).unwrap();
    assert_eq!(cosigned.cosignatures.len(), MAX_WITNESSES);
}

#[test]
fn keys_have_one_spelling() {
    let key = witness(1).witness_key().clone();
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key));
    let log = log().log_key().to_string();
    for bad in [
        "",
        "a",
        "a+b",
        "a+00000000+",
        &text[..text.len() - 1],
        &format!("{text}="),
        &format!(" {text}"),
        &text.to_uppercase(),
        &text.replacen("w1", "w2", 1),
        // A log's key is not a witness' key.
        &log,
    ] {
        assert_eq!(bad.parse::<WitnessKey>(), Err(WitnessKeyError), "{bad}");
    }
    assert!(text.parse::<LogKey>().is_err());
    let long = "w".repeat(MAX_WITNESS_NAME + 1);
    let key = SigningKey::from_bytes(&[1; 32]);
    assert!(Cosigner::new(&long, key.clone()).is_err());
    assert!(Cosigner::new(&long[1..], key.clone()).is_ok());
    for name in ["", "a b", "a+b", "a\u{1}b"] {
        assert!(Cosigner::new(name, key.clone()).is_err(), "{name:?}");
    }
    // The identity: any signature of it can be made by anyone.
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = VerifyingKey::from_bytes(&identity).unwrap();
    assert_eq!(WitnessKey::new("weak", weak), Err(WitnessKeyError));
}

#[test]
fn an_answer_is_taken_only_for_this_checkpoint_and_witness() {
    let plain = note(&[]);
    let line = witness(1).cosign(&plain, TIME).unwrap();
    let other = witness(2).cosign(&plain, TIME).unwrap();
    let key = witness(1).witness_key().clone();
    let (both, cosignature) = attach(&plain, &[other.as_slice(), &line].concat(), &key).unwrap();
    assert_eq!(both, note(&[1]));
    assert_eq!(
        (cosignature.witness.as_str(), cosignature.time),
        (key.name(), TIME)
    );
    let twice = attach(&both, &other, witness(2).witness_key()).unwrap().0;
    assert_eq!(policy(&[1, 2], 2).check(&twice).unwrap().cosignatures.len(), 2);

    assert_eq!(
        attach(&plain, &other, &key),
        Err(CosignatureError::Witness(key.name().into()))
    );
    let malformed = Err(CosignatureError::Checkpoint(CheckpointError::Malformed));
    for bad in [&b"no line\n"[..], &line[1..], &line[..line.len() - 1]] {
        assert_eq!(attach(&plain, bad, &key), malformed);
    }
    // An answer that makes the signatures part of the text, which the witness has then signed.
    let signed = witness(1).key.sign(&message(TIME, &plain)).to_bytes();
    let signature = [&TIME.to_be_bytes()[..], &signed].concat();
    let line = Signature::new(key.name().into(), key.id(), signature).unwrap();
    let moved = [b"\n", line.to_bytes().as_slice()].concat();
    assert_eq!(attach(&plain, &moved, &key), malformed);
    assert_eq!(attach(&plain, &vec![b'a'; MAX_CHECKPOINT_BYTES], &key), malformed);
}

#[test]
fn a_receipt_is_held_to_the_policy() {
    let entry = b"entry";
    let mut checkpoint = log().sign(1, &leaf_hash(entry)).unwrap();
    checkpoint.extend(witness(1).cosign(&checkpoint, TIME).unwrap());
    let receipt = Receipt {
        index: 0,
        inclusion: vec![],
        checkpoint,
    };
    let receipt = Receipt::from_bytes(&receipt.to_bytes()).unwrap();
    let cosigned = receipt.verify_cosigned(entry, &policy(&[1, 2], 1)).unwrap();
    assert_eq!(cosigned.cosignatures.len(), 1);
    let refused = receipt.verify_cosigned(entry, &policy(&[1, 2], 2));
    assert!(matches!(
        refused,
        Err(CosignatureError::Quorum {
            got: 1,
            of: 2,
            quorum: 2
        })
    ));
    let refused = receipt.verify_cosigned(b"other", &policy(&[1], 1));
    assert_eq!(refused, Err(CosignatureError::Inclusion(ProofRefused::Inclusion)));
    // Who asks for no witness is not troubled by their signatures.
    assert!(receipt.verify(entry, &log().log_key()).is_ok());
}

proptest! {
    #[test]
    fn any_answer_is_refused_or_attached(answer in prop::collection::vec(any::<u8>(), 0..300)) {
        let plain = note(&[]);
        prop_assert!(attach(&plain, &answer, witness(1).witness_key()).is_err());
    }
}
