//! `run`: puts the stages together. The one place that knows them all. It reads as what happens: settings,
//! contracts, spool, the two doors, the workers, serve, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exit::{Exit, Failure};
use super::reload::Reloader;
use super::{contracts, logging, withdraw};
use crate::config::{self, Config, OperatorListen};
use crate::contract::{Catalogue, Routes};
use crate::event::Source;
use crate::operate::books::{Books, Pair};
use crate::operate::{self, Operator, Phase, SetTopic, Setup, Sign, Signs};
use crate::own::{SignOfLife, Teller};
use crate::publish::{self, Mapper, Publisher, Quota, Replays, TopicKind, TopicSettings};
use crate::receive::{self, Bound, Outcome, Sender, Senders};
use crate::spool::{self, Count, Spool};

/// What is kept of the time to end for closing the spool, whatever the network does.
const TO_CLOSE: Duration = Duration::from_secs(2);
/// How long batches in flight are waited for at most: SNS answers within its 5 s or not at all.
const TO_FINISH: Duration = Duration::from_secs(6);

/// Receives, keeps and publishes until SIGTERM. `reload` reads the configuration again (SIGHUP).
///
/// # Errors
/// A stage could not be started; the exit code says which kind.
pub fn run(config: &Config, reload: impl Fn() -> Result<Config, Failure>) -> Result<Exit, Failure> {
    logging::start(config.operate.log);
    guard_process();
    let catalogue = Arc::new(Catalogue::load(config.contracts_dir.as_deref())?);
    let subscriptions = contracts::subscriptions(config, &catalogue)?;
    let routes = Routes::new(Arc::clone(&catalogue), &subscriptions).without(withdraw::withdrawn(config));
    let senders = senders(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Failed, format!("starting the runtime: {e}")))?;
    let exit = runtime.block_on(serve(config, catalogue, routes, senders, reload));
    // A read of a slow disk that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit
}

/// What a process that holds secrets and writes files owes itself: no core dump, and no death by a file
/// that reached its limit.
fn guard_process() {
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "core dumps can't be switched off: one could hold secrets");
    }
}

