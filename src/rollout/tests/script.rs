//! A world told as a script, looked at as the machine asks for it, and the transcript of what came of it.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::Untrusted;
use crate::model::names::family_and_revision;
use crate::model::service::{
    CircuitBreaker, Deployment, Service, ServiceDeployment, ServiceEvent, ServiceLoadBalancer,
};
use crate::model::target::{TargetGroup, TargetHealth};
use crate::model::task::{Container, Task};
use crate::rollout::{
    Acted, Balanced, Ended, Limits, News, Next, Observation, OnFailure, OnPause, OnSuperseded,
    Ours, Part, Rollout, RolloutTarget, Sentence, Step, Unseen, WaitUntil,
};

pub const OLD: &str = "ecs-svc/1";
pub const OURS: &str = "ecs-svc/2";

/// AWS's clock: the update was at 1000.
pub fn at(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(1000 + seconds).ok()
}

pub fn revision(n: u32) -> String {
    format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/web:{n}")
}

pub fn deployment(id: &str, status: &str, n: u32, running: u32, created: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        status: status.to_owned(),
        task_definition: revision(n),
        desired_count: 2,
        running_count: running,
        rollout_state: Some("IN_PROGRESS".to_owned()),
        created_at: at(created),
        updated_at: at(created),
        ..Deployment::default()
    }
}

pub fn task(name: &str, started_by: &str, address: &str) -> Task {
    Task {
        arn: format!("arn:aws:ecs:eu-central-1:123456789012:task/prod/{name}"),
        task_definition: revision(if started_by == OLD { 1 } else { 2 }),
        started_by: Some(started_by.to_owned()),
        last_status: "RUNNING".to_owned(),
        desired_status: "RUNNING".to_owned(),
        addresses: vec![address.to_owned()],
        containers: vec![Container {
            name: "web".to_owned(),
            ..Container::default()
        }],
        ..Task::default()
    }
}

pub fn stopped(name: &str, code: &str, reason: &str, exit_code: Option<i32>) -> Task {
    let mut task = task(name, OURS, "10.0.0.99");
    task.last_status = "STOPPED".to_owned();
    task.desired_status = "STOPPED".to_owned();
    task.stop_code = Some(code.to_owned());
    task.stopped_reason = Some(Untrusted::from(reason));
    task.stopped_at = at(5);
    task.containers[0].exit_code = exit_code;
    task
}

pub fn target(address: &str, state: &str) -> TargetHealth {
    TargetHealth {
        target: address.to_owned(),
        port: Some(80),
        state: state.to_owned(),
        reason: (state == "unhealthy").then(|| "Target.FailedHealthChecks".to_owned()),
        description: None,
    }
}

pub fn event(id: &str, seconds: i64, message: &str) -> ServiceEvent {
    ServiceEvent {
        id: id.to_owned(),
        created_at: at(seconds),
        message: Untrusted::from(message),
    }
}

pub fn balanced() -> Balanced {
    Balanced {
        group: TargetGroup {
            arn: "arn:tg".to_owned(),
            name: "web".to_owned(),
            target_type: "ip".to_owned(),
            health_check_interval_seconds: 5,
            unhealthy_threshold_count: 2,
            ..TargetGroup::default()
        },
        alternate: None,
        container_name: "web".to_owned(),
        container_port: 80,
    }
}

pub fn ours() -> Ours {
    Ours {
        deployment_id: OURS.to_owned(),
        task_definition: revision(2),
        created_at: at(0),
        health_checked: Vec::new(),
        target_groups: vec![balanced()],
        previous: Some(revision(1)),
    }
}

pub fn rolling() -> RolloutTarget {
    RolloutTarget::Deployment {
        ours: ours(),
        service_deployment: None,
    }
}

pub fn limits() -> Limits {
    Limits {
        wait_until: WaitUntil::Healthy,
        wait_for: Duration::from_secs(300),
        stable_for: None,
        on_superseded: OnSuperseded::Succeed,
        fail_fast: true,
        on_failure: OnFailure::Rollback,
        on_pause: OnPause::Return,
    }
}

