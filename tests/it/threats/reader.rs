//! Reads what a run wrote as its readers would: the runner, which executes commands in a log, and GitHub, which renders
//! Markdown. Knows their grammars; says where something of theirs would take effect.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::harness::Played;

/// Everything that a run wrote.
pub struct Said {
    pub stderr: String,
    pub stdout: String,
    pub outputs: String,
    pub summary: String,
    pub comments: Vec<String>,
}

impl Said {
    pub fn of(played: &Played) -> Said {
        Said {
            stderr: played.stderr.clone(),
            stdout: played.stdout.clone(),
            outputs: played.outputs.clone(),
            summary: played.summary.clone(),
            comments: played.comments.clone(),
        }
    }

    /// The one assertion: nothing that somebody else wrote takes effect anywhere.
    pub fn is_harmless(&self, about: &str) {
        let mut wrong = Vec::new();
        for (name, log) in [("stderr", &self.stderr), ("stdout", &self.stdout)] {
            wrong.extend(commands(log).into_iter().map(|c| format!("{name}: {c}")));
            wrong.extend(hidden(log).map(|c| format!("{name}: the sign {c:?}")));
        }
        wrong.extend(outputs(&self.outputs));
        let comments = self.comments.iter().map(|c| ("a comment", c));
        for (name, text) in [("the summary", &self.summary)].into_iter().chain(comments) {
            wrong.extend(markdown(text).into_iter().map(|m| format!("{name}: {m}")));
            wrong.extend(hidden(text).map(|c| format!("{name}: the sign {c:?}")));
        }
        assert!(
            wrong.is_empty(),
            "{about}\n{}\n\n{}\n{}\n{}\n{}",
            wrong.join("\n"),
            self.stderr,
            self.outputs,
            self.summary,
            self.comments.join("\n")
        );
    }
}

/// Signs that turn or hide what stands around them. The zero-width space is ours: it breaks commands and mentions.
fn hidden(text: &str) -> impl Iterator<Item = char> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200c}'..='\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    text.chars()
        .filter(move |c| turns(*c) || (c.is_control() && *c != '\n'))
}

/// Lines that the runner would take for commands, and that are not ours.
fn commands(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut stopped: Option<String> = None;
    // As .NET's ReadLine splits.
    for line in log.split(['\n', '\r']) {
        if let Some(token) = &stopped {
            if line.trim() == format!("::{token}::") {
                stopped = None;
            }
            continue;
        }
        let starts = line.trim_start();
        if line.contains("##[") {
            found.push(line.to_owned());
        } else if let Some(token) = line.strip_prefix("::stop-commands::") {
            match token
                .strip_prefix("shipway-")
                .is_some_and(|t| t.len() == 32)
            {
                true => stopped = Some(token.to_owned()),
                false => found.push(line.to_owned()),
            }
        } else if starts.starts_with("::") && !is_ours(line) {
            found.push(line.to_owned());
        }
    }
    if stopped.is_some() {
        found.push("commands stay stopped".to_owned());
    }
    found
}

fn is_ours(line: &str) -> bool {
    if line == "::endgroup::" {
        return true;
    }
    if let Some(secret) = line.strip_prefix("::add-mask::") {
        return secret.len() > 16 && !secret.contains(' ');
    }
    let levels = ["error", "warning", "notice"];
    let said = levels.iter().find_map(|level| {
        let rest = line.strip_prefix("::")?.strip_prefix(level)?;
        match rest.strip_prefix("::") {
            // Errors and warnings of ours have a code, and the verdict begins with the service.
            Some(message) => (*level == "notice" || message.starts_with("web ")).then_some(message),
            None => {
                let (title, message) = rest.strip_prefix(" title=")?.split_once("::")?;
                let code = |c: char| c.is_ascii_alphanumeric() || "_-%".contains(c);
                (title.starts_with("shipway%3A%3A") && title.chars().all(code)).then_some(message)
            }
        }
    });
    let Some(message) = said.or_else(|| line.strip_prefix("::group::")) else {
        return false;
    };
    // The runner decodes the message and logs it, line by line.
    let decoded = message
        .replace("%0A", "\n")
        .replace("%0D", "\r")
        .replace("%25", "%");
    decoded
        .split(['\n', '\r'])
        .all(|line| !line.contains("##[") && !line.trim_start().starts_with("::"))
}

