//! CloudWatch Logs: groups, streams and their events, to read.
//!
//! Knows: what tasks wrote. Does not know: retention, or the whole filter-pattern language (terms and one quoted phrase).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{Answer, ApiError, Operation, Place, World};

pub const OPERATIONS: &[Operation] = &[
    row("DescribeLogGroups", describe_log_groups, groups),
    row("DescribeLogStreams", describe_log_streams, groups),
    row("GetLogEvents", get_log_events, streams),
    row("FilterLogEvents", filter_log_events, groups),
];

const fn row(
    name: &'static str,
    function: fn(&mut World, &Value) -> Answer,
    resources: fn(&World, &Value) -> Vec<String>,
) -> Operation {
    Operation {
        service: "logs",
        name,
        function,
        resources,
    }
}

/// A log group as a world file writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogGroupSpec {
    pub name: String,
    /// Stream name to the lines that are there from the start.
    #[serde(default)]
    pub streams: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
struct Event {
    /// Milliseconds of the epoch, as everywhere in this API.
    at: u64,
    /// From when on it can be read.
    ingested: u64,
    message: String,
}

#[derive(Clone, Debug)]
struct Stream {
    created: u64,
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
struct Group {
    created: u64,
    streams: BTreeMap<String, Stream>,
}

#[derive(Default)]
pub struct Logs {
    groups: BTreeMap<String, Group>,
}

impl Logs {
    pub fn from_specs(specs: &[LogGroupSpec], now: SystemTime) -> Logs {
        let mut logs = Logs::default();
        for spec in specs {
            logs.create_group(&spec.name, now);
            for (stream, lines) in &spec.streams {
                lines
                    .iter()
                    .for_each(|line| logs.append(&spec.name, stream, line, now));
            }
        }
        logs
    }

    pub fn create_group(&mut self, name: &str, at: SystemTime) {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            created: millis(at),
            streams: BTreeMap::new(),
        });
    }

    pub fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    /// What the log driver creates as a container starts: a silent one has an empty stream.
    pub fn open(&mut self, group: &str, stream: &str, at: SystemTime) {
        self.create_group(group, at);
        let created = millis(at);
        if let Some(group) = self.groups.get_mut(group) {
            let empty = || Stream {
                created,
                events: Vec::new(),
            };
            group.streams.entry(stream.to_owned()).or_insert_with(empty);
        }
    }

    /// One line of a container. Group and stream come to be with their first line; whether a task may start without its
    /// group is ECS's question, not this one.
    pub fn append(&mut self, group: &str, stream: &str, line: &str, at: SystemTime) {
        self.append_late(group, stream, line, at, Duration::ZERO);
    }

    /// The same, of a line that the log driver holds back so long.
    pub fn append_late(
        &mut self,
        group: &str,
        stream: &str,
        line: &str,
        at: SystemTime,
        late: Duration,
    ) {
        self.create_group(group, at);
        let ingested = millis(at + late);
        let at = millis(at);
        if let Some(group) = self.groups.get_mut(group) {
            let stream = group
                .streams
                .entry(stream.to_owned())
                .or_insert_with(|| Stream {
                    created: ingested,
                    events: Vec::new(),
                });
            stream.events.push(Event {
                at,
                ingested,
                message: line.to_owned(),
            });
        }
    }
}

fn millis(at: SystemTime) -> u64 {
    u64::try_from(
        at.duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis(),
    )
    .unwrap_or(u64::MAX)
}

fn arn(place: &Place, group: &str) -> String {
    format!(
        "arn:{}:logs:{}:{}:log-group:{group}",
        place.partition, place.region, place.account
    )
}

/// By name or, as newer clients may, by ARN.
fn group_name(input: &Value) -> Option<&str> {
    let identifier = || {
        input["logGroupIdentifier"].as_str().map(|given| {
            given
                .split_once(":log-group:")
                .map_or(given, |(_, name)| name)
        })
    };
    input["logGroupName"].as_str().or_else(identifier)
}

fn groups(world: &World, input: &Value) -> Vec<String> {
    vec![format!(
        "{}:*",
        arn(&world.place, group_name(input).unwrap_or("*"))
    )]
}

fn streams(world: &World, input: &Value) -> Vec<String> {
    let (group, stream) = (
        group_name(input).unwrap_or("*"),
        input["logStreamName"].as_str().unwrap_or("*"),
    );
    vec![format!("{}:log-stream:{stream}", arn(&world.place, group))]
}

