//! Compiles the `.proto` files with protox, so that no `protoc` needs to be installed.

use std::{error::Error, path::Path};

/// Every service of the project; each has its own file and package.
const FILES: &[&str] = &["gateway.proto", "ledger.proto", "prover.proto", "witness.proto"];

/// Messages with private inputs: wiped when dropped, never printed.
const SECRET: &str = ".medproof.witness.v1";
/// Messages that hold such messages.
const HOLD_SECRETS: &[&str] = &[
    SECRET,
    ".medproof.gateway.v1.DispenseOpening",
    ".medproof.gateway.v1.PayableOpening",
    ".medproof.gateway.v1.PersonOpening",
    ".medproof.gateway.v1.PresentRequest",
    ".medproof.prover.v1.ProveRequest",
    ".medproof.prover.v1.ProveBatchRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new("proto");
    println!("cargo::rerun-if-changed=proto");
    let files: Vec<_> = FILES.iter().map(|file| directory.join(file)).collect();
    let descriptors = protox::compile(files, [directory])?;
    tonic_prost_build::configure()
        .message_attribute(SECRET, "#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]")
        .skip_debug(HOLD_SECRETS)
        .compile_fds(descriptors)?;
    Ok(())
}
