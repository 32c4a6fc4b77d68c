//! What BuildKit reports while it builds, as news: steps that start and end, their logs, warnings. Knows BuildKit's
//! vertices and names; keeps the last lines of each step for the failure card; prints nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use prost::Message;

use super::Foreign;

/// A failure card shows the end of the log; more than this helps nobody.
const KEPT_LINES: usize = 50;
/// A line without end is cut, or a build could fill our memory.
const LINE_BYTES: usize = 16 * 1024;

/// What a build tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildNews {
    /// The context was looked over; sending begins when BuildKit asks.
    ContextReady {
        files: u64,
        bytes: u64,
    },
    StepStarted(Step),
    StepDone {
        step: Step,
        took: Duration,
        cached: bool,
    },
    StepLog {
        step: Step,
        line: Foreign,
    },
    Warning(Foreign),
}

/// A step as BuildKit counts it: by stage. Steps such as exporting the image have no number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    pub stage: Option<String>,
    /// the place in its stage, and how many that has
    pub place: Option<(u32, u32)>,
    pub name: Foreign,
}

impl Step {
    /// Reads a vertex's name. BuildKit's own errands (`[internal] …`) are no steps.
    pub fn read(vertex: &str) -> Option<Step> {
        let plain = || Step {
            name: vertex.into(),
            ..Step::default()
        };
        let Some((bracket, name)) = vertex
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "))
        else {
            return Some(plain());
        };
        if bracket == "internal" || bracket == "auth" {
            return None;
        }
        // "builder 2/3", "2/3", or "linux/amd64 builder 2/3"
        let (before, place) = bracket.rsplit_once(' ').unwrap_or(("", bracket));
        let Some((step, of)) = place
            .split_once('/')
            .and_then(|(n, of)| Some((n.trim().parse().ok()?, of.parse().ok()?)))
        else {
            return Some(plain());
        };
        let stage = before
            .trim_end()
            .rsplit(' ')
            .next()
            .filter(|stage| !stage.is_empty() && !stage.contains('/'));
        Some(Step {
            stage: stage.map(str::to_owned),
            place: Some((step, of)),
            name: name.into(),
        })
    }
}

/// The build so far.
#[derive(Debug, Default)]
pub struct Progress {
    vertices: HashMap<String, Seen>,
    /// the vertex that failed, by digest
    failed: Option<String>,
}

#[derive(Debug, Default)]
struct Seen {
    name: String,
    step: Option<Step>,
    started: bool,
    done: bool,
    error: String,
    log: VecDeque<Foreign>,
    /// a line whose end has not come yet, for each of the two streams
    partial: HashMap<i64, Vec<u8>>,
}

impl Progress {
    /// Reads one report, as the engine wraps it (`moby.buildkit.trace`), and tells what is new.
    pub fn read(&mut self, wrapped: &str, tell: &mut dyn FnMut(BuildNews)) -> Result<(), Foreign> {
        let raw = STANDARD
            .decode(wrapped)
            .map_err(|error| Foreign(error.to_string()))?;
        let status =
            StatusResponse::decode(raw.as_slice()).map_err(|error| Foreign(error.to_string()))?;
        self.take(status, tell);
        Ok(())
    }

    fn take(&mut self, status: StatusResponse, tell: &mut dyn FnMut(BuildNews)) {
        for vertex in status.vertexes {
            self.vertex(vertex, tell);
        }
        for log in status.logs {
            let Some(seen) = self.vertices.get_mut(&log.vertex) else {
                continue;
            };
            seen.write(log.stream, &log.msg, tell);
        }
        for warning in status.warnings {
            tell(BuildNews::Warning(text(&warning.short)));
        }
    }

    fn vertex(&mut self, vertex: Vertex, tell: &mut dyn FnMut(BuildNews)) {
        let seen = self
            .vertices
            .entry(vertex.digest.clone())
            .or_insert_with(|| Seen {
                name: vertex.name.clone(),
                step: Step::read(&vertex.name),
                ..Seen::default()
            });
        if vertex.started.is_some() && !seen.started {
            seen.started = true;
            if let Some(step) = &seen.step {
                tell(BuildNews::StepStarted(step.clone()));
            }
        }
        if !vertex.error.is_empty() && seen.error.is_empty() {
            seen.error.clone_from(&vertex.error);
            // a cancelled vertex fell with another one
            if is_about_cache(&seen.name) {
                tell(BuildNews::Warning(
                    format!("{}: {}", seen.name, vertex.error).into(),
                ));
            } else if self.failed.is_none() && !vertex.error.contains("context canceled") {
                self.failed = Some(vertex.digest.clone());
            }
        }
        if let (Some(started), Some(completed)) = (&vertex.started, &vertex.completed)
            && !seen.done
            && vertex.error.is_empty()
        {
            seen.done = true;
            seen.flush(tell);
            let nanos = (completed.seconds - started.seconds) * 1_000_000_000
                + i64::from(completed.nanos - started.nanos);
            if let Some(step) = &seen.step {
                tell(BuildNews::StepDone {
                    step: step.clone(),
                    took: Duration::from_nanos(nanos.max(0) as u64),
                    cached: vertex.cached,
                });
            }
        }
    }

