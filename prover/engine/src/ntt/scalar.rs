//! The transforms one element at a time: the twin that every faster path is compared with.
//!
//! Level `k` cuts the data into `2^k` blocks. Splitting block `i` takes a residue modulo `X^m - r^2` to those
//! modulo `X^(m/2) - r` and `X^(m/2) + r`, with `r = roots[i]`; its parts are the blocks `2i` and `2i + 1` of
//! the next level. Merging undoes this up to a factor of 2 for each level.
//!
//! Two levels are done in one pass over the data, and a block that fits a core's cache is finished before the
//! next is touched.

use ark_bn254::Fr;
use medproof_kernels::field::Single;
use rayon::prelude::*;

/// Elements (32 bytes each) of a block that one core finishes alone; it fits the second-level cache.
const ALONE: usize = 1 << 13;
/// Elements of a block that fits the first-level cache.
const NEAR: usize = 1 << 10;

/// Natural order to bit-reversed order: `out[reversed(j)] = sum_i in[i] root^(ij)`, where `roots` holds the powers
/// of `root` in bit-reversed order.
pub(super) fn split(values: &mut [Fr], roots: &[Fr]) {
    split_block(values, roots, 0);
}

/// Bit-reversed order to natural order: `out[j] = sum_i in[reversed(i)] root^(ij)`.
pub(super) fn merge(values: &mut [Fr], roots: &[Fr]) {
    merge_block(values, roots, 0);
}

fn split_block(block: &mut [Fr], roots: &[Fr], i: usize) {
    let len = block.len();
    if len <= NEAR {
        return split_near(block, roots, i);
    }
    let quarter = len / 4;
    {
        let [a, b, c, d] = quarters(block);
        let step = |a: &mut [Fr], b: &mut [Fr], c: &mut [Fr], d: &mut [Fr]| {
            let [r, r0, r1] = [roots[i], roots[2 * i], roots[2 * i + 1]];
            for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                if i == 0 {
                    (*a, *c) = sum_and_difference(*a, *c);
                    (*b, *d) = sum_and_difference(*b, *d);
                    (*a, *b) = sum_and_difference(*a, *b);
                } else {
                    split_pair(a, c, &r);
                    split_pair(b, d, &r);
                    split_pair(a, b, &r0);
                }
                split_pair(c, d, &r1);
            }
        };
        in_parts(len, [a, b, c, d], step);
    }
    if len <= ALONE {
        for (k, part) in block.chunks_exact_mut(quarter).enumerate() {
            split_block(part, roots, 4 * i + k);
        }
    } else {
        block
            .par_chunks_exact_mut(quarter)
            .enumerate()
            .for_each(|(k, part)| split_block(part, roots, 4 * i + k));
    }
}

fn merge_block(block: &mut [Fr], roots: &[Fr], i: usize) {
    let len = block.len();
    if len <= NEAR {
        return merge_near(block, roots, i);
    }
    let quarter = len / 4;
    if len <= ALONE {
        for (k, part) in block.chunks_exact_mut(quarter).enumerate() {
            merge_block(part, roots, 4 * i + k);
        }
    } else {
        block
            .par_chunks_exact_mut(quarter)
            .enumerate()
            .for_each(|(k, part)| merge_block(part, roots, 4 * i + k));
    }
    let step = |a: &mut [Fr], b: &mut [Fr], c: &mut [Fr], d: &mut [Fr]| {
        let [r, r0, r1] = [roots[i], roots[2 * i], roots[2 * i + 1]];
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            merge_pair(c, d, &r1);
            if i == 0 {
                (*a, *b) = sum_and_difference(*a, *b);
                (*a, *c) = sum_and_difference(*a, *c);
                (*b, *d) = sum_and_difference(*b, *d);
            } else {
                merge_pair(a, b, &r0);
                merge_pair(a, c, &r);
                merge_pair(b, d, &r);
            }
        }
    };
    in_parts(len, quarters(block), step);
}

/// Runs `step` over four equally long pieces, on several cores where that pays.
fn in_parts(
    len: usize,
    [a, b, c, d]: [&mut [Fr]; 4],
    step: impl Fn(&mut [Fr], &mut [Fr], &mut [Fr], &mut [Fr]) + Sync,
) {
    if len <= ALONE {
        return step(a, b, c, d);
    }
    const PART: usize = 1 << 9;
    a.par_chunks_mut(PART)
        .zip(b.par_chunks_mut(PART))
        .zip(c.par_chunks_mut(PART))
        .zip(d.par_chunks_mut(PART))
        .for_each(|(((a, b), c), d)| step(a, b, c, d));
}

fn quarters(block: &mut [Fr]) -> [&mut [Fr]; 4] {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (a, b) = low.split_at_mut(low.len() / 2);
    let (c, d) = high.split_at_mut(high.len() / 2);
    [a, b, c, d]
}

#[inline(always)]
fn sum_and_difference(a: Fr, b: Fr) -> (Fr, Fr) {
    (a.plus(b), a.minus(b))
}

#[inline(always)]
fn split_pair(low: &mut Fr, high: &mut Fr, root: &Fr) {
    let product = high.times(*root);
    (*low, *high) = sum_and_difference(*low, product);
}

#[inline(always)]
fn merge_pair(low: &mut Fr, high: &mut Fr, root: &Fr) {
    let (sum, difference) = sum_and_difference(*low, *high);
    *low = sum;
    *high = difference.times(*root);
}

/// All levels of a block in the nearest cache.
fn split_near(block: &mut [Fr], roots: &[Fr], i: usize) {
    let (mut first, mut len) = (i, block.len());
    while len > 1 {
        for (k, part) in block.chunks_exact_mut(len).enumerate() {
            let (low, high) = part.split_at_mut(len / 2);
            let root = roots[first + k];
            for (low, high) in low.iter_mut().zip(high) {
                if first + k == 0 {
                    (*low, *high) = sum_and_difference(*low, *high);
                } else {
                    split_pair(low, high, &root);
                }
            }
        }
        (first, len) = (2 * first, len / 2);
    }
}

fn merge_near(block: &mut [Fr], roots: &[Fr], i: usize) {
    let mut len = 2;
    while len <= block.len() {
        let first = i * (block.len() / len);
        for (k, part) in block.chunks_exact_mut(len).enumerate() {
            let (low, high) = part.split_at_mut(len / 2);
            let root = roots[first + k];
            for (low, high) in low.iter_mut().zip(high) {
                if first + k == 0 {
                    (*low, *high) = sum_and_difference(*low, *high);
                } else {
                    merge_pair(low, high, &root);
                }
            }
        }
        len *= 2;
    }
}
