//! `replay start|list|cancel`: past events sent again to one topic, for one addressee.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::change::{Signed, order_from};
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::look::{Asked, ask, of_spool};
use super::output::{Output, note, table};
use super::settings::Settings;
use crate::operate::change::replay::{CANCEL, CancelOrder, Cancelled, START, StartOrder, Started};
use crate::operate::replays::{ReplayRow, rows};
use crate::operate::words::{count, counted, moment, span};

#[derive(Debug, clap::Subcommand)]
pub(super) enum ReplayCommand {
    /// Send what was accepted in a period again.
    #[command(after_help = "\
Each message has its old id and bytes, and the attribute replay = FOR/ID; others of the topic can tell by it
that it is not for them. On a standard topic what comes meanwhile goes first. It goes on after a restart.
Refused for times of which not all is there: before a contract was armed, or where history is pruned.

Examples:
  moodle-sns-producer replay start --topic grades --for library --from 2026-11-20 --until 2026-11-21 --why 'their import failed' --dry-run
  moodle-sns-producer replay start --topic grades --for library --from 2026-11-20T08:00:00Z --contract moodle.grade.updated.v1 --rate 20 --why 'their import failed'")]
    Start(Start),
    /// List replays, the newest first, with how far each is.
    #[command(after_help = "\
Exits 2 when a replay has parked messages, or history was pruned beneath it.

Examples:
  moodle-sns-producer replay list
  moodle-sns-producer replay list --output json | jq '.[0].state'")]
    List,
    /// End a replay: nothing more is sent of it.
    #[command(after_help = "\
What waits is passed over and counted as skipped. What is on its way to SNS right now still arrives.

Example:
  moodle-sns-producer replay cancel library/20261120T101500-4f1a --why 'the import works again'")]
    Cancel {
        /// Its name as `replay list` shows it, or its id.
        replay: String,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// To which topic of the configuration.
    #[arg(long, value_name = "KEY")]
    topic: String,
    /// For whom: 1 to 26 of letters, digits, - and _.
    #[arg(long = "for", value_name = "NAME")]
    addressee: String,
    /// Which replay it is: 1 to 26 of the same. Default: made by the time.
    #[arg(long)]
    id: Option<String>,
    /// What was accepted at this time or later: 2026-11-20 (UTC) or 2026-11-20T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Timestamp,
    /// And before this. Default: now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only of this source.
    #[arg(long, value_name = "KEY")]
    source: Option<String>,
    /// Only of this contract; may be given several times. Default: all that the topic carries.
    #[arg(long = "contract", value_name = "NAME")]
    contracts: Vec<String>,
    /// At most so many messages a second. Default: 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Send what there is though some of the period can't be had.
    #[arg(long)]
    accept_gaps: bool,
    #[command(flatten)]
    signed: Signed,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
}

/// A time, or a day, which begins at midnight UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<Date>().and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)));
    text.parse::<Timestamp>().or_else(|_| day()).map_err(|_| {
        "write a day (2026-11-20, which begins at midnight UTC) or a time (2026-11-20T08:00:00Z)".to_owned()
    })
}

pub(super) fn replay(settings: &Settings, command: ReplayCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        ReplayCommand::Start(args) => start(settings, args, output),
        ReplayCommand::List => list(settings, output),
        ReplayCommand::Cancel { replay, signed } => cancel(settings, replay, &signed, output),
    }
}

fn start(settings: &Settings, args: Start, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let order = StartOrder {
        topic: args.topic,
        addressee: args.addressee,
        id: args.id,
        from: args.from,
        until: args.until,
        source: args.source,
        contracts: args.contracts,
        per_second: args.rate,
        accept_gaps: args.accept_gaps,
        by: args.signed.by(),
        why: args.signed.why.clone(),
        dry_run: args.dry_run,
    };
    let started: Started = block_on(order_from(&config, START, &order))?;
    output.one(&started, || started_text(&started))?;
    Ok(if started.dry_run && !started.gaps.is_empty() { Exit::Findings } else { Exit::Done })
}

fn started_text(started: &Started) -> String {
    let Started { replay, topic, from, until, per_second, .. } = started;
    let contracts = counted(started.contracts.len() as u64, "contract", "contracts");
    let mut text = match &started.counted {
        None => format!(
            "Replay {replay} has begun: {contracts} to {topic}, accepted from {from} until {until}, at most {per_second} messages a second.\n`moodle-sns-producer replay list` shows how far it is.\n"
        ),
        Some(n) => {
            let least = if n.at_least { "at least " } else { "" };
            let time =
                span(jiff::SignedDuration::from_secs((n.messages / u64::from(*per_second)).cast_signed()));
            format!(
                "It would send {least}{} of {} to {topic}, in {least}{time} at {per_second} a second; {} can't be made of what is kept.\n",
                counted(n.messages, "message", "messages"),
                counted(n.events, "event", "events"),
                count(n.unmade),
            )
        }
    };
    for gap in &started.gaps {
        text += &format!("Not whole: {gap}.\n");
    }
    text
}

fn list(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let rows: Vec<ReplayRow> = block_on(async {
        match ask(&config, "/v1/replays").await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json(),
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let found = rows(&spool).await.map_err(|error| of_spool(&error))?;
                spool.shut().await;
                Ok(found)
            }
        }
    })?;
    output.list(&rows, || list_text(&rows))?;
    for row in rows.iter().filter(|row| row.pruned.is_some()) {
        note(&format!(
            "History was pruned beneath {}: of what was accepted up to {} messages are missing.",
            row.replay,
            row.pruned.unwrap_or_default()
        ));
    }
    Ok(if rows.iter().any(ReplayRow::wants_a_person) { Exit::Findings } else { Exit::Done })
}

fn list_text(rows: &[ReplayRow]) -> String {
    if rows.is_empty() {
        return "There was no replay yet.\n".to_owned();
    }
    let now = Timestamp::now();
    let head = [
        "replay",
        "topic",
        "begun",
        "state",
        "looked at",
        "owed",
        "published",
        "waiting",
        "parked",
        "not made",
    ];
    table(
        &head,
        rows.iter().map(|row| {
            vec![
                row.replay.clone(),
                row.topic.clone(),
                moment(row.begun, now),
                row.state.clone(),
                format!("{} %", row.looked_at),
                count(row.owed),
                count(row.published),
                count(row.waiting),
                count(row.parked),
                count(row.unmade),
            ]
        }),
    )
}

fn cancel(settings: &Settings, replay: String, signed: &Signed, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let order = CancelOrder { replay, by: signed.by(), why: signed.why.clone() };
    let done: Cancelled = block_on(order_from(&config, CANCEL, &order))?;
    output.one(&done, || {
        format!("{} is cancelled; {} that waited are passed over.\n", done.replay, count(done.skipped))
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_a_moment() {
        assert_eq!(time("2026-11-20").unwrap().to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(time("2026-11-20T08:00:00+01:00").unwrap().to_string(), "2026-11-20T07:00:00Z");
        for bad in ["", "yesterday", "2026-13-01", "20.11.2026"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
