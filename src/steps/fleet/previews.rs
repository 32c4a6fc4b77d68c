//! Tells pull requests that their previews went to sleep with the rest, or are back. Only those of the run's own repository, for
//! its token is good for no other. Whatever goes wrong here fails nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::aws::Aws;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values::CommentMode;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;
use crate::plan::preview::parts::Parts;
use crate::plan::scale::{Act, One};
use crate::report::Report;
use crate::report::markdown::{Announcement, Commit, Preview, State};
use crate::steps::announce::{Announcer, Asked};
use crate::steps::gather::previews::{self, Sought};

/// For all of them: a job that is done does not wait longer for comments.
const LONGEST: Duration = Duration::from_secs(60);

/// Who tells, with what.
pub struct Teller<'a> {
    pub env: &'a Env,
    pub report: &'a Arc<Report>,
    pub trigger: &'a Trigger,
    pub token: &'a SecretString,
    /// By Region.
    pub aws: &'a BTreeMap<String, Aws>,
}

impl Teller<'_> {
    /// One after the other; what GitHub does not take of one, it takes of none.
    pub async fn tell(&self, services: &[One]) {
        let ours = services.iter().filter_map(|one| {
            let of = one.preview.as_ref().filter(|_| one.was != one.now)?;
            let state = match one.act {
                Act::Zeroed => PreviewState::Asleep,
                Act::Restored => PreviewState::Ready,
                _ => return None,
            };
            let here = of.repository.eq_ignore_ascii_case(&self.trigger.repository);
            here.then_some((one, of, state))
        });
        let all = async {
            for (one, of, state) in ours {
                if self.env.cancel.is_cancelled() || !self.tell_one(one, of, state).await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LONGEST, all).await;
    }

    /// Whether it is said.
    async fn tell_one(&self, one: &One, of: &PreviewOf, state: PreviewState) -> bool {
        let parts = match self.aws.get(&one.region) {
            Some(aws) => previews::one(aws, &sought(of), of).await.ok(),
            None => None,
        };
        let about = self.announcement(of, state, parts.map(|(parts, _)| parts));
        let asked = Asked {
            token: Some(self.token),
            trigger: Some(self.trigger),
            service: &format!("{}/{}", of.cluster, of.base_service),
            claims: None,
            comment: CommentMode::Auto,
            deployment: None,
            preview: Some(of.pull_request),
            on_announced_commit: false,
        };
        let mut announcer = Announcer::find(self.env, asked, self.report);
        announcer.conclude(&about, &self.env.cancel).await;
        announcer.comment_url().is_some()
    }

    /// Address, commit and expiry are said where the role may look at them.
    fn announcement(
        &self,
        of: &PreviewOf,
        state: PreviewState,
        parts: Option<Parts>,
    ) -> Announcement {
        let parts = parts.unwrap_or_else(|| Parts::nothing(of.clone()));
        Announcement {
            cluster: of.cluster.clone(),
            service: of.base_service.clone(),
            state: State::Ended {
                status: Status::NotStarted,
                cause: None,
                failure: None,
            },
            url: parts.url,
            commit: parts.commit.map(|sha| Commit {
                url: Some(self.trigger.commit_url(&sha)),
                sha,
            }),
            run_url: self.trigger.run_url(),
            preview: Some(Preview {
                word: match state {
                    PreviewState::Asleep => Word::Sleep,
                    _ => Word::Wake,
                },
                pull_request: of.pull_request,
                state,
                since: (state == PreviewState::Asleep).then(|| self.env.clock.timestamp()),
                expires: parts.expires,
                why: None,
                removed: None,
                left: Vec::new(),
            }),
            ..Announcement::default()
        }
    }
}

fn sought(of: &PreviewOf) -> Sought<'_> {
    Sought {
        cluster: &of.cluster,
        base_service: &of.base_service,
        load_balancers: &[],
        ecr_repository: None,
        repository: None,
    }
}
