//! The shell: each step acts through the ports and says what it did. Steps decide nothing that a plan could decide.

pub mod access;
pub mod admit;
pub mod announce;
pub mod apply;
pub mod apply_preview;
pub mod ask_pulls;
pub mod checkup;
pub mod container_logs;
pub mod finish;
pub mod fleet;
pub mod gather;
pub mod glance;
pub mod image;
pub mod pace;
pub mod patience;
pub mod preview_command;
pub mod preview_repository;
pub mod remove_preview;
pub mod rest_preview;
pub mod ship_image;
pub mod smoke;
pub mod start;
pub mod wanted;
pub mod watch;
