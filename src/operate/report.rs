//! Everything that `status` shows, as one value: `/status` draws it, `/status.json` is it, and the
//! command line prints it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::books::Books;
use super::clear::clear;
use super::gone::topic_cure;
use super::verdict::{Level, Verdict, Workers, by_reason, verdict};
use super::words::{counted, moment, span};
use super::{Setup, Sign};
use crate::delivery::TopicKey;
use crate::publish::{HeldContract, State as Doing};
use crate::spool::{Count, LedgerRow, State, TopicState};

/// The whole of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// What is so and what to do.
    pub verdict: Verdict,
    /// What became of each event that came in.
    pub door: Account,
    /// Of the accepted events, those that owe nothing.
    pub unrouted: u64,
    /// Where each message owed is now.
    pub messages: Account,
    /// The ledger of each source's plugin beside ours.
    #[serde(default)]
    pub books: Vec<Books>,
    /// Each topic.
    pub topics: Vec<TopicRow>,
    /// What is parked, by reason.
    pub parked: Vec<ParkedReason>,
    /// Each secret of each source.
    pub secrets: Vec<SecretRow>,
    /// The spool.
    pub spool: SpoolRow,
    /// This program's version.
    pub version: String,
    /// When the process started; none when no process runs.
    pub started: Option<Timestamp>,
    /// Whether it takes no new batch, by a person's command.
    #[serde(default)]
    pub draining: bool,
}

/// A total, its parts, and whether they add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What each count is over: `today`, `ever`.
    pub columns: Vec<String>,
    /// The total.
    pub total: Line,
    /// Its parts.
    pub parts: Vec<Line>,
    /// Per column, the total less its parts: all 0, or something is wrong.
    pub missing: Vec<i64>,
}

/// One row of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// A count per column.
    pub counts: Vec<u64>,
}

impl Account {
    fn new(columns: &[&str], total: Line, parts: Vec<Line>) -> Self {
        let sum = |n: usize| parts.iter().map(|line| i128::from(line.counts[n])).sum::<i128>();
        let off = |(n, total): (usize, &u64)| {
            let off = i128::from(*total) - sum(n);
            i64::try_from(off).unwrap_or(if off < 0 { i64::MIN } else { i64::MAX })
        };
        let missing = total.counts.iter().enumerate().map(off).collect();
        Self { columns: columns.iter().map(|c| (*c).to_owned()).collect(), total, parts, missing }
    }

    /// Whether it adds up.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.missing.iter().all(|missing| *missing == 0)
    }

    /// The sum of the parts, per column.
    #[must_use]
    pub fn sums(&self) -> Vec<u64> {
        (0..self.columns.len()).map(|n| self.parts.iter().map(|line| line.counts[n]).sum()).collect()
    }

    /// `adds up`, or what is missing.
    #[must_use]
    pub fn sum_words(&self) -> String {
        match self.missing.iter().find(|missing| **missing != 0) {
            None => "✓ adds up".to_owned(),
            Some(n) if *n > 0 => format!("✕ {n} missing"),
            Some(n) => format!("✕ {} too many", n.unsigned_abs()),
        }
    }
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicRow {
    /// Its key.
    pub topic: String,
    /// Its ARN; none when the configuration doesn't name it.
    pub arn: Option<String>,
    /// What its worker does.
    pub doing: TopicDoing,
    /// The same in words.
    pub words: String,
    /// Messages a second that SNS took, over the last minute.
    pub per_second: f64,
    /// Messages a second that may go now to all topics of its account and kind together; none: no limit.
    #[serde(default)]
    pub pace: Option<f64>,
    /// Messages a second that come, over the last minute, but for rare bursts.
    #[serde(default)]
    pub arriving: f64,
    /// How many messages wait in the longest group of a FIFO topic.
    #[serde(default)]
    pub longest_group: u64,
    /// When all that waits will have gone, in seconds from now; none when that can't be said.
    #[serde(default)]
    pub clear_seconds: Option<f64>,
    /// The same in words.
    #[serde(default)]
    pub clear: String,
    /// To be sent.
    pub waiting: u64,
    /// To be tried again.
    pub held: u64,
    /// Set aside for a person.
    pub parked: u64,
    /// Published.
    pub settled: u64,
    /// Passed over, dropped or erased by a person.
    pub set_aside: u64,
    /// How long the oldest that waits has waited, in seconds.
    pub oldest_seconds: Option<f64>,
    /// The same in words.
    pub oldest: String,
}

/// What a topic's worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopicDoing {
    /// It sends what there is.
    Sending,
    /// SNS refuses; one message is tried now and then.
    Held,
    /// A person stopped it.
    Paused,
    /// Its worker has ended, or no process runs.
    Stopped,
    /// The configuration has no such topic.
    NotServed,
}

impl TopicDoing {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sending => "Sending",
            Self::Held => "Held",
            Self::Paused => "Paused",
            Self::Stopped => "Stopped",
            Self::NotServed => "Not served",
        }
    }
}

