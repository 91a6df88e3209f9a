//! What the sidecar tells of itself, and the tally of first publications that it tells of.

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::super::{Accept, Carrier, Own, Published, Route, SpoolError, SumUp};
use super::Store;
use super::change::Change;
use super::prepared::{DELIVERY_BYTES, EventDigest};
use super::words::Kind;
use crate::delivery::message_id;
use crate::event::EventId;

/// The tables beside those of the flow. `own` holds the last own event of each topic, source and contract, and
/// of a summary's contract the last day that was told. `tally` outlives the events it counts; the XOR is halved,
/// since a column holds 64 bits. Days are counted since 1970, UTC.
pub(super) const CREATE: [&str; 2] = [
    "create table own(topic integer not null, source integer not null, contract integer not null,
        event integer, day integer, primary key(topic, source, contract)) strict, without rowid",
    "create table tally(day integer not null, topic integer not null, source integer not null,
        contract integer not null, n integer not null, high integer not null, low integer not null,
        primary key(day, topic, source, contract)) strict, without rowid",
];

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The most days that are told after a downtime.
const TOLD: i64 = 35;
/// How many days the tally keeps.
const KEPT: i64 = 40;

fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY)
}

impl Store {
    pub(in super::super) async fn tell(&self, told: Vec<Own>) -> Result<u64, SpoolError> {
        self.change(move |change| {
            let mut kept = 0;
            for own in told {
                kept += u64::from(change.tell(own)?);
            }
            Ok(kept)
        })
        .await
    }

    pub(in super::super) async fn sum_up(&self, order: SumUp) -> Result<u64, SpoolError> {
        self.change(move |change| {
            let mut kept = 0;
            for carrier in &order.carriers {
                kept += change.sum_up(carrier, &order)?;
            }
            Ok(kept)
        })
        .await
    }
}

/// What one transaction publishes for the first time: by topic, source and contract, how many messages and the
/// XOR of their ids' digests.
#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<(i64, i64, i64), (u64, u128)>);

impl Tally {
    pub(super) fn add(&mut self, key: (i64, i64, i64), event: &[u8; 16], contract: &str) {
        let Ok(event) = EventId::try_from(&event[..]) else { return };
        let (n, check) = self.0.entry(key).or_default();
        *n += 1;
        *check ^= check_of(&message_id(event, contract));
    }

    /// Adds it to the tally of a day.
    pub(super) fn write(self, conn: &Connection, day: i64) -> rusqlite::Result<()> {
        for ((topic, source, contract), (n, check)) in self.0 {
            let [high, low] = halves(check);
            // SQLite has no XOR: what is in one of both and not in both.
            conn.prepare_cached(
                "insert into tally(day, topic, source, contract, n, high, low) values(?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 on conflict do update set n = n + excluded.n,
                     high = (high | excluded.high) & ~(high & excluded.high),
                     low = (low | excluded.low) & ~(low & excluded.low)",
            )?
            .execute((day, topic, source, contract, n, high, low))?;
        }
        Ok(())
    }
}

fn check_of(message: &str) -> u128 {
    let digest = Sha256::digest(message);
    digest[..16].iter().fold(0, |check, byte| check << 8 | u128::from(*byte))
}

fn halves(check: u128) -> [i64; 2] {
    let bytes = check.to_be_bytes();
    let half = |at: usize| bytes[at..at + 8].iter().fold(0, |half, byte| half << 8 | i64::from(*byte));
    [half(0), half(8)]
}

fn whole([high, low]: [i64; 2]) -> u128 {
    u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())
}

/// Forgets days that nobody is told of any more.
pub(super) fn forget_days(conn: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    conn.prepare_cached("delete from tally where day < ?1")?.execute([day_of(now) - KEPT]).map(|_| ())
}

