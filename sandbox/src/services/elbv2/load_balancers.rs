//! Application load balancers.

use serde_json::{Value, json};

use super::{LoadBalancer, not_found, put_tags, required, resource};
use crate::world::shapes::{elb_arn, elb_page, everything, iso8601, list, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "CreateLoadBalancer",
        function: create_load_balancer,
        resources: |w, i| {
            vec![elb_arn(
                w,
                &format!("loadbalancer/app/{}/*", text(i, "Name").unwrap_or("*")),
            )]
        },
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeLoadBalancers",
        function: describe_load_balancers,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeleteLoadBalancer",
        function: delete_load_balancer,
        resources: |_, i| resource(i, "LoadBalancerArn"),
    },
];

fn create_load_balancer(world: &mut World, input: &Value) -> Answer {
    let name = required(input, "Name")?.to_owned();
    let scheme = text(input, "Scheme")
        .unwrap_or("internet-facing")
        .to_owned();
    let (subnets, security_groups) = (texts(input, "Subnets"), texts(input, "SecurityGroups"));
    if let Some(there) = world.elbv2.load_balancers.values().find(|b| b.name == name) {
        let same = there.scheme == scheme
            && there.subnets == subnets
            && there.security_groups == security_groups;
        if same {
            return Ok(json!({ "LoadBalancers": [describe(world, there)] }));
        }
        let message = "A load balancer with the same name exists, but with different settings";
        return Err(ApiError::new("DuplicateLoadBalancerName", message));
    }
    let suffix = world.ids.hex(16);
    let kind = text(input, "Type").unwrap_or("application").to_owned();
    let short = if kind == "network" { "net" } else { "app" };
    let arn = elb_arn(world, &format!("loadbalancer/{short}/{name}/{suffix}"));
    let suffix = if world.place.partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let dns_name = format!(
        "{name}-{}.{}.elb.{suffix}",
        world.ids.digits(10),
        world.place.region
    );
    put_tags(world, &arn, list(input, "Tags"));
    let balancer = LoadBalancer {
        arn: arn.clone(),
        name,
        dns_name,
        kind,
        scheme,
        subnets,
        security_groups,
        created: world.now,
    };
    let shown = describe(world, &balancer);
    world.elbv2.load_balancers.insert(arn, balancer);
    Ok(json!({ "LoadBalancers": [shown] }))
}

fn describe(world: &World, balancer: &LoadBalancer) -> Value {
    let zones = balancer.subnets.iter().zip(["a", "c", "d"].iter().cycle());
    let zones: Vec<Value> = zones
        .map(|(subnet, zone)| {
            json!({ "ZoneName": format!("{}{zone}", world.place.region), "SubnetId": subnet, "LoadBalancerAddresses": [] })
        })
        .collect();
    json!({
        "LoadBalancerArn": balancer.arn, "DNSName": balancer.dns_name, "CanonicalHostedZoneId": "Z14GRHDCWA56QT",
        "CreatedTime": iso8601(balancer.created), "LoadBalancerName": balancer.name, "Scheme": balancer.scheme,
        "VpcId": super::target_groups::VPC, "State": { "Code": "active" }, "Type": balancer.kind,
        "AvailabilityZones": zones, "SecurityGroups": balancer.security_groups, "IpAddressType": "ipv4",
    })
}

fn describe_load_balancers(world: &mut World, input: &Value) -> Answer {
    let (arns, names) = (texts(input, "LoadBalancerArns"), texts(input, "Names"));
    let all = &world.elbv2.load_balancers;
    if let Some(missing) = arns.iter().find(|a| !all.contains_key(*a)) {
        return Err(not_found(missing));
    }
    if let Some(missing) = names.iter().find(|n| !all.values().any(|b| b.name == **n)) {
        return Err(ApiError::new(
            "LoadBalancerNotFound",
            format!("Load balancers '[{missing}]' not found"),
        ));
    }
    let asked = |b: &&LoadBalancer| {
        arns.is_empty() && names.is_empty() || arns.contains(&b.arn) || names.contains(&b.name)
    };
    let shown = all
        .values()
        .filter(asked)
        .map(|b| describe(world, b))
        .collect();
    elb_page(shown, "LoadBalancers", input)
}

/// Deleting one that is not there succeeds; its listeners and rules go along.
fn delete_load_balancer(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "LoadBalancerArn")?.to_owned();
    world.elbv2.load_balancers.remove(&arn);
    world.elbv2.tags.remove(&arn);
    let listeners: Vec<String> = world
        .elbv2
        .listeners
        .values()
        .filter(|l| l.load_balancer == arn)
        .map(|l| l.arn.clone())
        .collect();
    for listener in listeners {
        super::listeners::remove_listener(world, &listener);
    }
    Ok(json!({}))
}
