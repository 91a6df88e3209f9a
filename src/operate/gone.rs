//! What is owed to topics, or of contracts, that there are not (any more): what waits for them stays, and is
//! held until they are back. Before a change is made it is told who would go, and what the ways out are.

use serde::{Deserialize, Serialize};

use super::look::TraceReport;
use super::words::counted;
use crate::delivery::Cause;
use crate::spool::Owing;

/// Where what is owed is asked for.
pub const OWED: &str = "/v1/owed";

/// How many messages of one contract wait for one topic, as the listener tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedRow {
    /// To whom.
    pub topic: String,
    /// Of which contract.
    pub contract: String,
    /// How many.
    pub n: u64,
}

impl From<Owing> for OwedRow {
    fn from(owing: Owing) -> Self {
        Self { topic: owing.topic.to_string(), contract: owing.contract.to_string(), n: owing.n }
    }
}

/// A topic or contract that isn't there, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// `topic-gone` or `contract-gone`.
    pub what: String,
    /// Its key or name.
    pub name: String,
    /// How many messages wait, held ones included.
    pub waiting: u64,
    /// The ways out.
    pub cure: String,
}

impl Gone {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let waiting = counted(self.waiting, "message waits", "messages wait");
        let kind = if self.what == Cause::TopicGone.as_str() { "topic" } else { "contract" };
        format!("{}: {waiting} for the {kind} {}, and it is not there", self.what, self.name)
    }
}

/// What a person may do about a topic that is gone.
pub(super) fn topic_cure(topic: &str) -> String {
    format!(
        "put [topics.{topic}] back (its ARN may be another), or leave it until nothing waits for it (`moodle-sns-producer status`); to pass over what waits: `moodle-sns-producer topic skip {topic}`"
    )
}

/// Of what is owed, what is owed to topics or of contracts that there are not.
#[must_use]
pub fn gone(owed: &[OwedRow], topics: impl Fn(&str) -> bool, contracts: impl Fn(&str) -> bool) -> Vec<Gone> {
    let mut list: Vec<Gone> = Vec::new();
    let mut add = |cause: Cause, name: &str, n: u64, cure: &dyn Fn() -> String| match list
        .iter_mut()
        .find(|gone| gone.what == cause.as_str() && gone.name == name)
    {
        Some(gone) => gone.waiting += n,
        None => list.push(Gone {
            what: cause.as_str().to_owned(),
            name: name.to_owned(),
            waiting: n,
            cure: cure(),
        }),
    };
    for OwedRow { topic, contract, n } in owed {
        if !topics(topic) {
            add(Cause::TopicGone, topic, *n, &|| topic_cure(topic));
        }
        if !contracts(contract) {
            add(Cause::ContractGone, contract, *n, &|| CONTRACT_CURE.to_owned());
        }
    }
    list
}

/// What a person may do about a contract that is gone.
const CONTRACT_CURE: &str = "put its text back (contracts.dir, or the version of this program that has it) until nothing waits for it; to drop what waits, put it back and name it under contracts.withdrawn";

/// Says in a trace which messages wait for something that isn't there.
pub fn mark(report: &mut TraceReport, topics: impl Fn(&str) -> bool, contracts: impl Fn(&str) -> bool) {
    for message in report.messages.iter_mut().filter(|message| ["waiting", "held"].contains(&&*message.state))
    {
        let contract = message.id.split_once(':').map_or("", |(_, contract)| contract);
        let (cause, cure) = if !topics(&message.topic) {
            (Cause::TopicGone, topic_cure(&message.topic))
        } else if !contracts(contract) {
            (Cause::ContractGone, CONTRACT_CURE.to_owned())
        } else {
            continue;
        };
        "held".clone_into(&mut message.state);
        message.words = format!("held ({cause}): {cure}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_to_nobody_is_counted_with_the_ways_out() {
        let row =
            |topic: &str, contract: &str, n| OwedRow { topic: topic.into(), contract: contract.into(), n };
        let owed = [
            row("grades", "moodle.a.b.v1", 5),
            row("grades", "moodle.a.old.v1", 2),
            row("old", "moodle.a.b.v1", 7),
            row("old", "moodle.a.old.v1", 1),
        ];
        let list = gone(&owed, |topic| topic == "grades", |contract| contract == "moodle.a.b.v1");
        let told: Vec<_> = list.iter().map(|gone| (&*gone.what, &*gone.name, gone.waiting)).collect();
        assert_eq!(told, [("contract-gone", "moodle.a.old.v1", 3), ("topic-gone", "old", 8)]);
        assert!(list[1].cure.contains("put [topics.old] back"), "{}", list[1].cure);
        assert_eq!(list[1].sentence(), "topic-gone: 8 messages wait for the topic old, and it is not there");
        assert!(gone(&owed, |_| true, |_| true).is_empty());
    }
}
