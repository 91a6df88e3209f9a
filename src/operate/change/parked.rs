//! What a person has done with what is parked: sent again, or dropped.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChangeError, Order};
use crate::operate::look::Wish;
use crate::spool::{Changed, ParkedFilter, Signed, Spool, SpoolError};

/// Where a redrive is asked for.
pub const REDRIVE: &str = "/v1/parked/redrive";
/// Where a drop is asked for.
pub const DROP: &str = "/v1/parked/drop";

/// The most rows of one commit: batches wait for it.
const STEP: u64 = 2_000;
/// How long one request may go on: what is left then is asked for by the next.
pub(super) const BUDGET: Duration = Duration::from_secs(5);

/// A person's order about parked deliveries: to send them again, or to drop them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParkedOrder {
    /// Which.
    pub filter: Wish,
    /// Written out when the filter is empty, so that a forgotten filter does nothing.
    #[serde(default)]
    pub all: bool,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
    /// At most so many, those of the smallest sequences; all, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
    /// Goes on with an order that did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Which order is gone on with, as the answer to it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoesOn {
    /// Its line in the audit.
    pub line: u64,
    /// When it began: what was parked after that is not meant.
    pub since: Timestamp,
}

impl Order for ParkedOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// What is done with what an order means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Redrive,
    Drop,
}

impl ParkedOrder {
    /// Which rows it means, and since when it is under way.
    fn filter(&self) -> Result<(ParkedFilter, Timestamp), ChangeError> {
        let filter = self.filter.filter().map_err(ChangeError::Unclear)?;
        if self.filter.is_all() && !self.all {
            return Err(ChangeError::Unclear(
                "the filter is empty: name a number, event, reason, topic or contract, or say all".to_owned(),
            ));
        }
        let since = self.goes_on.map_or_else(Timestamp::now, |order| order.since);
        Ok((ParkedFilter { until: Some(since), ..filter }, since))
    }

    /// Does it a step at a time, for at most [`BUDGET`]. Gives how many and the audit's line.
    async fn carry_out(
        &self,
        spool: &Spool,
        does: Does,
        filter: &ParkedFilter,
    ) -> Result<Changed, SpoolError> {
        let begun = Instant::now();
        let mut signed = Signed::new(&self.by, &self.why);
        signed.line = self.goes_on.map(|order| order.line);
        let most = self.most.unwrap_or(u64::MAX);
        let mut done = 0;
        loop {
            let wanted = STEP.min(most - done);
            let Changed { n, line } = match does {
                Does::Redrive => spool.redrive(filter, wanted, &signed).await?,
                Does::Drop => spool.drop_parked(filter, wanted, &signed).await?,
            };
            signed.line = Some(line);
            done += n;
            if n < wanted || done == most || begun.elapsed() > BUDGET {
                return Ok(Changed { n: done, line });
            }
        }
    }
}

/// What became of an order to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// Deliveries that are owed again, or would be.
    pub redriven: u64,
    /// Events parked at the door that fit too: nothing is owed for them, so nothing can be sent again.
    pub at_the_door: u64,
    /// Whether it was only counted.
    pub dry_run: bool,
    /// Deliveries that fit and are still parked.
    #[serde(default)]
    pub left: u64,
    /// What an order that goes on with this one must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Owes parked deliveries again.
///
/// # Errors
/// The order says not what it means, or the spool failed.
pub async fn redrive(spool: &Spool, order: ParkedOrder) -> Result<Redriven, ChangeError> {
    let (filter, since) = order.filter()?;
    let (owed, at_the_door) = spool.count_parked(&filter).await?;
    if order.dry_run {
        return Ok(Redriven { redriven: owed, at_the_door, dry_run: true, left: owed, goes_on: None });
    }
    let done = order.carry_out(spool, Does::Redrive, &filter).await?;
    tracing::info!(by = %order.by, redriven = done.n, "parked deliveries are owed again");
    Ok(Redriven {
        redriven: done.n,
        at_the_door,
        dry_run: false,
        left: owed.saturating_sub(done.n),
        goes_on: Some(GoesOn { line: done.line, since }),
    })
}

/// What became of an order to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Deliveries and events that are parked no more, or would be.
    pub dropped: u64,
    /// Whether it was only counted.
    pub dry_run: bool,
    /// What fits and is still parked.
    #[serde(default)]
    pub left: u64,
    /// What an order that goes on with this one must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Takes parked deliveries and events out for good.
///
/// # Errors
/// The order says not what it means, or the spool failed.
pub async fn drop(spool: &Spool, order: ParkedOrder) -> Result<Dropped, ChangeError> {
    let (filter, since) = order.filter()?;
    let (owed, at_the_door) = spool.count_parked(&filter).await?;
    let all = owed + at_the_door;
    if order.dry_run {
        return Ok(Dropped { dropped: all, dry_run: true, left: all, goes_on: None });
    }
    let done = order.carry_out(spool, Does::Drop, &filter).await?;
    tracing::warn!(by = %order.by, dropped = done.n, "parked deliveries were dropped for good");
    Ok(Dropped {
        dropped: done.n,
        dry_run: false,
        left: all.saturating_sub(done.n),
        goes_on: Some(GoesOn { line: done.line, since }),
    })
}
