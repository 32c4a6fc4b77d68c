//! The machine: it takes in one look after another and says what is new and whether that is the end. The order of its
//! questions is the point: rolled back, superseded, stopped, vanished, and only then served.
//!
//! Here is what it remembers and how a look is taken in; `failures` and `success` hold the questions, `asking` what to
//! look at, `health` which tasks and targets were seen healthy and since when, `ending` how it is put.

mod acting;
mod answering;
mod asking;
mod ending;
mod fail_fast;
mod failures;
mod grouping;
mod health;
mod pausing;
mod slow_ends;
mod success;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::service::{Service, ServiceDeployment};
use crate::model::task::Task;

use super::evidence::Evidence;
use super::fresh::Fresh;
use super::news::Because;
use super::observation::{find, is_ours};
use super::pace::{CLOSEST, Pace};
use super::placing::Placing;
use super::serving::{Reading, desired_now, examine};
use super::telling::Teller;
use super::window::{self, Window};
use super::{
    Action, Limits, News, Next, Observation, RolloutTarget, Sentence, Step, Unmet, Unseen,
    WaitUntil, advice,
};

/// Reads after writes are eventually consistent: ours missing for this long is no verdict.
const MISSING: Duration = Duration::from_secs(30);

/// How long something has been so, over the looks that could tell.
#[derive(Debug, Default)]
struct Held(Option<Duration>);

impl Held {
    fn at_least(&mut self, long: Duration, holds: bool, elapsed: Duration) -> bool {
        if !holds {
            self.0 = None;
            return false;
        }
        elapsed.saturating_sub(*self.0.get_or_insert(elapsed)) >= long
    }
}

#[derive(Debug, Default)]
struct Timers {
    unreadable: Held,
    missing: Held,
    gone: Held,
    stopped: Held,
    newer: Held,
    failed_state: Held,
    stalled: Held,
    count_undone: Held,
    over_unseen: Held,
    unused: Held,
}

/// Our watching of one deployment, or of one change of the desired count.
#[derive(Debug)]
pub struct Rollout {
    target: RolloutTarget,
    limits: Limits,
    teller: Teller,
    window: Window,
    fresh: Fresh,
    pace: Pace,
    timers: Timers,
    /// The newest that was seen of each.
    service: Option<Service>,
    deployment: Option<ServiceDeployment>,
    my_tasks: Vec<Task>,
    /// This look, all of it, for whoever asks at the end.
    sight: Option<Observation>,
    health: health::Health,
    /// The old task that took longest to be killed.
    killed: Option<advice::Killed>,
    /// Sticky: service deployments cannot be read, `rolloutState` stands in.
    by_rollout_state: bool,
    deployments_denied: bool,
    no_deployments_told: bool,
    tasks_denied: bool,
    targets_denied: bool,
    groups: grouping::Groups,
    /// Hooks that ECS was asked to go on after.
    continued: pausing::Continued,
    bakes_told: bool,
    in_trouble: bool,
    deployed_instead: Option<Because>,
    /// Hard evidence that it will not succeed. Sticky.
    failing: Option<Sentence>,
    newer_told: Option<String>,
    /// Task definitions of deployments that were there before ours.
    earlier: BTreeSet<String>,
    failed_tasks: u32,
    evidence: Evidence,
    counted: fail_fast::Counted,
    placing: Placing,
    alarms_told: bool,
    /// Targets of ours that no load balancer sends to, for long.
    unused: Option<Sentence>,
    /// Why and how we end it, once that is certain.
    ending: Option<fail_fast::Ending>,
    restored: Option<fail_fast::Restored>,
    /// Asked for and not answered yet; and whether the shell knows of it.
    asked_for: Option<Action>,
    to_ask: Option<Action>,
    count_seen: bool,
    asked_at: Option<Duration>,
    asked_deployment_at: Option<Duration>,
    unmet: Vec<Unmet>,
    /// Since when nothing was.
    met_at: Option<Duration>,
}

