//! What is said, and how: one `Report` takes events and speaks to every reader there is: a terminal or a log, GitHub's
//! runner (`actions`), the job summary and the comment (`markdown`), other programs (`json`, `file`). Only this folder prints.

pub mod actions;
pub mod checks;
mod container_logs;
pub mod escape;
pub mod event;
mod file;
pub mod fleet;
pub mod github_deployment;
pub mod json;
pub mod markdown;
mod names;
pub mod page;
pub mod plan;
pub mod preview_plan;
pub mod previews;
pub mod remembered;
pub mod rollout;
pub mod terminal;

#[cfg(test)]
mod escape_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use crate::error::Error;
use crate::inputs::env::{Clock, Env, Sink};
use crate::inputs::values::OutputFormat;
use crate::model::Untrusted;
use crate::model::container_logs::ContainerLogs;
use crate::model::verdict::Outputs;

pub use event::{Event, Phase, Stretch, Text, Warning, duration};
use markdown::Announcement;

/// How the run is shown once it is over.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The verdict in words: one line, and lines below it that only an annotation shows.
    pub headline: Text,
    pub exit_code: u8,
    /// Markdown for the job summary.
    pub summary: Option<String>,
}

/// Speaks. Shared by reference: every method takes `&self`.
pub struct Report {
    clock: Clock,
    stdout: Sink,
    format: OutputFormat,
    /// Files of the runner that outputs and the summary go to.
    output_file: Option<PathBuf>,
    summary_file: Option<PathBuf>,
    /// The runner's own, emptied after the job: where the report file goes.
    temp: Option<PathBuf>,
    inner: Mutex<Inner>,
}

struct Inner {
    terminal: terminal::Terminal,
    running: BTreeMap<Phase, Duration>,
    took: Vec<Stretch>,
    details: Option<file::Details>,
    /// The last block that was quoted.
    quoted: Option<(Text, Untrusted)>,
}

impl Report {
    pub fn new(env: &Env, format: OutputFormat) -> Report {
        let in_actions = env.in_github_actions();
        let file = |name: &str| env.var(name).map(PathBuf::from);
        Report {
            clock: env.clock,
            stdout: env.stdout.clone(),
            format,
            output_file: file("GITHUB_OUTPUT"),
            summary_file: file("GITHUB_STEP_SUMMARY"),
            temp: file("RUNNER_TEMP"),
            inner: Mutex::new(Inner {
                terminal: terminal::Terminal::new(
                    env.stderr.clone(),
                    in_actions,
                    env.tty && !in_actions,
                    env.var("NO_COLOR").is_some(),
                ),
                running: BTreeMap::new(),
                took: Vec::new(),
                details: None,
                quoted: None,
            }),
        }
    }

    /// Say it to everyone who listens.
    pub fn say(&self, event: Event) {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        let mut took = None;
        match &event {
            Event::Started(phase) => {
                inner.running.insert(*phase, now);
            }
            Event::Finished(phase, note) => {
                let began = inner.running.remove(phase).unwrap_or(now);
                let time = now.saturating_sub(began);
                inner.took.push(Stretch {
                    phase: *phase,
                    began,
                    took: time,
                    note: note.clone(),
                    ended: true,
                });
                took = Some(time);
            }
            Event::Quoted { title, text } => inner.quoted = Some((title.clone(), text.clone())),
            _ => {}
        }
        inner.terminal.show(&event, took);
    }

    pub fn started(&self, phase: Phase) {
        self.say(Event::Started(phase));
    }

    pub fn finished(&self, phase: Phase, note: impl Into<Text>) {
        self.say(Event::Finished(phase, note.into()));
    }

    pub fn line(&self, text: impl Into<Text>) {
        self.say(Event::Line(text.into()));
    }

    pub fn notice(&self, text: impl Into<Text>) {
        self.say(Event::Notice(text.into()));
    }

    pub fn warn(&self, code: &'static str, text: impl Into<Text>, help: impl Into<Text>) {
        let help = help.into();
        self.say(Event::Warning(Warning {
            code,
            text: text.into(),
            help: (!help.is_empty()).then_some(help),
        }));
    }

    /// A container's last lines, or why there are none, and where they stand.
    pub fn logs(&self, logs: &ContainerLogs) {
        let mut place = container_logs::place(logs);
        match container_logs::note(logs) {
            Some(note) => self.line(match place.take() {
                Some(place) => note.say(" (").join(place).say(")"),
                None => note,
            }),
            None => {
                let title = container_logs::title(logs);
                self.say(Event::Quoted {
                    title: match place.take() {
                        Some(place) => title.say(" (").join(place).say(")"),
                        None => title,
                    },
                    text: escape::one_block(logs.lines()),
                });
            }
        }
        if let Some(url) = &logs.url {
            self.line(Text::new().say("in CloudWatch: ").say(url.as_str()));
        }
    }

