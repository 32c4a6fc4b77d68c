//! AWS's pages that several causes share.

pub const PULL: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html";
pub const RESOURCES: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html";
pub const START: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cannot-start-container.html";
pub const STOPS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/userguide/stopped-task-error-codes.html";
pub const STOPPED: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html";
pub const MEMORY: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/out-of-memory.html";
pub const PARAMETERS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html";
pub const ROLE: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html";
pub const SECRETS: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html";
pub const LOGS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html";
pub const EFS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html";
pub const ARCHITECTURE: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html";
pub const EVENTS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html";
pub const FARGATE: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html";
pub const BALANCERS: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshoot-service-load-balancers.html";
pub const TARGETS: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/check-target-health.html";
pub const CHECKS: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html";
pub const UNHEALTHY: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html";
pub const FIREWALL: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html";
pub const BREAKER: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html";
pub const ALARMS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html";
pub const HOOKS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html";
pub const DETECTION: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html";
pub const THROTTLES: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/operating-at-scale-dealing-with-throttles.html";
