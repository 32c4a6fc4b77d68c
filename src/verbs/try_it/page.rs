//! The built-in page: a context directory with the static server that the build script compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use shipway_sandbox::scratch_image::{File, ScratchImage};

use super::{TryError, failing};

/// Empty where the build script could not compile it.
const SERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page-server"));

const DOCKERFILE: &str = "\
FROM scratch
COPY server /server
COPY index.html /site/index.html
EXPOSE 80
ENTRYPOINT [\"/server\"]
";
const OLD_PAGE: &str = "<!DOCTYPE html>\n<title>Old page</title>\n<h1>The page of yesterday</h1>\n";
const NEW_PAGE: &str = "<!DOCTYPE html>\n<title>Hello</title>\n<h1>Hello World!!</h1>\n";

/// A directory of this run, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Scratch> {
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
pub fn write() -> Result<Scratch, TryError> {
    if SERVER.is_empty() {
        return Err(TryError::NoPage);
    }
    let scratch = Scratch::new().map_err(failing("make a temporary directory"))?;
    write_into(scratch.path()).map_err(failing("write the built-in page"))?;
    Ok(scratch)
}

fn write_into(dir: &Path) -> std::io::Result<()> {
    fs::write(dir.join("Dockerfile"), DOCKERFILE)?;
    fs::write(dir.join("index.html"), NEW_PAGE)?;
    let server = dir.join("server");
    fs::write(&server, SERVER)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&server, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
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
