//! The one integration binary.

mod harness;
mod scenarios;
