//! The witness of `bind`.

use super::{Message, WireError, WireWitness, other, parts::*};
use medproof_circuits::statements::bind::{Bind, Witness};
use medproof_proto::prover::witness as wire;

impl WireWitness for Bind {
    fn encode(witness: &Witness) -> Message {
        Message::Bind(wire::Bind {
            identity: Some(identity_message(&witness.identity)),
        })
    }

    fn decode(message: &Message) -> Result<Witness, WireError> {
        match message {
            Message::Bind(m) => decode(m).map_err(|e| e.within("bind")),
            _ => Err(other()),
        }
    }
}

pub(super) fn decode(message: &wire::Bind) -> Result<Witness, WireError> {
    Ok(Witness {
        identity: part("identity", &message.identity, identity)?,
    })
}
