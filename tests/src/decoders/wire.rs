//! Messages. The first byte of an input chooses the message, so that one target has all of a service's.

use ark_bn254::Fr;
use medproof_circuits::statements::{
    bind::Bind,
    claim::Claim,
    dispense::Dispense,
    eligibility::{Eligibility, Large, Standard},
};
use medproof_proto::gateway::{self, Asked};
use medproof_proto::ledger::{self, KnownCircuit, RegisteredKey};
use medproof_proto::prover::{self, ProveRequest, prove_request};
use medproof_prover::wire::{WireWitness, assignment, job, request};
use medproof_verifier::asked::Asked as Question;
use medproof_verifier::entry::PolicyTerms;
use medproof_verifier::field::fr_to_be_bytes;
use medproof_verifier::tree::COMMITMENT_DEPTH;
use medproof_verifier::{Day, Proof, Receipt};
use prost::Message;
use std::fmt::Debug;

/// A message of this type, or `None`: undecodable, or (which is prost's own affair) unlike its own encoding.
fn message<M: Message + Default + PartialEq>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let again = M::decode(message.encode_to_vec().as_slice()).expect("an own encoding decodes");
    assert!(again == message);
    Some(message)
}

/// A message is refused, or is a value that survives the way back over the wire.
fn survives<M, T>(bytes: &[u8]) -> bool
where
    M: Message + Default + PartialEq + for<'a> From<&'a T>,
    T: TryFrom<M> + PartialEq + Debug,
{
    let Some(Ok(value)) = message::<M>(bytes).map(T::try_from) else {
        return false;
    };
    let again = T::try_from(M::from(&value));
    assert!(again.is_ok_and(|again| again == value), "{value:?}");
    true
}

/// Messages to and from a gateway.
pub(super) fn gateway(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((0, bytes)) => survives::<Asked, Question>(bytes),
        Some((1, bytes)) => message(bytes).is_some_and(presented),
        Some((2, bytes)) => message(bytes).is_some_and(asked),
        Some((3, bytes)) => message(bytes).is_some_and(|m: gateway::PresentResponse| {
            medproof_verifier::Entry::from_bytes(&m.entry).is_ok() & super::verifier::receipt(&m.receipt)
        }),
        _ => false,
    }
}

fn asked(m: gateway::ChallengeRequest) -> bool {
    let Some(Ok(question)) = m.asked.map(Question::try_from) else {
        return false;
    };
    assert_ne!(question.payload_hash(&[7; 32]), question.payload_hash(&[8; 32]));
    let _ = question.date().map(|date| date.to_string());
    true
}

fn presented(m: gateway::PresentRequest) -> bool {
    let proof = Proof::from_bytes(&m.proof).is_ok();
    let inputs = medproof_proto::field::frs("public_inputs", &m.public_inputs).is_ok();
    let Ok(opening) = gateway::opening(m.opening) else {
        return false;
    };
    let first = gateway::opening_message(&opening);
    let again = gateway::opening(first.clone()).expect("an own message is read");
    assert!(gateway::opening_message(&again) == first);
    commitments(&opening);
    proof && inputs
}

fn commitments(opening: &medproof_verifier::opening::Opening) {
    use medproof_verifier::opening::Opening;
    match opening {
        Opening::Dispense { opening, .. } => assert!(opening.commitment().is_some()),
        Opening::Payable(opening) => {
            let fits = opening.amounts.to_fr().is_some();
            assert_eq!(opening.commitment().is_some(), fits);
        }
        Opening::None | Opening::Person { .. } => {}
    }
}

