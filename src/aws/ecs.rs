//! Amazon ECS: services, service deployments, tasks, tags. Task definitions travel raw, in `task_definitions`.

mod listing;
mod making;
mod removing;
mod revisions;
mod service_deployments;
mod stopping;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types as sdk;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{AwsError, Failure, Retries};
pub use revisions::ResolvedImage;

use crate::model::Untrusted;
use crate::model::service::{
    Alarms, CapacityProvider, CircuitBreaker, Deployment, DeploymentConfiguration,
    NetworkConfiguration, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceEvent,
    ServiceLoadBalancer, TaskSet, TrafficStep,
};

/// DescribeServices and DescribeTasks take so many at a time (API reference).
pub const SERVICES_PER_CALL: usize = 10;
const TASKS_PER_CALL: usize = 100;
const SERVICE_DEPLOYMENTS_PER_CALL: usize = 20;

#[derive(Clone, Debug)]
pub struct Ecs {
    pub(super) client: Client,
}

/// What UpdateService is to change. Nothing that is not set here is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceUpdate {
    pub task_definition: Option<String>,
    pub desired_count: Option<u32>,
    pub force_new_deployment: bool,
}

/// `$call` with the SDK's retries on or off, sent.
macro_rules! send {
    ($call:expr, $operation:literal, $retries:expr) => {{
        let call = $call.customize();
        let call = match $retries {
            Retries::Sdk => call,
            Retries::Off => call.config_override(
                aws_sdk_ecs::config::Builder::new()
                    .retry_config(aws_smithy_types::retry::RetryConfig::disabled()),
            ),
        };
        call.send()
            .await
            .map_err(|e| AwsError::from_sdk($operation, e))
    }};
}

impl Ecs {
    /// DescribeServices, in tens. Services that ECS does not know are left out.
    pub async fn describe_services(
        &self,
        cluster: &str,
        services: &[String],
        retries: Retries,
    ) -> Result<Vec<Service>, AwsError> {
        self.described(cluster, services, None, retries).await
    }

    /// DescribeServices with their tags, in tens.
    pub async fn describe_services_and_tags(
        &self,
        cluster: &str,
        services: &[String],
    ) -> Result<Vec<Service>, AwsError> {
        let tags = Some(vec![sdk::ServiceField::Tags]);
        self.described(cluster, services, tags, Retries::Sdk).await
    }

    async fn described(
        &self,
        cluster: &str,
        services: &[String],
        include: Option<Vec<sdk::ServiceField>>,
        retries: Retries,
    ) -> Result<Vec<Service>, AwsError> {
        let mut found = Vec::new();
        for some in services.chunks(SERVICES_PER_CALL) {
            let call = self
                .client
                .describe_services()
                .cluster(cluster)
                .set_include(include.clone())
                .set_services(Some(some.to_vec()));
            let answer = send!(call, "ecs:DescribeServices", retries)?;
            for service in answer.services.unwrap_or_default() {
                found.push(service_of("ecs:DescribeServices", service)?);
            }
        }
        Ok(found)
    }

    /// UpdateService, sent once: it has no client token, so after an ambiguous failure the caller re-reads first.
    pub async fn update_service(
        &self,
        cluster: &str,
        service: &str,
        update: &ServiceUpdate,
    ) -> Result<Service, AwsError> {
        let mut call = self
            .client
            .update_service()
            .cluster(cluster)
            .service(service);
        if let Some(task_definition) = &update.task_definition {
            call = call.task_definition(task_definition);
        }
        if let Some(count) = update.desired_count {
            call = call.desired_count(i32::try_from(count).unwrap_or(i32::MAX));
        }
        if update.force_new_deployment {
            call = call.force_new_deployment(true);
        }
        let answer = send!(call, "ecs:UpdateService", Retries::Off)?;
        let service = answer
            .service
            .ok_or_else(|| AwsError::malformed("ecs:UpdateService", "service"))?;
        service_of("ecs:UpdateService", service)
    }

