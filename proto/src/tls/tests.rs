//! Certificates and keys that cannot be used. How those of the tests were made says `tests/data/tls/make.sh`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

pub(crate) const AUTHORITY: &[u8] = include_bytes!("../../../tests/data/tls/ca.pem");
pub(crate) const STRANGERS: &[u8] = include_bytes!("../../../tests/data/tls/strangers.pem");

/// Certificate and key of a name.
macro_rules! pair {
    ($name:literal) => {
        (
            include_bytes!(concat!("../../../tests/data/tls/", $name, ".pem")).as_slice(),
            include_bytes!(concat!("../../../tests/data/tls/", $name, ".key")).as_slice(),
        )
    };
}
pub(crate) const SERVER: (&[u8], &[u8]) = pair!("server");
pub(crate) const ELSEWHERE: (&[u8], &[u8]) = pair!("elsewhere");
pub(crate) const EXPIRED: (&[u8], &[u8]) = pair!("expired");
pub(crate) const CLIENT: (&[u8], &[u8]) = pair!("client");
pub(crate) const STRANGER: (&[u8], &[u8]) = pair!("stranger");

fn secret(key: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.to_vec())
}

/// A client that believes the authority in `authorities`, and shows a certificate where there is one.
pub(crate) fn client(authorities: &[u8], shown: Option<(&[u8], &[u8])>) -> ClientTls {
    let believes = ClientTls::new(Authorities::from_pem(authorities).unwrap());
    match shown {
        None => believes,
        Some((chain, key)) => believes.showing(chain, secret(key)).unwrap(),
    }
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_named() {
    for pem in [&b""[..], b"no certificate", SERVER.1] {
        let refused = Authorities::from_pem(pem).unwrap_err();
        assert!(matches!(refused, TlsError::NoCertificate), "{refused}");
    }
    let cut = &AUTHORITY[..AUTHORITY.len() / 2];
    let refused = Authorities::from_pem(cut).unwrap_err();
    assert!(matches!(refused, TlsError::Certificates(_)), "{refused}");
    let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let refused = Authorities::from_pem(garbage).unwrap_err();
    assert!(matches!(refused, TlsError::Refused(_)), "{refused}");
    let clients = ClientAuthorities::from_pem(garbage).err();
    assert!(matches!(clients, Some(TlsError::Refused(_))));
    let refused = Identity::from_pem(SERVER.0, SERVER.0).unwrap_err();
    assert!(matches!(refused, TlsError::Key(_)), "{refused}");
    let refused = Identity::from_pem(SERVER.0, ELSEWHERE.1).unwrap_err();
    assert!(matches!(refused, TlsError::Refused(_)), "{refused}");
    assert!(Identity::from_pem(SERVER.1, SERVER.1).is_err());
    let refused = ServerTls::new(SERVER.0, ELSEWHERE.1, None).unwrap_err();
    assert!(matches!(refused, TlsError::Refused(_)), "{refused}");
    let refused = ClientTls::default().showing(CLIENT.0, secret(STRANGER.1)).err();
    assert!(matches!(refused, Some(TlsError::Refused(_))));
}

#[test]
fn no_key_is_shown_for_debugging() {
    let tls = ServerTls::new(SERVER.0, SERVER.1, None).unwrap();
    assert_eq!(format!("{tls:?} {:?}", tls.identity()), "ServerTls Identity");
}
