//! What is so, in one sentence, and what to do about it: the top of `/status`, of its JSON twin and of
//! `moodle-sns-producer status`. A pure function of the account, the workers' pulses and the time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::books::{self, Books};
use super::clear::clear;
use super::pressure;
use super::words::{count, counted, moment, size, span};
use crate::delivery::{Cause, Reason};
use crate::publish::{HeldContract, Pulse, State as Doing};
use crate::spool::{State, TopicState};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing to do.
    Healthy,
    /// Nothing to do yet, but worth a look.
    Look,
    /// Something waits for a person; the rest goes on.
    Person,
    /// Messages are stopped; nothing is lost.
    Outage,
    /// A promise may be broken.
    Wrong,
}

impl Level {
    /// The level in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Look => "Worth a look",
            Self::Person => "Wants a person",
            Self::Outage => "Outage, nothing lost",
            Self::Wrong => "Wrong",
        }
    }
}

/// What is so and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How bad it is.
    pub level: Level,
    /// What is so.
    pub sentence: String,
    /// What to do, in order; text between backquotes is a command or a name.
    pub steps: Vec<String>,
    /// How long there is time.
    pub room: String,
}

impl Verdict {
    /// Says one thing more: first if it is the worst, else as a step.
    pub(super) fn is_also(&mut self, level: Level, sentence: &str, step: &str) {
        if level > self.level {
            let before = std::mem::replace(&mut self.sentence, sentence.to_owned());
            self.level = level;
            self.sentence = format!("{sentence} {before}");
            self.steps.insert(0, step.to_owned());
        } else {
            self.steps.push(format!("{sentence} {step}"));
        }
    }
}

/// Whether anybody publishes.
#[derive(Debug, Clone, Copy)]
pub enum Workers<'a> {
    /// The process that was asked does: its workers' pulses, and the contracts that it holds.
    Here(&'a [Pulse], &'a [HeldContract]),
    /// No process holds the spool.
    Nobody,
}

pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) sentence: String,
    pub(super) steps: Vec<String>,
    /// What the sentence adds when it is the first.
    pub(super) aside: Option<String>,
}

/// One that waits longer than this, while its topic is not held, is worth a look.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// What is so, and what to do about it.
#[must_use]
pub fn verdict(state: &State, workers: Workers<'_>, books: &[Books], now: Timestamp) -> Verdict {
    let mut findings = Vec::new();
    findings.extend(missing(state));
    findings.extend(full(state));
    findings.extend(pressure::findings(state, now));
    findings.extend(disk(state));
    match workers {
        Workers::Here(pulses, contracts) => {
            findings.extend(holds(state, pulses, now));
            findings.extend(held_contracts(contracts, now));
            findings.extend(unserved(state, pulses));
            findings.extend(late(state, pulses, contracts, now));
        }
        Workers::Nobody => findings.push(nobody(state)),
    }
    findings.extend(paused(state, now));
    findings.extend(books::findings(books));
    findings.extend(parked(state, now));
    // Stable: of two alike the earlier check speaks.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));

    let mut findings = findings.into_iter();
    let Some(first) = findings.next() else {
        return Verdict {
            level: Level::Healthy,
            sentence: format!("{}. Nothing is held or parked.", waiting_words(state, now)),
            steps: Vec::new(),
            room: "Nothing to do.".to_owned(),
        };
    };
    let mut steps = first.steps;
    for other in findings {
        let mut others = other.steps.into_iter();
        steps.push(match others.next() {
            Some(step) => format!("{} {step}", other.sentence),
            None => other.sentence,
        });
        steps.extend(others);
    }
    let sentence = match first.aside {
        Some(aside) => format!("{} {aside}", first.sentence),
        None => first.sentence,
    };
    Verdict { level: first.level, sentence, steps, room: room(state, first.level) }
}

fn waiting(state: &State) -> u64 {
    state.topics.iter().map(TopicState::still_owed).sum()
}

