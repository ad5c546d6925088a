#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| labkit_fuzz::yaml::run(data));
