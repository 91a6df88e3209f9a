//! What a person has changed: each order is one piece of work in the writer's transaction, with its line in
//! the audit, and is answered when the commit has returned.

use tokio::sync::oneshot;

use super::super::{Changed, ParkedFilter, Signed, SpoolError};
use super::Store;
use super::change::{Change, FILTER, filter_values};
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
        let values: Vec<(&str, &dyn rusqlite::ToSql)> =
            values.iter().map(|(name, v)| (*name, &**v)).collect();
        let taken = self
            .conn
            .prepare_cached(&format!(
                "select p.no, p.topic, t.key, p.event, p.contract, coalesce(p.grp, zeroblob(16)), p.class, p.size, p.replay
                 from parked p join topic t on t.no = p.topic {FILTER} order by p.no limit :most"
            ))?
            .query_map(values.as_slice(), |r| {
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
        self.changed(signed, "redrive", &filter.to_string(), taken.len() as u64)
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
