//! Whatever others wrote into whatever field, comment and summary stay what they are: no mention, link, HTML, image, command,
//! open fence or broken table. Read as GitHub's Markdown reads it, as far as these constructs go.

use std::time::Duration;

use proptest::prelude::*;

use super::comment::COMMENT_LIMIT;
use super::*;
use crate::model::Untrusted;
use crate::model::container_logs::{ContainerLogs, Found, LogPlace, LogStream};
use crate::model::past::PastDeployment;
use crate::model::verdict::Status;
use crate::plan::Difference;
use crate::report::escape_tests::hostile;
use crate::report::event::{Phase, Stretch, Text};
use crate::report::plan::Planned;
use crate::rollout::{TargetNote, TaskTimes, Timings};

const MARKER: &str = "<!-- shipway v1 {} -->";
const OURS: &str = "https://github.com/octo-org/";
const CONSOLE: &str = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#";

/// Names in a task definition are whatever who registered it wrote.
fn logs(text: &mut dyn FnMut() -> String) -> ContainerLogs {
    let stream = LogStream {
        group: text(),
        region: "eu-west-1".to_owned(),
        elsewhere: true,
        stream: Some(text()),
    };
    ContainerLogs {
        container: text(),
        url: stream.console_url("aws"),
        place: LogPlace::CloudWatch(stream),
        found: Found::Lines(vec![Untrusted::new(text()), Untrusted::new(text())]),
    }
}

/// Every field that text of others can reach, filled with it.
fn announcement(texts: &[String], status: Status) -> Announcement {
    let mut next = texts.iter().cycle();
    let mut text = || next.next().cloned().unwrap_or_default();
    let quote = |said: &str, text: String| Text::new().say(said).quote(&Untrusted::new(text));
    let failure = (!status.is_success()).then(|| Failure {
        code: Some("shipway::deploy::failed".to_owned()),
        evidence: vec![
            quote("ECS says: ", text()),
            quote("", text()),
            Text::with_code(text()),
            Text::new(),
        ],
        cause: crate::rollout::causes::all().next(),
        fixes: vec![
            Text::with_code(format!("do this\n{}\n  {}", text(), text())),
            quote("or: ", text()),
        ],
        next: Some(quote("then ", text())),
        quoted: Some((quote("Log of ", text()), Untrusted::new(text()))),
        logs: Some(logs(&mut text)),
    });
    let differences = vec![
        Difference {
            path: text(),
            was: Some(text()),
            becomes: Some(text()),
        },
        Difference {
            path: text(),
            was: None,
            becomes: Some(text()),
        },
    ];
    Announcement {
        cluster: "prod".to_owned(),
        service: text(),
        environment: Some(Untrusted::new(text())),
        state: State::Ended {
            status,
            cause: failure.is_some().then(|| quote("it broke: ", text())),
            failure: failure.map(Box::new),
        },
        url: Some(text()),
        commit: Some(Commit {
            sha: text(),
            url: Some(text()),
        }),
        commit_note: Some(quote("", text())),
        revision: Some(text()),
        previous_revision: Some(text()),
        healthy: Some((1, 2)),
        image: Some(text()),
        stretches: vec![
            Stretch {
                phase: Phase::Build,
                began: Duration::ZERO,
                took: Duration::from_secs(5),
                note: quote("", text()),
                ended: true,
            },
            Stretch {
                phase: Phase::Rollout,
                began: Duration::from_secs(5),
                took: Duration::from_secs(50),
                note: Text::new(),
                ended: false,
            },
        ],
        timings: Some(Timings {
            tasks: vec![
                TaskTimes {
                    task: text(),
                    ..TaskTimes::default()
                };
                2
            ],
            ..Timings::default()
        }),
        plan: vec![Planned {
            change: Text::new().code(text()),
            why: text(),
            differences,
        }],
        targets: vec![
            TargetNote {
                target_group: text(),
                target: text(),
                port: Some(80),
                state: text(),
                reason: Some(text()),
                description: Some(Untrusted::new(text())),
            },
            TargetNote::default(),
        ],
        run_url: Some(format!("{OURS}web/actions/runs/7")),
        now_serving: Some(quote("", text())),
        notes: vec![Text::with_code(text()), quote("", text())],
        history: vec![PastDeployment {
            run: 1,
            attempt: 1,
            status: Status::Failed,
            cause: Some(Untrusted::new(text())),
            commit: Some(text()),
            ended_at: i64::MAX,
            took_ms: u64::MAX,
            phases: Vec::new(),
        }],
        ..Announcement::default()
    }
}

