//! What must be true before anything is built or changed. Pure: reads what was gathered, refuses with exit code 6.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::image::Platform;
use crate::model::service::Service;
use crate::model::target::TargetGroup;
use crate::model::task_definition::TaskDefinition;

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum PreflightError {
    #[error("there is no service {service} in cluster {cluster}")]
    #[diagnostic(
        code(shipway::preflight::no_service),
        help(
            "check `cluster`, `service` and `aws-region`; `aws ecs list-services --cluster {cluster}` lists what is there"
        )
    )]
    NoService { cluster: String, service: String },

    #[error("there is no cluster {cluster}")]
    #[diagnostic(
        code(shipway::preflight::no_cluster),
        help("check `cluster` and `aws-region`; `aws ecs list-clusters` lists what is there")
    )]
    NoCluster { cluster: String },

    #[error("service {service} is {status}, not ACTIVE")]
    #[diagnostic(
        code(shipway::preflight::service_not_active),
        help("a service that is {status} takes no deployment: create it again, or name another")
    )]
    NotActive { service: String, status: String },

    #[error("service {service} is deployed by the {controller} deployment controller, not by ECS")]
    #[diagnostic(
        code(shipway::preflight::deployment_controller),
        help(
            "Shipway deploys services whose deploymentController is ECS; with {controller}, UpdateService may not change the task definition"
        )
    )]
    Controller { service: String, controller: String },

    #[error("service {service} is managed by ECS itself (Express mode)")]
    #[diagnostic(
        code(shipway::preflight::express_mode),
        help(
            "an Express-mode service must be changed with UpdateExpressGatewayService: use amazon-ecs-deploy-express-service for it"
        )
    )]
    ExpressMode { service: String },

    #[error(
        "service {service} is behind a Classic Load Balancer ({load_balancer}), whose health ECS does not report"
    )]
    #[diagnostic(
        code(shipway::preflight::classic_load_balancer),
        help("move the service to a target group of an Application or Network Load Balancer")
    )]
    ClassicLoadBalancer {
        service: String,
        load_balancer: String,
    },

    #[error("task definition {task_definition} has no container named {container}; it has {}", .has.join(", "))]
    #[diagnostic(
        code(shipway::preflight::no_container),
        help("give `container-name` one of these names")
    )]
    NoContainer {
        task_definition: String,
        container: String,
        has: Vec<String>,
    },

    #[error("the load balancer sends to container {container}, which task definition {task_definition} does not have; it has {}", .has.join(", "))]
    #[diagnostic(
        code(shipway::preflight::no_container),
        help(
            "take a task definition with that container, or change the service's loadBalancers entry"
        )
    )]
    NoContainerBehind {
        task_definition: String,
        container: String,
        has: Vec<String>,
    },

    #[error("task definition {task_definition} has several essential containers and no load balancer tells which one to deploy: {}", .candidates.join(", "))]
    #[diagnostic(
        code(shipway::preflight::which_container),
        help("give `container-name` one of these names")
    )]
    WhichContainer {
        task_definition: String,
        candidates: Vec<String>,
    },

    #[error("the load balancer sends to port {port} of container {container}, which maps {}", ports_in_words(.has))]
    #[diagnostic(
        code(shipway::preflight::port_not_mapped),
        help(
            "add portMappings containerPort {port} to container {container}, or change the service's loadBalancers entry"
        )
    )]
    PortNotMapped {
        container: String,
        port: u16,
        has: Vec<u16>,
    },

    #[error(
        "target group {target_group} is attached to no load balancer, so its targets can never become healthy"
    )]
    #[diagnostic(
        code(shipway::preflight::target_group_unattached),
        help(
            "let a listener or a rule of the load balancer forward to target group {target_group}"
        )
    )]
    TargetGroupUnattached { target_group: String },

    #[error(
        "the deployment could never make progress: with desired count {desired}, minimum {minimum} % and maximum {maximum} %, ECS may neither start nor stop a task"
    )]
    #[diagnostic(
        code(shipway::preflight::percentages),
        help(
            "raise maximumPercent to 200, or lower minimumHealthyPercent, in the service's deploymentConfiguration"
        )
    )]
    NoProgress {
        desired: u32,
        minimum: u32,
        maximum: u32,
    },

    #[error("there is no image {image}")]
    #[diagnostic(
        code(shipway::preflight::no_image),
        help(
            "push it first, or let Shipway build it: give `context` and `ecr-repository` instead of `image`"
        )
    )]
    NoImage { image: String },

    #[error("there is no ECR repository named {repository}")]
    #[diagnostic(
        code(shipway::preflight::no_repository),
        help("create it, or set `create-repository: true`")
    )]
    NoRepository { repository: String },

    #[error("`image` {image} is no image name")]
    #[diagnostic(
        code(shipway::usage::image),
        help("write a tag or digest of `ecr-repository`, or `repository[:tag][@sha256:…]`")
    )]
    ImageName { image: String },

    #[error(
        "the image is for {image}, but the tasks run on {tasks} ({why}): every task would die with \"exec format error\""
    )]
    #[diagnostic(
        code(shipway::preflight::architecture),
        help("build it for the tasks: `platform: {tasks}`; or run the tasks on {image}: set runtimePlatform.cpuArchitecture to {} in the task definition", .image.cpu_architecture())
    )]
    Architecture {
        image: Platform,
        tasks: Platform,
        why: String,
    },

    #[error("there is no task definition {task_definition}")]
    #[diagnostic(
        code(shipway::preflight::no_task_definition),
        help("check `task-definition`: a family, family:revision, an ARN, or a file")
    )]
    NoTaskDefinition { task_definition: String },

    #[error("task definition {task_definition} is not ACTIVE")]
    #[diagnostic(
        code(shipway::preflight::task_definition_inactive),
        help(
            "a deregistered revision cannot be deployed: name another, or give its document as a file"
        )
    )]
    TaskDefinitionInactive { task_definition: String },

    #[error("a service that scales by DAEMON takes no desired count")]
    #[diagnostic(
        code(shipway::preflight::daemon_count),
        help("leave `desired-count` out: a DAEMON service runs one task on each instance")
    )]
    DaemonCount,
}