fn group<'a>(world: &'a World, input: &Value) -> Result<(&'a str, &'a Group), ApiError> {
    let name = group_name(input).ok_or_else(|| {
        let message = "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null";
        ApiError::new("InvalidParameterException", message)
    })?;
    let found = world.logs.groups.get_key_value(name);
    found
        .map(|(name, group)| (name.as_str(), group))
        .ok_or_else(|| {
            ApiError::new(
                "ResourceNotFoundException",
                "The specified log group does not exist.",
            )
        })
}

fn limit(input: &Value, default: u64, most: u64) -> Result<usize, ApiError> {
    match &input["limit"] {
        Value::Null => Ok(default as usize),
        limit => limit.as_u64().filter(|limit| (1..=most).contains(limit)).map(|limit| limit as usize).ok_or_else(|| {
            let message = format!("1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and {most}");
            ApiError::new("InvalidParameterException", message)
        }),
    }
}

fn start(input: &Value) -> Result<usize, ApiError> {
    match input["nextToken"].as_str() {
        None => Ok(0),
        Some(token) => token.parse().map_err(|_| {
            ApiError::new(
                "InvalidParameterException",
                "The specified nextToken is invalid.",
            )
        }),
    }
}

fn paged(member: &str, items: Vec<Value>, from: usize, limit: usize) -> Value {
    let end = (from + limit).min(items.len());
    let mut answer = json!({ member: items.get(from..end).unwrap_or_default() });
    if end < items.len() {
        answer["nextToken"] = Value::from(end.to_string());
    }
    answer
}

fn describe_log_groups(world: &mut World, input: &Value) -> Answer {
    let prefix = input["logGroupNamePrefix"].as_str().unwrap_or_default();
    let pattern = input["logGroupNamePattern"].as_str().unwrap_or_default();
    let found = world
        .logs
        .groups
        .iter()
        .filter(|(name, _)| name.starts_with(prefix) && name.contains(pattern));
    let shown = found.map(|(name, group)| {
        let bytes: usize = group
            .streams
            .values()
            .flat_map(|stream| &stream.events)
            .map(|event| event.message.len())
            .sum();
        json!({
            "logGroupName": name,
            "creationTime": group.created,
            "metricFilterCount": 0,
            "arn": format!("{}:*", arn(&world.place, name)),
            "storedBytes": bytes,
            "logGroupClass": "STANDARD",
            "logGroupArn": arn(&world.place, name),
        })
    });
    Ok(paged(
        "logGroups",
        shown.collect(),
        start(input)?,
        limit(input, 50, 50)?,
    ))
}

fn describe_log_streams(world: &mut World, input: &Value) -> Answer {
    let (name, group) = group(world, input)?;
    let prefix = input["logStreamNamePrefix"].as_str().unwrap_or_default();
    let mut found: Vec<(&String, &Stream)> = group
        .streams
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    if input["orderBy"] == "LastEventTime" {
        found.sort_by_key(|(_, stream)| stream.events.last().map(|event| event.at));
    }
    if input["descending"] == true {
        found.reverse();
    }
    let shown = found.into_iter().map(|(stream_name, stream)| {
        let mut shown = json!({
            "logStreamName": stream_name,
            "creationTime": stream.created,
            "arn": format!("{}:log-stream:{stream_name}", arn(&world.place, name)),
            "storedBytes": 0,
        });
        if let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) {
            shown["firstEventTimestamp"] = json!(first.at);
            shown["lastEventTimestamp"] = json!(last.at);
            shown["lastIngestionTime"] = json!(last.at);
        }
        shown
    });
    Ok(paged(
        "logStreams",
        shown.collect(),
        start(input)?,
        limit(input, 50, 50)?,
    ))
}

fn within(input: &Value, event: &Event) -> bool {
    input["startTime"]
        .as_u64()
        .is_none_or(|start| start <= event.at)
        && input["endTime"].as_u64().is_none_or(|end| event.at < end)
}

