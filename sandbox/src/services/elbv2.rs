//! ELBv2: its state, the table of its operations. Handlers take and give JSON; the wire turns it from and into query and XML.
//! Does not know how health comes about (`world::health`), nor sockets (`alb`).

pub mod listeners;
pub mod load_balancers;
pub mod quotas;
pub mod routing;
pub mod rule_members;
pub mod rules;
pub mod target_groups;
pub mod target_health;
pub mod transforms;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::world::shapes::{list, text, texts};
use crate::world::{Answer, ApiError, Operation, World, joined, rows};

/// Address (or instance id) and port.
pub type TargetKey = (String, u16);

#[derive(Default)]
pub struct Elbv2 {
    /// All by ARN.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    pub listeners: BTreeMap<String, Listener>,
    pub rules: BTreeMap<String, Rule>,
    pub target_groups: BTreeMap<String, TargetGroup>,
    pub tags: BTreeMap<String, Vec<(String, String)>>,
    generations: u64,
}

pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    /// application, network.
    pub kind: String,
    pub scheme: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub created: SystemTime,
}

pub struct Listener {
    pub arn: String,
    pub load_balancer: String,
    pub port: u16,
    pub protocol: String,
    /// ARNs: the default one, then those that are chosen by the name a client asks for.
    pub certificates: Vec<String>,
    pub ssl_policy: Option<String>,
}

pub struct Rule {
    pub arn: String,
    pub listener: String,
    /// `None`: the listener's default.
    pub priority: Option<u32>,
    pub conditions: Value,
    pub actions: Value,
    pub transforms: Value,
}

pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub protocol_version: String,
    pub port: u16,
    pub vpc: String,
    pub target_type: String,
    /// ipv4, ipv6.
    pub ip_address_type: String,
    pub check_protocol: String,
    /// `traffic-port` or a number.
    pub check_port: String,
    pub check_path: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    pub matcher: String,
    pub deregistration_delay: Duration,
    pub attributes: BTreeMap<String, String>,
    pub targets: BTreeMap<TargetKey, Target>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    Initial,
    Healthy,
    Unhealthy,
    /// No check is made: nothing sends to it, or it cannot be one.
    Unused,
    /// There are no health checks.
    Unavailable,
    Draining,
}

impl TargetState {
    /// The state that a failed check's reason code belongs to (API_TargetHealth).
    pub fn of_reason(reason: &str) -> TargetState {
        match reason {
            "Target.NotInUse"
            | "Target.NotRegistered"
            | "Target.InvalidState"
            | "Target.IpUnusable" => TargetState::Unused,
            "Target.HealthCheckDisabled" => TargetState::Unavailable,
            _ => TargetState::Unhealthy,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            TargetState::Initial => "initial",
            TargetState::Healthy => "healthy",
            TargetState::Unhealthy => "unhealthy",
            TargetState::Unused => "unused",
            TargetState::Unavailable => "unavailable",
            TargetState::Draining => "draining",
        }
    }
}

pub struct Target {
    pub state: TargetState,
    /// A reason code; empty when healthy.
    pub reason: String,
    pub description: String,
    pub zone: String,
    pub passes: u32,
    pub failures: u32,
    pub registered_at: SystemTime,
    /// Tells a registration from an earlier one of the same address and port.
    pub generation: u64,
}

impl Target {
    pub fn registered(at: SystemTime, zone: &str, generation: u64) -> Target {
        let mut target = Target {
            state: TargetState::Initial,
            reason: String::new(),
            description: String::new(),
            zone: zone.to_owned(),
            passes: 0,
            failures: 0,
            registered_at: at,
            generation,
        };
        target.set(TargetState::Initial, "Elb.RegistrationInProgress");
        target
    }

    /// A state with its reason code, and the description that goes with it.
    pub fn set(&mut self, state: TargetState, reason: &str) {
        self.state = state;
        reason.clone_into(&mut self.reason);
        reason_description(reason).clone_into(&mut self.description);
    }
}

impl Elbv2 {
    pub fn next_generation(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }

    pub fn target(&mut self, group: &str, key: &TargetKey) -> Option<&mut Target> {
        self.target_groups.get_mut(group)?.targets.get_mut(key)
    }

