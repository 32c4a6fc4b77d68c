//! The shell: each step acts through the ports and says what it did. Steps decide nothing that a plan could decide.

pub mod apply;
pub mod gather;
