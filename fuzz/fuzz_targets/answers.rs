//! A whole deploy, with one member of one answer changed: seven bytes choose which and how.
#![no_main]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/harness.rs"]
mod harness;

mod fuzz {
    #[path = "../../../tests/it/fuzz/answers.rs"]
    pub mod answers;
    #[path = "../../../tests/it/fuzz/members.rs"]
    pub mod members;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::answers::answers(bytes));
