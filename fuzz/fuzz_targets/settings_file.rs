//! `shipway.yml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipway::fuzz::settings_file(bytes));
