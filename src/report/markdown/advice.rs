//! Advice in words, with its numbers and the command that follows it.

use super::announcement::Announcement;
use crate::report::escape;
use crate::report::event::{Text, bytes_in_words, duration};
use crate::rollout::Advice;

pub fn words(advice: &Advice) -> Text {
    match advice {
        Advice::HealthCheckInterval {
            target_group,
            interval_seconds,
            unhealthy_threshold,
            spent,
            better_seconds,
            saves,
        } => Text::new()
            .say(format!(
                "{} went into the health check of ",
                duration(*spent)
            ))
            .code(target_group.as_str())
            .say(format!(
                ", which looks every {interval_seconds} s and takes {unhealthy_threshold} failures for one: an interval of {better_seconds} s \
                 would save {} of every deploy (",
                duration(*saves)
            ))
            .code("HealthCheckIntervalSeconds")
            .say("; the check's time-out has to be shorter)"),
        Advice::DeregistrationDelay {
            target_group,
            drained,
            better,
            saves,
        } => Text::new()
            .say(format!(
                "ECS waited {} more while old targets of ",
                duration(*drained)
            ))
            .code(target_group.as_str())
            .say(" drained: with ")
            .code(format!("deregistration_delay.timeout_seconds={}", better.as_secs()))
            .say(format!(
                " it would be up to {} less, where no request takes longer than {}",
                duration(*saves),
                duration(*better)
            )),
        Advice::StopTimeout {
            container,
            took,
            saves,
        } => Text::new()
            .say(format!("ECS waited {} for old tasks to end: container ", duration(*took)))
            .code(container.as_str())
            .say(" does not end on SIGTERM and is killed after ")
            .code("stopTimeout")
            .say(format!(
                "; one that handles the signal, or a shorter time, would save up to {}",
                duration(*saves)
            )),
        Advice::ImageSize { pull, bytes, saves } => {
            let size = bytes.map(|b| format!(" of {}", bytes_in_words(b))).unwrap_or_default();
            Text::new().say(format!(
                "{} went into pulling the image{size}: half the size would save about {} of every deploy",
                duration(*pull),
                duration(*saves)
            ))
        }
    }
}

/// GitHub's own alert.
pub(super) fn tip(about: &Announcement) -> Option<String> {
    if about.advice.is_empty() {
        return None;
    }
    let lines: Vec<String> = about
        .advice
        .iter()
        .map(|advice| format!("> {}\n", escape::markdown(&words(advice))))
        .collect();
    Some(format!("> [!TIP]\n{}", lines.join(">\n")))
}
