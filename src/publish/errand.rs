//! One errand: a few deliveries from the spool to SNS and their fates back, while the worker goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::client::{Client, More};
use super::control::Shared;
use super::pack::{self, Company, Measure};
use super::queue::{Next, Order, Tried};
use super::stats::TopicStats;
use super::verdict::{Fault, Judged, Outcome, Verdict, judge};
use super::{Backoff, Mapper, TopicSettings, planted};
use crate::contract::Message;
use crate::delivery::{Cause, ContractId, Fate, Held, Parking, Position, Reason, Receipt};
use crate::event::EventId;
use crate::spool::{ConcludeError, Delivery, Lease, Spool};

/// SNS forgets a FIFO message's deduplication id after 5 minutes (its FIFO documentation): a message whose
/// outcome was unknown for longer than this, and is sent again, may be there twice.
const DEDUP_IS_SURE_FOR: Duration = Duration::from_secs(4 * 60);

/// The attribute of a message that a person sent again after it was parked.
const REDRIVE: More = &[("redrive", "1")];

/// What all errands of one topic share.
pub(super) struct Line {
    pub topic: TopicSettings,
    pub order: Order,
    pub client: Client,
    pub mapper: Mapper,
    pub spool: Spool,
    pub lease: Lease,
    pub backoff: Backoff,
    pub probe: Duration,
    pub stats: TopicStats,
    pub shared: Shared,
}

/// What an errand came to.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What became of each delivery it was given.
    pub ends: Vec<(Next, End)>,
    /// What its calls say about the topic, the account and the spool, with the time each was sent.
    pub signals: Vec<(Instant, Signal)>,
}

/// What became of one delivery, as the queue must know it.
#[derive(Debug)]
pub(super) enum End {
    /// Settled, parked, or not in the spool any more.
    Gone,
    /// May be sent again as soon as the topic may send.
    GivenBack(Tried),
    /// May be sent again after the wait.
    Held(Tried, Duration),
    /// Its fate is known and may or may not be kept.
    Unsure(Fate),
}

/// What one call says about more than its messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SNS dealt with the messages.
    Well,
    /// The whole call came to nothing: go slower.
    Slow(Cause, String),
    /// The topic can't be published to.
    HoldTopic(Fault),
    /// Nothing can be published.
    HoldAccount(Fault),
    /// The spool failed; what it holds must be read again.
    SpoolFailed(String),
    /// The spool is shut or the topic is another's.
    Stop(String),
}

/// A message that is ready to go.
struct Letter {
    next: Next,
    event: EventId,
    contract: ContractId,
    raised: Option<Timestamp>,
    message: Message,
    more: More,
    bytes: usize,
}

impl Line {
    /// Loads, maps, packs, sends and concludes the deliveries picked.
    pub(super) async fn run(self: Arc<Self>, picked: Vec<Next>, stop: CancellationToken) -> Report {
        let mut report = Report::default();
        let positions: Vec<Position> = picked.iter().map(|next| next.position).collect();
        let mut loaded = match self.spool.load(&self.lease, &positions).await {
            Ok(loaded) => loaded,
            Err(error) => {
                report.ends = picked.into_iter().map(|next| (next, End::GivenBack(next.tried))).collect();
                report.signals.push((Instant::now(), Signal::SpoolFailed(error.to_string())));
                return report;
            }
        };
        let mut letters = Vec::with_capacity(picked.len());
        let mut parked = Vec::new();
        for next in picked {
            let Some(at) = loaded.iter().position(|delivery| delivery.position == next.position) else {
                report.ends.push((next, End::Gone));
                continue;
            };
            match self.write(next, loaded.swap_remove(at)) {
                Ok(letter) => letters.push(letter),
                Err(parking) => parked.push((next, Fate::Parked(parking), End::Gone)),
            }
        }
        let limit = self.topic.max_message;
        let packed = pack::pack(letters, limit, |letter| Measure {
            bytes: letter.bytes,
            group: (self.order == Order::Fifo).then_some(letter.message.group),
            company: letter.next.tried.company,
        });
        for letter in packed.oversized {
            let detail = format!("{} bytes with attributes; the topic takes {limit}", letter.bytes);
            let parking = Parking::new(Reason::Oversized, detail);
            self.log_parked(letter.event, &letter.contract, &parking);
            parked.push((letter.next, Fate::Parked(parking), End::Gone));
        }
        if !parked.is_empty() {
            self.stats.parked.inc_by(parked.len() as u64);
            self.conclude(parked, &mut report).await;
        }
        let mut batches = packed.batches.into_iter();
        for batch in batches.by_ref() {
            self.send(batch, &mut report).await;
            let troubled = report.signals.iter().any(|(_, signal)| *signal != Signal::Well);
            if troubled || stop.is_cancelled() {
                break;
            }
        }
        for letter in batches.flatten() {
            report.ends.push((letter.next, End::GivenBack(letter.next.tried)));
        }
        report
    }

