//! What readers ask. Each is one short read, on a connection beside the writer's.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::super::{
    Count, Delivery, Entry, LedgerRow, Parked, ParkedFilter, TopicState, Trace, TracedDelivery, TracedState,
};
use super::change::{FILTER, filter_values};
use super::prepared::EventDigest;
use crate::delivery::{
    Class, ContractId, Group, Held, Parking, Position, Reason, Receipt, ReplayName, TopicKey,
};
use crate::event::{Event, EventId, Sequence, SourceKey, StoredEvent};

/// A value in a row is not of the form that is always written: the disk changed it.
pub(super) fn odd(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
}

pub(super) fn parse<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| odd(column, Odd))
}

#[derive(Debug, thiserror::Error)]
#[error("not of the form that is written here")]
struct Odd;

pub(super) fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|e| odd(column, e))
}

fn held(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Held>> {
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    let unknown: Option<i64> = row.get(column + 3)?;
    Ok(Some(Held {
        due: micros(row, column)?,
        tries: row.get(column + 1)?,
        cause: parse(row, column + 2)?,
        unknown_since: unknown
            .map(Timestamp::from_microsecond)
            .transpose()
            .map_err(|e| odd(column + 3, e))?,
    }))
}

pub(super) fn index(
    conn: &Connection,
    topic: &TopicKey,
    after: Option<Position>,
    n: usize,
) -> rusqlite::Result<Vec<Entry>> {
    let mut contracts: HashMap<i64, ContractId> = HashMap::new();
    let mut statement = conn.prepare_cached(
        "select pos, contract, grp, class, due, tries, cause, unknown_since,
                (select key from contract where no = delivery.contract)
         from delivery where topic = (select no from topic where key = ?1) and pos > ?2 order by pos limit ?3",
    )?;
    let mut rows = statement.query((topic.as_str(), after.map_or(0, |p| p.0), n))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(1)?;
        let contract = match contracts.get(&number) {
            Some(known) => known.clone(),
            None => contracts.entry(number).or_insert(parse(row, 8)?).clone(),
        };
        entries.push(Entry {
            position: Position(row.get(0)?),
            contract,
            group: Group(row.get(2)?),
            class: class(row.get(3)?),
            held: held(row, 4)?,
        });
    }
    Ok(entries)
}

fn class(number: i64) -> Class {
    if number == 0 { Class::Live } else { Class::Bulk }
}

/// Columns of an event, in the order [`event`] reads them.
pub(super) const EVENT: &str = "e.epoch, e.seq, (select key from source where no = e.source), e.id,
    (select key from name where no = e.name), e.time, e.raised, e.bulk, e.body, e.digest";

pub(super) fn event(row: &Row<'_>, at: usize) -> rusqlite::Result<Result<StoredEvent, Parking>> {
    let id: Vec<u8> = row.get(at + 3)?;
    let name: String = row.get(at + 4)?;
    let body: Vec<u8> = row.get(at + 8)?;
    let raised: Option<i64> = row.get(at + 6)?;
    let event = Event {
        source: parse(row, at + 2)?,
        id: EventId::try_from(&id[..]).map_err(|e| odd(at + 3, e))?,
        name: name.into(),
        time: Timestamp::from_second(row.get(at + 5)?).map_err(|e| odd(at + 5, e))?,
        raised: raised.map(Timestamp::from_microsecond).transpose().map_err(|e| odd(at + 6, e))?,
        bulk: row.get(at + 7)?,
        data: body.into(),
    };
    let digest: [u8; 16] = row.get(at + 9)?;
    if EventDigest::of(&event).stored != digest {
        return Ok(Err(corrupt("the stored bytes are not those that were accepted: their digest differs")));
    }
    let sequence = Sequence { epoch: row.get(at)?, position: row.get(at + 1)?, place: 0 };
    Ok(Ok(StoredEvent { event, sequence }))
}

