//! Files of the circom world. Sections may come in any order, so a value need not encode to the same bytes.

use medproof_circom::{R1cs, Zkey, wtns};

/// A proving key made elsewhere; what is accepted is whole.
pub(super) fn zkey(bytes: &[u8]) -> bool {
    let Ok(key) = Zkey::read(bytes) else {
        return false;
    };
    assert_eq!(key.proving_key().a_query.len(), key.variables());
    assert_eq!(key.proving_key().h_query.len(), key.domain());
    assert_eq!(key.a().to_rows().len(), key.constraints());
    assert_eq!(key.b().rows(), key.constraints());
    assert!(!key.contributions().is_empty());
    true
}

/// A witness.
pub(super) fn wtns_file(bytes: &[u8]) -> bool {
    let Ok(witness) = wtns::read(bytes) else {
        return false;
    };
    let again = wtns::read(&wtns::write(witness.values())).map(|again| again.values().to_vec());
    assert_eq!(again.as_deref(), Ok(witness.values()));
    true
}

/// Constraints; any values can be tried on them.
pub(super) fn r1cs(bytes: &[u8]) -> bool {
    let Ok(constraints) = R1cs::read(bytes) else {
        return false;
    };
    let _ = constraints.first_broken(&[]);
    assert_eq!(R1cs::read(&constraints.write()).as_ref(), Ok(&constraints));
    true
}
