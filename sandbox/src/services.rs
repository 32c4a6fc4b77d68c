//! The services' operations, a row each. A service is a folder or file here; the table joins them.

pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod github;
pub mod logs;
pub mod sts;
