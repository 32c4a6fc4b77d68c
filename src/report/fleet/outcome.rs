//! How the scaling of many services went as rows, and the reasons in words. Knows the plan's data; decides nothing.

use jiff::Timestamp;

use super::{Done, Fleet, Goal, Row, Size};
use crate::plan::scale::{Act, Failed, Note, One, Outcome, To, Why};
use crate::report::escape;
use crate::report::event::Text;

impl Fleet {
    /// Without what only the run knows: time and address.
    pub fn of(outcome: &Outcome) -> Fleet {
        let region = |(region, failed): &(String, Failed)| {
            let mut text = Text::new();
            for (n, line) in lines(failed).enumerate() {
                text = if n == 0 { text } else { text.say(" ") };
                text = text.join(line);
            }
            (region.clone(), text)
        };
        Fleet {
            goal: match outcome.to {
                To::Zero => Goal::Count(0),
                To::Count(count) => Goal::Count(count),
                To::Restore => Goal::Restore,
            },
            dry_run: outcome.dry_run,
            cancelled: outcome.cancelled,
            rows: outcome.services.iter().map(row).collect(),
            regions: outcome.regions.iter().map(region).collect(),
            took: std::time::Duration::ZERO,
            run_url: None,
        }
    }
}

fn row(one: &One) -> Row {
    let failed = one.failed.as_ref();
    Row {
        region: one.region.clone(),
        cluster: one.cluster.clone(),
        service: one.service.clone(),
        done: match one.act {
            Act::Zeroed | Act::Restored | Act::Scaled => Done::Changed,
            Act::Nothing => Done::Unchanged,
            Act::Skipped => Done::Skipped,
            Act::Failed => Done::Failed,
            Act::Interrupted => Done::Begun,
            Act::NotBegun => Done::NotReached,
        },
        was: Some(one.was),
        now: Some(one.now),
        why: match failed {
            Some(failed) => lines(failed).next(),
            None => one.why.as_ref().and_then(why),
        },
        alike: failed.map(|f| without_name(f, one)).unwrap_or_default(),
        evidence: failed.iter().flat_map(|f| lines(f).skip(1)).collect(),
        code: failed.map(|f| f.code.clone()),
        fix: failed.and_then(|f| f.help.clone()).map(Text::with_code),
        notes: one.notes.iter().map(note).collect(),
        slept_for: one.slept_for,
        size: one.size.map(|size| Size {
            cpu_units: size.cpu_units,
            memory_mib: size.memory_mib,
        }),
    }
}

/// A service that failed, for the log: the words follow in the table.
pub fn failure(one: &One) -> Option<Text> {
    let failed = one.failed.as_ref()?;
    let text = Text::new().code(format!("{}/{}", one.cluster, one.service));
    Some(text.say(format!(" failed ({})", failed.code)))
}

/// The first says what failed, the others why.
fn lines(failed: &Failed) -> impl Iterator<Item = Text> {
    failed.lines.iter().map(|line| Text::new().quote(line))
}

/// The same failure of another service reads the same: AWS names the service by its ARN.
fn without_name(failed: &Failed, one: &One) -> String {
    let text = lines(failed)
        .next()
        .as_ref()
        .map(escape::plain)
        .unwrap_or_default();
    let name = format!("{}/{}", one.cluster, one.service);
    let text = text.replace(&name, "…").replace(&one.region, "…");
    format!("{} {text}", failed.code)
}

/// Nothing where the count says it.
fn why(why: &Why) -> Option<Text> {
    Some(match why {
        Why::KeepAwake => Text::new().say("tagged ").code("shipway:keep-awake"),
        Why::Daemon => "DAEMON: its tasks follow the container instances".into(),
        Why::Express => "Express mode: ECS manages it itself".into(),
        Why::Deploying { ids } => Text::new()
            .say("being deployed (")
            .code(ids.join(", "))
            .say(")"),
        Why::ScheduledActions { count } => {
            let actions = if *count == 1 { "action" } else { "actions" };
            let text =
                Text::new().say(format!("{count} scheduled scaling {actions} may wake it ("));
            text.code("suspend-scheduled").say(" suspends them)")
        }
        Why::ChangedMeanwhile { kept, now, since } => Text::new()
            .say(format!(
                "somebody set it to {now} since it went from {kept} to 0 on {} (",
                moment(since)
            ))
            .code("force")
            .say(" goes over that)"),
        Why::Asleep { since } => Text::new()
            .say(format!("asleep since {} (", moment(since)))
            .code("to: restore")
            .say(" wakes it)"),
        Why::NothingKept => Text::new()
            .say("nothing was kept of it (")
            .code("default-count")
            .say(" gives it a count)"),
        Why::Deleted => "deleted meanwhile".into(),
        Why::AsleepAlready { since } => Text::new().say(format!("asleep since {}", moment(since))),
        Why::ZeroAlready => "at 0, though not by Shipway".into(),
        Why::AwakeAlready => "not asleep".into(),
        Why::CountAlready { .. } => return None,
    })
}

fn moment(at: &Timestamp) -> String {
    at.strftime("%-d %b %H:%M UTC").to_string()
}

fn note(note: &Note) -> Text {
    let denied = |what: &str, permission: &str| {
        let text = Text::new().say(format!("{what} could not be looked up ("));
        text.code(permission).say(" is denied)")
    };
    match note {
        Note::MovedByAutoscaling { to } => {
            Text::new().say(format!("autoscaling had set it to {to}"))
        }
        Note::Forced { from } => Text::new().say(format!("somebody had set it to {from}")),
        Note::Clamped { kept, to } => Text::new().say(format!(
            "{to} in place of {kept}, by the scalable target's bounds of today"
        )),
        Note::Suspended {
            min,
            max,
            scheduled,
        } => {
            let also = if *scheduled {
                ", scheduled actions too"
            } else {
                ""
            };
            Text::new().say(format!("autoscaling {min}–{max} is suspended{also}"))
        }
        Note::Resumed { min, max } => Text::new().say(format!("autoscaling {min}–{max} again")),
        Note::ScalableTargetGone => "its scalable target is gone".into(),
        Note::BoundsChanged => {
            "its scalable target was changed while it slept, and what was changed stays".into()
        }
        Note::StillSuspended => {
            "its scalable target is suspended, and nothing says whether it was before".into()
        }
        Note::NothingKept => Text::new()
            .say("nothing could be kept of it: it comes back with ")
            .code("default-count"),
        Note::WhileDeploying => "while it was being deployed".into(),
        Note::ImageUnseen { permission } => denied("its image", permission),
        Note::Superseded => "a newer deployment took over".into(),
        Note::HealthUnseen { permission } => denied("the health of its tasks", permission),
    }
}
