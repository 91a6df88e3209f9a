//! A contract that must not be sent any more: it leaves the lists, and nothing that only it took stays.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use moodle_sns_producer::contract::{EventData, Remaining, Taken, cut};
use moodle_sns_producer::delivery::ContractId;
use moodle_sns_producer::event::{Event, Sequence, StoredEvent};
use moodle_sns_producer::spool::Kept;
use serde_json::json;

use super::{Decided, ask_wanted, assert_adds_up, assert_no_panic, count, data_of, post};
use crate::support::contract::{self, BREAKABLE, SOUND, Shape};
use crate::support::corpus::{self, Recording};
use crate::support::sidecar::{FIFO, STANDARD, Sidecar};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// A number that no other field has by chance.
const CANARY: u64 = 918_273_645_546;

fn holds_canary(sidecar: &Sidecar) -> bool {
    let needle = CANARY.to_string();
    let files = std::fs::read_dir(sidecar.dir.join("spool")).unwrap();
    let mut bytes = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<u8>>();
    bytes.extend(sidecar.log().bytes());
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn withdraw(sidecar: &Sidecar, name: &str) {
    let file = sidecar.dir.join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let dir = "dir = \"contracts\"\n";
    assert!(config.contains(dir));
    std::fs::write(&file, config.replace(dir, &format!("{dir}withdrawn = [\"{name}\"]\n"))).unwrap();
}

/// Goal: whatever state its messages are in, nothing that only a withdrawn contract read is left, and the
/// other contract's messages are what they would have been. Method: a topic that SNS refuses (they wait),
/// one that it takes (they are history), events that the contract can't map (they are held).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_only_a_withdrawn_contract_read_stays_and_others_go_on_unchanged() {
    let double = SnsDouble::start(6).await;
    double.fault(Fault::always(What::refuse(403, "AuthorizationError")).on(FIFO));
    let dir = tempfile::tempdir().unwrap();
    let (mut sidecar, mut client, old_list) = super::held::running(dir.path(), &double, Shape::Picky).await;
    post(&mut client, &contract::events(0, 20, &json!(CANARY)), &old_list).await;
    post(&mut client, &contract::events(20, 3, &json!(format!("x{CANARY}"))), &old_list).await;
    let begun = Instant::now();
    while double.taken() < 43 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
    assert!(holds_canary(&sidecar), "a useless run");

    withdraw(&sidecar, BREAKABLE);
    let checked = sidecar.ask(&["config", "check"]);
    assert_eq!(checked["withdrawn"], json!([BREAKABLE]));
    assert!(checked["topics"][0]["contracts"] == json!([SOUND]), "{checked}");
    sidecar.start();
    sidecar.ready().await;
    double.calm();
    let mut client = sidecar.client();
    assert_ne!(ask_wanted(&mut client).await, old_list);
    // A plugin that has not asked yet cuts by the old list.
    post(&mut client, &contract::events(30, 2, &json!(CANARY)), &old_list).await;
    let status = sidecar.drained(Duration::from_secs(30)).await;
    assert_adds_up(&status);
    assert_eq!(status["parked"], json!([]));
    let set_aside: Vec<u64> = ["ordered", "plain"]
        .iter()
        .map(|key| {
            let topics = status["topics"].as_array().unwrap();
            count(&topics.iter().find(|t| t["topic"] == *key).unwrap()["set_aside"])
        })
        .collect();
    assert_eq!(set_aside, [23, 3]);

    let mut bodies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for taken in double.log() {
        assert!(taken.topic == STANDARD || taken.id().ends_with(SOUND), "{}", taken.id());
        bodies.entry(taken.id()).or_default().push(taken.message);
    }
    let sound: Vec<_> = bodies.iter().filter(|(id, _)| id.ends_with(SOUND)).collect();
    assert_eq!(sound.len(), 25);
    assert!(sound.iter().all(|(_, copies)| copies.len() == 2 && copies[0] == copies[1]));
    assert_eq!(bodies.len() - sound.len(), 20, "those that were published before");

    let line =
        sidecar.log().lines().find(|line| line.contains("were taken out of the spool")).unwrap().to_owned();
    for part in ["\"unsent\":26", "\"events_cut\":23", "\"events_erased\":0", BREAKABLE] {
        assert!(line.contains(part), "{part}: {line}");
    }
    sidecar.terminate();
    assert!(!holds_canary(&sidecar));
    sidecar.start();
    sidecar.ready().await;
    assert!(sidecar.log().contains("nothing of them was left in the spool"));
    assert_no_panic(&sidecar);
}

