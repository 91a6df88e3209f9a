//! `reload` and SIGHUP: the configuration is read again, and what may change while the process runs is taken
//! over whole, or nothing is, with the reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::change::order_from;
use super::client::block_on;
use super::contracts;
use super::exit::{Exit, Failure};
use super::gone;
use super::output::Output;
use super::settings::Settings;
use super::withdraw;
use crate::config::{Config, Shown};
use crate::contract::{Catalogue, Routes};
use crate::operate::change::reload::{RELOAD, ReloadOrder, Reloaded};
use crate::operate::gone::OwedRow;
use crate::receive::{Certificates, Senders};
use crate::spool::Spool;

pub(super) fn reload(
    settings: &Settings,
    signed: &super::change::Signed,
    output: Output,
) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let order = ReloadOrder { by: signed.by(), why: signed.why.clone() };
    let done: Reloaded = block_on(order_from(&config, RELOAD, &order))?;
    output.one(&done, || match &done.changed[..] {
        [] => "The configuration says what it said before; certificates and secrets were read again.\n"
            .to_owned(),
        changed => format!("In force now: {}.\n", changed.join(", ")),
    })?;
    Ok(Exit::Done)
}

/// What a running process may take over, and where it is in force.
pub(super) struct Reloader<R> {
    /// Reads the configuration.
    pub(super) read: R,
    /// The one in force.
    pub(super) present: Config,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) spool: Spool,
    pub(super) routes: Arc<ArcSwap<Routes>>,
    pub(super) senders: Arc<ArcSwap<Senders>>,
    pub(super) certificates: Option<Certificates>,
}

impl<R: Fn() -> Result<Config, Failure>> Reloader<R> {
    /// Reads the configuration again and takes it over: the keys whose values changed. Says so in the log.
    ///
    /// # Errors
    /// Why it is not taken over: everything goes on as before.
    pub(super) async fn reload(&mut self) -> Result<Vec<String>, String> {
        let result = self.take_over().await;
        match &result {
            Ok(changed) => {
                tracing::info!(changed = changed.join(" "), "the configuration was read again");
            }
            Err(why) => {
                tracing::error!(why, "the configuration was not taken over: what was in force goes on");
            }
        }
        result
    }

    async fn take_over(&mut self) -> Result<Vec<String>, String> {
        let config = (self.read)().map_err(|failure| failure.to_string())?;
        let owed = self.spool.owed().await.map_err(|error| error.to_string())?;
        let owed: Vec<OwedRow> = owed.into_iter().map(OwedRow::from).collect();
        let already = gone::of(&owed, &self.present, &self.catalogue);
        let mut gone = gone::of(&owed, &config, &self.catalogue);
        gone.retain(|gone| !already.contains(gone));
        if !gone.is_empty() {
            return Err(format!("it would leave messages to nobody.\n{}", gone::text(&gone)));
        }
        let (changed, restart) = changes(&self.present.show(), &config.show());
        if !restart.is_empty() {
            return Err(format!(
                "these are read at a start only: {}. Restart, or take that change back and reload the rest",
                restart.join(", ")
            ));
        }
        let subscriptions =
            contracts::subscriptions(&config, &self.catalogue).map_err(|problems| problems.to_string())?;
        let senders = super::run::senders(&config).map_err(|failure| failure.to_string())?;
        if let Some(certificates) = &self.certificates {
            certificates.reload().map_err(|error| error.to_string())?;
        }
        let routes = Routes::new(Arc::clone(&self.catalogue), &subscriptions);
        self.routes.store(Arc::new(routes.without(withdraw::withdrawn(&config))));
        self.senders.store(Arc::new(senders));
        self.present = config;
        Ok(changed)
    }
}

/// The keys whose values differ, and of those the ones that only a start reads.
fn changes(before: &[Shown], after: &[Shown]) -> (Vec<String>, Vec<String>) {
    let values = |shown: &[Shown]| -> BTreeMap<String, String> {
        shown.iter().map(|one| (one.key.clone(), one.value.clone())).collect()
    };
    let (before, after) = (values(before), values(after));
    let mut changed: Vec<String> = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)))
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    changed.sort();
    let restart = changed.iter().filter(|key| !may_change(key)).cloned().collect();
    (changed, restart)
}

/// Whether a running process takes a key over: secrets, what a source may speak as, and what a topic gets.
fn may_change(key: &str) -> bool {
    let mut parts = key.split(['.', '[']);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("sources"), Some(_), Some("secrets" | "accept_urls")) => true,
        (Some("topics"), Some(_), Some(part)) => ["contracts", "sources", "drafts", "test"].contains(&part),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_start_reads_is_told_apart() {
        let shown =
            |key: &str, value: &str| Shown { key: key.into(), value: value.into(), origin: String::new() };
        let before = [
            shown("spool.max_size", "8 GiB"),
            shown("sources.vle.source", "https://a"),
            shown("sources.vle.secrets[0].file", "a"),
            shown("topics.grades.arn", "x"),
            shown("topics.grades.contracts", "[\"a\"]"),
            shown("topics.grades.drafts", "false"),
        ];
        let mut after = before.clone();
        after[2].value = "b".into();
        after[4].value = "[\"b\"]".into();
        let more = [&after[..], &[shown("sources.vle.secrets[1].file", "c")]].concat();
        let (changed, restart) = changes(&before, &more);
        assert_eq!(
            changed,
            ["sources.vle.secrets[0].file", "sources.vle.secrets[1].file", "topics.grades.contracts"]
        );
        assert!(restart.is_empty(), "{restart:?}");
        after[0].value = "9 GiB".into();
        after[3].value = "y".into();
        let new = [&after[..], &[shown("sources.new.source", "https://b")]].concat();
        assert_eq!(changes(&before, &new).1, ["sources.new.source", "spool.max_size", "topics.grades.arn"]);
        assert_eq!(changes(&before, &before[..5]).1, [""; 0]);
    }
}
