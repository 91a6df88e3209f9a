//! A topic that a person stops, lets go on, or skips.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::super::{Changed, Count, Pause, Signed, SkipOutlook, Skipped, SpoolError};
use super::Store;
use super::change::Change;
use super::prune::{Keep, Squeeze, used_bytes};
use super::words::Kind;
use crate::delivery::{Position, TopicKey};

/// What an event takes beside its body, about: its row, its id, its history.
const EVENT_BYTES: u64 = 400;
/// The events whose mean size is taken for that of all.
const SAMPLE: u64 = 1_000;

impl Store {
    pub(in super::super) async fn pause(
        &self,
        topic: TopicKey,
        signed: Signed,
    ) -> Result<Changed, SpoolError> {
        self.change(move |change| change.pause(&topic, &signed)).await
    }

    pub(in super::super) async fn resume(
        &self,
        topic: TopicKey,
        signed: Signed,
    ) -> Result<Changed, SpoolError> {
        self.change(move |change| change.resume(&topic, &signed)).await
    }

    pub(in super::super) async fn skip(
        &self,
        topic: TopicKey,
        up_to: Option<Position>,
        most: u64,
        signed: Signed,
    ) -> Result<Skipped, SpoolError> {
        self.change(move |change| change.skip(&topic, up_to, most, &signed)).await
    }

    pub(in super::super) async fn skip_outlook(&self, topic: TopicKey) -> Result<SkipOutlook, SpoolError> {
        let owed = self.shared.owed_bytes.load(std::sync::atomic::Ordering::Relaxed);
        let (keep, limit) = (self.keep, self.limit_bytes);
        self.read("looking how long history stays", move |c| {
            skip_outlook(c, &topic, (keep, limit), owed, Timestamp::now())
        })
        .await
    }
}

/// What a delivery is of, by the numbers of the tables; topic and contract are 0 for an event parked at the door.
pub(super) struct Of {
    pub(super) pos: u64,
    pub(super) event: i64,
    pub(super) topic: i64,
    pub(super) contract: i64,
    pub(super) replay: Option<i64>,
}

/// All topics that are stopped.
pub(super) fn paused(conn: &Connection) -> rusqlite::Result<Vec<(String, Pause)>> {
    conn.prepare_cached("select (select key from topic where no = paused.topic), at, who, why from paused")?
        .query_map([], |r| {
            let since = Timestamp::from_microsecond(r.get(1)?).unwrap_or(Timestamp::UNIX_EPOCH);
            Ok((r.get(0)?, Pause { since, by: r.get(2)?, why: r.get(3)? }))
        })?
        .collect()
}

