//! `contracts render` and `contracts privacy`: what reviewers and consumers read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use jiff::SignedDuration;

use super::args::{Own, Render};
use super::contracts::subscriptions;
use super::exit::{Exit, Failure};
use super::output::{Form, Output, say, table};
use super::settings::Settings;
use crate::config::Config;
use crate::contract::Catalogue;
use crate::contract::render::{COLUMNS, Entry, File, Retention, Site, Topic, Unrendered};
use crate::operate::words::{counted, size, span};

/// Names all files that a render wrote, so that the next one may take them away again.
const LIST: &str = ".rendered";

pub(super) fn render(settings: &Settings, args: &Render) -> Result<Exit, Failure> {
    let config = settings.named()?;
    let own = folder_of(&args.own, config.as_ref());
    let catalogue = Catalogue::load(own.as_deref())?;
    let topics = config.as_ref().map(|config| topics(config, &catalogue)).transpose()?;
    if let Some(key) = &args.topic {
        known(key, topics.as_deref())?;
    }
    let site = Site::read(&catalogue, own.as_deref(), topics)?;
    if let Some(folder) = &args.html {
        pages(&site, folder, &retention(config.as_ref()))?;
    }
    if let Some(file) = &args.asyncapi {
        document(file, &site.asyncapi(args.topic.as_deref()))?;
    }
    if let Some(file) = &args.json_schema {
        document(file, &site.schemas())?;
    }
    Ok(Exit::Done)
}

/// The register of personal data.
pub(super) fn privacy(settings: &Settings, own: &Own, output: Output) -> Result<Exit, Failure> {
    let config = settings.named()?;
    let own = folder_of(own, config.as_ref());
    let catalogue = Catalogue::load(own.as_deref())?;
    let topics = config.as_ref().map(|config| topics(config, &catalogue)).transpose()?;
    let site = Site::read(&catalogue, own.as_deref(), topics)?;
    let retention = retention(config.as_ref());
    if output.form() == Form::Html {
        say(&site.register_alone(&retention)?.text)?;
        return Ok(Exit::Done);
    }
    let register = site.register(&retention);
    if output.form() == Form::Csv {
        output.rows(&register, &COLUMNS, Entry::cells)?;
        return Ok(Exit::Done);
    }
    // Meaning and purpose are too long for a table; retention is the same in each line.
    output.list(&register, || {
        let cells = |entry: &Entry| {
            let topics = entry.topics.as_ref().map_or_else(|| "-".to_owned(), |topics| topics.join(" "));
            [&entry.contract, &entry.field, entry.class, &entry.source, &topics].map(str::to_owned).to_vec()
        };
        table(&["contract", "field", "class", "source", "topics"], register.iter().map(cells))
            + &format!(
                "\n{}. While a message waits: {} Afterwards: {}\n",
                counted(register.len() as u64, "field", "fields"),
                retention.spool,
                retention.history
            )
    })?;
    Ok(Exit::Done)
}

/// The folder of own contracts: as the command line says, else as the configuration does.
fn folder_of(own: &Own, config: Option<&Config>) -> Option<PathBuf> {
    own.contracts.clone().or_else(|| config.and_then(|config| config.contracts_dir.clone()))
}

fn known(key: &str, topics: Option<&[Topic]>) -> Result<(), Failure> {
    let Some(topics) = topics else {
        return Err(Failure::new(Exit::Usage, "--topic names a topic of a configuration: add --config FILE"));
    };
    if topics.iter().any(|topic| topic.key == key) {
        return Ok(());
    }
    let all = topics.iter().map(|topic| topic.key.as_str()).collect::<Vec<_>>().join(", ");
    Err(Failure::new(Exit::Usage, format!("the configuration has no topic {key:?}; it has {all}")))
}

/// How long an event is kept here.
fn retention(config: Option<&Config>) -> Retention {
    let Some(config) = config else { return Retention::default() };
    let spool = &config.spool;
    let age = SignedDuration::try_from(spool.history_age).map_or_else(|_| "for ever".to_owned(), span);
    Retention {
        spool: format!(
            "until each topic has its message, however long that takes; what was parked until a person decides. At most {} wait.",
            size(spool.max_size)
        ),
        history: format!("{age}, of at most {} in all; then erased.", size(spool.history_size)),
    }
}

