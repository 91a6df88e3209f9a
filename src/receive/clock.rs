//! Which clocks are believed: pure functions of what a request says and the time it came.

use jiff::{SignedDuration, Timestamp};

use crate::delivery::{Parking, Reason};
use crate::event::EventId;
use crate::spool::IDS_KEPT;

/// A sender's clock may be off by this much before `raised` is corrected.
pub(super) const SKEW_BORNE: SignedDuration = SignedDuration::from_secs(2);

/// An event may be raised this far ahead of our clock before it is set aside.
pub(super) const AHEAD_BORNE: SignedDuration = SignedDuration::from_mins(10);

/// How far the sender's clock is ahead of ours (behind: negative), where that is more than is borne.
/// `signed` is the whole second in which the request was signed; `arrived` is when its head came, so
/// that a body which took long to come is not taken for a slow clock.
#[must_use]
pub(super) fn skew(signed: i64, arrived: Timestamp) -> Option<SignedDuration> {
    let begin = Timestamp::from_second(signed).ok()?;
    let end = begin.checked_add(SignedDuration::from_secs(1)).ok()?;
    let off = if arrived < begin {
        begin.duration_since(arrived)
    } else if arrived > end {
        end.duration_since(arrived)
    } else {
        SignedDuration::ZERO
    };
    (off.abs() > SKEW_BORNE).then_some(off)
}

/// Whether the id's time lies where ids are remembered: an older one may have been published already,
/// one of the future was made by a wrong clock. Ids that are hashes have no time and pass.
///
/// # Errors
/// `too-old` or `clock`.
pub(super) fn window(id: EventId, now: Timestamp) -> Result<(), Parking> {
    let Some(millis) = id.unix_millis() else { return Ok(()) };
    let now_millis = i128::from(now.as_millisecond());
    let age = now_millis - i128::from(millis);
    if age > i128::try_from(IDS_KEPT.as_millis()).unwrap_or(i128::MAX) {
        return Err(Parking::new(
            Reason::TooOld,
            format!("raised {} days ago by its id; ids are kept 35 days", age / 86_400_000),
        ));
    }
    if -age > AHEAD_BORNE.as_millis() {
        return Err(Parking::new(
            Reason::Clock,
            format!("raised {} s in the future by its id; 600 s are borne", -age / 1000),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_when_it_is_more_than_two_seconds_from_the_second_it_signed_in() {
        let signed = 1_795_536_687;
        let at = |millis: i64| Timestamp::from_millisecond(signed * 1000 + millis).unwrap();
        for (arrived, off) in [
            (0, None),
            (999, None),
            (3_000, None),
            (3_001, Some(-2_001)),
            (-2_000, None),
            (-2_001, Some(2_001)),
            (61_000, Some(-60_000)),
        ] {
            let want = off.map(SignedDuration::from_millis);
            assert_eq!(skew(signed, at(arrived)), want, "{arrived}");
        }
        assert_eq!(skew(i64::MAX, at(0)), None);
    }

    #[test]
    fn ids_live_35_days_back_and_10_minutes_ahead() {
        let now: Timestamp = "2026-11-24T16:00:00Z".parse().unwrap();
        let id = |millis: i64| {
            let at = u64::try_from(now.as_millisecond() + millis).unwrap();
            EventId::new(uuid::Builder::from_unix_timestamp_millis(at, &[9; 10]).into_uuid()).unwrap()
        };
        let day = 86_400_000;
        for (millis, want) in [
            (0, None),
            (-35 * day, None),
            (-35 * day - 1, Some(Reason::TooOld)),
            (600_000, None),
            (600_001, Some(Reason::Clock)),
        ] {
            assert_eq!(window(id(millis), now).err().map(|p| p.reason), want, "{millis}");
        }
        assert_eq!(window(EventId::from_digest(&[3; 32]), now), Ok(()), "a hash has no time");
    }
}
