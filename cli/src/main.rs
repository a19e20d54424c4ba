//! The `medproof` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    medproof_cli::run(std::env::args_os()).into()
}
