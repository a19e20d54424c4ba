//! Section 4: the entries of A and B, with one row a public input behind the constraints.

use super::header::Header;
use crate::{CircomError, SparseMatrix, container::Reader, number};
use ark_bn254::Fr;
use ark_ff::Field;
use rayon::slice::ParallelSliceMut;

/// Matrix, constraint and wire as u32, and the value.
const ENTRY_BYTES: usize = 12 + number::BYTES;

struct Entry {
    row: u32,
    column: u32,
    value: Fr,
}

/// Reads A and B and takes the rows of the public inputs off.
pub(super) fn read(
    mut reader: Reader<'_>,
    header: &Header,
) -> Result<(SparseMatrix, SparseMatrix), CircomError> {
    let count = reader.u32()? as usize;
    let bytes = reader.all(count, ENTRY_BYTES)?;
    let mut entries: [Vec<Entry>; 2] = Default::default();
    for (index, chunk) in bytes.chunks_exact(ENTRY_BYTES).enumerate() {
        let mut entry = Reader::new(chunk, "coefficients");
        let (matrix, row, column) = (entry.u32()?, entry.u32()?, entry.u32()?);
        if row as usize >= header.domain || column as usize >= header.variables {
            return Err(CircomError::Coefficient(index));
        }
        let list = entries
            .get_mut(matrix as usize)
            .ok_or(CircomError::Coefficient(index))?;
        let value = number::doubly_montgomery(entry.take(number::BYTES)?);
        list.push(Entry {
            row,
            column,
            value: value.ok_or(CircomError::Number {
                what: "coefficients",
                index,
            })?,
        });
    }
    let [a, b] = &mut entries;
    // The last row belongs to the last public input: without it the key ignores that input.
    let rows = a.iter().map(|e| e.row as usize + 1).max().unwrap_or_default();
    let (mut a, mut b) = (matrix(a, rows), matrix(b, rows));
    let inputs = header.public + 1;
    let constraints = rows.checked_sub(inputs).ok_or(CircomError::InputRows)?;
    let apart = |i: usize| {
        let row = constraints + i;
        a.row(row).eq([(i, &Fr::ONE)]) && b.row(row).len() == 0
    };
    if b.rows() > rows || !(0..inputs).all(apart) {
        return Err(CircomError::InputRows);
    }
    let expected = rows.next_power_of_two();
    if header.domain != expected {
        return Err(CircomError::Domain {
            rows,
            expected,
            got: header.domain,
        });
    }
    a.truncate(constraints);
    b.truncate(constraints);
    Ok((a, b))
}

/// Puts entries in any order into a matrix of at least `rows` rows.
fn matrix(entries: &mut [Entry], rows: usize) -> SparseMatrix {
    entries.par_sort_unstable_by_key(|e| (e.row, e.column));
    let mut out = SparseMatrix::new();
    let mut row = Vec::new();
    for group in entries.chunk_by(|a, b| a.row == b.row) {
        while out.rows() < group[0].row as usize {
            out.push(&mut []);
        }
        row.clear();
        row.extend(group.iter().map(|e| (e.column, e.value)));
        out.push(&mut row);
    }
    while out.rows() < rows {
        out.push(&mut []);
    }
    out
}
