//! A task definition's file, as JSON and as YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipway::fuzz::task_definition(bytes));
