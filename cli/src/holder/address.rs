//! Where papers for a holder are encrypted to: one age recipient for each party, so that two parties cannot
//! tell by it that they know the same person. All of them follow from the wallet's secret.

use age::x25519;
use bech32::{Bech32, Hrp};
use medproof_records::identity::Secret;
use medproof_verifier::Name;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The wallet's decryption key for what `party` gives: X25519 secret
/// `SHA-256("medproof/address/1" || sk || party)`.
pub fn identity(sk: &Secret, party: &Name) -> x25519::Identity {
    let mut hash = Sha256::new();
    hash.update(b"medproof/address/1");
    hash.update(sk.to_bytes().as_slice());
    hash.update(party.as_str());
    let secret = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
    let hrp = Hrp::parse_unchecked("age-secret-key-");
    let text = bech32::encode::<Bech32>(hrp, secret.as_slice()).map(|t| t.to_uppercase());
    let text = Zeroizing::new(text.unwrap_or_default());
    // age reads 32 bytes in Bech32 under this prefix as the secret; both are constant.
    text.parse().expect("32 bytes under age's prefix are an identity")
}

/// The address that `party` is told.
pub fn recipient(sk: &Secret, party: &Name) -> x25519::Recipient {
    identity(sk, party).to_public()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_each_time_and_another_for_each_party_and_wallet() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let (a, b) = (Secret::new(5u64.into()), Secret::new(6u64.into()));
        let lee = recipient(&a, &name("dr-lee")).to_string();
        assert_eq!(lee, recipient(&a, &name("dr-lee")).to_string());
        assert_ne!(lee, recipient(&a, &name("dr-le")).to_string());
        assert_ne!(lee, recipient(&b, &name("dr-lee")).to_string());
        let sealed = age::encrypt(&recipient(&a, &name("dr-lee")), b"paper").unwrap();
        assert_eq!(
            age::decrypt(&identity(&a, &name("dr-lee")), &sealed).unwrap(),
            b"paper"
        );
        assert!(age::decrypt(&identity(&a, &name("lab-1")), &sealed).is_err());
    }
}