impl Rollout {
    pub fn start(target: RolloutTarget, limits: Limits) -> Rollout {
        Rollout {
            teller: Teller::new(&target),
            window: Window::new(window::length(target.ours(), &limits)),
            fresh: Fresh::default(),
            pace: Pace::default(),
            timers: Timers::default(),
            service: None,
            deployment: None,
            my_tasks: Vec::new(),
            sight: None,
            health: health::Health::default(),
            killed: None,
            by_rollout_state: false,
            deployments_denied: false,
            no_deployments_told: false,
            tasks_denied: false,
            targets_denied: false,
            groups: grouping::Groups::of(&target),
            continued: pausing::Continued::default(),
            bakes_told: false,
            in_trouble: false,
            deployed_instead: None,
            failing: None,
            newer_told: None,
            earlier: BTreeSet::new(),
            failed_tasks: 0,
            evidence: Evidence::default(),
            counted: fail_fast::Counted::default(),
            placing: Placing::default(),
            alarms_told: false,
            unused: None,
            ending: None,
            restored: None,
            asked_for: None,
            to_ask: None,
            count_seen: false,
            asked_at: None,
            asked_deployment_at: None,
            met_at: None,
            unmet: vec![Unmet::NotSeen {
                part: "service",
                why: Unseen::Skipped,
            }],
            target,
            limits,
        }
    }

    /// As it is followed now: an adoption changes it.
    pub fn target(&self) -> &RolloutTarget {
        &self.target
    }

    /// The only way in. Pure: no clock, no I/O, no randomness.
    pub fn observe(&mut self, mut seen: Observation, elapsed: Duration) -> Step {
        let mut news = Vec::new();
        self.fresh.drop_old(&mut seen);
        self.note_reach(&seen, elapsed, &mut news);
        self.remember(&seen, elapsed);
        self.note_permissions(&seen, &mut news);
        self.note_groups(&seen, elapsed, &mut news);
        let by_state = self.rollout_state_suffices(&seen);
        self.teller.tell(
            &seen,
            &self.target,
            // A count has no deployment whose state would be news.
            by_state && seen.deployment.is_err() && !self.target.is_count(),
            &mut news,
        );
        let proof = examine(
            &seen,
            &self.target,
            Reading {
                rollout_state_suffices: by_state,
                tasks: !self.tasks_denied,
                targets: self.reads_targets(),
            },
        );
        self.evidence.note(&news);
        if self.failing.is_none() {
            self.teller.health(&proof, &mut news);
        }
        self.note_placing(&seen, elapsed, &mut news);
        self.note_counted(&seen);
        let checked = self.asks_targets() || !self.target.ours().health_checked.is_empty();
        self.health
            .note(&seen, &self.target, &proof, checked, elapsed);
        let verdict = self
            .judge(&seen, &proof, elapsed, &mut news)
            .or_else(|| (elapsed >= self.limits.wait_for).then(|| self.out_of_time(elapsed)));
        self.sight = Some(seen);
        let next = match (verdict, self.to_ask.take()) {
            (Some(verdict), _) => Next::Done(Box::new(self.ended(verdict, elapsed))),
            (None, Some(action)) => Next::Act(action),
            (None, None) => self.look_again(elapsed),
        };
        Step { news, next }
    }

    fn look_again(&self, elapsed: Duration) -> Next {
        let mut after = self.pace.after(elapsed);
        let mut exact = false;
        let mut no_later_than = |moment: Duration| {
            let left = moment.saturating_sub(elapsed).max(CLOSEST);
            if left <= after {
                after = left;
                exact = true;
            }
        };
        no_later_than(self.limits.wait_for);
        if let (Some(end), false) = (self.window.ends(), self.pace.backs_off()) {
            if end > elapsed {
                no_later_than(end);
            }
            no_later_than(elapsed + self.window.proof_every());
        }
        Next::LookAgain { after, exact }
    }

