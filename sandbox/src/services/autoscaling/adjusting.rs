//! When Application Auto Scaling moves a desired count: into a target's bounds when the target is registered or a scheduled
//! action changes it, and when the alarm of a scaling policy rings. Otherwise a count below its minimum stays there.

use std::time::Duration;

use super::{Activity, ScalableTarget};
use crate::services::ecs::ServiceKey;
use crate::world::agenda::Event;
use crate::world::{World, scheduler};

pub use super::scheduled_actions::due;

/// From a count below the minimum to the alarm that lifts it: three periods of a minute at most, here one.
const SCALE_OUT: Duration = Duration::from_secs(60);

/// Puts the desired count of an active service within its target's bounds.
pub fn into_bounds(world: &mut World, key: &ServiceKey) {
    let Some((desired, target)) = active(world, key) else {
        return;
    };
    let cause = if desired < target.min {
        format!("minimum capacity was set to {}", target.min)
    } else {
        format!("maximum capacity was set to {}", target.max)
    };
    into_bounds_because(world, key, &cause);
}

pub(super) fn into_bounds_because(world: &mut World, key: &ServiceKey, cause: &str) {
    if let Some((desired, target)) = active(world, key) {
        let bounded = desired.clamp(target.min, target.max);
        set_desired(world, key, bounded, cause);
    }
}

/// The desired count and target of a service that can be scaled.
fn active<'a>(world: &'a World, key: &ServiceKey) -> Option<(u64, &'a ScalableTarget)> {
    let service = world.ecs.services.get(key)?;
    let target = world.autoscaling.targets.get(key)?;
    (service.status == "ACTIVE").then_some((service.desired, target))
}

fn set_desired(world: &mut World, key: &ServiceKey, desired: u64, cause: &str) {
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if service.desired == desired {
        return;
    }
    service.desired = desired;
    service.steady = false;
    let activity = Activity {
        id: world.ids.uuid(),
        key: key.clone(),
        desired,
        cause: cause.to_owned(),
        at: world.now,
    };
    world.autoscaling.activities.push(activity);
    scheduler::look_soon(world, key);
}

/// Why the count would be lifted to its minimum by an alarm, if it would.
fn alarm(world: &World, key: &ServiceKey) -> Option<String> {
    let (desired, target) = active(world, key)?;
    if desired >= target.min || target.suspended.dynamic_out {
        return None;
    }
    let rings = |name: &String| {
        target
            .policies
            .get(name)
            .is_some_and(|p| desired > 0 || p.wakes_from_zero())
    };
    let policy = target.policies.keys().find(|name| rings(name))?;
    Some(cause_of(target, key, policy))
}

fn cause_of(target: &ScalableTarget, key: &ServiceKey, policy: &str) -> String {
    let alarms = target.policies.get(policy).map(|p| p.alarms.as_slice());
    let alarm = alarms.and_then(|a| a.first()).map(|(name, _)| name.clone());
    let alarm = alarm.unwrap_or_else(|| format!("{}-{policy}", key.1));
    format!("monitor alarm {alarm} in state ALARM triggered policy {policy}")
}

/// Plans an alarm's ring where a count lies below its minimum.
pub fn watch(world: &mut World, key: &ServiceKey) {
    if alarm(world, key).is_some() {
        let event = Event::ScaleOut {
            cluster: key.0.clone(),
            service: key.1.clone(),
        };
        world.agenda.at(world.now + SCALE_OUT, event);
    }
}

/// The alarm rings, if it still has a reason.
pub fn scale_out(world: &mut World, key: &ServiceKey) {
    if let Some(cause) = alarm(world, key)
        && let Some((_, target)) = active(world, key)
    {
        let min = target.min;
        set_desired(world, key, min, &cause);
    }
}

/// A policy's alarm rings and wants so many tasks: within the bounds, and where that direction is not suspended.
pub fn triggered(world: &mut World, key: &ServiceKey, wanted: u64) {
    let Some((desired, target)) = active(world, key) else {
        return;
    };
    let wanted = wanted.clamp(target.min, target.max);
    let suspended = if wanted < desired {
        target.suspended.dynamic_in
    } else {
        target.suspended.dynamic_out
    };
    if let (false, Some(policy)) = (suspended, target.policies.keys().next()) {
        let cause = cause_of(target, key, policy);
        set_desired(world, key, wanted, &cause);
    }
}
