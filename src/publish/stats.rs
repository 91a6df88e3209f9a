//! What is counted while publishing. Labels are keys of the configuration and closed lists, never ids.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::delivery::{Cause, ContractId, TopicKey};

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// The families of all topics. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Stats {
    messages: Family<Labels<2>, Counter>,
    batch_size: Histograms,
    duration: Histograms,
    lag: Histograms,
    throttled: Family<Labels<1>, Counter>,
    invented: Family<Labels<1>, Counter>,
    possible_duplicates: Family<Labels<1>, Counter>,
    held: Family<Labels<2>, Gauge>,
    pace: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    contract_held: Family<Labels<2>, Gauge>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            messages: Family::default(),
            batch_size: Family::new_with_constructor(|| Histogram::new((1..=10).map(f64::from))),
            duration: Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0])
            }),
            lag: Family::new_with_constructor(|| {
                Histogram::new([
                    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 3_600.0, 86_400.0,
                ])
            }),
            throttled: Family::default(),
            invented: Family::default(),
            possible_duplicates: Family::default(),
            held: Family::default(),
            pace: Family::default(),
            contract_held: Family::default(),
        }
    }
}

impl Stats {
    /// Registers the families. The names have no prefix (the registry's is `moodle_sns`) and no `_total`
    /// (the encoder adds it).
    pub fn register(&self, registry: &mut Registry) {
        let mut add = Adder(registry);
        add.family(
            "publish_messages",
            "Messages by what a try came to: published, parked or retried",
            &self.messages,
        );
        add.family("publish_batch_size", "Messages in each PublishBatch call", &self.batch_size);
        add.family("publish_duration_seconds", "Time of each PublishBatch call", &self.duration);
        add.family(
            "event_lag_seconds",
            "Time from Moodle raising an event to SNS accepting its message; backfilled ones do not count",
            &self.lag,
        );
        add.family("publish_throttled", "Calls that SNS asked to be slower", &self.throttled);
        add.family(
            "publish_invented_ids",
            "Ids in answers of SNS that were not sent, or came twice: ignored",
            &self.invented,
        );
        add.family(
            "publish_possible_duplicates",
            "FIFO messages sent again over 4 minutes after an unknown outcome: SNS may have forgotten the first",
            &self.possible_duplicates,
        );
        add.family(
            "publish_pace",
            "Messages a second that may go now to all topics of the topic's account and kind together; +Inf: no limit",
            &self.pace,
        );
        add.family("topic_held", "1 while a topic is held, by cause", &self.held);
        add.family(
            "contract_held",
            "1 while a contract is held on all topics, until it is mended and the process restarts",
            &self.contract_held,
        );
    }

    /// Shows that a contract is held, until the process ends.
    pub(super) fn hold_contract(&self, contract: &ContractId, cause: Cause) {
        let labels = [("contract", contract.to_string()), ("cause", cause.as_str().to_owned())];
        self.contract_held.get_or_create_owned(&labels).set(1);
    }

    /// The counters of one topic, ready to count.
    pub(super) fn of(&self, topic: &TopicKey) -> TopicStats {
        let topic = || ("topic", topic.to_string());
        let outcome =
            |name: &str| self.messages.get_or_create_owned(&[topic(), ("outcome", name.to_owned())]);
        let held = |cause: Cause| {
            (cause, self.held.get_or_create_owned(&[topic(), ("cause", cause.as_str().to_owned())]))
        };
        TopicStats {
            published: outcome("published"),
            parked: outcome("parked"),
            retried: outcome("retried"),
            batch_size: self.batch_size.get_or_create_owned(&[topic()]),
            duration: self.duration.get_or_create_owned(&[topic()]),
            lag: self.lag.get_or_create_owned(&[topic()]),
            throttled: self.throttled.get_or_create_owned(&[topic()]),
            invented: self.invented.get_or_create_owned(&[topic()]),
            possible_duplicates: self.possible_duplicates.get_or_create_owned(&[topic()]),
            held: Cause::OF_TOPICS.map(held),
            pace: self.pace.get_or_create_owned(&[topic()]),
        }
    }
}

struct Adder<'a>(&'a mut Registry);

impl Adder<'_> {
    fn family<M: prometheus_client::registry::Metric + Clone>(&mut self, name: &str, help: &str, family: &M) {
        self.0.register(name, help, family.clone());
    }
}

/// The counters of one topic.
#[derive(Debug, Clone)]
pub(super) struct TopicStats {
    pub published: Counter,
    pub parked: Counter,
    pub retried: Counter,
    pub batch_size: Histogram,
    pub duration: Histogram,
    pub lag: Histogram,
    pub throttled: Counter,
    pub invented: Counter,
    pub possible_duplicates: Counter,
    held: [(Cause, Gauge); 5],
    pace: Gauge<f64, AtomicU64>,
}

impl TopicStats {
    /// Shows how many messages a second may go now.
    pub(super) fn show_pace(&self, pace: Option<f64>) {
        self.pace.set(pace.unwrap_or(f64::INFINITY));
    }

    /// Shows by which cause the topic is held now, if by any.
    pub(super) fn show_held(&self, by: Option<Cause>) {
        for (cause, gauge) in &self.held {
            gauge.set(i64::from(by == Some(*cause)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_registered_under_a_name_the_encoder_takes() {
        let stats = Stats::default();
        let mut registry = Registry::with_prefix("moodle_sns");
        stats.register(&mut registry);
        let topic = stats.of(&"grades".parse().unwrap());
        topic.published.inc();
        topic.show_held(Some(Cause::Topic));
        stats.hold_contract(&"moodle.a.b.v1".parse().unwrap(), Cause::ContractFault);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"moodle_sns_publish_messages_total{topic="grades",outcome="published"} 1"#,
            r#"moodle_sns_topic_held{topic="grades",cause="topic"} 1"#,
            r#"moodle_sns_topic_held{topic="grades",cause="account"} 0"#,
            r#"moodle_sns_contract_held{contract="moodle.a.b.v1",cause="contract-fault"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
