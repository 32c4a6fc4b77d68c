//! moby's `.dockerignore` rules: reading the file, and matching paths the way the engine's own matcher does.
//! Knows patterns and slash-separated paths; knows no file system. It is not gitignore: order decides, `*` stops at
//! a slash, a pattern without a slash is anchored, and a match on a parent directory is a match.

use regex::Regex;
use thiserror::Error;

/// A pattern that moby refuses too.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the pattern is malformed")]
pub struct BadPattern {
    pub pattern: String,
}

/// The patterns of one ignore file, in order.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
    exceptions: bool,
}

/// For each pattern, whether it matched a directory: what the directory's children need to know.
#[derive(Debug, Clone, Default)]
pub struct Matched(Vec<bool>);

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    exception: bool,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Exact,
    /// `dir/**`: the text without its two stars
    Prefix,
    /// `**/name`: the text without its two stars
    Suffix,
    Regex(Regex),
}

/// The patterns of an ignore file's text: a byte order mark, comments (only where `#` is the very first character)
/// and blank lines go; each other line is trimmed, cleaned and freed of one leading slash.
pub fn read(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut patterns = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        let line = line.trim();
        let (bang, mut pattern) = match line.strip_prefix('!') {
            Some(rest) => ("!", rest.trim().to_owned()),
            None => ("", line.to_owned()),
        };
        if line.is_empty() {
            continue;
        }
        if !pattern.is_empty() {
            pattern = clean(&pattern);
            if pattern.len() > 1
                && let Some(rest) = pattern.strip_prefix('/')
            {
                pattern = rest.to_owned();
            }
        }
        patterns.push(format!("{bang}{pattern}"));
    }
    patterns
}

impl Ignore {
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Ignore, BadPattern> {
        let mut ignore = Ignore::default();
        for given in patterns {
            let trimmed = given.as_ref().trim();
            if trimmed.is_empty() {
                continue;
            }
            let cleaned = clean(trimmed);
            let bad = || BadPattern {
                pattern: given.as_ref().to_owned(),
            };
            let (exception, text) = match cleaned.strip_prefix('!') {
                Some("") => return Err(bad()),
                Some(rest) => (true, rest.to_owned()),
                None => (false, cleaned),
            };
            if !is_well_formed(&text) {
                return Err(bad());
            }
            let how = compile(&text).map_err(|_| bad())?;
            ignore.exceptions |= exception;
            ignore.patterns.push(Pattern {
                text,
                exception,
                how,
            });
        }
        Ok(ignore)
    }

    /// Reads and compiles an ignore file's text.
    pub fn parse(text: &str) -> Result<Ignore, BadPattern> {
        Ignore::new(&read(text))
    }

    /// Whether the path is left out, by itself or through one of its parents.
    pub fn matches(&self, path: &str) -> bool {
        let mut above = Matched::default();
        for parent in parents(path) {
            above = self.matches_below(parent, &above).1;
        }
        self.matches_below(path, &above).0
    }

    /// The same answer, for a walk that comes from the parent directory and kept what matched there. (moby has two ways
    /// of asking, which differ where an exception lies between two patterns for a directory. This is the one that its
    /// client walks a context with.)
    pub fn matches_below(&self, path: &str, parent: &Matched) -> (bool, Matched) {
        let mut matched = false;
        let mut here = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let mut hit = parent.0.get(index).copied().unwrap_or(false);
            if !hit {
                if pattern.exception != matched {
                    continue;
                }
                hit = pattern.matches(path);
            }
            here[index] = hit;
            if hit {
                matched = !pattern.exception;
            }
        }
        (matched, Matched(here))
    }

    /// Whether an exception (`!…`) could bring back something below this ignored directory.
    pub fn may_hold_exceptions(&self, directory: &str) -> bool {
        if !self.exceptions {
            return false;
        }
        let below = format!("{directory}/");
        self.patterns.iter().filter(|p| p.exception).any(|pattern| {
            let wild = pattern.text.find(['*', '?', '[', '\\']);
            let literal = &pattern.text[..wild.unwrap_or(pattern.text.len())];
            literal.starts_with(&below) || (wild.is_some() && below.starts_with(literal))
        })
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        match &self.how {
            How::Exact => path == self.text,
            How::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            How::Suffix => {
                let suffix = &self.text[2..];
                // `**/foo` matches `foo` as well
                path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path)
            }
            How::Regex(regex) => regex.is_match(path),
        }
    }
}

