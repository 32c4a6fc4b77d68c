//! The moves of one service, in the plan's order, once what it was is kept. Each may be interrupted before the next; repeated,
//! each comes to the same.

use std::time::Duration;

use tokio::sync::oneshot;

use super::apply::{Mover, Run};
use super::pacing::{Halt, Lane};
use super::target::target;
use super::{Broken, keeping};
use crate::aws::AwsError;
use crate::aws::ecs::ServiceUpdate;
use crate::aws::{Failure, Retries};
use crate::model::Untrusted;
use crate::model::autoscaling::{Bounds, resource_id};
use crate::model::service::Service;
use crate::model::untrusted::one_line;
use crate::model::verdict::Status;
use crate::plan::scale::{Act, Failed, Note};
use crate::rollout::{
    Ended, Facts, Limits, OnFailure, OnPause, OnSuperseded, Part, Sentence, WaitUntil,
};
use crate::steps::watch::fleet::Order;

/// After an UpdateService without an answer: how long reads may take to show it.
const SETTLE: Duration = Duration::from_secs(5);
const SENDS: u32 = 3;

/// Up to the new desired count; its answer, where there is one.
pub async fn to_count(run: &Run<'_>, mover: &mut Mover) -> Result<Option<Service>, Broken> {
    let wakes = mover.moves.act == Act::Restored && mover.moves.desired_count.is_some();
    if wakes {
        let note = run
            .definitions
            .check_images(run.region, &mover.found)
            .await?;
        mover.moves.notes.extend(note);
    }
    if let Some(bounds) = &mover.moves.before {
        run.ledger.begin(mover.at);
        register(run, mover, bounds).await?;
        // Done: should what follows fail, that is how it is left.
        mover.moves.before = None;
    }
    let Some(count) = mover.moves.desired_count else {
        return Ok(None);
    };
    run.ledger.begin(mover.at);
    let service = update(run, mover, count).await?;
    run.ledger.counts(mover.at, count);
    Ok(Some(service))
}

/// What follows: healthy, the scalable target, nothing kept any more.
pub async fn to_the_end(
    run: &Run<'_>,
    mover: &mut Mover,
    service: Option<Service>,
) -> Result<(), Broken> {
    if mover.moves.healthy.is_some() {
        run.ledger.begin(mover.at);
        healthy(run, mover, service).await?;
    }
    if let Some(bounds) = mover.moves.after {
        run.ledger.begin(mover.at);
        match register(run, mover, &bounds).await {
            Err(Broken::Failed(failed)) if failed.code == GONE => {
                mover.moves.notes.push(Note::ScalableTargetGone)
            }
            registered => registered?,
        }
    }
    if let Some(place) = &mover.moves.forget {
        run.ledger.begin(mover.at);
        keeping::forget(run.region, &mover.found, place).await?;
    }
    Ok(())
}

const GONE: &str = "shipway::deploy::scalable_target_gone";

async fn register(run: &Run<'_>, mover: &Mover, bounds: &Bounds) -> Result<(), Broken> {
    let id = resource_id(&mover.found.cluster, &mover.found.service);
    let aws = &run.region.aws.autoscaling;
    let send = || aws.register_scalable_target(&id, bounds);
    match run.region.pacer.call(Lane::AutoScaling, send).await {
        // Without a maximum, AWS takes it only of a target that is there.
        Err(Halt::Failed(error)) if error.is_code("ValidationException") => {
            Err(Broken::Failed(Failed {
                code: GONE.to_owned(),
                ..super::refused(error)
            }))
        }
        registered => Ok(registered?),
    }
}

/// Only the desired count: sent twice it is the same count, but somebody may have set another in between, so what AWS did not
/// answer is read first.
async fn update(run: &Run<'_>, mover: &Mover, count: u32) -> Result<Service, Broken> {
    let (region, found) = (run.region, &mover.found);
    let update = ServiceUpdate {
        desired_count: Some(count),
        ..ServiceUpdate::default()
    };
    let mut sends = 0;
    loop {
        let ecs = &region.aws.ecs;
        let send = || ecs.update_service(&found.cluster, &found.service, &update);
        let error = match region.pacer.call(Lane::Updates, send).await {
            Ok(service) => return Ok(service),
            Err(Halt::Failed(error)) if error.is_ambiguous() => error,
            Err(halt) => return Err(halt.into()),
        };
        sends += 1;
        region.pacer.rest(SETTLE).await?;
        let now = describe(run, mover).await?;
        if now.desired_count == count {
            return Ok(now);
        }
        if sends == SENDS {
            return Err(Broken::Failed(super::refused(error)));
        }
    }
}

