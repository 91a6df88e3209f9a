//! How long to wait before the next try: exponential with full jitter, without an end in time.

use std::time::Duration;

/// The two ends of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second try; it doubles with each.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(200), cap: Duration::from_secs(25) }
    }
}

impl Backoff {
    /// The wait after `tries` tries that failed: evenly spread between nothing and
    /// `base * 2^(tries - 1)`, capped, so that many that failed together don't come back together.
    /// `chance` lies in `0.0..1.0`.
    #[must_use]
    pub fn wait(&self, tries: u32, chance: f64) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        let most = self.base.saturating_mul(1 << doublings).min(self.cap);
        most.mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_cap_and_never_ends() {
        let backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(60) };
        for (tries, most) in [(0, 200), (1, 200), (2, 400), (5, 3_200), (9, 51_200), (10, 60_000)] {
            assert_eq!(backoff.wait(tries, 1.0), Duration::from_millis(most), "{tries}");
        }
        assert_eq!(backoff.wait(u32::MAX, 1.0), backoff.cap);
    }

    #[test]
    fn the_whole_wait_is_jitter() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(3, 0.0), Duration::ZERO);
        assert_eq!(backoff.wait(3, 0.5), Duration::from_millis(400));
    }
}
