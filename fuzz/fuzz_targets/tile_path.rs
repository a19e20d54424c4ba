#![no_main]
medproof_fuzz::target!("tile_path");