async fn serve(
    config: &Config,
    catalogue: Arc<Catalogue>,
    routes: Routes,
    senders: Senders,
    reload: impl Fn() -> Result<Config, Failure>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let spool = Spool::open(spool::Settings {
        path: config.spool.path.clone(),
        max_size: config.spool.max_size,
        history_age: config.spool.history_age,
        history_size: config.spool.history_size,
    })
    .await?;
    withdraw::withdraw(config, &catalogue, &spool).await?;
    let door = receive_settings(config);
    let bound = Bound::bind(&door).await.map_err(|error| {
        Failure::new(Exit::Unavailable, format!("{error}; is another process there? set receive.listen"))
    })?;
    let certificates = bound.certificates();
    let operator_listener = match &config.operate.listen {
        OperatorListen::Tcp(addr) => operate::Listener::tcp(*addr, "operate.listen").await,
        OperatorListen::Unix(path) => operate::Listener::unix(path, "operate.listen").await,
    }
    .map_err(unavailable)?;
    let probes = match config.operate.probe_listen {
        None => None,
        Some(addr) => Some(operate::Listener::tcp(addr, "operate.probe_listen").await.map_err(unavailable)?),
    };

    let mapper = Mapper {
        catalogue: Arc::clone(&catalogue),
        sources: config.sources.iter().map(source).map(|s| (s.key.clone(), s)).collect(),
    };
    let stop_publishing = CancellationToken::new();
    let publisher =
        Publisher::start(publish_settings(config), spool.clone(), mapper.clone(), stop_publishing)
            .await
            .map_err(|e| Failure::new(Exit::SpoolFailed, e.to_string()))?;

    let routes = Arc::new(ArcSwap::from_pointee(routes));
    let replays = Replays::new(spool.clone(), mapper.clone(), Arc::clone(&routes));
    let stats = Arc::new(receive::Stats::default());
    let senders = Arc::new(ArcSwap::from_pointee(senders));
    let control = publisher.control();
    let mut registry = Registry::with_prefix(operate::PREFIX);
    stats.register(&mut registry);
    control.stats().register(&mut registry);
    let (reload_asked, mut reloads) = mpsc::channel(1);
    let (phase, phase_seen) = watch::channel(Phase::Starting);
    let operator = Arc::new(Operator {
        spool: spool.clone(),
        mapper,
        replays: replays.clone(),
        setup: setup(config),
        reload: reload_asked,
        signs: {
            let (senders, stats) = (Arc::clone(&senders), Arc::clone(&stats));
            Box::new(move || Signs {
                pulses: control.pulses(),
                contracts: control.held_contracts(),
                senders: signs(&senders.load(), &stats),
                books: books(&senders.load(), &stats),
            })
        },
        registry: Arc::new(registry),
        phase: phase_seen,
        token: config.operate.token.clone(),
        hosts: config.operate.hosts.clone(),
    });

    let teller = Teller {
        spool: spool.clone(),
        routes: Arc::clone(&routes),
        sources: {
            let (senders, stats) = (Arc::clone(&senders), Arc::clone(&stats));
            Box::new(move || signs_of_life(&senders.load(), &stats))
        },
        every: config.heartbeat_every,
    };

    let (stop_door, stop_operator) = (CancellationToken::new(), CancellationToken::new());
    let (door_open, watching) = (TaskTracker::new(), TaskTracker::new());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        spool = %config.spool.path.display(),
        operator = operator_listener.place(),
        sources = config.sources.len(),
        topics = config.topics.len(),
        "starting"
    );
    if let Some(probes) = probes {
        watching.spawn(operate::serve_probes(probes, Arc::clone(&operator), stop_operator.clone()));
    }
    watching.spawn(operate::serve(operator_listener, operator, stop_operator.clone()));
    door_open.spawn(receive::serve(
        bound,
        receive::Context {
            spool: spool.clone(),
            routes: Arc::clone(&routes),
            senders: Arc::clone(&senders),
            stats,
            limits: door.limits,
            timeouts: door.timeouts,
            max_connections: door.max_connections,
        },
        stop_door.clone(),
    ));
    let stop_replays = CancellationToken::new();
    watching.spawn(replays.run(stop_replays.clone()));
    // It ends with the door: what it would tell then is told by the next start.
    door_open.spawn(teller.run(stop_door.clone()));
    phase.send_replace(Phase::Serving);
    alarm_gone_topics(config, &spool).await;

    let mut reloader = Reloader {
        read: reload,
        present: config.clone(),
        catalogue,
        spool: spool.clone(),
        routes,
        senders,
        certificates,
    };
    let mut failed = spool.failed();
    let exit = loop {
        tokio::select! {
            _ = failed.wait_for(|failed| *failed) => break Exit::SpoolFailed,
            told = signals.next() => match told {
                Told::End(signal) => {
                    tracing::info!(signal, "told to end");
                    break Exit::Done;
                }
                // Why it wasn't is in the log.
                Told::Reload => drop(reloader.reload().await),
            },
            Some(asked) = reloads.recv() => {
                // Who asked may be gone.
                drop(asked.send(reloader.reload().await));
            }
        }
    };

    // No new batch is taken while what is in flight, in both directions, is finished.
    phase.send_replace(Phase::Stopping);
    stop_door.cancel();
    stop_replays.cancel();
    door_open.close();
    let within = config.operate.shutdown_grace.saturating_sub(TO_CLOSE).min(TO_FINISH);
    tracing::info!(?within, "stopping: no new batch is taken, what is in flight is finished");
    let (answered, ()) =
        tokio::join!(tokio::time::timeout(within, door_open.wait()), publisher.finish(within));
    if answered.is_err() {
        tracing::warn!("requests were cut off: their senders will send them again");
    }
    spool.shut().await;
    stop_operator.cancel();
    watching.close();
    let _ = tokio::time::timeout(Duration::from_millis(500), watching.wait()).await;
    tracing::info!(exit = exit.code(), "stopped");
    Ok(exit)
}

