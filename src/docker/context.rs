//! A build context on disk: which entries the engine may see, in which order, and their hash.
//! Knows the file system and the ignore rules; knows nothing of the engine or of git. Symbolic links are stored and
//! never followed, so nothing outside the directory can be read; contents are only ever streamed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use miette::Diagnostic;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::credentials;
use super::dockerignore::{BadPattern, Ignore, Matched, clean};

/// How much of a file is in memory at a time.
pub const CHUNK_BYTES: usize = 128 * 1024;

#[derive(Debug, Error, Diagnostic)]
pub enum ContextError {
    #[error("cannot read {} of the build context", path.display())]
    #[diagnostic(
        code(shipway::build::context_unreadable),
        help("check the path and its permissions, or leave it out with .dockerignore")
    )]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the Dockerfile {} does not exist", path.display())]
    #[diagnostic(
        code(shipway::build::no_dockerfile),
        help(
            "`file` is taken relative to the working directory; its default is Dockerfile in the context"
        )
    )]
    NoDockerfile { path: PathBuf },
    #[error("{} holds a pattern that Docker refuses: {}", file.display(), bad.pattern)]
    #[diagnostic(
        code(shipway::build::dockerignore),
        help(
            "a `[` needs its `]`, a `!` a pattern after it; escape a literal character with a backslash"
        )
    )]
    BadIgnore { file: PathBuf, bad: BadPattern },
    #[error("the context holds a name that is not UTF-8: {}", path.display())]
    #[diagnostic(
        code(shipway::build::context_name),
        help("rename it, or leave it out with .dockerignore")
    )]
    NotUtf8 { path: PathBuf },
    #[error("{} holds credentials and would be sent to the build", path.display())]
    #[diagnostic(
        code(shipway::build::git_credentials),
        help(
            "use actions/checkout v6 or later, or set its `persist-credentials: false`, or add .git to .dockerignore"
        )
    )]
    GitCredentials { path: PathBuf },
}

/// A directory, what of it is left out, and the Dockerfile, which may stand elsewhere.
#[derive(Debug, Clone)]
pub struct Context {
    root: PathBuf,
    dockerfile: PathBuf,
    ignore: Ignore,
}

/// One thing the engine may see. `path` is relative to the context, with slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    pub kind: EntryKind,
    /// permission bits with set-user, set-group and sticky; owners are always root
    pub mode: u32,
    pub modified_nanos: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    Directory,
    File { size_bytes: u64 },
    Symlink { target: String },
}

/// What a look over the context found, before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    pub files: u64,
    pub bytes: u64,
    /// sockets, pipes and devices, which are not sent
    pub skipped: Vec<String>,
}