fn get_log_events(world: &mut World, input: &Value) -> Answer {
    let now = millis(world.now);
    let (_, group) = group(world, input)?;
    let stream = group
        .streams
        .get(input["logStreamName"].as_str().unwrap_or_default())
        .filter(|stream| stream.created <= now)
        .ok_or_else(|| {
            ApiError::new(
                "ResourceNotFoundException",
                "The specified log stream does not exist.",
            )
        })?;
    let limit = limit(input, 10_000, 10_000)?;
    let events: Vec<&Event> = stream
        .events
        .iter()
        .filter(|event| event.ingested <= now && within(input, event))
        .collect();
    // A token is a position and a direction: `f/N` reads on from N, `b/N` reads what is before N.
    let malformed = || {
        ApiError::new(
            "InvalidParameterException",
            "The specified nextToken is invalid.",
        )
    };
    let position = |token: &str| {
        token
            .parse::<usize>()
            .map(|at| at.min(events.len()))
            .map_err(|_| malformed())
    };
    let (from, to) = match input["nextToken"]
        .as_str()
        .map(|token| token.split_once('/').ok_or_else(malformed))
        .transpose()?
    {
        Some(("f", token)) => (
            position(token)?,
            (position(token)? + limit).min(events.len()),
        ),
        Some(("b", token)) => (position(token)?.saturating_sub(limit), position(token)?),
        Some(_) => return Err(malformed()),
        None if input["startFromHead"] == true => (0, limit.min(events.len())),
        None => (events.len().saturating_sub(limit), events.len()),
    };
    let shown = events[from..to].iter().map(
        |event| json!({"timestamp": event.at, "message": event.message, "ingestionTime": event.ingested}),
    );
    Ok(json!({
        "events": shown.collect::<Vec<_>>(),
        "nextForwardToken": format!("f/{to}"),
        "nextBackwardToken": format!("b/{from}"),
    }))
}

fn filter_log_events(world: &mut World, input: &Value) -> Answer {
    let (_, group) = group(world, input)?;
    let names: Option<Vec<&str>> = input["logStreamNames"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect());
    let prefix = input["logStreamNamePrefix"].as_str().unwrap_or_default();
    let pattern = input["filterPattern"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for (name, stream) in &group.streams {
        if !name.starts_with(prefix)
            || names
                .as_ref()
                .is_some_and(|names| !names.contains(&name.as_str()))
        {
            continue;
        }
        let matching = stream
            .events
            .iter()
            .enumerate()
            .filter(|(_, event)| within(input, event) && matches(pattern, &event.message));
        found.extend(matching.map(|(index, event)| (event.at, name, index, &event.message)));
    }
    found.sort();
    let shown = found.into_iter().map(|(at, stream, index, message)| {
        json!({
            "logStreamName": stream,
            "timestamp": at,
            "message": message,
            "ingestionTime": at,
            "eventId": format!("{at:024}{index:032}"),
        })
    });
    let mut answer = paged(
        "events",
        shown.collect(),
        start(input)?,
        limit(input, 10_000, 10_000)?,
    );
    answer["searchedLogStreams"] = json!([]);
    Ok(answer)
}

fn matches(pattern: &str, message: &str) -> bool {
    match pattern
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(phrase) => message.contains(phrase),
        None => pattern
            .split_whitespace()
            .all(|term| message.contains(term)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::tests::sandbox;

    #[tokio::test]
    async fn the_last_lines_come_first_unless_asked_from_the_head() {
        let sandbox = sandbox();
        sandbox.with_world(|world| {
            for line in ["one", "two", "three"] {
                world
                    .logs
                    .append("/ecs/web", "web/nginx/1", line, world.now);
            }
            let messages = |answer: &Value| {
                answer["events"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|event| event["message"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            let mut input =
                json!({"logGroupName": "/ecs/web", "logStreamName": "web/nginx/1", "limit": 2});
            let last = get_log_events(world, &input).unwrap();
            assert_eq!(messages(&last), ["two", "three"]);
            input["nextToken"] = last["nextBackwardToken"].clone();
            assert_eq!(messages(&get_log_events(world, &input).unwrap()), ["one"]);
            let filtered = filter_log_events(
                world,
                &json!({"logGroupName": "/ecs/web", "filterPattern": "\"thr\""}),
            )
            .unwrap();
            assert_eq!(messages(&filtered), ["three"]);
        });
    }

    #[tokio::test]
    async fn what_is_not_there_is_said() {
        let error = sandbox().with_world(|world| {
            get_log_events(world, &json!({"logGroupName": "x", "logStreamName": "y"})).unwrap_err()
        });
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (
                "ResourceNotFoundException",
                "The specified log group does not exist."
            )
        );
    }
}
