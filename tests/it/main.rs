//! The one integration binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod doctor;
mod documents;
mod harness;
mod real_image;
mod refusals;
mod scenarios;
mod second_revision;
mod secrets;
mod settings;
mod tidy;
mod try_once;