impl Context {
    /// Opens the directory and reads its ignore file: `<Dockerfile>.dockerignore` where there is one, else `.dockerignore`.
    pub fn open(root: &Path, dockerfile: &Path) -> Result<Context, ContextError> {
        let root = fs::canonicalize(root).map_err(|source| unreadable(root, source))?;
        if !root.is_dir() {
            return Err(unreadable(&root, io::ErrorKind::NotADirectory.into()));
        }
        if !dockerfile.is_file() {
            return Err(ContextError::NoDockerfile {
                path: dockerfile.to_owned(),
            });
        }
        let directory = dockerfile.parent().filter(|p| !p.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let directory =
            fs::canonicalize(directory).map_err(|source| unreadable(directory, source))?;
        let dockerfile = directory.join(dockerfile.file_name().unwrap_or_default());
        let mut own = dockerfile.clone().into_os_string();
        own.push(".dockerignore");
        let mut ignore = Ignore::default();
        for file in [PathBuf::from(own), root.join(".dockerignore")] {
            match fs::read(&file) {
                Ok(text) => {
                    ignore = Ignore::parse(&String::from_utf8_lossy(&text))
                        .map_err(|bad| ContextError::BadIgnore { file, bad })?;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(unreadable(&file, source)),
            }
        }
        Ok(Context {
            root,
            dockerfile,
            ignore,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn dockerfile(&self) -> &Path {
        &self.dockerfile
    }

    /// Whether a file (by its full path) can influence the image: it is the Dockerfile, or is sent.
    pub fn sends(&self, path: &Path) -> bool {
        if path == self.dockerfile {
            return true;
        }
        let Ok(relative) = path.strip_prefix(&self.root) else {
            return false;
        };
        let parts: Vec<_> = relative
            .components()
            .map(|c| c.as_os_str().to_string_lossy())
            .collect();
        !parts.is_empty() && !self.ignore.matches(&parts.join("/"))
    }

    /// Visits everything that is not ignored, directories before what they hold, names in byte order.
    pub fn walk<E: From<ContextError>>(
        &self,
        visit: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk {
            context: self,
            only: None,
            waiting: Vec::new(),
            skipped: &mut |_| {},
            visit,
        };
        walk.directory("", &Matched::default())
    }

    /// The same, of only what a request for these paths needs (a `COPY` names what it copies). Paths that cannot be
    /// answered by name alone, for they hold a wildcard or lead through a symbolic link, widen to everything.
    pub fn walk_for<E: From<ContextError>>(
        &self,
        wanted: &[String],
        visit: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk {
            context: self,
            only: self.by_name(wanted),
            waiting: Vec::new(),
            skipped: &mut |_| {},
            visit,
        };
        walk.directory("", &Matched::default())
    }

    fn by_name(&self, wanted: &[String]) -> Option<BTreeSet<String>> {
        let mut only = BTreeSet::new();
        for path in wanted {
            let path = clean(&format!("/{path}"));
            let path = path.trim_start_matches('/');
            if path.is_empty() || path.contains(['*', '?', '[', '\\']) {
                return None;
            }
            let mut on_disk = self.root.clone();
            for part in path.split('/') {
                on_disk.push(part);
                if fs::symlink_metadata(&on_disk).is_ok_and(|found| found.is_symlink()) {
                    return None;
                }
            }
            only.insert(path.to_owned());
        }
        (!only.is_empty()).then_some(only)
    }

    /// Counts what would be sent, and refuses to send a checkout's stored credentials: whether the Dockerfile copies them is
    /// not asked, for a `COPY . .`, a bind mount or a build-arg as a name takes them as well.
    pub fn survey(&self) -> Result<Survey, ContextError> {
        let mut survey = Survey::default();
        let mut skipped = Vec::new();
        let mut count = |entry: Entry| {
            if let EntryKind::File { size_bytes } = entry.kind {
                survey.files += 1;
                survey.bytes += size_bytes;
                credentials::refuse(self, &entry.path)?;
            }
            Ok::<(), ContextError>(())
        };
        Walk {
            context: self,
            only: None,
            waiting: Vec::new(),
            skipped: &mut |path| skipped.push(path.to_owned()),
            visit: &mut count,
        }
        .directory("", &Matched::default())?;
        survey.skipped = skipped;
        Ok(survey)
    }

    /// Hex SHA-256 over paths, kinds, modes and contents of everything sent, and over the Dockerfile.
    /// Times and owners do not count.
    pub fn hash(&self) -> Result<String, ContextError> {
        let mut sum = Sha256::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        self.walk(&mut |entry| {
            let (kind, length) = match &entry.kind {
                EntryKind::Directory => (b'd', 0),
                EntryKind::File { size_bytes } => (b'f', *size_bytes),
                EntryKind::Symlink { target } => (b'l', target.len() as u64),
            };
            sum.update([kind]);
            sum.update(entry.mode.to_be_bytes());
            sum.update((entry.path.len() as u64).to_be_bytes());
            sum.update(entry.path.as_bytes());
            match &entry.kind {
                EntryKind::Directory => {}
                EntryKind::File { .. } => {
                    add_file(&mut sum, &self.root.join(&entry.path), &mut buffer)?
                }
                EntryKind::Symlink { target } => {
                    sum.update(length.to_be_bytes());
                    sum.update(target.as_bytes());
                }
            }
            Ok::<(), ContextError>(())
        })?;
        sum.update(b"D");
        add_file(&mut sum, &self.dockerfile, &mut buffer)?;
        Ok(hex::encode(sum.finalize()))
    }

    /// Where an entry's content lies. A path that would leave the context is refused.
    pub fn content(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| self.root.join(path))
    }
}

struct Walk<'a, E> {
    context: &'a Context,
    only: Option<BTreeSet<String>>,
    /// ignored directories on the way down: sent only if something below them is not ignored
    waiting: Vec<Entry>,
    skipped: &'a mut dyn FnMut(&str),
    visit: &'a mut dyn FnMut(Entry) -> Result<(), E>,
}

impl<E: From<ContextError>> Walk<'_, E> {
    fn directory(&mut self, path: &str, above: &Matched) -> Result<(), E> {
        let on_disk = self.context.root.join(path);
        let fail = |source| E::from(unreadable(&on_disk, source));
        let mut names = Vec::new();
        for entry in fs::read_dir(&on_disk).map_err(fail)? {
            names.push(entry.map_err(fail)?.file_name());
        }
        names.sort();
        for name in names {
            let full = on_disk.join(&name);
            let Some(name) = name.to_str() else {
                return Err(ContextError::NotUtf8 { path: full }.into());
            };
            let path = match path {
                "" => name.to_owned(),
                parent => format!("{parent}/{name}"),
            };
            if self.is_wanted(&path) {
                self.entry(path, &full, above)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: String, full: &Path, above: &Matched) -> Result<(), E> {
        let (ignored, matched) = self.context.ignore.matches_below(&path, above);
        let found = fs::symlink_metadata(full).map_err(|source| unreadable(full, source))?;
        if ignored && !(found.is_dir() && self.context.ignore.may_hold_exceptions(&path)) {
            return Ok(());
        }
        let kind = if found.is_dir() {
            EntryKind::Directory
        } else if found.is_symlink() {
            let target = fs::read_link(full).map_err(|source| unreadable(full, source))?;
            match target.into_os_string().into_string() {
                Ok(target) => EntryKind::Symlink { target },
                Err(_) => {
                    return Err(ContextError::NotUtf8 {
                        path: full.to_owned(),
                    }
                    .into());
                }
            }
        } else if found.is_file() {
            EntryKind::File {
                size_bytes: found.len(),
            }
        } else {
            (self.skipped)(&path);
            return Ok(());
        };
        let is_directory = kind == EntryKind::Directory;
        let entry = Entry {
            path: path.clone(),
            kind,
            mode: permissions(&found),
            modified_nanos: modified(&found),
        };
        if ignored {
            self.waiting.push(entry);
            let depth = self.waiting.len();
            self.directory(&path, &matched)?;
            // still there: nothing below was sent
            if self.waiting.len() >= depth {
                self.waiting.truncate(depth - 1);
            }
            return Ok(());
        }
        for parent in self.waiting.drain(..) {
            (self.visit)(parent)?;
        }
        (self.visit)(entry)?;
        if is_directory {
            self.directory(&path, &matched)?;
        }
        Ok(())
    }

    fn is_wanted(&self, path: &str) -> bool {
        let Some(only) = &self.only else { return true };
        only.iter().any(|wanted| {
            let below = |inner: &str, outer: &str| {
                inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            below(path, wanted) || below(wanted, path)
        })
    }
}

fn add_file(sum: &mut Sha256, path: &Path, buffer: &mut [u8]) -> Result<(), ContextError> {
    let fail = |source| unreadable(path, source);
    let mut file = fs::File::open(path).map_err(fail)?;
    // the length comes last, as it was read: a file may grow between the look and the reading
    let mut length = 0u64;
    loop {
        let read = file.read(buffer).map_err(fail)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        sum.update(&buffer[..read]);
    }
    sum.update(length.to_be_bytes());
    Ok(())
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> ContextError {
    ContextError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

#[cfg(unix)]
fn permissions(found: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o7777
}

/// Windows knows no modes: everything is readable and executable, as Docker's own client sends it.
#[cfg(not(unix))]
fn permissions(_: &fs::Metadata) -> u32 {
    0o755
}

fn modified(found: &fs::Metadata) -> i64 {
    let since = found
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since
        .map(|since| since.as_nanos() as i64)
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
