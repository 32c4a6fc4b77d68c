//! Where the instructions of a Dockerfile stand, so that a failing build step can be shown with its line. Knows
//! continuation lines, comments, the `escape` directive, heredocs and stages; it is no parser of instructions, and
//! what it cannot find it leaves out.

use regex::Regex;

use super::progress::Step;

/// One instruction, as it stands from `line` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    pub line: u32,
    /// in capitals
    pub keyword: String,
    /// joined over continuation lines, with single spaces
    pub text: String,
}

/// A Dockerfile's instructions, by stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    pub stages: Vec<Stage>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    pub name: Option<String>,
    pub instructions: Vec<Instruction>,
}

impl Dockerfile {
    pub fn read(text: &str) -> Dockerfile {
        let mut dockerfile = Dockerfile::default();
        for instruction in instructions(text) {
            if instruction.keyword == "FROM" {
                let words: Vec<&str> = instruction.text.split(' ').collect();
                let name = words
                    .windows(2)
                    .find(|pair| pair[0].eq_ignore_ascii_case("as"));
                dockerfile.stages.push(Stage {
                    name: name.map(|pair| pair[1].to_owned()),
                    instructions: Vec::new(),
                });
            }
            // ARG may stand before the first FROM
            if let Some(stage) = dockerfile.stages.last_mut() {
                stage.instructions.push(instruction);
            }
        }
        dockerfile
    }

    /// The instruction of a step as BuildKit names it: `[2/3] RUN …`, `[builder 2/3] COPY …`, `[stage-1 2/3] …`.
    pub fn find(&self, step: &Step) -> Option<&Instruction> {
        let stage = match &step.stage {
            None => self.stages.last(),
            Some(name) => self
                .stages
                .iter()
                .find(|s| {
                    s.name
                        .as_ref()
                        .is_some_and(|n| n.eq_ignore_ascii_case(name))
                })
                .or_else(|| {
                    self.stages
                        .get(name.strip_prefix("stage-")?.parse::<usize>().ok()?)
                }),
        };
        let wanted = single_spaced(&step.name.0);
        let keyword = wanted.split(' ').next()?.to_ascii_uppercase();
        let candidates: Vec<&Instruction> = stage?
            .instructions
            .iter()
            .filter(|i| i.keyword == keyword)
            .collect();
        candidates
            .iter()
            .find(|i| same(&i.text, &wanted))
            .or_else(|| candidates.iter().find(|i| expands_to(&i.text, &wanted)))
            .or(match candidates.as_slice() {
                [only] => Some(only),
                _ => None,
            })
            .copied()
    }

    /// Whether building runs programs of the target platform: a RUN in a stage that is not pinned to another one.
    pub fn runs_target_programs(&self) -> bool {
        self.stages.iter().any(|stage| {
            let from = stage
                .instructions
                .first()
                .map(|from| from.text.as_str())
                .unwrap_or_default();
            !from.contains("--platform=") && stage.instructions.iter().any(|i| i.keyword == "RUN")
        })
    }
}

fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape_character(text);
    let mut found: Vec<Instruction> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut whole = String::new();
        let mut part = trimmed.to_owned();
        loop {
            match part.strip_suffix(escape) {
                None => {
                    whole.push_str(&part);
                    break;
                }
                Some(rest) => {
                    whole.push_str(rest);
                    // comments and empty lines inside a continued instruction are skipped
                    let next = lines
                        .by_ref()
                        .map(|(_, line)| line.trim())
                        .find(|line| !line.is_empty() && !line.starts_with('#'));
                    match next {
                        Some(next) => part = format!(" {next}"),
                        None => break,
                    }
                }
            }
        }
        for word in heredocs(&whole) {
            let end = |line: &str| line.trim_start_matches('\t') == word;
            let _ = lines.by_ref().find(|(_, line)| end(line));
        }
        let text = single_spaced(&whole);
        found.push(Instruction {
            line: index as u32 + 1,
            keyword: text
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase(),
            text,
        });
    }
    found
}