    /// The load balancers whose rules forward to a target group.
    pub fn load_balancers_of(&self, group: &str) -> Vec<&str> {
        let mut found: Vec<&str> = self
            .rules
            .values()
            .filter(|rule| {
                rule_members::forwards_to(&rule.actions)
                    .iter()
                    .any(|(arn, _)| arn == group)
            })
            .filter_map(|rule| self.listeners.get(&rule.listener))
            .map(|listener| listener.load_balancer.as_str())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether any rule forwards to the group: otherwise its targets are `unused` and ECS refuses it.
    pub fn in_use(&self, group: &str) -> bool {
        !self.load_balancers_of(group).is_empty()
    }

    fn exists(&self, arn: &str) -> bool {
        self.load_balancers.contains_key(arn)
            || self.listeners.contains_key(arn)
            || self.rules.contains_key(arn)
            || self.target_groups.contains_key(arn)
    }
}

/// ELBv2's word for something that is not there, from the kind of ARN.
pub fn not_found(arn: &str) -> ApiError {
    let (code, message) = if arn.contains(":targetgroup/") {
        ("TargetGroupNotFound", "One or more target groups not found")
    } else if arn.contains(":listener-rule/") {
        ("RuleNotFound", "One or more rules not found")
    } else if arn.contains(":listener/") {
        ("ListenerNotFound", "One or more listeners not found")
    } else if arn.contains(":loadbalancer/") {
        let message = format!("Load balancer '{arn}' not found");
        return ApiError::new("LoadBalancerNotFound", message);
    } else {
        let message = format!("'{arn}' is not a valid ARN");
        return ApiError::new("ValidationError", message);
    };
    ApiError::new(code, message)
}

/// A member that must be there.
pub fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    let missing = || ApiError::new("ValidationError", format!("A {member} must be specified"));
    text(input, member)
        .filter(|v| !v.is_empty())
        .ok_or_else(missing)
}

/// The ARN in `member`, for policies.
pub fn resource(input: &Value, member: &str) -> Vec<String> {
    vec![text(input, member).unwrap_or("*").to_owned()]
}

pub fn put_tags(world: &mut World, arn: &str, tags: &[Value]) {
    if tags.is_empty() {
        return;
    }
    let kept = world.elbv2.tags.entry(arn.to_owned()).or_default();
    for tag in tags {
        let (key, value) = (
            text(tag, "Key").unwrap_or_default(),
            text(tag, "Value").unwrap_or_default(),
        );
        match kept.iter_mut().find(|(k, _)| k == key) {
            Some(found) => value.clone_into(&mut found.1),
            None => kept.push((key.to_owned(), value.to_owned())),
        }
    }
}

fn tagged(_: &World, input: &Value) -> Vec<String> {
    texts(input, "ResourceArns")
}

fn add_tags(world: &mut World, input: &Value) -> Answer {
    for arn in existing(world, input)? {
        put_tags(world, &arn, list(input, "Tags"));
    }
    Ok(json!({}))
}

fn remove_tags(world: &mut World, input: &Value) -> Answer {
    let keys = texts(input, "TagKeys");
    for arn in existing(world, input)? {
        if let Some(kept) = world.elbv2.tags.get_mut(&arn) {
            kept.retain(|(key, _)| !keys.contains(key));
        }
    }
    Ok(json!({}))
}

fn describe_tags(world: &mut World, input: &Value) -> Answer {
    let described = existing(world, input)?.into_iter().map(|arn| {
        let tags = world
            .elbv2
            .tags
            .get(&arn)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let tags: Vec<Value> = tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        let mut described = json!({ "ResourceArn": arn });
        // A list of tags has one at least (API model).
        if !tags.is_empty() {
            described["Tags"] = Value::Array(tags);
        }
        described
    });
    Ok(json!({ "TagDescriptions": described.collect::<Vec<_>>() }))
}

fn existing(world: &World, input: &Value) -> Result<Vec<String>, ApiError> {
    let arns = texts(input, "ResourceArns");
    match arns.iter().find(|arn| !world.elbv2.exists(arn)) {
        Some(missing) => Err(not_found(missing)),
        None => Ok(arns),
    }
}

const TAG_OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "AddTags",
        function: add_tags,
        resources: tagged,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "RemoveTags",
        function: remove_tags,
        resources: tagged,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeTags",
        function: describe_tags,
        resources: crate::world::shapes::everything,
    },
];

/// Every operation of this service.
pub const OPERATIONS: &[Operation] = &joined::<{ rows(TABLES) }>(TABLES);

const TABLES: &[&[Operation]] = &[
    load_balancers::OPERATIONS,
    listeners::OPERATIONS,
    rules::OPERATIONS,
    target_groups::OPERATIONS,
    target_health::OPERATIONS,
    quotas::OPERATIONS,
    TAG_OPERATIONS,
];

/// What ELBv2 says with a reason code, unless a check says more.
pub fn reason_description(code: &str) -> &'static str {
    match code {
        "Elb.RegistrationInProgress" => "Target registration is in progress",
        "Elb.InitialHealthChecking" => "Initial health checks in progress",
        "Elb.InternalError" => "Health checks failed due to an internal error",
        "Target.ResponseCodeMismatch" => "Health checks failed with these codes: [502]",
        "Target.Timeout" => "Request timed out",
        "Target.FailedHealthChecks" => "Health checks failed",
        "Target.NotRegistered" => "Target is not registered to the target group",
        "Target.NotInUse" => {
            "Target group is not configured to receive traffic from the load balancer"
        }
        "Target.DeregistrationInProgress" => "Target deregistration is in progress",
        "Target.InvalidState" => "Target is in the stopped state",
        "Target.IpUnusable" => "Target is an IP address that is used by a load balancer",
        "Target.HealthCheckDisabled" => "Health checks are disabled for this target group",
        _ => "",
    }
}
