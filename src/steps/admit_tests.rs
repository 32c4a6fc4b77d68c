//! Every event by its payload: which commit is meant, whose it is, and what it may start. Payloads are GitHub's documented
//! examples with the members that say nothing here cut away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::inputs::env::testing;
use crate::model::Untrusted;

/// The base branch's newest commit.
const MAIN: &str = "2222222222222222222222222222222222222222";
/// GitHub's test merge of an open pull request.
const TEST_MERGE: &str = "3333333333333333333333333333333333333333";
/// What merging the pull request made.
const MERGED: &str = "4444444444444444444444444444444444444444";
const HEAD: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";
const FORK: &str = "6666666666666666666666666666666666666666";
const OF_RUN: &str = "7777777777777777777777777777777777777777";
const QUEUED: &str = "8888888888888888888888888888888888888888";

/// What `GITHUB_SHA` and `GITHUB_REF_NAME` are, and what must be read from the payload beside them.
struct Row {
    payload: &'static str,
    github_sha: &'static str,
    github_ref_name: &'static str,
    commit: Option<&'static str>,
    pull: Option<(u64, PullState)>,
    fork: bool,
    ref_name: &'static str,
    /// Why a deploy is refused; a build is, too.
    refused: Option<&'static str>,
}

const fn row(
    payload: &'static str,
    (github_sha, github_ref_name): (&'static str, &'static str),
    (commit, ref_name): (Option<&'static str>, &'static str),
    pull: Option<(u64, PullState)>,
    fork: bool,
    refused: Option<&'static str>,
) -> Row {
    Row {
        payload,
        github_sha,
        github_ref_name,
        commit,
        pull,
        fork,
        ref_name,
        refused,
    }
}

