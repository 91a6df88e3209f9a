//! A fault that is no message's: the topic's, or the whole account's. While it lasts one message is tried
//! now and then; the first that SNS takes ends it, so a cure needs nobody to press a button.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::verdict::Fault;

/// What holds a topic or the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    /// SNS's words and the cure.
    pub fault: Fault,
    /// Since when, for people.
    pub since: Timestamp,
    began: Instant,
    /// When the next message is tried.
    pub probe: Instant,
}

impl Hold {
    /// A hold that begins now, or goes on: a second fault keeps the time of the first.
    pub(super) fn by(fault: Fault, before: Option<&Self>, now: Instant, pause: Duration) -> Self {
        let (since, began) = before.map_or_else(|| (Timestamp::now(), now), |b| (b.since, b.began));
        Self { fault, since, began, probe: now + pause }
    }

    /// Whether a call sent at `sent` that went well ends the hold: one from before its beginning says
    /// nothing.
    pub(super) fn is_ended_by(&self, sent: Instant) -> bool {
        sent >= self.began
    }
}

/// The account's hold, which all topics share.
#[derive(Debug, Clone)]
pub(super) struct Account(watch::Sender<Option<Hold>>);

impl Account {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Wakes when the hold begins, ends or is probed.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Hold>> {
        self.0.subscribe()
    }

    /// Holds all topics. Says whether that is new.
    pub(super) fn hold(&self, fault: Fault, now: Instant, pause: Duration) -> bool {
        let mut new = false;
        self.0.send_modify(|hold| {
            new = hold.is_none();
            *hold = Some(Hold::by(fault, hold.as_ref(), now, pause));
        });
        new
    }

    /// Ends the hold if a call sent at `sent` that went well does. Says whether it did.
    pub(super) fn lift(&self, sent: Instant) -> bool {
        self.0.send_if_modified(|hold| hold.take_if(|hold| hold.is_ended_by(sent)).is_some())
    }

    /// Takes the turn to try one message, so that of all topics one tries.
    pub(super) fn take_probe(&self, now: Instant, pause: Duration) -> bool {
        self.0.send_if_modified(|hold| match hold {
            Some(hold) if hold.probe <= now => {
                hold.probe = now + pause;
                true
            }
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Fault {
        Fault { words: "ExpiredToken".into(), cure: "renew" }
    }

    #[test]
    fn of_all_topics_one_probes_at_a_time() {
        let (now, pause) = (Instant::now(), Duration::from_secs(30));
        let account = Account::new();
        assert!(account.hold(fault(), now, pause));
        assert!(!account.hold(fault(), now, pause));
        assert!(!account.take_probe(now, pause));
        assert!(account.take_probe(now + pause, pause));
        assert!(!account.take_probe(now + pause, pause));
        assert!(account.take_probe(now + pause * 2, pause));
    }

    #[test]
    fn only_a_call_sent_after_it_began_ends_a_hold() {
        let (now, pause) = (Instant::now(), Duration::from_secs(30));
        let account = Account::new();
        account.hold(fault(), now + pause, pause);
        assert!(!account.lift(now));
        assert!(account.lift(now + pause));
        assert_eq!(*account.watch().borrow(), None);
        assert!(!account.lift(now + pause));
    }
}
