//! What may go: history that owes nothing and is old or too large, ids after 35 days, lists after 14,
//! old ledger hours folded into one. Always a little at a time, when nobody waits.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::super::IDS_KEPT;
use super::change::Standing;
use super::own;
use crate::planted::{Bug, planted};

/// Events of one step: a step is one short transaction between two commits.
const STEP: usize = 200;
/// Ids looked at in one step.
const IDS_STEP: usize = 1_000;
/// How long hours of the ledger stay single rows.
const HOURS_KEPT: SignedDuration = SignedDuration::from_hours(40 * 24);
/// A round over everything begins this often…
const ROUND: Duration = Duration::from_secs(60);
/// …and so often while room is short.
const SHORT_ROUND: Duration = Duration::from_secs(5);
/// This part of what may be owed is left to history at most: it is pruned to nothing before the door shuts.
const LAST_PART: u64 = 8;

/// How long and how much history is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    pub(super) age: Duration,
    pub(super) bytes: u64,
}

/// How much history may stay at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Squeeze {
    pub(super) bytes: u64,
    /// Pages that are free go back to the disk, all of them.
    short: bool,
}

impl Squeeze {
    /// What is owed comes first: history gives way to it, and to a disk that is short of room.
    pub(super) fn of(keep: Keep, owed_bytes: u64, limit_bytes: u64, tight: bool) -> Self {
        let beside = (limit_bytes - limit_bytes / LAST_PART).saturating_sub(owed_bytes);
        let bytes = if tight { 0 } else { keep.bytes.min(beside) };
        Self { bytes, short: tight }
    }

    /// Whether it may not wait for its turn.
    pub(super) fn presses(self, keep: Keep) -> bool {
        self.short || self.bytes < keep.bytes
    }
}

#[derive(Debug)]
enum Stage {
    Rest { since: Instant },
    Events { after: i64 },
    Ids { after: (i64, Vec<u8>) },
    Lists,
    Ledger,
    Pages,
}

/// Where the present round is.
#[derive(Debug)]
pub(super) struct Pruner {
    pub(super) keep: Keep,
    stage: Stage,
}

impl Pruner {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, stage: Stage::Events { after: 0 } }
    }

    /// One step of the round. The caller rolls back when it fails.
    pub(super) fn step(
        &mut self,
        conn: &Connection,
        standing: &Standing,
        squeeze: Squeeze,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let rest = if squeeze.presses(self.keep) { SHORT_ROUND } else { ROUND };
        self.stage = match &self.stage {
            Stage::Rest { since } if since.elapsed() < rest => return Ok(()),
            Stage::Rest { .. } => Stage::Events { after: 0 },
            Stage::Events { after } => {
                match prune_events(conn, standing, (self.keep.age, squeeze.bytes), *after, now)? {
                    Some(after) => Stage::Events { after },
                    None => Stage::Ids { after: (0, Vec::new()) },
                }
            }
            Stage::Ids { after } => match prune_ids(conn, after, now)? {
                Some(after) => Stage::Ids { after },
                None => Stage::Lists,
            },
            Stage::Lists => {
                conn.execute("delete from list where until < ?1", [now.as_microsecond()])?;
                Stage::Ledger
            }
            Stage::Ledger => {
                fold_ledger(conn, now)?;
                own::forget_days(conn, now)?;
                Stage::Pages
            }
            Stage::Pages => {
                if give_back_pages(conn, squeeze.short)? {
                    Stage::Pages
                } else {
                    Stage::Rest { since: Instant::now() }
                }
            }
        };
        Ok(())
    }

    /// Whether there is nothing to do for a while.
    pub(super) fn rests(&self) -> bool {
        matches!(self.stage, Stage::Rest { .. })
    }
}

/// What the tables take.
pub(super) fn used_bytes(conn: &Connection) -> rusqlite::Result<u64> {
    let pages = |name| conn.pragma_query_value(None, name, |r| r.get::<_, u64>(0));
    Ok((pages("page_count")? - pages("freelist_count")?) * 4_096)
}

