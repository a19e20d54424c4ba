//! The `medproof` binary.

use std::process::ExitCode;

/// Stack of a worker of the global pool, in bytes, of which only what is used takes memory. A worker that waits for a
/// part of its work takes up other work on the same stack: the default of 2 MiB was seen to overflow in `bench ledger`.
const WORKER_STACK: usize = 64 << 20;

fn main() -> ExitCode {
    // It fails where there is a pool already, and there is none yet; without one the default is made when it is needed.
    let _ = rayon::ThreadPoolBuilder::new()
        .stack_size(WORKER_STACK)
        .build_global();
    medproof_cli::run(std::env::args_os()).into()
}
