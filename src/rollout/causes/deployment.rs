//! What ended the deployment, where nothing tells what was wrong with its tasks. Chosen by code, not by words.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "alarm",
        title: "a CloudWatch alarm went off",
        headline: "CloudWatch alarm {alarms|of the deployment} went off",
        meaning: "The service's deployment configuration names alarms; one went into ALARM while the new revision ran, and ECS ended the deployment.",
        fixes: &[
            "look at the metric behind {alarms|the alarm} in the minutes of the deployment, and at the application's log then",
            "if it is no fault of the new revision: an alarm that is in ALARM when a deployment starts is left out of it",
        ],
        page: pages::ALARMS,
        events: &[&["deployment failed: alarm detected"]],
        source: pages::ALARMS,
        ..NONE
    },
    Cause {
        name: "stop-unexplained",
        title: "ECS gives no reason for the stop",
        headline: "ECS gives no reason for the stop of its tasks",
        meaning: "The tasks failed, and neither a reason nor an exit code says why. A container that another one waits for (`dependsOn`) and that ended badly is one way to get there.",
        fixes: &[
            "look at the tasks in the console while they show, and at the log of each container",
            "start one of them by hand with the same task definition (`aws ecs run-task`)",
        ],
        page: pages::STOPPED,
        source: "https://github.com/aws/containers-roadmap/issues/2561",
        ..NONE
    },
    Cause {
        name: "circuit-breaker",
        title: "the circuit breaker went off",
        headline: "the circuit breaker went off[ after {failures} failed tasks]",
        meaning: "As many tasks failed as the deployment circuit breaker allows. Why they failed was not seen.",
        fixes: &[
            "look at the stopped tasks, which show for an hour: their stopped reason and exit codes say why",
            "the role needs `ecs:ListTasks` and `ecs:DescribeTasks` to see them",
        ],
        page: pages::BREAKER,
        events: &[&["deployment failed: tasks failed to start"]],
        source: pages::BREAKER,
        ..NONE
    },
    Cause {
        name: "deployment-stopped",
        title: "somebody stopped the deployment",
        headline: "somebody stopped the deployment",
        meaning: "StopServiceDeployment was called: by a person, a pipeline, or another run.",
        fixes: &["ask who did (CloudTrail: StopServiceDeployment), and deploy again"],
        page: pages::DETECTION,
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html",
        ..NONE
    },
    Cause {
        name: "lifecycle-hook-failed",
        title: "a lifecycle hook ended the deployment",
        headline: "lifecycle hook[ {hook}] {outcome|failed}",
        meaning: "A hook of the service's deployment configuration said FAILED, or no answer came within its time. ECS went back then.",
        fixes: &[
            "look at what the hook says: a Lambda function has its own log",
            "if it waited for a person (PAUSE): deploy again and answer in time, or give the hook a longer `timeoutInMinutes`",
        ],
        page: pages::HOOKS,
        source: pages::HOOKS,
        ..NONE
    },
    Cause {
        name: "lifecycle-hook-refused",
        title: "somebody answered a lifecycle hook with a rollback",
        headline: "somebody answered a lifecycle hook with ROLLBACK",
        meaning: "The deployment waited for a person, who called ContinueServiceDeployment with the action ROLLBACK.",
        fixes: &["ask who did and why (CloudTrail: ContinueServiceDeployment), and deploy again"],
        page: pages::HOOKS,
        source: pages::HOOKS,
        ..NONE
    },
    Cause {
        name: "lifecycle-hook-waits",
        title: "a lifecycle hook waits for an answer",
        headline: "a lifecycle hook waits for an answer[ at stage {stage}]",
        meaning: "Nothing is wrong: the service's deployment configuration has ECS wait for a person at this stage, and nobody has answered yet.",
        fixes: &[
            "continue it, or end it, as the evidence says",
            "to let the run end at such a hook, or answer it itself: `on-pause`",
        ],
        page: pages::HOOKS,
        source: pages::HOOKS,
        ..NONE
    },
    Cause {
        name: "service-deleted",
        title: "the service was deleted",
        headline: "the service was deleted while it was deployed",
        meaning: "DeleteService was called. A service that is DRAINING or INACTIVE starts nothing.",
        fixes: &["create it again, then deploy"],
        page: "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html",
        ..NONE
    },
    Cause {
        name: "count-overruled",
        title: "something else sets the desired count",
        headline: "something else set the desired count to {desired|another number}",
        meaning: "A scalable target's minimum, a scheduled action or a person changed the count that was asked for.",
        fixes: &[
            "look at Application Auto Scaling's activities for the service, and suspend or change what sets the count",
        ],
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html",
        ..NONE
    },
    Cause {
        name: "old-targets-answer",
        title: "the earlier revision still answers",
        headline: "tasks of the earlier revision still answer",
        meaning: "The new tasks are healthy, and old ones are not taken out of the target group: requests may reach either.",
        fixes: &[
            "look at task protection and at `minimumHealthyPercent`: what keeps the old tasks?",
            "or give it more time with `wait-for-minutes`",
        ],
        page: pages::EVENTS,
        events: &[&["number of protected tasks"]],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "starts-slowly",
        title: "the tasks have not started yet",
        headline: "the tasks have not started yet",
        meaning: "Nothing is known to be wrong: ECS is still placing tasks, attaching network interfaces or pulling the image.",
        fixes: &[
            "give it more time with `wait-for-minutes`",
            "if it stays so: the image's size and the way to its registry are what a start waits for longest",
        ],
        page: pages::STOPPED,
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "limit-ran-out",
        title: "the limit ran out",
        headline: "the limit ran out before all of it was proven",
        meaning: "Nothing was seen to fail. What was still missing at the end is in the evidence.",
        fixes: &["give it more time with `wait-for-minutes`"],
        page: pages::EVENTS,
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "unexplained",
        title: "ECS does not say why",
        headline: "ECS does not say why",
        meaning: "The deployment ended, or cannot be seen any more, and nothing that was seen tells why. The last that was seen is quoted.",
        fixes: &["look at the service's events and deployments in the console"],
        page: pages::EVENTS,
        source: pages::EVENTS,
        ..NONE
    },
];