#[test]
fn a_withdrawn_name_with_a_slip_is_a_fault_that_names_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::with_topics(
        dir.path(),
        "http://127.0.0.1:1",
        "[topics.all]\narn = \"arn:aws:sns:eu-west-2:111122223333:all\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n[contracts]\nwithdrawn = [\"moodle.enrolment.creeted.v1\"]\n",
    );
    let checked = sidecar.ask(&["config", "check"]);
    assert_eq!(checked["good"], false);
    let problem = &checked["problems"][0];
    assert_eq!(problem["what"], "contracts.withdrawn: there is no contract moodle.enrolment.creeted.v1");
    assert_eq!(problem["cure"], "did you mean moodle.enrolment.created.v1?");
}

/// Of each captured event, as it is stored when every contract is wanted: with any one of its contracts
/// withdrawn the messages of the others stay byte-equal, and nothing stays that no other row names.
#[test]
fn what_stays_of_an_event_is_what_the_others_take() {
    let decided = Decided::new();
    let source = &decided.source;
    let mut remaining: HashMap<String, Remaining> = HashMap::new();
    let (mut whole, mut cut_down, mut gone) = (0, 0, 0);
    for captured in corpus::read(Recording::Enriched) {
        let data = data_of(&captured);
        let taken = decided.list.take(&captured.name, &data);
        if taken.is_empty() {
            continue;
        }
        let event = Event {
            source: source.key.clone(),
            id: captured.id,
            name: captured.name.as_str().into(),
            time: captured.time,
            raised: Some(captured.raised),
            bulk: false,
            data: cut(&taken, &data).data,
        };
        let names: BTreeSet<&String> = taken.rows.iter().map(|row| &row.contract).collect();
        for name in &names {
            let out = remaining.entry((*name).clone()).or_insert_with(|| {
                let kept = HashMap::from([(source.key.clone(), decided.list.rows().to_vec())]);
                Remaining::new(&decided.catalogue, &[name.parse().unwrap()].into(), kept)
            });
            let others: Vec<ContractId> =
                names.iter().filter(|other| *other != name).map(|other| other.parse().unwrap()).collect();
            let stays = match out.of(&event, &others) {
                Kept::Nothing => {
                    assert!(others.is_empty(), "{name}: {others:?} took {}", captured.id);
                    gone += 1;
                    continue;
                }
                Kept::Whole => {
                    whole += 1;
                    event.data.clone()
                }
                Kept::Part { data, .. } => {
                    cut_down += 1;
                    data
                }
            };
            let of_name = |row: &&_| {
                let row: &&moodle_sns_producer::contract::Row = row;
                row.event == captured.name && row.contract != **name
            };
            let rows: Vec<_> = decided.list.rows().iter().filter(of_name).collect();
            let again = cut(&Taken { rows, when_unknown: 0 }, &EventData::parse(&stays).unwrap());
            assert_eq!(again.data, stays, "{name}: more stays of {} than others name", captured.id);
            let sequence = Sequence { epoch: 1, position: 1, place: 0 };
            let before = StoredEvent { event: event.clone(), sequence };
            let after = StoredEvent { event: Event { data: stays, ..event.clone() }, sequence };
            for other in &others {
                let make = |stored| decided.message(other.as_str(), stored);
                assert_eq!(make(&before), make(&after), "{other} without {name}");
            }
        }
    }
    println!("{whole} whole, {cut_down} cut, {gone} gone");
    assert!(whole + cut_down > 0 && gone > 100, "{whole} whole, {cut_down} cut, {gone} gone: a useless run");
}
