#![no_main]
medproof_fuzz::target!("wallet_file");
