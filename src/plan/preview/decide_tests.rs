//! Every event, in every state that matters, with and without a word: what is done. Then whole products of them, for what
//! must never be.

use super::*;

const PULL: u64 = 7;

fn event(name: &str) -> Event<'_> {
    Event {
        name,
        repository: "octo-org/web",
        ..Event::default()
    }
}

fn pull(name: &str, state: PullState, labelled: bool) -> Event<'_> {
    Event {
        number: Some(PULL),
        pull: Some(Pull {
            number: PULL,
            state,
            labelled,
        }),
        ..event(name)
    }
}

fn comment(command: Option<Command>, may_write: Option<bool>) -> Event<'static> {
    Event {
        comment: Some(Comment {
            created: true,
            command,
            may_write,
        }),
        ..pull("issue_comment", PullState::Open, true)
    }
}

/// What it is, the event, the word and the number as settings, and what is done.
type Row<'a> = (
    &'a str,
    Option<Event<'a>>,
    Option<Word>,
    Option<u64>,
    &'a str,
);

/// A decision in a line.
fn said(asked: &Asked<'_>) -> String {
    match decide(asked) {
        Ok(Decision::Ask(Question::Pull(n))) => format!("ask how {n} stands"),
        Ok(Decision::Ask(Question::MayWrite)) => "ask who may".to_owned(),
        Ok(Decision::Decided(Decided::Nothing(why))) => format!("nothing: {why:?}"),
        Ok(Decision::Decided(Decided::Do { word, number, why })) => {
            let number = number.map(|n| format!(" {n}")).unwrap_or_default();
            let why = why.map(|w| format!(", {w:?}")).unwrap_or_default();
            format!("{}{number}{why}", word.word())
        }
        Err(error) => format!("refused: {}", Diagnostic::code(&error).unwrap()),
    }
}

