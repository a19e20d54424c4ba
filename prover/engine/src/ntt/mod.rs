//! Number-theoretic transforms over the scalar field, for the one chain that Groth16 needs.
//!
//! Let `D` be the roots of `X^n = 1` with generator `w`, and `D'` those of `X^n = -1`, which are `z w^j` with
//! `z^2 = w`. A prover has the values of a polynomial of degree below `n` on `D` and wants them on `D'`:
//!
//! ```text
//! values on D --split with 1/w--> coefficients, bit-reversed --times z^i / n--> --merge with w--> values on D'
//! ```
//!
//! `split` takes natural order to bit-reversed order and `merge` takes it back,
//! so that nothing is ever permuted. Both multiply a whole block by one root, so that the table of roots, in
//! bit-reversed order, has `n / 2` entries for all levels together, and those of a smaller size are its prefix.

mod scalar;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(target_arch = "x86_64")]
mod vector;

use crate::{EngineError, Kernels};
use ark_bn254::Fr;
use ark_ff::{FftField, Field};
use medproof_kernels::field::Single;
use rayon::prelude::*;

/// Largest size: 2^28 would be the field's; 2^24 keeps every table below 512 MiB.
pub const MAX_LOG_SIZE: u32 = 24;

/// The position of `i` after reversing its lowest `bits` bits.
pub(crate) fn reversed(i: usize, bits: u32) -> usize {
    if bits == 0 {
        0
    } else {
        i.reverse_bits() >> (usize::BITS - bits)
    }
}

/// The transforms of one size, with their roots.
pub struct Transform {
    log_size: u32,
    /// `w^j` at `j` in bit-reversed order, `j < n / 2`.
    roots: Vec<Fr>,
    /// `w^-j`, likewise.
    inverse_roots: Vec<Fr>,
    /// `z^i / n`, in bit-reversed order, `i < n`.
    shift: Vec<Fr>,
    #[cfg(target_arch = "x86_64")]
    vector: Option<vector::Tables>,
}

impl Transform {
    /// The transforms of size `2^log_size` on the given kernels.
    ///
    /// # Errors
    /// [`EngineError::Domain`] beyond `2^24`.
    pub fn new(log_size: u32, kernels: Kernels) -> Result<Self, EngineError> {
        if log_size > MAX_LOG_SIZE {
            return Err(EngineError::Domain(log_size));
        }
        let size = 1u64 << log_size;
        // The field has roots of unity of order 2^28, so both exist, and neither they nor n is zero.
        let root = |order: u64| Fr::get_root_of_unity(order).ok_or(EngineError::Domain(log_size));
        let (omega, zeta) = (root(size)?, root(2 * size)?);
        let inverse = |x: Fr| x.inverse().ok_or(EngineError::Domain(log_size));
        let half_bits = log_size.saturating_sub(1);
        let half = (size / 2) as usize;
        let roots = powers(omega, Fr::ONE, half, half_bits);
        let inverse_roots = powers(inverse(omega)?, Fr::ONE, half, half_bits);
        let shift = powers(zeta, inverse(Fr::from(size))?, size as usize, log_size);
        Ok(Self {
            log_size,
            #[cfg(target_arch = "x86_64")]
            vector: match kernels {
                // The vector kernels work on 64 elements and more.
                Kernels::Ifma(token) if log_size >= 6 => {
                    Some(vector::Tables::new(token, &roots, &inverse_roots, &shift))
                }
                _ => None,
            },
            roots,
            inverse_roots,
            shift,
        })
    }

    /// Number of points.
    pub fn size(&self) -> usize {
        1 << self.log_size
    }

    /// Binary logarithm of the number of points.
    pub fn log_size(&self) -> u32 {
        self.log_size
    }

    /// Bytes of the tables.
    pub fn table_bytes(&self) -> usize {
        let scalar = (self.roots.len() + self.inverse_roots.len() + self.shift.len()) * size_of::<Fr>();
        #[cfg(target_arch = "x86_64")]
        let scalar = scalar + self.vector.as_ref().map_or(0, vector::Tables::bytes);
        scalar
    }

