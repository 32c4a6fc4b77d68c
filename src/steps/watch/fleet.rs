//! The same loop for many services that come one after another: they are read in tens, and each is looked at completely only
//! when that may tell something. All calls go in the Region's pace.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Rested, Watched, look, rest_until};
use crate::aws::ecs::SERVICES_PER_CALL;
use crate::aws::{AwsError, Retries};
use crate::model::service::Service;
use crate::model::task::Task;
use crate::rollout::news::Because;
use crate::rollout::settling::Settling;
use crate::rollout::{Ask, Ended, Limits, News, Observation, RolloutTarget, Seen, Unseen};
use crate::steps::fleet::pacing::{Halt, Lane};
use crate::steps::fleet::{Region, with_deployments};

/// No task starts faster, and who comes within this time is read in one call with others.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// Who would be due so soon is looked at together with who is due.
const TOGETHER: Duration = Duration::from_secs(1);
/// Reads of services take at most so much of their lane: each of a pass puts off the next pass by this.
const PER_READ: Duration = Duration::from_millis(60);
/// Services that are looked at completely at the same time.
const AT_ONCE: usize = 32;

/// One service to follow, and who wants to know how it ends.
pub struct Order {
    pub cluster: String,
    pub service: String,
    pub target: RolloutTarget,
    pub limits: Limits,
    pub reply: oneshot::Sender<End>,
}

/// How it ended, and the permission without which health was not seen; or what no later look could mend.
pub type End = Result<(Ended, Option<String>), AwsError>;

struct Member {
    cluster: String,
    watched: Watched,
    settling: Settling,
    denied: Option<String>,
    reply: oneshot::Sender<End>,
}

impl Member {
    fn of(order: Order) -> Member {
        let mut watched = Watched::start(order.service, order.target, order.limits);
        watched.due = (watched.due + FIRST_LOOK).min(watched.deadline);
        Member {
            cluster: order.cluster,
            watched,
            settling: Settling::default(),
            denied: None,
            reply: order.reply,
        }
    }

    fn ends(self, ended: Result<Ended, AwsError>) {
        // Who does not wait any more does not want to know.
        let _ = self.reply.send(ended.map(|ended| (ended, self.denied)));
    }
}

/// Until nobody orders any more and all has ended, or a signal comes.
pub async fn watch_fleet(
    region: &Region,
    mut orders: UnboundedReceiver<Order>,
    cancel: &CancellationToken,
) {
    let mut members: Vec<Member> = Vec::new();
    let mut not_before = Instant::now();
    loop {
        while let Ok(order) = orders.try_recv() {
            members.push(Member::of(order));
        }
        let Some(due) = members.iter().map(|m| m.watched.due).min() else {
            match orders.recv().await {
                Some(order) => members.push(Member::of(order)),
                None => return,
            }
            continue;
        };
        if let Rested::Cancelled = rest_until(due.max(not_before), cancel).await {
            break;
        }
        let began = Instant::now();
        let passed = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            passed = pass(region, &mut members, began) => passed,
        };
        not_before = began + PER_READ * u32::try_from(passed.reads).unwrap_or(u32::MAX);
        for (at, ended) in passed.ended.into_iter().rev() {
            members.swap_remove(at).ends(ended);
        }
    }
    for mut member in members {
        member.watched.cancelled();
        let Some(ended) = member.watched.ended.take() else {
            continue;
        };
        member.ends(Ok(ended));
    }
}

struct Passed {
    reads: usize,
    /// By their places, in rising order.
    ended: Vec<(usize, Result<Ended, AwsError>)>,
}