/// `# escape=` among the directives at the top.
fn escape_character(text: &str) -> char {
    for line in text.lines() {
        let Some((key, value)) = line
            .trim()
            .strip_prefix('#')
            .and_then(|rest| rest.split_once('='))
        else {
            break;
        };
        if key.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

/// The end words of the heredocs that an instruction opens.
fn heredocs(instruction: &str) -> Vec<String> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|k| k.eq_ignore_ascii_case(keyword))
    {
        return Vec::new();
    }
    let words = instruction.split_whitespace().filter_map(|word| {
        let word = word
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix("<<")?;
        let word = word
            .strip_prefix('-')
            .unwrap_or(word)
            .trim_matches(['"', '\'']);
        let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        plain.then(|| word.to_owned())
    });
    words.collect()
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Equal apart from the keyword's case.
fn same(instruction: &str, step: &str) -> bool {
    let rest = |text: &str| text.split_once(' ').map(|(_, rest)| rest.to_owned());
    rest(instruction) == rest(step)
}

/// Equal where the step's name shows what a variable held.
fn expands_to(instruction: &str, step: &str) -> bool {
    let Some((_, instruction)) = instruction.split_once(' ') else {
        return false;
    };
    let Some((_, step)) = step.split_once(' ') else {
        return false;
    };
    let Ok(variable) = Regex::new(r"\$\{[^}]*\}|\$\w+") else {
        return false;
    };
    let parts: Vec<String> = variable.split(instruction).map(regex::escape).collect();
    parts.len() > 1
        && Regex::new(&format!("^{}$", parts.join(".*"))).is_ok_and(|regex| regex.is_match(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# syntax=docker/dockerfile:1\nARG BASE=scratch\nFROM ${BASE} AS builder\n# why\nRUN one \\\n  # inside\n\n  && two\nRUN <<EOF\nRUN not this\nEOF\nFROM scratch\nCOPY --from=builder /a /b\nCOPY $WHAT /c\nCOPY d /e\n";

    #[test]
    fn steps_are_found_by_name_by_stage_and_through_variables() {
        let dockerfile = Dockerfile::read(TEXT);
        for (vertex, expected) in [
            ("[builder 1/3] FROM docker.io/library/scratch", Some(3)),
            ("[builder 2/3] RUN one   && two", Some(5)),
            ("[builder 3/3] RUN <<EOF", Some(9)),
            ("[stage-1 1/3] COPY --from=builder /a /b", Some(13)),
            ("[stage-1 2/3] COPY thing /c", Some(14)),
            ("[stage-1 3/3] COPY d /e", Some(15)),
            ("[stage-1 3/3] COPY nowhere /x", None),
            ("[other 1/2] RUN one", None),
        ] {
            let step = Step::read(vertex).unwrap();
            assert_eq!(dockerfile.find(&step).map(|i| i.line), expected, "{vertex}");
        }
    }

    #[test]
    fn only_run_steps_of_the_target_need_an_emulator() {
        for (text, expected) in [
            ("FROM scratch\nCOPY a /a", false),
            (
                "FROM --platform=$BUILDPLATFORM golang AS b\nRUN go build\nFROM scratch\nCOPY --from=b /a /a",
                false,
            ),
            ("FROM alpine\nRUN apk add x", true),
        ] {
            assert_eq!(
                Dockerfile::read(text).runs_target_programs(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_backtick_may_be_the_escape() {
        let read = Dockerfile::read("# escape=`\nFROM scratch\nCOPY a `\n  b\nCOPY c\\ d\n");
        let lines: Vec<_> = read.stages[0]
            .instructions
            .iter()
            .map(|i| (i.line, i.text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [(2, "FROM scratch"), (3, "COPY a b"), (5, "COPY c\\ d")]
        );
    }
}
