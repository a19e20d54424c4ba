//! Between eight vectors and the eight vectors of their lanes.

use super::Ifma;
use super::lanes::Lanes;
use super::modulus::LIMBS;
use super::vector::LimbBlock;

const EVEN: [u64; 8] = [0, 1, 8, 9, 4, 5, 12, 13];
const ODD: [u64; 8] = [2, 3, 10, 11, 6, 7, 14, 15];
const LOW: [u64; 8] = [0, 1, 2, 3, 8, 9, 10, 11];
const HIGH: [u64; 8] = [4, 5, 6, 7, 12, 13, 14, 15];

/// Lane i of vector j becomes lane j of vector i; its own inverse.
#[inline(always)]
pub(crate) fn transpose(token: Ifma, data: &mut [LimbBlock; 8]) {
    let [even, odd, low, high] = [EVEN, ODD, LOW, HIGH].map(|order| Lanes::load_unaligned(token, &order));
    for limb in 0..LIMBS {
        let row = |v: usize| Lanes::load(token, &data[v].0[limb]);
        // Words of two vectors side by side: of even lanes, then of odd ones.
        let pairs = [0, 2, 4, 6].map(|v| {
            let (a, b) = (row(v), row(v + 1));
            [a.interleave_low(b), a.interleave_high(b)]
        });
        // Words of four vectors: half of lane i, then half of lane i + 4.
        let fours = [0, 2].map(|k| {
            let of = |parity: usize, order: Lanes| order.look_up_two(pairs[k][parity], pairs[k + 1][parity]);
            [of(0, even), of(1, even), of(0, odd), of(1, odd)]
        });
        for i in 0..4 {
            low.look_up_two(fours[0][i], fours[1][i])
                .store(&mut data[i].0[limb]);
            high.look_up_two(fours[0][i], fours[1][i])
                .store(&mut data[i + 4].0[limb]);
        }
    }
}
