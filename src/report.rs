//! What is said, and how: one `Report` takes events and speaks to every reader there is: a terminal or a log, GitHub's
//! runner (`actions`), the job summary and the comment (`markdown`), other programs (`json`). Only this folder prints.

pub mod actions;
pub mod checks;
pub mod escape;
pub mod event;
pub mod github_deployment;
pub mod json;
pub mod markdown;
pub mod page;
pub mod plan;
pub mod remembered;
pub mod rollout;
pub mod terminal;

#[cfg(test)]
mod escape_tests;
#[cfg(test)]
mod markdown_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use crate::error::Error;
use crate::inputs::env::{Clock, Env, Sink};
use crate::inputs::values::OutputFormat;
use crate::model::verdict::Outputs;

pub use event::{Event, Phase, Text, Warning, duration};

/// How the run is shown once it is over.
#[derive(Clone, Debug)]
pub struct Ending {
    /// One line: the verdict in words.
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
    inner: Mutex<Inner>,
}

struct Inner {
    terminal: terminal::Terminal,
    running: BTreeMap<Phase, Duration>,
    took: Vec<(Phase, Duration)>,
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
            inner: Mutex::new(Inner {
                terminal: terminal::Terminal::new(
                    env.stderr.clone(),
                    in_actions,
                    env.tty && !in_actions,
                    env.var("NO_COLOR").is_some(),
                ),
                running: BTreeMap::new(),
                took: Vec::new(),
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
            Event::Finished(phase, _) => {
                let time = now.saturating_sub(inner.running.remove(phase).unwrap_or(now));
                inner.took.push((*phase, time));
                took = Some(time);
            }
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
        self.lock().took.clone()
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
        let mut inner = self.lock();
        inner.terminal.ending(ending);
        if let Some(file) = &self.output_file
            && let Err(error) = actions::append_outputs(file, outputs)
        {
            inner
                .terminal
                .show(&unwritten("GITHUB_OUTPUT", &error), None);
        }
        if let (Some(file), Some(markdown)) = (&self.summary_file, &ending.summary)
            && let Err(error) = actions::append_summary(file, markdown)
        {
            inner
                .terminal
                .show(&unwritten("GITHUB_STEP_SUMMARY", &error), None);
        }
        let answer = match self.format {
            OutputFormat::Json => Some(json::outputs(outputs)),
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

fn unwritten(file: &str, error: &std::io::Error) -> Event {
    Event::Warning(Warning {
        code: "shipway::report::unwritten",
        text: Text::new()
            .code(file)
            .say(format!(" could not be written: {error}")),
        help: None,
    })
}