/// One event by its number; none when its bytes are damaged.
pub(super) fn stored_event(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Event>> {
    let found = conn
        .prepare_cached(&format!("select {EVENT} from event e where e.seq = ?1"))?
        .query_row([seq], |r| Ok(event(r, 0)))?;
    Ok(found.ok().and_then(Result::ok).map(|stored| stored.event))
}

fn corrupt(detail: &str) -> Parking {
    Parking::new(Reason::Corrupt, detail)
}

pub(super) fn load(conn: &Connection, topic: &TopicKey, at: &[Position]) -> rusqlite::Result<Vec<Delivery>> {
    let mut statement = conn.prepare_cached(&format!(
        "select d.redriven, (select key from contract where no = d.contract),
                (select name from replay where no = d.replay), {EVENT}
         from delivery d left join event e on e.seq = d.event
         where d.topic = (select no from topic where key = ?1) and d.pos = ?2"
    ))?;
    let mut loaded = Vec::with_capacity(at.len());
    for position in at {
        let delivery = statement
            .query_row((topic.as_str(), position.0), |row| {
                let read = event(row, 3);
                Ok(Delivery {
                    position: *position,
                    redriven: row.get(0)?,
                    contract: parse(row, 1)?,
                    replay: named(row, 2)?,
                    // A row that can't be read as an event is damaged: it parks, and stops nothing else.
                    event: read
                        .unwrap_or_else(|e| Err(corrupt(&format!("the stored event can't be read: {e}")))),
                })
            })
            .optional()?;
        loaded.extend(delivery);
    }
    Ok(loaded)
}

pub(super) fn lists(conn: &Connection, source: &SourceKey) -> rusqlite::Result<Vec<(String, String)>> {
    conn.prepare_cached(
        "select etag, rows from list where source = (select no from source where key = ?1) order by until is not null, until desc",
    )?
    .query_map([source.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))?
    .collect()
}

pub(super) fn ledger(conn: &Connection, since: Timestamp) -> rusqlite::Result<Vec<LedgerRow>> {
    let mut statement = conn.prepare_cached(
        "select hour, (select key from source where no = ledger.source),
                iif(topic = 0, (select key from name where no = ledger.name), (select key from contract where no = ledger.name)),
                (select key from topic where no = ledger.topic), what, n
         from ledger where hour >= ?1 order by hour, source, topic, name, what",
    )?;
    let rows = statement.query_map([since.as_second()], |r| {
        let topic: Option<String> = r.get(3)?;
        Ok(LedgerRow {
            hour: Timestamp::from_second(r.get(0)?).map_err(|e| odd(0, e))?,
            source: parse(r, 1)?,
            name: r.get::<_, Option<String>>(2)?.unwrap_or_default().into(),
            topic: topic.map(|t| t.parse()).transpose().map_err(|e| odd(3, e))?,
            count: count(r, 4)?,
            n: r.get(5)?,
        })
    })?;
    rows.collect()
}

/// Rows without a topic are of events.
pub(super) fn door(
    conn: &Connection,
    source: &SourceKey,
    since: Timestamp,
) -> rusqlite::Result<Vec<(Timestamp, Count, u64)>> {
    conn.prepare_cached(
        "select hour, what, sum(n) from ledger
         where hour >= ?1 and source = (select no from source where key = ?2) and topic = 0 group by hour, what",
    )?
    .query_map((since.as_second(), source.as_str()), |r| {
        Ok((Timestamp::from_second(r.get(0)?).map_err(|e| odd(0, e))?, count(r, 1)?, r.get(2)?))
    })?
    .collect()
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Count> {
    let what: String = row.get(column)?;
    Count::ALL.into_iter().find(|c| c.as_str() == what).ok_or_else(|| odd(column, Odd))
}

/// The parts of the account that lie in tables, read in one transaction so that they belong together.
pub(super) struct Account {
    pub(super) topics: Vec<TopicState>,
    pub(super) parked_events: Vec<(Reason, u64)>,
    pub(super) events: Vec<(Count, u64)>,
}

pub(super) fn account(conn: &Connection) -> rusqlite::Result<Account> {
    let transaction = conn.unchecked_transaction()?;
    let mut topics: HashMap<i64, TopicState> = HashMap::new();
    let mut statement = conn.prepare_cached("select no, key from topic")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let topic = parse(row, 1)?;
        topics.insert(
            row.get(0)?,
            TopicState {
                topic,
                waiting: 0,
                held: 0,
                owed_bytes: 0,
                parked: Vec::new(),
                paused: None,
                oldest: None,
                owed: 0,
                settled: 0,
                set_aside: 0,
            },
        );
    }
    drop(rows);
    let mut statement = conn.prepare_cached(
        "select topic, count(*), count(due), min(event), sum(size) from delivery group by topic",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(state) = topics.get_mut(&row.get::<_, i64>(0)?) else { continue };
        state.held = row.get(2)?;
        state.waiting = row.get::<_, u64>(1)? - state.held;
        state.owed_bytes = row.get(4)?;
        state.oldest = conn
            .prepare_cached("select at from event where seq = ?1")?
            .query_row([row.get::<_, i64>(3)?], |r| micros(r, 0))
            .optional()?;
    }
    drop(rows);
    for (key, pause) in super::topics::paused(conn)? {
        if let Some(state) = topics.values_mut().find(|state| state.topic.as_str() == key) {
            state.paused = Some(pause);
        }
    }
    let mut parked_events = Vec::new();
    let mut statement = conn.prepare_cached(
        "select topic, reason, count(*) from parked group by topic, reason order by 3 desc",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let counted = (parse(row, 1)?, row.get(2)?);
        match row.get::<_, Option<i64>>(0)? {
            None => parked_events.push(counted),
            Some(no) => {
                if let Some(state) = topics.get_mut(&no) {
                    state.parked.push(counted);
                }
            }
        }
    }
    drop(rows);
    let mut events: HashMap<Count, u64> = HashMap::new();
    let mut statement = conn.prepare_cached("select topic, what, sum(n) from ledger group by topic, what")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let count = count(row, 1)?;
        let n: u64 = row.get(2)?;
        match topics.get_mut(&row.get(0)?) {
            None => *events.entry(count).or_default() += n,
            Some(state) => match count {
                Count::Owed => state.owed += n,
                Count::Settled => state.settled += n,
                _ => state.set_aside += n,
            },
        }
    }
    drop(rows);
    transaction.finish()?;
    let mut topics: Vec<_> = topics.into_values().collect();
    topics.sort_by(|a, b| a.topic.cmp(&b.topic));
    let events = Count::ALL.into_iter().filter_map(|c| events.get(&c).map(|n| (c, *n))).collect();
    Ok(Account { topics, parked_events, events })
}

