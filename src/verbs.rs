//! What a person may ask: a file a verb, each a story told top to bottom.

pub mod build;
pub mod deploy;
pub mod doctor;
mod last_words;
pub mod plan;
pub mod preview;
pub mod rollback;
mod rolling;
#[cfg(feature = "try")]
pub mod sandbox;
pub mod scale;
pub mod schema;
#[cfg(feature = "try")]
pub mod try_it;
mod verdict;
mod watched;
