#![no_main]
medproof_fuzz::target!("wtns_file");
