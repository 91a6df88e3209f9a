//! Past events owed again: the rows of a replay, its steps, and how far back events reach.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::super::{
    Count, OwedAgain, Past, PastPage, Reach, Replay, ReplayOrder, ReplayState, ReplayStep, Signed, SpoolError,
};
use super::Store;
use super::change::{Change, class_number};
use super::prepared::DELIVERY_BYTES;
use super::read::{self, EVENT, micros, odd, parse};
use super::words::Kind;
use crate::delivery::{Class, ContractId, ReplayName};
use crate::event::SourceKey;

/// A read looks at so many events at most, however few are asked for.
const WINDOW: u64 = 20_000;

/// Under these keys of `meta` stand the place and the time up to which history was pruned.
const PRUNED: [&str; 2] = ["pruned_seq", "pruned_at"];

/// Notes that events of these places are pruned, in the pruner's own transaction and before they go.
pub(super) fn note_pruned(conn: &Connection, first: i64, last: i64) -> rusqlite::Result<()> {
    let at: Option<i64> = conn
        .prepare_cached("select max(at) from event where seq between ?1 and ?2")?
        .query_row((first, last), |r| r.get(0))?;
    let mut note = conn.prepare_cached("update meta set value = max(value, ?2) where key = ?1")?;
    note.execute((PRUNED[0], last))?;
    note.execute((PRUNED[1], at.unwrap_or_default()))?;
    Ok(())
}

fn pruned(conn: &Connection) -> rusqlite::Result<(u64, Option<i64>)> {
    let mut asked = conn.prepare_cached("select value from meta where key = ?1")?;
    let seq = asked.query_row([PRUNED[0]], |r| r.get(0))?;
    let at: i64 = asked.query_row([PRUNED[1]], |r| r.get(0))?;
    Ok((seq, (at > 0).then_some(at)))
}