/// The service just after the update: two old tasks serve, none of ours runs.
pub fn after_update() -> Observation {
    let mut old = deployment(OLD, "ACTIVE", 1, 2, -5000);
    old.rollout_state = Some("COMPLETED".to_owned());
    Observation {
        service: Ok(Service {
            name: "web".to_owned(),
            status: "ACTIVE".to_owned(),
            desired_count: 2,
            deployments: vec![deployment(OURS, "PRIMARY", 2, 0, 0), old],
            load_balancers: vec![ServiceLoadBalancer::default()],
            deployment_configuration: crate::model::service::DeploymentConfiguration {
                circuit_breaker: Some(CircuitBreaker {
                    enable: true,
                    rollback: true,
                    reset_on_healthy_task: None,
                }),
                ..Default::default()
            },
            ..Service::default()
        }),
        deployment: Ok(ServiceDeployment {
            arn: "arn:sd/2".to_owned(),
            status: "IN_PROGRESS".to_owned(),
            source_service_revision_arns: vec!["arn:revision/1".to_owned()],
            created_at: at(0),
            updated_at: at(0),
            ..ServiceDeployment::default()
        }),
        tasks: Ok(vec![
            task("old1", OLD, "10.0.0.1"),
            task("old2", OLD, "10.0.0.2"),
        ]),
        stopped_tasks: Ok(Vec::new()),
        own_groups: Err(Unseen::Skipped),
        targets: vec![Ok(vec![
            target("10.0.0.1", "healthy"),
            target("10.0.0.2", "healthy"),
        ])],
    }
}

/// What happens to the world, from outside.
pub trait World {
    fn service(&mut self) -> &mut Service;
    fn sd(&mut self) -> &mut ServiceDeployment;
    fn ours(&mut self) -> &mut Deployment;
    fn ours_run(&mut self);
    fn ours_healthy(&mut self);
    fn old_drains(&mut self);
    fn old_gone(&mut self);
    fn touch(&mut self, seconds: u64);
}

impl World for Observation {
    fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("a service")
    }
    fn sd(&mut self) -> &mut ServiceDeployment {
        self.deployment.as_mut().expect("a service deployment")
    }
    fn ours(&mut self) -> &mut Deployment {
        &mut self.service().deployments[0]
    }
    fn ours_run(&mut self) {
        self.ours().running_count = 2;
        let tasks = self.tasks.as_mut().expect("tasks");
        tasks.push(task("new1", OURS, "10.0.0.3"));
        tasks.push(task("new2", OURS, "10.0.0.4"));
        let targets = self.targets[0].as_mut().expect("targets");
        targets.push(target("10.0.0.3", "initial"));
        targets.push(target("10.0.0.4", "initial"));
    }
    fn ours_healthy(&mut self) {
        for target in self.targets[0].as_mut().expect("targets") {
            if target.state == "initial" {
                target.state = "healthy".to_owned();
            }
        }
    }
    fn old_drains(&mut self) {
        self.service().deployments[1].running_count = 0;
        let tasks = self.tasks.as_mut().expect("tasks");
        tasks.retain(|t| t.started_by.as_deref() != Some(OLD));
        for target in self.targets[0].as_mut().expect("targets") {
            if matches!(target.target.as_str(), "10.0.0.1" | "10.0.0.2") {
                target.state = "draining".to_owned();
            }
        }
    }
    fn old_gone(&mut self) {
        self.service().deployments.retain(|d| d.id != OLD);
        self.targets[0]
            .as_mut()
            .expect("targets")
            .retain(|t| t.state != "draining");
        self.sd().status = "SUCCESSFUL".to_owned();
        self.ours().rollout_state = Some("COMPLETED".to_owned());
    }
    fn touch(&mut self, seconds: u64) {
        let now = at(i64::try_from(seconds).expect("small"));
        if let Ok(service) = &mut self.service {
            for deployment in &mut service.deployments {
                deployment.updated_at = now;
            }
        }
        if let Ok(deployment) = &mut self.deployment {
            deployment.updated_at = now;
        }
    }
}

type Change = (u64, Box<dyn Fn(&mut Observation)>);

