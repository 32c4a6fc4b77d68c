//! What previews are made of: target groups, rules and their tags, and what is looked up by name before.

use aws_sdk_elasticloadbalancingv2::types as sdk;

use super::{Elbv2, load_balancer_of, rule_of, target_group_of};
use crate::aws::AwsError;
use crate::model::target::{
    Conditions, ListenerRule, LoadBalancer, Rewrite, RuleAction, TargetGroup,
};

impl Elbv2 {
    /// DescribeTargetGroups by name; `None` where there is none.
    pub async fn find_target_group(&self, name: &str) -> Result<Option<TargetGroup>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeTargetGroups";
        let sent = self.client.describe_target_groups().names(name).send();
        match sent.await.map_err(|e| AwsError::from_sdk(OPERATION, e)) {
            Ok(answer) => answer
                .target_groups
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(|group| target_group_of(OPERATION, group))
                .transpose(),
            Err(error) if is_gone(&error, "TargetGroupNotFound") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// DescribeLoadBalancers by name; `None` where there is none.
    pub async fn find_load_balancer(&self, name: &str) -> Result<Option<LoadBalancer>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeLoadBalancers";
        let sent = self.client.describe_load_balancers().names(name).send();
        match sent.await.map_err(|e| AwsError::from_sdk(OPERATION, e)) {
            Ok(answer) => answer
                .load_balancers
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(load_balancer_of)
                .transpose(),
            Err(error) if is_gone(&error, "LoadBalancerNotFound") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// DescribeListenerCertificates, all pages: ARNs, the default one first.
    pub async fn describe_listener_certificates(
        &self,
        listener_arn: &str,
    ) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeListenerCertificates";
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .client
                .describe_listener_certificates()
                .listener_arn(listener_arn)
                .set_marker(marker.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            let certificates = answer.certificates.unwrap_or_default();
            found.extend(
                certificates
                    .into_iter()
                    .filter_map(|c| Some((c.is_default != Some(true), c.certificate_arn?))),
            );
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                found.sort_by_key(|(extra, _)| *extra);
                let mut arns: Vec<String> = found.into_iter().map(|(_, arn)| arn).collect();
                arns.dedup();
                return Ok(arns);
            }
        }
    }

    /// DescribeAccountLimits: names and maxima, such as `rules-per-application-load-balancer`.
    pub async fn describe_account_limits(&self) -> Result<Vec<(String, u32)>, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:DescribeAccountLimits";
        let mut limits = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .client
                .describe_account_limits()
                .set_marker(marker.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            let named = answer.limits.unwrap_or_default().into_iter();
            limits.extend(named.filter_map(|l| Some((l.name?, l.max?.parse().ok()?))));
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(limits);
            }
        }
    }

    /// CreateTargetGroup like this one, whose ARN is AWS's to give. The same again succeeds: AWS answers what is there.
    pub async fn create_target_group(
        &self,
        group: &TargetGroup,
        tags: &[(String, String)],
    ) -> Result<TargetGroup, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:CreateTargetGroup";
        let number = |n: u32| i32::try_from(n).ok();
        let protocol = |p: &Option<String>| p.as_deref().map(sdk::ProtocolEnum::from);
        let grpc = group.protocol_version.as_deref() == Some("GRPC");
        let matcher = group.matcher.as_ref().map(|codes| match grpc {
            true => sdk::Matcher::builder().grpc_code(codes).build(),
            false => sdk::Matcher::builder().http_code(codes).build(),
        });
        let call = self
            .client
            .create_target_group()
            .name(&group.name)
            .target_type(sdk::TargetTypeEnum::from(group.target_type.as_str()))
            .set_protocol(protocol(&group.protocol))
            .set_protocol_version(group.protocol_version.clone())
            .set_port(group.port.map(i32::from))
            .set_vpc_id(group.vpc_id.clone())
            .set_ip_address_type(
                group
                    .ip_address_type
                    .as_deref()
                    .map(sdk::TargetGroupIpAddressTypeEnum::from),
            )
            .set_health_check_protocol(protocol(&group.health_check_protocol))
            .set_health_check_port(group.health_check_port.clone())
            .set_health_check_path(group.health_check_path.clone())
            .set_health_check_interval_seconds(number(group.health_check_interval_seconds))
            .set_health_check_timeout_seconds(group.health_check_timeout_seconds.and_then(number))
            .set_healthy_threshold_count(number(group.healthy_threshold_count))
            .set_unhealthy_threshold_count(number(group.unhealthy_threshold_count))
            .set_matcher(matcher)
            .set_tags(Some(pairs(tags)));
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let made = answer.target_groups.unwrap_or_default().into_iter().next();
        target_group_of(
            OPERATION,
            made.ok_or_else(|| AwsError::malformed(OPERATION, "TargetGroups"))?,
        )
    }

    /// ModifyTargetGroupAttributes: `deregistration_delay.timeout_seconds`.
    pub async fn modify_target_group_attributes(
        &self,
        target_group_arn: &str,
        deregistration_delay_seconds: u32,
    ) -> Result<(), AwsError> {
        let attribute = sdk::TargetGroupAttribute::builder()
            .key("deregistration_delay.timeout_seconds")
            .value(deregistration_delay_seconds.to_string())
            .build();
        self.client
            .modify_target_group_attributes()
            .target_group_arn(target_group_arn)
            .attributes(attribute)
            .send()
            .await
            .map_err(|e| {
                AwsError::from_sdk("elasticloadbalancing:ModifyTargetGroupAttributes", e)
            })?;
        Ok(())
    }

    /// CreateRule, sent once: a second one would meet the priority of the first. After an ambiguous failure the caller
    /// re-reads.
    pub async fn create_rule(
        &self,
        listener_arn: &str,
        priority: u32,
        conditions: &Conditions,
        action: &RuleAction,
        rewrites: &[Rewrite],
        tags: &[(String, String)],
    ) -> Result<ListenerRule, AwsError> {
        const OPERATION: &str = "elasticloadbalancing:CreateRule";
        let call = self
            .client
            .create_rule()
            .listener_arn(listener_arn)
            .priority(i32::try_from(priority).unwrap_or(i32::MAX))
            .set_conditions(Some(conditions_of(conditions)))
            .actions(action_of(action))
            .set_transforms(transforms_of(rewrites))
            .set_tags(Some(pairs(tags)));
        let once = aws_sdk_elasticloadbalancingv2::config::Builder::new()
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled());
        let answer = call
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let made = answer.rules.unwrap_or_default().into_iter().next();
        made.and_then(rule_of)
            .ok_or_else(|| AwsError::malformed(OPERATION, "Rules"))
    }

    /// ModifyRule: what is `None` stays as it is; no rewrites take its transform away. The same again changes nothing.
    pub async fn modify_rule(
        &self,
        rule_arn: &str,
        conditions: Option<&Conditions>,
        action: Option<&RuleAction>,
        rewrites: Option<&[Rewrite]>,
    ) -> Result<(), AwsError> {
        const OPERATION: &str = "elasticloadbalancing:ModifyRule";
        let mut call = self
            .client
            .modify_rule()
            .rule_arn(rule_arn)
            .set_conditions(conditions.map(conditions_of))
            .set_actions(action.map(|a| vec![action_of(a)]));
        call = match rewrites {
            Some([]) => call.reset_transforms(true),
            Some(some) => call.set_transforms(transforms_of(some)),
            None => call,
        };
        call.send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        Ok(())
    }

    /// AddTags: adds or replaces these tags on each, at most twenty resources at a time (as DescribeTags takes them).
    pub async fn add_tags(
        &self,
        arns: &[String],
        tags: &[(String, String)],
    ) -> Result<(), AwsError> {
        for some in arns.chunks(20) {
            self.client
                .add_tags()
                .set_resource_arns(Some(some.to_vec()))
                .set_tags(Some(pairs(tags)))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("elasticloadbalancing:AddTags", e))?;
        }
        Ok(())
    }
}

