//! Names of parties, domains, scopes and policies (`docs/format.md`, section 1).

use crate::field::{fr_from_be_bytes, fr_to_be_bytes};
use ark_bn254::Fr;
use std::{fmt, str::FromStr};

/// Longest name in bytes; 240 bits leave room for a kind byte beside it in one field element.
pub const MAX_NAME_BYTES: usize = 30;

/// A name of 1 to 30 bytes of `[A-Za-z0-9._-]` that begins with a letter or digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: 1 to 30 letters, digits, `.`, `_` or `-`, beginning with a letter or digit")]
pub struct NameError(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name's bytes as a big-endian number, below 2^240.
    pub fn to_fr(&self) -> Fr {
        let mut bytes = [0u8; 32];
        bytes[32 - self.0.len()..].copy_from_slice(self.0.as_bytes());
        // 240 bits are below the modulus.
        fr_from_be_bytes(&bytes).unwrap_or_default()
    }

    /// Reads a name back from its field element.
    ///
    /// # Errors
    /// [`NameError`] when the element does not stand for a name.
    pub fn from_fr(x: &Fr) -> Result<Self, NameError> {
        let bytes = fr_to_be_bytes(x);
        let start = bytes.iter().position(|b| *b != 0).unwrap_or(32);
        let text = std::str::from_utf8(&bytes[start..]).map_err(|_| NameError("(binary)".into()))?;
        text.parse()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, NameError> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let first = s.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if first && s.len() <= MAX_NAME_BYTES && s.bytes().all(ok) {
            return Ok(Self(s.to_owned()));
        }
        let shown: String = s.chars().filter(|c| !c.is_control()).take(40).collect();
        Err(NameError(shown))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_injective() {
        for good in ["us-ma", "NCT03882970", "a", "0.1_x-y", &"x".repeat(30)] {
            let name: Name = good.parse().unwrap();
            assert_eq!(Name::from_fr(&name.to_fr()).unwrap(), name);
        }
        for bad in ["", "-a", "a b", "ä", &"x".repeat(31), "a/b", "a\0"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert!(Name::from_fr(&Fr::from(0u64)).is_err());
    }
}