    /// ListServiceDeployments, all pages. `created_after` is in the server's time.
    pub async fn list_service_deployments(
        &self,
        cluster: &str,
        service: &str,
        created_after: Option<Timestamp>,
        retries: Retries,
    ) -> Result<Vec<ServiceDeploymentBrief>, AwsError> {
        let mut briefs = Vec::new();
        let mut token = None;
        loop {
            let mut call = self
                .client
                .list_service_deployments()
                .cluster(cluster)
                .service(service)
                .set_next_token(token.take());
            if let Some(after) = created_after {
                call = call.created_at(
                    sdk::CreatedAt::builder()
                        .after(DateTime::from_secs(after.as_second()))
                        .build(),
                );
            }
            let answer = send!(call, "ecs:ListServiceDeployments", retries)?;
            for brief in answer.service_deployments.unwrap_or_default() {
                briefs.push(ServiceDeploymentBrief {
                    arn: brief.service_deployment_arn.ok_or_else(|| {
                        AwsError::malformed("ecs:ListServiceDeployments", "serviceDeploymentArn")
                    })?,
                    status: brief
                        .status
                        .map(|s| s.as_str().to_owned())
                        .unwrap_or_default(),
                    target_service_revision_arn: brief.target_service_revision_arn,
                    created_at: brief.created_at.and_then(timestamp),
                });
            }
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(briefs);
            }
        }
    }

    /// DescribeServiceDeployments, in twenties.
    pub async fn describe_service_deployments(
        &self,
        arns: &[String],
        retries: Retries,
    ) -> Result<Vec<ServiceDeployment>, AwsError> {
        let mut found = Vec::new();
        for some in arns.chunks(SERVICE_DEPLOYMENTS_PER_CALL) {
            let call = self
                .client
                .describe_service_deployments()
                .set_service_deployment_arns(Some(some.to_vec()));
            let answer = send!(call, "ecs:DescribeServiceDeployments", retries)?;
            for deployment in answer.service_deployments.unwrap_or_default() {
                found.push(service_deployments::of(deployment)?);
            }
        }
        Ok(found)
    }

    /// ListTasks of a service, all pages. `desired_status`: RUNNING or STOPPED.
    pub async fn list_tasks(
        &self,
        cluster: &str,
        service: &str,
        desired_status: &str,
        retries: Retries,
    ) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let call = self
                .client
                .list_tasks()
                .cluster(cluster)
                .service_name(service)
                .desired_status(sdk::DesiredStatus::from(desired_status))
                .set_next_token(token.take());
            let answer = send!(call, "ecs:ListTasks", retries)?;
            arns.extend(answer.task_arns.unwrap_or_default());
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// DescribeTasks, in hundreds. Tasks that ECS has forgotten (about an hour after they stopped) are left out.
    pub async fn describe_tasks(
        &self,
        cluster: &str,
        arns: &[String],
        retries: Retries,
    ) -> Result<Vec<crate::model::task::Task>, AwsError> {
        let mut found = Vec::new();
        for some in arns.chunks(TASKS_PER_CALL) {
            let call = self
                .client
                .describe_tasks()
                .cluster(cluster)
                .set_tasks(Some(some.to_vec()));
            let answer = send!(call, "ecs:DescribeTasks", retries)?;
            for task in answer.tasks.unwrap_or_default() {
                found.push(super::tasks::task_of(task)?);
            }
        }
        Ok(found)
    }

    /// TagResource: adds or replaces these tags.
    pub async fn tag_resource(&self, arn: &str, tags: &[(String, String)]) -> Result<(), AwsError> {
        let tags = tags
            .iter()
            .map(|(k, v)| sdk::Tag::builder().key(k).value(v).build())
            .collect();
        send!(
            self.client
                .tag_resource()
                .resource_arn(arn)
                .set_tags(Some(tags)),
            "ecs:TagResource",
            Retries::Sdk
        )?;
        Ok(())
    }
}

pub(super) fn timestamp(at: DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).unwrap_or(0)).ok()
}

fn count(n: i32) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

