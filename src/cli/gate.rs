//! `contracts diff|release`: what changed in a contract, for whom it breaks, and the freezing of a text.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{Form, Output, note, say, table};
use crate::contract::gate::{self, Change, Frozen, Verdict, Wish};
use crate::contract::{Contract, Status};
use crate::delivery::ContractId;
use crate::operate::words::counted;

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The old text, or the name of a contract whose newest release is the old one.
    pub(super) old: String,
    /// The new text. Without it: the contract of that name as it stands in the folder.
    pub(super) new: Option<PathBuf>,
    #[command(flatten)]
    pub(super) folder: Folder,
}

#[derive(Debug, clap::Args)]
pub(super) struct Release {
    /// The contract's name with its version.
    pub(super) contract: String,
    /// Who agreed.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// What they say of it.
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// A change that they agreed to and that only a person can judge, by its place: sent, data.user.id.
    /// May be given several times.
    #[arg(long = "accept", value_name = "PLACE")]
    pub(super) accepted: Vec<String>,
    #[command(flatten)]
    pub(super) folder: Folder,
}

/// The folder in which contracts are written.
#[derive(Debug, clap::Args)]
pub(super) struct Folder {
    /// The folder: <subject>/<name>/v1.toml.
    #[arg(long, value_name = "DIR", default_value = "contracts")]
    contracts: PathBuf,
}

/// What `contracts diff` finds.
#[derive(Serialize)]
struct Compared<'a> {
    old: Side<'a>,
    new: Side<'a>,
    verdict: Option<Verdict>,
    changes: &'a [Change],
}

#[derive(Serialize)]
struct Side<'a> {
    contract: &'a str,
    from: &'a str,
    digest: &'a str,
}

pub(super) fn diff(diff: &Diff, output: Output) -> Result<Exit, Failure> {
    let (old, new, names) = match &diff.new {
        Some(new) => {
            let (old, new) = (Path::new(&diff.old), new.as_path());
            let names = (old.display().to_string(), new.display().to_string());
            (read(old)?, read(new)?, names)
        }
        None => of_name(&diff.old, &diff.folder.contracts)?,
    };
    if (old.id().area(), old.id().operation()) != (new.id().area(), new.id().operation()) {
        let words = format!(
            "{} and {} are two contracts: compare two texts of one, or two of its versions",
            old.id(),
            new.id()
        );
        return Err(Failure::new(Exit::Usage, words));
    }
    let changes = gate::compare(&old, &new);
    let side = |contract: &'_ Contract| (contract.id().to_string(), contract.digest().to_owned());
    let (old_side, new_side) = (side(&old), side(&new));
    let compared = Compared {
        old: Side { contract: &old_side.0, from: &names.0, digest: &old_side.1 },
        new: Side { contract: &new_side.0, from: &names.1, digest: &new_side.1 },
        verdict: changes.first().map(|worst| worst.verdict),
        changes: &changes,
    };
    if output.form() == Form::Markdown {
        say(&markdown(&compared))?;
    } else {
        output.one(&compared, || text(&compared))?;
    }
    let breaks = compared.verdict == Some(Verdict::Breaking);
    Ok(if breaks { Exit::Findings } else { Exit::Done })
}

/// The newest release of a contract, and the contract as it stands.
fn of_name(name: &str, folder: &Path) -> Result<(Contract, Contract, (String, String)), Failure> {
    let id = parse(name).map_err(|failure| {
        let words = format!("{}; or name two files: contracts diff OLD NEW", failure.words);
        Failure::new(Exit::Usage, words)
    })?;
    let (present, releases) = gate::shelf(folder, &id)?;
    let newest = releases.into_iter().next_back().ok_or_else(|| {
        let words = format!(
            "{id} was never released, so nothing is promised that could break: compare two files, `contracts diff OLD NEW`"
        );
        Failure::new(Exit::Failed, words)
    })?;
    let from = format!("release {} of {}", newest.record.revision, newest.record.released);
    Ok((newest.contract, present, (from, format!("the text in {}", folder.display()))))
}

fn parse(name: &str) -> Result<ContractId, Failure> {
    name.parse().map_err(|error: crate::delivery::NotAContract| Failure::new(Exit::Usage, error.to_string()))
}

/// A contract from a file that may stand anywhere; a released one brings its common blocks.
fn read(path: &Path) -> Result<Contract, Failure> {
    let load = |path: &Path| {
        fs::read_to_string(path).map_err(|error| {
            Failure::new(Exit::Unavailable, format!("reading the contract {}: {error}", path.display()))
        })
    };
    let text = load(path)?;
    let beside = path.with_extension("blocks.toml");
    let released = path.with_extension("release.toml").is_file();
    let blocks = match (released, beside.is_file()) {
        (true, true) => Some(load(&beside)?),
        (true, false) => Some(String::new()),
        (false, _) => None,
    };
    let beside = beside.display().to_string();
    let blocks = blocks.as_deref().map(|text| (beside.as_str(), text));
    Ok(gate::read(&path.display().to_string(), &text, blocks)?)
}