/// Messages of a ledger, most of which its clients read.
pub(super) fn ledger(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((0, bytes)) => received(bytes),
        Some((1, bytes)) => survives::<ledger::RegistryKey, RegisteredKey>(bytes),
        Some((2, bytes)) => survives::<ledger::Policy, PolicyTerms>(bytes),
        Some((3, bytes)) => message(bytes).is_some_and(|m: ledger::Circuit| {
            let circuit = KnownCircuit::try_from(m.clone());
            circuit.is_ok_and(|circuit| {
                assert_eq!(ledger::Circuit::from(&circuit), m);
                true
            })
        }),
        Some((4, bytes)) => message(bytes).is_some_and(|m: ledger::AuthPathResponse| {
            let Ok(range) = ledger::leaf_range::<COMMITMENT_DEPTH>(0, 4, &m) else {
                return false;
            };
            let (leaf, path) = range.path(0).expect("the range begins at 0");
            assert_eq!(path.root(leaf), range.root());
            true
        }),
        Some((5, bytes)) => message(bytes).is_some_and(|m: ledger::AppendRequest| {
            let entry = ledger::decode_entry(&m.entry);
            entry.is_ok_and(|entry| {
                assert_eq!(entry.to_bytes(), m.entry);
                true
            })
        }),
        Some((6, bytes)) => message(bytes).is_some_and(|m: ledger::NullifierSpentRequest| {
            let nullifier = medproof_proto::field::fr("nullifier", &m.nullifier);
            ledger::nullifier_kind(m.kind).is_ok() & nullifier.is_ok()
        }),
        _ => false,
    }
}

/// A receipt that was taken over the wire can be stored.
fn received(bytes: &[u8]) -> bool {
    if let Some(Ok(receipt)) = message::<ledger::Receipt>(bytes).map(Receipt::try_from) {
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
    }
    survives::<ledger::Receipt, Receipt>(bytes)
}

/// Messages of a prover that its clients read, and batches of requests.
pub(super) fn prover(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((0, bytes)) => message(bytes).is_some_and(|m: prover::Proof| {
            m.decode().is_ok_and(|received| {
                assert_eq!(received.proof.to_bytes()[..], m.proof);
                assert_eq!(received.circuit.as_str(), m.circuit);
                assert_eq!(received.public_inputs.len(), m.public_inputs.len());
                true
            })
        }),
        Some((1, bytes)) => message(bytes).is_some_and(|m: prover::Circuit| {
            m.key().is_ok_and(|key| {
                assert_eq!(key.to_bytes(), m.verifying_key);
                true
            })
        }),
        Some((2, bytes)) => message(bytes).is_some_and(|m: prover::ProveBatchRequest| {
            m.requests.iter().all(|request| job(request).is_ok())
        }),
        _ => false,
    }
}

/// A request to a prover with its witness: refused, or read as a witness that its relation judges and that
/// survives the way back over the wire.
pub(super) fn witness(bytes: &[u8]) -> bool {
    use prove_request::Witness as W;
    let Some(m) = message::<ProveRequest>(bytes) else {
        return false;
    };
    let read = job(&m).is_ok();
    let judged = match &m.witness {
        Some(W::Bind(_)) => judged::<Bind>(&m, |p, _| *p),
        Some(W::Claim(_)) => judged::<Claim>(&m, |p, w| {
            let key = &w.service.key;
            let received = small(&p.received);
            w.public(key.path.root(key.leaf.hash()), Day(received), p.ctx)
        }),
        Some(W::Dispense(_)) => judged::<Dispense>(&m, |p, w| {
            let key = &w.prescriber;
            w.public(key.path.root(key.leaf.hash()), Day(small(&p.date)), p.ctx)
        }),
        Some(W::Eligibility(_)) => judged::<Eligibility<Standard>>(&m, |p, _| *p),
        Some(W::EligibilityLarge(_)) => judged::<Eligibility<Large>>(&m, |p, _| *p),
        None => false,
    };
    assert_eq!(read, judged);
    judged
}

/// The lowest 16 bits.
fn small(x: &Fr) -> u16 {
    let bytes = fr_to_be_bytes(x);
    u16::from_be_bytes([bytes[30], bytes[31]])
}

/// Whether a request is read. Its witness is judged with its own public inputs, and with those that `remake`
/// makes of the witness, which lead further into the relation.
fn judged<C: WireWitness>(m: &ProveRequest, remake: impl Fn(&C::Public, &C::Witness) -> C::Public) -> bool {
    let Ok((public, witness)) = assignment::<C>(m) else {
        return false;
    };
    let _ = C::relation(&public, &witness);
    let _ = C::relation(&remake(&public, &witness), &witness);
    let written = request::<C>(&public, &witness, m.deadline_ms);
    let Ok((same, again)) = assignment::<C>(&written) else {
        panic!("an own request is read");
    };
    let inputs = |public: &C::Public| -> Vec<Fr> { medproof_verifier::Public::to_vec(public) };
    assert_eq!(inputs(&same), inputs(&public));
    assert!(request::<C>(&same, &again, m.deadline_ms) == written);
    true
}
