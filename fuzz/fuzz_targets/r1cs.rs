#![no_main]
medproof_fuzz::target!("r1cs");
