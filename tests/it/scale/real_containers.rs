//! Three services of `shipway try` sleep and wake: no container is left running, and in the morning all pages answer. Needs
//! a Docker daemon.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_ecs::types::{
    DeploymentRolloutState, LoadBalancer, NetworkConfiguration, Service, ServiceField,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, HostHeaderConditionConfig, ProtocolEnum, RuleCondition,
    TargetGroupAttribute, TargetTypeEnum,
};
use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::harness::serving::Serving;

const CLUSTER: &str = "nginx-dev-cluster";
const SERVICE: &str = "nginx-test-server";
/// Beside the one of the try, each with a host of its own.
const FURTHER: [&str; 2] = ["second", "third"];
const PATIENCE: Duration = Duration::from_secs(90);

/// Clients of the stand-ins.
struct Clients {
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
}

impl Clients {
    fn new(exports: &BTreeMap<String, String>) -> Clients {
        let (key, secret) = (
            &exports["AWS_ACCESS_KEY_ID"],
            &exports["AWS_SECRET_ACCESS_KEY"],
        );
        let credentials = Credentials::new(key, secret, None, None, "exports");
        let (endpoint, region) = (&exports["AWS_ENDPOINT_URL"], &exports["AWS_REGION"]);
        let ecs = aws_sdk_ecs::Config::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(aws_sdk_ecs::config::Region::new(region.clone()))
            .endpoint_url(endpoint)
            .credentials_provider(credentials.clone())
            .build();
        let elb = aws_sdk_elasticloadbalancingv2::Config::builder()
            .behavior_version(aws_sdk_elasticloadbalancingv2::config::BehaviorVersion::latest())
            .region(aws_sdk_elasticloadbalancingv2::config::Region::new(
                region.clone(),
            ))
            .endpoint_url(endpoint)
            .credentials_provider(credentials)
            .build();
        Clients {
            ecs: aws_sdk_ecs::Client::from_conf(ecs),
            elb: aws_sdk_elasticloadbalancingv2::Client::from_conf(elb),
        }
    }

    /// The same task definition behind a host of its own.
    async fn create_service(&self, name: &str, priority: i32) {
        let answer = self.elb.describe_target_groups().send().await.unwrap();
        let first = &answer.target_groups()[0];
        let balancer = first.load_balancer_arns()[0].clone();
        let made = self.elb.create_target_group();
        let made = made
            .name(name)
            .protocol(ProtocolEnum::Http)
            .port(80)
            .target_type(TargetTypeEnum::Ip)
            .health_check_path("/")
            .health_check_interval_seconds(5)
            .health_check_timeout_seconds(4)
            .healthy_threshold_count(2);
        let made = made.send().await.unwrap();
        let group = made.target_groups()[0]
            .target_group_arn()
            .unwrap()
            .to_owned();
        // What is asleep may drain as long as its target group lets it: here as in the try.
        let delay = TargetGroupAttribute::builder()
            .key("deregistration_delay.timeout_seconds")
            .value("5")
            .build();
        let modified = self.elb.modify_target_group_attributes();
        let modified = modified.target_group_arn(&group).attributes(delay);
        modified.send().await.unwrap();
        let listeners = self.elb.describe_listeners().load_balancer_arn(balancer);
        let listeners = listeners.send().await.unwrap();
        let listener = listeners.listeners()[0].listener_arn().unwrap();
        let host = HostHeaderConditionConfig::builder()
            .values(host(name))
            .build();
        let condition = RuleCondition::builder()
            .field("host-header")
            .host_header_config(host);
        let forward = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(&group);
        let rule = self
            .elb
            .create_rule()
            .listener_arn(listener)
            .priority(priority);
        rule.conditions(condition.build())
            .actions(forward.build())
            .send()
            .await
            .unwrap();

        let described = self
            .ecs
            .describe_services()
            .cluster(CLUSTER)
            .services(SERVICE);
        let described = described.send().await.unwrap();
        let like = &described.services()[0];
        let network: NetworkConfiguration = like.network_configuration().unwrap().clone();
        let mut balanced: LoadBalancer = like.load_balancers()[0].clone();
        balanced.target_group_arn = Some(group);
        let created = self
            .ecs
            .create_service()
            .cluster(CLUSTER)
            .service_name(name);
        created
            .task_definition(like.task_definition().unwrap())
            .desired_count(1)
            .launch_type(like.launch_type().unwrap().clone())
            .network_configuration(network)
            .load_balancers(balanced)
            .send()
            .await
            .unwrap();
    }

