//! The failure card: what was seen, what to do, the code; below it the quoted lines.

use super::announcement::Failure;
use super::fit::Section;
use crate::model::Untrusted;
use crate::report::escape;
use crate::report::event::Text;

/// Of quoted logs: the rest of a card is far shorter than what this leaves of a comment.
const QUOTE_LIMIT: usize = 30_000;
/// More than anybody reads; the log has the rest.
const EVIDENCE: usize = 12;

pub(in crate::report) fn sections(failure: &Failure) -> Vec<Section> {
    let mut list = Vec::new();
    // A bullet without words would underline the line above it: a heading.
    let mut evidence = failure
        .evidence
        .iter()
        .map(escape::markdown)
        .filter(|words| !words.trim().is_empty());
    if let Some(first) = evidence.next() {
        list.push((5, format!("**Evidence** {first}")));
    }
    let more: Vec<String> = evidence.collect();
    let mut below: Vec<String> = more
        .iter()
        .take(EVIDENCE)
        .map(|words| format!("   - {words}\n"))
        .collect();
    if more.len() > EVIDENCE {
        below.push(format!(
            "   - and {} more in the log\n",
            more.len() - EVIDENCE
        ));
    }
    let fix = failure.fix.as_ref().map(Text::lines).unwrap_or_default();
    if let Some(first) = fix.first() {
        // Without a failure's code nothing is to be fixed.
        let word = if failure.code.is_some() {
            "Fix"
        } else {
            "Next"
        };
        list.push((1, format!("**{word}** {}", escape::markdown(first))));
    }
    if let Some(code) = &failure.code {
        list.push((1, format!("**Code** {}", escape::markdown_code(code))));
    }
    let mut sections = Vec::new();
    for (number, (rank, item)) in list.into_iter().enumerate() {
        let is_evidence = rank == 5;
        let line = format!("{}. {item}\n", number + 1);
        sections.push(Section::new(rank, line).tight(number > 0));
        if is_evidence {
            sections.extend(below.drain(..).map(|l| Section::new(6, l).tight(true)));
        }
    }
    sections.extend(rest_of(fix.get(1..).unwrap_or_default()));
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
    sections
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
