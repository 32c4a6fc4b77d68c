//! `shipway preview`: which pull request, what is to be done about its preview, and who does it. The words are told in the
//! files beside this one.

mod down;
mod list;
mod prune;
mod rest;
mod telling;
mod up;

use std::sync::Arc;

use secrecy::SecretString;

use crate::aws::Aws;
use crate::error::Error;
use crate::inputs::InputError;
use crate::inputs::arguments::{PreviewArgs, PreviewWord};
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::claims::Claims;
use crate::model::names::last_segment;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::plan::preview::decide::{
    Asked, Command, Comment, Decided, Decision, Event, Nothing, Pull, Question, Why, Word, decide,
};
use crate::report::{Report, Text};
use crate::steps::access::{self, Access};
use crate::steps::admit::{Asks, Uses, admit, admit_code};
use crate::steps::preview_command::Hub;
use crate::steps::start;

use telling::Telling;

/// What every word is told with.
struct Run<'a> {
    args: &'a PreviewArgs,
    env: &'a Env,
    report: Arc<Report>,
    /// None on a person's terminal.
    trigger: Option<Trigger>,
    /// GitHub's, where there is one.
    token: Option<SecretString>,
    aws: Aws,
    /// Of the id token, where one was minted.
    claims: Option<Claims>,
    /// Outputs and announcement so far, and who is told: of a word about one preview, on its pull request.
    told: Telling<'a>,
}

/// The words. Each tells its own ending, to everyone, and returns the exit code. Boxed: together they would not fit into a
/// thread's stack.
async fn act(run: Run<'_>, word: Word, of: Option<PreviewOf>) -> u8 {
    match (word, of) {
        (Word::Up, Some(of)) => Box::pin(up::up(run, of)).await,
        (Word::Down, Some(of)) => Box::pin(down::down(run, of)).await,
        (Word::Sleep, Some(of)) => Box::pin(rest::sleep(run, of)).await,
        (Word::Wake, Some(of)) => Box::pin(rest::wake(run, of)).await,
        (Word::List, _) => Box::pin(list::list(run)).await,
        (Word::Prune, _) => Box::pin(prune::prune(run)).await,
        // `decide` names a pull request for each of these.
        (_, None) => 70,
    }
}

pub async fn preview(args: &PreviewArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let mut story = Story {
        args,
        env: &env,
        report: report.clone(),
        trigger: None,
        token: None,
        comment: None,
        told: Telling::new(args, &env, &report),
    };
    let begun = tokio::select! {
        biased;
        () = env.cancel.cancelled() => Ok(Begun::Cancelled),
        begun = story.begin() => begun,
    };
    let Story {
        trigger,
        token,
        comment,
        told,
        ..
    } = story;
    let code = match begun {
        Ok(Begun::Nothing(why)) => return told.nothing(why),
        Ok(Begun::Cancelled) => told.cancelled().await,
        Err(error) => told.fail(error).await,
        Ok(Begun::Ready(ready)) => {
            let Ready { aws, claims, .. } = *ready;
            let run = Run {
                args,
                env: &env,
                report: report.clone(),
                trigger: trigger.clone(),
                token,
                aws,
                claims,
                told,
            };
            act(run, ready.word, ready.of).await
        }
    };
    if let (Some(comment), Some(trigger)) = (comment, &trigger) {
        comment.answer(trigger, code == 0, &report).await;
    }
    code
}

/// What is known before a word can begin.
struct Story<'a> {
    args: &'a PreviewArgs,
    env: &'a Env,
    report: Arc<Report>,
    trigger: Option<Trigger>,
    token: Option<SecretString>,
    /// A comment that is obeyed waits for an answer.
    comment: Option<Hub>,
    told: Telling<'a>,
}

enum Begun {
    Ready(Box<Ready>),
    Nothing(Text),
    Cancelled,
}

/// What to do, and with what.
struct Ready {
    word: Word,
    of: Option<PreviewOf>,
    aws: Aws,
    claims: Option<Claims>,
}