#[test]
fn every_event_asks_for_what_its_state_says() {
    use PullState::{Closed, Merged, Open};
    let fork = |event: Event<'static>| Event {
        fork: true,
        ..event
    };
    let unlabelled = |event: Event<'static>| Event {
        unlabelled: true,
        ..event
    };
    let of_run = Event {
        number: Some(PULL),
        ..event("workflow_run")
    };
    let edited = Event {
        comment: Some(Comment {
            created: false,
            command: Some(Command::Wake),
            may_write: Some(true),
        }),
        ..pull("issue_comment", Open, true)
    };
    let on_merged = Event {
        pull: pull("issue_comment", Merged, true).pull,
        ..comment(Some(Command::Wake), Some(true))
    };
    let on_issue = Event {
        number: None,
        pull: None,
        ..comment(Some(Command::Down), Some(true))
    };
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        ("an open pull request", Some(pull("pull_request", Open, true)), None, None, "up 7"),
        ("… by target", Some(pull("pull_request_target", Open, true)), None, None, "up 7"),
        ("… reviewed", Some(pull("pull_request_review", Open, true)), None, None, "up 7"),
        ("merged", Some(pull("pull_request", Merged, true)), None, None, "down 7, Merged"),
        ("closed", Some(pull("pull_request", Closed, true)), None, None, "down 7, Closed"),
        ("labelled after the merge", Some(pull("pull_request", Merged, false)), None, None, "down 7, Merged"),
        ("asked up after the merge", Some(pull("pull_request", Merged, true)), Some(Word::Up), None, "down 7, Merged"),
        ("asked to wake after the end", Some(pull("pull_request", Closed, true)), Some(Word::Wake), None, "down 7, Closed"),
        ("without the label", Some(pull("pull_request", Open, false)), None, None, "nothing: NoLabel"),
        ("the label taken away", Some(unlabelled(pull("pull_request", Open, false))), None, None, "down 7, LabelRemoved"),
        ("the label taken away and put back", Some(unlabelled(pull("pull_request", Open, true))), None, None, "up 7"),
        ("asked up without the label", Some(pull("pull_request", Open, false)), Some(Word::Up), None, "nothing: NoLabel"),
        ("asked down without the label", Some(pull("pull_request", Open, false)), Some(Word::Down), None, "down 7"),
        ("asked to sleep", Some(pull("pull_request", Open, true)), Some(Word::Sleep), None, "sleep 7"),
        ("asked to prune", Some(pull("pull_request", Closed, true)), Some(Word::Prune), None, "prune"),
        ("a fork", Some(fork(pull("pull_request", Open, true))), None, None, "nothing: Fork"),
        ("a fork, closed", Some(fork(pull("pull_request", Closed, true))), None, None, "nothing: Fork"),
        ("a fork, asked to prune", Some(fork(pull("pull_request", Open, true))), Some(Word::Prune), None, "nothing: Fork"),
        ("a fork by target", Some(fork(pull("pull_request_target", Open, true))), None, None, "up 7"),
        ("a fork by target, merged", Some(fork(pull("pull_request_target", Merged, true))), None, None, "down 7, Merged"),
        ("another pull request's number", Some(pull("pull_request", Open, true)), None, Some(8), "refused: shipway::usage::pull_request"),
        ("the schedule", Some(event("schedule")), None, None, "prune"),
        ("the schedule, by name", Some(event("schedule")), Some(Word::List), None, "list"),
        ("the schedule and a number", Some(event("schedule")), None, Some(9), "ask how 9 stands"),
        ("a dispatch", Some(event("workflow_dispatch")), None, None, "refused: shipway::usage::preview_event"),
        ("a dispatch with a number", Some(event("workflow_dispatch")), None, Some(9), "ask how 9 stands"),
        ("… once GitHub said open", Some(pull("workflow_dispatch", Open, true)), None, Some(7), "up 7"),
        ("… of a fork", Some(fork(pull("workflow_dispatch", Open, true))), None, Some(7), "nothing: Fork"),
        ("… of a fork, merged", Some(fork(pull("workflow_dispatch", Merged, true))), None, Some(7), "down 7, Merged"),
        ("a dispatch with word and number", Some(event("workflow_dispatch")), Some(Word::Up), Some(9), "up 9"),
        ("a dispatch with a word alone", Some(event("workflow_dispatch")), Some(Word::Sleep), None, "refused: shipway::usage::pull_request"),
        ("a run after a run", Some(of_run), None, None, "ask how 7 stands"),
        ("a run after a push", Some(event("workflow_run")), None, None, "refused: shipway::usage::preview_event"),
        ("a push", Some(event("push")), None, None, "refused: shipway::usage::preview_event"),
        ("a push, asked to prune", Some(event("push")), Some(Word::Prune), None, "prune"),
        ("a release", Some(event("release")), None, None, "refused: shipway::usage::preview_event"),
        ("a merge queue", Some(event("merge_group")), None, None, "refused: shipway::usage::preview_event"),
        ("a merge queue, asked up", Some(event("merge_group")), Some(Word::Up), Some(7), "refused: shipway::usage::preview_event"),
        ("talk", Some(comment(None, None)), None, None, "nothing: NoCommand"),
        ("a command", Some(comment(Some(Command::Wake), None)), None, None, "ask who may"),
        ("… of one who may", Some(comment(Some(Command::Wake), Some(true))), None, None, "wake 7, Comment(Wake)"),
        ("… to remove", Some(comment(Some(Command::Down), Some(true))), None, None, "down 7, Comment(Down)"),
        ("… of one who may not", Some(comment(Some(Command::Down), Some(false))), None, None, "nothing: Denied(Down)"),
        ("an edited comment", Some(edited), None, None, "nothing: NotCreated"),
        ("a comment after the merge", Some(on_merged), None, None, "nothing: NotOpen(Wake)"),
        ("a comment on an issue", Some(on_issue), None, None, "nothing: NotAPullRequest"),
        ("a comment, asked up", Some(comment(Some(Command::Wake), Some(true))), Some(Word::Up), None, "refused: shipway::usage::preview_comment"),
        ("a comment's other number", Some(comment(Some(Command::Wake), Some(true))), None, Some(8), "refused: shipway::usage::pull_request"),
        ("a terminal", None, None, None, "refused: shipway::usage::preview_word"),
        ("a terminal with a number alone", None, None, Some(7), "refused: shipway::usage::preview_word"),
        ("a terminal with a word", None, Some(Word::Down), Some(7), "down 7"),
        ("a terminal with a word alone", None, Some(Word::Up), None, "refused: shipway::usage::pull_request"),
        ("a terminal, all of them", None, Some(Word::List), Some(7), "list"),
    ];
    for (name, event, word, number, expected) in table {
        let asked = Asked {
            word: *word,
            number: *number,
            repository: None,
            event: *event,
        };
        assert_eq!(said(&asked), *expected, "{name}");
    }
}

#[test]
fn settings_do_not_turn_an_event_to_another_repository() {
    let asked = |repository| Asked {
        repository: Some(repository),
        event: Some(pull("pull_request", PullState::Open, true)),
        ..Asked::default()
    };
    assert_eq!(said(&asked("Octo-Org/Web")), "up 7");
    assert_eq!(
        said(&asked("octo-org/shop")),
        "refused: shipway::usage::pull_request"
    );
}

const NAMES: [&str; 12] = [
    "pull_request",
    "pull_request_target",
    "pull_request_review",
    "issue_comment",
    "workflow_run",
    "workflow_dispatch",
    "repository_dispatch",
    "schedule",
    "push",
    "merge_group",
    "release",
    "something_new",
];
const WORDS: [Option<Word>; 7] = [
    None,
    Some(Word::Up),
    Some(Word::Down),
    Some(Word::List),
    Some(Word::Prune),
    Some(Word::Sleep),
    Some(Word::Wake),
];

