//! The loop of one topic: read the index onwards, start errands for what may be sent, take in what they
//! report. All that it knows is a function of the spool and of the answers since its start.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::contracts::Judgement;
use super::control::{Load, State};
use super::errand::{Blame, Doubt, End, Line, Report, Signal};
use super::hold::{Account, Hold};
use super::pace::{Pace, Trouble};
use super::pack::{Company, MAX_ENTRIES};
use super::queue::{Arrival, Next, Queue, Tried};
use super::quota::{Seat, Turn};
use super::verdict::Fault;
use crate::delivery::{Cause, ContractId, Fate, Held, Position};
use crate::planted::{Bug, planted};
use crate::spool::{ConcludeError, Entry, Pause, SpoolError};

/// How many lines of the index are read at once.
const PAGE: usize = 1_000;

/// The most deliveries in memory (about 50 to 70 MB): beyond it the index is read on as others are settled.
const IN_MEMORY: usize = 2_000_000;

/// How often the index is read though nobody told of anything new: the fallback for a lost wake-up, and
/// the pause after the spool failed.
const POLL: Duration = Duration::from_secs(1);

/// By what clock things are due.
fn clock() -> Instant {
    if planted(Bug::WallClockBackoff) {
        static BEGUN: std::sync::OnceLock<(Instant, std::time::SystemTime)> = std::sync::OnceLock::new();
        let (then, wall) = *BEGUN.get_or_init(|| (Instant::now(), std::time::SystemTime::now()));
        return wall.elapsed().map_or(then, |on| then + on);
    }
    Instant::now()
}

/// The worker of one topic.
pub(super) struct Worker {
    line: Arc<Line>,
    account: Account,
    account_watch: watch::Receiver<Option<Hold>>,
    stop: CancellationToken,
    queue: Queue,
    /// The last line of the index that was read.
    read_to: Option<Position>,
    /// When to look for new lines.
    read_at: Instant,
    woken: watch::Receiver<u64>,
    /// Changes when something came or went behind `read_to`.
    rewound: watch::Receiver<u64>,
    /// Fates that may not be kept: the index is being read from its head to see which aren't.
    unsure: HashMap<Position, Fate>,
    /// Deliveries whose message can't be made, and until when they may wait to be judged.
    doubts: Vec<(Next, Doubt, Instant)>,
    contracts_held: watch::Receiver<Vec<ContractId>>,
    /// Whether the queue must be read anew, once nothing is in flight.
    stale: bool,
    errands: JoinSet<Report>,
    pace: Pace,
    seat: Seat,
    /// When to ask for a turn again.
    turn_at: Option<Instant>,
    /// Whether the index was read to its end: what comes from then on is new.
    caught_up: bool,
    hold: Option<Hold>,
    /// Set while a person has stopped the topic.
    paused: watch::Receiver<Option<Pause>>,
}

impl Worker {
    pub(super) fn new(line: Line, account: Account, seat: Seat, stop: CancellationToken) -> Self {
        Self {
            account_watch: account.watch(),
            account,
            stop,
            queue: Queue::new(line.order),
            read_to: None,
            read_at: Instant::now(),
            woken: line.spool.woken(&line.topic.key),
            rewound: line.spool.rewound(&line.topic.key),
            unsure: HashMap::new(),
            doubts: Vec::new(),
            contracts_held: line.contracts.watch(),
            stale: false,
            errands: JoinSet::new(),
            pace: Pace::new(line.topic.in_flight),
            seat,
            turn_at: None,
            caught_up: false,
            hold: None,
            paused: line.spool.paused(&line.topic.key),
            line: Arc::new(line),
        }
    }

    /// Works until it is told to stop, the spool is shut, or another process has the topic.
    pub(super) async fn run(mut self) {
        let why = loop {
            if self.stop.is_cancelled() {
                break "the process is stopping".to_owned();
            }
            if let ControlFlow::Break(why) = self.read().await {
                break why;
            }
            let now = clock();
            self.judge(now);
            self.send(now);
            self.tell();
            if let ControlFlow::Break(why) = self.wait(now).await {
                break why;
            }
        };
        while let Some(report) = self.errands.join_next().await {
            if let Ok(report) = report {
                let _ = self.take_in(report);
            }
            self.tell();
        }
        tracing::info!(topic = %self.line.topic.key, why, "publishing stopped");
        self.line.shared.state(State::Stopped { why });
    }

