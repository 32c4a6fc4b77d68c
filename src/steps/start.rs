//! How every verb begins that an event can start: who listens, what started the run, whether it may, and that the secrets
//! it names are there. Asks nobody but git, and GitHub where an event names no commit: what is missing here is no matter for
//! AWS.

use std::sync::Arc;

use secrecy::SecretString;

use crate::error::Error;
use crate::inputs::arguments::{GitHubAccess, Output};
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values::BuildSecret;
use crate::report::{Report, Text};
use crate::steps::admit::{Asks, Uses, admit, admit_code};

/// What is known before AWS is asked.
pub struct Started {
    /// The event; none on a person's terminal.
    pub trigger: Option<Trigger>,
    /// GitHub's, where there is one.
    pub token: Option<SecretString>,
}

/// The report, and the surroundings with every call told to it where that is wished.
pub fn listen(env: &Env, output: &Output) -> (Env, Arc<Report>) {
    let report = Arc::new(Report::new(env, output.output));
    let mut env = env.clone();
    // `RUNNER_DEBUG`: the run was started with debug logging.
    if output.verbose || env.var("RUNNER_DEBUG") == Some("1") {
        let report = report.clone();
        env.wire = env
            .wire
            .telling(Arc::new(move |told| report.line(call(&told))));
    }
    (env, report)
}

/// Reads the event and the secrets, and refuses what this event may not ask for, or not with this code.
pub async fn start(
    env: &Env,
    asks: Asks,
    github: &GitHubAccess,
    build_secrets: &[BuildSecret],
    uses: &Uses<'_>,
    report: &Report,
) -> Result<Started, Error> {
    let mut trigger = Trigger::read(env)?;
    admit(trigger.as_ref(), asks)?;
    let token = github.read_github_token(env)?;
    for secret in build_secrets {
        secret.read(env)?;
    }
    admit_code(env, trigger.as_mut(), asks, token.as_ref(), uses, report).await?;
    Ok(Started { trigger, token })
}

/// For `verbose`.
fn call(call: &crate::wire::Call) -> Text {
    let status = match call.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let text = Text::new()
        .say(format!("{} ", call.method))
        .code(call.operation.as_str())
        .say(format!(
            " {}: {status} in {} ms",
            call.host,
            call.took.as_millis()
        ));
    match &call.request_id {
        Some(id) => text.say(format!(" ({id})")),
        None => text,
    }
}
