//! What is known of a preview as the story goes on, noted for everybody who is told; and the tags that say which commit
//! answers, where the next one did not come up.

use super::Up;
use crate::aws::AwsError;
use crate::model::names::family_and_revision;
use crate::model::preview::COMMIT;
use crate::model::service::Service;
use crate::model::verdict::Status;
use crate::plan::preview::routing::Routing;
use crate::plan::preview::up::{Change, Found, Plan};
use crate::plan::service::WantedImage;
use crate::report::markdown::{Commit, Counted};
use crate::report::{Phase, Text, preview_plan};
use crate::rollout::Ended;
use crate::steps::apply_preview::{self, Applied};

/// For when the one before keeps serving: the tags say what answers.
pub(super) struct CommitBefore {
    arns: Vec<String>,
    service_arn: String,
    tag: (String, String),
}

/// Where the plan tags another commit.
pub(super) fn commit_before(found: &Found, plan: &Plan) -> Option<CommitBefore> {
    let service = found.there.service.as_ref()?;
    let tag = service.tags.iter().find(|(key, _)| key == COMMIT)?.clone();
    let (arns, tags) = plan.changes.iter().find_map(|c| match &c.change {
        Change::Tag { arns, tags, .. } => Some((arns, tags)),
        _ => None,
    })?;
    (!tags.contains(&tag)).then(|| CommitBefore {
        arns: arns.clone(),
        service_arn: service.arn.clone(),
        tag,
    })
}

impl Up<'_> {
    /// The one before keeps serving: the tags name its commit again. What cannot be tagged says the other one until the next
    /// push.
    pub(super) async fn tag_back(&mut self, ended: &Ended, after: &Service) {
        let serves = ended.serves_now.task_definition();
        let back = matches!(ended.status, Status::RolledBack | Status::Failed)
            && serves.is_some_and(|serves| serves != after.task_definition);
        let Some(before) = self.commit_before.take().filter(|_| back) else {
            return;
        };
        let CommitBefore {
            arns,
            service_arn,
            tag,
        } = before;
        let tags = vec![tag];
        let service_arn = Some(service_arn.as_str());
        let tagged = apply_preview::tag(&self.run.aws, &arns, service_arn, &tags).await;
        if let Err(error) = tagged {
            self.warn_of_tags(&error);
        }
    }

    fn warn_of_tags(&self, error: &AwsError) {
        self.run.report.warn(
            "shipway::permission::not_tagged",
            Text::new()
                .say("commit and expiry of the preview were not brought up to date: ")
                .quote(&error.message),
            "allow ecs:TagResource and elasticloadbalancing:AddTags on what is tagged `shipway:preview`: `prune` goes by its expiry",
        );
    }

    pub(super) fn note_found(&mut self, found: &Found, url: String) {
        let told = &mut self.run.told;
        told.outputs.url = Some(url.clone());
        told.about.url = Some(url);
        told.about.counted = Counted::Targets;
        if let Some(Routing::Header { name, value }) = &self.routing {
            told.about.notes.push(
                Text::new()
                    .say("A request leads to the preview with the header ")
                    .code(format!("{name}: {value}")),
            );
        }
        let runs = found
            .there
            .service
            .as_ref()
            .filter(|s| s.status == "ACTIVE");
        let runs = runs.map(|s| s.task_definition.clone());
        told.about.previous_revision = runs.as_deref().map(|r| family_and_revision(r).to_owned());
        told.outputs.task_definition_arn = runs;
    }

    pub(super) fn note_image(&mut self, image: &WantedImage) {
        let told = &mut self.run.told;
        match image {
            WantedImage::Pushed(image) => {
                told.about.image = Some(image.reference());
                told.outputs.image = Some(image.reference());
                told.outputs.image_tag.clone_from(&image.tag);
                told.outputs.image_digest.clone_from(&image.digest);
                told.outputs.image_repository = Some(image.repository.clone());
            }
            WantedImage::NotPushedYet {
                repository, tag, ..
            } => {
                told.outputs.image_tag = Some(tag.clone());
                told.outputs.image_repository = Some(repository.clone());
            }
        }
    }

    pub(super) fn note_commit(&mut self, sha: Option<String>, note: Option<Text>) {
        let url = |sha: &str| self.run.trigger.as_ref().map(|t| t.commit_url(sha));
        let commit = sha.map(|sha| Commit {
            url: url(&sha),
            sha,
        });
        self.run.told.about.commit = commit;
        self.run.told.about.commit_note = note;
    }

    pub(super) fn note_plan(&mut self, plan: &Plan) {
        let report = self.run.report.clone();
        report.started(Phase::Plan);
        let mut lines = preview_plan::image_lines(plan);
        lines.extend(preview_plan::lines(plan));
        // A dry run is asked for the plan alone.
        match self.run.args.preview.dry_run {
            true => report.answer(&lines),
            false => lines.into_iter().for_each(|line| report.line(line)),
        }
        report.finished(Phase::Plan, Text::new());
        for warning in &plan.warnings {
            report.warn(warning.code, warning.text.as_str(), warning.help);
        }
        self.run.told.about.plan = preview_plan::planned(plan);
        if let Some(preview) = &mut self.run.told.about.preview {
            preview.expires = plan.expires;
        }
    }

    pub(super) fn note_applied(&mut self, plan: &Plan, applied: &Applied) {
        self.changed = applied.changed;
        let told = &mut self.run.told;
        told.outputs.changed = applied.changed;
        if let Some(revision) = &applied.task_definition
            && (applied.service.is_some() || !plan.touches_service())
        {
            told.outputs.task_definition_arn = Some(revision.clone());
            told.about.revision = Some(family_and_revision(revision).to_owned());
        }
        if let Some(error) = &applied.not_tagged {
            self.warn_of_tags(error);
        }
    }
}
