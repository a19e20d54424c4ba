//! Constraint files, as circom writes them and other checkers read them.

use crate::{
    CircomError, MAX_SIZE, SparseMatrix,
    container::{Format, Reader, Sections, Writer},
    number,
};
use ark_bn254::Fr;

const FORMAT: Format = Format {
    name: "r1cs",
    version: 1,
    sections: 3,
};
const HEADER_BYTES: usize = 4 + number::BYTES + 4 * 4 + 8 + 4;

/// How the wires behind the constant 1 are numbered: outputs, then public inputs, then private inputs, then
/// everything else. Groth16 makes no difference between the first two, nor between the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wires {
    /// All wires with the constant 1.
    pub total: usize,
    /// Public outputs.
    pub public_outputs: usize,
    /// Public inputs.
    pub public_inputs: usize,
    /// Private inputs.
    pub private_inputs: usize,
}

/// Constraints `A x * B x = C x` over the wires `x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct R1cs {
    wires: Wires,
    matrices: [SparseMatrix; 3],
}

impl R1cs {
    /// Puts constraints together.
    ///
    /// # Errors
    /// [`CircomError::Range`] when the matrices have different numbers of rows, or more rows, wires or named
    /// wires than the format takes; [`CircomError::Coefficient`] (a constraint's index) for a column without a wire.
    pub fn new(wires: Wires, matrices: [SparseMatrix; 3]) -> Result<Self, CircomError> {
        let within = |what, got: usize, min: usize, max: usize| match (min..=max).contains(&got) {
            true => Ok(()),
            false => Err(CircomError::Range {
                what,
                min: min as u64,
                max: max as u64,
                got: got as u64,
            }),
        };
        within("number of wires", wires.total, 1, MAX_SIZE)?;
        let named = [wires.public_outputs, wires.public_inputs, wires.private_inputs]
            .iter()
            .fold(0usize, |sum, n| sum.saturating_add(*n));
        within("number of inputs and outputs", named, 0, wires.total - 1)?;
        let rows = matrices[0].rows();
        within("number of constraints", rows, 0, MAX_SIZE)?;
        for matrix in &matrices {
            within("number of rows of a matrix", matrix.rows(), rows, rows)?;
            let outside = |i: &usize| matrix.row(*i).last().is_some_and(|(c, _)| c >= wires.total);
            if let Some(row) = (0..rows).find(outside) {
                return Err(CircomError::Coefficient(row));
            }
        }
        Ok(Self { wires, matrices })
    }

    /// How the wires are numbered.
    pub fn wires(&self) -> Wires {
        self.wires
    }

    /// A, B and C.
    pub fn matrices(&self) -> &[SparseMatrix; 3] {
        &self.matrices
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.matrices[0].rows()
    }

    /// The first constraint that these values (1, public, private) break; values that are not there count as 0.
    pub fn first_broken(&self, values: &[Fr]) -> Option<usize> {
        let [a, b, c] = &self.matrices;
        (0..self.constraints()).find(|i| a.dot(*i, values) * b.dot(*i, values) != c.dot(*i, values))
    }

    /// Writes a `.r1cs` file; each wire is its own label.
    pub fn write(&self) -> Vec<u8> {
        let entries: usize = self.matrices.iter().map(SparseMatrix::entries).sum();
        let body = self.constraints() * 12 + entries * (4 + number::BYTES);
        let labels = self.wires.total * 8;
        let mut out = Writer::new(&FORMAT, 3, 12 + 3 * 12 + HEADER_BYTES + body + labels);
        let u32_of = |n: usize| (n as u32).to_le_bytes(); // at most 2^27
        out.section(1, HEADER_BYTES, |out| {
            number::put_modulus::<Fr>(out);
            let w = &self.wires;
            for n in [w.total, w.public_outputs, w.public_inputs, w.private_inputs] {
                out.extend(u32_of(n));
            }
            out.extend((w.total as u64).to_le_bytes());
            out.extend(u32_of(self.constraints()));
        });
        out.section(2, body, |out| {
            for row in 0..self.constraints() {
                for matrix in &self.matrices {
                    let entries = matrix.row(row);
                    out.extend(u32_of(entries.len()));
                    for (column, value) in entries {
                        out.extend(u32_of(column));
                        number::put_plain(value, out);
                    }
                }
            }
        });
        out.section(3, labels, |out| {
            (0..self.wires.total as u64).for_each(|wire| out.extend(wire.to_le_bytes()));
        });
        out.finish()
    }

    /// Reads a `.r1cs` file. Labels are not kept; custom gates are refused.
    ///
    /// # Errors
    /// [`CircomError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CircomError> {
        let sections = Sections::split(&FORMAT, bytes)?;
        let mut header = sections.get(1, "header")?;
        number::check_modulus::<Fr>(&mut header)?;
        let total = header.count("number of wires", 1, MAX_SIZE)?;
        let wires = Wires {
            total,
            public_outputs: header.count("number of public outputs", 0, total - 1)?,
            public_inputs: header.count("number of public inputs", 0, total - 1)?,
            private_inputs: header.count("number of private inputs", 0, total - 1)?,
        };
        header.u64()?; // labels of the source, of which wires are a part
        let count = header.count("number of constraints", 0, MAX_SIZE)?;
        header.end()?;
        sections.get(3, "labels")?.all(total, 8)?;
        let mut body = sections.get(2, "constraints")?;
        // Each constraint has at least its three counts: no memory is taken for what is not there.
        if (body.remaining() as u64) < count as u64 * 12 {
            return Err(CircomError::Truncated("constraints"));
        }
        let mut matrices: [SparseMatrix; 3] = Default::default();
        let mut entries = Vec::new();
        for index in 0..count {
            for matrix in &mut matrices {
                combination(&mut body, total, index, &mut entries)?;
                matrix.push(&mut entries);
            }
        }
        body.end()?;
        Self::new(wires, matrices)
    }
}

fn combination(
    reader: &mut Reader<'_>,
    wires: usize,
    constraint: usize,
    entries: &mut Vec<(u32, Fr)>,
) -> Result<(), CircomError> {
    entries.clear();
    let terms = reader.count("number of terms", 0, wires)?;
    for _ in 0..terms {
        let column = reader.u32()?;
        if column as usize >= wires {
            return Err(CircomError::Coefficient(constraint));
        }
        let value = number::plain(reader.take(number::BYTES)?).ok_or(CircomError::Number {
            what: "constraints",
            index: constraint,
        })?;
        entries.push((column, value));
    }
    Ok(())
}
