//! A double of Amazon SNS for tests and benches: a real HTTP server on loopback that speaks the awsQuery
//! wire, keeps SNS's own limits and FIFO deduplication, goes wrong by a script, and keeps a log, byte for
//! byte, of what it took. It checks no signature and delivers to nobody.

#![allow(clippy::expect_used, reason = "a double that can't go on must end its test")]

pub mod quota;
pub mod script;
pub mod wire;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use tokio::net::TcpListener;

use script::{Fault, Script, What};
use wire::{Call, Entry, Failed, Successful};

/// One message that the double took.
#[derive(Debug, Clone)]
pub struct Taken {
    pub at: SystemTime,
    pub topic: String,
    pub entry_id: String,
    pub message: String,
    /// Name, type and value, by name.
    pub attributes: Vec<(String, String, String)>,
    pub group: Option<String>,
    pub dedup_id: Option<String>,
    pub sns_id: String,
    /// A FIFO topic had it within the window already: consumers get no second one.
    pub suppressed: bool,
}

impl Taken {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, ..)| n == name).map(|(.., value)| value.as_str())
    }

    /// The message's own id, in its body.
    pub fn id(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.message).expect("a message is JSON");
        body["id"].as_str().expect("a message has an id").to_owned()
    }
}

/// The deduplication ids that a FIFO topic knows: since when, and the SNS id of the first.
type Known = HashMap<String, (Instant, String)>;

/// The double's state: shared by the server and those who look at it.
#[derive(Debug)]
pub struct Double {
    script: Mutex<Script>,
    fifo: Mutex<HashMap<String, Known>>,
    window: Mutex<Duration>,
    log: Mutex<Vec<Taken>>,
    file: Mutex<Option<std::fs::File>>,
    next: AtomicU64,
    calls: AtomicUsize,
    in_hand: AtomicUsize,
    answers: AtomicUsize,
    refused: AtomicUsize,
    in_flight: Mutex<HashMap<(String, String), usize>>,
    overlaps: AtomicUsize,
    /// The most bytes of a message and of a batch: `MaximumMessageSize`.
    max_message: AtomicUsize,
    quota: Mutex<Option<quota::Quota>>,
}

