//! The commands that look (`status`, `trace`, `parked list|show`, `healthcheck`). They ask the running process;
//! when none runs, they open the spool themselves.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::Filter;
use super::client::{Client, NoAnswer, Place, block_on};
use super::exit::{Exit, Failure};
use super::output::{Output, note, say, table};
use super::settings::Settings;
use crate::config::Config;
use crate::contract::Catalogue;
use crate::operate::books::Books;
use crate::operate::look::{
    Content, ParkedDetail, ParkedPage, ParkedRow, TraceReport, event_id, parked_detail,
};
use crate::operate::report::{Account, Report};
use crate::operate::verdict::{Level, Workers};
use crate::operate::words::{count, harmless, moment, size};
use crate::operate::{SetTopic, Setup, Sign};
use crate::publish::Mapper;
use crate::spool::{Spool, SpoolError};

/// Who answers.
pub(super) enum Asked {
    /// The running process, with its answer.
    Process(super::client::Answer),
    /// The spool's file: nobody runs.
    File(Spool),
}

pub(super) fn client(config: &Config) -> Client {
    Client { place: Place::from(&config.operate.listen), token: config.operate.token.clone() }
}

/// Asks the process for a path; when none runs, opens the spool read-only.
pub(super) async fn ask(config: &Config, path: &str) -> Result<Asked, Failure> {
    match client(config).get(path).await {
        Ok(answer) => Ok(Asked::Process(answer)),
        Err(nobody @ NoAnswer::Nobody(..)) => {
            let spool = Spool::read_only(&config.spool.path).await.map_err(|error| {
                let failure = Failure::from(error);
                let words = if failure.exit == Exit::Locked {
                    format!(
                        "{nobody}\nand yet a process holds the spool {}: ask it by its own configuration (--config), or by its operate.listen (--set)",
                        config.spool.path.display()
                    )
                } else {
                    format!(
                        "{nobody}\nand {}\nStart it with `moodle-sns-producer run`; if it runs, name its configuration with --config.",
                        failure.words
                    )
                };
                Failure::new(failure.exit, words)
            })?;
            note(&format!(
                "No process runs: reading {} itself, changing nothing.",
                config.spool.path.display()
            ));
            Ok(Asked::File(spool))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn of_spool(error: &SpoolError) -> Failure {
    Failure::new(Exit::SpoolFailed, format!("reading the spool failed: {error}"))
}

pub(super) fn status(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let report = block_on(async {
        match ask(&config, "/v1/status").await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json::<Report>(),
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let report = idle_report(&config, &spool).await.map_err(|error| of_spool(&error))?;
                spool.shut().await;
                Ok(report)
            }
        }
    })?;
    output.one(&report, || status_text(&report))?;
    Ok(if report.verdict.level > Level::Look { Exit::Findings } else { Exit::Done })
}

async fn idle_report(config: &Config, spool: &Spool) -> Result<Report, SpoolError> {
    let now = Timestamp::now();
    let midnight =
        Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(86_400)).unwrap_or(now);
    let today = spool.ledger(midnight).await?;
    let mut state = spool.state().await?;
    // A spool that is only looked at does not know what it may hold: the configuration does.
    state.limit_bytes = config.spool.max_size;
    let topics = config.topics.iter();
    let setup = Setup {
        topics: topics.map(|topic| SetTopic { key: topic.key.clone(), arn: topic.arn.to_string() }).collect(),
        started: now,
    };
    let signs: Vec<Sign> = config
        .sources
        .iter()
        .flat_map(|source| source.secrets.iter().map(move |secret| (source, secret)))
        .map(|(source, secret)| Sign {
            source: source.key.clone(),
            url: source.url.clone(),
            secret: secret.id.clone(),
            fingerprint: secret.text.fingerprint(),
            last_used: None,
            plugin: String::new(),
        })
        .collect();
    Ok(Report::new(&setup, &state, &today, Workers::Nobody, &signs, &[], now))
}

fn status_text(report: &Report) -> String {
    let verdict = &report.verdict;
    let mut text = format!("{}: {}\n", verdict.level.word(), harmless(&verdict.sentence));
    for (n, step) in verdict.steps.iter().enumerate() {
        text += &format!("  {}. {}\n", n + 1, harmless(step));
    }
    text += &format!("{}\n", verdict.room);
    text += &format!("\nAt the door: what became of each event that came in\n{}", account_text(&report.door));
    text += &format!("  of the accepted, {} owe no topic a message (unrouted)\n", count(report.unrouted));
    text += &format!("\nTo the topics: where each message owed is now\n{}", account_text(&report.messages));
    report.books.iter().for_each(|books| text += &books_text(books));
    if !report.topics.is_empty() {
        let head = [
            "topic",
            "doing",
            "a second",
            "waiting",
            "held",
            "oldest",
            "clear",
            "longest group",
            "parked",
            "published",
        ];
        let rows = report.topics.iter().map(|topic| {
            vec![
                topic.topic.clone(),
                topic.doing.word().to_owned(),
                format!("{:.1}", topic.per_second),
                count(topic.waiting),
                count(topic.held),
                topic.oldest.clone(),
                topic.clear.clone(),
                if topic.longest_group > 0 { count(topic.longest_group) } else { "–".to_owned() },
                count(topic.parked),
                count(topic.settled),
            ]
        });
        text += &format!("\n{}", table(&head, rows));
    }
    if !report.secrets.is_empty() {
        let rows = report.secrets.iter().map(|row| {
            vec![
                row.source.clone(),
                row.secret.clone(),
                row.fingerprint.clone(),
                row.used.clone(),
                row.plugin.clone(),
            ]
        });
        text +=
            &format!("\n{}", table(&["source", "secret", "fingerprint", "last used", "sign of life"], rows));
    }
    text += &format!(
        "\nSpool {}: {} of {} are owed; the file has {}. Version {}.\n",
        report.spool.id,
        size(report.spool.owed_bytes),
        size(report.spool.limit_bytes),
        size(report.spool.file_bytes),
        report.version
    );
    text
}

