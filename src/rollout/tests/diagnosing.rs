//! Which cause is chosen of several that were seen, what it says, and what a log adds to it.

use jiff::Timestamp;
use serde_json::json;

use super::script::{at, balanced, event, ours, stopped};
use crate::model::Untrusted;
use crate::model::service::{
    CircuitBreakerProgress, Service, ServiceDeployment, ServiceLoadBalancer,
};
use crate::model::task::{Container, Task};
use crate::model::task_definition::TaskDefinition;
use crate::model::verdict::Status;
use crate::rollout::diagnosis::{Case, Diagnosis, diagnose, with_logs};
use crate::rollout::evidence::Evidence;
use crate::rollout::{Facts, Ours, Sentence, TargetNote, Unmet};

/// As it is read, names not set off.
fn flat(sentence: &Sentence) -> String {
    super::script::flat(sentence).replace('`', "")
}

/// What was seen, and in which state it ended.
struct Seen {
    status: Status,
    evidence: Evidence,
    targets: Vec<TargetNote>,
    ours: Ours,
    service: Service,
    deployment: ServiceDeployment,
    unmet: Vec<Unmet>,
}

impl Seen {
    fn of(stops: Vec<Task>) -> Seen {
        Seen {
            status: Status::RolledBack,
            evidence: Evidence {
                stops,
                ..Evidence::default()
            },
            targets: Vec::new(),
            ours: Ours {
                facts: Facts::of(&definition()),
                ..ours()
            },
            service: Service {
                status: "ACTIVE".to_owned(),
                desired_count: 2,
                load_balancers: vec![ServiceLoadBalancer {
                    target_group_arn: Some("arn:tg".to_owned()),
                    ..ServiceLoadBalancer::default()
                }],
                ..Service::default()
            },
            deployment: ServiceDeployment::default(),
            unmet: Vec::new(),
        }
    }

    fn diagnosis(&self) -> Diagnosis {
        let reason = Sentence::new("as ECS says");
        let case = Case {
            status: self.status,
            reason: Some(&reason),
            evidence: &self.evidence,
            targets: &self.targets,
            waiting: &self.targets,
            ours: &self.ours,
            tasks: &[],
            service: Some(&self.service),
            deployment: Some(&self.deployment),
            unmet: &self.unmet,
            start_up: None,
            wanted: None,
        };
        diagnose(&case).unwrap()
    }

    #[track_caller]
    fn check(&self, name: &str, headline: &str) -> Diagnosis {
        let diagnosis = self.diagnosis();
        let said = (diagnosis.cause.name, flat(&diagnosis.headline));
        assert_eq!(said, (name, headline.to_owned()), "{diagnosis:#?}");
        diagnosis
    }
}

fn definition() -> TaskDefinition {
    let document = json!({
        "family": "web", "memory": "1024", "cpu": "256",
        "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
        "containerDefinitions": [
            { "name": "web", "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:0123456789abcdef", "memory": 512, "portMappings": [{ "containerPort": 80 }] },
            { "name": "proxy", "image": "envoy:1", "essential": true },
            { "name": "migrate", "image": "web:1", "essential": false },
        ],
    });
    TaskDefinition {
        document: document.as_object().unwrap().clone(),
        tags: Vec::new(),
    }
}

fn container(name: &str, exit_code: i32, reason: Option<&str>) -> Container {
    Container {
        name: name.to_owned(),
        exit_code: Some(exit_code),
        reason: reason.map(Untrusted::from),
        ..Container::default()
    }
}

/// A task whose essential container exited, with these containers.
fn exited(name: &str, containers: Vec<Container>) -> Task {
    let mut task = stopped(
        name,
        "EssentialContainerExited",
        "Essential container in task exited",
        None,
    );
    task.containers = containers;
    task.started_at = seconds(-4);
    task
}

fn seconds(n: i64) -> Option<Timestamp> {
    at(5).map(|t| t + jiff::SignedDuration::from_secs(n))
}

fn web(name: &str, exit_code: i32) -> Task {
    exited(name, vec![container("web", exit_code, None)])
}

