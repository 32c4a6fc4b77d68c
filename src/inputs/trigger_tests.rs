//! Payloads as the runner writes them. What each means to a deploy is the table of `steps/admit_tests`.

use std::path::Path;

use super::*;
use crate::inputs::env::testing;

const MERGE: &str = "3333333333333333333333333333333333333333";
const HEAD: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";

fn trigger(event: &str, payload: &str, sha: &str) -> Trigger {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events");
    let (env, _, _) = testing::env(
        &[
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_EVENT_PATH", &format!("{payload}.json")),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_SHA", sha),
            ("GITHUB_RUN_ID", "16839201733"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_ACTOR", "octocat"),
        ],
        &dir,
    );
    Trigger::read(&env).unwrap().unwrap()
}

#[test]
fn a_push_means_its_commit() {
    let sha = "2222222222222222222222222222222222222222";
    let push = trigger("push", "push", sha);
    assert_eq!(push.sha.as_deref(), Some(sha));
    assert_eq!(push.pull_request, None);
    assert!(!push.fork);
    assert_eq!(push.repository_id, Some(700_100_200));
    assert_eq!(
        push.run_url().as_deref(),
        Some("https://github.com/octo-org/web/actions/runs/16839201733/attempts/2")
    );
}

#[test]
fn a_pull_request_means_its_head_and_names_the_merge() {
    let pull = trigger("pull_request", "pull_request", MERGE);
    assert_eq!(pull.sha.as_deref(), Some(HEAD));
    assert_eq!(pull.head_sha.as_deref(), Some(HEAD));
    assert_eq!(pull.merge_sha.as_deref(), Some(MERGE));
    assert_eq!(pull.pull_request, Some(7));
    assert!(!pull.fork && !is_privileged(&pull.event_name));
    assert_eq!(pull.ref_name, Untrusted::from("feature/$(echo-hello)"));
}

#[test]
fn pull_request_target_has_no_merge_commit() {
    let pull = trigger(
        "pull_request_target",
        "pull_request.fork",
        "2222222222222222222222222222222222222222",
    );
    assert_eq!(
        pull.sha.as_deref(),
        Some("6666666666666666666666666666666666666666")
    );
    assert_eq!(pull.merge_sha, None);
    assert!(pull.fork && is_privileged(&pull.event_name));
}

#[test]
fn a_fork_is_one_even_when_it_is_gone() {
    assert!(trigger("pull_request", "pull_request.fork", MERGE).fork);
    assert!(trigger("pull_request", "pull_request.fork_deleted", MERGE).fork);
}

#[test]
fn a_workflow_run_means_the_commit_of_the_run_before() {
    let run = trigger("workflow_run", "workflow_run.success", MERGE);
    assert_eq!(
        run.sha.as_deref(),
        Some("7777777777777777777777777777777777777777")
    );
    assert_eq!(run.conclusion.as_deref(), Some("success"));
    assert!(is_privileged(&run.event_name) && !run.fork);
}

#[test]
fn a_comment_does_not_say_which_commit() {
    let comment = trigger("issue_comment", "issue_comment.pull_request", MERGE);
    assert_eq!(comment.pull_request, Some(7));
    assert_eq!(comment.sha, None);
    assert!(is_privileged(&comment.event_name));
}

#[test]
fn a_merge_group_has_no_pull_request() {
    let group = trigger("merge_group", "merge_group", MERGE);
    assert_eq!(
        (group.pull_request, group.sha.as_deref()),
        (None, Some(MERGE))
    );
}

#[test]
fn outside_github_there_is_no_trigger() {
    let (env, _, _) = testing::env(&[("GITHUB_SHA", MERGE)], Path::new("."));
    assert_eq!(Trigger::read(&env).unwrap(), None);
}

#[test]
fn a_payload_that_cannot_be_read_is_named() {
    let (env, _, _) = testing::env(
        &[
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_EVENT_PATH", "gone.json"),
        ],
        Path::new("/nowhere"),
    );
    let error = Trigger::read(&env).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the event that started this run (gone.json): No such file or directory (os error 2)"
    );
}

#[test]
fn an_enterprise_server_is_asked_where_it_says() {
    let (env, _, _) = testing::env(
        &[
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_SERVER_URL", "https://github.example.com"),
            ("GITHUB_API_URL", "https://github.example.com/api/v3"),
            (
                "GITHUB_GRAPHQL_URL",
                "https://github.example.com/api/graphql",
            ),
        ],
        Path::new("."),
    );
    let trigger = Trigger::read(&env).unwrap().unwrap();
    assert_eq!(
        trigger.graphql_url,
        "https://github.example.com/api/graphql"
    );
    assert_eq!(
        trigger.commit_url("abc"),
        "https://github.example.com/octo-org/web/commit/abc"
    );
}

#[test]
fn an_address_that_is_not_given_follows_from_the_others_and_never_leads_to_another_host() {
    let of = |given: &[(&str, &str)]| {
        let mut vars = vec![
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REPOSITORY", "octo-org/web"),
        ];
        vars.extend(given);
        let (env, _, _) = testing::env(&vars, Path::new("."));
        let trigger = Trigger::read(&env).unwrap().unwrap();
        [trigger.server_url, trigger.api_url, trigger.graphql_url]
    };
    let server = |url| ("GITHUB_SERVER_URL", url);
    let api = |url| ("GITHUB_API_URL", url);
    assert_eq!(
        of(&[]),
        [
            "https://github.com",
            "https://api.github.com",
            "https://api.github.com/graphql"
        ]
    );
    assert_eq!(
        of(&[server("https://github.example.com/")]),
        [
            "https://github.example.com",
            "https://github.example.com/api/v3",
            "https://github.example.com/api/graphql"
        ]
    );
    assert_eq!(
        of(&[
            server("https://octo-corp.ghe.com"),
            api("https://api.octo-corp.ghe.com")
        ]),
        [
            "https://octo-corp.ghe.com",
            "https://api.octo-corp.ghe.com",
            "https://api.octo-corp.ghe.com/graphql"
        ]
    );
}