async fn describe(run: &Run<'_>, mover: &Mover) -> Result<Service, Broken> {
    let (region, found) = (run.region, &mover.found);
    let names = [found.service.clone()];
    let ecs = &region.aws.ecs;
    let send = || ecs.describe_services(&found.cluster, &names, Retries::Off);
    let services = region.pacer.call(Lane::Services, send).await?;
    services.into_iter().next().ok_or_else(|| {
        Broken::Failed(super::refused(AwsError {
            operation: "ecs:DescribeServices".to_owned(),
            failure: Failure::Refused {
                code: "ServiceNotFoundException".to_owned(),
            },
            message: Untrusted::from("the service is not there any more"),
            request_id: None,
        }))
    })
}

async fn healthy(run: &Run<'_>, mover: &mut Mover, service: Option<Service>) -> Result<(), Broken> {
    let service = match service {
        Some(service) => service,
        None => describe(run, mover).await?,
    };
    let known = run.definitions.known(run.region, &service.task_definition);
    let (health_checked, facts) = match known.await {
        Ok(known) => (known.health_checked.clone(), known.facts.clone()),
        Err(Halt::Cancelled) => return Err(Broken::Cancelled),
        // Without it, nobody knows which containers ECS checks; that they run is seen all the same.
        Err(Halt::Failed(_)) => (Vec::new(), Facts::default()),
    };
    let (reply, ended) = oneshot::channel();
    let order = Order {
        cluster: mover.found.cluster.clone(),
        service: service.name.clone(),
        target: target(&service, health_checked, facts),
        limits: Limits {
            wait_until: WaitUntil::Healthy,
            wait_for: run.wait_for,
            // How long it has to stay so is counted before a complete look is taken.
            stable_for: Some(Duration::ZERO),
            on_superseded: OnSuperseded::Succeed,
            fail_fast: true,
            on_failure: OnFailure::Rollback,
            on_pause: OnPause::Return,
        },
        reply,
    };
    drop(service);
    if run.orders.send(order).is_err() {
        return Err(Broken::Cancelled);
    }
    let watched = match ended.await {
        Ok(watched) => watched,
        Err(_) => return Err(Broken::Cancelled),
    };
    let (ended, denied) = watched.map_err(|error| Broken::Failed(super::refused(error)))?;
    let unseen = denied.map(|permission| Note::HealthUnseen { permission });
    mover.moves.notes.extend(unseen);
    judged(run, mover, ended)
}

fn judged(run: &Run<'_>, mover: &mut Mover, ended: Ended) -> Result<(), Broken> {
    match ended.status {
        status if status.is_success() => Ok(()),
        // Whoever deployed it since watches it, too.
        Status::Superseded => {
            mover.moves.notes.push(Note::Superseded);
            Ok(())
        }
        Status::Cancelled => Err(Broken::Cancelled),
        status => {
            let code = match status {
                Status::TimedOut => "shipway::deploy::not_healthy_in_time",
                _ => "shipway::deploy::not_healthy",
            };
            let help = match run.asked.to {
                crate::plan::scale::To::Restore => {
                    "what was kept of it stays, and its autoscaling suspended: mend it, then restore again"
                }
                _ => "its desired count stays as it was asked for: mend it, or scale it back",
            };
            Err(Broken::Failed(Failed {
                code: code.to_owned(),
                lines: told(&ended).iter().map(line).collect(),
                help: Some(help.to_owned()),
            }))
        }
    }
}

/// What was wrong, what that rests on, how it ended, and what helps.
fn told(ended: &Ended) -> Vec<Sentence> {
    let Some(diagnosis) = &ended.diagnosis else {
        return ended.reasons.clone();
    };
    let end = ended.reasons.first().filter(|r| **r != diagnosis.headline);
    let fix = diagnosis.fixes.first().map(|fix| {
        let mut helps = Sentence::new("What helps: ");
        helps.0.extend(fix.0.iter().cloned());
        helps
    });
    let evidence = diagnosis.evidence.iter();
    std::iter::once(&diagnosis.headline)
        .chain(evidence)
        .chain(end)
        .cloned()
        .chain(fix)
        .collect()
}

fn line(sentence: &Sentence) -> Untrusted {
    let words = sentence.0.iter().map(|part| match part {
        Part::Text(text) | Part::Code(text) => text.clone(),
        Part::Quoted(text) => one_line(text),
    });
    Untrusted::new(words.collect::<String>())
}
