//! A person's events taken out, a little in each transaction. First they are found, page by page; each goes as
//! soon as nothing is to be sent of it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _};

use super::super::{Count, Erasure, Signed, SpoolError};
use super::Store;
use super::change::Change;
use super::house::{READERS, TRUNCATE};
use super::people;
use super::read::{micros, parse};
use super::scrub::Scrub;
use super::verbs::Verb;
use super::words::Kind;
use super::writer::{Job, Writer};
use crate::event::SourceKey;

/// The most events that one transaction takes out.
const STEP: usize = 500;
/// The most places in the order of acceptance that one transaction looks through.
const WINDOW: u64 = 20_000;

/// So many pages are wiped at once: 8 MiB.
const SCRUB_PAGES: u64 = 2_000;
/// After a failure wiping is tried again in this time.
const WIPE_AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked whether what is to be erased is sent.
const LOOK: Duration = Duration::from_secs(1);

/// Whether erasures are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Erasing {
    /// None is.
    #[default]
    Nothing,
    /// All events are found, and some are still to be sent.
    Waiting,
    /// Events are still to be found, or to be taken out.
    Working,
}

impl Erasing {
    /// As the file has it.
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let (open, waiting): (bool, bool) = conn.query_one(
            "select exists(select 1 from erasure where user is not null), exists(select 1 from erasing)",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        Ok(match (open, waiting) {
            (true, _) => Self::Working,
            (false, true) => Self::Waiting,
            (false, false) => Self::Nothing,
        })
    }
}

impl Writer {
    /// One step of the erasures that are open; what waits to be sent is looked at now and then. False when the
    /// spool has to give up.
    pub(super) fn go_on_erasing(&mut self) -> bool {
        let due = match self.standing.erasing {
            Erasing::Nothing => false,
            Erasing::Waiting => self.looked.elapsed() >= LOOK,
            Erasing::Working => true,
        };
        if !due {
            return self.wipe();
        }
        self.looked = Instant::now();
        self.commit(vec![Job::Verb(Box::new(Step))])
    }

    /// Whether what was erased is still to be taken out of the file's pages, and may be now.
    pub(super) fn wipes(&self) -> bool {
        self.standing.scrub.is_some()
            && Instant::now() >= self.wipe_at
            && Instant::now() >= self.checkpoint_at
    }

    /// Takes what SQLite left of what was erased out of the next pages. False when the spool has to give up.
    fn wipe(&mut self) -> bool {
        let Some(from) = self.standing.scrub.filter(|_| self.wipes()) else { return true };
        self.checkpoint(TRUNCATE, READERS);
        // Somebody reads, so the log is not empty: it is tried again.
        if self.shared.log_pages.load(Ordering::Relaxed) > 0 {
            return true;
        }
        match self.scrub_from(from) {
            Ok(Some(next)) => {
                self.standing.scrub = Some(next);
                true
            }
            Ok(None) => {
                let going_on = self.commit(vec![Job::Verb(Box::new(Wiped))]);
                self.shared.unwiped.store(self.standing.scrub.is_some(), Ordering::Relaxed);
                going_on
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "wiping what was erased out of the spool's pages failed; it is tried again"
                );
                self.wipe_at = Instant::now() + WIPE_AGAIN;
                true
            }
        }
    }

    fn scrub_from(&mut self, page: u64) -> Result<Option<u64>, String> {
        let conn = self.conn.as_ref().ok_or("the file is closed")?;
        // What this connection keeps of pages is as they were; written again it would bring all of it back.
        conn.execute_batch("pragma shrink_memory").map_err(|e| e.to_string())?;
        if self.scrub.is_none() {
            self.scrub = Some(Scrub::open(&self.file).map_err(|e| e.to_string())?);
        }
        let scrub = self.scrub.as_ref().ok_or("the file is closed")?;
        scrub.pages(page, SCRUB_PAGES).map_err(|e| e.to_string())
    }
}

/// One step of the writer's own, of which nobody waits to hear.
#[derive(Debug)]
pub(super) struct Step;

impl Verb for Step {
    fn change(&mut self, change: &mut Change<'_>) -> rusqlite::Result<()> {
        change.go_on_erasing()
    }

    fn answer(self: Box<Self>, _outcome: Result<(), &str>) {}
}

