//! The action's inputs, as one JSON text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipway::fuzz::settings_json(bytes));