    /// Reads one page of the index, when there may be something new in it.
    async fn read(&mut self) -> ControlFlow<String> {
        if self.rewound.has_changed().unwrap_or_default() {
            self.rewound.mark_unchanged();
            self.rewind();
        }
        if self.stale {
            if !self.errands.is_empty() || Instant::now() < self.read_at {
                return ControlFlow::Continue(());
            }
            self.queue = Queue::new(self.line.order);
            // They are in the spool as held, and are looked at again.
            self.doubts.clear();
            self.stop_contracts();
            self.read_to = None;
            self.caught_up = false;
            self.stale = false;
        }
        if Instant::now() < self.read_at || self.queue.len() >= IN_MEMORY {
            return ControlFlow::Continue(());
        }
        // Before the read: a delivery committed during it wakes the worker once more.
        self.woken.mark_unchanged();
        let page = match self.line.spool.index(&self.line.lease, self.read_to, PAGE).await {
            Ok(page) => page,
            Err(SpoolError::Shut) => return ControlFlow::Break(SpoolError::Shut.to_string()),
            Err(error @ SpoolError::Store { .. }) => {
                tracing::error!(topic = %self.line.topic.key, %error, "reading the index failed; it is tried again");
                self.read_at = Instant::now() + POLL;
                return ControlFlow::Continue(());
            }
        };
        let at_end = page.len() < PAGE;
        if at_end {
            self.read_at = Instant::now() + POLL;
        }
        self.read_to = page.last().map(|entry| entry.position).or(self.read_to);
        if self.caught_up {
            self.line.shared.arrived(page.len());
        }
        self.caught_up |= at_end;
        let mut not_kept = Vec::new();
        for entry in page {
            match admit(&entry, self.unsure.remove(&entry.position)) {
                Admitted::Waiting(held) => self.push(&entry, held),
                Admitted::NotKept(fate) => not_kept.push((entry.position, fate)),
            }
        }
        if at_end {
            // What the index does not name is kept.
            self.unsure.clear();
        }
        self.conclude_again(not_kept).await
    }

    fn push(&mut self, entry: &Entry, held: Option<Held>) {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let held = held.and_then(|held| {
            // A clock that was set back must not make it wait for longer than any backoff does.
            let longest = self.line.backoff.cap.max(self.line.probe);
            let mut wait = Duration::try_from(held.due.duration_since(wall)).unwrap_or_default().min(longest);
            let tried = Tried { tries: held.tries, unknown_since: held.unknown_since, company: Company::Any };
            if held.cause.is_of_contract() {
                // A start may have brought a mended contract.
                wait = Duration::ZERO;
            }
            (tried != Tried::NEVER).then(|| (tried, now + wait))
        });
        if !self.queue.knows(&entry.contract) && self.line.mapper.catalogue.get(&entry.contract).is_none() {
            self.line.contracts.gone(&entry.contract);
            self.queue.stop(&entry.contract);
        }
        let contract = self.queue.number(&entry.contract);
        let Entry { position, group, class, .. } = *entry;
        self.queue.push(Arrival { position, group, contract, class, held });
    }

