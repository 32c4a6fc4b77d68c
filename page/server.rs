//! The page that `shipway try` deploys when it is given nothing: a static file server for a `FROM scratch` image.
//!
//! It stands alone: the build script compiles it with plain `rustc`, so it may use nothing but std. It knows HTTP/1.1 as
//! far as GET and HEAD need it, and a few ways to misbehave, so that `shipway try --trouble` shows real failures:
//!
//! | variable | effect |
//! | --- | --- |
//! | `PORT` | listen there (80) |
//! | `SITE` | serve the files below it (`/site`) |
//! | `PAGE_STATUS` | answer every request, health checks too, with this status |
//! | `PAGE_LISTEN` | listen on this address only (`127.0.0.1`: unreachable from outside of the container) |
//! | `PAGE_NO_HEALTHZ` | answer `/healthz` with 404, as any path that is no file |
//! | `PAGE_START_AFTER` | listen only after this many seconds |
//! | `PAGE_CRASH_AFTER` | exit with 1 after this many seconds |
//! | `PAGE_EXIT` | exit with this code at once, as a job does that has nothing to do |
//! | `PAGE_EAT_MEMORY` | allocate before it listens, until the kernel ends it |
//!
//! It does not know shipway, Docker or AWS.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a client may think between two requests, a little longer than a load balancer keeps its connections.
const KEEP_ALIVE: Duration = Duration::from_secs(65);
/// How long requests may still run after SIGTERM. ECS follows up with SIGKILL after 30 s.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// No browser and no load balancer sends more than this before the empty line.
const MAX_HEAD_BYTES: u64 = 32 * 1024;

static STOPPING: AtomicBool = AtomicBool::new(false);
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

struct Page {
    site: PathBuf,
    status: Option<u16>,
    healthz: bool,
}

