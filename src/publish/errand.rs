//! One errand: a few deliveries from the spool to SNS and their fates back, while the worker goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::client::{Client, More};
use super::contracts::{Contracts, Failure};
use super::control::Shared;
use super::pack::{self, Company, Measure};
use super::queue::{Next, Order, Tried};
use super::stats::TopicStats;
use super::verdict::{Fault, Judged, Outcome, Verdict, judge};
use super::{Backoff, Mapper, TopicSettings, Unmade};
use crate::contract::Message;
use crate::delivery::{Cause, ContractId, Fate, Held, Parking, Position, Reason, Receipt};
use crate::event::{Event, EventId};
use crate::planted::{Bug, planted};
use crate::spool::{ConcludeError, Delivery, Lease, Spool};

/// SNS forgets a FIFO message's deduplication id after 5 minutes (its FIFO documentation): a message whose
/// outcome was unknown for longer than this, and is sent again, may be there twice.
const DEDUP_IS_SURE_FOR: Duration = Duration::from_secs(4 * 60);

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
    pub doubt: Duration,
    pub contracts: Contracts,
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
    /// How many of the deliveries it was given were not sent, and so took nothing of the quota.
    pub unsent: usize,
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
    /// Its message can't be made, and it must be judged.
    Doubtful(Doubt),
    /// It was tried for trial, and its message can be made.
    Made,
    /// Its contract is held.
    LeftOut,
}

/// A failure that may be the event's own or its contract's.
#[derive(Debug)]
pub(super) struct Doubt {
    /// The contract.
    pub contract: ContractId,
    /// The event.
    pub event: EventId,
    /// The outcome's number in its contract.
    pub number: u64,
    /// What failed.
    pub complaint: Parking,
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
        let start = Instant::now();
        let mut report = Report { unsent: picked.len(), ..Report::default() };
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
        let (mut parked, mut held) = (Vec::new(), Vec::new());
        for next in picked {
            let Some(at) = loaded.iter().position(|delivery| delivery.position == next.position) else {
                report.ends.push((next, End::Gone));
                continue;
            };
            let delivery = loaded.swap_remove(at);
            if self.contracts.is_held(&delivery.contract) {
                report.ends.push((next, End::LeftOut));
                continue;
            }
            match self.write(next, delivery) {
                Ok(_) if next.trial => report.ends.push((next, End::Made)),
                Ok(letter) => letters.push(letter),
                Err(Unwritten::Park(parking)) => parked.push((next, Fate::Parked(parking), End::Gone)),
                Err(Unwritten::Doubt(doubt)) => held.push(self.doubt(next, doubt)),
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
        self.stats.parked.inc_by(parked.len() as u64);
        parked.append(&mut held);
        self.conclude(parked, &mut report).await;
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
        self.shared.round_trip(start.elapsed());
        report
    }

    /// The message of a delivery, or why there can be none.
    fn write(&self, next: Next, delivery: Delivery) -> Result<Letter, Unwritten> {
        let Delivery { contract, redriven, replay, event, .. } = delivery;
        let mut stored = event.map_err(|parking| {
            tracing::error!(topic = %self.topic.key, %contract, position = next.position.0, %parking, "parked");
            Unwritten::Park(parking)
        })?;
        let event = stored.event.id;
        if redriven && planted(Bug::NewIdAtRedrive) {
            stored.event.id = EventId::new(uuid::Uuid::now_v7()).unwrap_or(event);
        }
        let message = match self.mapper.map(&contract, &stored) {
            Ok(message) => message,
            Err(Unmade::Certain(parking)) => {
                self.log_parked(event, &contract, &parking);
                return Err(Unwritten::Park(parking));
            }
            Err(Unmade::Doubtful(complaint)) => {
                return Err(Unwritten::Doubt(Doubt { contract, event, number: 0, complaint }));
            }
        };
        // How long ago a replayed event was raised says nothing of how fast messages go out.
        let raised = observed(&stored.event).filter(|_| replay.is_none());
        let more = More { redriven, replay };
        let bytes = pack::bytes(&message, &more.attributes());
        Ok(Letter { next, event, contract, raised, message, more, bytes })
    }

    /// Counts a failure, and says what the spool and the queue must know of it.
    fn doubt(&self, next: Next, doubt: Doubt) -> (Next, Fate, End) {
        let Doubt { contract, event, complaint, .. } = &doubt;
        let (cause, end) = match self.contracts.fail(contract, &self.topic.key, next.position, complaint) {
            Failure::Contract => (Cause::ContractFault, End::LeftOut),
            Failure::Doubtful(number) => {
                tracing::warn!(%event, %contract, topic = %self.topic.key, %complaint,
                    "held as mapping: its message can't be made, others of its contract are tried first");
                (Cause::Mapping, End::Doubtful(Doubt { number, ..doubt }))
            }
        };
        (next, self.unmade(next, cause), end)
    }

    /// Held for its contract's sake: it was not tried, only looked at.
    fn unmade(&self, next: Next, cause: Cause) -> Fate {
        let now = Timestamp::now();
        let due = now.checked_add(self.doubt).unwrap_or(now);
        let Tried { tries, unknown_since, .. } = next.tried;
        Fate::Held(Held { due, tries, cause, unknown_since })
    }

    /// Keeps what doubtful failures have come to: parked for the event's fault, or held for the contract's.
    pub(super) async fn settle_doubts(self: Arc<Self>, judged: Vec<(Next, Doubt, Blame)>) -> Report {
        let mut report = Report::default();
        let fates = judged.into_iter().map(|(next, doubt, blame)| match blame {
            Blame::Event => {
                self.stats.parked.inc();
                self.log_parked(doubt.event, &doubt.contract, &doubt.complaint);
                (next, Fate::Parked(doubt.complaint), End::Gone)
            }
            Blame::Contract => (next, self.unmade(next, Cause::ContractFault), End::LeftOut),
        });
        self.conclude(fates.collect(), &mut report).await;
        report
    }

    async fn send(&self, batch: Vec<Letter>, report: &mut Report) {
        self.count_possible_duplicates(&batch);
        report.unsent = report.unsent.saturating_sub(batch.len());
        let mut sent = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        for Letter { next, event, contract, raised, message, more, .. } in batch {
            if next.tried.tries == 0 {
                self.contracts.pass(&contract);
            }
            sent.push(Sent { next, event, contract, raised });
            messages.push((message, more));
        }
        if planted(Bug::SettleBeforeAnswer) {
            let settled = |one: &Sent| (one.next, Fate::Settled(Receipt::default()), End::Gone);
            self.conclude(sent.iter().map(settled).collect(), report).await;
        }
        let start = Instant::now();
        let answer = self.client.publish(&self.topic.arn, self.order, messages.into_iter()).await;
        self.stats.duration.observe(start.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "at most ten")]
        self.stats.batch_size.observe(sent.len() as f64);
        if planted(Bug::SettleBeforeAnswer) {
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

/// Whose fault it is that a message can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// Its event's: it is parked.
    Event,
    /// Its contract's: it waits for a mended one.
    Contract,
}

/// Why a message was not written.
enum Unwritten {
    /// It can't be.
    Park(Parking),
    /// It can't be, by its own fault or its contract's.
    Doubt(Doubt),
}

/// What is remembered of a message while it is out.
struct Sent {
    next: Next,
    event: EventId,
    contract: ContractId,
    raised: Option<Timestamp>,
}

/// When an event was raised; none where that was before anybody watched.
fn observed(event: &Event) -> Option<Timestamp> {
    event.raised.filter(|_| !event.id.is_backfill())
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
