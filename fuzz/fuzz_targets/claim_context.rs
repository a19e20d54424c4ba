#![no_main]
medproof_fuzz::target!("claim_context");
