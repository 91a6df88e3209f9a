//! Past events sent again to one topic, for one addressee: begun and cancelled by a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChangeError, Order};
use crate::delivery::{ContractId, ReplayName, TopicKey};
use crate::publish::{Counted, Gap, Replays};
use crate::spool::{ReplayOrder, Signed, Spool};

/// Where a replay is asked for.
pub const START: &str = "/v1/replays/start";
/// Where one is cancelled.
pub const CANCEL: &str = "/v1/replays/cancel";

/// The messages a second of a replay for which none are named: a third of the smallest region's quota.
pub const PER_SECOND: u32 = 100;
/// The most gaps that are told one by one.
const TOLD: usize = 5;

/// A person's order to send past events again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartOrder {
    /// To which topic.
    pub topic: String,
    /// For whom: the first part of the attribute `replay`.
    #[serde(rename = "for")]
    pub addressee: String,
    /// Which replay it is, the second part; none: one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Events accepted at this time or later…
    pub from: Timestamp,
    /// …and before this; none: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only of this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only these contracts; empty: all that the topic carries.
    #[serde(default)]
    pub contracts: Vec<String>,
    /// Messages a second at most; none: [`PER_SECOND`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Send what there is though some of the period can't be had.
    #[serde(default)]
    pub accept_gaps: bool,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of such an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// `<for>/<id>`: the attribute `replay` of each message.
    pub replay: String,
    /// To which topic.
    pub topic: String,
    /// Messages of these contracts.
    pub contracts: Vec<String>,
    /// Events accepted at this time or later…
    pub from: Timestamp,
    /// …and before this.
    pub until: Timestamp,
    /// Messages a second at most.
    pub per_second: u32,
    /// What of the period can't be had, in words.
    pub gaps: Vec<String>,
    /// What would be sent, where that was asked.
    pub counted: Option<Count>,
    /// Whether it was only counted.
    pub dry_run: bool,
}

/// What a replay would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Events that were looked at.
    pub events: u64,
    /// Messages that can be made of them.
    pub messages: u64,
    /// Messages that can't: nothing is sent for them.
    pub unmade: u64,
    /// Whether there are more: there was no time to count all.
    pub at_least: bool,
}

impl From<Counted> for Count {
    fn from(Counted { events, messages, unmade, cut_short: at_least }: Counted) -> Self {
        Self { events, messages, unmade, at_least }
    }
}

/// A person's order to end a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Which: its id, or `<for>/<id>`.
    pub replay: String,
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Its id.
    pub replay: String,
    /// Deliveries that waited and are passed over.
    pub skipped: u64,
}

impl Order for StartOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

impl Order for CancelOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// Begins a replay, or counts what it would send.
///
/// # Errors
/// The order says not what it means; the period can't be had whole; there is one of this id; the spool failed.
pub async fn start(
    spool: &Spool,
    replays: &Replays,
    order: StartOrder,
    now: Timestamp,
) -> Result<Started, ChangeError> {
    let clear = clear(replays, &order, now).map_err(ChangeError::Unclear)?;
    let gaps = replays.gaps(&clear).await?;
    if !gaps.is_empty() && !order.accept_gaps && !order.dry_run {
        return Err(ChangeError::Refused(refusal(&gaps, clear.until)));
    }
    let counted = if order.dry_run { Some(replays.count(&clear).await?.into()) } else { None };
    if !order.dry_run {
        if !spool.begin_replay(&clear, &Signed::new(&order.by, &order.why)).await? {
            let id = clear.name.id();
            return Err(ChangeError::Refused(format!(
                "there is a replay {id} already, and consumers would take these messages for its copies: give this one another --id; `moodle-sns-producer replay list` shows how far that one is"
            )));
        }
        tracing::info!(by = %order.by, replay = %clear.name, topic = %clear.topic, "a replay begins");
    }
    Ok(Started {
        replay: clear.name.to_string(),
        topic: clear.topic.to_string(),
        contracts: clear.contracts.iter().map(ToString::to_string).collect(),
        from: clear.from,
        until: clear.until,
        per_second: clear.per_second,
        gaps: gaps.iter().map(ToString::to_string).collect(),
        counted,
        dry_run: order.dry_run,
    })
}