fn main() {
    on_sigterm();
    thread::spawn(leave_when_asked);
    if let Some(code) = number("PAGE_EXIT") {
        println!("page server: PAGE_EXIT={code}: nothing to do");
        process::exit(i32::try_from(code).unwrap_or(1));
    }
    if let Some(seconds) = number("PAGE_CRASH_AFTER") {
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(seconds));
            eprintln!("page server: fatal: PAGE_CRASH_AFTER={seconds} is over");
            process::exit(1);
        });
    }
    if env::var_os("PAGE_EAT_MEMORY").is_some() {
        println!("page server: PAGE_EAT_MEMORY: reading all of it into memory");
        eat_memory();
    }

    if let Some(seconds) = number("PAGE_START_AFTER") {
        println!("page server: PAGE_START_AFTER={seconds}: warming up");
        thread::sleep(Duration::from_secs(seconds));
    }

    let address = env::var("PAGE_LISTEN").unwrap_or_else(|_| "0.0.0.0".to_owned());
    let port = env::var("PORT").unwrap_or_else(|_| "80".to_owned());
    let listener = TcpListener::bind(format!("{address}:{port}")).unwrap_or_else(|error| {
        eprintln!("page server: cannot listen on {address}:{port}: {error}");
        process::exit(1);
    });
    println!("page server: listening on {address}:{port}");

    let page = Arc::new(Page {
        site: env::var_os("SITE").map_or_else(|| PathBuf::from("/site"), PathBuf::from),
        status: number("PAGE_STATUS").and_then(|status| u16::try_from(status).ok()),
        healthz: env::var_os("PAGE_NO_HEALTHZ").is_none(),
    });
    for connection in listener.incoming() {
        match connection {
            Ok(connection) => {
                let page = Arc::clone(&page);
                // A client that hangs up in the middle is its own affair.
                thread::spawn(move || page.talk(connection).ok());
            }
            // Too many open files, most likely: give the others time to finish.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

impl Page {
    fn talk(&self, connection: TcpStream) -> io::Result<()> {
        connection.set_read_timeout(Some(KEEP_ALIVE))?;
        connection.set_nodelay(true)?;
        let mut answer_to = connection.try_clone()?;
        let mut asked_by = BufReader::new(connection);
        while let Some(request) = Request::read(&mut asked_by)? {
            let _counted = InFlight::new();
            let keep = request.keep_alive && !STOPPING.load(Ordering::SeqCst);
            self.answer(&request, keep, &mut answer_to)?;
            if !keep {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request, keep: bool, to: &mut TcpStream) -> io::Result<()> {
        let (status, kind, body) = self.look_up(request);
        let connection = if keep { "keep-alive" } else { "close" };
        let mut answer = format!(
            "HTTP/1.1 {status} {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-cache\r\nconnection: {connection}\r\n\r\n",
            reason(status),
            body.len(),
        )
        .into_bytes();
        if request.method != "HEAD" {
            answer.extend_from_slice(&body);
        }
        to.write_all(&answer)?;
        to.flush()
    }

    fn look_up(&self, request: &Request) -> (u16, &'static str, Vec<u8>) {
        let plain = "text/plain; charset=utf-8";
        if let Some(status) = self.status {
            return (status, plain, format!("{status} by PAGE_STATUS\n").into_bytes());
        }
        if request.method != "GET" && request.method != "HEAD" {
            return (405, plain, b"only GET and HEAD\n".to_vec());
        }
        if request.path == "/healthz" && self.healthz {
            return (200, plain, b"ok\n".to_vec());
        }
        let found = inside(&self.site, &request.path).map(|path| if path.is_dir() { path.join("index.html") } else { path });
        match found.and_then(|path| Some((content_type(&path), fs::read(&path).ok()?))) {
            Some((kind, body)) => (200, kind, body),
            None => (404, plain, b"not found\n".to_vec()),
        }
    }
}

struct Request {
    method: String,
    path: String,
    keep_alive: bool,
}

impl Request {
    /// The next request of a connection, `None` when the client is done.
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
        let mut head = from.by_ref().take(MAX_HEAD_BYTES);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or("/");
        let path = decode(target.split('?').next().unwrap_or("/"));
        let mut keep_alive = words.next() == Some("HTTP/1.1");
        let mut body_bytes = 0_u64;
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("connection") {
                keep_alive = keep_alive && !value.trim().eq_ignore_ascii_case("close");
            } else if name.eq_ignore_ascii_case("content-length") {
                body_bytes = value.trim().parse().unwrap_or(0);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                // Nobody needs chunks here, and a connection whose end of body is unknown cannot be used again.
                keep_alive = false;
            }
        }
        io::copy(&mut from.by_ref().take(body_bytes), &mut io::sink())?;
        Ok(Some(Request { method, path, keep_alive }))
    }
}

/// Counts a request from its last header to the end of its answer.
struct InFlight;

impl InFlight {
    fn new() -> InFlight {
        IN_FLIGHT.fetch_add(1, Ordering::SeqCst);
        InFlight
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The file of a path, never outside of the site.
fn inside(site: &Path, path: &str) -> Option<PathBuf> {
    let mut file = site.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => file.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    let file = file.canonicalize().ok()?;
    file.starts_with(site.canonicalize().ok()?).then_some(file)
}

fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("ico") => "image/x-icon",
        _ => "application/octet-stream",
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.trim().parse().ok()
}

/// Touches every page, so that the memory is really used and the container's limit really hit.
fn eat_memory() -> ! {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 8 << 20]);
        std::hint::black_box(&eaten);
    }
}

/// Ends the process after SIGTERM, once the requests under way are answered.
fn leave_when_asked() {
    while !STOPPING.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
    let asked_at = Instant::now();
    while IN_FLIGHT.load(Ordering::SeqCst) > 0 && asked_at.elapsed() < LAST_REQUESTS {
        thread::sleep(Duration::from_millis(5));
    }
    process::exit(0);
}

/// The first process of a container ignores SIGTERM unless it has a handler, and would only end by SIGKILL.
#[cfg(unix)]
fn on_sigterm() {
    const SIGTERM: i32 = 15;
    extern "C" fn note(_signal: i32) {
        STOPPING.store(true, Ordering::SeqCst);
    }
    // std links the C library anyway, and this saves a crate.
    unsafe extern "C" {
        fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    }
    // SAFETY: the signature is C's, and the handler only stores to an atomic, which is async-signal-safe.
    unsafe { signal(SIGTERM, note) };
}

#[cfg(not(unix))]
fn on_sigterm() {}
