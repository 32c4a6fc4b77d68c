pub mod docker;
pub mod scripted;