fn parked_of(topic: &TopicState) -> u64 {
    topic.parked.iter().map(|(_, n)| n).sum()
}

/// `12 messages wait, the oldest for 0.4 s`
fn waiting_words(state: &State, now: Timestamp) -> String {
    let n = waiting(state);
    let oldest = state.topics.iter().filter_map(|topic| topic.oldest).min();
    match oldest {
        Some(oldest) if n > 0 => {
            let waits = counted(n, "message waits", "messages wait");
            format!(
                "{waits}, {}for {}",
                if n == 1 { "" } else { "the oldest " },
                span(now.duration_since(oldest))
            )
        }
        _ => "No message waits".to_owned(),
    }
}

fn missing(state: &State) -> Option<Finding> {
    let mut parts = Vec::new();
    let words = |n: i128, what: &str| {
        let n_abs = n.unsigned_abs();
        if n > 0 { format!("{n_abs} {what} missing") } else { format!("{n_abs} {what} too many") }
    };
    if state.missing_events() != 0 {
        parts.push(words(state.missing_events(), "events at the door"));
    }
    for topic in state.topics.iter().filter(|topic| topic.missing() != 0) {
        parts.push(words(topic.missing(), &format!("messages of `{}`", topic.topic)));
    }
    (!parts.is_empty()).then(|| Finding {
        aside: None,
        level: Level::Wrong,
        sentence: format!("The ledger does not add up: {}.", parts.join(", ")),
        steps: vec![
            "Stop the sidecar and keep a copy of the spool's files: they hold the evidence.".to_owned(),
            "Report it with the output of `moodle-sns-producer status --output json`.".to_owned(),
        ],
    })
}

fn full(state: &State) -> Option<Finding> {
    if state.limit_bytes == 0 || state.owed_bytes < state.limit_bytes {
        return None;
    }
    let most = state.topics.iter().max_by_key(|topic| topic.still_owed());
    let filled = most.map(|topic| {
        format!("`{}` fills it with {}.", topic.topic, counted(topic.still_owed(), "message", "messages"))
    });
    Some(Finding {
        aside: None,
        level: Level::Outage,
        sentence: format!(
            "The spool is full ({}): Moodle is told to wait, and keeps its events in its outbox. {}",
            size(state.limit_bytes),
            filled.unwrap_or_default()
        ),
        steps: vec!["Cure what stops the topic, or raise `spool.max_size` if the disk has room.".to_owned()],
    })
}

fn disk(state: &State) -> Option<Finding> {
    let (what, n) = match (state.commit_failures, state.checkpoint_failures) {
        (0, 0) => return None,
        (0, n) => ("checkpoints", n),
        (n, _) => ("commits", n),
    };
    Some(Finding {
        aside: None,
        level: Level::Person,
        sentence: format!("The disk refused {} {what} since the start.", count(n)),
        steps: vec![
            "Look at the disk's room and health (`df`, `dmesg`) and at the ERROR lines of the log."
                .to_owned(),
        ],
    })
}

