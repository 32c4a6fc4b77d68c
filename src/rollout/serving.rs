//! What serving means, and what of it one look found unmet. Knows a single look; time is `window`'s.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::service::{Deployment, Service};
use crate::model::target::TargetHealth;
use crate::model::task::Task;

use super::news::TargetNote;
use super::observation::{find, is_ours};
use super::{Balanced, Observation, Ours, RolloutTarget, Unseen, failing};

/// One condition that a look did not find met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmet {
    /// This part of the world was not seen.
    NotSeen { part: &'static str, why: Unseen },
    /// Our deployment is not among the service's deployments (yet, or any more).
    DeploymentMissing,
    /// Another deployment is PRIMARY.
    NotPrimary { primary: Option<String> },
    /// The service deployment's status (or `rolloutState`) is none that can serve.
    DeploymentStatus { status: String },
    /// A rollback was begun, a breaker or an alarm went off.
    Failing,
    /// ECS has not called it SUCCESSFUL (or COMPLETED) yet.
    NotSuccessful { status: Option<String> },
    /// The desired count is not the one asked for.
    DesiredCount { now: u32, wanted: u32 },
    /// The desired count is 0: nothing can serve.
    DesiredZero,
    /// Desired count 0, but tasks of ours still run.
    StillRunning { tasks: u32 },
    /// Fewer tasks of ours run than desired.
    Running { running: u32, of: u32 },
    /// Enough run, but not enough are healthy in their containers.
    ContainerHealth { healthy: u32, of: u32 },
    /// Enough run, but not enough are healthy in this target group.
    TargetHealth {
        target_group: String,
        healthy: u32,
        of: u32,
        /// State and reason of a target of ours that is not.
        example: Option<(String, Option<String>)>,
    },
    /// Targets of another revision are `healthy` or `initial` in this group.
    OthersAnswer { target_group: String, targets: u32 },
    /// All is met, but not yet for long enough.
    Window {
        so_far_seconds: u64,
        of_seconds: u64,
    },
    /// A task failed within the window, or another took its place.
    TaskReplaced,
    /// The lifecycle stage was not reached.
    Stage { wanted: String, now: Option<String> },
}

/// Which parts of the world have to be seen for a proof; a part that cannot be read is done without, and said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// `rolloutState` may stand in for the service deployment.
    pub rollout_state_suffices: bool,
    pub tasks: bool,
    pub targets: bool,
}

/// What one look proves.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    pub desired: Option<u32>,
    pub running: u32,
    /// ARNs of our tasks that run and are healthy everywhere.
    pub proven: BTreeSet<String>,
    pub others: u32,
    pub notes: Vec<TargetNote>,
    pub unmet: Vec<Unmet>,
}

impl Proof {
    /// Something was seen that is not as it has to be.
    pub fn broken(&self) -> bool {
        self.unmet
            .iter()
            .any(|u| !matches!(u, Unmet::NotSeen { .. }))
    }

    pub fn saw_tasks(&self) -> bool {
        self.desired.is_some()
            && !self
                .unmet
                .iter()
                .any(|u| matches!(u, Unmet::NotSeen { part, .. } if *part != "service deployment"))
    }

    pub fn healthy(&self) -> u32 {
        count(self.proven.len())
    }
}

/// Whether this one complete look finds the target serving, conditions a to d: for `unchanged`, and for plans.
pub fn satisfied(seen: &Observation, target: &RolloutTarget) -> Result<(), Vec<Unmet>> {
    let reading = Reading {
        rollout_state_suffices: matches!(
            seen.deployment,
            Err(Unseen::Denied(_) | Unseen::Absent | Unseen::Skipped)
        ),
        tasks: true,
        targets: true,
    };
    let mut unmet = examine(seen, target, reading).unmet;
    if let (RolloutTarget::Count { desired, .. }, Ok(service)) = (target, &seen.service)
        && service.desired_count != *desired
    {
        unmet.push(Unmet::DesiredCount {
            now: service.desired_count,
            wanted: *desired,
        });
    }
    if unmet.is_empty() { Ok(()) } else { Err(unmet) }
}