impl Change<'_> {
    fn pause(&mut self, topic: &TopicKey, signed: &Signed) -> rusqlite::Result<Changed> {
        let no = self.number(Kind::Topic, topic.as_str())?;
        let since: Option<i64> = self
            .conn
            .prepare_cached("select at from paused where topic = ?1")?
            .query_row([no], |r| r.get(0))
            .optional()?;
        let at = since.unwrap_or(self.now.as_microsecond());
        self.conn
            .prepare_cached("insert or replace into paused(topic, at, who, why) values(?1, ?2, ?3, ?4)")?
            .execute((no, at, &signed.by, &signed.why))?;
        let since_then = Timestamp::from_microsecond(at).unwrap_or(self.now);
        let pause = Pause { since: since_then, by: signed.by.clone(), why: signed.why.clone() };
        self.tell_paused(topic.as_str(), Some(pause));
        let line = self.audit(&signed.by, "topic pause", topic.as_str(), &signed.why, None)?;
        Ok(Changed { n: u64::from(since.is_none()), line })
    }

    fn resume(&mut self, topic: &TopicKey, signed: &Signed) -> rusqlite::Result<Changed> {
        let no = self.number(Kind::Topic, topic.as_str())?;
        let n = self.conn.prepare_cached("delete from paused where topic = ?1")?.execute([no])?;
        self.tell_paused(topic.as_str(), None);
        let line = self.audit(&signed.by, "topic resume", topic.as_str(), &signed.why, None)?;
        Ok(Changed { n: n as u64, line })
    }

    fn skip(
        &mut self,
        topic: &TopicKey,
        up_to: Option<Position>,
        most: u64,
        signed: &Signed,
    ) -> rusqlite::Result<Skipped> {
        let up_to = up_to.unwrap_or(Position(self.at.pos));
        let no = self.number(Kind::Topic, topic.as_str())?;
        let gone = self
            .conn
            .prepare_cached(
                "delete from delivery where (topic, pos) in
                     (select topic, pos from delivery where topic = ?1 and pos <= ?2 order by pos limit ?3)
                 returning pos, event, contract, replay, size,
                     (select source from event where seq = delivery.event)",
            )?
            .query_map((no, up_to.0, most), |r| {
                let of = Of {
                    pos: r.get(0)?,
                    event: r.get(1)?,
                    topic: no,
                    contract: r.get(2)?,
                    replay: r.get(3)?,
                };
                Ok((of, r.get(4)?, r.get(5)?))
            })?
            // Steps to the end: with RETURNING the delete is complete only then.
            .collect::<rusqlite::Result<Vec<(Of, u64, i64)>>>()?;
        for (of, size, source) in &gone {
            self.at.owed_bytes = self.at.owed_bytes.saturating_sub(*size);
            self.pass_over(of, Count::Skipped)?;
            self.count(*source, of.contract, no, Count::Skipped, 1);
        }
        self.rewind(topic.as_str());
        let changed = self.changed(signed, "topic skip", topic.as_str(), gone.len() as u64)?;
        Ok(Skipped { changed, up_to })
    }

    /// Keeps in history that a person had a delivery passed over.
    pub(super) fn pass_over(&mut self, of: &Of, fate: Count) -> rusqlite::Result<()> {
        self.conn
            .prepare_cached(
                "insert into settled(event, topic, contract, pos, at, fate, replay)
                 values(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                of.event,
                of.topic,
                of.contract,
                of.pos,
                self.now.as_microsecond(),
                fate.as_str(),
                of.replay,
            ))?;
        Ok(())
    }
}

fn skip_outlook(
    conn: &Connection,
    topic: &TopicKey,
    (keep, limit_bytes): (Keep, u64),
    owed_bytes: u64,
    now: Timestamp,
) -> rusqlite::Result<SkipOutlook> {
    let (n, first, size) = conn
        .prepare_cached(
            // A replay's copy is of an event that was sent before: it may be sent again as it was.
            "select count(*), min(iif(replay is null, event, null)), coalesce(sum(size), 0) from delivery
             where topic = (select no from topic where key = ?1)",
        )?
        .query_row([topic.as_str()], |r| {
            Ok((r.get::<_, u64>(0)?, r.get::<_, Option<i64>>(1)?, r.get::<_, u64>(2)?))
        })?;
    let accepted = conn
        .prepare_cached("select at from event where seq = ?1")?
        .query_row([first], |r| r.get(0))
        .optional()?
        .and_then(|at| Timestamp::from_microsecond(at).ok())
        .unwrap_or(now);
    let by_age = accepted.checked_add(keep.age).unwrap_or(Timestamp::MAX);
    let owed_bytes = owed_bytes.saturating_sub(size);
    let history = used_bytes(conn)?.saturating_sub(owed_bytes);
    let room = Squeeze::of(keep, owed_bytes, limit_bytes, false).bytes.saturating_sub(history);
    let until = by_age.min(full_at(now, room, bytes_a_day(conn, now)?));
    Ok(SkipOutlook { n, until: (until > now).then_some(until) })
}