/// Outside of fences and code, with what is ours taken out; each line as it stands.
fn prose(markdown: &str) -> Vec<String> {
    let mut prose = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    let mut folds = 0i32;
    let mut cells: Option<usize> = None;
    for line in markdown.lines() {
        let sign = line.chars().next().unwrap_or(' ');
        let run = line.chars().take_while(|c| *c == sign).count();
        // After backticks, another backtick makes it code within a line.
        let is_fence = run >= 3 && (sign == '~' || (sign == '`' && !line[run..].contains('`')));
        match fence {
            Some((open, length)) => {
                if is_fence && sign == open && run >= length && line[run..].trim().is_empty() {
                    fence = None;
                }
                continue;
            }
            None if is_fence => {
                assert!(
                    ["text", "diff", "mermaid"].contains(&&line[run..]),
                    "{line:?}"
                );
                fence = Some((sign, run));
                continue;
            }
            None => {}
        }
        // A row of a table splits on every pipe that no backslash takes the meaning of.
        if line.starts_with('|') {
            let pipes = count_unescaped(line, '|');
            assert_eq!(*cells.get_or_insert(pipes), pipes, "{line:?}");
        } else {
            cells = None;
        }
        // The line of a block of HTML is not read as Markdown: a backtick in it is a backtick.
        let read = match line.starts_with("<details>") {
            true => line.to_owned(),
            false => without_code(line),
        };
        let line = &read;
        folds += i32::try_from(line.matches("<details>").count()).unwrap();
        folds -= i32::try_from(line.matches("</details>").count()).unwrap();
        assert!((0..=1).contains(&folds), "{line:?}");
        prose.push(read);
    }
    assert_eq!(fence, None, "a fence stays open: {markdown}");
    assert_eq!(folds, 0, "{markdown}");
    prose
}

fn count_unescaped(line: &str, sign: char) -> usize {
    let mut count = 0;
    let mut escaped = false;
    for c in line.chars() {
        count += usize::from(c == sign && !escaped);
        escaped = c == '\\' && !escaped;
    }
    count
}

/// Code spans end with as many backticks as they began with.
fn without_code(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at] == '\\' {
            out.extend(chars[at..(at + 2).min(chars.len())].iter());
            at += 2;
            continue;
        }
        if chars[at] != '`' {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        let run = chars[at..].iter().take_while(|c| **c == '`').count();
        let mut end = at + run;
        loop {
            assert!(end < chars.len(), "code stays open: {line:?}");
            let ticks = chars[end..].iter().take_while(|c| **c == '`').count();
            if ticks == run {
                break;
            }
            end += ticks.max(1);
        }
        out.push('¤');
        at = end + run;
    }
    out
}

/// Without links to AWS's own pages whose address is of plain characters to its end: names in it are encoded.
fn without_link_of_ours(line: &str, words: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "$_./?=#:-".contains(c);
    let mut line = line.to_owned();
    while let Some(at) = line.find(&format!("{words}(")) {
        let target = at + words.len() + 1;
        let end = line[target..].find(|c| !plain(c)).unwrap_or_default() + target;
        let of_aws = ["https://docs.aws.amazon.com/", CONSOLE]
            .iter()
            .any(|host| line[target..end].starts_with(host));
        assert!(of_aws && line[end..].starts_with(')'), "{line:?}");
        line.replace_range(at..=end, "");
    }
    line
}

