//! The failure card: the cause, what was seen, what to do, the code; below it the quoted lines.

use super::announcement::Failure;
use super::capitalised;
use super::fit::Section;
use crate::model::Untrusted;
use crate::model::container_logs::ContainerLogs;
use crate::report::event::Text;
use crate::report::{container_logs, escape};

/// Of quoted logs: the rest of a card is far shorter than what this leaves of a comment.
const QUOTE_LIMIT: usize = 30_000;
/// More than anybody reads; the log has the rest.
const EVIDENCE: usize = 12;

pub(in crate::report) fn sections(failure: &Failure) -> Vec<Section> {
    let mut items = Vec::new();
    if let Some(cause) = failure.cause {
        let title = capitalised(cause.title);
        let words = Text::with_code(format!("{title}. {}", cause.meaning));
        items.push(Item::new(1, "Cause", escape::markdown(&words)));
    }
    // A bullet without words would underline the line above it: a heading.
    let mut evidence = failure
        .evidence
        .iter()
        .map(escape::markdown)
        .filter(|words| !words.trim().is_empty());
    if let Some(first) = evidence.next() {
        let more: Vec<String> = evidence.collect();
        let mut below: Vec<String> = more.iter().take(EVIDENCE).cloned().collect();
        if more.len() > EVIDENCE {
            below.push(format!("and {} more in the log", more.len() - EVIDENCE));
        }
        items.push(Item::new(5, "Evidence", first).with(below));
    }
    let fixes: Vec<Vec<Text>> = failure.fixes.iter().map(Text::lines).collect();
    let mut firsts = fixes
        .iter()
        .filter_map(|lines| lines.first())
        .map(escape::markdown)
        .chain(failure.cause.map(|cause| {
            let link = escape::markdown_link("what AWS says of it", cause.page);
            format!("see {link}")
        }));
    if let Some(first) = firsts.next() {
        items.push(Item::new(1, "Fix", first).with(firsts.collect()));
    }
    if let Some(next) = &failure.next {
        items.push(Item::new(1, "Next", escape::markdown(next)));
    }
    if let Some(code) = code(failure) {
        items.push(Item::new(1, "Code", escape::markdown(&code)));
    }
    let mut sections = Vec::new();
    for (number, item) in items.into_iter().enumerate() {
        let line = format!("{}. **{}** {}\n", number + 1, item.name, item.first);
        sections.push(Section::new(item.rank, line).tight(number > 0));
        let below = item.below.iter();
        sections
            .extend(below.map(|l| Section::new(item.rank + 1, format!("   - {l}\n")).tight(true)));
    }
    for lines in &fixes {
        sections.extend(rest_of(lines.get(1..).unwrap_or_default()));
    }
    if let Some((title, text)) = &failure.quoted
        && !text.is_empty()
    {
        sections.push(Section::new(
            4,
            folded(
                &escape::html(title),
                &escape::markdown_fence(text, QUOTE_LIMIT),
            ),
        ));
    }
    sections.extend(failure.logs.as_ref().map(of_logs));
    sections
}

/// Of the numbered list.
struct Item {
    /// The lower, the sooner it is kept.
    rank: u8,
    name: &'static str,
    first: String,
    below: Vec<String>,
}

impl Item {
    fn new(rank: u8, name: &'static str, first: String) -> Item {
        Item {
            rank,
            name,
            first,
            below: Vec::new(),
        }
    }

    fn with(self, below: Vec<String>) -> Item {
        Item { below, ..self }
    }
}

