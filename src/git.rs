//! The port to git: facts of the repository that a build context lies in, asked of the `git` program. Knows how to ask
//! without running anything of the repository's (no hooks, no monitor) and with none of this process's variables but the
//! few that a program needs.
//! It does not decide what a commit is called, nor what counts as part of an image.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;

/// `git status` reads every file's times; a repository that takes longer than this is on a broken disk.
const LIMIT: Duration = Duration::from_secs(60);

/// The variables that git needs to start and to find its own settings, on any system.
const NEEDED: [&str; 9] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
    "TEMP",
    "SystemRoot",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
];

#[derive(Debug, Error, Diagnostic)]
pub enum GitError {
    #[error("git {asked} did not answer in {} s", LIMIT.as_secs())]
    #[diagnostic(
        code(shipway::build::git_slow),
        help("run `git status` in the context to see why")
    )]
    TooSlow { asked: &'static str },
    #[error("git {asked} failed")]
    #[diagnostic(
        code(shipway::build::git_failed),
        help("run it in the context to see why; without git the image is named by its content")
    )]
    Failed { asked: &'static str, said: String },
}

/// The repository around a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub top_level: PathBuf,
    /// none before the first commit
    pub head: Option<Head>,
    /// `remote.origin.url`, without a user or password
    pub remote_url: Option<String>,
    /// full paths of tracked files that differ from HEAD, and of untracked ones that git does not ignore, below the
    /// directories asked about
    pub changed: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// 40 hexadecimal digits (64 in a SHA-256 repository)
    pub sha: String,
    /// as the commit names them, also where a shallow clone does not hold them
    pub parents: Vec<String>,
    /// seconds since 1970
    pub committed: i64,
}

impl Head {
    #[cfg(test)]
    pub fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

impl Repository {
    /// A path relative to the repository, with slashes; `.` for its top.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(&self.top_level).ok()?;
        let parts: Vec<_> = relative
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        Some(match parts.is_empty() {
            true => ".".to_owned(),
            false => parts.join("/"),
        })
    }
}

/// The repository that `context` lies in, with what changed there and in the files `also` asked about. None where
/// there is no git or no repository.
pub async fn look(context: &Path, also: &[&Path]) -> Result<Option<Repository>, GitError> {
    let Ok(context) = std::fs::canonicalize(context) else {
        return Ok(None);
    };
    let Some(top) = ask(&context, "rev-parse", &["--show-toplevel"]).await? else {
        return Ok(None);
    };
    if !top.status.success() {
        return Ok(None);
    }
    let top_level = PathBuf::from(text(&top.stdout).trim_end_matches(['\n', '\r']));
    let head = match ask(&context, "cat-file", &["commit", "HEAD"]).await? {
        Some(commit) if commit.status.success() => {
            let sha = must(&context, "rev-parse", &["--verify", "HEAD^{commit}"]).await?;
            read_commit(sha.trim(), &text(&commit.stdout))
        }
        _ => None,
    };
    let remote = ask(&context, "config", &["--get", "remote.origin.url"]).await?;
    let remote = remote.filter(|remote| remote.status.success());
    Ok(Some(Repository {
        changed: changed(&context, &top_level, also).await?,
        remote_url: remote.map(|remote| without_user(text(&remote.stdout).trim())),
        head,
        top_level,
    }))
}

/// The commit that is checked out around a directory. None where there is no git, no repository or no commit.
pub async fn head(directory: &Path) -> Result<Option<String>, GitError> {
    let asked = ask(directory, "rev-parse", &["--verify", "HEAD^{commit}"]).await?;
    let answer = asked.filter(|answer| answer.status.success());
    Ok(answer.map(|answer| text(&answer.stdout).trim().to_owned()))
}

