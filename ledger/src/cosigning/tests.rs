use super::*;
use crate::{
    clock::DevelopmentClock,
    testing::{client::log_key, genesis, key_of},
};
use medproof_verifier::{LogSigner, cosignature::Cosigner};

#[test]
fn so_many_contradicting_witnesses_are_believed() {
    // Quorum, witnesses, enough.
    for (quorum, witnesses, expected) in [
        (0, 1, 1),
        (0, 2, 2),
        (0, 3, 2),
        (0, 5, 3),
        (1, 1, 1),
        (1, 2, 1),
        (2, 2, 2),
        (1, 3, 1),
        (2, 3, 2),
        // Two of three make it impossible that three cosign.
        (3, 3, 2),
        (5, 5, 2),
        (3, 5, 3),
        (4, 5, 2),
        (32, 32, 2),
    ] {
        assert_eq!(enough(quorum, witnesses), expected, "{quorum} of {witnesses}");
    }
}

#[tokio::test]
async fn a_witness_that_has_lost_its_memory_is_not_asked_to_begin_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("db")).unwrap();
    let open = |folder: &str| {
        let cosigner = Cosigner::new("witness.example/w1", key_of("witness 1")).unwrap();
        let clock = Arc::new(DevelopmentClock::default());
        Witness::open(&directory.path().join(folder), cosigner, vec![log_key()], clock).unwrap()
    };
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    let head = Head::plain(7, signer.sign(7, &[7; 32]).unwrap());
    let place = Place::Here(Arc::new(open("new")));
    let error = ask(&store, &place, (7, 7), &head).await.unwrap_err();
    assert!(
        matches!(error, NotCosigned::Forgot { latest: 0, before: 7 }) && !error.contradicts(),
        "{error}"
    );
    let Place::Here(witness) = &place else {
        unreachable!()
    };
    assert_eq!(witness.forgotten(), [log_key().origin()], "nothing was cosigned");

    // One of which nothing is known may begin.
    assert!(ask(&store, &place, (0, 0), &head).await.is_ok());
    assert!(ask(&store, &place, (7, 7), &head).await.is_ok());
    assert!(witness.forgotten().is_empty());
}
