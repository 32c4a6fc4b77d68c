//! What an event asks of previews: the word, the pull request and the reason; or that nothing is asked; or what GitHub must
//! say first. Pure: told what is known so far, and told again once more is.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::event::{PullState, is_privileged};

/// What is done to previews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Up,
    Down,
    List,
    Prune,
    Sleep,
    Wake,
}

impl Word {
    pub fn word(self) -> &'static str {
        match self {
            Word::Up => "up",
            Word::Down => "down",
            Word::List => "list",
            Word::Prune => "prune",
            Word::Sleep => "sleep",
            Word::Wake => "wake",
        }
    }

    /// Of one pull request, rather than of all.
    fn is_of_one(self) -> bool {
        !matches!(self, Word::List | Word::Prune)
    }
}

/// What a comment may ask for. Never a build: between the comment and the build the code could be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Wake,
    Down,
}

impl Command {
    pub const ALL: [(&'static str, Command); 2] = [
        ("/preview wake", Command::Wake),
        ("/preview down", Command::Down),
    ];

    /// The first line of a comment, letter by letter; what stands below it may be anything.
    pub fn of(body: &str) -> Option<Command> {
        let first = body.split('\n').next().unwrap_or_default();
        // A browser sends both.
        let first = first.strip_suffix('\r').unwrap_or(first);
        let known = Command::ALL.iter().find(|(words, _)| *words == first);
        known.map(|(_, command)| *command)
    }

    pub fn words(self) -> &'static str {
        match self {
            Command::Wake => "/preview wake",
            Command::Down => "/preview down",
        }
    }

    fn word(self) -> Word {
        match self {
            Command::Wake => Word::Wake,
            Command::Down => Word::Down,
        }
    }
}

/// How a pull request stands, by the event or as GitHub answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub state: PullState,
    /// It has the label that previews are made for; true where none is set.
    pub labelled: bool,
}

/// The comment that started the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// It was made, not edited or deleted.
    pub created: bool,
    pub command: Option<Command>,
    /// The author may write here; `None` until GitHub was asked.
    pub may_write: Option<bool>,
}

/// What started the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    /// `pull_request`, `schedule`, …
    pub name: &'a str,
    /// `owner/name`
    pub repository: &'a str,
    /// Its pull request's number, where it has one.
    pub number: Option<u64>,
    /// What is known of that pull request.
    pub pull: Option<Pull>,
    /// The label was just taken away.
    pub unlabelled: bool,
    /// The head is another repository's, or of one that is gone.
    pub fork: bool,
    pub comment: Option<Comment>,
}

/// What is asked, by settings and by event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// As a setting: it comes before what the event says.
    pub word: Option<Word>,
    pub number: Option<u64>,
    /// `owner/name`, where another than the event's may be meant.
    pub repository: Option<&'a str>,
    /// `None` on a person's terminal.
    pub event: Option<Event<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Decided(Decided),
    /// GitHub must say this first.
    Ask(Question),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// How this pull request stands, and its labels.
    Pull(u64),
    /// Whether who commented may write here.
    MayWrite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    Do {
        word: Word,
        /// Always there where the word is about one pull request.
        number: Option<u64>,
        why: Option<Why>,
    },
    Nothing(Nothing),
}

/// Why something is done that nobody asked for by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Merged,
    Closed,
    LabelRemoved,
    Comment(Command),
}

/// Why nothing is done. No failure: the job stays green.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    Fork,
    NoLabel,
    NotAPullRequest,
    NotCreated,
    NoCommand,
    Denied(Command),
    NotOpen(Command),
}

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum DecideError {
    #[error("`{event}` does not say which pull request it is about")]
    #[diagnostic(
        code(shipway::usage::preview_event),
        help(
            "use `on: pull_request` (types opened, synchronize, reopened, closed), `schedule` for `prune`, or set `action` and `pull-request`"
        )
    )]
    NoPullRequest { event: String },

    #[error("a merge queue's commit belongs to no one pull request, so there is no preview of it")]
    #[diagnostic(
        code(shipway::usage::preview_event),
        help("use `on: pull_request`; leave `merge_group` to checks")
    )]
    MergeGroup,

    #[error("nothing says what to do to which preview")]
    #[diagnostic(
        code(shipway::usage::preview_word),
        help(
            "say it: `shipway preview up --pull-request 7`; also `down`, `sleep`, `wake`, `list` and `prune`"
        )
    )]
    NoWord,

    #[error("`{word}` is about one pull request, and none is named")]
    #[diagnostic(
        code(shipway::usage::pull_request),
        help("set `pull-request` to its number")
    )]
    NoNumber { word: &'static str },

    #[error("the event is about pull request {event}, `pull-request` says {given}")]
    #[diagnostic(
        code(shipway::usage::pull_request),
        help("leave `pull-request` out: the event's own is taken")
    )]
    OtherNumber { event: u64, given: u64 },

    #[error("the event is about a pull request of {event}, `repository` says {given}")]
    #[diagnostic(
        code(shipway::usage::pull_request),
        help("leave `repository` out: the event's own is taken")
    )]
    OtherRepository { event: String, given: String },

    #[error("on `issue_comment` the comment says what to do, so `{word}` is not taken")]
    #[diagnostic(
        code(shipway::usage::preview_comment),
        help(
            "leave `action` out; a comment can only wake and remove previews, for whoever writes it chooses the moment: what is built then may be other code than what was looked at"
        )
    )]
    WordOnComment { word: &'static str },
}