fn pages(site: &Site<'_>, folder: &Path, retention: &Retention) -> Result<(), Failure> {
    let files = site.files(retention)?;
    write(folder, &files)?;
    let pages = || files.iter().filter(|file| file.path.ends_with(".html"));
    let largest = pages().max_by_key(|page| page.text.len());
    let largest = largest.map_or_else(String::new, |page| {
        let bytes = u64::try_from(page.text.len()).unwrap_or(u64::MAX);
        format!(" The largest page is {}: {}.", page.path, counted(bytes, "byte", "bytes"))
    });
    say(&format!(
        "{} in {}, {} in all.{largest}\n",
        counted(pages().count() as u64, "page", "pages"),
        folder.display(),
        counted(files.len() as u64, "file", "files"),
    ))
}

/// Writes a document to a file; `-` is standard output.
fn document(file: &Path, text: &str) -> Result<(), Failure> {
    if file.as_os_str() == "-" {
        return say(text);
    }
    fs::write(file, text)
        .map_err(|error| Failure::new(Exit::Failed, format!("writing {}: {error}", file.display())))
}

/// The topics of a site and what they carry, as the contracts' pages tell it.
fn topics(config: &Config, catalogue: &Catalogue) -> Result<Vec<Topic>, Failure> {
    let subscriptions = subscriptions(config, catalogue)?;
    let topic = |(topic, subscription): (&crate::config::Topic, crate::contract::Subscription)| Topic {
        key: topic.key.to_string(),
        arn: topic.arn.to_string(),
        fifo: topic.arn.is_fifo(),
        contracts: subscription.contracts,
    };
    Ok(config.topics.iter().zip(subscriptions).map(topic).collect())
}

/// Writes the files into an empty folder, or into one that an earlier render wrote: then what it wrote and
/// is no more is taken away. A folder that holds other things is left alone.
fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let failed = |what: &str, path: &Path, error: &std::io::Error| {
        Failure::new(Exit::Failed, format!("{what} {}: {error}", path.display()))
    };
    let list = folder.join(LIST);
    let old = match fs::read_to_string(&list) {
        Ok(text) => text.lines().filter_map(below).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed("reading", &list, &error)),
    };
    let is_empty = || fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    if old.is_empty() && folder.exists() && !is_empty().map_err(|error| failed("reading", folder, &error))? {
        let words = format!(
            "{} holds things that `contracts render` did not write: name a new or an empty folder",
            folder.display()
        );
        return Err(Failure::new(Exit::Usage, words));
    }
    let new: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut names: Vec<&str> = new.iter().copied().collect();
    names.push("");
    // Told before anything is written: what is left by a render that was cut short can be taken away too.
    fs::create_dir_all(folder).map_err(|error| failed("making", folder, &error))?;
    let kept = old.iter().filter_map(|path| path.to_str()).filter(|path| !new.contains(path));
    let all: Vec<&str> = kept.chain(names.iter().copied()).collect();
    fs::write(&list, all.join("\n")).map_err(|error| failed("writing", &list, &error))?;
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed("making", parent, &error))?;
        }
        fs::write(&path, &file.text).map_err(|error| failed("writing", &path, &error))?;
    }
    for path in old.iter().filter(|path| path.to_str().is_none_or(|path| !new.contains(path))) {
        let gone = folder.join(path);
        match fs::remove_file(&gone) {
            // Folders that are empty now go too; one that holds something stays.
            Ok(()) => {
                drop(gone.ancestors().skip(1).take_while(|up| *up != folder).try_for_each(fs::remove_dir));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("removing", &gone, &error)),
        }
    }
    fs::write(&list, names.join("\n")).map_err(|error| failed("writing", &list, &error))
}

/// A line of the list as a path that stays below the folder.
fn below(line: &str) -> Option<PathBuf> {
    let path = PathBuf::from(line);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !line.is_empty()).then_some(path)
}

impl From<Unrendered> for Failure {
    fn from(error: Unrendered) -> Self {
        let exit = match error {
            Unrendered::Problems(_) | Unrendered::Example { .. } => Exit::BadConfiguration,
            Unrendered::Page { .. } => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