/// Deletes events that owe nothing and are too old, or too many. Some: there is more.
fn prune_events(
    conn: &Connection,
    standing: &Standing,
    (age, bytes): (Duration, u64),
    after: i64,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN).as_microsecond();
    let too_large = used_bytes(conn)? > standing.owed_bytes.saturating_add(bytes);
    let old: Vec<(i64, bool)> = conn
        .prepare_cached(
            "select seq, not exists(select 1 from delivery where event = seq)
                     and not exists(select 1 from parked where event = seq)
             from event where seq > ?1 and (at < ?2 or ?3) order by seq limit ?4",
        )?
        .query_map((after, oldest, too_large, STEP), |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let Some((last, _)) = old.last().copied() else { return Ok(None) };
    if planted(Bug::PruneTakesHeld) {
        conn.execute(
            "delete from event where seq in (select event from delivery where cause is not null)",
            [],
        )?;
    }
    if old.iter().any(|(_, free)| *free) {
        conn.execute("begin immediate", [])?;
        // The numbers given must never be given again, though their rows go.
        conn.prepare_cached("update meta set value = max(value, ?2) where key = ?1")?
            .execute(("seq", standing.seq))?;
        conn.prepare_cached("update meta set value = max(value, ?2) where key = ?1")?
            .execute(("pos", standing.pos))?;
        super::replay::note_pruned(conn, old[0].0, last)?;
        for (seq, _) in old.iter().filter(|(_, free)| *free) {
            conn.prepare_cached("delete from event where seq = ?1")?.execute([seq])?;
            conn.prepare_cached("delete from settled where event = ?1")?.execute([seq])?;
        }
        conn.execute("commit", [])?;
    }
    // Every event looked at was due, so the next may be too.
    Ok((old.len() == STEP).then_some(last))
}

/// Forgets ids accepted more than 35 days ago. Some: there is more.
fn prune_ids(
    conn: &Connection,
    after: &(i64, Vec<u8>),
    now: Timestamp,
) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
    let kept = i64::try_from(IDS_KEPT.as_secs() / 86_400).unwrap_or(i64::MAX);
    // One day more: the day of acceptance is a whole one.
    let oldest = now.as_second().div_euclid(86_400) - kept - 1;
    let ids: Vec<(i64, Vec<u8>, i64)> = conn
        .prepare_cached(
            "select source, id, day from seen where (source, id) > (?1, ?2) order by source, id limit ?3",
        )?
        .query_map((after.0, &after.1, IDS_STEP), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if ids.iter().any(|(_, _, day)| *day < oldest) {
        conn.execute("begin immediate", [])?;
        for (source, id, _) in ids.iter().filter(|(_, _, day)| *day < oldest) {
            conn.prepare_cached("delete from seen where source = ?1 and id = ?2")?.execute((source, id))?;
        }
        conn.execute("commit", [])?;
    }
    let more = ids.len() == IDS_STEP;
    Ok(ids.into_iter().next_back().filter(|_| more).map(|(source, id, _)| (source, id)))
}

/// Adds old hours to the one row that stands for all of them (hour 0).
fn fold_ledger(conn: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let oldest = now.checked_sub(HOURS_KEPT).unwrap_or(Timestamp::MIN).as_second();
    let any: bool =
        conn.query_one("select exists(select 1 from ledger where hour > 0 and hour < ?1)", [oldest], |r| {
            r.get(0)
        })?;
    if !any {
        return Ok(());
    }
    conn.execute("begin immediate", [])?;
    conn.execute(
        "insert into ledger(hour, source, name, topic, what, n)
         select 0, source, name, topic, what, sum(n) from ledger where hour > 0 and hour < ?1
         group by source, name, topic, what on conflict do update set n = n + excluded.n",
        [oldest],
    )?;
    conn.execute("delete from ledger where hour > 0 and hour < ?1", [oldest])?;
    conn.execute("commit", []).map(|_| ())
}

