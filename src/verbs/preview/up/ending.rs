//! How `preview up` ends, told to everyone: how the preview stands now, and what is left where it failed.

use super::{Told, Up};
use crate::error::Error;
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::up::{Found, Plan};
use crate::report::Text;
use crate::report::markdown::State;
use crate::rollout::Ended;
use crate::verbs::verdict::{self, Noting};

pub(super) fn cancelled_before_any_change() -> Ended {
    verdict::cancelled("Nothing of the preview was changed.")
}

/// AWS was asked for a change and has not answered.
pub(super) fn cancelled_in_between() -> Ended {
    verdict::cancelled(
        "AWS was asked to change the preview and has not answered: what came of it, the next run finds.",
    )
}

pub(super) fn where_it_goes(found: &Found) -> Text {
    let there = match found.there.service.is_some() {
        true => " is there",
        false => " is new",
    };
    Text::new()
        .say("preview ")
        .code(found.of.name())
        .say(there)
        .say(", on load balancer ")
        .code(found.place.load_balancer.name.as_str())
        .say(format!(
            " port {}",
            found.place.listener.port.unwrap_or_default()
        ))
}

/// Of a dry run.
pub(super) fn would(plan: &Plan) -> Text {
    let text = Text::new()
        .say("dry run: preview ")
        .code(plan.preview.as_str());
    match plan.changes.len() {
        0 => text.say(" would stay as it is"),
        1 => text.say(" would have 1 change"),
        n => text.say(format!(" would have {n} changes")),
    }
}

pub(super) fn state_before(found: &Found) -> PreviewState {
    let there = &found.there;
    let active = there.service.as_ref().filter(|s| s.status == "ACTIVE");
    match (active, &there.group, &there.rule) {
        (Some(_), Some(_), Some((rule, _))) if rule.fixed_response.is_some() => {
            PreviewState::Asleep
        }
        (Some(service), Some(_), Some(_)) if service.running_count > 0 => PreviewState::Ready,
        (None, None, None) => PreviewState::Absent,
        _ => PreviewState::Incomplete,
    }
}

impl Up<'_> {
    pub(super) async fn finish(mut self, told: Result<Told, Error>) -> u8 {
        match told {
            Ok(Told::DryRun(text)) => {
                self.note_state(self.before);
                self.run.told.nothing(text)
            }
            Ok(Told::Ended(ended)) => {
                let state = self.state_after(&ended);
                let failed = !ended.status.is_success();
                self.note_state(state);
                let code = self.noted(|noting| noting.verdict(*ended));
                if failed {
                    self.say_what_is_left(state);
                }
                self.run.told.finish(code).await
            }
            Err(error) => {
                let state = match (&self.deployment_id, self.changed) {
                    (Some(_), _) => Some(PreviewState::Deploying),
                    // What ran before runs on: the service is the last that is touched.
                    (None, true) if self.before != Some(PreviewState::Ready) => {
                        Some(PreviewState::Incomplete)
                    }
                    (None, _) => self.before,
                };
                self.note_state(state);
                let deployment = self.deployment_id.take();
                let halfway = deployment.is_none() && self.changed;
                let code = self.noted(|noting| noting.error(&error, deployment.as_deref()));
                if halfway {
                    self.failed_halfway();
                }
                self.say_what_is_left(state);
                self.run.told.finish_said(code).await
            }
        }
    }

    /// Something was changed, though the service was not.
    fn failed_halfway(&mut self) {
        let told = &mut self.run.told;
        told.outputs.deployment_status = Status::Failed.word().to_owned();
        if let State::Ended { status, .. } = &mut told.about.state {
            *status = Status::Failed;
        }
    }

    fn state_after(&self, ended: &Ended) -> Option<PreviewState> {
        match ended.status {
            Status::Serving | Status::Deployed | Status::Unchanged => Some(PreviewState::Ready),
            Status::Cancelled if !self.changed => self.before,
            Status::Started
            | Status::Paused
            | Status::Superseded
            | Status::Cancelled
            | Status::TimedOut
            | Status::Unknown => Some(PreviewState::Deploying),
            // The one before answers, with its commit.
            Status::RolledBack | Status::Failed if ended.serves_now.task_definition().is_some() => {
                Some(PreviewState::Ready)
            }
            Status::RolledBack | Status::Failed => Some(PreviewState::Incomplete),
            Status::NotStarted => self.before,
        }
    }

    fn note_state(&mut self, state: Option<PreviewState>) {
        self.run.told.outputs.preview_state = state;
        if let (Some(preview), Some(state)) = (&mut self.run.told.about.preview, state) {
            preview.state = state;
        }
    }

    /// What a failed up made stays: the next one goes on with it.
    fn say_what_is_left(&mut self, state: Option<PreviewState>) {
        if state != Some(PreviewState::Incomplete) {
            return;
        }
        let text = Text::new()
            .say("What there is of the preview stays: a push completes it, ")
            .code("shipway preview down")
            .say(" or closing the pull request removes it");
        self.run.report.line(text.clone());
        self.run.told.about.notes.push(text);
    }

    fn noted(&mut self, note: impl FnOnce(&mut Noting<'_>) -> u8) -> u8 {
        let run = &mut self.run;
        note(&mut Noting {
            report: &run.report,
            cancel: &run.env.cancel,
            outputs: &mut run.told.outputs,
            about: &mut run.told.about,
            cluster: &run.args.base.cluster,
            service: &self.of.name(),
        })
    }
}
