//! Checked reading of single message fields.

use medproof_verifier::{Fr, Name, field::fr_from_be_bytes, field::fr_to_be_bytes};

/// A field of a message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` {reason}")]
pub struct FieldError {
    /// The field's name in its `.proto` file.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl FieldError {
    /// An error about `field`.
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

impl From<FieldError> for tonic::Status {
    fn from(error: FieldError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

/// Exactly `N` bytes.
///
/// # Errors
/// [`FieldError`] on any other length.
pub fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], FieldError> {
    bytes
        .try_into()
        .map_err(|_| FieldError::new(field, format!("has {} bytes, not {N}", bytes.len())))
}

/// A canonical field element, 32 bytes big-endian.
///
/// # Errors
/// [`FieldError`] on another length or a value that is not below the modulus.
pub fn fr(field: &'static str, bytes: &[u8]) -> Result<Fr, FieldError> {
    fr_from_be_bytes(&array(field, bytes)?).map_err(|e| FieldError::new(field, format!("is {e}")))
}

/// Field elements in order.
///
/// # Errors
/// [`FieldError`] when one of them is not canonical.
pub fn frs(field: &'static str, list: &[Vec<u8>]) -> Result<Vec<Fr>, FieldError> {
    list.iter().map(|bytes| fr(field, bytes)).collect()
}

/// Writes a field element as 32 big-endian bytes.
pub fn fr_bytes(x: &Fr) -> Vec<u8> {
    fr_to_be_bytes(x).to_vec()
}

/// A name of a party, domain, scope or policy.
///
/// # Errors
/// [`FieldError`] when the text is not a name.
pub fn name(field: &'static str, text: &str) -> Result<Name, FieldError> {
    // Without the text: some names belong to an opening, and errors are logged.
    text.parse().map_err(|_| {
        FieldError::new(
            field,
            "is not a name: 1 to 30 letters, digits, `.`, `_` or `-`, beginning with a letter or digit",
        )
    })
}

/// A sub-message that must be there.
///
/// # Errors
/// [`FieldError`] when it is missing.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_fields_are_named() {
        assert_eq!(array::<2>("x", &[1, 2]), Ok([1, 2]));
        assert_eq!(
            array::<2>("x", &[1]).unwrap_err().to_string(),
            "field `x` has 1 bytes, not 2"
        );
        assert_eq!(fr("y", &[0xff; 32]).unwrap_err().field, "y");
        assert_eq!(fr("y", &fr_bytes(&Fr::from(9u64))), Ok(Fr::from(9u64)));
        assert_eq!(frs("z", &[vec![0; 31]]).unwrap_err().field, "z");
        let refused = name("party", "a secret").unwrap_err();
        assert_eq!(refused.field, "party");
        assert!(!refused.to_string().contains("secret"), "{refused}");
        assert_eq!(
            required::<u8>("m", None).unwrap_err().to_string(),
            "field `m` is missing"
        );
    }
}
