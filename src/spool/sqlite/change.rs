//! One transaction: what each kind of work writes. Nothing outside it changes before its commit returned.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;

use super::super::{Accept, Accepted, Count, ParkedFilter, Pause, Route};
use super::erase::Erasing;
use super::own::Tally;
use super::people;
use super::prepared::{DELIVERY_BYTES, EventDigest, Prepared};
use super::words::{Kind, Words};
use crate::delivery::{Class, Fate, Parking, Position, TopicKey};
use crate::event::Sequence;
use crate::planted::{Bug, planted};

/// So many positions are set aside with one write: a start leaves the rest of them out.
const POSITIONS: u64 = 10_000;

/// Where the spool stands: derived from the file at each open, changed by commits only.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) words: Words,
    pub(super) epoch: u32,
    pub(super) seq: u64,
    pub(super) pos: u64,
    /// Up to this position the file says that all may be given.
    pos_kept: u64,
    pub(super) owed_bytes: u64,
    /// The last day, since 1970, of which a summary was told.
    pub(super) told_day: Option<i64>,
    /// Whether a person's events are being taken out.
    pub(super) erasing: Erasing,
    /// From which page on the file may hold what was erased.
    pub(super) scrub: Option<u64>,
    /// Counts of repeated and unwanted events that wait for the next commit that writes anyway: a
    /// repeated event costs no write of its own. At most a second of them is lost with a kill, on both
    /// sides of every sum.
    pub(super) uncounted: HashMap<(i64, i64, i64, Count), u64>,
}

impl Standing {
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let one = |sql: &str| {
            conn.query_one(sql, [], |r| r.get::<_, Option<u64>>(0)).map(Option::unwrap_or_default)
        };
        // What is settled keeps its position, and stands in no table that is read here: so it is not enough to
        // look at what is owed, or the copy of a replay could be given the position of its original.
        let pos_kept = one("select value from meta where key = 'pos'")?;
        Ok(Self {
            words: Words::read(conn)?,
            epoch: conn.query_one("select value from meta where key = 'epoch'", [], |r| r.get(0))?,
            seq: one("select value from meta where key = 'seq'")?.max(one("select max(seq) from event")?),
            pos: pos_kept.max(one("select max(pos) from delivery")?).max(one("select max(no) from parked")?),
            pos_kept,
            owed_bytes: one("select sum(size) from delivery")?,
            told_day: conn.query_one("select max(day) from own", [], |r| r.get(0))?,
            erasing: Erasing::read(conn)?,
            scrub: (one("select value from meta where key = 'unwiped'")? > 0).then_some(1),
            uncounted: HashMap::new(),
        })
    }
}

/// What others must hear of, or must be done, once a transaction is committed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Topics that were given a delivery.
    pub(super) woken: HashSet<Arc<str>>,
    /// Topics whose index must be read again from its head.
    pub(super) rewound: HashSet<Arc<str>>,
    /// Topics that a person stopped, or let go on.
    pub(super) paused: HashMap<Arc<str>, Option<Pause>>,
    /// Something was erased.
    pub(super) erased: bool,
}

/// The transaction under way.
pub(super) struct Change<'a> {
    pub(super) conn: &'a Connection,
    pub(super) at: &'a mut Standing,
    pub(super) now: Timestamp,
    pub(super) day: i64,
    hour: i64,
    /// What others must hear of once it is committed.
    effects: Effects,
    tally: Tally,
    /// Whether anything but counts was written.
    pub(super) wrote: bool,
}

impl<'a> Change<'a> {
    pub(super) fn new(conn: &'a Connection, at: &'a mut Standing, now: Timestamp) -> Self {
        let second = now.as_second();
        Self {
            conn,
            at,
            now,
            day: second.div_euclid(86_400),
            hour: second.div_euclid(3_600) * 3_600,
            effects: Effects::default(),
            tally: Tally::default(),
            wrote: false,
        }
    }

    pub(super) fn number(&mut self, kind: Kind, word: &str) -> rusqlite::Result<i64> {
        self.wrote |= self.at.words.known(kind, word).is_none();
        self.at.words.number(self.conn, kind, word)
    }

    pub(super) fn count(&mut self, source: i64, name: i64, topic: i64, count: Count, n: u64) {
        *self.at.uncounted.entry((source, name, topic, count)).or_default() += n;
    }