fn note(reason: &str, description: &str) -> TargetNote {
    TargetNote {
        target_group: "web".to_owned(),
        target: "10.0.0.7".to_owned(),
        port: Some(80),
        state: "unhealthy".to_owned(),
        reason: Some(reason.to_owned()),
        description: Some(Untrusted::from(description)),
    }
}

fn condemned(name: &str) -> Task {
    stopped(
        name,
        "ServiceSchedulerInitiated",
        "Task failed ELB health checks in (target-group arn:tg)",
        Some(0),
    )
}

#[test]
fn the_largest_group_of_like_stops_is_the_cause() {
    let oom = "OutOfMemoryError: Container killed due to memory usage";
    let tasks = vec![
        web("a", 1),
        exited("b", vec![container("web", 137, Some(oom))]),
        exited("c", vec![container("web", 137, Some(oom))]),
    ];
    let diagnosis = Seen::of(tasks).check(
        "out-of-memory",
        "container web ran out of memory (exit code 137, limit 512 MiB)",
    );
    let said = flat(&diagnosis.evidence[0]);
    assert_eq!(
        said,
        "2 of 3 failed tasks stopped within 4 s of their start: “Essential container in task exited”"
    );
    let look_at = diagnosis.look_at.unwrap();
    assert_eq!(
        (look_at.task_id.as_str(), look_at.container.as_str()),
        ("c", "web")
    );
}

#[test]
fn a_certain_cause_comes_before_more_frequent_ones() {
    let gone = stopped(
        "x",
        "TaskFailedToStart",
        "CannotPullContainerError: web:2: not found",
        None,
    );
    let seen = Seen::of(vec![web("a", 1), web("b", 1), gone]);
    let diagnosis = seen.check(
        "image-not-found",
        "image web@sha256:0123456789ab… is not in its repository",
    );
    assert_eq!(
        diagnosis.look_at, None,
        "nothing ran that could have logged"
    );
}

/// Of a task whose sidecar cannot be pulled, ECS gives the task and that container the same reason.
#[test]
fn the_image_that_cannot_be_pulled_is_named() {
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/envoy:1: not found";
    let mut task = stopped("x", "TaskFailedToStart", reason, None);
    task.containers.push(Container {
        name: "proxy".to_owned(),
        reason: Some(Untrusted::from(reason)),
        ..Container::default()
    });
    let headline = "image envoy:1 is not in its repository";
    Seen::of(vec![task.clone()]).check("image-not-found", headline);
    // Or all of them.
    task.containers[0].reason = Some(Untrusted::from(reason));
    Seen::of(vec![task]).check("image-not-found", headline);
}

#[test]
fn exit_code_137_is_no_lack_of_memory() {
    let seen = Seen::of(vec![web("a", 137)]);
    let diagnosis = seen.check(
        "killed",
        "container web was killed with SIGKILL (exit code 137), and ECS does not say by whom",
    );
    let lines = [Untrusted::from("Killed")];
    assert_eq!(with_logs(diagnosis.clone(), &lines), diagnosis);
}

#[test]
fn the_container_that_ended_first_is_named() {
    let beside = vec![container("web", 137, None), container("proxy", 1, None)];
    Seen::of(vec![exited("a", beside)]).check(
        "sidecar-ended-first",
        "container proxy ended first (exit code 1) and took container web with it",
    );
    let deployed = vec![container("web", 1, None), container("proxy", 143, None)];
    Seen::of(vec![exited("a", deployed)])
        .check("application-error", "container web ended with exit code 1");
    // What is not essential takes nobody along.
    let helper = vec![container("migrate", 1, None), container("web", 0, None)];
    Seen::of(vec![exited("a", helper)]).check(
        "finished",
        "container web finished (exit code 0): a service's command must not end",
    );
}

#[test]
fn several_candidates_are_listed_as_such() {
    let both = vec![container("web", 0, None), container("proxy", 0, None)];
    let diagnosis = Seen::of(vec![exited("a", both)]).diagnosis();
    assert_eq!(
        flat(&diagnosis.evidence[1]),
        "ECS does not say which container ended first: web (exit code 0) or proxy (exit code 0)"
    );
}

