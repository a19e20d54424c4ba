//! Files of the command line and the gateway.

use medproof_cli::holder::{paper::Paper, state::State};
use medproof_cli::statement_file::StatementFile;
use medproof_cli::{secret, verify};
use medproof_gateway::journal as gateway;
use sha2::{Digest, Sha256};

/// The plain text of a secret file: one encoding.
pub(super) fn secret_file(bytes: &[u8]) -> bool {
    let Some(party) = secret::decode(bytes) else {
        return false;
    };
    assert_eq!(secret::encode(&party)[..], *bytes);
    true
}

/// The plain content of a wallet file: one encoding.
pub(super) fn wallet_file(bytes: &[u8]) -> bool {
    let Ok(state) = State::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(state.to_bytes()[..], *bytes);
    true
}

/// The plain content of a paper for a holder: one encoding.
pub(super) fn paper(bytes: &[u8]) -> bool {
    let Ok(paper) = Paper::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(paper.to_bytes()[..], *bytes);
    true
}

/// A statement file: what is read is written and read again as itself.
pub(super) fn statement_file(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    match StatementFile::parse(text) {
        Ok(file) => {
            let written = file.to_json().to_string();
            let again = StatementFile::parse(&written).map(|again| again.to_json().to_string());
            assert_eq!(again, Ok(written));
            true
        }
        Err(refusal) => {
            assert!(!refusal.is_empty());
            false
        }
    }
}

/// A receipt file: what is read is written and read again as itself.
pub(super) fn receipt_file(bytes: &[u8]) -> bool {
    let read = std::str::from_utf8(bytes).ok().map(verify::parse_receipt_file);
    let Some(Ok(read)) = read else { return false };
    let written = verify::receipt_file(&read.0, &read.1);
    assert_eq!(verify::parse_receipt_file(&written), Ok(read));
    true
}

/// A gateway's journal: damaged, or a beginning of it is kept, and that is kept whole. The bytes are also taken
/// for the body of a record whose checksum is right.
pub(super) fn journal(bytes: &[u8]) -> bool {
    let check = |bytes: &[u8]| match gateway::kept(bytes) {
        Ok(kept) => {
            // A journal of version 1 becomes one of version 2.
            assert!(bytes[MAGIC.len()..].starts_with(&kept[MAGIC.len()..]));
            let whole = kept.len() == bytes.len();
            assert_eq!(gateway::kept(&kept), Ok(kept));
            whole
        }
        Err(at) => {
            assert!(at <= bytes.len());
            false
        }
    };
    check(bytes) | check(&record(bytes))
}

/// First bytes of a gateway's journal.
const MAGIC: &[u8; 8] = b"mpgj\0\0\0\x03";

/// A journal of one record with this body.
pub(super) fn record(body: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend((body.len() as u32).to_be_bytes());
    out.extend(body);
    out.extend(&Sha256::digest(body)[..8]);
    out
}
