//! Why a commit failed: what it was decides whether room or a restart is the cure.

use rusqlite::ErrorCode;

/// Why a transaction failed.
pub(super) struct Broken {
    pub(super) words: String,
    pub(super) by: BrokenBy,
}

/// What it was that failed, as far as the store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenBy {
    /// The disk has no room.
    Full,
    /// A read, a write or a sync: which may be room too.
    InputOutput,
    /// The file is closed, since it could not be opened again.
    Closed,
    Other,
}

impl BrokenBy {
    /// Whether it is worth asking the disk if it is full.
    pub(super) fn may_be_room(self) -> bool {
        matches!(self, Self::Full | Self::InputOutput)
    }
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        let by = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => BrokenBy::Full,
            Some(ErrorCode::SystemIoFailure) => BrokenBy::InputOutput,
            _ => BrokenBy::Other,
        };
        Self { words: error.to_string(), by }
    }
}
