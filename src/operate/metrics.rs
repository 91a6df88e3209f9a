//! `/metrics`: what the stages count in memory, and beside it the account as the spool has it at the
//! moment of the scrape, so that a kill or a prune doesn't change the ledger's counts.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

use super::pressure;
use super::verdict::by_reason;
use crate::spool::{Count, LedgerRow, Spool, State};

/// What every name begins with.
pub const PREFIX: &str = "moodle_sns";

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// The text of a scrape: the stages' registry, then the account.
///
/// # Errors
/// Writing failed, which a string never does.
pub(super) fn text(stages: &Registry, account: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    encode(&mut text, stages)?;
    encode(&mut text, account)?;
    Ok(text)
}

/// The account as metrics.
#[must_use]
pub(super) fn account(
    spool: &Spool,
    state: &State,
    ledger: &[LedgerRow],
    ready: bool,
    now: Timestamp,
) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    of_ledger(&mut registry, ledger);
    of_state(&mut registry, state, now);
    registry.register("spool_commit_duration_seconds", "Time of each commit", spool.commit_seconds());
    let mut gauge = |name: &str, help: &str, value: f64, labels: Labels| {
        let family = Gauges::default();
        family.get_or_create(&labels).set(value);
        registry.register(name, help, family);
    };
    gauge("ready", "1 when a batch can be accepted and kept", if ready { 1.0 } else { 0.0 }, Vec::new());
    gauge(
        "build_info",
        "Always 1; the label says which build",
        1.0,
        vec![("version", env!("CARGO_PKG_VERSION").into())],
    );
    registry
}

fn of_ledger(registry: &mut Registry, ledger: &[LedgerRow]) {
    let events = Counters::default();
    let [received, conflicts, unrouted, dropped] = [(); 4].map(|()| Counters::default());
    let messages = Counters::default();
    for row in ledger {
        let source = || vec![("source", row.source.to_string())];
        match row.count {
            Count::Received => received.get_or_create(&source()).inc_by(row.n),
            Count::Accepted | Count::Duplicate | Count::Unwanted | Count::Parked => {
                let labels = [source(), vec![("outcome", row.count.as_str().to_owned())]].concat();
                events.get_or_create(&labels).inc_by(row.n)
            }
            Count::Conflict => conflicts.get_or_create(&source()).inc_by(row.n),
            Count::Unrouted => unrouted.get_or_create(&source()).inc_by(row.n),
            Count::Dropped if row.topic.is_none() => dropped.get_or_create(&source()).inc_by(row.n),
            Count::Owed | Count::Settled | Count::Skipped | Count::Dropped | Count::Erased => {
                let labels = vec![
                    ("topic", row.topic.as_ref().map_or(String::new(), ToString::to_string)),
                    ("contract", row.name.to_string()),
                    ("count", row.count.as_str().to_owned()),
                ];
                messages.get_or_create(&labels).inc_by(row.n)
            }
        };
    }
    for (name, help, family) in [
        ("ledger_received", "Events that came in, by source", received),
        ("events_received", "Events that came in, by what became of them at the door", events),
        ("events_conflict", "Of the duplicates, those with other content", conflicts),
        ("events_unrouted", "Accepted events that owe no topic a message", unrouted),
        ("events_dropped", "Events parked at the door that a person dropped", dropped),
        ("ledger_messages", "Messages owed, and those that left the spool, by the ledger", messages),
    ] {
        registry.register(name, help, family);
    }
}