#[test]
fn health_checks_are_told_by_what_the_targets_say() {
    let mut seen = Seen::of(vec![condemned("a"), condemned("b")]);
    seen.targets = vec![note(
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [301]",
    )];
    seen.ours.target_groups[0].group.health_check_path = Some("/up".to_owned());
    seen.ours.target_groups[0].group.matcher = Some("200-299".to_owned());
    seen.check(
        "health-path-redirects",
        "the health path /up answers 301, and the target group expects 200-299",
    );
    // Without them the event says the same, and without that only ECS's own words are left.
    seen.targets.clear();
    let said = "(service web) (port 80) is unhealthy in (target-group arn:tg) due to (reason Request timed out)";
    seen.evidence.events = vec![event("e", 1, said)];
    seen.check(
        "health-check-timeout",
        "nothing answers the load balancer on port 80 in time",
    );
    seen.evidence.events.clear();
    seen.check(
        "elb-health-check",
        "the load balancer finds the tasks unhealthy",
    );
}

#[test]
fn how_a_container_ends_that_is_told_to_is_no_cause() {
    let mut task = condemned("a");
    task.containers[0].exit_code = Some(137);
    let mut seen = Seen::of(vec![task]);
    seen.targets = vec![note("Target.FailedHealthChecks", "Health checks failed")];
    let diagnosis = seen.check(
        "port-not-reachable",
        "the load balancer cannot connect to port 80 of container web",
    );
    let said: Vec<String> = diagnosis.evidence.iter().map(flat).collect();
    assert!(
        said.join("\n").contains("SIGKILL after stopTimeout"),
        "{said:#?}"
    );
}

#[test]
fn events_come_before_what_ended_the_deployment() {
    let mut seen = Seen::of(Vec::new());
    seen.deployment.circuit_breaker = Some(CircuitBreakerProgress {
        status: "TRIGGERED".to_owned(),
        failure_count: 3,
        threshold: 3,
    });
    seen.check(
        "circuit-breaker",
        "the circuit breaker went off after 3 failed tasks",
    );
    seen.evidence.events = vec![
        event(
            "1",
            1,
            "(service web) was unable to place a task. Reason: Capacity is unavailable at this time.",
        ),
        event(
            "2",
            2,
            "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
        ),
        event("3", 3, "(service web) has reached a steady state."),
    ];
    let diagnosis = seen.check(
        "fargate-capacity-unavailable",
        "AWS has no capacity in the service's Availability Zones at the moment",
    );
    assert!(flat(&diagnosis.evidence[0]).contains("Capacity is unavailable"));
    seen.evidence.events.remove(0);
    seen.deployment.triggered_alarms = vec!["errors".to_owned(), "latency".to_owned()];
    seen.check("alarm", "CloudWatch alarm errors, latency went off");
}

#[test]
fn spot_is_the_cause_only_where_nothing_else_is() {
    let mut spot = stopped(
        "s",
        "SpotInterruption",
        "Your Spot Task was interrupted.",
        Some(143),
    );
    spot.started_at = seconds(-9);
    let mut seen = Seen::of(Vec::new());
    seen.status = Status::TimedOut;
    seen.unmet = vec![Unmet::Running { running: 0, of: 2 }];
    seen.evidence.interrupted = vec![spot];
    assert_eq!(seen.diagnosis().cause.name, "spot-interruption");
    seen.evidence.stops = vec![web("a", 1)];
    assert_eq!(seen.diagnosis().cause.name, "application-error");
}

/// A crash at the start that is over is not what it waits for at the end.
#[test]
fn what_recovered_is_not_blamed() {
    let mut seen = Seen::of(vec![web("a", 1)]);
    seen.status = Status::TimedOut;
    seen.unmet = vec![Unmet::OthersAnswer {
        target_group: "web".to_owned(),
        targets: 2,
    }];
    seen.check(
        "old-targets-answer",
        "tasks of the earlier revision still answer",
    );
}

