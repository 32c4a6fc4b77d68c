//! No task comes up, for there is no place for one: what the scheduler says in the service's events.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "quota-reached",
        title: "a quota of the account is reached",
        headline: "a quota of the account is reached",
        meaning: "The account may not run more tasks or vCPUs in this Region. While a deployment runs, old and new tasks count together.",
        fixes: &[
            "ask for more in Service Quotas (Fargate: \"On-Demand vCPU resource count\")",
            "or lower `maximumPercent`, so that fewer tasks run at the same time",
        ],
        page: pages::EVENTS,
        says: &[&["limit on the number of"]],
        events: &[
            &["limit on the number of tasks"],
            &["limit on the number of vCPUs"],
            &["vCPU limit"],
            &["configuration is above your limit"],
        ],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "fargate-capacity-unavailable",
        title: "AWS has no capacity at the moment",
        headline: "AWS has no capacity in the service's Availability Zones at the moment",
        meaning: "Fargate (or Fargate Spot, sooner) has no room there right now. It passes.",
        fixes: &[
            "deploy again later, or add subnets in further Availability Zones",
            "with FARGATE_SPOT: put a base of FARGATE into the capacity provider strategy",
        ],
        page: pages::FARGATE,
        says: &[&["Capacity is unavailable"]],
        events: &[&["Capacity is unavailable at this time"]],
        source: "https://github.com/sil-org/ecs-deploy/issues/277",
        ..NONE
    },
    Cause {
        name: "no-container-instances",
        title: "the cluster has no container instance",
        headline: "the cluster has no container instance",
        meaning: "A task with launch type EC2 runs on an instance of the cluster, and none is registered.",
        fixes: &[
            "look at the cluster's Auto Scaling group, and at the ECS agent of its instances (`ECS_CLUSTER`)",
            "or run the service on Fargate",
        ],
        page: pages::EVENTS,
        events: &[&["No Container Instances were found"]],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "agent-disconnected",
        title: "the agent of the container instance is disconnected",
        headline: "the ECS agent of the closest container instance is disconnected",
        meaning: "ECS cannot tell the instance to start anything.",
        fixes: &["restart the agent (`systemctl restart ecs`), or replace the instance"],
        page: pages::EVENTS,
        events: &[&["encountered error", "AGENT"]],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "zone-not-supported",
        title: "Fargate is not in that Availability Zone",
        headline: "Fargate is not in one of the service's Availability Zones",
        meaning: "ECS answers \"Internal error\" where a subnet lies in a zone without Fargate.",
        fixes: &["take that subnet out of the service's network configuration"],
        page: pages::EVENTS,
        events: &[&["unable to place a task", "Reason: Internal error"]],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "no-capacity",
        title: "no container instance has room for a task",
        headline: "no container instance has room for a task[ ({cpu} CPU units, {memory})]",
        meaning: "CPU, memory or network interfaces of every instance are taken, or an instance lacks an attribute that the task needs. While a deployment runs, old and new tasks need room at the same time.",
        fixes: &[
            "add instances, or let a capacity provider with managed scaling do it",
            "or let tasks take less, or let an old one go first (`minimumHealthyPercent` below 100)",
            "with RESOURCE:ENI: `awsvpcTrunking`, or larger instances",
        ],
        page: pages::EVENTS,
        events: &[
            &["unable to place a task", "no container instance met"],
            &["RESOURCE:CPU"],
            &["RESOURCE:MEMORY"],
            &["RESOURCE:ENI"],
            &["UnfulfillableCapacity"],
        ],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "no-room-to-roll",
        title: "the deployment configuration leaves no room",
        headline: "the deployment configuration leaves no room[: minimum {minimum} %, maximum {maximum} %, desired {desired}]",
        meaning: "ECS may neither stop an old task (`minimumHealthyPercent`) nor start a new one beside it (`maximumPercent`), so nothing moves.",
        fixes: &[
            "raise `maximumPercent` (200 lets new tasks start beside the old ones)",
            "or lower `minimumHealthyPercent` (with one task to 0, which is an outage while it is replaced)",
        ],
        page: pages::EVENTS,
        events: &[&["unable to stop or start tasks during a deployment"]],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "ecs-throttled",
        title: "ECS is throttled",
        headline: "ECS is throttled while it starts tasks",
        meaning: "ECS calls EC2, ELB and others for the service, and the account's rate for one of them is used up. It tries again.",
        fixes: &[
            "see what else calls those APIs in the account, deploy fewer services at a time, or ask for a higher rate",
        ],
        page: pages::THROTTLES,
        events: &[&["operations are being throttled"]],
        source: pages::EVENTS,
        ..NONE
    },
    // Behind what a placement says of the same: "unable to place a task. Reason: ResourceInitializationError: …".
    Cause {
        name: "resources-failed",
        title: "what the task needs could not be prepared",
        headline: "what the task needs could not be prepared",
        meaning: "ECS prepares network, secrets, logs and volumes of a task before it starts, and one of them failed in words that name none of the usual causes.",
        fixes: &[
            "read the quoted reason; most often the subnet has no way to AWS's services, or the task execution role lacks a permission",
        ],
        page: pages::RESOURCES,
        says: &[&["ResourceInitializationError"]],
        source: pages::RESOURCES,
        ..NONE
    },
    Cause {
        name: "placement-failed",
        title: "no task can be placed",
        headline: "ECS cannot place a task",
        meaning: "The scheduler gives a reason that is none of the usual ones.",
        fixes: &["read the quoted event"],
        page: pages::EVENTS,
        events: &[&["unable to place a task"], &["failed to launch a task"]],
        source: pages::EVENTS,
        ..NONE
    },
];
