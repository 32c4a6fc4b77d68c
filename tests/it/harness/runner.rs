//! The runner that a job sees: its variables, and the payload of the event that started it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shipway_sandbox::Sandbox;

use super::Scene;

/// The merge commit that checkout takes on `pull_request` unless told otherwise.
const MERGE: &str = "ae5e9c1d00000000000000000000000000000000";

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
        _ => r#"{"repository": {"id": 7001, "full_name": "octo-org/web"}}"#.to_owned(),
    };
    if !scene.event.is_empty() {
        let event: PathBuf = outside.join("event.json");
        std::fs::write(&event, payload).unwrap();
        let pulled = matches!(scene.event.as_str(), "pull_request" | "fork");
        put(
            "GITHUB_EVENT_NAME",
            if pulled { "pull_request" } else { &scene.event },
        );
        put("GITHUB_EVENT_PATH", event.to_str().unwrap());
        put("GITHUB_REPOSITORY", "octo-org/web");
        put("GITHUB_REPOSITORY_ID", "7001");
        put("GITHUB_SERVER_URL", "https://github.com");
        put(
            "GITHUB_SHA",
            match checked_out {
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
