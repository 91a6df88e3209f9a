//! `contracts new`: drafts a contract from a file of captured events.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::New;
use super::captured::{self, FileEvent};
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use crate::contract::{Catalogue, Proposal, Seen, Wish, propose};
use crate::delivery::ContractId;
use crate::operate::words::{counted, harmless};

/// What was written, and what is left to do.
#[derive(Serialize)]
struct Drafted {
    contract: ContractId,
    events: u64,
    files: Vec<PathBuf>,
    decide: Vec<Question>,
    unheld: Vec<Unheld>,
}

/// One thing to decide.
#[derive(Serialize)]
struct Question {
    line: usize,
    what: String,
}

/// Events that the draft does not hold.
#[derive(Serialize)]
struct Unheld {
    why: String,
    first: String,
    events: u64,
}

pub(super) fn new(args: &New, output: Output) -> Result<Exit, Failure> {
    let wrong = |words: String| Failure::new(Exit::Usage, words);
    let id: ContractId = args
        .name
        .split_once('/')
        .and_then(|(area, name)| format!("moodle.{area}.{name}.v1").parse().ok())
        .ok_or_else(|| {
            wrong(format!(
                "{:?} names no contract: write SUBJECT/NAME in lower case, as in group/member_added",
                args.name
            ))
        })?;
    let folder = args.dir.join(id.area()).join(id.operation());
    let place = folder.join("v1.toml");
    if place.exists() {
        return Err(wrong(format!(
            "{} is there already: take it away, or give yours another name",
            place.display()
        )));
    }
    let (_, events) = captured::read(&args.from)?;
    let wanted: Vec<(usize, &FileEvent)> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| args.event.iter().any(|name| *name == *event.name))
        .collect();
    if let Some(name) = args.event.iter().find(|name| !wanted.iter().any(|(_, event)| *event.name == **name))
    {
        return Err(wrong(absent(name, &args.from, &events)));
    }
    let catalogue = Catalogue::builtin()?;
    if catalogue.get(&id).is_some() {
        return Err(wrong(format!("this program has {id} built in: give yours another name")));
    }
    let seen: Vec<Seen<'_>> = wanted
        .iter()
        .map(|(n, event)| Seen {
            place: format!("event {}", n + 1),
            id: event.id,
            name: &event.name,
            time: event.time,
            raised: event.raised,
            data: &event.data,
        })
        .collect();
    let from = args.from.file_name().map_or_else(String::new, |name| harmless(&name.to_string_lossy()));
    let from = if from == "-" { "standard input".to_owned() } else { from };
    let wish = Wish { id, from: &from, samples: args.samples };
    let proposal = propose(&catalogue, &wish, &seen)?;
    let files = write(&place, &proposal)?;
    let events = u64::try_from(seen.len()).unwrap_or(u64::MAX);
    tell(wish.id, args, events, files, proposal, output)
}

/// What to say of an event that the file does not hold: most often the shell took the backslashes.
fn absent(name: &str, from: &Path, events: &[FileEvent]) -> String {
    let mut names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.len();
    names.truncate(40);
    let more = if all > names.len() { format!("\n  and {} more", all - names.len()) } else { String::new() };
    let names: Vec<String> = names.iter().map(|name| format!("\n  '{}'", harmless(name))).collect();
    format!(
        "{} holds no event '{}'. Write it as Moodle does, in single quotes. The file holds:{}{more}",
        from.display(),
        harmless(name),
        names.concat()
    )
}

fn write(place: &Path, proposal: &Proposal) -> Result<Vec<PathBuf>, Failure> {
    let folder = place.parent().unwrap_or(place).join("examples");
    let failed = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::Failed, format!("writing {}: {error}", path.display()))
    };
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let examples = proposal.examples.iter().map(|(name, text)| (folder.join(name), text));
    let mut files = Vec::new();
    for (path, text) in std::iter::once((place.to_owned(), &proposal.text)).chain(examples) {
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(&path, error))?;
        files.push(path);
    }
    Ok(files)
}

fn tell(
    contract: ContractId,
    args: &New,
    events: u64,
    files: Vec<PathBuf>,
    proposal: Proposal,
    output: Output,
) -> Result<Exit, Failure> {
    let drafted = Drafted {
        contract,
        events,
        files,
        decide: proposal.marks.into_iter().map(|(line, what)| Question { line, what }).collect(),
        unheld: proposal
            .unheld
            .into_iter()
            .map(|(why, first, events)| Unheld { why, first, events })
            .collect(),
    };
    output.one(&drafted, || text(&drafted, args))?;
    if drafted.unheld.is_empty() {
        return Ok(Exit::Done);
    }
    for Unheld { why, first, events } in &drafted.unheld {
        note(&format!(
            "the draft does not hold {} (first {first}): {}",
            counted(*events, "event", "events"),
            harmless(why)
        ));
    }
    Ok(Exit::Findings)
}

fn text(drafted: &Drafted, args: &New) -> String {
    let Drafted { contract, events, files, decide, .. } = drafted;
    let mut text = format!("{contract}, drafted from {}:\n", counted(*events, "event", "events"));
    for file in files {
        text += &format!("  {}\n", file.display());
    }
    text += &format!(
        "\n{} to decide:\n",
        counted(u64::try_from(decide.len()).unwrap_or(u64::MAX), "thing", "things")
    );
    for Question { line, what } in decide {
        text += &format!("  {line:>4}  {}\n", harmless(what));
    }
    if !args.samples {
        text += "\nIn the examples people's ids, marks and texts are made up. --samples would keep and show what was captured.\n";
    }
    let dir = args.dir.display();
    text += &format!(
        "\nNext: answer in {}, then\n  moodle-sns-producer contracts check {dir} --write\n  moodle-sns-producer map {} --contracts {dir} --contract {contract}\n",
        files.first().map_or_else(String::new, |file| file.display().to_string()),
        args.from.display()
    );
    text
}
