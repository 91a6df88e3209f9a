//! How fast messages of one topic come and go, second by second over the last minute, and when the topic
//! will be clear. Pure: times come as arguments.

use std::time::{Duration, Instant};

const SECONDS: usize = 60;

/// The same, of seconds counted.
const MINUTE: u64 = 60;

/// Shorter than this nothing can be said about a pace.
const LEAST: u64 = 2;

/// Counts of the last sixty seconds.
#[derive(Debug)]
pub(super) struct Flow {
    began: Instant,
    /// The second that is counted now.
    last: u64,
    published: [u32; SECONDS],
    arrived: [u32; SECONDS],
    /// Since which second it has been sending without a pause: what there was before says nothing of it.
    going_since: Option<u64>,
}

impl Flow {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, last: 0, published: [0; SECONDS], arrived: [0; SECONDS], going_since: None }
    }

    /// SNS took messages.
    pub(super) fn published(&mut self, now: Instant, n: u32) {
        let second = self.move_to(now);
        let count = &mut self.published[place(second)];
        *count = count.saturating_add(n);
    }

    /// Messages came that are owed.
    pub(super) fn arrived(&mut self, now: Instant, n: u32) {
        let second = self.move_to(now);
        let count = &mut self.arrived[place(second)];
        *count = count.saturating_add(n);
    }

    /// Whether there is something to send, and nothing holds it.
    pub(super) fn going(&mut self, now: Instant, going: bool) {
        let second = self.move_to(now);
        match (going, self.going_since) {
            (true, None) => self.going_since = Some(second),
            (true, Some(_)) => {}
            (false, _) => self.going_since = None,
        }
    }

    /// Messages a second that SNS took, over the last minute.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.move_to(now);
        mean(self.published.iter().copied(), (self.last + 1).min(MINUTE))
    }

    /// Messages a second that SNS has taken since it has been sending without a pause, over whole seconds of
    /// the last minute. None when that is too short, or it isn't sending.
    pub(super) fn going_at(&mut self, now: Instant) -> Option<f64> {
        self.move_to(now);
        let first = (self.going_since? + 1).max((self.last + 1).saturating_sub(MINUTE));
        let whole = self.last.saturating_sub(first);
        (whole >= LEAST).then(|| mean((first..self.last).map(|second| self.published[place(second)]), whole))
    }

    /// Messages a second that come as a rule: of the last minute the quarter in which most came is left out,
    /// since a course that is restored says nothing about the next minute.
    pub(super) fn arriving(&mut self, now: Instant) -> f64 {
        let second = self.move_to(now);
        let mut counts = self.arrived;
        // What has been counted of this second is not all of it.
        counts[place(second)] = 0;
        counts.sort_unstable();
        let kept = &counts[..SECONDS * 3 / 4];
        mean(kept.iter().copied(), MINUTE * 3 / 4)
    }

    fn move_to(&mut self, now: Instant) -> u64 {
        let second = now.saturating_duration_since(self.began).as_secs().max(self.last);
        for passed in (self.last + 1..=second).rev().take(SECONDS) {
            self.published[place(passed)] = 0;
            self.arrived[place(passed)] = 0;
        }
        self.last = second;
        second
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % MINUTE).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn mean(counts: impl Iterator<Item = u32>, seconds: u64) -> f64 {
    let sum: u64 = counts.map(u64::from).sum();
    if seconds == 0 { 0.0 } else { sum as f64 / seconds as f64 }
}

/// What can be said of the time to come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outlook {
    /// Messages a second that go, or would if the topic were not held; none when nothing is known.
    pub going: Option<f64>,
    /// Messages a second that come.
    pub arriving: f64,
    /// Messages of the longest group that waits; 0 on standard topics.
    pub longest_group: u64,
    /// How long one message of a group takes, from the spool to SNS and back.
    pub round_trip: Option<Duration>,
}