/// All that an event can say, with every word: some 30,000 questions.
fn every(look: impl Fn(&Event<'_>, Option<Word>, Result<Decision, DecideError>)) {
    let states = [PullState::Open, PullState::Merged, PullState::Closed];
    let mut pulls = vec![None];
    for state in states {
        pulls.extend([true, false].map(|labelled| {
            Some(Pull {
                number: PULL,
                state,
                labelled,
            })
        }));
    }
    let mut comments = vec![None];
    for command in [None, Some(Command::Wake), Some(Command::Down)] {
        for may_write in [None, Some(true), Some(false)] {
            comments.extend([true, false].map(|created| {
                Some(Comment {
                    created,
                    command,
                    may_write,
                })
            }));
        }
    }
    for name in NAMES {
        for pull in &pulls {
            for comment in &comments {
                for fork in [true, false] {
                    for unlabelled in [true, false] {
                        for word in WORDS {
                            for number in [None, Some(PULL)] {
                                let event = Event {
                                    name,
                                    repository: "octo-org/web",
                                    number,
                                    pull: pull.filter(|_| number.is_some()),
                                    unlabelled,
                                    fork,
                                    comment: *comment,
                                };
                                let asked = Asked {
                                    word,
                                    number: None,
                                    repository: None,
                                    event: Some(event),
                                };
                                look(&event, word, decide(&asked));
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_is_ever_built_for_a_comment_a_closed_pull_request_or_a_fork_without_rights() {
    every(|event, word, decision| {
        let Ok(Decision::Decided(Decided::Do { word: done, .. })) = decision else {
            return;
        };
        let closed = event.pull.is_some_and(|p| p.state != PullState::Open);
        let starts = matches!(done, Word::Up | Word::Wake);
        assert!(!(starts && closed), "{event:?} {word:?}: {done:?}");
        if done == Word::Up {
            assert_ne!(event.name, "issue_comment", "{event:?} {word:?}");
            assert_ne!(event.name, "merge_group", "{event:?} {word:?}");
            assert!(
                !event.fork || is_privileged(event.name),
                "{event:?} {word:?}"
            );
            assert!(event.pull.is_none_or(|p| p.labelled), "{event:?} {word:?}");
        }
        if event.name == "issue_comment" {
            let may = event.comment.and_then(|c| c.may_write);
            assert_eq!(may, Some(true), "{event:?} {word:?}");
        }
    });
}

#[test]
fn a_word_about_one_pull_request_has_its_number_and_nobody_is_asked_twice() {
    every(|event, word, decision| match decision {
        Ok(Decision::Decided(Decided::Do {
            word: done, number, ..
        })) => {
            assert_eq!(number.is_some(), done.is_of_one(), "{event:?} {word:?}");
        }
        Ok(Decision::Ask(Question::Pull(_))) => {
            assert_eq!(event.pull, None, "{event:?} {word:?}");
        }
        Ok(Decision::Ask(Question::MayWrite)) => {
            let may = event.comment.and_then(|c| c.may_write);
            assert_eq!(may, None, "{event:?} {word:?}");
        }
        _ => {}
    });
}

#[test]
fn only_the_first_line_is_a_command_and_only_letter_by_letter() {
    for (body, command) in [
        ("/preview wake", Some(Command::Wake)),
        ("/preview down", Some(Command::Down)),
        ("/preview wake\r\n", Some(Command::Wake)),
        ("/preview wake\r\n\r\nThanks!", Some(Command::Wake)),
        ("/preview down\n/preview wake", Some(Command::Down)),
    ] {
        assert_eq!(Command::of(body), command, "{body:?}");
    }
    for body in HOSTILE {
        assert_eq!(Command::of(body), None, "{body:?}");
    }
}

/// What must not be taken for a command.
#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", " ", "\n/preview wake", "\r\n/preview wake", "\r/preview wake",
    " /preview wake", "\t/preview wake", "/preview wake ", "/preview wake\t", "/preview  wake", "/preview\twake",
    "/preview wake now", "/preview wake; rm -rf /", "/preview wake && /preview down", "/preview wake #7", "/preview wake 8",
    "/preview wake\r\r\n", "/preview wake\rand more", "/preview wake\u{0}", "/preview wake\u{b}", "/preview wake\u{2028}",
    "/preview up", "/preview build", "/preview prune", "/preview", "/preview ", "/previewwake", "/wake", "preview wake",
    "/Preview wake", "/PREVIEW WAKE", "/preview Wake", "//preview wake", "./preview wake",
    // Looks the same: Cyrillic е, fullwidth, a no-break space, a zero-width space and joiner, an override.
    "/pr\u{435}view wake", "/preview wak\u{435}", "\u{ff0f}preview wake", "/preview\u{a0}wake", "/preview\u{200b} wake",
    "/preview wake\u{200b}", "/preview wake\u{200d}", "\u{202e}ekaw weiverp/", "\u{feff}/preview wake", "/preview w\u{e0061}ake",
    "> /preview wake", "`/preview wake`", "**/preview wake**", "- /preview wake", "    /preview wake", "<!-- -->/preview wake",
    "~~~\n/preview wake\n~~~", "Please /preview wake", "<b>/preview wake</b>", "${{ github.token }}", "/preview wake ${{ github.token }}",
    "::set-output name=x::/preview wake", "##[group]/preview wake", "/preview wake\\n", "%2Fpreview%20wake",
];
