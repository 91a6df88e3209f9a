//! `contracts render`: what reviewers and consumers read, written to a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::args::Render;
use super::contracts::subscriptions;
use super::exit::{Exit, Failure};
use super::output::say;
use super::settings::Settings;
use crate::config::Config;
use crate::contract::Catalogue;
use crate::contract::render::{File, Site, Topic, Unrendered};
use crate::operate::words::{count, counted};

/// Names all files that a render wrote, so that the next one may take them away again.
const LIST: &str = ".rendered";

pub(super) fn render(settings: &Settings, args: &Render) -> Result<Exit, Failure> {
    let config = settings.named()?;
    let own = args.own.contracts.clone().or_else(|| config.as_ref().and_then(|c| c.contracts_dir.clone()));
    let catalogue = Catalogue::load(own.as_deref())?;
    let topics = config.as_ref().map(|config| topics(config, &catalogue)).transpose()?;
    let site = Site::read(&catalogue, own.as_deref(), topics)?;
    let files = site.files()?;
    write(&args.html, &files)?;

    let pages = || files.iter().filter(|file| file.path.ends_with(".html"));
    let bytes = |n: usize| count(u64::try_from(n).unwrap_or(u64::MAX));
    let largest = pages().max_by_key(|page| page.text.len());
    say(&format!(
        "{} in {}: {}, {} in all.{}\n",
        counted(catalogue.iter().count() as u64, "contract", "contracts"),
        args.html.display(),
        counted(pages().count() as u64, "page", "pages"),
        counted(files.len() as u64, "file", "files"),
        largest.map_or_else(String::new, |page| {
            format!(" The largest page is {}: {} bytes.", page.path, bytes(page.text.len()))
        })
    ))?;
    Ok(Exit::Done)
}

/// The topics of a site and what they carry, as the contracts' pages tell it.
pub(super) fn topics(config: &Config, catalogue: &Catalogue) -> Result<Vec<Topic>, Failure> {
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
                drop(gone.ancestors().skip(1).take_while(|up| *up != folder).try_for_each(fs::remove_dir))
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
