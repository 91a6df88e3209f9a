//! How many batches of one topic may be in flight now. Trouble with whole calls halves it and pauses the
//! topic; each answer that goes well lets it climb back. Pure: times come as arguments.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::delivery::Cause;

/// The pace of one topic.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    now: usize,
    went_well: usize,
    troubled: u32,
    until: Option<Instant>,
    slowed: Option<Instant>,
    trouble: Option<Trouble>,
}

/// What slows the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Its kind.
    pub cause: Cause,
    /// What was answered.
    pub words: String,
    /// Since when no call has gone well.
    pub since: Timestamp,
}

impl Pace {
    /// A pace of at most `most` batches in flight.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: most, went_well: 0, troubled: 0, until: None, slowed: None, trouble: None }
    }

    /// How many batches may be in flight now; none during a pause.
    pub(super) fn allowed(&self, now: Instant) -> usize {
        if self.until.is_some_and(|until| now < until) { 0 } else { self.now }
    }

    /// When the pause ends.
    pub(super) fn resumes(&self) -> Option<Instant> {
        self.until
    }

    /// What slows the topic now, if anything does.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// A call that was sent at `sent` ran into trouble. Of the calls that were in flight together only the
    /// first slows the topic. `wait` gives the pause for the n-th trouble in a row.
    pub(super) fn slow(
        &mut self,
        sent: Instant,
        now: Instant,
        trouble: Trouble,
        wait: impl Fn(u32) -> Duration,
    ) {
        if self.slowed.is_some_and(|slowed| sent < slowed) {
            return;
        }
        self.now = (self.now / 2).max(1);
        self.went_well = 0;
        self.troubled = self.troubled.saturating_add(1);
        self.until = Some(now + wait(self.troubled));
        self.slowed = Some(now);
        let since = self.trouble.as_ref().map_or(trouble.since, |before| before.since);
        self.trouble = Some(Trouble { since, ..trouble });
    }

    /// A call that was sent at `sent` went well: after as many as may be in flight, one more may be.
    pub(super) fn go_well(&mut self, sent: Instant) {
        if self.slowed.is_some_and(|slowed| sent < slowed) {
            return;
        }
        self.troubled = 0;
        self.trouble = None;
        self.until = None;
        self.went_well += 1;
        if self.went_well >= self.now && self.now < self.most {
            self.now += 1;
            self.went_well = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> Trouble {
        Trouble { cause: Cause::Throttled, words: String::new(), since: Timestamp::UNIX_EPOCH }
    }

    fn second(n: u32) -> Duration {
        Duration::from_secs(n.into())
    }

    #[test]
    fn trouble_halves_and_pauses_and_success_climbs_back() {
        let start = Instant::now();
        let mut pace = Pace::new(8);
        assert_eq!(pace.allowed(start), 8);
        pace.slow(start, start, trouble(), second);
        assert_eq!((pace.allowed(start), pace.allowed(start + second(1))), (0, 4));
        for expected in [4, 4, 4, 5, 5, 5, 5, 5, 6] {
            pace.go_well(start);
            assert_eq!(pace.allowed(start), expected);
        }
        for _ in 0..100 {
            pace.go_well(start);
        }
        assert_eq!(pace.allowed(start), 8);
    }

    #[test]
    fn calls_that_were_in_flight_together_slow_the_topic_once() {
        let start = Instant::now();
        let mut pace = Pace::new(8);
        for n in 1..=8 {
            pace.slow(start, start + second(n), trouble(), second);
        }
        assert_eq!(pace.allowed(start + second(20)), 4);
    }

    #[test]
    fn pauses_grow_until_a_call_goes_well() {
        let mut now = Instant::now();
        let mut pace = Pace::new(8);
        for n in 1..10 {
            pace.slow(now, now, trouble(), second);
            assert_eq!(pace.resumes(), Some(now + second(n)));
            now += second(n);
        }
        assert_eq!(pace.allowed(now), 1);
        pace.go_well(now);
        assert_eq!((pace.resumes(), pace.trouble()), (None, None));
        pace.slow(now, now, trouble(), second);
        assert_eq!(pace.resumes(), Some(now + second(1)));
    }

    #[test]
    fn trouble_is_told_since_its_beginning() {
        let now = Instant::now();
        let mut pace = Pace::new(8);
        pace.slow(now, now, trouble(), second);
        let later = Trouble { since: Timestamp::MAX, cause: Cause::Unknown, words: "cut".into() };
        pace.slow(now + second(2), now + second(2), later, second);
        let told = pace.trouble().map(|t| (t.since, t.cause));
        assert_eq!(told, Some((Timestamp::UNIX_EPOCH, Cause::Unknown)));
    }
}
