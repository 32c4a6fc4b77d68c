//! A build's and a push's news in words: a line for each step that ended, progress for what goes on.

use std::collections::BTreeMap;

use crate::docker::inspect::ImageFacts;
use crate::docker::progress::{BuildNews, Step};
use crate::docker::push::{LayerState, PushNews};
use crate::model::Untrusted;
pub use crate::report::bytes_in_words as size;
use crate::report::{Event, Report, Text, duration};

#[derive(Default)]
pub struct Build {
    pub(super) steps: usize,
    pub(super) cached: usize,
}

/// `[builder 2/3] RUN make`; hostile text, as it stands in the Dockerfile.
pub fn step_in_words(step: &Step) -> String {
    let stage = step
        .stage
        .as_ref()
        .map(|s| format!("{s} "))
        .unwrap_or_default();
    let place = step
        .place
        .map(|(n, of)| format!("[{stage}{n}/{of}] "))
        .unwrap_or_default();
    format!("{place}{}", step.name.0)
}

fn quoted(step: &Step) -> Untrusted {
    Untrusted::new(step_in_words(step))
}

impl Build {
    pub fn tell(&mut self, news: BuildNews, report: &Report) {
        match news {
            BuildNews::ContextReady { files, bytes } => {
                report.line(format!("context: {files} files, {}", size(bytes)))
            }
            BuildNews::StepStarted(step) => {
                report.say(Event::Progress(Text::new().quote(&quoted(&step))))
            }
            BuildNews::StepDone { step, took, cached } => {
                self.steps += 1;
                self.cached += usize::from(cached);
                let time = if cached {
                    "cached".to_owned()
                } else {
                    duration(took)
                };
                report.line(Text::new().quote(&quoted(&step)).say(format!(" · {time}")));
            }
            // A step's own lines are shown when it fails; while it runs, the last one is progress.
            BuildNews::StepLog { line, .. } => {
                report.say(Event::Progress(Text::new().quote(&Untrusted::new(line.0))))
            }
            BuildNews::Warning(text) => report.warn(
                "shipway::build::warning",
                Text::new().quote(&Untrusted::new(text.0)),
                "",
            ),
        }
    }

    pub fn summary(&self, built: &ImageFacts) -> Text {
        Text::new().say(format!(
            "{} of {} steps cached, {}",
            self.cached,
            self.steps,
            size(built.size_bytes)
        ))
    }
}

#[derive(Default)]
pub struct Push {
    /// By layer: what there is to send, and whether the registry had it.
    layers: BTreeMap<String, (u64, bool)>,
}

impl Push {
    pub fn tell(&mut self, news: PushNews, report: &Report) {
        match news {
            PushNews::Layer { id, state } => {
                let layer = self.layers.entry(id.clone()).or_default();
                match state {
                    LayerState::Pushing {
                        current_bytes,
                        total_bytes,
                    } => {
                        layer.0 = layer.0.max(total_bytes).max(current_bytes);
                        report.say(Event::Progress(Text::new().say("layer ").code(id).say(
                            format!(": {} of {}", size(current_bytes), size(total_bytes)),
                        )));
                    }
                    LayerState::AlreadyThere => layer.1 = true,
                    LayerState::Pushed | LayerState::Waiting => {}
                }
            }
            PushNews::Retrying {
                attempt,
                of,
                after,
                why,
            } => report.warn(
                "shipway::push::retrying",
                Text::new()
                    .say("the push broke off: ")
                    .quote(&Untrusted::new(why.0)),
                format!("try {attempt} of {of} in {}", duration(after)),
            ),
        }
    }

    pub(super) fn sent_bytes(&self) -> u64 {
        self.layers
            .values()
            .filter(|(_, there)| !there)
            .map(|(bytes, _)| bytes)
            .sum()
    }

    pub fn summary(&self) -> Text {
        let there = self.layers.values().filter(|(_, there)| *there).count();
        let sent = self.sent_bytes();
        Text::new().say(format!(
            "{} sent, {there} of {} layers were there",
            size(sent),
            self.layers.len()
        ))
    }
}