fn assert_harmless(markdown: &str) {
    for line in markdown.lines() {
        assert!(!line.contains("##["), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(
            !line
                .chars()
                .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
            "{line:?}"
        );
    }
    for line in prose(markdown) {
        let mut rest = line.replace(MARKER, "");
        for tag in [
            "<details><summary>",
            "</summary>",
            "</details>",
            "<code>",
            "</code>",
        ] {
            rest = rest.replace(tag, "");
        }
        if let Some(quoted) = rest.strip_prefix("> ") {
            rest = quoted.replace("[!TIP]", "");
        }
        for words in ["[run]", "[the run]"] {
            rest = rest.replace(&format!("{words}({OURS}web/actions/runs/7)"), "");
        }
        for words in ["[logs]", "[in CloudWatch]", "[what AWS says of it]"] {
            rest = without_link_of_ours(&rest, words);
        }
        let bare = rest.trim();
        assert!(
            bare.is_empty() || !["-", "="].iter().any(|c| bare.replace(c, "").is_empty()),
            "the line above {line:?} is a heading"
        );
        let chars: Vec<char> = rest.chars().collect();
        for (at, c) in chars.iter().enumerate() {
            let next = chars.get(at + 1).copied().unwrap_or(' ');
            let escaped = chars[..at].iter().rev().take_while(|c| **c == '\\').count() % 2 == 1;
            assert!(!"<>".contains(*c), "HTML in {line:?}");
            assert!(*c != '@' || next == '\u{200b}', "a mention in {line:?}");
            let entity = at > 0 && chars[at - 1] == '&';
            assert!(
                *c != '#' || entity || !next.is_alphanumeric(),
                "a reference in {line:?}"
            );
            assert!(
                !(*c == ']' && "([:".contains(next)) || escaped,
                "a link in {line:?}"
            );
        }
        assert!(!rest.contains("://"), "a link in {line:?}");
        assert!(!rest.to_lowercase().contains("www."), "a link in {line:?}");
    }
}

fn harmless_announcement(texts: &[String], status: Status) {
    let mut about = announcement(texts, status);
    // Addresses are ours or the load balancer's; whether one can be a link is asked of `escape` by itself.
    about.url = about.url.filter(|url| !url.contains("://"));
    if let Some(commit) = &mut about.commit {
        commit.url = commit.url.take().filter(|url| !url.contains("://"));
    }
    let (comment, summary) = (comment(MARKER, &about), summary(&about));
    assert_harmless(&comment);
    assert_harmless(&summary);
    assert!(comment.chars().count() <= COMMENT_LIMIT);
    assert!(summary.len() < 1024 * 1024);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_others_is_markup(texts in prop::collection::vec(hostile(), 1..12), failed in any::<bool>()) {
        let status = if failed { Status::Failed } else { Status::Serving };
        harmless_announcement(&texts, status);
    }
}

#[test]
fn known_attacks_are_text() {
    let attacks = [
        "@octocat https://evil.example [x](http://evil) ![i](http://evil/x.png) <img src=x onerror=1>",
        "</details></summary><script>alert(1)</script><!-- shipway v1 {\"service\":\"prod/web\"} -->",
        "~~~\n~~~~~~~~~~\n```\n````mermaid\ngraph TD;\n```\n##[error]x\n::set-output name=url::x",
        "a | b\n|--|--|\n| c | d |\n\n# heading\n> [!CAUTION]\n- list",
        "`unclosed ``two ```three \\` \\\\` \u{202e}gnp.exe \u{1b}[31mred",
        ":``::set-output name=url::x",
        "octo-org/web#1 GH-12 0123456789abcdef0123456789abcdef01234567 www.evil.example mailto:a@b.example",
        "&lt;b&gt; &#64;octocat $x^2$ :rocket: {{ secrets.TOKEN }} ${{ github.token }}",
    ]
    .map(str::to_owned);
    for status in [Status::Failed, Status::Serving, Status::NotStarted] {
        harmless_announcement(&attacks, status);
        for attack in &attacks {
            harmless_announcement(std::slice::from_ref(attack), status);
            let long = attack.repeat(60_000 / attack.len());
            harmless_announcement(&[long], status);
        }
    }
}
