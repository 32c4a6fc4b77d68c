//! The repository, its pull requests, and the ancestry of its commits.
//!
//! Knows: what a world file says of them. Does not know: git; a commit is a name with parents.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Ask, GitHub, PullRequestSpec, Refusal, Reply, not_found, shapes};
use crate::world::World;

const THEN: &str = "2026-01-01T00:00:00Z";

pub fn get_repository(world: &mut World, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Reply::new(200, shapes::full_repository(&world.github))
}

pub fn get_pull(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let pull = world
        .github
        .pull_request(ask.number("pull_number")?)
        .ok_or_else(not_found)?;
    Reply::new(200, show(&world.github, pull))
}

/// Newest first, as GitHub sorts unless asked otherwise.
pub fn list_pulls(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let github = &world.github;
    let asked = |name: &str, usual| ask.query.get(name).map_or(usual, String::as_str);
    let state = asked("state", "open");
    let (head, base) = (asked("head", ""), asked("base", ""));
    let fits = |pull: &&PullRequestSpec| {
        let closed = pull.closed || pull.merged;
        (state == "all" || closed == (state == "closed"))
            && (head.is_empty() || head.rsplit(':').next() == Some(&pull.head_ref))
            && (base.is_empty() || base == pull.base_ref)
    };
    let mut found: Vec<&PullRequestSpec> = github.spec.pull_requests.iter().filter(fits).collect();
    found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
    if asked("direction", "desc") == "asc" {
        found.reverse();
    }
    let shown = found.into_iter().map(|pull| show_in_list(github, pull));
    Reply::list(shown.collect(), ask)
}

/// The merged pull request that brought a commit to the default branch; on other branches, the open ones that hold it.
pub fn list_pulls_of_commit(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let sha = ask
        .path
        .get("commit_sha")
        .map(String::as_str)
        .unwrap_or_default();
    let github = &world.github;
    let holds = |pull: &&PullRequestSpec| {
        pull.head_sha == sha || pull.merge_commit_sha.as_deref() == Some(sha)
    };
    let found: Vec<Value> = github
        .spec
        .pull_requests
        .iter()
        .filter(holds)
        .map(|pull| show_in_list(github, pull))
        .collect();
    if found.is_empty() && !github.knows(sha) {
        return Err(Refusal::new(
            422,
            &format!("No commit found for SHA: {sha}"),
        ));
    }
    Reply::list(found, ask)
}

pub fn compare(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let github = &world.github;
    let range = ask
        .path
        .get("basehead")
        .map(String::as_str)
        .unwrap_or_default();
    let (base, head) = range.split_once("...").ok_or_else(not_found)?;
    let (base, head) = (
        github.resolve_ref(base).ok_or_else(not_found)?,
        github.resolve_ref(head).ok_or_else(not_found)?,
    );
    let (of_base, of_head) = (github.ancestry(&base), github.ancestry(&head));
    let ahead: Vec<&String> = of_head
        .iter()
        .filter(|sha| !of_base.contains(sha))
        .collect();
    let behind = of_base.iter().filter(|sha| !of_head.contains(sha)).count();
    // GitHub answers 404 for histories that share nothing.
    let common = of_base
        .iter()
        .find(|sha| of_head.contains(sha))
        .ok_or_else(not_found)?;
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let (api, html) = (github.repository_url(), github.html_url());
    Reply::new(
        200,
        json!({
            "url": format!("{api}/compare/{base}...{head}"),
            "html_url": format!("{html}/compare/{base}...{head}"),
            "permalink_url": format!("{html}/compare/{base}...{head}"),
            "diff_url": format!("{html}/compare/{base}...{head}.diff"),
            "patch_url": format!("{html}/compare/{base}...{head}.patch"),
            "base_commit": shapes::commit(github, &base),
            "merge_base_commit": shapes::commit(github, common),
            "status": status,
            "ahead_by": ahead.len(),
            "behind_by": behind,
            "total_commits": ahead.len(),
            // Oldest first.
            "commits": ahead.iter().rev().map(|sha| shapes::commit(github, sha)).collect::<Vec<_>>(),
            "files": [],
        }),
    )
}

impl GitHub {
    fn knows(&self, sha: &str) -> bool {
        let spec = &self.spec;
        spec.job.sha == sha
            || spec.commits.iter().any(|commit| commit.sha == sha)
            || spec.pull_requests.iter().any(|pull| {
                pull.head_sha == sha
                    || pull.base_sha == sha
                    || pull.merge_commit_sha.as_deref() == Some(sha)
            })
    }

