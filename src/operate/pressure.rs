//! What is said about a spool that is short of room: findings of `status`, and metrics.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::verdict::{Finding, Level};
use super::words::{counted, moment, size, span};
use crate::spool::{Pressure, Shortage, State};

/// What a person must know, worst first.
pub(super) fn findings(state: &State, now: Timestamp) -> Vec<Finding> {
    let pressure = &state.pressure;
    let found = [lost(pressure), shut(pressure), reserve(pressure), filling(state, now)];
    found.into_iter().flatten().collect()
}

fn finding(level: Level, sentence: String, steps: &[&str]) -> Finding {
    Finding { aside: None, level, sentence, steps: steps.iter().map(|&step| step.to_owned()).collect() }
}

fn lost(pressure: &Pressure) -> Option<Finding> {
    (pressure.lost_at_start > 0).then(|| {
        finding(
            Level::Wrong,
            format!(
                "At its start the spool ended {} before what had been accepted: the disk lost or changed its log.",
                counted(pressure.lost_at_start, "event", "events")
            ),
            &[
                "Check the disk (`dmesg`, `smartctl`), and keep a copy of the spool's files.",
                "Have Moodle send the hours before the stop once more (`cli/backfill.php`): what is known already is told as a duplicate.",
            ],
        )
    })
}

fn shut(pressure: &Pressure) -> Option<Finding> {
    let shortage = pressure.shut?;
    let why = match shortage {
        Shortage::Disk => format!("the disk has {} left", size(pressure.free_bytes.unwrap_or(0))),
        Shortage::Log => format!("its log has grown to {}", size(pressure.log_bytes)),
    };
    Some(finding(
        Level::Outage,
        format!(
            "The spool takes nothing: {why}. Moodle is told to wait, and keeps its events in its outbox; publishing goes on."
        ),
        &[&format!("{}.", shortage.cure())],
    ))
}

fn reserve(pressure: &Pressure) -> Option<Finding> {
    let open = pressure.free_bytes.is_some() && pressure.shut.is_none();
    (open && pressure.reserve_bytes == 0).then(|| {
        finding(
            Level::Person,
            "Nothing is reserved on the spool's disk: if it fills, publishing may stop too.".to_owned(),
            &["Put the spool on a disk that can reserve room (ext4, xfs)."],
        )
    })
}

fn filling(state: &State, now: Timestamp) -> Option<Finding> {
    let filling = state.pressure.filling?;
    let limit = limit(state);
    let most = state.topics.iter().max_by_key(|topic| topic.owed_bytes).filter(|topic| topic.owed_bytes > 0);
    let whose = most.map_or_else(String::new, |topic| {
        format!(", {} of them to `{}`", size(topic.owed_bytes), topic.topic)
    });
    let when = filling.full_at.map_or_else(
        || "it does not grow now".to_owned(),
        |at| {
            let at = at.max(now);
            format!("at this rate it is full at {} (in {})", moment(at, now), span(at.duration_since(now)))
        },
    );
    let name = most.map_or("KEY", |topic| topic.topic.as_str());
    Some(finding(
        Level::Person,
        format!("The spool fills: {} of {} are owed{whose}; {when}.", size(state.owed_bytes), size(limit)),
        &[
            &format!(
                "Cure what stops `{name}`. If that takes longer than there is time, `moodle-sns-producer topic skip {name}` lets the others go on: what it skips can be replayed."
            ),
            "Or raise `spool.max_size`, on a disk that has the room.",
        ],
    ))
}

/// What may be owed: as set, or as the disk can hold.
fn limit(state: &State) -> u64 {
    state.limit_bytes.min(state.pressure.capacity_bytes.unwrap_or(u64::MAX).max(state.owed_bytes))
}

type Gauges = Family<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>;

