//! The one integration binary.

#![allow(
    clippy::unwrap_used,
    reason = "functions of tests, which clippy.toml does not see as tests"
)]

mod documents;
mod harness;
mod refusals;
mod scenarios;
mod secrets;
mod settings;
mod tidy;
