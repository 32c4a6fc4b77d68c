//! What befalls a drawn world: how its tasks behave, what other people do, and the trouble on the wire.

use std::time::Duration;

use serde_json::{Value, json};

use super::Drawn;
use super::dice::{Dice, seconds};

const REASONS: [&str; 5] = [
    "Target.FailedHealthChecks",
    "Target.Timeout",
    "Target.ResponseCodeMismatch",
    "Target.FailedHealthChecks",
    "Target.Timeout",
];

const NEVER_STARTED: [&str; 5] = [
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0: not found",
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm",
    "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code 429 Too Many Requests",
    "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group",
    "Timeout waiting for network interface provisioning to complete.",
];

/// How tasks of the new revisions behave, and sometimes how those do that ran before.
pub fn behaviours(dice: &mut Dice) -> Value {
    let mut all = Vec::new();
    for revision in ["2", "3"] {
        let mut behaviour = behaviour(dice);
        behaviour["task-definition"] = json!(revision);
        if dice.chance(25) {
            behaviour["only-first"] = json!(dice.between(1, 4));
        }
        all.push(behaviour);
    }
    if dice.chance(6) {
        // What ran before does not come up again.
        let mut behaviour = behaviour(dice);
        behaviour["task-definition"] = json!("1");
        all.insert(0, behaviour);
    }
    Value::Array(all)
}

fn behaviour(dice: &mut Dice) -> Value {
    let kind = dice.weighed(&[
        (34, "good"),
        (10, "slow"),
        (10, "crash"),
        (8, "crash-later"),
        (9, "never"),
        (10, "unhealthy"),
        (5, "unhealthy-later"),
        (4, "container"),
        (3, "unplaceable"),
        (7, "healthy-late"),
    ]);
    match kind {
        "slow" => json!({ "start-after": dice.time(15, 100) }),
        "crash" => {
            let mut crash =
                json!({ "after": dice.time(0, 40), "exit-code": dice.of(&[0, 1, 137, 139]) });
            if dice.chance(20) {
                crash = json!({ "after": dice.time(1, 30), "out-of-memory": true });
            }
            json!({ "crash": crash })
        }
        "crash-later" => {
            json!({ "crash": { "after-healthy": dice.time(1, 150), "exit-code": 1 } })
        }
        "never" => {
            json!({ "fail-to-start": dice.of(&NEVER_STARTED), "start-after": dice.time(2, 20) })
        }
        "unhealthy" => json!({ "unhealthy": { "reason": dice.of(&REASONS) } }),
        "unhealthy-later" => {
            json!({ "unhealthy": { "reason": dice.of(&REASONS), "after": dice.time(5, 120) } })
        }
        "container" => json!({ "container-health": { "unhealthy-after": dice.time(0, 60) } }),
        "unplaceable" => {
            json!({ "unplaceable": "No Container Instances were found in your cluster." })
        }
        "healthy-late" => json!({ "healthy-after": dice.time(5, 60) }),
        _ => json!({}),
    }
}

/// What other people and AWS do.
pub fn timeline(dice: &mut Dice, desired: u64) -> Value {
    let number = dice.weighed(&[(62, 0), (26, 1), (12, 2)]);
    let mut entries = Vec::new();
    for _ in 0..number {
        let tasks = json!({
            "service": "web", "primary": dice.of(&[true, true, false]), "count": dice.between(1, 2),
        });
        let action = match dice.below(15) {
            0 | 1 => json!({ "update-service": { "service": "web", "image": "ecr:web:v3" } }),
            2 => json!({ "update-service": { "service": "web", "force-new-deployment": true } }),
            3 | 4 => {
                let count = dice.below(5);
                json!({ "update-service": { "service": "web", "desired-count": count } })
            }
            5 => {
                json!({ "autoscale": { "service": "web", "desired-count": desired + dice.between(1, 3) } })
            }
            6 | 7 => json!({ "set-alarm": "web-5xx" }),
            8 => json!({ "stop-service-deployment": "web" }),
            9 => json!({ "stop-tasks": tasks }),
            10 => json!({ "crash-tasks": tasks }),
            11 => json!({ "make-unhealthy": tasks }),
            12 => json!({ "spot-interrupt": tasks }),
            13 => json!({ "remove-deployment": "web" }),
            14 => {
                let action = dice.of(&["CONTINUE", "CONTINUE", "ROLLBACK"]);
                json!({ "continue-service-deployment": { "service": "web", "action": action } })
            }
            _ => json!({ "delete-service": "web" }),
        };
        let before = dice.chance(15);
        let at = if before {
            dice.time(0, 5)
        } else {
            dice.time(0, 200)
        };
        let when = if before { "started" } else { "updated" };
        entries.push(json!({ "when": when, "at": at, "do": action }));
        if entries
            .last()
            .is_some_and(|e| e["do"].get("set-alarm").is_some())
            && dice.chance(50)
        {
            let clear = json!({ "clear-alarm": "web-5xx" });
            entries.push(json!({ "when": "updated", "at": dice.time(20, 200), "do": clear }));
        }
    }
    Value::Array(entries)
}

/// What is read while waiting.
const READS: [&str; 6] = [
    "DescribeServices",
    "DescribeServiceDeployments",
    "ListServiceDeployments",
    "ListTasks",
    "DescribeTasks",
    "DescribeTargetHealth",
];
/// What can be done without.
const DISPENSABLE: [&str; 3] = [
    "Describe*ServiceDeployments",
    "DescribeTasks",
    "DescribeTargetHealth",
];

pub fn trouble(dice: &mut Dice, drawn: &mut Drawn) {
    drawn.troubled = true;
    let begins = drawn.begins.as_secs();
    let mut rules = Vec::new();
    for _ in 0..dice.between(1, 4) {
        let operation = dice.of(&READS);
        let from = begins + dice.below(150);
        let effect = dice.weighed(&[
            (4, "throttle"),
            (2, "internal-error"),
            (2, "unavailable"),
            (3, "reset"),
            (2, "lost-answer"),
            (3, "delay"),
            (3, "stale"),
        ]);
        let long = if effect == "stale" {
            dice.between(1, 12)
        } else {
            dice.between(1, 90)
        };
        let mut rule = json!({
            "operation": dice.weighed(&[(4, operation), (1, "Describe*")]), "do": effect,
            "from": seconds(from), "until": seconds(from + long),
        });
        match effect {
            "stale" => {
                // One answer after another of the same age is not older than the rule is long.
                rule["operation"] = json!(operation);
                drawn.stale = drawn.stale.max(Duration::from_secs(long));
            }
            "delay" => rule["delay"] = json!(dice.time(0, 25)),
            _ => {}
        }
        if dice.chance(30) && effect != "stale" {
            rule["times"] = json!(dice.between(1, 5));
        }
        rules.push(rule);
    }
    if dice.chance(15) {
        let operation = dice.of(&DISPENSABLE);
        drawn.denied = Some(operation);
        let from = if dice.chance(70) {
            0
        } else {
            begins + dice.below(80)
        };
        rules.insert(
            0,
            json!({ "operation": operation, "service": if operation == "DescribeTargetHealth" { "elasticloadbalancing" } else { "ecs" },
                    "do": "denied", "from": seconds(from) }),
        );
    }
    if dice.chance(20) {
        let effect = dice.of(&["throttle", "internal-error", "reset", "lost-answer"]);
        rules.push(
            json!({ "operation": "UpdateService", "do": effect, "times": dice.between(1, 2) }),
        );
    }
    drawn.world["trouble"]["rules"] = json!(rules);
}
