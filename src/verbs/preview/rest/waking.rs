//! Waking: the rule forwards, a task starts, and the load balancer finds it healthy. Until then the address answers 503: a
//! target group is only health-checked while a rule forwards to it.

use jiff::SignedDuration;

use super::{carry_out, cut_short, end, look, note, would};
use crate::error::Error;
use crate::inputs::env::Signal;
use crate::inputs::values::WaitUntil;
use crate::model::names::family_and_revision;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::service::Service;
use crate::model::task_definition::TaskDefinition;
use crate::model::verdict::Status;
use crate::plan::preview::parts::Parts;
use crate::plan::preview::rest::{RestStep, wake as plan};
use crate::report::markdown::{Failure, State};
use crate::report::{Phase, Text};
use crate::rollout::{Balanced, Ended, Ours, RolloutTarget};
use crate::steps::rest_preview::Rested;
use crate::steps::smoke::{self, Smoke};
use crate::steps::wanted::limits;
use crate::steps::{glance, watch};
use crate::verbs::preview::Run;

/// Everything before the first change.
struct Prepared {
    parts: Parts,
    steps: Vec<RestStep>,
    definition: TaskDefinition,
    smoke: Option<Smoke>,
}

/// How far it got.
enum Woken {
    Ended(Box<Ended>),
    /// It serves already.
    Unchanged,
    /// As asked, nobody waits.
    Started,
    /// By a signal, before or in the middle of a change.
    Cancelled,
    CutShort,
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
        Ok(Woken::CutShort) => cut_short(run).await,
        Ok(Woken::Cancelled) => run.told.cancelled().await,
        Ok(Woken::Unchanged) => finished(run, PreviewState::Ready, Status::Unchanged).await,
        Ok(Woken::Started) => finished(run, PreviewState::Deploying, Status::Started).await,
        Ok(Woken::Ended(ended)) => tell(run, *ended).await,
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

async fn start_and_watch(run: &mut Run<'_>, prepared: &Prepared) -> Result<Woken, Error> {
    let Prepared { parts, steps, .. } = prepared;
    let cancel = run.env.cancel.clone();
    if cancel.is_cancelled() {
        return Ok(Woken::Cancelled);
    }
    run.told.say_where_we_are(Phase::Update);
    run.report.started(Phase::Update);
    let mut rested = Rested::default();
    let done = carry_out(run, parts, steps, &mut rested).await;
    run.told.outputs.changed = rested.changed;
    if !done? {
        return Ok(Woken::CutShort);
    }
    run.report.finished(Phase::Update, Text::new());
    let Some(service) = rested.service.as_ref().or(parts.active_service()) else {
        return Ok(Woken::Unchanged);
    };
    let target = target(parts, service, &prepared.definition);
    if run.args.limits.wait_until == WaitUntil::None {
        return Ok(Woken::Started);
    }
    let cluster = &run.args.base.cluster;
    if rested.service.is_none() {
        let there = glance::glance(&run.aws, cluster, service, &target).await?;
        if there.is_ok() {
            return Ok(Woken::Unchanged);
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
    let ended = watch::watch(
        &run.aws,
        cluster,
        &service.name,
        target,
        limits(&run.args.limits),
        &mut say,
        cancel.token(),
    )
    .await?;
    run.report
        .finished(Phase::Rollout, Text::new().say(ended.status.word()));
    let Some(smoke) = &prepared.smoke else {
        return Ok(Woken::Ended(Box::new(ended)));
    };
    let went_well = ended.status.is_success();
    let judged = smoke
        .judge(&run.env.wire, ended, &run.report, cancel.token())
        .await;
    if went_well && judged.status == Status::Failed {
        run.told.outputs.failure_code = Some(smoke::CODE.to_owned());
    }
    Ok(Woken::Ended(Box::new(judged)))
}

/// ECS starts no deployment for a count: the tasks of the one that is there are counted.
fn target(parts: &Parts, service: &Service, definition: &TaskDefinition) -> RolloutTarget {
    let primary = service.primary().cloned().unwrap_or_default();
    let balanced = service.load_balancers.iter().filter_map(|entry| {
        let group = parts.target_group.as_ref()?;
        (entry.target_group_arn.as_ref() == Some(&group.arn)).then(|| Balanced {
            group: group.clone(),
            container_name: entry.container_name.clone().unwrap_or_default(),
            container_port: entry.container_port.unwrap_or_default(),
        })
    });
    let before = parts.service.iter().flat_map(|s| &s.events);
    RolloutTarget::Count {
        ours: Ours {
            deployment_id: primary.id,
            task_definition: service.task_definition.clone(),
            created_at: primary.created_at,
            health_checked: definition
                .essential_containers()
                .into_iter()
                .filter(|c| definition.has_health_check(c))
                .map(str::to_owned)
                .collect(),
            target_groups: balanced.collect(),
        },
        desired: service.desired_count,
        events_after: before.filter_map(|e| e.created_at).max(),
    }
}

async fn finished(mut run: Run<'_>, state: PreviewState, status: Status) -> u8 {
    end(&mut run, state);
    run.told.outputs.url.clone_from(&run.told.about.url);
    run.told.outputs.deployment_status = status.word().to_owned();
    run.told.about.state = State::Ended {
        status,
        cause: None,
        failure: None,
    };
    run.told.finish(0).await
}

async fn tell(mut run: Run<'_>, ended: Ended) -> u8 {
    let told = &mut run.told;
    told.about.targets.clone_from(&ended.targets);
    told.about.advice.clone_from(&ended.advice);
    told.about.timings = Some(ended.timings.clone());
    told.about.healthy = Some((ended.healthy.healthy, ended.healthy.of));
    told.outputs
        .service_deployment_arn
        .clone_from(&ended.service_deployment_arn);
    if ended.status.is_success() {
        return finished(run, PreviewState::Ready, ended.status).await;
    }
    told.outputs.deployment_status = ended.status.word().to_owned();
    let exit_code = match ended.status {
        Status::Cancelled => run
            .env
            .cancel
            .signal()
            .unwrap_or(Signal::Interrupt)
            .exit_code(),
        _ => ended.exit_code,
    };
    if ended.status != Status::Cancelled && exit_code != 0 {
        let code = format!("shipway::deploy::{}", ended.status.word().replace('-', "_"));
        told.outputs.failure_code.get_or_insert(code);
    }
    let mut sentences = ended.reasons.iter().map(crate::report::rollout::sentence);
    let cause = sentences.next();
    let failure = Failure {
        code: told.outputs.failure_code.clone(),
        evidence: sentences.collect(),
        fix: fix(&run, &ended),
        quoted: None,
    };
    for line in failure.evidence.iter().chain(&failure.fix) {
        run.report.line(line.clone());
    }
    run.told.about.state = State::Ended {
        status: ended.status,
        cause,
        failure: Some(failure),
    };
    let state = match ended.status {
        Status::Cancelled => PreviewState::Deploying,
        _ => PreviewState::Incomplete,
    };
    end(&mut run, state);
    run.told.finish(exit_code).await
}

/// What a person can do next.
fn fix(run: &Run<'_>, ended: &Ended) -> Option<Text> {
    match ended.status {
        Status::TimedOut => Some(
            Text::new()
                .say(
                    "it goes on starting: wake it again to wait for it, or give it more time with ",
                )
                .code("wait-for-minutes"),
        ),
        Status::Failed if run.told.outputs.failure_code.as_deref() == Some(smoke::CODE) => {
            Some(smoke::advice())
        }
        Status::Failed | Status::RolledBack | Status::Unknown => {
            Some("the reasons above are ECS's own words; a push deploys the preview anew".into())
        }
        _ => None,
    }
}
