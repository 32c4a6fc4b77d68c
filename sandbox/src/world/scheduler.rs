//! ECS's service scheduler for rolling services: how many tasks of which deployment to start and stop.
//! Knows percents, health and throttling. Does not know how a deployment ends: that is `rollout`.

use std::time::{Duration, SystemTime};

use super::agenda::Event;
use super::health::{self, Condemned};
use super::{World, failure, lifecycle, rollout, starting, strategies};
use crate::services::ecs::{LastStatus, RolloutState, ServiceEvent, ServiceKey};

/// From a change to the scheduler's next look.
const REACTION: Duration = Duration::from_millis(250);
/// ECS keeps the last hundred events of a service.
const EVENTS_KEPT: usize = 100;
const THROTTLE: Duration = Duration::from_secs(10);
const THROTTLE_LIMIT: Duration = Duration::from_secs(60);

/// Says something in the service's events, in ECS's own words.
pub fn say(world: &mut World, key: &ServiceKey, message: String) {
    let id = world.ids.uuid();
    let at = world.now;
    if let Some(service) = world.ecs.services.get_mut(key) {
        let message = format!("(service {}) {message}", service.name);
        service.events.push_front(ServiceEvent { id, at, message });
        service.events.truncate(EVENTS_KEPT);
    }
}

/// Plans a look at a service, unless an earlier one is planned.
pub fn look(world: &mut World, key: &ServiceKey, at: SystemTime) {
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if service
        .look_due
        .is_some_and(|due| due <= at && due >= world.now)
    {
        return;
    }
    service.look_due = Some(at);
    world.agenda.at(
        at,
        Event::Reconcile {
            cluster: key.0.clone(),
            service: key.1.clone(),
        },
    );
}

pub fn look_soon(world: &mut World, key: &ServiceKey) {
    let at = world.now + REACTION;
    look(world, key, at);
}

pub fn look_at_service_of(world: &mut World, task_arn: &str) {
    if let Some(key) = world
        .ecs
        .tasks
        .get(task_arn)
        .and_then(|t| t.service.clone())
    {
        look_soon(world, &key);
    }
}

/// The service of a task that is being deleted may be through.
pub fn look_at_drained(world: &mut World, task_arn: &str) {
    let key = world
        .ecs
        .tasks
        .get(task_arn)
        .and_then(|t| t.service.clone());
    let service = key.as_ref().and_then(|key| world.ecs.services.get(key));
    if service.is_some_and(|s| s.status == "DRAINING") {
        look_at_service_of(world, task_arn);
    }
}

/// One look: stop what failed, count it, start and stop tasks, and see whether the deployment has ended.
pub fn reconcile(world: &mut World, key: &ServiceKey) {
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if service.look_due.is_some_and(|due| due <= world.now) {
        service.look_due = None;
    }
    match service.status {
        "INACTIVE" => return,
        "DRAINING" => return drain(world, key),
        _ => {}
    }
    rollout::begin(world, key);
    stop_condemned(world, key);
    rollout::prove(world, key);
    failure::judge(world, key);
    if strategies::advance(world, key) {
        return;
    }
    let census = Census::take(world, key);
    let moves = plan(&census);
    if let Some(digits) = primary(world, key) {
        carry_out(world, key, &census, &moves, &digits);
    }
    rollout::conclude(world, key);
}

fn primary(world: &World, key: &ServiceKey) -> Option<String> {
    let service = world.ecs.services.get(key)?;
    Some(service.deployments.first()?.digits.clone())
}

/// As many tasks of one deployment as are desired, whatever others there are.
pub fn staff(world: &mut World, key: &ServiceKey, digits: &str) {
    let mut census = Census::take(world, key);
    if primary(world, key).as_deref() == Some(digits) {
        census.old.clear();
    } else {
        let of = |c: &Counted| {
            let task = world.ecs.tasks.get(&c.arn);
            task.is_some_and(|t| t.deployment == digits)
        };
        census.new = std::mem::take(&mut census.old);
        census.new.retain(of);
    }
    census.upper = census.upper.max(census.desired);
    census.clean_up = false;
    let moves = plan(&census);
    carry_out(world, key, &census, &moves, digits);
}

