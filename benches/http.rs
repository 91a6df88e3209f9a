//! Accept over HTTP, durable before the 202: the real binary beside a Python outbox (`FastAPI`, SQLite), in turn, in
//! one run, with the client on the same cores; then beside a bare rusqlite loop that writes the same rows
//! without HTTP; then with a disk whose syncs take 5 ms.
//!
//! Each event owes one delivery, to one standard topic. SNS is a closed port in both, so deliveries wait.
//!
//! `scripts/bench.sh http`, which starts the rival (`RIVAL_FASTAPI`: a program, `PORT DATABASE`); without
//! it `cargo bench --bench http` (`BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_DIR` for the disk).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
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

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use doubles::corpus::{self, Recording};
use doubles::sidecar::{SECRET, SOURCE, STANDARD, Sidecar, URL};
use jiff::Timestamp;
use moodle_sns_producer::contract::{Catalogue, EventData, Routes, Subscription, cut};
use moodle_sns_producer::spool::{Settings, Spool};
use support::bare::Bare;
use support::events::Stream;
use support::load::{ID, Load, Served, Template};
use support::{cpu_seconds, median, setting};
use tempfile::TempDir;

const CONNECTIONS: u64 = 32;
/// Nobody listens there.
const NO_SNS: &str = "http://127.0.0.1:9";
/// Each sync waits for 5 ms first; nothing else is traced.
const SLOW_DISK: [&str; 9] = [
    "strace",
    "-f",
    "-qq",
    "--seccomp-bpf",
    "-o",
    "/dev/null",
    "-e",
    "trace=fsync,fdatasync",
    "--inject=fsync,fdatasync:delay_enter=5000",
];

/// The corpus's hour: its events that one contract takes, cut as the plugin cuts them, moved to now.
fn templates() -> Vec<Template> {
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    let subscription = Subscription {
        topic: "all".parse().unwrap(),
        contracts: catalogue.iter().map(|c| c.id().clone()).collect(),
        sources: None,
    };
    let list = Routes::new(catalogue, &[subscription]).wanted(&SOURCE.parse().unwrap());
    corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Hour))
        .into_iter()
        .filter(|captured| !captured.is_anonymous())
        .filter_map(|captured| {
            let data = EventData {
                event: captured.data.clone(),
                entities: captured.entities.clone(),
                ..EventData::default()
            };
            let taken = list.take(&captured.name, &data);
            (taken.rows.len() == 1).then(|| {
                let cut = cut(&taken, &data).data;
                let mut event = captured.cloud_event(URL, list.etag());
                event["id"] = ID.into();
                event["data"] = serde_json::from_slice(&cut).unwrap();
                let stored = (captured.name.as_str().into(), cut, captured.time.as_second());
                Template::new(&event.to_string(), stored)
            })
        })
        .collect()
}