impl Change<'_> {
    /// The day on which a publication of this moment counts. One that was told gets no more, though a clock
    /// that was set back a little says that it is not over.
    pub(super) fn counted_day(&self) -> i64 {
        match self.at.told_day {
            Some(told) if told == self.day => told + 1,
            _ => self.day,
        }
    }

    /// Keeps an own event, unless the last of its kind is still owed. Whether it was kept.
    fn tell(&mut self, own: Own) -> rusqlite::Result<bool> {
        let key = self.carrier(&own.owed.topic, &own.event.source, &own.owed.contract)?;
        let waits: bool = self
            .conn
            .prepare_cached(
                "select exists(select 1 from own o join delivery d on d.event = o.event
                     where o.topic = ?1 and o.source = ?2 and o.contract = ?3)",
            )?
            .query_one(key, |r| r.get(0))?;
        if !waits {
            self.keep_own(key, own)?;
        }
        Ok(!waits)
    }

    /// Tells one carrier of the days that are over. How many were told.
    fn sum_up(&mut self, carrier: &Carrier, order: &SumUp) -> rusqlite::Result<u64> {
        let key = self.carrier(&carrier.topic, &carrier.source, &carrier.contract)?;
        let today = day_of(order.today);
        let last: Option<i64> = self
            .conn
            .prepare_cached("select day from own where topic = ?1 and source = ?2 and contract = ?3")?
            .query_row(key, |r| r.get(0))
            .optional()?
            .flatten();
        let Some(days) = days(last, today) else { return Ok(0) };
        let mut told = 0;
        for day in days {
            let published = self.published(key, day)?;
            let begin = Timestamp::from_second(day * DAY).unwrap_or(order.today);
            if let Some(own) = (order.tell)(carrier, begin, &published) {
                self.keep_own(key, own)?;
                told += 1;
            }
        }
        self.wrote = true;
        self.conn
            .prepare_cached(
                "insert into own(topic, source, contract, day) values(?1, ?2, ?3, ?4)
                 on conflict do update set day = excluded.day",
            )?
            .execute((key.0, key.1, key.2, today - 1))?;
        self.at.told_day = self.at.told_day.max(Some(today - 1));
        Ok(told)
    }

    fn carrier(
        &mut self,
        topic: &crate::delivery::TopicKey,
        source: &crate::event::SourceKey,
        contract: &crate::delivery::ContractId,
    ) -> rusqlite::Result<(i64, i64, i64)> {
        Ok((
            self.number(Kind::Topic, topic.as_str())?,
            self.number(Kind::Source, source.as_str())?,
            self.number(Kind::Contract, contract.as_str())?,
        ))
    }

    fn published(&self, (topic, source, _): (i64, i64, i64), day: i64) -> rusqlite::Result<Vec<Published>> {
        let rows = self
            .conn
            .prepare_cached(
                "select c.key, n, high, low from tally join contract c on c.no = contract
                 where day = ?1 and topic = ?2 and source = ?3",
            )?
            .query_map((day, topic, source), |r| Ok((r.get(0)?, r.get(1)?, whole([r.get(2)?, r.get(3)?]))))?
            .collect::<rusqlite::Result<Vec<(String, u64, u128)>>>()?;
        let published = |(contract, messages, check): (String, u64, u128)| {
            Some(Published { contract: contract.parse().ok()?, messages, check })
        };
        Ok(rows.into_iter().filter_map(published).collect())
    }

    fn keep_own(
        &mut self,
        (topic, source, contract): (i64, i64, i64),
        Own { event, owed }: Own,
    ) -> rusqlite::Result<()> {
        let name = self.number(Kind::Name, &event.name)?;
        let digest = EventDigest::of(&event);
        let size = event.data.len() as u64 + DELIVERY_BYTES;
        let seq = self.at.seq + 1;
        // Known by its id like any other, so that it can be traced.
        self.conn
            .prepare_cached("insert into seen(source, id, day, seq, content) values(?1, ?2, ?3, ?4, ?5)")?
            .execute((source, event.id.as_bytes(), self.day, seq, digest.content))?;
        self.wrote = true;
        self.at.seq = seq;
        let accept = Accept { event, people: Vec::new(), route: Route::Unrouted };
        self.keep(source, name, seq, &accept, &digest)?;
        self.owe(source, seq, size, &owed)?;
        self.conn
            .prepare_cached(
                "insert into own(topic, source, contract, event) values(?1, ?2, ?3, ?4)
                 on conflict do update set event = excluded.event",
            )?
            .execute((topic, source, contract, seq))
            .map(|_| ())
    }
}

/// The days to tell, where the last that was told is known; none: there is nothing to do or to note.
fn days(last: Option<i64>, today: i64) -> Option<Range<i64>> {
    match last {
        // Its days begin with today: of those before it was not said that they would be told.
        None => Some(today..today),
        // A clock set back over midnight: the day was told, and what comes now counts on the next.
        Some(last) if last == today || last == today - 1 => None,
        // The clock was far ahead when that was told.
        Some(last) if last > today => Some(today..today),
        Some(last) => Some((last + 1).max(today - TOLD)..today),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn each_day_is_told_once_and_a_long_downtime_in_part() {
        for (last, today, told) in [
            (None, 100, Some(100..100)),
            (Some(98), 100, Some(99..100)),
            (Some(99), 100, None),
            (Some(96), 100, Some(97..100)),
            (Some(10), 100, Some(65..100)),
            (Some(100), 100, None),
            (Some(400), 100, Some(100..100)),
        ] {
            assert_eq!(days(last, today), told, "{last:?} {today}");
        }
    }

    #[test]
    fn checks_are_added_by_xor_whatever_their_bits() {
        let dir = tempfile::tempdir().unwrap();
        let conn = schema::open_writer(&dir.path().join("s.db")).unwrap();
        let mut expected = 0;
        for check in [u128::MAX, 1 << 127, 1, u128::MAX / 3, 0x8000_0000_0000_0000, 0] {
            expected ^= check;
            Tally(HashMap::from([((1, 2, 3), (2, check))])).write(&conn, 7).unwrap();
            let (n, found) = conn
                .query_row("select n, high, low from tally where day = 7 and topic = 1", [], |r| {
                    Ok((r.get::<_, u64>(0)?, whole([r.get(1)?, r.get(2)?])))
                })
                .unwrap();
            assert_eq!((n % 2, found), (0, expected));
        }
        forget_days(&conn, Timestamp::from_second((7 + KEPT + 1) * DAY).unwrap()).unwrap();
        assert_eq!(conn.query_one("select count(*) from tally", [], |r| r.get::<_, i64>(0)).unwrap(), 0);
    }

    #[test]
    fn the_check_of_an_id_is_the_beginning_of_its_digest() {
        // Known value: consumers compute it in their own languages.
        let id = "01a20e53-8a0d-7c44-9d5f-1b1f4f0a0003:moodle.grade.updated.v1";
        assert_eq!(format!("{:032x}", check_of(id)), "76a78dd522a8df6f793ab9da9c16abda");
    }
}
