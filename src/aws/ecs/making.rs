//! What previews run as: services that are made, and the cluster they are made in.

use aws_sdk_ecs::types as sdk;

use super::{Ecs, service_of};
use crate::aws::{AwsError, Failure};
use crate::model::service::{Cluster, DeploymentConfiguration, NewService, Service};

impl Ecs {
    /// DescribeClusters of one; `None` where there is none.
    pub async fn describe_cluster(&self, cluster: &str) -> Result<Option<Cluster>, AwsError> {
        const OPERATION: &str = "ecs:DescribeClusters";
        let answer = self
            .client
            .describe_clusters()
            .clusters(cluster)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let found = answer.clusters.unwrap_or_default().into_iter().next();
        found
            .map(|cluster| {
                Ok(Cluster {
                    arn: cluster
                        .cluster_arn
                        .ok_or_else(|| AwsError::malformed(OPERATION, "clusterArn"))?,
                    name: cluster.cluster_name.unwrap_or_default(),
                    status: cluster.status.unwrap_or_default(),
                    capacity_providers: cluster.capacity_providers.unwrap_or_default(),
                })
            })
            .transpose()
    }

    /// CreateService, sent once: after an ambiguous failure the caller re-reads by name.
    pub async fn create_service(
        &self,
        cluster: &str,
        service: &NewService,
        task_definition: &str,
        target_group_arn: &str,
        tags: &[(String, String)],
    ) -> Result<Service, AwsError> {
        const OPERATION: &str = "ecs:CreateService";
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let mut call = self
            .client
            .create_service()
            .cluster(cluster)
            .service_name(&service.name)
            .task_definition(task_definition)
            .desired_count(number(service.desired_count))
            .load_balancers(
                sdk::LoadBalancer::builder()
                    .target_group_arn(target_group_arn)
                    .container_name(&service.container_name)
                    .container_port(i32::from(service.container_port))
                    .build(),
            )
            .set_launch_type(service.launch_type.as_deref().map(sdk::LaunchType::from))
            .set_platform_version(service.platform_version.clone())
            .set_health_check_grace_period_seconds(
                service.health_check_grace_period_seconds.map(number),
            )
            .scheduling_strategy(sdk::SchedulingStrategy::Replica)
            .deployment_configuration(configuration_of(&service.deployment_configuration))
            .enable_ecs_managed_tags(true)
            .propagate_tags(sdk::PropagateTags::from(service.propagate_tags.as_str()));
        for provider in &service.capacity_providers {
            let item = sdk::CapacityProviderStrategyItem::builder()
                .capacity_provider(&provider.name)
                .weight(number(provider.weight))
                .base(number(provider.base))
                .build()
                .map_err(|e| AwsError::malformed(OPERATION, &e.to_string()))?;
            call = call.capacity_provider_strategy(item);
        }
        if let Some(network) = &service.network {
            let awsvpc = sdk::AwsVpcConfiguration::builder()
                .set_subnets(Some(network.subnets.clone()))
                .set_security_groups(
                    Some(network.security_groups.clone()).filter(|g| !g.is_empty()),
                )
                .set_assign_public_ip(
                    network
                        .assign_public_ip
                        .as_deref()
                        .map(sdk::AssignPublicIp::from),
                )
                .build()
                .map_err(|e| AwsError::malformed(OPERATION, &e.to_string()))?;
            let network = sdk::NetworkConfiguration::builder().awsvpc_configuration(awsvpc);
            call = call.network_configuration(network.build());
        }
        for (key, value) in tags {
            call = call.tags(sdk::Tag::builder().key(key).value(value).build());
        }
        let once = aws_sdk_ecs::config::Builder::new()
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled());
        let answer = call
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let made = answer
            .service
            .ok_or_else(|| AwsError::malformed(OPERATION, "service"))?;
        service_of(OPERATION, made)
    }
}

fn configuration_of(configuration: &DeploymentConfiguration) -> sdk::DeploymentConfiguration {
    let number = |n: Option<u32>| n.and_then(|n| i32::try_from(n).ok());
    let breaker = configuration.circuit_breaker.as_ref().map(|breaker| {
        sdk::DeploymentCircuitBreaker::builder()
            .enable(breaker.enable)
            .rollback(breaker.rollback)
            .build()
    });
    sdk::DeploymentConfiguration::builder()
        .strategy(sdk::DeploymentStrategy::from(
            configuration.strategy.as_str(),
        ))
        .set_minimum_healthy_percent(number(configuration.minimum_healthy_percent))
        .set_maximum_percent(number(configuration.maximum_percent))
        .set_deployment_circuit_breaker(breaker)
        .build()
}

impl AwsError {
    /// CreateService while a service of this name is on its way out, or its target group is not known to be in use yet: in a
    /// while it will do.
    pub fn is_still_draining(&self) -> bool {
        let refused = matches!(&self.failure, Failure::Refused { .. });
        refused
            && (self.message.contains("still Draining")
                || self.message.contains("was not idempotent"))
    }

    /// CreateService right after the rule: ECS does not see it yet.
    pub fn is_without_load_balancer(&self) -> bool {
        matches!(&self.failure, Failure::Refused { .. })
            && self
                .message
                .contains("does not have an associated load balancer")
    }
}
