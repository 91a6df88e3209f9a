//! The configuration: one TOML file, the environment and flags, turned into plain values.
//!
//! In come layers (defaults < file < `MSP_…` variables < `--set` flags); out comes a [`Config`], or all
//! that is wrong with it at once, each with file, line, caret and what to do. Every key stands once, in
//! `key.rs`. It knows no stage: `cli/run.rs` turns the values into the stages' settings.

mod key;
mod layer;
mod listen;
mod problem;
mod read;
mod schema;
mod secret;
mod show;
mod sns;
mod source;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use listen::{Listen, LogForm, Operate, OperatorListen, Receive};
pub use problem::{Origin, Place, Problem, Problems, SourceFile};
pub use schema::schema;
pub use secret::SecretText;
pub use show::Shown;
pub use sns::{Arn, Aws, Maturity, Subscribed, Topic};
pub use source::{Secret, Source};

use crate::delivery::ContractId;
use listen::Folders;
use read::Section;

/// A commented configuration file, as `init` writes it.
pub const EXAMPLE: &str = include_str!("example.toml");

/// A configuration that has been checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Moodle sends to.
    pub receive: Receive,
    /// Where a person looks.
    pub operate: Operate,
    /// What is kept on disk.
    pub spool: Spool,
    /// Where SNS is.
    pub aws: Aws,
    /// Folder of own contracts.
    pub contracts_dir: Option<PathBuf>,
    /// Contracts that must not be sent, with where they are named.
    pub withdrawn: Vec<(ContractId, Origin)>,
    /// How often a heartbeat is made.
    pub heartbeat_every: Duration,
    /// The sites that send, in the order of the file.
    pub sources: Vec<Source>,
    /// The topics, in the order of the file.
    pub topics: Vec<Topic>,
    resolved: Section,
}

/// `[spool]`: what is kept on disk.
#[derive(Debug, Clone)]
pub struct Spool {
    /// The SQLite file.
    pub path: PathBuf,
    /// The most that may wait to be published, in bytes.
    pub max_size: u64,
    /// Settled events are kept no longer than this.
    pub history_age: Duration,
    /// Settled events take no more than this, in bytes.
    pub history_size: u64,
}

impl Config {
    /// Each value with where it comes from; secrets as `***` with a fingerprint.
    #[must_use]
    pub fn show(&self) -> Vec<Shown> {
        let mut shown = show::all(&self.resolved);
        // A secret that a file holds shows its fingerprint too, to be compared with the other side's.
        for source in &self.sources {
            for (n, secret) in source.secrets.iter().enumerate() {
                show::from_file(
                    &mut shown,
                    &format!("sources.{}.secrets[{n}]", source.key),
                    "secret",
                    "file",
                    &secret.text,
                );
            }
        }
        if let Some(token) = &self.operate.token {
            show::from_file(&mut shown, "operate", "token", "token_file", token);
        }
        shown
    }

    /// What each topic gets. `matching` gives the contracts that a name or pattern means, as the
    /// catalogue has them.
    ///
    /// # Errors
    /// A pattern that matches nothing; a pattern that means drafts only, on a topic without
    /// `drafts = true`.
    pub fn subscriptions(
        &self,
        matching: impl Fn(&str) -> Vec<(ContractId, Maturity)>,
    ) -> Result<Vec<Subscribed>, Problems> {
        sns::subscriptions(&self.topics, matching)
    }

    /// That each withdrawn contract is one that there is: a name with a slip would withdraw nothing.
    ///
    /// # Errors
    /// Names that are not among `known`.
    pub fn check_withdrawn(&self, known: &[&str]) -> Result<(), Problems> {
        sns::check_withdrawn(&self.withdrawn, known)
    }
}

/// Reads the layers. `env` holds all variables, `flags` the keys and values of `--set`.
///
/// # Errors
/// All that is wrong, at once.
pub fn load(
    file: Option<&Path>,
    env: &[(String, String)],
    flags: &[(String, String)],
) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let mut tree = layer::empty(Origin::Default);
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = Arc::new(SourceFile { path: path.to_owned(), text });
                tree = layer::of_file(&text, &mut problems);
            }
            Err(error) => {
                let named =
                    Origin::File(Arc::new(SourceFile { path: path.to_owned(), text: String::new() }), 0..0);
                problems.add(
                    &named,
                    format!("the configuration can't be read: {error}"),
                    "name another with --config, or write one with `moodle-sns-producer init`",
                );
            }
        }
    }
    // After a syntax error keys are missing that are there: speak of nothing else.
    if !problems.is_empty() {
        return Err(problems.sorted());
    }
    let of_env = layer::of_env(env, &tree, &mut problems);
    let tree = layer::over(tree, of_env);
    let of_flags = layer::of_flags(flags, &tree, &mut problems);
    let tree = layer::over(tree, of_flags);
    let root = read::section(key::ROOT, "", Some(&tree), &mut problems);

    let credentials =
        env.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY").map(|(_, path)| Path::new(path));
    let folders = Folders { credentials, beside: file.and_then(Path::parent) };
    build(root, &folders, problems)
}

fn build(root: Section, folders: &Folders<'_>, mut problems: Problems) -> Result<Config, Problems> {
    let (Some(receive), Some(operate), Some(spool), Some(aws)) =
        (root.inner("receive"), root.inner("operate"), root.inner("spool"), root.inner("aws"))
    else {
        return Err(problems.sorted());
    };
    let topics = sns::topics(&root, &mut problems);
    let config = Config {
        receive: listen::receive(receive, folders.beside, &mut problems),
        operate: listen::operate(operate, folders, &mut problems),
        spool: spool_of(spool, folders.beside, &mut problems),
        aws: sns::aws(aws, &topics, &root, &mut problems),
        contracts_dir: root
            .inner("contracts")
            .and_then(|section| section.text("dir"))
            .map(|dir| secret::file_named(dir, None, folders.beside)),
        withdrawn: sns::withdrawn(&root, &mut problems),
        heartbeat_every: root.inner("heartbeat").map_or(Duration::ZERO, |section| section.span("every")),
        sources: source::sources(&root, folders, &mut problems),
        topics,
        resolved: root,
    };
    problems.or(config)
}

fn spool_of(section: &Section, beside: Option<&Path>, problems: &mut Problems) -> Spool {
    let path = section.text("path").unwrap_or_default();
    // SQLite would read such a path as a URI with options.
    if path.is_empty() || path.starts_with("file:") || path.starts_with(':') {
        problems.add(
            &section.origin("path"),
            format!("spool.path is {path:?}"),
            "write the path of a file: \"/var/lib/moodle-sns-producer/spool.db\"",
        );
    }
    let history = section.inner("history");
    Spool {
        path: secret::file_named(path, None, beside),
        max_size: section.size("max_size"),
        history_age: history.map_or(Duration::ZERO, |history| history.span("age")),
        history_size: history.map_or(0, |history| history.size("size")),
    }
}
