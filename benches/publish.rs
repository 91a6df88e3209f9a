//! The processors' time that a message costs from the spool to SNS's answer, beside a bare loop of
//! `aws-sdk-sns` over messages that are made already: same bodies, attributes, batches of ten, and the
//! same number in flight, to the same double. Each runs as a process of its own, so that its time can be
//! told apart from the double's.
//!
//! `cargo bench --bench publish` (`BENCH_MESSAGES`, `BENCH_ROUNDS`, `BENCH_DIR` for the disk).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::large_futures,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark stops at the first surprise, and its figures are small"
)]

#[path = "../tests/support/mod.rs"]
#[allow(unused_imports, reason = "its own tests are not run from here")]
mod doubles;
mod support;

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use doubles::corpus::{self, Recording};
use doubles::sidecar::{STANDARD, URL};
use doubles::sns::SnsDouble;
use jiff::Timestamp;
use moodle_sns_producer::contract::{Catalogue, EventData, Message, Routes, Subscription, cut};
use moodle_sns_producer::delivery::{ContractId, Fate, Receipt, TopicKey};
use moodle_sns_producer::event::{Event, Sequence, Source, StoredEvent};
use moodle_sns_producer::publish::{Identity, Mapper, Publisher, Settings, TopicSettings};
use moodle_sns_producer::spool::{self, Accept, Batch, Route, Spool};
use support::events::Stream;
use support::{cpu_seconds, median, setting};
use tokio_util::sync::CancellationToken;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const IN_FLIGHT: usize = 8;
const ENTRIES: usize = 10;
const REGION: &str = "eu-west-2";

/// What one process used and how long it took, for all messages.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    seconds: f64,
}

impl Cost {
    async fn of(work: impl Future<Output = ()>) -> Self {
        let (cpu, begun) = (cpu_seconds(std::process::id()), Instant::now());
        work.await;
        Self { cpu: cpu_seconds(std::process::id()) - cpu, seconds: begun.elapsed().as_secs_f64() }
    }
}

/// What the roles share: the contracts, and where messages go.
struct Site {
    catalogue: Arc<Catalogue>,
    source: Source,
    topic: TopicKey,
    routes: Routes,
}

impl Site {
    fn new() -> Self {
        let catalogue = Arc::new(Catalogue::builtin().unwrap());
        let source = Source {
            key: "vle".parse().unwrap(),
            url: URL.into(),
            dataschema: "urn:moodle-sns-producer:schema:".into(),
        };
        let topic: TopicKey = "all".parse().unwrap();
        let contracts = catalogue.iter().map(|c| c.id().clone()).collect();
        let all = Subscription { topic: topic.clone(), contracts, sources: None };
        let routes = Routes::new(Arc::clone(&catalogue), &[all]);
        Self { catalogue, source, topic, routes }
    }

    /// So many events of the corpus's hour that one contract takes, cut, each under an id of its own.
    fn accepts(&self, n: usize) -> Vec<Accept> {
        let list = self.routes.wanted(&self.source.key);
        let events: Vec<Accept> = corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Hour))
            .into_iter()
            .filter(|captured| !captured.is_anonymous())
            .filter_map(|captured| {
                let data =
                    EventData { event: captured.data, entities: captured.entities, ..EventData::default() };
                let taken = list.take(&captured.name, &data);
                let cut = cut(&taken, &data);
                let event = Event {
                    source: self.source.key.clone(),
                    id: captured.id,
                    name: captured.name.as_str().into(),
                    time: captured.time,
                    raised: Some(captured.raised),
                    bulk: false,
                    data: cut.data,
                };
                let owed = self.routes.owed(&self.source, &taken, &event);
                (owed.len() == 1).then_some(Accept { event, people: cut.people, route: Route::Owed(owed) })
            })
            .collect();
        let fresh = events.iter().cycle().take(n).enumerate().map(|(count, accept)| {
            let mut accept = accept.clone();
            accept.event.id = Stream::id(count as u64);
            accept
        });
        fresh.collect()
    }

    /// The same as stored events, each with its contract.
    fn stored(&self, n: usize) -> Vec<(ContractId, StoredEvent)> {
        let stored = self.accepts(n).into_iter().enumerate().map(|(count, accept)| {
            let Route::Owed(owed) = accept.route else { panic!("each owes one") };
            let sequence = Sequence { epoch: 1, position: count as u64, place: 0 };
            (owed[0].contract.clone(), StoredEvent { event: accept.event, sequence })
        });
        stored.collect()
    }

    fn map(&self, contract: &ContractId, stored: &StoredEvent) -> Message {
        self.catalogue.map(contract, &self.source, stored).unwrap()
    }

    /// A spool that owes so many, as a start finds it.
    async fn filled(&self, dir: &Path, n: usize) -> Spool {
        let settings = spool::Settings::at(dir.join("spool.db"));
        let spool = Spool::open(settings.clone()).await.unwrap();
        for events in self.accepts(n).chunks(1_000) {
            let batch =
                Batch { source: self.source.key.clone(), events: events.to_vec(), unwanted: Vec::new() };
            spool.accept(batch).await.unwrap();
        }
        spool.shut().await;
        Spool::open(settings).await.unwrap()
    }
}

