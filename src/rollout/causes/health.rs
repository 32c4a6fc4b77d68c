//! The containers run, and are not found healthy: by their own checks, or by the load balancer's.

use super::{Cause, NONE, pages};

/// Events and descriptions that come with the reason codes.
const DESCRIBED: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html";

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "container-health-check",
        title: "the container's own health check fails",
        headline: "the health check of {container|the container} fails[: {health-command}]",
        meaning: "ECS runs the `healthCheck` command of the task definition in the container, and it did not end with 0 often enough.",
        fixes: &[
            "run that command in the image: the tools it uses (`curl`, `wget`) must be there, and the address must be one that it listens on",
            "if it starts slowly: a longer `startPeriod`[ (now {start-period})]",
        ],
        page: pages::PARAMETERS,
        says: &[&["failed container health checks"]],
        events: &[&["failed container health checks"]],
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "grace-period-too-short",
        title: "the grace period is shorter than the start-up",
        headline: "a task takes {took|longer} to become healthy, and the grace period is {grace|shorter}",
        meaning: "Failed checks count from the moment a task runs, save for `healthCheckGracePeriodSeconds`. Tasks were stopped while they were still starting.",
        fixes: &[
            "set `healthCheckGracePeriodSeconds` of the service to more than a start takes[ ({took} was seen)]",
            "or let the application answer earlier",
        ],
        page: pages::BALANCERS,
        source: pages::BALANCERS,
        ..NONE
    },
    Cause {
        name: "health-path-not-found",
        title: "the health path answers 404",
        headline: "the health path {path|of the target group} answers 404",
        meaning: "The load balancer reaches the application, and it has nothing at the path that the target group checks.",
        fixes: &[
            "serve {path|the path}, or set the health check path of {group|the target group} to one that answers {matcher|200}",
        ],
        page: pages::CHECKS,
        events: &[&["is unhealthy in", "[404"]],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-path-denied",
        title: "the health path asks for a login",
        headline: "the health path {path|of the target group} answers {answer|401 or 403}: it asks for a login",
        meaning: "The load balancer reaches the application, which lets nobody see that path without credentials. A health check has none.",
        fixes: &[
            "answer {path|the path} without a login (some frameworks also refuse a host name that is an address)",
            "or set the health check path of {group|the target group} to one that is open",
        ],
        page: pages::CHECKS,
        events: &[&["is unhealthy in", "[401"], &["is unhealthy in", "[403"]],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-path-redirects",
        title: "the health path redirects",
        headline: "the health path {path|of the target group} answers {answer|with a redirect}, and the target group expects {matcher|200}",
        meaning: "The load balancer does not follow redirects. To https or to a login page are the usual ones.",
        fixes: &[
            "answer {path|the path} itself; do not redirect to https where `X-Forwarded-Proto` is missing",
            "or check a path that does not redirect, or add {answer|the code} to the matcher of {group|the target group}",
        ],
        page: pages::CHECKS,
        events: &[
            &["is unhealthy in", "[301"],
            &["is unhealthy in", "[302"],
            &["is unhealthy in", "[307"],
            &["is unhealthy in", "[308"],
        ],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-path-errors",
        title: "the health path answers with a server error",
        headline: "the health path {path|of the target group} answers {answer|5xx}",
        meaning: "The load balancer reaches the application, which fails while it answers. A check that asks the database as well fails with it.",
        fixes: &[
            "read the last lines of {container|the container}: the request of {path|the health path} is in there",
            "let the health path tell of this process only, not of what it depends on",
        ],
        page: pages::UNHEALTHY,
        events: &[&["is unhealthy in", "[50"], &["is unhealthy in", "[51"]],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-path-other-answer",
        title: "the health path answers with a code that is not expected",
        headline: "the health path {path|of the target group} answers {answer|with another code}, and the target group expects {matcher|200}",
        meaning: "The load balancer reaches the application; the answer's status is none of the matcher's.",
        fixes: &[
            "answer {path|the path} with {matcher|200}, or change the matcher of {group|the target group}",
        ],
        page: pages::CHECKS,
        events: &[&["is unhealthy in", "failed with these codes"]],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-check-timeout",
        title: "health checks get no answer in time",
        headline: "nothing answers the load balancer on port {port|of the target group} in time",
        meaning: "The request is lost on its way, or the application takes longer than the check waits. A closed security group looks exactly like that.",
        fixes: &[
            "let the load balancer's security group into the tasks' security group on port {port|of the container}",
            "if that is so: answer {path|the health path} faster[, within {check-timeout}]; at the start {cpu|few} CPU units may be what is short",
        ],
        page: pages::FIREWALL,
        events: &[&["is unhealthy in", "Request timed out"]],
        target: &["Target.Timeout"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "port-not-reachable",
        title: "connections to the port that is checked fail",
        headline: "the load balancer cannot connect to port {port|of the target group} of {container|the container}",
        meaning: "The task runs, and the connection fails. The application listens on another port, or only on 127.0.0.1 (localhost), where nobody outside of the task comes; or it has not got that far yet; or it speaks another protocol than the check (TLS).",
        fixes: &[
            "let the application listen on 0.0.0.0 (not on localhost) and port {port|of `containerPort`}, or change `containerPort` to what it listens on",
            "if it merely starts slowly: `healthCheckGracePeriodSeconds`[ is {grace}][, and tasks were stopped {age} after their start]",
        ],
        page: pages::UNHEALTHY,
        events: &[&["is unhealthy in", "reason Health checks failed)"]],
        target: &["Target.FailedHealthChecks"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "elb-internal-error",
        title: "the load balancer has an error of its own",
        headline: "the load balancer has an error of its own",
        meaning: "The health checks failed in the load balancer itself; the tasks are not to blame.",
        fixes: &["deploy again; if it stays, ask AWS Support"],
        page: pages::TARGETS,
        events: &[&["is unhealthy in", "internal error"]],
        target: &["Elb.InternalError"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "elb-health-check",
        title: "the load balancer finds the tasks unhealthy",
        headline: "the load balancer finds the tasks unhealthy",
        meaning: "ECS stopped tasks because their targets were unhealthy. Why, the target's own reason says, and it was not seen.",
        fixes: &[
            "look at the targets' reasons: `aws elbv2 describe-target-health`, for which the role needs `elasticloadbalancing:DescribeTargetHealth`",
            "port, health path, security group and grace period are what they name",
        ],
        page: pages::BALANCERS,
        says: &[&["failed ELB health checks"]],
        events: &[&["is unhealthy in"]],
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "target-registering",
        title: "the load balancer is still registering the tasks",
        headline: "the load balancer is still registering the tasks in {group|their target group}",
        meaning: "Registration takes seconds with an Application Load Balancer, minutes with a Network Load Balancer. Nothing is known to be wrong.",
        fixes: &["give it more time with `wait-for-minutes`"],
        page: pages::TARGETS,
        target: &["Elb.RegistrationInProgress"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-first-checks",
        title: "the first health checks are not done yet",
        headline: "the first health checks of the tasks in {group|their target group} are not done yet",
        meaning: "A new target must pass a check before it is healthy, and one comes every interval. Nothing is known to be wrong.",
        fixes: &[
            "give it more time with `wait-for-minutes`",
            "a shorter health check interval[ (now {interval})] lets ELB see it sooner",
        ],
        page: pages::CHECKS,
        target: &["Elb.InitialHealthChecking"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-not-registered",
        title: "the tasks are not registered in the target group",
        headline: "the tasks are not registered in {group|the target group}",
        meaning: "Something took the targets out of the group, or ECS could not put them in.",
        fixes: &[
            "look for what else registers targets there; ECS needs its service-linked role and the group's limits not reached",
        ],
        page: pages::BALANCERS,
        target: &["Target.NotRegistered"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-group-not-in-use",
        title: "no load balancer sends to the tasks",
        headline: "no load balancer sends to the tasks in {group|the target group}",
        meaning: "The target group has no listener rule that forwards to it, or the tasks are in an Availability Zone that the load balancer does not have. No check is made, so none can pass.",
        fixes: &[
            "point a listener rule at {group|the target group}",
            "enable the tasks' Availability Zones on the load balancer, or take those subnets from the service",
        ],
        page: pages::BALANCERS,
        target: &["Target.NotInUse"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-draining",
        title: "the tasks are being taken out of the target group",
        headline: "the tasks are being taken out of {group|the target group}",
        meaning: "Their targets drain although they should serve: ECS is stopping them, or something else deregistered them.",
        fixes: &["look for what else deregisters targets there, and at the stopped tasks"],
        page: pages::TARGETS,
        target: &["Target.DeregistrationInProgress"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-stopped",
        title: "the targets' instance is stopped",
        headline: "the instance behind the targets in {group|the target group} is stopped or terminated",
        meaning: "On EC2 a target is an instance; this one does not run any more.",
        fixes: &["look at the cluster's Auto Scaling group: why was the instance stopped?"],
        page: pages::TARGETS,
        target: &["Target.InvalidState"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "target-address-unusable",
        title: "the targets' address cannot be used",
        headline: "an address in {group|the target group} is a load balancer's own",
        meaning: "The registered address belongs to a load balancer, which does not send to itself.",
        fixes: &[
            "register the tasks, not the load balancer: look at what else writes into that target group",
        ],
        page: pages::TARGETS,
        target: &["Target.IpUnusable"],
        source: DESCRIBED,
        ..NONE
    },
    Cause {
        name: "health-check-disabled",
        title: "the target group makes no health checks",
        headline: "{group|the target group} makes no health checks",
        meaning: "Without health checks no target is ever called healthy, so nobody can say that the revision serves.",
        fixes: &[
            "switch the health check of {group|the target group} on",
            "or wait for ECS's own word with `wait-until: deployed`",
        ],
        page: pages::TARGETS,
        target: &["Target.HealthCheckDisabled", "unavailable"],
        source: DESCRIBED,
        ..NONE
    },
];
