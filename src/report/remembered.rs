//! What the comment remembers of this deployment, once it ended. Knows what is worth remembering; not where it is kept.

use crate::model::Untrusted;
use crate::model::past::{self, LONGEST_CAUSE, PastDeployment};
use crate::model::verdict::Status;

use super::escape;
use super::github_deployment::deploys;
use super::markdown::{self, Announcement, State, remembered_as};

/// `None` while it goes on, and where the service was not touched: a build that fails five times in a row must not push
/// the five deployments out.
pub fn remembered(
    about: &Announcement,
    (run, attempt): (u64, u64),
    now: jiff::Timestamp,
) -> Option<PastDeployment> {
    let State::Ended { status, cause, .. } = &about.state else {
        return None;
    };
    if !deploys(about) {
        return None;
    }
    let ms = |time: &std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let parts = about.timings.as_ref().map(markdown::parts_of);
    let parts = parts.into_iter().flatten();
    let parts = parts.filter_map(|(name, took)| Some((remembered_as(name), ms(&took?))));
    Some(PastDeployment {
        run,
        attempt,
        status: *status,
        cause: cause
            .as_ref()
            .map(|c| Untrusted::new(short(&escape::text_line(c)))),
        commit: about.commit.as_ref().map(|c| c.sha.clone()),
        ended_at: now.as_second(),
        took_ms: about.took.as_ref().map_or(0, ms),
        phases: about
            .phases
            .iter()
            .map(|(phase, took)| (phase.word().to_owned(), ms(took)))
            .chain(parts)
            .collect(),
    })
}

/// Of the stretches, those that differ from deploy to deploy.
const TOLD: [&str; 6] = [
    "build",
    "push",
    "rollout",
    "pull",
    "start to healthy",
    "stays healthy",
];
/// Of what stands behind a status's words, in characters.
const LONGEST_TIMES: usize = 100;
const BEFORE_TIMES: &str = " · ";

/// ` · 112 s (build 41, pull 18)`: behind the words of a GitHub Deployment's last status, where a later run reads it back. Its
/// payload is written before there are any times.
pub fn times_in_words(about: &Announcement) -> Option<String> {
    about.took?;
    let this = remembered(about, (0, 0), jiff::Timestamp::UNIX_EPOCH)?;
    let seconds = |ms: u64| (ms + 500) / 1_000;
    let mut words = format!("{BEFORE_TIMES}{} s", seconds(this.took_ms));
    let mut parts = String::new();
    for (name, ms) in this
        .phases
        .iter()
        .filter(|(n, ms)| TOLD.contains(&n.as_str()) && seconds(*ms) > 0)
    {
        let comma = if parts.is_empty() { "" } else { ", " };
        let part = format!("{comma}{name} {}", seconds(*ms));
        if words.chars().count() + parts.chars().count() + part.chars().count() + 3 <= LONGEST_TIMES
        {
            parts.push_str(&part);
        }
    }
    if !parts.is_empty() {
        words.push_str(&format!(" ({parts})"));
    }
    Some(words)
}

/// What a deployment's last status says of it, which anybody who may write statuses may have written.
pub fn of_status(
    (run, attempt): (u64, u64),
    state: &str,
    description: &str,
    commit: Option<String>,
    ended_at: Option<jiff::Timestamp>,
) -> Option<PastDeployment> {
    let status = match state {
        "success" => Status::Serving,
        "failure" => Status::Failed,
        _ => return None,
    };
    let (words, times) = description.rsplit_once(BEFORE_TIMES)?;
    let (took, parts) = match times.split_once(" (") {
        Some((took, parts)) => (took, parts.strip_suffix(')')?),
        None => (times, ""),
    };
    let ms = |seconds: &str| seconds.parse::<u64>().ok()?.checked_mul(1_000);
    let part = |part: &str| {
        let (name, seconds) = part.rsplit_once(' ')?;
        Some((name.to_owned(), ms(seconds)?))
    };
    let parts = parts.split(", ").filter(|p| !p.is_empty());
    let past = PastDeployment {
        run,
        attempt,
        status,
        cause: (status == Status::Failed).then(|| Untrusted::new(short(words))),
        commit,
        ended_at: ended_at?.as_second(),
        took_ms: ms(took.strip_suffix(" s")?)?,
        phases: parts.map(part).collect::<Option<_>>()?,
    };
    past::sound(vec![past])?.pop()
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_CAUSE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_CAUSE - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
