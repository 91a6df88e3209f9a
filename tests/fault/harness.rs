//! What every fault test stands on: its seed, what it may use of the machine, and the laws that must hold
//! once all is calm again (I1 to I6; I7 is each test's own).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use moodle_sns_producer::event::EventId;
use moodle_sns_producer::spool::Spool;

use crate::support::checker::{self, Evidence, Known};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;

/// The run's seed: given by `SEED`, else a new one.
pub fn seed() -> u64 {
    amount("SEED", fastrand::u64(..))
}

/// How much of something a run does: given by a variable, so that a long run is the same test.
pub fn amount(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says that something can't be shown here, and fails where nothing may be skipped.
pub fn skip(needs: &str, unproven: &str) {
    println!("SKIPPED: needs {needs}; unproven: {unproven}");
    let required = ["FAULT_REQUIRED", "TESTS_REQUIRED"].iter().any(|name| std::env::var_os(name).is_some());
    assert!(!required, "{needs} is missing and nothing may be skipped");
}

/// Whether a tool is there; says so, if it isn't.
pub fn has(tool: &str, package: &str, unproven: &str) -> bool {
    let there = std::process::Command::new(tool)
        .arg("-V")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok();
    if !there {
        skip(&format!("{tool} (apt-get install {package})"), unproven);
    }
    there
}

/// The points that a run must have met to be worth something (I7).
#[derive(Debug, Default)]
pub struct Sometimes(Vec<(&'static str, u64)>);

impl Sometimes {
    /// Meets a point so many times, or says that it could be met.
    pub fn met(&mut self, point: &'static str, times: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == point) {
            Some((_, n)) => *n += times,
            None => self.0.push((point, times)),
        }
    }

    /// Those that were never met.
    pub fn missed(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, n)| *n == 0).map(|(point, _)| *point).collect()
    }
}

