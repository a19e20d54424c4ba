//! What a file is, by its first bytes: a message about the wrong one says which one it is.

/// First bytes of everything that age encrypts.
const AGE: &[u8] = b"age-encryption.org/v1\n";

/// What [`describe`] calls a party's keys.
pub(crate) const SECRET: &str = "a party's secret file";
/// What it calls a file of [`crate::holder::vault`].
pub(crate) const VAULT: &str = "a wallet or register";

/// Whether age has encrypted this.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(AGE)
}

/// What these bytes are, with an article.
pub(crate) fn describe(bytes: &[u8]) -> &'static str {
    let first = bytes.trim_ascii_start().first();
    match bytes {
        [] => "an empty file",
        _ if bytes.starts_with(b"mpvt") => VAULT,
        _ => match bytes.strip_prefix(AGE) {
            Some(rest) if rest.starts_with(b"-> scrypt ") => SECRET,
            Some(_) => "an encrypted paper",
            None if matches!(first, Some(b'{' | b'[')) => "a JSON file",
            None if std::str::from_utf8(bytes).is_ok() => "a text file",
            None => "a file of another kind",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::{secrecy::SecretString, x25519};

    #[test]
    fn each_kind_is_told_from_the_others() {
        let pass = SecretString::from("correct horse".to_owned());
        let secret = crate::secret::seal(pass, b"keys").unwrap();
        let paper = age::encrypt(&x25519::Identity::generate().to_public(), b"paper").unwrap();
        assert!(is_encrypted(&secret) && is_encrypted(&paper));
        let expected: [(&[u8], &str); 7] = [
            (&secret, SECRET),
            (&paper, "an encrypted paper"),
            (b"mpvt\0\0\0\x01", VAULT),
            (b"", "an empty file"),
            (b" {}", "a JSON file"),
            (b"for dr-lee", "a text file"),
            (&[0xff, 0], "a file of another kind"),
        ];
        for (bytes, kind) in expected {
            assert_eq!(describe(bytes), kind);
        }
    }
}
