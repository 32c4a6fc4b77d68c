//! The AWS port: SDK types end here. One API operation a function, named after it, its pages and batches included.
//!
//! Missing fields become errors here; unknown enum values are kept as text. Knows nothing of plans or verdicts.

pub mod acm;
pub mod autoscaling;
pub mod credentials;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod failure;
pub mod iam;
pub mod ssm;
pub mod sts;
pub mod task_definitions;
mod tasks;

pub use failure::{AwsError, Failure};

/// Who retries. Polls have the SDK's retries off, for the pace decides; other calls have the SDK's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    Sdk,
    Off,
}

/// The clients of one region and one set of credentials.
#[derive(Clone, Debug)]
pub struct Aws {
    pub acm: acm::Acm,
    pub autoscaling: autoscaling::AutoScaling,
    pub ecs: ecs::Ecs,
    pub ecr: ecr::Ecr,
    pub elbv2: elbv2::Elbv2,
    pub iam: iam::Iam,
    pub ssm: ssm::Ssm,
    pub sts: sts::Sts,
}
