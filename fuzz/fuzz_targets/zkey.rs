#![no_main]
medproof_fuzz::target!("zkey");