/// In a sentence what is so.
fn verdict(compared: &Compared<'_>) -> String {
    let count = |verdict| compared.changes.iter().filter(|change| change.verdict == verdict).count() as u64;
    let breaking = counted(count(Verdict::Breaking), "change breaks", "changes break");
    let asked = counted(count(Verdict::NeedsApproval), "change", "changes");
    match compared.verdict {
        None if compared.old.digest == compared.new.digest => "Nothing changed.".to_owned(),
        None => "Nothing changed but the name.".to_owned(),
        Some(Verdict::Breaking) if compared.old.contract != compared.new.contract => {
            format!(
                "{breaking} a consumer of {} who moves to {} unprepared.",
                compared.old.contract, compared.new.contract
            )
        }
        Some(Verdict::Breaking) => {
            format!("{breaking} what was promised: it needs a new version, or must not be.")
        }
        Some(Verdict::NeedsApproval) => format!("Nobody breaks by form; {asked} only a person can judge."),
        Some(Verdict::Note | Verdict::Compatible) => "Compatible: nobody breaks.".to_owned(),
    }
}

fn text(compared: &Compared<'_>) -> String {
    let mut text = format!(
        "{} ({}) → {} ({})\n{}\n",
        compared.old.contract,
        compared.old.from,
        compared.new.contract,
        compared.new.from,
        verdict(compared)
    );
    if !compared.changes.is_empty() {
        let rows = compared.changes.iter().map(|change| {
            [change.verdict.as_str(), &change.at, &change.what, change.whom.unwrap_or("nobody"), &change.cure]
                .map(str::to_owned)
                .to_vec()
        });
        text += &format!("\n{}", table(&["verdict", "where", "what", "breaks or asks", "what to do"], rows));
    }
    text
}

/// For a pull request.
fn markdown(compared: &Compared<'_>) -> String {
    // A cell may hold no line break and no bar, and what was quoted from a contract gives no markup.
    let cell = |text: &str| {
        text.chars().fold(String::new(), |mut out, c| {
            match c {
                '|' | '*' | '_' | '<' | '>' | '[' | ']' | '`' | '\\' => out.extend(['\\', c]),
                '\n' | '\r' => out.push(' '),
                c => out.push(c),
            }
            out
        })
    };
    let mut out = format!("### {}\n\n{}\n", cell(compared.new.contract), verdict(compared));
    if !compared.changes.is_empty() {
        out +=
            "\n| verdict | where | what | breaks or asks | what to do |\n| --- | --- | --- | --- | --- |\n";
    }
    for change in compared.changes {
        let mark = if change.verdict == Verdict::Breaking { "**breaking**" } else { change.verdict.as_str() };
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "| {mark} | {} | {} | {} | {} |",
            cell(&change.at),
            cell(&change.what),
            change.whom.unwrap_or("nobody"),
            cell(&change.cure)
        );
    }
    let _ = writeln!(
        out,
        "\nFrom {} (`{}`) to {} (`{}`).",
        cell(compared.old.from),
        compared.old.digest,
        cell(compared.new.from),
        compared.new.digest
    );
    out
}

/// What `contracts release` did.
#[derive(Serialize)]
struct Released<'a> {
    contract: &'a str,
    revision: usize,
    already: bool,
    digest: &'a str,
    files: &'a [String],
    changes: &'a [Change],
}

pub(super) fn release(order: &Release, output: Output) -> Result<Exit, Failure> {
    let id = parse(&order.contract)?;
    let folder = &order.folder.contracts;
    let (present, earlier) = gate::shelf(folder, &id)?;
    let on = Offset::UTC.to_datetime(Timestamp::now()).date();
    let wish = Wish { by: &order.by, note: order.note.as_deref(), accepted: &order.accepted, on };
    let frozen = gate::release(&present, &earlier, wish)
        .map_err(|refusal| Failure::new(Exit::Findings, refusal.to_string()))?;
    let place = folder.join(id.area()).join(id.operation()).join("released");
    let (record, already, files, changes) = match frozen {
        Frozen::Already(record) => (record, true, Vec::new(), Vec::new()),
        Frozen::New { record, files, changes } => (record, false, put(&place, &files)?, changes),
    };
    let released = Released {
        contract: id.as_str(),
        revision: record.revision,
        already,
        digest: &record.digest,
        files: &files,
        changes: &changes,
    };
    output.one(&released, || {
        let revision = record.revision;
        if already {
            return format!(
                "{id} promises what release {revision} of {} promises: there is nothing to release.\n",
                record.released
            );
        }
        let changed = counted(changes.len() as u64, "change", "changes");
        let since = if revision == 1 { String::new() } else { format!(", {changed} since the one before") };
        format!("{id} is frozen as release {revision}{since}. Commit:\n  {}\n", files.join("\n  "))
    })?;
    if !already && present.status() == Status::Stable {
        note("From now on `contracts check` holds each text of it against this release.");
    }
    Ok(Exit::Done)
}

/// Writes new files; what is there is never written over. The record comes last: without it there is no
/// release.
fn put(folder: &Path, files: &[(String, String)]) -> Result<Vec<String>, Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        let words = format!(
            "writing the release {}: {error}; nothing of it counts until its record is written: remove what was written, then try again",
            path.display()
        );
        Failure::new(Exit::Failed, words)
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        fs::File::create_new(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|error| failed(&path, &error))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}