/// The publisher of the library, until nothing is owed any more.
async fn ours(url: &str, dir: &Path, n: usize) -> Cost {
    let site = Site::new();
    let spool = site.filled(dir, n).await;
    let mut topic = TopicSettings::new(site.topic.clone(), STANDARD);
    topic.in_flight = IN_FLIGHT;
    let mut settings = Settings::new(REGION, vec![topic]);
    settings.endpoint_url = Some(url.to_owned());
    settings.identity = Identity::Fixed { key_id: "test".into(), secret: "test".into() };
    let sources = HashMap::from([(site.source.key.clone(), site.source.clone())]);
    let mapper = Mapper { catalogue: Arc::clone(&site.catalogue), sources };
    let cost = Cost::of(async {
        let publisher =
            Publisher::start(settings, spool.clone(), mapper, CancellationToken::new()).await.unwrap();
        let control = publisher.control();
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if control.pulse(&site.topic).unwrap().queued > 0 {
                continue;
            }
            let state = spool.state().await.unwrap();
            if state.topics.iter().all(|topic| topic.waiting + topic.held == 0) {
                break;
            }
        }
        publisher.finish(Duration::from_secs(5)).await;
    })
    .await;
    let state = spool.state().await.unwrap();
    assert!(state.topics.iter().all(|topic| topic.parked.is_empty()));
    spool.shut().await;
    cost
}

/// The SDK alone, as the publisher sets it.
async fn bare(url: &str, n: usize) -> Cost {
    let site = Site::new();
    let messages: Vec<Message> = site.stored(n).iter().map(|(id, stored)| site.map(id, stored)).collect();
    let mut batches = VecDeque::new();
    let mut messages = messages.into_iter();
    loop {
        let batch: Vec<Message> = messages.by_ref().take(ENTRIES).collect();
        if batch.is_empty() {
            break;
        }
        batches.push_back(batch);
    }
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .endpoint_url(url)
        .load()
        .await;
    let client = aws_sdk_sns::Client::new(&config);
    let batches = Arc::new(Mutex::new(batches));
    Cost::of(async {
        let loops: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                let (client, batches) = (client.clone(), Arc::clone(&batches));
                tokio::spawn(async move {
                    while let Some(batch) = { batches.lock().unwrap().pop_front() } {
                        let sent = batch.len();
                        let entries = batch.into_iter().enumerate().map(entry).collect();
                        let call = client.publish_batch().topic_arn(STANDARD);
                        let answer = call.set_publish_batch_request_entries(Some(entries)).send().await;
                        assert_eq!(answer.unwrap().successful().len(), sent);
                    }
                })
            })
            .collect();
        for one in loops {
            one.await.unwrap();
        }
    })
    .await
}

fn entry((place, message): (usize, Message)) -> PublishBatchRequestEntry {
    let attributes = message.attributes.into_iter().map(|(name, value)| {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value);
        (name.to_owned(), value.build().unwrap())
    });
    PublishBatchRequestEntry::builder()
        .id(place.to_string())
        .message(message.body)
        .set_message_attributes(Some(attributes.collect()))
        .build()
        .unwrap()
}

