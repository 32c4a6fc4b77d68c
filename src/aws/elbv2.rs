//! Elastic Load Balancing v2: target groups, load balancers, listeners, rules, target health, tags. Reads here; what is made
//! and removed, in the files beside it.

mod finding;
mod making;
mod removing;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types as sdk;

use super::{AwsError, Retries};
use crate::model::Untrusted;
use crate::model::target::{
    Listener, ListenerRule, LoadBalancer, Rewrite, TargetGroup, TargetHealth, WeightedGroup,
};

#[derive(Clone, Debug)]
pub struct Elbv2 {
    pub(super) client: Client,
}

impl Elbv2 {
    /// DescribeTargetGroups by ARN.
    pub async fn describe_target_groups(
        &self,
        arns: &[String],
    ) -> Result<Vec<TargetGroup>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeTargetGroups";
        let call = self
            .client
            .describe_target_groups()
            .set_target_group_arns(Some(arns.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        answer
            .target_groups
            .unwrap_or_default()
            .into_iter()
            .map(|g| target_group_of(OPERATION, g))
            .collect()
    }

    /// DescribeTargetGroups of a load balancer, or of the whole Region, all pages.
    pub async fn list_target_groups(
        &self,
        load_balancer_arn: Option<&str>,
    ) -> Result<Vec<TargetGroup>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeTargetGroups";
        let mut groups = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .client
                .describe_target_groups()
                .set_load_balancer_arn(load_balancer_arn.map(str::to_owned))
                .set_marker(marker.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            for group in answer.target_groups.unwrap_or_default() {
                groups.push(target_group_of(OPERATION, group)?);
            }
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(groups);
            }
        }
    }

    /// DescribeTags, in twenties (API reference): the tags of each resource, in the order asked.
    pub async fn describe_tags(
        &self,
        arns: &[String],
    ) -> Result<Vec<(String, Vec<(String, String)>)>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeTags";
        let mut found = Vec::new();
        for some in arns.chunks(20) {
            let answer = self
                .client
                .describe_tags()
                .set_resource_arns(Some(some.to_vec()))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            for description in answer.tag_descriptions.unwrap_or_default() {
                let arn = description
                    .resource_arn
                    .ok_or_else(|| AwsError::malformed(OPERATION, "ResourceArn"))?;
                let tags = description.tags.unwrap_or_default();
                let pairs = tags
                    .into_iter()
                    .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
                found.push((arn, pairs.collect()));
            }
        }
        Ok(found)
    }

    /// DescribeLoadBalancers by ARN.
    pub async fn describe_load_balancers(
        &self,
        arns: &[String],
    ) -> Result<Vec<LoadBalancer>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeLoadBalancers";
        let call = self
            .client
            .describe_load_balancers()
            .set_load_balancer_arns(Some(arns.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let found = answer.load_balancers.unwrap_or_default();
        found.into_iter().map(load_balancer_of).collect()
    }

    /// DescribeListeners of a load balancer, all pages.
    pub async fn describe_listeners(
        &self,
        load_balancer_arn: &str,
    ) -> Result<Vec<Listener>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeListeners";
        let mut listeners = Vec::new();
        let mut marker = None;
        loop {
            let call = self
                .client
                .describe_listeners()
                .load_balancer_arn(load_balancer_arn)
                .set_marker(marker.take());
            let answer = call
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            for listener in answer.listeners.unwrap_or_default() {
                listeners.push(Listener {
                    arn: listener
                        .listener_arn
                        .ok_or_else(|| AwsError::malformed(OPERATION, "ListenerArn"))?,
                    port: listener.port.and_then(|p| u16::try_from(p).ok()),
                    protocol: listener.protocol.map(|p| p.as_str().to_owned()),
                    forwards_to: forwards_to(listener.default_actions.unwrap_or_default()),
                    certificate_arn: listener
                        .certificates
                        .unwrap_or_default()
                        .into_iter()
                        .find_map(|c| c.certificate_arn),
                });
            }
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(listeners);
            }
        }
    }

    /// DescribeRules of a listener, all pages.
    pub async fn describe_rules(&self, listener_arn: &str) -> Result<Vec<ListenerRule>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeRules";
        let mut rules = Vec::new();
        let mut marker = None;
        loop {
            let call = self
                .client
                .describe_rules()
                .listener_arn(listener_arn)
                .set_marker(marker.take());
            let answer = call
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            for rule in answer.rules.unwrap_or_default() {
                rules.push(rule_of(rule).ok_or_else(|| AwsError::malformed(OPERATION, "RuleArn"))?);
            }
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(rules);
            }
        }
    }

    /// DescribeTargetHealth of a target group.
    pub async fn describe_target_health(
        &self,
        target_group_arn: &str,
        retries: Retries,
    ) -> Result<Vec<TargetHealth>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeTargetHealth";
        let call = self
            .client
            .describe_target_health()
            .target_group_arn(target_group_arn)
            .customize();
        let call = match retries {
            Retries::Sdk => call,
            Retries::Off => call.config_override(
                aws_sdk_elasticloadbalancingv2::config::Builder::new()
                    .retry_config(aws_smithy_types::retry::RetryConfig::disabled()),
            ),
        };
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        answer
            .target_health_descriptions
            .unwrap_or_default()
            .into_iter()
            .map(|d| {
                let target = d
                    .target
                    .ok_or_else(|| AwsError::malformed(OPERATION, "Target"))?;
                let health = d
                    .target_health
                    .ok_or_else(|| AwsError::malformed(OPERATION, "TargetHealth"))?;
                Ok(TargetHealth {
                    target: target.id.unwrap_or_default(),
                    port: target.port.and_then(|p| u16::try_from(p).ok()),
                    state: health
                        .state
                        .map(|s| s.as_str().to_owned())
                        .unwrap_or_default(),
                    reason: health.reason.map(|r| r.as_str().to_owned()),
                    description: health.description.map(Untrusted::new),
                })
            })
            .collect()
    }
}

