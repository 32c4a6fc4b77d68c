//! `shipway try`: deploys a directory to stand-ins for AWS and GitHub on this machine, with the real `deploy`.
//!
//! Knows: the order of the play, and what people read of it. Does not know how to deploy: it starts this very program
//! with `deploy …` and an environment that points at the stand-ins, so that no other code path knows of the sandbox.

mod deploy;
mod page;
mod stage;
mod troubles;

use std::path::{Path, PathBuf};
use std::time::Duration;

use miette::Diagnostic;
use shipway_sandbox::alb::{Page, visit};
use thiserror::Error as ThisError;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::inputs::arguments::TryArgs;
use crate::inputs::env::{Env, Sink};
use page::Scratch;
use stage::Stage;
use troubles::{TROUBLES, Trouble};

#[derive(Debug, ThisError, Diagnostic)]
pub enum TryError {
    #[error("{0}")]
    #[diagnostic(code(shipway::sandbox::no_docker), help("{}", .0.help))]
    NoDocker(#[from] shipway_sandbox::runtimes::docker::NoDocker),
    #[error("this build of shipway has no page of its own: it is only made on x86_64 Linux")]
    #[diagnostic(
        code(shipway::usage::no_page),
        help("name a directory with a Dockerfile: `shipway try examples/hello`")
    )]
    NoPage,
    #[error("{} has no Dockerfile", .0.display())]
    #[diagnostic(
        code(shipway::usage::no_dockerfile),
        help("name a directory with a Dockerfile, or none for a built-in page")
    )]
    NoDockerfile(PathBuf),
    #[error("there is no trouble called {0}")]
    #[diagnostic(
        code(shipway::usage::no_such_trouble),
        help("`shipway try --list` lists them")
    )]
    NoSuchTrouble(String),
    #[error("this trouble is the built-in page's own")]
    #[diagnostic(
        code(shipway::usage::trouble_of_the_page),
        help("leave the directory away: `shipway try --trouble {0}`")
    )]
    TroubleOfThePage(&'static str),
    #[error("cannot {doing}")]
    #[diagnostic(
        code(shipway::sandbox::io),
        help("see the cause; nothing of this run is left behind")
    )]
    Io {
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
}

/// For `map_err`: an I/O error with what it happened to.
fn failing(doing: &'static str) -> impl FnOnce(std::io::Error) -> TryError {
    move |source| TryError::Io { doing, source }
}

/// The exit code of the deploy, so that scripts see what `deploy` would have told them.
pub async fn run(args: &TryArgs, env: &Env) -> Result<u8, Error> {
    if args.list {
        for trouble in TROUBLES {
            say(
                &env.stdout,
                &format!(
                    "{:<18} exit {}  {}",
                    trouble.name, trouble.exit_code, trouble.about
                ),
            );
        }
        return Ok(0);
    }
    let trouble = args
        .trouble
        .as_deref()
        .map(|name| Trouble::find(name).ok_or_else(|| TryError::NoSuchTrouble(name.to_owned())));
    let trouble = trouble.transpose()?;
    let (context, _scratch) = context(args, env, trouble)?;

    let stage = Stage::set(args.port, trouble).await?;
    let played = play(args, env, &stage, &context, trouble).await;
    // Whatever happened, nothing stays behind.
    stage.strike().await;
    played
}

/// The directory to deploy, and the built-in page's files for as long as they are needed.
fn context(
    args: &TryArgs,
    env: &Env,
    trouble: Option<&Trouble>,
) -> Result<(PathBuf, Option<Scratch>), TryError> {
    if let Some(dir) = &args.dir {
        if let Some(trouble) = trouble.filter(|trouble| trouble.needs_page()) {
            return Err(TryError::TroubleOfThePage(trouble.name));
        }
        let dir = env.cwd.join(dir);
        if !dir.join("Dockerfile").is_file() {
            return Err(TryError::NoDockerfile(dir));
        }
        return Ok((dir, None));
    }
    let scratch = page::write()?;
    Ok((scratch.path().to_owned(), Some(scratch)))
}

async fn play(
    args: &TryArgs,
    env: &Env,
    stage: &Stage,
    context: &Path,
    trouble: Option<&Trouble>,
) -> Result<u8, Error> {
    say(&env.stderr, &stage.described());
    let mut code = deploy_once(env, stage, context, trouble).await?;
    if args.once {
        if code == 0 {
            code = check_the_page(env, stage).await;
        }
        return Ok(code);
    }
    let again = enter_pressed();
    serve(env, stage, context, again, &mut code).await?;
    Ok(code)
}

/// Serves until Ctrl-C; Enter deploys the directory again.
async fn serve(
    env: &Env,
    stage: &Stage,
    context: &Path,
    mut again: mpsc::UnboundedReceiver<()>,
    code: &mut u8,
) -> Result<(), Error> {
    loop {
        say(
            &env.stderr,
            &format!(
                "\nServing {} until Ctrl-C. Change {} and press Enter to deploy it again.",
                stage.url(),
                context.display()
            ),
        );
        tokio::select! {
            biased;
            () = env.cancel.cancelled() => return Ok(()),
            Some(()) = again.recv() => *code = deploy_once(env, stage, context, None).await?,
        }
    }
}

async fn deploy_once(
    env: &Env,
    stage: &Stage,
    context: &Path,
    trouble: Option<&Trouble>,
) -> Result<u8, Error> {
    let interference = trouble.map(|trouble| stage.interfere(trouble));
    let code = deploy::run(env, stage, context, trouble).await;
    if let Some(interference) = interference {
        interference.abort();
    }
    for comment in stage.comments() {
        say(
            &env.stderr,
            &format!(
                "\n── on pull request #{} ──\n{}\n",
                comment.pull_request, comment.body
            ),
        );
    }
    Ok(code.map_err(failing("run `shipway deploy`"))?)
}

/// 1 when the page is not served, whatever the deploy said: then one of the two is wrong.
async fn check_the_page(env: &Env, stage: &Stage) -> u8 {
    match visit(stage.alb(), stage.host(), "/").await {
        Ok(Page { status, body }) if status.is_success() => {
            say(&env.stderr, &format!("GET {} → {status}", stage.url()));
            say(&env.stdout, body.trim_end());
            0
        }
        Ok(Page { status, body }) => {
            say(
                &env.stderr,
                &format!("GET {} → {status}\n{}", stage.url(), body.trim_end()),
            );
            1
        }
        Err(error) => {
            say(&env.stderr, &format!("GET {} failed: {error}", stage.url()));
            1
        }
    }
}

/// A message for each line of stdin, on a thread of its own: a read of a terminal cannot be cancelled, and it must not
/// keep the runtime from ending.
fn enter_pressed() -> mpsc::UnboundedReceiver<()> {
    let (pressed, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if line.is_err() || pressed.send(()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn say(to: &Sink, text: &str) {
    crate::report::terminal::write_line(to, text);
}

/// How often the stage looks at the world for its cue.
const LOOK_FOR_CUE: Duration = Duration::from_millis(50);
