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
pub fn transpose(token: Ifma, data: &mut [LimbBlock; 8]) {
    // Plain loops: closures around vector operations are compiled without the kernel's features.
    let (even, odd) = (
        Lanes::load_unaligned(token, &EVEN),
        Lanes::load_unaligned(token, &ODD),
    );
    let (low, high) = (
        Lanes::load_unaligned(token, &LOW),
        Lanes::load_unaligned(token, &HIGH),
    );
    let zero = Lanes::zero(token);
    for limb in 0..LIMBS {
        // Words of two vectors side by side: of even lanes, then of odd ones.
        let mut pairs = [[zero; 2]; 4];
        for (k, pair) in pairs.iter_mut().enumerate() {
            let a = Lanes::load(token, &data[2 * k].0[limb]);
            let b = Lanes::load(token, &data[2 * k + 1].0[limb]);
            *pair = [a.interleave_low(b), a.interleave_high(b)];
        }
        // Words of four vectors: half of lane i, then half of lane i + 4.
        let mut fours = [[zero; 4]; 2];
        for (k, four) in fours.iter_mut().enumerate() {
            let (a, b) = (pairs[2 * k], pairs[2 * k + 1]);
            *four = [
                even.look_up_two(a[0], b[0]),
                even.look_up_two(a[1], b[1]),
                odd.look_up_two(a[0], b[0]),
                odd.look_up_two(a[1], b[1]),
            ];
        }
        for i in 0..4 {
            low.look_up_two(fours[0][i], fours[1][i])
                .store(&mut data[i].0[limb]);
            high.look_up_two(fours[0][i], fours[1][i])
                .store(&mut data[i + 4].0[limb]);
        }
    }
}
