//! `send FILE`: signs and posts as the plugin in Moodle would: asks what is wanted, cuts to it, one batch
//! a request.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::Send;
use super::captured::{self, FileEvent, Origin};
use super::client::{Answer, Client, Place, block_on};
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use super::settings::Settings;
use crate::config::{Config, Listen, Source};
use crate::contract::{EventData, WantedList, cut};
use crate::operate::words::{count, harmless};
use crate::receive::{Secret, signature};

/// Bytes of a request at most, below the door's usual 4 MiB.
const BATCH_BYTES: usize = 3 << 20;
/// How often a batch is tried that the door could not take now.
const TRIES: u32 = 10;

/// What became of all events.
#[derive(Debug, Default, Serialize)]
struct Sums {
    events: u64,
    not_taken: u64,
    requests: u64,
    accepted: u64,
    duplicate: u64,
    unwanted: u64,
    parked: u64,
}

/// What a 202 says.
#[derive(Deserialize)]
struct Taken {
    accepted: u64,
    duplicate: u64,
    unwanted: u64,
    parked: Vec<Value>,
}

/// The part of the answer to `wanted` that is used here.
#[derive(Deserialize)]
struct Wanted {
    etag: String,
    #[serde(default)]
    rows: Vec<crate::contract::Row>,
}

pub(super) fn send(settings: &Settings, args: &Send, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let source =
        config.sources.iter().find(|source| source.key.as_str() == args.source).ok_or_else(|| {
            let known: Vec<&str> = config.sources.iter().map(|source| source.key.as_str()).collect();
            Failure::new(
                Exit::Usage,
                format!("there is no source {:?}: the sources are {}", args.source, known.join(", ")),
            )
        })?;
    let client = Client { place: place(&config, args.to.as_deref())?, token: None };
    let (origin, mut events) = captured::read(&args.file)?;
    let move_them = args.now || (origin == Origin::Captured && !args.as_is);
    if move_them {
        captured::moved_to(Timestamp::now(), &mut events);
        note("The events are moved to now and their ids remade; --as-is leaves them as they are.");
    }
    let sums = block_on(async {
        let sender = Sender { client, source, secret: secret(source)? };
        let wanted = sender.wanted().await?;
        sender.all(&wanted, &events, args.batch).await
    })?;
    output.one(&sums, || {
        format!(
            "{} events, {} not taken by any contract; of the {} sent in {} requests:\n  \
             {} accepted, {} duplicate, {} unwanted, {} parked\n",
            count(sums.events),
            count(sums.not_taken),
            count(sums.events - sums.not_taken),
            count(sums.requests),
            count(sums.accepted),
            count(sums.duplicate),
            count(sums.unwanted),
            count(sums.parked)
        )
    })?;
    Ok(if sums.parked > 0 { Exit::Findings } else { Exit::Done })
}

fn place(config: &Config, to: Option<&str>) -> Result<Place, Failure> {
    match (to, &config.receive.listen) {
        (Some(to), _) => Place::parse(to),
        (None, Listen::Unix { path, .. }) => Ok(Place::Unix(path.clone())),
        (None, Listen::Tcp(addr)) => Ok(Place::Tcp(addr.to_string())),
        (None, Listen::PlaintextBehindProxy(addr)) => Ok(Place::Tcp(format!("127.0.0.1:{}", addr.port()))),
        (None, Listen::Tls { .. }) => Err(Failure::new(
            Exit::Usage,
            "receive.listen speaks TLS, which `send` does not: name another way in with --to",
        )),
    }
}

fn secret(source: &Source) -> Result<Secret, Failure> {
    let secret = source
        .secrets
        .first()
        .ok_or_else(|| Failure::new(Exit::BadConfiguration, "the source has no secret"))?;
    Secret::parse(&secret.id, secret.text.expose())
        .map_err(|error| Failure::new(Exit::BadConfiguration, error.to_string()))
}

struct Sender<'a> {
    client: Client,
    source: &'a Source,
    secret: Secret,
}

