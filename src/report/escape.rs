//! The only place that renders text which somebody else wrote. Each function makes text safe for one medium: terminal
//! lines, workflow commands, annotations, Markdown inline, Markdown fences. Knows the media, not what is said.

use crate::model::Untrusted;
use crate::model::untrusted::is_invisible;

use super::event::{Piece, Text};
use super::names;

/// GitHub cuts annotations here.
pub(super) const ANNOTATION_LIMIT: usize = 4_096;
/// A piece within a line: longer ones belong in a block.
const INLINE_LIMIT: usize = 1_000;
/// Longer addresses are none that a person follows.
const URL_LIMIT: usize = 2_000;
/// All pieces of a line together.
const LINE_LIMIT: usize = 3_000;
/// Zero width: breaks a command, a mention or a reference without showing.
const BREAK: char = '\u{200b}';

/// One line for a terminal or log: no control sequence, no newline, no workflow command anywhere.
pub fn line(text: &str) -> String {
    defuse_commands(&flat(text))
}

/// A block for a terminal or log, line by line, each safe by itself.
pub fn block(text: &Untrusted) -> Vec<String> {
    lines(text.raw()).map(|l| line(&l)).collect()
}

/// Lines that came one by one, as a block.
pub fn one_block(lines: &[Untrusted]) -> Untrusted {
    let lines: Vec<&str> = lines.iter().map(Untrusted::raw).collect();
    Untrusted::new(lines.join("\n"))
}

/// A whole `Text` as one such line.
pub fn text_line(text: &Text) -> String {
    line(&joined(text))
}

/// The message of a workflow command (`::error::HERE`): percent-encoded as the runner decodes it, within its limit.
pub fn command_message(text: &str) -> String {
    let mut message = String::new();
    let mut length = 0;
    for (n, part) in lines(text).enumerate() {
        // The runner decodes after it has split the line, and logs the result: each line must be harmless decoded.
        let part = line(&part);
        let room = ANNOTATION_LIMIT.saturating_sub(length + usize::from(n > 0));
        if room == 0 {
            break;
        }
        if n > 0 {
            message.push_str("%0A");
            length += 1;
        }
        let cut: String = part.chars().take(room).collect();
        length += cut.chars().count();
        message.push_str(&cut.replace('%', "%25"));
    }
    message
}

/// A property of a workflow command (`title=HERE`).
pub fn command_property(text: &str) -> String {
    let short: String = flat(text).chars().take(200).collect();
    short
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace(',', "%2C")
}

