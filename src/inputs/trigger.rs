//! The GitHub event that started the run, read once from the runner's variables and payload: which commit is meant, which
//! pull request, and whether the code is somebody else's. Asks GitHub nothing; decides nothing about a deploy.

use std::path::Path;

use serde_json::Value;

use super::env::Env;
use super::error::InputError;
use crate::model::Untrusted;
use crate::model::event::PullState;

pub use crate::model::event::is_privileged;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// `push`, `pull_request`, `workflow_run`, …
    pub event_name: String,
    /// `owner/name`
    pub repository: String,
    pub repository_id: Option<u64>,
    /// The commit meant: the head of a pull request, the commit that its merge made, the head of the run that triggered this
    /// one, else `GITHUB_SHA`. `None` where only GitHub's API knows it (a comment on a pull request).
    pub sha: Option<String>,
    /// `GITHUB_SHA`: what checkout takes unless told otherwise.
    pub github_sha: Option<String>,
    /// Head of the pull request.
    pub head_sha: Option<String>,
    /// The merge commit that `GITHUB_SHA` is on `pull_request`.
    pub merge_sha: Option<String>,
    pub pull_request: Option<u64>,
    pub pull_state: Option<PullState>,
    /// The code comes from another repository (or from one that is gone).
    pub fork: bool,
    pub ref_name: Untrusted,
    pub run_id: Option<u64>,
    pub run_attempt: u64,
    pub workflow: Untrusted,
    pub actor: Untrusted,
    /// `https://github.com`, or a GitHub Enterprise server.
    pub server_url: String,
    pub api_url: String,
    pub graphql_url: String,
    /// Of the run that triggered a `workflow_run`: `success`, `failure`, …
    pub conclusion: Option<String>,
    /// `opened`, `created`, …
    pub action: Option<String>,
    /// Names of the pull request's labels; `None` where the event does not list them.
    pub labels: Option<Vec<Untrusted>>,
    /// The one that `labeled` and `unlabeled` are about.
    pub changed_label: Option<Untrusted>,
    /// Of `issue_comment`.
    pub comment: Option<Comment>,
}

/// What somebody wrote on a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    /// Login.
    pub author: Untrusted,
    pub body: Untrusted,
}

impl Trigger {
    /// `None` outside GitHub.
    pub fn read(env: &Env) -> Result<Option<Trigger>, InputError> {
        let (Some(event_name), Some(repository)) =
            (env.var("GITHUB_EVENT_NAME"), env.var("GITHUB_REPOSITORY"))
        else {
            return Ok(None);
        };
        let payload = match env.var("GITHUB_EVENT_PATH") {
            Some(path) => read_payload(path, &env.cwd)?,
            None => Value::Null,
        };
        Ok(Some(Trigger::of(env, event_name, repository, &payload)))
    }

    /// From the payload, which may be anything.
    pub fn of(env: &Env, event_name: &str, repository: &str, payload: &Value) -> Trigger {
        let number = |name: &str| env.var(name).and_then(|v| v.parse::<u64>().ok());
        let untrusted = |name: &str| Untrusted::new(env.var(name).unwrap_or_default());
        let github_sha = env.var("GITHUB_SHA").map(str::to_owned);
        let Addresses {
            server_url,
            api_url,
            graphql_url,
        } = addresses(env);
        let mut trigger = Trigger {
            event_name: event_name.to_owned(),
            repository: repository.to_owned(),
            repository_id: number("GITHUB_REPOSITORY_ID").or_else(|| id(&payload["repository"])),
            sha: github_sha.clone(),
            github_sha,
            head_sha: None,
            merge_sha: None,
            pull_request: None,
            pull_state: None,
            fork: false,
            ref_name: untrusted("GITHUB_REF_NAME"),
            run_id: number("GITHUB_RUN_ID"),
            run_attempt: number("GITHUB_RUN_ATTEMPT").unwrap_or(1),
            workflow: untrusted("GITHUB_WORKFLOW"),
            actor: untrusted("GITHUB_ACTOR"),
            server_url,
            api_url,
            graphql_url,
            conclusion: None,
            action: payload["action"].as_str().map(str::to_owned),
            labels: None,
            changed_label: payload["label"]["name"].as_str().map(Untrusted::new),
            comment: comment(&payload["comment"]),
        };
        trigger.read_pull_request(payload);
        trigger
    }

