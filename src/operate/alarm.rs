//! What is held, for those who watch machines: a line each in `/readyz?verbose`, and gauges.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::clear::clear;
use super::gone::topic_cure;
use super::words::{counted, moment};
use super::{Setup, Signs};
use crate::publish::State as Doing;
use crate::spool::{State, TopicState};

/// Topics that are not in the configuration, and for which something waits.
fn gone_topics<'a>(state: &'a State, setup: &'a Setup) -> impl Iterator<Item = &'a TopicState> {
    state.unserved(|key| setup.topics.iter().any(|set| set.key == *key))
}

/// A line for each thing that is held: its name, the cause, since when, and the cure in words.
pub(super) fn alarms(signs: &Signs, state: Option<&State>, setup: &Setup, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for pulse in &signs.pulses {
        let topic = &pulse.topic;
        match &pulse.state {
            Doing::Running => {}
            Doing::Held { cause, words, since, .. } => {
                lines.push(format!("topic {topic}: held ({cause}) since {}: {words}", moment(*since, now)));
            }
            Doing::Paused { since, .. } => lines.push(format!(
                "topic {topic}: paused by a person since {}: `moodle-sns-producer topic resume {topic}` lets it go on",
                moment(*since, now)
            )),
            Doing::Stopped { why } => lines.push(format!("topic {topic}: its worker has ended: {why}")),
        }
    }
    for held in &signs.contracts {
        let (contract, cause, since) = (&held.contract, held.cause(), moment(held.since, now));
        lines.push(format!("contract {contract}: held ({cause}) since {since}: {}", held.words()));
    }
    for topic in state.into_iter().flat_map(|state| gone_topics(state, setup)) {
        let waiting = counted(topic.still_owed(), "message waits", "messages wait");
        let cure = topic_cure(topic.topic.as_str());
        lines.push(format!("topic {}: held (topic-gone), {waiting}: {cure}", topic.topic));
    }
    lines
}

/// The topics that are gone as gauges, and when each topic will be clear.
pub(super) fn register(registry: &mut Registry, signs: &Signs, state: &State, setup: &Setup) {
    type Gauges = Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>>;
    let (gone, clear_in, longest) = (Gauges::default(), Gauges::default(), Gauges::default());
    let of = |topic: &dyn ToString| [("topic", topic.to_string())];
    for topic in gone_topics(state, setup) {
        gone.get_or_create_owned(&of(&topic.topic)).set(1.0);
    }
    for pulse in &signs.pulses {
        let lies = state.topics.iter().find(|topic| topic.topic == pulse.topic);
        let seconds = match (lies, clear(lies, Some(pulse), &signs.contracts).0) {
            (None, _) => 0.0,
            (Some(_), seconds) => seconds.unwrap_or(f64::NAN),
        };
        clear_in.get_or_create_owned(&of(&pulse.topic)).set(seconds);
        let group = u32::try_from(pulse.outlook.longest_group).unwrap_or(u32::MAX);
        longest.get_or_create_owned(&of(&pulse.topic)).set(group.into());
    }
    for (name, help, family) in [
        ("topic_gone", "1 while something waits for a topic that the configuration doesn't have", gone),
        (
            "topic_clear_seconds",
            "When all that waits for a topic will have gone; NaN: can't be said",
            clear_in,
        ),
        ("topic_longest_group", "How many messages wait in the longest group of a FIFO topic", longest),
    ] {
        registry.register(name, help, family);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Cause;
    use crate::operate::SetTopic;
    use crate::operate::sample::{held, held_contract, key, running, state, topic};

    #[test]
    fn each_hold_is_a_line_with_its_cure_and_a_gauge() {
        let now = "2026-11-24T13:48:04Z".parse().unwrap();
        let set = |name: &str| SetTopic { key: key(name), arn: String::new() };
        let setup = Setup { topics: vec![set("grades"), set("activity")], started: now };
        let state = state(&[topic("grades", 5, 1), topic("old", 2, 0), topic("older", 0, 0)]);
        let signs = Signs {
            pulses: vec![held("grades", Cause::Topic), running("activity")],
            contracts: vec![held_contract("activity", 4)],
            ..Signs::default()
        };
        let lines = alarms(&signs, Some(&state), &setup, now);
        let begins = [
            "topic grades: held (topic) since 09:14 UTC: AuthorizationError: Allow",
            "contract moodle.grade.updated.v1: held (contract-fault) since 09:14 UTC: 20 of",
            "topic old: held (topic-gone), 2 messages wait: put [topics.old] back",
        ];
        assert_eq!(lines.len(), begins.len(), "{lines:?}");
        for (line, begin) in lines.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
        let mut registry = Registry::with_prefix("moodle_sns");
        register(&mut registry, &signs, &state, &setup);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in
            ["moodle_sns_topic_gone{topic=\"old\"} 1", "moodle_sns_topic_clear_seconds{topic=\"grades\"} 3"]
        {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("older"), "{text}");
    }
}
