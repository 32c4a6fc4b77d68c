//! The world of the seed: one page behind an application load balancer, with the seed's names, in ap-northeast-1.

use std::time::Duration;

use crate::scenario::{
    ListenerFile, LoadBalancerFile, ServiceFile, TargetGroupFile, Timings, WorldFile,
};

pub const REPOSITORY: &str = "test-repos";
pub const LOAD_BALANCER: &str = "sample-alb";
pub const TARGET_GROUP: &str = "ecs-target-group";
pub const CLUSTER: &str = "nginx-dev-cluster";
pub const SERVICE: &str = "nginx-test-server";
pub const FAMILY: &str = "nginx-test";
pub const CONTAINER: &str = "nginx";
pub const LOG_GROUP: &str = "/ecs/nginx-test";

/// What differs between one laying out of the seed's world and another.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// What the service runs at first.
    pub image: String,
    pub listener_port: u16,
    /// AWS-like without it; `127.0.0.1` where the load balancer really listens there.
    pub dns_name: Option<String>,
    pub container_port: u16,
    /// X86_64 or ARM64; absent is X86_64 on Fargate.
    pub architecture: Option<String>,
    pub real_tasks: bool,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            image: format!("123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/{REPOSITORY}:latest"),
            listener_port: 80,
            dns_name: None,
            container_port: 80,
            architecture: Some("X86_64".to_owned()),
            real_tasks: false,
        }
    }
}

/// JOIN: `repositories` gets [`REPOSITORY`] and `github` a pull request once their types exist.
pub fn seed_world(parameters: Parameters) -> WorldFile {
    // A real container's own time is what counts: ECS's preparations around it are cut short.
    let timings = if parameters.real_tasks {
        Timings {
            provisioning: Duration::from_millis(500),
            activating: Duration::from_millis(500),
            deprovisioning: Duration::from_secs(1),
            ..Timings::default()
        }
    } else {
        Timings::default()
    };
    WorldFile {
        real_tasks: parameters.real_tasks,
        timings,
        load_balancers: vec![LoadBalancerFile {
            name: LOAD_BALANCER.to_owned(),
            dns_name: parameters.dns_name,
            listeners: vec![ListenerFile {
                port: parameters.listener_port,
                protocol: None,
                forward: Some(TARGET_GROUP.to_owned()),
                rules: Vec::new(),
            }],
        }],
        target_groups: vec![TargetGroupFile {
            name: TARGET_GROUP.to_owned(),
            port: Some(80),
            target_type: Some("ip".to_owned()),
            interval: Some(Duration::from_secs(5)),
            timeout: Some(Duration::from_secs(2)),
            healthy_threshold: Some(2),
            unhealthy_threshold: Some(2),
            deregistration_delay: Some(Duration::from_secs(5)),
            ..TargetGroupFile::default()
        }],
        services: vec![ServiceFile {
            cluster: Some(CLUSTER.to_owned()),
            name: SERVICE.to_owned(),
            desired: Some(1),
            family: Some(FAMILY.to_owned()),
            container: Some(CONTAINER.to_owned()),
            image: parameters.image,
            port: Some(parameters.container_port),
            cpu: Some("512".to_owned()),
            memory: Some("1024".to_owned()),
            architecture: parameters.architecture,
            log_group: Some(LOG_GROUP.to_owned()),
            target_group: Some(TARGET_GROUP.to_owned()),
            ..ServiceFile::default()
        }],
        ..WorldFile::default()
    }
}
