//! Scripted trouble: what goes wrong with which calls, from when until when.
//!
//! Knows: rules, offsets from the world's start, and how each service words a refusal. Does not know: operations.

pub mod limits;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Protocol;
use crate::iam::policy::glob;
use crate::world::{Answer, ApiError};
use limits::Buckets;

/// All trouble of a world, as its file writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Trouble {
    pub rules: Vec<Rule>,
    /// Whether AWS's documented request limits are kept.
    pub limits: bool,
    /// How long every answer takes.
    #[serde(deserialize_with = "duration")]
    pub latency: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// An operation's name, or a glob; GitHub's and the registry's are `METHOD /path/{template}`.
    pub operation: String,
    /// `ecs`, `ecr`, `elasticloadbalancing`, `sts`, `logs`, `application-autoscaling`, `ssm`, `github`,
    /// `oci`. Absent: any.
    #[serde(default)]
    pub service: Option<String>,
    /// Absent: any.
    #[serde(default)]
    pub region: Option<String>,
    #[serde(rename = "do")]
    pub effect: Effect,
    /// After the world's start. Absent: from the start.
    #[serde(default, deserialize_with = "duration")]
    pub from: Duration,
    /// After the world's start. Absent: without end.
    #[serde(default, deserialize_with = "some_duration")]
    pub until: Option<Duration>,
    /// How many calls it strikes. Absent: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// For `delay`.
    #[serde(default, deserialize_with = "duration")]
    pub delay: Duration,
    /// What the refusal says instead of its service's usual words.
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Throttle,
    InternalError,
    Unavailable,
    /// The connection breaks before the call takes effect.
    Reset,
    /// The call takes effect and then the connection breaks: its caller cannot know.
    LostAnswer,
    Delay,
    Denied,
    /// The world is not as the call needs it.
    Conflict,
    /// What was last answered to the same input before the rule began; the truth where nothing was.
    Stale,
    ExpiredToken,
    /// STS cannot reach the issuer of a token.
    IssuerUnreachable,
}

/// What happens to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    pub delay: Duration,
    pub strike: Option<Effect>,
    pub message: Option<String>,
}

/// What is called, and where.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    /// Empty for what is not AWS's.
    pub region: &'a str,
}

impl<'a> Asked<'a> {
    /// Something that AWS has no region for.
    pub fn outside(service: &'a str, operation: &'a str) -> Asked<'a> {
        Asked {
            service,
            operation,
            region: "",
        }
    }

    fn with(self, input: &Value) -> String {
        format!(
            "{} {} {} {input}",
            self.region, self.service, self.operation
        )
    }
}

/// The rules at work: how often each struck, what was answered before, and how full each bucket is.
pub struct Troubles {
    rules: Vec<(Rule, u32)>,
    start: SystemTime,
    latency: Duration,
    /// Where AWS's documented request limits are kept.
    limits: Option<Buckets>,
    answered: BTreeMap<String, Value>,
}

impl Troubles {
    pub fn new(trouble: Trouble, start: SystemTime) -> Troubles {
        Troubles {
            rules: trouble.rules.into_iter().map(|rule| (rule, 0)).collect(),
            start,
            latency: trouble.latency,
            limits: trouble.limits.then(Buckets::default),
            answered: BTreeMap::new(),
        }
    }

    /// Adds a rule while the world runs; its offsets still count from the world's start.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    /// The request limits stay.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// What happens to a call that arrives now. The first rule that strikes decides; delays add up.
    pub fn fate(&mut self, asked: Asked<'_>, now: SystemTime) -> Fate {
        let mut fate = Fate {
            delay: self.latency,
            ..Fate::default()
        };
        let age = now.duration_since(self.start).unwrap_or_default();
        for (rule, struck) in &mut self.rules {
            let due = rule.from <= age
                && rule.until.is_none_or(|until| age < until)
                && rule.times.is_none_or(|times| *struck < times);
            if !due || !rule.concerns(asked) {
                continue;
            }
            match rule.effect {
                Effect::Delay => {
                    *struck += 1;
                    fate.delay += rule.delay;
                }
                effect if fate.strike.is_none() => {
                    *struck += 1;
                    fate.strike = Some(effect);
                    fate.message = rule.message.clone();
                }
                _ => {}
            }
        }
        if fate.strike.is_none()
            && let Some(limits) = &mut self.limits
            && !limits.take(asked, now)
        {
            fate.strike = Some(Effect::Throttle);
        }
        fate
    }

    /// Remembers an answer for as long as a later `stale` rule may want it.
    pub fn remember(&mut self, asked: Asked<'_>, input: &Value, answer: &Answer, now: SystemTime) {
        let age = now.duration_since(self.start).unwrap_or_default();
        let wanted = self.rules.iter().any(|(rule, _)| {
            rule.effect == Effect::Stale && age < rule.from && rule.concerns(asked)
        });
        if let (true, Ok(answer)) = (wanted, answer) {
            self.answered.insert(asked.with(input), answer.clone());
        }
    }

