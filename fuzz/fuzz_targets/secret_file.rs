#![no_main]
medproof_fuzz::target!("secret_file");
