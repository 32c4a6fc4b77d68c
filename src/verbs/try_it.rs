//! `shipway try`: deploys a directory to stand-ins for AWS and GitHub on this machine, with the real `deploy`.
//!
//! Knows: the order of the play, and what people read of it. Does not know how to deploy: it starts this very program
//! with `deploy …` and an environment that points at the stand-ins, so that no other code path knows of the sandbox.

mod deploy;
mod page;
mod stage;
mod troubles;

use std::path::PathBuf;

use miette::Diagnostic;
use shipway_sandbox::alb::{Page, visit};
use shipway_sandbox::runtimes::docker::NoDocker;
use thiserror::Error as ThisError;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::git;
use crate::inputs::arguments::TryArgs;
use crate::inputs::env::Env;
use page::Scratch;
use stage::Stage;
use troubles::{TROUBLES, Trouble};

#[derive(Debug, ThisError, Diagnostic)]
pub enum TryError {
    #[error("no Docker daemon at {}: {}", .0.host, .0.why)]
    #[diagnostic(code(shipway::sandbox::no_docker), help("{}", .0.help))]
    NoDocker(NoDocker),
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
    #[error("there is no trouble called `{0}`")]
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
    #[error("the old page does not serve: {0}")]
    #[diagnostic(
        code(shipway::sandbox::old_page),
        help("`docker ps --all` and the daemon's log may say more")
    )]
    OldPage(String),
    #[error("the world cannot be laid out: {0}")]
    #[diagnostic(
        code(shipway::internal::world),
        help("this is a bug of shipway: please report it")
    )]
    World(String),
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

impl From<NoDocker> for TryError {
    fn from(error: NoDocker) -> TryError {
        TryError::NoDocker(error)
    }
}

/// For `map_err`: an I/O error with what it happened to.
fn failing(doing: &'static str) -> impl FnOnce(std::io::Error) -> TryError {
    move |source| TryError::Io { doing, source }
}

/// One try: what is deployed, with which trouble.
struct Play<'a> {
    env: &'a Env,
    trouble: Option<&'a Trouble>,
    /// Holds the event's payload, and the built-in page.
    scratch: &'a Scratch,
    context: PathBuf,
    built_in: bool,
}

/// The exit code of the deploy, so that scripts see what `deploy` would have told them.
pub async fn run(args: &TryArgs, env: &Env) -> Result<u8, Error> {
    if args.list {
        for trouble in TROUBLES {
            let Trouble {
                name,
                about,
                exit_code,
                ..
            } = trouble;
            crate::report::show(env, &format!("{name:<22} exit {exit_code}  {about}"));
        }
        return Ok(0);
    }
    let trouble = match &args.trouble {
        None => None,
        Some(name) => {
            Some(Trouble::find(name).ok_or_else(|| TryError::NoSuchTrouble(name.clone()))?)
        }
    };
    let scratch = Scratch::new().map_err(failing("make a temporary directory"))?;
    let context = match &args.dir {
        None => page::write(&scratch, trouble.map(|t| t.page).unwrap_or_default()).await?,
        Some(dir) => {
            if let Some(trouble) = trouble.filter(|trouble| trouble.needs_page()) {
                return Err(TryError::TroubleOfThePage(trouble.name).into());
            }
            let dir = env.cwd.join(dir);
            if !dir.join("Dockerfile").is_file() {
                return Err(TryError::NoDockerfile(dir).into());
            }
            std::fs::canonicalize(&dir).map_err(failing("find the directory"))?
        }
    };
    let play = Play {
        env,
        trouble,
        scratch: &scratch,
        context,
        built_in: args.dir.is_none(),
    };
    let stage = Stage::set(args.port, trouble, play.head().await?.as_deref()).await?;
    let played = play.perform(&stage, args.once || trouble.is_some()).await;
    // Whatever happened, nothing stays behind.
    stage.strike().await;
    played
}