#[rustfmt::skip]
const EVENTS: &[Row] = {
    use PullState::{Closed, Merged, Open};
    const BRANCH: &str = "feature/$(echo-hello)";
    const NOT_MERGED: Option<&str> = Some("shipway::preflight::not_merged");
    const FOREIGN: Option<&str> = Some("shipway::preflight::foreign_code");
    &[
        row("push", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
        row("push.tag", (MAIN, "v1.2.0"), (Some(MAIN), "v1.2.0"), None, false, None),
        row("workflow_dispatch", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
        row("schedule", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
        row("release", (MAIN, "v1.2.0"), (Some(MAIN), "v1.2.0"), None, false, None),
        // Its payload may name anything: only who may write to the repository can send one.
        row("repository_dispatch", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
        row("watch", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
        row("pull_request.opened", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request.labeled", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request.labeled_preview", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request.unlabeled", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request.labeled_after_merge", (MERGED, "main"), (Some(MERGED), "main"), Some((7, Merged)), false, None),
        row("pull_request.closed_merged", (MERGED, "main"), (Some(MERGED), "main"), Some((7, Merged)), false, None),
        row("pull_request.closed_unmerged", (TEST_MERGE, "7/merge"), (Some(HEAD), BRANCH), Some((7, Closed)), false, NOT_MERGED),
        // No token, no role: it ends there, with exit 4, if it asks for a role at all.
        row("pull_request.fork", (TEST_MERGE, "8/merge"), (Some(FORK), "main"), Some((8, Open)), true, None),
        row("pull_request.fork_deleted", (TEST_MERGE, "9/merge"), (Some(FORK), "main"), Some((9, Open)), true, None),
        row("pull_request.fork_closed_merged", (MERGED, "main"), (Some(MERGED), "main"), Some((8, Merged)), true, None),
        row("pull_request_target", (MAIN, "main"), (Some(HEAD), BRANCH), Some((7, Open)), false, None),
        row("pull_request_target.fork", (MAIN, "main"), (Some(FORK), "main"), Some((8, Open)), true, FOREIGN),
        row("pull_request_target.fork_merged", (MERGED, "main"), (Some(MERGED), "main"), Some((8, Merged)), true, None),
        row("workflow_run.success", (MAIN, "main"), (Some(OF_RUN), "main"), None, false, None),
        row("workflow_run.failure", (MAIN, "main"), (Some(OF_RUN), "main"), None, false, Some("shipway::preflight::run_not_successful")),
        row("workflow_run.pull_request", (MAIN, "main"), (Some(HEAD), BRANCH), None, false, None),
        row("workflow_run.fork", (MAIN, "main"), (Some(FORK), "main"), None, true, FOREIGN),
        row("workflow_run.fork_deleted", (MAIN, "main"), (Some(FORK), "main"), None, true, FOREIGN),
        row("merge_group", (QUEUED, "gh-readonly-queue/main/pr-7-2222222"), (Some(QUEUED), "gh-readonly-queue/main/pr-7-2222222"), None, false, Some("shipway::preflight::merge_group")),
        // Which commit, GitHub is asked.
        row("issue_comment.pull_request", (MAIN, "main"), (None, "main"), Some((7, Open)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.edited", (MAIN, "main"), (None, "main"), Some((7, Open)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.deleted", (MAIN, "main"), (None, "main"), Some((7, Open)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.talk", (MAIN, "main"), (None, "main"), Some((7, Open)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.preview_down", (MAIN, "main"), (None, "main"), Some((7, Open)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.merged", (MAIN, "main"), (None, "main"), Some((7, Merged)), false, Some("shipway::preflight::commit_unknown")),
        row("issue_comment.issue", (MAIN, "main"), (Some(MAIN), "main"), None, false, None),
    ]
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events")
}

fn surroundings(row: &Row) -> Env {
    let event = row.payload.split('.').next().unwrap();
    testing::env(
        &[
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_EVENT_PATH", &format!("{}.json", row.payload)),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_REPOSITORY_ID", "700100200"),
            ("GITHUB_SHA", row.github_sha),
            ("GITHUB_REF_NAME", row.github_ref_name),
        ],
        &folder(),
    )
    .0
}

/// The code of the refusal, with what is checked out left aside.
fn refusal(trigger: &Trigger, asks: Asks) -> Option<String> {
    let by_origin = || {
        if trigger.sha.is_none() && asks != Asks::Plan {
            return Err(TrustError::NoToken {
                event: trigger.event_name.clone(),
            }
            .into());
        }
        Ok(trust::check_origin(&facts(trigger), asks)?)
    };
    let refused: Result<(), Error> = admit(Some(trigger), asks).and_then(|()| by_origin());
    refused.err().map(|error| {
        assert_eq!(error.exit_code(), 6, "{error}");
        error.code()
    })
}

#[test]
fn every_event_means_its_commit_and_may_start_what_it_may() {
    for row in EVENTS {
        let name = row.payload;
        let trigger = Trigger::read(&surroundings(row)).unwrap().unwrap();
        assert_eq!(
            trigger.sha.as_deref(),
            row.commit,
            "{name}: the commit meant"
        );
        assert_eq!(
            trigger.pull_request.zip(trigger.pull_state),
            // The pull requests of a run are listed, not described.
            row.pull,
            "{name}: the pull request"
        );
        assert_eq!(trigger.fork, row.fork, "{name}: a fork");
        assert_eq!(
            trigger.ref_name,
            Untrusted::from(row.ref_name),
            "{name}: the ref"
        );
        let tried = (row.github_sha == TEST_MERGE).then_some(TEST_MERGE);
        assert_eq!(
            trigger.merge_sha.as_deref(),
            tried,
            "{name}: the test merge"
        );
        for asks in [Asks::Deploy, Asks::Build] {
            assert_eq!(
                refusal(&trigger, asks).as_deref(),
                row.refused,
                "{name}: {asks:?}"
            );
        }
        assert_eq!(
            refusal(&trigger, Asks::Plan),
            None,
            "{name}: a plan changes nothing"
        );
    }
}

#[test]
fn every_payload_is_in_the_table() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    let rows: BTreeSet<String> = EVENTS
        .iter()
        .map(|r| format!("{}.json", r.payload))
        .collect();
    assert_eq!(files, rows);
}

#[test]
fn a_run_of_a_pull_request_of_this_repository_names_it() {
    let row = EVENTS
        .iter()
        .find(|r| r.payload == "workflow_run.pull_request")
        .unwrap();
    let trigger = Trigger::read(&surroundings(row)).unwrap().unwrap();
    assert_eq!(trigger.pull_request, Some(7));
}
