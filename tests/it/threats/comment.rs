//! Threat 7: the comment that a run edits is ours by its author and by its first line, whatever others paste, quote or edit.

use serde_json::json;

use super::reader;
use crate::harness::{Scene, deploy, play, yaml};

const OURS: &str = "github-actions[bot]";
const MARKER: &str =
    r#"<!-- shipway v1 {"service":"prod/web","environment":"","run":1,"attempt":1} -->"#;

/// The pull request's comments after a deploy, when these were there before.
fn after(before: &[(&str, &str)]) -> Vec<String> {
    let before: Vec<_> = before
        .iter()
        .map(|(author, body)| json!({ "author": author, "body": body }))
        .collect();
    let world = json!({ "github": { "pull-requests": { "7": { "comments": before } } } });
    let world = world.to_string().replace("\"7\":", "7: ");
    let played = play(Scene {
        world: yaml(&world),
        args: deploy(&["--ecr-repository", "web", "--image", "v1"]),
        event: "pull_request".to_owned(),
        ..Scene::default()
    });
    assert_eq!(played.exit, 0, "{}", played.stderr);
    played.comments
}

fn is_the_verdict(comment: &str) -> bool {
    comment.contains("\n### ✅ web unchanged") && reader::markdown(comment).is_empty()
}

#[test]
fn threat_7_a_marker_that_somebody_else_pasted_is_not_ours() {
    let pasted = format!("{MARKER}\nI am a deploy");
    let comments = after(&[("octocat", &pasted), ("evil-app[bot]", &pasted)]);
    assert_eq!(comments[..2], [pasted.clone(), pasted]);
    assert!(
        comments.len() == 3 && is_the_verdict(&comments[2]),
        "{comments:?}"
    );
}

#[test]
fn threat_7_a_marker_in_a_quoted_reply_is_not_ours() {
    let quoted = format!("> {MARKER}\n> ### web is serving\n\nReally?");
    let below = format!("What does this mean?\n\n{MARKER}");
    // Another workflow of the same repository writes under the same name.
    for author in ["octocat", OURS] {
        let comments = after(&[(author, &quoted), (author, &below)]);
        assert_eq!(comments[..2], [quoted.clone(), below.clone()], "{author}");
        assert!(
            comments.len() == 3 && is_the_verdict(&comments[2]),
            "{comments:?}"
        );
    }
}

#[test]
fn threat_7_what_somebody_edited_into_our_comment_is_gone() {
    // Who may write to the repository may edit the bot's comments; GitHub still calls them the bot's.
    for edited in [
        format!("{MARKER}\n### [Evil](https://evil.example)\n\n<img src=https://evil.example>"),
        r#"<!-- shipway v1 {"service":"prod/web","environment":"","run":1,"attempt":1,"evil":"<img>"} -->"#.to_owned(),
        format!(
            "{MARKER}\n<!-- shipway past v1 [{{\"run\":1,\"attempt\":1,\"status\":\"serving\",\"commit\":\"https://evil.example\",\"cause\":\"@evil <img>\",\"ended_at\":1,\"took_ms\":1,\"phases\":[]}}] -->"
        ),
    ] {
        let comments = after(&[(OURS, &edited)]);
        assert!(comments.len() == 1 && is_the_verdict(&comments[0]), "{comments:?}");
        assert!(!comments[0].contains("vil"), "{comments:?}");
    }
}

#[test]
fn threat_7_a_comment_whose_marker_was_broken_is_left_and_another_written() {
    for broken in [
        "### web is serving",
        "<!-- shipway v1 {} -->",
        "<!-- shipway v1 {\"service\":\"prod/web\" -->",
        "<!-- shipway v1 {\"service\":\"prod/api\",\"environment\":\"\",\"run\":1,\"attempt\":1} -->",
        "<!-- shipway v1 {\"service\":\"prod/web\",\"environment\":\"\",\"run\":-1,\"attempt\":1} -->",
    ] {
        let comments = after(&[(OURS, broken)]);
        assert_eq!(comments[0], broken);
        assert!(
            comments.len() == 2 && is_the_verdict(&comments[1]),
            "{comments:?}"
        );
    }
}
