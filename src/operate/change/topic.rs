//! What a person has done with a topic: stopped, let go on, or skipped.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::parked::BUDGET;
use super::{ChangeError, Order};
use crate::delivery::{Position, TopicKey};
use crate::operate::Operator;
use crate::operate::words::{count, counted, span};
use crate::publish::State;
use crate::spool::{Signed, SkipOutlook};

/// Where a topic is stopped.
pub const PAUSE: &str = "/v1/topics/pause";
/// Where it is let go on.
pub const RESUME: &str = "/v1/topics/resume";
/// Where it is skipped.
pub const SKIP: &str = "/v1/topics/skip";

/// The most deliveries of one commit: batches wait for it.
const STEP: u64 = 5_000;
/// What is skipped must stay replayable so long, or somebody says that it need not.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long batches in flight are waited for: SNS answers within 5 s or not at all.
const TO_LAND: Duration = Duration::from_secs(6);

/// A person's order to stop a topic, or to let it go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicOrder {
    /// Which topic, by its key.
    pub topic: String,
    /// Who asks, for the audit.
    pub by: String,
    /// Why: for the audit, and shown as long as it is stopped.
    pub why: String,
}

impl Order for TopicOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// What became of such an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicStands {
    /// Which topic.
    pub topic: String,
    /// Whether it is stopped now.
    pub paused: bool,
    /// Whether the order changed that.
    pub changed: bool,
    /// How many messages wait or are held.
    pub waiting: u64,
}

/// A person's order to pass over what a topic is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipOrder {
    /// Which topic, by its key.
    pub topic: String,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
    /// That it need not stay replayable for a day.
    #[serde(default)]
    pub accept_loss: bool,
    /// Only say what would be.
    #[serde(default)]
    pub dry_run: bool,
    /// Goes on with an order that did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Which skip is gone on with, as the answer to it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoesOn {
    /// Its line in the audit.
    pub line: u64,
    /// The last position that it means: what was accepted after that stays.
    pub up_to: u64,
}

impl Order for SkipOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// What became of a skip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which topic.
    pub topic: String,
    /// Messages that were passed over, or would be.
    pub skipped: u64,
    /// Until when the oldest of them can be replayed, about, at the rate of the last day. None: it can't.
    pub replayable_until: Option<Timestamp>,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// What the order means and is still owed.
    #[serde(default)]
    pub left: u64,
    /// What an order that goes on with this one must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Stops a topic. What is in flight is finished.
///
/// # Errors
/// There is no such topic, or the spool failed.
pub async fn pause(operator: &Operator, order: TopicOrder) -> Result<TopicStands, ChangeError> {
    let topic = known(operator, &order.topic).await?;
    let changed = operator.spool.pause(&topic, &Signed::new(&order.by, &order.why)).await?;
    tracing::warn!(%topic, by = %order.by, why = %order.why, "the topic is stopped by a person");
    stands(operator, &topic, changed.n > 0).await
}

/// Lets a topic go on.
///
/// # Errors
/// There is no such topic, or the spool failed.
pub async fn resume(operator: &Operator, order: TopicOrder) -> Result<TopicStands, ChangeError> {
    let topic = known(operator, &order.topic).await?;
    let changed = operator.spool.resume(&topic, &Signed::new(&order.by, &order.why)).await?;
    tracing::info!(%topic, by = %order.by, "the topic may go on");
    stands(operator, &topic, changed.n > 0).await
}

async fn stands(operator: &Operator, topic: &TopicKey, changed: bool) -> Result<TopicStands, ChangeError> {
    let waiting = operator.spool.skip_outlook(topic).await?.n;
    let paused = operator.spool.paused(topic).borrow().is_some();
    Ok(TopicStands { topic: topic.to_string(), paused, changed, waiting })
}

/// Moves what a topic is owed into history.
///
/// # Errors
/// There is no such topic, it is not stopped, what is skipped could not be replayed for long, or the spool
/// failed.
pub async fn skip(operator: &Operator, order: SkipOrder) -> Result<Skipped, ChangeError> {
    let topic = known(operator, &order.topic).await?;
    let now = Timestamp::now();
    let outlook = operator.spool.skip_outlook(&topic).await?;
    if order.dry_run {
        return Ok(Skipped {
            topic: topic.to_string(),
            skipped: outlook.n,
            replayable_until: outlook.until,
            dry_run: true,
            left: outlook.n,
            goes_on: None,
        });
    }
    landed(operator, &topic).await?;
    if !order.accept_loss && outlook.n > 0 && order.goes_on.is_none() {
        long_enough(outlook, now).map_err(ChangeError::Refused)?;
    }
    let begun = Instant::now();
    let mut signed = Signed::new(&order.by, &order.why);
    signed.line = order.goes_on.map(|order| order.line);
    let mut up_to = order.goes_on.map(|order| Position(order.up_to));
    let mut skipped = 0;
    let ended = loop {
        let step = operator.spool.skip(&topic, up_to, STEP, &signed).await?;
        skipped += step.changed.n;
        signed.line = Some(step.changed.line);
        up_to = Some(step.up_to);
        if step.changed.n < STEP {
            break true;
        }
        if begun.elapsed() > BUDGET {
            break false;
        }
    };
    tracing::warn!(%topic, by = %order.by, skipped, "messages were skipped by a person's command");
    Ok(Skipped {
        topic: topic.to_string(),
        skipped,
        replayable_until: outlook.until,
        dry_run: false,
        left: if ended { 0 } else { outlook.n.saturating_sub(skipped).max(1) },
        goes_on: signed.line.zip(up_to).map(|(line, Position(up_to))| GoesOn { line, up_to }),
    })
}

