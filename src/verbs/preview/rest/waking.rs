//! Waking: the rule forwards, a task starts, and the load balancer finds it healthy. Until then the address answers 503: a
//! target group is only health-checked while a rule forwards to it.

use jiff::SignedDuration;

use super::{UNANSWERED, carry_out, end, look, note, would};
use crate::error::Error;
use crate::inputs::values::WaitUntil;
use crate::model::names::family_and_revision;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::service::Service;
use crate::model::task_definition::TaskDefinition;
use crate::model::verdict::Status;
use crate::plan::preview::parts::Parts;
use crate::plan::preview::rest::{RestStep, wake as plan};
use crate::report::markdown::State;
use crate::report::{Phase, Text};
use crate::rollout::{Ended, RolloutTarget};
use crate::steps::rest_preview::Rested;
use crate::steps::smoke::{self, Smoke};
use crate::steps::wanted::limits;
use crate::steps::{container_logs, glance, watch};
use crate::verbs::preview::Run;
use crate::verbs::verdict::{self, Noting};
use crate::verbs::watched::ours;

/// Everything before the first change.
struct Prepared {
    parts: Parts,
    steps: Vec<RestStep>,
    definition: TaskDefinition,
    smoke: Option<Smoke>,
}

pub(in crate::verbs::preview) async fn wake(mut run: Run<'_>, of: PreviewOf) -> u8 {
    let cancel = run.env.cancel.clone();
    let prepared = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        prepared = prepare(&mut run, &of) => Some(prepared),
    };
    let prepared = match prepared {
        None => return run.told.cancelled().await,
        Some(Err(error)) => return run.told.fail(error).await,
        Some(Ok(prepared)) => prepared,
    };
    if run.args.preview.dry_run {
        let text = would(&prepared.parts, &prepared.steps, "woken");
        return run.told.nothing(text);
    }
    match start_and_watch(&mut run, &prepared).await {
        Ok(ended) => tell(run, &of, ended).await,
        Err(error) => run.told.fail(error).await,
    }
}

async fn prepare(run: &mut Run<'_>, of: &PreviewOf) -> Result<Prepared, Error> {
    Smoke::check(&run.args.limits)?;
    run.report.started(Phase::Preflight);
    let parts = look(run, of).await?;
    note(run, &parts);
    let lives = SignedDuration::from_hours(i64::from(run.args.preview.expires_after_hours));
    let expires = run.env.clock.timestamp() + lives;
    let steps = plan(&parts, expires)?;
    if let Some(preview) = &mut run.told.about.preview {
        preview.expires = Some(expires);
    }
    let revision = parts
        .active_service()
        .map(|s| s.task_definition.clone())
        .unwrap_or_default();
    let definition = run.aws.ecs.describe_task_definition(&revision).await?;
    run.told.about.revision = Some(family_and_revision(&revision).to_owned());
    let url = run.told.about.url.as_deref();
    let smoke = Smoke::of(&run.args.limits, 1, &of.name(), url)?;
    let mut headers = parts.rules.iter().flat_map(|rule| &rule.headers);
    let header = headers.find_map(|(name, values)| Some((name, values.first()?)));
    let smoke = match header {
        Some((name, value)) => smoke.map(|s| s.with_header(name, value)),
        None => smoke,
    };
    run.report.finished(
        Phase::Preflight,
        Text::new()
            .say("preview ")
            .code(of.name())
            .say(" is ")
            .say(parts.state().word()),
    );
    Ok(Prepared {
        parts,
        steps,
        definition,
        smoke,
    })
}

async fn start_and_watch(run: &mut Run<'_>, prepared: &Prepared) -> Result<Ended, Error> {
    let Prepared {
        parts,
        steps,
        definition,
        ..
    } = prepared;
    let cancel = run.env.cancel.clone();
    run.told.say_where_we_are(Phase::Update);
    run.report.started(Phase::Update);
    let mut rested = Rested::default();
    let done = carry_out(run, parts, steps, &mut rested).await;
    run.told.outputs.changed = rested.changed;
    if !done? {
        return Ok(verdict::cancelled(UNANSWERED));
    }
    let before = parts.active_service().cloned().unwrap_or_default();
    let service = rested.service.as_ref().unwrap_or(&before);
    let target = target(parts, service, definition);
    run.report
        .finished(Phase::Update, verdict::updated(&target));
    if run.args.limits.wait_until == WaitUntil::None {
        return Ok(verdict::started(&target));
    }
    let cluster = &run.args.base.cluster;
    if rested.service.is_none() {
        let there = glance::glance(&run.aws, cluster, service, &target).await?;
        if there.is_ok() {
            return Ok(verdict::unchanged(&target, service));
        }
    }
    run.told.say_where_we_are(Phase::Rollout);
    run.report.started(Phase::Rollout);
    let report = run.report.clone();
    let mut say = |news: &_| {
        if let Some(event) = crate::report::rollout::event(news) {
            report.say(event);
        }
    };
    let limits = limits(&run.args.limits);
    let wait_for = limits.wait_for;
    let watched = watch::watch(
        &run.aws,
        cluster,
        &service.name,
        target,
        limits,
        &mut say,
        cancel.token(),
    )
    .await;
    let mut ended = match watched {
        Ok(ended) => ended,
        Err(error) => {
            // It was asked for; how it ends, nobody here knows.
            run.told.about.state = State::Ended {
                status: Status::Unknown,
                cause: None,
                failure: None,
            };
            return Err(error.into());
        }
    };
    run.report
        .finished(Phase::Rollout, Text::new().say(ended.status.word()));
    container_logs::read(&run.aws, &mut ended, wait_for, cancel.token()).await;
    smoked(run, prepared, ended).await
}

async fn smoked(run: &mut Run<'_>, prepared: &Prepared, ended: Ended) -> Result<Ended, Error> {
    let Some(smoke) = &prepared.smoke else {
        return Ok(ended);
    };
    let went_well = ended.status.is_success();
    let cancel = run.env.cancel.token();
    let judged = smoke.judge(&run.env.wire, ended, &run.report, cancel).await;
    if went_well && judged.status == Status::Failed {
        run.told.outputs.failure_code = Some(smoke::CODE.to_owned());
    }
    Ok(judged)
}

/// ECS starts no deployment for a count: the tasks of the one that is there are counted.
fn target(parts: &Parts, service: &Service, definition: &TaskDefinition) -> RolloutTarget {
    let groups = parts.target_group.as_slice();
    let before = parts.service.iter().flat_map(|s| &s.events);
    RolloutTarget::Count {
        ours: ours(service, &service.task_definition, definition, groups),
        desired: service.desired_count,
        events_after: before.filter_map(|e| e.created_at).max(),
    }
}

async fn tell(mut run: Run<'_>, of: &PreviewOf, ended: Ended) -> u8 {
    let state = match ended.status {
        Status::Started | Status::Cancelled => PreviewState::Deploying,
        status if status.is_success() => PreviewState::Ready,
        _ => PreviewState::Incomplete,
    };
    run.told.outputs.url.clone_from(&run.told.about.url);
    let exit_code = Noting {
        report: &run.report,
        cancel: &run.env.cancel,
        outputs: &mut run.told.outputs,
        about: &mut run.told.about,
        cluster: &run.args.base.cluster,
        service: &of.name(),
    }
    .verdict(ended);
    end(&mut run, state);
    run.told.finish(exit_code).await
}