    pub(super) fn accept(&mut self, prepared: &Prepared) -> rusqlite::Result<Vec<Accepted>> {
        let batch = &prepared.batch;
        let source = self.number(Kind::Source, batch.source.as_str())?;
        let unwanted: u64 = batch.unwanted.iter().map(|(_, n)| u64::from(*n)).sum();
        self.count(source, 0, 0, Count::Received, batch.events.len() as u64 + unwanted);
        for (event, n) in &batch.unwanted {
            let name = self.number(Kind::Name, event)?;
            self.count(source, name, 0, Count::Unwanted, u64::from(*n));
        }
        let mut answers = Vec::with_capacity(batch.events.len());
        for (accept, digest) in batch.events.iter().zip(&prepared.digests) {
            let name = self.number(Kind::Name, &accept.event.name)?;
            let seq = self.at.seq + 1;
            if planted(Bug::NoDedup) {
                let id = accept.event.id.as_bytes();
                self.conn.execute("delete from seen where source = ?1 and id = ?2", (source, id))?;
            }
            let fresh = self
                .conn
                .prepare_cached(
                    "insert into seen(source, id, day, seq, content) values(?1, ?2, ?3, ?4, ?5) on conflict do nothing",
                )?
                .execute((source, accept.event.id.as_bytes(), self.day, seq, digest.content))?;
            if fresh == 0 {
                answers.push(self.repeated(source, name, accept.event.id.as_bytes(), digest.content)?);
                continue;
            }
            self.wrote = true;
            self.at.seq = seq;
            self.keep(source, name, seq, accept, digest)?;
            match &accept.route {
                Route::Parked(parking) => {
                    self.count(source, name, 0, Count::Parked, 1);
                    self.park_event(seq, parking)?;
                }
                Route::Unrouted => {
                    self.count(source, name, 0, Count::Accepted, 1);
                    self.count(source, name, 0, Count::Unrouted, 1);
                }
                Route::Owed(owed) => {
                    self.count(source, name, 0, Count::Accepted, 1);
                    let share = accept.event.data.len() as u64 / owed.len().max(1) as u64 + DELIVERY_BYTES;
                    for one in owed {
                        self.owe(source, seq, share, one)?;
                    }
                }
            }
            answers.push(Accepted::New(Sequence { epoch: self.at.epoch, position: seq, place: 0 }));
        }
        Ok(answers)
    }

    fn repeated(
        &mut self,
        source: i64,
        name: i64,
        id: &[u8; 16],
        content: i64,
    ) -> rusqlite::Result<Accepted> {
        let known: i64 = self
            .conn
            .prepare_cached("select content from seen where source = ?1 and id = ?2")?
            .query_one((source, id), |r| r.get(0))?;
        self.count(source, name, 0, Count::Duplicate, 1);
        if known == content {
            return Ok(Accepted::Duplicate);
        }
        self.count(source, name, 0, Count::Conflict, 1);
        Ok(Accepted::Conflict)
    }