/// The account as one would write it on paper.
fn account_text(account: &Account) -> String {
    let row = |name: &str, counts: &[u64]| {
        let figures: String = counts.iter().map(|n| format!("{:>12}", count(*n))).collect();
        format!("  {name:<26}{figures}\n")
    };
    let heads: String = account.columns.iter().map(|column| format!("{column:>12}")).collect();
    let rule = format!("  {}\n", "=".repeat(26 + 12 * account.columns.len()));
    let mut text = format!("  {:<26}{heads}\n", "");
    text += &row(&account.total.name, &account.total.counts);
    for line in &account.parts {
        text += &row(&format!("  {}", line.name), &line.counts);
    }
    text += &rule;
    text += &row(&format!("together {}", account.sum_words()), &account.sums());
    text
}

/// The two ledgers of a source.
fn books_text(books: &Books) -> String {
    let side = |n: Option<u64>| n.map_or(String::new(), count);
    let row = |name: &str, moodle: String, here: String| format!("  {name:<26}{moodle:>12}{here:>12}\n");
    let mut text = format!("\nMoodle {}: its ledger beside ours, since {}\n", books.source, books.since);
    text += &row("", "Moodle".to_owned(), "here".to_owned());
    for line in &books.lines {
        text += &row(&line.name, side(line.moodle), side(line.here));
    }
    text += &format!("  {}\n", "=".repeat(50));
    text += &row(&format!("unaccounted {}", books.words()), count(books.unaccounted), String::new());
    text
}

pub(super) fn trace(
    settings: &Settings,
    asked: &str,
    source: Option<&str>,
    output: Output,
) -> Result<Exit, Failure> {
    let id = event_id(asked).map_err(|why| Failure::new(Exit::Usage, format!("{asked:?}: {why}")))?;
    let source = source
        .map(str::parse::<crate::event::SourceKey>)
        .transpose()
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let config = settings.load()?;
    let query = source.as_ref().map_or(String::new(), |source| format!("?source={source}"));
    let (report, known) = block_on(async {
        match ask(&config, &format!("/v1/trace/{id}{query}")).await? {
            Asked::Process(answer) if answer.status.is_success() => Ok((answer.json::<TraceReport>()?, true)),
            Asked::Process(answer) if answer.status == http::StatusCode::NOT_FOUND => {
                Ok((answer.json::<TraceReport>()?, false))
            }
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let trace = spool.trace(source.as_ref(), id).await.map_err(|error| of_spool(&error))?;
                spool.shut().await;
                Ok((TraceReport::new(id, trace.as_ref(), Timestamp::now()), trace.is_some()))
            }
        }
    })?;
    output.one(&report, || trace_text(&report))?;
    Ok(if known { Exit::Done } else { Exit::Findings })
}

fn trace_text(report: &TraceReport) -> String {
    let mut text = format!("{}\n{}\n", report.id, harmless(&report.sentence));
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!("  {name:<10}{}\n", harmless(&value));
        }
    };
    fact("event", report.name.clone());
    fact("source", report.source.clone());
    fact("raised", report.raised.map(|at| at.to_string()));
    fact("accepted", report.accepted.map(|at| at.to_string()));
    fact("sequence", report.sequence.clone());
    fact(
        "entities",
        report.entities_late.then(|| "read some time after the event: they may be newer".to_owned()),
    );
    if !report.messages.is_empty() {
        let rows = report.messages.iter().map(|message| {
            let contract = message.id.split_once(':').map_or(message.id.as_str(), |(_, contract)| contract);
            let replay = message.replay.as_ref().map_or(String::new(), |name| format!("replay {name}: "));
            let words = format!("{replay}{}", message.words);
            vec![contract.to_owned(), message.topic.clone(), message.state.clone(), words]
        });
        text += &format!("\n{}", table(&["contract", "topic", "state", "in words"], rows));
    }
    text
}

/// Encodes what stands in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

