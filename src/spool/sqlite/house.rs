//! What the writer does between commits: keeps the log short, prunes, and writes nothing while the log is
//! as long as it may get.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::broken::Broken;
use super::change::Counting;
use super::prune::Squeeze;
use super::schema::BUSY;
use super::strain::LOG_MOST;
use super::writer::Writer;
use crate::planted::{Bug, planted};

/// The log is copied into the file when it has this many pages and nobody waits…
const CHECKPOINT_PAGES: u64 = 4 << 20 >> 12;
/// …or this many, whoever waits: one damaged page in the log costs every later commit in it.
const LOG_LIMIT_PAGES: u64 = 16 << 20 >> 12;
/// …or only this many, while the disk is short of room.
const TIGHT_PAGES: u64 = 1 << 20 >> 12;
/// Copies the log into the file, and empties it.
pub(super) const TRUNCATE: &str = "pragma wal_checkpoint(truncate)";
/// A checkpoint that others were in the way of, or that failed, is tried again after this time.
const CHECKPOINT_AGAIN: Duration = Duration::from_millis(500);
/// How long a checkpoint waits for readers while batches may come.
pub(super) const READERS: Duration = Duration::from_millis(50);
/// History is pruned for so long at once when it has to give way.
pub(super) const PRUNING: Duration = Duration::from_millis(10);

impl Writer {
    /// Writes nothing more while the log is as long as it may get. What queues up meanwhile waits, and the
    /// door answers that the disk is behind.
    pub(super) fn hold_back(&mut self) {
        while self.shared.log_bytes() >= LOG_MOST
            && self.conn.is_some()
            && !self.shared.ending.load(Ordering::Relaxed)
        {
            self.checkpoint("pragma wal_checkpoint(restart)", READERS);
            self.look();
            std::thread::sleep(READERS);
        }
    }

    /// Between commits: keeps the log short, and prunes a little.
    pub(super) fn keep_house(&mut self) {
        let pages = self.shared.log_pages.load(Ordering::Relaxed);
        let quiet = self.shared.queue.is_empty();
        let most = if self.strain.is_tight() { TIGHT_PAGES } else { LOG_LIMIT_PAGES };
        if (pages >= most || (pages >= CHECKPOINT_PAGES && quiet)) && Instant::now() >= self.checkpoint_at {
            if pages >= LOG_LIMIT_PAGES {
                // Copied or not, a log that somebody reads goes on growing: so wait for the readers.
                self.checkpoint("pragma wal_checkpoint(restart)", READERS);
            } else {
                self.checkpoint("pragma wal_checkpoint(passive)", READERS);
            }
        }
        if quiet || self.squeeze().presses(self.pruner.keep) {
            self.prune();
        }
    }

    pub(super) fn idle(&mut self) {
        if *self.shared.failed.borrow() || !self.is_there() {
            return;
        }
        self.open_again();
        self.look();
        if !self.standing.uncounted.is_empty()
            && let Err(error) = self.transact(Vec::new(), &mut Vec::new(), Counting::Now)
        {
            self.recover(&error);
        }
        if self.shared.log_pages.load(Ordering::Relaxed) > 0 && Instant::now() >= self.checkpoint_at {
            self.checkpoint(TRUNCATE, READERS);
        }
        self.prune();
    }

    pub(super) fn squeeze(&self) -> Squeeze {
        Squeeze::of(self.pruner.keep, self.standing.owed_bytes, self.limit_bytes, self.strain.is_tight())
    }

    fn prune(&mut self) {
        let squeeze = self.squeeze();
        let Some(conn) = &self.conn else { return };
        let begun = Instant::now();
        loop {
            if let Err(error) = self.pruner.step(conn, &self.standing, squeeze, Timestamp::now()) {
                tracing::warn!(%error, "pruning failed; it is tried again");
                // A step is a transaction of its own: whatever it left open must not join the next commit.
                let _ = conn.execute("rollback", []);
                if Broken::from(error).by.may_be_room() {
                    self.strain.relieve();
                }
                return;
            }
            let presses = squeeze.presses(self.pruner.keep);
            if !presses || self.pruner.rests() || begun.elapsed() >= PRUNING {
                return;
            }
        }
    }

    pub(super) fn checkpoint(&mut self, how: &str, wait: Duration) {
        let Some(conn) = &self.conn else { return };
        let _ = conn.busy_timeout(wait);
        let result =
            conn.query_one(how, [], |r| Ok((r.get::<_, bool>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?)));
        let _ = conn.busy_timeout(BUSY);
        match result {
            Ok((busy, log, copied)) => {
                self.shared.checkpoint_failing.store(false, Ordering::Relaxed);
                // A log that somebody reads is not begun anew, though all of it was copied.
                let left = if busy { log } else { log.saturating_sub(copied) };
                self.shared.log_pages.store(u64::try_from(left).unwrap_or_default(), Ordering::Relaxed);
                if busy {
                    self.checkpoint_at = Instant::now() + CHECKPOINT_AGAIN;
                }
            }
            Err(_) if planted(Bug::CheckpointErrorsIgnored) => {}
            Err(error) => {
                self.checkpoint_at = Instant::now() + CHECKPOINT_AGAIN;
                self.shared.checkpoint_failures.fetch_add(1, Ordering::Relaxed);
                if !self.shared.checkpoint_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the spool's log can't be copied into its file: nothing is lost, but the log grows; check the disk");
                }
                if Broken::from(error).by.may_be_room() {
                    self.strain.relieve();
                }
            }
        }
    }
}
