//! What every decoder that meets outside bytes must keep on any bytes at all: it ends, refuses with a message
//! or gives a value, and never panics. What it gives has one encoding: encoded again, it is the same bytes
//! or, where the format allows several spellings, decodes to the same value.
//!
//! [`DECODERS`] lists them. `tests/tests/decoders.rs` runs each over its seeds and seeded mutations of them in CI;
//! `fuzz/` runs the same functions under libFuzzer.

mod circom;
pub mod entries;
mod files;
pub mod mutate;
mod policies;
mod records;
mod seeds;
mod tlog;
mod verifier;
mod wire;

use mutate::Form;

/// A decoder with what it is tried on.
pub struct Decoder {
    /// Its name, also that of its fuzz target and the folder of its seeds.
    pub name: &'static str,
    /// Tries any bytes and says whether they were accepted. Panics when a property does not hold.
    pub run: fn(&[u8]) -> bool,
    /// Inputs that are accepted, always the same ones.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How its inputs are best mutated.
    pub form: Form,
    /// Mutations in the short run of CI, by the decoder's speed.
    pub rounds: usize,
    /// Bytes of memory that one input may take beside [`MEMORY_FACTOR`] times its length.
    pub memory: usize,
}

/// Bytes of memory that a decoder may take for each byte of its input.
pub const MEMORY_FACTOR: usize = 256;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

macro_rules! decoder {
    ($name:ident, $module:ident, $form:ident, $rounds:expr, $memory:expr) => {
        Decoder {
            name: stringify!($name),
            run: $module::$name,
            seeds: seeds::$name,
            form: Form::$form,
            rounds: $rounds,
            memory: $memory,
        }
    };
}

/// Every decoder.
pub const DECODERS: &[Decoder] = &[
    decoder!(proof, verifier, Binary, 1_000, 64 * KIB),
    decoder!(verifying_key, verifier, Binary, 200, 512 * KIB),
    decoder!(entry, verifier, Binary, 2_000, 512 * KIB),
    decoder!(receipt, verifier, Binary, 2_000, 256 * KIB),
    decoder!(checkpoint, verifier, Text, 2_000, 256 * KIB),
    decoder!(log_key, verifier, Text, 3_000, 64 * KIB),
    decoder!(witness_key, tlog, Text, 3_000, 64 * KIB),
    decoder!(cosignatures, tlog, Text, 1_000, 256 * KIB),
    decoder!(add_checkpoint, tlog, Text, 2_000, 256 * KIB),
    decoder!(tile_path, tlog, Text, 5_000, 64 * KIB),
    decoder!(entry_tile, tlog, Binary, 3_000, 256 * KIB),
    decoder!(leaf_range, verifier, Binary, 300, 2 * MIB),
    decoder!(gateway, wire, Binary, 3_000, 64 * KIB),
    decoder!(ledger, wire, Binary, 2_000, 512 * KIB),
    decoder!(prover, wire, Binary, 500, 512 * KIB),
    decoder!(witness, wire, Binary, 500, 2 * MIB),
    decoder!(bundle, records, Text, 3_000, MIB),
    decoder!(check, records, Text, 200, 32 * MIB),
    decoder!(claim_context, records, Text, 3_000, 64 * KIB),
    decoder!(policy, policies, Text, 1_500, 4 * MIB),
    decoder!(code, records, Text, 5_000, 64 * KIB),
    decoder!(secret_file, files, Binary, 2_000, 64 * KIB),
    decoder!(wallet_file, files, Binary, 3_000, 320 * KIB),
    decoder!(paper, files, Binary, 3_000, 320 * KIB),
    decoder!(statement_file, files, Text, 2_000, 256 * KIB),
    decoder!(receipt_file, files, Text, 3_000, 256 * KIB),
    decoder!(journal, files, Binary, 3_000, 64 * KIB),
    decoder!(log, entries, Binary, 300, 2 * MIB),
    decoder!(zkey, circom, Binary, 300, 8 * MIB),
    decoder!(wtns_file, circom, Binary, 3_000, 64 * KIB),
    decoder!(r1cs, circom, Binary, 3_000, 64 * KIB),
];

/// The decoder with this name.
///
/// # Panics
/// When there is none.
pub fn named(name: &str) -> &'static Decoder {
    let found = DECODERS.iter().find(|d| d.name == name);
    found.expect("a decoder of the list")
}
