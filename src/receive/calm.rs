//! A sender that is wrong in one way is wrong a thousand times a minute: its refusals must not fill the
//! log. Counters count them all; of each kind the log has some lines a minute, and then how many more
//! there were.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many lines of one kind in a minute.
pub(super) const LINES: u32 = 10;

/// The minute.
pub(super) const SPAN: Duration = Duration::from_secs(60);

/// What was said of each kind of refusal in its present minute. There are few kinds, and all are ours.
#[derive(Debug, Default)]
pub(super) struct Calm(Mutex<HashMap<&'static str, Minute>>);

#[derive(Debug)]
struct Minute {
    began: Instant,
    said: u32,
    left_out: u64,
}

impl Calm {
    /// Whether the log may have a line of this kind now; else it is counted as left out.
    pub(super) fn may_say(&self, kind: &'static str, now: Instant) -> bool {
        let mut kinds = self.kinds();
        let minute = kinds.entry(kind).or_insert(Minute { began: now, said: 0, left_out: 0 });
        // One with something left out ends by being told.
        if now.duration_since(minute.began) >= SPAN && minute.left_out == 0 {
            *minute = Minute { began: now, said: 0, left_out: 0 };
        }
        if minute.said < LINES {
            minute.said += 1;
            return true;
        }
        minute.left_out += 1;
        false
    }

    /// How many lines of which kinds were left out of minutes that are over; each is told once.
    pub(super) fn over(&self, now: Instant) -> Vec<(&'static str, u64)> {
        let mut left_out = Vec::new();
        self.kinds().retain(|kind, minute| {
            let over = now.duration_since(minute.began) >= SPAN;
            if over && minute.left_out > 0 {
                left_out.push((*kind, minute.left_out));
            }
            !over
        });
        left_out.sort_unstable();
        left_out
    }

    // Nothing that holds the lock can leave a count half written.
    fn kinds(&self) -> MutexGuard<'_, HashMap<&'static str, Minute>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the log how many refusals it has no line of.
pub(super) fn tell(left_out: Vec<(&'static str, u64)>) {
    for (kind, left_out) in left_out {
        tracing::info!(
            kind,
            left_out,
            "more requests were refused for this reason in the last minute than have a line here"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_kind_has_its_lines_each_minute_and_the_rest_is_told_once() {
        let calm = Calm::default();
        let start = Instant::now();
        let said = (0..1_000).filter(|_| calm.may_say("signature", start)).count();
        assert_eq!(said, LINES as usize);
        assert!(calm.may_say("clock", start), "kinds don't take each other's lines");
        assert!(calm.over(start).is_empty(), "the minute is not over");
        assert!(!calm.may_say("signature", start + SPAN), "what was left out is told first");
        assert_eq!(calm.over(start + SPAN), [("signature", 991)]);
        assert!(calm.over(start + SPAN).is_empty());
        assert!(calm.may_say("signature", start + SPAN));
    }

    proptest! {
        #[test]
        fn each_refusal_has_a_line_or_is_told_as_left_out(steps in proptest::collection::vec((0u64..30, 0u64..40), 0..60)) {
            let calm = Calm::default();
            let mut now = Instant::now();
            let (mut all, mut lines, mut told) = (0, 0, 0);
            for (seconds, refusals) in steps {
                now += Duration::from_secs(seconds);
                told += calm.over(now).iter().map(|(_, n)| n).sum::<u64>();
                for _ in 0..refusals {
                    all += 1;
                    lines += u64::from(calm.may_say("form", now));
                }
            }
            told += calm.over(now + SPAN).iter().map(|(_, n)| n).sum::<u64>();
            prop_assert_eq!(all, lines + told);
        }
    }
}
