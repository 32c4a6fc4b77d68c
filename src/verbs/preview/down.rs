//! `shipway preview down`: everything of one preview, in the order in which it can go. What could not be removed is told, and
//! the next `down` or `prune` tries again.

use super::Run;
use crate::aws::AwsError;
use crate::error::Error;
use crate::inputs::env::Signal;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::verdict::Status;
use crate::plan::preview::parts::{NotOurs, Parts};
use crate::plan::preview::removal::{self, RemovalPlan};
use crate::report::markdown::State;
use crate::report::{Report, Text};
use crate::steps::gather::previews::{self, Sought};
use crate::steps::pace::Buckets;
use crate::steps::remove_preview::{self, Removed, remove};

pub(super) const LEFT: &str = "shipway::deploy::preview_left";

/// What is there, and what of it goes.
struct Planned {
    parts: Parts,
    plan: RemovalPlan,
    /// The image's tag could not be looked for.
    no_image_tags: Option<AwsError>,
}

pub(super) async fn down(mut run: Run<'_>, of: PreviewOf) -> u8 {
    let cancel = run.env.cancel.clone();
    let planned = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        planned = look(&run, &of) => Some(planned),
    };
    let planned = match planned {
        None => return run.told.cancelled().await,
        Some(Err(error)) => return run.told.fail(error).await,
        Some(Ok(planned)) => planned,
    };
    run.told.outputs.preview_state = Some(planned.parts.state());
    if run.args.preview.dry_run {
        return run.told.nothing(would(&of, &planned.plan));
    }
    let removed = remove(
        &run.aws,
        &run.args.base.cluster,
        &planned.plan,
        &mut Buckets::default(),
        &run.report,
        cancel.token(),
    )
    .await;
    tell(run, planned, removed).await
}

async fn look(run: &Run<'_>, of: &PreviewOf) -> Result<Planned, Error> {
    let sought = Sought::of(run.args, Some(&of.repository));
    let (mut parts, found) = previews::one(&run.aws, &sought, of).await?;
    for foreign in &found.sorted.not_ours {
        warn_not_ours(&run.report, foreign);
    }
    let plan = planned(run, &mut parts).await?;
    say_what_is_there(&run.report, of, &plan);
    Ok(Planned {
        parts,
        plan,
        no_image_tags: found.no_image_tags,
    })
}

/// The plan of a removal, its revisions read.
pub(super) async fn planned(run: &Run<'_>, parts: &mut Parts) -> Result<RemovalPlan, Error> {
    if parts.family {
        let (ours, others) = previews::revisions(&run.aws, &parts.of).await?;
        parts.revisions = ours;
        if others > 0 {
            let name = parts.of.name();
            run.report.warn(
                NOT_OURS,
                Text::new()
                    .say(format!("{others} ACTIVE of family "))
                    .code(name)
                    .say(" have no tags of this preview: left alone"),
                NOT_OURS_HELP,
            );
        }
    }
    Ok(removal::plan(parts))
}

const NOT_OURS: &str = "shipway::preflight::not_ours";
const NOT_OURS_HELP: &str = "what is to be removed has to have the preview's name and its tags; delete this by hand if it is nobody's";

fn warn_not_ours(report: &Report, foreign: &NotOurs) {
    report.warn(
        NOT_OURS,
        Text::new()
            .say(format!("{} ", foreign.what))
            .code(foreign.name.as_str())
            .say(" has no tags of this preview: left alone"),
        NOT_OURS_HELP,
    );
}

pub(super) fn say_what_is_there(report: &Report, of: &PreviewOf, plan: &RemovalPlan) {
    let mut text = Text::new().say("preview ").code(of.name()).say(":");
    let revisions = plan.revisions();
    let mut before = " ";
    for removal in &plan.removals {
        if !matches!(removal, removal::Removal::Revision { .. }) {
            text = text.say(before).join(remove_preview::name(removal));
            before = ", ";
        }
    }
    if revisions > 0 {
        let counted = remove_preview::counted(revisions, "revision");
        text = text.say(format!("{before}{counted}"));
        before = ", ";
    }
    if before == ", " {
        report.line(text);
    }
    if let Some(tag) = &plan.kept_tag {
        report.line(
            Text::new()
                .say("image tag ")
                .code(tag.as_str())
                .say(" stays: it is the image's only one, and ECR would delete the image with it"),
        );
    }
}

fn would(of: &PreviewOf, plan: &RemovalPlan) -> Text {
    match plan.removals.len() {
        0 => nothing(of),
        n => Text::new()
            .say(format!(
                "dry run: {} would be deleted of preview ",
                remove_preview::counted(n, "resource")
            ))
            .code(of.name()),
    }
}

fn nothing(of: &PreviewOf) -> Text {
    Text::new().say(format!(
        "nothing to remove: there is no preview of pull request {}",
        of.pull_request
    ))
}

async fn tell(mut run: Run<'_>, planned: Planned, removed: Removed) -> u8 {
    let total = u32::try_from(planned.plan.removals.len()).unwrap_or(u32::MAX);
    let mut left: Vec<Text> = removed.left.iter().map(remove_preview::sentence).collect();
    if let Some(error) = &planned.no_image_tags {
        let sentence = Text::new()
            .say("its image tag was not looked for: ")
            .quote(&error.to_string().into());
        run.report.line(sentence.clone());
        left.push(sentence);
    }
    let told = &mut run.told;
    told.outputs.changed = removed.gone > 0;
    let (state, status) = match (left.is_empty(), total) {
        (false, _) => (PreviewState::Incomplete, Status::Failed),
        (true, 0) => (PreviewState::Absent, Status::NotStarted),
        (true, _) => (PreviewState::Removed, Status::NotStarted),
    };
    if total == 0 && left.is_empty() {
        run.report.line(nothing(&planned.parts.of));
    }
    told.outputs.preview_state = Some(state);
    if let Some(preview) = &mut told.about.preview {
        preview.state = state;
        preview.removed = (total > 0).then_some((removed.gone, total));
        preview.left = left;
    }
    told.about.state = State::Ended {
        status,
        cause: None,
        failure: None,
    };
    let mut exit_code = 0;
    if removed.cancelled {
        let signal = run.env.cancel.signal().unwrap_or(Signal::Interrupt);
        exit_code = signal.exit_code();
        told.outputs.preview_state = Some(PreviewState::Incomplete);
        told.about.state = State::Ended {
            status: Status::Cancelled,
            cause: Some(
                format!(
                    "{} of {total} resources were deleted. Run it again for the rest",
                    removed.gone
                )
                .into(),
            ),
            failure: None,
        };
    } else if status == Status::Failed {
        exit_code = 1;
        told.outputs.failure_code = Some(LEFT.to_owned());
    }
    run.told.finish(exit_code).await
}