    /// Of each service: what is desired, what runs, what is deployed, how many tags it has.
    async fn services(&self) -> Vec<(i32, i32, Vec<Option<DeploymentRolloutState>>, usize)> {
        let names = FURTHER.into_iter().chain([SERVICE]).map(str::to_owned);
        let described = self.ecs.describe_services().cluster(CLUSTER);
        let described = described
            .set_services(Some(names.collect()))
            .include(ServiceField::Tags);
        let described = described.send().await.unwrap();
        let services = described.services().iter();
        let state = |s: &Service| {
            let deployments = s.deployments().iter();
            let rollouts = deployments.map(|d| d.rollout_state().cloned()).collect();
            (s.desired_count, s.running_count, rollouts, s.tags().len())
        };
        services.map(state).collect()
    }
}

fn host(name: &str) -> String {
    format!("{name}.example.com")
}

/// What the load balancer at `url` answers for a host.
async fn page(url: &str, host: &str) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(url).header(header::HOST, host);
    let answer = client
        .request(request.body(Empty::new()).unwrap())
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Of each service: 503 while nothing is behind the load balancer.
async fn pages(url: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for name in [SERVICE].into_iter().chain(FURTHER) {
        let (status, body) = page(url, &host(name)).await;
        assert!(
            status != 200 || body.contains("Hello World!!"),
            "{name}: {body}"
        );
        statuses.push(status);
    }
    statuses
}

/// As on any evening: every service has its one task, its deployment is over, its page answers.
async fn until_all_serve(clients: &Clients, url: &str) {
    let began = Instant::now();
    loop {
        let (services, pages) = (clients.services().await, pages(url).await);
        let done = [Some(DeploymentRolloutState::Completed)];
        let steady = services.iter().all(|s| (s.0, s.1) == (1, 1) && s.2 == done);
        if steady && pages == [200; 3] {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{services:?} {pages:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Containers of that process's stand-ins which run.
async fn running(pid: u32) -> usize {
    let docker = Docker::connect_with_defaults().expect("a Docker daemon");
    let running = ListContainersOptionsBuilder::new().build();
    let containers = docker.list_containers(Some(running)).await.unwrap();
    let ours = format!("/{pid}/");
    let labels = containers
        .iter()
        .filter_map(|c| c.labels.as_ref()?.get("shipway.sandbox"));
    labels.filter(|run| run.contains(&ours)).count()
}

async fn scale(exports: &BTreeMap<String, String>, to: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipway"));
    let clusters = [
        "--clusters",
        CLUSTER,
        "--aws-region",
        exports["AWS_REGION"].as_str(),
    ];
    command
        .args(["scale", "--to", to])
        .args(clusters)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(exports);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[track_caller]
fn ended_well(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_services_sleep_without_a_container_and_answer_in_the_morning() {
    let mut serving = Serving::start();
    let (url, _) = serving.until_it_serves();
    assert_eq!(
        serving.exit_code(),
        Some("0"),
        "{}",
        serving.said.join("\n")
    );
    let (pid, exports) = (serving.pid(), serving.exports());
    let clients = Clients::new(&exports);
    for (name, priority) in FURTHER.into_iter().zip(1..) {
        clients.create_service(name, priority).await;
    }
    until_all_serve(&clients, &url).await;
    let before = clients.services().await;

    let output = scale(&exports, "0").await;
    ended_well(&output);
    let began = Instant::now();
    while running(pid).await > 0 {
        assert!(
            began.elapsed() < PATIENCE,
            "{} containers, {:?}\n{}",
            running(pid).await,
            clients.services().await,
            String::from_utf8_lossy(&output.stderr)
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(pages(&url).await, [503; 3]);

    let output = scale(&exports, "restore").await;
    ended_well(&output);
    // Nothing is waited for: what was restored is healthy.
    assert_eq!(pages(&url).await, [200; 3]);
    assert_eq!(running(pid).await, 3);
    assert_eq!(clients.services().await, before);
    drop(serving);
}
