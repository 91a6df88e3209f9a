//! What contracts lose on another Moodle, by the inventory that it prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use moodle_sns_producer::contract::{BadInventory, Catalogue, Inventory, Loss, LossKind};
use serde_json::{Value, json};

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::builtin().unwrap_or_else(|problems| panic!("{problems}")));

const SHIPPED: &str = include_str!("../inventory/moodle-4.5.6.json");

/// What the contracts lose on the shipped inventory, once it was changed.
fn losses(change: impl FnOnce(&mut Value)) -> Vec<Loss> {
    let mut inventory = serde_json::from_str(SHIPPED).unwrap();
    change(&mut inventory);
    let inventory = Inventory::read(&inventory.to_string()).unwrap();
    CATALOGUE.iter().flat_map(|contract| inventory.losses(contract)).collect()
}

/// Contract, kind and effect of each loss.
fn told(losses: &[Loss]) -> Vec<(&str, LossKind, &str)> {
    losses.iter().map(|l| (l.contract.as_str(), l.kind, l.effect.as_str())).collect()
}

fn events(inventory: &mut Value) -> &mut serde_json::Map<String, Value> {
    inventory["events"].as_object_mut().unwrap()
}

#[test]
fn the_moodle_that_the_contracts_were_made_on_takes_nothing_from_any() {
    assert_eq!(losses(|_| ()), []);
}

#[test]
fn the_shipped_inventory_lists_what_the_corpus_shows_and_no_more() {
    let mut seen = BTreeMap::<String, Keys>::new();
    for file in ["enriched.jsonl", "events.jsonl", "hour.jsonl.gz", "day.jsonl.gz"] {
        let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(file)).unwrap();
        let mut text = String::new();
        if file.ends_with(".gz") {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            // Classes of Moodle's own tests are on no site.
            if !event["data"]["component"].as_str().unwrap().contains("test") {
                let name = event["data"]["eventname"].as_str().unwrap();
                seen.entry(name.to_owned()).or_default().add(&event["data"]["other"]);
            }
        }
    }
    let inventory = Inventory::read(SHIPPED).unwrap();
    let listed: BTreeMap<String, BTreeSet<String>> = inventory
        .events
        .into_iter()
        .filter(|(_, class)| class.component != "local_snsproducer")
        .map(|(name, class)| (name, class.other.unwrap().into_iter().collect()))
        .collect();
    let seen: BTreeMap<String, BTreeSet<String>> =
        seen.into_iter().map(|(name, keys)| (name, keys.all())).collect();
    assert_eq!(listed, seen);
}

/// The keys of `other` that events of one class showed.
#[derive(Default)]
struct Keys {
    own: BTreeSet<String>,
    /// Of each map within: the keys, as each event had them.
    within: BTreeMap<String, BTreeSet<Vec<String>>>,
}

impl Keys {
    fn add(&mut self, other: &Value) {
        for (key, value) in other.as_object().into_iter().flatten() {
            self.own.insert(key.clone());
            if let Some(map) = value.as_object() {
                let keys = map.keys().map(|within| format!("{key}.{within}")).collect();
                self.within.entry(key.clone()).or_default().insert(keys);
            }
        }
    }

    /// All of them; those of a map only where it always has the same.
    fn all(self) -> BTreeSet<String> {
        let same = self.within.into_values().filter(|kinds| kinds.len() == 1);
        self.own.into_iter().chain(same.flatten().flatten()).collect()
    }
}

#[test]
fn an_event_that_is_gone_or_going_is_told() {
    const EVENT: &str = "\\core\\event\\user_enrolment_created";
    let gone = losses(|inventory| drop(events(inventory).remove(EVENT)));
    assert_eq!(told(&gone), [("moodle.enrolment.created.v1", LossKind::EventMissing, "It sends nothing")]);
    assert_eq!(gone[0].what, format!("There is no event {EVENT}"));
    let one_of_two = losses(|inventory| {
        drop(events(inventory).remove("\\assignsubmission_file\\event\\submission_created"));
    });
    assert_eq!(told(&one_of_two)[0].2, "It sends nothing for this event");
    let going = losses(|inventory| events(inventory)[EVENT]["deprecated"] = json!(true));
    assert_eq!(told(&going)[0].1, LossKind::EventDeprecated);
    let old_plugin = losses(|inventory| {
        inventory["plugin"] = Value::Null;
        events(inventory).retain(|name, _| !name.starts_with("\\local_snsproducer"));
    });
    assert!(old_plugin.iter().all(|loss| loss.cure == "Upgrade the plugin"), "{old_plugin:?}");
    assert!(old_plugin.iter().any(|loss| loss.contract == "moodle.grade.updated.v1"));
}

