//! Credentials that a checkout leaves in a build context: actions/checkout up to v5 writes the job's token into
//! `.git/config` (`http.<url>.extraheader`), v6 into a file of its own which that one includes; git's store and remote
//! addresses hold them as well. Knows git's configuration syntax as far as that; nothing of builds.

use std::fs;
use std::path::{Path, PathBuf};

use super::context::{Context, ContextError, unreadable};
use super::dockerignore::clean;

/// A configuration includes others only so deep; git's own limit is 10.
const INCLUDE_DEPTH: usize = 10;
/// Shorter users of an address are names.
const TOKEN_LENGTH: usize = 20;

/// Refuses a file of the context that holds credentials.
pub(super) fn refuse(context: &Context, path: &str) -> Result<(), ContextError> {
    if is_git_config(path) {
        return look(context, path, 0);
    }
    if is_store(path) {
        let full = context.root().join(path);
        let text = read(&full)?;
        if text.lines().any(has_user) || holds_token(&text) {
            return Err(ContextError::GitCredentials { path: full });
        }
    }
    Ok(())
}

fn look(context: &Context, path: &str, depth: usize) -> Result<(), ContextError> {
    let full = context.root().join(path);
    let text = read(&full)?;
    if holds_token(&text) {
        return Err(ContextError::GitCredentials { path: full });
    }
    if depth == INCLUDE_DEPTH {
        return Ok(());
    }
    for included in includes(&text) {
        let from = full.parent().unwrap_or(context.root()).join(included);
        // Elsewhere it is not sent, and a file that is not there holds nothing.
        if let Some(inside) = inside(context, &from)
            && from.is_file()
        {
            look(context, &inside, depth + 1)?;
        }
    }
    Ok(())
}

/// The path within the context, if it is sent.
fn inside(context: &Context, path: &Path) -> Option<String> {
    let path = PathBuf::from(clean(path.to_str()?));
    if !context.sends(&path) {
        return None;
    }
    let relative = path.strip_prefix(context.root()).ok()?;
    Some(relative.to_str()?.replace('\\', "/"))
}

fn read(full: &Path) -> Result<String, ContextError> {
    let bytes = fs::read(full).map_err(|source| unreadable(full, source))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_git_config(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let ours = name == "config" || name == "config.worktree";
    (ours && parts.any(|part| part == ".git")) || name == ".gitconfig"
}

/// git's credential store, and the file of actions/checkout v6.
fn is_store(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name == ".git-credentials"
        || path.ends_with("git/credentials")
        || (name.starts_with("git-credentials-") && name.ends_with(".config"))
}

/// Lines that say something: not empty, no comment.
fn said(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']) && !line.is_empty())
}

/// A header for every request, or an address with a password or a token in it.
fn holds_token(text: &str) -> bool {
    said(text).any(|line| {
        let value = line.split_once('=').map(|(_, value)| value);
        // `[http] extraheader = …` may stand on the section's own line.
        let key = line.split('=').next().unwrap_or_default().trim_end();
        let key = key.rsplit([' ', '\t', ']']).next().unwrap_or_default();
        key.eq_ignore_ascii_case("extraheader") || value.is_some_and(has_user)
            // `[url "https://x-access-token:…@github.com/"]`
            || (line.starts_with('[') && has_user(line))
    })
}

/// An address whose user is a secret: one with a password, or one as long as tokens are.
fn has_user(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', '"', ' ']).next().unwrap_or_default();
        host.rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':') || user.len() >= TOKEN_LENGTH)
    })
}

/// The files that `[include]` and `[includeIf]` name, whatever the condition.
fn includes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut including = false;
    for line in said(text) {
        let mut rest = line;
        if line.starts_with('[') {
            including = line.to_lowercase().starts_with("[include");
            rest = line.rsplit(']').next().unwrap_or_default();
        }
        if let Some((key, value)) = rest.split_once('=')
            && including
            && key.trim().eq_ignore_ascii_case("path")
        {
            found.push(value.trim().trim_matches('"').to_owned());
        }
    }
    found
}
