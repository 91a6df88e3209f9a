//! How near the spool is to its limits: the disk's room, the log's length, and what is owed beside what may
//! be owed. Pure: the store measures, this says what it means.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// From this share of what may be owed on, somebody must know, however slowly it grows: a quarter.
const WARN_SHARE: u64 = 4;
/// Growth that fills the spool within this time is told…
const WARN_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// …once it has lasted so long: a course import is no dead topic.
const WARN_AFTER: Duration = Duration::from_secs(600);
/// Growth is told over at least so long, so that one batch is no forecast.
const LEAST: Duration = Duration::from_secs(10);
/// How far back growth is looked at.
const WINDOW: Duration = Duration::from_secs(900);
/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(5);

/// How near the limits are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Room that the disk still has for the spool, beside the reserve, in bytes; none where no process has
    /// the spool open for writing.
    pub free_bytes: Option<u64>,
    /// What may be owed on this disk with history pruned to nothing, in bytes; none as above.
    pub capacity_bytes: Option<u64>,
    /// What is kept on the disk so that settling goes on when it is full, in bytes; 0 once it was released.
    pub reserve_bytes: u64,
    /// The log that is not yet copied into the file, in bytes.
    pub log_bytes: u64,
    /// Why no batch is taken at present; none while the door is open.
    pub shut: Option<Shortage>,
    /// Set while what is owed has grown so far, or grows so fast, that somebody must know.
    pub filling: Option<Filling>,
    /// Events that were accepted and are not in the file that was found at the start: the disk lost or
    /// changed them.
    pub lost_at_start: u64,
}

/// Of what there is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Room on the disk.
    Disk,
    /// The log has grown too long, since it can't be copied into the file.
    Log,
}

impl Shortage {
    /// Its one name, in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Log => "log",
        }
    }

    /// What to do.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::Disk => {
                "Make room on the spool's disk or enlarge it (`df`): it goes on by itself within 10 s"
            }
            Self::Log => {
                "End what reads the spool's file for long, or cure the disk (`dmesg`): the log shortens by itself"
            }
        }
    }
}

/// What is owed grows towards what may be owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// When it will be full at the present rate; none while it doesn't grow.
    pub full_at: Option<Timestamp>,
}

/// What was owed in the last minutes.
#[derive(Debug, Default)]
pub(super) struct Trend {
    /// By the time since some start.
    samples: VecDeque<(Duration, u64)>,
}

impl Trend {
    /// Notes what is owed now; more often than each 5 s does nothing.
    pub(super) fn note(&mut self, at: Duration, owed_bytes: u64) {
        if self.samples.back().is_some_and(|(last, _)| at < *last + SAMPLE) {
            return;
        }
        self.samples.push_back((at, owed_bytes));
        while self.samples.front().is_some_and(|(first, _)| *first + WINDOW < at) {
            self.samples.pop_front();
        }
    }

    /// Over how long it is known, and by how much it grew.
    fn growth(&self) -> Option<(Duration, u64)> {
        let ((first, before), (last, now)) = (self.samples.front()?, self.samples.back()?);
        let over = last.saturating_sub(*first);
        (over >= LEAST).then(|| (over, now.saturating_sub(*before)))
    }

    /// Whether somebody must know, when so much is owed of what may be.
    pub(super) fn filling(&self, owed_bytes: u64, limit_bytes: u64, now: Timestamp) -> Option<Filling> {
        let growth = self.growth().filter(|(_, bytes)| *bytes > 0);
        let left = limit_bytes.saturating_sub(owed_bytes);
        let full_in = growth.map(|(over, bytes)| {
            let seconds = u128::from(over.as_secs().max(1)) * u128::from(left) / u128::from(bytes);
            Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
        });
        let far = owed_bytes >= limit_bytes / WARN_SHARE;
        let fast = growth.is_some_and(|(over, _)| over >= WARN_AFTER)
            && full_in.is_some_and(|full_in| full_in <= WARN_WITHIN);
        let at = |full_in| now.checked_add(SignedDuration::try_from(full_in).ok()?).ok();
        (limit_bytes > 0 && (far || fast)).then(|| Filling { full_at: full_in.and_then(at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    /// What a spool of 8 GiB that was `owed` for `minutes` minutes, growing by `per_minute`, says.
    fn after(minutes: u64, owed: u64, per_minute: u64) -> Option<Filling> {
        let mut trend = Trend::default();
        let at = |minute: u64| owed.saturating_sub((minutes - minute) * per_minute);
        for minute in 0..=minutes {
            trend.note(Duration::from_secs(minute * 60), at(minute));
        }
        trend.filling(owed, 8 * GIB, now())
    }

    #[test]
    fn a_spool_that_fills_is_told_long_before_it_is_full() {
        for (minutes, owed, per_minute, said) in [
            (60, 0, 0, None),
            (60, GIB, 0, None),
            // A quarter is told, whether it grows or not.
            (60, 2 * GIB, 0, Some(None)),
            (0, 2 * GIB, 0, Some(None)),
            // 7 GiB at 64 MiB a minute: 112 minutes. An import of five minutes is no dead topic.
            (15, GIB, 64 << 20, Some(Some("2026-11-24T13:52:00Z"))),
            (5, GIB, 64 << 20, None),
            // Too slow to fill it within a day.
            (15, GIB, 1 << 20, None),
            (15, 2 * GIB, 1 << 20, Some(Some("2026-11-28T18:24:00Z"))),
            (15, 8 * GIB, 64 << 20, Some(Some("2026-11-24T12:00:00Z"))),
        ] {
            let said = said.map(|at: Option<&str>| Filling { full_at: at.map(|at| at.parse().unwrap()) });
            assert_eq!(after(minutes, owed, per_minute), said, "{minutes} min, {owed} B, {per_minute} B/min");
        }
    }

    #[test]
    fn growth_is_that_of_the_last_quarter_of_an_hour() {
        let mut trend = Trend::default();
        for second in 0..3600 {
            trend.note(Duration::from_secs(second), second.min(1800) * 1000);
        }
        assert_eq!(
            trend.growth(),
            Some((Duration::from_secs(900), 0)),
            "it stopped growing half an hour ago"
        );
        assert!(trend.samples.len() <= 181, "{}", trend.samples.len());
    }
}