fn folder() -> TempDir {
    std::env::var("BENCH_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The real binary on a TCP port, with one topic.
fn ours(dir: &Path, under: &[&str]) -> (Sidecar, SocketAddr) {
    let mut sidecar = Sidecar::new(dir, NO_SNS).under(under);
    let port = free_port();
    let file = dir.join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let (head, _) = config.split_once("[topics.").unwrap();
    let head = head.replace(&format!("unix:{}/in.sock", dir.display()), &format!("127.0.0.1:{port}"));
    let topic =
        format!("[topics.all]\narn = \"{STANDARD}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n");
    std::fs::write(&file, head + &topic).unwrap();
    sidecar.start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sidecar.ready());
    (sidecar, ([127, 0, 0, 1], port).into())
}

/// How many commits it has made.
fn commits(sidecar: &Sidecar) -> f64 {
    sidecar.ask(&["status"])["spool"]["commits"].as_f64().unwrap()
}

/// The rival, until it is dropped.
struct Rival(Child);

impl Rival {
    fn start(program: &str, dir: &Path) -> (Self, SocketAddr) {
        let port = free_port();
        let child = Command::new(program)
            .arg(port.to_string())
            .arg(dir.join("rival.db"))
            .env("SOURCE", SOURCE)
            .env("SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let rival = Self(child);
        let (addr, begun) = (SocketAddr::from(([127, 0, 0, 1], port)), Instant::now());
        while TcpStream::connect(addr).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the rival did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        (rival, addr)
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The figures of one server, a round each.
#[derive(Default)]
struct Rounds {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    half: Vec<f64>,
    most: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, served: &Served, cpu: f64) {
        self.rate.push(served.rate());
        self.cpu.push(cpu / served.batches as f64 * 1e3);
        self.half.push(served.wait(0.5));
        self.most.push(served.wait(0.99));
    }

    fn print(&self, name: &str, batch: usize) {
        println!(
            "{name:<12} {batch:>5} {:>10.0} {:>14.3} {:>9.2} {:>9.2}",
            median(self.rate.clone()),
            median(self.cpu.clone()),
            median(self.half.clone()),
            median(self.most.clone()),
        );
    }
}

/// A short load that isn't counted, then one that is, with what the server used of the processors.
fn measure(load: &Load, pid: u32) -> (Served, f64) {
    Load { time: load.time / 5, salt: load.salt + (1 << 16), ..load.clone() }.run();
    let before = cpu_seconds(pid);
    let served = load.run();
    (served, cpu_seconds(pid) - before)
}

/// Batches a second of the bare loop, in groups of this mean size.
fn bare(dir: &Path, load: &Load, group: f64) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = dir.join("bare.db");
    runtime.block_on(async { Spool::open(Settings::at(&path)).await.unwrap().shut().await });
    let mut bare = Bare::open(&path);
    let mut stream = Stream::of(load.templates.iter().map(|t| t.stored.clone()).collect(), load.salt << 44);
    let (mut done, mut due) = (0, 0.0);
    let begun = Instant::now();
    while begun.elapsed() < load.time {
        due += group;
        let n = due as usize;
        due -= n as f64;
        let batches: Vec<_> = (0..n).map(|_| stream.batch(load.batch)).collect();
        bare.commit(&batches);
        done += n;
    }
    done as f64 / begun.elapsed().as_secs_f64()
}

fn compare(common: &Load, rounds: u64) {
    let rival = std::env::var("RIVAL_FASTAPI").ok();
    if rival.is_none() {
        println!("SKIPPED: the FastAPI rival (RIVAL_FASTAPI names no program; scripts/bench.sh does)");
    }
    println!(
        "{:<12} {:>5} {:>10} {:>14} {:>9} {:>9}",
        "server", "batch", "batches/s", "CPU s / 1,000", "p50 ms", "p99 ms"
    );
    for batch in [1, 10] {
        let (mut our_rounds, mut rival_rounds) = (Rounds::default(), Rounds::default());
        let (mut bares, mut groups) = (Vec::new(), Vec::new());
        let (mut to_rival, mut to_bare) = (Vec::new(), Vec::new());
        for salt in 0..rounds {
            let dir = folder();
            let (mut sidecar, server) = ours(dir.path(), &[]);
            let load = Load { server, batch, salt, ..common.clone() };
            let before = commits(&sidecar);
            // Not `measure`: the group's size is of what is counted only.
            let cpu = cpu_seconds(sidecar.pid());
            let served = load.run();
            let cpu = cpu_seconds(sidecar.pid()) - cpu;
            let group = served.batches as f64 / (commits(&sidecar) - before);
            sidecar.terminate();
            let rate = served.rate();
            our_rounds.add(&served, cpu);
            groups.push(group);
            if let Some(program) = &rival {
                let (rival, server) = Rival::start(program, dir.path());
                let (served, cpu) = measure(&Load { server, ..load.clone() }, rival.0.id());
                to_rival.push(rate / served.rate());
                rival_rounds.add(&served, cpu);
            }
            let bare = bare(dir.path(), &load, group);
            to_bare.push(rate / bare);
            bares.push(bare);
        }
        our_rounds.print("ours", batch);
        if rival.is_some() {
            rival_rounds.print("FastAPI", batch);
        }
        println!("{:<12} {batch:>5} {:>10.0}", "bare loop", median(bares));
        if !to_rival.is_empty() {
            println!("ratio: {:.1} times FastAPI", median(to_rival));
        }
        println!(
            "ratio: {:.2} of the bare loop (groups of {:.1} batches)\n",
            median(to_bare),
            median(groups)
        );
    }
}

fn slow_disk(common: &Load, rounds: u64) {
    let traces = Command::new(SLOW_DISK[0])
        .args(&SLOW_DISK[1..])
        .arg("true")
        .status()
        .is_ok_and(|status| status.success());
    if !traces {
        println!("SKIPPED: accepts with a slow disk (strace is missing, or may not trace here)");
        return;
    }
    println!("each sync of the disk takes 5 ms more, batches of 1:");
    println!("{:>11} {:>10} {:>9} {:>9} {:>9}", "connections", "batches/s", "p50 ms", "p99 ms", "group");
    for connections in [1, 128] {
        let (mut all, mut groups) = (Rounds::default(), Vec::new());
        for salt in 0..rounds {
            let dir = folder();
            let (mut sidecar, server) = ours(dir.path(), &SLOW_DISK);
            let load = Load { server, connections, salt, ..common.clone() };
            let before = commits(&sidecar);
            let served = load.run();
            groups.push(served.batches as f64 / (commits(&sidecar) - before));
            sidecar.terminate();
            all.add(&served, 0.0);
        }
        println!(
            "{connections:>11} {:>10.0} {:>9.2} {:>9.2} {:>9.1}",
            median(all.rate),
            median(all.half),
            median(all.most),
            median(groups)
        );
    }
}

fn main() {
    let rounds = setting("BENCH_ROUNDS", 5.0) as u64;
    let templates = templates();
    let mean = templates.iter().map(Template::bytes).sum::<usize>() / templates.len();
    println!(
        "accept over HTTP: {CONNECTIONS} connections, {} corpus events of {mean} bytes on average, one delivery each",
        templates.len()
    );
    let load = Load {
        server: ([127, 0, 0, 1], 0).into(),
        source: SOURCE,
        secret: SECRET,
        connections: CONNECTIONS,
        batch: 1,
        time: Duration::from_secs_f64(setting("BENCH_SECONDS", 2.0)),
        templates: Arc::new(templates),
        salt: 0,
    };
    compare(&load, rounds);
    slow_disk(&load, rounds.min(3));
}
