//! The world of the seed: one page behind an application load balancer, with the seed's names, in ap-northeast-1.

use std::time::Duration;

use serde_json::Value;

use crate::iam::{IamSpec, RoleSpec};
use crate::scenario::{
    ListenerFile, LoadBalancerFile, ServiceFile, TargetGroupFile, Timings, WorldFile,
};
use crate::services::github::{GitHubSpec, PullRequestSpec};
use crate::world::registry::{ImageSpec, Mutability, RepositorySpec};

pub const REPOSITORY: &str = "test-repos";
pub const LOAD_BALANCER: &str = "sample-alb";
pub const TARGET_GROUP: &str = "ecs-target-group";
pub const CLUSTER: &str = "nginx-dev-cluster";
pub const SERVICE: &str = "nginx-test-server";
pub const FAMILY: &str = "nginx-test";
pub const CONTAINER: &str = "nginx";
/// What a job assumes; it may do everything.
pub const ROLE: &str = "deploy";
/// By default, jobs run for it.
pub const PULL_REQUEST: u64 = 7;
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

/// One page behind a load balancer, the repository its images go to, a role that a job may assume, and a pull request.
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
    // What scripted tasks pull by default. Real ones need an image that runs, and bring it along.
    let images = if parameters.real_tasks {
        Vec::new()
    } else {
        let arm = parameters.architecture.as_deref() == Some("ARM64");
        vec![ImageSpec {
            tags: vec!["latest".to_owned()],
            architecture: if arm { "arm64" } else { "amd64" }.to_owned(),
            ..ImageSpec::default()
        }]
    };
    WorldFile {
        real_tasks: parameters.real_tasks,
        timings,
        load_balancers: vec![LoadBalancerFile {
            name: LOAD_BALANCER.to_owned(),
            kind: None,
            dns_name: parameters.dns_name,
            listeners: vec![ListenerFile {
                port: parameters.listener_port,
                protocol: None,
                certificates: Vec::new(),
                forward: Some(TARGET_GROUP.to_owned()),
                rules: Vec::new(),
            }],
        }],
        target_groups: vec![TargetGroupFile {
            name: TARGET_GROUP.to_owned(),
            port: Some(80),
            target_type: Some("ip".to_owned()),
            interval: Some(Duration::from_secs(5)),
            timeout: Some(Duration::from_secs(4)),
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
        repositories: vec![RepositorySpec {
            name: REPOSITORY.to_owned(),
            mutability: Mutability::Mutable,
            exclusion_filters: Vec::new(),
            images,
            policy: Value::Null,
        }],
        iam: IamSpec {
            roles: vec![RoleSpec {
                name: ROLE.to_owned(),
                trust: Value::Null,
                policy: Value::Null,
                max_session_duration: None,
            }],
            ..IamSpec::default()
        },
        github: GitHubSpec {
            pull_requests: vec![pull_request(&GitHubSpec::default().job.sha)],
            ..GitHubSpec::default()
        },
        ..WorldFile::default()
    }
}

/// The open pull request whose page is deployed.
pub fn pull_request(head_sha: &str) -> PullRequestSpec {
    PullRequestSpec {
        number: PULL_REQUEST,
        head_sha: head_sha.to_owned(),
        head_ref: "hello".to_owned(),
        base_ref: "main".to_owned(),
        base_sha: "0".repeat(40),
        title: "Say hello".to_owned(),
        closed: false,
        merged: false,
        merge_commit_sha: None,
        head_repository_id: None,
        labels: Vec::new(),
        comments: Vec::new(),
    }
}
