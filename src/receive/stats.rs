//! What the door counts: for `/metrics`, and for `status`, which reads it back.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::ledger::Books;
use crate::event::SourceKey;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Mismatch {
    source: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSecret {
    source: String,
    secret: String,
}

/// What the plugin of a source last said of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginReport {
    /// When it asked for the wanted list.
    pub at: Timestamp,
    /// The plugin's version.
    pub plugin: String,
    /// Moodle's version.
    pub moodle: String,
    /// The URL it speaks as.
    pub url: String,
    /// The list it holds; empty when it has none.
    pub etag: String,
    /// Its ledger beside ours.
    pub books: Books,
}

#[derive(Debug, Default)]
struct Seen {
    secrets: HashMap<(SourceKey, String), Timestamp>,
    plugins: HashMap<SourceKey, PluginReport>,
    urls: HashMap<SourceKey, HashMap<String, Timestamp>>,
    /// When events of a source were last accepted.
    events: HashMap<SourceKey, Timestamp>,
}

/// Counters and signs of life of the door. Cheap to change: no lock is held across a wait.
#[derive(Debug)]
pub struct Stats {
    requests: Family<Code, Counter>,
    refusals: Family<Kind, Counter>,
    duration: Histogram,
    skew_corrected: Family<OfSource, Counter>,
    skew: Family<OfSource, Gauge<f64, AtomicU64>>,
    when_unknown: Family<OfSource, Counter>,
    secret_used: Family<OfSecret, Gauge>,
    wanted_asked: Family<OfSource, Gauge>,
    traced: Family<OfSource, Counter>,
    ledger_mismatch: Family<Mismatch, Gauge>,
    two_sites: Family<OfSource, Gauge>,
    pub(super) in_flight: Gauge,
    pub(super) connections: Gauge,
    pub(super) connections_refused: Counter,
    seen: Mutex<Seen>,
}

impl Default for Stats {
    fn default() -> Self {
        // From a fifth of a millisecond (a group commit on a fast disk) to the body's deadline.
        let buckets =
            [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        Self {
            requests: Family::default(),
            refusals: Family::default(),
            duration: Histogram::new(buckets),
            skew_corrected: Family::default(),
            skew: Family::default(),
            when_unknown: Family::default(),
            secret_used: Family::default(),
            wanted_asked: Family::default(),
            traced: Family::default(),
            ledger_mismatch: Family::default(),
            two_sites: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            seen: Mutex::default(),
        }
    }
}

impl Stats {
    /// Two accepted URLs within this time are the alarm `two-sites`.
    pub const TWO_SITES_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

    /// Registers every family. The registry gives the prefix `moodle_sns_`.
    pub fn register(&self, registry: &mut Registry) {
        // Counters get their suffix `_total` from the encoder.
        registry.register("requests", "Requests answered, by status", self.requests.clone());
        registry.register("refusals", "Requests refused, by kind", self.refusals.clone());
        registry.register(
            "request_duration_seconds",
            "From the head of a request to its answer",
            self.duration.clone(),
        );
        registry.register(
            "clock_skew_corrected",
            "Events whose `raised` was corrected by the sender's clock",
            self.skew_corrected.clone(),
        );
        registry.register(
            "clock_skew_seconds",
            "How far the clock of the last sender was ahead (behind: negative); 0 within 2 s",
            self.skew.clone(),
        );
        registry.register(
            "when_unknown",
            "Conditions of contracts not judged because what they speak of is absent or null",
            self.when_unknown.clone(),
        );
        registry.register(
            "secret_last_used_timestamp_seconds",
            "When a secret last verified a request",
            self.secret_used.clone(),
        );
        registry.register(
            "wanted_last_asked_timestamp_seconds",
            "When the plugin last asked for the wanted list: the source's sign of life",
            self.wanted_asked.clone(),
        );
        registry.register(
            "ledger_mismatch",
            "Events by which the plugin's ledger does not hold: of nobody knows what became (unaccounted), or kept by its account and not by ours (not-received)",
            self.ledger_mismatch.clone(),
        );
        registry.register(
            "events_traced",
            "Events whose fate the plugin asked for, by source",
            self.traced.clone(),
        );
        registry.register(
            "two_sites",
            "1 when events of two accepted URLs came within an hour",
            self.two_sites.clone(),
        );
        registry.register("request_bytes_held", "Bytes of request bodies held now", self.in_flight.clone());
        registry.register("connections", "Connections open now", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections refused because too many were open",
            self.connections_refused.clone(),
        );
    }

