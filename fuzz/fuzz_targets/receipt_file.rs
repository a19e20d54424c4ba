#![no_main]
medproof_fuzz::target!("receipt_file");
