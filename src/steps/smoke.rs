//! The smoke test: once the service serves, its address is asked for one path, and has to answer well three times in a row.
//!
//! It judges what the application says, not the rollout: nothing is rolled back here.

use std::time::Duration;

use http::{Request, Uri};
use miette::Diagnostic;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::inputs::arguments::Limits;
use crate::inputs::values::WaitUntil;
use crate::model::Untrusted;
use crate::model::names::family_and_revision;
use crate::model::verdict::Status;
use crate::plan::Found;
use crate::report::{Phase, Report, Text, duration};
use crate::rollout::{Ended, Sentence};
use crate::wire::Wire;

/// Of the verdict `failed` that it leads to.
pub const CODE: &str = "shipway::deploy::smoke";

/// One good answer may be luck, or another task's.
const IN_A_ROW: usize = 3;
/// With the pauses and the longest answers: a minute. A service that needs longer to warm up is not serving yet.
const TRIES: usize = 10;
const EACH: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);
/// Enough to see what it is about.
const QUOTED_CHARACTERS: usize = 200;
const READ_BYTES: usize = 4 * QUOTED_CHARACTERS;

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum SmokeError {
    #[error(
        "`smoke-path` is asked once the service serves, which `wait-until: {wait_until}` does not wait for"
    )]
    #[diagnostic(
        code(shipway::usage::smoke_path),
        help("set `wait-until` to healthy or deployed, or leave `smoke-path` out")
    )]
    NotWaitedFor { wait_until: String },

    #[error(
        "`smoke-path` cannot be asked: service {service} has no address that its load balancer tells"
    )]
    #[diagnostic(
        code(shipway::preflight::smoke_without_address),
        help("set `url` to where this job can reach the service, or leave `smoke-path` out")
    )]
    NoAddress { service: String },

    #[error(
        "`smoke-path` cannot be asked: the desired count of service {service} is 0, so nothing will serve"
    )]
    #[diagnostic(
        code(shipway::preflight::smoke_without_tasks),
        help("set `desired-count`, or leave `smoke-path` out")
    )]
    NothingServes { service: String },

    #[error("`url` {url} and `smoke-path` {path} make no address")]
    #[diagnostic(
        code(shipway::preflight::smoke_address),
        help(
            "`smoke-path` is put behind `url` as it stands: /healthz becomes https://www.example.com/healthz"
        )
    )]
    NoUri { url: String, path: String },
}

/// What is to be asked. Made before anything is changed, so that a test which cannot take place stops the deploy, and not
/// the telling of it.
#[derive(Clone, Debug)]
pub struct Smoke {
    address: Uri,
    /// Without it somebody else would answer at that address.
    header: Option<(String, String)>,
}

impl Smoke {
    /// `None`: no smoke test is asked for. Whoever asked for one and cannot have it is refused: that is no success.
    pub fn wanted(
        limits: &Limits,
        desired_count: Option<u32>,
        found: &Found,
    ) -> Result<Option<Smoke>, SmokeError> {
        let desired_count = desired_count.unwrap_or(found.service.desired_count);
        Smoke::of(
            limits,
            desired_count,
            &found.service.name,
            found.url.as_deref(),
        )
    }

    /// The same of a service that runs so many tasks, at this address.
    pub fn of(
        limits: &Limits,
        desired_count: u32,
        service: &str,
        url: Option<&str>,
    ) -> Result<Option<Smoke>, SmokeError> {
        let Some(path) = &limits.smoke_path else {
            return Ok(None);
        };
        let service = service.to_owned();
        if desired_count == 0 {
            return Err(SmokeError::NothingServes { service });
        }
        let Some(url) = url else {
            return Err(SmokeError::NoAddress { service });
        };
        let address = joined(url, path).ok_or_else(|| SmokeError::NoUri {
            url: url.to_owned(),
            path: path.clone(),
        })?;
        Ok(Some(Smoke {
            address,
            header: None,
        }))
    }

    /// With this request header, which leads to what is judged.
    pub fn with_header(self, name: &str, value: &str) -> Smoke {
        Smoke {
            header: Some((name.to_owned(), value.to_owned())),
            ..self
        }
    }

    /// By the settings alone, before anybody is asked.
    pub fn check(limits: &Limits) -> Result<(), SmokeError> {
        let wait_until = match &limits.wait_until {
            WaitUntil::Healthy | WaitUntil::Deployed => return Ok(()),
            WaitUntil::Stage(stage) => format!("stage:{stage}"),
            WaitUntil::None => "none".to_owned(),
        };
        match limits.smoke_path {
            Some(_) => Err(SmokeError::NotWaitedFor { wait_until }),
            None => Ok(()),
        }
    }