/// The same for a log and an annotation, without its logs: at most so many lines of evidence.
pub fn lines(failure: &Failure, serves: Option<&Text>, evidence: usize) -> Vec<Text> {
    // First what people reach now: the rest can wait.
    let mut lines: Vec<Text> = serves.cloned().into_iter().collect();
    if let Some(cause) = failure.cause {
        let words = format!("cause: {}. {}", capitalised(cause.title), cause.meaning);
        lines.push(Text::with_code(words));
    }
    // Without a cause it is all that there is to say, and needs no heading.
    let heads: [&str; 2] = match failure.cause {
        Some(_) => ["evidence: ", "  "],
        None => ["", ""],
    };
    let seen = failure.evidence.iter().take(evidence);
    lines.extend(headed(seen, heads));
    lines.extend(headed(failure.fixes.iter(), ["fix: ", "  or: "]));
    if let Some(cause) = failure.cause {
        lines.push(Text::new().say("AWS says more: ").say(cause.page));
    }
    lines.extend(headed(failure.next.iter(), ["next: ", "next: "]));
    lines.extend(
        failure
            .cause
            .and_then(|_| code(failure))
            .map(|code| Text::new().say("code: ").join(code)),
    );
    lines
}

fn headed<'t>(
    texts: impl Iterator<Item = &'t Text>,
    [first, rest]: [&'static str; 2],
) -> impl Iterator<Item = Text> {
    texts.enumerate().map(move |(n, text)| {
        let head = if n == 0 { first } else { rest };
        // Some say themselves that they are another way.
        let text = text.without_prefix("or ").unwrap_or_else(|| text.clone());
        Text::new().say(head).join(text)
    })
}

/// The failure's code, and the cause's name where one was found.
pub(in crate::report) fn code(failure: &Failure) -> Option<Text> {
    let text = Text::new().code(failure.code.as_deref()?);
    Some(match failure.cause {
        Some(cause) => text
            .say(", cause ")
            .code(cause.name)
            .say(" of docs/causes.md"),
        None => text,
    })
}

/// The lines, folded; else why there are none.
fn of_logs(logs: &ContainerLogs) -> Section {
    let mut place = container_logs::place(logs)
        .map(|place| escape::markdown(&place))
        .unwrap_or_default();
    if let Some(url) = &logs.url {
        place.push_str(&format!(
            " · {}",
            escape::markdown_link("in CloudWatch", url)
        ));
    }
    match container_logs::note(logs) {
        Some(note) => {
            let place = match place.trim_start_matches(" · ") {
                "" => String::new(),
                place => format!(" ({place})"),
            };
            Section::new(4, format!("{}{place}\n", escape::markdown(&note)))
        }
        None => {
            let text = escape::one_block(logs.lines());
            let fence = escape::markdown_fence(&text, QUOTE_LIMIT);
            let title = escape::html(&container_logs::title(logs));
            Section::new(4, folded(&title, &format!("{place}\n\n{fence}")))
        }
    }
}

/// What a fix says below its first line: sentences as sentences, dashes as a list, indented lines as they stand.
fn rest_of(lines: &[Text]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut fenced: Vec<String> = Vec::new();
    let close = |fenced: &mut Vec<String>, sections: &mut Vec<Section>| {
        if !fenced.is_empty() {
            let block = Untrusted::new(std::mem::take(fenced).join("\n"));
            let fence = escape::markdown_fence(&block, QUOTE_LIMIT);
            sections.push(Section::new(2, format!("{fence}\n")));
        }
    };
    let mut in_list = false;
    for line in lines {
        let plain = escape::plain(line);
        if let Some(indented) = plain.strip_prefix("  ") {
            fenced.push(indented.to_owned());
            in_list = false;
            continue;
        }
        close(&mut fenced, &mut sections);
        let item = line.without_prefix("- ");
        let words = escape::markdown(item.as_ref().unwrap_or(line));
        if words.trim().is_empty() {
            continue;
        }
        let dash = if item.is_some() { "- " } else { "" };
        sections.push(Section::new(2, format!("{dash}{words}\n")).tight(in_list && item.is_some()));
        in_list = item.is_some();
    }
    close(&mut fenced, &mut sections);
    sections
}

/// A block that opens on a click. `title` is HTML.
pub(super) fn folded(title: &str, body: &str) -> String {
    format!(
        "<details><summary>{title}</summary>\n\n{}\n\n</details>\n",
        body.trim_end()
    )
}