async fn changed(
    context: &Path,
    top_level: &Path,
    also: &[&Path],
) -> Result<Vec<PathBuf>, GitError> {
    let mut args = vec![
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=none",
        "--",
        ".",
    ];
    let inside = |path: &&&Path| path.starts_with(top_level);
    args.extend(also.iter().filter(inside).filter_map(|path| path.to_str()));
    let status = must(context, "status", &args).await?;
    // "XY path", each ended by a zero byte; without renames an entry has one path
    let paths = status
        .split('\0')
        .filter_map(|entry| entry.get(3..))
        .filter(|path| !path.is_empty());
    Ok(paths.map(|path| top_level.join(path)).collect())
}

fn read_commit(sha: &str, commit: &str) -> Option<Head> {
    let header = commit.split("\n\n").next()?;
    let parents = header
        .lines()
        .filter_map(|line| line.strip_prefix("parent "));
    let committer = header
        .lines()
        .find_map(|line| line.strip_prefix("committer "))?;
    // "Name <address> seconds zone"
    let seconds = committer.rsplit_once('>')?.1.split_whitespace().next()?;
    Some(Head {
        sha: sha.to_owned(),
        parents: parents.map(str::to_owned).collect(),
        committed: seconds.parse().ok()?,
    })
}

/// A token in the remote's address is nobody's business.
fn without_user(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let host_from = rest.find('/').unwrap_or(rest.len());
            let user_to = rest[..host_from].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[user_to..])
        }
        None => address.to_owned(),
    }
}

async fn must(directory: &Path, asked: &'static str, args: &[&str]) -> Result<String, GitError> {
    match ask(directory, asked, args).await? {
        Some(answer) if answer.status.success() => Ok(text(&answer.stdout)),
        answer => Err(GitError::Failed {
            asked,
            said: answer
                .map(|answer| text(&answer.stderr))
                .unwrap_or_default(),
        }),
    }
}

/// None where there is no git to ask.
async fn ask(
    directory: &Path,
    asked: &'static str,
    args: &[&str],
) -> Result<Option<Output>, GitError> {
    let mut git = Command::new("git");
    // Tokens and keys of this process are nobody's business, and its GIT_ variables could turn git elsewhere.
    git.env_clear();
    for (key, value) in std::env::vars_os() {
        if NEEDED.iter().any(|needed| key.eq_ignore_ascii_case(needed)) {
            git.env(key, value);
        }
    }
    git.args([
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "safe.directory=*",
    ])
    .args(["--no-optional-locks", asked])
    .args(args)
    .current_dir(directory)
    .env("LC_ALL", "C")
    .env("GIT_TERMINAL_PROMPT", "0")
    .stdin(Stdio::null());
    // Off the runtime's thread, and by the standard library: a runtime without I/O, as tests have it, can ask git too.
    let asking = tokio::task::spawn_blocking(move || git.output());
    match tokio::time::timeout(LIMIT, asking).await {
        Err(_) => Err(GitError::TooSlow { asked }),
        Ok(Ok(Ok(output))) => Ok(Some(output)),
        Ok(Ok(Err(error))) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(Ok(Err(error))) => Err(GitError::Failed {
            asked,
            said: error.to_string(),
        }),
        Ok(Err(broken)) => Err(GitError::Failed {
            asked,
            said: broken.to_string(),
        }),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_names_its_parents_and_its_time() {
        let commit = "tree aa\nparent bb\nparent cc\nauthor A <a@b> 1 +0000\ncommitter C > D <c@d> 1700000000 +0200\ngpgsig -----BEGIN\n parent zz\n\nparent dd\n";
        let head = read_commit("ee", commit).unwrap();
        assert_eq!(head.parents, ["bb", "cc"]);
        assert_eq!(head.committed, 1_700_000_000);
        assert!(head.is_merge());
    }

    #[test]
    fn an_address_loses_its_user() {
        for (address, expected) in [
            (
                "https://x-access-token:ghs_1@github.com/o/r",
                "https://github.com/o/r",
            ),
            ("https://github.com/o/r@v1", "https://github.com/o/r@v1"),
            ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ] {
            assert_eq!(without_user(address), expected);
        }
    }
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod repository_tests;
