//! What a person has done with parked deliveries.

use serde::{Deserialize, Serialize};

use super::{ChangeError, Order};
use crate::operate::look::Wish;
use crate::spool::{ParkedFilter, Signed, Spool, SpoolError};

/// Where a redrive is asked for.
pub const REDRIVE: &str = "/v1/parked/redrive";

/// A person's order to send parked deliveries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedriveOrder {
    /// Which.
    pub filter: Wish,
    /// Written out when the filter is empty, so that a forgotten filter redrives nothing.
    #[serde(default)]
    pub all: bool,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of such an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// Deliveries that are owed again, or would be.
    pub redriven: u64,
    /// Events parked at the door that fit too: nothing is owed for them, so nothing can be sent again.
    pub at_the_door: u64,
    /// Whether it was only counted.
    pub dry_run: bool,
}

impl Order for RedriveOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// Owes parked deliveries again.
///
/// # Errors
/// The order says not what it means, or the spool failed.
pub async fn redrive(spool: &Spool, order: RedriveOrder) -> Result<Redriven, ChangeError> {
    let filter = order.filter.filter().map_err(ChangeError::Unclear)?;
    if order.filter.is_all() && !order.all {
        return Err(ChangeError::Unclear(
            "the filter is empty: name a number, event, reason, topic or contract, or say all".to_owned(),
        ));
    }
    let (owed, at_the_door) = counted(spool, &filter).await?;
    if order.dry_run {
        return Ok(Redriven { redriven: owed, at_the_door, dry_run: true });
    }
    let redriven = spool.redrive(&filter, u64::MAX >> 1, &Signed::new(&order.by, &order.why)).await?.n;
    tracing::info!(by = %order.by, redriven, "parked deliveries are owed again");
    Ok(Redriven { redriven, at_the_door, dry_run: false })
}

/// How many deliveries, and how many events at the door, a filter means.
async fn counted(spool: &Spool, filter: &ParkedFilter) -> Result<(u64, u64), SpoolError> {
    const PAGE: usize = 1000;
    let (mut owed, mut door, mut after) = (0, 0, None);
    loop {
        let rows = spool.parked(filter, after, PAGE).await?;
        for row in &rows {
            if row.owed.is_some() { owed += 1 } else { door += 1 }
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE => after = Some(last.number),
            _ => return Ok((owed, door)),
        }
    }
}