    /// The commit that a branch, a pull request's ref or a SHA names.
    pub(super) fn resolve_ref(&self, name: &str) -> Option<String> {
        if self.knows(name) {
            return Some(name.to_owned());
        }
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        if let Some(pull) = self
            .spec
            .pull_requests
            .iter()
            .find(|pull| pull.head_ref == short)
        {
            return Some(pull.head_sha.clone());
        }
        // The default branch is where the newest known commit is.
        if short == self.spec.default_branch {
            return Some(
                self.spec
                    .commits
                    .last()
                    .map_or_else(|| self.spec.job.sha.clone(), |commit| commit.sha.clone()),
            );
        }
        None
    }

    /// A commit and all before it, nearest first.
    fn ancestry(&self, sha: &str) -> Vec<String> {
        let (mut seen, mut order, mut next) = (
            BTreeSet::new(),
            Vec::new(),
            std::collections::VecDeque::from([sha.to_owned()]),
        );
        while let Some(sha) = next.pop_front() {
            if seen.insert(sha.clone()) {
                let commit = self.spec.commits.iter().find(|commit| commit.sha == sha);
                next.extend(commit.into_iter().flat_map(|commit| commit.parents.clone()));
                order.push(sha);
            }
        }
        order
    }
}

/// GitHub's `pull-request`.
fn show(github: &GitHub, pull: &PullRequestSpec) -> Value {
    let closed = pull.closed || pull.merged;
    let details = json!({
        "merged": pull.merged,
        "mergeable": if closed { Value::Null } else { Value::Bool(true) },
        "rebaseable": if closed { Value::Null } else { Value::Bool(true) },
        "mergeable_state": if closed { "unknown" } else { "clean" },
        "merged_by": if pull.merged { shapes::user(github, &github.spec.job.actor) } else { Value::Null },
        "comments": github.comments_on(pull.number).count(),
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": 1,
        "additions": 1,
        "deletions": 1,
        "changed_files": 1,
    });
    super::with(show_in_list(github, pull), details)
}

/// GitHub's `pull-request-simple`: a list does not say what takes a look at each.
fn show_in_list(github: &GitHub, pull: &PullRequestSpec) -> Value {
    let (api, html) = (
        github.repository_url(),
        format!("{}/pull/{}", github.html_url(), pull.number),
    );
    let (url, issue) = (
        format!("{api}/pulls/{}", pull.number),
        format!("{api}/issues/{}", pull.number),
    );
    let statuses = format!("{api}/statuses/{}", pull.head_sha);
    let own = github.spec.repository_id;
    let head_repository = pull.head_repository_id.unwrap_or(own);
    let end = |git_ref: &str, sha: &str, repository: u64| {
        let repository = shapes::repository(github, repository);
        let owner = repository["owner"]["login"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        json!({"label": format!("{owner}:{git_ref}"), "ref": git_ref, "sha": sha, "user": repository["owner"], "repo": repository})
    };
    let closed = pull.closed || pull.merged;
    let labels = pull.labels.iter().enumerate().map(|(index, name)| {
        json!({
            "id": index + 1, "node_id": format!("LA_kwDO{index:04x}"), "url": format!("{api}/labels/{name}"),
            "name": name, "description": null, "color": "ededed", "default": false, "archived_by": null,
        })
    });
    let shown = json!({
        "url": url,
        "id": 1_900_000_000 + pull.number,
        "node_id": format!("PR_kwDO{:06x}", pull.number),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": issue,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "number": pull.number,
        "state": if closed { "closed" } else { "open" },
        "locked": false,
        "title": pull.title,
        "user": shapes::user(github, &github.spec.job.actor),
        "body": null,
        "labels": labels.collect::<Vec<_>>(),
        "milestone": null,
        "active_lock_reason": null,
        "created_at": THEN,
        "updated_at": THEN,
        "closed_at": closed.then_some(THEN),
        "merged_at": pull.merged.then_some(THEN),
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": end(&pull.head_ref, &pull.head_sha, head_repository),
        "base": end(&pull.base_ref, &pull.base_sha, own),
        "author_association": "CONTRIBUTOR",
        "auto_merge": null,
        "draft": false,
    });
    let links = json!({
        "_links": {
            "self": {"href": url}, "html": {"href": html}, "issue": {"href": issue},
            "comments": {"href": format!("{issue}/comments")},
            "review_comments": {"href": format!("{url}/comments")},
            "review_comment": {"href": format!("{api}/pulls/comments{{/number}}")},
            "commits": {"href": format!("{url}/commits")}, "statuses": {"href": statuses},
        },
    });
    super::with(shown, links)
}
