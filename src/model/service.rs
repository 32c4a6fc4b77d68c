//! An ECS service as DescribeServices shows it, with the deployments in it, and its service deployments.
//!
//! `Deployment` (in a service: PRIMARY / ACTIVE), `ServiceDeployment` (own ARN and status) and the service revision
//! (an ARN) are three things and are kept apart. Enum values stay AWS's text, so that an unknown one is kept.

use jiff::Timestamp;
use serde::Serialize;

use super::Untrusted;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Service {
    pub arn: String,
    pub name: String,
    pub cluster_arn: String,
    /// ACTIVE, DRAINING, INACTIVE.
    pub status: String,
    pub task_definition: String,
    pub desired_count: u32,
    pub running_count: u32,
    pub pending_count: u32,
    /// ECS (also when the API leaves it out), CODE_DEPLOY, EXTERNAL.
    pub deployment_controller: String,
    /// REPLICA, DAEMON.
    pub scheduling_strategy: String,
    /// FARGATE, EC2, EXTERNAL; absent with a capacity-provider strategy.
    pub launch_type: Option<String>,
    pub capacity_providers: Vec<CapacityProvider>,
    /// `ECS` for a service that ECS manages itself (Express mode).
    pub resource_management_type: Option<String>,
    pub health_check_grace_period_seconds: Option<u32>,
    pub load_balancers: Vec<ServiceLoadBalancer>,
    pub deployment_configuration: DeploymentConfiguration,
    pub deployments: Vec<Deployment>,
    /// What CODE_DEPLOY and EXTERNAL have in place of deployments.
    pub task_sets: Vec<TaskSet>,
    /// Newest first, as ECS answers them.
    pub events: Vec<ServiceEvent>,
    /// A hint only: it may be absent or still name the previous one.
    pub current_service_deployment: Option<String>,
    /// `currentServiceRevisions`, the first: what its tasks run.
    pub current_service_revision: Option<String>,
    pub created_at: Option<Timestamp>,
    pub platform_version: Option<String>,
    pub network: Option<NetworkConfiguration>,
    /// Only where they were asked for.
    pub tags: Vec<(String, String)>,
}

impl Service {
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|d| d.status == "PRIMARY")
    }

    /// Whether tasks run on Fargate, by launch type or capacity provider.
    pub fn on_fargate(&self) -> bool {
        self.launch_type.as_deref() == Some("FARGATE")
            || self
                .capacity_providers
                .iter()
                .any(|p| p.name.starts_with("FARGATE"))
    }
}

/// An item of a `capacityProviderStrategy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CapacityProvider {
    pub name: String,
    pub weight: u32,
    pub base: u32,
}

/// A cluster as DescribeClusters shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cluster {
    pub arn: String,
    pub name: String,
    pub status: String,
    pub capacity_providers: Vec<String>,
}

/// What CreateService is to make: a REPLICA service, deployed by ECS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewService {
    pub name: String,
    pub desired_count: u32,
    /// FARGATE, EC2; absent with capacity providers.
    pub launch_type: Option<String>,
    pub capacity_providers: Vec<CapacityProvider>,
    pub platform_version: Option<String>,
    pub network: Option<NetworkConfiguration>,
    pub container_name: String,
    pub container_port: u16,
    pub health_check_grace_period_seconds: Option<u32>,
    /// SERVICE, TASK_DEFINITION, NONE.
    pub propagate_tags: String,
    pub deployment_configuration: DeploymentConfiguration,
}

/// `networkConfiguration.awsvpcConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NetworkConfiguration {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    /// ENABLED, DISABLED.
    pub assign_public_ip: Option<String>,
}

/// One entry of a service's `loadBalancers[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceLoadBalancer {
    pub target_group_arn: Option<String>,
    /// The other of two, in `advancedConfiguration`: a deployment that shifts traffic moves between them.
    pub alternate_target_group_arn: Option<String>,
    /// Of an Application Load Balancer the rule, of a Network Load Balancer the listener.
    pub production_listener_rule: Option<String>,
    /// A Classic Load Balancer's name.
    pub load_balancer_name: Option<String>,
    pub container_name: Option<String>,
    pub container_port: Option<u16>,
}

