#![no_main]
medproof_fuzz::target!("entry_tile");