    fn note_reach(&mut self, seen: &Observation, elapsed: Duration, news: &mut Vec<News>) {
        let throttled = seen.throttled();
        self.pace.note(throttled);
        let trouble = throttled || seen.unreachable();
        if trouble && !self.in_trouble {
            news.push(if throttled {
                News::Throttled {
                    after: self.pace.after(elapsed),
                }
            } else {
                News::Unreachable
            });
        }
        if !trouble && self.in_trouble {
            news.push(News::Recovered);
        }
        self.in_trouble = trouble;
    }

    fn remember(&mut self, seen: &Observation, elapsed: Duration) {
        if let Ok(service) = &seen.service {
            let ours = self.target.ours_mut();
            if let Some(listed) = find(service, ours) {
                ours.created_at = ours.created_at.or(listed.created_at);
            }
            let earlier = service
                .deployments
                .iter()
                .filter(|d| d.created_at < ours.created_at)
                .map(|d| d.task_definition.clone());
            self.earlier.extend(earlier);
            self.service = Some(service.clone());
        }
        if let Ok(deployment) = &seen.deployment {
            if let RolloutTarget::Deployment {
                service_deployment, ..
            } = &mut self.target
            {
                *service_deployment = Some(deployment.arn.clone());
            }
            self.deployment = Some(deployment.clone());
            self.by_rollout_state = false;
        }
        if let Ok(tasks) = &seen.tasks {
            let ours = self.target.ours();
            self.my_tasks = tasks.iter().filter(|t| is_ours(t, ours)).cloned().collect();
        }
        self.note_killed(seen);
        if seen.deployment != Err(Unseen::Skipped) {
            self.asked_deployment_at = Some(elapsed);
        }
        // Of a service that shall run nothing there are no targets to ask for. Where ours are only not there yet, their targets
        // are due in the first look that finds them running.
        let nothing_desired = seen
            .service
            .as_ref()
            .is_ok_and(|service| desired_now(service, find(service, self.target.ours())) == 0);
        let asked = if self.asks_targets() && !nothing_desired {
            seen.targets
                .iter()
                .any(|t| !matches!(t, Err(Unseen::Skipped)))
        } else {
            !matches!(seen.tasks, Err(Unseen::Skipped))
        };
        if asked {
            self.asked_at = Some(elapsed);
        }
        let missing = match &seen.deployment {
            Err(Unseen::Absent | Unseen::Unreachable) => seen.service.is_ok(),
            Err(Unseen::Skipped | Unseen::Throttled) => return,
            _ => false,
        };
        if self.timers.unreadable.at_least(MISSING, missing, elapsed) {
            self.by_rollout_state = true;
        }
    }

    /// What cannot be read is done without, or waited for differently; either is said once.
    fn note_permissions(&mut self, seen: &Observation, news: &mut Vec<News>) {
        let permission = denied(&seen.deployment);
        if permission.is_some() {
            self.by_rollout_state = true;
            self.deployments_denied = true;
        }
        if self.by_rollout_state && !std::mem::replace(&mut self.no_deployments_told, true) {
            news.push(News::NoServiceDeployments { permission });
        }
        if let Some(permission) = seen.targets.iter().find_map(denied) {
            self.targets_denied = true;
            self.deployed_instead(Because::TargetHealthDenied { permission }, news);
        }
        if let Some(permission) = denied(&seen.tasks) {
            self.tasks_denied = true;
            self.deployed_instead(Because::TasksDenied { permission }, news);
        }
        self.note_alarms(seen, news);
        if let (Ok(service), false) = (&seen.service, self.target.is_count())
            && let Some(because) = may_revert(service)
        {
            self.deployed_instead(because, news);
        }
        self.note_bakes(seen, news);
    }

