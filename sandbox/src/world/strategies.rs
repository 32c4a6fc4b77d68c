//! Deployments that shift traffic between two target groups: BLUE_GREEN, LINEAR, CANARY. Knows the stages and their order.
//! Does not know listener rules (`traffic`), hooks (`hooks`), nor how a rolling deployment goes, which a rollback is.

pub mod early;
pub mod hooks;
pub mod traffic;

use std::time::Duration;

use serde_json::Value;

use super::shapes::{number_in, text};
use super::{World, failure, health, lifecycle, rollout, scheduler};
use crate::services::ecs::{Service, ServiceDeployment, ServiceKey};
pub use hooks::{Answer, Hook, HookAnswer, Resolved};
pub use traffic::Shift;

/// How long a stage takes in which ECS itself has nothing to wait for. Assumed: it is some seconds.
const STAGE: Duration = Duration::from_secs(5);
/// A stage that takes longer fails the deployment (developer guide, "Deployment lifecycle stages").
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::ReconcileService => "RECONCILE_SERVICE",
            Stage::PreScaleUp => "PRE_SCALE_UP",
            Stage::ScaleUp => "SCALE_UP",
            Stage::PostScaleUp => "POST_SCALE_UP",
            Stage::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Stage::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Stage::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Stage::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Stage::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Stage::BakeTime => "BAKE_TIME",
            Stage::CleanUp => "CLEAN_UP",
        }
    }
}

pub fn strategy(configuration: &Value) -> &str {
    text(configuration, "strategy").unwrap_or("ROLLING")
}

/// Whether traffic is shifted; a rolling deployment replaces tasks behind the same target group.
pub fn shifts(configuration: &Value) -> bool {
    strategy(configuration) != "ROLLING"
}

/// One look at a deployment that shifts traffic. False where the rolling rules apply: in its clean-up, in a rollback, and
/// always once it has ended.
pub fn advance(world: &mut World, key: &ServiceKey) -> bool {
    loop {
        let Some((deployment, shift)) = under_way(world, key) else {
            return false;
        };
        let (stage, target) = (shift.stage, deployment.target.clone());
        let kept = world
            .ecs
            .services
            .get(key)
            .and_then(|s| s.completed.clone());
        if stage == Stage::CleanUp {
            return false;
        }
        if let Some(kept) = kept {
            scheduler::staff(world, key, &kept);
        }
        if stage >= Stage::ScaleUp {
            scheduler::staff(world, key, &target);
        }
        match hooks::resolve(world, key) {
            Resolved::Failed(reason) => {
                failure::request_rollback(world, key, &reason);
                return true;
            }
            Resolved::Waits(at) => {
                if let Some(at) = at {
                    scheduler::look(world, key, at);
                }
                return true;
            }
            Resolved::Done => {}
        }
        match next(world, key) {
            Next::At(at) => {
                scheduler::look(world, key, at);
                return true;
            }
            Next::Later => return true,
            Next::Stage(next) => enter(world, key, next),
        }
    }
}

/// The deployment in flight with its shift, unless it is on its way back.
fn under_way<'w>(world: &'w World, key: &ServiceKey) -> Option<(&'w ServiceDeployment, &'w Shift)> {
    let service = world.ecs.services.get(key)?;
    let newest = service.service_deployments.last()?;
    let going = newest.status == "IN_PROGRESS";
    Some((newest, newest.shift.as_ref().filter(|_| going)?))
}

enum Next {
    Stage(Stage),
    At(std::time::SystemTime),
    /// Whatever it waits for is a reason to look.
    Later,
}

/// What follows the stage that a deployment is in, once that has nothing more to wait for.
fn next(world: &mut World, key: &ServiceKey) -> Next {
    let Some((deployment, shift)) = under_way(world, key) else {
        return Next::Later;
    };
    let configuration = &deployment.configuration;
    let minutes = |of: &Value, member, usual| {
        Duration::from_secs(60 * number_in(of, member).unwrap_or(usual))
    };
    let part = |member: &str| configuration.get(member).unwrap_or(&Value::Null);
    let (following, least) = match shift.stage {
        Stage::ReconcileService => (Stage::PreScaleUp, STAGE),
        Stage::PreScaleUp => (Stage::ScaleUp, STAGE),
        Stage::ScaleUp => (Stage::PostScaleUp, Duration::ZERO),
        Stage::PostScaleUp => (Stage::TestTrafficShift, STAGE),
        Stage::TestTrafficShift => (Stage::PostTestTrafficShift, STAGE),
        Stage::PostTestTrafficShift => (Stage::PreProductionTrafficShift, STAGE),
        Stage::PreProductionTrafficShift => (Stage::ProductionTrafficShift, Duration::ZERO),
        Stage::ProductionTrafficShift if shift.production < 100.0 => (
            Stage::PreProductionTrafficShift,
            STAGE
                + match strategy(configuration) {
                    "LINEAR" => minutes(part("linearConfiguration"), "stepBakeTimeInMinutes", 6),
                    _ => minutes(part("canaryConfiguration"), "canaryBakeTimeInMinutes", 10),
                },
        ),
        Stage::ProductionTrafficShift => (Stage::PostProductionTrafficShift, STAGE),
        Stage::PostProductionTrafficShift => (Stage::BakeTime, STAGE),
        Stage::BakeTime => (
            Stage::CleanUp,
            minutes(configuration, "bakeTimeInMinutes", 0),
        ),
        Stage::CleanUp => return Next::Later,
    };
    let (stage, since) = (shift.stage, shift.since);
    if world.now < since + least {
        return Next::At(since + least);
    }
    let waits = match stage {
        Stage::ReconcileService => others_run(world, key),
        Stage::ScaleUp => !scaled_up(world, key),
        _ => false,
    };
    if !waits {
        return Next::Stage(following);
    }
    if world.now >= since + LONGEST {
        let reason = format!(
            "Service deployment rolled back because lifecycle stage {} timed out.",
            stage.as_str()
        );
        failure::request_rollback(world, key, &reason);
        return Next::Later;
    }
    scheduler::look(world, key, since + LONGEST);
    Next::Later
}

