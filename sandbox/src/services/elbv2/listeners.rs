//! Listeners: their default actions and their certificates. Knows no rule but the default one.

use serde_json::{Value, json};

use super::rules::add_rule;
use super::{Listener, not_found, put_tags, quotas, required, resource, rule_members};
use crate::world::shapes::{elb_page, everything, list, number_in, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "CreateListener",
        function: create_listener,
        resources: |_, i| resource(i, "LoadBalancerArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeListeners",
        function: describe_listeners,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeListenerCertificates",
        function: describe_listener_certificates,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeleteListener",
        function: delete_listener,
        resources: |_, i| resource(i, "ListenerArn"),
    },
];

fn create_listener(world: &mut World, input: &Value) -> Answer {
    let balancer = required(input, "LoadBalancerArn")?.to_owned();
    if !world.elbv2.load_balancers.contains_key(&balancer) {
        return Err(not_found(&balancer));
    }
    let port = number_in(input, "Port")
        .ok_or_else(|| ApiError::new("ValidationError", "A listener port must be specified"))?;
    let port = port as u16;
    let actions = rule_members::actions(world, list(input, "DefaultActions"))?;
    quotas::target_groups(world, &balancer, None, &actions)?;
    let protocol = text(input, "Protocol").unwrap_or("HTTP").to_owned();
    let certificates = certificates(world, &protocol, list(input, "Certificates"))?;
    let ssl_policy = text(input, "SslPolicy").map(str::to_owned);
    if let Some(there) = world
        .elbv2
        .listeners
        .values()
        .find(|l| l.load_balancer == balancer && l.port == port)
    {
        let default = describe_listener(world, &there.arn);
        let same = there.protocol == protocol
            && there.certificates == certificates
            && there.ssl_policy == ssl_policy
            && default["DefaultActions"] == actions;
        // The same again succeeds: CreateListener is idempotent.
        if same {
            return Ok(json!({ "Listeners": [default] }));
        }
        let message =
            format!("A listener already exists on this port for this load balancer '{balancer}'");
        return Err(ApiError::new("DuplicateListener", message));
    }
    let arn = format!(
        "{}/{}",
        balancer.replace(":loadbalancer/", ":listener/"),
        world.ids.hex(16)
    );
    put_tags(world, &arn, list(input, "Tags"));
    let listener = Listener {
        arn: arn.clone(),
        load_balancer: balancer,
        port,
        protocol,
        certificates,
        ssl_policy,
    };
    world.elbv2.listeners.insert(arn.clone(), listener);
    add_rule(world, &arn, None, json!([]), actions, json!([]));
    Ok(json!({ "Listeners": [describe_listener(world, &arn)] }))
}

/// The default certificate of a listener that speaks TLS.
fn certificates(world: &World, protocol: &str, given: &[Value]) -> Result<Vec<String>, ApiError> {
    let invalid = |message: &str| Err(ApiError::new("ValidationError", message));
    match (protocol, given) {
        ("HTTPS", []) => invalid("A certificate must be specified for HTTPS listeners"),
        ("HTTPS", [only]) => {
            let arn = required(only, "CertificateArn")?;
            if world.acm.certificates.contains_key(arn) {
                return Ok(vec![arn.to_owned()]);
            }
            let message = format!("Certificate ARN '{arn}' is not valid");
            Err(ApiError::new("CertificateNotFound", message))
        }
        ("HTTPS", _) => invalid("Up to 1 certificate can be specified"),
        (_, []) => Ok(Vec::new()),
        _ => invalid("Certificates can only be specified for HTTPS listeners"),
    }
}

fn describe_listener(world: &World, arn: &str) -> Value {
    let Some(listener) = world.elbv2.listeners.get(arn) else {
        return Value::Null;
    };
    let default = world
        .elbv2
        .rules
        .values()
        .find(|r| r.listener == arn && r.priority.is_none());
    let mut shown = json!({
        "ListenerArn": listener.arn, "LoadBalancerArn": listener.load_balancer, "Port": listener.port,
        "Protocol": listener.protocol, "DefaultActions": default.map(|r| r.actions.clone()),
    });
    if listener.protocol == "HTTPS" {
        // The default certificate alone: the others are asked for by an operation of their own.
        let default = listener.certificates.first();
        shown["Certificates"] = default
            .map(|arn| json!({ "CertificateArn": arn }))
            .into_iter()
            .collect();
        shown["SslPolicy"] = json!(
            listener
                .ssl_policy
                .as_deref()
                .unwrap_or("ELBSecurityPolicy-TLS13-1-2-2021-06")
        );
    }
    shown
}

fn describe_listeners(world: &mut World, input: &Value) -> Answer {
    let arns = texts(input, "ListenerArns");
    let listeners = &world.elbv2.listeners;
    let asked: Vec<&String> = if let Some(balancer) = text(input, "LoadBalancerArn") {
        if !world.elbv2.load_balancers.contains_key(balancer) {
            return Err(not_found(balancer));
        }
        listeners
            .values()
            .filter(|l| l.load_balancer == balancer)
            .map(|l| &l.arn)
            .collect()
    } else if arns.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "You must specify either listener ARNs or a load balancer ARN",
        ));
    } else {
        arns.iter().collect()
    };
    if let Some(missing) = asked.iter().find(|a| !listeners.contains_key(**a)) {
        return Err(not_found(missing));
    }
    let shown = asked
        .iter()
        .map(|arn| describe_listener(world, arn))
        .collect();
    elb_page(shown, "Listeners", input)
}

fn describe_listener_certificates(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "ListenerArn")?;
    let listener = world
        .elbv2
        .listeners
        .get(arn)
        .ok_or_else(|| not_found(arn))?;
    let certificates = listener.certificates.iter().enumerate();
    let shown = certificates
        .map(|(index, arn)| json!({ "CertificateArn": arn, "IsDefault": index == 0 }))
        .collect();
    elb_page(shown, "Certificates", input)
}

pub fn remove_listener(world: &mut World, arn: &str) {
    let elbv2 = &mut world.elbv2;
    elbv2.listeners.remove(arn);
    elbv2.tags.remove(arn);
    let rules = elbv2.rules.values().filter(|rule| rule.listener == arn);
    for rule in rules.map(|rule| rule.arn.clone()).collect::<Vec<_>>() {
        elbv2.rules.remove(&rule);
        elbv2.tags.remove(&rule);
    }
}

fn delete_listener(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "ListenerArn")?.to_owned();
    if !world.elbv2.listeners.contains_key(&arn) {
        return Err(not_found(&arn));
    }
    remove_listener(world, &arn);
    Ok(json!({}))
}
