//! Who changed what, when and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spool::{AuditLine, Spool, SpoolError};

/// The most lines of one page.
pub const MOST: usize = 1_000;

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number, in the order in which things were done.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What was done.
    pub verb: String,
    /// To what.
    pub what: String,
    /// To how many, where that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Why.
    pub why: String,
}

impl From<AuditLine> for AuditRow {
    fn from(line: AuditLine) -> Self {
        let AuditLine { no, at, who, verb, what, why, n } = line;
        Self { number: no, at, by: who, verb, what, n, why }
    }
}

/// Lines of the audit, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The lines.
    pub rows: Vec<AuditRow>,
    /// Ask again with this as `before` for what was earlier; none at the end.
    pub next: Option<u64>,
}

/// At most `n` lines, those before a number if one is given.
///
/// # Errors
/// The spool failed.
pub async fn page(spool: &Spool, before: Option<u64>, n: usize) -> Result<AuditPage, SpoolError> {
    let n = n.clamp(1, MOST);
    let rows: Vec<AuditRow> = spool.audit(before, n).await?.into_iter().map(AuditRow::from).collect();
    let next = rows.last().filter(|_| rows.len() == n).map(|row| row.number);
    Ok(AuditPage { rows, next })
}
