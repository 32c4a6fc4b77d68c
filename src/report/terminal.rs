//! Lines on stderr: plain ones in a log, with colour and a live line on a terminal, with workflow commands on GitHub's
//! runner. The only place that knows colour, groups and the spinner.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::{OwoColorize, Style};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::inputs::env::Sink;

use super::actions::{self, Level};
use super::event::{Event, Phase, Text, Warning, duration};
use super::{Ending, escape};

/// The spinner turns this often; nobody sees faster.
const TICK: Duration = Duration::from_millis(120);

pub(super) struct Terminal {
    sink: Sink,
    in_actions: bool,
    colour: bool,
    live: Option<ProgressBar>,
    /// The phase whose group is open in the runner's log.
    group: Option<Phase>,
    /// An error was shown, so the last line need not be an annotation as well: a step has ten of a level.
    said_error: bool,
}

impl Terminal {
    pub(super) fn new(sink: Sink, in_actions: bool, tty: bool, no_color: bool) -> Terminal {
        Terminal {
            sink,
            in_actions,
            colour: tty && !no_color,
            live: tty.then(spinner),
            group: None,
            said_error: false,
        }
    }

    pub(super) fn show(&mut self, event: &Event, took: Option<Duration>) {
        match event {
            Event::Started(phase) => self.started(*phase),
            Event::Finished(phase, note) => self.finished(*phase, note, took.unwrap_or_default()),
            Event::Line(text) => self.line(&format!("  {}", escape::text_line(text))),
            Event::Progress(text) => {
                if let Some(live) = &self.live {
                    live.set_message(escape::text_line(text));
                }
            }
            Event::Notice(text) => {
                let text = escape::text_line(text);
                if self.in_actions {
                    self.line(&actions::annotation(Level::Notice, "", &text));
                } else {
                    self.line(&format!(
                        "{} {text}",
                        self.paint("note:", Style::new().cyan())
                    ));
                }
            }
            Event::Warning(warning) => self.warning(warning),
            Event::Quoted { title, text } => {
                let lines = escape::block(text);
                self.line(&format!("  {}", escape::text_line(title)));
                self.quoted(&lines);
            }
        }
    }

    pub(super) fn mask(&self, secret: &SecretString) {
        if !self.in_actions {
            return;
        }
        let secret = secret.expose_secret();
        // The runner masks line by line, so each line of a secret needs a mask of its own.
        for part in secret.lines().map(str::trim).filter(|l| l.len() > 3) {
            self.line(&format!("::add-mask::{}", escape::mask_value(part)));
        }
    }

    pub(super) fn error(&mut self, error: &Error) {
        self.close_group();
        self.stop_live();
        self.said_error = true;
        let chain = error.chain();
        let (code, help) = (error.code(), error.help());
        let mut message = chain.first().cloned().unwrap_or_default();
        for cause in chain.iter().skip(1) {
            message.push_str(&format!("\ncaused by: {cause}"));
        }
        if let Some(help) = &help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        if self.in_actions {
            // The runner prints an annotation's text in the log as well.
            self.line(&actions::annotation(Level::Error, &code, &message));
            self.block(error);
            return;
        }
        for (n, part) in message.lines().enumerate() {
            let part = escape::line(part);
            if n == 0 {
                let word = self.paint("error:", Style::new().red().bold());
                self.line(&format!("{word} {part}"));
            } else {
                self.line(&format!("  {part}"));
            }
        }
        self.line(&format!("  code: {code}"));
        self.block(error);
    }

    /// Without a bar before each line: it is there to be copied.
    fn block(&self, error: &Error) {
        if let Some(block) = error.block() {
            self.line(&format!("  {}", escape::line(&block.title)));
            for line in block.text.lines() {
                self.line(&format!("    {}", escape::line(line)));
            }
        }
    }

    pub(super) fn ending(&mut self, ending: &Ending) {
        self.close_group();
        self.stop_live();
        if ending.headline.is_empty() {
            return;
        }
        let text = escape::text_line(&ending.headline);
        let style = match ending.exit_code {
            0 => Style::new().green().bold(),
            _ => Style::new().red().bold(),
        };
        if self.in_actions && ending.exit_code != 0 && !self.said_error {
            self.line(&actions::annotation(Level::Error, "", &text));
        } else {
            self.line(&self.paint(&text, style));
        }
    }

    /// Lines that stay, each with the word in it that colour may help to find.
    pub(super) fn tree(&mut self, lines: &[(Text, Option<&'static str>)]) {
        self.stop_live();
        for (text, word) in lines {
            let mut line = format!("  {}", escape::text_line(text));
            if let Some(word) = word {
                let style = match *word {
                    "OK" => Style::new().green(),
                    "NG" => Style::new().red().bold(),
                    _ => Style::new().dimmed(),
                };
                line = line.replacen(word, &self.paint(word, style), 1);
            }
            self.line(&line);
        }
    }

    fn started(&mut self, phase: Phase) {
        self.close_group();
        if self.in_actions && phase.is_folded() {
            self.line(&actions::group(phase.title()));
            self.group = Some(phase);
        } else {
            self.line(&self.paint(phase.title(), Style::new().bold()));
        }
        if let Some(live) = &self.live {
            live.set_message(phase.title().to_owned());
            live.enable_steady_tick(TICK);
        }
    }

    fn finished(&mut self, phase: Phase, note: &Text, took: Duration) {
        if self.group == Some(phase) {
            self.close_group();
        }
        // A phase that took no time and has nothing to say was still its heading.
        let time =
            (took.as_millis() >= 50).then(|| self.paint(&duration(took), Style::new().dimmed()));
        let note = Some(escape::text_line(note)).filter(|n| !n.is_empty());
        let parts: Vec<String> = [note, time].into_iter().flatten().collect();
        if !parts.is_empty() {
            self.line(&format!("  {}: {}", phase.word(), parts.join(" · ")));
        }
        if let Some(live) = &self.live {
            live.set_message(String::new());
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let mut message = escape::text_line(&warning.text);
        if let Some(help) = &warning.help {
            message.push_str(&format!("\nhelp: {}", escape::text_line(help)));
        }
        if self.in_actions {
            self.line(&actions::annotation(Level::Warning, warning.code, &message));
            return;
        }
        for (n, part) in message.lines().enumerate() {
            if n == 0 {
                let word = self.paint("warning:", Style::new().yellow().bold());
                self.line(&format!("{word} {part} ({})", warning.code));
            } else {
                self.line(&format!("  {part}"));
            }
        }
    }

    /// Text of others. On the runner its commands are off until our token is said again.
    fn quoted(&self, lines: &[String]) {
        let token = self.in_actions.then(actions::token);
        if let Some(token) = &token {
            self.line(&format!("::stop-commands::{token}"));
        }
        for line in lines {
            self.line(&format!("  | {line}"));
        }
        if let Some(token) = &token {
            self.line(&format!("::{token}::"));
        }
    }

    fn close_group(&mut self) {
        if self.group.take().is_some() {
            self.line("::endgroup::");
        }
    }

    fn stop_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
        }
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colour {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    fn line(&self, line: &str) {
        match &self.live {
            Some(live) => live.suspend(|| write_line(&self.sink, line)),
            None => write_line(&self.sink, line),
        }
    }
}

/// A reader that went away (a closed pipe) does not end a deploy.
pub(super) fn write_line(sink: &Sink, line: &str) {
    let mut sink = sink
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let _ = sink.write_all(format!("{line}\n").as_bytes());
    let _ = sink.flush();
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}
