//! Where a container's lines go, by its `logConfiguration`, and what was read of them. Knows the awslogs driver's names of
//! streams and the console's addresses; reads nothing.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Untrusted;
use super::names::Arn;

/// Of one container of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContainerLogs {
    pub container: String,
    pub place: LogPlace,
    /// The stream, or the group, in CloudWatch's console.
    pub url: Option<String>,
    pub found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogPlace {
    CloudWatch(LogStream),
    /// Another driver: `awsfirelens`, `splunk`, … `output` is the name of FireLens's output.
    Driver {
        driver: String,
        output: Option<String>,
    },
    /// No `logConfiguration`.
    NotConfigured,
    /// The task definition could not be read.
    NotKnown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogStream {
    pub group: String,
    pub region: String,
    /// That is another Region than the tasks'.
    pub elsewhere: bool,
    /// `None` without `awslogs-stream-prefix`: then it is the id of the container on its instance.
    pub stream: Option<String>,
}

/// What came of the reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The last ones, the oldest first.
    Lines(Vec<Untrusted>),
    /// None, though it was looked for them so long.
    None {
        waited: Duration,
    },
    /// There is no such group.
    NoGroup,
    Denied {
        permission: String,
    },
    /// Why not, in a line that is safe to show.
    Failed {
        why: String,
    },
    /// They are nowhere that could be asked.
    NotAsked,
}

impl ContainerLogs {
    pub fn lines(&self) -> &[Untrusted] {
        match &self.found {
            Found::Lines(lines) => lines,
            _ => &[],
        }
    }
}

impl LogPlace {
    /// Of a container's definition. `region`: where its tasks run.
    pub fn of(container: &Map<String, Value>, task_id: &str, region: &str) -> LogPlace {
        let Some(configuration) = container.get("logConfiguration").and_then(Value::as_object)
        else {
            return LogPlace::NotConfigured;
        };
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let driver = configuration.get("logDriver").map(text).unwrap_or_default();
        let option = |name: &str| {
            let value = configuration.get("options")?.get(name)?.as_str()?;
            (!value.is_empty()).then(|| value.to_owned())
        };
        if driver != "awslogs" {
            return LogPlace::Driver {
                driver,
                output: option("Name"),
            };
        }
        let name = container.get("name").map(text).unwrap_or_default();
        let theirs = option("awslogs-region").unwrap_or_else(|| region.to_owned());
        LogPlace::CloudWatch(LogStream {
            group: option("awslogs-group").unwrap_or_default(),
            elsewhere: theirs != region,
            region: theirs,
            stream: option("awslogs-stream-prefix")
                .map(|prefix| format!("{prefix}/{name}/{task_id}")),
        })
    }

    pub fn stream(&self) -> Option<&LogStream> {
        match self {
            LogPlace::CloudWatch(stream) => Some(stream),
            _ => None,
        }
    }
}

impl LogStream {
    /// Its page in the console of this partition. No rule of the SDK's knows consoles: of a partition that is not listed here
    /// there is no link.
    pub fn console_url(&self, partition: &str) -> Option<String> {
        let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.region.is_empty() || !self.region.chars().all(is_label) {
            return None;
        }
        let host = match partition {
            "aws" => "console.aws.amazon.com",
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => return None,
        };
        let region = &self.region;
        let mut url = format!(
            "https://{region}.{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}",
            twice_encoded(&self.group)
        );
        if let Some(stream) = &self.stream {
            url.push_str(&format!("/log-events/{}", twice_encoded(stream)));
        }
        Some(url)
    }
}

/// The Region and the partition of an ARN.
pub fn region_and_partition(arn: &str) -> (String, String) {
    Arn::parse(arn)
        .map(|arn| (arn.region, arn.partition))
        .unwrap_or_default()
}

/// As the console wants what stands behind its `#`: percent-encoded twice, `$` for the second `%`.
fn twice_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("$25{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(configuration: Value) -> LogPlace {
        let container = json!({ "name": "web", "logConfiguration": configuration });
        let Value::Object(container) = container else {
            unreachable!()
        };
        LogPlace::of(&container, "8ab3", "eu-west-1")
    }

    fn awslogs(options: Value) -> LogStream {
        match place(json!({ "logDriver": "awslogs", "options": options })) {
            LogPlace::CloudWatch(stream) => stream,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn awslogs_names_a_stream_by_prefix_container_and_task() {
        let stream = awslogs(json!({
            "awslogs-group": "/ecs/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs",
        }));
        assert_eq!(stream.group, "/ecs/web");
        assert_eq!(
            (stream.region.as_str(), stream.elsewhere),
            ("us-east-1", true)
        );
        assert_eq!(stream.stream.as_deref(), Some("ecs/web/8ab3"));
        let bare = awslogs(json!({ "awslogs-group": "/ecs/web" }));
        assert_eq!((bare.region.as_str(), bare.stream), ("eu-west-1", None));
    }

    #[test]
    fn other_drivers_are_named_and_their_options_are_not_taken_but_the_outputs_name() {
        assert_eq!(
            place(
                json!({ "logDriver": "awsfirelens", "options": { "Name": "datadog", "apikey": "k" } })
            ),
            LogPlace::Driver {
                driver: "awsfirelens".to_owned(),
                output: Some("datadog".to_owned()),
            }
        );
        assert_eq!(place(Value::Null), LogPlace::NotConfigured);
    }

    #[test]
    fn the_consoles_link_is_encoded_twice_and_of_its_partition() {
        let stream = awslogs(json!({
            "awslogs-group": "/ecs/web", "awslogs-stream-prefix": "a b",
        }));
        assert_eq!(
            stream.console_url("aws").unwrap(),
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Fweb/log-events/a$2520b$252Fweb$252F8ab3"
        );
        let cn = LogStream {
            region: "cn-north-1".to_owned(),
            stream: None,
            ..stream.clone()
        };
        assert_eq!(
            cn.console_url("aws-cn").unwrap(),
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#logsV2:log-groups/log-group/$252Fecs$252Fweb"
        );
        assert_eq!(cn.console_url("aws-iso"), None);
        let hostile = LogStream {
            region: "x.evil.example/".to_owned(),
            ..stream
        };
        assert_eq!(hostile.console_url("aws"), None);
    }
}