#[derive(Default)]
pub struct Script {
    changes: Vec<Change>,
    answers: Vec<Acted>,
}

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    pub fn at(mut self, seconds: u64, change: impl Fn(&mut Observation) + 'static) -> Script {
        self.changes.push((seconds, Box::new(change)));
        self
    }

    /// What ECS answers to the next action; DONE without one.
    pub fn answers(mut self, acted: Acted) -> Script {
        self.answers.push(acted);
        self
    }

    /// The whole world at a moment. Changes are made in the order in which they were written.
    pub fn world(&self, elapsed: Duration) -> Observation {
        let mut world = after_update();
        let happened = |seconds: u64| Duration::from_secs(seconds) <= elapsed;
        for (seconds, change) in &self.changes {
            if happened(*seconds) {
                change(&mut world);
            }
        }
        let seconds = self.changes.iter().map(|(s, _)| *s);
        world.touch(seconds.filter(|s| happened(*s)).max().unwrap_or_default());
        world
    }

    /// Only what was asked for, as the shell's look does it.
    pub fn look(&self, rollout: &Rollout, elapsed: Duration) -> Observation {
        let mut world = self.world(elapsed);
        if !rollout.asks_deployment(elapsed) {
            world.deployment = Err(Unseen::Skipped);
        }
        if rollout.asks_revision(&world).is_none() {
            world.own_groups = Err(Unseen::Skipped);
        }
        let ask = rollout.ask(&world, elapsed);
        if !ask.tasks {
            world.tasks = Err(Unseen::Skipped);
        }
        if !ask.stopped_tasks {
            world.stopped_tasks = Err(Unseen::Skipped);
        }
        if !ask.targets {
            for group in &mut world.targets {
                *group = Err(Unseen::Skipped);
            }
        }
        world
    }

    pub fn run(&self, target: RolloutTarget, limits: Limits) -> (Vec<String>, Ended) {
        let mut rollout = Rollout::start(target, limits);
        let (mut lines, mut elapsed) = (Vec::new(), Duration::ZERO);
        let mut answers = self.answers.iter();
        loop {
            let Step { mut news, mut next } =
                rollout.observe(self.look(&rollout, elapsed), elapsed);
            if let Next::Act(action) = &next {
                let acted = answers.next().cloned().unwrap_or(Acted::Done);
                let step = rollout.acted(action, acted);
                news.extend(step.news);
                next = step.next;
            }
            for news in &news {
                lines.push(format!("{} {}", elapsed.as_secs_f64(), short(news)));
            }
            match next {
                Next::LookAgain { after, .. } => elapsed += after,
                Next::Act(action) => panic!("{action:?} right after another"),
                Next::Done(ended) => {
                    lines.push(format!(
                        "{} = {} {} ({}/{}, {} serves)",
                        elapsed.as_secs_f64(),
                        ended.status.word(),
                        ended.exit_code,
                        ended.healthy.healthy,
                        ended.healthy.of,
                        ended
                            .serves_now
                            .task_definition()
                            .map_or("nothing", family_and_revision),
                    ));
                    lines.extend(ended.reasons.iter().map(|r| format!("  {}", flat(r))));
                    return (lines, *ended);
                }
            }
        }
    }
}

#[track_caller]
pub fn check(script: &Script, target: RolloutTarget, limits: Limits, expected: &str) -> Ended {
    let (lines, ended) = script.run(target, limits);
    let expected: Vec<&str> = expected
        .lines()
        .map(|l| l.strip_prefix("        ").unwrap_or(l))
        .filter(|l| !l.trim().is_empty())
        .collect();
    assert_eq!(
        lines.join("\n"),
        expected.join("\n"),
        "\n--- got ---\n{}\n",
        lines.join("\n")
    );
    ended
}

pub fn flat(sentence: &Sentence) -> String {
    sentence
        .0
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Code(text) => format!("`{text}`"),
            Part::Quoted(text) => format!("“{}”", text.raw()),
        })
        .collect()
}

fn short(news: &News) -> String {
    match news {
        News::ServiceDeployment { arn } => format!("found {arn}"),
        News::Status { status, reason } => match reason {
            Some(reason) => format!("{status} “{}”", reason.raw()),
            None => status.clone(),
        },
        News::Counts {
            desired,
            running,
            pending,
            failed,
        } => format!("{running}/{desired} running, {pending} pending, {failed} failed"),
        News::Healthy { healthy, targets } => {
            let states: Vec<&str> = targets.iter().map(|t| t.state.as_str()).collect();
            format!(
                "{}/{} healthy [{}]",
                healthy.healthy,
                healthy.of,
                states.join(" ")
            )
        }
        News::OthersAnswer { targets } => format!("{targets} others answer"),
        News::Event(event) => format!("event “{}”", event.message.raw()),
        News::WindowBegins { length } => format!("window of {} s begins", length.as_secs()),
        News::WindowBroken { unmet } => {
            let unmet: Vec<String> = unmet.iter().map(|u| flat(&u.sentence())).collect();
            format!("window broken: {}", unmet.join(" "))
        }
        News::TaskStopped { task, failure } => format!(
            "task {} stopped, {} ({})",
            task.id(),
            task.stop_code.as_deref().unwrap_or("-"),
            if *failure { "a failure" } else { "harmless" }
        ),
        News::Doomed { why } => format!("doomed: {}", flat(why)),
        News::NewerPrimary {
            deployment_id,
            task_definition,
        } => format!(
            "newer {deployment_id} of {}",
            family_and_revision(task_definition)
        ),
        News::Adopted { from, to } => format!("adopted {to} after {from}"),
        News::DesiredCount { from, to } => format!("desired count {from} → {to}"),
        News::Acting { action, why } => format!("asks for {}: {}", action.operation(), flat(why)),
        News::NotActed { action, acted } => format!("{}: {acted:?}", action.operation()),
        News::CannotPlace { waiting, message } => {
            format!("no place for {waiting}: “{}”", message.raw())
        }
        other => format!("{other:?}"),
    }
}
