//! Spool, publisher and double together, and the checker that holds the double's log against what was
//! owed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moodle_sns_producer::contract::Catalogue;
use moodle_sns_producer::delivery::{Cause, Class, ContractId, Parking, TopicKey};
use moodle_sns_producer::event::{Event, EventId, Sequence, Source, SourceKey, StoredEvent};
use moodle_sns_producer::publish::{
    Backoff, HeldContract, Identity, Mapper, Publisher, Pulse, Settings, State, TopicSettings,
};
use moodle_sns_producer::spool::{self, Accept, Batch, Owed, ParkedFilter, Route, Spool, TracedState};
use tokio_util::sync::CancellationToken;

use crate::support::sns::{SnsDouble, Taken};

pub(super) const FIFO: &str = "arn:aws:sns:eu-west-2:111122223333:grades.fifo";
pub(super) const STANDARD: &str = "arn:aws:sns:eu-west-2:111122223333:activity";
const CONTRACT: &str = "moodle.enrolment.created.v1";
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn key(arn: &str) -> TopicKey {
    if arn == FIFO { "grades" } else { "activity" }.parse().unwrap()
}

/// A message that is owed: to whom, its id on the wire, and whom its group is of.
#[derive(Debug, Clone)]
pub(super) struct Debt {
    pub topic: &'static str,
    pub id: String,
    pub person: u32,
    /// The message with its attributes, as SNS counts it.
    pub bytes: usize,
    pub stored: StoredEvent,
}

