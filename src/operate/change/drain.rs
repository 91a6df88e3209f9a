//! The end of a sidecar: it takes nothing new, and publishes what it has.

use serde::{Deserialize, Serialize};

use super::{ChangeError, Order};
use crate::spool::{Door, Signed, Spool};

/// Where a drain is asked for.
pub const DRAIN: &str = "/v1/drain";

/// A person's order to take no new batch, or to take them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainOrder {
    /// Take batches again.
    #[serde(default)]
    pub cancel: bool,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
}

impl Order for DrainOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drains {
    /// Whether no new batch is taken now.
    pub draining: bool,
    /// Whether the order changed that.
    pub changed: bool,
}

/// Shuts the door, or opens it again.
///
/// # Errors
/// The spool failed.
pub async fn drain(spool: &Spool, order: DrainOrder) -> Result<Drains, ChangeError> {
    let door = if order.cancel { Door::Open } else { Door::Draining };
    let changed = spool.drain(door, &Signed::new(&order.by, &order.why)).await?;
    let draining = door == Door::Draining;
    tracing::warn!(by = %order.by, draining, "whether new batches are taken was ordered by a person");
    Ok(Drains { draining, changed: changed.n > 0 })
}