    /// Tells the spool once more what SNS has answered for messages whose fate it doesn't have.
    async fn conclude_again(&mut self, fates: Vec<(Position, Fate)>) -> ControlFlow<String> {
        if fates.is_empty() {
            return ControlFlow::Continue(());
        }
        match self.line.spool.conclude(&self.line.lease, fates.clone()).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(ConcludeError::Unknown(words)) => {
                self.unsure.extend(fates);
                self.distrust(&words);
                ControlFlow::Continue(())
            }
            Err(error @ (ConcludeError::LeaseLost(_) | ConcludeError::Shut)) => {
                ControlFlow::Break(error.to_string())
            }
        }
    }

    /// Reads everything again, without a pause unless the spool failed just now.
    fn rewind(&mut self) {
        if !self.stale {
            self.stale = true;
            self.read_at = Instant::now();
        }
    }

    /// What is in memory may not be what is in the spool: read everything again, after a moment.
    fn distrust(&mut self, words: &str) {
        tracing::error!(topic = %self.line.topic.key, words, "the spool failed; its index is read again");
        self.stale = true;
        self.read_at = Instant::now() + POLL;
    }

    /// Leaves out what belongs to contracts that are held.
    fn stop_contracts(&mut self) {
        for contract in self.contracts_held.borrow_and_update().iter() {
            self.queue.stop(contract);
        }
    }

    /// Sees which doubtful failures can be judged by now.
    fn judge(&mut self, now: Instant) {
        if self.stale {
            return;
        }
        if self.contracts_held.has_changed().unwrap_or_default() {
            self.stop_contracts();
        }
        let contracts = &self.line.contracts;
        let mut judged = Vec::new();
        for (next, doubt, until) in std::mem::take(&mut self.doubts) {
            match contracts.judge(&doubt.contract, doubt.number, until <= now) {
                Judgement::Open => self.doubts.push((next, doubt, until)),
                Judgement::Event => judged.push((next, doubt, Blame::Event)),
                Judgement::Contract => judged.push((next, doubt, Blame::Contract)),
            }
        }
        if !judged.is_empty() {
            self.errands.spawn(Arc::clone(&self.line).settle_doubts(judged));
        }
    }

    /// Starts as many errands as may be.
    fn send(&mut self, now: Instant) {
        self.turn_at = None;
        if !self.stale {
            self.start_errands(now);
        }
        if self.turn_at.is_none() {
            self.seat.leave();
        }
    }

    fn start_errands(&mut self, now: Instant) {
        while self.queue.is_ready(now) && !self.stop.is_cancelled() {
            let line = Arc::clone(&self.line);
            let stop = self.stop.clone();
            let may = self.may_send(now);
            let picked = match may {
                May::Batch => match self.seat.ask(self.queue.class(), now) {
                    Turn::Now => {
                        let picked = self.queue.next(now, MAX_ENTRIES);
                        self.seat.unused(MAX_ENTRIES - picked.len());
                        picked
                    }
                    Turn::At(then) => {
                        self.turn_at = Some(then);
                        break;
                    }
                },
                May::ProbeTopic | May::ProbeAccount => self.queue.next(now, 1),
                May::Nothing => break,
            };
            // All that was ready may have been left out.
            if picked.is_empty() {
                break;
            }
            self.errands.spawn(async move {
                if may == May::ProbeAccount {
                    line.client.renew().await;
                }
                line.run(picked, stop).await
            });
        }
    }

    fn may_send(&mut self, now: Instant) -> May {
        if self.paused.borrow_and_update().is_some() {
            return May::Nothing;
        }
        let account_held = self.account_watch.borrow_and_update().is_some();
        if self.hold.is_none() && !account_held {
            return if self.errands.len() < self.pace.allowed(now) { May::Batch } else { May::Nothing };
        }
        let topic_lets = self.hold.as_ref().is_none_or(|hold| hold.probe <= now);
        if !self.errands.is_empty() || !topic_lets {
            return May::Nothing;
        }
        match account_held {
            false => May::ProbeTopic,
            true if self.account.take_probe(now, self.line.probe) => May::ProbeAccount,
            true => May::Nothing,
        }
    }

    /// Waits for whatever comes first: an answer, something new, a moment that was set.
    async fn wait(&mut self, now: Instant) -> ControlFlow<String> {
        if self.read_at <= now && self.queue.len() < IN_MEMORY && !self.stale {
            // There is more to read: only take in what has been answered meanwhile.
            while let Some(joined) = self.errands.try_join_next() {
                self.take_in_joined(joined)?;
            }
            return ControlFlow::Continue(());
        }
        let wake = tokio::time::Instant::from_std(self.wake_at(now));
        tokio::select! {
            () = self.stop.cancelled() => {}
            Some(joined) = self.errands.join_next() => {
                self.take_in_joined(joined)?;
                while let Some(joined) = self.errands.try_join_next() {
                    self.take_in_joined(joined)?;
                }
            }
            // After a failure the pause is kept, whatever comes in.
            Ok(()) = self.woken.changed(), if !self.stale => self.read_at = Instant::now(),
            Ok(()) = self.rewound.changed() => self.rewound.mark_changed(),
            Ok(()) = self.account_watch.changed() => {}
            Ok(()) = self.paused.changed() => {}
            Ok(()) = self.contracts_held.changed() => self.contracts_held.mark_changed(),
            () = tokio::time::sleep_until(wake) => {}
        }
        ControlFlow::Continue(())
    }

    /// The next moment at which something may be possible that isn't at `now`. What is due already waits
    /// for something that wakes the worker by itself.
    fn wake_at(&self, now: Instant) -> Instant {
        let account = self.account_watch.borrow().as_ref().map(|hold| hold.probe);
        let topic = self.hold.as_ref().map(|hold| hold.probe);
        let judged = self.doubts.iter().map(|(_, _, until)| *until).min();
        [self.queue.due(), self.pace.resumes(), topic, account, judged, self.turn_at, Some(self.read_at)]
            .into_iter()
            .flatten()
            .filter(|moment| *moment > now)
            .min()
            .unwrap_or(now + POLL)
    }

    fn take_in_joined(&mut self, joined: Result<Report, tokio::task::JoinError>) -> ControlFlow<String> {
        match joined {
            Ok(report) => self.take_in(report),
            // A bug: its deliveries are in the spool still.
            Err(error) => {
                self.distrust(&error.to_string());
                ControlFlow::Continue(())
            }
        }
    }

    fn take_in(&mut self, report: Report) -> ControlFlow<String> {
        let now = Instant::now();
        self.seat.unused(report.unsent);
        for (next, end) in report.ends {
            match end {
                End::Gone => self.queue.finish(next.slot),
                End::GivenBack(tried) => self.queue.give_back(next.slot, tried),
                End::Held(tried, wait) => self.queue.hold(next.slot, tried, clock() + wait),
                End::Unsure(fate) => {
                    self.unsure.insert(next.position, fate);
                }
                End::Doubtful(doubt) => {
                    self.queue.set_aside(next.slot);
                    self.doubts.push((next, doubt, now + self.line.doubt));
                }
                End::Made => self.queue.keep_behind(next.slot, next.tried),
                End::LeftOut => self.queue.leave_out(next.slot),
            }
        }
        for (sent, signal) in report.signals {
            match signal {
                Signal::Well => self.go_well(sent),
                Signal::Slow(cause, words) => self.slow(sent, now, cause, words),
                Signal::HoldTopic(fault) => self.hold_topic(fault, now),
                Signal::HoldAccount(fault) => self.hold_account(fault, now),
                Signal::SpoolFailed(words) => self.distrust(&words),
                Signal::Stop(why) => return ControlFlow::Break(why),
            }
        }
        ControlFlow::Continue(())
    }

    fn go_well(&mut self, sent: Instant) {
        let topic = &self.line.topic.key;
        if self.pace.trouble().is_some() {
            tracing::info!(%topic, "SNS answers again");
        }
        self.pace.go_well(sent);
        if self.hold.take_if(|hold| hold.is_ended_by(sent)).is_some() {
            tracing::info!(%topic, "the topic takes messages again");
        }
        if self.account.lift(sent) {
            tracing::info!(%topic, "the account's credentials are accepted again");
        }
    }

    fn slow(&mut self, sent: Instant, now: Instant, cause: Cause, words: String) {
        if cause == Cause::Throttled {
            self.line.stats.throttled.inc();
            self.seat.slow(sent, now);
        }
        if self.pace.trouble().is_none() {
            tracing::warn!(topic = %self.line.topic.key, %cause, words, "publishing slows down");
        }
        // What holds a topic is tried again no later than a probe would be.
        let (backoff, most) = (self.line.backoff, self.line.probe);
        let trouble = Trouble { cause, words, since: Timestamp::now() };
        self.pace.slow(sent, now, trouble, |n| backoff.wait(n, fastrand::f64()).min(most));
    }

    fn hold_topic(&mut self, fault: Fault, now: Instant) {
        if self.hold.is_none() {
            let Fault { words, cure } = &fault;
            tracing::error!(topic = %self.line.topic.key, words, cure, "the topic is held; nothing is lost");
        }
        self.hold = Some(Hold::by(fault, self.hold.as_ref(), now, self.line.probe));
    }

    fn hold_account(&mut self, fault: Fault, now: Instant) {
        let Fault { words, cure } = fault.clone();
        if self.account.hold(fault, now, self.line.probe) {
            tracing::error!(
                words,
                cure,
                "all topics are held: AWS doesn't accept the account; nothing is lost"
            );
        }
    }

    /// Shows on the pulse and in the gauges how the topic does.
    fn tell(&self) {
        let pace = self.seat.pace(Instant::now());
        self.line.shared.load(Load {
            in_flight: self.errands.len(),
            queued: self.queue.len(),
            longest_group: self.queue.longest_group(),
            pace,
        });
        self.line.stats.show_pace(pace);
        for (contract, waiting) in self.queue.stopped() {
            self.line.contracts.count(contract, &self.line.topic.key, waiting);
        }
        let account = self.account_watch.borrow();
        let by_hold = |cause, hold: &Hold| {
            (cause, format!("{}: {}", hold.fault.words, hold.fault.cure), hold.since, hold.probe)
        };
        let held = match (&*account, &self.hold, self.pace.trouble()) {
            (Some(hold), _, _) => Some(by_hold(Cause::Account, hold)),
            (None, Some(hold), _) => Some(by_hold(Cause::Topic, hold)),
            (None, None, Some(Trouble { cause, words, since })) => {
                Some((*cause, words.clone(), *since, self.pace.resumes().unwrap_or_else(Instant::now)))
            }
            (None, None, None) => None,
        };
        self.line.stats.show_held(held.as_ref().map(|(cause, ..)| *cause));
        if let Some(Pause { since, why, .. }) = &*self.paused.borrow() {
            self.line.shared.state(State::Paused { since: *since, why: why.clone() });
            return;
        }
        self.line.shared.state(match held {
            None => State::Running,
            Some((cause, words, since, probe)) => {
                let next_probe = Timestamp::now()
                    .checked_add(probe.saturating_duration_since(Instant::now()))
                    .unwrap_or(Timestamp::MAX);
                State::Held { cause, words, since, next_probe }
            }
        });
    }
}