    /// Takes the values on `D` of a polynomial of degree below `n` to its values on `D'`, both in natural
    /// order. `values` must have [`Self::size`] entries.
    pub fn to_coset(&self, values: &mut [Fr]) {
        debug_assert_eq!(values.len(), self.size());
        #[cfg(target_arch = "x86_64")]
        if let Some(tables) = &self.vector {
            return tables.to_coset(values);
        }
        scalar::split(values, &self.inverse_roots);
        scale(values, &self.shift);
        scalar::merge(values, &self.roots);
    }

    /// Takes `a`, `b` and, where there is one, `c` from values on `D` to values on `D'` and leaves
    /// `factor (a b - c)` in `a`; the others hold nothing of use afterwards. Each must have [`Self::size`] entries.
    pub fn product(&self, a: &mut [Fr], b: &mut [Fr], c: Option<&mut [Fr]>, factor: Fr) {
        #[cfg(target_arch = "x86_64")]
        if let Some(tables) = &self.vector {
            return tables.product(a, b, c.as_deref(), factor);
        }
        let mut c = c;
        rayon::join(
            || self.to_coset(a),
            || rayon::join(|| self.to_coset(b), || c.as_mut().map(|c| self.to_coset(c))),
        );
        let pairs = a.par_iter_mut().zip(b).with_min_len(1 << 10);
        match c {
            None => pairs.for_each(|(a, b)| *a = factor.times(a.times(*b))),
            Some(c) => pairs
                .zip(c)
                .for_each(|((a, b), c)| *a = factor.times(a.times(*b).minus(*c))),
        }
    }

    /// Takes values on `D'`, in natural order, to coefficients in bit-reversed order.
    pub fn coset_to_coefficients(&self, values: &mut [Fr]) {
        debug_assert_eq!(values.len(), self.size());
        scalar::split(values, &self.inverse_roots);
        // shift holds z^i / n; its inverse times 1 / n^2 is wanted: z^-i / n = -z^(n - i) / n for i > 0.
        let (size, bits) = (self.size(), self.log_size);
        values
            .par_iter_mut()
            .enumerate()
            .with_min_len(1 << 10)
            .for_each(|(at, value)| {
                let i = reversed(at, bits);
                let (exponent, negative) = if i == 0 { (0, false) } else { (size - i, true) };
                let factor = self.shift[reversed(exponent, bits)];
                *value *= if negative { -factor } else { factor };
            });
    }

    /// `z^-i` at `i`, in natural order: the factors that take a query's transform from `D` to `D'`.
    pub(crate) fn inverse_shift(&self) -> Vec<Fr> {
        let (size, bits) = (self.size(), self.log_size);
        let n = Fr::from(size as u64);
        (0..size)
            .into_par_iter()
            .map(|i| match i {
                0 => Fr::ONE,
                i => -self.shift[reversed(size - i, bits)] * n,
            })
            .collect()
    }

    /// `w^-j` in bit-reversed order.
    pub(crate) fn inverse_roots(&self) -> &[Fr] {
        &self.inverse_roots
    }
}

/// `start * base^i` for `i < count = 2^bits`, in bit-reversed order.
fn powers(base: Fr, start: Fr, count: usize, bits: u32) -> Vec<Fr> {
    // Doubling: the exponent of the entry at 2^k + j is that of j plus 2^(bits - 1 - k).
    let mut out = vec![start; count];
    let mut steps = Vec::with_capacity(bits as usize);
    let mut step = base;
    for _ in 0..bits {
        steps.push(step);
        step.square_in_place();
    }
    for k in 0..bits as usize {
        let step = steps[bits as usize - 1 - k];
        let (done, next) = out.split_at_mut(1 << k);
        next[..1 << k]
            .par_iter_mut()
            .zip(done)
            .with_min_len(1 << 12)
            .for_each(|(next, done)| *next = step * *done);
    }
    out
}

fn scale(values: &mut [Fr], factors: &[Fr]) {
    values
        .par_iter_mut()
        .zip(factors)
        .with_min_len(1 << 10)
        .for_each(|(value, factor)| *value = value.times(*factor));
}