    /// The message of a delivery, or why there can be none.
    fn write(&self, next: Next, delivery: Delivery) -> Result<Letter, Parking> {
        let Delivery { contract, redriven, event, .. } = delivery;
        let stored = event.inspect_err(|parking| {
            tracing::error!(topic = %self.topic.key, %contract, position = next.position.0, %parking, "parked");
        })?;
        let event = stored.event.id;
        let message = self
            .mapper
            .map(&contract, &stored)
            .inspect_err(|parking| self.log_parked(event, &contract, parking))?;
        let more = if redriven { REDRIVE } else { &[] };
        let bytes = pack::bytes(&message, more);
        Ok(Letter { next, event, contract, raised: stored.event.raised, message, more, bytes })
    }

    async fn send(&self, batch: Vec<Letter>, report: &mut Report) {
        self.count_possible_duplicates(&batch);
        let mut sent = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        for Letter { next, event, contract, raised, message, more, .. } in batch {
            sent.push(Sent { next, event, contract, raised });
            messages.push((message, more));
        }
        if planted::settle_before_answer() {
            let settled = |one: &Sent| (one.next, Fate::Settled(Receipt::default()), End::Gone);
            self.conclude(sent.iter().map(settled).collect(), report).await;
        }
        let start = Instant::now();
        let answer = self.client.publish(&self.topic.arn, self.order, messages.into_iter()).await;
        self.stats.duration.observe(start.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "at most ten")]
        self.stats.batch_size.observe(sent.len() as f64);
        if planted::settle_before_answer() {
            return;
        }
        let judged = judge(sent.len(), answer);
        self.stats.invented.inc_by(judged.invented.into());
        report.signals.extend(signal(&judged).map(|signal| (start, signal)));
        let now = Timestamp::now();
        let published = judged.entries.iter().filter(|v| matches!(v, Verdict::Settled(_))).count();
        if published > 0 {
            self.stats.published.inc_by(published as u64);
            self.shared.published(u32::try_from(published).unwrap_or(u32::MAX));
        }
        let mut fates = Vec::with_capacity(sent.len());
        for (one, verdict) in sent.into_iter().zip(judged.entries) {
            match self.fate(&one, verdict, now) {
                (Some(fate), end) => fates.push((one.next, fate, end)),
                (None, end) => report.ends.push((one.next, end)),
            }
        }
        self.conclude(fates, report).await;
    }

    /// What the spool must keep of a verdict, and what the queue must know.
    fn fate(&self, one: &Sent, verdict: Verdict, now: Timestamp) -> (Option<Fate>, End) {
        let tried = Tried { tries: one.next.tried.tries.saturating_add(1), ..one.next.tried };
        let held = |cause, tried: Tried, wait: Duration| {
            self.stats.retried.inc();
            let due = now.checked_add(wait).unwrap_or(now);
            Fate::Held(Held { due, tries: tried.tries, cause, unknown_since: tried.unknown_since })
        };
        match verdict {
            Verdict::Settled(receipt) => {
                if let Some(raised) = one.raised {
                    self.stats.lag.observe(now.duration_since(raised).as_secs_f64().max(0.0));
                }
                (Some(Fate::Settled(receipt)), End::Gone)
            }
            Verdict::Park(parking) => {
                self.stats.parked.inc();
                self.log_parked(one.event, &one.contract, &parking);
                (Some(Fate::Parked(parking)), End::Gone)
            }
            Verdict::Retry(cause, outcome) => {
                let unknown_since = match outcome {
                    Outcome::Unknown => tried.unknown_since.or(Some(now)),
                    Outcome::NotPublished => tried.unknown_since,
                };
                let tried = Tried { unknown_since, ..tried };
                let wait = self.backoff.wait(tried.tries, fastrand::f64());
                tracing::debug!(event = %one.event, contract = %one.contract, topic = %self.topic.key,
                    %cause, tries = tried.tries, "held");
                (Some(held(cause, tried, wait)), End::Held(tried, wait))
            }
            // When to go on is the topic's or the account's to say, so the queue has it ready.
            Verdict::SlowDown => (Some(held(Cause::Throttled, tried, Duration::ZERO)), End::GivenBack(tried)),
            Verdict::HoldTopic(_) => (Some(held(Cause::Topic, tried, self.probe)), End::GivenBack(tried)),
            Verdict::HoldAccount(_) => (Some(held(Cause::Account, tried, self.probe)), End::GivenBack(tried)),
            Verdict::Split(words) => {
                tracing::error!(event = %one.event, contract = %one.contract, topic = %self.topic.key, words,
                    "SNS refused the whole batch: each of its messages is sent alone");
                (None, End::GivenBack(Tried { company: Company::Alone, ..tried }))
            }
        }
    }

    async fn conclude(&self, fates: Vec<(Next, Fate, End)>, report: &mut Report) {
        if fates.is_empty() {
            return;
        }
        let told = fates.iter().map(|(next, fate, _)| (next.position, fate.clone())).collect();
        let result = self.spool.conclude(&self.lease, told).await;
        let kept = result.is_ok();
        report.ends.extend(
            fates.into_iter().map(|(next, fate, end)| (next, if kept { end } else { End::Unsure(fate) })),
        );
        let signal = match result {
            Ok(()) => return,
            Err(ConcludeError::Unknown(words)) => Signal::SpoolFailed(words),
            Err(error @ (ConcludeError::LeaseLost(_) | ConcludeError::Shut)) => {
                Signal::Stop(error.to_string())
            }
        };
        report.signals.push((Instant::now(), signal));
    }

    fn count_possible_duplicates(&self, batch: &[Letter]) {
        if self.order == Order::Standard {
            return;
        }
        let now = Timestamp::now();
        for letter in batch {
            let since = letter.next.tried.unknown_since;
            if since.is_some_and(|since| now.duration_since(since).unsigned_abs() > DEDUP_IS_SURE_FOR) {
                self.stats.possible_duplicates.inc();
                tracing::warn!(event = %letter.event, contract = %letter.contract, topic = %self.topic.key,
                    "sent again over 4 minutes after an unknown outcome: SNS may have it twice");
            }
        }
    }

    fn log_parked(&self, event: EventId, contract: &ContractId, parking: &Parking) {
        tracing::warn!(%event, %contract, topic = %self.topic.key, %parking, "parked");
    }
}

/// What is remembered of a message while it is out.
struct Sent {
    next: Next,
    event: EventId,
    contract: ContractId,
    raised: Option<Timestamp>,
}

/// What the verdicts on one batch say about the topic and the account.
fn signal(judged: &Judged) -> Option<Signal> {
    let mut unknown = true;
    for verdict in &judged.entries {
        match verdict {
            Verdict::HoldAccount(fault) => return Some(Signal::HoldAccount(fault.clone())),
            Verdict::HoldTopic(fault) => return Some(Signal::HoldTopic(fault.clone())),
            Verdict::SlowDown => return Some(Signal::Slow(Cause::Throttled, judged.words.clone())),
            Verdict::Split(_) => return None,
            Verdict::Retry(Cause::Unknown, _) => {}
            Verdict::Settled(_) | Verdict::Park(_) | Verdict::Retry(..) => unknown = false,
        }
    }
    Some(if unknown { Signal::Slow(Cause::Unknown, judged.words.clone()) } else { Signal::Well })
}