#[test]
fn every_end_has_a_diagnosis() {
    for status in [
        Status::RolledBack,
        Status::Failed,
        Status::Unknown,
        Status::TimedOut,
    ] {
        let mut seen = Seen::of(Vec::new());
        seen.status = status;
        let diagnosis = seen.diagnosis();
        assert_eq!(flat(&diagnosis.headline), "as ECS says");
        seen.evidence.events = vec![
            event(
                "1",
                1,
                "(service web) is unable to consistently start tasks successfully.",
            ),
            event("2", 2, "(service web) has reached a steady state."),
        ];
        let last = flat(&seen.diagnosis().evidence[0]);
        assert!(last.contains("unable to consistently"), "{last}");
    }
    let silent = stopped("t", "TaskFailedToStart", "Task failed to start", None);
    Seen::of(vec![silent]).check(
        "stop-unexplained",
        "ECS gives no reason for the stop of its tasks",
    );
    let mut deleted = Seen::of(vec![web("a", 1)]);
    deleted.service.status = "DRAINING".to_owned();
    assert_eq!(deleted.diagnosis().cause.name, "service-deleted");
}

#[track_caller]
fn told(stop: Task, targets: Vec<TargetNote>, lines: &[&str], name: &str, headline: &str) {
    let mut seen = Seen::of(vec![stop]);
    seen.targets = targets;
    let lines: Vec<Untrusted> = lines.iter().map(|l| Untrusted::from(*l)).collect();
    let before = seen.diagnosis();
    let diagnosis = with_logs(before.clone(), &lines);
    assert_eq!(
        (diagnosis.cause.name, flat(&diagnosis.headline)),
        (name, headline.to_owned())
    );
    if before.cause != diagnosis.cause {
        assert!(flat(&diagnosis.evidence[0]).starts_with("its log: “"));
        assert_eq!(diagnosis.evidence[1], before.headline);
        assert_eq!(diagnosis.look_at, before.look_at);
    }
}

#[test]
fn the_log_tells_what_an_exit_code_does_not() {
    told(
        web("a", 1),
        Vec::new(),
        &["exec /app: exec format error"],
        "exec-format-error",
        "the binary of container web is for another architecture than the tasks",
    );
    told(
        web("a", 1),
        Vec::new(),
        &[
            "connecting",
            "Error: connect ECONNREFUSED 10.0.0.9:5432",
            "bye",
        ],
        "dependency-refuses-connections",
        "what container web connects to is not reached",
    );
    told(
        condemned("a"),
        vec![note("Target.FailedHealthChecks", "Health checks failed")],
        &[" * Running on http://127.0.0.1:80"],
        "listens-on-localhost",
        "container web listens on localhost only",
    );
    // A line that says nothing changes nothing; and one that an application may print in peace is no cause of its exit.
    told(
        web("a", 1),
        Vec::new(),
        &["Listening on 127.0.0.1:9000"],
        "application-error",
        "container web ended with exit code 1",
    );
}

#[test]
fn the_log_does_not_overrule_what_ecs_says() {
    let gone = stopped(
        "x",
        "TaskFailedToStart",
        "CannotPullContainerError: not found",
        None,
    );
    let diagnosis = Seen::of(vec![gone]).diagnosis();
    let lines = [Untrusted::from("Error: connect ECONNREFUSED")];
    assert_eq!(with_logs(diagnosis.clone(), &lines), diagnosis);
}

/// Words of a task definition's values in the fixes.
#[test]
fn fixes_have_the_values() {
    let mut seen = Seen::of(vec![condemned("a")]);
    seen.targets = vec![note("Target.FailedHealthChecks", "Health checks failed")];
    seen.service.health_check_grace_period_seconds = Some(30);
    seen.ours.target_groups = vec![balanced()];
    let fixes: Vec<String> = seen.diagnosis().fixes.iter().map(flat).collect();
    assert!(fixes[0].contains("port 80"), "{fixes:#?}");
    assert!(fixes[1].contains("is 30 s"), "{fixes:#?}");
}