/// Outputs that the action does not have: somebody closed a heredoc.
fn outputs(text: &str) -> Vec<String> {
    let action =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let action: serde_yaml::Value = serde_yaml::from_str(&action).unwrap();
    let known: BTreeSet<&str> = action["outputs"]
        .as_mapping()
        .unwrap()
        .keys()
        .filter_map(|name| name.as_str())
        .collect();
    let mut wrong = Vec::new();
    let mut lines = text.split(['\n', '\r']);
    while let Some(line) = lines.next() {
        let Some((name, delimiter)) = line.split_once("<<") else {
            if !line.is_empty() {
                wrong.push(format!("GITHUB_OUTPUT: {line}"));
            }
            continue;
        };
        if !known.contains(name) || !delimiter.starts_with("shipway-") {
            wrong.push(format!("GITHUB_OUTPUT: {line}"));
        }
        if !lines.any(|l| l == delimiter) {
            wrong.push(format!("GITHUB_OUTPUT: {name} is not closed"));
        }
    }
    wrong
}

/// What GitHub would render that is not ours: markup, HTML, links, mentions, references.
pub fn markdown(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut fence: Option<String> = None;
    let mut rendered = String::new();
    let mut cells = None;
    for line in text.lines() {
        let trimmed = line.trim_start_matches(' ');
        let indent = line.len() - trimmed.len();
        let run: String = {
            let sign = trimmed.chars().next().filter(|c| matches!(c, '~' | '`'));
            trimmed.chars().take_while(|c| Some(*c) == sign).collect()
        };
        let is_fence = indent < 4 && run.len() >= 3;
        if let Some(open) = &fence {
            let closes = is_fence
                && run.starts_with(open.as_str())
                && trimmed[run.len()..].trim().is_empty();
            if closes {
                fence = None;
            }
            continue;
        }
        if is_fence && !(run.starts_with('`') && trimmed[run.len()..].contains('`')) {
            if !["text", "mermaid", "diff", "json"].contains(&trimmed[run.len()..].trim()) {
                wrong.push(format!("a fence: {line}"));
            }
            fence = Some(run);
            continue;
        }
        cells = match trimmed.starts_with('|') {
            true => {
                let now = unescaped(trimmed, '|');
                if cells.is_some_and(|before| before != now) {
                    wrong.push(format!("a row of other cells: {line}"));
                }
                Some(now)
            }
            false => None,
        };
        rendered.push_str(&without_code(line));
        rendered.push('\n');
    }
    if fence.is_some() {
        wrong.push("a fence is not closed".to_owned());
    }
    wrong.extend(markup(&rendered));
    wrong
}

fn unescaped(line: &str, sign: char) -> usize {
    let mut before = ' ';
    let mut count = 0;
    for c in line.chars() {
        let escaped = before == '\\';
        count += usize::from(c == sign && !escaped);
        before = if escaped && c == '\\' { ' ' } else { c };
    }
    count
}

/// Without code spans, and with every escaped sign as a space.
fn without_code(line: &str) -> String {
    let signs: Vec<char> = line.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < signs.len() {
        match signs[at] {
            '\\' if signs.get(at + 1).is_some_and(char::is_ascii_punctuation) => {
                out.push(' ');
                at += 2;
            }
            '`' => {
                let run = |from: usize| signs[from..].iter().take_while(|c| **c == '`').count();
                let opening = run(at);
                let mut end = at + opening;
                while end < signs.len() && !(signs[end] == '`' && run(end) == opening) {
                    end += if signs[end] == '`' { run(end) } else { 1 };
                }
                if end < signs.len() {
                    out.push('\u{fffc}');
                    at = end + opening;
                } else {
                    out.extend(std::iter::repeat_n('`', opening));
                    at += opening;
                }
            }
            sign => {
                out.push(sign);
                at += 1;
            }
        }
    }
    out
}

/// Our own links and HTML are few, and all of these forms.
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?m)^<!-- shipway (past )?v1 [\[{][^<>\n]*[\]}] -->$",
        r"|(?m)^<!-- shipway past v1 \[[^<>\n]*\] -->$",
        r"|</?(details|summary|code)>",
        // Where a backslash would show, signs of Markdown are entities: none that could mention or open a tag.
        r"|&#(36|42|91|92|93|95|96|124|126);",
        r"|<https?://(www|pr-7\.preview)\.example\.com[^>\s]*>",
        r"|\]\(https://github\.com/octo-org/web/[^)\s]*\)",
        // AWS's own pages; names in the console's address are encoded.
        r"|\]\(https://docs\.aws\.amazon\.com/[A-Za-z0-9/._#-]*\)",
        r"|\]\(https://eu-west-1\.console\.aws\.amazon\.com/cloudwatch/home\?region=eu-west-1#[A-Za-z0-9$/:._-]*\)",
    ))
    .unwrap()
});

