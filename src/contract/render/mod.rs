//! What reviewers and consumers read, made from the contracts alone: the catalogue as pages, with a twin
//! in Markdown of each. Values only: the command line writes them to a folder.
//!
//! Equal contracts and topics give equal pages: no date, no figure of a site.

mod code;
mod contract;
mod documents;
mod index;
mod offered;
mod register;
mod rich;
mod rules;
mod subscribe;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

pub use register::{COLUMNS, Entry, Retention, csv};

use super::beside::beside;
use super::{Catalogue, Contract, Example, Problems, gate};
use crate::delivery::ContractId;

/// All that the pages speak of.
#[derive(Debug)]
pub struct Site<'c> {
    shown: Vec<Shown<'c>>,
    /// The newest version of each `area.operation`, as texts name them.
    short: BTreeMap<String, &'c Contract>,
    /// The topics of a site's configuration; none where none was given.
    topics: Option<Vec<Topic>>,
}

/// A topic, and the contracts whose messages it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its key in the configuration.
    pub key: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it is a FIFO topic.
    pub fifo: bool,
    /// What it carries.
    pub contracts: Vec<ContractId>,
}

impl Topic {
    /// Its name in SNS.
    #[must_use]
    pub fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }
}

/// One file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it belongs, below the site's folder: `enrolment/created/v1.html`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A contract with what is shown beside it.
#[derive(Debug)]
struct Shown<'c> {
    contract: &'c Contract,
    /// An ordinary one first.
    examples: Vec<ShownExample>,
    /// The files of its releases, name and text each.
    released: Vec<(String, String)>,
    releases: Vec<gate::Release>,
}

#[derive(Debug)]
struct ShownExample {
    /// The name of its file.
    file: String,
    example: Example,
    /// The whole text, with the message it gives.
    text: String,
}

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
pub enum Unrendered {
    /// A file beside a contract cannot be read.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// An example gives no message.
    #[error("{contract}, example {file}: {why}; `moodle-sns-producer contracts check` says more")]
    Example {
        /// The contract.
        contract: ContractId,
        /// The example's file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A page cannot be made.
    #[error("making the page {page}: {why}; report this")]
    Page {
        /// Which one.
        page: String,
        /// What went wrong.
        why: String,
    },
}

impl<'c> Site<'c> {
    /// Gathers what the pages speak of. `own` is the folder that the catalogue was loaded with.
    ///
    /// # Errors
    /// A file beside a contract cannot be read, or an example gives no message.
    pub fn read(
        catalogue: &'c Catalogue,
        own: Option<&Path>,
        topics: Option<Vec<Topic>>,
    ) -> Result<Self, Unrendered> {
        let mut shown = Vec::new();
        let mut short: BTreeMap<String, &Contract> = BTreeMap::new();
        for contract in catalogue.iter() {
            let id = contract.id();
            let found = beside(own, id)?;
            let mut examples = Vec::new();
            for (file, text) in found.examples {
                let bad = |error: super::BadExample| Unrendered::Example {
                    contract: id.clone(),
                    file: file.clone(),
                    why: error.to_string(),
                };
                let example = Example::read(&text).map_err(bad)?;
                let text = example.write(contract).map_err(bad)?;
                examples.push(ShownExample { example, text, file });
            }
            // What is usual comes first, what is rare last; else by name.
            examples.sort_by_key(|shown| match shown.file.split('.').next() {
                Some("ordinary") => 0,
                Some("least") => 2,
                _ => 1,
            });
            let name = words::short(id);
            if short.get(&name).is_none_or(|known| version(known.id()) < version(id)) {
                short.insert(name, contract);
            }
            let folder = Path::new(&words::place(id)).with_file_name("released");
            let releases = gate::releases(&folder, id, found.released.clone())?;
            shown.push(Shown { contract, examples, released: found.released, releases });
        }
        Ok(Self { shown, short, topics })
    }

    /// The whole site: pages with their Markdown twins, style, script, contracts, schemas, examples,
    /// the register of personal data, and the documents for tools.
    ///
    /// # Errors
    /// A page cannot be made.
    pub fn files(&self, retention: &Retention) -> Result<Vec<File>, Unrendered> {
        let mut files = index::files(self)?;
        let register = self.register(retention);
        files.push(self.register_page(retention)?);
        files.push(file("personal-data.csv", csv(&COLUMNS, register.iter().map(Entry::cells))));
        files.push(file("asyncapi.json", self.asyncapi(None)));
        files.push(file("schemas.json", self.schemas()));
        let fixed = [("pages.css", crate::pages::CSS), ("pages.js", include_str!("pages.js"))];
        files.extend(fixed.map(|(path, text)| file(path, text)));
        for shown in &self.shown {
            files.extend(contract::files(self, shown)?);
        }
        Ok(files)
    }

    /// The topics that carry a contract here.
    fn topics_of(&self, id: &ContractId) -> Vec<&Topic> {
        self.topics.iter().flatten().filter(|topic| topic.contracts.contains(id)).collect()
    }
}

fn file(path: impl Into<String>, text: impl Into<String>) -> File {
    File { path: path.into(), text: text.into() }
}

/// Fills a template.
fn fill(path: &str, template: &impl askama::Template) -> Result<File, Unrendered> {
    let text = template
        .render()
        .map_err(|error| Unrendered::Page { page: path.to_owned(), why: error.to_string() })?;
    Ok(file(path, text))
}

fn version(id: &ContractId) -> u32 {
    id.version().trim_start_matches('v').parse().unwrap_or_default()
}