    pub fn stale(&self, asked: Asked<'_>, input: &Value) -> Option<Value> {
        self.answered.get(&asked.with(input)).cloned()
    }
}

impl Rule {
    fn concerns(&self, asked: Asked<'_>) -> bool {
        self.service.as_deref().is_none_or(|of| of == asked.service)
            && (self.region.as_deref()).is_none_or(|of| of == asked.region)
            && glob(&self.operation, asked.operation)
    }
}

/// The error of a strike that needs no knowledge of the caller, in each protocol's words.
pub fn error(effect: Effect, protocol: Protocol, service: &str) -> Option<ApiError> {
    let error = |status: u16, json: &str, query: &str, message: &str| {
        let code = if protocol == Protocol::Json11 {
            json
        } else {
            query
        };
        Some(ApiError {
            status,
            ..ApiError::new(code, message)
        })
    };
    // CloudWatch Logs declares its own unavailability; for the others it is one of AWS's common errors.
    let logs = service == "logs";
    let internal = match service {
        // Its own InternalServiceException has status 400 in its model: for one of 500, AWS's common error.
        "logs" | "application-autoscaling" => "InternalFailure",
        "ssm" => "InternalServerError",
        _ => "ServerException",
    };
    match effect {
        Effect::Throttle => error(400, "ThrottlingException", "Throttling", "Rate exceeded"),
        Effect::InternalError => error(
            500,
            internal,
            "InternalFailure",
            "Service Unavailable. Please try again later.",
        ),
        Effect::Unavailable if logs => error(
            500,
            "ServiceUnavailableException",
            "",
            "Service is unavailable",
        ),
        Effect::Unavailable => error(
            503,
            "ServiceUnavailable",
            "ServiceUnavailable",
            "Service is unavailable",
        ),
        Effect::IssuerUnreachable => error(
            400,
            "IDPCommunicationError",
            "IDPCommunicationError",
            "Couldn't connect to the identity provider",
        ),
        Effect::Conflict => error(
            400,
            "ConflictException",
            "Conflict",
            "The operation conflicts with the resource's state.",
        ),
        Effect::ExpiredToken => Some(super::sigv4::expired(protocol)),
        Effect::Reset | Effect::LostAnswer | Effect::Delay | Effect::Denied | Effect::Stale => None,
    }
}

/// `90s`, `2m`, `1h30m`, `500ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error| format!("{text}: {error}"))?;
    Duration::try_from(parsed).map_err(|error| format!("{text}: {error}"))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ecs(operation: &str) -> Asked<'_> {
        Asked {
            service: "ecs",
            operation,
            region: "eu-west-1",
        }
    }

    fn troubles(yaml: &str) -> Troubles {
        Troubles::new(serde_yaml::from_str(yaml).unwrap(), at(0))
    }

    #[test]
    fn rules_strike_in_their_time_and_as_often_as_they_say() {
        let mut troubles = troubles(
            "rules: [{operation: 'Describe*', service: ecs, do: throttle, from: 10s, until: 1m, times: 2}]",
        );
        let mut strike =
            |operation: &str, seconds: u64| troubles.fate(ecs(operation), at(seconds)).strike;
        assert_eq!(strike("DescribeServices", 9), None);
        assert_eq!(strike("UpdateService", 10), None);
        assert_eq!(strike("DescribeServices", 10), Some(Effect::Throttle));
        assert_eq!(strike("DescribeTasks", 11), Some(Effect::Throttle));
        assert_eq!(strike("DescribeTasks", 12), None);
    }

    #[test]
    fn delays_add_to_the_latency() {
        let mut troubles =
            troubles("{latency: 20ms, rules: [{operation: '*', do: delay, delay: 2s, until: 5s}]}");
        assert_eq!(
            troubles.fate(ecs("ListTasks"), at(0)).delay,
            Duration::from_millis(2020)
        );
        assert_eq!(
            troubles.fate(ecs("ListTasks"), at(5)).delay,
            Duration::from_millis(20)
        );
    }

    #[test]
    fn a_stale_answer_is_the_last_one_before_the_rule() {
        let mut troubles = troubles("rules: [{operation: DescribeServices, do: stale, from: 10s}]");
        let input = serde_json::json!({"cluster": "c"});
        for (seconds, answer) in [(1, "one"), (9, "two"), (10, "three")] {
            troubles.remember(
                ecs("DescribeServices"),
                &input,
                &Ok(Value::from(answer)),
                at(seconds),
            );
        }
        assert_eq!(
            troubles.stale(ecs("DescribeServices"), &input),
            Some(Value::from("two"))
        );
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(
            serde_yaml::from_str::<Trouble>("rules: [{operation: X, do: throttle, form: 1s}]")
                .is_err()
        );
    }
}
