//! A cheap client: batches patched together from bytes, signed, and posted on connections that stay open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use moodle_sns_producer::receive::{Secret, signature};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::events::Stream;

/// What stands where an event's id will be.
pub const ID: &str = "00000000-0000-0000-0000-000000000000";

/// One event as a plugin sends it, ready but for its id.
pub struct Template {
    before: Vec<u8>,
    after: Vec<u8>,
    /// For a writer that goes without HTTP: name, data and time.
    pub stored: (Arc<str>, Bytes, i64),
}

impl Template {
    /// From the JSON text of an event whose id is [`ID`].
    pub fn new(text: &str, stored: (Arc<str>, Bytes, i64)) -> Self {
        let (before, after) = text.split_once(ID).unwrap();
        Self { before: before.into(), after: after.into(), stored }
    }

    pub fn bytes(&self) -> usize {
        self.before.len() + ID.len() + self.after.len()
    }
}

/// Who posts what, to whom.
#[derive(Clone)]
pub struct Load {
    pub server: SocketAddr,
    pub source: &'static str,
    pub secret: &'static str,
    pub connections: u64,
    /// Events a batch.
    pub batch: usize,
    pub time: Duration,
    pub templates: Arc<Vec<Template>>,
    /// Sets the ids of one load apart from another's.
    pub salt: u64,
}

/// What came of it.
pub struct Served {
    pub batches: usize,
    pub seconds: f64,
    /// In the order of their length.
    waits: Vec<Duration>,
}

impl Served {
    pub fn rate(&self) -> f64 {
        self.batches as f64 / self.seconds
    }

    /// The wait that this share of the batches did not exceed, in milliseconds.
    pub fn wait(&self, share: f64) -> f64 {
        self.waits[(self.waits.len() as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

impl Load {
    /// Posts until the time is over, on one thread; each answer must be a 202 that took all.
    pub fn run(&self) -> Served {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        let mut waits = runtime.block_on(async {
            let clients: Vec<_> = (0..self.connections)
                .map(|client| tokio::spawn(Client::new(self.clone(), client).run(begun)))
                .collect();
            let mut waits = Vec::new();
            for client in clients {
                waits.extend(client.await.unwrap());
            }
            waits
        });
        let seconds = begun.elapsed().as_secs_f64();
        waits.sort_unstable();
        Served { batches: waits.len(), seconds, waits }
    }
}

struct Client {
    load: Load,
    secret: Secret,
    next: u64,
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    fn new(load: Load, number: u64) -> Self {
        let secret = Secret::parse("bench", load.secret).unwrap();
        let next = (load.salt << 44) + (number << 32);
        Self { load, secret, next, body: Vec::new(), request: Vec::new(), answer: Vec::new() }
    }

    async fn run(mut self, begun: Instant) -> Vec<Duration> {
        let mut stream = TcpStream::connect(self.load.server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let whole = format!("{{\"accepted\":{},", self.load.batch);
        let mut waits = Vec::new();
        while begun.elapsed() < self.load.time {
            self.write();
            let sent = Instant::now();
            stream.write_all(&self.request).await.unwrap();
            let body = self.read(&mut stream).await;
            waits.push(sent.elapsed());
            assert!(body.starts_with(whole.as_bytes()), "{}", String::from_utf8_lossy(&self.answer));
        }
        waits
    }

    fn write(&mut self) {
        use std::io::Write as _;
        self.body.clear();
        self.body.push(b'[');
        for place in 0..self.load.batch {
            let template =
                &self.load.templates[usize::try_from(self.next).unwrap() % self.load.templates.len()];
            self.next += 1;
            if place > 0 {
                self.body.push(b',');
            }
            self.body.extend_from_slice(&template.before);
            let start = self.body.len();
            write!(self.body, "{}", Stream::id(self.next)).unwrap();
            debug_assert_eq!(self.body.len() - start, ID.len());
            self.body.extend_from_slice(&template.after);
        }
        self.body.push(b']');
        let (id, now) = (format!("b{}", self.next), Timestamp::now().as_second());
        let signature = signature::sign(&self.secret, &id, now, &self.body);
        self.request.clear();
        write!(
            self.request,
            "POST /v1/sources/{}/events HTTP/1.1\r\nhost: sidecar\r\n\
             content-type: application/cloudevents-batch+json\r\ncontent-length: {}\r\n\
             webhook-id: {id}\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {signature}\r\n\r\n",
            self.load.source,
            self.body.len(),
        )
        .unwrap();
        self.request.extend_from_slice(&self.body);
    }

    /// One answer whole; gives its body.
    async fn read(&mut self, stream: &mut TcpStream) -> &[u8] {
        self.answer.clear();
        loop {
            let n = stream.read_buf(&mut self.answer).await.unwrap();
            assert!(n > 0, "the server closed the connection");
            let Some(head) = self.answer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.answer[..head]).unwrap();
            assert!(text.starts_with("HTTP/1.1 202"), "{}", String::from_utf8_lossy(&self.answer));
            let length = text
                .lines()
                .find_map(|line| {
                    line.split_once(": ").filter(|(k, _)| k.eq_ignore_ascii_case("content-length"))
                })
                .map(|(_, n)| n.parse::<usize>().unwrap())
                .unwrap();
            if self.answer.len() >= head + 4 + length {
                return &self.answer[head + 4..];
            }
        }
    }
}
