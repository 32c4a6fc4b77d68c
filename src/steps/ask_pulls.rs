//! How the pull requests stand that previews are of, as GitHub says: one list of the open ones, and each that is missing in
//! it by its number. A pull request that moves from one page of the list to another while it is read may be missed: so what
//! the list does not show is never taken for closed.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use crate::error::Error;
use crate::github::client::{GitHub, GitHubError};
use crate::github::pulls::{PullRequest, get_pull, list_open_pulls};
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::plan::preview::parts::Sorted;
use crate::plan::preview::prune::Pull;
use crate::report::{Report, Text};

/// Whom to ask, and for what.
pub struct Sought<'a> {
    pub env: &'a Env,
    pub trigger: Option<&'a Trigger>,
    pub token: Option<&'a SecretString>,
    /// Whose pull requests the image tags are of.
    pub repository: Option<&'a str>,
    /// That pull requests need for a preview.
    pub label: Option<&'a str>,
}

pub struct Pulls {
    /// In the order of the previews.
    pub of_previews: Vec<Pull>,
    /// Of image tags that no preview is of.
    pub closed_strays: BTreeSet<u64>,
}

pub async fn ask(sought: &Sought<'_>, sorted: &Sorted, report: &Report) -> Result<Pulls, Error> {
    let mut asking = Asking {
        github: github(sought, report)?,
        label: sought.label,
        report,
        open: BTreeMap::new(),
    };
    let mut of_previews = Vec::new();
    for parts in &sorted.previews {
        let of = &parts.of;
        of_previews.push(asking.pull(&of.repository, of.pull_request).await);
    }
    let mut closed_strays = BTreeSet::new();
    for tag in &sorted.stray_tags {
        let Some(repository) = sought.repository else {
            break;
        };
        let pull = asking.pull(repository, tag.pull_request).await;
        if matches!(pull, Pull::Closed | Pull::Merged) {
            closed_strays.insert(tag.pull_request);
        }
    }
    Ok(Pulls {
        of_previews,
        closed_strays,
    })
}

fn github(sought: &Sought<'_>, report: &Report) -> Result<Option<GitHub>, Error> {
    let (Some(trigger), Some(token)) = (sought.trigger, sought.token) else {
        report.warn(
            "shipway::github::no_token",
            "GitHub is not asked which pull requests are open: there is no token, or no event",
            "nothing is removed then; set `GITHUB_TOKEN: ${{ github.token }}` in the step's `env:` with `pull-requests: read`",
        );
        return Ok(None);
    };
    report.mask(token);
    let (api, graphql) = (&trigger.api_url, &trigger.graphql_url);
    Ok(Some(GitHub::new(
        sought.env.wire.clone(),
        api,
        graphql,
        token,
    )?))
}

struct Asking<'a> {
    github: Option<GitHub>,
    label: Option<&'a str>,
    report: &'a Report,
    /// Of each repository, by number; `None` where GitHub did not tell.
    open: BTreeMap<String, Option<BTreeMap<u64, PullRequest>>>,
}

impl Asking<'_> {
    async fn pull(&mut self, repository: &str, number: u64) -> Pull {
        let Some(github) = self.github.clone() else {
            return Pull::Unknown;
        };
        if !self.open.contains_key(repository) {
            let open = match list_open_pulls(&github, repository).await {
                Ok(open) => Some(open.into_iter().map(|p| (p.number, p)).collect()),
                Err(error) => {
                    self.warn(repository, &error);
                    None
                }
            };
            self.open.insert(repository.to_owned(), open);
        }
        let Some(Some(open)) = self.open.get(repository) else {
            return Pull::Unknown;
        };
        if let Some(pull) = open.get(&number) {
            return self.stands(pull);
        }
        match get_pull(&github, repository, number).await {
            Ok(pull) => self.stands(&pull),
            Err(error) => {
                self.warn(&format!("{repository}#{number}"), &error);
                Pull::Unknown
            }
        }
    }

    fn stands(&self, pull: &PullRequest) -> Pull {
        let has = |wanted: &str| pull.labels.iter().any(|l| l.is_same_word(wanted));
        match (pull.open, pull.merged) {
            (true, _) => Pull::Open {
                labelled: self.label.is_none_or(has),
            },
            (false, true) => Pull::Merged,
            (false, false) => Pull::Closed,
        }
    }

    fn warn(&self, of: &str, error: &GitHubError) {
        self.report.warn(
            "shipway::github::pulls_unknown",
            Text::new()
                .say("GitHub did not tell how pull requests of ")
                .code(of)
                .say(format!(" stand: {error}")),
            "nothing of theirs is removed; the job needs `pull-requests: read`",
        );
    }
}
