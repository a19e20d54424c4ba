#![no_main]
medproof_fuzz::target!("leaf_range");