    fn read_pull_request(&mut self, payload: &Value) {
        let pull = &payload["pull_request"];
        let run = &payload["workflow_run"];
        let issue = &payload["issue"];
        if pull.is_object() {
            self.pull_request = pull["number"].as_u64();
            self.labels = pull["labels"].as_array().map(|all| names(all));
            self.head_sha = sha(&pull["head"]["sha"]);
            // A fork that was deleted since has no `repo` at all.
            self.fork = id(&pull["head"]["repo"]).is_none_or(|id| Some(id) != self.repository_id);
            let state = PullState::of(pull["state"] != "closed", pull["merged"] == true);
            self.pull_state = Some(state);
            let (meant, branch) = match state {
                // The run is then on the base branch, at the commit that the merge made.
                PullState::Merged => (sha(&pull["merge_commit_sha"]), &pull["base"]["ref"]),
                PullState::Open | PullState::Closed => {
                    if self.on_test_merge() && self.github_sha != self.head_sha {
                        self.merge_sha = self.github_sha.clone();
                    }
                    (self.head_sha.clone(), &pull["head"]["ref"])
                }
            };
            self.ref_name = Untrusted::new(branch.as_str().unwrap_or_default());
            self.sha = meant.or(self.sha.take());
        } else if self.event_name == "workflow_run" && run.is_object() {
            self.head_sha = sha(&run["head_sha"]);
            self.sha = self.head_sha.clone();
            self.ref_name = Untrusted::new(run["head_branch"].as_str().unwrap_or_default());
            self.conclusion = run["conclusion"].as_str().map(str::to_owned);
            self.fork = id(&run["head_repository"]).is_none_or(|id| Some(id) != self.repository_id);
            self.pull_request = run["pull_requests"][0]["number"].as_u64();
        } else if issue["pull_request"].is_object() {
            // Which commit that is, and whose, only the API tells.
            self.pull_request = issue["number"].as_u64();
            self.pull_state = Some(PullState::of(
                issue["state"] != "closed",
                issue["pull_request"]["merged_at"].is_string(),
            ));
            self.sha = None;
        }
    }

    /// `GITHUB_SHA` is the merge of head and base that GitHub makes to try it.
    fn on_test_merge(&self) -> bool {
        matches!(
            self.event_name.as_str(),
            "pull_request" | "pull_request_review" | "pull_request_review_comment"
        )
    }

    /// Whether the pull request has it; an event that lists no labels does not say.
    pub fn has_label(&self, name: &str) -> bool {
        let labels = self.labels.as_ref();
        labels.is_none_or(|all| all.iter().any(|label| label.is_same_word(name)))
    }

    /// Whether it was just taken away.
    pub fn lost_label(&self, name: &str) -> bool {
        let changed = self.changed_label.as_ref();
        self.action.as_deref() == Some("unlabeled")
            && changed.is_some_and(|label| label.is_same_word(name))
    }

    pub fn repository_url(&self) -> String {
        format!("{}/{}", self.server_url, self.repository)
    }

    /// Page of this very attempt.
    pub fn run_url(&self) -> Option<String> {
        let run = self.run_id?;
        Some(format!(
            "{}/actions/runs/{run}/attempts/{}",
            self.repository_url(),
            self.run_attempt
        ))
    }

    pub fn commit_url(&self, sha: &str) -> String {
        format!("{}/commit/{sha}", self.repository_url())
    }
}

struct Addresses {
    server_url: String,
    api_url: String,
    graphql_url: String,
}

/// From the runner's variables. Where one is missing it follows from the others, so that the token of a server of one's own
/// is never shown to the public one; that one only where nothing is said at all.
fn addresses(env: &Env) -> Addresses {
    let var = |name: &str| env.var(name).map(|v| v.trim_end_matches('/').to_owned());
    let (server, api) = (var("GITHUB_SERVER_URL"), var("GITHUB_API_URL"));
    let public = "https://github.com";
    let api_url = api.unwrap_or_else(|| match server.as_deref() {
        Some(own) if own != public => format!("{own}/api/v3"),
        _ => "https://api.github.com".to_owned(),
    });
    Addresses {
        graphql_url: var("GITHUB_GRAPHQL_URL").unwrap_or_else(|| {
            // A server of one's own has `/api/v3` and `/api/graphql`.
            let own = api_url.strip_suffix("/api/v3").map(|o| format!("{o}/api"));
            format!("{}/graphql", own.as_ref().unwrap_or(&api_url))
        }),
        server_url: server.unwrap_or_else(|| public.to_owned()),
        api_url,
    }
}

fn read_payload(path: &str, cwd: &Path) -> Result<Value, InputError> {
    let wrong = |reason: String| InputError::Event {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(cwd.join(path)).map_err(|e| wrong(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| {
        wrong(format!(
            "no JSON at line {} column {}",
            e.line(),
            e.column()
        ))
    })
}

fn names(labels: &[Value]) -> Vec<Untrusted> {
    let name = |label: &Value| label["name"].as_str().map(Untrusted::new);
    labels.iter().filter_map(name).collect()
}

fn comment(value: &Value) -> Option<Comment> {
    let text = |value: &Value| value.as_str().map(Untrusted::new);
    Some(Comment {
        id: id(value)?,
        author: text(&value["user"]["login"])?,
        body: text(&value["body"]).unwrap_or_default(),
    })
}

fn id(value: &Value) -> Option<u64> {
    value["id"].as_u64()
}

fn sha(value: &Value) -> Option<String> {
    value.as_str().filter(|s| !s.is_empty()).map(str::to_owned)
}

#[cfg(test)]
#[path = "trigger_tests.rs"]
mod tests;
