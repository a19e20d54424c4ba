#![no_main]
medproof_fuzz::target!("witness_key");