fn is_gone(error: &AwsError, code: &str) -> bool {
    error.is_code(code) || error.is_code(&format!("{code}Exception"))
}

fn pairs(tags: &[(String, String)]) -> Vec<sdk::Tag> {
    let tag = |(key, value): &(String, String)| sdk::Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

fn conditions_of(conditions: &Conditions) -> Vec<sdk::RuleCondition> {
    let mut all = Vec::new();
    if !conditions.host_headers.is_empty() {
        let config = sdk::HostHeaderConditionConfig::builder()
            .set_values(Some(conditions.host_headers.clone()))
            .build();
        let condition = sdk::RuleCondition::builder().field("host-header");
        all.push(condition.host_header_config(config).build());
    }
    if !conditions.path_patterns.is_empty() {
        let config = sdk::PathPatternConditionConfig::builder()
            .set_values(Some(conditions.path_patterns.clone()))
            .build();
        let condition = sdk::RuleCondition::builder().field("path-pattern");
        all.push(condition.path_pattern_config(config).build());
    }
    for (name, values) in &conditions.headers {
        let config = sdk::HttpHeaderConditionConfig::builder()
            .http_header_name(name)
            .set_values(Some(values.clone()))
            .build();
        let condition = sdk::RuleCondition::builder().field("http-header");
        all.push(condition.http_header_config(config).build());
    }
    all
}

fn action_of(action: &RuleAction) -> sdk::Action {
    match action {
        RuleAction::Forward { target_group_arn } => sdk::Action::builder()
            .r#type(sdk::ActionTypeEnum::Forward)
            .target_group_arn(target_group_arn)
            .build(),
        RuleAction::FixedResponse {
            status_code,
            content_type,
            message_body,
        } => {
            let config = sdk::FixedResponseActionConfig::builder()
                .status_code(status_code)
                .content_type(content_type)
                .message_body(message_body)
                .build();
            sdk::Action::builder()
                .r#type(sdk::ActionTypeEnum::FixedResponse)
                .fixed_response_config(config)
                .build()
        }
    }
}

fn transforms_of(rewrites: &[Rewrite]) -> Option<Vec<sdk::RuleTransform>> {
    if rewrites.is_empty() {
        return None;
    }
    let rewrites = rewrites.iter().map(|rewrite| {
        sdk::RewriteConfig::builder()
            .regex(&rewrite.regex)
            .replace(&rewrite.replace)
            .build()
    });
    let config = sdk::UrlRewriteConfig::builder()
        .set_rewrites(Some(rewrites.collect()))
        .build();
    let transform = sdk::RuleTransform::builder()
        .r#type(sdk::TransformTypeEnum::UrlRewrite)
        .url_rewrite_config(config)
        .build();
    Some(vec![transform])
}