/// When so much room is used up.
fn full_at(now: Timestamp, room: u64, bytes_a_day: u64) -> Timestamp {
    let seconds = u128::from(room) * 86_400 / u128::from(bytes_a_day.max(1));
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// How fast history grows: by the events of the last day, or since the first one if that is less.
fn bytes_a_day(conn: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let ends = conn.query_row("select min(seq), max(seq) from event", [], |r| {
        Ok(r.get::<_, Option<i64>>(0)?.zip(r.get::<_, Option<i64>>(1)?))
    })?;
    let Some((mut low, last)) = ends else { return Ok(0) };
    let since = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN).as_microsecond();
    let mut behind = conn.prepare_cached("select seq, at from event where seq >= ?1 order by seq limit 1")?;
    let mut high = last;
    // Times grow with numbers, near enough: the first event of the day is found by halving.
    while low < high {
        let middle = low + (high - low) / 2;
        let (seq, at): (i64, i64) = behind.query_row([middle], |r| Ok((r.get(0)?, r.get(1)?)))?;
        if at < since { low = seq + 1 } else { high = middle }
    }
    let first: Option<(i64, i64)> =
        behind.query_row([low], |r| Ok((r.get(0)?, r.get(1)?))).optional()?.filter(|(_, at)| *at >= since);
    let Some((first, began)) = first else { return Ok(0) };
    let mean: f64 = conn
        .prepare_cached("select avg(length(body)) from (select body from event order by seq desc limit ?1)")?
        .query_row([SAMPLE], |r| r.get(0))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the length of bodies")]
    let each = mean as u64 + EVENT_BYTES;
    let n = u64::try_from(last - first + 1).unwrap_or_default();
    // Less than an hour says too little of a day.
    let took = u64::try_from((now.as_microsecond() - began) / 1_000_000).unwrap_or_default().max(3_600);
    Ok(n.saturating_mul(each).saturating_mul(86_400) / took.min(86_400))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::schema;
    use super::*;

    const DAY: i64 = 86_400;

    /// So many events, one each `every` seconds, the last at `now`; the topic is owed a message of each.
    fn spool(n: i64, every: i64, now: i64, body: usize) -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let conn = schema::open_writer(&dir.path().join("s.db")).unwrap();
        conn.execute("insert into topic values(1, 'a')", []).unwrap();
        conn.execute("begin", []).unwrap();
        for seq in 1..=n {
            let at = (now - (n - seq) * every) * 1_000_000;
            conn.execute(
                "insert into event(seq, epoch, source, id, name, time, raised, at, bulk, digest, body)
                 values(?1, 1, 1, ?2, 1, 0, 0, ?3, 0, x'00', zeroblob(?4))",
                (seq, seq.to_be_bytes(), at, body),
            )
            .unwrap();
            conn.execute(
                "insert into delivery(topic, pos, event, contract, grp, class, redriven, size)
                 values(1, ?1, ?1, 1, x'00', 0, 0, ?2)",
                (seq, body),
            )
            .unwrap();
        }
        conn.execute("commit", []).unwrap();
        (dir, conn)
    }

    fn look(conn: &Connection, keep: Keep, owed: u64, now: i64) -> SkipOutlook {
        skip_outlook(
            conn,
            &"a".parse().unwrap(),
            (keep, u64::MAX),
            owed,
            Timestamp::from_second(now).unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn what_is_skipped_stays_for_the_time_of_history_or_until_it_has_no_room() {
        let now = 100 * DAY;
        // Ten days of one event in 1,000 s.
        let (_dir, conn) = spool(864, 1_000, now, 2_000);
        let owed = 864 * 2_000;
        let keep = |days: u64, bytes| Keep { age: Duration::from_secs(days * 86_400), bytes };
        let first = Timestamp::from_second(now - 863 * 1_000).unwrap();
        let by_age = look(&conn, keep(30, u64::MAX / 2), owed, now);
        assert_eq!((by_age.n, by_age.until), (864, Some(first + SignedDuration::from_hours(30 * 24))));
        assert_eq!(look(&conn, keep(7, u64::MAX / 2), owed, now).until, None, "older than history is kept");
        assert_eq!(look(&conn, keep(30, 1_000), owed, now).until, None, "no room");
        // 86 events a day of 2,400 bytes: about 207 kB a day, beside what is there.
        let used = used_bytes(&conn).unwrap();
        let until = look(&conn, keep(30, used + 415_000), owed, now).until.unwrap();
        let days = until.duration_since(Timestamp::from_second(now).unwrap()).as_secs_f64() / 86_400.0;
        assert!((1.8..2.2).contains(&days), "{days}");
        assert_eq!(look(&conn, keep(30, 1), 0, now).n, 864);
    }

    #[test]
    fn an_empty_spool_has_nothing_to_skip() {
        let (_dir, conn) = spool(0, 1, DAY, 1);
        let outlook = look(&conn, Keep { age: Duration::from_secs(60), bytes: u64::MAX / 2 }, 0, DAY);
        assert_eq!(outlook.n, 0);
        assert_eq!(bytes_a_day(&conn, Timestamp::from_second(DAY).unwrap()).unwrap(), 0);
    }
}