/// When a topic will be clear.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clear {
    /// It is.
    Now,
    /// After so long, if it goes on so.
    In(Duration),
    /// More comes than goes.
    Never,
    /// Too little is known.
    Unknown,
}

impl Outlook {
    /// When `backlog` messages will be sent: by the pace at which they go, less what comes meanwhile; and
    /// not before the longest group has gone, one message after the other.
    #[must_use]
    pub fn clear(&self, backlog: u64) -> Clear {
        if backlog == 0 {
            return Clear::Now;
        }
        let Some(going) = self.going.filter(|going| *going > 0.0) else { return Clear::Unknown };
        let net = going - self.arriving;
        if net <= going * 0.01 {
            return Clear::Never;
        }
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let seconds = |n: u64, each: f64| n as f64 * each;
        let all = seconds(backlog, 1.0 / net);
        let group = seconds(self.longest_group, self.round_trip.map_or(0.0, |time| time.as_secs_f64()));
        Clear::In(Duration::from_secs_f64(all.max(group).min(1e9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        start: Instant,
        seconds: std::ops::Range<u64>,
        flow: &mut Flow,
        step: impl Fn(&mut Flow, Instant),
    ) {
        for second in seconds {
            step(flow, start + Duration::from_secs(second));
        }
    }

    #[test]
    fn the_rate_forgets_after_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut flow = Flow::new(start);
        run(start, 0..10, &mut flow, |flow, now| flow.published(now, 30));
        assert!((flow.per_second(at(9)) - 30.0).abs() < 1e-9);
        assert!((flow.per_second(at(59)) - 5.0).abs() < 1e-9);
        assert!((flow.per_second(at(64)) - 2.5).abs() < 1e-9);
        assert!(flow.per_second(at(1_000)).abs() < 1e-9);
    }

    #[test]
    fn the_pace_after_an_outage_is_told_without_the_outage() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut flow = Flow::new(start);
        flow.going(at(0), false);
        flow.going(at(600), true);
        assert_eq!(flow.going_at(at(600)), None);
        run(start, 600..610, &mut flow, |flow, now| flow.published(now, 240));
        assert_eq!(flow.going_at(at(609)), Some(240.0));
        assert!(flow.per_second(at(609)) < 50.0);
        run(start, 610..700, &mut flow, |flow, now| flow.published(now, 120));
        assert_eq!(flow.going_at(at(699)), Some(120.0));
        flow.going(at(699), false);
        assert_eq!(flow.going_at(at(699)), None);
    }

    #[test]
    fn one_restored_course_is_not_taken_for_a_stream() {
        let start = Instant::now();
        let mut flow = Flow::new(start);
        run(start, 0..110, &mut flow, |flow, now| flow.arrived(now, 7));
        run(start, 110..120, &mut flow, |flow, now| flow.arrived(now, 20_000));
        let arriving = flow.arriving(start + Duration::from_secs(120));
        assert!((6.5..=7.0).contains(&arriving), "{arriving}");
    }

    #[test]
    fn a_topic_is_clear_when_its_backlog_and_its_longest_group_are() {
        let outlook = Outlook { going: Some(240.0), ..Outlook::default() };
        let clear = |outlook: Outlook, backlog| match outlook.clear(backlog) {
            Clear::In(time) => Ok(time.as_secs()),
            other => Err(other),
        };
        assert_eq!(clear(outlook, 0), Err(Clear::Now));
        assert_eq!(clear(outlook, 24_000), Ok(100));
        assert_eq!(clear(Outlook { arriving: 120.0, ..outlook }, 24_000), Ok(200));
        assert_eq!(clear(Outlook { arriving: 240.0, ..outlook }, 24_000), Err(Clear::Never));
        let round_trip = Some(Duration::from_millis(50));
        assert_eq!(clear(Outlook { longest_group: 5_000, round_trip, ..outlook }, 24_000), Ok(250));
        assert_eq!(clear(Outlook { going: None, ..outlook }, 24_000), Err(Clear::Unknown));
    }
}
