//! The tables, and the settings under which a commit that returned is on the disk.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

use super::own;
use crate::planted::{Bug, planted};

/// What the file says it is (`PRAGMA application_id`): "MSPs" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x4d53_5073;

/// The version of the tables below (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 1;

/// Before 3.51.3 a WAL reset could lose commits when one connection writes while another checkpoints
/// (SQLite's own account of the WAL-reset bug).
pub(super) const OLDEST_SQLITE: i32 = 3_051_003;

/// Why each table has the keys it has:
/// `event` is in the order of acceptance; `seen` outlives it; `delivery` is read topic by topic from its
/// head, and asked for by event when one is traced or pruned; `settled` is history, asked for by event;
/// a `fate` there says that a person had it passed over, and topic 0 that it was the event itself, parked at the door.
/// `people` stands in the event's own row, before its body: one more b-tree would cost each accept, and a scan
/// for the few that are ever erased passes over bodies.
/// Rowids are given by the one writer, so nothing needs AUTOINCREMENT's second write.
const CREATE: [&str; 23] = [
    "create table meta(key text primary key, value any) strict, without rowid",
    "create table source(no integer primary key, key text not null unique) strict",
    "create table name(no integer primary key, key text not null unique) strict",
    "create table topic(no integer primary key, key text not null unique) strict",
    "create table contract(no integer primary key, key text not null unique) strict",
    "create table list(source integer not null, etag text not null, rows text not null, until integer,
        primary key(source, etag)) strict, without rowid",
    "create table event(seq integer primary key, epoch integer not null, source integer not null, id blob not null,
        name integer not null, time integer not null, raised integer, at integer not null, bulk integer not null,
        people blob, digest blob not null, body blob not null) strict",
    "create table seen(source integer not null, id blob not null, day integer not null, seq integer not null,
        content integer not null, primary key(source, id)) strict, without rowid",
    "create table delivery(topic integer not null, pos integer not null, event integer not null,
        contract integer not null, grp blob not null, class integer not null, redriven integer not null,
        size integer not null, due integer, tries integer, cause text, unknown_since integer, replay integer,
        primary key(topic, pos)) strict, without rowid",
    "create index delivery_event on delivery(event)",
    "create index delivery_replay on delivery(replay) where replay is not null",
    "create table parked(no integer primary key, event integer not null, topic integer, contract integer, grp blob,
        class integer not null, size integer not null, reason text not null, detail text not null,
        at integer not null, replay integer) strict",
    "create index parked_event on parked(event)",
    "create index parked_replay on parked(replay) where replay is not null",
    "create table settled(event integer not null, topic integer not null, contract integer not null,
        pos integer not null, at integer not null, fate text, sns_id any, sns_seq text, request any, replay integer,
        primary key(event, topic, contract, pos)) strict, without rowid",
    "create table replay(no integer primary key, id text not null unique, name text not null, topic integer not null,
        source integer, contracts text not null, since integer not null, until integer not null,
        per_second integer not null, at integer not null, fate text, ended integer, through integer not null,
        last integer not null, owed integer not null default 0, unmade integer not null default 0,
        settled integer not null default 0, pruned integer, pruned_before integer not null) strict",
    "create table armed(source integer not null, contract integer not null, since integer not null,
        primary key(source, contract)) strict, without rowid",
    "create table paused(topic integer primary key, at integer not null, who text not null, why text not null) strict",
    "create table erasure(no integer primary key, at integer not null, source integer not null, user integer,
        at_once integer not null, through integer not null, last integer not null, line integer not null,
        events integer not null default 0, messages integer not null default 0) strict",
    "create table erasing(event integer primary key, erasure integer not null) strict",
    "create table ledger(hour integer not null, source integer not null, name integer not null,
        topic integer not null, what text not null, n integer not null,
        primary key(hour, source, name, topic, what)) strict, without rowid",
    "create table audit(no integer primary key, at integer not null, who text not null, verb text not null,
        what text not null, why text not null, n integer) strict",
    "insert into meta(key, value) values('spool', lower(hex(randomblob(8)))), ('epoch', 0), ('seq', 0), ('pos', 0), ('pruned_seq', 0), ('pruned_at', 0), ('unwiped', 0)",
];

