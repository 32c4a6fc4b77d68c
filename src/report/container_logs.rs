//! A container's last lines in words: what they are, where they stand, and why there are none. Renders nothing.

use super::event::{Text, duration};
use crate::model::container_logs::{ContainerLogs, Found, LogPlace};

/// `Last 12 log lines of web`
pub(super) fn title(logs: &ContainerLogs) -> Text {
    let what = match logs.lines().len() {
        1 => "The last log line of ".to_owned(),
        n => format!("Last {n} log lines of "),
    };
    Text::new().say(what).code(logs.container.as_str())
}

/// `group /ecs/web, stream ecs/web/…`, and the Region where it is another than the tasks'.
pub(super) fn place(logs: &ContainerLogs) -> Option<Text> {
    let at = logs.place.stream()?;
    let mut text = Text::new().say("group ").code(at.group.as_str());
    if let Some(stream) = &at.stream {
        text = text.say(", stream ").code(stream.as_str());
    }
    if at.elsewhere {
        text = text.say(", Region ").code(at.region.as_str());
    }
    Some(text)
}

/// `None` where there are lines.
pub(super) fn note(logs: &ContainerLogs) -> Option<Text> {
    let none = Text::new()
        .say("No log lines of ")
        .code(logs.container.as_str());
    Some(match (&logs.found, &logs.place) {
        (Found::Lines(_), _) => return None,
        (Found::None { waited }, _) => none.say(match waited.as_secs() == 0 {
            true => ": there were none yet, and no time was left to wait for them".to_owned(),
            false => format!(
                ": none came within {}; it may have written none, or the log driver, which does not block by default, lost them",
                duration(*waited)
            ),
        }),
        (Found::NoGroup, _) => none.say(": there is no such log group"),
        (Found::Denied { permission }, _) => none
            .say(": ")
            .code(permission.as_str())
            .say(" is denied; allow it, and they stand here"),
        (Found::Failed { why }, _) => none.say(format!(": {why}")),
        (Found::NotAsked, LogPlace::Driver { driver, output }) => {
            let text = none.say(": they go through log driver ").code(driver.as_str());
            match (driver.as_str(), output) {
                ("none", _) => none_are_kept(logs, driver),
                (_, Some(output)) => text
                    .say(" to its output ")
                    .code(output.as_str())
                    .say(": look there"),
                _ => text.say(": look where that sends them"),
            }
        }
        (Found::NotAsked, LogPlace::CloudWatch(_)) => none
            .say(": without ")
            .code("awslogs-stream-prefix")
            .say(" the stream is called as the container's runtime id, which ECS does not tell here; look for it in the group"),
        (Found::NotAsked, _) => none
            .say(": its definition has no ")
            .code("logConfiguration")
            .say(", so Fargate keeps none; on an instance, ")
            .code("docker logs")
            .say(" may have them"),
    })
}

fn none_are_kept(logs: &ContainerLogs, driver: &str) -> Text {
    Text::new()
        .say("No log lines of ")
        .code(logs.container.as_str())
        .say(": log driver ")
        .code(driver)
        .say(" keeps none")
}
