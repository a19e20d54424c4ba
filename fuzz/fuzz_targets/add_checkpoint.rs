#![no_main]
medproof_fuzz::target!("add_checkpoint");
