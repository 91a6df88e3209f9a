//! What Moodle raised: the site it came from, its id, its place in the order of acceptance, and its
//! content as it was cut. Values shared by all stages.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

/// A word that names something in the configuration: 1 to 32 characters of `[a-z0-9_-]`, beginning
/// with a letter or digit. It appears in URLs, metric labels and log lines.
pub(crate) fn is_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=32).contains(&bytes.len())
        && bytes[0] != b'-'
        && bytes[0] != b'_'
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-' || *b == b'_')
}

/// A text is not a key: see [`SourceKey`] for the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key: use 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit")]
pub struct NotAKey(pub String);

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The key as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $crate::event::NotAKey;
            fn from_str(text: &str) -> Result<Self, $crate::event::NotAKey> {
                if $crate::event::is_key(text) { Ok(Self(text.into())) } else { Err($crate::event::NotAKey(text.to_owned())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}
pub(crate) use key;

key! {
    /// The key of a source, as in `[sources.KEY]` and `/v1/sources/KEY/events`.
    SourceKey
}

/// A Moodle site that sends, as its messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its key in the configuration.
    pub key: SourceKey,
    /// The site's URL: CloudEvents `source` of each of its messages, the same for ever.
    pub url: String,
    /// What `dataschema` begins with; `<base><type>` names a message's schema. Default
    /// `urn:moodle-sns-producer:schema:`.
    pub dataschema: String,
}

/// The id of an event: a UUIDv7 given when Moodle raised it, or a UUIDv8 (a hash) for an event that
/// was read back from Moodle's log store (backfill), or that came without a usable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Uuid);

/// Why a text is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: a UUID of version 7 or 8 in its 36-character lower-case form is needed")]
pub struct NotAnEventId;

impl EventId {
    /// An event id of a UUID of version 7 or 8.
    ///
    /// # Errors
    /// Any other version.
    pub fn new(uuid: Uuid) -> Result<Self, NotAnEventId> {
        match uuid.get_version_num() {
            7 | 8 if uuid.get_variant() == uuid::Variant::RFC4122 => Ok(Self(uuid)),
            _ => Err(NotAnEventId),
        }
    }

    /// The id for something that came without one: a UUIDv8 of the first 16 bytes of a digest.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The id's 16 bytes, in the order in which ids sort.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// When the id was made, in milliseconds since 1970; none for an id that is a hash.
    #[must_use]
    pub fn unix_millis(&self) -> Option<u64> {
        if self.0.get_version_num() != 7 {
            return None;
        }
        let b = self.0.as_bytes();
        Some(u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]]))
    }

    /// Whether the event was read back from Moodle's log store instead of being observed.
    #[must_use]
    pub fn is_backfill(&self) -> bool {
        self.0.get_version_num() == 8
    }

    /// The same id with its time cut to the hour, for an event that Moodle marks anonymous: its random
    /// bits stay, so two copies of one event still have one id.
    #[must_use]
    pub fn cut_to_hour(self) -> Self {
        let Some(millis) = self.unix_millis() else { return self };
        let hour = millis - millis % 3_600_000;
        let mut bytes = *self.0.as_bytes();
        bytes[..6].copy_from_slice(&hour.to_be_bytes()[2..]);
        // `rand_a` may hold more of the time (RFC 9562, 6.2 method 3): it goes too.
        bytes[6] = 0x70;
        bytes[7] = 0;
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for EventId {
    type Err = NotAnEventId;
    /// Only the hyphenated lower-case form is taken, so that one id has one text.
    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        if text.len() != 36 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(NotAnEventId);
        }
        Self::new(Uuid::parse_str(text).map_err(|_| NotAnEventId)?)
    }
}

impl TryFrom<&[u8]> for EventId {
    type Error = NotAnEventId;
    fn try_from(bytes: &[u8]) -> Result<Self, NotAnEventId> {
        Self::new(Uuid::from_slice(bytes).map_err(|_| NotAnEventId)?)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

/// Where an event stands in the order of acceptance. Sorts as a value and as text alike; opaque to
/// consumers; has gaps; never goes back, not even when an older copy of the spool is restored (then the
/// epoch is higher).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence {
    /// Raised at each start of a spool on one machine.
    pub epoch: u32,
    /// The event's place in the spool.
    pub position: u64,
    /// Its place among events that share a position; 0 on SQLite.
    pub place: u32,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}.{:016x}.{:08x}", self.epoch, self.position, self.place)
    }
}

/// One event as it is kept: cut to what the rows of the wanted list declare, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The site it came from.
    pub source: SourceKey,
    /// Its id.
    pub id: EventId,
    /// Moodle's event name, e.g. `\core\event\user_enrolment_created`.
    pub name: Arc<str>,
    /// Moodle's `timecreated` (whole seconds); cut to the hour when anonymous.
    pub time: Timestamp,
    /// When the observer ran (microseconds), corrected for a clock that is off; none when anonymous.
    pub raised: Option<Timestamp>,
    /// Of a long list of events at once (restore, command line, outbox): live events go first.
    pub bulk: bool,
    /// JSON text of `{"event":{…},"entities":{…}}`.
    pub data: Bytes,
}

/// An event as the spool gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event as it was accepted.
    pub event: Event,
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_lower_case_words() {
        for good in ["vle", "a", "grades-2", "x_1", "0"] {
            assert_eq!(good.parse::<SourceKey>().map(|k| k.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "_a", "A", "a b", "a/b", "é", &"a".repeat(33)] {
            assert_eq!(bad.parse::<SourceKey>(), Err(NotAKey(bad.to_owned())));
        }
    }

    #[test]
    fn ids_are_v7_or_v8_in_one_text_form() {
        let v7 = "01a20e53-90ce-7205-a292-0dd69749d9f5";
        assert_eq!(v7.parse::<EventId>().map(|i| i.to_string()), Ok(v7.to_owned()));
        for bad in [
            "01A20E53-90CE-7205-A292-0DD69749D9F5",
            "01a20e5390ce7205a2920dd69749d9f5",
            "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
            "01a20e53-90ce-7205-0292-0dd69749d9f5",
            "",
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnEventId), "{bad}");
        }
    }

    #[test]
    fn an_id_cut_to_the_hour_keeps_its_random_bits_and_loses_its_minutes() {
        let id: EventId = "01a20e53-90ce-7205-a292-0dd69749d9f5".parse().unwrap();
        let cut = id.cut_to_hour();
        assert_eq!(cut.as_bytes()[8..], id.as_bytes()[8..]);
        assert_eq!(cut.unix_millis().unwrap() % 3_600_000, 0);
        assert!(id.unix_millis().unwrap() - cut.unix_millis().unwrap() < 3_600_000);
        assert_eq!(cut.cut_to_hour(), cut);
        assert_eq!(cut.to_string().parse(), Ok(cut));
    }

    #[test]
    fn sequences_sort_as_text_as_they_do_as_values() {
        let s = |epoch, position, place| Sequence { epoch, position, place };
        let rising = [s(1, 2, 0), s(1, 2, 1), s(1, 10, 0), s(2, 1, 0), s(u32::MAX, u64::MAX, u32::MAX)];
        for pair in rising.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].to_string() < pair[1].to_string());
        }
    }
}
