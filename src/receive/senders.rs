//! Who may send: the sources with their secrets and the URLs they may speak as.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::secret::Secret;
use crate::event::{Source, SourceKey};

/// One source that may send.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The source, as its messages name it.
    pub source: Source,
    /// Other URLs that it may speak as, each until a time: for a site that moves.
    pub accept_urls: Vec<(String, Timestamp)>,
    /// Those that are valid now; any of them will do. Not empty.
    pub secrets: Vec<Secret>,
}

impl Sender {
    /// Whether an event (or a question for the wanted list) of this site may come from this source.
    #[must_use]
    pub fn speaks_as(&self, url: &str, now: Timestamp) -> bool {
        self.source.url == url || self.accept_urls.iter().any(|(other, until)| other == url && now < *until)
    }
}

/// All sources that may send. A reload replaces it whole.
#[derive(Debug, Default)]
pub struct Senders(HashMap<SourceKey, Arc<Sender>>);

/// Why a set of senders can't be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendersError {
    /// Without a secret nothing can be verified.
    #[error("the source {0} has no secret: make one with `moodle-sns-producer keys new`")]
    NoSecret(SourceKey),
    /// Standard Webhooks signs neither path nor source: a batch for one would pass for the other.
    #[error("the sources {0} and {1} share a secret: give each its own")]
    Shared(SourceKey, SourceKey),
    /// One key names two sources.
    #[error("the source {0} is there twice")]
    Twice(SourceKey),
}

impl Senders {
    /// The senders.
    ///
    /// # Errors
    /// One has no secret, two share one, or one key is there twice.
    pub fn new(senders: Vec<Sender>) -> Result<Self, SendersError> {
        for (index, one) in senders.iter().enumerate() {
            if one.secrets.is_empty() {
                return Err(SendersError::NoSecret(one.source.key.clone()));
            }
            for other in &senders[..index] {
                if one.source.key == other.source.key {
                    return Err(SendersError::Twice(one.source.key.clone()));
                }
                if one.secrets.iter().any(|a| other.secrets.iter().any(|b| a.equals(b))) {
                    return Err(SendersError::Shared(other.source.key.clone(), one.source.key.clone()));
                }
            }
        }
        Ok(Self(senders.into_iter().map(|s| (s.source.key.clone(), Arc::new(s))).collect()))
    }

    /// The sender of a path's source, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<Sender>> {
        self.0.get(&key.parse().ok()?).cloned()
    }

    /// Every sender.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Sender>> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(key: &str, secrets: &[&str]) -> Sender {
        Sender {
            source: Source {
                key: key.parse().unwrap(),
                url: format!("https://{key}.example.org"),
                dataschema: String::new(),
            },
            accept_urls: vec![],
            secrets: secrets.iter().map(|s| Secret::parse("a", s).unwrap()).collect(),
        }
    }
    const ONE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const TWO: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn each_source_has_secrets_of_its_own() {
        let key = |k: &str| k.parse::<SourceKey>().unwrap();
        let new = |s| Senders::new(s).map(|_| ());
        assert_eq!(new(vec![sender("a", &[ONE]), sender("b", &[TWO])]), Ok(()));
        assert_eq!(new(vec![sender("a", &[])]), Err(SendersError::NoSecret(key("a"))));
        assert_eq!(
            new(vec![sender("a", &[ONE]), sender("b", &[TWO, ONE])]),
            Err(SendersError::Shared(key("a"), key("b")))
        );
        assert_eq!(new(vec![sender("a", &[ONE]), sender("a", &[TWO])]), Err(SendersError::Twice(key("a"))));
    }

    #[test]
    fn a_site_that_moves_speaks_as_its_other_url_until_the_time_set() {
        let mut sender = sender("a", &[ONE]);
        let until: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        sender.accept_urls = vec![("https://new.example.org".into(), until)];
        let second = jiff::SignedDuration::from_secs(1);
        assert!(sender.speaks_as("https://a.example.org", until));
        assert!(sender.speaks_as("https://new.example.org", until - second));
        assert!(!sender.speaks_as("https://new.example.org", until));
        assert!(!sender.speaks_as("https://a.example.org/", until));
    }
}