pub(super) struct Rig {
    pub double: SnsDouble,
    pub spool: Spool,
    mapper: Mapper,
    source: Source,
    pub settings: Settings,
    pub publisher: Option<Publisher>,
    owed: Vec<Debt>,
    enrolments: u64,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::with(0, |_| {}).await
    }

    pub(super) async fn with(seed: u64, change: impl FnOnce(&mut Settings)) -> Self {
        let double = SnsDouble::start(seed).await;
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(spool::Settings::at(folder.path().join("spool.db"))).await.unwrap();
        let source = Source {
            key: "vle".parse().unwrap(),
            url: "https://moodle.example.ac.uk".into(),
            dataschema: "urn:moodle-sns-producer:schema:".into(),
        };
        let mapper = Mapper {
            catalogue: Arc::clone(&CATALOGUE),
            sources: HashMap::from([(source.key.clone(), source.clone())]),
        };
        let topics = [FIFO, STANDARD].map(|arn| TopicSettings::new(key(arn), arn));
        let mut settings = Settings::new("eu-west-2", topics.into());
        settings.endpoint_url = Some(double.url());
        settings.identity = Identity::Fixed { key_id: "test".into(), secret: "test".into() };
        settings.attempt_timeout = Duration::from_millis(300);
        settings.backoff = Backoff { base: Duration::from_millis(2), cap: Duration::from_millis(40) };
        settings.probe = Duration::from_millis(60);
        change(&mut settings);
        let mut rig = Self {
            double,
            spool,
            mapper,
            source,
            settings,
            publisher: None,
            owed: Vec::new(),
            enrolments: 1_000_000,
            _folder: folder,
        };
        rig.publish().await;
        rig
    }

    /// From the next start on the contracts of a folder are there too.
    pub(super) fn use_contracts(&mut self, folder: &std::path::Path) {
        self.mapper.catalogue = Arc::new(Catalogue::load(Some(folder)).unwrap());
    }

    pub(super) async fn publish(&mut self) {
        let start = Publisher::start(
            self.settings.clone(),
            self.spool.clone(),
            self.mapper.clone(),
            CancellationToken::new(),
        );
        self.publisher = Some(start.await.unwrap());
    }

    pub(super) async fn stop(&mut self) {
        self.publisher.take().unwrap().finish(Duration::from_secs(2)).await;
    }

    /// Owes a topic one message for each person named, in one batch. A person's messages are one group.
    pub(super) async fn owe(&mut self, topic: &'static str, people: &[u32]) -> Vec<Debt> {
        self.owe_as(Class::Live, topic, people).await
    }

    /// The same for messages of a class.
    pub(super) async fn owe_as(&mut self, class: Class, topic: &'static str, people: &[u32]) -> Vec<Debt> {
        let mut events = Vec::new();
        for person in people {
            self.enrolments += 1;
            events.push((*person, enrolment(&self.source, self.enrolments, *person)));
        }
        self.owe_events(class, topic, CONTRACT, events).await
    }

    /// Owes a topic one message of a contract for each event, in one batch; each says whose group it is of.
    pub(super) async fn owe_events(
        &mut self,
        class: Class,
        topic: &'static str,
        contract: &str,
        raised: Vec<(u32, Event)>,
    ) -> Vec<Debt> {
        let contract: ContractId = contract.parse().unwrap();
        let mut debts = Vec::new();
        let mut events = Vec::new();
        for (person, event) in raised {
            let stored = StoredEvent { event, sequence: Sequence { epoch: 1, position: 1, place: 0 } };
            // The group is the contract's to say: what is owed names the one that the message will have.
            let message = self.mapper.catalogue.map(&contract, &self.source, &stored).unwrap();
            let owed =
                Owed { topic: key(topic), contract: contract.clone(), class, group: Ok(message.group) };
            events.push(Accept {
                event: stored.event.clone(),
                people: vec![person.into()],
                route: Route::Owed(vec![owed]),
            });
            let attribute = |(name, value): &(&str, String)| name.len() + "String".len() + value.len();
            let bytes = message.body.len() + message.attributes.iter().map(attribute).sum::<usize>();
            debts.push(Debt { topic, id: message.id, person, bytes, stored });
        }
        let batch = Batch { source: self.source.key.clone(), events, unwanted: Vec::new() };
        self.spool.accept(batch).await.unwrap();
        self.owed.extend(debts.iter().cloned());
        debts
    }

    /// The same, of which the checker demands nothing.
    pub(super) async fn owe_unchecked(&mut self, topic: &'static str, people: &[u32]) {
        let known = self.owed.len();
        self.owe(topic, people).await;
        self.owed.truncate(known);
    }

    /// Owes each topic one message of each contract for an event in which a field holds what is given. Gives
    /// the event's id. What is owed so is not the checker's to look at.
    pub(super) async fn owe_each(
        &mut self,
        topics: &[&'static str],
        contracts: &[&str],
        person: u32,
        code: &serde_json::Value,
    ) -> EventId {
        self.enrolments += 1;
        let event = enrolment(&self.source, self.enrolments, person);
        let stored = StoredEvent { event, sequence: Sequence { epoch: 1, position: 1, place: 0 } };
        let made = self.mapper.catalogue.map(&CONTRACT.parse().unwrap(), &self.source, &stored).unwrap();
        let mut event = stored.event;
        let mut data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        data["event"]["other"]["code"] = code.clone();
        event.data = data.to_string().into();
        let owed = topics.iter().flat_map(|topic| {
            contracts.iter().map(|contract| Owed {
                topic: key(topic),
                contract: contract.parse().unwrap(),
                class: Class::Live,
                group: Ok(made.group),
            })
        });
        let id = event.id;
        let events = vec![Accept { event, people: vec![person.into()], route: Route::Owed(owed.collect()) }];
        let batch = Batch { source: self.source.key.clone(), events, unwanted: Vec::new() };
        self.spool.accept(batch).await.unwrap();
        id
    }

    pub(super) fn held_contracts(&self) -> Vec<HeldContract> {
        self.publisher.as_ref().unwrap().control().held_contracts()
    }

    pub(super) async fn left(&self) -> u64 {
        self.spool.state().await.unwrap().topics.iter().map(|t| t.waiting + t.held).sum()
    }

    pub(super) async fn drained(&self) {
        let start = Instant::now();
        while self.left().await > 0 {
            assert!(start.elapsed() < PATIENCE, "{} are left: {:?}", self.left().await, self.pulses());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    pub(super) fn pulses(&self) -> Vec<Pulse> {
        self.publisher.as_ref().unwrap().control().pulses()
    }

    pub(super) fn state_of(&self, topic: &str) -> State {
        self.publisher.as_ref().unwrap().control().pulse(&key(topic)).unwrap().state
    }

    pub(super) async fn held_by(&self, topic: &str, cause: Cause) -> String {
        let start = Instant::now();
        loop {
            match self.state_of(topic) {
                State::Held { cause: by, words, .. } if by == cause => return words,
                other => assert!(start.elapsed() < PATIENCE, "{topic} is {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until a message of the topic was tried and is held.
    pub(super) async fn waits_for_a_try(&self, topic: &str) {
        let start = Instant::now();
        let held = async || {
            let state = self.spool.state().await.unwrap();
            state.topics.iter().any(|state| state.topic == key(topic) && state.held > 0)
        };
        while !held().await {
            assert!(start.elapsed() < PATIENCE, "nothing of {topic} is held");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until so many are left.
    pub(super) async fn left_is(&self, n: u64) {
        let start = Instant::now();
        while self.left().await != n {
            assert!(start.elapsed() < PATIENCE, "{} are left", self.left().await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the message of an event was tried and is held.
    pub(super) async fn holds(&self, id: EventId) {
        let start = Instant::now();
        let state = async || self.spool.trace(None, id).await.unwrap().unwrap().deliveries.remove(0).state;
        while !matches!(state().await, TracedState::Held(_)) {
            assert!(start.elapsed() < PATIENCE, "{id} is {:?}", state().await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until a topic has seen that it is paused, and nothing of it is in flight.
    pub(super) async fn paused(&self, topic: &str) {
        let start = Instant::now();
        let pulse = || self.pulses().into_iter().find(|pulse| pulse.topic == key(topic)).unwrap();
        while !matches!(pulse().state, State::Paused { .. }) || pulse().in_flight > 0 {
            assert!(start.elapsed() < PATIENCE, "{topic} is {:?}", pulse());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn running(&self, topic: &str) {
        let start = Instant::now();
        while self.state_of(topic) != State::Running {
            assert!(start.elapsed() < PATIENCE, "{topic} is {:?}", self.state_of(topic));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn stopped(&self, topic: &str) {
        let start = Instant::now();
        while !matches!(self.state_of(topic), State::Stopped { .. }) {
            assert!(start.elapsed() < PATIENCE, "{topic} is {:?}", self.state_of(topic));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn taken(&self, n: usize) {
        let start = Instant::now();
        while self.double.taken() < n {
            assert!(start.elapsed() < PATIENCE, "{} of {n} are taken", self.double.taken());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn metric(&self, name: &str) -> u32 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.publisher.as_ref().unwrap().control().stats().register(&mut registry);
        let mut metrics = String::new();
        prometheus_client::encoding::text::encode(&mut metrics, &registry).unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    }

    pub(super) async fn parked(&self) -> Vec<(EventId, Parking)> {
        let parked = self.spool.parked(&ParkedFilter::default(), None, 1_000).await.unwrap();
        parked.into_iter().map(|p| (p.event, p.parking)).collect()
    }

    /// The calm phase, and then: everything owed is taken or parked, nothing is invented, all copies of one
    /// message are equal, and each FIFO group came in its order.
    pub(super) async fn check(&self) -> Vec<Taken> {
        self.double.calm();
        self.drained().await;
        let log = self.double.log();
        let parked: HashSet<EventId> = self.parked().await.into_iter().map(|(id, _)| id).collect();
        let mut copies: HashMap<(String, String), Vec<&Taken>> = HashMap::new();
        for taken in &log {
            copies.entry((taken.topic.clone(), taken.id())).or_default().push(taken);
        }
        let mut expected = HashSet::new();
        for debt in &self.owed {
            let key = (debt.topic.to_owned(), debt.id.clone());
            assert!(
                copies.contains_key(&key) || parked.contains(&debt.stored.event.id),
                "{debt:?} is neither taken nor parked"
            );
            expected.insert(key);
        }
        for (key, copies) in &copies {
            assert!(expected.contains(key), "{key:?} was never owed");
            for copy in copies {
                let content = |t: &Taken| {
                    (t.message.clone(), t.attributes.clone(), t.group.clone(), t.dedup_id.clone())
                };
                assert_eq!(content(copy), content(copies[0]), "copies of {key:?} differ");
            }
        }
        self.check_order(&log, &parked);
        log
    }

    fn check_order(&self, log: &[Taken], parked: &HashSet<EventId>) {
        let mut groups: HashMap<u32, Vec<&str>> = HashMap::new();
        let on_fifo = |d: &&Debt| d.topic == FIFO && !parked.contains(&d.stored.event.id);
        for debt in self.owed.iter().filter(on_fifo) {
            groups.entry(debt.person).or_default().push(&debt.id);
        }
        let mut first = HashMap::new();
        for (at, taken) in log.iter().enumerate().filter(|(_, t)| t.topic == FIFO) {
            first.entry(taken.id()).or_insert(at);
        }
        for (person, ids) in groups {
            let places: Vec<_> = ids.iter().map(|id| first[*id]).collect();
            assert!(places.is_sorted(), "the group of {person} came as {places:?}");
        }
    }
}

/// Read once: it takes a second in a debug build.
static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::builtin().unwrap()));

static CAPTURED: LazyLock<serde_json::Value> = LazyLock::new(|| captured("user_enrolment_created"));

/// The first captured event of a class of Moodle's core, as the recording has it.
pub(super) fn captured(class: &str) -> serde_json::Value {
    let begin = format!(r#"{{"class":"core\\event\\{class}""#);
    let line = include_str!("../../corpus/enriched.jsonl").lines().find(|line| line.starts_with(&begin));
    serde_json::from_str(line.unwrap()).unwrap()
}

/// An enrolment as the plugin sends it: a captured one with other numbers.
fn enrolment(source: &Source, number: u64, person: u32) -> Event {
    let mut captured = CAPTURED.clone();
    captured["data"]["objectid"] = number.into();
    let user = (person + 1).to_string(); // Moodle has no user 0
    captured["data"]["relateduserid"] = user.clone().into();
    captured["entities"]["user"]["id"] = user.into();
    event(&source.key, r"\core\event\user_enrolment_created", &captured)
}

/// A captured event, raised now under an id of its own.
pub(super) fn event(source: &SourceKey, name: &str, captured: &serde_json::Value) -> Event {
    let data = serde_json::json!({"event": captured["data"], "entities": captured["entities"]});
    Event {
        source: source.clone(),
        id: EventId::new(uuid::Uuid::now_v7()).unwrap(),
        name: name.into(),
        time: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
        raised: Some(Timestamp::now()),
        bulk: false,
        data: data.to_string().into(),
    }
}
