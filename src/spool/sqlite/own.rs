//! What the sidecar tells of itself, and what it must know for that.

use rusqlite::OptionalExtension as _;

use super::super::{Accept, Own, Route, SpoolError};
use super::Store;
use super::change::Change;
use super::prepared::{DELIVERY_BYTES, EventDigest};
use super::words::Kind;

/// The tables beside those of the flow. `own` holds the last own event of each topic, source and contract.
pub(super) const CREATE: [&str; 1] =
    ["create table own(topic integer not null, source integer not null, contract integer not null,
        event integer not null, primary key(topic, source, contract)) strict, without rowid"];

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
}

impl Change<'_> {
    /// Keeps an own event, unless the last of its kind is still owed. Whether it was kept.
    fn tell(&mut self, Own { event, owed }: Own) -> rusqlite::Result<bool> {
        let topic = self.number(Kind::Topic, owed.topic.as_str())?;
        let source = self.number(Kind::Source, event.source.as_str())?;
        let contract = self.number(Kind::Contract, owed.contract.as_str())?;
        let last: Option<i64> = self
            .conn
            .prepare_cached("select event from own where topic = ?1 and source = ?2 and contract = ?3")?
            .query_row((topic, source, contract), |r| r.get(0))
            .optional()?;
        let waits: bool = self
            .conn
            .prepare_cached("select exists(select 1 from delivery where event = ?1)")?
            .query_one([last], |r| r.get(0))?;
        if waits {
            return Ok(false);
        }
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
        let accept = Accept { event, people: Vec::new(), route: Route::Owed(vec![owed]) };
        self.keep(source, name, seq, &accept, &digest)?;
        if let Route::Owed(owed) = &accept.route {
            for one in owed {
                self.owe(source, seq, size, one)?;
            }
        }
        self.conn
            .prepare_cached(
                "insert into own(topic, source, contract, event) values(?1, ?2, ?3, ?4)
                 on conflict do update set event = excluded.event",
            )?
            .execute((topic, source, contract, seq))?;
        Ok(true)
    }
}
