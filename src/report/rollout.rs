//! A rollout's news and its end in words. `rollout` holds what happened as data; what others wrote stays quoted.

use super::event::{Event, Standing, Text, Warning, duration};
use crate::model::names::family_and_revision;
use crate::model::service::LifecycleHook;
use crate::rollout::news::{Because, TargetNote};
use crate::rollout::reason::{moment, spelled};
use crate::rollout::{Acted, Action, News, Part, Sentence};

/// One piece of news as the event that people see. `None`: outputs say it, people need not read it.
pub fn event(news: &News) -> Option<Event> {
    Some(match news {
        News::ServiceDeployment { arn } => Event::Line(Text::new().say("service deployment ").code(crate::model::names::last_segment(arn))),
        News::Status { status, reason } => Event::Line(with_reason(Text::new().say("status ").code(status.as_str()), reason.as_ref())),
        News::Stage { stage } => Event::Line(Text::new().say("stage ").code(stage.as_str())),
        News::Traffic { percent } => Event::Line(Text::new().say(format!("production traffic: {percent} % goes to the new revision"))),
        News::Hook { hook, stage } => Event::Line(lifecycle_hook(hook, stage.as_deref())),
        News::LimitIsShort { bakes, limit } => warning(
            "shipway::deploy::limit_is_short",
            Text::new().say(format!("the bakes of this deployment take {} together, and the limit is {}", spelled(*bakes), spelled(*limit))),
            Text::new().say("give it more with ").code("wait-for-minutes").say(", or wait for a stage with ").code("wait-until: stage:POST_TEST_TRAFFIC_SHIFT"),
        ),
        News::GroupUnknown { permission: Some(permission) } => warning(
            "shipway::permission::service_revisions",
            Text::new().code(permission.as_str()).say(" is denied: which of two target groups is the new revision's cannot be read, so its tasks are looked at and not its targets"),
            Text::new().say("allow ").code(permission.as_str()).say(" on the service revisions"),
        ),
        News::GroupUnknown { permission: None } => {
            Event::Line("which of two target groups is the new revision's cannot be read: its tasks are looked at, not its targets".into())
        }
        News::UnknownValue { member, value } => warning(
            "shipway::deploy::unknown_value",
            Text::new().say("AWS answers ").code(*member).say(" ").code(value.as_str()).say(", which this version does not know: it is not taken for success"),
            "a newer Shipway may know it",
        ),
        News::Doomed { why } => Event::Line(Text::new().say("this deployment will not succeed: ").join(sentence(why))),
        News::Acting { action, why } => Event::Line(acting(action, why)),
        News::NotActed { action, acted } => not_acted(action, acted),
        News::Counts { desired, running, pending, failed } => {
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            Event::Standing {
                what: Standing::Tasks,
                line: Text::new().say(format!("tasks: {running} of {desired} running, {pending} pending{failed}")),
                now: Text::new().say(format!("{running} of {desired} tasks running{failed}")),
            }
        }
        News::DesiredCount { from, to } => Event::Line(Text::new().say(format!("something changed the desired count from {from} to {to}"))),
        News::TaskStopped { task, failure } => {
            let word = if *failure { "task failed: " } else { "task stopped: " };
            let mut text = Text::new().say(word).code(short(task.id())).say(format!(" {}", task.stop_code.as_deref().unwrap_or("(no stop code)")));
            if let Some(reason) = &task.stopped_reason {
                text = text.say(": ").quote(reason);
            }
            for container in &task.containers {
                if let Some(code) = container.exit_code {
                    text = text.say(" · container ").code(container.name.as_str()).say(format!(" exit code {code}"));
                }
                // Of a task that failed to start, ECS says the same of both.
                if let Some(reason) = container.reason.as_ref().filter(|r| Some(*r) != task.stopped_reason.as_ref()) {
                    text = text.say(" · ").quote(reason);
                }
            }
            Event::Line(text)
        }
        News::Healthy { healthy, targets } => {
            let mut text = Text::new().say(format!("healthy: {} of {}", healthy.healthy, healthy.of));
            for note in targets {
                text = text.say(" · ").join(target(note));
            }
            Event::Standing {
                what: Standing::Healthy,
                line: text,
                now: Text::new().say(format!("{} of {} healthy", healthy.healthy, healthy.of)),
            }
        }
        News::OthersAnswer { targets: 0 } => Event::Line("only the new revision answers now".into()),
        News::OthersAnswer { targets: 1 } => Event::Line("1 target of another revision still answers".into()),
        News::OthersAnswer { targets } => Event::Line(Text::new().say(format!("{targets} targets of another revision still answer"))),
        News::Event(event) => Event::Line(Text::new().say("ECS: ").quote(&event.message)),
        News::CannotPlace { waiting, message } => Event::Line(
            Text::new()
                .say(format!("for a minute ECS has not started {} of the tasks, and goes on trying: ", waiting))
                .quote(message),
        ),
        News::AlarmsNotMonitored { names } => warning(
            "shipway::deploy::alarms_not_monitored",
            Text::new().say("ECS does not watch the alarms of this deployment: ").say(names.join(", ")),
            "an alarm that is in ALARM when a deployment begins is left out of it: look at it before you trust this deployment",
        ),
        News::WindowBegins { length } => Event::Standing {
            what: Standing::Window,
            line: Text::new().say(format!("all healthy: watching that it stays so for {}", duration(*length))),
            now: Text::new().say(format!("watching for {}", duration(*length))),
        },
        News::WindowBroken { unmet } => {
            let mut text = Text::new().say("no longer all healthy:");
            for unmet in unmet {
                text = text.say(" ").join(sentence(&unmet.sentence()));
            }
            Event::Standing {
                what: Standing::Window,
                line: text,
                now: Text::new(),
            }
        }
        News::Adopted { from, to } => {
            Event::Line(Text::new().say("deployment ").code(to.as_str()).say(" of the same task definition replaced ").code(from.as_str()).say(": following it"))
        }
        News::NewerPrimary { deployment_id, task_definition } => {
            let text = Text::new().say("a newer deployment is PRIMARY: ").code(deployment_id.as_str());
            Event::Line(text.say(" with ").code(family_and_revision(task_definition)))
        }
        News::NoServiceDeployments { permission: Some(permission) } => warning(
            "shipway::permission::service_deployments",
            Text::new().code(permission.as_str()).say(" is denied: following deployments[] and rolloutState instead, which say less about why"),
            Text::new().say("allow ").code(permission.as_str()).say(" on the service deployments"),
        ),
        News::NoServiceDeployments { permission: None } => {
            Event::Line("service deployments cannot be read: following deployments[] and rolloutState instead".into())
        }
        News::DeployedInstead { because } => deployed_instead(because),
        News::Throttled { after } => Event::Line(Text::new().say(format!("AWS throttles: next look in {}", duration(*after)))),
        News::Unreachable => Event::Line("AWS could not be reached: looking again".into()),
        News::Recovered => Event::Line("AWS answers again".into()),
    })
}