/// The topics or the account that SNS refuses, and workers that have ended. Topics held by the same fault
/// are one finding: it has one cure.
fn holds(state: &State, pulses: &[Pulse], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let held_in = |topic: &crate::delivery::TopicKey| {
        state.topics.iter().find(|t| t.topic == *topic).map_or(0, TopicState::still_owed)
    };
    let mut account_told = false;
    let mut told: Vec<(Cause, &str)> = Vec::new();
    for pulse in pulses {
        match &pulse.state {
            // The account says so too, whoever runs.
            Doing::Running | Doing::Paused { .. } => {}
            Doing::Held { cause: Cause::Account, words, since, .. } => {
                // The account's hold is that of every topic: it is told once.
                if account_told {
                    continue;
                }
                account_told = true;
                let all: u64 = pulses
                    .iter()
                    .filter(|p| matches!(p.state, Doing::Held { cause: Cause::Account, .. }))
                    .map(|p| held_in(&p.topic))
                    .sum();
                findings.push(Finding {
                    aside: None,
                    level: Level::Outage,
                    sentence: format!(
                        "AWS refuses this sidecar since {}. {}.",
                        moment(*since, now),
                        counted(all, "message waits", "messages wait")
                    ),
                    steps: cures(Cause::Account, words),
                });
            }
            Doing::Held { cause, words, since, .. } => {
                if told.contains(&(*cause, words)) {
                    continue;
                }
                told.push((*cause, words));
                let alike = |p: &&Pulse| matches!(&p.state, Doing::Held { cause: c, words: w, .. } if c == cause && w == words);
                let held: Vec<&Pulse> = pulses.iter().filter(alike).collect();
                let names: Vec<String> = held.iter().map(|p| format!("`{}`", p.topic)).collect();
                let n: u64 = held.iter().map(|p| held_in(&p.topic)).sum();
                let others = pulses.iter().any(|p| matches!(p.state, Doing::Running));
                let refuses = match cause {
                    Cause::Topic => "refuses",
                    Cause::Throttled => "slows down",
                    _ => "does not answer for",
                };
                findings.push(Finding {
                    aside: None,
                    level: Level::Outage,
                    sentence: format!(
                        "SNS {refuses} the topic{} {} since {}. {}{}",
                        if names.len() == 1 { "" } else { "s" },
                        names.join(", "),
                        moment(*since, now),
                        counted(n, "message waits", "messages wait"),
                        if others { "; the other topics go on." } else { "." }
                    ),
                    steps: cures(*cause, words),
                });
            }
            Doing::Stopped { why } => findings.push(Finding {
                aside: None,
                level: Level::Outage,
                sentence: format!("The worker of `{}` has ended: {why}.", pulse.topic),
                steps: vec!["If the sidecar isn't being stopped, restart it.".to_owned()],
            }),
        }
    }
    findings
}

/// The contracts that can't make their messages: each has its own cure.
fn held_contracts(contracts: &[HeldContract], now: Timestamp) -> impl Iterator<Item = Finding> {
    contracts.iter().map(move |held| Finding {
        aside: None,
        level: Level::Outage,
        sentence: format!(
            "The contract `{}` is held since {} (`{}`). {}; other contracts go on.",
            held.contract,
            moment(held.since, now),
            held.cause(),
            counted(held.waiting(), "message waits", "messages wait")
        ),
        steps: vec![format!("{}.", held.words())],
    })
}

fn cures(cause: Cause, words: &str) -> Vec<String> {
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    let first = match cause {
        // These words name their cure.
        Cause::Topic
        | Cause::Account
        | Cause::Mapping
        | Cause::ContractFault
        | Cause::ContractGone
        | Cause::TopicGone => format!("{words}{end}"),
        Cause::Unknown | Cause::Failed => format!(
            "Check the way from this machine to SNS: network, name resolution, proxy, `aws.endpoint_url`; and the health page of AWS. The last try: {words}{end}"
        ),
        Cause::Throttled => {
            format!(
                "If it lasts, ask AWS for a higher quota, or send less through this account. SNS says: {words}{end}"
            )
        }
    };
    vec![
        first,
        "Then wait: one message is tried at least each 30 s, and when it passes the rest follows by itself, in order."
            .to_owned(),
    ]
}

/// Deliveries of topics that the configuration no longer names.
fn unserved(state: &State, pulses: &[Pulse]) -> Option<Finding> {
    let gone: Vec<String> = state
        .unserved(|key| pulses.iter().any(|pulse| pulse.topic == *key))
        .map(|topic| format!("`{}` ({})", topic.topic, counted(topic.still_owed(), "message", "messages")))
        .collect();
    (!gone.is_empty()).then(|| Finding {
        aside: None,
        level: Level::Person,
        sentence: format!(
            "The configuration has no topic for what is owed to {}: it is held (`topic-gone`).",
            gone.join(", ")
        ),
        steps: vec![
            "Put `[topics.KEY]` back under that key, perhaps with another ARN, and restart; or pass over what waits: `moodle-sns-producer topic skip KEY`."
                .to_owned(),
        ],
    })
}