    fn note_placing(&mut self, seen: &Observation, elapsed: Duration, news: &mut Vec<News>) {
        if let Ok(service) = &seen.service
            && let Some(listed) = find(service, self.target.ours())
        {
            let desired = desired_now(service, Some(listed));
            self.placing.note(listed, desired, elapsed, news);
        }
    }

    fn note_alarms(&mut self, seen: &Observation, news: &mut Vec<News>) {
        let (Ok(service), Ok(deployment)) = (&seen.service, &seen.deployment) else {
            return;
        };
        let alarms = service.deployment_configuration.alarms.as_ref();
        if let Some(alarms) = alarms.filter(|a| a.enable && !a.names.is_empty())
            && deployment.alarms_status.as_deref() == Some("DISABLED")
            && !std::mem::replace(&mut self.alarms_told, true)
        {
            news.push(News::AlarmsNotMonitored {
                names: alarms.names.clone(),
            });
        }
    }

    fn deployed_instead(&mut self, because: Because, news: &mut Vec<News>) {
        if self.deployed_instead.is_none() {
            self.deployed_instead = Some(because.clone());
            if self.limits.wait_until == WaitUntil::Healthy {
                news.push(News::DeployedInstead { because });
            }
        }
    }

    fn rollout_state_suffices(&self, seen: &Observation) -> bool {
        self.target.is_count()
            || self.by_rollout_state
            || matches!(seen.deployment, Err(Unseen::Absent))
    }

    fn adopt(&mut self, id: String, created_at: Option<jiff::Timestamp>) {
        let ours = self.target.ours_mut();
        ours.deployment_id = id;
        ours.created_at = created_at;
        if let RolloutTarget::Deployment {
            service_deployment, ..
        } = &mut self.target
        {
            *service_deployment = None;
        }
        self.deployment = None;
        self.by_rollout_state = self.deployments_denied;
        self.groups = grouping::Groups::of(&self.target);
        self.timers = Timers::default();
        self.window.broken();
        self.teller.adopted();
        self.failed_tasks = 0;
        self.count_anew();
        self.ending = None;
        self.asked_at = None;
    }

    fn waits_for_deployed(&self) -> bool {
        self.limits.wait_until == WaitUntil::Deployed || self.deployed_instead.is_some()
    }

    /// ECS calls it done: SUCCESSFUL, or COMPLETED where that is all there is to read. A count has no such word.
    fn ecs_is_done(&self, seen: &Observation) -> bool {
        match &seen.deployment {
            Ok(deployment) => deployment.status == "SUCCESSFUL",
            Err(_) if self.target.is_count() => true,
            Err(_) if self.rollout_state_suffices(seen) => {
                seen.service.as_ref().is_ok_and(|service| {
                    find(service, self.target.ours()).is_some_and(|d| {
                        // A Classic Load Balancer's deployment has no rolloutState at all.
                        d.rollout_state
                            .as_deref()
                            .map_or(service.deployments.len() == 1, |s| s == "COMPLETED")
                    })
                })
            }
            Err(_) => false,
        }
    }
}

fn denied<T>(part: &super::Seen<T>) -> Option<String> {
    match part {
        Err(Unseen::Denied(permission)) => Some(permission.clone()),
        _ => None,
    }
}

/// Where ECS may still revert after everything looked well, its own word is waited for.
fn may_revert(service: &Service) -> Option<Because> {
    let configuration = &service.deployment_configuration;
    if !matches!(configuration.strategy.as_str(), "" | "ROLLING") {
        return Some(Because::Strategy(configuration.strategy.clone()));
    }
    if let Some(alarms) = &configuration.alarms
        && alarms.enable
        && !alarms.names.is_empty()
    {
        return Some(Because::Alarms(alarms.names.clone()));
    }
    let breaker = configuration.circuit_breaker.as_ref()?;
    (breaker.enable && breaker.reset_on_healthy_task == Some(false))
        .then_some(Because::BreakerDoesNotReset)
}
