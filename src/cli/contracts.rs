//! `contracts list|show|check`, and `config check`, which follows the topics' patterns through them.

use std::path::Path;

use serde::Serialize;

use super::args::Own;
use super::exit::{Exit, Failure};
use super::gone;
use super::output::{Form, Output, say, table};
use super::settings::Settings;
use crate::config::{Config, Maturity, Problems, Subscribed};
use crate::contract::{self, Catalogue, Contract, Generated, Personal, Status, Subscription};
use crate::delivery::ContractId;
use crate::operate::gone::Gone;
use crate::operate::words::counted;

/// What each topic gets, by the configuration and the contracts there are.
///
/// # Errors
/// A pattern that means nothing, or drafts only on a topic that takes none; a withdrawn contract that there
/// is not.
pub(super) fn subscriptions(config: &Config, catalogue: &Catalogue) -> Result<Vec<Subscription>, Problems> {
    let subscribed = config.subscriptions(|pattern| {
        let maturity = |id: ContractId| {
            let maturity = match catalogue.get(&id) {
                Some(contract) if contract.is_test() => Maturity::Test,
                Some(contract) if contract.status() == Status::Draft => Maturity::Draft,
                _ => Maturity::Frozen,
            };
            (id, maturity)
        };
        catalogue.matching(pattern).into_iter().map(maturity).collect()
    })?;
    let known: Vec<&str> = catalogue.iter().map(|contract| contract.id().as_str()).collect();
    config.check_withdrawn(&known)?;
    let subscription = |mut s: Subscribed| {
        s.contracts.retain(|id| config.withdrawn.iter().all(|(withdrawn, _)| withdrawn != id));
        Subscription { topic: s.topic, contracts: s.contracts, sources: s.sources }
    };
    Ok(subscribed.into_iter().map(subscription).collect())
}

#[derive(Serialize)]
struct Row<'a> {
    contract: &'a str,
    status: &'static str,
    title: &'a str,
    tells: &'static str,
    events: &'a [String],
    when: Option<&'a contract::When>,
    digest: &'a str,
}

pub(super) fn list(own: &Own, output: Output) -> Result<Exit, Failure> {
    let catalogue = Catalogue::load(own.contracts.as_deref())?;
    let rows: Vec<Row<'_>> = catalogue
        .iter()
        .map(|contract| Row {
            contract: contract.id().as_str(),
            status: contract.status().as_str(),
            title: contract.title(),
            tells: contract.tells().as_str(),
            events: contract.events(),
            when: contract.when(),
            digest: contract.digest(),
        })
        .collect();
    output.rows(&rows, &["contract", "status", "tells", "title", "Moodle's events"], |row| {
        [row.contract, row.status, row.tells, row.title, &row.events.join(", ")].map(str::to_owned).to_vec()
    })?;
    Ok(Exit::Done)
}

pub(super) fn show(own: &Own, name: &str, schema: bool, output: Output) -> Result<Exit, Failure> {
    let catalogue = Catalogue::load(own.contracts.as_deref())?;
    let id: ContractId = name
        .parse()
        .map_err(|error: crate::delivery::NotAContract| Failure::new(Exit::Usage, error.to_string()))?;
    let contract = catalogue.get(&id).ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            format!("there is no contract {id}: `moodle-sns-producer contracts list` shows all"),
        )
    })?;
    if schema {
        say(contract.schema())?;
    } else if output.form() == Form::Table {
        say(contract.text())?;
    } else {
        #[derive(Serialize)]
        struct Shown<'a> {
            contract: &'a str,
            status: &'static str,
            digest: &'a str,
            text: &'a str,
            schema: serde_json::Value,
        }
        let schema = serde_json::from_str(contract.schema()).map_err(anyhow::Error::from)?;
        let shown = Shown {
            contract: contract.id().as_str(),
            status: contract.status().as_str(),
            digest: contract.digest(),
            text: contract.text(),
            schema,
        };
        output.one(&shown, String::new)?;
    }
    Ok(Exit::Done)
}

