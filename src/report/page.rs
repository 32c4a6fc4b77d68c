//! The job summary of the verbs that deploy nothing: what was built, what would change, what went wrong.

use std::time::Duration;

use super::event::{Phase, Text, duration};
use super::markdown::{self, Commit, Failure, Section};
use super::{escape, plan};
use crate::plan::Plan;
use crate::plan::service::WantedImage;

/// What stands under every heading.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub commit: Option<Commit>,
    pub note: Option<Text>,
    pub phases: Vec<(Phase, Duration)>,
    pub took: Duration,
    pub run_url: Option<String>,
}

/// An image that is in its repository now.
#[derive(Clone, Debug, Default)]
pub struct BuiltImage {
    /// By digest.
    pub reference: String,
    pub repository: String,
    pub tag: String,
    /// What is worth a row: name and value.
    pub facts: Vec<(&'static str, String)>,
    pub pushed: bool,
}

/// How a verb that deploys nothing ended.
pub struct Page {
    /// The verb, and what it was about where that is known: names of the report file.
    pub subject: Vec<String>,
    pub headline: Text,
    pub about: About,
    pub outcome: Outcome,
}

pub enum Outcome {
    Built(BuiltImage),
    Planned(Box<Plan>),
    Failed {
        cause: Option<Text>,
        failure: Box<Failure>,
    },
    /// By a signal.
    Cancelled,
}

/// The verdict of `build` in a line.
pub fn built_headline(image: &BuiltImage) -> Text {
    let name = format!("{}:{}", image.repository, image.tag);
    let words = match image.pushed {
        true => " is built and pushed",
        false => " was there already",
    };
    Text::new().say("image ").code(name).say(words)
}

/// The verdict of `plan` in a line.
pub fn planned_headline(plan: &Plan) -> Text {
    let mut text = Text::new().say(format!("{}: deploy would ", plan.service));
    if matches!(plan.image, Some(WantedImage::NotPushedYet { .. })) {
        text = text.say("build the image and ");
    }
    match plan.changes.len() {
        0 => text.say("change nothing"),
        _ if !plan.changes_anything() => text.say("change nothing but the tags of the revision"),
        1 => text.say("make 1 change"),
        n => text.say(format!("make {n} changes")),
    }
}

/// The job summary.
pub fn summary(page: &Page) -> String {
    let about = &page.about;
    let mut heading = page.headline.clone();
    let mut rows = Vec::new();
    let mut sections: Vec<Section> = about
        .note
        .iter()
        .map(|note| Section::new(3, format!("{}\n", escape::markdown(note))))
        .collect();
    let sign = match &page.outcome {
        Outcome::Built(image) => {
            rows.push(("Image".to_owned(), escape::markdown_code(&image.reference)));
            rows.push(("Tag".to_owned(), escape::markdown_code(&image.tag)));
            let facts = image.facts.iter();
            rows.extend(facts.map(|(n, v)| ((*n).to_owned(), v.clone())));
            "✅"
        }
        Outcome::Planned(plan) => {
            sections.push(Section::new(2, plan::list(plan)));
            if plan.changes.is_empty() {
                "✅"
            } else {
                "📋"
            }
        }
        Outcome::Failed { cause, failure } => {
            if let Some(cause) = cause {
                heading = heading.say(": ").join(cause.clone());
            }
            sections.extend(markdown::failure_card(failure));
            "❌"
        }
        Outcome::Cancelled => "🛑",
    };
    rows.extend(
        about
            .phases
            .iter()
            .filter(|(_, took)| took.as_millis() >= 50)
            .map(|(phase, took)| (markdown::capitalised(phase.word()), duration(*took))),
    );
    if !rows.is_empty() {
        let mut table = String::from("| | |\n|:--|:--|\n");
        for (name, value) in rows {
            table.push_str(&format!("| {name} | {value} |\n"));
        }
        sections.push(Section::new(5, table));
    }
    let head = format!(
        "# {sign} {}\n{}\n",
        escape::markdown(&heading),
        facts(about)
    );
    markdown::within_limits(&head, &sections, about.run_url.as_deref())
}

fn facts(about: &About) -> String {
    let mut facts = Vec::new();
    if let Some(commit) = &about.commit {
        let name = escape::markdown_code(markdown::short(&commit.sha));
        let name = match &commit.url {
            Some(url) => escape::markdown_link(&name, url),
            None => name,
        };
        facts.push(format!("commit {name}"));
    }
    facts.push(duration(about.took));
    if let Some(url) = &about.run_url {
        facts.push(escape::markdown_link("run", url));
    }
    facts.join(" · ")
}