    pub(super) fn answered(&self, code: u16, took: Duration) {
        self.requests.get_or_create(&Code { code }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn refused(&self, kind: &'static str) {
        self.refusals.get_or_create(&Kind { kind }).inc();
    }

    pub(super) fn verified(&self, source: &SourceKey, secret: &str, at: Timestamp) {
        let labels = OfSecret { source: source.to_string(), secret: secret.to_owned() };
        self.secret_used.get_or_create(&labels).set(at.as_second());
        self.seen().secrets.insert((source.clone(), secret.to_owned()), at);
    }

    pub(super) fn clock(&self, source: &SourceKey, skew: Option<jiff::SignedDuration>, corrected: u32) {
        let labels = OfSource { source: source.to_string() };
        self.skew.get_or_create(&labels).set(skew.map_or(0.0, |s| s.as_secs_f64()));
        if corrected > 0 {
            self.skew_corrected.get_or_create(&labels).inc_by(corrected.into());
        }
    }

    pub(super) fn unknown_conditions(&self, source: &SourceKey, n: u32) {
        if n > 0 {
            self.when_unknown.get_or_create(&OfSource { source: source.to_string() }).inc_by(n.into());
        }
    }

    pub(super) fn spoke_as(&self, source: &SourceKey, urls: &[String], at: Timestamp) {
        let mut seen = self.seen();
        let of_source = seen.urls.entry(source.clone()).or_default();
        for url in urls {
            of_source.insert(url.clone(), at);
        }
        of_source.retain(|_, last| at.duration_since(*last) < Self::TWO_SITES_WITHIN);
        let two = of_source.len() > 1;
        drop(seen);
        self.two_sites.get_or_create(&OfSource { source: source.to_string() }).set(i64::from(two));
    }

    pub(super) fn asked(&self, source: &SourceKey, report: PluginReport) {
        let labels = OfSource { source: source.to_string() };
        self.wanted_asked.get_or_create(&labels).set(report.at.as_second());
        for (reason, n) in report.books.mismatches() {
            let labels = Mismatch { source: source.to_string(), reason };
            self.ledger_mismatch.get_or_create(&labels).set(i64::try_from(n).unwrap_or(i64::MAX));
        }
        self.seen().plugins.insert(source.clone(), report);
    }

    pub(super) fn traced(&self, source: &SourceKey, events: usize) {
        let labels = OfSource { source: source.to_string() };
        self.traced.get_or_create(&labels).inc_by(events as u64);
    }

    pub(super) fn accepted(&self, source: &SourceKey, events: usize, at: Timestamp) {
        if events > 0 {
            self.seen().events.insert(source.clone(), at);
        }
    }

    /// When a source last spoke, signed as it must be, and when an event of it was last accepted; none: not
    /// since the start.
    #[must_use]
    pub fn heard(&self, source: &SourceKey) -> (Option<Timestamp>, Option<Timestamp>) {
        let seen = self.seen();
        let spoke = seen.secrets.iter().filter(|((of, _), _)| of == source).map(|(_, at)| *at).max();
        (spoke, seen.events.get(source).copied())
    }

    /// When a secret of a source last verified a request since the start.
    #[must_use]
    pub fn secret_last_used(&self, source: &SourceKey, secret: &str) -> Option<Timestamp> {
        self.seen().secrets.get(&(source.clone(), secret.to_owned())).copied()
    }

    /// What the plugin of a source last said since the start; none when it never asked.
    #[must_use]
    pub fn plugin(&self, source: &SourceKey) -> Option<PluginReport> {
        self.seen().plugins.get(source).cloned()
    }

    /// Whether events of two accepted URLs came within an hour before `now`.
    #[must_use]
    pub fn two_sites(&self, source: &SourceKey, now: Timestamp) -> bool {
        let late = |at: &&Timestamp| now.duration_since(**at) < Self::TWO_SITES_WITHIN;
        self.seen().urls.get(source).is_some_and(|urls| urls.values().filter(late).count() > 1)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
