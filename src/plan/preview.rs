//! What is to be done about previews, as values with reasons. Pure.

pub mod certificate;
pub mod derive;
pub mod limits;
pub mod parts;
pub mod priority;
pub mod prune;
mod refusal;
pub mod removal;
pub mod rest;
pub mod routing;
pub mod up;

pub use refusal::PreviewRefusal;
