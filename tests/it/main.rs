//! The one integration binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod docs;
mod doctor;
mod documents;
mod fuzz;
mod harness;
mod install;
mod partitions;
mod plan;
mod preview_pace;
mod previews;
mod proxies;
mod real_image;
mod refusals;
mod scale;
mod scenarios;
mod second_revision;
mod secrets;
mod settings;
mod signals;
mod simulation;
mod threats;
mod tidy;
mod try_once;
mod try_troubles;