/// The topics that a person stopped: no fault, but it must not be forgotten.
fn paused(state: &State, now: Timestamp) -> impl Iterator<Item = Finding> {
    state.topics.iter().filter_map(move |topic| {
        let pause = topic.paused.as_ref()?;
        let waiting = topic.still_owed();
        Some(Finding {
            aside: None,
            level: Level::Look,
            sentence: format!(
                "`{}` is paused since {} ({}). {}.",
                topic.topic,
                moment(pause.since, now),
                pause.why.replace('`', "'"),
                counted(waiting, "message waits", "messages wait")
            ),
            steps: vec![format!(
                "When the reason is gone: `moodle-sns-producer topic resume {} --why …`.",
                topic.topic
            )],
        })
    })
}

/// A topic that sends, and is behind. What waits for a held contract says nothing about its topic.
fn late(state: &State, pulses: &[Pulse], contracts: &[HeldContract], now: Timestamp) -> Option<Finding> {
    let explained = |topic: &TopicState| {
        contracts.iter().any(|held| held.waiting.get(&topic.topic).is_some_and(|waiting| *waiting > 0))
    };
    let running = |topic: &TopicState| {
        let of = |pulse: &&Pulse| pulse.topic == topic.topic && matches!(pulse.state, Doing::Running);
        pulses.iter().find(of).filter(|_| !explained(topic))
    };
    let (topic, pulse) = state
        .topics
        .iter()
        .filter(|topic| topic.oldest.is_some_and(|oldest| now.duration_since(oldest) > LATE))
        .filter_map(|topic| running(topic).map(|pulse| (topic, pulse)))
        .min_by_key(|(topic, _)| topic.oldest)?;
    let n = topic.still_owed();
    let step = if pulse.per_second > 0.05 {
        let clear = match clear(Some(topic), Some(pulse), contracts) {
            (Some(_), words) => format!("; at this rate it is clear {words}"),
            (None, words) => format!("; when it is clear: {words}"),
        };
        let quota =
            pulse.pace.map_or(String::new(), |pace| format!(" The quota lets {pace:.0} a second go."));
        format!("It sends {:.1} a second{clear}.{quota}", pulse.per_second)
    } else if topic.held > 0 {
        format!(
            "{} tried again by itself; the log's WARN lines say what SNS answers.",
            counted(topic.held, "is", "are")
        )
    } else {
        "It sent nothing in the last minute: look at the log's WARN and ERROR lines.".to_owned()
    };
    Some(Finding {
        aside: None,
        level: Level::Look,
        sentence: format!(
            "`{}` is behind: {}, the oldest for {}.",
            topic.topic,
            counted(n, "message waits", "messages wait"),
            span(now.duration_since(topic.oldest.unwrap_or(now)))
        ),
        steps: vec![step],
    })
}

fn nobody(state: &State) -> Finding {
    let n = waiting(state);
    let sentence = if n == 0 {
        "No process holds this spool. Nothing waits.".to_owned()
    } else {
        format!(
            "No process holds this spool, so nothing is sent. {}.",
            counted(n, "message waits", "messages wait")
        )
    };
    Finding {
        aside: None,
        level: Level::Outage,
        sentence,
        steps: vec![
            "Start it: `moodle-sns-producer run`, or `systemctl start moodle-sns-producer`.".to_owned(),
        ],
    }
}

