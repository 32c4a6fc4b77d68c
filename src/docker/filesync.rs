//! Sends the context to BuildKit the way Docker's own client does: the session's file synchronisation. BuildKit
//! names the files whose contents it lacks, and each is streamed once, straight to where it is needed. (A tar body is
//! written twice by the engine, once as an archive and once unpacked: for 200 MB that took twice as long.)
//!
//! Knows the protocol (fsutil's packets) and the context; knows nothing of Dockerfiles beyond which file is one.
//! Memory does not grow with the context's bytes: a few chunks are in flight, and one path for each file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::fsutil::types::packet::PacketType;
use bollard::fsutil::types::{Packet, Stat};
use bollard::moby::filesync::packet::file_sync_server::FileSync;
use futures_util::Stream;
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::context::{CHUNK_BYTES, Context, ContextError, Entry, EntryKind};

/// Chunks waiting for the engine to take them.
const IN_FLIGHT: usize = 16;
/// Files read at the same time, as many as Docker's client reads.
const READERS: usize = 4;

/// Go's `os.FileMode` bits, which the protocol uses.
const GO_DIRECTORY: u32 = 1 << 31;
const GO_SYMLINK: u32 = 1 << 27;
const GO_SETUID: u32 = 1 << 23;
const GO_SETGID: u32 = 1 << 22;
const GO_STICKY: u32 = 1 << 20;

/// The context as a service of the session.
#[derive(Debug, Clone)]
pub struct ContextSync {
    context: Arc<Context>,
    /// what the Dockerfile is called in the request to build
    dockerfile: String,
    /// every entry's modification time, so that an equal commit gives equal layers
    modified_nanos: Option<i64>,
    failure: Arc<Mutex<Option<ContextError>>>,
    sent: Arc<AtomicU64>,
}

/// A path on the wire, with where its content lies if it is a file.
struct Sent {
    stat: Stat,
    content: Option<PathBuf>,
}

type Outbox = mpsc::Sender<Result<Packet, Status>>;
type Files = Arc<Mutex<HashMap<u32, PathBuf>>>;

impl ContextSync {
    pub fn new(
        context: Arc<Context>,
        dockerfile: String,
        modified_seconds: Option<i64>,
    ) -> ContextSync {
        ContextSync {
            context,
            dockerfile,
            modified_nanos: modified_seconds.map(|seconds| seconds.saturating_mul(1_000_000_000)),
            failure: Arc::default(),
            sent: Arc::default(),
        }
    }

    /// Why the context could not be sent: the engine only says that it did not come.
    pub fn take_failure(&self) -> Option<ContextError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// How many bytes of contents the engine has asked for so far.
    pub fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn walk(
        &self,
        wish: &Wish,
        send: &mut dyn FnMut(Sent) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        match wish {
            Wish::Dockerfile => self.walk_dockerfile(send),
            Wish::Context { paths } => self.context.walk_for(paths, &mut |entry| {
                let content = match entry.kind {
                    EntryKind::File { .. } => self.context.content(&entry.path),
                    _ => None,
                };
                send(Sent {
                    stat: self.stat(entry),
                    content,
                })
            }),
        }
    }