pub(super) fn parked_list(
    settings: &Settings,
    filter: &Filter,
    limit: usize,
    output: Output,
) -> Result<Exit, Failure> {
    let wish = filter.wish();
    let spool_filter = wish.filter().map_err(|why| Failure::new(Exit::Usage, why))?;
    let config = settings.load()?;
    let n = limit.clamp(1, 1000);
    let mut query = format!("?limit={n}");
    let mut part = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            query += &format!("&{name}={}", encoded(value));
        }
    };
    part("number", wish.number.map(|number| number.to_string()).as_ref());
    part("event", wish.event.as_ref());
    part("reason", wish.reason.as_ref());
    part("topic", wish.topic.as_ref());
    part("contract", wish.contract.as_ref());
    let page = block_on(async {
        match ask(&config, &format!("/v1/parked{query}")).await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json::<ParkedPage>(),
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let rows = spool.parked(&spool_filter, None, n).await.map_err(|error| of_spool(&error))?;
                spool.shut().await;
                let next = rows.last().filter(|_| rows.len() == n).map(|row| row.number);
                Ok(ParkedPage { rows: rows.into_iter().map(ParkedRow::from).collect(), next })
            }
        }
    })?;
    output.list(&page.rows, || parked_text(&page.rows))?;
    if page.next.is_some() {
        note(&format!("There may be more: these are the first {n}; --limit takes up to 1000."));
    }
    Ok(Exit::Done)
}

fn parked_text(rows: &[ParkedRow]) -> String {
    if rows.is_empty() {
        return "Nothing is parked.\n".to_owned();
    }
    let now = Timestamp::now();
    let head = ["number", "since", "reason", "topic", "contract or event", "complaint"];
    table(
        &head,
        rows.iter().map(|row| {
            vec![
                row.number.to_string(),
                moment(row.at, now),
                row.reason.clone(),
                row.topic.clone().unwrap_or_else(|| "(door)".to_owned()),
                row.contract.clone().unwrap_or_else(|| row.name.clone()),
                row.detail.clone(),
            ]
        }),
    )
}

pub(super) fn parked_show(settings: &Settings, number: u64, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let detail = block_on(async {
        match ask(&config, &format!("/v1/parked/{number}")).await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json::<ParkedDetail>(),
            Asked::Process(answer) if answer.status == http::StatusCode::NOT_FOUND => {
                Err(Failure::new(Exit::Findings, not_parked(number)))
            }
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let mapper = mapper(&config)?;
                let detail = parked_detail(&spool, &mapper, number, Content::Shown).await;
                spool.shut().await;
                detail
                    .map_err(|error| of_spool(&error))?
                    .ok_or_else(|| Failure::new(Exit::Findings, not_parked(number)))
            }
        }
    })?;
    output.one(&detail, || detail_text(&detail))?;
    Ok(Exit::Done)
}

fn not_parked(number: u64) -> String {
    format!(
        "nothing is parked under the number {number} (any more): `moodle-sns-producer parked list` shows what is"
    )
}

fn mapper(config: &Config) -> Result<Mapper, Failure> {
    let catalogue = Arc::new(Catalogue::load(config.contracts_dir.as_deref())?);
    let sources: HashMap<_, _> = config
        .sources
        .iter()
        .map(|source| {
            let (key, url, dataschema) = (source.key.clone(), source.url.clone(), source.dataschema.clone());
            (key.clone(), crate::event::Source { key, url, dataschema })
        })
        .collect();
    Ok(Mapper { catalogue, sources })
}

fn detail_text(detail: &ParkedDetail) -> String {
    let row = &detail.row;
    let mut text = format!("{} of {}: {}\n", row.number, row.at, harmless(&row.reason));
    for (name, value) in [
        ("complaint", row.detail.as_str()),
        ("to do", &detail.cure),
        ("now", &detail.now),
        ("event", &row.event),
        ("name", &row.name),
        ("source", &row.source),
        ("topic", row.topic.as_deref().unwrap_or("(parked at the door)")),
        ("contract", row.contract.as_deref().unwrap_or("-")),
    ] {
        text += &format!("  {name:<11}{}\n", harmless(value));
    }
    match &detail.data {
        // JSON escapes control characters by itself; the rest is made harmless line by line.
        Some(data) => {
            let pretty = serde_json::to_string_pretty(data).unwrap_or_default();
            let lines: Vec<String> = pretty.lines().map(harmless).collect();
            text += &format!("\n{}\n", lines.join("\n"));
        }
        None => {
            text += "\nThe event itself is shown to who has the operator's token: set operate.token_file.\n";
        }
    }
    text
}

pub(super) fn healthcheck(settings: &Settings, url: Option<&str>) -> Result<Exit, Failure> {
    let client = match url {
        Some(url) => Client { place: Place::parse(url)?, token: None },
        None => client(&settings.load()?),
    };
    let answer = block_on(async { Ok(client.get("/readyz?verbose").await?) })?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status.is_success() {
        say("ready\n")?;
        return Ok(Exit::Done);
    }
    let lines: Vec<String> = text.lines().map(harmless).collect();
    Err(Failure::new(Exit::Unavailable, lines.join("\n")))
}
