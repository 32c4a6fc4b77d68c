//! Starts this very program with `deploy …`.
//!
//! Knows: the arguments and the environment that a runner would give it. Keeps the person's own AWS and GitHub settings
//! away from it: a try must never reach a real account.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::inputs::env::{Env, Signal};

/// What of the person's environment a deploy gets: where programs are, how to reach Docker, how to show text.
const KEPT: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "XDG_RUNTIME_DIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "SystemRoot",
];
const KEPT_PREFIXES: [&str; 2] = ["DOCKER_", "LC_"];
/// A deploy that is told to stop says its last word within a second.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Its exit code, or 128 + the signal that ended it. Its stdout goes to our stderr: there it is one line among others.
pub async fn run(
    env: &Env,
    directory: &Path,
    arguments: &[String],
    variables: BTreeMap<String, String>,
) -> io::Result<u8> {
    let kept = env.vars.iter().filter(|(name, _)| {
        KEPT.contains(&name.as_str()) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    });
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("deploy")
        .args(arguments)
        .env_clear()
        .envs(kept)
        .envs(variables)
        // No `shipway.yml` of the directory that the person happens to be in.
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()))
        .kill_on_drop(true);
    // Ctrl-C reaches us alone, and is passed on once: the second one would not wait for the deploy's last word.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    tokio::select! {
        biased;
        status = child.wait() => return Ok(code(status?)),
        () = env.cancel.cancelled() => {}
    }
    let signal = env.cancel.signal().unwrap_or(Signal::Interrupt);
    pass_on(&child, signal).await;
    match tokio::time::timeout(LAST_WORD, child.wait()).await {
        Ok(status) => Ok(code(status?)),
        Err(_) => {
            child.kill().await?;
            Ok(signal.exit_code())
        }
    }
}

/// Where there is no `kill`, the child is ended when its time is up.
async fn pass_on(child: &Child, signal: Signal) {
    if let Some(pid) = child.id() {
        let name = signal.name().trim_start_matches("SIG");
        let mut kill = Command::new("kill");
        kill.args(["-s", name, &pid.to_string()]);
        kill.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        kill.status().await.ok();
    }
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
