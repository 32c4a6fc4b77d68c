//! What to change, as a value with the reason for each change, before the first write. Pure.
//!
//! `apply` executes the very value that is printed; it decides nothing.

pub mod checkup;
pub mod difference;
pub mod image;
pub mod in_flight;
pub mod order;
pub mod overrides;
pub mod preflight;
pub mod preview;
pub mod rollback;
pub mod scale;
pub mod service;
pub mod trust;

pub use difference::Difference;
pub use service::{Change, Found, Plan, TaskDefinitionRef, Wanted};
