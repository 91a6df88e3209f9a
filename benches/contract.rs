//! What the contracts cost: all of them at the start; and one event in the pure middle, map + validate
//! (JSON text to JSON text) of an example of each contract, and take + cut + owed of the same event at the
//! door, where every contract is wanted.
//!
//! `cargo bench --bench contract`, of one alone `cargo bench --bench contract -- moodle.grade.updated`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moodle_sns_producer::contract::{Catalogue, EventData, Example, Routes, Subscription, beside, cut};
use moodle_sns_producer::delivery::ContractId;
use moodle_sns_producer::event::{Source, StoredEvent};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn site() -> Source {
    Source {
        key: "vle".parse().unwrap(),
        url: "https://moodle.example.ac.uk".into(),
        dataschema: "urn:moodle-sns-producer:schema:".into(),
    }
}

/// Each contract of Moodle's events with an example as it is stored: the ordinary one, else the longest.
fn examples(catalogue: &Catalogue) -> Vec<(ContractId, StoredEvent)> {
    let of_moodle = catalogue.iter().filter(|contract| contract.id().area() != "producer");
    let all = of_moodle.map(|contract| {
        let examples = beside(None, contract.id()).unwrap().examples;
        let (_, text) =
            examples.iter().max_by_key(|(name, text)| (name == "ordinary.json", text.len())).unwrap();
        (contract.id().clone(), Example::read(text).unwrap().stored(contract).unwrap())
    });
    all.collect()
}

/// From their texts to the routes, as a start does.
fn start(c: &mut Criterion) {
    let mut group = c.benchmark_group("start");
    group.sample_size(20);
    group.bench_function(
        format!("compile {} contracts", Catalogue::builtin().unwrap().iter().count()),
        |b| {
            b.iter(|| Catalogue::builtin().unwrap());
        },
    );
    group.finish();
}

fn map(c: &mut Criterion) {
    let (catalogue, site) = (Catalogue::builtin().unwrap(), site());
    let mut group = c.benchmark_group("map and validate");
    for (id, stored) in examples(&catalogue) {
        let message = catalogue.map(&id, &site, &stored).unwrap();
        let fields = catalogue.get(&id).unwrap().fields().count();
        println!(
            "{id}: {fields} fields, {} bytes stored, {} bytes sent",
            stored.event.data.len(),
            message.body.len()
        );
        group.throughput(Throughput::Bytes(stored.event.data.len() as u64));
        group.bench_function(id.as_str(), |b| {
            b.iter(|| catalogue.map(&id, &site, black_box(&stored)).unwrap());
        });
    }
    group.finish();
}

fn take(c: &mut Criterion) {
    let (catalogue, site) = (Arc::new(Catalogue::builtin().unwrap()), site());
    let contracts = catalogue.iter().map(|contract| contract.id().clone()).collect();
    let all = Subscription { topic: "all".parse().unwrap(), contracts, sources: None };
    let routes = Routes::new(Arc::clone(&catalogue), &[all]);
    let list = routes.wanted(&site.key);
    let mut group = c.benchmark_group("take, cut, owed");
    // One example a class of events: those of one class differ in nothing that is read here.
    let by_class: HashMap<_, _> = examples(&catalogue)
        .into_iter()
        .map(|(id, stored)| (Arc::clone(&stored.event.name), (id, stored)))
        .collect();
    let mut by_class: Vec<_> = by_class.into_values().collect();
    by_class.sort_by(|a, b| a.0.cmp(&b.0));
    for (id, stored) in by_class {
        let data = EventData::parse(&stored.event.data).unwrap();
        group.bench_function(id.as_str(), |b| {
            b.iter(|| {
                let taken = list.take(&stored.event.name, black_box(&data));
                let cut = cut(&taken, &data);
                (cut, routes.owed(&site, &taken, &stored.event))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(300));
    targets = start, map, take
}
criterion_main!(benches);