impl Story<'_> {
    async fn begin(&mut self) -> Result<Begun, Error> {
        let given = self.args.given_word()?.map(Word::from);
        self.trigger = Trigger::read(self.env)?;
        let (word, number, why) = match self.decide(given).await? {
            Decided::Do { word, number, why } => (word, number, why),
            Decided::Nothing(nothing) => {
                let absent = matches!(nothing, Nothing::Fork | Nothing::NoLabel);
                self.told.outputs.preview_state = absent.then_some(PreviewState::Absent);
                return Ok(Begun::Nothing(self.why_nothing(nothing)));
            }
        };
        if let (Word::Up, Some(number)) = (word, number) {
            self.args.check_repository(self.env)?;
            up::routing(self.args, number)?;
        }
        let of = number.map(|number| self.preview_of(number)).transpose()?;
        let why = why.map(|why| self.why(why));
        self.told
            .about(word, of.as_ref(), why, self.trigger.as_ref());
        self.read_token()?;
        if word == Word::Up {
            self.admit().await?;
        }
        let Access { aws, claims } = access::connect(
            self.env,
            &self.args.access,
            &self.args.base.aws_region,
            self.trigger.as_ref(),
            &self.report,
        )
        .await;
        if let Some(of) = &of {
            let (token, trigger) = (self.token.as_ref(), self.trigger.as_ref());
            self.told.find(of, token, trigger, claims.as_ref());
        }
        // A refused role is told on the pull request too.
        let aws = aws?;
        Ok(Begun::Ready(Box::new(Ready {
            word,
            of,
            aws,
            claims,
        })))
    }

    /// Asks GitHub for as long as that is needed to decide.
    async fn decide(&mut self, given: Option<Word>) -> Result<Decided, Error> {
        let mut may_write = None;
        loop {
            let question = match decide(&self.asked(given, may_write))? {
                Decision::Decided(decided) => return Ok(decided),
                Decision::Ask(question) => question,
            };
            self.read_token()?;
            let repository = self.repository()?;
            // Only an event leaves a question open.
            let Some(trigger) = self.trigger.as_mut() else {
                return Ok(Decided::Nothing(Nothing::NoCommand));
            };
            let hub = Hub::new(self.env, trigger, self.token.as_ref(), &self.report)?;
            match question {
                Question::Pull(number) => hub.ask_pull(trigger, &repository, number).await?,
                Question::MayWrite => {
                    let may = hub.ask_permission(trigger).await?;
                    may_write = Some(may);
                    hub.receive(trigger, may, &self.report).await;
                    self.comment = may.then_some(hub);
                }
            }
        }
    }

    /// What is known so far, as `decide` takes it.
    fn asked(&self, word: Option<Word>, may_write: Option<bool>) -> Asked<'_> {
        let preview = &self.args.preview;
        let label = preview.label.as_deref();
        Asked {
            word,
            number: preview.pull_request,
            repository: preview.repository.as_deref(),
            event: self.trigger.as_ref().map(|t| Event {
                name: &t.event_name,
                repository: &t.repository,
                number: t.pull_request,
                pull: t
                    .pull_request
                    .zip(t.pull_state)
                    .map(|(number, state)| Pull {
                        number,
                        state,
                        labelled: label.is_none_or(|label| t.has_label(label)),
                    }),
                unlabelled: label.is_some_and(|label| t.lost_label(label)),
                fork: t.fork,
                comment: t.comment.as_ref().map(|c| Comment {
                    created: t.action.as_deref() == Some("created"),
                    command: Command::of(c.body.raw()),
                    may_write,
                }),
            }),
        }
    }

    fn read_token(&mut self) -> Result<(), Error> {
        if self.token.is_none() {
            self.token = self.args.announce.github.read_github_token(self.env)?;
        }
        Ok(())
    }

    /// Only `up` builds code: others need no checkout, and no secret of the build.
    async fn admit(&mut self) -> Result<(), Error> {
        for secret in &self.args.build.build_secrets {
            secret.read(self.env)?;
        }
        admit(self.trigger.as_ref(), Asks::Deploy)?;
        let uses = Uses {
            build: &self.args.build,
            given: false,
            task_definition: None,
        };
        let (trigger, token) = (self.trigger.as_mut(), self.token.as_ref());
        admit_code(self.env, trigger, Asks::Deploy, token, &uses, &self.report).await
    }

    fn repository(&self) -> Result<String, Error> {
        let given = self.args.preview.repository.as_deref();
        let repository = given.or_else(|| self.env.var("GITHUB_REPOSITORY"));
        Ok(repository.ok_or(InputError::NoRepository)?.to_owned())
    }

    fn preview_of(&self, pull_request: u64) -> Result<PreviewOf, Error> {
        Ok(PreviewOf {
            repository: self.repository()?,
            pull_request,
            cluster: last_segment(&self.args.base.cluster).to_owned(),
            base_service: last_segment(&self.args.base.base_service).to_owned(),
        })
    }

    fn why(&self, why: Why) -> Text {
        match why {
            Why::Merged => "pull request merged".into(),
            Why::Closed => "pull request closed".into(),
            Why::LabelRemoved => Text::new()
                .say("label ")
                .code(self.args.preview.label.clone().unwrap_or_default())
                .say(" removed"),
            Why::Comment(command) => {
                let text = Text::new().code(command.words());
                match self.trigger.as_ref().and_then(|t| t.comment.as_ref()) {
                    Some(comment) => text.say(" by ").quote(&comment.author),
                    None => text,
                }
            }
        }
    }

    fn why_nothing(&self, nothing: Nothing) -> Text {
        let label = || self.args.preview.label.clone().unwrap_or_default();
        let author = || {
            let comment = self.trigger.as_ref().and_then(|t| t.comment.as_ref());
            comment.map(|c| c.author.clone()).unwrap_or_default()
        };
        match nothing {
            Nothing::Fork => {
                "pull request from a fork: no preview, for it gets no role and no secrets".into()
            }
            Nothing::NoLabel => Text::new()
                .say("no label ")
                .code(label())
                .say(" on the pull request: no preview"),
            Nothing::NotAPullRequest => "the comment is on an issue: nothing to do".into(),
            Nothing::NotCreated => "the comment is not new: nothing to do".into(),
            Nothing::NoCommand => {
                let [(wake, _), (down, _)] = Command::ALL;
                Text::new()
                    .say("the comment's first line is neither ")
                    .code(wake)
                    .say(" nor ")
                    .code(down)
                    .say(": nothing to do")
            }
            Nothing::Denied(command) => Text::new()
                .code(command.words())
                .say(" is not obeyed: ")
                .quote(&author())
                .say(" has no write permission"),
            Nothing::NotOpen(command) => Text::new()
                .code(command.words())
                .say(" is not obeyed: the pull request is not open"),
        }
    }
}

impl From<PreviewWord> for Word {
    fn from(word: PreviewWord) -> Word {
        match word {
            PreviewWord::Up => Word::Up,
            PreviewWord::Down => Word::Down,
            PreviewWord::List => Word::List,
            PreviewWord::Prune => Word::Prune,
            PreviewWord::Sleep => Word::Sleep,
            PreviewWord::Wake => Word::Wake,
        }
    }
}