    /// Asks, where the rollout ended well; what it comes to is the verdict then.
    pub async fn judge(
        &self,
        wire: &Wire,
        ended: Ended,
        report: &Report,
        cancel: &CancellationToken,
    ) -> Ended {
        if !matches!(
            ended.status,
            Status::Serving | Status::Deployed | Status::Unchanged
        ) {
            // Nobody serves what was deployed here, or that is known to have failed: the verdict stands.
            return ended;
        }
        if ended.healthy.of == 0 {
            return failed(
                ended,
                vec![Sentence::new(
                    "The smoke path was not asked: the desired count is 0 now, nothing serves.",
                )],
            );
        }
        report.started(Phase::Smoke);
        report.line(self.asking());
        let seen = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            seen = self.ask_until(wire, report) => Some(seen),
        };
        let Some(seen) = seen else {
            report.finished(Phase::Smoke, "cancelled");
            return cancelled(ended);
        };
        if seen.in_a_row >= IN_A_ROW {
            report.finished(Phase::Smoke, format!("passed, {} tries", seen.tries));
            return ended;
        }
        report.finished(Phase::Smoke, format!("failed, {} tries", seen.tries));
        let reasons = self.reasons(&ended, &seen);
        failed(ended, reasons)
    }

    fn asking(&self) -> Text {
        Text::new()
            .say("asking ")
            .code(self.address.to_string())
            .join(match &self.header {
                Some((name, value)) => Text::new().say(" with ").code(format!("{name}: {value}")),
                None => Text::new(),
            })
            .say(format!(
                " until it answers 2xx or 3xx {IN_A_ROW} times in a row"
            ))
    }

    async fn ask_until(&self, wire: &Wire, report: &Report) -> Seen {
        let mut seen = Seen::default();
        loop {
            let answer = self.ask(wire).await;
            seen.tries += 1;
            seen.in_a_row = if answer.is_good() {
                seen.in_a_row + 1
            } else {
                0
            };
            if seen.last.as_ref().is_none_or(|last| !last.is_like(&answer)) {
                report.line(answer.text());
            }
            if !answer.is_good() {
                seen.bad = Some(answer.clone());
            }
            seen.last = Some(answer);
            let left = TRIES - seen.tries;
            // Also when too few tries are left.
            if seen.in_a_row >= IN_A_ROW || seen.in_a_row + left < IN_A_ROW {
                return seen;
            }
            sleep(PAUSE).await;
        }
    }

    async fn ask(&self, wire: &Wire) -> Answer {
        let mut request = Request::get(self.address.clone())
            .header(
                http::header::USER_AGENT,
                concat!("shipway/", env!("CARGO_PKG_VERSION")),
            )
            .header(http::header::ACCEPT, "*/*");
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        let request = match request.body(bytes::Bytes::new()) {
            Ok(request) => request,
            Err(error) => return Answer::None(Untrusted::new(error.to_string())),
        };
        match timeout(EACH, wire.send_reading(request, READ_BYTES)).await {
            Err(_) => Answer::None(Untrusted::new(format!("nothing within {}", duration(EACH)))),
            Ok(Err(error)) => Answer::None(Untrusted::new(error.reason().to_owned())),
            Ok(Ok(answer)) => {
                let body = String::from_utf8_lossy(answer.body());
                let body: String = body.chars().take(QUOTED_CHARACTERS).collect();
                Answer::Status {
                    status: answer.status().as_u16(),
                    body: Untrusted::new(body.trim().to_owned()),
                }
            }
        }
    }

    fn reasons(&self, ended: &Ended, seen: &Seen) -> Vec<Sentence> {
        let address = self.address.to_string();
        let mut first = Sentence::new(format!("{address} "));
        let Some(bad) = &seen.bad else {
            return vec![first];
        };
        first = match bad {
            Answer::Status { status, .. } => first.text(format!("answered {status}.")),
            Answer::None(reason) => first.text("gave no answer: ").quote(reason).text("."),
        };
        let mut reasons = vec![first];
        if let Answer::Status { body, .. } = bad
            && !body.is_empty()
        {
            reasons.push(Sentence::new("It said: ").quote(body));
        }
        reasons.push(Sentence::new(format!(
            "It did not answer 2xx or 3xx {IN_A_ROW} times in a row in {} tries.",
            seen.tries
        )));
        let serves = ended.serves_now.task_definition().map(family_and_revision);
        reasons.push(Sentence::new(format!(
            "Nothing was rolled back: {} keeps serving.",
            serves.unwrap_or("the revision")
        )));
        reasons
    }
}

/// What a person can do next.
pub fn advice() -> Text {
    Text::new()
        .say("see in the application's logs why, and whether this job can reach the address at all; to go back, deploy the earlier image with ")
        .code("image")
}

/// `path` behind the address; a path that the address has stays in front, its query does not.
fn joined(url: &str, path: &str) -> Option<Uri> {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    format!("{}{path}", bare.trim_end_matches('/')).parse().ok()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Status {
        status: u16,
        body: Untrusted,
    },
    /// Why there was none.
    None(Untrusted),
}

impl Answer {
    /// A redirect is the application's answer, and is not followed: it may lead to a login elsewhere.
    fn is_good(&self) -> bool {
        matches!(self, Answer::Status { status, .. } if (200..400).contains(status))
    }

    /// Said already.
    fn is_like(&self, other: &Answer) -> bool {
        match (self, other) {
            (Answer::Status { status: a, .. }, Answer::Status { status: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }

    fn text(&self) -> Text {
        match self {
            Answer::Status { status, .. } => Text::new().say(format!("answered {status}")),
            Answer::None(reason) => Text::new().say("no answer: ").quote(reason),
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    tries: usize,
    in_a_row: usize,
    last: Option<Answer>,
    /// The last that was not good.
    bad: Option<Answer>,
}

fn failed(ended: Ended, reasons: Vec<Sentence>) -> Ended {
    Ended {
        status: Status::Failed,
        exit_code: 1,
        reasons,
        ..ended
    }
}

fn cancelled(ended: Ended) -> Ended {
    Ended {
        status: Status::Cancelled,
        exit_code: 130,
        reasons: vec![Sentence::new(
            "The service serves; the smoke path was not asked to the end.",
        )],
        ..ended
    }
}

#[cfg(test)]
#[path = "smoke_tests.rs"]
mod tests;