impl Double {
    /// A double whose faults of chance follow the seed.
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Script::new(seed)),
            fifo: Mutex::default(),
            window: Mutex::new(Duration::from_secs(300)),
            log: Mutex::default(),
            file: Mutex::default(),
            next: AtomicU64::new(1),
            calls: AtomicUsize::new(0),
            in_hand: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            in_flight: Mutex::default(),
            overlaps: AtomicUsize::new(0),
            max_message: AtomicUsize::new(262_144),
            quota: Mutex::default(),
        })
    }

    /// Adds a fault to the script.
    pub fn fault(&self, fault: Fault) {
        lock(&self.script).add(fault);
    }

    /// The calm phase: nothing goes wrong any more.
    pub fn calm(&self) {
        lock(&self.script).clear();
    }

    /// What was taken so far.
    pub fn log(&self) -> Vec<Taken> {
        lock(&self.log).clone()
    }

    /// How many messages were taken so far.
    pub fn taken(&self) -> usize {
        lock(&self.log).len()
    }

    /// How many calls came in so far, whatever was answered.
    pub fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    /// How many calls have been read and not been answered yet.
    pub fn in_hand(&self) -> usize {
        self.in_hand.load(Relaxed)
    }

    /// How many batches were taken and answered whole so far.
    pub fn answers(&self) -> usize {
        self.answers.load(Relaxed)
    }

    /// How many calls broke a limit of SNS: must stay 0.
    pub fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    /// How often a message came while another of its FIFO group was in flight: must stay 0.
    pub fn overlaps(&self) -> usize {
        self.overlaps.load(Relaxed)
    }

    /// How long a FIFO topic remembers a deduplication id.
    pub fn set_window(&self, window: Duration) {
        *lock(&self.window) = window;
    }

    /// Sets `MaximumMessageSize`.
    pub fn set_max_message(&self, bytes: usize) {
        self.max_message.store(bytes, Relaxed);
    }

    /// From now on takes so many messages a second of all topics together, and throttles what is more.
    pub fn set_quota(&self, per_second: u32) {
        *lock(&self.quota) = Some(quota::Quota::new(per_second, Instant::now()));
    }

    /// Another publisher of the account sends messages: those of them that the quota lets go.
    pub fn spend_quota(&self, messages: usize) {
        lock(&self.quota).as_mut().map(|quota| quota.take(messages, Instant::now()));
    }

    /// How many calls the quota throttled so far.
    pub fn throttled(&self) -> usize {
        lock(&self.quota).as_ref().map_or(0, |quota| quota.throttled)
    }

    /// Appends each message taken to a file too, as a line of JSON, before it is answered.
    pub fn log_to(&self, path: &Path) -> io::Result<()> {
        *lock(&self.file) = Some(std::fs::OpenOptions::new().create(true).append(true).open(path)?);
        Ok(())
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

/// A double that runs inside a test, until it is dropped.
#[derive(Debug)]
pub struct SnsDouble {
    double: Arc<Double>,
    addr: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl SnsDouble {
    /// Starts on a free port of loopback.
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let double = Double::new(seed);
        let server = tokio::spawn(serve(listener, Arc::clone(&double)));
        Self { double, addr, server }
    }

    /// For `endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl std::ops::Deref for SnsDouble {
    type Target = Double;
    fn deref(&self) -> &Double {
        &self.double
    }
}

impl Drop for SnsDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves a double on a listener, for ever.
pub async fn serve(listener: TcpListener, double: Arc<Double>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let double = Arc::clone(&double);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| handle(&double, request));
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

/// An error ends the connection without an answer.
async fn handle(double: &Double, request: Request<Incoming>) -> Result<Response<Answer>, io::Error> {
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    double.calls.fetch_add(1, Relaxed);
    let request = format!("double-request-{}", double.number());
    let Some(call) = wire::decode(&body) else {
        return answer(400, "text/plain", "no form".into());
    };
    drop(body);
    let Call { action, topic, entries } = call;
    let entries: Vec<Entry> = entries.into_values().collect();
    let faults = {
        let mut script = lock(&double.script);
        if script.is_empty() { Vec::new() } else { script.applying(&topic, &entries) }
    };
    let _in_flight = InFlight::enter(double, &topic, &entries);
    let mut failed = Vec::new();
    for (what, holding) in &faults {
        match what {
            What::Refuse { status, code, words } => {
                return answer(*status, "text/xml", wire::error_answer(code, words, &request));
            }
            What::Say { status, body } => return answer(*status, "text/html", (*body).to_owned()),
            What::CutBefore => return Err(io::ErrorKind::ConnectionReset.into()),
            What::BlackHole => never().await,
            What::Delay(time) => tokio::time::sleep(*time).await,
            What::Fail { place, code, sender_fault } => {
                let hit = |at: usize, entry: &Entry| match holding {
                    Some(text) => entry.message.contains(text.as_str()),
                    None => place.is_none_or(|place| place == at),
                };
                for (_, entry) in entries.iter().enumerate().filter(|(at, entry)| hit(*at, entry)) {
                    failed.push(Failed {
                        id: entry.id.clone(),
                        code: (*code).to_owned(),
                        sender_fault: *sender_fault,
                    });
                }
            }
            _ => {}
        }
    }
    if lock(&double.quota).as_mut().is_some_and(|quota| !quota.take(entries.len(), Instant::now())) {
        return answer(429, "text/xml", wire::error_answer("Throttled", "Rate exceeded", &request));
    }
    if let Err((code, words)) = check(&topic, &entries, double.max_message.load(Relaxed)) {
        double.refused.fetch_add(1, Relaxed);
        return answer(400, "text/xml", wire::error_answer(code, &words, &request));
    }
    let fine = entries.into_iter().filter(|entry| !failed.iter().any(|f| f.id == entry.id));
    let mut successful = double.take(&topic, fine);
    if action == "Publish" {
        return match (successful.first(), failed.first()) {
            (Some(one), _) => answer(200, "text/xml", wire::single_answer(one, &request)),
            (None, Some(f)) => {
                answer(400, "text/xml", wire::error_answer(&f.code, "said by the double", &request))
            }
            (None, None) => {
                answer(400, "text/xml", wire::error_answer("InvalidParameter", "empty", &request))
            }
        };
    }
    let mut cut = None;
    for (what, _) in faults {
        match what {
            What::CutAfter => return Err(io::ErrorKind::ConnectionReset.into()),
            What::BlackHoleAfter => never().await,
            What::Omit(place) if place < successful.len() => drop(successful.remove(place)),
            What::Repeat(place) => successful.extend(successful.get(place).cloned()),
            What::Invent(id) => successful.push(Successful {
                id: id.to_owned(),
                sns_id: "invented".to_owned(),
                sequence: None,
            }),
            What::Truncate(at) => cut = Some((at, End::AsIfWhole)),
            What::CutAnswer(at) => cut = Some((at, End::Cut)),
            _ => {}
        }
    }
    let text = wire::batch_answer(&successful, &failed, &request);
    match cut {
        None => {
            double.answers.fetch_add(1, Relaxed);
            answer(200, "text/xml", text)
        }
        Some((at, End::AsIfWhole)) => answer(200, "text/xml", text[..at.min(text.len())].to_owned()),
        Some((at, End::Cut)) => {
            let whole = text.len() as u64;
            let body = Answer {
                bytes: Some(text[..at.min(text.len())].to_owned().into()),
                cut: Some(whole),
                wait: None,
            };
            Ok(Response::builder().header("content-type", "text/xml").body(body).expect("a plain response"))
        }
    }
}

enum End {
    AsIfWhole,
    Cut,
}

async fn never() {
    std::future::pending::<Infallible>().await;
}

fn answer(status: u16, kind: &str, text: String) -> Result<Response<Answer>, io::Error> {
    let body = Answer { bytes: Some(text.into()), cut: None, wait: None };
    Ok(Response::builder().status(status).header("content-type", kind).body(body).expect("a plain response"))
}

impl Double {
    fn take(&self, topic: &str, entries: impl Iterator<Item = Entry>) -> Vec<Successful> {
        let fifo = topic.ends_with(".fifo");
        let window = *lock(&self.window);
        // One lock for the whole batch, so that a FIFO batch stands together in the log.
        let mut log = lock(&self.log);
        let begin = log.len();
        let mut successful = Vec::with_capacity(10);
        for entry in entries {
            let fresh = format!("double-{:08}", self.number());
            let mut sns_id = fresh.clone();
            if let (true, Some(dedup)) = (fifo, &entry.dedup_id) {
                let mut topics = lock(&self.fifo);
                let known = topics.entry(topic.to_owned()).or_default();
                let now = Instant::now();
                match known.get(dedup) {
                    Some((since, first)) if now.duration_since(*since) < window => sns_id.clone_from(first),
                    _ => drop(known.insert(dedup.clone(), (now, fresh.clone()))),
                }
            }
            let suppressed = sns_id != fresh;
            successful.push(Successful {
                id: entry.id.clone(),
                sns_id: sns_id.clone(),
                sequence: fifo.then(|| format!("{:020}", 10_000_000_000 + self.number())),
            });
            let mut attributes: Vec<_> =
                entry.attributes.into_values().map(|a| (a.name, a.data_type, a.value)).collect();
            attributes.sort();
            log.push(Taken {
                at: SystemTime::now(),
                topic: topic.to_owned(),
                entry_id: entry.id,
                message: entry.message,
                attributes,
                group: entry.group,
                dedup_id: entry.dedup_id,
                sns_id,
                suppressed,
            });
        }
        if let Some(file) = &mut *lock(&self.file) {
            let mut lines = String::new();
            for taken in &log[begin..] {
                let at = taken.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let line = serde_json::json!({"at": at.as_secs_f64(), "topic": taken.topic,
                    "entry_id": taken.entry_id, "message": taken.message, "attributes": taken.attributes,
                    "group": taken.group, "dedup_id": taken.dedup_id, "sns_id": taken.sns_id,
                    "suppressed": taken.suppressed});
                lines.push_str(&line.to_string());
                lines.push('\n');
            }
            file.write_all(lines.as_bytes()).expect("the log file can be written");
        }
        successful
    }
}

/// SNS's own limits. Stricter than SNS in one place: over ten attributes are refused here, where SNS takes
/// the message and then discards it for raw subscriptions.
fn check(topic: &str, entries: &[Entry], max_message: usize) -> Result<(), (&'static str, String)> {
    if entries.is_empty() {
        return Err(("EmptyBatchRequest", "no entries".to_owned()));
    }
    if entries.len() > 10 {
        return Err(("TooManyEntriesInBatchRequest", format!("{} entries", entries.len())));
    }
    let bytes: usize = entries.iter().map(Entry::bytes).sum();
    if bytes > max_message {
        return Err(("BatchRequestTooLong", format!("{bytes} bytes")));
    }
    for (n, entry) in entries.iter().enumerate() {
        if entries[..n].iter().any(|other| other.id == entry.id) {
            return Err(("BatchEntryIdsNotDistinct", entry.id.clone()));
        }
        let of_an_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if entry.id.len() > 80 || !entry.id.bytes().all(of_an_id) {
            return Err(("InvalidBatchEntryId", entry.id.clone()));
        }
        let texts = entry.attributes.values().map(|a| a.value.as_str()).chain([entry.message.as_str()]);
        for text in texts {
            if text.is_empty() || text.chars().any(is_forbidden) {
                return Err(("InvalidParameter", "Invalid parameter: Message or attribute".to_owned()));
            }
        }
        if entry.attributes.len() > 10 {
            return Err(("InvalidParameter", "Invalid parameter: over ten attributes".to_owned()));
        }
        if topic.ends_with(".fifo") && (entry.group.is_none() || entry.dedup_id.is_none()) {
            return Err(("InvalidParameter", "Invalid parameter: MessageGroupId".to_owned()));
        }
        if entry.dedup_id.as_ref().is_some_and(|id| id.len() > 128) {
            return Err(("InvalidParameter", "Invalid parameter: MessageDeduplicationId".to_owned()));
        }
    }
    Ok(())
}

/// Characters that XML 1.0 can't hold, and so SNS takes none of.
fn is_forbidden(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Counts FIFO messages in flight by group, and notices two of one.
struct InFlight<'a> {
    double: &'a Double,
    groups: Vec<(String, String)>,
}

impl<'a> InFlight<'a> {
    fn enter(double: &'a Double, topic: &str, entries: &[Entry]) -> Self {
        let fifo = topic.ends_with(".fifo");
        let groups: Vec<_> = entries
            .iter()
            .filter(|_| fifo)
            .filter_map(|entry| Some((topic.to_owned(), entry.group.clone()?)))
            .collect();
        double.in_hand.fetch_add(1, Relaxed);
        let mut all = lock(&double.in_flight);
        for group in &groups {
            let n = all.entry(group.clone()).or_default();
            *n += 1;
            if *n > 1 {
                double.overlaps.fetch_add(1, Relaxed);
            }
        }
        Self { double, groups }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.double.in_hand.fetch_sub(1, Relaxed);
        let mut all = lock(&self.double.in_flight);
        for group in &self.groups {
            all.entry(group.clone()).and_modify(|n| *n -= 1);
        }
    }
}

/// A body that may end in a cut connection: it promises `cut` bytes, gives fewer, waits until they are
/// on the wire, and fails.
pub struct Answer {
    bytes: Option<Bytes>,
    cut: Option<u64>,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.cut.is_none() {
            return Poll::Ready(None);
        }
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(2))));
        wait.as_mut().poll(context).map(|()| Some(Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.cut.unwrap_or(self.bytes.as_ref().map_or(0, |b| b.len() as u64)))
    }
}

#[cfg(test)]
mod tests;
