//! Bodies on their way through the load balancer, and the idle timeout that both directions share.
//!
//! Knows: when the last byte passed. Does not know what the bytes mean.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The last time that a byte passed between client and target, in either direction.
#[derive(Clone)]
pub struct Activity {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("no byte passed for {} s", .0.as_secs())]
pub struct Idle(Duration);

impl Activity {
    pub fn new(limit: Duration) -> Activity {
        Activity {
            last: Arc::new(Mutex::new(Instant::now())),
            limit,
        }
    }

    fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub fn deadline(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.limit
    }

    /// Ends when nothing has passed for as long as the limit allows.
    pub async fn idle(&self) -> Idle {
        loop {
            let deadline = self.deadline();
            if deadline <= Instant::now() {
                return Idle(self.limit);
            }
            sleep_until(deadline).await;
        }
    }

    /// Passes a body on frame by frame; it fails when the connection is idle for too long.
    pub fn watch(&self, body: Incoming) -> Body {
        Watched {
            body,
            activity: self.clone(),
            alarm: Box::pin(sleep_until(self.deadline())),
        }
        .boxed_unsync()
    }
}

struct Watched {
    body: Incoming,
    activity: Activity,
    alarm: Pin<Box<Sleep>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.activity.note();
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let deadline = self.activity.deadline();
            if deadline <= Instant::now() {
                return Poll::Ready(Some(Err(Box::new(Idle(self.activity.limit)))));
            }
            self.alarm.as_mut().reset(deadline);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
