//! A preview environment of a pull request: its one name, the tags that prove whose it is, and how it stands. Knows ELB's and
//! ECS's rules for names and tags; asks nobody.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Tags of everything that a preview is made of. Nothing without `PREVIEW` equal to its own name is ever touched.
pub const PREVIEW: &str = "shipway:preview";
pub const REPOSITORY: &str = "shipway:repository";
pub const PULL_REQUEST: &str = "shipway:pull-request";
pub const BASE_SERVICE: &str = "shipway:base-service";
pub const COMMIT: &str = "shipway:commit";
/// RFC 3339, UTC, whole seconds.
pub const EXPIRES: &str = "shipway:expires";

/// ELBv2's limit for a target group's name (CreateTargetGroup); ECS's is longer.
const NAME_MAX: usize = 32;

/// Which preview: of which pull request, after which service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PreviewOf {
    /// `owner/name`
    pub repository: String,
    pub pull_request: u64,
    /// Short name.
    pub cluster: String,
    pub base_service: String,
}

impl PreviewOf {
    /// The name of its target group, service and family: `pr-7-web-1a2b3c4d`. The hash keeps apart what the shortened rest
    /// does not: repositories, clusters and services of one account.
    pub fn name(&self) -> String {
        let identity = format!(
            "{}\n{}\n{}\n{}",
            self.repository.to_ascii_lowercase(),
            self.pull_request,
            self.cluster,
            self.base_service
        );
        let hash = &hex::encode(Sha256::digest(identity))[..8];
        let number = self.pull_request;
        let room = NAME_MAX.saturating_sub(format!("pr-{number}--{hash}").len());
        let service: String = self
            .base_service
            .chars()
            .map(|c| match c.is_ascii_alphanumeric() {
                true => c.to_ascii_lowercase(),
                false => '-',
            })
            .take(room)
            .collect();
        match service.trim_matches('-') {
            "" => format!("pr-{number}-{hash}"),
            service => format!("pr-{number}-{service}-{hash}"),
        }
    }

    /// The tags of a new or updated resource.
    pub fn tags(&self, commit: Option<&str>, expires: Option<Timestamp>) -> Vec<(String, String)> {
        let mut tags = vec![
            (PREVIEW.to_owned(), self.name()),
            (REPOSITORY.to_owned(), self.repository.clone()),
            (PULL_REQUEST.to_owned(), self.pull_request.to_string()),
            (
                BASE_SERVICE.to_owned(),
                format!("{}/{}", self.cluster, self.base_service),
            ),
        ];
        tags.extend(commit.map(|sha| (COMMIT.to_owned(), sha.to_owned())));
        tags.extend(expires.map(expires_tag));
        tags
    }

    /// Whose resource it is, by its tags and its own name: `None` unless both agree.
    pub fn of_tags(resource_name: &str, tags: &[(String, String)]) -> Option<PreviewOf> {
        let value = |key: &str| {
            tags.iter()
                .find(|(k, _)| k == key)
                .map(|(_, value)| value.as_str())
        };
        let (cluster, base_service) = value(BASE_SERVICE)?.split_once('/')?;
        let of = PreviewOf {
            repository: value(REPOSITORY)?.to_owned(),
            pull_request: value(PULL_REQUEST)?.parse().ok()?,
            cluster: cluster.to_owned(),
            base_service: base_service.to_owned(),
        };
        let name = of.name();
        (value(PREVIEW) == Some(name.as_str()) && resource_name == name).then_some(of)
    }
}

/// Until when a preview lives.
pub fn expires_tag(at: Timestamp) -> (String, String) {
    (
        EXPIRES.to_owned(),
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// Whether a name has the form of a preview's: what else is there need not be asked for its tags.
pub fn is_preview_name(name: &str) -> bool {
    let Some((number, _)) = name.strip_prefix("pr-").and_then(|n| n.split_once('-')) else {
        return false;
    };
    let hash = name.rsplit('-').next().unwrap_or_default();
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && hash.len() == 8
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
}

/// How a preview stands: `preview-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewState {
    /// It answers with its commit.
    Ready,
    /// It is being made, brought to a commit, or woken.
    Deploying,
    /// Its tasks were stopped; its address says how to wake it.
    Asleep,
    /// Something of it is there that does not answer.
    Incomplete,
    Removed,
    /// There is none, and there shall be none.
    Absent,
}

impl PreviewState {
    pub fn word(self) -> &'static str {
        match self {
            PreviewState::Ready => "ready",
            PreviewState::Deploying => "deploying",
            PreviewState::Asleep => "asleep",
            PreviewState::Incomplete => "incomplete",
            PreviewState::Removed => "removed",
            PreviewState::Absent => "absent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(repository: &str, pull_request: u64, base_service: &str) -> PreviewOf {
        PreviewOf {
            repository: repository.to_owned(),
            pull_request,
            cluster: "staging".to_owned(),
            base_service: base_service.to_owned(),
        }
    }

    #[test]
    fn a_name_reads_as_a_person_would_say_it() {
        assert_eq!(of("octo-org/web", 7, "web").name(), "pr-7-web-9abdf187");
        assert_ne!(
            of("octo-org/web", 7, "web").name(),
            of("octo-org/shop", 7, "web").name()
        );
    }

    proptest! {
        #[test]
        fn a_name_is_one_that_elb_takes_and_its_tags_lead_back(
            repository in "[a-z-]{1,39}/[A-Za-z0-9._-]{1,100}",
            number in 1..u64::from(u32::MAX),
            service in "[a-zA-Z0-9_-]{1,255}",
        ) {
            let preview = of(&repository, number, &service);
            let name = preview.name();
            prop_assert!(name.len() <= 32 && is_preview_name(&name), "{name}");
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            let tags = preview.tags(Some("4f2a9c1"), None);
            prop_assert_eq!(PreviewOf::of_tags(&name, &tags), Some(preview));
            prop_assert_eq!(PreviewOf::of_tags("web", &tags), None);
        }
    }
}
