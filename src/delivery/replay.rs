//! The name of a replay, as its messages carry it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Whom past messages are sent again for, and in which replay: `<for>/<id>`, the attribute `replay` of each of
/// them. Consumers deduplicate by a message's id together with it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayName {
    text: Arc<str>,
    slash: usize,
}

/// A text that is not the name of a replay: see [`ReplayName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a replay: `<for>/<id>`, each 1 to 26 of A-Z, a-z, 0-9, - and _ (for whom it is, and which it is)"
)]
pub struct NotAReplay(pub String);

impl ReplayName {
    /// The most characters of each part: a FIFO deduplication id has room for a message's id (at most 101), a
    /// `#` and 26 more (Amazon SNS: 128).
    pub const PART: usize = 26;

    /// For whom it is.
    #[must_use]
    pub fn addressee(&self) -> &str {
        &self.text[..self.slash]
    }

    /// Which it is. No two of a spool are alike.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// The attribute's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ReplayName {
    type Err = NotAReplay;
    fn from_str(text: &str) -> Result<Self, NotAReplay> {
        let part = |part: &str| {
            (1..=Self::PART).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        match text.split_once('/') {
            Some((addressee, id)) if part(addressee) && part(id) => {
                Ok(Self { text: text.into(), slash: addressee.len() })
            }
            _ => Err(NotAReplay(text.to_owned())),
        }
    }
}

impl fmt::Display for ReplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ReplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replays_name_says_for_whom_and_which() {
        let name: ReplayName = "library/2026-11_a".parse().unwrap();
        assert_eq!(
            (name.addressee(), name.id(), name.as_str()),
            ("library", "2026-11_a", "library/2026-11_a")
        );
        for bad in ["", "/", "a/", "/a", "a", "a/b/c", "a b/c", "a/é", &format!("a/{}", "b".repeat(27))] {
            assert!(bad.parse::<ReplayName>().is_err(), "{bad}");
        }
        let longest = format!("moodle.{}.v1", "a".repeat(54));
        assert!(36 + 1 + longest.len() + 1 + ReplayName::PART <= 128);
    }
}