fn scaled_up(world: &World, key: &ServiceKey) -> bool {
    let Some(service) = world.ecs.services.get(key) else {
        return false;
    };
    let Some(target) = service.service_deployments.last().map(|d| &d.target) else {
        return false;
    };
    let serving = world
        .ecs
        .tasks_of(key)
        .filter(|t| t.deployment == *target && health::serving(world, service, t));
    serving.count() as u64 >= service.desired
}

/// Tasks of revisions that are neither the target's nor the one that is returned to.
fn others(world: &World, key: &ServiceKey) -> Vec<String> {
    let service = world.ecs.services.get(key);
    let kept = |digits: &str| {
        service.is_some_and(|s| {
            s.completed.as_deref() == Some(digits)
                || s.service_deployments
                    .last()
                    .is_some_and(|d| d.target == digits)
        })
    };
    let tasks = world.ecs.tasks_of(key);
    tasks
        .filter(|t| t.live() && !kept(&t.deployment))
        .map(|t| t.arn.clone())
        .collect()
}

fn others_run(world: &World, key: &ServiceKey) -> bool {
    !others(world, key).is_empty()
}

/// The first stage of a deployment that has just begun.
pub fn begin(world: &mut World, key: &ServiceKey) {
    if under_way(world, key).is_none() {
        return;
    }
    let first = match others_run(world, key) {
        true => Stage::ReconcileService,
        false => Stage::PreScaleUp,
    };
    enter(world, key, first);
}

fn enter(world: &mut World, key: &ServiceKey, stage: Stage) {
    let now = world.now;
    let Some(newest) = newest(world, key) else {
        return;
    };
    newest.updated_at = now;
    let step = traffic::step(&newest.configuration);
    let Some(shift) = &mut newest.shift else {
        return;
    };
    shift.stage = stage;
    shift.since = now;
    match stage {
        Stage::TestTrafficShift => shift.test = 100.0,
        Stage::ProductionTrafficShift => {
            let canary_is_over = shift.production > 0.0 && step.once;
            shift.production = match canary_is_over {
                true => 100.0,
                false => (shift.production + step.percent).min(100.0),
            };
        }
        // What ECS watches, it watches until here.
        Stage::CleanUp => rollout::end_monitoring(newest),
        _ => {}
    }
    traffic::write(world, key);
    if stage == Stage::ReconcileService {
        for arn in others(world, key) {
            let reason = "Scaling activity initiated by a newer deployment";
            lifecycle::stop(world, &arn, "ServiceSchedulerInitiated", reason);
        }
    }
    hooks::begin(world, key, stage);
}

fn newest<'w>(world: &'w mut World, key: &ServiceKey) -> Option<&'w mut ServiceDeployment> {
    world
        .ecs
        .services
        .get_mut(key)?
        .service_deployments
        .last_mut()
}

/// A rollback was begun: the traffic goes back at once.
pub fn roll_back(world: &mut World, key: &ServiceKey) {
    let Some(shift) = newest(world, key).and_then(|d| d.shift.as_mut()) else {
        return;
    };
    shift.production = 0.0;
    shift.test = 0.0;
    traffic::write(world, key);
}

/// The shift of a deployment that is about to start; none for a service's first, which has nothing to shift from.
pub fn planned(
    service: &Service,
    configuration: &Value,
    now: std::time::SystemTime,
) -> Option<Shift> {
    (shifts(configuration) && service.completed.is_some()).then(|| Shift {
        stage: Stage::ReconcileService,
        since: now,
        production: 0.0,
        test: 0.0,
        kept: service.completed.clone().unwrap_or_default(),
    })
}