fn acting(action: &Action, why: &Sentence) -> Text {
    let text = Text::new();
    let (text, asked) = match action {
        Action::StopServiceDeployment { .. } => (
            text.say("ending the deployment: ").join(sentence(why)),
            Text::new().say(" Asking ECS to roll back"),
        ),
        Action::RestoreTaskDefinition { task_definition } => (
            text.say("ending the deployment: ").join(sentence(why)),
            Text::new()
                .say(" Asking ECS to go back to ")
                .code(family_and_revision(task_definition)),
        ),
        Action::ContinueServiceDeployment { hook_id, .. } => (
            text.join(sentence(why)),
            Text::new()
                .say(" Asking ECS to go on after hook ")
                .code(hook_id.as_str()),
        ),
    };
    text.join(asked).say(" (").code(action.operation()).say(")")
}

fn not_acted(action: &Action, acted: &Acted) -> Event {
    let text = Text::new().code(action.operation());
    match acted {
        Acted::Denied(permission) => warning(
            "shipway::permission::not_acted",
            Text::new()
                .code(permission.as_str())
                .say(" is denied: ECS was not asked"),
            Text::new()
                .say("allow ")
                .code(permission.as_str())
                .say(" on what is deployed"),
        ),
        Acted::Refused { message, .. } => Event::Line(text.say(" was refused: ").quote(message)),
        Acted::Unanswered => Event::Line(text.say(" was not answered: looking again")),
        Acted::Done | Acted::Restored { .. } => Event::Line(text.say(" was answered")),
    }
}