fn load_balancer_of(balancer: sdk::LoadBalancer) -> Result<LoadBalancer, AwsError> {
    let missing = || {
        AwsError::malformed(
            "elasticloadbalancing:DescribeLoadBalancers",
            "LoadBalancerArn",
        )
    };
    Ok(LoadBalancer {
        arn: balancer.load_balancer_arn.ok_or_else(missing)?,
        name: balancer.load_balancer_name.unwrap_or_default(),
        dns_name: balancer.dns_name.unwrap_or_default(),
        kind: balancer
            .r#type
            .map(|t| t.as_str().to_owned())
            .unwrap_or_default(),
        scheme: balancer.scheme.map(|s| s.as_str().to_owned()),
        vpc_id: balancer.vpc_id,
    })
}

fn target_group_of(operation: &str, group: sdk::TargetGroup) -> Result<TargetGroup, AwsError> {
    // ELBv2's documented defaults, for a stand-in that leaves these out.
    let count =
        |n: Option<i32>, default: u32| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
    Ok(TargetGroup {
        arn: group
            .target_group_arn
            .ok_or_else(|| AwsError::malformed(operation, "TargetGroupArn"))?,
        name: group.target_group_name.unwrap_or_default(),
        target_type: group
            .target_type
            .map(|t| t.as_str().to_owned())
            .unwrap_or_default(),
        protocol: group.protocol.map(|p| p.as_str().to_owned()),
        port: group.port.and_then(|p| u16::try_from(p).ok()),
        protocol_version: group.protocol_version,
        vpc_id: group.vpc_id,
        health_check_path: group.health_check_path,
        health_check_port: group.health_check_port,
        health_check_protocol: group.health_check_protocol.map(|p| p.as_str().to_owned()),
        matcher: group.matcher.and_then(|m| m.http_code.or(m.grpc_code)),
        health_check_interval_seconds: count(group.health_check_interval_seconds, 30),
        health_check_timeout_seconds: group
            .health_check_timeout_seconds
            .and_then(|n| u32::try_from(n).ok()),
        healthy_threshold_count: count(group.healthy_threshold_count, 5),
        unhealthy_threshold_count: count(group.unhealthy_threshold_count, 2),
        load_balancer_arns: group.load_balancer_arns.unwrap_or_default(),
        ip_address_type: group.ip_address_type.map(|t| t.as_str().to_owned()),
    })
}

/// Both forms of a forward action: the scalar `TargetGroupArn` and the weighted `ForwardConfig`, which ECS writes in
/// blue/green deployments and which has no scalar beside it.
fn forwards_to(actions: Vec<sdk::Action>) -> Vec<WeightedGroup> {
    let mut groups: Vec<WeightedGroup> = Vec::new();
    for action in actions {
        let weighted = action
            .forward_config
            .and_then(|f| f.target_groups)
            .unwrap_or_default();
        if weighted.is_empty() {
            groups.extend(
                action
                    .target_group_arn
                    .map(|target_group_arn| WeightedGroup {
                        target_group_arn,
                        weight: 1,
                    }),
            );
        }
        groups.extend(weighted.into_iter().filter_map(|g| {
            let weight = g.weight.and_then(|w| u32::try_from(w).ok()).unwrap_or(1);
            Some(WeightedGroup {
                target_group_arn: g.target_group_arn?,
                weight,
            })
        }));
    }
    groups
}

fn rewrites(transforms: Vec<sdk::RuleTransform>) -> Vec<Rewrite> {
    let configs = transforms.into_iter().filter_map(|t| t.url_rewrite_config);
    configs
        .flat_map(|config| config.rewrites.unwrap_or_default())
        .map(|rewrite| Rewrite {
            regex: rewrite.regex.unwrap_or_default(),
            replace: rewrite.replace.unwrap_or_default(),
        })
        .collect()
}

fn rule_of(rule: sdk::Rule) -> Option<ListenerRule> {
    let actions = rule.actions.unwrap_or_default();
    let mut found = ListenerRule {
        arn: rule.rule_arn?,
        priority: rule.priority.unwrap_or_default(),
        fixed_response: actions
            .iter()
            .find_map(|a| a.fixed_response_config.as_ref())
            .map(|f| f.status_code.clone().unwrap_or_default()),
        forwards_to: forwards_to(actions),
        rewrites: rewrites(rule.transforms.unwrap_or_default()),
        ..ListenerRule::default()
    };
    for condition in rule.conditions.unwrap_or_default() {
        let values = |config: Option<Vec<String>>| {
            config
                .or_else(|| condition.values.clone())
                .unwrap_or_default()
        };
        match condition.field.as_deref() {
            Some("host-header") => found.host_headers.extend(values(
                condition.host_header_config.clone().and_then(|c| c.values),
            )),
            Some("path-pattern") => found.path_patterns.extend(values(
                condition.path_pattern_config.clone().and_then(|c| c.values),
            )),
            Some("http-header") => {
                found.other_conditions = true;
                found.headers.extend(condition.http_header_config.map(|c| {
                    (
                        c.http_header_name.unwrap_or_default(),
                        c.values.unwrap_or_default(),
                    )
                }));
            }
            _ => found.other_conditions = true,
        }
    }
    Some(found)
}