/// A deleted service stops its tasks; it is INACTIVE once each is STOPPING at least (DeleteService).
fn drain(world: &mut World, key: &ServiceKey) {
    let left: Vec<(String, bool)> = world
        .ecs
        .tasks_of(key)
        .filter(|t| t.last_status < LastStatus::Stopping)
        .map(|t| (t.arn.clone(), t.live()))
        .collect();
    for (arn, _) in left.iter().filter(|(_, live)| *live) {
        let service = world.ecs.services.get(key);
        let id = service
            .and_then(|s| s.deployments.first())
            .map(|d| d.id())
            .unwrap_or_default();
        lifecycle::stop(
            world,
            arn,
            "ServiceSchedulerInitiated",
            &format!("Scaling activity initiated by (deployment {id})"),
        );
    }
    if left.is_empty()
        && let Some(service) = world.ecs.services.get_mut(key)
    {
        service.status = "INACTIVE";
        service.deployments.clear();
    }
}

fn stop_condemned(world: &mut World, key: &ServiceKey) {
    let arns: Vec<(String, String)> = world
        .ecs
        .tasks_of(key)
        .map(|t| (t.arn.clone(), t.id.clone()))
        .collect();
    for (arn, id) in arns {
        let Some(task) = world.ecs.tasks.get(&arn) else {
            continue;
        };
        match health::condemned(world, key, task) {
            Condemned::No => {}
            Condemned::Spared { until } => look(world, key, until),
            Condemned::Yes {
                reason,
                by_container,
            } => {
                if by_container {
                    say(
                        world,
                        key,
                        format!("(task {id}) failed container health checks."),
                    );
                }
                lifecycle::stop(world, &arn, "ServiceSchedulerInitiated", &reason);
                say(
                    world,
                    key,
                    format!("has stopped 1 running tasks: (task {id})."),
                );
                rollout::task_failed(world, &arn);
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Counted {
    pub arn: String,
    pub serving: bool,
    pub running: bool,
}

/// What the scheduler decides from. Lists are oldest first.
#[derive(Clone, Debug, Default)]
pub struct Census {
    pub desired: usize,
    pub lower: usize,
    pub upper: usize,
    /// False once the PRIMARY deployment has failed.
    pub may_launch: bool,
    pub launch_not_before: Option<SystemTime>,
    pub now: Option<SystemTime>,
    /// The old ones go, whatever percents say.
    pub clean_up: bool,
    pub new: Vec<Counted>,
    pub old: Vec<Counted>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moves {
    pub stop: Vec<String>,
    pub start: usize,
    /// Neither a start nor a stop is allowed, though one is needed.
    pub stuck: bool,
    pub wait_until: Option<SystemTime>,
}

impl Census {
    fn take(world: &World, key: &ServiceKey) -> Census {
        let Some(service) = world.ecs.services.get(key) else {
            return Census::default();
        };
        let Some(primary) = service.deployments.first() else {
            return Census::default();
        };
        let percent = |member: &str, usual: u64| {
            let configuration = service.members.get("deploymentConfiguration");
            configuration
                .and_then(|c| super::shapes::number_in(c, member))
                .unwrap_or(usual)
        };
        let desired = service.desired;
        let (mut new, mut old) = (Vec::new(), Vec::new());
        for task in world.ecs.tasks_of(key).filter(|t| t.live()) {
            let counted = Counted {
                arn: task.arn.clone(),
                serving: health::serving(world, service, task),
                running: task.running(),
            };
            if task.deployment == primary.digits {
                new.push(counted)
            } else {
                old.push(counted)
            }
        }
        let serving = new.iter().filter(|t| t.serving).count();
        let newest = service.service_deployments.last();
        let clean_up = newest
            .is_some_and(|d| strategies::early::cleans_up(d, primary, desired, serving, world.now));
        Census {
            clean_up,
            desired: desired as usize,
            lower: (desired * percent("minimumHealthyPercent", 100)).div_ceil(100) as usize,
            upper: (desired * percent("maximumPercent", 200) / 100) as usize,
            may_launch: primary.rollout_state != RolloutState::Failed,
            launch_not_before: service.launch_not_before,
            now: Some(world.now),
            new,
            old,
        }
    }
}

/// The rolling update's arithmetic, of nothing but the census.
pub fn plan(census: &Census) -> Moves {
    let mut moves = Moves::default();
    let serving_new = census
        .new
        .iter()
        .filter(|t| t.serving)
        .count()
        .min(census.desired);
    let serving_old = census.old.iter().filter(|t| t.serving).count();
    // More than desired: the ones that do not serve go first, then the newest.
    let surplus = census.new.len().saturating_sub(census.desired);
    let mut newest_first: Vec<&Counted> = census.new.iter().rev().collect();
    newest_first.sort_by_key(|t| t.serving);
    moves
        .stop
        .extend(newest_first.iter().take(surplus).map(|t| t.arn.clone()));
    if !census.may_launch {
        return moves;
    }
    let needed = census.desired.saturating_sub(census.new.len());
    let room = census
        .upper
        .saturating_sub(census.new.len() - surplus + census.old.len());
    // A new one that serves releases an old one; without room, as many go as the minimum allows.
    let released = (serving_new + census.old.len()).saturating_sub(census.desired);
    let (to_stop, mut may_stop_serving) = match census.clean_up {
        true => (census.old.len(), serving_old),
        false => (
            released
                .max(needed.saturating_sub(room))
                .min(census.old.len()),
            (serving_new + serving_old).saturating_sub(census.lower),
        ),
    };
    let mut old: Vec<&Counted> = census.old.iter().collect();
    old.sort_by_key(|t| t.serving);
    for task in old.into_iter().take(to_stop) {
        if task.serving {
            if may_stop_serving == 0 {
                continue;
            }
            may_stop_serving -= 1;
        }
        moves.stop.push(task.arn.clone());
    }
    moves.start = needed.min(room);
    moves.stuck =
        needed > 0 && room == 0 && moves.stop.is_empty() && census.new.iter().all(|t| t.serving);
    if moves.start > 0 && census.launch_not_before > census.now {
        moves.start = 0;
        moves.wait_until = census.launch_not_before;
    }
    moves
}

/// `digits`: the deployment that tasks are started for.
fn carry_out(world: &mut World, key: &ServiceKey, census: &Census, moves: &Moves, digits: &str) {
    let service = world.ecs.services.get(key);
    let Some(starting) = service.and_then(|s| s.deployments.iter().find(|d| d.digits == digits))
    else {
        return;
    };
    let (id, stuck_said) = (starting.id(), starting.stuck_said);
    if moves.stuck && !stuck_said {
        say(
            world,
            key,
            "was unable to stop or start tasks during a deployment because of the service deployment configuration. \
             Update the minimumHealthyPercent or maximumPercent value and try again."
                .to_owned(),
        );
        if let Some(primary) = world
            .ecs
            .services
            .get_mut(key)
            .and_then(|s| s.deployments.first_mut())
        {
            primary.stuck_said = true;
        }
    }
    if let Some(until) = moves.wait_until {
        look(world, key, until);
    }
    let (mut running, mut pending) = (Vec::new(), Vec::new());
    for arn in &moves.stop {
        let ran = census
            .new
            .iter()
            .chain(&census.old)
            .any(|t| t.arn == *arn && t.running);
        lifecycle::stop(
            world,
            arn,
            "ServiceSchedulerInitiated",
            &format!("Scaling activity initiated by (deployment {id})"),
        );
        let task = format!("(task {})", super::shapes::last_segment(arn));
        if ran {
            running.push(task)
        } else {
            pending.push(task)
        }
    }
    if !running.is_empty() {
        say(
            world,
            key,
            format!(
                "has stopped {} running tasks: {}.",
                running.len(),
                running.join(" ")
            ),
        );
    }
    if !pending.is_empty() {
        say(
            world,
            key,
            format!("has stopped {} pending tasks.", pending.len()),
        );
    }
    if moves.start == 0 {
        return;
    }
    let started: Vec<String> = (0..moves.start)
        .filter_map(|_| starting::start(world, key, digits))
        .collect();
    let tasks: Vec<String> = started.iter().map(|id| format!("(task {id})")).collect();
    if !tasks.is_empty() {
        say(
            world,
            key,
            format!("has started {} tasks: {}.", tasks.len(), tasks.join(" ")),
        );
    }
}

/// After the n-th failure in a row the next launch waits n × 10 s, a minute at most.
pub fn throttle(world: &mut World, key: &ServiceKey, failures_in_a_row: u32) {
    let until = world.now + (THROTTLE * failures_in_a_row.saturating_sub(1)).min(THROTTLE_LIMIT);
    if let Some(service) = world.ecs.services.get_mut(key) {
        service.launch_not_before = Some(until);
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
