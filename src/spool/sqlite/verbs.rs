//! What a person has changed: each order is one piece of work in the writer's transaction, with its line in
//! the audit, and is answered when the commit has returned.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::super::{AuditLine, Changed, Count, Door, ParkedFilter, Signed, SpoolError};
use super::Store;
use super::change::{Change, FILTER, filter_values};
use super::topics::Of;
use super::writer::Job;

/// Work for the writer that somebody waits for.
pub(super) trait Verb: Send {
    /// Does it, in the transaction.
    fn change(&mut self, change: &mut Change<'_>) -> rusqlite::Result<()>;
    /// Says what came of it, after the commit returned or failed.
    fn answer(self: Box<Self>, outcome: Result<(), &str>);
}

struct Asked<T, W> {
    work: Option<W>,
    done: Option<T>,
    answer: oneshot::Sender<Result<T, SpoolError>>,
}

impl<T: Send, W: FnOnce(&mut Change<'_>) -> rusqlite::Result<T> + Send> Verb for Asked<T, W> {
    fn change(&mut self, change: &mut Change<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(change)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), &str>) {
        let failed =
            |cause: &str| SpoolError::Store { doing: "committing a change", cause: cause.to_owned() };
        let result = match (outcome, self.done) {
            (Ok(()), Some(done)) => Ok(done),
            (Ok(()), None) => Err(failed("it was not carried out")),
            (Err(cause), _) => Err(failed(cause)),
        };
        // Nobody may be waiting any more: a request that was cut is no reason to stop.
        drop(self.answer.send(result));
    }
}

impl Store {
    /// Has the writer do some work in a transaction, and gives what came of it once that is committed. On an
    /// error whether it was done is not known.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let answered = self
            .send(|answer| Job::Verb(Box::new(Asked { work: Some(work), done: None, answer })))
            .ok_or(SpoolError::Shut)?;
        answered.await.unwrap_or(Err(SpoolError::Shut))
    }

    pub(in super::super) async fn redrive(
        &self,
        filter: ParkedFilter,
        most: u64,
        signed: Signed,
    ) -> Result<Changed, SpoolError> {
        self.change(move |change| change.redrive(&filter, most, &signed)).await
    }
}

impl Store {
    pub(in super::super) async fn note_reload(&self, keys: String, signed: Signed) -> Result<(), SpoolError> {
        self.change(move |change| change.changed(&signed, "reload", &keys, 1).map(|_| ())).await
    }

    pub(in super::super) async fn drop_parked(
        &self,
        filter: ParkedFilter,
        most: u64,
        signed: Signed,
    ) -> Result<Changed, SpoolError> {
        self.change(move |change| change.drop_parked(&filter, most, &signed)).await
    }

    pub(in super::super) async fn count_parked(
        &self,
        filter: ParkedFilter,
    ) -> Result<(u64, u64), SpoolError> {
        self.read("counting what is parked", move |conn| {
            let sql = format!("select count(p.topic), count(*) from parked p {FILTER}");
            let (owed, all): (u64, u64) = conn
                .prepare_cached(&sql)?
                .query_row(borrowed(&filter_values(&filter)).as_slice(), |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok((owed, all - owed))
        })
        .await
    }

    pub(in super::super) async fn drain(&self, door: Door, signed: Signed) -> Result<Changed, SpoolError> {
        let what = match door {
            Door::Draining => "no new batch is taken",
            Door::Open => "batches are taken again",
        };
        let line =
            self.change(move |change| change.audit(&signed.by, "drain", what, &signed.why, None)).await?;
        let was = self.draining.swap(door == Door::Draining, Ordering::Relaxed);
        Ok(Changed { n: u64::from(was != (door == Door::Draining)), line })
    }

    pub(in super::super) fn door_is(&self) -> Door {
        if self.draining.load(Ordering::Relaxed) { Door::Draining } else { Door::Open }
    }

    pub(in super::super) async fn audit(
        &self,
        before: Option<u64>,
        n: usize,
    ) -> Result<Vec<AuditLine>, SpoolError> {
        self.read("reading the audit", move |conn| {
            conn.prepare_cached(
                "select no, at, who, verb, what, why, n from audit where ?1 is null or no < ?1
                 order by no desc limit ?2",
            )?
            .query_map((before, n), |r| {
                Ok(AuditLine {
                    no: r.get(0)?,
                    at: Timestamp::from_microsecond(r.get(1)?).unwrap_or(Timestamp::UNIX_EPOCH),
                    who: r.get(2)?,
                    verb: r.get(3)?,
                    what: r.get(4)?,
                    why: r.get(5)?,
                    n: r.get(6)?,
                })
            })?
            .collect()
        })
        .await
    }
}

/// Named values, as a statement takes them.
fn borrowed<'a>(
    values: &'a [(&'static str, Box<dyn rusqlite::ToSql>)],
) -> Vec<(&'static str, &'a dyn rusqlite::ToSql)> {
    values.iter().map(|(name, value)| (*name, &**value)).collect()
}

