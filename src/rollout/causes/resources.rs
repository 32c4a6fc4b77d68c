//! What a task needs before its containers start cannot be had: secrets, logs, volumes, a network interface, a role.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "role-not-assumable",
        title: "ECS cannot assume a role of the task definition",
        headline: "ECS cannot assume a role of {revision|the task definition}",
        meaning: "The task execution role or the task role does not exist any more, or its trust policy does not let ECS's tasks assume it.",
        fixes: &[
            "let ECS's tasks (the service principal that begins with `ecs-tasks.`) assume {role|the role}, in its trust policy",
            "look whether `executionRoleArn` and `taskRoleArn` still name roles that exist",
        ],
        page: pages::ROLE,
        certain: true,
        says: &[&["unable to assume the role"]],
        events: &[&["unable to assume the role"]],
        source: "https://github.com/telia-oss/terraform-aws-ecs-fargate/pull/58",
        ..NONE
    },
    Cause {
        name: "kms-denied",
        title: "the key of a secret is denied",
        headline: "the task may not use the KMS key of a secret[ ({role})]",
        meaning: "The secret or parameter is encrypted with a key of your own, and the task execution role may not decrypt with it.",
        fixes: &[
            "allow `kms:Decrypt` on that key to {role|the task execution role}, and in the key's own policy",
        ],
        page: pages::SECRETS,
        certain: true,
        says: &[
            &["Access to KMS is not allowed"],
            &["not authorized to perform: kms:"],
            &["ciphertext refers to a customer master key"],
        ],
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html",
        ..NONE
    },
    Cause {
        name: "secret-key-missing",
        title: "a secret does not have the JSON key that is asked for",
        headline: "a secret of {container|the container} does not have the JSON key that is asked for",
        meaning: "`valueFrom` names a key in the secret's JSON, and the secret has no such key, or is no JSON.",
        fixes: &["add the key to the secret, or correct `valueFrom` of the container's `secrets`"],
        page: pages::SECRETS,
        certain: true,
        says: &[
            &["did not contain json key"],
            &["unable to retrieve secret", "invalid character"],
        ],
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html",
        ..NONE
    },
    Cause {
        name: "secret-missing",
        title: "a secret or parameter is not there",
        headline: "a secret or parameter of {container|the container} is not there",
        meaning: "ECS reads what `secrets` names before it starts the container, and Secrets Manager or Parameter Store does not have it in this account and Region.",
        fixes: &[
            "create it, or correct `valueFrom` (name, account, Region, version) of the container's `secrets`",
        ],
        page: pages::RESOURCES,
        certain: true,
        says: &[
            &["unable to retrieve secret", "ResourceNotFoundException"],
            &["unable to pull secrets", "ResourceNotFoundException"],
            &["find the specified secret"],
            &["unable to pull secrets", "ParameterNotFound"],
            &["invalid ssm parameters"],
        ],
        source: pages::RESOURCES,
        ..NONE
    },
    Cause {
        name: "secret-denied",
        title: "reading a secret is denied",
        headline: "{role|the task execution role} may not read a secret of {container|the container}",
        meaning: "The task execution role (not the task role) reads what `secrets` names, and it is not allowed to.",
        fixes: &[
            "allow `secretsmanager:GetSecretValue` or `ssm:GetParameters` on it to {role|the task execution role}",
            "if the secret has a key of your own: `kms:Decrypt` as well",
        ],
        page: pages::SECRETS,
        certain: true,
        says: &[
            &["unable to retrieve secret", "AccessDenied"],
            &["unable to retrieve secret", "not authorized"],
            &["unable to pull secrets", "GetSecretValue", "not authorized"],
            &["unable to pull secrets", "GetParameters", "not authorized"],
        ],
        source: "https://github.com/aws/copilot-cli/issues/3104",
        ..NONE
    },
    Cause {
        name: "secret-unreachable",
        title: "the tasks cannot reach the store of their secrets",
        headline: "the tasks cannot reach the store of their secrets",
        meaning: "Secrets Manager or Parameter Store did not answer: the task's subnet has no way there, or its security group lets nothing out.",
        fixes: &[
            "in a public subnet: `assignPublicIp: ENABLED`; in a private one: a NAT gateway in its route table",
            "or a VPC endpoint for `secretsmanager` or `ssm`, whose security group lets the tasks in on port 443",
        ],
        page: pages::RESOURCES,
        says: &[
            &["unable to retrieve secret", "deadline exceeded"],
            &["unable to retrieve secret", "connection issue"],
            &["unable to retrieve secret", "timeout"],
            &["unable to retrieve secret", "send request failed"],
            &["unable to retrieve secret", "dial tcp"],
            &["unable to pull secrets", "signal: killed"],
        ],
        source: "https://github.com/Releem/releem-agent/issues/195",
        ..NONE
    },
    Cause {
        name: "secret-unreadable",
        title: "a secret could not be read",
        headline: "a secret of {container|the container} could not be read",
        meaning: "ECS reads the container's secrets before it starts it, and could not.",
        fixes: &[
            "check that the secret exists, that {role|the task execution role} may read it, and that the subnet reaches its store",
        ],
        page: pages::RESOURCES,
        says: &[&["unable to retrieve secret"]],
        source: "https://github.com/aws/copilot-cli/issues/2095",
        ..NONE
    },
    Cause {
        name: "registry-auth-unreachable",
        title: "the tasks cannot log in to ECR",
        headline: "the tasks cannot log in to ECR: it does not answer",
        meaning: "Before the pull, ECS asks ECR for a login, and no answer came: the task's subnet has no way to `api.ecr`.",
        fixes: &[
            "in a public subnet: `assignPublicIp: ENABLED`; in a private one: a NAT gateway in its route table",
            "or VPC endpoints for `ecr.api`, `ecr.dkr` and S3, whose security group lets the tasks in on port 443",
            "if the network is as before: look whether {role|the task execution role} may `ecr:GetAuthorizationToken`",
        ],
        page: pages::RESOURCES,
        says: &[
            &["pull registry auth from"],
            &["ecr registry auth"],
            &["get registry auth from asm"],
        ],
        source: "https://github.com/aws/aws-app-mesh-examples/issues/413",
        ..NONE
    },
    Cause {
        name: "environment-file-unreadable",
        title: "an environment file could not be read",
        headline: "an environment file of {container|the container} could not be read",
        meaning: "`environmentFiles` names an object in S3: it is not there, the task execution role may not read it, or the subnet does not reach S3.",
        fixes: &[
            "check that the object exists, and allow `s3:GetObject` on it and `s3:GetBucketLocation` to {role|the task execution role}",
            "in a private subnet: a gateway endpoint for S3, or a NAT gateway",
        ],
        page: pages::RESOURCES,
        says: &[&["failed to download env files"]],
        source: "https://github.com/aws/aws-cdk/issues/12720",
        ..NONE
    },
    Cause {
        name: "logs-unreachable",
        title: "the tasks cannot reach CloudWatch Logs",
        headline: "the tasks cannot reach CloudWatch Logs",
        meaning: "The container's log driver is prepared before it starts, and CloudWatch Logs did not answer: the task's subnet has no way there.",
        fixes: &[
            "in a public subnet: `assignPublicIp: ENABLED`; in a private one: a NAT gateway in its route table",
            "or a VPC endpoint for `logs`, whose security group lets the tasks in on port 443",
        ],
        page: pages::RESOURCES,
        says: &[
            &["validate logger args", "connection issue"],
            &["validate logger args", "signal: killed"],
            &["validate logger args", "deadline exceeded"],
            &["initialize logging driver", "send request failed"],
        ],
        source: "https://gist.github.com/bradleybeddoes/7b568d87d20c5e4ebfe31de9a8dc08c7",
        ..NONE
    },
    Cause {
        name: "log-group-missing",
        title: "the log group is not there",
        headline: "the log group {log-group|of the container} is not there",
        meaning: "`logConfiguration` names a log group, and CloudWatch Logs does not have it in that Region. ECS does not create it unless it is told to.",
        fixes: &[
            "create the log group {log-group|that `logConfiguration` names}",
            "or set `awslogs-create-group: true`, and allow `logs:CreateLogGroup` to {role|the task execution role}",
        ],
        page: pages::LOGS,
        certain: true,
        says: &[
            &["log group does not exist"],
            &["validate logger args", "ResourceNotFoundException"],
            &["initialize logging driver", "ResourceNotFoundException"],
        ],
        source: "https://github.com/cn-terraform/terraform-aws-ecs-fargate-task-definition/issues/1",
        ..NONE
    },
    Cause {
        name: "log-group-denied",
        title: "writing the container's log is denied",
        headline: "{role|the task execution role} may not write to the log group[ {log-group}]",
        meaning: "The task execution role makes the log stream (with `awslogs-create-group` also the log group), and it is not allowed to.",
        fixes: &[
            "allow `logs:CreateLogStream` and `logs:PutLogEvents` (and `logs:CreateLogGroup` with `awslogs-create-group`) to {role|the task execution role}",
        ],
        page: pages::LOGS,
        certain: true,
        says: &[
            &["validate logger args", "AccessDenied"],
            &["initialize logging driver", "AccessDenied"],
            &["not authorized to perform: logs:"],
        ],
        source: "https://github.com/aws/amazon-ecs-cli/issues/752",
        ..NONE
    },
    Cause {
        name: "log-driver-failed",
        title: "the container's log driver cannot be started",
        headline: "the log driver {log-driver|of the container} cannot be started",
        meaning: "`logConfiguration` names a driver or an option that does not work here.",
        fixes: &[
            "read the quoted reason, and check `logDriver` and its `options` in the task definition (`awslogs-region` is required)",
        ],
        page: pages::LOGS,
        says: &[
            &["failed to validate logger args"],
            &["failed to initialize logging driver"],
            &["logger args"],
        ],
        source: "https://github.com/aws/amazon-ecs-cli/issues/752",
        ..NONE
    },
    Cause {
        name: "efs-mount-failed",
        title: "an EFS volume cannot be mounted",
        headline: "an EFS volume of {revision|the task definition} cannot be mounted",
        meaning: "The file system has no mount target that the task reaches, or it refuses the mount.",
        fixes: &[
            "let the tasks' security group reach the mount targets' security group on port 2049",
            "a mount target in each Availability Zone of the tasks, and DNS hostnames switched on in the VPC",
            "check the file system's id, access point and root directory, and its file-system policy",
        ],
        page: pages::EFS,
        says: &[
            &["EFS utils command"],
            &["mount.nfs4"],
            &["VolumeDriver.Create"],
        ],
        source: "https://github.com/aws/amazon-ecs-cli/issues/1083",
        ..NONE
    },
    Cause {
        name: "subnet-full",
        title: "the subnet has no free address",
        headline: "the subnet has no free address for another task",
        meaning: "Each task has a network interface with an address of its subnet, and none is left. While a deployment runs, old and new tasks need theirs at the same time.",
        fixes: &[
            "add subnets to the service's network configuration, or free addresses in the one it has",
            "or lower `maximumPercent`, so that fewer tasks run at the same time",
        ],
        page: pages::EVENTS,
        says: &[
            &["InsufficientFreeAddressesInSubnet"],
            &["enough free addresses"],
            &["insufficient free addresses"],
        ],
        events: &[
            &["InsufficientFreeAddressesInSubnet"],
            &["enough free addresses"],
        ],
        source: "https://github.com/aws/amazon-vpc-cni-k8s/pull/1773",
        ..NONE
    },
    Cause {
        name: "network-interface-failed",
        title: "the task got no network interface",
        headline: "the task got no network interface",
        meaning: "ECS could not attach the task's network interface in time. It mostly passes; if it stays, subnet, security group or the account's interfaces are at their limits.",
        fixes: &[
            "deploy again; if it stays: look at free addresses of the subnets and at the quota of network interfaces",
        ],
        page: pages::STOPPED,
        says: &[
            &["network interface provision"],
            &["failed to configure ENI"],
            &["regional eni"],
        ],
        source: pages::STOPPED,
        ..NONE
    },
    Cause {
        name: "volume-failed",
        title: "a volume cannot be created",
        headline: "a volume of {revision|the task definition} cannot be created",
        meaning: "The task's volume could not be made or attached.",
        fixes: &["read the quoted reason, and check `volumes` of the task definition"],
        page: pages::STOPS,
        says: &[&["CannotCreateVolumeError"]],
        source: pages::STOPS,
        ..NONE
    },
];
