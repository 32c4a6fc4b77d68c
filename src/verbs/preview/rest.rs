//! `shipway preview sleep` and `wake`: the tasks of a preview are stopped, and started again. Everything else of it stays.

mod waking;

use super::Run;
use crate::error::Error;
use crate::inputs::env::Signal;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::verdict::Status;
use crate::plan::preview::parts::Parts;
use crate::plan::preview::rest::{self as plan, RestStep};
use crate::report::Text;
use crate::report::markdown::State;
use crate::steps::gather::previews::{self, Sought};
use crate::steps::pace::Buckets;
use crate::steps::rest_preview::{Rested, rest};
use crate::verbs::verdict;

pub(super) use waking::wake;

const UNANSWERED: &str = "AWS was asked for a change and has not answered. Run it again.";

pub(super) async fn sleep(mut run: Run<'_>, of: PreviewOf) -> u8 {
    let cancel = run.env.cancel.clone();
    let parts = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        parts = look(&run, &of) => Some(parts),
    };
    let parts = match parts {
        None => return run.told.cancelled().await,
        Some(Err(error)) => return run.told.fail(error).await,
        Some(Ok(parts)) => parts,
    };
    note(&mut run, &parts);
    let steps = plan::sleep(&parts);
    if run.args.preview.dry_run {
        let text = would(&parts, &steps, "put to sleep");
        return run.told.nothing(text);
    }
    let mut rested = Rested::default();
    let done = carry_out(&run, &parts, &steps, &mut rested).await;
    run.told.outputs.changed = rested.changed;
    match done {
        Ok(true) => {}
        Ok(false) => return cut_short(run).await,
        Err(error) => return run.told.fail(error).await,
    }
    let state = match parts.lacks() {
        None => PreviewState::Asleep,
        Some(_) => parts.state(),
    };
    if steps.is_empty() {
        run.report.line("nothing to change: it does not run");
    }
    end(&mut run, state);
    if let Some(preview) = &mut run.told.about.preview {
        preview.since = rested.changed.then(|| run.env.clock.timestamp());
    }
    run.told.about.state = State::Ended {
        status: Status::NotStarted,
        cause: None,
        failure: None,
    };
    run.told.finish(0).await
}

async fn look(run: &Run<'_>, of: &PreviewOf) -> Result<Parts, Error> {
    let sought = Sought {
        // Its image's tag is nobody's business here.
        ecr_repository: None,
        ..Sought::of(run.args, Some(&of.repository))
    };
    Ok(previews::one(&run.aws, &sought, of).await?.0)
}

/// What is known of it before anything is changed.
fn note(run: &mut Run<'_>, parts: &Parts) {
    let told = &mut run.told;
    told.outputs.preview_state = Some(parts.state());
    told.about.url = run.args.announce.url.clone().or(parts.url.clone());
    if let Some(preview) = &mut told.about.preview {
        preview.state = parts.state();
        preview.expires = parts.expires;
    }
    told.about.commit = parts
        .commit
        .as_ref()
        .map(|sha| crate::report::markdown::Commit {
            sha: sha.clone(),
            url: run.trigger.as_ref().map(|t| t.commit_url(sha)),
        });
    if let Some(service) = parts.active_service() {
        told.outputs.task_definition_arn = Some(service.task_definition.clone());
    }
}

/// How it stands now.
fn end(run: &mut Run<'_>, state: PreviewState) {
    run.told.outputs.preview_state = Some(state);
    if let Some(preview) = &mut run.told.about.preview {
        preview.state = state;
    }
}

fn would(parts: &Parts, steps: &[RestStep], done: &str) -> Text {
    let changes = steps.iter().any(|s| !matches!(s, RestStep::Expires { .. }));
    let text = Text::new().say("dry run: preview ").code(parts.of.name());
    match changes {
        true => text.say(format!(" would be {done}")),
        false => text
            .say(format!(" need not be {done}: it is "))
            .say(parts.state().word()),
    }
}

/// False: a signal came, and AWS did not answer in time.
async fn carry_out(
    run: &Run<'_>,
    parts: &Parts,
    steps: &[RestStep],
    rested: &mut Rested,
) -> Result<bool, Error> {
    let mut buckets = Buckets::default();
    let cluster = &run.args.base.cluster;
    tokio::select! {
        biased;
        done = rest(&run.aws, cluster, parts, steps, &mut buckets, &run.report, rested) => done.map(|()| true),
        () = run.env.cancel.lapsed(verdict::ANSWER_OF_A_CHANGE) => Ok(false),
    }
}

async fn cut_short(mut run: Run<'_>) -> u8 {
    let signal = run.env.cancel.signal().unwrap_or(Signal::Interrupt);
    run.told.outputs.deployment_status = Status::Cancelled.word().to_owned();
    run.told.about.state = State::Ended {
        status: Status::Cancelled,
        cause: Some(UNANSWERED.into()),
        failure: None,
    };
    run.told.finish(signal.exit_code()).await
}