/// A secret for `::add-mask::`: its bytes must survive, only the line must stay one line.
pub(super) fn mask_value(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A `Text` inside a Markdown paragraph, heading or table cell: ours as we wrote it with its names as code, theirs harmless.
pub fn markdown(text: &Text) -> String {
    rendered(text, markdown_inline, markdown_code)
}

fn rendered(text: &Text, inline: fn(&str) -> String, code: fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut room = LINE_LIMIT;
    for piece in &text.0 {
        let whole = match piece {
            Piece::Ours(words) | Piece::Code(words) => words.as_str(),
            Piece::Theirs(text) => text.raw(),
        };
        // Cut before it is escaped: half an escape would be none.
        let part = cut(whole, room.min(INLINE_LIMIT));
        room = room.saturating_sub(part.chars().count());
        let spans = match piece {
            Piece::Ours(_) => names::spans(&part),
            Piece::Code(_) => vec![(true, part.as_str())],
            Piece::Theirs(_) => vec![(false, part.as_str())],
        };
        for (name, words) in spans {
            let words = if name { code(words) } else { inline(words) };
            // Two runs of backticks side by side would be one.
            if out.ends_with('`') && words.starts_with('`') {
                out.push(BREAK);
            }
            out.push_str(&words);
        }
        if room == 0 {
            break;
        }
    }
    // Two pieces, each harmless, may make a command.
    defuse_commands(&out)
}

/// Foreign text inside a line of Markdown: nothing in it is markup, a link, a mention, a reference or HTML.
pub fn markdown_inline(text: &str) -> String {
    inline(text, true)
}

/// By backslashes, or by entities where a backslash would show.
fn inline(text: &str, slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let flat = flat(text);
    for (at, c) in flat.char_indices() {
        match c {
            // Entities and backslashes alike keep the sign and take its meaning.
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' if slashes => {
                out.push('\\');
                out.push(c);
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            '@' | '#' => {
                out.push(c);
                out.push(BREAK);
            }
            // `https://…`, `www.…` and `GH-12` become links by themselves.
            ':' if flat[at..].starts_with("://") => {
                out.push(':');
                out.push(BREAK);
            }
            // A summary may be printed to a log.
            ':' if flat[at..].starts_with("::") && flat[..at].trim().is_empty() => {
                out.push(':');
                out.push(BREAK);
            }
            '.' if ends_with_word(&flat[..at], "www") => {
                out.push(BREAK);
                out.push('.');
            }
            '-' if ends_with_word(&flat[..at], "gh") => {
                out.push(BREAK);
                out.push('-');
            }
            // Where a line starts, these are lists and headings.
            '-' | '+' | '=' if slashes && flat[..at].trim().is_empty() => {
                out.push('\\');
                out.push(c);
            }
            // A commit's hash links by itself, and so would what a single break leaves of a longer one.
            c if c.is_ascii_hexdigit() && breaks_a_hash(&flat, at) => {
                out.push(c);
                out.push(BREAK);
            }
            c => out.push(c),
        }
    }
    out
}

/// A name as Markdown code, with more backticks around it than in it.
pub fn markdown_code(text: &str) -> String {
    let flat = cut(&line(text), INLINE_LIMIT);
    let flat = flat.trim();
    if flat.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(flat, '`') + 1);
    let pad = if flat.starts_with('`') || flat.ends_with('`') {
        " "
    } else {
        ""
    };
    // A table splits on `|` before it looks at code, and takes a backslash before ours for one that is escaped itself.
    let safe = flat
        .replace("\\|", &format!("\\{BREAK}|"))
        .replace('|', "\\|");
    format!("{ticks}{pad}{safe}{pad}{ticks}")
}

/// A block of foreign text as a fence that nothing inside can close, and that is harmless where a log prints it. `limit` is in characters; the end is what is kept.
pub fn markdown_fence(text: &Untrusted, limit: usize) -> String {
    fence("text", text, limit)
}

/// Likewise, coloured by lines that begin with `+`, `-` or `@@`.
pub fn markdown_diff(text: &Untrusted, limit: usize) -> String {
    fence("diff", text, limit)
}

fn fence(language: &str, text: &Untrusted, limit: usize) -> String {
    let mut body: Vec<String> = lines(text.raw()).map(|l| line(&l)).collect();
    while body.last().is_some_and(String::is_empty) {
        body.pop();
    }
    let mut body = body.join("\n");
    let total = body.chars().count();
    if total > limit {
        let kept: String = body.chars().skip(total - limit).collect();
        // A line starts where none did.
        let kept = defuse_commands(&kept);
        body = format!("… {} characters left out\n{kept}", total - limit);
    }
    let fence = "~".repeat(longest_run(&body, '~').max(2) + 1);
    format!("{fence}{language}\n{body}\n{fence}")
}

/// A URL as an autolink, or as code where it cannot be one.
pub fn markdown_url(url: &str) -> String {
    if is_web_address(url, "<>`|\\") {
        format!("<{url}>")
    } else {
        markdown_code(url)
    }
}

/// The target of `[words](HERE)`; nothing when it is no web address.
pub fn markdown_link(words: &str, url: &str) -> String {
    if is_web_address(url, "<>()`|\\[]") {
        format!("[{words}]({url})")
    } else {
        words.to_owned()
    }
}

fn is_web_address(url: &str, never: &str) -> bool {
    url.len() <= URL_LIMIT
        && url::Url::parse(url).is_ok_and(|u| matches!(u.scheme(), "http" | "https"))
        && !url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || is_invisible(c) || never.contains(c))
}

