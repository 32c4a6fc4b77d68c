//! How a rollout ended, noted for everyone who is told: outputs and announcement, of a deploy and of a preview. Decides
//! nothing about the verdict; tells nobody itself but the log.

use std::time::Duration;

use crate::error::Error;
use crate::inputs::env::{Cancel, Signal};
use crate::model::container_logs::ContainerLogs;
use crate::model::names::family_and_revision;
use crate::model::service::Service;
use crate::model::verdict::{Outputs, Status};
use crate::report::markdown::{self, Announcement, Counted, Failure, State};
use crate::report::rollout::sentence;
use crate::report::{Phase, Report, Text};
use crate::rollout::advice;
use crate::rollout::{Ended, Healthy, RolloutTarget, Sentence, ServesNow, Whose};
use crate::steps::smoke;

/// Lines of evidence in the log: the report file has all.
const EVIDENCE: usize = 12;
/// After a signal: how long a change that AWS was asked for may take to be known. The rest is for the last words.
pub(super) const ANSWER_OF_A_CHANGE: Duration = Duration::from_millis(1_500);

fn ended(status: Status, exit_code: u8) -> Ended {
    Ended {
        status,
        exit_code,
        reasons: Vec::new(),
        endings: 0,
        given_up: false,
        targets_unread: false,
        healthy: Healthy::default(),
        serves_now: ServesNow::NotSeen,
        deployment_id: String::new(),
        service_deployment_arn: None,
        timings: Default::default(),
        last_event: None,
        last_stop: None,
        unmet: Vec::new(),
        targets: Vec::new(),
        advice: Vec::new(),
        diagnosis: None,
        logs: None,
    }
}

/// What an update came to.
pub(super) fn updated(target: &RolloutTarget) -> Text {
    match target {
        RolloutTarget::Deployment { ours, .. } => Text::new()
            .say("deployment ")
            .code(ours.deployment_id.as_str()),
        // ECS starts no deployment for it.
        RolloutTarget::Count { desired, .. } => Text::new().say(format!("desired count {desired}")),
    }
}

pub(super) fn cancelled(what: &'static str) -> Ended {
    Ended {
        reasons: vec![Sentence::new(what)],
        ..ended(Status::Cancelled, 130)
    }
}

pub(super) fn started(target: &RolloutTarget) -> Ended {
    Ended {
        deployment_id: target.ours().deployment_id.clone(),
        ..ended(Status::Started, 0)
    }
}

pub(super) fn unchanged(target: &RolloutTarget, service: &Service) -> Ended {
    Ended {
        healthy: Healthy {
            healthy: service.desired_count,
            of: service.desired_count,
        },
        serves_now: match service.desired_count {
            0 => ServesNow::Nothing,
            desired => ServesNow::ours(&service.task_definition, desired),
        },
        deployment_id: target.ours().deployment_id.clone(),
        ..ended(Status::Unchanged, 0)
    }
}

/// Where the end is noted.
pub(super) struct Noting<'a> {
    pub report: &'a Report,
    pub cancel: &'a Cancel,
    pub outputs: &'a mut Outputs,
    pub about: &'a mut Announcement,
    /// Where the service is that was rolled out.
    pub cluster: &'a str,
    pub service: &'a str,
}

