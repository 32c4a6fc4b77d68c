//! Previews of pull requests: what is asked for. Pure.

pub mod decide;
