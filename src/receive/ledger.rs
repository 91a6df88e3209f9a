//! The plugin's ledger, as it tells it with each question for the wanted list, and what it says beside
//! ours. Pure.
//!
//! The two count differently: the plugin each event once, in the hour it was raised; the spool each
//! arrival, when it comes. So what can be held against each other are two things only. Of what Moodle
//! observed in an hour, the plugin must know what became of each. And what it was told is kept, the spool
//! must have counted since that hour: both in the commit that held it.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::spool::Count;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Hours that begin longer ago are passed over.
const OLDEST: SignedDuration = SignedDuration::from_hours(49);

/// An hour is judged when it has been over for so long: then nothing of it is on its way any more but what
/// waits in the outbox, and that is counted.
const SETTLED: SignedDuration = SignedDuration::from_hours(2);

/// What became of an event in Moodle, in the words of the plugin's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All that were raised and wanted.
    Observed,
    /// Kept by the spool.
    Accepted,
    /// Its id was known.
    Duplicate,
    /// No row of the list took it.
    Unwanted,
    /// Set aside at the door.
    Parked,
    /// In the outbox.
    Waiting,
    /// No row's condition held when all of it was read.
    NotTaken,
    /// Refused for good, and kept in Moodle with the reason.
    Refused,
    /// Counted only, because the outbox was full.
    LostAtCap,
    /// Counted only, because there was no list.
    Unarmed,
}

impl Outcome {
    /// Every outcome: the first is the sum of the others.
    pub const ALL: [Self; 10] = [
        Self::Observed,
        Self::Accepted,
        Self::Duplicate,
        Self::Unwanted,
        Self::Parked,
        Self::Waiting,
        Self::NotTaken,
        Self::Refused,
        Self::LostAtCap,
        Self::Unarmed,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Unwanted => "unwanted",
            Self::Parked => "parked",
            Self::Waiting => "waiting",
            Self::NotTaken => "not_taken",
            Self::Refused => "refused",
            Self::LostAtCap => "lost_at_cap",
            Self::Unarmed => "unarmed",
        }
    }
}

type Counts = [u64; Outcome::ALL.len()];

/// What the plugin told: counts by hour, and by event where it tells that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginLedger(HashMap<(Timestamp, String), Counts>);

impl PluginLedger {
    /// Reads `[{"hour": RFC 3339 or Unix seconds, "event"?, outcome: n, …}]`. What is not understood is
    /// passed over: a newer plugin may tell more.
    pub(super) fn read(told: Option<Value>, now: Timestamp) -> Self {
        let Some(Value::Array(rows)) = told else { return Self::default() };
        let mut ledger = HashMap::new();
        for row in rows {
            let Value::Object(row) = row else { continue };
            let Some(hour) = row.get("hour").and_then(hour) else { continue };
            let age = now.duration_since(hour);
            if age > OLDEST || age < -HOUR {
                continue;
            }
            let event = row.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
            let counts: &mut Counts = ledger.entry((hour, event)).or_default();
            for (count, outcome) in counts.iter_mut().zip(Outcome::ALL) {
                *count = count.saturating_add(n(&row, outcome));
            }
        }
        Self(ledger)
    }

    /// The first hour that it tells of.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.0.keys().map(|(hour, _)| *hour).min()
    }

    /// How many events had an outcome.
    #[must_use]
    pub fn sum(&self, outcome: Outcome) -> u64 {
        self.0.values().map(|counts| counts[outcome as usize]).fold(0, u64::saturating_add)
    }

    /// Events of hours that are over of which the plugin does not know what became, now and the time
    /// before: between two of its writes a sum may be off for a moment.
    fn unaccounted(&self, before: &Self, now: Timestamp) -> u64 {
        let over = |hour: Timestamp| now.duration_since(hour) >= HOUR + SETTLED;
        let rows = self.0.iter().filter(|((hour, _), _)| over(*hour));
        rows.map(|(key, counts)| missing(counts).min(before.0.get(key).map_or(0, missing))).sum()
    }
}

fn hour(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => Timestamp::from_second(value.as_i64()?).ok(),
    }
}

fn n(row: &Map<String, Value>, outcome: Outcome) -> u64 {
    row.get(outcome.as_str()).and_then(Value::as_u64).unwrap_or(0)
}

/// Observed less all else; too many is a kill between an answer and its count, and no loss.
fn missing(counts: &Counts) -> u64 {
    let known = counts[1..].iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
    counts[0].saturating_sub(known)
}

/// What the two ledgers of a source say of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// When the plugin told its side.
    pub at: Timestamp,
    /// Both are since this hour.
    pub since: Timestamp,
    /// The plugin's.
    pub plugin: PluginLedger,
    /// The spool's: what became of what came in.
    pub here: Vec<(Count, u64)>,
    /// Events that were raised and of which nobody knows what became: they died in PHP's memory.
    pub unaccounted: u64,
    /// Events that the plugin was told are kept, and that this spool never kept.
    pub not_received: u64,
}

impl Books {
    /// The hours of the spool's ledger that are needed for it.
    pub(super) fn hours(plugin: &PluginLedger, now: Timestamp) -> Timestamp {
        // A node's clock may be behind, so that what it raised in an hour came here in the one before.
        begin(plugin, now).checked_sub(HOUR).unwrap_or(now)
    }

