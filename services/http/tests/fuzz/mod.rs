//! Requests as nobody should send them: made from good ones by edits, the same ones in every run. A server may refuse
//! any of them; it may not break over one.

pub mod edits;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use edits::edit;

/// Requests under way at a time.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(60);
/// After so long without an answer no more of the request follows.
const SILENCE: Duration = Duration::from_secs(1);
/// A good request: its head without a length, and its body.
#[derive(Debug, Clone)]
struct Seed {
    name: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Seed {
    fn bytes(mut self) -> Vec<u8> {
        let length = self.body.len();
        self.head.extend_from_slice(format!("\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes());
        self.head.append(&mut self.body);
        self.head
    }
}

/// Reads `*.http`, in each a request as it is written in RFC 9110, lines ended by LF; `{name}` stands for a value. Those
/// that are refused as they are have names that say so.
fn seeds(folder: &Path, values: &[(&str, &str)]) -> Vec<Seed> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let mut text = std::fs::read_to_string(path).unwrap();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Seed { name, head: head.replace('\n', "\r\n").into_bytes(), body: body.trim_end().as_bytes().to_vec() }
    };
    files.iter().map(read).collect()
}

/// The request of a case: two of three times with a sound head, so that it comes as far as the body's parser.
fn request(case: u64, seeds: &[Seed]) -> (String, Vec<u8>) {
    let mut rng = SmallRng::seed_from_u64(case);
    let mut seed = seeds[rng.random_range(0..seeds.len())].clone();
    let other = &seeds[rng.random_range(0..seeds.len())];
    let sound = !seed.body.is_empty() && rng.random_ratio(2, 3);
    for _ in 0..rng.random_range(1..5) {
        if sound {
            edit(&mut rng, &mut seed.body, &other.body);
        } else {
            edit(&mut rng, &mut seed.head, &other.head);
        }
    }
    (seed.name.clone(), seed.bytes())
}

async fn first_line(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    while answer.len() < 12 && stream.read_buf(answer).await.is_ok_and(|read| read > 0) {}
}

/// The beginning of the answer: its status, where there is one.
async fn send(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough closes before everything is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    // One that still waits for more learns that there is none.
    if tokio::time::timeout(SILENCE, first_line(&mut stream, &mut answer)).await.is_err() {
        let _ = stream.shutdown().await;
        first_line(&mut stream, &mut answer).await;
    }
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// Sends `cases` requests made from those in `folder`; panics with the first that broke the server. The statuses that were
/// seen, with how often.
pub async fn storm(address: SocketAddr, folder: &Path, values: &[(&str, &str)], cases: u64) -> Vec<(u16, usize)> {
    let seeds = seeds(folder, values);
    for seed in &seeds {
        let status = send(address, &seed.clone().bytes()).await;
        let taken = status.is_some_and(|status| status < 400);
        let as_named = taken != seed.name.starts_with("refused");
        assert!(as_named, "{} is answered {status:?}:\n{}", seed.name, String::from_utf8_lossy(&seed.clone().bytes()));
    }
    let answers = futures::stream::iter(0..cases).map(|case| {
        let (name, request) = request(case, &seeds);
        async move {
            let status = tokio::time::timeout(PATIENCE, send(address, &request)).await;
            let text = String::from_utf8_lossy(&request).into_owned();
            let status = status.unwrap_or_else(|_| panic!("case {case} of {name} is not answered:\n{text}"));
            // 503 is no break: it says that the same request may be answered later.
            assert!(
                status.is_none_or(|status| status < 500 || status == 503),
                "case {case} of {name} is answered {status:?}:\n{text}"
            );
            status
        }
    });
    let answers: Vec<Option<u16>> = answers.buffer_unordered(AT_ONCE).collect().await;
    let mut seen = std::collections::BTreeMap::new();
    for status in answers.into_iter().flatten() {
        *seen.entry(status).or_default() += 1;
    }
    seen.into_iter().collect()
}
