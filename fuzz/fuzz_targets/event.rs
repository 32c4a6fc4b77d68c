//! The payload of an event, after a byte for which event it is.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipway::fuzz::event(bytes));
