//! Load balancing: target groups, listeners, rules and target health, as ELBv2 describes them.

use serde::Serialize;

use super::Untrusted;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    /// ip, instance, lambda, alb.
    pub target_type: String,
    pub protocol: Option<String>,
    pub port: Option<u16>,
    pub protocol_version: Option<String>,
    pub vpc_id: Option<String>,
    pub health_check_path: Option<String>,
    pub health_check_port: Option<String>,
    pub health_check_protocol: Option<String>,
    /// `200-299`, or gRPC codes.
    pub matcher: Option<String>,
    pub health_check_interval_seconds: u32,
    pub health_check_timeout_seconds: Option<u32>,
    pub healthy_threshold_count: u32,
    pub unhealthy_threshold_count: u32,
    pub load_balancer_arns: Vec<String>,
    /// ipv4, ipv6.
    pub ip_address_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    /// application, network, gateway.
    pub kind: String,
    pub scheme: Option<String>,
    pub vpc_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Listener {
    pub arn: String,
    pub port: Option<u16>,
    pub protocol: Option<String>,
    /// Target groups of the default actions, from both forms of forward action.
    pub forwards_to: Vec<WeightedGroup>,
    /// ARN of the default certificate.
    pub certificate_arn: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WeightedGroup {
    pub target_group_arn: String,
    /// The scalar form of a forward action counts as weight 1.
    pub weight: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListenerRule {
    pub arn: String,
    /// 1 to 50000, or `default`.
    pub priority: String,
    pub host_headers: Vec<String>,
    pub path_patterns: Vec<String>,
    /// True when it has a condition besides host-header and path-pattern (then a URL alone does not reach it).
    pub other_conditions: bool,
    pub forwards_to: Vec<WeightedGroup>,
    /// Name and values of `http-header` conditions.
    pub headers: Vec<(String, Vec<String>)>,
    /// It answers itself, with this status code.
    pub fixed_response: Option<String>,
    /// Of its url-rewrite transform.
    pub rewrites: Vec<Rewrite>,
}

/// What a rule asks of a request: every field that has values, any value of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conditions {
    pub host_headers: Vec<String>,
    pub path_patterns: Vec<String>,
    /// Names and values.
    pub headers: Vec<(String, Vec<String>)>,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum RuleAction {
    Forward {
        target_group_arn: String,
    },
    FixedResponse {
        status_code: String,
        content_type: String,
        message_body: String,
    },
}

/// A url-rewrite: what `regex` matches of the request's URL becomes `replace`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    pub regex: String,
    pub replace: String,
}

/// One target of DescribeTargetHealth.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TargetHealth {
    /// An address, or an instance id.
    pub target: String,
    pub port: Option<u16>,
    /// initial, healthy, unhealthy, unused, draining, unavailable, unhealthy.draining.
    pub state: String,
    pub reason: Option<String>,
    pub description: Option<Untrusted>,
}