/// What is parked for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedReason {
    /// The reason.
    pub reason: String,
    /// How many.
    pub n: u64,
    /// What to do.
    pub cure: String,
    /// The command that lists them.
    pub list: String,
}

/// One secret of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    /// The source.
    pub source: String,
    /// Its URL.
    pub url: String,
    /// The secret's name.
    pub secret: String,
    /// The beginning of its digest, to be compared with what the plugin shows; empty of an older process.
    #[serde(default)]
    pub fingerprint: String,
    /// When a request was last signed with it, since the start.
    pub last_used: Option<Timestamp>,
    /// The same in words.
    pub used: String,
    /// What the source's plugin last said of itself.
    pub plugin: String,
}

/// The spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolRow {
    /// Its name.
    pub id: String,
    /// What waits, in bytes.
    pub owed_bytes: u64,
    /// The most that may wait.
    pub limit_bytes: u64,
    /// The file with its log, in bytes.
    pub file_bytes: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Commits that failed since the start.
    pub commit_failures: u64,
}

impl Report {
    /// Puts together what is known. `today` holds the ledger's rows since midnight UTC.
    #[must_use]
    pub fn new(
        setup: &Setup,
        state: &State,
        today: &[LedgerRow],
        workers: Workers<'_>,
        signs: &[Sign],
        books: &[Books],
        now: Timestamp,
    ) -> Self {
        Self {
            at: now,
            verdict: verdict(state, workers, books, now),
            door: door(state, today),
            unrouted: state.event_count(Count::Unrouted),
            messages: messages(state),
            books: books.to_vec(),
            topics: topics(setup, state, workers, now),
            parked: by_reason(state)
                .into_iter()
                .map(|(reason, n)| ParkedReason {
                    reason: reason.to_string(),
                    n,
                    cure: reason.cure().to_owned(),
                    list: format!("moodle-sns-producer parked list --reason {reason}"),
                })
                .collect(),
            secrets: signs.iter().map(|sign| secret_row(sign, now)).collect(),
            spool: SpoolRow {
                id: state.spool_id.clone(),
                owed_bytes: state.owed_bytes,
                limit_bytes: state.limit_bytes,
                file_bytes: state.file_bytes,
                commits: state.commits,
                commit_failures: state.commit_failures,
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: matches!(workers, Workers::Here(..)).then_some(setup.started),
            draining: false,
        }
    }

    /// No new batch is taken, by a person's command: that comes first, unless something is worse.
    pub fn say_that_it_drains(&mut self) {
        self.draining = true;
        self.verdict.is_also(
            Level::Look,
            "It is being drained: no new batch is taken, what is owed is published.",
            "`moodle-sns-producer drain` says how far it is; `drain --cancel` takes batches again.",
        );
    }
}

fn door(state: &State, today: &[LedgerRow]) -> Account {
    let line = |name: &str, count: Count| {
        let today = today.iter().filter(|row| row.count == count).map(|row| row.n).sum();
        Line { name: name.to_owned(), counts: vec![today, state.event_count(count)] }
    };
    Account::new(
        &["today", "ever"],
        line("received", Count::Received),
        vec![
            line("accepted", Count::Accepted),
            line("duplicate", Count::Duplicate),
            line("unwanted", Count::Unwanted),
            line("parked at the door", Count::Parked),
        ],
    )
}

/// By now, since a message moves: where each of all that were ever owed is.
fn messages(state: &State) -> Account {
    let line = |name: &str, of: &dyn Fn(&TopicState) -> u64| Line {
        name: name.to_owned(),
        counts: vec![state.topics.iter().map(of).sum()],
    };
    Account::new(
        &["ever"],
        line("owed", &|topic| topic.owed),
        vec![
            line("waiting", &|topic| topic.waiting),
            line("held", &|topic| topic.held),
            line("parked", &|topic| topic.parked.iter().map(|(_, n)| n).sum()),
            line("published (settled)", &|topic| topic.settled),
            line("skipped, dropped, erased", &|topic| topic.set_aside),
        ],
    )
}

fn topics(setup: &Setup, state: &State, workers: Workers<'_>, now: Timestamp) -> Vec<TopicRow> {
    let configured = setup.topics.iter().map(|topic| (&topic.key, Some(topic.arn.as_str())));
    let gone = state
        .topics
        .iter()
        .filter(|topic| setup.topics.iter().all(|known| known.key != topic.topic))
        .map(|topic| (&topic.topic, None));
    configured
        .chain(gone)
        .map(|(key, arn)| {
            let lies = state.topics.iter().find(|topic| topic.topic == *key);
            let n = |of: &dyn Fn(&TopicState) -> u64| lies.map_or(0, of);
            let (pulse, contracts) = match workers {
                Workers::Here(pulses, held) => (pulses.iter().find(|pulse| pulse.topic == *key), held),
                Workers::Nobody => (None, &[][..]),
            };
            let paused = lies.and_then(|topic| topic.paused.as_ref());
            let paused = paused.map(|pause| format!("since {}: {}", moment(pause.since, now), pause.why));
            let (doing, words) = match (pulse.map(|pulse| &pulse.state), workers) {
                (Some(Doing::Paused { since, why }), _) => (
                    TopicDoing::Paused,
                    paused.unwrap_or_else(|| format!("since {}: {why}", moment(*since, now))),
                ),
                (None, Workers::Nobody) if paused.is_some() => {
                    (TopicDoing::Paused, paused.unwrap_or_default())
                }
                (Some(Doing::Running), _) => (TopicDoing::Sending, contract_words(contracts, key)),
                (Some(Doing::Held { words, since, next_probe, .. }), _) => (
                    TopicDoing::Held,
                    format!(
                        "since {}; next try in {}. {words}",
                        moment(*since, now),
                        span(next_probe.duration_since(now))
                    ),
                ),
                (Some(Doing::Stopped { why }), _) => (TopicDoing::Stopped, why.clone()),
                (None, Workers::Here(..)) if n(&TopicState::still_owed) > 0 => {
                    (TopicDoing::NotServed, format!("topic-gone: {}", topic_cure(key.as_str())))
                }
                (None, Workers::Here(..)) => (TopicDoing::NotServed, "not in the configuration".to_owned()),
                (None, Workers::Nobody) => (TopicDoing::Stopped, "no process runs".to_owned()),
            };
            let (clear_seconds, clear) = clear(lies, pulse, contracts);
            let age = lies.and_then(|topic| topic.oldest).map(|oldest| now.duration_since(oldest));
            TopicRow {
                topic: key.to_string(),
                arn: arn.map(str::to_owned),
                doing,
                words,
                per_second: pulse.map_or(0.0, |pulse| pulse.per_second),
                pace: pulse.and_then(|pulse| pulse.pace),
                arriving: pulse.map_or(0.0, |pulse| pulse.outlook.arriving),
                longest_group: pulse.map_or(0, |pulse| pulse.outlook.longest_group),
                clear_seconds,
                clear,
                waiting: n(&|topic| topic.waiting),
                held: n(&|topic| topic.held),
                parked: n(&|topic| topic.parked.iter().map(|(_, n)| n).sum()),
                settled: n(&|topic| topic.settled),
                set_aside: n(&|topic| topic.set_aside),
                oldest_seconds: age.map(|age| age.max(SignedDuration::ZERO).as_secs_f64()),
                oldest: age.map_or("–".to_owned(), span),
            }
        })
        .collect()
}

/// Which contracts are held while their topic sends the others, and why.
fn contract_words(contracts: &[HeldContract], topic: &TopicKey) -> String {
    let words = contracts.iter().filter_map(|held| {
        let waiting = held.waiting.get(topic).filter(|waiting| **waiting > 0)?;
        let waiting = counted(*waiting, "message waits", "messages wait");
        Some(format!("all but {} ({}): {waiting}. {}.", held.contract, held.cause(), held.words()))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn secret_row(sign: &Sign, now: Timestamp) -> SecretRow {
    SecretRow {
        source: sign.source.to_string(),
        url: sign.url.clone(),
        secret: sign.secret.clone(),
        fingerprint: sign.fingerprint.clone(),
        last_used: sign.last_used,
        used: match sign.last_used {
            Some(at) => format!("{} ago", span(now.duration_since(at))),
            None => "not since the start".to_owned(),
        },
        plugin: sign.plugin.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::sample::{held_contract, running, state, topic};

    #[test]
    fn an_account_says_what_is_missing() {
        let line = |name: &str, n| Line { name: name.into(), counts: vec![n] };
        for (total, parts, words) in
            [(10, [4, 6], "✓ adds up"), (10, [4, 3], "✕ 3 missing"), (10, [9, 3], "✕ 2 too many")]
        {
            let account = Account::new(&["ever"], line("t", total), parts.map(|n| line("p", n)).to_vec());
            assert_eq!(account.sum_words(), words);
            assert_eq!(account.adds_up(), words.starts_with('✓'));
        }
    }

    #[test]
    fn a_report_survives_the_way_to_the_command_line() {
        let now: Timestamp = "2026-11-24T13:48:04Z".parse().unwrap();
        let setup = Setup { topics: Vec::new(), started: now };
        let report = Report::new(
            &setup,
            &state(&[topic("grades", 7, 1)]),
            &[],
            Workers::Here(&[running("grades")], &[held_contract("grades", 4)]),
            &[],
            &[],
            now,
        );
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert!(report.door.adds_up() == (report.door.missing == [0, 0]));
        assert_eq!(report.topics[0].doing, TopicDoing::Sending);
        let words = &report.topics[0].words;
        assert!(
            words.starts_with("all but moodle.grade.updated.v1 (contract-fault): 4 messages wait."),
            "{words}"
        );
    }
}
