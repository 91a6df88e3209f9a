//! The rival that cannot be beaten, only neared: a loop that writes the rows of an accept into the same
//! tables under the same settings, from one thread that does nothing else.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use moodle_sns_producer::spool::{Batch, Route};
use rusqlite::Connection;

pub struct Bare {
    conn: Connection,
    names: HashMap<Arc<str>, i64>,
    seq: i64,
    since_checkpoint: usize,
}

impl Bare {
    /// Over a file that the spool made, so that the tables are the same.
    pub fn open(path: &Path) -> Self {
        let conn = Connection::open(path).unwrap();
        for (name, value) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
            ("temp_store", 2),
            ("secure_delete", 1),
            ("cell_size_check", 1),
            ("wal_autocheckpoint", 0),
            ("journal_size_limit", 16 << 20),
        ] {
            conn.pragma_update(None, name, value).unwrap();
        }
        assert_eq!(conn.pragma_query_value(None, "journal_mode", |r| r.get::<_, String>(0)).unwrap(), "wal");
        conn.set_prepared_statement_cache_capacity(64);
        let seq = conn.query_one("select coalesce(max(seq), 0) from event", [], |r| r.get(0)).unwrap();
        Self { conn, names: HashMap::new(), seq, since_checkpoint: 0 }
    }

    /// One transaction that holds some batches.
    pub fn commit(&mut self, batches: &[Batch]) {
        let conn = &self.conn;
        conn.execute("begin immediate", []).unwrap();
        let mut counts: HashMap<i64, i64> = HashMap::new();
        for accept in batches.iter().flat_map(|b| &b.events) {
            let next = i64::try_from(self.names.len()).unwrap() + 1;
            let name = *self.names.entry(Arc::clone(&accept.event.name)).or_insert(next);
            *counts.entry(name).or_default() += 1;
            self.seq += 1;
            let id = accept.event.id.as_bytes();
            let fresh = conn
                .prepare_cached("insert into seen(source, id, day, seq, content) values(1, ?1, 1, ?2, 1) on conflict do nothing")
                .unwrap()
                .execute((id, self.seq))
                .unwrap();
            assert_eq!(fresh, 1);
            conn.prepare_cached(
                "insert into event(seq, epoch, source, id, name, time, raised, at, bulk, people, digest, body)
                 values(?1, 1, 1, ?2, ?3, 1, ?4, ?4, 0, zeroblob(8 * ?6), zeroblob(16), ?5)",
            )
            .unwrap()
            .execute((
                self.seq,
                id,
                name,
                accept.event.raised.unwrap().as_microsecond(),
                &accept.event.data[..],
                accept.people.len(),
            ))
            .unwrap();
            let Route::Owed(owed) = &accept.route else { panic!("each event owes one") };
            let group = owed[0].group.as_ref().unwrap().0;
            conn.prepare_cached(
                "insert into delivery(topic, pos, event, contract, grp, class, redriven, size) values(1, ?1, ?1, 1, ?2, 0, 0, 900)",
            )
            .unwrap()
            .execute((self.seq, group))
            .unwrap();
        }
        let ledger = "insert into ledger(hour, source, name, topic, what, n) values(1, 1, ?1, ?2, ?3, ?4)
                      on conflict do update set n = n + excluded.n";
        let total: i64 = counts.values().sum();
        conn.prepare_cached(ledger).unwrap().execute((0, 0, "received", total)).unwrap();
        conn.prepare_cached(ledger).unwrap().execute((1, 1, "owed", total)).unwrap();
        for (name, n) in counts {
            conn.prepare_cached(ledger).unwrap().execute((name, 0, "accepted", n)).unwrap();
        }
        conn.execute("commit", []).unwrap();
        // Copied at the same log size as ours, estimated from the bytes written.
        self.since_checkpoint +=
            batches.iter().flat_map(|b| &b.events).map(|a| a.event.data.len() + 600).sum::<usize>();
        if self.since_checkpoint > 4 << 20 {
            self.since_checkpoint = 0;
            conn.query_one("pragma wal_checkpoint(passive)", [], |r| r.get::<_, i64>(0)).unwrap();
        }
    }
}
