//! What the plugin does in PHP is what we do: it signs as we verify, and cuts as we cut.
//!
//! `tests/vectors/cut.json` is checked by both sides. Its cases are made here and written, with our answers, when
//! `WRITE_VECTORS=1`; otherwise our answers are compared with what stands in the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use moodle_sns_producer::contract::{
    Catalogue, EventData, Routes, Row, Subscription, Taken, WantedList, cut,
};
use moodle_sns_producer::receive::Secret;
use moodle_sns_producer::receive::signature::{self, Claim};
use serde_json::{Map, Value, json};

use crate::support::corpus::{self, Recording};
use crate::support::library::{Library, required, script};

mod cases;
mod random;

const NAME: &str = "\\x\\event\\y";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cut.json")
}

/// The rows of all built-in contracts.
fn builtin() -> Vec<Row> {
    let catalogue = Arc::new(Catalogue::builtin().unwrap_or_else(|problems| panic!("{problems}")));
    let all =
        Subscription { topic: "all".parse().unwrap(), contracts: catalogue.matching("*"), sources: None };
    Routes::new(catalogue, &[all]).wanted(&"vle".parse().unwrap()).rows().to_vec()
}

/// What we make of an event: the contracts of the rows that take it, how many rows could not tell, and what is left.
fn ours(rows: &[Row], name: &str, data: &Value) -> Value {
    let data: EventData = serde_json::from_value(data.clone()).unwrap();
    let list = WantedList::new("e".into(), rows.to_vec());
    let taken: Taken<'_> = list.take(name, &data);
    let cut = cut(&taken, &data);
    json!({
        "taken": taken.rows.iter().map(|row| &row.contract).collect::<Vec<_>>(),
        "when_unknown": taken.when_unknown,
        "anonymous": cut.anonymous,
        "cut": serde_json::from_slice::<Value>(&cut.data).unwrap(),
    })
}

fn rows_of(value: &Value) -> Vec<Row> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Up to this many variants of one class go into the file.
const VARIANTS: usize = 3;

/// Events of the corpus with entities, all classes that some contract reads, a few variants each.
fn of_the_corpus(rows: &[Row]) -> Vec<Value> {
    let mut seen: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    let mut events = Vec::new();
    for event in corpus::read(Recording::Enriched) {
        let variants = seen.entry(event.name.clone()).or_default();
        let wanted = rows.iter().any(|row| row.event == event.name);
        let most = if wanted { VARIANTS } else { 1 };
        if variants.len() == most || variants.contains(&event.variant) {
            continue;
        }
        variants.push(event.variant.clone());
        let variant = event.variant.unwrap_or_default();
        events.push(json!({
            "name": format!("{}: {variant}", event.name),
            "event": event.name,
            "data": {"event": event.data, "entities": event.entities},
        }));
    }
    events
}

fn write() {
    let builtin = builtin();
    let mut vectors = cases::all();
    vectors.extend(of_the_corpus(&builtin));
    let mut text = format!(
        "{{\"about\": {},\n\"rows\": [\n",
        json!("Made by tests/behaviour/plugin.rs with WRITE_VECTORS=1. A vector without rows is for `rows`.")
    );
    let lines: Vec<String> = builtin.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    text.push_str(&lines.join(",\n"));
    text.push_str("\n],\n\"vectors\": [\n");
    let lines: Vec<String> = vectors
        .into_iter()
        .map(|mut vector| {
            let rows = vector.get("rows").map_or_else(|| builtin.clone(), rows_of);
            let name = vector["event"].as_str().unwrap_or(NAME).to_owned();
            vector["event"] = json!(name);
            vector["expect"] = ours(&rows, &name, &vector["data"]);
            vector.to_string()
        })
        .collect();
    text.push_str(&lines.join(",\n"));
    text.push_str("\n]}\n");
    fs::write(file(), text).unwrap();
}

#[test]
fn every_vector_is_taken_and_cut_as_it_says() {
    if std::env::var("WRITE_VECTORS").as_deref() == Ok("1") {
        write();
    }
    let file: Value = serde_json::from_str(&fs::read_to_string(file()).unwrap()).unwrap();
    let builtin = rows_of(&file["rows"]);
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 400, "{} vectors", vectors.len());
    for vector in vectors {
        let rows = vector.get("rows").map_or_else(|| builtin.clone(), rows_of);
        let name = vector["event"].as_str().unwrap();
        assert_eq!(
            ours(&rows, name, &vector["data"]),
            vector["expect"],
            "{}; if the cut was meant to change: WRITE_VECTORS=1 cargo test --test behaviour plugin",
            vector["name"],
        );
        let again = ours(&rows, name, &vector["expect"]["cut"]);
        if again["taken"] == vector["expect"]["taken"] {
            assert_eq!(
                again["cut"], vector["expect"]["cut"],
                "cutting twice changes nothing: {}",
                vector["name"]
            );
        }
    }
}