pub(super) fn examine(seen: &Observation, target: &RolloutTarget, reading: Reading) -> Proof {
    let ours = target.ours();
    let mut proof = Proof::default();
    let service = match &seen.service {
        Ok(service) => service,
        Err(why) => {
            not_seen(&mut proof.unmet, "service", why);
            return proof;
        }
    };
    let listed = find(service, ours);
    a_is_primary(service, listed, &mut proof.unmet);
    if !target.is_count() {
        a_is_alive(seen, listed, reading, &mut proof.unmet);
    }
    let desired = desired_now(service, listed);
    proof.desired = Some(desired);
    if desired == 0 {
        proof.unmet.push(Unmet::DesiredZero);
    }
    if !reading.tasks {
        // Not even the tasks may be read: their number is all there is.
        let running = listed.map_or(0, |d| d.running_count);
        proof.running = running;
        proof.proven = (0..running).map(|n| format!("task {n}")).collect();
        if running < desired {
            proof.unmet.push(Unmet::Running {
                running,
                of: desired,
            });
        }
        return proof;
    }
    let tasks = match &seen.tasks {
        Ok(tasks) => tasks,
        Err(why) => {
            if let Some(running) = listed.map(|d| d.running_count)
                && running < desired
            {
                proof.unmet.push(Unmet::Running {
                    running,
                    of: desired,
                });
            }
            not_seen(&mut proof.unmet, "tasks", why);
            return proof;
        }
    };
    let mine: Vec<&Task> = tasks.iter().filter(|t| is_ours(t, ours)).collect();
    if desired == 0 {
        let tasks = mine
            .len()
            .max(listed.map_or(0, |d| d.running_count as usize));
        if tasks > 0 {
            proof.unmet.push(Unmet::StillRunning {
                tasks: count(tasks),
            });
        }
        return proof;
    }
    c_and_d(seen, service, ours, reading, &mine, desired, &mut proof);
    proof
}

fn not_seen(unmet: &mut Vec<Unmet>, part: &'static str, why: &Unseen) {
    unmet.push(Unmet::NotSeen {
        part,
        why: why.clone(),
    });
}

fn a_is_primary(service: &Service, listed: Option<&Deployment>, unmet: &mut Vec<Unmet>) {
    match listed {
        None => unmet.push(Unmet::DeploymentMissing),
        Some(d) if d.status == "PRIMARY" => {}
        Some(_) => unmet.push(Unmet::NotPrimary {
            primary: service.primary().map(|p| p.id.clone()),
        }),
    }
}

fn a_is_alive(
    seen: &Observation,
    listed: Option<&Deployment>,
    reading: Reading,
    unmet: &mut Vec<Unmet>,
) {
    match &seen.deployment {
        Ok(deployment) => {
            if !matches!(
                deployment.status.as_str(),
                "PENDING" | "IN_PROGRESS" | "SUCCESSFUL"
            ) {
                unmet.push(Unmet::DeploymentStatus {
                    status: deployment.status.clone(),
                });
            }
            if failing::rollback_began(deployment)
                || failing::triggered(deployment)
                || !deployment.triggered_alarms.is_empty()
            {
                unmet.push(Unmet::Failing);
            }
        }
        Err(_) if reading.rollout_state_suffices => {}
        Err(why) => not_seen(unmet, "service deployment", why),
    }
    // A state that AWS added since is no good sign either.
    if let Some(state) = listed.and_then(|d| d.rollout_state.as_deref())
        && !matches!(state, "IN_PROGRESS" | "COMPLETED")
    {
        unmet.push(Unmet::DeploymentStatus {
            status: state.to_owned(),
        });
    }
}