/// The whole text as plain words, for deciding lengths and for other media above.
fn joined(text: &Text) -> String {
    text.0
        .iter()
        .map(|piece| match piece {
            Piece::Ours(words) => words.clone(),
            Piece::Code(name) => format!("`{name}`"),
            Piece::Theirs(text) => cut(text.raw(), INLINE_LIMIT),
        })
        .collect()
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit).collect();
    short.push('…');
    short
}

/// Splits as a log would, and takes what a progress bar would have left on the line.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split('\n').map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.rsplit('\r').next().unwrap_or(line).to_owned()
    })
}

/// On one line, without control sequences (whole ANSI sequences go, not only their escape) and invisible characters.
fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.peek() {
                Some('[') => {
                    chars.next();
                    skip_csi(&mut chars);
                }
                Some(']' | 'P' | '^' | '_' | 'X') => {
                    chars.next();
                    skip_string(&mut chars);
                }
                Some(c) if c.is_ascii_graphic() => {
                    chars.next();
                }
                _ => {}
            },
            '\u{9b}' => skip_csi(&mut chars),
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push(' '),
            c if c.is_control() || is_invisible(c) || is_tag(c) => {}
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Parameters, then one final byte `@` to `~`.
fn skip_csi(chars: &mut Chars<'_>) {
    while let Some(c) = chars.peek().copied() {
        if !(' '..='~').contains(&c) {
            return;
        }
        chars.next();
        if ('@'..='~').contains(&c) {
            return;
        }
    }
}

/// Up to BEL or ESC `\`; never past the end of the line, or an unclosed one would swallow the rest.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.peek().copied() {
        if c == '\n' {
            return;
        }
        chars.next();
        if c == '\u{7}' || c == '\u{9c}' {
            return;
        }
        if c == '\u{1b}' {
            if chars.peek() == Some(&'\\') {
                chars.next();
            }
            return;
        }
    }
}

/// Unicode's tag characters, variation selectors beyond the emoji one, and other signs that show nothing.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{ad}')
}

/// `##[name]` is a command anywhere in a line; `::name::` where a line starts, spaces aside.
fn defuse_commands(line: &str) -> String {
    let mut out = line.to_owned();
    while out.contains("##[") {
        out = out.replace("##[", "#\u{200b}#[");
    }
    if out.trim_start().starts_with("::") {
        out = out.replacen("::", ":\u{200b}:", 1);
    }
    out
}

/// Whether the digit at `at` is the third, ninth, fifteenth … of seven hex digits or more: what is left between is too
/// short for the name of a commit.
fn breaks_a_hash(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let start = bytes[..at]
        .iter()
        .rposition(|b| !b.is_ascii_hexdigit())
        .map_or(0, |p| p + 1);
    let end = bytes[at..]
        .iter()
        .position(|b| !b.is_ascii_hexdigit())
        .map_or(bytes.len(), |p| at + p);
    end - start >= 7 && (at - start) % 6 == 2
}

/// Whether it ends with the word, in any case.
fn ends_with_word(text: &str, word: &str) -> bool {
    text.len()
        .checked_sub(word.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A `Text` inside an element of an HTML block, such as the `<summary>` of a line that begins with `<details>`.
pub fn html(text: &Text) -> String {
    rendered(text, html_text, |name| {
        format!("<code>{}</code>", html_text(name))
    })
}

/// A block of HTML is not read as Markdown; GitHub still makes links of mentions and numbers in it.
fn html_text(text: &str) -> String {
    inline(text, false).replace('"', "&quot;")
}

/// A whole `Text` as plain words for programs: no control sequence, nothing invisible, and nothing else changed.
pub fn plain(text: &Text) -> String {
    text.0
        .iter()
        .map(|piece| match piece {
            Piece::Ours(words) => words.clone(),
            Piece::Code(name) => flat(name),
            Piece::Theirs(text) => flat(text.raw()),
        })
        .collect()
}

/// Somebody else's block, likewise, line by line.
pub fn plain_block(text: &Untrusted) -> String {
    let lines: Vec<String> = lines(text.raw()).map(|l| flat(&l)).collect();
    lines.join("\n")
}

/// Letters, digits, dots, dashes and spaces: what a diagram's label or a file's name may hold.
pub fn label(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || " .-".contains(*c))
        .take(60)
        .collect()
}
