//! The door, through a real socket: what is taken, what is refused and how that is told.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::contract::{Catalogue, Routes, Subscription};
use moodle_sns_producer::event::Source;
use moodle_sns_producer::receive::{
    Bound, Certificates, Context, Listen, Secret, Sender, Senders, Settings, Stats, serve,
};
use moodle_sns_producer::spool::{self, Spool};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::client::{Endpoint, SigningClient};
use crate::support::corpus::{self, Captured, Recording};

mod batches;
mod before;
mod doors;
mod limits;
mod refusals;
mod signing;
mod trace;
mod wanted;

const URL: &str = "https://vle.example.org";
const MOVED_URL: &str = "https://new.example.org";
const GONE_URL: &str = "https://old.example.org";
const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHERS: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";

const ENROLLED: &str = "\\core\\event\\user_enrolment_created";
const SUBMITTED: &str = "\\mod_assign\\event\\assessable_submitted";

/// A door that is served, and what is behind it.
struct Open {
    endpoint: Endpoint,
    context: Context,
    certificates: Option<Certificates>,
    stop: CancellationToken,
    served: JoinHandle<()>,
    _folder: TempDir,
}

async fn spool_in(folder: &Path) -> Spool {
    Spool::open(spool::Settings::at(folder.join("spool"))).await.unwrap()
}

fn routes(contracts: &[&str]) -> Routes {
    let subscription = Subscription {
        topic: "records".parse().unwrap(),
        contracts: contracts.iter().map(|c| c.parse().unwrap()).collect(),
        sources: None,
    };
    Routes::new(Arc::new(Catalogue::builtin().unwrap()), &[subscription])
}

const CONTRACTS: [&str; 3] =
    ["moodle.enrolment.created.v1", "moodle.enrolment.updated.v1", "moodle.submission.submitted.v1"];

fn sender(key: &str, url: &str, secrets: &[(&str, &str)]) -> Sender {
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    Sender {
        source: Source { key: key.parse().unwrap(), url: url.to_owned(), dataschema: "urn:test:".to_owned() },
        accept_urls: if key == "vle" {
            vec![(MOVED_URL.to_owned(), now + hour), (GONE_URL.to_owned(), now - hour)]
        } else {
            vec![]
        },
        secrets: secrets.iter().map(|(id, text)| Secret::parse(id, text).unwrap()).collect(),
    }
}

fn senders(secrets: &[(&str, &str)]) -> Senders {
    let other = sender("other", "https://other.example.org", &[("o", OTHERS)]);
    Senders::new(vec![sender("vle", URL, secrets), other]).unwrap()
}

/// Says loudly that a test is not run; fails where nothing may be skipped.
fn skipped(what: &str, cure: &str) {
    println!("SKIPPED: {what}: {cure}");
    assert_ne!(std::env::var("TESTS_REQUIRED").as_deref(), Ok("1"), "{what} is required: {cure}");
}

impl Open {
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// With settings changed by `adapt`, which may use the folder.
    async fn with(adapt: impl FnOnce(&mut Settings, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::at(Listen::Tcp("127.0.0.1:0".parse().unwrap()));
        adapt(&mut settings, folder.path());
        let bound = Bound::bind(&settings).await.unwrap();
        let endpoint = match (&settings.listen, bound.address()) {
            (Listen::Tcp(_) | Listen::PlaintextBehindProxy(_), Some(addr)) => Endpoint::Tcp(addr),
            (Listen::Unix { path, .. }, _) => Endpoint::Unix(path.clone()),
            (Listen::Tls { cert, .. }, Some(addr)) => Endpoint::Tls(addr, doors::trusting(cert)),
            _ => unreachable!("only a Unix socket has no address"),
        };
        let context = Context {
            spool: spool_in(folder.path()).await,
            routes: Arc::new(ArcSwap::from_pointee(routes(&CONTRACTS))),
            senders: Arc::new(ArcSwap::from_pointee(senders(&[("a", FIRST)]))),
            stats: Arc::new(Stats::default()),
            limits: settings.limits.clone(),
            timeouts: settings.timeouts,
            max_connections: settings.max_connections,
        };
        let stop = CancellationToken::new();
        let certificates = bound.certificates();
        let served = tokio::spawn(serve(bound, context.clone(), stop.clone()));
        Self { endpoint, context, certificates, stop, served, _folder: folder }
    }

    fn client(&self) -> SigningClient {
        self.client_with(FIRST)
    }

    fn client_with(&self, secret: &str) -> SigningClient {
        SigningClient::new(self.endpoint.clone(), "vle", secret)
    }

    fn address(&self) -> std::net::SocketAddr {
        let Endpoint::Tcp(addr) = &self.endpoint else { panic!("not a TCP door") };
        *addr
    }

    /// The present list's `ETag`, as the plugin would have it.
    fn etag(&self) -> String {
        self.context.routes.load().wanted(&"vle".parse().unwrap()).etag().to_owned()
    }

    /// What the door counts, as a scrape shows it.
    fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("moodle_sns");
        self.context.stats.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    /// What the spool holds of an event.
    async fn trace(&self, id: &str) -> Option<spool::Trace> {
        self.context.spool.trace(Some(&"vle".parse().unwrap()), id.parse().unwrap()).await.unwrap()
    }
}

/// Captured events of one class, with entities, moved to now.
fn live(name: &str, n: usize) -> Vec<Captured> {
    let events: Vec<Captured> = corpus::read(Recording::Hour)
        .into_iter()
        .filter(|e| e.name == name && !e.is_anonymous())
        .take(n)
        .collect();
    assert_eq!(events.len(), n, "{name}: the corpus has too few");
    corpus::moved_to(Timestamp::now(), &events)
}
