//! The nouns, pure: no I/O, no clock, no environment.

pub mod image_tag;