/// The desired count now: autoscaling may move it in the middle. A daemon's is its deployment's.
pub(super) fn desired_now(service: &Service, listed: Option<&Deployment>) -> u32 {
    if service.scheduling_strategy == "DAEMON" {
        listed.map_or(service.desired_count, |d| {
            d.desired_count.max(service.desired_count)
        })
    } else {
        service.desired_count
    }
}

fn c_and_d(
    seen: &Observation,
    service: &Service,
    ours: &Ours,
    reading: Reading,
    mine: &[&Task],
    desired: u32,
    proof: &mut Proof,
) {
    let running: Vec<&Task> = mine.iter().copied().filter(|t| t.is_running()).collect();
    proof.running = count(running.len());
    if proof.running < desired {
        proof.unmet.push(Unmet::Running {
            running: proof.running,
            of: desired,
        });
    }
    let sound: Vec<&Task> = running
        .into_iter()
        .filter(|t| containers_healthy(t, &ours.health_checked))
        .collect();
    if proof.running >= desired && count(sound.len()) < desired {
        proof.unmet.push(Unmet::ContainerHealth {
            healthy: count(sound.len()),
            of: desired,
        });
    }
    proof.proven = sound.iter().map(|t| t.arn.clone()).collect();
    if !reading.targets {
        return;
    }
    for (index, balanced) in ours.target_groups.iter().enumerate() {
        let targets = match seen.targets.get(index) {
            Some(Ok(targets)) => targets,
            Some(Err(why)) => {
                not_seen(&mut proof.unmet, "target health", why);
                continue;
            }
            None => {
                not_seen(&mut proof.unmet, "target health", &Unseen::Skipped);
                continue;
            }
        };
        let group = in_group(balanced, targets, mine, service, ours);
        proof
            .proven
            .retain(|arn| group.healthy_tasks.contains(arn.as_str()));
        let healthy = count(
            sound
                .iter()
                .filter(|t| group.healthy_tasks.contains(t.arn.as_str()))
                .count(),
        );
        if count(sound.len()) >= desired && healthy < desired {
            proof.unmet.push(Unmet::TargetHealth {
                target_group: balanced.group.name.clone(),
                healthy,
                of: desired,
                example: group
                    .notes
                    .iter()
                    .max_by_key(|n| n.state == "unhealthy")
                    .map(|n| (n.state.clone(), n.reason.clone())),
            });
        }
        if group.others > 0 {
            proof.unmet.push(Unmet::OthersAnswer {
                target_group: balanced.group.name.clone(),
                targets: group.others,
            });
        }
        proof.others += group.others;
        proof.notes.extend(group.notes);
    }
    // Healthy in each group, but not the same tasks in all of them.
    if count(proof.proven.len()) < desired && !proof.broken() && proof.saw_tasks() {
        proof.unmet.push(Unmet::Running {
            running: proof.healthy(),
            of: desired,
        });
    }
}

/// Each essential container with a health check is HEALTHY, and ECS does not call the task UNHEALTHY.
fn containers_healthy(task: &Task, health_checked: &[String]) -> bool {
    task.health_status.as_deref() != Some("UNHEALTHY")
        && health_checked.iter().all(|name| {
            task.containers
                .iter()
                .any(|c| c.name == *name && c.health_status.as_deref() == Some("HEALTHY"))
        })
}

struct InGroup<'t> {
    healthy_tasks: BTreeSet<&'t str>,
    others: u32,
    notes: Vec<TargetNote>,
}

/// `healthy` answers, `initial` is about to.
fn answers(target: &TargetHealth) -> bool {
    matches!(target.state.as_str(), "healthy" | "initial")
}

fn in_group<'t>(
    balanced: &Balanced,
    targets: &[TargetHealth],
    mine: &[&'t Task],
    service: &Service,
    ours: &Ours,
) -> InGroup<'t> {
    if balanced.group.target_type == "instance" {
        by_host_port(balanced, targets, mine, service, ours)
    } else {
        by_address(balanced, targets, mine)
    }
}

