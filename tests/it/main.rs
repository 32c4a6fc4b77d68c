//! The one integration binary.

mod documents;
mod harness;
mod refusals;
mod scenarios;
mod secrets;
mod settings;
mod tidy;
