//! Poseidon over the scalar field, eight hashes at a time.
//!
//! Whoever knows the parameters gives the rounds, with the layers of the partial rounds made sparse; here is only how
//! they are carried out on vectors. One hash at a time stays with the owner of the parameters, the verifier's
//! `poseidon`, whose tests compare the two.

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vector;

use ark_bn254::Fr;
#[cfg(target_arch = "x86_64")]
pub use vector::Poseidon8;

/// Full rounds before the partial ones, and as many after them.
pub const HALF: usize = 4;

/// A round with an S-box (the fifth power) on every word.
#[derive(Clone, Debug)]
pub struct Full<const T: usize, E = Fr> {
    /// Added before the S-box.
    pub constants: [E; T],
    /// The linear layer after it, by rows.
    pub layer: [[E; T]; T],
}

/// A round with an S-box on the first word only. Its layer has a first row, a first column, and is the identity beside
/// them.
#[derive(Clone, Debug)]
pub struct Partial<const T: usize, E = Fr> {
    /// Added to the first word before the S-box.
    pub constant: E,
    /// The layer's first row.
    pub row: [E; T],
    /// The layer's first column; its first word is in `row`.
    pub column: [E; T],
}

/// The rounds of a permutation of `T` words, 2 to 16, in order. Of the last layer only the first row is needed.
#[derive(Clone, Debug)]
pub struct Rounds<const T: usize, E = Fr> {
    /// The first full rounds.
    pub before: [Full<T, E>; HALF],
    /// The partial rounds.
    pub partial: Vec<Partial<T, E>>,
    /// The last full rounds.
    pub after: [Full<T, E>; HALF],
}
