//! What strains the spool: the writer asks before each group what accepts may still write, and what has
//! changed is told once, in the log, and always in the account.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;

use super::super::pressure::Trend;
use super::super::{Filling, Pressure, Settings, Shortage};
use super::room::{GROUP_BYTES, Room, WRITES_PER_BYTE};
use super::shared::Shared;

/// The log's length at which the door is shut: what is left to [`LOG_MOST`] is for settling.
const LOG_SHUTS: u64 = 32 << 20;
/// The log's length at which nothing is written any more until it is shorter.
pub(super) const LOG_MOST: u64 = 60 << 20;
/// A door that was shut for a batch's size opens again when there is room for so much.
const MOST_BATCHES: u64 = 2 << 20;
/// What needs the file's size, or looks at growth, is done so often.
const SLOWLY: Duration = Duration::from_secs(1);

/// The strain as the writer knows it.
pub(super) struct Strain {
    room: Room,
    limit_bytes: u64,
    begun: Instant,
    trend: Trend,
    shut: Option<Shortage>,
    /// What accepts may still write.
    spare: u64,
    /// What there must be room for before the door is opened again.
    wanted: u64,
    slowly: Option<Instant>,
    capacity_bytes: u64,
    filling: Option<Filling>,
}

impl Strain {
    pub(super) fn new(settings: &Settings, room: Room) -> Self {
        Self {
            room,
            limit_bytes: settings.max_size,
            begun: Instant::now(),
            trend: Trend::default(),
            shut: None,
            spare: 0,
            wanted: 0,
            slowly: None,
            capacity_bytes: u64::MAX,
            filling: None,
        }
    }

    /// Measures, and tells what has changed.
    pub(super) fn look(&mut self, shared: &Shared, owed_bytes: u64, conn: Option<&Connection>) {
        let log_bytes = shared.log_bytes();
        self.room.look();
        let spare = self.room.spare(log_bytes);
        let shut = shut(self.shut, log_bytes, spare, self.wanted);
        self.spare = if shut.is_none() { spare } else { 0 };
        self.turn(shut, log_bytes);
        if self.slowly.is_none_or(|at| at.elapsed() >= SLOWLY) {
            self.slowly = Some(Instant::now());
            self.look_ahead(shared, owed_bytes, log_bytes, conn);
        }
        let mut pressure = shared.pressure.lock();
        *pressure = Pressure {
            free_bytes: Some(self.room.free()),
            capacity_bytes: Some(self.capacity_bytes),
            reserve_bytes: self.room.reserve_bytes(),
            log_bytes,
            shut,
            filling: self.filling,
            lost_at_start: pressure.lost_at_start,
        };
    }

    /// Shuts or opens the door, and tells it once.
    fn turn(&mut self, shut: Option<Shortage>, log_bytes: u64) {
        if shut == self.shut {
            return;
        }
        self.shut = shut;
        match shut {
            Some(shortage) => tracing::error!(
                shortage = shortage.as_str(),
                free_bytes = self.room.free(),
                log_bytes,
                cure = shortage.cure(),
                "no batch is taken: senders are told to wait, and keep what they have"
            ),
            None => tracing::info!("there is room again: batches are taken"),
        }
    }

    fn look_ahead(&mut self, shared: &Shared, owed_bytes: u64, log_bytes: u64, conn: Option<&Connection>) {
        let file = std::fs::metadata(&shared.place.file).map_or(0, |meta| meta.len());
        self.capacity_bytes = file.saturating_add(self.room.spare(log_bytes));
        self.trend.note(self.begun.elapsed(), owed_bytes);
        let limit = self.limit_bytes.min(self.capacity_bytes.max(owed_bytes));
        let filling = self.trend.filling(owed_bytes, limit, Timestamp::now());
        match (self.filling, filling) {
            (None, Some(Filling { full_at })) => {
                let topic = conn.and_then(most_owed).unwrap_or_default();
                let full_at = full_at.map(|at| at.to_string()).unwrap_or_default();
                tracing::error!(
                    owed_bytes,
                    limit,
                    topic,
                    full_at,
                    "the spool fills: cure or skip what stops the topic"
                );
            }
            (Some(_), None) => tracing::info!(owed_bytes, limit, "the spool does not fill any more"),
            _ => {}
        }
        self.filling = filling;
    }

    /// Counts what a batch will write; or says why it can't be taken.
    pub(super) fn admit(&mut self, owes: u64) -> Result<(), Shortage> {
        let writes = owes.saturating_mul(WRITES_PER_BYTE).saturating_add(GROUP_BYTES);
        if self.spare < writes {
            // Until there is room for a batch of such a size, or at least for most.
            self.wanted = writes.min(MOST_BATCHES);
            let shortage = self.shut.unwrap_or(Shortage::Disk);
            self.spare = 0;
            self.turn(Some(shortage), 0);
            return Err(shortage);
        }
        // The pages of a group are shared, so they are not counted again.
        self.spare -= owes.saturating_mul(WRITES_PER_BYTE);
        Ok(())
    }

    pub(super) fn is_tight(&self) -> bool {
        self.room.is_tight()
    }

    /// Whether a write failed for want of room; then the reserve is given up.
    pub(super) fn relieve(&mut self) -> bool {
        self.room.relieve()
    }
}

/// Whether the door is shut, with some play between shutting and opening it.
fn shut(before: Option<Shortage>, log_bytes: u64, spare: u64, wanted: u64) -> Option<Shortage> {
    let (log_opens, spare_opens) = match before {
        Some(Shortage::Log) => (LOG_SHUTS / 2, GROUP_BYTES),
        Some(Shortage::Disk) => (LOG_SHUTS, wanted.max(4 * GROUP_BYTES)),
        None => (LOG_SHUTS, GROUP_BYTES),
    };
    if log_bytes >= log_opens {
        Some(Shortage::Log)
    } else if spare < spare_opens {
        Some(Shortage::Disk)
    } else {
        None
    }
}

/// The topic that most is owed to.
fn most_owed(conn: &Connection) -> Option<String> {
    conn.query_row(
        "select (select key from topic where no = topic) from delivery group by topic order by sum(size) desc limit 1",
        [],
        |r| r.get(0),
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_shuts_at_a_mark_and_opens_well_beyond_it() {
        const MIB: u64 = 1 << 20;
        let (disk, log) = (Some(Shortage::Disk), Some(Shortage::Log));
        for (before, log_bytes, spare, after) in [
            (None, 0, MIB, None),
            (None, 31 * MIB, MIB, None),
            (None, 32 * MIB, MIB, log),
            (log, 17 * MIB, MIB, log),
            (log, 15 * MIB, MIB, None),
            (None, 0, GROUP_BYTES, None),
            (None, 0, GROUP_BYTES - 1, disk),
            (disk, 0, 3 * GROUP_BYTES, disk),
            (disk, 0, 4 * GROUP_BYTES, None),
        ] {
            assert_eq!(shut(before, log_bytes, spare, 0), after, "{before:?} {log_bytes} {spare}");
        }
        let (before, spare) = (Some(Shortage::Disk), MIB);
        assert_eq!(shut(before, 0, spare, 2 * MIB), before, "a batch of that size was refused");
    }
}