static THEIRS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        ("a mention", r"@[A-Za-z0-9]"),
        ("HTML", r"<[A-Za-z/!?]"),
        (
            "a link",
            r"(?i)[a-z]://\S|www\.[a-z0-9]|mailto:[^\s@]*@[a-z0-9]|\]\(|\]:|\]\[",
        ),
        ("a reference", r"(?i)(^|[^\w&])#[0-9]|\bgh-[0-9]"),
        // Seven digits name one.
        ("a commit", r"\b[0-9a-f]{7,}\b"),
        (
            "a heading",
            r"(?m)^ {0,3}#{1,6}[ \t]+(?i:evil)|^ {0,3}(=+|-+)[ \t]*$",
        ),
        ("a list", r"(?m)^ {0,3}[-*+>][ \t]+(?i:evil)"),
        ("emphasis", r"(\*\*|_|~~)(?i:evil)(\*\*|_|~~)"),
        ("mathematics", r"\$\S[^$\n]*\$"),
        ("an entity", r"&(#|nbsp|zwnj)"),
    ]
    .map(|(what, look)| (what, Regex::new(look).unwrap()))
    .into()
});

fn markup(rendered: &str) -> Vec<String> {
    let rest = OWN.replace_all(rendered, "\u{fffc}");
    let mut wrong = Vec::new();
    for (what, look) in THEIRS.iter() {
        if let Some(found) = look.find(&rest) {
            let around: String = rest[..found.end()]
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned();
            wrong.push(format!("{what}: {around}"));
        }
    }
    let count = |tag: &str| rendered.matches(tag).count();
    for tag in ["details", "summary", "code"] {
        if count(&format!("<{tag}>")) != count(&format!("</{tag}>")) {
            wrong.push(format!("<{tag}> is not closed as often as opened"));
        }
    }
    wrong
}

/// A reader that finds nothing would let everything pass.
#[test]
fn the_reader_sees_what_takes_effect() {
    for log in [
        "::error::x",
        "  ::error::x",
        "a\r::error::x",
        "a ##[error]x",
        "\u{2028}::error::x",
        "::add-mask::short",
        "::error title=Evil::x",
        "::stop-commands::evil",
        "::set-output name=a::b",
        "::error::a%0A::debug::x",
        "::warning title=shipway%3A%3Aa::a%0A ##[error]x",
        "::stop-commands::shipway-00000000000000000000000000000000\n",
    ] {
        assert!(!commands(log).is_empty(), "{log:?}");
    }
    for log in [
        "::error title=shipway%3A%3Adeploy%3A%3Afailed::a%0Ab",
        "a ::error::b",
        "::group::Build",
        "::endgroup::",
        "::stop-commands::shipway-00000000000000000000000000000000\n::error::x\n::shipway-00000000000000000000000000000000::\na",
    ] {
        assert_eq!(commands(log), Vec::<String>::new(), "{log:?}");
    }
    for text in [
        "@octocat",
        "a <img src=x>",
        "https://evil.example",
        "www.evil.example",
        "[a](b)",
        "![](b)",
        "[a][b]",
        "#1",
        "GH-1",
        "0123456789abcdef0123456789abcdef01234567",
        "# Evil",
        "- Evil",
        "Evil\n===",
        "**Evil**",
        "$x$",
        "~~~\na",
        "~~~evil\na\n~~~",
        "<!-- a -->",
        "| a | b |\n|--|--|\n| a | b | c |",
        "``a` @octocat",
        "\\\\@octocat",
        "</details>",
        "&#60;",
    ] {
        assert!(!markdown(text).is_empty(), "{text:?}");
    }
    for text in [
        "`@octocat`",
        "``a ` @octocat``",
        "~~~text\n@octocat\n~~~",
        "\\*\\*Evil\\*\\*",
        "@\u{200b}octocat",
        "&lt;img",
        "### ✅ web is serving: <https://www.example.com>",
        "<details><summary>a</summary>\n\n| | |\n|:--|:--|\n| a | b\\|c |\n</details>",
        "[run](https://github.com/octo-org/web/actions/runs/1/attempts/1)",
    ] {
        assert_eq!(markdown(text), Vec::<String>::new(), "{text:?}");
    }
    assert!(!outputs("url<<shipway-1\na\nshipway-1\nevil<<shipway-2\na\nshipway-2\n").is_empty());
    assert!(!outputs("url<<shipway-1\na\n").is_empty());
    assert!(!outputs("url=evil\n").is_empty());
    assert_eq!(hidden("a\u{202e}b\u{1b}c\nd").count(), 2);
}