    /// The step that failed and the last lines it wrote; for BuildKit's own errands, its name.
    pub fn failure(&mut self) -> Option<(Step, Vec<Foreign>)> {
        let seen = self.vertices.get_mut(self.failed.as_ref()?)?;
        seen.flush(&mut |_| {});
        let step = seen.step.clone().unwrap_or_else(|| Step {
            name: seen.name.as_str().into(),
            ..Step::default()
        });
        Some((step, seen.log.iter().cloned().collect()))
    }

    /// Whether nothing but a cache stood in the way.
    pub fn failed_over_cache(&self) -> bool {
        self.failed.is_none()
            && self
                .vertices
                .values()
                .any(|seen| !seen.error.is_empty() && is_about_cache(&seen.name))
    }
}

impl Seen {
    fn write(&mut self, stream: i64, bytes: &[u8], tell: &mut dyn FnMut(BuildNews)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let partial = self.partial.entry(stream).or_default();
            let room = LINE_BYTES.saturating_sub(partial.len());
            partial.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(partial);
                self.line(&line, tell);
            }
        }
    }

    fn flush(&mut self, tell: &mut dyn FnMut(BuildNews)) {
        for (_, rest) in std::mem::take(&mut self.partial) {
            if !rest.is_empty() {
                self.line(&rest, tell);
            }
        }
    }

    fn line(&mut self, line: &[u8], tell: &mut dyn FnMut(BuildNews)) {
        let line = text(line.trim_ascii_end());
        if self.log.len() == KEPT_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line.clone());
        if let Some(step) = &self.step {
            tell(BuildNews::StepLog {
                step: step.clone(),
                line,
            });
        }
    }
}

fn is_about_cache(name: &str) -> bool {
    name.starts_with("importing cache") || name.starts_with("exporting cache")
}

fn text(bytes: &[u8]) -> Foreign {
    Foreign(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use bollard::moby::buildkit::v1::VertexLog;

    use super::*;

    #[test]
    fn names_of_steps() {
        let step = |stage: Option<&str>, place, name: &str| {
            Some(Step {
                stage: stage.map(str::to_owned),
                place,
                name: name.into(),
            })
        };
        for (vertex, expected) in [
            ("[internal] load build definition from Dockerfile", None),
            (
                "[auth] library/nginx:pull token for registry-1.docker.io",
                None,
            ),
            ("[2/3] RUN make", step(None, Some((2, 3)), "RUN make")),
            (
                "[builder  2/13] RUN [ \"a\" ] && b",
                step(Some("builder"), Some((2, 13)), "RUN [ \"a\" ] && b"),
            ),
            (
                "[linux/amd64 stage-1 1/2] COPY a b",
                step(Some("stage-1"), Some((1, 2)), "COPY a b"),
            ),
            ("exporting to image", step(None, None, "exporting to image")),
            ("[odd", step(None, None, "[odd")),
        ] {
            assert_eq!(Step::read(vertex), expected, "{vertex}");
        }
    }

    #[test]
    fn logs_are_cut_into_lines_kept_and_bounded() {
        let mut progress = Progress::default();
        let mut news = Vec::new();
        let vertex = |error: &str, done: bool| Vertex {
            digest: "d".to_owned(),
            name: "[1/1] RUN x".to_owned(),
            started: Some(Default::default()),
            completed: done.then(Default::default),
            error: error.to_owned(),
            ..Vertex::default()
        };
        let log = |msg: &[u8]| VertexLog {
            vertex: "d".to_owned(),
            stream: 1,
            msg: msg.to_vec(),
            ..VertexLog::default()
        };
        progress.take(
            StatusResponse {
                vertexes: vec![vertex("", false)],
                logs: vec![
                    log(b"one\ntw"),
                    log(b"o\r\nthree"),
                    log(&vec![b'x'; 100_000]),
                ],
                ..StatusResponse::default()
            },
            &mut |n| news.push(n),
        );
        progress.take(
            StatusResponse {
                vertexes: vec![vertex("exit code: 1", true)],
                ..StatusResponse::default()
            },
            &mut |n| news.push(n),
        );
        let (step, lines) = progress.failure().unwrap();
        assert_eq!(step.place, Some((1, 1)));
        assert_eq!(lines[..2], ["one".into(), "two".into()]);
        assert_eq!(lines[2].0.len(), LINE_BYTES, "a line without end is cut");
        assert!(matches!(news[0], BuildNews::StepStarted(_)));
        assert!(
            !news.iter().any(|n| matches!(n, BuildNews::StepDone { .. })),
            "it failed"
        );
    }
}
