//! `config check --spool`: what would be owed to nobody under a configuration.

use super::client::block_on;
use super::exit::{Exit, Failure};
use super::look::{Asked, ask, of_spool};
use super::output::note;
use crate::config::Config;
use crate::contract::Catalogue;
use crate::operate::gone::{self, Gone, OWED, OwedRow};

/// Topics and contracts that the configuration doesn't have, and for which something waits. Asks the running
/// process, which goes by its own configuration; when none runs, the spool's file.
pub(super) fn check(config: &Config, catalogue: &Catalogue) -> Result<Vec<Gone>, Failure> {
    if !config.spool.path.exists() {
        note(&format!("There is no spool at {} yet: nothing waits.", config.spool.path.display()));
        return Ok(Vec::new());
    }
    let owed: Vec<OwedRow> = block_on(async {
        match ask(config, OWED).await? {
            Asked::Process(answer) if answer.status.is_success() => answer.json(),
            Asked::Process(answer) => Err(Failure::new(Exit::Unavailable, answer.detail())),
            Asked::File(spool) => {
                let owed = spool.owed().await.map_err(|error| of_spool(&error))?;
                spool.shut().await;
                Ok(owed.into_iter().map(OwedRow::from).collect())
            }
        }
    })?;
    Ok(of(&owed, config, catalogue))
}

/// Of what is owed, what a configuration has no topic or contract for.
pub(super) fn of(owed: &[OwedRow], config: &Config, catalogue: &Catalogue) -> Vec<Gone> {
    let contract = |name: &str| name.parse().is_ok_and(|id| catalogue.get(&id).is_some());
    gone::gone(owed, |key| config.topics.iter().any(|topic| topic.key.as_str() == key), contract)
}

/// What a person reads of them.
pub(super) fn text(gone: &[Gone]) -> String {
    gone.iter().map(|gone| format!("\n{}.\n  do: {}\n", gone.sentence(), gone.cure)).collect()
}
