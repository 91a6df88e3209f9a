//! `audit list`: who changed what, when and why.

use clap::Subcommand;

use super::client::block_on;
use super::exit::{Exit, Failure};
use super::look::{Asked, ask, of_spool};
use super::output::{Output, note};
use super::settings::Settings;
use crate::operate::audit::{self, AuditPage, AuditRow};
use crate::operate::words::count;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List what was changed by command, the newest first.
    #[command(after_help = "\
The running process tells it to who has the operator's token (operate.token_file), since it names people.

Examples:
  moodle-sns-producer audit list
  moodle-sns-producer audit list --limit 1000 --output jsonl")]
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Those before this number.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
}

pub(super) fn list(
    settings: &Settings,
    limit: usize,
    before: Option<u64>,
    output: Output,
) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let n = limit.clamp(1, audit::MOST);
    let before_part = before.map_or(String::new(), |before| format!("&before={before}"));
    let page = block_on(async {
        match ask(&config, &format!("/v1/audit?limit={n}{before_part}")).await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json::<AuditPage>(),
            Asked::Process(answer) => Err(Failure::new(Exit::Failed, answer.detail())),
            Asked::File(spool) => {
                let page = audit::page(&spool, before, n).await.map_err(|error| of_spool(&error));
                spool.shut().await;
                page
            }
        }
    })?;
    let head = ["number", "at", "by", "verb", "what", "n", "why"];
    output.rows(&page.rows, &head, |row: &AuditRow| {
        vec![
            row.number.to_string(),
            format!("{:.0}", row.at),
            row.by.clone(),
            row.verb.clone(),
            row.what.clone(),
            row.n.map_or(String::new(), count),
            row.why.clone(),
        ]
    })?;
    if let Some(next) = page.next {
        note(&format!("There may be more: these are the newest {n}; --before {next} goes on."));
    }
    Ok(Exit::Done)
}
