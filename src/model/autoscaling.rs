//! What Application Auto Scaling knows of an ECS service: its scalable target and what it did of late.

use jiff::Timestamp;

use super::Untrusted;

/// `service/CLUSTER/SERVICE`: what a scalable target calls a service.
pub fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}

/// A scalable target of `ecs:service:DesiredCount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalableTarget {
    pub resource_id: String,
    pub bounds: Bounds,
}

/// Between what it may move the desired count, and what it may not do at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub min: u32,
    pub max: u32,
    pub suspended: SuspendedState,
}

impl Bounds {
    pub fn clamp(&self, count: u32) -> u32 {
        // A maximum below the minimum is refused by AWS; were it there, the minimum is what autoscaling would restore.
        count.min(self.max).max(self.min)
    }
}

/// `SuspendedState`: left out is false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuspendedState {
    pub dynamic_scaling_in: bool,
    pub dynamic_scaling_out: bool,
    pub scheduled_scaling: bool,
}

/// A row of DescribeScalingActivities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalingActivity {
    pub resource_id: String,
    /// `Setting desired count to 3.`
    pub description: Untrusted,
    /// Pending, InProgress, Successful, Overridden, Unfulfilled, Failed.
    pub status: String,
    pub started_at: Option<Timestamp>,
}

impl ScalingActivity {
    /// Whether it set the desired count to this one, after that moment.
    pub fn set(&self, count: u32, after: Timestamp) -> bool {
        self.started_at.is_some_and(|at| at >= after)
            && !matches!(self.status.as_str(), "Failed" | "Unfulfilled")
            && self
                .description
                .contains(&format!("desired count to {count}."))
    }
}