impl std::fmt::Display for Sometimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, (point, times)) in self.0.iter().enumerate() {
            write!(f, "{}{times} x {point}", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// What senders know at the end of a run.
#[derive(Debug, Default)]
pub struct Account {
    /// What was sent, by event.
    pub sent: HashMap<EventId, Known>,
    /// How many messages an event owes each topic.
    pub owes: HashMap<EventId, usize>,
    /// Posts that got no answer, or a 5xx.
    pub unanswered: u64,
    /// Posts made again under the same ids.
    pub resent: u64,
}

impl Account {
    /// Adds what another sender knows.
    pub fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.owes.extend(other.owes);
        self.unanswered += other.unanswered;
        self.resent += other.resent;
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Verdict {
    /// The laws that are broken, in words that begin with the law.
    pub faults: Vec<String>,
    /// Messages that the double took, copies among them.
    pub messages: usize,
    pub copies: usize,
    pub events: usize,
    pub kept: usize,
    pub drained: Duration,
}

/// The most memory that a sidecar of these tests may take: debug builds are larger than what is released.
const MOST_MEMORY_KIB: u64 = 256 << 10;

/// The calm phase and the laws. `double` goes well from now on; the running `sidecar` must publish all that
/// waits within the time; then what the double took is held against what the senders know, the ledger is
/// added up as the page, a scrape and the file say it, and SIGTERM must end the process in order.
/// `descriptors` is how many files it had open when it was idle.
pub async fn calm(
    sidecar: &mut Sidecar,
    double: &SnsDouble,
    account: Account,
    within: Duration,
    descriptors: Option<usize>,
) -> Verdict {
    double.calm();
    let begun = Instant::now();
    let status = sidecar.drained(within).await;
    let drained = begun.elapsed();
    let parked: HashSet<EventId> = sidecar
        .ask(&["parked", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["event"].as_str().unwrap().parse().unwrap())
        .collect();
    let taken: Vec<checker::Taken> = double.log().into_iter().map(checker::Taken::from).collect();
    let messages = taken.len();
    let copies = messages - taken.iter().map(|t| (&t.topic, &t.body)).collect::<HashSet<_>>().len();
    let events = account.sent.len();
    let kept = account.sent.values().filter(|known| **known == Known::Kept).count();
    let by_rule = account.owes.iter().filter(|(_, rows)| **rows == 0).map(|(id, _)| *id).collect();
    let topics = status["topics"].as_array().unwrap().len();
    let owes = account.owes.iter().map(|(id, rows)| (*id, rows * topics)).collect();
    let evidence = Evidence { sent: account.sent, taken, parked, unpublished_by_rule: by_rule, owes };
    let mut faults = checker::faults(&evidence);
    if double.overlaps() > 0 {
        faults.push(format!("I4 order: {} times two of a group were out at once", double.overlaps()));
    }

    for account in ["door", "messages"] {
        let missing = status[account]["missing"].as_array().unwrap();
        if missing.is_empty() || missing.iter().any(|n| n.as_i64() != Some(0)) {
            faults.push(format!("I5 ledger in status: {}", status[account]));
        }
    }
    // Of a spool in which nothing was ever kept the sums say nothing.
    if kept > 0 {
        faults.extend(metrics_faults(&scrape(sidecar).await));
    }
    faults.extend(size_faults(sidecar.pid(), descriptors));
    let (exit, took) = sidecar.terminate();
    if exit.code() != Some(0) || took > Duration::from_secs(10) {
        faults.push(format!("I6 SIGTERM: {exit} after {took:?}"));
    }
    faults.extend(file_faults(sidecar).await);
    if let Some(panic) = sidecar.log().lines().find(|line| line.contains("panicked")) {
        faults.push(format!("I6 a panic: {panic}"));
    }
    Verdict { faults, messages, copies, events, kept, drained }
}

/// I5, as the file itself says it.
async fn file_faults(sidecar: &Sidecar) -> Option<String> {
    let spool = match Spool::read_only(&sidecar.spool()).await {
        Ok(spool) => spool,
        Err(error) => return Some(format!("I5 ledger in the spool: {error}")),
    };
    let state = spool.state().await.unwrap();
    spool.shut().await;
    let holds = state.missing_events() == 0 && state.topics.iter().all(|topic| topic.missing() == 0);
    (!holds).then(|| format!("I5 ledger in the spool: {state:?}"))
}

/// I6: memory and open files.
fn size_faults(pid: u32, descriptors: Option<usize>) -> Vec<String> {
    let mut faults = Vec::new();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = memory.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    if kib.is_none_or(|kib| kib > MOST_MEMORY_KIB) {
        faults.push(format!("I6 memory: {kib:?} KiB"));
    }
    // What is kept for later: a connection to SNS for each batch in flight on the two topics, and eight
    // readers of the spool with a file and a log each.
    let most = descriptors.map(|n| n + 5 + 2 * 8 + 2 * 8);
    let now = open_files(pid);
    if most.is_some_and(|most| now > most) {
        faults.push(format!("I6 open files: {now}, at rest {descriptors:?}"));
    }
    faults
}

/// How many files a process has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// What `/metrics` says.
pub async fn scrape(sidecar: &Sidecar) -> String {
    let stream = tokio::net::UnixStream::connect(sidecar.dir.join("operate.sock")).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("/metrics")
        .header("host", "localhost")
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The sums of the ledger, from what a scrape says alone.
fn metrics_faults(text: &str) -> Vec<String> {
    let sum = |name: &str, label: &str| -> f64 {
        text.lines()
            .filter(|line| line.starts_with(name) && line.contains(label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let events = |outcome: &str| sum("moodle_sns_events_received_total{", &format!("outcome=\"{outcome}\""));
    let received = sum("moodle_sns_ledger_received_total{", "");
    let parts = events("accepted") + events("duplicate") + events("unwanted") + events("parked");
    let owed = sum("moodle_sns_ledger_messages_total{", "count=\"owed\"");
    let lying =
        sum("moodle_sns_spool_events{", "") + sum("moodle_sns_ledger_messages_total{", "count=\"settled\"");
    let mut faults = Vec::new();
    if received == 0.0 || received != parts {
        faults.push(format!("I5 ledger in metrics: received {received}, parts {parts}"));
    }
    if owed == 0.0 || owed != lying {
        faults.push(format!("I5 ledger in metrics: owed {owed}, lying {lying}"));
    }
    faults
}