fn of_state(registry: &mut Registry, state: &State, now: Timestamp) {
    let spool = Gauges::default();
    let oldest = Gauges::default();
    let paused = Gauges::default();
    let missing = Gauges::default();
    missing.get_or_create(&vec![("of", "events".to_owned())]).set(signed(state.missing_events()));
    for topic in &state.topics {
        let of = |what: &str| vec![("topic", topic.topic.to_string()), ("state", what.to_owned())];
        let parked: u64 = topic.parked.iter().map(|(_, n)| n).sum();
        for (what, n) in [("waiting", topic.waiting), ("held", topic.held), ("parked", parked)] {
            spool.get_or_create(&of(what)).set(float(n));
        }
        let stopped = if topic.paused.is_some() { 1.0 } else { 0.0 };
        paused.get_or_create(&vec![("topic", topic.topic.to_string())]).set(stopped);
        let age = topic.oldest.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        oldest.get_or_create(&vec![("topic", topic.topic.to_string())]).set(age);
        missing.get_or_create(&vec![("of", topic.topic.to_string())]).set(signed(topic.missing()));
    }
    let parked = Gauges::default();
    for (reason, n) in by_reason(state) {
        parked.get_or_create(&vec![("reason", reason.to_string())]).set(float(n));
    }
    for (name, help, family) in [
        ("spool_events", "Messages in the spool by topic and state", spool),
        (
            "spool_oldest_age_seconds",
            "How long the oldest message of a topic has waited; 0 when none does",
            oldest,
        ),
        ("topic_paused", "1 while a person has stopped the topic", paused),
        ("parked_events", "Parked messages and events by reason", parked),
        ("ledger_missing", "A total less its parts: anything but 0 is a fault", missing),
    ] {
        registry.register(name, help, family);
    }
    let one = |registry: &mut Registry, name: &str, help: &str, n: u64| {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(float(n));
        registry.register(name, help, gauge);
    };
    one(registry, "spool_owed_bytes", "What waits to be published", state.owed_bytes);
    one(registry, "spool_capacity_bytes", "The most that may wait (spool.max_size)", state.limit_bytes);
    one(registry, "spool_bytes", "The spool's file with its log", state.file_bytes);
    pressure::register(registry, &state.pressure, now);
    counter(registry, "spool_commits", "Commits since the start", state.commits);
    counter(registry, "spool_commit_failures", "Commits that failed since the start", state.commit_failures);
    counter(
        registry,
        "spool_checkpoint_failures",
        "Checkpoints that failed since the start",
        state.checkpoint_failures,
    );
}

fn counter(registry: &mut Registry, name: &str, help: &str, n: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(n);
    register(registry, name, help, counter);
}

fn register(registry: &mut Registry, name: &str, help: &str, metric: impl Metric) {
    registry.register(name, help, metric);
}

#[expect(clippy::cast_precision_loss, reason = "exposition has only floats; exact up to 2^53")]
fn float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "exposition has only floats; exact up to 2^53")]
fn signed(n: i128) -> f64 {
    n as f64
}

/// The same without lines that name a secret's id: for the listener that the network may reach.
#[must_use]
pub(super) fn without_ids(text: &str) -> String {
    let named = |line: &&str| !(line.contains("secret=\"") || line.contains("secret_id=\""));
    let mut kept: String = text.lines().filter(named).flat_map(|line| [line, "\n"]).collect();
    if !text.ends_with('\n') {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Reason;
    use crate::operate::sample::{key, state, topic};

    #[test]
    fn the_ledger_stands_in_the_scrape() {
        let row = |name: &str, topic: Option<&str>, count, n| LedgerRow {
            hour: Timestamp::UNIX_EPOCH,
            source: "vle".parse().unwrap(),
            name: name.into(),
            topic: topic.map(key),
            count,
            n,
        };
        let ledger = [
            row("\\core\\event\\a", None, Count::Received, 5),
            row("\\core\\event\\b", None, Count::Received, 2),
            row("\\core\\event\\a", None, Count::Accepted, 5),
            row("\\core\\event\\b", None, Count::Unwanted, 2),
            row("moodle.a.b.v1", Some("grades"), Count::Owed, 5),
            row("moodle.a.b.v1", Some("grades"), Count::Settled, 4),
        ];
        let mut state = state(&[topic("grades", 1, 0)]);
        state.topics[0].parked = vec![(Reason::Mapping, 3)];
        let mut registry = Registry::with_prefix(PREFIX);
        of_ledger(&mut registry, &ledger);
        of_state(&mut registry, &state, "2026-11-24T13:48:04Z".parse().unwrap());
        let text = text(&Registry::default(), &registry).unwrap();
        for line in [
            "moodle_sns_ledger_received_total{source=\"vle\"} 7",
            "moodle_sns_events_received_total{source=\"vle\",outcome=\"accepted\"} 5",
            "moodle_sns_events_received_total{source=\"vle\",outcome=\"unwanted\"} 2",
            "moodle_sns_ledger_messages_total{topic=\"grades\",contract=\"moodle.a.b.v1\",count=\"owed\"} 5",
            "moodle_sns_spool_events{topic=\"grades\",state=\"waiting\"} 1",
            "moodle_sns_parked_events{reason=\"mapping\"} 3",
            "moodle_sns_ledger_missing{of=\"grades\"} -3",
            "moodle_sns_spool_commits_total 500",
        ] {
            let found = text.lines().any(|l| l == line || l == format!("{line}.0"));
            assert!(found, "{line}\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("moodle_sns_"), "{line}");
        }
    }

    #[test]
    fn the_network_sees_no_id() {
        let text = "# HELP a b\na{source=\"v\",secret=\"2026-11\"} 1\nb 2\n";
        assert_eq!(without_ids(text), "# HELP a b\nb 2\n");
    }
}
