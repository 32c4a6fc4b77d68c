//! What was asked and what was answered, in order: for tests, for checks against AWS's own models, for people.
//!
//! Knows: calls as values. Does not know: headers, which hold the secrets of a call and are never recorded.

use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::timestamp_iso;

/// One call. A checker reads `input` and `answer`; what a caller sent is `input` alone.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    pub n: usize,
    pub at: String,
    pub service: String,
    pub operation: String,
    pub caller: String,
    pub input: Value,
    /// 0 where the connection broke.
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// `Code: message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Record {
    /// `service:Operation`, as snapshots list calls.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

/// Keeps every record, and appends each to a file if there is one.
#[derive(Default)]
pub struct Recorder {
    records: Vec<Record>,
    file: Option<PathBuf>,
}

impl Recorder {
    pub fn to_file(file: Option<PathBuf>) -> Recorder {
        Recorder {
            file,
            ..Recorder::default()
        }
    }

    pub fn set_file(&mut self, file: PathBuf) {
        self.file = Some(file);
    }

    pub fn push(&mut self, at: SystemTime, record: Record) {
        let record = Record {
            n: self.records.len() + 1,
            at: timestamp_iso(at),
            ..record
        };
        if let Some(path) = &self.file {
            // A record that cannot be written must not change what a caller sees; the file's reader will miss it.
            let line = serde_json::to_string(&record)
                .map(|line| line + "\n")
                .unwrap_or_default();
            let opened = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path);
            let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
        }
        self.records.push(record);
    }

    pub fn all(&self) -> &[Record] {
        &self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_a_line() {
        let path =
            std::env::temp_dir().join(format!("sandbox-record-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut recorder = Recorder::to_file(Some(path.clone()));
        for operation in ["DescribeServices", "UpdateService"] {
            let record = Record {
                n: 0,
                at: String::new(),
                service: "ecs".into(),
                operation: operation.into(),
                caller: "arn:x".into(),
                input: serde_json::json!({"cluster": "c"}),
                status: 200,
                answer: Some(serde_json::json!({})),
                error: None,
            };
            recorder.push(SystemTime::UNIX_EPOCH, record);
        }
        let written = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            written.lines().nth(1).unwrap(),
            r#"{"n":2,"at":"1970-01-01T00:00:00.000Z","service":"ecs","operation":"UpdateService","caller":"arn:x","input":{"cluster":"c"},"status":200,"answer":{}}"#
        );
    }
}
