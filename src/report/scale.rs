//! Services to zero and back, in words: a line a service, why it was left alone, and how it all went.

use super::event::{Text, duration};
use crate::plan::scale::{Act, Failed, Note, One, Outcome, To, Why};

/// A service and what was done: `staging/web: 3 → 0`.
pub fn line(one: &One, dry_run: bool) -> Text {
    let text = Text::new()
        .code(format!("{}/{}", one.cluster, one.service))
        .say(format!(": {}", counts(one)));
    let mut text = match one.act {
        Act::Zeroed | Act::Restored | Act::Scaled if dry_run => text,
        Act::Zeroed => text.say(" · asleep"),
        Act::Restored => text.say(" · restored"),
        Act::Scaled => text,
        Act::Nothing | Act::Skipped => text.say(format!(" · {}", one.act.word())),
        Act::Failed => text.say(" · failed"),
        Act::Interrupted => text.say(" · interrupted: the next run completes it"),
        Act::NotBegun => text.say(" · not begun"),
    };
    if let Some(slept) = &one.slept {
        let time = std::time::Duration::from_secs(slept.seconds);
        text = text.say(format!(", slept {}", duration(time)));
    }
    if let Some(reason) = &one.why {
        text = text.say(": ").join(why(reason));
    }
    if let Some(failed) = &one.failed {
        text = text.say(": ").join(failure(failed));
    }
    for each in &one.notes {
        text = text.say(" · ").join(note(each));
    }
    text
}

fn counts(one: &One) -> String {
    match one.was == one.now {
        true => one.was.to_string(),
        false => format!("{} → {}", one.was, one.now),
    }
}

/// Why it was left alone.
pub fn why(why: &Why) -> Text {
    let day = |at: &jiff::Timestamp| at.strftime("%d %b %H:%M UTC").to_string();
    match why {
        Why::KeepAwake => Text::new().say("tagged ").code("shipway:keep-awake"),
        Why::Daemon => "DAEMON: the container instances decide how many tasks there are".into(),
        Why::Express => "Express mode: ECS manages it, and UpdateExpressGatewayService changes it".into(),
        Why::Deploying { ids } => {
            let text = Text::new().say("being deployed (").code(ids.join(", "));
            text.say("); ").code("if-deploying").say(" waits or goes on")
        }
        Why::ScheduledActions { count } => {
            let actions = if *count == 1 { "action" } else { "actions" };
            Text::new()
                .say(format!("{count} scheduled {actions} would set its count; "))
                .code("suspend-scheduled")
                .say(" suspends them too")
        }
        Why::ChangedMeanwhile { kept, now, since } => Text::new()
            .say(format!(
                "somebody set its count to {now} since it went from {kept} to 0 on {}; ",
                day(since)
            ))
            .code("force")
            .say(" goes over that"),
        Why::Asleep { since } => {
            let text = Text::new().say(format!("asleep since {}; ", day(since)));
            text.code("to: restore").say(" wakes it")
        }
        Why::NothingKept => {
            let text = Text::new().say("nothing was kept of it; ");
            text.code("default-count").say(" gives it a count")
        }
        Why::AsleepAlready { since } => Text::new().say(format!("asleep since {}", day(since))),
        Why::ZeroAlready => "at 0 already, though not by Shipway".into(),
        Why::AwakeAlready => "not asleep".into(),
        Why::CountAlready { .. } => "so already".into(),
    }
}

pub fn note(note: &Note) -> Text {
    match note {
        Note::MovedByAutoscaling { to } => {
            Text::new().say(format!("autoscaling had set it to {to}"))
        }
        Note::Forced { from } => Text::new().say(format!("somebody had set it to {from}")),
        Note::Clamped { kept, to } => Text::new().say(format!(
            "{to} in place of {kept}: today's minimum and maximum"
        )),
        Note::ScalableTargetGone => "its scalable target is gone".into(),
        Note::BoundsChanged => {
            "its scalable target was changed meanwhile: what was changed stays".into()
        }
        Note::StillSuspended => "its scalable target is still suspended".into(),
        Note::NothingKept => "nothing could be kept of it".into(),
        Note::WhileDeploying => "while it is being deployed".into(),
        Note::ImageUnseen { permission } => {
            let text = Text::new().say("whether its image is still there was not seen (");
            text.code(permission.as_str()).say(" is denied)")
        }
        Note::Superseded => "a newer deployment took over".into(),
        Note::HealthUnseen { permission } => {
            let text = Text::new().say("its health was not seen (");
            text.code(permission.as_str()).say(" is denied)")
        }
    }
}

pub fn failure(failed: &Failed) -> Text {
    let mut text = Text::new();
    for (n, line) in failed.lines.iter().enumerate() {
        text = if n == 0 { text } else { text.say(" ") };
        text = text.quote(line);
    }
    text
}

/// How it all went, in a line.
pub fn headline(outcome: &Outcome) -> Text {
    let done = match outcome.to {
        To::Zero => (Act::Zeroed, "asleep"),
        To::Restore => (Act::Restored, "restored"),
        To::Count(_) => (Act::Scaled, "scaled"),
    };
    let mut parts = vec![format!("{} {}", outcome.count(done.0), done.1)];
    for (act, word) in [
        (Act::Nothing, "so already"),
        (Act::Skipped, "skipped"),
        (Act::Failed, "failed"),
        (Act::Interrupted, "interrupted"),
        (Act::NotBegun, "not begun"),
    ] {
        let count = outcome.count(act);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let what = match (outcome.dry_run, outcome.cancelled) {
        (true, _) => "would be: ",
        (_, true) => "cancelled: ",
        _ => "",
    };
    Text::new().say(format!("{what}{}", parts.join(" · ")))
}