impl Drop for Worker {
    /// A worker that ends by a bug must not look as if it ran.
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(topic = %self.line.topic.key, "the worker ended by a bug; restart the process");
            self.line.shared.state(State::Stopped { why: "a bug: restart the process".to_owned() });
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    Batch,
    ProbeTopic,
    ProbeAccount,
    Nothing,
}

/// What a line of the index is to the worker.
#[derive(Debug, PartialEq, Eq)]
enum Admitted {
    /// To be sent, now or when it is due.
    Waiting(Option<Held>),
    /// It was answered, and the spool doesn't know: not to be sent again.
    NotKept(Fate),
}

/// Holds a line against a fate that may not be kept.
fn admit(entry: &Entry, unsure: Option<Fate>) -> Admitted {
    match unsure {
        Some(Fate::Held(held)) => Admitted::Waiting(Some(held)),
        Some(fate @ (Fate::Settled(_) | Fate::Parked(_))) => Admitted::NotKept(fate),
        None => Admitted::Waiting(entry.held.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Class, Group, Parking, Reason, Receipt};

    #[test]
    fn a_line_whose_settling_was_not_kept_is_concluded_and_not_sent_again() {
        let held =
            |tries| Held { due: Timestamp::UNIX_EPOCH, tries, cause: Cause::Unknown, unknown_since: None };
        let entry = Entry {
            position: Position(7),
            contract: "moodle.enrolment.created.v1".parse().unwrap(),
            group: Group([0; 16]),
            class: Class::Live,
            held: Some(held(1)),
        };
        let settled = Fate::Settled(Receipt::default());
        let parked = Fate::Parked(Parking::new(Reason::Refused, "words"));
        assert_eq!(admit(&entry, None), Admitted::Waiting(Some(held(1))));
        assert_eq!(admit(&entry, Some(settled.clone())), Admitted::NotKept(settled));
        assert_eq!(admit(&entry, Some(parked.clone())), Admitted::NotKept(parked));
        assert_eq!(admit(&entry, Some(Fate::Held(held(2)))), Admitted::Waiting(Some(held(2))));
    }
}
