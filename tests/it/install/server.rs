//! A server of one file that may lie, break off, dawdle or refuse. Says what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub enum Answer {
    /// The release's file.
    Whole,
    /// Another file.
    Other(Vec<u8>),
    /// Half of the file; the header promises all of it.
    Truncated,
    Status(u16),
    /// A byte now and then.
    Trickle,
}

pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One answer for each request, in turn; when there are no more, 410.
    pub fn start(path: &'static str, answers: Vec<Answer>, whole: &[u8]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let (heard, whole) = (requests.clone(), Arc::new(whole.to_vec()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, answers, whole) = (heard.clone(), answers.clone(), whole.clone());
                std::thread::spawn(move || {
                    let request = read(&stream);
                    let answer = match request.starts_with(&format!("GET {path} ")) {
                        true => answers.lock().unwrap().next(),
                        false => Some(Answer::Status(400)),
                    };
                    heard.lock().unwrap().push(request);
                    // A client that hangs up is no failure of the server.
                    let _ = write(stream, answer.unwrap_or(Answer::Status(410)), &whole);
                });
            }
        });
        Server { address, requests }
    }

    /// Head of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> String {
    let mut head = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        head.push_str(&line);
        head.push('\n');
    }
    head
}

fn write(mut stream: TcpStream, answer: Answer, whole: &[u8]) -> std::io::Result<()> {
    let mut head = |status: u16, length: usize| {
        write!(
            stream,
            "HTTP/1.1 {status} Words\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )
    };
    match answer {
        Answer::Whole => {
            head(200, whole.len())?;
            stream.write_all(whole)
        }
        Answer::Other(bytes) => {
            head(200, bytes.len())?;
            stream.write_all(&bytes)
        }
        Answer::Truncated => {
            head(200, whole.len())?;
            stream.write_all(&whole[..whole.len() / 2])
        }
        Answer::Status(status) => head(status, 0),
        Answer::Trickle => {
            head(200, whole.len())?;
            for byte in whole {
                stream.write_all(&[*byte])?;
                std::thread::sleep(Duration::from_millis(500));
            }
            Ok(())
        }
    }
}