fn service_of(operation: &str, service: sdk::Service) -> Result<Service, AwsError> {
    let missing = |member: &str| AwsError::malformed(operation, member);
    let configuration = service.deployment_configuration;
    Ok(Service {
        arn: service.service_arn.ok_or_else(|| missing("serviceArn"))?,
        name: service.service_name.ok_or_else(|| missing("serviceName"))?,
        cluster_arn: service.cluster_arn.ok_or_else(|| missing("clusterArn"))?,
        status: service.status.ok_or_else(|| missing("status"))?,
        task_definition: service.task_definition.unwrap_or_default(),
        desired_count: count(service.desired_count),
        running_count: count(service.running_count),
        pending_count: count(service.pending_count),
        deployment_controller: service
            .deployment_controller
            .map_or_else(|| "ECS".to_owned(), |c| c.r#type.as_str().to_owned()),
        scheduling_strategy: service
            .scheduling_strategy
            .map_or_else(|| "REPLICA".to_owned(), |s| s.as_str().to_owned()),
        launch_type: service.launch_type.map(|t| t.as_str().to_owned()),
        capacity_providers: service
            .capacity_provider_strategy
            .unwrap_or_default()
            .into_iter()
            .map(|p| CapacityProvider {
                name: p.capacity_provider,
                weight: count(p.weight),
                base: count(p.base),
            })
            .collect(),
        resource_management_type: service
            .resource_management_type
            .map(|t| t.as_str().to_owned()),
        health_check_grace_period_seconds: service.health_check_grace_period_seconds.map(count),
        load_balancers: service
            .load_balancers
            .unwrap_or_default()
            .into_iter()
            .map(load_balancer_of)
            .collect(),
        deployment_configuration: configuration
            .map(deployment_configuration_of)
            .unwrap_or_default(),
        deployments: service
            .deployments
            .unwrap_or_default()
            .into_iter()
            .map(|d| deployment_of(operation, d))
            .collect::<Result<_, _>>()?,
        task_sets: service
            .task_sets
            .unwrap_or_default()
            .into_iter()
            .map(task_set_of)
            .collect(),
        events: service
            .events
            .unwrap_or_default()
            .into_iter()
            .map(|e| ServiceEvent {
                id: e.id.unwrap_or_default(),
                created_at: e.created_at.and_then(timestamp),
                message: Untrusted::new(e.message.unwrap_or_default()),
            })
            .collect(),
        current_service_deployment: service.current_service_deployment,
        current_service_revision: service
            .current_service_revisions
            .and_then(|revisions| revisions.into_iter().next()?.arn),
        created_at: service.created_at.and_then(timestamp),
        platform_version: service.platform_version,
        network: service
            .network_configuration
            .and_then(|n| n.awsvpc_configuration)
            .map(|n| NetworkConfiguration {
                subnets: n.subnets,
                security_groups: n.security_groups.unwrap_or_default(),
                assign_public_ip: n.assign_public_ip.map(|a| a.as_str().to_owned()),
            }),
        tags: pairs(service.tags.unwrap_or_default()),
    })
}

fn pairs(tags: Vec<sdk::Tag>) -> Vec<(String, String)> {
    tags.into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

fn load_balancer_of(entry: sdk::LoadBalancer) -> ServiceLoadBalancer {
    let (alternate_target_group_arn, production_listener_rule) = entry
        .advanced_configuration
        .map(|a| (a.alternate_target_group_arn, a.production_listener_rule))
        .unwrap_or_default();
    ServiceLoadBalancer {
        alternate_target_group_arn,
        production_listener_rule,
        target_group_arn: entry.target_group_arn,
        load_balancer_name: entry.load_balancer_name,
        container_name: entry.container_name,
        container_port: entry.container_port.and_then(|p| u16::try_from(p).ok()),
    }
}

fn deployment_configuration_of(
    configuration: sdk::DeploymentConfiguration,
) -> DeploymentConfiguration {
    DeploymentConfiguration {
        minimum_healthy_percent: configuration.minimum_healthy_percent.map(count),
        maximum_percent: configuration.maximum_percent.map(count),
        strategy: configuration
            .strategy
            .map_or_else(|| "ROLLING".to_owned(), |s| s.as_str().to_owned()),
        circuit_breaker: configuration
            .deployment_circuit_breaker
            .map(|b| CircuitBreaker {
                enable: b.enable,
                rollback: b.rollback,
                reset_on_healthy_task: b.reset_on_healthy_task,
            }),
        bake_time_in_minutes: configuration.bake_time_in_minutes.map(count),
        linear: configuration.linear_configuration.map(|l| TrafficStep {
            percent: l.step_percent,
            bake_time_in_minutes: l.step_bake_time_in_minutes.map(count),
        }),
        canary: configuration.canary_configuration.map(|c| TrafficStep {
            percent: c.canary_percent,
            bake_time_in_minutes: c.canary_bake_time_in_minutes.map(count),
        }),
        alarms: configuration.alarms.map(|a| Alarms {
            enable: a.enable,
            rollback: a.rollback,
            names: a.alarm_names,
        }),
    }
}

fn deployment_of(operation: &str, deployment: sdk::Deployment) -> Result<Deployment, AwsError> {
    Ok(Deployment {
        id: deployment
            .id
            .ok_or_else(|| AwsError::malformed(operation, "deployments[].id"))?,
        status: deployment
            .status
            .ok_or_else(|| AwsError::malformed(operation, "deployments[].status"))?,
        task_definition: deployment.task_definition.unwrap_or_default(),
        desired_count: count(deployment.desired_count),
        pending_count: count(deployment.pending_count),
        running_count: count(deployment.running_count),
        failed_tasks: count(deployment.failed_tasks),
        rollout_state: deployment.rollout_state.map(|s| s.as_str().to_owned()),
        rollout_state_reason: deployment.rollout_state_reason.map(Untrusted::new),
        created_at: deployment.created_at.and_then(timestamp),
        updated_at: deployment.updated_at.and_then(timestamp),
    })
}

/// `startedBy` of its tasks is its id, as with a deployment.
fn task_set_of(set: sdk::TaskSet) -> TaskSet {
    TaskSet {
        deployment: Deployment {
            id: set.id.unwrap_or_default(),
            status: set.status.unwrap_or_default(),
            task_definition: set.task_definition.unwrap_or_default(),
            desired_count: count(set.computed_desired_count),
            pending_count: count(set.pending_count),
            running_count: count(set.running_count),
            created_at: set.created_at.and_then(timestamp),
            updated_at: set.updated_at.and_then(timestamp),
            ..Deployment::default()
        },
        load_balancers: set
            .load_balancers
            .unwrap_or_default()
            .into_iter()
            .map(load_balancer_of)
            .collect(),
    }
}

impl AwsError {
    /// The service or its cluster does not exist.
    pub fn is_no_such_service(&self) -> bool {
        matches!(&self.failure, Failure::Refused { code } if code == "ServiceNotFoundException" || code == "ClusterNotFoundException")
    }
}
