//! The imperative shell: steps act through the ports, by what pure code decided.

pub mod announce;
