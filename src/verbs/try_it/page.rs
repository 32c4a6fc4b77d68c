//! The built-in page: a context directory with the static server that the build script compiled, as the first commit of
//! a repository of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use shipway_sandbox::scratch_image::{File, ScratchImage};
use tokio::process::Command;

use super::{TryError, failing};

/// Empty where the build script could not compile it.
const SERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page-server"));

/// In the ELF header, the low byte of the machine that the program is for.
const MACHINE: usize = 18;
/// Itanium: a machine that nobody's kernel runs, not even by an emulator that somebody once registered.
const ITANIUM: u8 = 0x32;

/// What the built-in page is like when it shall not come up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Misbehaviour {
    /// Environment variables of the image, which make the server misbehave.
    pub variables: &'static [(&'static str, &'static str)],
    pub server: Executable,
}

impl Misbehaviour {
    pub fn is_none(&self) -> bool {
        self.variables.is_empty() && self.server == Executable::Good
    }
}

/// What stands where the image's entrypoint points to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executable {
    #[default]
    Good,
    Missing,
    /// Its file may not be executed.
    NoExecuteBit,
    /// For another machine than the image's config says.
    Foreign,
}

const OLD_PAGE: &str = "<!DOCTYPE html>\n<title>Old page</title>\n<h1>The page of yesterday</h1>\n";
const NEW_PAGE: &str = "<!DOCTYPE html>\n<title>Hello</title>\n<h1>Hello World!!</h1>\n";

/// A directory of this run, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> std::io::Result<Scratch> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "shipway-try-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        // Not `create_dir_all`: a directory that somebody else laid there is refused.
        fs::create_dir(&path)?;
        Ok(Scratch(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed from the temporary directory is the system's to clean.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Writes the context of the built-in page.
pub async fn write(scratch: &Scratch, page: Misbehaviour) -> Result<PathBuf, TryError> {
    if SERVER.is_empty() {
        return Err(TryError::NoPage);
    }
    let dir = scratch.path().join("hello");
    write_into(&dir, page).map_err(failing("write the built-in page"))?;
    commit(&dir).await;
    Ok(dir)
}

fn write_into(dir: &Path, page: Misbehaviour) -> std::io::Result<()> {
    fs::create_dir(dir)?;
    fs::write(dir.join("Dockerfile"), dockerfile(page))?;
    fs::write(dir.join(".dockerignore"), ".git\n")?;
    fs::write(dir.join("index.html"), NEW_PAGE)?;
    let server = dir.join("server");
    let mut program = SERVER.to_vec();
    if page.server == Executable::Foreign {
        program[MACHINE] = ITANIUM;
    }
    fs::write(&server, program)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let not_executable = page.server == Executable::NoExecuteBit;
        let mode = if not_executable { 0o644 } else { 0o755 };
        fs::set_permissions(&server, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn dockerfile(page: Misbehaviour) -> String {
    let entrypoint = match page.server {
        Executable::Missing => "/srv/server",
        _ => "/server",
    };
    let environment: String = page
        .variables
        .iter()
        .map(|(name, value)| format!("ENV {name}={value}\n"))
        .collect();
    format!(
        "FROM scratch\nCOPY server /server\nCOPY index.html /site/index.html\n{environment}EXPOSE 80\nENTRYPOINT [\"{entrypoint}\"]\n"
    )
}

/// The first commit. Without git there is none, and the image is named by its content.
async fn commit(dir: &Path) {
    let steps: [&[&str]; 3] = [
        &["init", "--quiet"],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "Say hello"],
    ];
    for step in steps {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=octocat",
            "-c",
            "user.email=octocat@users.noreply.github.com",
        ])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(step)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
        {
            git.env_remove(name);
        }
        if !git.status().await.is_ok_and(|status| status.success()) {
            return;
        }
    }
}

/// What runs before the first deploy; `None` where there is no server to run.
pub fn old_image() -> std::io::Result<Option<ScratchImage>> {
    if SERVER.is_empty() {
        return Ok(None);
    }
    let server = File {
        path: "server",
        mode: 0o755,
        content: SERVER,
    };
    let page = File {
        path: "site/index.html",
        mode: 0o644,
        content: OLD_PAGE.as_bytes(),
    };
    ScratchImage::new(&[server, page], &["/server"]).map(Some)
}

/// Whether this is the page that the built-in directory holds as long as nobody changes it.
pub fn is_new(body: &str) -> bool {
    body == NEW_PAGE
}
