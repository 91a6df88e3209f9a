//! The laws that must hold after any fault, once all is calm again: what was promised was published or
//! is parked (I1), nothing was invented (I2), copies are byte-equal (I3), groups are in order (I4), the
//! account adds up (I5).

use std::collections::{BTreeMap, HashMap, HashSet};

use moodle_sns_producer::event::EventId;

/// What the sender of an event knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A 202 was read that counts it as accepted, duplicate or unwanted.
    Kept,
    /// No answer, a cut one, or a 5xx: it may be kept or not.
    Unknown,
    /// A 4xx: it is not kept.
    Refused,
}

/// One message as SNS took it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub topic: String,
    pub body: String,
    pub group: Option<String>,
}

impl From<super::sns::Taken> for Taken {
    fn from(taken: super::sns::Taken) -> Self {
        Self {
            topic: taken.topic,
            body: taken.message,
            // A copy that FIFO deduplication held back was seen by nobody: it has no place in the order.
            group: taken.group.filter(|_| !taken.suppressed),
        }
    }
}

/// All that a run left behind.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What was sent, by event.
    pub sent: HashMap<EventId, Known>,
    /// What SNS took, in its order.
    pub taken: Vec<Taken>,
    /// Events that are parked, or have a parked delivery.
    pub parked: HashSet<EventId>,
    /// Events that no topic wants, or that no row took: kept or counted by rule, never published.
    pub unpublished_by_rule: HashSet<EventId>,
    /// How many messages each kept event owes, where that is known beforehand.
    pub owes: HashMap<EventId, usize>,
}

/// What is wrong; empty when every law holds. At most ten lines a law.
pub fn faults(evidence: &Evidence) -> Vec<String> {
    let mut faults = Vec::new();
    let mut note = |law: &str, lines: Vec<String>| {
        let more = lines.len().saturating_sub(10);
        faults.extend(lines.into_iter().take(10).map(|l| format!("{law}: {l}")));
        if more > 0 {
            faults.push(format!("{law}: and {more} more"));
        }
    };

    // Of an event, each message on each topic: two contracts may read one event.
    let mut published: HashMap<EventId, HashSet<(&str, String)>> = HashMap::new();
    let mut copies: BTreeMap<(String, String), HashSet<&str>> = BTreeMap::new();
    let mut order: HashMap<(&str, &str), Vec<(String, String)>> = HashMap::new();
    let mut invented = Vec::new();
    let mut unreadable = Vec::new();
    for taken in &evidence.taken {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&taken.body) else {
            unreadable.push(format!("{}: a body that is no JSON", taken.topic));
            continue;
        };
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let Ok(event) = id.split(':').next().unwrap_or_default().parse::<EventId>() else {
            unreadable.push(format!("{}: id {id:?}", taken.topic));
            continue;
        };
        match evidence.sent.get(&event) {
            None => invented.push(format!("{id} on {} was never sent", taken.topic)),
            Some(Known::Refused) => invented.push(format!("{id} on {} was refused at the door", taken.topic)),
            Some(Known::Kept | Known::Unknown) => {}
        }
        published.entry(event).or_default().insert((&taken.topic, id.clone()));
        copies
            .entry((taken.topic.clone(), format!("{id} {}", text("contractdigest"))))
            .or_default()
            .insert(&taken.body);
        if let Some(group) = &taken.group {
            let seen = order.entry((&taken.topic, group)).or_default();
            if !seen.iter().any(|(known, _)| *known == id) {
                seen.push((id, text("sequence")));
            }
        }
    }
    note("unreadable", unreadable);
    note("I2 nothing invented", invented);

    let lost = evidence
        .sent
        .iter()
        .filter(|(id, known)| {
            **known == Known::Kept
                && !evidence.parked.contains(id)
                && !evidence.unpublished_by_rule.contains(id)
        })
        .filter(|(id, _)| {
            published.get(id).map_or(0, HashSet::len) < evidence.owes.get(id).copied().unwrap_or(1)
        })
        .map(|(id, _)| format!("{id} got a 202 and was neither published nor parked"))
        .collect();
    note("I1 kept", lost);

    let differing = copies
        .iter()
        .filter(|(_, bodies)| bodies.len() > 1)
        .map(|((topic, id), bodies)| {
            format!("{id} on {topic} was published with {} different bodies", bodies.len())
        })
        .collect();
    note("I3 same bytes", differing);

    let disorder = order
        .iter()
        .filter_map(|((topic, _), seen)| {
            // Several contracts may speak of one event, in one group: its messages share a sequence.
            let event = |id: &str| id.split(':').next().map(str::to_owned);
            let pair = seen.windows(2).find(|pair| {
                pair[0].1 > pair[1].1 || (pair[0].1 == pair[1].1 && event(&pair[0].0) != event(&pair[1].0))
            })?;
            Some(format!("{topic}: {} ({}) came before {} ({})", pair[0].0, pair[0].1, pair[1].0, pair[1].1))
        })
        .collect();
    note("I4 order", disorder);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 2] = ["01a20e53-90ce-7205-a292-0dd69749d9f5", "01a20e53-90ce-7205-a292-0dd69749d9f6"];

    fn taken(id: &str, sequence: &str, extra: &str) -> Taken {
        Taken {
            topic: "t.fifo".into(),
            body: format!(
                "{{\"id\":\"{id}:moodle.a.b.v1\",\"contractdigest\":\"d\",\"sequence\":\"{sequence}\",\"x\":\"{extra}\"}}"
            ),
            group: Some("g".into()),
        }
    }

    fn sent(known: [Known; 2]) -> HashMap<EventId, Known> {
        IDS.iter().zip(known).map(|(id, known)| (id.parse().unwrap(), known)).collect()
    }

    fn laws(sent: HashMap<EventId, Known>, taken: Vec<Taken>) -> Vec<String> {
        let mut laws: Vec<String> = faults(&Evidence { sent, taken, ..Evidence::default() })
            .into_iter()
            .map(|f| f[..2].to_owned())
            .collect();
        laws.dedup();
        laws
    }

    #[test]
    fn each_law_is_seen_when_it_is_broken() {
        let kept = || sent([Known::Kept, Known::Unknown]);
        let none: [&str; 0] = [];
        assert_eq!(laws(kept(), vec![taken(IDS[0], "1", "")]), none);
        assert_eq!(
            laws(kept(), vec![taken(IDS[0], "1", ""), taken(IDS[0], "1", ""), taken(IDS[1], "2", "")]),
            none
        );
        assert_eq!(laws(kept(), vec![]), ["I1"]);
        assert_eq!(
            laws(sent([Known::Kept, Known::Refused]), vec![taken(IDS[0], "1", ""), taken(IDS[1], "2", "")]),
            ["I2"]
        );
        assert_eq!(laws(kept(), vec![taken(IDS[0], "1", ""), taken(IDS[0], "1", "other")]), ["I3"]);
        assert_eq!(laws(kept(), vec![taken(IDS[1], "2", ""), taken(IDS[0], "1", "")]), ["I4"]);
        assert_eq!(laws(kept(), vec![taken(IDS[0], "1", ""), taken(IDS[1], "1", "")]), ["I4"]);
    }
}