    /// Holds the plugin's ledger against the spool's, given as (hour, count, n) since [`Books::hours`].
    pub(super) fn new(
        plugin: PluginLedger,
        before: &PluginLedger,
        door: &[(Timestamp, Count, u64)],
        now: Timestamp,
    ) -> Self {
        let since = begin(&plugin, now);
        let sum = |count: Count, from: Timestamp| {
            door.iter().filter(|(hour, c, _)| *c == count && *hour >= from).map(|(.., n)| n).sum::<u64>()
        };
        let told = [Count::Received, Count::Accepted, Count::Duplicate, Count::Unwanted, Count::Parked];
        let here = told.map(|count| (count, sum(count, since))).to_vec();
        // Not duplicates and unwanted ones: a kill may take the last second's counts of those.
        let kept = |count, outcome| plugin.sum(outcome).saturating_sub(sum(count, Timestamp::MIN));
        let not_received = kept(Count::Accepted, Outcome::Accepted) + kept(Count::Parked, Outcome::Parked);
        let unaccounted = plugin.unaccounted(before, now);
        Self { at: now, since, plugin, here, unaccounted, not_received }
    }

    /// The alarms, each with its reason and how many events it speaks of.
    #[must_use]
    pub fn mismatches(&self) -> [(&'static str, u64); 2] {
        [("unaccounted", self.unaccounted), ("not-received", self.not_received)]
    }
}

/// The first hour that the plugin tells of; a day ago where it tells none.
fn begin(plugin: &PluginLedger, now: Timestamp) -> Timestamp {
    let since = plugin.since().unwrap_or_else(|| now.checked_sub(24 * HOUR).unwrap_or(now));
    let seconds = since.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(HOUR.as_secs())).unwrap_or(since)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T16:20:00Z".parse().unwrap()
    }

    fn at(hour: &str) -> Timestamp {
        format!("2026-11-24T{hour}:00:00Z").parse().unwrap()
    }

    fn told(rows: Value) -> PluginLedger {
        PluginLedger::read(Some(rows), now())
    }

    #[test]
    fn a_ledger_is_read_as_far_as_it_is_understood() {
        let ledger = told(json!([
            {"hour": "2026-11-24T12:00:00Z", "event": "\\a", "observed": 5, "accepted": 4, "not_taken": 1},
            {"hour": at("12").as_second(), "event": "\\b", "observed": 2, "accepted": 2, "of a newer plugin": 7},
            {"hour": "2026-11-24T11:00:00Z", "observed": 3, "accepted": "3", "duplicate": -1, "waiting": 1.5},
            {"hour": "2026-11-20T11:00:00Z", "observed": 100},
            {"hour": "2026-11-25T11:00:00Z", "observed": 100},
            {"hour": "noon", "observed": 100}, {"observed": 100}, 7,
        ]));
        let sums = [Outcome::Observed, Outcome::Accepted, Outcome::NotTaken, Outcome::Waiting]
            .map(|o| ledger.sum(o));
        assert_eq!(sums, [10, 6, 1, 0]);
        assert_eq!(ledger.since(), Some(at("11")));
        for nothing in [None, Some(json!(null)), Some(json!({})), Some(json!([]))] {
            assert_eq!(PluginLedger::read(nothing, now()), PluginLedger::default());
        }
    }

    #[test]
    fn what_nobody_knows_of_is_told_when_its_hour_is_over_and_it_was_so_the_time_before() {
        let row = |hour: &str, event: &str, observed: u64, accepted: u64| json!({"hour": format!("2026-11-24T{hour}:00:00Z"), "event": event, "observed": observed, "accepted": accepted});
        let unaccounted = |before: Value, present: Value| {
            Books::new(told(present), &told(before), &[(at("10"), Count::Accepted, 1_000)], now()).unaccounted
        };
        let short = || json!([row("13", "\\a", 5, 3)]);
        assert_eq!(unaccounted(short(), short()), 2);
        assert_eq!(unaccounted(json!([]), short()), 0, "the first time it is told");
        assert_eq!(unaccounted(json!([row("13", "\\a", 5, 4)]), short()), 1);
        assert_eq!(unaccounted(short(), json!([row("13", "\\a", 5, 5)])), 0);
        let young = || json!([row("14", "\\a", 5, 3)]);
        assert_eq!(unaccounted(young(), young()), 0, "that hour ended 80 minutes ago");
        // One event too many of one name hides none of another.
        let both = || json!([row("12", "\\a", 5, 3), row("12", "\\b", 2, 3)]);
        assert_eq!(unaccounted(both(), both()), 2);
    }

    #[test]
    fn what_moodle_was_told_is_kept_must_have_been_kept_since_an_hour_before() {
        let plugin = || {
            told(
                json!([{"hour": "2026-11-24T12:00:00Z", "observed": 9, "accepted": 5, "parked": 1, "duplicate": 3}]),
            )
        };
        let books =
            |door: &[(Timestamp, Count, u64)]| Books::new(plugin(), &PluginLedger::default(), door, now());
        assert_eq!(Books::hours(&plugin(), now()), at("11"));
        let whole = [(at("12"), Count::Accepted, 5), (at("15"), Count::Parked, 1)];
        assert_eq!(books(&whole).not_received, 0, "counts of duplicates may be lost in a kill");
        let early =
            [(at("11"), Count::Accepted, 2), (at("12"), Count::Accepted, 3), (at("12"), Count::Parked, 1)];
        assert_eq!(books(&early).not_received, 0, "a clock that is behind");
        assert!(books(&early).here.contains(&(Count::Accepted, 3)), "what is shown is of the same hours");
        let more = [(at("13"), Count::Accepted, 50), (at("13"), Count::Parked, 1)];
        assert_eq!(books(&more).not_received, 0, "of a backfill, or repeated after an answer that was lost");
        assert_eq!(books(&[(at("12"), Count::Accepted, 4), (at("12"), Count::Received, 9)]).not_received, 2);
    }
}
