#![no_main]
medproof_fuzz::target!("cosignatures");