    pub(super) fn keep(
        &mut self,
        source: i64,
        name: i64,
        seq: u64,
        Accept { event, people, .. }: &Accept,
        digest: &EventDigest,
    ) -> rusqlite::Result<()> {
        self.conn
            .prepare_cached(
                "insert into event(seq, epoch, source, id, name, time, raised, at, bulk, people, digest, body)
                 values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute((
                seq,
                self.at.epoch,
                source,
                event.id.as_bytes(),
                name,
                event.time.as_second(),
                event.raised.map(Timestamp::as_microsecond),
                self.now.as_microsecond(),
                event.bulk,
                people::column(people),
                digest.stored,
                &event.data[..],
            ))?;
        Ok(())
    }

    pub(super) fn owe(
        &mut self,
        source: i64,
        seq: u64,
        size: u64,
        owed: &super::super::Owed,
    ) -> rusqlite::Result<()> {
        let topic = self.number(Kind::Topic, owed.topic.as_str())?;
        let contract = self.number(Kind::Contract, owed.contract.as_str())?;
        self.count(source, contract, topic, Count::Owed, 1);
        self.at.pos += 1;
        let class = class_number(owed.class);
        match &owed.group {
            Ok(group) => {
                self.conn
                    .prepare_cached(
                        "insert into delivery(topic, pos, event, contract, grp, class, redriven, size)
                         values(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
                    )?
                    .execute((topic, self.at.pos, seq, contract, group.0, class, size))?;
                self.at.owed_bytes += size;
                self.wake(owed.topic.as_str());
            }
            Err(parking) => {
                self.conn
                    .prepare_cached(
                        "insert into parked(no, event, topic, contract, class, size, reason, detail, at)
                         values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?
                    .execute((
                        self.at.pos,
                        seq,
                        topic,
                        contract,
                        class,
                        size,
                        parking.reason.as_str(),
                        &parking.detail,
                        self.now.as_microsecond(),
                    ))?;
            }
        }
        Ok(())
    }

    fn park_event(&mut self, seq: u64, parking: &Parking) -> rusqlite::Result<()> {
        self.at.pos += 1;
        self.conn
            .prepare_cached("insert into parked(no, event, class, size, reason, detail, at) values(?1, ?2, 0, 0, ?3, ?4, ?5)")?
            .execute((self.at.pos, seq, parking.reason.as_str(), &parking.detail, self.now.as_microsecond()))?;
        Ok(())
    }

    pub(super) fn wake(&mut self, topic: &str) {
        if !self.effects.woken.contains(topic) {
            self.effects.woken.insert(topic.into());
        }
    }

    /// Something of a topic changed behind where its index may have been read to.
    pub(super) fn rewind(&mut self, topic: &str) {
        if !self.effects.rewound.contains(topic) {
            self.effects.rewound.insert(topic.into());
        }
    }

    /// A person stopped a topic, or lets it go on.
    pub(super) fn tell_paused(&mut self, topic: &str, pause: Option<Pause>) {
        self.effects.paused.insert(topic.into(), pause);
    }

    /// What was taken out must not stay in the log either, nor in pages that were rebuilt.
    pub(super) fn erase(&mut self) -> rusqlite::Result<()> {
        self.effects.erased = true;
        self.at.scrub = Some(1);
        self.conn.prepare_cached("update meta set value = 1 where key = 'unwiped'")?.execute([])?;
        Ok(())
    }

    pub(super) fn into_effects(self) -> Effects {
        self.effects
    }

    /// Keeps what became of deliveries. One that is no longer there was concluded before: nothing is
    /// counted twice.
    pub(super) fn conclude(&mut self, topic: &TopicKey, fates: &[(Position, Fate)]) -> rusqlite::Result<()> {
        let Some(topic) = self.at.words.known(Kind::Topic, topic.as_str()) else { return Ok(()) };
        for (position, fate) in fates {
            match fate {
                Fate::Held(held) => {
                    self.conn
                        .prepare_cached(
                            "update delivery set due = ?3, tries = ?4, cause = ?5, unknown_since = ?6
                             where topic = ?1 and pos = ?2",
                        )?
                        .execute((
                            topic,
                            position.0,
                            held.due.as_microsecond(),
                            held.tries,
                            held.cause.as_str(),
                            held.unknown_since.map(Timestamp::as_microsecond),
                        ))?;
                }
                Fate::Settled(receipt) => {
                    let Some(gone) = self.take(topic, *position)? else { continue };
                    self.conn
                        .prepare_cached(
                            "insert into settled(event, topic, contract, pos, at, sns_id, sns_seq, request, replay)
                             values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        )?
                        .execute((
                            gone.event,
                            topic,
                            gone.contract,
                            position.0,
                            self.now.as_microsecond(),
                            short_uuid(&receipt.sns_id),
                            &receipt.sns_sequence,
                            receipt.request.as_deref().map(short_uuid),
                            gone.replay,
                        ))?;
                    self.count_of_replay(gone.replay)?;
                    self.count(gone.source, gone.contract, topic, Count::Settled, 1);
                    // What a replay sends is no first publication.
                    if gone.replay.is_none()
                        && let Some(contract) = self.at.words.word(Kind::Contract, gone.contract)
                    {
                        self.tally.add((topic, gone.source, gone.contract), &gone.id, contract);
                    }
                }
                Fate::Parked(parking) => {
                    let Some(gone) = self.take(topic, *position)? else { continue };
                    self.conn
                        .prepare_cached(
                            "insert into parked(no, event, topic, contract, grp, class, size, reason, detail, at, replay)
                             values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                        )?
                        .execute((
                            position.0,
                            gone.event,
                            topic,
                            gone.contract,
                            gone.group,
                            gone.class,
                            gone.size,
                            parking.reason.as_str(),
                            &parking.detail,
                            self.now.as_microsecond(),
                            gone.replay,
                        ))?;
                }
            }
            self.wrote = true;
        }
        Ok(())
    }

    fn take(&mut self, topic: i64, position: Position) -> rusqlite::Result<Option<Gone>> {
        let gone = self
            .conn
            .prepare_cached(
                "delete from delivery where topic = ?1 and pos = ?2
                 returning event, contract, grp, class, size, (select source from event where seq = delivery.event), replay,
                     (select id from event where seq = delivery.event)",
            )?
            .query_map((topic, position.0), |r| {
                Ok(Gone {
                    event: r.get(0)?,
                    contract: r.get(1)?,
                    group: r.get(2)?,
                    class: r.get(3)?,
                    size: r.get(4)?,
                    source: r.get(5)?,
                    replay: r.get(6)?,
                    id: r.get(7)?,
                })
            })?
            // Steps to the end: with RETURNING the delete is complete only then.
            .collect::<rusqlite::Result<Vec<_>>>()?
            .pop();
        if let Some(gone) = &gone {
            self.at.owed_bytes = self.at.owed_bytes.saturating_sub(gone.size);
        }
        Ok(gone)
    }

    /// Writes a line into the audit, and gives its number. `n` is what it counts.
    pub(super) fn audit(
        &mut self,
        who: &str,
        verb: &str,
        what: &str,
        why: &str,
        n: Option<u64>,
    ) -> rusqlite::Result<u64> {
        self.wrote = true;
        self.conn
            .prepare_cached("insert into audit(at, who, verb, what, why, n) values(?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute((self.now.as_microsecond(), who, verb, what, why, n))?;
        Ok(self.conn.last_insert_rowid().cast_unsigned())
    }

    /// Makes a wanted list the present one of its source; the one before may be named until `until`.
    pub(super) fn remember_list(
        &mut self,
        source: &str,
        etag: &str,
        rows: &str,
        until: Timestamp,
    ) -> rusqlite::Result<()> {
        self.wrote = true;
        let source = self.number(Kind::Source, source)?;
        self.conn
            .prepare_cached("update list set until = ?3 where source = ?1 and etag <> ?2 and until is null")?
            .execute((source, etag, until.as_microsecond()))?;
        self.conn
            .prepare_cached(
                "insert into list(source, etag, rows, until) values(?1, ?2, ?3, null)
                 on conflict do update set until = null, rows = excluded.rows",
            )?
            .execute((source, etag, rows))?;
        Ok(())
    }

    /// The numbers given must never be given again, though their rows go.
    pub(super) fn keep_numbers(&mut self) -> rusqlite::Result<()> {
        for (key, value) in [("seq", self.at.seq), ("pos", self.at.pos)] {
            self.conn
                .prepare_cached("update meta set value = max(value, ?2) where key = ?1")?
                .execute((key, value))?;
        }
        Ok(())
    }

    /// Writes what was counted, as [`Counting`] says. Must be the last thing
    /// before the commit.
    pub(super) fn write_ledger(&mut self, when: Counting) -> rusqlite::Result<()> {
        if !self.wrote && when == Counting::WithOthers {
            return Ok(());
        }
        if self.at.pos > self.at.pos_kept {
            self.at.pos_kept = self.at.pos + POSITIONS;
            self.conn
                .prepare_cached("update meta set value = ?1 where key = 'pos'")?
                .execute([self.at.pos_kept])?;
        }
        let mut statement = self.conn.prepare_cached(
            "insert into ledger(hour, source, name, topic, what, n) values(?1, ?2, ?3, ?4, ?5, ?6)
             on conflict do update set n = n + excluded.n",
        )?;
        for ((source, name, topic, count), n) in self.at.uncounted.drain() {
            statement.execute((self.hour, source, name, topic, count.as_str(), n))?;
        }
        std::mem::take(&mut self.tally).write(self.conn, self.counted_day())
    }
}

/// When counts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// With anything else that is written.
    WithOthers,
    /// Now.
    Now,
}

struct Gone {
    event: i64,
    contract: i64,
    group: [u8; 16],
    class: i64,
    size: u64,
    source: i64,
    replay: Option<i64>,
    id: [u8; 16],
}

pub(super) fn class_number(class: Class) -> i64 {
    match class {
        Class::Live => 0,
        Class::Bulk => 1,
    }
}

/// A UUID as 16 bytes, any other text as it is: SNS's ids are half of what history keeps.
fn short_uuid(text: &str) -> rusqlite::types::Value {
    match uuid::Uuid::try_parse(text) {
        Ok(id) if id.as_hyphenated().to_string() == text => {
            rusqlite::types::Value::Blob(id.as_bytes().to_vec())
        }
        _ => rusqlite::types::Value::Text(text.to_owned()),
    }
}

/// Which parked rows a filter speaks of, over `parked p`.
pub(super) const FILTER: &str =
    "where (:no is null or p.no = :no) and (:reason is null or p.reason = :reason)
    and (:topic is null or p.topic = (select no from topic where key = :topic))
    and (:until is null or p.at <= :until)
    and (:contract is null or p.contract = (select no from contract where key = :contract))
    and (:id is null or p.event in (select seq from event where id = :id))";

/// The values for [`FILTER`].
pub(super) fn filter_values(filter: &ParkedFilter) -> Vec<(&'static str, Box<dyn rusqlite::ToSql>)> {
    vec![
        (":no", Box::new(filter.number)),
        (":until", Box::new(filter.until.map(Timestamp::as_microsecond))),
        (":reason", Box::new(filter.reason.map(crate::delivery::Reason::as_str))),
        (":topic", Box::new(filter.topic.as_ref().map(|t| t.as_str().to_owned()))),
        (":contract", Box::new(filter.contract.as_ref().map(|c| c.as_str().to_owned()))),
        (":id", Box::new(filter.event.map(|e| e.as_bytes().to_vec()))),
    ]
}