impl Change<'_> {
    /// Notes since when events come under a list that names these contracts; what was noted before stays.
    pub(super) fn arm(
        &mut self,
        source: &SourceKey,
        contracts: &[ContractId],
        since: Timestamp,
    ) -> rusqlite::Result<()> {
        let source = self.number(Kind::Source, source.as_str())?;
        for contract in contracts {
            let contract = self.number(Kind::Contract, contract.as_str())?;
            let fresh = self
                .conn
                .prepare_cached(
                    "insert into armed(source, contract, since) values(?1, ?2, ?3) on conflict do nothing",
                )?
                .execute((source, contract, since.as_microsecond()))?;
            self.wrote |= fresh > 0;
        }
        Ok(())
    }

    /// Forgets since when contracts were armed that a source's list does not name any more.
    pub(super) fn disarm_all_but(
        &mut self,
        source: &SourceKey,
        contracts: &[ContractId],
    ) -> rusqlite::Result<()> {
        let Some(source) = self.at.words.known(Kind::Source, source.as_str()) else { return Ok(()) };
        let named: Vec<i64> =
            contracts.iter().filter_map(|c| self.at.words.known(Kind::Contract, c.as_str())).collect();
        let armed: Vec<i64> = self
            .conn
            .prepare_cached("select contract from armed where source = ?1")?
            .query_map([source], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for contract in armed.iter().filter(|contract| !named.contains(contract)) {
            self.wrote = true;
            self.conn
                .prepare_cached("delete from armed where source = ?1 and contract = ?2")?
                .execute((source, contract))?;
        }
        Ok(())
    }

    /// Writes a replay down, to be made step by step. False: there is one of this id.
    pub(super) fn begin_replay(&mut self, order: &ReplayOrder, signed: &Signed) -> rusqlite::Result<bool> {
        let topic = self.number(Kind::Topic, order.topic.as_str())?;
        let source = match &order.source {
            Some(source) => Some(self.number(Kind::Source, source.as_str())?),
            None => None,
        };
        let names: Vec<&str> = order.contracts.iter().map(ContractId::as_str).collect();
        let (pruned, _) = pruned(self.conn)?;
        let fresh = self
            .conn
            .prepare_cached(
                "insert into replay(id, name, topic, source, contracts, since, until, per_second, at, through, last, pruned_before)
                 values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11) on conflict do nothing",
            )?
            .execute((
                order.name.id(),
                order.name.as_str(),
                topic,
                source,
                names.join(" "),
                order.from.as_microsecond(),
                order.until.as_microsecond(),
                order.per_second,
                self.now.as_microsecond(),
                self.at.seq,
                pruned,
            ))?;
        if fresh == 0 {
            return Ok(false);
        }
        let of = order.source.as_ref().map_or(String::new(), |source| format!(" of source {source}"));
        let what = format!(
            "{} to topic {}: what was accepted{of} from {} until {}, at most {} a second, {}",
            order.name,
            order.topic,
            order.from,
            order.until,
            order.per_second,
            names.join(" ")
        );
        self.changed(signed, "replay", &what, 0)?;
        Ok(true)
    }

    /// Keeps one step. False: the replay has ended, or this step was kept before.
    pub(super) fn owe_again(&mut self, step: &ReplayStep) -> rusqlite::Result<bool> {
        let found: Option<(i64, String, u64, u64)> = self
            .conn
            .prepare_cached(
                "select r.topic, t.key, r.last, r.pruned_before from replay r join topic t on t.no = r.topic
                 where r.no = ?1 and r.through = ?2 and r.fate is null",
            )?
            .query_row((step.number, step.after), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .optional()?;
        let Some((topic, key, last, pruned_before)) = found else { return Ok(false) };
        self.wrote = true;
        let mut owed = 0;
        for one in &step.owed {
            owed += u64::from(self.owe_one_again(topic, step.number, one)?);
        }
        if owed > 0 {
            self.wake(&key);
        }
        let (pruned_seq, pruned_at) = pruned(self.conn)?;
        let beneath = pruned_at.filter(|_| pruned_seq > pruned_before.max(step.after));
        self.conn
            .prepare_cached(
                "update replay set through = ?2, owed = owed + ?3, unmade = unmade + ?4, pruned = coalesce(?5, pruned)
                 where no = ?1",
            )?
            .execute((step.number, step.through, owed, step.unmade, beneath))?;
        if step.through >= last {
            self.end_replay(step.number, MADE)?;
        }
        Ok(true)
    }

    fn end_replay(&mut self, number: u64, fate: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached("update replay set fate = ?2, ended = ?3 where no = ?1")?.execute((
            number,
            fate,
            self.now.as_microsecond(),
        ))?;
        Ok(())
    }

    /// False: the event is gone, or is to go.
    fn owe_one_again(&mut self, topic: i64, replay: u64, one: &OwedAgain) -> rusqlite::Result<bool> {
        let source: Option<i64> = self
            .conn
            .prepare_cached(
                "select source from event where seq = ?1 and not exists(select 1 from erasing where event = ?1)",
            )?
            .query_row([one.event], |r| r.get(0))
            .optional()?;
        let Some(source) = source else { return Ok(false) };
        let contract = self.number(Kind::Contract, one.contract.as_str())?;
        let size = one.bytes + DELIVERY_BYTES;
        self.at.pos += 1;
        self.conn
            .prepare_cached(
                "insert into delivery(topic, pos, event, contract, grp, class, redriven, size, replay)
                 values(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)",
            )?
            .execute((
                topic,
                self.at.pos,
                one.event,
                contract,
                one.group.0,
                class_number(Class::Bulk),
                size,
                replay,
            ))?;
        self.at.owed_bytes += size;
        self.count(source, contract, topic, Count::Owed, 1);
        Ok(true)
    }

    /// Counts a published delivery of a replay, if it is one's.
    pub(super) fn count_of_replay(&mut self, replay: Option<i64>) -> rusqlite::Result<()> {
        if let Some(replay) = replay {
            self.conn
                .prepare_cached("update replay set settled = settled + 1 where no = ?1")?
                .execute([replay])?;
        }
        Ok(())
    }

    /// Ends a replay: nothing more is made, and what waits of it is passed over. None: there is none of this
    /// id, or it is over.
    pub(super) fn cancel_replay(&mut self, id: &str, signed: &Signed) -> rusqlite::Result<Option<u64>> {
        let found: Option<(u64, String, String)> = self
            .conn
            .prepare_cached(
                "select no, name, (select key from topic where no = replay.topic) from replay where id = ?1
                 and (fate is null or fate = 'made' and exists(select 1 from delivery where replay = replay.no))",
            )?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let Some((number, name, topic)) = found else { return Ok(None) };
        self.rewind(&topic);
        // Steps to the end: with RETURNING the delete is complete only then.
        let skipped = self
            .conn
            .prepare_cached(
                "delete from delivery where (topic, pos) in (select topic, pos from delivery where replay = ?1)
                 returning topic, contract, size, (select source from event where seq = delivery.event)",
            )?
            .query_map([number], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
            .collect::<rusqlite::Result<Vec<(i64, i64, u64, i64)>>>()?;
        for (topic, contract, size, source) in &skipped {
            self.at.owed_bytes = self.at.owed_bytes.saturating_sub(*size);
            self.count(*source, *contract, *topic, Count::Skipped, 1);
        }
        self.end_replay(number, CANCELLED)?;
        let n = skipped.len() as u64;
        self.changed(signed, "replay cancel", &name, n)?;
        Ok(Some(n))
    }
}

const MADE: &str = "made";
const CANCELLED: &str = "cancelled";

/// All replays, the newest first; or those alone that still make deliveries.
pub(super) fn replays(conn: &Connection, running: bool) -> rusqlite::Result<Vec<Replay>> {
    let mut statement = conn.prepare_cached(
        "select r.no, r.name, t.key, r.contracts, (select key from source where no = r.source), r.since, r.until,
                r.per_second, r.at, r.fate, r.ended, r.through, r.last, r.owed, r.unmade, r.settled, r.pruned,
                (select count(*) from delivery where replay = r.no), (select count(*) from parked where replay = r.no)
         from replay r join topic t on t.no = r.topic where not ?1 or r.fate is null order by r.no desc",
    )?;
    statement.query_map([running], replay)?.collect()
}

fn replay(row: &Row<'_>) -> rusqlite::Result<Replay> {
    let contracts: String = row.get(3)?;
    let contracts = contracts.split(' ').map(str::parse).collect::<Result<_, _>>();
    let source: Option<String> = row.get(4)?;
    let fate: Option<String> = row.get(9)?;
    let state = match fate.as_deref() {
        None => ReplayState::Running,
        Some(MADE) => ReplayState::Made { at: micros(row, 10)? },
        Some(_) => ReplayState::Cancelled { at: micros(row, 10)? },
    };
    let pruned: Option<i64> = row.get(16)?;
    Ok(Replay {
        number: row.get(0)?,
        order: ReplayOrder {
            name: parse::<ReplayName>(row, 1)?,
            topic: parse(row, 2)?,
            contracts: contracts.map_err(|e| odd(3, e))?,
            source: source.map(|s| s.parse()).transpose().map_err(|e| odd(4, e))?,
            from: micros(row, 5)?,
            until: micros(row, 6)?,
            per_second: row.get(7)?,
        },
        begun: micros(row, 8)?,
        state,
        through: row.get(11)?,
        last: row.get(12)?,
        owed: row.get(13)?,
        unmade: row.get(14)?,
        settled: row.get(15)?,
        waiting: row.get(17)?,
        parked: row.get(18)?,
        pruned: pruned.map(Timestamp::from_microsecond).transpose().map_err(|e| odd(16, e))?,
    })
}

/// How far back events can be sent again.
pub(super) fn reach(conn: &Connection) -> rusqlite::Result<Reach> {
    let armed = conn
        .prepare_cached(
            "select s.key, c.key, a.since from armed a join source s on s.no = a.source
             join contract c on c.no = a.contract order by s.key, c.key",
        )?
        .query_map([], |r| Ok((parse(r, 0)?, parse(r, 1)?, micros(r, 2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let (_, pruned) = pruned(conn)?;
    let last: Option<u64> = conn.prepare_cached("select max(seq) from event")?.query_row([], |r| r.get(0))?;
    Ok(Reach {
        armed,
        pruned: pruned.map(Timestamp::from_microsecond).transpose().map_err(|e| odd(0, e))?,
        last: last.unwrap_or_default(),
    })
}

/// At most `n` of the events asked for, behind a place. What was set aside at the door is none of them.
pub(super) fn past(conn: &Connection, asked: &Past, after: u64, n: usize) -> rusqlite::Result<PastPage> {
    let window = asked.last.min(after.saturating_add(WINDOW));
    let names: Vec<&str> = asked.names.iter().map(AsRef::as_ref).collect();
    let names = serde_json::to_string(&names).unwrap_or_default();
    let mut statement = conn.prepare_cached(&format!(
        "select e.seq, {EVENT} from event e
         where e.seq > ?1 and e.seq <= ?2 and e.at >= ?3 and e.at < ?4
           and e.name in (select no from name where key in (select value from json_each(?5)))
           and (?6 is null or e.source = (select no from source where key = ?6))
           and not exists(select 1 from parked p where p.event = e.seq and p.topic is null)
           and not exists(select 1 from erasing where event = e.seq)
         order by e.seq limit ?7"
    ))?;
    let mut rows = statement.query((
        after,
        window,
        asked.from.as_microsecond(),
        asked.until.as_microsecond(),
        names,
        asked.source.as_ref().map(SourceKey::as_str),
        n,
    ))?;
    let mut page = PastPage { events: Vec::new(), damaged: 0, through: window };
    let mut found = 0;
    while let Some(row) = rows.next()? {
        found += 1;
        let seq: u64 = row.get(0)?;
        match read::event(row, 1) {
            Ok(Ok(event)) => page.events.push(event),
            Ok(Err(_)) | Err(_) => page.damaged += 1,
        }
        if found == n {
            page.through = seq;
        }
    }
    Ok(page)
}

impl Store {
    pub(in super::super) async fn arm(
        &self,
        source: SourceKey,
        contracts: Vec<ContractId>,
        since: Timestamp,
    ) -> Result<(), SpoolError> {
        self.change(move |change| change.arm(&source, &contracts, since)).await
    }

    pub(in super::super) async fn disarm_all_but(
        &self,
        source: SourceKey,
        contracts: Vec<ContractId>,
    ) -> Result<(), SpoolError> {
        self.change(move |change| change.disarm_all_but(&source, &contracts)).await
    }

    pub(in super::super) async fn reach(&self) -> Result<Reach, SpoolError> {
        self.read("reading how far history reaches", reach).await
    }

    pub(in super::super) async fn begin_replay(
        &self,
        order: ReplayOrder,
        signed: Signed,
    ) -> Result<bool, SpoolError> {
        self.change(move |change| change.begin_replay(&order, &signed)).await
    }

    pub(in super::super) async fn owe_again(&self, step: ReplayStep) -> Result<bool, SpoolError> {
        self.change(move |change| change.owe_again(&step)).await
    }

    pub(in super::super) async fn cancel_replay(
        &self,
        id: String,
        signed: Signed,
    ) -> Result<Option<u64>, SpoolError> {
        self.change(move |change| change.cancel_replay(&id, &signed)).await
    }

    pub(in super::super) async fn replays(&self, running: bool) -> Result<Vec<Replay>, SpoolError> {
        self.read("reading replays", move |c| replays(c, running)).await
    }

    pub(in super::super) async fn past(
        &self,
        asked: Past,
        after: u64,
        n: usize,
    ) -> Result<PastPage, SpoolError> {
        self.read("reading past events", move |c| past(c, &asked, after, n)).await
    }
}
