//! The documentation says what the code does: every code is explained, every link leads somewhere, every block parses, and
//! the policy that it hands out is just enough for a deploy.

mod rollback_policy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use serde_yaml::Value as Yaml;

use crate::harness::{Next, Played, SETTINGS, Scene, deploy, overlay, play};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Markdown that people read: at the top, in docs/ and benches/.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["", "docs", "benches"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(root().join(dir)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.sort();
    assert!(pages.len() > 6, "the pages are where they were: {pages:?}");
    pages
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs")
            && !path.to_string_lossy().ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

fn codes(text: &str) -> BTreeSet<String> {
    let code = Regex::new(r"shipway::(usage|config|credentials|permission|build|push|preflight|deploy|github|report|sandbox|internal)::[a-z_]+").unwrap();
    code.find_iter(text)
        .map(|m| m.as_str().to_owned())
        .collect()
}

#[test]
fn every_code_is_explained() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut in_source: BTreeSet<String> = files.iter().flat_map(|f| codes(&read(f))).collect();
    // Made of the verdict's word.
    for verdict in [
        "rolled_back",
        "failed",
        "unknown",
        "superseded",
        "timed_out",
    ] {
        in_source.insert(format!("shipway::deploy::{verdict}"));
    }
    let explained = codes(&read(&root().join("docs/troubleshooting.md")));
    let missing: Vec<_> = in_source.difference(&explained).collect();
    let gone: Vec<_> = explained.difference(&in_source).collect();
    assert!(
        missing.is_empty(),
        "not in docs/troubleshooting.md: {missing:#?}"
    );
    assert!(gone.is_empty(), "explained, but no longer there: {gone:#?}");
}

/// As GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|l| l.strip_prefix('#'))
        .map(|l| {
            l.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in link.captures_iter(&text).map(|c| c[1].to_owned()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let there =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some(word) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines
            .by_ref()
            .take_while(|l| !l.trim_start().starts_with("```"))
            .map(|l| l.get(indent..).unwrap_or_default())
            .collect();
        if word == language {
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

#[test]
fn every_block_parses() {
    for page in pages() {
        let text = read(&page);
        for block in blocks(&text, "json") {
            serde_json::from_str::<Value>(&block)
                .unwrap_or_else(|e| panic!("{}: {e}\n{block}", page.display()));
        }
        for block in blocks(&text, "yaml") {
            serde_yaml::from_str::<Yaml>(&block)
                .unwrap_or_else(|e| panic!("{}: {e}\n{block}", page.display()));
        }
    }
}

/// The first policy of a page, in the usual world's names.
fn policy_of(page: &str) -> Value {
    policy_below(page, "")
}

/// The first one below a heading.
fn policy_below(page: &str, heading: &str) -> Value {
    let text = read(&root().join(page));
    let (_, text) = text.split_once(heading).unwrap();
    let text = &blocks(text, "json")[0];
    let text = text
        .replace("role/web-execution", "role/ecsTaskExecutionRole")
        .replace("444455556666", "111122223333");
    serde_json::from_str(&text).unwrap()
}

fn without(mut policy: Value, action: &str) -> Value {
    for statement in policy["Statement"].as_array_mut().unwrap() {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|a| a.as_str() != Some(action));
        } else if statement["Action"] == action {
            statement["Action"] = "sts:GetCallerIdentity".into();
        }
    }
    policy
}

fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|s| match &s["Action"] {
        Value::Array(actions) => actions.clone(),
        one => vec![one.clone()],
    });
    actions.map(|a| a.as_str().unwrap().to_owned()).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Story {
    /// The load balancer's rule names a host.
    Host,
    /// Its own DNS name is the address.
    NoHost,
    /// It cannot succeed, and is ended.
    Fails,
    /// The new container ends by itself.
    Crash,
}

const STORIES: [Story; 4] = [Story::Host, Story::NoHost, Story::Fails, Story::Crash];

fn played_with(policy: &Value, story: Story) -> Played {
    let mut world = serde_json::json!({ "iam": { "roles": [{ "name": "shipway-production", "policy": policy }] } });
    if story == Story::Fails {
        world["timeline"] = serde_json::json!([
            { "when": "updated", "do": { "delete-image": "ecr:web:v2" } }
        ]);
    }
    if story == Story::Crash {
        world["services"] = serde_json::json!({ "web": { "log-group": "/ecs/web" } });
        world["behaviours"] = serde_json::json!([
            { "task-definition": "2", "crash": { "after": "3s", "exit-code": 1 }, "logs": ["why"] }
        ]);
    }
    if story == Story::NoHost {
        world["load-balancers"] = serde_json::json!([
            { "name": "web-alb", "listeners": [{ "port": 80, "forward": "web" }] }
        ]);
    }
    play(Scene {
        // JSON is YAML; the values themselves do not convert, for our numbers are kept as texts.
        world: serde_yaml::from_str(&world.to_string()).unwrap(),
        args: deploy(&["--image", "v2", "--ecr-repository", "web"]),
        event: "push".to_owned(),
        ..Scene::default()
    })
}

#[test]
fn the_policy_is_enough_and_no_more_than_that() {
    let policy = policy_of("docs/iam.md");
    let full = STORIES.map(|story| played_with(&policy, story));
    for (full, story) in full.iter().zip(STORIES) {
        let failed = u8::from(matches!(story, Story::Fails | Story::Crash));
        assert_eq!(full.exit, failed, "{}", full.stderr);
        assert!(!full.stderr.contains("warning"), "{}", full.stderr);
    }

    // The scripted world is pushed to by nobody; the tests with a real engine are.
    let of_a_push = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:CompleteLayerUpload",
        "ecr:GetAuthorizationToken",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ];
    for action in actions(&policy) {
        if of_a_push.contains(&action.as_str()) {
            continue;
        }
        let less = without(policy.clone(), &action);
        let is_missed = STORIES
            .iter()
            .zip(&full)
            .any(|(story, full)| played_with(&less, *story).stderr != full.stderr);
        assert!(is_missed, "{action} could be left out of docs/iam.md");
    }
}

/// A night and a morning of services of every kind: by a tag, behind a load balancer, with autoscaling that moves one in the
/// night. What is said of both runs.
fn night_with(policy: &Value) -> (Vec<u8>, String) {
    let target = |more: Value| {
        let mut target = serde_json::json!({ "min": 1, "max": 4 });
        target
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        target
    };
    let service = |name: &str, more: Value| {
        let mut service = serde_json::json!({ "cluster": "staging", "name": name, "desired": 2, "image": "ecr:web:v1" });
        service
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        service
    };
    let world = serde_json::json!({
        "clusters": ["prod", "staging"],
        "iam": { "roles": [{ "name": "shipway-production", "policy": policy }] },
        "services": [
            service("api", serde_json::json!({ "port": 80, "target-group": "web",
                "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:v1" })),
            service("moved", serde_json::json!({ "scalable-target": target(serde_json::json!({})) })),
            service("planned", serde_json::json!({ "scalable-target": target(serde_json::json!({
                "scheduled-actions": { "morning": { "schedule": "cron(0 7 * * ? *)", "min": 2 } } })) })),
        ],
        "timeline": [
            { "at": "1h", "do": { "register-scalable-target": { "service": "moved", "suspended": {
                "DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false } } } },
            { "at": "2h", "do": { "autoscale": { "service": "moved", "desired-count": 1 } } },
        ],
    });
    let args = |to: &str| -> Vec<String> {
        let more = ["--to", to, "--clusters", "staging", "--suspend-scheduled"];
        let all = ["scale"]
            .into_iter()
            .chain(SETTINGS[..4].iter().copied())
            .chain(more);
        all.map(str::to_owned).collect()
    };
    let played = play(Scene {
        world: serde_yaml::from_str(&world.to_string()).unwrap(),
        args: args("0"),
        event: "schedule".to_owned(),
        then: vec![Next {
            after: Duration::from_secs(36_000),
            args: args("restore"),
            signal_after: None,
        }],
        ..Scene::default()
    });
    let runs: Vec<&Played> = [&played].into_iter().chain(&played.later).collect();
    let said = runs
        .iter()
        .map(|run| format!("{}{}{}", run.stderr, run.summary, run.standing.join("\n")));
    (runs.iter().map(|run| run.exit).collect(), said.collect())
}

#[test]
fn the_policy_of_scale_is_enough_and_no_more_than_that() {
    let policy = policy_of("docs/scale.md");
    let (exits, full) = night_with(&policy);
    assert_eq!(exits, [0, 0], "{full}");
    assert!(
        !full.contains("warning") && !full.contains("could not"),
        "{full}"
    );
    for action in actions(&policy) {
        let (_, said) = night_with(&without(policy.clone(), &action));
        assert_ne!(said, full, "{action} could be left out of docs/scale.md");
    }
}

/// The policy of docs/preview.md, with this world's account and names.
fn policy_of_previews() -> Value {
    let text = read(&root().join("docs/preview.md"));
    let text = blocks(&text, "json")[0]
        .replace("444455556666", "111122223333")
        .replace("service/staging/", "service/prod/")
        .replace("role/web-execution", "role/ecsTaskExecutionRole")
        .replace("role/shipway-preview", "role/shipway-production");
    serde_json::from_str(&text).unwrap()
}

/// A run with that policy, in a world of `tests/worlds`.
fn preview_with(policy: &Value, world: &str, words: &str, event: &str, again: bool) -> Played {
    let mut file: Yaml =
        serde_yaml::from_str(&read(&root().join(format!("tests/worlds/{world}.yml")))).unwrap();
    let role = serde_json::json!({ "iam": { "roles": [{ "name": "shipway-production", "policy": policy }] } });
    overlay(&mut file, &serde_yaml::from_str(&role.to_string()).unwrap());
    let args = format!(
        "preview {words} --aws-region eu-west-1 --role-to-assume arn:aws:iam::111122223333:role/shipway-production \
         --cluster prod --base-service web --ecr-repository web-preview --preview-host pr-{{number}}.preview.example.com"
    );
    play(Scene {
        world: file,
        args: args.split_whitespace().map(str::to_owned).collect(),
        event: event.to_owned(),
        files: [("Dockerfile".to_owned(), "FROM scratch\n".to_owned())].into(),
        git: world == "preview_up",
        again_after: again.then(|| Duration::from_secs(5 * 24 * 3600)),
        ..Scene::default()
    })
}

#[test]
fn the_policy_of_previews_is_enough_and_no_more_than_that() {
    let policy = policy_of_previews();
    let runs = [
        ("preview_up", "", "pull_request", false),
        // The same commit again, days later.
        ("preview_up", "", "pull_request", true),
        ("previews", "sleep", "pull_request", false),
        ("previews", "down", "pull_request", false),
        ("previews", "wake --pull-request 8", "", false),
        ("previews", "list", "", false),
        ("previews", "", "schedule", false),
    ];
    let mut called = BTreeSet::new();
    for (world, words, event, again) in runs {
        let words = match event {
            "" => format!("{words} --repository octo-org/web"),
            _ => words.to_owned(),
        };
        let played = preview_with(&policy, world, &words, event, again);
        assert_eq!(played.exit, 0, "{words}: {}", played.stderr);
        let denied: Vec<String> = played
            .aws_calls()
            .filter(|c| {
                c.error
                    .as_deref()
                    .is_some_and(|e| e.contains("AccessDenied"))
            })
            .map(|c| c.name())
            .collect();
        assert_eq!(denied, Vec::<String>::new(), "{words}: {}", played.stderr);
        assert!(
            !played.stderr.contains("warning"),
            "{words}: {}",
            played.stderr
        );
        called.extend(played.aws_calls().map(|c| c.name()));
    }
    let allowed: BTreeSet<String> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| match &s["Action"] {
            Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        })
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    // Asked for on the way: roles that are passed, a push, which this world is spared, at a load balancer that is full, and
    // where a task fails.
    let on_the_way = [
        "iam:PassRole",
        "logs:GetLogEvents",
        "elasticloadbalancing:DescribeAccountLimits",
        "ecr:BatchCheckLayerAvailability",
        "ecr:CompleteLayerUpload",
        "ecr:GetAuthorizationToken",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
    ];
    let unused: Vec<&String> = allowed
        .iter()
        .filter(|a| !called.contains(*a) && !on_the_way.contains(&a.as_str()))
        .collect();
    assert!(
        unused.is_empty(),
        "could be left out of docs/preview.md: {unused:?}"
    );
}
