//! Every decoder over its seeds and over seeded mutations of them. `make fuzz` goes further.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use medproof_tests::decoders::{DECODERS, Decoder, MEMORY_FACTOR, mutate::mutate, named};
use peak_alloc::PeakAlloc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The peak is the process's, so decoders take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Runs one input and says whether it was accepted. A failure shows the input, so that it can be made a test beside the decoder.
fn run(decoder: &Decoder, input: &[u8], what: &str) -> bool {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let outcome = catch_unwind(AssertUnwindSafe(|| (decoder.run)(input)));
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let shown = || {
        let text = String::from_utf8_lossy(input);
        format!(
            "{}, {what}: {:.4000}",
            decoder.name,
            text.escape_debug().to_string()
        )
    };
    let limit = decoder.memory + MEMORY_FACTOR * input.len();
    assert!(
        peak <= limit,
        "{peak} bytes of memory, limit {limit}: {}",
        shown()
    );
    outcome.unwrap_or_else(|_| panic!("the decoder panicked: {}", shown()))
}

fn short(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let decoder = named(name);
    let seeds = (decoder.seeds)();
    assert!(!seeds.is_empty());
    // The first call makes what is made once: policies, keys, tables.
    (decoder.run)(&seeds[0]);
    run(decoder, &[], "no bytes");
    for (i, seed) in seeds.iter().enumerate() {
        assert!(
            run(decoder, seed, &format!("seed {i}")),
            "{name}: seed {i} is refused"
        );
    }
    for round in 0..decoder.rounds {
        let (one, other) = (round % seeds.len(), round * 7 % seeds.len());
        let input = mutate(decoder.form, &seeds[one], &seeds[other], round as u64);
        run(decoder, &input, &format!("round {round}"));
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { short(stringify!($name)); })*
    };
}

tests! {
    proof verifying_key entry receipt checkpoint log_key witness_key cosignatures add_checkpoint tile_path entry_tile leaf_range
    gateway ledger prover witness bundle check claim_context policy code secret_file wallet_file paper statement_file receipt_file journal log
    zkey wtns_file r1cs
}

#[test]
fn every_decoder_has_its_test() {
    let names: Vec<&str> = DECODERS.iter().map(|d| d.name).collect();
    assert_eq!(names, TESTED);
}
