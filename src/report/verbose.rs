//! `--verbose`: what happens inside, as lines on stderr. Only this crate's own events: the SDKs' would show what they sign.

use std::io::Write;
use std::sync::PoisonError;

use tracing_subscriber::fmt::MakeWriter;

use crate::inputs::env::Sink;

struct ToSink(Sink);

impl<'a> MakeWriter<'a> for ToSink {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone())
    }
}

struct Line(Sink);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}

/// Once a process; a second call changes nothing.
pub fn speak(stderr: &Sink) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("shipway=debug"))
        .with_writer(ToSink(stderr.clone()))
        .with_ansi(false)
        .with_target(false);
    // Somebody else's subscriber stays.
    let _ = lines.try_init();
}
