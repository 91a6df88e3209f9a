//! The wanted lists that an event may name: the present one of each source, and those that were in force
//! within the time the spool keeps them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use super::batch::Lists;
use crate::contract::{Routes, WantedList};
use crate::delivery::ContractId;
use crate::event::SourceKey;
use crate::spool::{Spool, SpoolError};

/// How often the spool is asked again, so that lists it has forgotten are forgotten here.
const REREAD: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Clone)]
struct Known {
    lists: Arc<Lists>,
    /// The list that this process last told the spool.
    told: Option<String>,
    read: Timestamp,
}

/// A copy in memory of what the spool remembers.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    known: RwLock<HashMap<SourceKey, Known>>,
    /// Lists under which an event came, by source and `ETag`.
    armed: RwLock<HashSet<(SourceKey, String)>>,
}

impl Remembered {
    /// The lists of a source, read from the spool at the first question.
    pub(super) async fn of(
        &self,
        source: &SourceKey,
        routes: &Routes,
        spool: &Spool,
        now: Timestamp,
    ) -> Result<Arc<Lists>, SpoolError> {
        match self.known(source) {
            Some(known) => Ok(known.lists),
            None => self.reread(source, routes, None, spool, now).await,
        }
    }

    /// Has the spool remember a list before a plugin is told it, so that events cut under it are cut
    /// the same way here whatever happens in between.
    pub(super) async fn tell(
        &self,
        source: &SourceKey,
        routes: &Routes,
        present: &WantedList,
        spool: &Spool,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        if let Some(known) = self.known(source)
            && known.told.as_deref() == Some(present.etag())
            && now.duration_since(known.read) < REREAD
        {
            return Ok(());
        }
        let rows = serde_json::to_string(present.rows()).map_err(|e| SpoolError::Store {
            doing: "writing a wanted list as JSON",
            cause: e.to_string(),
        })?;
        spool.remember_list(source, present.etag(), &rows, now).await?;
        spool.disarm_all_but(source, contracts(present).into_iter().collect()).await?;
        self.reread(source, routes, Some(present.etag().to_owned()), spool, now).await?;
        Ok(())
    }

    /// Has the spool note since when events come under a list, for the contracts that the present one names as
    /// well. A failure costs only that it is noted later.
    pub(super) async fn arm(
        &self,
        source: &SourceKey,
        list: &WantedList,
        routes: &Routes,
        spool: &Spool,
        now: Timestamp,
    ) {
        let key = (source.clone(), list.etag().to_owned());
        if self.armed.read().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return;
        }
        let present = contracts(&routes.wanted(source));
        let both = contracts(list).into_iter().filter(|contract| present.contains(contract)).collect();
        match spool.arm(source, both, now).await {
            Ok(()) => drop(self.armed.write().unwrap_or_else(PoisonError::into_inner).insert(key)),
            Err(error) => tracing::warn!(%source, %error, "since when contracts are armed was not noted"),
        }
    }

    fn known(&self, source: &SourceKey) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(source).cloned()
    }

    async fn reread(
        &self,
        source: &SourceKey,
        routes: &Routes,
        told: Option<String>,
        spool: &Spool,
        now: Timestamp,
    ) -> Result<Arc<Lists>, SpoolError> {
        let mut lists = Lists::new();
        for (etag, rows) in spool.lists(source).await? {
            match serde_json::from_str(&rows) {
                Ok(mut rows) => {
                    routes.cleanse(&mut rows);
                    lists.insert(etag.clone(), Arc::new(WantedList::new(etag, rows)));
                }
                // Written by another version. Events that name it are cut by the present list.
                Err(error) => {
                    tracing::warn!(%source, %etag, %error, "a remembered wanted list can't be read");
                }
            }
        }
        let lists = Arc::new(lists);
        let known = Known { lists: lists.clone(), told, read: now };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(source.clone(), known);
        Ok(lists)
    }
}

/// The contracts that a list names.
fn contracts(list: &WantedList) -> BTreeSet<ContractId> {
    list.rows().iter().filter_map(|row| row.contract.parse().ok()).collect()
}
