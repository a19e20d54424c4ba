#![no_main]
medproof_fuzz::target!("statement_file");
