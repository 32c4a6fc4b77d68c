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
pub mod logs;
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
    pub logs: logs::Logs,
    pub ssm: ssm::Ssm,
    pub sts: sts::Sts,
}

/// The same client without the SDK's retries.
macro_rules! once {
    ($sdk:ident, $client:expr) => {
        $sdk::Client::from_conf(
            $client
                .config()
                .to_builder()
                .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
                .build(),
        )
    };
}

impl Aws {
    /// The same clients with the SDK's retries off, for whoever paces and repeats calls on their own.
    pub fn without_retries(&self) -> Aws {
        let mut aws = self.clone();
        aws.autoscaling.client = once!(aws_sdk_applicationautoscaling, self.autoscaling.client);
        aws.ecs.client = once!(aws_sdk_ecs, self.ecs.client);
        aws.ecr.client = once!(aws_sdk_ecr, self.ecr.client);
        aws.elbv2.client = once!(aws_sdk_elasticloadbalancingv2, self.elbv2.client);
        aws.ssm.client = once!(aws_sdk_ssm, self.ssm.client);
        aws
    }
}
