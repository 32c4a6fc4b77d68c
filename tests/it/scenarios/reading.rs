//! What people read of a played run, as YAML. Knows what is asked to be shown; plays nothing.

use std::collections::BTreeSet;

use shipway_sandbox::World;

use crate::harness::Played;

/// As YAML again, so that an editor folds it.
pub fn what_is_read(played: &Played, show: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let mut block = |name: &str, body: &str| {
        text.push_str(&format!("{name}: |\n"));
        for line in body.lines() {
            text.push_str(if line.is_empty() { "" } else { "  " });
            text.push_str(line.trim_end());
            text.push('\n');
        }
    };
    block("took", &format!("{:.1} s", played.took.as_secs_f64()));
    block("log", &steady(&played.stderr));
    for comment in &played.comments {
        block("comment", &seen(comment, show.contains("memory")));
    }
    if show.contains("stdout") {
        block("stdout", &played.stdout);
    }
    if show.contains("reactions") {
        block("reactions", &reactions(played));
    }
    if show.contains("deployments") {
        block("deployments", &played.deployments.join("\n"));
    }
    if show.contains("calls") {
        block("calls", &played.calls_in_words().join("\n"));
    }
    if show.contains("outputs") {
        block("outputs", &outputs_in_words(&played.outputs));
    }
    if show.contains("summary") {
        block("summary", &played.summary);
    }
    if show.contains("report") {
        block("report", &played.report);
    }
    if show.contains("document") {
        for registered in played
            .calls
            .iter()
            .filter(|r| r.operation == "RegisterTaskDefinition")
        {
            block(
                "document",
                &serde_json::to_string_pretty(&registered.input).unwrap(),
            );
        }
    }
    text
}

/// To the comments on the pull request, each under its first line.
fn reactions(played: &Played) -> String {
    let of = |world: &mut World| {
        let comments = world.github.comments_on(7);
        let lines = comments.filter(|c| !c.reactions.is_empty()).map(|c| {
            let given: Vec<&str> = c.reactions.iter().map(|r| r.content.as_str()).collect();
            let said = c.body.lines().next().unwrap_or_default();
            format!("{}: {said}: {}", c.author, given.join(", "))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    played.sandbox.with_world(of)
}

/// What the comment remembers is hidden: it holds every time to the millisecond, and is shown where it is the point.
fn seen(comment: &str, with_memory: bool) -> String {
    let hidden = |line: &&str| line.starts_with("<!-- shipway past ") && !with_memory;
    let lines: Vec<&str> = comment.lines().filter(|l| !hidden(l)).collect();
    lines.join("\n")
}

/// Secrets that the runner is told to hide, and tokens that nobody may guess, differ from run to run.
fn steady(log: &str) -> String {
    let mut lines = Vec::new();
    for line in log.lines() {
        lines.push(match line {
            _ if line.starts_with("::add-mask::") => "::add-mask::(a secret)".to_owned(),
            _ if line.starts_with("::stop-commands::shipway-") => {
                "::stop-commands::(token)".to_owned()
            }
            _ if line.starts_with("::shipway-") => "::(token)::".to_owned(),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// `GITHUB_OUTPUT` without its random delimiters.
fn outputs_in_words(outputs: &str) -> String {
    let mut lines = outputs.lines();
    let mut words = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|l| *l != delimiter).collect();
            words.push(format!("{name}={}", value.join("\\n")));
        }
    }
    words.join("\n")
}

/// Lines that are only in one of the two, in order.
pub fn difference(expected: &str, actual: &str) -> String {
    let (was, is): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let missing = was
        .iter()
        .filter(|l| !is.contains(l))
        .map(|l| format!("- {l}"));
    let new = is
        .iter()
        .filter(|l| !was.contains(l))
        .map(|l| format!("+ {l}"));
    missing.chain(new).collect::<Vec<_>>().join("\n")
}
