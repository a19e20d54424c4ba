//! The parameter x of BN254, from which its primes are made.

use ark_bn254::Config;
use ark_ec::bn::BnConfig;

/// The curve's parameter x, of 63 bits.
const X: u64 = Config::X[0];
/// Digits of x in its non-adjacent form, lowest first; the leading one is number 62, and 24 are not zero.
pub const X_DIGITS: [i8; 64] = signed_digits(X);

const fn signed_digits(mut rest: u64) -> [i8; 64] {
    let mut digits = [0; 64];
    let mut at = 0;
    while rest > 0 {
        match rest & 3 {
            1 => {
                digits[at] = 1;
                rest -= 1;
            }
            3 => {
                digits[at] = -1;
                rest += 1;
            }
            _ => {}
        }
        rest >>= 1;
        at += 1;
    }
    digits
}