pub(super) fn trace(
    conn: &Connection,
    source: Option<&SourceKey>,
    id: EventId,
) -> rusqlite::Result<Option<Trace>> {
    let seen: Option<(i64, i64)> = conn
        .prepare_cached(
            "select seq, day from seen where id = ?1 and source in (select no from source where ?2 is null or key = ?2)",
        )?
        .query_row((id.as_bytes(), source.map(SourceKey::as_str)), |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((seq, day)) = seen else { return Ok(None) };
    let kept = conn
        .prepare_cached(&format!("select e.at, {EVENT} from event e where e.seq = ?1"))?
        .query_row([seq], |r| Ok((micros(r, 0)?, event(r, 1)?)))
        .optional()?;
    let (accepted, event) = match kept {
        Some((at, event)) => (at, event.ok()),
        None => (Timestamp::from_second(day * 86_400).map_err(|e| odd(1, e))?, None),
    };
    let parked = conn
        .prepare_cached("select reason, detail from parked where event = ?1 and topic is null")?
        .query_row([seq], |r| Ok(Parking::new(parse(r, 0)?, r.get::<_, String>(1)?)))
        .optional()?;
    let mut deliveries = Vec::new();
    let owed = |row: &Row<'_>, state| -> rusqlite::Result<TracedDelivery> {
        Ok(TracedDelivery { topic: parse(row, 0)?, contract: parse(row, 1)?, replay: named(row, 2)?, state })
    };
    const NAMES: &str =
        "(select key from topic where no = topic), (select key from contract where no = contract),
         (select name from replay where no = replay)";
    let mut statement = conn.prepare_cached(&format!(
        "select {NAMES}, due, tries, cause, unknown_since from delivery where event = ?1"
    ))?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        deliveries.push(owed(row, held(row, 3)?.map_or(TracedState::Waiting, TracedState::Held))?);
    }
    let mut statement = conn.prepare_cached(&format!(
        "select {NAMES}, reason, detail from parked where event = ?1 and topic is not null"
    ))?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        let parking = Parking::new(parse(row, 3)?, row.get::<_, String>(4)?);
        deliveries.push(owed(row, TracedState::Parked(parking))?);
    }
    let mut statement = conn.prepare_cached(&format!(
        "select {NAMES}, at, sns_id, sns_seq, request, fate, topic from settled where event = ?1"
    ))?;
    let mut rows = statement.query([seq])?;
    let mut dropped = None;
    while let Some(row) = rows.next()? {
        let at = micros(row, 3)?;
        let passed_over: Option<String> = row.get(7)?;
        if row.get::<_, i64>(8)? == 0 {
            dropped = Some(at);
            continue;
        }
        if let Some(fate) = passed_over {
            let skipped = fate == Count::Skipped.as_str();
            let state = if skipped { TracedState::Skipped { at } } else { TracedState::Dropped { at } };
            deliveries.push(owed(row, state)?);
            continue;
        }
        let receipt = Receipt {
            sns_id: id_text(row, 4)?.unwrap_or_default(),
            sns_sequence: row.get(5)?,
            request: id_text(row, 6)?,
        };
        deliveries.push(owed(row, TracedState::Settled { at, receipt })?);
    }
    Ok(Some(Trace { event, accepted: Some(accepted), parked, dropped, deliveries }))
}