/// Gives free pages back to the disk. True: there are more.
fn give_back_pages(conn: &Connection, all: bool) -> rusqlite::Result<bool> {
    let free: u64 = conn.pragma_query_value(None, "freelist_count", |r| r.get(0))?;
    // Some stay, for what comes next.
    if free < if all { 1 } else { 1_000 } {
        return Ok(false);
    }
    // Every row must be drained: each is one page given back.
    let mut statement = conn.prepare("pragma incremental_vacuum(200)")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    const DAY: i64 = 86_400;

    fn spool() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let conn = schema::open_writer(&dir.path().join("s.db")).unwrap();
        (dir, conn)
    }

    fn event(conn: &Connection, seq: i64, at: i64) {
        conn.execute(
            "insert into event values(?1, 1, 1, ?2, 1, 0, 0, ?3, 0, null, x'00', x'00')",
            (seq, seq.to_be_bytes(), at * 1_000_000),
        )
        .unwrap();
    }

    fn count(conn: &Connection, sql: &str) -> i64 {
        conn.query_one(sql, [], |r| r.get(0)).unwrap()
    }

    fn round(conn: &Connection, keep: Keep, now: i64) {
        let standing = Standing::read(conn).unwrap();
        let mut pruner = Pruner::new(keep);
        let squeeze = Squeeze::of(keep, standing.owed_bytes, u64::MAX, false);
        while !pruner.rests() {
            pruner.step(conn, &standing, squeeze, Timestamp::from_second(now).unwrap()).unwrap();
        }
    }

    #[test]
    fn history_gives_way_to_what_is_owed_and_to_a_full_disk() {
        let keep = Keep { age: Duration::ZERO, bytes: 2_000 };
        for (owed, tight, bytes, presses) in [
            (0, false, 2_000, false),
            (5_000, false, 2_000, false),
            (6_000, false, 1_000, true),
            // An eighth before the door shuts there is none left.
            (7_000, false, 0, true),
            (8_000, false, 0, true),
            (0, true, 0, true),
        ] {
            let squeeze = Squeeze::of(keep, owed, 8_000, tight);
            assert_eq!((squeeze.bytes, squeeze.presses(keep)), (bytes, presses), "{owed} owed, {tight}");
        }
    }

    #[test]
    fn only_old_events_that_owe_nothing_go() {
        let (_dir, conn) = spool();
        for seq in 1..=1_000 {
            event(&conn, seq, if seq <= 900 { DAY } else { 20 * DAY });
        }
        conn.execute(
            "insert into delivery values(1, 1, 5, 1, x'00', 0, 0, 1, null, null, null, null, null)",
            [],
        )
        .unwrap();
        conn.execute("insert into parked values(2, 7, 1, 1, x'00', 0, 0, 'mapping', '', 0, null)", [])
            .unwrap();
        let keep = Keep { age: Duration::from_secs(7 * 86_400), bytes: u64::MAX / 2 };
        round(&conn, keep, 20 * DAY);
        assert_eq!(count(&conn, "select count(*) from event"), 102);
        assert_eq!(count(&conn, "select count(*) from event where seq in (5, 7)"), 2);
        assert_eq!(Standing::read(&conn).unwrap().seq, 1_000);
    }

    #[test]
    fn history_yields_when_it_is_too_large() {
        let (_dir, conn) = spool();
        for seq in 1..=1_000 {
            event(&conn, seq, 20 * DAY);
        }
        round(&conn, Keep { age: Duration::from_secs(7 * 86_400), bytes: 0 }, 20 * DAY);
        assert_eq!(count(&conn, "select count(*) from event"), 0);
        assert_eq!(Standing::read(&conn).unwrap().seq, 1_000, "numbers given are never given again");
    }

    #[test]
    fn ids_stay_for_35_days() {
        let (_dir, conn) = spool();
        for day in 0..100_i64 {
            conn.execute("insert into seen values(1, ?1, ?2, 1, 1)", (day.to_be_bytes(), day)).unwrap();
        }
        round(&conn, Keep { age: Duration::ZERO, bytes: 0 }, 99 * DAY);
        assert_eq!(count(&conn, "select min(day) from seen"), 99 - 36);
    }

    #[test]
    fn old_hours_are_folded_and_their_sum_stays() {
        let (_dir, conn) = spool();
        for hour in 1..=2_000_i64 {
            conn.execute("insert into ledger values(?1, 1, 1, 0, 'accepted', 1)", [hour * 3_600]).unwrap();
        }
        round(&conn, Keep { age: Duration::ZERO, bytes: 0 }, 2_000 * 3_600);
        assert_eq!(count(&conn, "select sum(n) from ledger"), 2_000);
        assert_eq!(count(&conn, "select count(*) from ledger"), 1 + 40 * 24 + 1);
    }
}
