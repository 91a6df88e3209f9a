//! The account's quota as SNS has it: a true token bucket, in messages, over all who publish.

use std::time::Instant;

/// A bucket that holds one second's worth.
#[derive(Debug)]
pub struct Quota {
    per_second: f64,
    tokens: f64,
    filled: Instant,
    /// Calls that found too little in it.
    pub throttled: usize,
}

impl Quota {
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, tokens: per_second, filled: now, throttled: 0 }
    }

    /// Takes all of a call's messages or none.
    pub fn take(&mut self, messages: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second);
        self.filled = now;
        #[allow(clippy::cast_precision_loss, reason = "a batch")]
        let messages = messages as f64;
        let enough = self.tokens >= messages;
        if enough {
            self.tokens -= messages;
        } else {
            self.throttled += 1;
        }
        enough
    }
}
