//! The script of faults: what goes wrong, where, and how often.

use std::time::Duration;

use super::wire::Entry;

/// One fault. Those that apply to one call are combined.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only on this topic (the ARN).
    pub topic: Option<String>,
    /// Only for calls (or, for [`What::Fail`], entries) whose message holds this text.
    pub holding: Option<String>,
    /// How often.
    pub when: When,
    /// What goes wrong.
    pub what: What,
}

#[derive(Debug, Clone, Copy)]
pub enum When {
    Always,
    Times(u32),
    /// Each n-th time.
    Every(u32),
    Chance(f64),
}

#[derive(Debug, Clone)]
pub enum What {
    /// Nothing is taken; this error is answered.
    Refuse { status: u16, code: &'static str, words: &'static str },
    /// Nothing is taken; this is answered as it is.
    Say { status: u16, body: &'static str },
    /// Nothing is taken, the connection is cut.
    CutBefore,
    /// Nothing is taken, no answer ever comes.
    BlackHole,
    /// All is taken, the connection is cut.
    CutAfter,
    /// All is taken, no answer ever comes.
    BlackHoleAfter,
    /// All is taken; the answer ends after so many bytes, as if that were all of it.
    Truncate(usize),
    /// All is taken; the connection is cut after so many bytes of the answer.
    CutAnswer(usize),
    /// All is taken; the answer leaves out the entry at this place.
    Omit(usize),
    /// All is taken; the answer names the entry at this place twice.
    Repeat(usize),
    /// All is taken; the answer names an id that wasn't sent, too.
    Invent(&'static str),
    /// The entry at this place (or, with `holding`, each that holds the text) is refused by itself.
    Fail { place: Option<usize>, code: &'static str, sender_fault: bool },
    /// All goes on after a while.
    Delay(Duration),
}

impl Fault {
    pub fn always(what: What) -> Self {
        Self { topic: None, holding: None, when: When::Always, what }
    }

    pub fn once(what: What) -> Self {
        Self { when: When::Times(1), ..Self::always(what) }
    }

    pub fn chance(chance: f64, what: What) -> Self {
        Self { when: When::Chance(chance), ..Self::always(what) }
    }

    pub fn on(self, topic: &str) -> Self {
        Self { topic: Some(topic.to_owned()), ..self }
    }

    pub fn holding(self, text: &str) -> Self {
        Self { holding: Some(text.to_owned()), ..self }
    }
}

impl What {
    /// An error of SNS for the whole call.
    pub fn refuse(status: u16, code: &'static str) -> Self {
        Self::Refuse { status, code, words: "said by the double" }
    }
}

/// All faults in force.
#[derive(Debug)]
pub struct Script {
    faults: Vec<(Fault, u32)>,
    chance: fastrand::Rng,
}

impl Script {
    pub fn new(seed: u64) -> Self {
        Self { faults: Vec::new(), chance: fastrand::Rng::with_seed(seed) }
    }

    pub fn add(&mut self, fault: Fault) {
        self.faults.push((fault, 0));
    }

    pub fn clear(&mut self) {
        self.faults.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// What goes wrong with this call.
    pub fn applying(&mut self, topic: &str, entries: &[Entry]) -> Vec<(What, Option<String>)> {
        let chance = &mut self.chance;
        let fires = |(fault, seen): &mut (Fault, u32)| {
            let here = fault.topic.as_deref().is_none_or(|t| t == topic)
                && fault
                    .holding
                    .as_deref()
                    .is_none_or(|text| entries.iter().any(|e| e.message.contains(text)));
            *seen += u32::from(here);
            let now = match fault.when {
                When::Always => true,
                When::Times(n) => *seen <= n,
                When::Every(n) => (*seen).is_multiple_of(n),
                When::Chance(p) => chance.f64() < p,
            };
            (here && now).then(|| (fault.what.clone(), fault.holding.clone()))
        };
        self.faults.iter_mut().filter_map(fires).collect()
    }
}
