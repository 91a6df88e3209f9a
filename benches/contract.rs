//! What one event costs in the pure middle: map + validate (JSON text to JSON text) of each contract's
//! ordinary captured example, and take + cut + owed of the same event at the door.
//!
//! `cargo bench --bench contract`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moodle_sns_producer::contract::{Catalogue, EventData, Example, Routes, Subscription, cut};
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

/// Each contract with its ordinary example, as it is stored.
fn examples(catalogue: &Catalogue) -> Vec<(ContractId, StoredEvent)> {
    let all = catalogue.iter().map(|contract| {
        let id = contract.id();
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts").join(id.area()).join(id.operation());
        let text = std::fs::read_to_string(folder.join("examples/ordinary.json")).unwrap();
        (id.clone(), Example::read(&text).unwrap().stored(contract).unwrap())
    });
    all.collect()
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
    config = Criterion::default().measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = map, take
}
criterion_main!(benches);