pub fn decide(asked: &Asked<'_>) -> Result<Decision, DecideError> {
    let Some(event) = &asked.event else {
        let word = asked.word.ok_or(DecideError::NoWord)?;
        return by_word(word, asked.number);
    };
    same_pull_request(asked, event)?;
    if event.name == "issue_comment" {
        return by_comment(asked.word, event);
    }
    let without_rights = event.fork && !is_privileged(event.name);
    // Not even its end can be told to AWS: there never was a preview of it.
    if without_rights && event.name.starts_with("pull_request") {
        return nothing(Nothing::Fork);
    }
    if event.name == "merge_group" {
        return Err(DecideError::MergeGroup);
    }
    let number = asked.number.or(event.number);
    let decision = match (asked.word, event.pull) {
        // What is known of the pull request comes before a word: one that is closed gets no preview any more.
        (Some(word @ (Word::Up | Word::Wake)), Some(pull)) => {
            match by_state(pull, event.unlabelled) {
                Decided::Do { word: Word::Up, .. } => by_word(word, Some(pull.number))?,
                other => Decision::Decided(other),
            }
        }
        (Some(word), _) => by_word(word, number)?,
        (None, Some(pull)) => Decision::Decided(by_state(pull, event.unlabelled)),
        (None, None) => by_event(event.name, number)?,
    };
    match decision {
        Decision::Decided(Decided::Do { word: Word::Up, .. }) if without_rights => {
            nothing(Nothing::Fork)
        }
        decision => Ok(decision),
    }
}

fn nothing(why: Nothing) -> Result<Decision, DecideError> {
    Ok(Decision::Decided(Decided::Nothing(why)))
}

/// Settings may add what the event does not say, not contradict it.
fn same_pull_request(asked: &Asked<'_>, event: &Event<'_>) -> Result<(), DecideError> {
    let Some(number) = event.number else {
        return Ok(());
    };
    match asked.number {
        Some(given) if given != number => {
            return Err(DecideError::OtherNumber {
                event: number,
                given,
            });
        }
        _ => {}
    }
    match asked.repository {
        Some(given) if !given.eq_ignore_ascii_case(event.repository) => {
            Err(DecideError::OtherRepository {
                event: event.repository.to_owned(),
                given: given.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn by_word(word: Word, number: Option<u64>) -> Result<Decision, DecideError> {
    if word.is_of_one() && number.is_none() {
        return Err(DecideError::NoNumber { word: word.word() });
    }
    Ok(Decision::Decided(Decided::Do {
        word,
        number: number.filter(|_| word.is_of_one()),
        why: None,
    }))
}

/// An event that says nothing of a pull request's state.
fn by_event(name: &str, number: Option<u64>) -> Result<Decision, DecideError> {
    match (name, number) {
        ("schedule", None) => by_word(Word::Prune, None),
        (_, Some(number)) => Ok(Decision::Ask(Question::Pull(number))),
        (name, None) => Err(DecideError::NoPullRequest {
            event: name.to_owned(),
        }),
    }
}

/// The state decides, not the event's action: a label can come after the merge.
fn by_state(pull: Pull, unlabelled: bool) -> Decided {
    let (word, why) = match pull.state {
        PullState::Merged => (Word::Down, Some(Why::Merged)),
        PullState::Closed => (Word::Down, Some(Why::Closed)),
        PullState::Open if pull.labelled => (Word::Up, None),
        PullState::Open if unlabelled => (Word::Down, Some(Why::LabelRemoved)),
        PullState::Open => return Decided::Nothing(Nothing::NoLabel),
    };
    Decided::Do {
        word,
        number: Some(pull.number),
        why,
    }
}

fn by_comment(word: Option<Word>, event: &Event<'_>) -> Result<Decision, DecideError> {
    if let Some(word) = word {
        return Err(DecideError::WordOnComment { word: word.word() });
    }
    let (Some(number), Some(comment)) = (event.number, event.comment) else {
        return nothing(Nothing::NotAPullRequest);
    };
    if !comment.created {
        return nothing(Nothing::NotCreated);
    }
    let Some(command) = comment.command else {
        return nothing(Nothing::NoCommand);
    };
    if event.pull.is_some_and(|p| p.state != PullState::Open) {
        return nothing(Nothing::NotOpen(command));
    }
    match comment.may_write {
        None => Ok(Decision::Ask(Question::MayWrite)),
        Some(false) => nothing(Nothing::Denied(command)),
        Some(true) => Ok(Decision::Decided(Decided::Do {
            word: command.word(),
            number: Some(number),
            why: Some(Why::Comment(command)),
        })),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