/// Says once which topics are not there though something waits for them. It stays, whatever is done.
async fn alarm_gone_topics(config: &Config, spool: &Spool) {
    let Ok(state) = spool.state().await else { return };
    for topic in state.unserved(|key| config.topics.iter().any(|known| known.key == *key)) {
        let waiting = topic.still_owed();
        tracing::error!(topic = %topic.topic, waiting, "held (topic-gone): the configuration has no such topic; put [topics.KEY] back, perhaps with another ARN; nothing is lost");
    }
}

/// What the outside may tell the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Caught so that a file that reaches its limit is an error of the write, not the end.
    _file_size: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        // SIGXFSZ is 25 on Linux, whatever the processor (signal(7)).
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::from_raw(25),
        ];
        let [terminate, interrupt, hangup, file_size] = kinds.map(|kind| {
            signal(kind).map_err(|e| Failure::new(Exit::Failed, format!("listening for signals: {e}")))
        });
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hangup: hangup?, _file_size: file_size? })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End("SIGTERM"),
            _ = self.interrupt.recv() => Told::End("SIGINT"),
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

/// What a signal tells.
enum Told {
    /// End in order.
    End(&'static str),
    /// Read again what may change while running.
    Reload,
}

fn unavailable(error: impl std::error::Error) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string())
}

fn source(from: &config::Source) -> Source {
    Source { key: from.key.clone(), url: from.url.clone(), dataschema: from.dataschema.clone() }
}

pub(super) fn senders(config: &Config) -> Result<Senders, Failure> {
    let wrong = |words: String| Failure::new(Exit::BadConfiguration, words);
    let mut senders = Vec::new();
    for from in &config.sources {
        let mut secrets = Vec::new();
        for secret in &from.secrets {
            let parsed = receive::Secret::parse(&secret.id, secret.text.expose());
            secrets.push(
                parsed.map_err(|e| wrong(format!("[sources.{}] secret {}: {e}", from.key, secret.id)))?,
            );
        }
        senders.push(Sender { source: source(from), accept_urls: from.accept_urls.clone(), secrets });
    }
    Senders::new(senders).map_err(|e| wrong(e.to_string()))
}