impl Noting<'_> {
    /// Returns the exit code.
    pub fn verdict(&mut self, ended: Ended) -> u8 {
        let exit_code = match (ended.status, self.cancel.signal()) {
            (Status::Cancelled, Some(signal)) => signal.exit_code(),
            (Status::Cancelled, None) => Signal::Interrupt.exit_code(),
            _ => ended.exit_code,
        };
        self.outputs.deployment_status = ended.status.word().to_owned();
        self.outputs
            .service_deployment_arn
            .clone_from(&ended.service_deployment_arn);
        let knows_health = !matches!(ended.status, Status::Started | Status::Cancelled);
        if knows_health && ended.healthy.of == 0 && ended.status.is_success() {
            self.outputs.url = None;
            self.about.url = None;
        }
        self.outputs.failure_cause = ended.diagnosis.as_ref().map(|d| d.cause.name.to_owned());
        self.about.what_serves = Some(ended.serves_now.clone());
        self.about.healthy = knows_health.then_some((ended.healthy.healthy, ended.healthy.of));
        if ended.targets_unread {
            self.about.counted = Counted::Tasks;
        }
        self.stretches(Some(&ended));
        if matches!(ended.status, Status::Paused | Status::Started) {
            self.say_what_waits(&ended);
        }
        let mut cause = None;
        let mut failure = None;
        if !ended.status.is_success() {
            if exit_code == 1 {
                // A smoke test has a code of its own.
                self.outputs.failure_code.get_or_insert_with(|| {
                    format!("shipway::deploy::{}", ended.status.word().replace('-', "_"))
                });
            } else if ended.status == Status::TimedOut {
                self.outputs.failure_code = Some("shipway::deploy::timed_out".to_owned());
            }
            let (headline, card) = self.card(&ended);
            self.about.now_serving = self.serves(&ended);
            self.say_card(&card);
            cause = headline;
            failure = Some(card);
        }
        self.about.state = State::Ended {
            status: ended.status,
            cause,
            failure: failure.map(Box::new),
        };
        exit_code
    }

    /// How far it came, what waits for a person, until when, and what continues it.
    fn say_what_waits(&mut self, ended: &Ended) {
        for reason in &ended.reasons {
            let text = sentence(reason);
            self.report.line(text.clone());
            self.about.notes.push(text);
        }
    }

    /// An error, said in full in the log. `deployment`: what ECS goes on with, whatever becomes of us. Returns the exit code.
    pub fn error(&mut self, error: &Error, deployment: Option<&str>) -> u8 {
        self.report.error(error);
        self.stretches(None);
        self.outputs.failure_code = Some(error.code());
        let (cause, mut failure) = Failure::of(error, self.report.quoted());
        let status = match deployment {
            None => Status::NotStarted,
            // We fell over while watching; how it ends, nobody here knows.
            Some(id) => {
                let goes_on = Text::new()
                    .say("ECS goes on with deployment ")
                    .code(id)
                    .say("; ")
                    .join(self.follow());
                self.report.line(goes_on.clone());
                failure.evidence.push(goes_on);
                Status::Unknown
            }
        };
        self.outputs.deployment_status = status.word().to_owned();
        self.about.state = State::Ended {
            status,
            cause,
            failure: Some(Box::new(failure)),
        };
        error.exit_code()
    }

    /// What a diagnosis says, or else what was seen last; in one line, and in full.
    fn card(&self, ended: &Ended) -> (Option<Text>, Failure) {
        let code = self.outputs.failure_code.clone();
        let mut reasons = ended.reasons.iter().map(sentence);
        let smoke = code.as_deref() == Some(smoke::CODE);
        let Some(diagnosis) = ended.diagnosis.as_ref().filter(|_| !smoke) else {
            let headline = reasons.next();
            let failure = Failure {
                code,
                evidence: reasons.collect(),
                fixes: smoke.then(smoke::advice).into_iter().collect(),
                next: self.next(ended),
                ..Failure::default()
            };
            return (headline, failure);
        };
        let mut evidence: Vec<Text> = diagnosis.evidence.iter().map(sentence).collect();
        // Unless the log is the evidence already, its most telling line is worth a look without unfolding anything.
        if !evidence.iter().any(|said| said.mentions("its log: ")) {
            let line = ended.logs.as_ref().and_then(ContainerLogs::telling);
            evidence.extend(line.map(|line| Text::new().say("its log: ").quote(line)));
        }
        let headline = sentence(&diagnosis.headline);
        // What ECS or we did about it.
        let mut endings = reasons.take(ended.endings);
        let how = match ended.given_up {
            true => "Shipway gave it up: ",
            false => "how it ended: ",
        };
        let first = endings.next().filter(|reason| *reason != headline);
        evidence.extend(first.map(|reason| Text::new().say(how).join(reason)));
        evidence.extend(endings);
        let failure = Failure {
            code,
            cause: Some(diagnosis.cause),
            evidence,
            fixes: diagnosis.fixes.iter().map(sentence).collect(),
            next: self
                .next(ended)
                .filter(|_| ended.status == Status::TimedOut),
            logs: ended.logs.clone(),
            quoted: None,
        };
        (Some(headline), failure)
    }

    /// What people reach now that it is not what was deployed.
    fn serves(&self, ended: &Ended) -> Option<Text> {
        if ended.status == Status::Cancelled {
            return None;
        }
        let serving = match &ended.serves_now {
            ServesNow::NotSeen => return Some("What serves now was not seen".into()),
            ServesNow::Nothing => return Some("Nothing serves".into()),
            ServesNow::Revision(serving) => serving,
        };
        let revision = family_and_revision(&serving.task_definition);
        let Healthy { healthy, of } = serving.healthy;
        let text = match serving.whose {
            Whose::Back => Text::new()
                .say("Back on ")
                .code(revision)
                .say(", which serves"),
            Whose::Kept => Text::new().code(revision).say(" keeps serving"),
            Whose::Ours if ended.status == Status::Failed && healthy < of => Text::new()
                .code(revision)
                .say(" answers although it failed"),
            Whose::Ours => Text::new().code(revision).say(" answers now"),
            Whose::Newer => Text::new().code(revision).say(" serves now"),
        };
        Some(text.say(format!(" ({healthy} of {of})")))
    }

    /// What only the end knows: the times, the targets, the advice.
    fn stretches(&mut self, ended: Option<&Ended>) {
        self.about.cluster = self.cluster.to_owned();
        self.about.stretches = self.report.stretches();
        let Some(ended) = ended else { return };
        self.about.targets.clone_from(&ended.targets);
        self.about.advice.clone_from(&ended.advice);
        if matches!(ended.status, Status::Serving | Status::Deployed) {
            let of_image = advice::of_image(&ended.timings, self.about.image_bytes);
            self.about.advice.extend(of_image);
        }
        if self
            .about
            .stretches
            .iter()
            .any(|s| s.phase == Phase::Rollout)
        {
            self.about.timings = Some(ended.timings.clone());
        }
    }

    /// The comment and the summary show it as a card; a log reads it line by line, below the container's own lines.
    fn say_card(&self, failure: &Failure) {
        if let Some(logs) = &failure.logs {
            self.report.logs(logs);
        }
        let serves = self.about.now_serving.as_ref();
        for line in markdown::failure_lines(failure, serves, EVIDENCE) {
            self.report.line(line);
        }
    }

    fn follow(&self) -> Text {
        let (cluster, service) = (self.cluster, self.service);
        Text::new().say("follow it with ").code(format!(
            "aws ecs describe-services --cluster {cluster} --services {service}"
        ))
    }

    /// ECS was asked for something, or is about to be.
    fn began_to_change(&self) -> bool {
        matches!(
            self.about.state,
            State::InProgress {
                phase: Phase::Update | Phase::Rollout,
                ..
            }
        )
    }

    /// What a person can do next.
    fn next(&self, ended: &Ended) -> Option<Text> {
        let (cluster, service) = (self.cluster, self.service);
        match ended.status {
            // With a diagnosis, its fixes say whether more time would help.
            Status::TimedOut if ended.diagnosis.is_none() => Some(
                self.follow()
                    .say(", or give it more time with ")
                    .code("wait-for-minutes"),
            ),
            Status::TimedOut => Some(self.follow()),
            Status::Cancelled if self.began_to_change() => Some(self.follow()),
            Status::Unknown => Some(self.follow()),
            Status::Failed if self.outputs.failure_code.as_deref() == Some(smoke::CODE) => None,
            Status::RolledBack | Status::Failed => Some(
                Text::new()
                    .say("the stopped tasks show for an hour: ")
                    .code(format!("aws ecs list-tasks --cluster {cluster} --service-name {service} --desired-status STOPPED")),
            ),
            _ => None,
        }
    }
}
