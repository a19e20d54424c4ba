//! What several witnesses have in common.

use super::WireError;
use medproof_proto::{
    field::{fr, fr_bytes, required},
    prover::witness as wire,
};
use medproof_records::identity::{Identity, Secret};
use medproof_verifier::{Fr, Path, eddsa::Signature};

/// A sub-message that must be there, read by `read`; errors name it.
pub(super) fn part<M, T>(
    field: &'static str,
    message: &Option<M>,
    read: impl FnOnce(&M) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let message = required(field, message.as_ref())?;
    read(message).map_err(|e| e.within(field))
}

/// A list of at most `limit` messages, each read by `read`; errors name the element.
pub(super) fn list<M, T>(
    field: &'static str,
    messages: &[M],
    limit: usize,
    read: impl Fn(&M) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    if messages.len() > limit {
        let reason = format!("has {} elements, at most {limit}", messages.len());
        return Err(WireError::new(field, reason));
    }
    let read = |(i, message)| read(message).map_err(|e| e.within(format_args!("{field}[{i}]")));
    messages.iter().enumerate().map(read).collect()
}

/// An unsigned number that must fit a narrower type.
pub(super) fn narrow<T: TryFrom<u32>>(field: &'static str, value: u32) -> Result<T, WireError> {
    T::try_from(value).map_err(|_| {
        let reason = format!("is above {}", (1u64 << (8 * size_of::<T>())) - 1);
        WireError::new(field, reason)
    })
}

pub(super) fn secret(field: &'static str, bytes: &[u8]) -> Result<Secret, WireError> {
    Ok(Secret::new(fr(field, bytes)?))
}

pub(super) fn path<const DEPTH: usize>(message: &wire::Path) -> Result<Path<DEPTH>, WireError> {
    if message.siblings.len() != 3 * DEPTH {
        let reason = format!("has {} elements, not {}", message.siblings.len(), 3 * DEPTH);
        return Err(WireError::new("siblings", reason));
    }
    let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
    for (slot, bytes) in siblings.as_flattened_mut().iter_mut().zip(&message.siblings) {
        *slot = fr("siblings", bytes)?;
    }
    Path::new(message.index, siblings).map_err(|e| WireError::new("index", format!("is refused: {e}")))
}

pub(super) fn path_message<const DEPTH: usize>(path: &Path<DEPTH>) -> wire::Path {
    let siblings = path.siblings().as_flattened();
    wire::Path {
        index: path.index().into(),
        siblings: siblings.iter().map(fr_bytes).collect(),
    }
}

pub(super) fn identity(message: &wire::Identity) -> Result<Identity, WireError> {
    Ok(Identity {
        sk: secret("sk", &message.sk)?,
        person: fr("person", &message.person)?,
        ts: secret("ts", &message.ts)?,
        domain: fr("domain", &message.domain)?,
        path: part("path", &message.path, path)?,
    })
}

pub(super) fn identity_message(identity: &Identity) -> wire::Identity {
    wire::Identity {
        sk: identity.sk.to_bytes().to_vec(),
        person: fr_bytes(&identity.person),
        ts: identity.ts.to_bytes().to_vec(),
        domain: fr_bytes(&identity.domain),
        path: Some(path_message(&identity.path)),
    }
}

pub(super) fn signature(message: &wire::Signature) -> Result<Signature, WireError> {
    Ok(Signature {
        r8x: fr("r8x", &message.r8x)?,
        r8y: fr("r8y", &message.r8y)?,
        s: fr("s", &message.s)?,
    })
}

pub(super) fn signature_message(signature: &Signature) -> wire::Signature {
    wire::Signature {
        r8x: fr_bytes(&signature.r8x),
        r8y: fr_bytes(&signature.r8y),
        s: fr_bytes(&signature.s),
    }
}
