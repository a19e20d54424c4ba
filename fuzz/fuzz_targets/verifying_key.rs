#![no_main]
medproof_fuzz::target!("verifying_key");