/// The measures, and each alarm with its reason: 1 while it lasts.
pub(super) fn register(registry: &mut Registry, pressure: &Pressure, now: Timestamp) {
    let alarms = Gauges::default();
    for (reason, on) in [
        ("spool-disk", pressure.shut == Some(Shortage::Disk)),
        ("spool-log", pressure.shut == Some(Shortage::Log)),
        ("spool-reserve", pressure.free_bytes.is_some() && pressure.reserve_bytes == 0),
        ("spool-filling", pressure.filling.is_some()),
        ("spool-lost", pressure.lost_at_start > 0),
    ] {
        alarms.get_or_create(&vec![("reason", reason.to_owned())]).set(if on { 1.0 } else { 0.0 });
    }
    registry.register("alarm", "1 while somebody must know, by reason", alarms);
    let full_in = pressure.filling.and_then(|filling| filling.full_at).map(|at| at.duration_since(now));
    for (name, help, value) in [
        ("spool_free_bytes", "Room on the spool's disk beside the reserve", pressure.free_bytes.map(float)),
        ("spool_reserve_bytes", "Room kept for settling on a full disk", Some(float(pressure.reserve_bytes))),
        ("spool_log_bytes", "The spool's log that is not yet in its file", Some(float(pressure.log_bytes))),
        (
            "spool_full_in_seconds",
            "When the spool will be full, while that is foreseen",
            full_in.map(|d| d.as_secs_f64().max(0.0)),
        ),
        (
            "spool_lost_events",
            "Events accepted that the file did not have at the start",
            Some(float(pressure.lost_at_start)),
        ),
    ] {
        if let Some(value) = value {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exposition has only floats; exact up to 2^53")]
fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::sample::{state, topic};
    use crate::spool::Filling;

    fn now() -> Timestamp {
        "2026-11-24T13:48:04Z".parse().unwrap()
    }

    #[test]
    fn each_strain_is_told_with_what_to_do() {
        let well = Pressure {
            free_bytes: Some(9 << 30),
            capacity_bytes: Some(9 << 30),
            reserve_bytes: 8 << 20,
            ..Pressure::default()
        };
        let full_at = Some("2026-11-24T17:40:00Z".parse().unwrap());
        for (pressure, level, sentence, step) in [
            (
                Pressure { shut: Some(Shortage::Disk), free_bytes: Some(1 << 20), ..well.clone() },
                Level::Outage,
                "The spool takes nothing: the disk has 1.0 MiB left.",
                "Make room",
            ),
            (
                Pressure { shut: Some(Shortage::Log), log_bytes: 40 << 20, ..well.clone() },
                Level::Outage,
                "The spool takes nothing: its log has grown to 40.0 MiB.",
                "the log shortens by itself",
            ),
            (Pressure { reserve_bytes: 0, ..well.clone() }, Level::Person, "Nothing is reserved", "ext4"),
            (
                Pressure { filling: Some(Filling { full_at }), ..well.clone() },
                Level::Person,
                "The spool fills: 2.0 GiB of 8.0 GiB are owed, 1.8 GiB of them to `grades`; at this rate it is full at 17:40 UTC (in 3 h 51 min).",
                "topic skip grades",
            ),
            (
                Pressure {
                    filling: Some(Filling { full_at: None }),
                    capacity_bytes: Some(3 << 30),
                    ..well.clone()
                },
                Level::Person,
                "The spool fills: 2.0 GiB of 3.0 GiB are owed, 1.8 GiB of them to `grades`; it does not grow now.",
                "spool.max_size",
            ),
            (
                Pressure { lost_at_start: 7, ..well.clone() },
                Level::Wrong,
                "ended 7 events before",
                "backfill",
            ),
        ] {
            let mut state = state(&[topic("grades", 2_000_000, 0), topic("activity", 9, 0)]);
            state.owed_bytes = 2 << 30;
            state.pressure = pressure;
            let found = findings(&state, now());
            let [found] = &found[..] else { panic!("{sentence}: {} findings", found.len()) };
            assert_eq!(found.level, level, "{}", found.sentence);
            assert!(found.sentence.contains(sentence), "{}\n{sentence}", found.sentence);
            assert!(found.steps.join(" ").contains(step), "{:?}", found.steps);
        }
        let mut fine = state(&[]);
        fine.pressure = well;
        assert!(findings(&fine, now()).is_empty());
        assert!(findings(&state(&[]), now()).is_empty(), "a spool that no process has open");
    }

    #[test]
    fn an_alarm_is_a_gauge_with_a_reason() {
        let mut registry = Registry::with_prefix("moodle_sns");
        let pressure = Pressure { shut: Some(Shortage::Log), log_bytes: 5, ..Pressure::default() };
        register(&mut registry, &pressure, now());
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
        for line in [
            "moodle_sns_alarm{reason=\"spool-log\"} 1",
            "moodle_sns_alarm{reason=\"spool-disk\"} 0",
            "moodle_sns_alarm{reason=\"spool-reserve\"} 0",
            "moodle_sns_spool_log_bytes 5",
        ] {
            assert!(text.lines().any(|l| l == line || l == format!("{line}.0")), "{line}\n{text}");
        }
    }
}
