//! The shell: each step acts through the ports and says what it did. Steps decide nothing that a plan could decide.

pub mod access;
pub mod admit;
pub mod announce;
pub mod apply;
pub mod checkup;
pub mod finish;
pub mod fleet;
pub mod gather;
pub mod glance;
pub mod image;
pub mod ship_image;
pub mod smoke;
pub mod start;
pub mod wanted;
pub mod watch;
