//! `drain`: the end of a sidecar. It takes nothing new; this waits until nothing is owed.

use std::io::IsTerminal as _;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::change::{Signed, order_from};
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::look::client;
use super::output::{Output, note};
use super::settings::Settings;
use crate::config::Config;
use crate::operate::change::drain::{DRAIN, DrainOrder, Drains};
use crate::operate::report::{Report, TopicDoing};
use crate::operate::words::{count, counted, harmless};

/// How often the process is asked how far it is.
const ASK: Duration = Duration::from_secs(1);
/// How often that is said where nobody watches.
const SAY: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    #[command(flatten)]
    signed: Signed,
    /// Take batches again, and wait for nothing.
    #[arg(long)]
    cancel: bool,
    /// Wait at most so many seconds. Default: until nothing is owed.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Progress {
    /// Whether batches are refused.
    draining: bool,
    /// Messages that wait or are held.
    owed: u64,
    /// Messages and events that are parked: they need a person, and hold up nothing.
    parked: u64,
    /// The topics that still owe something.
    topics: Vec<Left>,
}

/// What a topic still owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Left {
    topic: String,
    doing: TopicDoing,
    owed: u64,
    words: String,
}

impl From<&Report> for Progress {
    fn from(report: &Report) -> Self {
        let owes = report.topics.iter().filter(|topic| topic.waiting + topic.held > 0);
        let topics: Vec<Left> = owes
            .map(|topic| Left {
                topic: topic.topic.clone(),
                doing: topic.doing,
                owed: topic.waiting + topic.held,
                words: topic.words.clone(),
            })
            .collect();
        Self {
            draining: report.draining,
            owed: topics.iter().map(|topic| topic.owed).sum(),
            parked: report.parked.iter().map(|row| row.n).sum(),
            topics,
        }
    }
}

impl Progress {
    fn words(&self) -> String {
        let of = |left: &Left| match left.doing {
            TopicDoing::Sending => format!("{} {}", left.topic, count(left.owed)),
            _ => format!(
                "{} {} ({}: {})",
                left.topic,
                count(left.owed),
                left.doing.word().to_lowercase(),
                harmless(&left.words)
            ),
        };
        let topics: Vec<String> = self.topics.iter().map(of).collect();
        format!("{} still owed: {}", counted(self.owed, "message is", "messages are"), topics.join("; "))
    }
}

pub(super) fn drain(settings: &Settings, args: &Drain, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let order = DrainOrder { cancel: args.cancel, by: args.signed.by(), why: args.signed.why.clone() };
    let progress = block_on(async {
        let Drains { draining, .. } = order_from(&config, DRAIN, &order).await?;
        if !draining {
            return Ok(Progress::from(&report(&config).await?));
        }
        until_nothing_is_owed(&config, &order, args.wait.map(Duration::from_secs)).await
    })?;
    output.one(&progress, || end_text(&progress))?;
    let clear = args.cancel || (progress.owed == 0 && progress.parked == 0);
    Ok(if clear { Exit::Done } else { Exit::Findings })
}

async fn report(config: &Config) -> Result<Report, Failure> {
    let answer = client(config).get("/v1/status").await?;
    if answer.status.is_success() {
        answer.json()
    } else {
        Err(Failure::new(Exit::Unavailable, answer.detail()))
    }
}

async fn until_nothing_is_owed(
    config: &Config,
    order: &DrainOrder,
    within: Option<Duration>,
) -> Result<Progress, Failure> {
    let begun = Instant::now();
    let mut said: Option<Instant> = None;
    let mut clear_before = false;
    loop {
        let progress = Progress::from(&report(config).await?);
        if !progress.draining {
            // It was started anew meanwhile, and takes batches again.
            order_from::<Drains>(config, DRAIN, order).await?;
            clear_before = false;
            continue;
        }
        // Twice: a batch that was under way at the first look is seen by the second.
        if progress.owed == 0 && clear_before {
            return Ok(progress);
        }
        clear_before = progress.owed == 0;
        if within.is_some_and(|within| begun.elapsed() >= within) {
            return Ok(progress);
        }
        let every = if std::io::stderr().is_terminal() { ASK } else { SAY };
        if progress.owed > 0 && said.is_none_or(|at| at.elapsed() >= every) {
            note(&progress.words());
            said = Some(Instant::now());
        }
        tokio::time::sleep(ASK).await;
    }
}

fn end_text(progress: &Progress) -> String {
    let mut text = match (progress.draining, progress.owed) {
        (false, _) => return "Batches are taken again.\n".to_owned(),
        (true, 0) => {
            "Nothing is owed any more, and no batch is taken: the process may be stopped.\n".to_owned()
        }
        (true, _) => format!("{}.\n", progress.words()),
    };
    if progress.parked > 0 {
        text += &format!(
            "{} parked: see `moodle-sns-producer parked list`, then `parked redrive` or `parked drop`; else they end with the spool.\n",
            counted(progress.parked, "is", "are")
        );
    }
    text
}