impl ServiceLoadBalancer {
    /// The target group that is named first, then the other one of those that deployments move between.
    pub fn target_groups(&self) -> impl Iterator<Item = &String> {
        let two = [&self.target_group_arn, &self.alternate_target_group_arn];
        two.into_iter().flatten()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeploymentConfiguration {
    pub minimum_healthy_percent: Option<u32>,
    pub maximum_percent: Option<u32>,
    /// ROLLING (also when left out), BLUE_GREEN, LINEAR, CANARY.
    pub strategy: String,
    pub circuit_breaker: Option<CircuitBreaker>,
    pub alarms: Option<Alarms>,
    /// After all traffic was shifted.
    pub bake_time_in_minutes: Option<u32>,
    pub linear: Option<TrafficStep>,
    pub canary: Option<TrafficStep>,
}

/// `linearConfiguration` or `canaryConfiguration`: what is shifted at a time, and the wait after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TrafficStep {
    pub percent: Option<f64>,
    pub bake_time_in_minutes: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
    pub reset_on_healthy_task: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Alarms {
    pub enable: bool,
    pub rollback: bool,
    pub names: Vec<String>,
}

/// A set of tasks that another deployment controller than ECS made, with its counts in a deployment's words.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskSet {
    pub deployment: Deployment,
    pub load_balancers: Vec<ServiceLoadBalancer>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Deployment {
    /// `ecs-svc/N`; tasks carry it in `startedBy`.
    pub id: String,
    /// PRIMARY, ACTIVE, INACTIVE.
    pub status: String,
    pub task_definition: String,
    pub desired_count: u32,
    pub pending_count: u32,
    pub running_count: u32,
    pub failed_tasks: u32,
    /// IN_PROGRESS, COMPLETED, FAILED; absent for a Classic Load Balancer.
    pub rollout_state: Option<String>,
    pub rollout_state_reason: Option<Untrusted>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceEvent {
    pub id: String,
    pub created_at: Option<Timestamp>,
    pub message: Untrusted,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceDeployment {
    pub arn: String,
    /// PENDING, IN_PROGRESS, SUCCESSFUL, STOP_REQUESTED, STOPPED, ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS,
    /// ROLLBACK_SUCCESSFUL, ROLLBACK_FAILED, or one that AWS added since.
    pub status: String,
    pub status_reason: Option<Untrusted>,
    pub lifecycle_stage: Option<String>,
    pub hooks: Vec<LifecycleHook>,
    /// Percent of production traffic that is directed to the target revision, where ECS shifts it.
    pub production_traffic: Option<f64>,
    pub target_service_revision_arn: Option<String>,
    pub source_service_revision_arns: Vec<String>,
    pub rollback: Option<Rollback>,
    pub circuit_breaker: Option<CircuitBreakerProgress>,
    /// MONITORING, MONITORING_COMPLETE, TRIGGERED; DISABLED where ECS does not use alarms for it.
    pub alarms_status: Option<String>,
    pub triggered_alarms: Vec<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// An item of `lifecycleHookDetails`: a hook that has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LifecycleHook {
    pub id: String,
    /// AWS_LAMBDA, PAUSE.
    pub target_type: String,
    /// The Lambda function's.
    pub target_arn: Option<String>,
    /// IN_PROGRESS, AWAITING_ACTION, SUCCEEDED, FAILED, TIMED_OUT.
    pub status: String,
    pub expires_at: Option<Timestamp>,
    /// CONTINUE, ROLLBACK.
    pub timeout_action: Option<String>,
}

impl LifecycleHook {
    /// What people know it by: its function, or else its id.
    pub fn name(&self) -> &str {
        let function = self.target_arn.as_deref();
        function
            .and_then(|arn| arn.split_once(":function:"))
            .map_or(self.id.as_str(), |(_, name)| name)
    }

    /// It waits for a person, not for a function.
    pub fn is_waiting(&self) -> bool {
        self.status == "AWAITING_ACTION"
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rollback {
    pub reason: Option<Untrusted>,
    pub service_revision_arn: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CircuitBreakerProgress {
    /// MONITORING, MONITORING_COMPLETE, TRIGGERED.
    pub status: String,
    pub failure_count: u32,
    pub threshold: u32,
}

/// A row of ListServiceDeployments.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceDeploymentBrief {
    pub arn: String,
    pub status: String,
    pub target_service_revision_arn: Option<String>,
    pub created_at: Option<Timestamp>,
}
