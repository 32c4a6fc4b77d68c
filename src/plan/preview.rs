//! What is asked of previews, and what is to be done about them, as values with reasons. Pure.

pub mod certificate;
pub mod decide;
pub mod derive;
pub mod limits;
pub mod parts;
pub mod priority;
pub mod prune;
mod refusal;
pub mod removal;
pub mod repository;
pub mod rest;
pub mod routing;
pub mod up;

pub use refusal::PreviewRefusal;
