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
            Self::Source => "select no, key from source order by no",
            Self::Name => "select no, key from name order by no",
            Self::Topic => "select no, key from topic order by no",
            Self::Contract => "select no, key from contract order by no",
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
    /// The same by number, from 1.
    words: [Vec<Arc<str>>; 4],
}

impl Words {
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let mut words = Self::default();
        for kind in Kind::ALL {
            let mut statement = conn.prepare(kind.select())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                words.learn(kind, row.get::<_, String>(1)?.into(), row.get(0)?);
            }
        }
        Ok(words)
    }

    pub(super) fn number(&mut self, conn: &Connection, kind: Kind, word: &str) -> rusqlite::Result<i64> {
        if let Some(no) = self.known(kind, word) {
            return Ok(no);
        }
        let no = i64::try_from(self.words[kind as usize].len()).unwrap_or(i64::MAX) + 1;
        conn.prepare_cached(kind.insert())?.execute((no, word))?;
        self.learn(kind, word.into(), no);
        Ok(no)
    }

    fn learn(&mut self, kind: Kind, word: Arc<str>, no: i64) {
        self.known[kind as usize].insert(Arc::clone(&word), no);
        self.words[kind as usize].push(word);
    }

    /// The word of a number.
    pub(super) fn word(&self, kind: Kind, no: i64) -> Option<&Arc<str>> {
        self.words[kind as usize].get(usize::try_from(no).ok()?.checked_sub(1)?)
    }

    /// The number of a word, if it was ever used.
    pub(super) fn known(&self, kind: Kind, word: &str) -> Option<i64> {
        self.known[kind as usize].get(word).copied()
    }
}
