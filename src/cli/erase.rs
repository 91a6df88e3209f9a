//! `erase`: a person's events taken out of the spool.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::change::{Signed, order_from};
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::look::client;
use super::output::Output;
use super::settings::Settings;
use crate::config::Config;
use crate::operate::change::erase::{ERASE, EraseOrder, ErasureRow};
use crate::operate::words::counted;

/// How often it is asked how far it is.
const ASK: Duration = Duration::from_millis(250);

/// What no command here reaches, said each time: nobody should take an erasure for more than it is.
const BEYOND: [&str; 5] = [
    "messages that were published before: they lie with the topics' subscribers, and in the archive of a FIFO topic",
    "Moodle itself, and what waits in its outbox: it comes in as new events",
    "copies of the spool: backups, and snapshots of its disk",
    "events that name the person by nothing but a name, a username or an idnumber",
    "the ids of the events, which stay known for 35 days so that no copy comes in again, and counts",
];

#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    /// Of which source the person is.
    #[arg(long, value_name = "KEY")]
    source: String,
    /// The id that Moodle gave the person's account.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    user: i64,
    /// Drop what waits to be sent, instead of sending it first.
    #[arg(long)]
    now: bool,
    /// Wait so many seconds at most for what is sent first.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, conflicts_with = "now")]
    wait: u64,
    #[command(flatten)]
    signed: Signed,
}

/// What the command says at its end.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    erasure: ErasureRow,
    /// What it does not reach.
    not_reached: [&'static str; 5],
}

pub(super) fn erase(settings: &Settings, args: Erase, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let Erase { source, user, now, wait, signed } = args;
    let order = EraseOrder { source, user, now, by: signed.by(), why: signed.why.clone() };
    let erasure = block_on(async {
        let begun = Instant::now();
        let mut row: ErasureRow = order_from(&config, ERASE, &order).await?;
        // Finding them takes its time; only what is sent first is waited for no longer than asked.
        let patience = Duration::from_secs(wait.max(30));
        while !row.over
            && (begun.elapsed() < Duration::from_secs(wait)
                || (row.left.is_empty() && begun.elapsed() < patience))
        {
            tokio::time::sleep(ASK).await;
            row = how_far(&config, row.number).await?;
        }
        Ok(row)
    })?;
    let exit = if erasure.over { Exit::Done } else { Exit::Findings };
    let done = Done { erasure, not_reached: BEYOND };
    output.one(&done, || text(&done))?;
    Ok(exit)
}

async fn how_far(config: &Config, number: u64) -> Result<ErasureRow, Failure> {
    let answer = client(config).get(&format!("{ERASE}/{number}")).await.map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("{error}\nThe erasure is ordered, and goes on by itself when the process runs again."),
        )
    })?;
    if answer.status.is_success() { answer.json() } else { Err(Failure::new(Exit::Failed, answer.detail())) }
}

fn text(done: &Done) -> String {
    let row = &done.erasure;
    let mut text = format!(
        "{} of the person taken out, and {} dropped.\n",
        counted(row.events, "event", "events"),
        counted(row.messages, "message", "messages")
    );
    for left in &row.left {
        text += &format!(
            "{} to {} still to be sent.\n",
            counted(left.messages, "message is", "messages are"),
            left.topic
        );
    }
    if !row.over {
        text += "Not over yet: the order is kept, and what is left goes when it is sent. To drop it instead: the same with --now.\n";
    }
    text += "Not reached by this:\n";
    for beyond in done.not_reached {
        text += &format!("  - {beyond}\n");
    }
    text
}