/// A size of the configuration as one of memory: more than memory can hold is all of it.
fn bytes(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn receive_settings(config: &Config) -> receive::Settings {
    let from = &config.receive;
    let listen = match from.listen.clone() {
        config::Listen::Tcp(addr) => receive::Listen::Tcp(addr),
        config::Listen::Unix { path, mode, group } => receive::Listen::Unix { path, mode, group },
        config::Listen::Tls { addr, cert, key } => receive::Listen::Tls { addr, cert, key },
        config::Listen::PlaintextBehindProxy(addr) => receive::Listen::PlaintextBehindProxy(addr),
    };
    receive::Settings {
        listen,
        limits: receive::Limits {
            max_body: bytes(from.max_body),
            max_events: bytes(from.max_events),
            max_event: bytes(from.max_event),
            max_depth: bytes(from.max_depth),
            in_flight: bytes(from.max_in_flight),
        },
        timeouts: receive::Timeouts { head: from.header_timeout, body: from.body_timeout },
        max_connections: bytes(from.max_connections),
    }
}

fn publish_settings(config: &Config) -> publish::Settings {
    let topics = config
        .topics
        .iter()
        .map(|topic| TopicSettings {
            key: topic.key.clone(),
            arn: topic.arn.as_str().to_owned(),
            kind: if topic.arn.is_fifo() { TopicKind::Fifo } else { TopicKind::Standard },
            max_message: bytes(topic.max_message),
            in_flight: bytes(topic.in_flight),
        })
        .collect();
    let mut settings = publish::Settings::new(config.aws.region.clone(), topics);
    settings.endpoint_url.clone_from(&config.aws.endpoint_url);
    settings.quota = quota(&config.aws);
    settings
}

/// How many messages a second this process may send. What AWS grants says nothing of a stand-in.
fn quota(aws: &config::Aws) -> Quota {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let at_aws = |url: &String| url.split('/').nth(2).is_some_and(|host| host.contains(".amazonaws.com"));
    let granted = match aws.endpoint_url.as_ref() {
        Some(url) if !at_aws(url) => Quota::NONE,
        _ => Quota::of_region(&aws.region),
    };
    let quota = Quota {
        standard: aws.quota_standard.map(small).or(granted.standard),
        fifo: aws.quota_fifo.map(small).or(granted.fifo),
    };
    quota.share(small(aws.quota_share))
}

fn setup(config: &Config) -> Setup {
    let topics = config
        .topics
        .iter()
        .map(|topic| SetTopic { key: topic.key.clone(), arn: topic.arn.as_str().to_owned() })
        .collect();
    Setup { topics, started: Timestamp::now() }
}

/// Each secret with when it was last used, and what its source's plugin last said of itself.
fn signs(senders: &Senders, stats: &receive::Stats) -> Vec<Sign> {
    let mut signs = Vec::new();
    for sender in senders.iter() {
        let key = &sender.source.key;
        let plugin = stats.plugin(key).map_or_else(
            || "has not asked what is wanted since the start".to_owned(),
            |p| format!("plugin {}, Moodle {}, asked at {:.0}", p.plugin, p.moodle, p.at),
        );
        signs.extend(sender.secrets.iter().map(|secret| Sign {
            source: key.clone(),
            url: sender.source.url.clone(),
            secret: secret.id().to_owned(),
            fingerprint: secret.fingerprint(),
            last_used: stats.secret_last_used(key, secret.id()),
            plugin: plugin.clone(),
        }));
    }
    signs.sort_by(|a, b| (&a.source, &a.secret).cmp(&(&b.source, &b.secret)));
    signs
}

/// When each source was last heard.
fn signs_of_life(senders: &Senders, stats: &receive::Stats) -> Vec<SignOfLife> {
    let of = |sender: &Arc<Sender>| {
        let (heard_at, event_at) = stats.heard(&sender.source.key);
        SignOfLife { source: sender.source.clone(), heard_at, event_at }
    };
    senders.iter().map(of).collect()
}

/// The ledger of each source's plugin beside the spool's, as far as one was told.
fn books(senders: &Senders, stats: &receive::Stats) -> Vec<Books> {
    let of = |sender: &Arc<Sender>| {
        let key = &sender.source.key;
        let books = stats.plugin(key)?.books;
        let line = |name: &str, outcome: Outcome, count: Option<Count>| Pair {
            name: name.to_owned(),
            moodle: Some(books.plugin.sum(outcome)),
            here: count.and_then(|count| books.here.iter().find(|(c, _)| *c == count)).map(|(_, n)| *n),
        };
        Some(Books {
            source: key.to_string(),
            at: books.at,
            since: books.since,
            lines: vec![
                line("observed, received", Outcome::Observed, Some(Count::Received)),
                line("accepted", Outcome::Accepted, Some(Count::Accepted)),
                line("duplicate", Outcome::Duplicate, Some(Count::Duplicate)),
                line("unwanted", Outcome::Unwanted, Some(Count::Unwanted)),
                line("parked at the door", Outcome::Parked, Some(Count::Parked)),
                line("waiting in the outbox", Outcome::Waiting, None),
                line("not taken", Outcome::NotTaken, None),
                line("refused for good", Outcome::Refused, None),
                line("lost at the cap", Outcome::LostAtCap, None),
                line("without a list", Outcome::Unarmed, None),
            ],
            unaccounted: books.unaccounted,
            not_received: books.not_received,
        })
    };
    let mut books: Vec<Books> = senders.iter().filter_map(of).collect();
    books.sort_by(|a, b| a.source.cmp(&b.source));
    books
}