/// The directories above a path, outermost first; none for a bare name.
fn parents(path: &str) -> Vec<&str> {
    let Some(end) = path.rfind('/') else {
        return Vec::new();
    };
    let directory = if end == 0 { "/" } else { &path[..end] };
    let mut parents: Vec<&str> = directory
        .match_indices('/')
        .map(|(at, _)| &directory[..at])
        .collect();
    parents.push(directory);
    parents
}

/// Go's `filepath.Clean`, on which the rules are built: the shortest spelling of a path.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Go's `filepath.Match` decides what is malformed; only that half of it is needed.
fn is_well_formed(pattern: &str) -> bool {
    /// One character of a class, escaped or not. A class may not end right after it.
    fn class_char(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
        let escaped = match rest.next() {
            None | Some('-' | ']') => return false,
            Some('\\') => rest.next().is_some(),
            Some(_) => true,
        };
        escaped && rest.peek().is_some()
    }
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next().is_none() => return false,
            '[' => {
                rest.next_if_eq(&'^');
                let mut ranges = 0;
                loop {
                    if ranges > 0 && rest.next_if_eq(&']').is_some() {
                        break;
                    }
                    if !class_char(&mut rest) {
                        return false;
                    }
                    if rest.next_if_eq(&'-').is_some() && !class_char(&mut rest) {
                        return false;
                    }
                    ranges += 1;
                }
            }
            _ => {}
        }
    }
    true
}

/// How the pattern is matched: moby's own translation, star by star, with its shortcuts.
fn compile(pattern: &str) -> Result<How, regex::Error> {
    #[derive(PartialEq)]
    enum Kind {
        Exact,
        Prefix,
        Suffix,
        Regex,
    }
    let mut regex = String::from("^");
    let mut kind = Kind::Exact;
    let mut rest = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                if rest.peek().is_none() {
                    if kind == Kind::Exact {
                        kind = Kind::Prefix;
                    } else {
                        regex.push_str(".*");
                        kind = Kind::Regex;
                    }
                } else {
                    regex.push_str("(.*/)?");
                    kind = Kind::Regex;
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            '*' => {
                regex.push_str("[^/]*");
                kind = Kind::Regex;
            }
            '?' => {
                regex.push_str("[^/]");
                kind = Kind::Regex;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => {
                regex.push('\\');
                regex.push(c);
            }
            '\\' => {
                regex.push('\\');
                if let Some(escaped) = rest.next() {
                    regex.push(escaped);
                    kind = Kind::Regex;
                }
            }
            '[' | ']' => {
                regex.push(c);
                kind = Kind::Regex;
            }
            c => regex.push(c),
        }
        first = false;
    }
    Ok(match kind {
        Kind::Exact => How::Exact,
        Kind::Prefix => How::Prefix,
        Kind::Suffix => How::Suffix,
        Kind::Regex => {
            regex.push('$');
            How::Regex(Regex::new(&from_go(&regex))?)
        }
    })
}

/// The same expression in this engine's dialect: classes nest and have operators here (`[`, `&&`, `--`, `~~`), and
/// `\<`, `\>` are word boundaries; in Go all of them are plain characters.
fn from_go(go: &str) -> String {
    let mut ours = String::with_capacity(go.len() + 8);
    let mut chars = go.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(plain @ ('<' | '>')) => ours.push(plain),
                Some(escaped) => ours.extend(['\\', escaped]),
                None => ours.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                ours.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    ours.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    ours.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                ours.push(']');
            }
            '[' | '&' | '~' | '^' if in_class => ours.extend(['\\', c]),
            c => ours.push(c),
        }
    }
    ours
}

#[cfg(test)]
#[path = "dockerignore_tests.rs"]
mod tests;
