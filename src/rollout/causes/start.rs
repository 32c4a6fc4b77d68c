//! The containers are created, and do not start.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "exec-format-error",
        title: "the container's binary is for another architecture",
        headline: "the binary of {container|the container} is for another architecture than the tasks[ ({platform})]",
        meaning: "The kernel cannot run it: the image, or what was copied into it, was built for another processor. A script without its `#!` line is refused in the same words.",
        fixes: &[
            "build the image for {platform|the platform of the tasks} (input `platform`), with every binary that is copied in",
            "or say in `runtimePlatform` of the task definition what the image is for",
            "if the entrypoint is a script: begin it with `#!/bin/sh`",
        ],
        page: pages::ARCHITECTURE,
        certain: true,
        says: &[&["exec format error"]],
        logs: &[&["exec format error"]],
        source: "https://github.com/runatlantis/atlantis/issues/2001",
        ..NONE
    },
    Cause {
        name: "host-port-in-use",
        title: "the host's port is in use already",
        headline: "the host port of {container|the container} is in use already",
        meaning: "On EC2 a fixed host port is taken by one task per instance, and while a deployment runs the old task still has it.",
        fixes: &[
            "leave `hostPort` out (or 0), so that the instance chooses one: the target group follows",
            "or have one more instance than tasks, or `minimumHealthyPercent` below 100 so that an old task goes first",
        ],
        page: pages::EVENTS,
        says: &[
            &["port is already allocated"],
            &["CannotStart", "address already in use"],
        ],
        events: &[
            &["already using a port"],
            &["RESOURCE:PORTS"],
            &["port is already allocated"],
        ],
        source: pages::EVENTS,
        ..NONE
    },
    Cause {
        name: "entrypoint-not-found",
        title: "what the container is to run is not in the image",
        headline: "what {container|the container} is to run is not in the image[ (exit code {code})]",
        meaning: "`entryPoint`, `command` or the image's own name a program, a script or its interpreter that the image does not have at that place.",
        fixes: &[
            "check `entryPoint` and `command` of the container: each word of a command is an element of its own",
            "look whether the file is in the image, at that path; a volume mounted over it hides it",
            "of a script: its `#!` line must name a shell that the image has, and lines must not end in CR LF",
        ],
        page: pages::START,
        certain: true,
        says: &[
            &["CannotStart", "executable file not found"],
            &["CannotStart", "exec: ", "no such file or direc"],
            &["CannotCreate", "executable file not found"],
            &["executable file not found in $PATH"],
        ],
        logs: &[
            &["exec /", "no such file or directory"],
            &["exec user process caused", "no such file or directory"],
            &["executable file not found"],
        ],
        source: "https://github.com/aws/amazon-ecs-cli/issues/1136",
        ..NONE
    },
    Cause {
        name: "entrypoint-not-executable",
        title: "what the container is to run may not be executed",
        headline: "what {container|the container} is to run may not be executed[ (exit code {code})]",
        meaning: "The file is there, but has no permission to be executed, or not by the container's user.",
        fixes: &[
            "`chmod +x` it in the Dockerfile (`COPY --chmod=755 …`)",
            "check `user` of the container, and whether a directory is named in place of a file",
        ],
        page: pages::START,
        certain: true,
        says: &[
            &["CannotStart", "exec: ", "permission denied"],
            &["CannotStart", "exec: ", "is a directory"],
        ],
        logs: &[
            &["exec /", "permission denied"],
            &["exec user process caused", "permission denied"],
        ],
        source: "https://github.com/aws/amazon-ecs-agent/issues/2954",
        ..NONE
    },
    Cause {
        name: "container-dependency-failed",
        title: "a container that another one waits for did not get ready",
        headline: "a container that {container|another one} waits for did not get ready",
        meaning: "`dependsOn` holds a container back until another has started, succeeded or become healthy, and that did not happen in time.",
        fixes: &[
            "look into the log of the container that is waited for",
            "check the condition of `dependsOn` (SUCCESS needs exit code 0, HEALTHY a health check) and `startTimeout`",
        ],
        page: pages::PARAMETERS,
        says: &[
            &["container ordering dependency"],
            &["dependsOn", "timed out"],
            &["dependency", "timed out"],
        ],
        source: "https://github.com/aws/amazon-ecs-agent/pull/3218",
        ..NONE
    },
    Cause {
        name: "start-timed-out",
        title: "the container did not start in time",
        headline: "{container|the container} did not start in time",
        meaning: "The container runtime did not bring the container up within its limit. It mostly passes; on EC2 a slow or full disk is a frequent reason.",
        fixes: &[
            "deploy again; if it stays: look at disk and load of the container instance, and at large volumes",
        ],
        page: pages::STOPS,
        says: &[&["ContainerRuntimeTimeoutError"], &["DockerTimeoutError"]],
        source: pages::STOPS,
        ..NONE
    },
    Cause {
        name: "container-cannot-start",
        title: "the container runtime cannot start the container",
        headline: "the container runtime cannot start {container|the container}",
        meaning: "It was created, and refused at the start; the runtime's own words say why.",
        fixes: &[
            "read the quoted reason: mounts, users, devices, ulimits and Linux capabilities of the container are what is set up there",
        ],
        page: pages::START,
        says: &[
            &["CannotStartContainerError"],
            &["CannotCreateContainerError"],
            &["failed to create new container runtime task"],
            &["OCI runtime create failed"],
        ],
        source: "https://github.com/aws/amazon-ecs-agent/issues/3526",
        ..NONE
    },
];