pub(super) fn check(folder: &Path, generated: Generated) -> Result<Exit, Failure> {
    let ids = contract::check(folder, generated)?;
    say(&format!("{} contracts in {} are good.\n", ids.len(), folder.display()))?;
    Ok(Exit::Done)
}

/// What `config check` finds.
#[derive(Serialize)]
struct Checked {
    good: bool,
    problems: Vec<Told>,
    /// What is allowed and wants a second look.
    warnings: Vec<Warning>,
    topics: Vec<TopicRow>,
    /// Contracts that the next start takes out of the spool.
    withdrawn: Vec<String>,
    /// Contracts with a last day, by topic.
    deprecated: Vec<Ending>,
    /// Topics and contracts that are not there, and for which something waits; asked for by --spool.
    gone: Vec<Gone>,
}

#[derive(Serialize)]
struct Ending {
    topic: String,
    contract: String,
    until: String,
    replaced_by: String,
}

#[derive(Serialize)]
struct Warning {
    topic: String,
    what: String,
    cure: String,
}

/// A topic that carries how well people did beside contracts of other subjects: whoever reads it for these
/// gets those too.
fn mixture(subscription: &Subscription, catalogue: &Catalogue) -> Option<Warning> {
    let carried = || subscription.contracts.iter().filter_map(|id| catalogue.get(id));
    let is_sensitive = |contract: &Contract| {
        contract
            .fields()
            .any(|field| matches!(field.personal(), Some(Personal::Performance | Personal::Special)))
    };
    let sensitive: Vec<&Contract> = carried().filter(|contract| is_sensitive(contract)).collect();
    let general = carried()
        .filter(|contract| !sensitive.iter().any(|other| other.id().area() == contract.id().area()))
        .count();
    let first = sensitive.first().filter(|_| general > 0)?;
    let topic = subscription.topic.to_string();
    Some(Warning {
        what: format!(
            "topics.{topic} carries performance or special data ({}{}) beside {} without",
            first.id(),
            match sensitive.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            },
            counted(general as u64, "contract of another subject", "contracts of other subjects"),
        ),
        cure:
            "whoever subscribes for the others gets these too: give them a topic of their own, or leave it \
               where all readers may have both"
                .to_owned(),
        topic,
    })
}

#[derive(Serialize)]
struct Told {
    at: String,
    line: Option<usize>,
    column: Option<usize>,
    what: String,
    cure: String,
}

#[derive(Serialize)]
struct TopicRow {
    topic: String,
    arn: String,
    contracts: Vec<String>,
    sources: Vec<String>,
}

pub(super) fn config_check(settings: &Settings, spool: bool, output: Output) -> Result<Exit, Failure> {
    let config = match settings.read() {
        Ok(config) => config,
        Err(problems) => return told(&problems, output),
    };
    let catalogue = Catalogue::load(config.contracts_dir.as_deref())?;
    let subscriptions = match subscriptions(&config, &catalogue) {
        Ok(subscriptions) => subscriptions,
        Err(problems) => return told(&problems, output),
    };
    let all: Vec<String> = config.sources.iter().map(|source| source.key.to_string()).collect();
    let rows: Vec<TopicRow> = config
        .topics
        .iter()
        .zip(&subscriptions)
        .map(|(topic, subscription)| TopicRow {
            topic: topic.key.to_string(),
            arn: topic.arn.to_string(),
            contracts: subscription.contracts.iter().map(ToString::to_string).collect(),
            sources: match &subscription.sources {
                Some(sources) => sources.iter().map(ToString::to_string).collect(),
                None => all.clone(),
            },
        })
        .collect();
    let withdrawn = config.withdrawn.iter().map(|(id, _)| id.to_string()).collect();
    let deprecated = subscriptions.iter().flat_map(|subscription| ending(subscription, &catalogue)).collect();
    let warnings = subscriptions.iter().filter_map(|s| mixture(s, &catalogue)).collect();
    let gone = if spool { gone::check(&config, &catalogue)? } else { Vec::new() };
    let exit = if gone.is_empty() { Exit::Done } else { Exit::Findings };
    let good = gone.is_empty();
    let checked = Checked { good, problems: Vec::new(), warnings, topics: rows, withdrawn, deprecated, gone };
    output.one(&checked, || {
        let rows = checked.topics.iter().flat_map(lines);
        let gets = table(&["topic", "arn", "sources", "contracts"], rows);
        let warnings: String = checked
            .warnings
            .iter()
            .map(|warning| format!("\nWarning: {}.\n  do: {}\n", warning.what, warning.cure))
            .collect();
        let verdict = match good {
            true => "The configuration is good",
            false => "The configuration is well written, and a start with it would leave messages to nobody",
        };
        format!(
            "{verdict}: {}, {}, {}.\n{}\n{gets}{warnings}",
            counted(config.sources.len() as u64, "source", "sources"),
            counted(config.topics.len() as u64, "topic", "topics"),
            counted(catalogue.iter().count() as u64, "contract is known", "contracts are known"),
            gone::text(&checked.gone)
        ) + &withdrawn_text(&checked.withdrawn)
            + &deprecated_text(&checked.deprecated)
    })?;
    Ok(exit)
}

