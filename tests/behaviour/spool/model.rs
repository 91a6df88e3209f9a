//! The spool beside a model of a few maps (D14): after each step of a random walk both must say the same.
//! History is kept for no time at all, so that pruning goes on all the while.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

const KEYS: [&str; 2] = ["a", "b"];

/// What must be true, in a few maps.
#[derive(Default)]
struct Model {
    known: Vec<EventId>,
    waiting: HashMap<&'static str, BTreeMap<Position, EventId>>,
    held: HashMap<Position, Held>,
    parked: BTreeMap<u64, EventId>,
    owed: u64,
    settled: u64,
}

/// How often a walk did each thing: a run that never did one is useless.
type Met = BTreeMap<&'static str, u64>;

struct Walk {
    random: fastrand::Rng,
    /// Each crash goes on in a folder of its own.
    folders: Vec<tempfile::TempDir>,
    spool: Spool,
    model: Model,
    met: Met,
}

fn settings(folder: &Path) -> Settings {
    Settings { history_age: Duration::ZERO, history_size: 0, ..Settings::at(folder.join("spool.db")) }
}

/// In memory where that can be: what is tried here is no disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

impl Walk {
    async fn new(seed: u64) -> Self {
        let folder = folder();
        let spool = Spool::open(settings(folder.path())).await.unwrap();
        let (random, folders) = (fastrand::Rng::with_seed(seed), vec![folder]);
        Self { random, folders, spool, model: Model::default(), met: Met::new() }
    }

    fn place(&self) -> PathBuf {
        self.folders.last().unwrap().path().to_owned()
    }

    async fn step(&mut self) {
        let key = *self.random.choice(&KEYS).unwrap();
        let done = match self.random.u32(0..100) {
            0..=39 => self.accept(key).await,
            40..=84 => self.conclude(key).await,
            85..=91 => self.redrive(key).await,
            92..=95 => self.crash().await,
            _ => self.close_and_open().await,
        };
        *self.met.entry(done).or_default() += 1;
    }

