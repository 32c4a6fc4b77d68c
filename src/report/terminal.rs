//! Lines on stderr: plain ones in a log, with colour and a live line on a terminal, with workflow commands on GitHub's
//! runner. The only place that knows colour, groups and the spinner.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use owo_colors::{OwoColorize, Style};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::inputs::env::Sink;

use super::actions::{self, Level};
use super::event::{Event, Phase, Standing, Text, Warning, duration};
use super::{Ending, escape};

/// The spinner turns this often; nobody sees faster.
const TICK: Duration = Duration::from_millis(120);
/// Characters of the live line's words. In a line that is full, the `^C` that a terminal echoes would go to the next one, and
/// the full one would stay.
const LIVE: usize = 68;
/// A count of fewer is over before anybody wonders.
const MANY: usize = 50;
/// A quoted block longer than this is folded on the runner.
const LONG: usize = 20;

pub(super) struct Terminal {
    sink: Sink,
    in_actions: bool,
    colour: bool,
    live: Option<ProgressBar>,
    /// What the live line says: the phase, how things stand in it, what goes on.
    phase: Option<Phase>,
    standing: BTreeMap<Standing, String>,
    /// The phase whose group is open in the runner's log.
    group: Option<Phase>,
    /// Annotations so far, by level.
    annotations: BTreeMap<Level, u32>,
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
            phase: None,
            standing: BTreeMap::new(),
            group: None,
            annotations: BTreeMap::new(),
            said_error: false,
        }
    }

    pub(super) fn show(&mut self, event: &Event, took: Option<Duration>) {
        match event {
            Event::Started(phase) => self.started(*phase),
            Event::Finished(phase, note) => self.finished(*phase, note, took.unwrap_or_default()),
            Event::Line(text) => self.line(&format!("  {}", self.words(text))),
            Event::Progress(text) => self.live(&self.bare(text)),
            Event::Counted { done, total, text } => match &self.live {
                Some(_) => self.live(&self.bare(text)),
                None if is_milestone(*done, *total) => {
                    self.line(&format!("  {}", escape::text_line(text)));
                }
                None => {}
            },
            Event::Standing { what, line, now } => {
                self.line(&format!("  {}", self.words(line)));
                if *what == Standing::Healthy {
                    self.standing.remove(&Standing::Window);
                }
                self.standing.insert(*what, self.bare(now));
                self.live("");
            }
            Event::Notice(text) => {
                let text = escape::text_line(text);
                self.annotate(Level::Notice, "", &text);
            }
            Event::Warning(warning) => self.warning(warning),
            Event::Quoted { title, text } => {
                // Whoever looks for it shall not have to open the phase's group first.
                self.close_group();
                let lines = escape::block(text);
                let title = self.words(title);
                let folded = self.in_actions && lines.len() > LONG;
                if folded {
                    self.line(&actions::group(&title));
                } else {
                    self.line(&format!("  {title}"));
                }
                self.quoted(&lines);
                if folded {
                    self.line("::endgroup::");
                }
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
        self.annotate(Level::Error, &code, &message);
        if !self.in_actions {
            self.line(&format!("  code: {code}"));
        }
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

    pub(super) fn ending(&mut self, ending: &Ending, failure_code: Option<&str>) {
        self.close_group();
        self.stop_live();
        if ending.headline.is_empty() {
            return;
        }
        let lines: Vec<String> = ending
            .headline
            .lines()
            .iter()
            .map(|line| self.bare(line))
            .collect();
        if self.in_actions && ending.exit_code != 0 && !self.said_error {
            let code = failure_code.unwrap_or_default();
            self.annotate(Level::Error, code, &lines.join("\n"));
            return;
        }
        let style = match ending.exit_code {
            0 => Style::new().green().bold(),
            _ => Style::new().red().bold(),
        };
        // The lines below it were said when they were found.
        let first = lines.first().map(String::as_str).unwrap_or_default();
        self.line(&self.paint(first, style));
    }

    /// Lines that stay, each with the word in it that colour may help to find.
    pub(super) fn tree(&mut self, lines: &[(Text, Option<&'static str>)]) {
        self.stop_live();
        for (text, word) in lines {
            let mut line = format!("  {}", self.words(text));
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
        self.phase = Some(phase);
        self.standing.clear();
        if let Some(live) = &self.live {
            live.reset_elapsed();
            live.enable_steady_tick(TICK);
        }
        self.live("");
    }

    /// On a terminal: the phase, how things stand, and what goes on right now.
    fn live(&self, now: &str) {
        let Some(live) = &self.live else { return };
        let parts = self
            .phase
            .map(|p| p.title())
            .into_iter()
            .chain(self.standing.values().map(String::as_str))
            .chain([now])
            .filter(|part| !part.is_empty());
        let line = parts.collect::<Vec<_>>().join(" · ");
        live.set_message(match line.chars().count() {
            0..=LIVE => line,
            _ => line.chars().take(LIVE - 1).chain(['…']).collect(),
        });
    }

    fn finished(&mut self, phase: Phase, note: &Text, took: Duration) {
        if self.group == Some(phase) {
            self.close_group();
        }
        // A phase that took no time and has nothing to say was still its heading.
        let time =
            (took.as_millis() >= 50).then(|| self.paint(&duration(took), Style::new().dimmed()));
        let note = Some(self.words(note)).filter(|n| !n.is_empty());
        let parts: Vec<String> = [note, time].into_iter().flatten().collect();
        if !parts.is_empty() {
            self.line(&format!("  {}: {}", phase.word(), parts.join(" · ")));
        }
        self.phase = None;
        self.standing.clear();
        if let Some(live) = &self.live {
            // Nothing goes on until the next phase begins.
            live.disable_steady_tick();
            live.set_message("");
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let mut message = escape::text_line(&warning.text);
        if let Some(help) = &warning.help {
            message.push_str(&format!("\nhelp: {}", escape::text_line(help)));
        }
        self.annotate(Level::Warning, warning.code, &message);
    }

    /// An annotation on the runner, as long as it takes any; lines of the log elsewhere and afterwards.
    fn annotate(&mut self, level: Level, title: &str, message: &str) {
        let so_far = self.annotations.entry(level).or_default();
        *so_far += 1;
        let number = *so_far;
        if self.in_actions && number <= actions::ANNOTATIONS {
            let note =
                "\n(GitHub shows no more of these a step: any others stand in the log alone)";
            let message = match number == actions::ANNOTATIONS {
                true => {
                    let room = escape::ANNOTATION_LIMIT.saturating_sub(note.chars().count());
                    let cut: String = message.chars().take(room).collect();
                    format!("{cut}{note}")
                }
                false => message.to_owned(),
            };
            // The runner prints an annotation's text in the log as well.
            self.line(&actions::annotation(level, title, &message));
            return;
        }
        let (word, style) = match level {
            Level::Error => ("error:", Style::new().red().bold()),
            Level::Warning => ("warning:", Style::new().yellow().bold()),
            Level::Notice => ("note:", Style::new().cyan()),
        };
        for (n, part) in message.lines().enumerate() {
            let part = escape::line(part);
            if n > 0 {
                self.line(&format!("  {part}"));
                continue;
            }
            let code = match level {
                Level::Warning => format!(" ({title})"),
                _ => String::new(),
            };
            self.line(&format!("{} {part}{code}", self.paint(word, style)));
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

    /// Names stand between backticks where colour cannot set them off.
    fn words(&self, text: &Text) -> String {
        match self.colour {
            true => {
                escape::text_line_with(text, &|name| name.style(Style::new().cyan()).to_string())
            }
            false => escape::text_line(text),
        }
    }

    /// For a line that has a style of its own.
    fn bare(&self, text: &Text) -> String {
        match self.colour {
            true => escape::text_line_with(text, &str::to_owned),
            false => escape::text_line(text),
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

/// Of a count that takes minutes, each tenth; the last one is the result's own line.
fn is_milestone(done: usize, total: usize) -> bool {
    let tenth = |n: usize| n * 10 / total.max(1);
    total >= MANY && done > 0 && done < total && tenth(done) != tenth(done - 1)
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
    let style = ProgressStyle::with_template("{spinner} {elapsed:>3} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}