impl Sender<'_> {
    /// Asks what is wanted, as the plugin's task does.
    async fn wanted(&self) -> Result<WantedList, Failure> {
        let question = json!({
            "wire": 1, "plugin": concat!("send ", env!("CARGO_PKG_VERSION")), "moodle": "-",
            "url": self.source.url, "etag": "", "ledger": [],
        });
        let answer = self.post("wanted", "application/json", question.to_string().into()).await?;
        if answer.status != StatusCode::OK {
            return Err(refused("asking what is wanted", &answer));
        }
        let wanted: Wanted = answer.json()?;
        Ok(WantedList::new(wanted.etag, wanted.rows))
    }

    async fn all(&self, wanted: &WantedList, events: &[FileEvent], most: u32) -> Result<Sums, Failure> {
        let mut sums = Sums { events: events.len() as u64, ..Sums::default() };
        let mut progress = Progress::new(events.len());
        let mut batch = Batch::default();
        for (n, event) in events.iter().enumerate() {
            let Some(text) = self.on_the_wire(wanted, event)? else {
                sums.not_taken += 1;
                continue;
            };
            // One request of Moodle is one batch, as the plugin buffers it.
            let other = batch.request.as_ref().is_some_and(|request| event.request.as_ref() != Some(request));
            if other || batch.events.len() >= most as usize || batch.bytes + text.len() > BATCH_BYTES {
                self.batch(&mut batch, &mut sums).await?;
                progress.at(n);
            }
            batch.request.clone_from(&event.request);
            batch.bytes += text.len() + 1;
            batch.events.push(text);
        }
        self.batch(&mut batch, &mut sums).await?;
        progress.done();
        Ok(sums)
    }

    /// The event as the plugin would send it: cut to what the rows that take it declare. None when none does.
    fn on_the_wire(&self, wanted: &WantedList, event: &FileEvent) -> Result<Option<String>, Failure> {
        let taken = wanted.take(&event.name, &event.data);
        if taken.is_empty() {
            return Ok(None);
        }
        let data: EventData =
            serde_json::from_slice(&cut(&taken, &event.data).data).map_err(anyhow::Error::from)?;
        let event = json!({
            "specversion": "1.0",
            "id": event.id.to_string(),
            "source": self.source.url,
            "type": &*event.name,
            "time": event.time.to_string(),
            "raised": event.raised.to_string(),
            "wantedlist": wanted.etag(),
            "data": { "event": data.event, "entities": data.entities },
        });
        Ok(Some(event.to_string()))
    }

    /// Posts a batch; waits and tries again while the door says that it can't take it now.
    async fn batch(&self, batch: &mut Batch, sums: &mut Sums) -> Result<(), Failure> {
        let batch = std::mem::take(batch);
        if batch.events.is_empty() {
            return Ok(());
        }
        let body = Bytes::from(format!("[{}]", batch.events.join(",")));
        let mut tries = 0;
        loop {
            let answer = self.post("events", "application/cloudevents-batch+json", body.clone()).await?;
            tries += 1;
            let later =
                matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            // A sidecar that is drained takes no more, however long one waits.
            if later && tries < TRIES && answer.kind().as_deref() != Some("draining") {
                tokio::time::sleep(pause(&answer)).await;
                continue;
            }
            if answer.status != StatusCode::ACCEPTED {
                let sent = sums.accepted + sums.duplicate + sums.unwanted + sums.parked;
                return Err(refused(
                    &format!("posting a batch (after {sent} events that were taken)"),
                    &answer,
                ));
            }
            let taken: Taken = answer.json()?;
            sums.requests += 1;
            sums.accepted += taken.accepted;
            sums.duplicate += taken.duplicate;
            sums.unwanted += taken.unwanted;
            sums.parked += taken.parked.len() as u64;
            return Ok(());
        }
    }

    async fn post(&self, what: &str, kind: &str, body: Bytes) -> Result<Answer, Failure> {
        let id = format!("send-{}", uuid::Uuid::now_v7());
        let seconds = Timestamp::now().as_second();
        let headers = vec![
            (http::header::CONTENT_TYPE, kind.to_owned()),
            (HeaderName::from_static(signature::ID), id.clone()),
            (HeaderName::from_static(signature::TIMESTAMP), seconds.to_string()),
            (
                HeaderName::from_static(signature::SIGNATURE),
                signature::sign(&self.secret, &id, seconds, &body),
            ),
        ];
        let path = format!("/v1/sources/{}/{what}", self.source.key);
        Ok(self.client.post(&path, headers, body).await?)
    }
}

#[derive(Default)]
struct Batch {
    events: Vec<String>,
    bytes: usize,
    request: Option<String>,
}

/// As long as the door asks for, within reason.
fn pause(answer: &Answer) -> Duration {
    let asked =
        answer.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(asked.unwrap_or(1).clamp(1, 30))
}

fn refused(doing: &str, answer: &Answer) -> Failure {
    let exit = if answer.status.is_server_error() { Exit::Unavailable } else { Exit::Failed };
    Failure::new(exit, format!("{doing} was refused with {}", harmless(&answer.detail())))
}

/// How far it is, for who watches a terminal.
struct Progress {
    all: usize,
    told: Instant,
    shown: bool,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self { all, told: Instant::now(), shown: false }
    }

    fn at(&mut self, n: usize) {
        if std::io::stderr().is_terminal() && self.told.elapsed() > Duration::from_millis(500) {
            note(&format!("{} of {} events", count(n as u64), count(self.all as u64)));
            (self.told, self.shown) = (Instant::now(), true);
        }
    }

    fn done(&self) {
        if self.shown {
            note(&format!("{0} of {0} events", count(self.all as u64)));
        }
    }
}
