//! What is worth saying, as values. Text keeps our words and others' words apart until a sink escapes it for its medium;
//! an event says nothing about colour, width or workflow commands.

use std::time::Duration;

use crate::model::Untrusted;

/// A line made of our words and of quotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Ours(String),
    /// An identifier: shown as code where the medium has that.
    Code(String),
    Theirs(Untrusted),
}

impl Text {
    pub fn new() -> Text {
        Text::default()
    }

    /// Our own words.
    pub fn say(mut self, words: impl Into<String>) -> Text {
        let words = words.into();
        if !words.is_empty() {
            self.0.push(Piece::Ours(words));
        }
        self
    }

    /// A name or value, set off as code.
    pub fn code(mut self, name: impl Into<String>) -> Text {
        self.0.push(Piece::Code(name.into()));
        self
    }

    /// Our own words, in which names and values stand between backticks.
    pub fn with_code(words: String) -> Text {
        if words.matches('`').count() % 2 == 1 {
            return Text::new().say(words);
        }
        let mut text = Text::new();
        for (n, part) in words.split('`').enumerate().filter(|(_, p)| !p.is_empty()) {
            text = if n % 2 == 0 {
                text.say(part)
            } else {
                text.code(part)
            };
        }
        text
    }

    /// Somebody else's words, on this one line.
    pub fn quote(mut self, text: &Untrusted) -> Text {
        self.0.push(Piece::Theirs(text.clone()));
        self
    }

    /// What follows stands on a line of its own, where the medium has lines.
    pub fn and_line(self, next: Text) -> Text {
        self.say("\n").join(next)
    }

    /// The lines of our own words; a quotation stays on one.
    pub fn lines(&self) -> Vec<Text> {
        let mut lines = vec![Text::new()];
        for piece in &self.0 {
            let Piece::Ours(words) = piece else {
                if let Some(last) = lines.last_mut() {
                    last.0.push(piece.clone());
                }
                continue;
            };
            for (n, part) in words.split('\n').enumerate() {
                if n > 0 {
                    lines.push(Text::new());
                }
                if let (Some(last), false) = (lines.last_mut(), part.is_empty()) {
                    last.0.push(Piece::Ours(part.to_owned()));
                }
            }
        }
        lines
    }

    /// Without what it begins with, if our own words begin so.
    pub fn without_prefix(&self, prefix: &str) -> Option<Text> {
        let (Piece::Ours(first), rest) = self.0.split_first()? else {
            return None;
        };
        let first = Text::new().say(first.strip_prefix(prefix)?);
        Some(first.join(Text(rest.to_vec())))
    }

    /// Another text behind this one.
    pub fn join(mut self, other: Text) -> Text {
        self.0.extend(other.0);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of its pieces has these words, whoever wrote it.
    pub fn mentions(&self, words: &str) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Ours(text) | Piece::Code(text) => text.contains(words),
            Piece::Theirs(text) => text.contains(words),
        })
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Text {
        Text::new().say(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        Text::new().say(words)
    }
}

/// The stretches of a deploy, as people see their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Preflight,
    Build,
    Push,
    Plan,
    Update,
    Rollout,
    Smoke,
    /// Of `scale`: the services are looked for, and looked at.
    Select,
    /// Of `scale`: each is done.
    Scale,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Phase::Preflight => "preflight",
            Phase::Build => "build",
            Phase::Push => "push",
            Phase::Plan => "plan",
            Phase::Update => "update",
            Phase::Rollout => "rollout",
            Phase::Smoke => "smoke test",
            Phase::Select => "select",
            Phase::Scale => "scale",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Phase::Preflight => "Looking at the service",
            Phase::Build => "Building the image",
            Phase::Push => "Pushing the image",
            Phase::Plan => "Plan",
            Phase::Update => "Updating the service",
            Phase::Rollout => "Rolling out",
            Phase::Smoke => "Smoke test",
            Phase::Select => "Looking for the services",
            Phase::Scale => "Scaling the services",
        }
    }

    /// Long output that few people read: a runner shows it folded.
    pub(super) fn is_folded(self) -> bool {
        matches!(self, Phase::Build | Phase::Push)
    }
}

/// Something that did not stop the run, with a stable code and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `shipway::<stage>::<what>`
    pub code: &'static str,
    pub text: Text,
    pub help: Option<Text>,
}

/// A phase with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub phase: Phase,
    /// Since the run began.
    pub began: Duration,
    pub took: Duration,
    /// What there was to say when it ended.
    pub note: Text,
    /// False where the run broke off in the middle of it.
    pub ended: bool,
}

/// What a rollout stands at, one value each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Tasks,
    Healthy,
    Window,
}

#[derive(Clone, Debug)]
pub enum Event {
    Started(Phase),
    /// Its time is measured by the report.
    Finished(Phase, Text),
    /// One line, said once.
    Line(Text),
    /// What goes on right now: replaced by the next one on a terminal, unsaid elsewhere.
    Progress(Text),
    /// How many of many are done: always in sight on a terminal; elsewhere a line every tenth of the way, where it is a long one.
    Counted {
        done: usize,
        total: usize,
        text: Text,
    },
    /// A line that also is where things stand: a terminal keeps `now` in sight until the next of its kind.
    Standing {
        what: Standing,
        line: Text,
        now: Text,
    },
    /// A line that a reader of a run's page should see without opening the log.
    Notice(Text),
    Warning(Warning),
    /// A block that somebody else wrote: log lines, a build step's output.
    Quoted {
        title: Text,
        text: Untrusted,
    },
}

/// `1 min 52 s`, `9 s`, `0.4 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time < Duration::from_millis(9_950) && time.subsec_millis() >= 50 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    let rounded = seconds + u64::from(time.subsec_millis() >= 500);
    match (rounded / 3600, rounded / 60 % 60, rounded % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `3 MB`, in powers of ten as registries count.
pub fn bytes_in_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        1_000_000_000.. => format!("{:.1} GB", bytes as f64 / 1e9),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
