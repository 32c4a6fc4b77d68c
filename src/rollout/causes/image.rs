//! The image cannot be had.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "registry-rate-limit",
        title: "the registry answers \"too many requests\"",
        headline: "the registry of {image|the image} answers \"too many requests\"",
        meaning: "The registry limits how often an address or an account may pull. Docker Hub does so for everyone who does not log in, and tasks behind one NAT gateway share an address.",
        fixes: &[
            "keep the image in ECR, or pull it through an ECR pull-through cache",
            "give the container `repositoryCredentials` of an account with a higher limit",
        ],
        page: pages::PULL,
        says: &[
            &["CannotPull", "toomanyrequests"],
            &["CannotPull", "Too Many Requests"],
            &["CannotPull", "pull rate limit"],
        ],
        source: "https://github.com/aws/copilot-cli/issues/5647",
        ..NONE
    },
    Cause {
        name: "image-for-another-platform",
        title: "the image is for another platform than the tasks",
        headline: "{image|the image} has nothing for the platform that the tasks run on[ ({platform})]",
        meaning: "The manifest of the image lists platforms, and the one of the tasks is not among them. An image built on a laptop with an ARM processor is for linux/arm64.",
        fixes: &[
            "build the image for {platform|the platform of the tasks} (input `platform`)",
            "or say in `runtimePlatform` of the task definition what the image is for",
        ],
        page: pages::ARCHITECTURE,
        certain: true,
        says: &[
            &["CannotPull", "descriptor matching platform"],
            &["CannotPull", "a descriptor for platform"],
            &["CannotPull", "no matching manifest"],
            &["CannotPull", "no match for platform"],
        ],
        source: "https://github.com/aws/containers-roadmap/issues/1120",
        ..NONE
    },
    Cause {
        name: "disk-full",
        title: "there is no room on the disk for the image",
        headline: "there is no room on the disk for {image|the image}",
        meaning: "The image, unpacked, does not fit on the disk of the task or of its container instance.",
        fixes: &[
            "raise `ephemeralStorage` of the task definition (Fargate), or free the disk of the container instance",
            "make the image smaller",
        ],
        page: pages::PULL,
        says: &[&["no space left on device"], &["devmapper: Thin Pool"]],
        source: pages::PULL,
        ..NONE
    },
    Cause {
        name: "pull-timeout",
        title: "the tasks cannot reach the registry",
        headline: "the tasks cannot reach the registry of {image|the image}",
        meaning: "The pull began and no answer came: the task's subnet has no way to the registry, or its security group lets nothing out.",
        fixes: &[
            "in a public subnet: `assignPublicIp: ENABLED`; in a private one: a NAT gateway in its route table",
            "or VPC endpoints for `ecr.api`, `ecr.dkr` and S3 (ECR keeps the layers there)",
            "let the task's security group out to port 443, and the endpoints' security group in",
        ],
        page: pages::PULL,
        says: &[
            &["CannotPull", "i/o timeout"],
            &["CannotPull", "deadline exceeded"],
            &["CannotPull", "dial tcp"],
            &["CannotPull", "no such host"],
            &["CannotPull", "request canceled"],
            &["CannotPull", "context canceled"],
            &["CannotPull", "connection issue between the task"],
            &["CannotPull", "Check your network configuration"],
            &["CannotPull", "signal: killed"],
        ],
        source: "https://github.com/ActionIQ/terraform-aws-retool-ecs-fargate/issues/20",
        ..NONE
    },
    Cause {
        name: "pull-denied",
        title: "pulling the image is denied",
        headline: "pulling {image|the image} is denied",
        meaning: "The registry does not give the image to whoever asked: for ECR that is the task execution role (on EC2 also the instance's). Docker Hub says the same of an image that is not there.",
        fixes: &[
            "let the task execution role pull: the managed policy AmazonECSTaskExecutionRolePolicy has what is needed",
            "in another account's repository: its repository policy must allow that role, too",
            "in another registry: `repositoryCredentials` of the container, and look whether the name is right",
        ],
        page: pages::PULL,
        certain: true,
        says: &[
            &["CannotPull", "access denied"],
            &["CannotPull", "no basic auth credentials"],
            &["CannotPull", "not authorized"],
            &["CannotPull", "AccessDenied"],
            &["CannotPull", "403 Forbidden"],
            &["CannotPull", "401 Unauthorized"],
            &["CannotPull", "authorization failed"],
            &["CannotPull", "authentication required"],
            &["CannotPull", "permissions to pull"],
            &["CannotPull", "denied: "],
            &["ecr registry auth", "AccessDenied"],
            &["pull registry auth", "AccessDenied"],
            &["ecr registry auth", "not authorized"],
            &["pull registry auth", "not authorized"],
        ],
        source: "https://github.com/aws/amazon-ecs-agent/pull/4181",
        ..NONE
    },
    Cause {
        name: "image-not-found",
        title: "the image is not there",
        headline: "{image|the image} is not in its repository",
        meaning: "ECS asked the registry for the image of the task definition, and it does not have it: never pushed, or deleted since, perhaps by a lifecycle rule.",
        fixes: &[
            "push the image again, or deploy a commit whose image is still in the repository",
            "keep images that services use out of the repository's lifecycle rules",
        ],
        page: pages::PULL,
        certain: true,
        says: &[
            &["CannotPull", "not found"],
            &["CannotPull", "does not exist"],
            &["CannotPull", "manifest unknown"],
            &["CannotPull", "name unknown"],
            &["CannotPull", "Check whether the image exists"],
        ],
        source: pages::PULL,
        ..NONE
    },
    Cause {
        name: "pull-failed",
        title: "the image cannot be pulled",
        headline: "{image|the image} cannot be pulled",
        meaning: "The pull ended with an error that names none of the usual causes.",
        fixes: &[
            "read the quoted reason; pull the same image yourself with the task execution role's permissions",
        ],
        page: pages::PULL,
        says: &[&["CannotPull"]],
        source: pages::PULL,
        ..NONE
    },
];
