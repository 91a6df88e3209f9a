//! Takes withdrawn contracts out, a little in each transaction: first what is owed, then what is stored.

use std::fmt::Write as _;

use rusqlite::OptionalExtension as _;

use super::super::{Count, Kept, Withdrawal, Withdrawn};
use super::change::Change;
use super::people;
use super::prepared::EventDigest;
use super::read;
use super::words::Kind;
use crate::delivery::ContractId;

/// The most events that one transaction looks at.
const STEP: usize = 500;
/// The most messages that one transaction drops: each looks for them from the head of all that is owed.
const OWED_STEP: usize = 5_000;

/// Under which key of `meta` the contracts stand that are out already.
const MARK: &str = "withdrawn";

/// How far a withdrawal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// Whether it was done before.
    #[default]
    Begin,
    /// Messages that wait, are held or parked.
    Owed,
    /// Events behind this number.
    Stored { after: i64 },
    /// The mark that it is done, and the audit.
    End,
    /// Nothing is left to do.
    Done,
}

impl Change<'_> {
    /// One step. Gives the next stage, and what this one did.
    pub(super) fn withdraw(
        &mut self,
        wish: &Withdrawal,
        stage: Stage,
        so_far: Withdrawn,
    ) -> rusqlite::Result<(Stage, Withdrawn)> {
        match stage {
            Stage::Begin => self.begin_withdrawal(wish).map(|next| (next, Withdrawn::default())),
            Stage::Owed => {
                let done = self.drop_owed(wish)?;
                let left = done.unsent + done.parked > 0;
                Ok((if left { Stage::Owed } else { Stage::Stored { after: 0 } }, done))
            }
            Stage::Stored { after } => {
                let (last, done) = self.recut(wish, after)?;
                Ok((last.map_or(Stage::End, |after| Stage::Stored { after }), done))
            }
            Stage::End => self.end_withdrawal(wish, so_far).map(|()| (Stage::Done, Withdrawn::default())),
            Stage::Done => Ok((Stage::Done, Withdrawn::default())),
        }
    }

    fn begin_withdrawal(&mut self, wish: &Withdrawal) -> rusqlite::Result<Stage> {
        let before: Option<String> = self
            .conn
            .prepare_cached("select value from meta where key = ?1")?
            .query_row([MARK], |r| r.get(0))
            .optional()?;
        let before: Vec<&str> = before.as_deref().unwrap_or_default().split_whitespace().collect();
        // Nothing of a contract that is out comes in while it stays so.
        if wish.contracts.iter().all(|contract| before.contains(&contract.as_str())) {
            self.mark_withdrawn(wish)?;
            return Ok(Stage::Done);
        }
        Ok(Stage::Owed)
    }

    fn mark_withdrawn(&mut self, wish: &Withdrawal) -> rusqlite::Result<()> {
        self.wrote = true;
        if wish.contracts.is_empty() {
            self.conn.prepare_cached("delete from meta where key = ?1")?.execute([MARK])?;
            return Ok(());
        }
        self.conn
            .prepare_cached("insert into meta(key, value) values(?1, ?2) on conflict do update set value = excluded.value")?
            .execute((MARK, names(&wish.contracts)))?;
        Ok(())
    }

    fn end_withdrawal(&mut self, wish: &Withdrawal, done: Withdrawn) -> rusqlite::Result<()> {
        self.mark_withdrawn(wish)?;
        let Withdrawn { unsent, parked, cut, erased } = done;
        let mut what = names(&wish.contracts);
        let _ = write!(
            what,
            ": {unsent} unsent and {parked} parked messages dropped, {erased} events erased, {cut} cut to what others take"
        );
        self.erase()?;
        self.audit("configuration", "withdraw", &what, "named in contracts.withdrawn", None).map(|_| ())
    }

    fn drop_owed(&mut self, wish: &Withdrawal) -> rusqlite::Result<Withdrawn> {
        let mut done = Withdrawn::default();
        for contract in &wish.contracts {
            let Some(contract) = self.at.words.known(Kind::Contract, contract.as_str()) else { continue };
            // Steps to the end: with RETURNING the delete is complete only then.
            let unsent = self
                .conn
                .prepare_cached(
                    "delete from delivery where (topic, pos) in
                         (select topic, pos from delivery where contract = ?1 limit ?2)
                     returning topic, size, (select source from event where seq = delivery.event)",
                )?
                .query_map((contract, OWED_STEP), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<rusqlite::Result<Vec<(i64, u64, i64)>>>()?;
            for (topic, size, source) in &unsent {
                self.at.owed_bytes = self.at.owed_bytes.saturating_sub(*size);
                self.count(*source, contract, *topic, Count::Erased, 1);
            }
            let parked = self
                .conn
                .prepare_cached(
                    "delete from parked where no in (select no from parked where contract = ?1 limit ?2)
                     returning topic, (select source from event where seq = parked.event)",
                )?
                .query_map((contract, OWED_STEP), |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
            for (topic, source) in &parked {
                self.count(*source, contract, *topic, Count::Erased, 1);
            }
            done.unsent += unsent.len() as u64;
            done.parked += parked.len() as u64;
            self.wrote |= !unsent.is_empty() || !parked.is_empty();
        }
        Ok(done)
    }

    /// Cuts or erases the next events that a withdrawn contract may have taken. None: there are no more.
    fn recut(&mut self, wish: &Withdrawal, after: i64) -> rusqlite::Result<(Option<i64>, Withdrawn)> {
        let names: Vec<i64> =
            wish.events.iter().filter_map(|name| self.at.words.known(Kind::Name, name)).collect();
        let mut done = Withdrawn::default();
        let found: Vec<(i64, i64)> = self
            .conn
            .prepare_cached("select seq, name from event where seq > ?1 order by seq limit ?2")?
            .query_map((after, STEP), |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, _) in found.iter().filter(|(_, name)| names.contains(name)) {
            match self.recut_one(wish, *seq)? {
                Kept::Whole => {}
                Kept::Part { .. } => done.cut += 1,
                Kept::Nothing => done.erased += 1,
            }
        }
        let last = found.last().filter(|_| found.len() == STEP).map(|(seq, _)| *seq);
        Ok((last, done))
    }

    fn recut_one(&mut self, wish: &Withdrawal, seq: i64) -> rusqlite::Result<Kept> {
        let others = self.others(wish, seq)?;
        let owes: bool = self
            .conn
            .prepare_cached(
                "select exists(select 1 from delivery where event = ?1) or exists(select 1 from parked where event = ?1)",
            )?
            .query_row([seq], |r| r.get(0))?;
        let Some(event) = read::stored_event(self.conn, seq)? else {
            // Damaged bytes can't be cut, and may hold what must go; what is owed of it is parked as corrupt.
            self.update_body(seq, &[], &[], None)?;
            return Ok(part(b""));
        };
        let kept = match (wish.keep)(&event, &others) {
            // What is owed of it still needs the event, however little of it is left.
            Kept::Nothing if owes => part(br#"{"entities":{},"event":{}}"#),
            kept => kept,
        };
        match &kept {
            Kept::Whole => {}
            Kept::Part { data, people } => {
                let digest = EventDigest::of(&crate::event::Event { data: data.clone(), ..event });
                self.update_body(seq, data, people, Some(digest))?;
            }
            Kept::Nothing => {
                self.wrote = true;
                self.keep_numbers()?;
                self.conn.prepare_cached("delete from event where seq = ?1")?.execute([seq])?;
                self.conn.prepare_cached("delete from settled where event = ?1")?.execute([seq])?;
            }
        }
        Ok(kept)
    }

    /// Contracts beside the withdrawn ones that are owed or were sent messages of an event.
    fn others(&self, wish: &Withdrawal, seq: i64) -> rusqlite::Result<Vec<ContractId>> {
        let names = self
            .conn
            .prepare_cached(
                "select key from contract where no in (select contract from delivery where event = ?1
                     union select contract from parked where event = ?1
                     union select contract from settled where event = ?1)",
            )?
            .query_map([seq], |r| r.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        let ids = names.iter().filter_map(|name| name.parse().ok());
        Ok(ids.filter(|id| !wish.contracts.contains(id)).collect())
    }

    fn update_body(
        &mut self,
        seq: i64,
        data: &[u8],
        people: &[i64],
        digest: Option<EventDigest>,
    ) -> rusqlite::Result<()> {
        self.wrote = true;
        self.conn.prepare_cached("update event set body = ?2, people = ?3 where seq = ?1")?.execute((
            seq,
            data,
            people::column(people),
        ))?;
        if let Some(digest) = digest {
            self.conn
                .prepare_cached("update event set digest = ?2 where seq = ?1")?
                .execute((seq, digest.stored))?;
            // A copy that Moodle sends again is cut like this one.
            self.conn
                .prepare_cached("update seen set content = ?2 where (source, id) = (select source, id from event where seq = ?1)")?
                .execute((seq, digest.content))?;
        }
        Ok(())
    }
}

/// What stays where nobody stands in it.
fn part(data: &'static [u8]) -> Kept {
    Kept::Part { data: bytes::Bytes::from_static(data), people: Vec::new() }
}

fn names(contracts: &[ContractId]) -> String {
    contracts.iter().map(ContractId::as_str).collect::<Vec<_>>().join(" ")
}