/// What an order means; or what about it is not clear.
fn clear(replays: &Replays, order: &StartOrder, now: Timestamp) -> Result<ReplayOrder, String> {
    let topic: TopicKey = order.topic.parse().map_err(|e: crate::event::NotAKey| e.to_string())?;
    let carried = replays
        .carried(&topic)
        .ok_or_else(|| format!("there is no [topics.{topic}] in the configuration that runs"))?;
    let mut contracts = Vec::new();
    for name in &order.contracts {
        let contract: ContractId = name.parse().map_err(|e: crate::delivery::NotAContract| e.to_string())?;
        if !carried.contains(&contract) {
            return Err(format!(
                "topic {topic} does not carry {contract}: add it to [topics.{topic}] first, or leave it out"
            ));
        }
        if !contracts.contains(&contract) {
            contracts.push(contract);
        }
    }
    let id = order.id.clone().unwrap_or_else(|| fresh_id(now));
    let name: ReplayName = format!("{}/{id}", order.addressee)
        .parse()
        .map_err(|e: crate::delivery::NotAReplay| e.to_string())?;
    let until = order.until.unwrap_or(now);
    if until > now {
        return Err(format!(
            "the period ends at {until}, which is still to come: what comes now is sent anyway"
        ));
    }
    if order.from >= until {
        return Err(format!("the period begins at {} and ends at {until}: nothing lies between", order.from));
    }
    let per_second = order.per_second.unwrap_or(PER_SECOND);
    if per_second == 0 {
        return Err("at least one message a second".to_owned());
    }
    let source = order.source.as_ref().map(|s| s.parse()).transpose();
    Ok(ReplayOrder {
        name,
        topic,
        contracts: if contracts.is_empty() { carried } else { contracts },
        source: source.map_err(|e: crate::event::NotAKey| e.to_string())?,
        from: order.from,
        until,
        per_second,
    })
}

/// An id by the time, with a little chance: no two replays of a spool may have one.
fn fresh_id(now: Timestamp) -> String {
    format!("{}-{:04x}", now.strftime("%Y%m%dT%H%M%S"), fastrand::u16(..))
}

/// Why a period can't be had, and the ways out.
fn refusal(gaps: &[Gap], until: Timestamp) -> String {
    let mut words: Vec<String> = gaps.iter().take(TOLD).map(ToString::to_string).collect();
    if gaps.len() > TOLD {
        words.push(format!("and {} more", gaps.len() - TOLD));
    }
    let ends: Option<Vec<Timestamp>> = gaps.iter().map(Gap::ends).collect();
    let from = ends.and_then(|ends| ends.into_iter().max()).filter(|from| *from < until);
    let way =
        from.map_or_else(String::new, |from| format!("say --from {from}, from when on all is there; or "));
    format!(
        "this period can't be had whole: {}. Nothing was begun: {way}name fewer contracts (--contract), or send what there is (--accept-gaps)",
        words.join("; ")
    )
}

/// Ends a replay: what of it waits is passed over. What is on its way to SNS still arrives.
///
/// # Errors
/// No such replay goes on; the spool failed.
pub async fn cancel(spool: &Spool, order: CancelOrder) -> Result<Cancelled, ChangeError> {
    let id = order.replay.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(skipped) = spool.cancel_replay(&id, &Signed::new(&order.by, &order.why)).await? else {
        return Err(ChangeError::Refused(format!(
            "no replay {id} goes on: `moodle-sns-producer replay list` shows which there are"
        )));
    };
    tracing::info!(by = %order.by, replay = id, skipped, "a replay is cancelled");
    Ok(Cancelled { replay: id, skipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_time_from_which_all_is_there() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let armed = |since| {
            let contract = "moodle.enrolment.created.v1".parse().unwrap();
            Gap::Armed("vle".parse().unwrap(), contract, since)
        };
        let gaps = [Gap::Pruned(at(1_000)), armed(Some(at(3_600)))];
        let words = refusal(&gaps, at(9_000));
        assert!(words.contains("say --from 1970-01-01T01:00:00Z"), "{words}");
        assert!(!refusal(&gaps, at(3_600)).contains("--from"), "nothing would lie between");
        assert!(!refusal(&[armed(None)], at(9_000)).contains("--from"));
        assert!(refusal(&vec![armed(None); 8], at(9)).contains("and 3 more"));
    }

    #[test]
    fn an_id_that_is_made_is_one() {
        let id = fresh_id("2026-11-24T13:48:04Z".parse().unwrap());
        assert!(id.starts_with("20261124T134804-"));
        assert!(format!("x/{id}").parse::<ReplayName>().is_ok());
    }
}