fn php(what: &str) -> Option<Library> {
    let php = required("TEST_PHP", what)?;
    Some(Library::start(Command::new(php).args(["-d", "memory_limit=256M"]).arg(script("plugin.php"))))
}

#[test]
fn the_plugin_takes_and_cuts_random_events_as_we_do() {
    let Some(mut php) = php("the cut in PHP") else { return };
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut seen = Map::new();
    for round in 0..4_000 {
        let case = random::case(&mut random);
        let expected = ours(&rows_of(&case["rows"]), NAME, &case["data"]);
        let question = json!({"do": "cut", "event": NAME, "rows": case["rows"], "data": case["data"]});
        let answer = php.ask(&question);
        assert_eq!(answer, expected, "SEED={seed}, round {round}: {case}");
        for (key, told) in [
            ("taken", expected["taken"] != json!([])),
            ("unknown", expected["when_unknown"] != 0),
            ("anonymous", expected["anonymous"] == true),
            ("named", expected["anonymous"] == false),
        ] {
            seen.entry(key)
                .and_modify(|n| *n = json!(n.as_u64().unwrap() + u64::from(told)))
                .or_insert(json!(0));
        }
    }
    php.end();
    assert!(seen.values().all(|n| n.as_u64() > Some(200)), "the cases are too much alike: {seen:?}");
}

#[test]
fn the_plugin_signs_and_verifies_as_we_do() {
    let Some(mut php) = php("signatures in PHP") else { return };
    let seed = fastrand::u64(..);
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes_seen = [false; 256];
    for round in 0..1_000 {
        let mut secret = || {
            let mut key = [0; 64];
            random.fill(&mut key);
            format!("whsec_{}", BASE64.encode(&key[..random.usize(24..=64)]))
        };
        let texts = [secret(), secret()];
        let secrets = ["current", "next"].map(|id| {
            let text = if id == "current" { &texts[0] } else { &texts[1] };
            Secret::parse(id, text).unwrap()
        });
        let mut body = vec![0; random.usize(0..400)];
        random.fill(&mut body);
        body.iter().for_each(|b| bytes_seen[usize::from(*b)] = true);
        let id = format!("m{round}-{}", "_".repeat(random.usize(0..50)));
        let now = Timestamp::now();
        let seconds = now.as_second();

        let question = json!({
            "do": "sign", "secrets": texts, "id": id, "timestamp": seconds, "body_base64": BASE64.encode(&body),
        });
        let answer = php.ask(&question);
        assert_eq!(answer["fingerprints"], json!(secrets.each_ref().map(Secret::fingerprint)));
        let theirs = answer["signature"].as_str().unwrap().to_owned();
        for known in &secrets {
            let claim = Claim::read(&id, &seconds.to_string(), &theirs).map(|claim| {
                claim.verify(&body, std::slice::from_ref(known), now).map(|v| v.secret.id().to_owned())
            });
            assert_eq!(
                claim,
                Ok(Ok(known.id().to_owned())),
                "PHP signs with both, we know one: round {round}"
            );
        }

        // As the answer to `wanted` is signed.
        let id = format!("wanted-q{round}");
        let by = random.usize(0..2);
        let mut signature = signature::sign(&secrets[by], &id, seconds, &body);
        let wrong = round % 10 == 0;
        if wrong {
            let first = if signature.as_bytes()[3] == b'A' { "B" } else { "A" };
            signature.replace_range(3..4, first);
        }
        let question = json!({
            "do": "verify", "secrets": texts, "id": id, "timestamp": seconds, "signature": signature,
            "body_base64": BASE64.encode(&body),
        });
        let expected = if wrong { json!(null) } else { json!(secrets[by].fingerprint()) };
        assert_eq!(php.ask(&question)["verified"], expected, "we sign, PHP verifies: round {round}");
    }
    php.end();
    let missing: Vec<usize> = (0..256).filter(|b| !bytes_seen[*b]).collect();
    assert!(missing.is_empty(), "no body had the bytes {missing:x?}");
}
