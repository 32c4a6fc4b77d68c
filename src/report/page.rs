//! The job summary of the verbs that deploy nothing: what was built, what would change, what went wrong.

use std::time::Duration;

use super::event::{Phase, Text, duration};
use super::markdown::{self, Commit, Failure};
use super::{escape, plan};
use crate::error::Error;
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

/// The verdict of `build` in a line.
pub fn built_headline(image: &BuiltImage) -> Text {
    let name = format!("{}:{}", image.repository, image.tag);
    let words = match image.pushed {
        true => " is built and pushed",
        false => " was there already",
    };
    Text::new().say("image ").code(name).say(words)
}

pub fn built(image: &BuiltImage, about: &About) -> String {
    let mut rows = vec![("Image".to_owned(), escape::markdown_code(&image.reference))];
    rows.push(("Tag".to_owned(), escape::markdown_code(&image.tag)));
    rows.extend(
        image
            .facts
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone())),
    );
    page(
        "✅",
        &built_headline(image),
        &facts(about),
        about,
        &rows,
        "",
    )
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

pub fn planned(plan: &Plan, about: &About) -> String {
    let sign = if plan.changes.is_empty() {
        "✅"
    } else {
        "📋"
    };
    let list = plan::list(plan);
    page(
        sign,
        &planned_headline(plan),
        &facts(about),
        about,
        &[],
        &list,
    )
}

/// What `what` is not, because of the error.
pub fn failed_headline(what: &str) -> Text {
    Text::new().say(what)
}

pub fn failed(what: &str, error: &Error, about: &About) -> String {
    let mut chain = error.chain().into_iter();
    let cause = chain.next().map(Text::with_code).unwrap_or_default();
    let failure = Failure {
        code: Some(error.code()),
        evidence: chain.map(Text::with_code).collect(),
        fix: error.help().map(Text::with_code),
        quoted: None,
    };
    let heading = failed_headline(what).say(": ").join(cause);
    let card = markdown::failure_card(&failure);
    page("❌", &heading, &facts(about), about, &[], &card)
}

/// Ended by a signal.
pub fn cancelled(what: &str, about: &About) -> String {
    let heading = Text::new().say(format!("{what}: cancelled"));
    page("🛑", &heading, &facts(about), about, &[], "")
}

fn page(
    sign: &str,
    heading: &Text,
    facts: &str,
    about: &About,
    rows: &[(String, String)],
    body: &str,
) -> String {
    let mut out = format!("# {sign} {}\n{facts}\n", escape::markdown(heading));
    if let Some(note) = &about.note {
        out.push_str(&format!("\n{}\n", escape::markdown(note)));
    }
    if !body.is_empty() {
        out.push_str(&format!("\n{body}"));
    }
    let mut rows = rows.to_vec();
    rows.extend(
        about
            .phases
            .iter()
            .filter(|(_, took)| took.as_millis() >= 50)
            .map(|(phase, took)| (markdown::capitalised(phase.word()), duration(*took))),
    );
    if !rows.is_empty() {
        out.push_str("\n| | |\n|:--|:--|\n");
        for (name, value) in rows {
            out.push_str(&format!("| {name} | {value} |\n"));
        }
    }
    out
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
