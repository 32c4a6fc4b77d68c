//! Shipway: a commit to a healthy service on Amazon ECS.

pub mod docker;
pub mod git;
pub mod model;
