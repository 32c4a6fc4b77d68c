//! What is to be done about previews, as values with reasons. Pure.

pub mod parts;
pub mod prune;
pub mod removal;
pub mod rest;
