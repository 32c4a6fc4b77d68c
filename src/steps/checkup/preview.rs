//! Whether a role of previews keeps away from what they are made after: whoever opens a pull request decides what this role
//! does. Reads only; writes are asked of IAM's simulation.

use super::permissions::Question;
use super::{Doctor, not_set};
use crate::error::Error;
use crate::model::names::family_and_revision;
use crate::model::task_definition::TaskDefinition;
use crate::plan::checkup::{Id, Outcome, Word};
use crate::plan::preview::repository;
use crate::steps::gather;

impl Doctor<'_> {
    pub(super) async fn base(&mut self) -> Result<Outcome, Error> {
        let (Some(cluster), Some(name)) = (self.sought.cluster, self.sought.base_service) else {
            return Ok(not_set("cluster"));
        };
        let aws = self.aws()?;
        let service = gather::service::describe_service(aws, cluster, name).await?;
        let definition = aws
            .ecs
            .describe_task_definition(&service.task_definition)
            .await?;
        let uris = pulled_from(&definition);
        let pulls: Vec<String> = uris.iter().map(|uri| format!("`{uri}`")).collect();
        let outcome = Outcome::ok(format!(
            "`{}` is on `{}`, which pulls from {}",
            service.name,
            family_and_revision(&service.task_definition),
            pulls.join(", ")
        ));
        self.base = Some((service, definition));
        Ok(outcome)
    }

    pub(super) fn own_repository(&self) -> Outcome {
        let Some(repository) = &self.repository else {
            return not_set("ecr-repository");
        };
        match self.of_base().contains(&repository.uri) {
            false => Outcome::ok(format!(
                "the base service does not pull from `{}`",
                repository.name
            )),
            true => refused(
                format!(
                    "the base service pulls from `{}`: a pull request could choose what it runs",
                    repository.uri
                ),
                "give previews a repository of their own, and set `ecr-repository` to it",
            ),
        }
    }

    pub(super) async fn no_push_to_production(&mut self) -> Outcome {
        let Some(own) = self.own_arn() else {
            return Outcome::skip("the role's account is not known");
        };
        let (mut asked, mut open) = (0, Vec::new());
        for uri in self.of_base() {
            let Some(arn) = repository::arn(&uri, &own, self.sought.region) else {
                continue;
            };
            asked += 1;
            match self.may(Id::PreviewPush, &arn).await {
                Ok(true) => open.push(format!("`{uri}`")),
                Ok(false) => {}
                Err(unknown) => return unknown,
            }
        }
        if asked == 0 {
            return Outcome::skip(
                "the base service pulls from no repository of Amazon ECR in this Region",
            );
        }
        match open.is_empty() {
            true => Outcome {
                by_simulation: true,
                ..Outcome::ok("denied, by IAM's simulation")
            },
            false => Outcome {
                by_simulation: true,
                ..refused(
                    format!(
                        "this role may push to {}: a pull request could choose what the base service runs",
                        open.join(", ")
                    ),
                    "allow `ecr:PutImage` and the other actions of a push on the previews' repository alone",
                )
            },
        }
    }

    pub(super) async fn no_change_of_the_base(&mut self) -> Outcome {
        let Some((service, _)) = &self.base else {
            return not_set("base-service");
        };
        let arn = service.arn.clone();
        match self.may(Id::PreviewChange, &arn).await {
            Err(unknown) => unknown,
            Ok(false) => Outcome {
                by_simulation: true,
                ..Outcome::ok("denied, by IAM's simulation")
            },
            Ok(true) => Outcome {
                by_simulation: true,
                code: Some("shipway::preflight::base_service_open".to_owned()),
                ..Outcome::ng(
                    "this role may update or delete the base service",
                    "allow changes on condition of `aws:ResourceTag/shipway:preview` alone, as the policy in docs/preview.md does",
                )
            },
        }
    }

    fn of_base(&self) -> Vec<String> {
        let definition = self.base.as_ref().map(|(_, definition)| definition);
        definition.map(pulled_from).unwrap_or_default()
    }

    /// Whether any of the check's actions is allowed; what cannot be told is an outcome of its own.
    async fn may(&mut self, id: Id, resource: &str) -> Result<bool, Outcome> {
        let mut any = false;
        for action in super::permissions::asks(id) {
            let question = Question {
                actions: std::slice::from_ref(action),
                resource,
                // It is no preview's: a policy that asks for the tag shall say no, not that it cannot tell.
                context: &[("aws:ResourceTag/shipway:preview", "none")],
            };
            let outcome = self.simulate(&question).await;
            match outcome.word {
                Word::Ok => any = true,
                Word::Ng => {}
                Word::Skip => return Err(outcome),
            }
        }
        Ok(any)
    }
}

/// The repositories of all its containers, each once.
fn pulled_from(definition: &TaskDefinition) -> Vec<String> {
    let names = definition.container_names();
    let uris = names
        .iter()
        .filter_map(|name| repository::of_base(definition, name));
    let mut uris: Vec<String> = uris.collect();
    uris.sort();
    uris.dedup();
    uris
}

fn refused(said: String, help: &str) -> Outcome {
    Outcome {
        code: Some("shipway::preflight::shared_repository".to_owned()),
        ..Outcome::ng(said, help)
    }
}
