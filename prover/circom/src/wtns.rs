//! Witness files: every value of a circuit, beginning with the constant 1.

use crate::{
    CircomError, MAX_SIZE,
    container::{Format, Reader, Sections, Writer},
    number,
};
use ark_bn254::Fr;
use ark_ff::Field;
use zeroize::{Zeroize, Zeroizing};

const FORMAT: Format = Format {
    name: "wtns",
    version: 2,
    sections: 2,
};
const HEADER_BYTES: usize = 4 + number::BYTES + 4;

/// The values of all wires: 1, the public ones, the others. Zeroised on drop; neither `Clone` nor `Debug`.
pub struct Witness(Vec<Fr>);

impl Witness {
    /// The values of all wires.
    pub fn values(&self) -> &[Fr] {
        &self.0
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Reads a `.wtns` file.
///
/// # Errors
/// [`CircomError`]; no message holds a value.
pub fn read(bytes: &[u8]) -> Result<Witness, CircomError> {
    let sections = Sections::split(&FORMAT, bytes)?;
    let mut header = sections.get(1, "witness header")?;
    number::check_modulus::<Fr>(&mut header)?;
    let count = header.count("number of values", 1, MAX_SIZE)?;
    header.end()?;
    let values: Reader<'_> = sections.get(2, "values")?;
    let bytes = values.all(count, number::BYTES)?;
    let mut witness = Witness(Vec::with_capacity(count));
    for (index, chunk) in bytes.chunks_exact(number::BYTES).enumerate() {
        let value = number::plain(chunk).ok_or(CircomError::Number {
            what: "values",
            index,
        })?;
        witness.0.push(value);
    }
    match witness.0.first() {
        Some(one) if *one == Fr::ONE => Ok(witness),
        _ => Err(CircomError::One),
    }
}

/// Writes a `.wtns` file. The bytes are as secret as the values.
pub fn write(values: &[Fr]) -> Zeroizing<Vec<u8>> {
    let body = values.len() * number::BYTES;
    // Magic, version, number of sections; two sections with number and length.
    let mut out = Writer::new(&FORMAT, 2, 12 + 2 * 12 + HEADER_BYTES + body);
    out.section(1, HEADER_BYTES, |out| {
        number::put_modulus::<Fr>(out);
        // A circuit has fewer than 2^28 variables.
        out.extend((values.len() as u32).to_le_bytes());
    });
    out.section(2, body, |out| {
        values.iter().for_each(|v| number::put_plain(v, out))
    });
    Zeroizing::new(out.finish())
}
