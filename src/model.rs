//! The nouns, pure, in ECS's words. Knows no SDK, no clock, no I/O: ports translate into these, everything else reads them.

pub mod autoscaling;
pub mod claims;
pub mod container_logs;
pub mod deployment_state;
pub mod event;
pub mod image;
pub mod image_tag;
pub mod names;
pub mod past;
pub mod policy_text;
pub mod preview;
pub mod service;
pub mod sleep;
pub mod target;
pub mod task;
pub mod task_definition;
pub mod trust_policy;
pub mod untrusted;
pub mod verdict;
pub mod wildcards;

pub use untrusted::Untrusted;
