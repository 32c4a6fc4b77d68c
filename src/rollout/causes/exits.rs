//! The containers ran, and ended: by their exit codes, or because something stopped them.

use super::{Cause, NONE, pages};

const EXIT_CODES: &str = "https://github.com/aws/agent-toolkit-for-aws/blob/main/skills/core-skills/aws-containers/references/ecs-troubleshooting-guide.md";

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "out-of-memory",
        title: "a container ran out of memory",
        headline: "{container|a container} ran out of memory[ (exit code {code}, limit {memory})]",
        meaning: "The container took more memory than it may, and the kernel killed it.",
        fixes: &[
            "raise `memory` of the container[ (now {memory})], and of the task where it is the limit",
            "or let the application take less: a runtime's heap has a limit of its own (`-XX:MaxRAMPercentage`, `--max-old-space-size`)",
        ],
        page: pages::MEMORY,
        says: &[&["OutOfMemoryError"]],
        source: "https://github.com/aws/amazon-ecs-agent/issues/1187",
        ..NONE
    },
    Cause {
        name: "sidecar-ended-first",
        title: "another essential container ended first",
        headline: "{container|another essential container} ended first[ (exit code {code})] and took {deployed|the deployed one} with it",
        meaning: "When an essential container ends, ECS stops the whole task. Here that was not the container that is deployed.",
        fixes: &[
            "look into the log of {container|that container}: it is what has to be mended",
            "if the task can do without it: `essential: false`",
        ],
        page: pages::PARAMETERS,
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "finished",
        title: "the container finished: a service's command must not end",
        headline: "{container|the container} finished (exit code 0): a service's command must not end",
        meaning: "An essential container that exits, even with 0, ends its task. The command does its work and returns, or it puts itself into the background.",
        fixes: &[
            "let the command stay in the foreground (`nginx -g 'daemon off;'`, `exec` as the last line of a script)",
            "if it is meant to end, it is no service: run it as a task, or make its container `essential: false`",
        ],
        page: pages::PARAMETERS,
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "killed",
        title: "a container was killed with SIGKILL, and ECS does not say by whom",
        headline: "{container|a container} was killed with SIGKILL (exit code 137), and ECS does not say by whom",
        meaning: "Were it the container's own memory limit, ECS would say OutOfMemoryError; it does not. Candidates: the memory of the task or host ran out, one of its own processes was killed for memory, or something inside sent the signal.",
        fixes: &[
            "look at the container's last lines and its memory (Container Insights) before the end",
            "if memory was near its limit[ ({memory})]: raise `memory` of container and task",
        ],
        page: pages::STOPPED,
        source: "https://github.com/aws/amazon-ecs-agent/issues/2467",
        ..NONE
    },
    Cause {
        name: "killed-after-stop-timeout",
        title: "a container did not end when it was told to, and was killed",
        headline: "{container|a container} did not end within {stop-timeout|`stopTimeout`} when it was told to, and was killed (exit code 137)",
        meaning: "ECS stops a task with SIGTERM, and after `stopTimeout` (30 s by default) with SIGKILL. 137 is that, not a lack of memory.",
        fixes: &[
            "let the application end on SIGTERM: a shell as PID 1 does not pass it on (`exec`, or `initProcessEnabled`)",
            "or give it more time: `stopTimeout` of the container (up to 120 s on Fargate)",
        ],
        page: pages::PARAMETERS,
        source: EXIT_CODES,
        ..NONE
    },
    Cause {
        name: "segmentation-fault",
        title: "a container crashed with a segmentation fault",
        headline: "{container|a container} crashed with a segmentation fault (exit code 139)",
        meaning: "A native part of the application touched memory that is not its own: a native module built for another libc or processor is the usual one.",
        fixes: &[
            "build native modules in the same base image as they run in (Alpine has another libc)",
            "run the same image on the same architecture elsewhere, and look at the crash there",
        ],
        page: pages::STOPPED,
        source: EXIT_CODES,
        ..NONE
    },
    Cause {
        name: "aborted",
        title: "a container aborted",
        headline: "{container|a container} aborted (exit code 134)",
        meaning: "The process ended itself with SIGABRT: a failed assertion, or a runtime that ran out of its heap.",
        fixes: &["look into its last lines: they name the assertion, or the heap"],
        page: pages::STOPPED,
        source: EXIT_CODES,
        ..NONE
    },
    Cause {
        name: "terminated",
        title: "a container ended on SIGTERM that ECS did not send",
        headline: "{container|a container} ended on SIGTERM (exit code 143), which ECS does not say it sent",
        meaning: "Somebody told it to end: a script or process manager in the container, or another container's end.",
        fixes: &["look into its last lines, and at what in the container sends signals"],
        page: pages::STOPPED,
        source: EXIT_CODES,
        ..NONE
    },
    Cause {
        name: "application-error",
        title: "the application ended with an error",
        headline: "{container|the container} ended with exit code {code|other than 0}",
        meaning: "The command in the container ended by itself and said so with its exit code. What went wrong, only its log tells.",
        fixes: &[
            "read the last lines of {container|the container}: a missing setting, a file or a service that is not reached are the usual ones",
            "run the same image with the same environment elsewhere",
        ],
        page: pages::STOPPED,
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "spot-interruption",
        title: "Spot capacity was taken back",
        headline: "Spot capacity was taken back, and there is not enough of it",
        meaning: "Tasks on Spot capacity are interrupted when AWS needs it. That alone fails no deployment; but nothing else was seen.",
        fixes: &[
            "put a base of FARGATE (on-demand) into the capacity provider strategy",
            "deploy again later, or in more Availability Zones",
        ],
        page: pages::FARGATE,
        says: &[&["Spot Task was interrupted"]],
        source: pages::FARGATE,
        ..NONE
    },
    Cause {
        name: "host-retired",
        title: "AWS took the host away",
        headline: "AWS took the host of the tasks away",
        meaning: "The infrastructure under the task was retired or found unhealthy. ECS starts another task; nothing is wrong with yours.",
        fixes: &["deploy again"],
        page: pages::STOPPED,
        says: &[
            &["Host EC2"],
            &["instance was terminated"],
            &["task retirement"],
        ],
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "stopped-by-a-person",
        title: "somebody stopped it",
        headline: "somebody stopped it",
        meaning: "A person or a program with their permissions stopped tasks, or the deployment, while it ran.",
        fixes: &["ask who did (CloudTrail: StopTask, StopServiceDeployment), and deploy again"],
        page: pages::STOPPED,
        says: &[&["Task stopped by user"]],
        events: &[],
        source: pages::STOPPED,
        ..NONE
    },
];