/// What a topic carries that is to end.
fn ending(subscription: &Subscription, catalogue: &Catalogue) -> Vec<Ending> {
    let contracts = subscription.contracts.iter().filter_map(|id| catalogue.get(id));
    let ends = contracts.filter_map(|contract| Some((contract.id(), contract.end()?)));
    let ending = |(id, (until, replaced_by)): (&ContractId, (&str, &str))| Ending {
        topic: subscription.topic.to_string(),
        contract: id.to_string(),
        until: until.to_owned(),
        replaced_by: replaced_by.to_owned(),
    };
    ends.map(ending).collect()
}

fn deprecated_text(deprecated: &[Ending]) -> String {
    let line = |e: &Ending| {
        format!(
            "\nTopic {} carries {} until {}: {} replaces it.\n",
            e.topic, e.contract, e.until, e.replaced_by
        )
    };
    deprecated.iter().map(line).collect()
}

/// What the next start does to withdrawn contracts.
fn withdrawn_text(withdrawn: &[String]) -> String {
    if withdrawn.is_empty() {
        return String::new();
    }
    format!(
        "\nWithdrawn: {}.\nThe next start takes {} out of all wanted lists, drops the messages that wait, are held or parked, and erases from stored events what no other contract took. That can't be undone.\n",
        withdrawn.join(", "),
        if withdrawn.len() == 1 { "it" } else { "them" }
    )
}

/// A topic's lines of the table: a contract and a source each.
fn lines(row: &TopicRow) -> Vec<Vec<String>> {
    let cell = |list: &[String], n: usize| list.get(n).cloned().unwrap_or_default();
    let first = |text: &str, n: usize| if n == 0 { text.to_owned() } else { String::new() };
    (0..row.contracts.len().max(row.sources.len()))
        .map(|n| {
            vec![first(&row.topic, n), first(&row.arn, n), cell(&row.sources, n), cell(&row.contracts, n)]
        })
        .collect()
}

/// Problems for people go to standard error; as JSON they are the output.
fn told(problems: &Problems, output: Output) -> Result<Exit, Failure> {
    if output.form() == Form::Table {
        return Err(problems.clone().into());
    }
    let told = problems.iter().map(|problem| Told {
        at: problem.at.to_string(),
        line: problem.at.place().map(|place| place.line),
        column: problem.at.place().map(|place| place.column),
        what: problem.what.clone(),
        cure: problem.cure.clone(),
    });
    output.one(
        &Checked {
            good: false,
            problems: told.collect(),
            warnings: Vec::new(),
            topics: Vec::new(),
            withdrawn: Vec::new(),
            deprecated: Vec::new(),
            gone: Vec::new(),
        },
        String::new,
    )?;
    Err(problems.clone().into())
}