/// One look at everybody who is due.
async fn pass(region: &Region, members: &mut [Member], now: Instant) -> Passed {
    let mut due: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        if member.watched.due <= now + TOGETHER {
            due.entry(&member.cluster).or_default().push(at);
        }
    }
    let tens: Vec<(String, Vec<usize>)> = due
        .into_iter()
        .flat_map(|(cluster, places)| {
            let tens: Vec<_> = places
                .chunks(SERVICES_PER_CALL)
                .map(|some| (cluster.to_owned(), some.to_vec()))
                .collect();
            tens
        })
        .collect();
    let reads = tens.len();
    let mut passed = Passed {
        reads,
        ended: Vec::new(),
    };
    let mut looks = Vec::new();
    for (places, read) in read(region, members, tens).await {
        let mut services = match read {
            Ok(services) => services,
            Err(error) => {
                passed
                    .ended
                    .extend(places.into_iter().map(|at| (at, Err(error.clone()))));
                continue;
            }
        };
        for at in places {
            let member = &mut members[at];
            let watched = &member.watched;
            let groups = watched.rollout.target().ours().target_groups.len();
            let mut first = Observation::nothing(groups);
            first.service = match &mut services {
                Ok(services) => services
                    .remove(&watched.service)
                    .map(|s| trimmed(s, watched.rollout.target()))
                    .ok_or(Unseen::Absent),
                Err(unseen) => Err(unseen.clone()),
            };
            let ask = worth(member, &first);
            looks.push((at, first, ask));
        }
    }
    let seen: Vec<_> = {
        let members = &*members;
        stream::iter(looks)
            .map(|(at, first, ask)| async move {
                (at, complete(region, &members[at], first, ask).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    };
    for (at, seen) in seen {
        let Member {
            watched,
            denied,
            settling,
            ..
        } = &mut members[at];
        let mut say = |_: &str, news: &News| {
            if let News::DeployedInstead {
                because:
                    Because::TargetHealthDenied { permission } | Because::TasksDenied { permission },
            } = news
            {
                *denied = Some(permission.clone());
            }
        };
        match seen {
            Ok(seen) => watched.observe(seen, now, &mut say),
            Err(error) => passed.ended.push((at, Err(error))),
        }
        if let Some(at) = settling.settles_at() {
            watched.due = watched.due.min(watched.began + at);
        }
        if let Some(ended) = watched.ended.take() {
            passed.ended.push((at, Ok(ended)));
        }
    }
    passed.ended.sort_by_key(|(at, _)| *at);
    passed
}

type Services = Seen<BTreeMap<String, Service>>;

/// The services themselves. A call that came to nothing is a part not seen, unless no later one would fare better.
async fn read(
    region: &Region,
    members: &[Member],
    tens: Vec<(String, Vec<usize>)>,
) -> Vec<(Vec<usize>, Result<Services, AwsError>)> {
    stream::iter(tens)
        .map(|(cluster, places)| async move {
            let names: Vec<String> = places
                .iter()
                .map(|at| members[*at].watched.service.clone())
                .collect();
            let send = || {
                region
                    .aws
                    .ecs
                    .describe_services(&cluster, &names, Retries::Off)
            };
            let read = seen(region.pacer.call(Lane::Services, send).await);
            let read = read.map(|seen| {
                seen.map(|services| services.into_iter().map(|s| (s.name.clone(), s)).collect())
            });
            (places, read)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn seen<T>(answer: Result<T, Halt>) -> Result<Seen<T>, AwsError> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        // Nobody will judge it.
        Err(Halt::Cancelled) => Ok(Err(Unseen::Unreachable)),
        Err(Halt::Failed(error)) => look::seen(Err(error)),
    }
}

/// Without the events of before the update: a service has a hundred, and many services are watched.
fn trimmed(mut service: Service, target: &RolloutTarget) -> Service {
    if let RolloutTarget::Count { events_after, .. } = target {
        service.events.retain(|e| e.created_at > *events_after);
    }
    with_deployments(service)
}

/// What of the rest is asked for.
fn worth(member: &mut Member, first: &Observation) -> Ask {
    let watched = &member.watched;
    let elapsed = watched.elapsed();
    let wanted = watched.rollout.ask(first, elapsed);
    match &first.service {
        Ok(service) if Instant::now() < watched.deadline => {
            let target = watched.rollout.target();
            member.settling.worth(service, target, wanted, elapsed)
        }
        _ => wanted,
    }
}

async fn complete(
    region: &Region,
    member: &Member,
    mut first: Observation,
    ask: Ask,
) -> Result<Observation, AwsError> {
    if ask.tasks {
        first.tasks = tasks(region, member, "RUNNING").await?;
    }
    if ask.stopped_tasks {
        first.stopped_tasks = tasks(region, member, "STOPPED").await?;
    }
    if !ask.targets {
        return Ok(first);
    }
    let ours = member.watched.rollout.target().ours();
    let mut healths = BTreeMap::new();
    for group in look::groups(ours) {
        let send = || region.aws.elbv2.describe_target_health(group, Retries::Off);
        let health = region.pacer.call(Lane::Balancing, send).await;
        healths.insert(group, seen(health)?);
    }
    first.targets = ours
        .target_groups
        .iter()
        .map(|balanced| {
            let health = healths.get(balanced.group.arn.as_str());
            health.cloned().unwrap_or(Err(Unseen::Skipped))
        })
        .collect();
    Ok(first)
}

async fn tasks(
    region: &Region,
    member: &Member,
    desired_status: &str,
) -> Result<Seen<Vec<Task>>, AwsError> {
    let ecs = &region.aws.ecs;
    let (cluster, service) = (&member.cluster, &member.watched.service);
    let list = || ecs.list_tasks(cluster, service, desired_status, Retries::Off);
    let arns = match seen(region.pacer.call(Lane::Tasks, list).await)? {
        Ok(arns) if arns.is_empty() => return Ok(Ok(Vec::new())),
        Ok(arns) => arns,
        Err(unseen) => return Ok(Err(unseen)),
    };
    let describe = || ecs.describe_tasks(cluster, &arns, Retries::Off);
    seen(region.pacer.call(Lane::Tasks, describe).await)
}
