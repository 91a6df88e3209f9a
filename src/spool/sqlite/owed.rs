//! How much is owed of what: one walk over what waits.

use rusqlite::Connection;

use super::read::parse;
use crate::spool::Owing;

pub(super) fn owed(conn: &Connection) -> rusqlite::Result<Vec<Owing>> {
    conn.prepare_cached(
        "select t.key, c.key, d.n from (select topic, contract, count(*) n from delivery group by topic, contract) d
         join topic t on t.no = d.topic join contract c on c.no = d.contract order by 1, 2",
    )?
    .query_map([], |row| Ok(Owing { topic: parse(row, 0)?, contract: parse(row, 1)?, n: row.get(2)? }))?
    .collect()
}
