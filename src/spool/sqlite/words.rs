//! Keys and names as the small numbers that stand for them in the tables.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

/// Which table a word is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Source,
    Name,
    Topic,
    Contract,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Source, Self::Name, Self::Topic, Self::Contract];

    fn select(self) -> &'static str {
        match self {
            Self::Source => "select no, key from source",
            Self::Name => "select no, key from name",
            Self::Topic => "select no, key from topic",
            Self::Contract => "select no, key from contract",
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Self::Source => "insert into source(no, key) values(?1, ?2)",
            Self::Name => "insert into name(no, key) values(?1, ?2)",
            Self::Topic => "insert into topic(no, key) values(?1, ?2)",
            Self::Contract => "insert into contract(no, key) values(?1, ?2)",
        }
    }
}

/// The words the writer knows. A new word is written in the transaction that first uses it.
#[derive(Debug, Default)]
pub(super) struct Words {
    known: [HashMap<Arc<str>, i64>; 4],
}

impl Words {
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let mut words = Self::default();
        for kind in Kind::ALL {
            let mut statement = conn.prepare(kind.select())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                words.known[kind as usize].insert(row.get::<_, String>(1)?.into(), row.get(0)?);
            }
        }
        Ok(words)
    }

    pub(super) fn number(&mut self, conn: &Connection, kind: Kind, word: &str) -> rusqlite::Result<i64> {
        let known = &mut self.known[kind as usize];
        if let Some(no) = known.get(word) {
            return Ok(*no);
        }
        let no = i64::try_from(known.len()).unwrap_or(i64::MAX) + 1;
        conn.prepare_cached(kind.insert())?.execute((no, word))?;
        known.insert(word.into(), no);
        Ok(no)
    }

    /// The number of a word, if it was ever used.
    pub(super) fn known(&self, kind: Kind, word: &str) -> Option<i64> {
        self.known[kind as usize].get(word).copied()
    }
}