fn parked(state: &State, now: Timestamp) -> Option<Finding> {
    let reasons = by_reason(state);
    let all: u64 = reasons.iter().map(|(_, n)| n).sum();
    if all == 0 {
        return None;
    }
    let door: u64 = state.parked_events.iter().map(|(_, n)| n).sum();
    let what = match (door, all - door) {
        (0, _) => counted(all, "message is", "messages are"),
        (_, 0) => counted(all, "event is", "events are"),
        _ => format!("{} messages and {} are", count(all - door), counted(door, "event", "events")),
    };
    Some(Finding {
        level: Level::Person,
        sentence: format!("{what} parked. No other waits for them."),
        aside: Some(format!("{}.", waiting_words(state, now))),
        steps: reasons
            .into_iter()
            .map(|(reason, n)| {
                format!(
                    "{} `{reason}`: {}. See `moodle-sns-producer parked list --reason {reason}`.",
                    count(n),
                    reason.cure()
                )
            })
            .collect(),
    })
}

/// Everything that is parked, by reason, in the order of the flow.
pub(super) fn by_reason(state: &State) -> Vec<(Reason, u64)> {
    let of = |reason: Reason| {
        let topics = state.topics.iter().flat_map(|topic| &topic.parked);
        topics.chain(&state.parked_events).filter(|(r, _)| *r == reason).map(|(_, n)| n).sum::<u64>()
    };
    Reason::ALL.into_iter().map(|reason| (reason, of(reason))).filter(|(_, n)| *n > 0).collect()
}

