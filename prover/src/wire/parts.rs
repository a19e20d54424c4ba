//! What several witnesses have in common.

use super::WireError;
use medproof_circuits::gadgets::registry::AcceptedKey;
use medproof_proto::{
    field::{array, fr, fr_bytes, required},
    prover::witness as wire,
};
use medproof_records::{
    code::Code,
    identity::{Identity, Secret},
    record::Cents,
    table::TableLeaf,
};
use medproof_verifier::{Day, Fr, KeyLeaf, Path, Role, eddsa::Signature, tree::TABLE_DEPTH};

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

/// A position below `length`.
pub(super) fn index(field: &'static str, value: u32, length: usize) -> Result<usize, WireError> {
    let at = usize::try_from(value).ok().filter(|at| *at < length);
    at.ok_or_else(|| WireError::new(field, format!("is not below {length}")))
}

/// A text that its type can read. The type's message may repeat the text, so it is left out.
pub(super) fn parsed<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, WireError> {
    text.parse().map_err(|_| WireError::new(field, "is not valid"))
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

pub(super) fn day(field: &'static str, value: u32) -> Result<Day, WireError> {
    narrow(field, value).map(Day)
}

pub(super) fn cents(field: &'static str, value: u64) -> Result<Cents, WireError> {
    Cents::new(value).ok_or_else(|| WireError::new(field, "is not below 2^40"))
}

/// 9 bytes, big-endian.
pub(super) fn packed(field: &'static str, bytes: &[u8]) -> Result<u128, WireError> {
    let bytes: [u8; 9] = array(field, bytes)?;
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
}

pub(super) fn packed_bytes(value: u128) -> Vec<u8> {
    // Packed codes are below 2^72.
    value.to_be_bytes()[7..].to_vec()
}

pub(super) fn code(field: &'static str, bytes: &[u8]) -> Result<Code, WireError> {
    Code::from_packed(packed(field, bytes)?).map_err(|_| WireError::new(field, "is not a packed code"))
}

pub(super) fn code_bytes(code: Code) -> Vec<u8> {
    packed_bytes(code.packed())
}

fn key_leaf(message: &wire::KeyLeaf) -> Result<KeyLeaf, WireError> {
    let role = narrow("role", message.role)?;
    Ok(KeyLeaf {
        ax: fr("ax", &message.ax)?,
        ay: fr("ay", &message.ay)?,
        role: Role::from_number(role).ok_or_else(|| WireError::new("role", "is no role"))?,
        party: parsed("party", &message.party)?,
        scope: fr("scope", &message.scope)?,
        valid_from: day("valid_from", message.valid_from)?,
        valid_to: day("valid_to", message.valid_to)?,
    })
}

fn accepted_key(message: &wire::AcceptedKey) -> Result<AcceptedKey, WireError> {
    Ok(AcceptedKey {
        leaf: part("leaf", &message.leaf, key_leaf)?,
        path: part("path", &message.path, path)?,
    })
}

pub(super) fn signer(message: &wire::Signer) -> Result<(AcceptedKey, Signature), WireError> {
    let key = part("key", &message.key, accepted_key)?;
    Ok((key, part("signature", &message.signature, signature)?))
}

pub(super) fn signer_message(key: &AcceptedKey, signature: &Signature) -> wire::Signer {
    let leaf = wire::KeyLeaf {
        ax: fr_bytes(&key.leaf.ax),
        ay: fr_bytes(&key.leaf.ay),
        role: key.leaf.role as u32,
        party: key.leaf.party.to_string(),
        scope: fr_bytes(&key.leaf.scope),
        valid_from: key.leaf.valid_from.0.into(),
        valid_to: key.leaf.valid_to.0.into(),
    };
    let key = wire::AcceptedKey {
        leaf: Some(leaf),
        path: Some(path_message(&key.path)),
    };
    wire::Signer {
        key: Some(key),
        signature: Some(signature_message(signature)),
    }
}

/// 16 bytes, big-endian.
fn wide(field: &'static str, bytes: &[u8]) -> Result<u128, WireError> {
    Ok(u128::from_be_bytes(array(field, bytes)?))
}

pub(super) fn table_leaf(message: &wire::TableLeaf) -> Result<(TableLeaf, Path<TABLE_DEPTH>), WireError> {
    let leaf = TableLeaf {
        lo: wide("lo", &message.lo)?,
        hi: wide("hi", &message.hi)?,
        next_lo: wide("next_lo", &message.next_lo)?,
        mask: message.mask,
        number: message.number,
    };
    Ok((leaf, part("path", &message.path, path)?))
}

pub(super) fn table_leaf_message(leaf: &TableLeaf, path: &Path<TABLE_DEPTH>) -> wire::TableLeaf {
    wire::TableLeaf {
        lo: leaf.lo.to_be_bytes().to_vec(),
        hi: leaf.hi.to_be_bytes().to_vec(),
        next_lo: leaf.next_lo.to_be_bytes().to_vec(),
        mask: leaf.mask,
        number: leaf.number,
        path: Some(path_message(path)),
    }
}