/// A parked delivery that is taken out.
struct Taken {
    no: u64,
    topic: i64,
    key: String,
    event: i64,
    contract: i64,
    group: [u8; 16],
    class: i64,
    size: u64,
    replay: Option<i64>,
}

impl Change<'_> {
    /// Owes parked deliveries again where they stood: a delivery keeps its position for good, so what was
    /// accepted after it comes after it.
    fn redrive(&mut self, filter: &ParkedFilter, most: u64, signed: &Signed) -> rusqlite::Result<Changed> {
        let mut values = filter_values(filter);
        values.push((":most", Box::new(most)));
        let taken = self
            .conn
            .prepare_cached(&format!(
                "select p.no, p.topic, t.key, p.event, p.contract, coalesce(p.grp, zeroblob(16)), p.class, p.size, p.replay
                 from parked p join topic t on t.no = p.topic {FILTER} order by p.no limit :most"
            ))?
            .query_map(borrowed(&values).as_slice(), |r| {
                Ok(Taken {
                    no: r.get(0)?,
                    topic: r.get(1)?,
                    key: r.get(2)?,
                    event: r.get(3)?,
                    contract: r.get(4)?,
                    group: r.get(5)?,
                    class: r.get(6)?,
                    size: r.get(7)?,
                    replay: r.get(8)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for one in &taken {
            self.conn.prepare_cached("delete from parked where no = ?1")?.execute([one.no])?;
            self.conn
                .prepare_cached(
                    "insert into delivery(topic, pos, event, contract, grp, class, redriven, size, replay)
                     values(?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)",
                )?
                .execute((
                    one.topic,
                    one.no,
                    one.event,
                    one.contract,
                    one.group,
                    one.class,
                    one.size,
                    one.replay,
                ))?;
            self.at.owed_bytes += one.size;
            self.rewind(&one.key);
        }
        self.changed(signed, "parked redrive", &filter.to_string(), taken.len() as u64)
    }

    /// Takes parked deliveries and events out. What they were of stays, until history is pruned.
    fn drop_parked(
        &mut self,
        filter: &ParkedFilter,
        most: u64,
        signed: &Signed,
    ) -> rusqlite::Result<Changed> {
        let mut values = filter_values(filter);
        values.push((":most", Box::new(most)));
        let dropped = self
            .conn
            .prepare_cached(&format!(
                "select p.no, p.event, coalesce(p.topic, 0), coalesce(p.contract, 0), p.replay, e.source, e.name
                 from parked p join event e on e.seq = p.event {FILTER} order by p.no limit :most"
            ))?
            .query_map(borrowed(&values).as_slice(), |r| {
                let of = Of {
                    pos: r.get(0)?,
                    event: r.get(1)?,
                    topic: r.get(2)?,
                    contract: r.get(3)?,
                    replay: r.get(4)?,
                };
                Ok((of, r.get(5)?, r.get(6)?))
            })?
            .collect::<rusqlite::Result<Vec<(Of, i64, i64)>>>()?;
        for (of, source, name) in &dropped {
            self.conn.prepare_cached("delete from parked where no = ?1")?.execute([of.pos])?;
            self.pass_over(of, Count::Dropped)?;
            self.count(*source, if of.topic == 0 { *name } else { of.contract }, of.topic, Count::Dropped, 1);
        }
        self.changed(signed, "parked drop", &filter.to_string(), dropped.len() as u64)
    }

    /// Writes an order's line into the audit, or adds to the line of the order that it goes on with.
    pub(super) fn changed(
        &mut self,
        signed: &Signed,
        verb: &str,
        what: &str,
        n: u64,
    ) -> rusqlite::Result<Changed> {
        let Signed { by, why, line } = signed;
        let known = self
            .conn
            .prepare_cached(
                "update audit set n = n + ?6 where no = ?1 and who = ?2 and verb = ?3 and what = ?4 and why = ?5
                 returning no",
            )?
            .query_map((line, by, verb, what, why, n), |r| r.get(0))?
            // Steps to the end: with RETURNING the update is complete only then.
            .collect::<rusqlite::Result<Vec<u64>>>()?
            .pop();
        self.wrote = true;
        let line = match known {
            Some(line) => line,
            None => self.audit(by, verb, what, why, Some(n))?,
        };
        Ok(Changed { n, line })
    }
}
