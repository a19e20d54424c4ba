//! Compiles the `.proto` files with protox, so that no `protoc` needs to be installed.

use std::{error::Error, path::Path};

/// Every service of the project; each has its own file and package.
const FILES: &[&str] = &["ledger.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new("proto");
    println!("cargo::rerun-if-changed=proto");
    let files: Vec<_> = FILES.iter().map(|file| directory.join(file)).collect();
    let descriptors = protox::compile(files, [directory])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
