//! What a person may ask: a file a verb, each a story told top to bottom.

pub mod deploy;
#[cfg(feature = "try")]
pub mod sandbox;
#[cfg(feature = "try")]
pub mod try_it;
