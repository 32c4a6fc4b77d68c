//! What there is to tell while a rollout goes on, as data; `report` words it. Only what changed becomes news.

use std::time::Duration;

use serde::Serialize;

use crate::model::Untrusted;
use crate::model::service::{LifecycleHook, ServiceEvent};
use crate::model::task::Task;

use super::serving::Unmet;
use super::{Acted, Action, Healthy, Sentence};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum News {
    /// Our service deployment was found.
    ServiceDeployment {
        arn: String,
    },
    /// Its status, in ECS's words. `reason` is `statusReason` or the rollback's reason.
    Status {
        status: String,
        reason: Option<Untrusted>,
    },
    /// Its lifecycle stage, in ECS's words.
    Stage {
        stage: String,
    },
    /// Percent of production traffic that goes to our revision, where ECS shifts it.
    Traffic {
        percent: f64,
    },
    /// A lifecycle hook that has begun, or stands otherwise than before.
    Hook {
        hook: LifecycleHook,
        stage: Option<String>,
    },
    /// The waits that ECS is told to make are longer than our limit, together.
    LimitIsShort {
        bakes: Duration,
        limit: Duration,
    },
    /// Which of two target groups is ours cannot be read: targets are not looked at.
    GroupUnknown {
        permission: Option<String>,
    },
    /// An enum value that we do not know. Never means success; told once.
    UnknownValue {
        member: &'static str,
        value: String,
    },
    /// It will not succeed any more, and why; we follow it to its end.
    Doomed {
        why: Sentence,
    },
    /// ECS is about to be asked for something, and why.
    Acting {
        action: Action,
        why: Sentence,
    },
    /// It did not come to that.
    NotActed {
        action: Action,
        acted: Acted,
    },
    /// Counts of our deployment.
    Counts {
        desired: u32,
        running: u32,
        pending: u32,
        failed: u32,
    },
    /// Something else changed the desired count.
    DesiredCount {
        from: u32,
        to: u32,
    },
    /// A task of ours stopped. `failure` is false for scaling, Spot and people's stops.
    TaskStopped {
        task: Box<Task>,
        failure: bool,
    },
    /// Tasks of ours healthy in every target group (or simply healthy, without one), and targets that are not.
    Healthy {
        healthy: Healthy,
        targets: Vec<TargetNote>,
    },
    /// Targets of another revision that still answer; 0 when the last is gone.
    OthersAnswer {
        targets: u32,
    },
    /// A service event since the update.
    Event(ServiceEvent),
    /// For a minute ECS has found no place for so many tasks.
    CannotPlace {
        waiting: u32,
        message: Untrusted,
    },
    /// Alarms guard the service, and not this deployment: one was in ALARM when it began.
    AlarmsNotMonitored {
        names: Vec<String>,
    },
    /// Everything is met; now it has to stay so.
    WindowBegins {
        length: Duration,
    },
    WindowBroken {
        unmet: Vec<Unmet>,
    },
    /// A newer deployment of the same task definition took over, and is followed.
    Adopted {
        from: String,
        to: String,
    },
    /// A newer deployment of another task definition is PRIMARY.
    NewerPrimary {
        deployment_id: String,
        task_definition: String,
    },
    /// Service deployments cannot be read (denied, or there are none): `deployments[]` and `rolloutState` are used.
    NoServiceDeployments {
        permission: Option<String>,
    },
    /// `deployed` is waited for in place of `healthy`.
    DeployedInstead {
        because: Because,
    },
    /// AWS throttles the looks; the next one is so much later.
    Throttled {
        after: Duration,
    },
    /// AWS could not be reached in this look.
    Unreachable,
    /// Looks succeed again after `Throttled` or `Unreachable`.
    Recovered,
}

/// Why the window cannot promise that it stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Because {
    /// ECS may revert when one of these alarms goes off.
    Alarms(Vec<String>),
    /// BLUE_GREEN, LINEAR, CANARY or one added since.
    Strategy(String),
    /// The circuit breaker goes on counting after a healthy task.
    BreakerDoesNotReset,
    TargetHealthDenied {
        permission: String,
    },
    TasksDenied {
        permission: String,
    },
}

/// A target of ours that is not healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TargetNote {
    pub target_group: String,
    pub target: String,
    pub port: Option<u16>,
    pub state: String,
    pub reason: Option<String>,
    pub description: Option<Untrusted>,
}
