//! What is asked of previews, and what is to be done about them, as values with reasons. Pure.

pub mod decide;
pub mod parts;
pub mod prune;
pub mod removal;
pub mod rest;