/// Whether what is skipped now stays replayable for a day; if not, what is so and what to do.
fn long_enough(outlook: SkipOutlook, now: Timestamp) -> Result<(), String> {
    let n = counted(outlook.n, "message", "messages");
    let when = match outlook.until {
        Some(until) if until.duration_since(now) >= KEPT_FOR => return Ok(()),
        Some(until) => {
            format!(
                "the oldest could be replayed until about {until:.0} only, {} from now",
                span(until.duration_since(now))
            )
        }
        None => "the oldest would be pruned at once".to_owned(),
    };
    Err(format!(
        "{n} would be skipped, and {when}: raise spool.history (age, size) and restart, or say --accept-loss"
    ))
}

/// A topic that the configuration or the spool knows.
async fn known(operator: &Operator, topic: &str) -> Result<TopicKey, ChangeError> {
    let key: TopicKey =
        topic.parse().map_err(|error: crate::event::NotAKey| ChangeError::Unclear(error.to_string()))?;
    let set = operator.setup.topics.iter().map(|topic| &topic.key);
    if set.clone().any(|known| *known == key) {
        return Ok(key);
    }
    let state = operator.spool.state().await?;
    if state.topics.iter().any(|known| known.topic == key) {
        return Ok(key);
    }
    let names: Vec<&str> =
        set.chain(state.topics.iter().map(|topic| &topic.topic)).map(TopicKey::as_str).collect();
    Err(ChangeError::Unclear(format!("there is no topic {key}: the topics are {}", names.join(", "))))
}

/// Waits until nothing of a topic is in flight: what SNS may have taken can't be called skipped.
async fn landed(operator: &Operator, topic: &TopicKey) -> Result<(), ChangeError> {
    let begun = Instant::now();
    loop {
        let pulses = (operator.signs)().pulses;
        let Some(pulse) = pulses.into_iter().find(|pulse| pulse.topic == *topic) else {
            // Nobody serves it, so nobody sends.
            return Ok(());
        };
        let still = match pulse.state {
            State::Stopped { .. } => return Ok(()),
            State::Paused { .. } => pulse.in_flight,
            _ if operator.spool.paused(topic).borrow().is_none() => {
                return Err(ChangeError::Refused(format!(
                    "{topic} is not stopped, and what is in flight can't be skipped: `moodle-sns-producer topic pause {topic} --why …` first"
                )));
            }
            // It has not seen yet that it is stopped.
            _ => pulse.in_flight.max(1),
        };
        if still == 0 {
            return Ok(());
        }
        if begun.elapsed() > TO_LAND {
            return Err(ChangeError::Refused(format!(
                "{} of {topic} still in flight: ask again in a moment",
                counted(still as u64, "batch is", "batches are")
            )));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A skip in words, for people.
#[must_use]
pub fn skipped_words(done: &Skipped, now: Timestamp) -> String {
    let n = count(done.skipped);
    let verb = if done.dry_run { "would be skipped" } else { "skipped" };
    let until = match done.replayable_until {
        _ if done.skipped == 0 => return format!("Nothing is owed to {}, so nothing {verb}.", done.topic),
        Some(until) => format!(
            "The oldest can be replayed until about {until:.0} ({} from now), by the age of history and its growth in the last day",
            span(until.duration_since(now))
        ),
        None => "History has no room or time for the oldest: what is pruned can't be replayed".to_owned(),
    };
    format!("{n} of {} {verb}. {until}.", done.topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replayable_for_less_than_a_day_is_not_skipped_unasked() {
        let now: Timestamp = "2026-11-24T13:48:04Z".parse().unwrap();
        let look = |hours: Option<i64>| {
            let until = hours.map(|hours| now + SignedDuration::from_hours(hours));
            long_enough(SkipOutlook { n: 7, until }, now)
        };
        assert_eq!(look(Some(24)), Ok(()));
        let words = look(Some(23)).unwrap_err();
        assert!(words.starts_with("7 messages would be skipped, and the oldest could be replayed until about 2026-11-25T12:48:04Z"), "{words}");
        assert!(look(None).unwrap_err().contains("pruned at once: raise spool.history"));
    }
}
