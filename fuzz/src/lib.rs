//! What every target is: one decoder of `medproof_tests::decoders`, and mutations that know its form.

pub use libfuzzer_sys;
pub use medproof_tests::decoders;

use std::path::PathBuf;

/// Writes the seeds of a decoder into the folder that `MEDPROOF_SEEDS` names, before the fuzzer reads its corpus.
///
/// # Panics
/// When they cannot be written.
pub fn write_seeds(seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("MEDPROOF_SEEDS").map(PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("the folder of the seeds can be made");
    for (i, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{i:03}")), seed).expect("a seed can be written");
    }
}

/// A target for the decoder of this name. One mutation in two is libFuzzer's own, the others change numbers,
/// texts and lines of text formats, or take parts of seeds.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        use $crate::{decoders, libfuzzer_sys};
        use std::sync::LazyLock;

        static DECODER: LazyLock<&decoders::Decoder> = LazyLock::new(|| decoders::named($name));
        static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (DECODER.seeds)());

        libfuzzer_sys::fuzz_target!(init: $crate::write_seeds(&SEEDS), |data: &[u8]| {
            (DECODER.run)(data);
        });

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            if seed % 2 == 0 {
                return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
            }
            let other = &SEEDS[seed as usize / 2 % SEEDS.len()];
            let changed = decoders::mutate::mutate(DECODER.form, &data[..size], other, seed.into());
            let length = changed.len().min(max_size);
            data[..length].copy_from_slice(&changed[..length]);
            length
        });
    };
}