/// The mark that all pages are wiped.
#[derive(Debug)]
struct Wiped;

impl Verb for Wiped {
    fn change(&mut self, change: &mut Change<'_>) -> rusqlite::Result<()> {
        change.conn.prepare_cached("update meta set value = 0 where key = 'unwiped'")?.execute([])?;
        change.wrote = true;
        change.at.scrub = None;
        Ok(())
    }

    fn answer(self: Box<Self>, _outcome: Result<(), &str>) {}
}

/// An order of which events are still to be found.
struct Open {
    number: u64,
    source: i64,
    user: i64,
    through: u64,
    last: u64,
    now: bool,
}

impl Change<'_> {
    fn begin_erasure(
        &mut self,
        source: &SourceKey,
        user: i64,
        now: bool,
        signed: &Signed,
    ) -> rusqlite::Result<u64> {
        let key = source.as_str();
        let source = self.number(Kind::Source, key)?;
        let what = format!("a person of source {key}{}", if now { ", at once" } else { "" });
        let line = self.changed(signed, "erase", &what, 0)?.line;
        self.conn
            .prepare_cached(
                "insert into erasure(at, source, user, at_once, through, last, line) values(?1, ?2, ?3, ?4, 0, ?5, ?6)",
            )?
            .execute((self.now.as_microsecond(), source, user, now, self.at.seq, line))?;
        self.at.erasing = Erasing::Working;
        Ok(self.conn.last_insert_rowid().cast_unsigned())
    }

    fn go_on_erasing(&mut self) -> rusqlite::Result<()> {
        let open = self
            .conn
            .prepare_cached(
                "select no, source, user, through, last, at_once from erasure where user is not null order by no limit 1",
            )?
            .query_row([], |r| {
                Ok(Open {
                    number: r.get(0)?,
                    source: r.get(1)?,
                    user: r.get(2)?,
                    through: r.get(3)?,
                    last: r.get(4)?,
                    now: r.get(5)?,
                })
            })
            .optional()?;
        match open {
            Some(open) => self.find_some(&open)?,
            None => self.take_settled_out()?,
        }
        self.at.erasing = Erasing::read(self.conn)?;
        Ok(())
    }

    /// Looks through the next places for events of the person.
    fn find_some(&mut self, open: &Open) -> rusqlite::Result<()> {
        let window = open.last.min(open.through.saturating_add(WINDOW));
        let found: Vec<(u64, Vec<u8>)> = self
            .conn
            .prepare_cached(
                "select seq, people from event where seq > ?1 and seq <= ?2 and source = ?3
                 and instr(people, ?4) > 0 order by seq limit ?5",
            )?
            .query_map((open.through, window, open.source, people::column(&[open.user]), STEP), |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, _) in found.iter().filter(|(_, column)| people::has(column, open.user)) {
            if open.now || !self.is_to_be_sent(*seq)? {
                self.take_out(open.number, *seq)?;
            } else {
                self.erase_parked(open.number, *seq)?;
                self.conn
                    .prepare_cached(
                        "insert into erasing(event, erasure) values(?1, ?2) on conflict do nothing",
                    )?
                    .execute((seq, open.number))?;
            }
        }
        let through = found.last().filter(|_| found.len() == STEP).map_or(window, |(seq, _)| *seq);
        self.wrote = true;
        self.conn
            .prepare_cached(
                "update erasure set through = ?2, user = iif(?2 >= last, null, user) where no = ?1",
            )?
            .execute((open.number, through))?;
        // Who it was must not lie in the log either.
        self.erase()?;
        Ok(())
    }

    /// Takes out those of which everything is sent by now.
    fn take_settled_out(&mut self) -> rusqlite::Result<()> {
        let due: Vec<(u64, u64)> = self
            .conn
            .prepare_cached(
                "select erasure, event from erasing
                 where not exists(select 1 from delivery where event = erasing.event) limit ?1",
            )?
            .query_map([STEP], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (number, seq) in &due {
            self.take_out(*number, *seq)?;
        }
        if !due.is_empty() {
            self.erase()?;
        }
        Ok(())
    }

    fn is_to_be_sent(&self, seq: u64) -> rusqlite::Result<bool> {
        self.conn
            .prepare_cached("select exists(select 1 from delivery where event = ?1)")?
            .query_row([seq], |r| r.get(0))
    }

    fn erase_parked(&mut self, number: u64, seq: u64) -> rusqlite::Result<()> {
        // Steps to the end: with RETURNING the delete is complete only then.
        let parked = self
            .conn
            .prepare_cached(
                "delete from parked where event = ?1
                 returning topic, contract, (select source from event where seq = parked.event)",
            )?
            .query_map([seq], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<rusqlite::Result<Vec<(Option<i64>, Option<i64>, i64)>>>()?;
        let mut n = 0;
        for (topic, contract, source) in parked {
            // One that was parked at the door is no message.
            if let (Some(topic), Some(contract)) = (topic, contract) {
                self.count(source, contract, topic, Count::Erased, 1);
                n += 1;
            }
        }
        self.add_to_erasure(number, 0, n)
    }

    /// Takes an event out, with all that is known of it but its id.
    fn take_out(&mut self, number: u64, seq: u64) -> rusqlite::Result<()> {
        self.erase_parked(number, seq)?;
        let unsent = self
            .conn
            .prepare_cached(
                "delete from delivery where event = ?1
                 returning topic, contract, size, (select source from event where seq = delivery.event),
                           (select key from topic where no = delivery.topic)",
            )?
            .query_map([seq], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?
            .collect::<rusqlite::Result<Vec<(i64, i64, u64, i64, String)>>>()?;
        for (topic, contract, size, source, key) in &unsent {
            self.at.owed_bytes = self.at.owed_bytes.saturating_sub(*size);
            self.count(*source, *contract, *topic, Count::Erased, 1);
            self.rewind(key);
        }
        self.keep_numbers()?;
        let gone = self.conn.prepare_cached("delete from event where seq = ?1")?.execute([seq])?;
        self.conn.prepare_cached("delete from settled where event = ?1")?.execute([seq])?;
        self.conn.prepare_cached("delete from erasing where event = ?1")?.execute([seq])?;
        self.wrote = true;
        self.add_to_erasure(number, gone as u64, unsent.len() as u64)
    }

    /// In the order's own row, and in its line of the audit.
    fn add_to_erasure(&mut self, number: u64, events: u64, messages: u64) -> rusqlite::Result<()> {
        self.conn
            .prepare_cached(
                "update erasure set events = events + ?2, messages = messages + ?3 where no = ?1",
            )?
            .execute((number, events, messages))?;
        self.conn
            .prepare_cached(
                "update audit set n = n + ?2 where no = (select line from erasure where no = ?1)",
            )?
            .execute((number, events))?;
        Ok(())
    }
}

fn erasure(conn: &Connection, number: u64) -> rusqlite::Result<Option<Erasure>> {
    let left = conn
        .prepare_cached(
            "select t.key, count(*) from erasing e join delivery d on d.event = e.event join topic t on t.no = d.topic
             where e.erasure = ?1 group by t.key order by t.key",
        )?
        .query_map([number], |r| Ok((parse(r, 0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    conn.prepare_cached(
        "select e.at, s.key, e.user is null, e.events, e.messages,
                exists(select 1 from erasing where erasure = e.no)
         from erasure e join source s on s.no = e.source where e.no = ?1",
    )?
    .query_row([number], |r| {
        let waits: bool = r.get(5)?;
        Ok(Erasure {
            number,
            begun: micros(r, 0)?,
            source: parse(r, 1)?,
            found_all: r.get(2)?,
            events: r.get(3)?,
            messages: r.get(4)?,
            // What was sent a moment ago goes with the next step.
            wiped: !(waits && left.is_empty()),
            left: left.clone(),
        })
    })
    .optional()
}

impl Store {
    pub(in super::super) async fn erase(
        &self,
        source: SourceKey,
        user: i64,
        now: bool,
        signed: Signed,
    ) -> Result<u64, SpoolError> {
        self.change(move |change| change.begin_erasure(&source, user, now, &signed)).await
    }

    pub(in super::super) async fn erasure(&self, number: u64) -> Result<Option<Erasure>, SpoolError> {
        let found = self.read("reading an erasure", move |c| erasure(c, number)).await?;
        let unwiped = self.shared.unwiped();
        Ok(found.map(|erasure| Erasure { wiped: erasure.wiped && !unwiped, ..erasure }))
    }
}