#[test]
fn an_activity_that_is_not_installed_is_told_and_is_no_finding() {
    let without = losses(|inventory| {
        events(inventory).retain(|name, _| !name.starts_with("\\mod_lti\\"));
        inventory["activities"].as_array_mut().unwrap().retain(|activity| activity != "lti");
    });
    assert!(!without.is_empty());
    for loss in &without {
        assert_eq!(loss.kind, LossKind::NotInstalled, "{loss:?}");
        assert!(!loss.kind.is_finding());
    }
    let broken = losses(|inventory| events(inventory).retain(|name, _| !name.starts_with("\\mod_lti\\")));
    assert!(broken.iter().all(|loss| loss.kind == LossKind::EventMissing), "installed, and without events");
}

#[test]
fn a_key_that_is_gone_parks_or_leaves_a_field_absent() {
    fn without(event: &str, key: &str) -> Vec<Loss> {
        losses(|inventory| {
            let keys = events(inventory)[event]["other"].as_array_mut().unwrap();
            keys.retain(|k| k != key && !k.as_str().unwrap().starts_with(&format!("{key}.")));
        })
    }
    let parks = "Each message would be parked: the field must be there";
    let required = without("\\core\\event\\user_graded", "finalgrade");
    assert_eq!(told(&required), [("moodle.grade.updated.v1", LossKind::KeyMissing, parks)]);
    assert!(
        required[0].what.starts_with("The event \\core\\event\\user_graded has no key other.finalgrade, ")
    );
    let within = without("\\core\\event\\user_enrolment_deleted", "userenrolment.lastenrol");
    assert_eq!(told(&within), [("moodle.enrolment.deleted.v1", LossKind::KeyMissing, parks)]);
    let map = without("\\core\\event\\user_enrolment_deleted", "userenrolment");
    assert_eq!(map.len(), 5, "method_id, status, starts, ends and last come from it: {map:?}");
    // Files are told by one of the contract's events, words by the other.
    let optional = without("\\assignsubmission_file\\event\\submission_created", "filesubmissioncount");
    let absent = "The field submission.files is absent from each message";
    assert_eq!(told(&optional), [("moodle.submission.created.v1", LossKind::KeyMissing, absent)]);
    let unknown = losses(|inventory| events(inventory)["\\core\\event\\user_graded"]["other"] = Value::Null);
    assert_eq!(unknown, [], "what the inventory does not know is taken to be there");
}

#[test]
fn a_field_that_the_plugin_does_not_read_is_told_where_it_is_missed() {
    let older = losses(|inventory| drop(inventory["entities"].as_object_mut().unwrap().remove("enrolment")));
    let absent: Vec<&str> = older.iter().map(|loss| loss.effect.as_str()).collect();
    assert!(absent.contains(&"The field enrolment.status is absent from each message"), "{absent:?}");
    assert!(older.iter().all(|loss| loss.kind == LossKind::EntityMissing), "{older:?}");
    let condition = losses(|inventory| {
        inventory["entities"]["grade"].as_array_mut().unwrap().retain(|field| field != "released");
    });
    assert_eq!(condition[0].kind, LossKind::ConditionUnknown);
    assert_eq!(condition[0].contract, "moodle.grade.updated.v1");
}

#[test]
fn what_is_no_inventory_says_so() {
    let read = |text: &str| Inventory::read(text).unwrap_err();
    assert!(matches!(read("[]"), BadInventory::Form(_)));
    assert!(matches!(read(r#"{"inventory": 1}"#), BadInventory::Form(_)));
    assert!(matches!(read(r#"{"inventory": 2}"#), BadInventory::Version(2)));
}
