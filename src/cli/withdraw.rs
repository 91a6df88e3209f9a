//! At each start: takes the contracts that the configuration withdraws out of the spool.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::exit::{Exit, Failure};
use crate::config::Config;
use crate::contract::{Catalogue, Remaining, Row};
use crate::delivery::ContractId;
use crate::event::SourceKey;
use crate::spool::{Spool, SpoolError, Withdrawal, Withdrawn};

/// The contracts that must not be sent.
pub(super) fn withdrawn(config: &Config) -> BTreeSet<ContractId> {
    config.withdrawn.iter().map(|(id, _)| id.clone()).collect()
}

/// Takes them out of the spool, before anything is dispatched or accepted.
///
/// # Errors
/// The spool failed: it may be done in part, and the next start does the rest.
pub(super) async fn withdraw(config: &Config, catalogue: &Catalogue, spool: &Spool) -> Result<(), Failure> {
    let contracts = withdrawn(config);
    let done = take_out(config, catalogue, spool, &contracts).await.map_err(|error| {
        Failure::new(
            Exit::SpoolFailed,
            format!(
                "taking withdrawn contracts out of the spool: {error}; start again, it goes on where it was"
            ),
        )
    })?;
    if contracts.is_empty() {
        return Ok(());
    }
    let names = contracts.iter().map(ContractId::as_str).collect::<Vec<_>>().join(" ");
    if done == Withdrawn::default() {
        tracing::info!(
            contracts = names,
            "withdrawn contracts are not sent; nothing of them was left in the spool"
        );
    } else {
        let Withdrawn { unsent, parked, cut, erased } = done;
        tracing::warn!(
            contracts = names,
            unsent,
            parked,
            events_cut = cut,
            events_erased = erased,
            "withdrawn contracts were taken out of the spool: their messages are dropped, what only they took is erased"
        );
    }
    Ok(())
}

async fn take_out(
    config: &Config,
    catalogue: &Catalogue,
    spool: &Spool,
    contracts: &BTreeSet<ContractId>,
) -> Result<Withdrawn, SpoolError> {
    let mut kept: HashMap<SourceKey, Vec<Row>> = HashMap::new();
    for source in &config.sources {
        let rows = kept.entry(source.key.clone()).or_default();
        for (_, text) in spool.lists(&source.key).await? {
            // One of another version can't be read; what it cut is known by who is owed.
            rows.extend(serde_json::from_str::<Vec<Row>>(&text).unwrap_or_default());
        }
    }
    let remaining = Remaining::new(catalogue, contracts, kept);
    spool
        .withdraw(&Withdrawal {
            contracts: contracts.iter().cloned().collect(),
            events: remaining.events(),
            keep: Arc::new(move |event, others| remaining.of(event, others)),
        })
        .await
}