/// The name of the replay it is of, if it is of one.
fn named(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ReplayName>> {
    row.get::<_, Option<String>>(column)?.map(|_| parse(row, column)).transpose()
}

fn id_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Blob(bytes) => {
            uuid::Uuid::from_slice(bytes).map(|id| Some(id.to_string())).map_err(|e| odd(column, e))
        }
        _ => row.get(column),
    }
}

pub(super) fn parked(
    conn: &Connection,
    filter: &ParkedFilter,
    after: Option<u64>,
    n: usize,
) -> rusqlite::Result<Vec<Parked>> {
    let mut statement = conn.prepare_cached(&format!(
        "select p.no, p.at, p.reason, p.detail, (select key from source where no = e.source), e.id,
                (select key from name where no = e.name), (select key from topic where no = p.topic),
                (select key from contract where no = p.contract)
         from parked p join event e on e.seq = p.event {FILTER} and p.no > :after order by p.no limit :n"
    ))?;
    let mut values = filter_values(filter);
    values.push((":after", Box::new(after.unwrap_or(0))));
    values.push((":n", Box::new(n)));
    let values: Vec<(&str, &dyn rusqlite::ToSql)> = values.iter().map(|(name, v)| (*name, &**v)).collect();
    let rows = statement.query_map(values.as_slice(), |r| {
        let id: Vec<u8> = r.get(5)?;
        let topic: Option<String> = r.get(7)?;
        let owed = match topic {
            Some(_) => Some((parse(r, 7)?, parse(r, 8)?)),
            None => None,
        };
        Ok(Parked {
            number: r.get(0)?,
            at: micros(r, 1)?,
            parking: Parking::new(parse(r, 2)?, r.get::<_, String>(3)?),
            source: parse(r, 4)?,
            event: EventId::try_from(&id[..]).map_err(|e| odd(5, e))?,
            name: Arc::from(r.get::<_, String>(6)?),
            owed,
        })
    })?;
    rows.collect()
}

pub(super) fn stored(conn: &Connection, number: u64) -> rusqlite::Result<Option<StoredEvent>> {
    let found = conn
        .prepare_cached(&format!(
            "select {EVENT} from parked p join event e on e.seq = p.event where p.no = ?1"
        ))?
        .query_row([number], |r| event(r, 0))
        .optional()?;
    Ok(found.and_then(Result::ok))
}
