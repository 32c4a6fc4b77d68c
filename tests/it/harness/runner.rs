//! The runner that a job sees: its variables, and the payload of the event that started it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shipway_sandbox::Sandbox;

use super::Scene;

/// The merge commit that checkout takes on `pull_request` unless told otherwise.
const MERGE: &str = "ae5e9c1d00000000000000000000000000000000";

/// The base branch's newest commit, which a workflow with the base's rights starts from.
const BASE: &str = "ba5e9c1d00000000000000000000000000000000";
const OTHER: &str = r#"{"repository": {"id": 7001, "full_name": "octo-org/web"}}"#;

/// A payload of `tests/data/events` (`workflow_run.fork`), in this world: its commits are the pull request's head or, once
/// merged, what is checked out.
fn recorded(event: &str, head: &str, checked_out: &str) -> Option<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events");
    let text = std::fs::read_to_string(folder.join(format!("{event}.json"))).ok()?;
    let mut text = text
        .replace("700100200", "7001")
        // The first comment of a world.
        .replace("2900000100", "2900000001")
        .replace(r#""number": 8"#, r#""number": 7"#)
        .replace(&"4f2a9c1d".repeat(5), head)
        .replace(&"2".repeat(40), BASE)
        .replace(&"3".repeat(40), MERGE);
    for digit in ["6", "7"] {
        text = text.replace(&digit.repeat(40), head);
    }
    for digit in ["4", "8"] {
        text = text.replace(&digit.repeat(40), checked_out);
    }
    Some(text)
}

/// What the runner sets for the event.
pub fn variables(
    scene: &Scene,
    sandbox: &Sandbox,
    head: &str,
    attempt: u32,
    outside: &std::path::Path,
) -> BTreeMap<String, String> {
    let mut vars = sandbox.environment();
    // Region and role are inputs; the SDK's own variables would hide a mistake.
    vars.remove("AWS_REGION");
    let mut put = |name: &str, value: &str| {
        vars.insert(name.to_owned(), value.to_owned());
    };
    let (head, checked_out) = match scene.merge_checked_out {
        true => (super::HEAD, Some(head)),
        false => (head, None),
    };
    let payload = match scene.event.as_str() {
        "pull_request" => format!(
            r#"{{"action": "synchronize", "number": 7, "repository": {{"id": 7001, "full_name": "octo-org/web"}},
            "pull_request": {{"number": 7, "head": {{"sha": "{head}", "ref": "feature", "repo": {{"id": 7001}}}}, "base": {{"ref": "main", "repo": {{"id": 7001}}}}}}}}"#
        ),
        // Somebody else's repository as the head: no id token is to be had.
        "fork" => format!(
            r#"{{"action": "synchronize", "number": 7, "repository": {{"id": 7001, "full_name": "octo-org/web"}},
            "pull_request": {{"number": 7, "head": {{"sha": "{head}", "ref": "feature", "repo": {{"id": 8002}}}}, "base": {{"ref": "main", "repo": {{"id": 7001}}}}}}}}"#
        ),
        "push" => OTHER.to_owned(),
        event => recorded(event, head, checked_out.unwrap_or(head)).unwrap_or(OTHER.to_owned()),
    };
    let payload_is_merged = payload.contains(r#""merged": true"#);
    let is_privileged = ["pull_request_target", "workflow_run", "issue_comment"]
        .iter()
        .any(|event| scene.event.split('.').next() == Some(event));
    if !scene.event.is_empty() {
        let event: PathBuf = outside.join("event.json");
        std::fs::write(&event, payload).unwrap();
        let event_name = match scene.event.as_str() {
            "fork" => "pull_request",
            event => event.split('.').next().unwrap_or(event),
        };
        // After the merge the run is on the base branch, at the commit that the merge made.
        let pulled = event_name == "pull_request" && !payload_is_merged;
        put("GITHUB_EVENT_NAME", event_name);
        put("GITHUB_EVENT_PATH", event.to_str().unwrap());
        put("GITHUB_REPOSITORY", "octo-org/web");
        put("GITHUB_REPOSITORY_ID", "7001");
        let server_url = sandbox.with_world(|w| w.github.spec.server_url.clone());
        put("GITHUB_SERVER_URL", &server_url);
        put(
            "GITHUB_SHA",
            match checked_out {
                _ if is_privileged => BASE,
                Some(merge) => merge,
                None if pulled => MERGE,
                None => head,
            },
        );
        put("GITHUB_REF_NAME", if pulled { "7/merge" } else { "main" });
        put("GITHUB_RUN_ID", "16839201733");
        put("GITHUB_RUN_ATTEMPT", &attempt.to_string());
        put("GITHUB_WORKFLOW", "Deploy");
        put("GITHUB_ACTOR", "octocat");
        put("GITHUB_OUTPUT", outside.join("output").to_str().unwrap());
        put("RUNNER_TEMP", outside.to_str().unwrap());
        put(
            "GITHUB_STEP_SUMMARY",
            outside.join("summary").to_str().unwrap(),
        );
    }
    vars.extend(scene.vars.clone());
    for name in &scene.unset {
        vars.remove(name);
    }
    vars
}

/// The one report file of the run.
pub fn report_file(temp: &std::path::Path) -> String {
    let mut found: Vec<PathBuf> = std::fs::read_dir(temp)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("shipway-") && name.ends_with(".json")
        })
        .collect();
    assert!(found.len() < 2, "{found:?}");
    found
        .pop()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .unwrap_or_default()
}
