//! What was asked and what was answered, in order: for tests, for checks against AWS's own models, for people.
//!
//! Knows: calls as values, and the answer's text where it says more than they do. Does not know: headers, which hold the
//! secrets of a call and are never recorded.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
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
    /// The answer's text where it is XML or an error. Written to the file only: it says the same as the members above,
    /// in the form that a checker of forms reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Names a file that every call is appended to, a line each; or a folder, in which every process has its own file.
const RECORD: &str = "SHIPWAY_SANDBOX_RECORD";

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
    /// As the process's environment wants it.
    pub fn of_process() -> Recorder {
        let place = std::env::var_os(RECORD).filter(|place| !place.is_empty());
        Recorder::to_file(place.as_deref().map(file_at))
    }

    pub fn to_file(file: Option<PathBuf>) -> Recorder {
        Recorder {
            file,
            ..Recorder::default()
        }
    }

    pub fn no_file(&mut self) {
        self.file = None;
    }

    pub fn push(&mut self, at: SystemTime, record: Record) {
        let record = Record {
            n: self.records.len() + 1,
            at: timestamp_iso(at),
            ..record
        };
        if let Some(path) = &self.file {
            // One write of one whole line, at the file's end: many worlds and processes may share a file.
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
        self.records.push(Record {
            body: None,
            ..record
        });
    }

    pub fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    pub fn all(&self) -> &[Record] {
        &self.records
    }
}

/// The file of this process, if the place is a folder.
fn file_at(place: &OsStr) -> PathBuf {
    let place = Path::new(place);
    if !place.is_dir() {
        return place.to_owned();
    }
    let process = std::env::current_exe().unwrap_or_default();
    let process = process.file_stem().unwrap_or(OsStr::new("process"));
    place.join(format!(
        "{}-{}.jsonl",
        process.to_string_lossy(),
        std::process::id()
    ))
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
                body: None,
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

    #[test]
    fn in_a_folder_each_process_has_a_file() {
        let folder = std::env::temp_dir();
        let file = file_at(folder.as_os_str());
        assert_eq!(file.parent(), Some(folder.as_path()));
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with(&format!("-{}.jsonl", std::process::id())));
        let file = folder.join("calls.jsonl");
        assert_eq!(file_at(file.as_os_str()), file);
    }
}