/// How long a connection waits for another's lock.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Opens the file for writing, or makes it, with every setting read back.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Fault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // No SQLITE_OPEN_URI: a path that begins `file:` would be read as one, and lose everything (memory mode).
    let conn = Connection::open_with_flags(path, flags)?;
    // First of all: a reader that is just closing may hold the file for a moment when it is opened again.
    conn.busy_timeout(BUSY)?;
    let fresh: i64 = conn.query_one("select count(*) from sqlite_schema", [], |r| r.get(0))?;
    if fresh == 0 {
        // Both must be set before the first table.
        set(&conn, "auto_vacuum", 2)?;
    } else {
        identify(&conn)?;
    }
    let mode: String = conn.query_one("pragma journal_mode=wal", [], |r| r.get(0))?;
    if mode != "wal" {
        return Err(Fault::Setting { name: "journal_mode", wanted: "wal".into(), found: mode });
    }
    settle(&conn)?;
    // An own checkpoint looks at its result; SQLite's automatic one hides errors (FAULTS: checkpoints).
    set(&conn, "wal_autocheckpoint", 0)?;
    set(&conn, "journal_size_limit", 16 << 20)?;
    if fresh == 0 {
        create(&conn)?;
    }
    // -1 says that there is no log, whatever the mode says; busy says only that another copies it now.
    let frames: i64 = conn.query_one("pragma wal_checkpoint", [], |r| r.get(1))?;
    if frames < 0 {
        return Err(Fault::Setting { name: "journal_mode", wanted: "wal".into(), found: "no log".into() });
    }
    Ok(conn)
}

/// Opens the file for reading, beside the writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    identify(&conn)?;
    settle(&conn)?;
    Ok(conn)
}

/// The settings of one connection: none of them is kept in the file.
fn settle(conn: &Connection) -> Result<(), Fault> {
    // FULL: a commit that returned is on the disk.
    set(conn, "synchronous", if planted(Bug::SyncNormal) { 1 } else { 2 })?;
    set(conn, "foreign_keys", 1)?;
    set(conn, "trusted_schema", 0)?;
    set(conn, "mmap_size", 0)?; // a damaged page must be an error, not a signal
    set(conn, "temp_store", 2)?;
    set(conn, "secure_delete", 1)?; // what is erased must not stay in free pages
    set(conn, "cell_size_check", 1)?;
    // The bundled build plans by the values bound (STAT4), and the statement cache clears them: so without
    // this a statement from the cache is parsed and planned anew at each use.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn set(conn: &Connection, name: &'static str, value: i64) -> Result<(), Fault> {
    // `pragma_update` does not see an error that comes at the end: so each value is read back.
    conn.pragma_update(None, name, value)?;
    let found: i64 = conn.pragma_query_value(None, name, |r| r.get(0))?;
    if found == value {
        Ok(())
    } else {
        Err(Fault::Setting { name, wanted: value.to_string(), found: found.to_string() })
    }
}

fn identify(conn: &Connection) -> Result<(), Fault> {
    let id: i64 = conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
    if id != APPLICATION_ID {
        return Err(Fault::NotASpool);
    }
    let version: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if version != VERSION {
        return Err(Fault::Version(version));
    }
    Ok(())
}

/// Makes the tables in one transaction: a file either is a whole spool or none.
fn create(conn: &Connection) -> Result<(), Fault> {
    conn.execute("begin immediate", [])?;
    for statement in CREATE.into_iter().chain(own::CREATE) {
        conn.execute(statement, [])?;
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", VERSION)?;
    conn.execute("commit", [])?;
    Ok(())
}

/// Why the file could not be opened as a spool.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store's own error.
    Store(rusqlite::Error),
    /// A setting on which durability rests did not take.
    Setting {
        /// Its name.
        name: &'static str,
        /// What it must be.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// Another program's database.
    NotASpool,
    /// Tables of another version.
    Version(i64),
    /// The file's structure is damaged, in SQLite's words.
    Damaged(String),
}

impl Fault {
    /// Whether room on the disk would cure it.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Store(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotASpool,
            _ => Self::Store(error),
        }
    }
}
