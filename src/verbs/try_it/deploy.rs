//! Starts this very program with `deploy …`.
//!
//! Knows: the arguments and the environment that a runner would give it. Keeps the person's own AWS and GitHub settings
//! away from it: a try must never reach a real account.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::stage::Stage;
use super::troubles::{How, Trouble};
use crate::inputs::env::Env;

/// Variables that would point the deploy elsewhere.
const ELSEWHERE: [&str; 5] = ["AWS_", "GITHUB_", "ACTIONS_", "SHIPWAY_", "RUNNER_"];
/// The stand-ins are on this machine, and no proxy could reach them.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// Its exit code, or 128 + the signal that ended it.
pub async fn run(
    env: &Env,
    stage: &Stage,
    context: &Path,
    trouble: Option<&Trouble>,
) -> io::Result<u8> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("deploy")
        .args(stage.arguments())
        .arg("--context")
        .arg(context);
    match trouble.map(|trouble| trouble.how) {
        Some(How::Arguments(arguments)) => drop(command.args(arguments)),
        Some(How::Page(variables)) => {
            for (name, value) in variables {
                command
                    .arg("--environment-variables")
                    .arg(format!("{name}={value}"));
            }
        }
        _ => {}
    }
    let kept = env.vars.iter().filter(|(name, _)| {
        !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))
            && !PROXIES.contains(&name.as_str())
    });
    command.env_clear().envs(kept).envs(stage.surroundings());
    // No `shipway.yml` of the directory that the person happens to be in.
    command.current_dir(context).stdin(Stdio::null());
    let mut child = command.spawn()?;
    let status = child.wait().await?;
    Ok(code(status))
}

#[cfg(unix)]
fn code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(70)
}

#[cfg(not(unix))]
fn code(status: std::process::ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(70)
}