    /// What was asked for, in words: on stdout, unless a program reads it.
    pub fn answer(&self, lines: &[Text]) {
        for line in lines {
            match self.format {
                OutputFormat::Text => terminal::write_line(&self.stdout, &escape::text_line(line)),
                OutputFormat::Json => self.line(line.clone()),
            }
        }
    }

    /// Times of the phases that ended so far, in order.
    pub fn phases(&self) -> Vec<(Phase, Duration)> {
        let inner = self.lock();
        inner.took.iter().map(|s| (s.phase, s.took)).collect()
    }

    /// The same with their places, and the one that goes on or broke off.
    pub fn stretches(&self) -> Vec<Stretch> {
        self.lock().stretches(self.clock.elapsed())
    }

    /// The last block that was quoted, for a card that tells of the failure it belongs to.
    pub fn quoted(&self) -> Option<(Text, Untrusted)> {
        self.lock().quoted.clone()
    }

    /// What the report file says beyond the outputs: the latest counts.
    pub fn keep(&self, about: &Announcement) {
        self.lock().details = Some(file::Details::of(about));
    }

    /// The same for a verb that deploys nothing.
    pub fn keep_page(&self, page: &page::Page) {
        self.lock().details = Some(file::Details::of_page(page));
    }

    /// The same for many services.
    pub fn keep_fleet(&self, fleet: &fleet::Fleet) {
        self.lock().details = Some(file::Details::of_fleet(fleet));
    }

    /// Hide a secret in the runner's log, the moment it is known. Says nothing anywhere else.
    pub fn mask(&self, secret: &SecretString) {
        self.lock().terminal.mask(secret);
    }

    /// An error that ends the run: what failed, why, what to do next, its code.
    pub fn error(&self, error: &Error) {
        self.lock().terminal.error(error);
    }

    /// The last word: the verdict for people, the outputs for programs, on failure too.
    pub fn finish(&self, outputs: &Outputs, ending: &Ending) {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        inner
            .terminal
            .ending(ending, outputs.failure_code.as_deref());
        let mut outputs = outputs.clone();
        outputs.report_file = inner.write_report(self.temp.as_deref(), &outputs, ending, now);
        if let Some(file) = &self.output_file
            && let Err(error) = actions::append_outputs(file, &outputs)
        {
            inner.unwritten("GITHUB_OUTPUT", &error);
        }
        if let (Some(file), Some(markdown)) = (&self.summary_file, &ending.summary)
            && let Err(error) = actions::append_summary(file, markdown)
        {
            inner.unwritten("GITHUB_STEP_SUMMARY", &error);
        }
        let answer = match self.format {
            OutputFormat::Json => Some(json::outputs(&outputs)),
            // A script that takes it must not take the address of what was there before for a success.
            OutputFormat::Text if ending.exit_code == 0 => outputs.answer().map(escape::line),
            OutputFormat::Text => None,
        };
        if let Some(answer) = answer {
            terminal::write_line(&self.stdout, &answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere must not silence the report of it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Text that was asked for, such as the help, on stdout.
pub fn show(env: &Env, text: &str) {
    terminal::write_line(&env.stdout, text.trim_end());
}

/// Words of a verb that has no report of its own, on stderr.
pub fn tell(env: &Env, text: &str) {
    terminal::write_line(&env.stderr, text);
}

impl Inner {
    fn stretches(&self, now: Duration) -> Vec<Stretch> {
        let going_on = self.running.iter().map(|(phase, began)| Stretch {
            phase: *phase,
            began: *began,
            took: now.saturating_sub(*began),
            note: Text::new(),
            ended: false,
        });
        let mut stretches: Vec<Stretch> = self.took.iter().cloned().chain(going_on).collect();
        stretches.sort_by_key(|s| s.began);
        stretches
    }

    /// Where it was written. Nowhere where the runner gave no place, or nothing was begun that there is a report of.
    fn write_report(
        &mut self,
        folder: Option<&Path>,
        outputs: &Outputs,
        ending: &Ending,
        now: Duration,
    ) -> Option<String> {
        let details = self.details.take()?;
        let path = match file::create(folder?, &details) {
            Ok(path) => path,
            Err(error) => {
                self.unwritten("the report file", &error);
                return None;
            }
        };
        let outputs = Outputs {
            report_file: Some(path.to_str()?.to_owned()),
            ..outputs.clone()
        };
        let stretches = self.stretches(now);
        match file::write(&path, &outputs, ending.exit_code, now, &details, &stretches) {
            Ok(()) => outputs.report_file,
            Err(error) => {
                self.unwritten("the report file", &error);
                None
            }
        }
    }

    fn unwritten(&mut self, file: &str, error: &std::io::Error) {
        let warning = Warning {
            code: "shipway::report::unwritten",
            text: Text::new()
                .code(file)
                .say(format!(" could not be written: {error}")),
            help: None,
        };
        self.terminal.show(&Event::Warning(warning), None);
    }
}
