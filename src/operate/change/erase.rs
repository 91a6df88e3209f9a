//! A person's events taken out of the spool.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChangeError, Order};
use crate::event::SourceKey;
use crate::publish::Mapper;
use crate::spool::{Erasure, Signed, Spool, SpoolError};

/// Where an erasure is asked for, and how far it is below it: `/v1/erasures/<number>`.
pub const ERASE: &str = "/v1/erasures";

/// A person's order to take the events of a person out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseOrder {
    /// Of which source.
    pub source: String,
    /// The person's id in that Moodle.
    pub user: i64,
    /// Drop what waits instead of sending it first.
    #[serde(default)]
    pub now: bool,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
}

impl std::fmt::Debug for EraseOrder {
    /// Without the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EraseOrder({}, now: {})", self.source, self.now)
    }
}

/// How far an erasure is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRow {
    /// Its number.
    pub number: u64,
    /// When it was ordered.
    pub begun: Timestamp,
    /// Of which source the person is.
    pub source: String,
    /// Whether nothing is left to do: nothing of it lies in the spool's files any more.
    pub over: bool,
    /// Events that are gone.
    pub events: u64,
    /// Messages that were dropped with them.
    pub messages: u64,
    /// Messages still to be sent; their events go when they are.
    pub left: Vec<Left>,
}

/// Messages still to be sent to one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The topic.
    pub topic: String,
    /// How many.
    pub messages: u64,
}

impl From<Erasure> for ErasureRow {
    fn from(erasure: Erasure) -> Self {
        let over = erasure.is_over();
        let left = erasure.left.into_iter();
        Self {
            number: erasure.number,
            begun: erasure.begun,
            source: erasure.source.to_string(),
            over,
            events: erasure.events,
            messages: erasure.messages,
            left: left.map(|(topic, messages)| Left { topic: topic.to_string(), messages }).collect(),
        }
    }
}

impl Order for EraseOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// Orders it. The spool carries it out by itself.
///
/// # Errors
/// The order says not what it means, or the spool failed.
pub async fn erase(spool: &Spool, mapper: &Mapper, order: EraseOrder) -> Result<ErasureRow, ChangeError> {
    let unclear = |words: String| Err(ChangeError::Unclear(words));
    let source: SourceKey =
        order.source.parse().map_err(|e: crate::event::NotAKey| ChangeError::Unclear(e.to_string()))?;
    if !mapper.sources.contains_key(&source) {
        let known: Vec<&str> = mapper.sources.keys().map(SourceKey::as_str).collect();
        return unclear(format!("there is no source {source}: the sources are {}", known.join(", ")));
    }
    if order.user <= 0 {
        return unclear(
            "the person is named by the id that Moodle gave the account, a number above 0".to_owned(),
        );
    }
    let number = spool.erase(&source, order.user, order.now, &Signed::new(&order.by, &order.why)).await?;
    // Not whom: logs outlive what is erased.
    tracing::info!(by = %order.by, %source, erasure = number, now = order.now, "a person's events are taken out");
    let found = spool.erasure(number).await?;
    found.map(ErasureRow::from).ok_or_else(|| {
        let cause = "its order can't be found again".to_owned();
        ChangeError::Spool(SpoolError::Store { doing: "ordering an erasure", cause })
    })
}

/// How far one is; none: there is none of this number.
///
/// # Errors
/// The spool failed.
pub async fn look(spool: &Spool, number: u64) -> Result<Option<ErasureRow>, SpoolError> {
    Ok(spool.erasure(number).await?.map(ErasureRow::from))
}
