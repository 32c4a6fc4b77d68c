//! Shipway takes a commit to a healthy service on Amazon ECS.
//!
//! A deploy is five words: **gather → plan → apply → watch → announce** (`verbs/deploy`). `model` holds the nouns,
//! `plan` and `rollout` decide purely, `steps` act, `aws`, `docker`, `git` and `github` are ports, `report` speaks.
//! `ARCHITECTURE.md` has the map.

pub mod aws;
pub mod docker;
pub mod error;
pub mod git;
pub mod github;
pub mod inputs;
pub mod model;
pub mod plan;
pub mod report;
pub mod rollout;
pub mod steps;
pub mod verbs;
pub mod wire;

pub use error::Error;
