//! What a team writes that has only its queue, to see whether it has all: a book of what came, held against
//! each day's summary. One book a topic.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const HEARTBEAT: &str = "moodle.producer.heartbeat.v1";
pub const SUMMARY: &str = "moodle.producer.summary.v1";

/// How many messages, and the XOR of the first 16 bytes of the SHA-256 of their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    messages: i64,
    check: u128,
}

impl Sum {
    fn with(self, other: Self, sign: i64) -> Self {
        Self { messages: self.messages + sign * other.messages, check: self.check ^ other.check }
    }
}

/// What came, by source, type and day, and what the summaries tell of it.
#[derive(Debug, Default)]
pub struct Book {
    seen: HashSet<String>,
    came: BTreeMap<(String, String, Date), Sum>,
    told: BTreeMap<(String, Date), BTreeMap<String, Sum>>,
}

impl Book {
    /// Enters a message that came on a day. A replay's copy is none of the day's messages.
    pub fn enter(&mut self, body: &Value, replayed: bool, day: Date) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, source, kind) = (text(&body["id"]), text(&body["source"]), text(&body["type"]));
        if replayed || kind == HEARTBEAT || !self.seen.insert(id.clone()) {
            return;
        }
        if kind == SUMMARY {
            self.note(source, &body["data"]["summary"]);
            return;
        }
        let check = Sha256::digest(id)[..16].iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        let sum = self.came.entry((source, kind, day)).or_default();
        *sum = sum.with(Sum { messages: 1, check }, 1);
    }

    fn note(&mut self, source: String, summary: &Value) {
        let list = |key: &str| summary[key].as_array().unwrap().clone();
        let lines = list("types").into_iter().zip(list("messages")).zip(list("checks"));
        let told = lines.map(|((kind, messages), check)| {
            let check = u128::from_str_radix(check.as_str().unwrap(), 16).unwrap();
            (kind.as_str().unwrap().to_owned(), Sum { messages: messages.as_i64().unwrap(), check })
        });
        let day: Date = summary["day"].as_str().unwrap().parse().unwrap();
        let before = self.told.insert((source, day), told.collect());
        assert_eq!(before, None, "the summary of {day} came twice");
    }

    /// The days that were told.
    pub fn days(&self) -> Vec<Date> {
        self.told.keys().map(|(_, day)| *day).collect()
    }

    /// How many messages the summaries tell of.
    pub fn told(&self) -> i64 {
        self.told.values().flat_map(BTreeMap::values).map(|sum| sum.messages).sum()
    }

    /// What does not fit. A message near midnight may have come on the day before or after the one on which
    /// it was counted: what fails over one day and holds over two is no loss.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for ((source, day), told) in &self.told {
            let came = self.came.keys().filter(|(of, _, on)| of == source && on == day);
            let kinds: BTreeSet<&String> = told.keys().chain(came.map(|(_, kind, _)| kind)).collect();
            for kind in kinds {
                let Some(off) = self.off(source, kind, *day) else { continue };
                let beside = [day.yesterday(), day.tomorrow()].into_iter().flatten();
                let mut over_two =
                    beside.filter_map(|day| self.off(source, kind, day)).map(|other| off.with(other, 1));
                if off != Sum::default() && !over_two.any(|sum| sum == Sum::default()) {
                    let Sum { messages, check } = off;
                    complaints.push(format!(
                        "{source} {day} {kind}: {messages:+} messages, check off by {check:032x}"
                    ));
                }
            }
        }
        complaints
    }

    /// What came on a day less what was told; none: nothing was told of the day.
    fn off(&self, source: &str, kind: &str, day: Date) -> Option<Sum> {
        let told = self.told.get(&(source.to_owned(), day))?.get(kind).copied().unwrap_or_default();
        let came = self.came.get(&(source.to_owned(), kind.to_owned(), day)).copied().unwrap_or_default();
        Some(came.with(told, -1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u32) -> Value {
        serde_json::json!({ "id": format!("{id}:a"), "source": "s", "type": "a" })
    }

    fn summary(day: u32, ids: &[u32]) -> Value {
        let mut book = Book::default();
        let on = "2026-11-24".parse().unwrap();
        ids.iter().for_each(|id| book.enter(&message(*id), false, on));
        let sum = book.came.values().next().copied().unwrap_or_default();
        serde_json::json!({
            "id": format!("{day}:summary"), "source": "s", "type": SUMMARY,
            "data": { "summary": {
                "day": format!("2026-11-{day}"), "types": ["a"], "messages": [ids.len()],
                "checks": [format!("{:032x}", sum.check)],
            } },
        })
    }

    #[test]
    fn a_loss_an_addition_and_an_exchange_are_seen_and_a_shift_over_midnight_is_none() {
        let day = |n: i8| jiff::civil::date(2026, 11, n);
        for (came, complaints) in [
            (vec![(1, 24), (2, 24), (3, 25)], 0),
            (vec![(1, 24), (1, 25), (2, 24), (3, 25), (2, 24)], 0),
            (vec![(1, 24), (2, 25), (3, 25)], 0),
            (vec![(1, 24), (2, 24), (3, 24)], 0),
            (vec![(1, 24), (3, 25)], 1),
            (vec![(1, 24), (2, 24)], 1),
            (vec![(1, 24), (2, 24), (3, 25), (4, 25)], 1),
            (vec![(1, 24), (4, 24), (3, 25)], 1),
        ] {
            let mut book = Book::default();
            came.iter().for_each(|(id, on)| book.enter(&message(*id), false, day(*on)));
            book.enter(&message(9), true, day(24));
            book.enter(&summary(24, &[1, 2]), false, day(25));
            book.enter(&summary(25, &[3]), false, day(26));
            assert_eq!(book.complaints().len(), complaints, "{came:?}: {:?}", book.complaints());
        }
    }
}