    async fn accept(&mut self, key: &'static str) -> &'static str {
        let new = id(self.random.u64(..));
        let repeated = self.random.choice(&self.model.known).copied();
        let mut events = vec![(event(new, "x"), Route::Owed(vec![owed(key, self.random.u8(0..3))]))];
        events.extend(repeated.map(|id| (event(id, "x"), Route::Owed(vec![owed(key, 1)]))));
        let answers = self.spool.accept(batch(events)).await.unwrap();
        assert!(matches!(answers[0], Accepted::New(_)), "{answers:?}");
        assert!(answers[1..].iter().all(|a| *a == Accepted::Duplicate), "{answers:?}");
        let lease = lease(&self.spool, key).await;
        let waiting = self.model.waiting.entry(key).or_default();
        let index = self.spool.index(&lease, None, 10_000).await.unwrap();
        let fresh: Vec<_> = index.iter().filter(|entry| !waiting.contains_key(&entry.position)).collect();
        assert_eq!(fresh.len(), 1, "a repeated event is owed nothing");
        waiting.insert(fresh[0].position, new);
        self.model.known.push(new);
        self.model.owed += 1;
        if repeated.is_some() { "repeat" } else { "accept" }
    }

    async fn conclude(&mut self, key: &'static str) -> &'static str {
        let waiting = self.model.waiting.entry(key).or_default();
        let at: Vec<_> = waiting.keys().copied().collect();
        let Some(position) = self.random.choice(&at).copied() else { return "nothing to conclude" };
        let (fate, done) = match self.random.u32(0..4) {
            0 | 1 => (settled(), "settle"),
            2 => (Fate::Held(held(Cause::Throttled)), "hold"),
            _ => (Fate::Parked(Parking::new(Reason::Refused, "x")), "park"),
        };
        match &fate {
            Fate::Held(held) => drop(self.model.held.insert(position, held.clone())),
            Fate::Settled(_) => {
                waiting.remove(&position);
                self.model.held.remove(&position);
                self.model.settled += 1;
            }
            Fate::Parked(_) => {
                let id = waiting.remove(&position).unwrap();
                self.model.held.remove(&position);
                self.model.parked.insert(position.0, id);
            }
        }
        let lease = lease(&self.spool, key).await;
        // An answer that came twice is nothing new.
        let times = self.random.usize(1..=2);
        for _ in 0..times {
            self.spool.conclude(&lease, vec![(position, fate.clone())]).await.unwrap();
        }
        done
    }

    async fn redrive(&mut self, key: &'static str) -> &'static str {
        let filter = ParkedFilter { topic: Some(topic(key)), ..ParkedFilter::default() };
        let listed = self.spool.parked(&filter, None, 1_000).await.unwrap();
        let changed = self.spool.redrive(&filter, 1_000, &Signed::new("t", "t")).await.unwrap();
        assert_eq!(changed.n, listed.len() as u64);
        for row in &listed {
            assert_eq!(self.model.parked.remove(&row.number), Some(row.event));
            self.model.waiting.entry(key).or_default().insert(Position(row.number), row.event);
        }
        if listed.is_empty() { "redrive of nothing" } else { "redrive" }
    }

    /// What lies on the disk at this moment is all there is.
    async fn crash(&mut self) -> &'static str {
        let (from, to) = (self.place(), folder());
        for name in ["spool.db", "spool.db-wal"] {
            if from.join(name).exists() {
                std::fs::copy(from.join(name), to.path().join(name)).unwrap();
            }
        }
        let spool = Spool::open(settings(to.path())).await.unwrap();
        std::mem::replace(&mut self.spool, spool).shut().await;
        self.folders.push(to);
        "crash"
    }

    async fn close_and_open(&mut self) -> &'static str {
        self.spool.shut().await;
        self.spool = Spool::open(settings(&self.place())).await.unwrap();
        "close and open"
    }

    async fn same(&self) {
        for key in KEYS {
            let lease = lease(&self.spool, key).await;
            let index = self.spool.index(&lease, None, 10_000).await.unwrap();
            let there: Vec<_> = index.iter().map(|entry| entry.position).collect();
            let model = self.model.waiting.get(key);
            assert_eq!(there, model.map(|w| w.keys().copied().collect::<Vec<_>>()).unwrap_or_default());
            for entry in &index {
                let model = self.model.held.get(&entry.position);
                assert_eq!(entry.held.as_ref(), model.filter(|_| entry.held.is_some()), "{entry:?}");
                assert!(entry.held.is_some() || model.is_none(), "a hold is forgotten: {entry:?}");
            }
            // What is owed can be sent, whatever was pruned.
            for delivery in self.spool.load(&lease, &there).await.unwrap() {
                let id = self.model.waiting[key][&delivery.position];
                assert_eq!(delivery.event.unwrap().event.id, id);
            }
            assert_eq!(self.spool.load(&lease, &there).await.unwrap().len(), there.len());
        }
        let state = self.spool.state().await.unwrap();
        let sum = |of: fn(&moodle_sns_producer::spool::TopicState) -> u64| -> u64 {
            state.topics.iter().map(of).sum()
        };
        assert_eq!(sum(|topic| topic.owed), self.model.owed);
        assert_eq!(sum(|topic| topic.settled), self.model.settled);
        let parked = self.spool.parked(&ParkedFilter::default(), None, 1_000).await.unwrap();
        let parked: Vec<_> = parked.into_iter().map(|row| (row.number, row.event)).collect();
        assert_eq!(parked, self.model.parked.iter().map(|(no, id)| (*no, *id)).collect::<Vec<_>>());
        adds_up(&self.spool).await;
    }
}

/// One case: sixty steps.
async fn case(seed: u64) -> Met {
    let mut walk = Walk::new(seed).await;
    for _ in 0..60 {
        walk.step().await;
        walk.same().await;
    }
    walk.spool.shut().await;
    walk.met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_walk_the_spool_is_what_the_model_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SEED").unwrap_or_else(|| fastrand::u64(..u64::MAX / 2));
    let cases = number("CASES").unwrap_or(if number("SEED").is_some() { 1 } else { 500 });
    let mut seeds = first..first + cases;
    let mut met = Met::new();
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.len() < 4
            && let Some(seed) = seeds.next()
        {
            running.spawn(async move {
                let done = tokio::spawn(case(seed)).await;
                if done.is_err() {
                    println!("SEED={seed} cargo test --test behaviour after_any_walk");
                }
                done.unwrap()
            });
        }
        let Some(done) = running.join_next().await else { break };
        for (what, n) in done.unwrap() {
            *met.entry(what).or_default() += n;
        }
    }
    println!("{cases} cases from seed {first}: {met:?}");
    let must = ["accept", "repeat", "settle", "hold", "park", "redrive", "crash", "close and open"];
    assert!(cases < 20 || must.iter().all(|what| met.contains_key(what)), "a useless run: {met:?}");
}