fn ports_in_words(ports: &[u16]) -> String {
    if ports.is_empty() {
        return "no port".to_owned();
    }
    ports
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The service itself: what no build can change.
pub fn check_service(
    service: &Service,
    desired_count: Option<u32>,
    starts_deployment: bool,
) -> Result<(), PreflightError> {
    let name = service.name.clone();
    if service.status != "ACTIVE" {
        return Err(PreflightError::NotActive {
            service: name,
            status: service.status.clone(),
        });
    }
    if service.deployment_controller != "ECS" {
        return Err(PreflightError::Controller {
            service: name,
            controller: service.deployment_controller.clone(),
        });
    }
    if service.resource_management_type.as_deref() == Some("ECS") {
        return Err(PreflightError::ExpressMode { service: name });
    }
    if let Some(classic) = service
        .load_balancers
        .iter()
        .find_map(|b| b.load_balancer_name.clone())
    {
        return Err(PreflightError::ClassicLoadBalancer {
            service: name,
            load_balancer: classic,
        });
    }
    let daemon = service.scheduling_strategy == "DAEMON";
    if daemon && desired_count.is_some() {
        return Err(PreflightError::DaemonCount);
    }
    if starts_deployment && !daemon && service.deployment_configuration.strategy == "ROLLING" {
        check_percentages(service, desired_count.unwrap_or(service.desired_count))?;
    }
    Ok(())
}

/// ECS keeps at least ceil(D × minimum) tasks and at most floor(D × maximum): if both are D, nothing may move.
fn check_percentages(service: &Service, desired: u32) -> Result<(), PreflightError> {
    let minimum = service
        .deployment_configuration
        .minimum_healthy_percent
        .unwrap_or(100);
    let maximum = service
        .deployment_configuration
        .maximum_percent
        .unwrap_or(200);
    let keeps = (u64::from(desired) * u64::from(minimum)).div_ceil(100);
    let allows = u64::from(desired) * u64::from(maximum) / 100;
    // Without a running task nothing has to be kept, and D may start.
    let has_old_tasks = service.running_count > 0;
    if desired > 0 && has_old_tasks && keeps >= u64::from(desired) && allows <= u64::from(desired) {
        return Err(PreflightError::NoProgress {
            desired,
            minimum,
            maximum,
        });
    }
    Ok(())
}

/// Which container gets the image: the named one, else the one in `loadBalancers[]`, else the only essential one.
pub fn choose_container(
    service: &Service,
    source: &TaskDefinition,
    named: Option<&str>,
) -> Result<String, PreflightError> {
    let task_definition = name_of(source);
    let mut behind: Vec<&str> = service
        .load_balancers
        .iter()
        .filter_map(|b| b.container_name.as_deref())
        .collect();
    behind.dedup();
    let essential = source.essential_containers();
    let container = match (named, behind.as_slice(), essential.as_slice()) {
        (Some(named), _, _) => named,
        (None, [one], _) => one,
        (None, _, [one]) => one,
        (None, _, several) => {
            return Err(PreflightError::WhichContainer {
                task_definition,
                candidates: several.iter().map(|c| (*c).to_owned()).collect(),
            });
        }
    };
    let has = || -> Vec<String> {
        let names = source.container_names().into_iter();
        names.map(str::to_owned).collect()
    };
    let behind = |container: &str| PreflightError::NoContainerBehind {
        task_definition: name_of(source),
        container: container.to_owned(),
        has: has(),
    };
    if source.container(container).is_none() {
        return Err(match named {
            Some(_) => PreflightError::NoContainer {
                task_definition,
                container: container.to_owned(),
                has: has(),
            },
            None => behind(container),
        });
    }
    // Every load-balanced container must be there with its port, whichever gets the image.
    for entry in &service.load_balancers {
        if let (Some(name), Some(port)) = (entry.container_name.as_deref(), entry.container_port) {
            let has = source.container_ports(name).ok_or_else(|| behind(name))?;
            if !has.contains(&port) {
                return Err(PreflightError::PortNotMapped {
                    container: name.to_owned(),
                    port,
                    has,
                });
            }
        }
    }
    Ok(container.to_owned())
}

pub fn check_target_groups(groups: &[TargetGroup]) -> Result<(), PreflightError> {
    match groups.iter().find(|g| g.load_balancer_arns.is_empty()) {
        Some(group) => Err(PreflightError::TargetGroupUnattached {
            target_group: group.name.clone(),
        }),
        None => Ok(()),
    }
}

/// What the tasks run on, and why we think so. `None` on EC2 without `runtimePlatform`: there the instance decides.
pub fn platform_of_tasks(
    service: &Service,
    task_definition: &TaskDefinition,
) -> Option<(Platform, String)> {
    if let Some(platform) = task_definition.runtime_platform() {
        return Some((
            platform,
            format!(
                "runtimePlatform of task definition {}",
                name_of(task_definition)
            ),
        ));
    }
    service.on_fargate().then(|| {
        (
            Platform::of_runtime("LINUX", "X86_64"),
            "Fargate's default: the task definition has no runtimePlatform".to_owned(),
        )
    })
}

pub fn check_architecture(
    image: &Platform,
    tasks: &Option<(Platform, String)>,
) -> Result<(), PreflightError> {
    match tasks {
        Some((tasks, why)) if tasks != image => Err(PreflightError::Architecture {
            image: image.clone(),
            tasks: tasks.clone(),
            why: why.clone(),
        }),
        _ => Ok(()),
    }
}

fn name_of(task_definition: &TaskDefinition) -> String {
    let arn = task_definition
        .arn()
        .or(task_definition.family())
        .unwrap_or("(no family)");
    crate::model::names::family_and_revision(arn).to_owned()
}
