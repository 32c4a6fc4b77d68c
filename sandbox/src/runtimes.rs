//! Who runs the tasks: entries of the agenda, or real containers on this machine.

pub mod docker;
pub mod scripted;
