//! The one integration binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod docs;
mod documents;
mod harness;
mod partitions;
mod plan;
mod real_image;
mod refusals;
mod scenarios;
mod second_revision;
mod secrets;
mod settings;
mod tidy;
mod try_once;