/// Which of these tasks are `healthy` in this group.
pub(super) fn healthy_in<'t>(
    balanced: &Balanced,
    targets: &[TargetHealth],
    tasks: &[&'t Task],
    service: &Service,
    ours: &Ours,
) -> BTreeSet<&'t str> {
    in_group(balanced, targets, tasks, service, ours).healthy_tasks
}

fn by_address<'t>(balanced: &Balanced, targets: &[TargetHealth], mine: &[&'t Task]) -> InGroup<'t> {
    let owner = |target: &TargetHealth| {
        mine.iter().find(|t| {
            target.port == Some(balanced.container_port)
                && t.addresses.iter().any(|a| same_address(a, &target.target))
        })
    };
    let mut group = InGroup {
        healthy_tasks: BTreeSet::new(),
        others: 0,
        notes: Vec::new(),
    };
    for target in targets {
        match owner(target) {
            Some(task) if target.state == "healthy" => {
                group.healthy_tasks.insert(task.arn.as_str());
            }
            Some(_) => group.notes.push(note(balanced, target)),
            None if answers(target) => group.others += 1,
            None => {}
        }
    }
    group
}

/// Targets of bridge and host mode are instances, which a task does not name: they are told by host port, as many as
/// tasks of ours have it. Where the old tasks have the same port that is ambiguous, so none of them may run any more.
fn by_host_port<'t>(
    balanced: &Balanced,
    targets: &[TargetHealth],
    mine: &[&'t Task],
    service: &Service,
    ours: &Ours,
) -> InGroup<'t> {
    let host_port = |task: &Task| {
        task.containers
            .iter()
            .filter(|c| c.name == balanced.container_name)
            .flat_map(|c| c.bindings.iter())
            .find(|(container, _)| *container == balanced.container_port)
            .map(|(_, host)| *host)
    };
    let ports: Vec<(&'t Task, u16)> = mine
        .iter()
        .filter(|t| t.is_running())
        .filter_map(|t| Some((*t, host_port(t)?)))
        .collect();
    let with = |port: u16| ports.iter().filter(|(_, p)| *p == port).count();
    let at = |port: u16, state: fn(&TargetHealth) -> bool| {
        targets
            .iter()
            .filter(|t| t.port == Some(port) && state(t))
            .count()
    };
    let healthy_tasks = ports
        .iter()
        .filter(|(_, port)| at(*port, |t| t.state == "healthy") >= with(*port))
        .map(|(task, _)| task.arn.as_str())
        .collect();
    let mut others: usize = targets
        .iter()
        .filter(|t| answers(t) && t.port.is_none_or(|p| with(p) == 0))
        .count();
    let distinct: BTreeSet<u16> = ports.iter().map(|(_, p)| *p).collect();
    for port in &distinct {
        others += at(*port, answers).saturating_sub(with(*port));
    }
    let old_ones: u32 = service
        .deployments
        .iter()
        .filter(|d| d.id != ours.deployment_id)
        .map(|d| d.running_count)
        .sum();
    InGroup {
        healthy_tasks,
        others: count(others).max(old_ones),
        notes: targets
            .iter()
            .filter(|t| t.state != "healthy" && t.port.is_some_and(|p| distinct.contains(&p)))
            .map(|t| note(balanced, t))
            .collect(),
    }
}

fn note(balanced: &Balanced, target: &TargetHealth) -> TargetNote {
    TargetNote {
        target_group: balanced.group.name.clone(),
        target: target.target.clone(),
        port: target.port,
        state: target.state.clone(),
        reason: target.reason.clone(),
        description: target.description.clone(),
    }
}

/// IPv6 has many spellings.
fn same_address(one: &str, other: &str) -> bool {
    use core::net::IpAddr;
    one == other
        || matches!((one.parse::<IpAddr>(), other.parse::<IpAddr>()), (Ok(a), Ok(b)) if a == b)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