    /// The Dockerfile alone, under the name given in the request, wherever it lies.
    fn walk_dockerfile(&self, send: &mut dyn FnMut(Sent) -> Result<(), Stop>) -> Result<(), Stop> {
        let path = self.context.dockerfile();
        let found = std::fs::metadata(path).map_err(|source| ContextError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let entry = Entry {
            path: self.dockerfile.clone(),
            kind: EntryKind::File {
                size_bytes: found.len(),
            },
            mode: 0o644,
            modified_nanos: 0,
        };
        send(Sent {
            stat: self.stat(entry),
            content: Some(path.to_owned()),
        })
    }

    fn stat(&self, entry: Entry) -> Stat {
        let mut mode = entry.mode & 0o777;
        for (bit, go) in [
            (0o4000, GO_SETUID),
            (0o2000, GO_SETGID),
            (0o1000, GO_STICKY),
        ] {
            if entry.mode & bit != 0 {
                mode |= go;
            }
        }
        let (kind, size, linkname) = match entry.kind {
            EntryKind::Directory => (GO_DIRECTORY, 0, String::new()),
            EntryKind::File { size_bytes } => (0, size_bytes as i64, String::new()),
            EntryKind::Symlink { target } => (GO_SYMLINK, target.len() as i64, target),
        };
        Stat {
            path: entry.path,
            mode: mode | kind,
            size,
            linkname,
            mod_time: self.modified_nanos.unwrap_or(entry.modified_nanos),
            // the owner is root, whoever checked the repository out
            ..Stat::default()
        }
    }

    fn send_stats(&self, wish: &Wish, files: &Files, outbox: &Outbox) -> Result<(), Stop> {
        let mut id = 0;
        self.walk(wish, &mut |sent| {
            if let Some(content) = sent.content {
                files
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(id, content);
            }
            id += 1;
            post(
                outbox,
                PacketType::PacketStat,
                0,
                Vec::new(),
                Some(sent.stat),
            )
        })?;
        post(outbox, PacketType::PacketStat, 0, Vec::new(), None)
    }

    fn send_file(&self, id: u32, path: &Path, outbox: &Outbox) -> Result<(), Stop> {
        let fail = |source| ContextError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(fail)?;
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let read = file.read(&mut chunk).map_err(fail)?;
            chunk.truncate(read);
            self.sent.fetch_add(read as u64, Ordering::Relaxed);
            // an empty packet says that the file ends
            post(outbox, PacketType::PacketData, id, chunk, None)?;
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// Tells the engine, and keeps the reason for ourselves.
    fn fail(&self, stop: Stop, outbox: &Outbox) {
        if let Stop::Failed(error) = stop {
            let said = error.to_string().into_bytes();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            let _ = post(outbox, PacketType::PacketErr, 0, said, None);
        }
    }

    fn serve(
        self,
        wish: Wish,
        mut inbox: Streaming<Packet>,
    ) -> mpsc::Receiver<Result<Packet, Status>> {
        let (outbox, answers) = mpsc::channel(IN_FLIGHT);
        let files = Files::default();
        let (wanted, queue) = blocking::channel::<u32>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..READERS {
            let (sync, outbox, files, queue) =
                (self.clone(), outbox.clone(), files.clone(), queue.clone());
            tokio::task::spawn_blocking(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(id) = next else { return };
                    let path = files
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&id);
                    let Some(path) = path else { continue };
                    if let Err(stop) = sync.send_file(id, &path, &outbox) {
                        return sync.fail(stop, &outbox);
                    }
                }
            });
        }
        let (sync, walker) = (self, outbox.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(stop) = sync.send_stats(&wish, &files, &walker) {
                sync.fail(stop, &walker);
            }
        });
        tokio::spawn(async move {
            // ends with the stream, which lets the readers end
            while let Ok(Some(packet)) = inbox.message().await {
                match packet.r#type() {
                    PacketType::PacketReq => {
                        if wanted.send(packet.id).is_err() {
                            break;
                        }
                    }
                    PacketType::PacketFin => {
                        let _ = outbox.send(Ok(packet_of(PacketType::PacketFin))).await;
                        break;
                    }
                    PacketType::PacketErr => break,
                    PacketType::PacketStat | PacketType::PacketData => {}
                }
            }
        });
        answers
    }
}

/// What the engine asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Dockerfile,
    Context { paths: Vec<String> },
}

fn wish(metadata: &MetadataMap) -> Option<Wish> {
    match values(metadata, "dir-name").first().map(String::as_str) {
        Some("dockerfile") => Some(Wish::Dockerfile),
        Some("context") => Some(Wish::Context {
            paths: values(metadata, "followpaths"),
        }),
        _ => None,
    }
}

fn values(metadata: &MetadataMap, key: &str) -> Vec<String> {
    let encoded = metadata
        .get(format!("{key}-encoded"))
        .is_some_and(|value| value == "1" || value == "true");
    let texts = metadata
        .get_all(key)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .map(|text| match encoded {
            // Go's QueryEscape: the value of a form field
            true => url::form_urlencoded::parse(format!("v={text}").as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default(),
            false => text.to_owned(),
        })
        .collect()
}

/// Why sending ended early.
enum Stop {
    Failed(ContextError),
    /// the engine hung up
    Gone,
}

impl From<ContextError> for Stop {
    fn from(error: ContextError) -> Stop {
        Stop::Failed(error)
    }
}

fn packet_of(kind: PacketType) -> Packet {
    Packet {
        r#type: kind.into(),
        ..Packet::default()
    }
}

fn post(
    outbox: &Outbox,
    kind: PacketType,
    id: u32,
    data: Vec<u8>,
    stat: Option<Stat>,
) -> Result<(), Stop> {
    let packet = Packet {
        id,
        data,
        stat,
        ..packet_of(kind)
    };
    outbox.blocking_send(Ok(packet)).map_err(|_| Stop::Gone)
}

type Answers = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

#[tonic::async_trait]
impl FileSync for ContextSync {
    type DiffCopyStream = Answers;
    type TarStreamStream = Answers;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Answers>, Status> {
        let Some(wish) = wish(request.metadata()) else {
            return Err(Status::not_found("no access allowed to that directory"));
        };
        let answers = self.clone().serve(wish, request.into_inner());
        let stream = futures_util::stream::unfold(answers, |mut answers| async {
            answers.recv().await.map(|packet| (packet, answers))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn tar_stream(&self, _: Request<Streaming<Packet>>) -> Result<Response<Answers>, Status> {
        Err(Status::unimplemented("diffcopy is the protocol"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_plain_and_encoded() {
        let mut metadata = MetadataMap::new();
        metadata.insert("dir-name", "context".parse().unwrap());
        metadata.append("followpaths", "a%2Fb+c%C3%A9".parse().unwrap());
        let paths = |metadata: &MetadataMap| match wish(metadata) {
            Some(Wish::Context { paths }) => paths,
            other => panic!("{other:?}"),
        };
        assert_eq!(paths(&metadata), ["a%2Fb+c%C3%A9"]);
        metadata.insert("followpaths-encoded", "1".parse().unwrap());
        assert_eq!(paths(&metadata), ["a/b cé"]);
        metadata.insert("dir-name", "/etc".parse().unwrap());
        assert_eq!(
            wish(&metadata),
            None,
            "only the two directories that the build is about"
        );
    }
}