/// The spool's part alone: the index, and each batch's load and conclusion, as many at once.
async fn spool_alone(dir: &Path, n: usize) -> Cost {
    let site = Site::new();
    let spool = site.filled(dir, n).await;
    let cost = Cost::of(async {
        let lease = spool.lease(&site.topic).await.unwrap();
        let (mut all, mut after) = (VecDeque::new(), None);
        loop {
            let page = spool.index(&lease, after, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.position);
            all.extend(page.into_iter().map(|entry| entry.position));
        }
        let all = Arc::new(Mutex::new(all));
        let loops: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                let (spool, lease, all) = (spool.clone(), lease.clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    loop {
                        let at: Vec<_> = {
                            let mut all = all.lock().unwrap();
                            let n = all.len().min(ENTRIES);
                            all.drain(..n).collect()
                        };
                        if at.is_empty() {
                            break;
                        }
                        let loaded = spool.load(&lease, &at).await.unwrap();
                        let fate = Fate::Settled(Receipt {
                            sns_id: "double-00000001".into(),
                            sns_sequence: None,
                            request: Some("double-request-1".into()),
                        });
                        let fates = loaded.iter().map(|one| (one.position, fate.clone())).collect();
                        spool.conclude(&lease, fates).await.unwrap();
                    }
                })
            })
            .collect();
        for one in loops {
            one.await.unwrap();
        }
    })
    .await;
    spool.shut().await;
    cost
}

/// The double as a process of its own, until it is dropped.
struct Double(Child, String);

impl Double {
    fn start() -> Self {
        let mut child = again(&["double"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().to_owned())
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// This program again, in a role.
fn again(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// What a role says that it cost.
fn cost_of(words: &[&str]) -> Cost {
    let output = again(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (cpu, seconds) = text.trim().split_once(' ').unwrap();
    Cost { cpu: cpu.parse().unwrap(), seconds: seconds.parse().unwrap() }
}

fn compare() {
    let n = setting("BENCH_MESSAGES", 20_000.0) as usize;
    let rounds = setting("BENCH_ROUNDS", 5.0) as usize;
    let (site, count) = (Site::new(), n.to_string());
    let stored = site.stored(n);
    let (mut bytes, mut attributes) = (0, 0);
    for (contract, stored) in &stored {
        let message = site.map(contract, stored);
        bytes += message.body.len();
        attributes += message.attributes.len();
    }
    println!(
        "publish: {n} messages of {} bytes and {:.1} attributes on average, {ENTRIES} a batch, {IN_FLIGHT} in flight",
        bytes / n,
        attributes as f64 / n as f64
    );
    let mut all: [Vec<Cost>; 4] = Default::default();
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let dir = std::env::var("BENCH_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in);
        let dir = dir.unwrap();
        let at = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path.display().to_string()
        };
        let double = Double::start();
        let ours = cost_of(&["ours", &double.1, &at("ours"), &count]);
        drop(double);
        let double = Double::start();
        let bare = cost_of(&["bare", &double.1, &count]);
        drop(double);
        let spool = cost_of(&["spool", &at("spool"), &count]);
        let (cpu, begun) = (cpu_seconds(std::process::id()), Instant::now());
        for (contract, stored) in &stored {
            std::hint::black_box(site.map(contract, stored));
        }
        let map = Cost { cpu: cpu_seconds(std::process::id()) - cpu, seconds: begun.elapsed().as_secs_f64() };
        ratios.push(ours.cpu / bare.cpu);
        for (costs, cost) in all.iter_mut().zip([ours, bare, map, spool]) {
            costs.push(cost);
        }
    }
    println!("{:<24} {:>14} {:>12}", "", "CPU µs/message", "messages/s");
    let names = ["ours, whole", "bare SDK loop", "map + validate alone", "spool alone"];
    for (name, costs) in names.iter().zip(&all) {
        let cpu = median(costs.iter().map(|c| c.cpu / n as f64 * 1e6).collect());
        let rate = median(costs.iter().map(|c| n as f64 / c.seconds).collect());
        println!("{name:<24} {cpu:>14.1} {rate:>12.0}");
    }
    println!("ratio: {:.2} of the bare loop's CPU a message", median(ratios));
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cost = match words.as_slice() {
        ["double"] => {
            let double = runtime.block_on(SnsDouble::start(0));
            println!("{}", double.url());
            // Its end is the end of whoever started it.
            let _ = std::io::stdin().read(&mut [0]);
            return;
        }
        ["ours", url, dir, n] => runtime.block_on(ours(url, Path::new(dir), n.parse().unwrap())),
        ["bare", url, n] => runtime.block_on(bare(url, n.parse().unwrap())),
        ["spool", dir, n] => runtime.block_on(spool_alone(Path::new(dir), n.parse().unwrap())),
        _ => return compare(),
    };
    println!("{} {}", cost.cpu, cost.seconds);
}
