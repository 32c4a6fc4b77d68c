//! `shipway preview`: which pull request, what is to be done about its preview, and who does it. The words are told in the
//! files beside this one.

mod down;
mod list;
mod prune;
mod rest;
mod up;

use std::sync::Arc;

use secrecy::SecretString;

use crate::aws::Aws;
use crate::inputs::arguments::PreviewArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::claims::Claims;
use crate::model::preview::PreviewOf;
use crate::report::Report;

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
    /// Why this is done, for people: "pull request merged", "`/preview wake` by octocat".
    why: Option<crate::report::Text>,
}

/// The words. Each tells its own ending, to everyone, and returns the exit code.
#[expect(dead_code, reason = "the story comes next")]
async fn act(
    run: Run<'_>,
    word: crate::inputs::arguments::PreviewWord,
    of: Option<PreviewOf>,
) -> u8 {
    use crate::inputs::arguments::PreviewWord as Word;
    match (word, of) {
        (Word::Up, Some(of)) => up::up(run, of).await,
        (Word::Down, Some(of)) => down::down(run, of).await,
        (Word::Sleep, Some(of)) => rest::sleep(run, of).await,
        (Word::Wake, Some(of)) => rest::wake(run, of).await,
        (Word::List, _) => list::list(run).await,
        (Word::Prune, _) => prune::prune(run).await,
        (_, None) => 70,
    }
}

pub async fn preview(_args: &PreviewArgs, _env: &Env) -> u8 {
    70
}