impl Play<'_> {
    /// The commit that the context is a picture of, where there is git.
    async fn head(&self) -> Result<Option<String>, Error> {
        let repository = git::look(&self.context, &[]).await?;
        Ok(repository.and_then(|r| r.head).map(|head| head.sha))
    }

    async fn perform(&self, stage: &Stage, once: bool) -> Result<u8, Error> {
        self.tell(&stage.described());
        tokio::select! {
            biased;
            () = self.env.cancel.cancelled() => return Ok(self.interrupted()),
            served = stage.until_old_page_serves() => served?,
        }
        if stage.has_old_page() {
            self.tell(&format!(
                "\nThe old page serves: {}",
                self.title(stage).await
            ));
        }
        let mut code = self.deploy(stage).await?;
        if self.env.cancel.is_cancelled() {
            return Ok(code);
        }
        if once {
            let serves = self.check_the_page(stage, code).await;
            return Ok(if serves { code } else { code.max(1) });
        }
        self.serve(stage, &mut code).await?;
        Ok(code)
    }

    /// Serves until Ctrl-C; Enter deploys the directory again.
    async fn serve(&self, stage: &Stage, code: &mut u8) -> Result<(), Error> {
        let mut again = enter_pressed();
        self.tell("\nPoint any client of AWS or GitHub at it:");
        stage.exports().iter().for_each(|line| self.tell(line));
        loop {
            self.tell(&format!(
                "\nServing {} until Ctrl-C. Change {} and press Enter to deploy it again.",
                stage.url(),
                self.context.display()
            ));
            tokio::select! {
                biased;
                () = self.env.cancel.cancelled() => return Ok(()),
                Some(()) = again.recv() => *code = self.deploy(stage).await?,
            }
        }
    }

    /// One run of `shipway deploy`, and what it posted.
    async fn deploy(&self, stage: &Stage) -> Result<u8, Error> {
        let (mut variables, event) = stage.next_run(self.head().await?.as_deref());
        let file = self.scratch.path().join("event.json");
        std::fs::write(&file, event.to_string()).map_err(failing("write the event's payload"))?;
        variables.insert("GITHUB_EVENT_PATH".to_owned(), file.display().to_string());
        // Files that are not there: none of the person's profiles is read.
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            let none = self.scratch.path().join("no-profiles");
            variables.insert(name.to_owned(), none.display().to_string());
        }
        let mut arguments = stage.arguments();
        arguments.extend(["--context".to_owned(), self.context.display().to_string()]);
        if let Some(trouble) = self.trouble {
            arguments.extend(
                trouble
                    .arguments
                    .iter()
                    .map(|&argument| argument.to_owned()),
            );
        }
        self.tell(&format!("\n$ shipway deploy {}", in_lines(&arguments)));
        let code = deploy::run(self.env, self.scratch.path(), &arguments, variables)
            .await
            .map_err(failing("run `shipway deploy`"))?;
        self.tell(&format!("exit code {code}"));
        if let Some(body) = stage.comments().last() {
            self.tell("\nOn the pull request stands:");
            for line in body.lines().filter(|line| !line.starts_with("<!--")) {
                self.tell(format!("  | {line}").trim_end());
            }
        }
        Ok(code)
    }

    /// Whether the load balancer answers with a page, and with the right one where that is known.
    async fn check_the_page(&self, stage: &Stage, code: u8) -> bool {
        let asked = format!("\nGET {}/ → ", stage.url());
        match visit(stage.alb(), &stage.alb().to_string(), "/").await {
            Ok(Page { status, body }) => {
                self.tell(&format!("{asked}{status}"));
                crate::report::show(self.env, &body);
                let ours = !self.built_in || page::is_new(&body);
                // After a failure it is the old page that should answer.
                code != 0 || self.trouble.is_some() || (status.is_success() && ours)
            }
            Err(error) => {
                self.tell(&format!("{asked}{error}"));
                false
            }
        }
    }

    /// What a browser would call the page.
    async fn title(&self, stage: &Stage) -> String {
        let page = visit(stage.alb(), &stage.alb().to_string(), "/").await;
        let body = page.map(|page| page.body).unwrap_or_default();
        let title = body
            .split_once("<h1>")
            .and_then(|(_, rest)| rest.split_once("</h1>"));
        title.map(|(title, _)| title.to_owned()).unwrap_or_default()
    }

    fn interrupted(&self) -> u8 {
        self.env
            .cancel
            .signal()
            .map_or(130, |signal| signal.exit_code())
    }

    fn tell(&self, text: &str) {
        crate::report::tell(self.env, text);
    }
}

/// A setting a line, as a shell takes them.
fn in_lines(arguments: &[String]) -> String {
    let words = arguments.iter().map(|word| {
        let option = word.strip_prefix("--").is_some();
        format!("{}{word}", if option { "\\\n    " } else { "" })
    });
    words.collect::<Vec<_>>().join(" ")
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
