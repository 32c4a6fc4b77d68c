//! The repository: is it there, whose hands reach its tags, and may the engine log in. Reads only.

use super::{Doctor, failed, not_set};
use crate::error::Error;
use crate::plan::checkup::Outcome;
use crate::plan::checkup::pushers::pushers;
use crate::plan::preflight::PreflightError;
use crate::steps::gather;

impl Doctor<'_> {
    pub(super) async fn repository(&mut self) -> Result<Outcome, Error> {
        let Some(named) = self.sought.ecr_repository else {
            return Ok(not_set("ecr-repository"));
        };
        let found = gather::image::repository(self.aws()?, named).await?;
        Ok(match found {
            Some(repository) => {
                let outcome = Outcome::ok(format!("`{}`", repository.uri));
                self.repository = Some(repository);
                outcome
            }
            None => failed(
                &PreflightError::NoRepository {
                    repository: named.to_owned(),
                }
                .into(),
            ),
        })
    }

    pub(super) fn tag_mutability(&self) -> Outcome {
        let mutability = self
            .repository
            .as_ref()
            .map(|r| r.image_tag_mutability.clone())
            .unwrap_or_default();
        let outcome = Outcome::ok(format!("`{mutability}`"));
        match mutability.starts_with("IMMUTABLE") {
            true => outcome,
            false => outcome.detail(
                "whoever may push can move a tag: services run digests, and a tag is only reused with its `shipway.build-key`",
            ),
        }
    }

    pub(super) async fn pushers(&mut self) -> Result<Outcome, Error> {
        const NOT_CHECKED: &str =
            "not checked: what identities of this account may push by their own policies";
        let Some(repository) = &self.repository else {
            return Ok(not_set("ecr-repository"));
        };
        let policy = match self
            .aws()?
            .ecr
            .get_repository_policy(&repository.name)
            .await
        {
            Ok(policy) => policy,
            Err(error) => {
                // A deploy does not need it.
                return Ok(Outcome::skip(format!("could not tell: {error}"))
                    .help("allow `ecr:GetRepositoryPolicy` to have it looked at"));
            }
        };
        let Some(policy) = policy else {
            return Ok(
                Outcome::ok("the repository has no policy: no other account may")
                    .detail(NOT_CHECKED),
            );
        };
        let account = repository
            .registry_id
            .clone()
            .or_else(|| self.identity.as_ref().map(|i| i.account.clone()))
            .unwrap_or_default();
        let found = pushers(&policy, &account);
        let mut outcome = match found.others.is_empty() {
            true => Outcome::ok("nobody else by the repository's policy"),
            false => Outcome::ng(
                format!(
                    "by the repository's policy these may choose what a tag names: {}",
                    found.others.join(", ")
                ),
                "take ecr:PutImage and ecr:SetRepositoryPolicy from them in the repository's policy; give previews and other accounts a repository of their own",
            ),
        };
        if !found.others.is_empty() {
            outcome.code = Some("shipway::preflight::shared_repository".to_owned());
            outcome = outcome.detail("Deny statements are not weighed against it");
        }
        if !found.own.is_empty() {
            outcome = outcome.detail(format!(
                "of this account, by the same policy: {}",
                found.own.join(", ")
            ));
        }
        Ok(outcome.detail(NOT_CHECKED))
    }

    pub(super) async fn login(&mut self) -> Result<Outcome, Error> {
        let login = self.aws()?.ecr.get_authorization_token().await?;
        self.report.mask(&login.password);
        Ok(Outcome::ok("the registry gives a password to push with"))
    }
}
