//! The two ledgers of a source side by side: what its plugin says became of what Moodle raised, and what
//! the spool says came in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::verdict::{Finding, Level};
use super::words::counted;

/// The ledgers of one source, as they were when its plugin told its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// The source.
    pub source: String,
    /// When the plugin told it.
    pub at: Timestamp,
    /// Both are since this hour.
    pub since: Timestamp,
    /// Each outcome.
    pub lines: Vec<Pair>,
    /// Events that were raised and of which nobody knows what became.
    pub unaccounted: u64,
    /// Events that the plugin was told are kept, and that this spool never kept.
    pub not_received: u64,
}

/// One outcome on both sides; none where a side does not count it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// Events by the hour in which they were raised, each once.
    pub moodle: Option<u64>,
    /// Arrivals by the hour in which they came.
    pub here: Option<u64>,
}

impl Books {
    /// Whether the plugin's ledger holds, or by how much it does not.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.unaccounted, self.not_received) {
            (0, 0) => "✓ holds".to_owned(),
            (0, n) => format!("✕ {n} not here"),
            (n, _) => format!("✕ {n} unaccounted"),
        }
    }
}

/// What is wrong with the ledgers (the alarm `ledger-mismatch`).
pub(super) fn findings(books: &[Books]) -> impl Iterator<Item = Finding> {
    let of = |books: &Books| {
        let Books { source, unaccounted, not_received, .. } = books;
        let unaccounted = (*unaccounted > 0).then(|| Finding {
            aside: None,
            level: Level::Person,
            sentence: format!(
                "{} that Moodle `{source}` raised in the last two days never left it (`ledger-mismatch`, unaccounted).",
                counted(*unaccounted, "event", "events")
            ),
            steps: vec![
                "Look in Moodle's logs for PHP processes that were killed, at the hours that the plugin's page shows. A backfill in Moodle sends what its log has; for events that may not be lost there is strict mode.".to_owned(),
            ],
        });
        let not_received = (*not_received > 0).then(|| Finding {
            aside: None,
            level: Level::Wrong,
            sentence: format!(
                "Moodle `{source}` was told that {} kept, and this spool does not have them (`ledger-mismatch`, not-received).",
                counted(*not_received, "event is", "events are")
            ),
            steps: vec![
                "Was the spool replaced, or restored from an older copy? Then send those hours again by a backfill in Moodle. If not, keep a copy of the spool's files and report it with the output of `moodle-sns-producer status --output json`.".to_owned(),
            ],
        });
        [unaccounted, not_received].into_iter().flatten()
    };
    books.iter().flat_map(of)
}