fn lifecycle_hook(hook: &LifecycleHook, stage: Option<&str>) -> Text {
    let mut text = Text::new().say("lifecycle hook ").code(hook.name());
    text = match hook.is_waiting() {
        true => text.say(" awaits an action"),
        false => text.say(" is ").code(hook.status.as_str()),
    };
    if let Some(stage) = stage {
        text = text.say(" at stage ").code(stage);
    }
    match hook.expires_at.filter(|_| hook.is_waiting()) {
        Some(at) => text.say(format!(
            ", until {}: then ECS {}",
            moment(at),
            match hook.timeout_action.as_deref() {
                Some("CONTINUE") => "goes on without one",
                _ => "rolls back",
            }
        )),
        None => text,
    }
}

fn deployed_instead(because: &Because) -> Event {
    let waiting = ", so success is when ECS calls it SUCCESSFUL";
    match because {
        Because::Alarms(names) => Event::Line(Text::new().say(format!(
            "ECS may still roll back on alarms {}{waiting}",
            names.join(", ")
        ))),
        Because::Strategy(strategy) => Event::Line(
            Text::new()
                .say("ECS may still roll back in strategy ")
                .code(strategy.as_str())
                .say(waiting),
        ),
        Because::BreakerDoesNotReset => Event::Line(
            Text::new()
                .say("the circuit breaker goes on counting after a healthy task")
                .say(waiting),
        ),
        Because::TargetHealthDenied { permission } | Because::TasksDenied { permission } => {
            warning(
                "shipway::permission::health",
                Text::new()
                    .code(permission.as_str())
                    .say(" is denied: health cannot be seen")
                    .say(waiting),
                Text::new()
                    .say("allow ")
                    .code(permission.as_str())
                    .say(", and the verdict comes earlier"),
            )
        }
    }
}

/// A sentence of `rollout` as text.
pub fn sentence(sentence: &Sentence) -> Text {
    sentence
        .0
        .iter()
        .fold(Text::new(), |text, part| match part {
            Part::Text(words) => text.say(words.as_str()),
            Part::Code(name) => text.code(name.as_str()),
            Part::Quoted(theirs) => text.quote(theirs),
        })
}

fn target(note: &TargetNote) -> Text {
    let port = note.port.map(|p| format!(":{p}")).unwrap_or_default();
    let mut text = Text::new()
        .code(format!("{}{port}", note.target))
        .say(format!(" {}", note.state));
    if let Some(reason) = &note.reason {
        text = text.say(" ").code(reason.as_str());
    }
    match &note.description {
        Some(description) if !description.is_empty() => text.say(" (").quote(description).say(")"),
        _ => text,
    }
}

fn with_reason(text: Text, reason: Option<&crate::model::Untrusted>) -> Text {
    match reason {
        Some(reason) if !reason.is_empty() => text.say(": ").quote(reason),
        _ => text,
    }
}

fn warning(code: &'static str, text: Text, help: impl Into<Text>) -> Event {
    Event::Warning(Warning {
        code,
        text,
        help: Some(help.into()),
    })
}

/// A task id is 32 hex digits; eight tell tasks of one service apart.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
