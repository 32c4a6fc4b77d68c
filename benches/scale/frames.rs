//! What the two processes of the bench say to each other: lines of JSON. Bodies are text in all that a night asks for.

use std::io::{BufRead, Write};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// From the child; `at` is nanoseconds since 1970 by its virtual clock.
#[derive(Serialize, Deserialize)]
pub enum Frame {
    Asked {
        at: u64,
        request: Message,
    },
    Ended {
        at: u64,
        peak_kib: u64,
        exit: i32,
        said: String,
    },
}

/// A request, or an answer with its status for `line`.
#[derive(Serialize, Deserialize)]
pub struct Message {
    /// `METHOD URI`, or a status.
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// `None`: the connection broke.
#[derive(Serialize, Deserialize)]
pub struct Reply(Option<Message>);

impl Message {
    fn new(line: String, headers: &http::HeaderMap, body: &Bytes) -> Message {
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Message {
            line,
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub fn of(request: &http::Request<Bytes>) -> Message {
        let line = format!("{} {}", request.method(), request.uri());
        Message::new(line, request.headers(), request.body())
    }

    pub fn into_http(self) -> http::Request<Bytes> {
        let (method, uri) = self.line.split_once(' ').unwrap();
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::from(self.body)).unwrap()
    }
}

impl Reply {
    pub fn of(answer: Option<http::Response<Bytes>>) -> Reply {
        Reply(answer.map(|answer| {
            Message::new(
                answer.status().as_u16().to_string(),
                answer.headers(),
                answer.body(),
            )
        }))
    }

    pub fn into_http(self) -> Option<http::Response<Bytes>> {
        let message = self.0?;
        let status: u16 = message.line.parse().unwrap();
        let mut answer = http::Response::builder().status(status);
        for (name, value) in &message.headers {
            answer = answer.header(name, value);
        }
        Some(answer.body(Bytes::from(message.body)).unwrap())
    }
}

pub fn write(to: &mut impl Write, frame: &impl Serialize) {
    let mut line = serde_json::to_vec(frame).unwrap();
    line.push(b'\n');
    to.write_all(&line).unwrap();
    to.flush().unwrap();
}

pub fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> T {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}