fn room(state: &State, level: Level) -> String {
    if state.limit_bytes > 0 && state.owed_bytes >= state.limit_bytes {
        return "Nothing accepted is dropped; Moodle's outbox holds what comes meanwhile.".to_owned();
    }
    let used = if state.limit_bytes == 0 {
        size(state.owed_bytes)
    } else {
        format!("{} of {}", size(state.owed_bytes), size(state.limit_bytes))
    };
    match level {
        Level::Healthy | Level::Look => format!("No hurry: {used} are owed."),
        Level::Person if state.topics.iter().map(parked_of).sum::<u64>() > 0 => {
            format!("No hurry for the data: parked messages are kept. {used} are owed.")
        }
        Level::Person | Level::Outage => {
            format!("No hurry for the data: the spool keeps it. {used} are owed.")
        }
        Level::Wrong => "Nothing more is lost by waiting, but evidence is by pruning.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::sample::{held, held_contract, running, state, topic};

    fn said(state: &State, pulses: &[Pulse]) -> (Level, String) {
        let verdict = verdict(state, Workers::Here(pulses, &[]), &[], now());
        (verdict.level, verdict.sentence)
    }

    fn now() -> Timestamp {
        "2026-11-24T13:48:04Z".parse().unwrap()
    }

    #[test]
    fn the_sentence_says_the_worst_that_is_so() {
        let quiet = state(&[topic("grades", 0, 0)]);
        let mut busy = state(&[topic("grades", 7, 0), topic("enrolments", 5, 0)]);
        busy.topics[0].oldest = Some("2026-11-24T13:48:03.6Z".parse().unwrap());
        let mut late = busy.clone();
        late.topics[0].oldest = Some("2026-11-24T13:36:04Z".parse().unwrap());
        let mut parked = busy.clone();
        parked.topics[0].parked = vec![(Reason::Mapping, 12), (Reason::Oversized, 3)];
        parked.topics[0].owed += 15;
        parked.parked_events = vec![(Reason::TooOld, 2)];
        let mut full = busy.clone();
        full.owed_bytes = full.limit_bytes;
        let mut off = parked.clone();
        off.topics[1].owed += 3;
        let mut door = busy.clone();
        door.events[0].1 += 9;
        let mut disk = busy.clone();
        disk.commit_failures = 2;
        let both = [running("grades"), running("enrolments")];
        let refused = [held("grades", Cause::Topic), running("enrolments")];
        let account = [held("grades", Cause::Account), held("enrolments", Cause::Account)];
        let unreached = [held("grades", Cause::Unknown), held("enrolments", Cause::Unknown)];
        for (state, pulses, level, sentence) in [
            (&quiet, &both[..], Level::Healthy, "No message waits. Nothing is held or parked."),
            (
                &busy,
                &both,
                Level::Healthy,
                "12 messages wait, the oldest for 0.4 s. Nothing is held or parked.",
            ),
            (&late, &both, Level::Look, "`grades` is behind: 7 messages wait, the oldest for 12 min."),
            (
                &parked,
                &both,
                Level::Person,
                "15 messages and 2 events are parked. No other waits for them. 12 messages wait, the oldest for 0.4 s.",
            ),
            (&disk, &both, Level::Person, "The disk refused 2 commits since the start."),
            (
                &busy,
                &both[..1],
                Level::Person,
                "The configuration has no topic for what is owed to `enrolments` (5 messages): it is held (`topic-gone`).",
            ),
            (
                &parked,
                &refused,
                Level::Outage,
                "SNS refuses the topic `grades` since 09:14 UTC. 7 messages wait; the other topics go on.",
            ),
            (
                &busy,
                &unreached,
                Level::Outage,
                "SNS does not answer for the topics `grades`, `enrolments` since 09:14 UTC. 12 messages wait.",
            ),
            (&busy, &account, Level::Outage, "AWS refuses this sidecar since 09:14 UTC. 12 messages wait."),
            (
                &full,
                &both,
                Level::Outage,
                "The spool is full (8.0 GiB): Moodle is told to wait, and keeps its events in its outbox. `grades` fills it with 7 messages.",
            ),
            (&off, &both, Level::Wrong, "The ledger does not add up: 3 messages of `enrolments` missing."),
            (&door, &both, Level::Wrong, "The ledger does not add up: 9 events at the door missing."),
        ] {
            assert_eq!(said(state, pulses), (level, sentence.to_owned()));
        }
        let idle = verdict(&busy, Workers::Nobody, &[], now());
        assert_eq!(idle.sentence, "No process holds this spool, so nothing is sent. 12 messages wait.");
    }

    #[test]
    fn a_held_contract_is_told_with_its_cure_and_explains_what_is_late() {
        let mut behind = state(&[topic("grades", 812, 20), topic("activity", 3, 0)]);
        behind.topics[0].oldest = Some("2026-11-24T13:00:04Z".parse().unwrap());
        let pulses = [running("grades"), running("activity")];
        let contracts = [held_contract("grades", 832)];
        let verdict = verdict(&behind, Workers::Here(&pulses, &contracts), &[], now());
        assert_eq!(verdict.level, Level::Outage);
        assert_eq!(
            verdict.sentence,
            "The contract `moodle.grade.updated.v1` is held since 09:14 UTC (`contract-fault`). 832 messages wait; other contracts go on."
        );
        assert_eq!(verdict.steps.len(), 1, "{:?}", verdict.steps);
        for part in
            ["20 of its last 37", "mapping: field user.id", "Mend the contract", "restart", "in order"]
        {
            assert!(verdict.steps[0].contains(part), "{part}: {}", verdict.steps[0]);
        }
    }

    #[test]
    fn every_finding_has_its_step() {
        let mut state = state(&[topic("grades", 7, 0)]);
        state.topics[0].parked = vec![(Reason::Mapping, 12)];
        state.topics[0].owed += 12;
        state.commit_failures = 1;
        let verdict = verdict(&state, Workers::Here(&[held("grades", Cause::Topic)], &[]), &[], now());
        let steps = verdict.steps.join("\n");
        for part in [
            "Allow `sns:Publish`",
            "one message is tried at least each 30 s",
            "The disk refused 1 commits",
            "12 messages are parked",
            "parked list --reason mapping",
        ] {
            assert!(steps.contains(part), "{part}\n{steps}");
        }
        assert_eq!(verdict.room, "No hurry for the data: the spool keeps it. 64.0 KiB of 8.0 GiB are owed.");
    }
}
