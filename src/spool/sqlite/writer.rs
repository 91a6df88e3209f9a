//! The one thread that writes. It takes what has queued up while it was at the disk, does all of it in
//! one transaction, and answers only when the commit has returned.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::{AcceptError, Accepted, ConcludeError};
use super::change::{Change, Counting, Effects, Standing};
use super::place::HighWater;
use super::prepared::Prepared;
use super::prune::Pruner;
use super::schema::{self, Fault};
use super::shared::Shared;
use super::verbs::Verb;
use crate::delivery::{Fate, Position, TopicKey};

/// The most events of one transaction: bounds how long a commit may take.
const GROUP_EVENTS: usize = 4_096;
/// The log is copied into the file when it has this many pages and nobody waits…
const CHECKPOINT_PAGES: u64 = 4 << 20 >> 12;
/// …or this many, whoever waits: one damaged page in the log costs every later commit in it.
const LOG_LIMIT_PAGES: u64 = 16 << 20 >> 12;
/// A quiet spool copies its log after this long.
const IDLE: Duration = Duration::from_secs(1);
/// Two failed commits within this time, and the process gives up.
const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// Work for the writer.
pub(super) enum Job {
    Accept(Prepared, oneshot::Sender<Result<Vec<Accepted>, AcceptError>>),
    Conclude(TopicKey, Vec<(Position, Fate)>, oneshot::Sender<Result<(), ConcludeError>>),
    Verb(Box<dyn Verb>),
    Shut(oneshot::Sender<()>),
}

/// An answer that waits for its commit.
enum Answer {
    Accept(oneshot::Sender<Result<Vec<Accepted>, AcceptError>>, Vec<Accepted>),
    Conclude(oneshot::Sender<Result<(), ConcludeError>>),
    Verb(Box<dyn Verb>),
}

pub(super) struct Writer {
    conn: Option<Connection>,
    file: PathBuf,
    standing: Standing,
    high: HighWater,
    shared: Arc<Shared>,
    pruner: Pruner,
    last_failure: Option<Instant>,
    /// Held until the file is closed, however the handles went, so that no two write to one file.
    _lock: File,
}

impl Writer {
    pub(super) fn new(
        file: &std::path::Path,
        lock: File,
        (conn, standing): (Connection, Standing),
        high: HighWater,
        shared: Arc<Shared>,
        pruner: Pruner,
    ) -> Self {
        Self {
            conn: Some(conn),
            file: file.into(),
            standing,
            high,
            shared,
            pruner,
            last_failure: None,
            _lock: lock,
        }
    }

    /// Runs until it is told to shut, or has to give up.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = match jobs.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.idle();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.shared.queue.taken();
            let mut group = vec![first];
            let mut events = weight(&group[0]);
            while events < GROUP_EVENTS
                && let Ok(job) = jobs.try_recv()
            {
                events += weight(&job);
                group.push(job);
            }
            let mut shut = Vec::new();
            group.retain_mut(|job| match job {
                Job::Shut(_) => {
                    shut.push(std::mem::replace(job, Job::Shut(oneshot::channel().0)));
                    false
                }
                _ => true,
            });
            let going_on = self.commit(group);
            if !shut.is_empty() || !going_on {
                self.close();
                for job in shut {
                    if let Job::Shut(done) = job {
                        let _ = done.send(());
                    }
                }
                return;
            }
            self.keep_house();
        }
        self.close();
    }

    /// Does a group of work in one transaction. False when the spool has to give up.
    fn commit(&mut self, group: Vec<Job>) -> bool {
        if group.is_empty() {
            return true;
        }
        let begun = Instant::now();
        let mut answers = Vec::with_capacity(group.len());
        let result = self.transact(group, &mut answers, Counting::WithOthers);
        match result {
            Ok(effects) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                self.shared.commit_seconds.observe(begun.elapsed().as_secs_f64());
                self.shared.owed_bytes.store(self.standing.owed_bytes, Ordering::Relaxed);
                self.high.write(self.standing.seq);
                if effects.erased {
                    // What was erased must not lie in the log either.
                    self.checkpoint("pragma wal_checkpoint(truncate)");
                }
                for answer in answers {
                    answer.give();
                }
                self.shared.tell(&effects);
                true
            }
            Err(error) => {
                let going_on = self.recover(&error);
                for answer in answers {
                    answer.refuse(&error);
                }
                going_on
            }
        }
    }

    fn transact(
        &mut self,
        group: Vec<Job>,
        answers: &mut Vec<Answer>,
        counting: Counting,
    ) -> Result<Effects, String> {
        let Some(conn) = &self.conn else {
            // Every answer must be given: an answer dropped would look like a shut spool.
            answers.extend(group.into_iter().filter_map(Answer::unearned));
            return Err("the spool's file could not be opened again after a fault".into());
        };
        let mut result = conn.execute("begin immediate", []).map(|_| ());
        let mut change = Change::new(conn, &mut self.standing, Timestamp::now());
        for job in group {
            if result.is_err() {
                answers.extend(Answer::unearned(job));
                continue;
            }
            match job {
                Job::Accept(prepared, answer) => {
                    let done = change.accept(&prepared);
                    #[cfg(feature = "planted-bugs")]
                    if super::planted_answer_before_commit() {
                        if let Ok(accepted) = done {
                            let _ = answer.send(Ok(accepted));
                        }
                        continue;
                    }
                    let (accepted, outcome) = split(done);
                    result = outcome;
                    answers.push(Answer::Accept(answer, accepted));
                }
                Job::Conclude(topic, fates, answer) => {
                    result = change.conclude(&topic, &fates);
                    answers.push(Answer::Conclude(answer));
                }
                Job::Verb(mut verb) => {
                    result = verb.change(&mut change);
                    answers.push(Answer::Verb(verb));
                }
                Job::Shut(_) => {}
            }
        }
        let result = result.and_then(|()| change.write_ledger(counting));
        let effects = change.into_effects();
        let committed = result.and_then(|()| conn.execute("commit", []).map(|_| ()));
        if let Err(error) = committed {
            let _ = conn.execute("rollback", []);
            return Err(error.to_string());
        }
        Ok(effects)
    }

    /// After a failed commit nothing in memory can be trusted, nor the connections: the failed transaction
    /// may be found in the file or not. Reads all of it again from the reopened file. False on a second
    /// failure in a short time.
    fn recover(&mut self, error: &str) -> bool {
        self.shared.commit_failures.fetch_add(1, Ordering::Relaxed);
        // A full disk is cured by room, not by a restart.
        let full = error.contains("full");
        let again = !full && self.last_failure.is_some_and(|at| at.elapsed() < FAILURE_WINDOW);
        if !full {
            self.last_failure = Some(Instant::now());
        }
        tracing::error!(error, "a commit failed: what it held may or may not be kept; reopening the spool");
        self.conn = None;
        self.shared.readers.forget();
        let reopened = schema::open_writer(&self.file).and_then(|conn| {
            quick_check(&conn)?;
            let epoch = self.standing.epoch;
            let mut standing = Standing::read(&conn)?;
            // No number of the failed commit was ever told, so the epoch stays.
            standing.epoch = epoch;
            Ok((conn, standing))
        });
        match reopened {
            Ok((mut conn, standing)) if !again => {
                if let Err(error) = self.shared.watch_log(&mut conn) {
                    tracing::error!(%error, "could not watch the log's size");
                }
                self.conn = Some(conn);
                self.standing = standing;
                self.shared.owed_bytes.store(self.standing.owed_bytes, Ordering::Relaxed);
                self.shared.rewind_all();
                true
            }
            Ok(_) => {
                tracing::error!(
                    "a second commit failed within a minute: giving up (exit 70); check the disk, then start again"
                );
                self.shared.failed.send_replace(true);
                false
            }
            Err(fault) if full => {
                tracing::error!(?fault, "the disk is full and the spool can't be reopened yet; trying again");
                true
            }
            Err(fault) => {
                tracing::error!(
                    ?fault,
                    "the spool could not be reopened: giving up (exit 70); the file is left as it is"
                );
                self.shared.failed.send_replace(true);
                false
            }
        }
    }

    /// Between commits: keeps the log short, and prunes a little.
    fn keep_house(&mut self) {
        let pages = self.shared.log_pages.load(Ordering::Relaxed);
        if pages >= LOG_LIMIT_PAGES || (pages >= CHECKPOINT_PAGES && self.shared.queue.is_empty()) {
            self.checkpoint("pragma wal_checkpoint(passive)");
        }
        if self.shared.queue.is_empty() {
            self.prune();
        }
    }

    fn idle(&mut self) {
        if self.conn.is_none() {
            self.recover("disk full earlier");
        }
        if !self.standing.uncounted.is_empty()
            && let Err(error) = self.transact(Vec::new(), &mut Vec::new(), Counting::Now)
        {
            self.recover(&error);
        }
        if self.shared.log_pages.load(Ordering::Relaxed) > 0 {
            self.checkpoint("pragma wal_checkpoint(truncate)");
        }
        self.prune();
    }

    fn prune(&mut self) {
        let Some(conn) = &self.conn else { return };
        if let Err(error) = self.pruner.step(conn, &self.standing, Timestamp::now()) {
            tracing::warn!(%error, "pruning failed; it is tried again");
            // A step is a transaction of its own: whatever it left open must not join the next commit.
            let _ = conn.execute("rollback", []);
        }
    }

    fn checkpoint(&mut self, how: &str) {
        let Some(conn) = &self.conn else { return };
        let result =
            conn.query_one(how, [], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?)));
        match result {
            Ok((_, log, copied)) => {
                self.shared.checkpoint_failing.store(false, Ordering::Relaxed);
                let left = u64::try_from(log.saturating_sub(copied)).unwrap_or_default();
                self.shared.log_pages.store(left, Ordering::Relaxed);
            }
            Err(error) => {
                self.shared.checkpoint_failures.fetch_add(1, Ordering::Relaxed);
                if !self.shared.checkpoint_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the spool's log can't be copied into its file: nothing is lost, but the log grows; check the disk");
                }
            }
        }
    }

    fn close(&mut self) {
        self.checkpoint("pragma wal_checkpoint(truncate)");
        self.shared.readers.forget();
        if let Some(conn) = self.conn.take()
            && conn.close().is_ok()
            && !*self.shared.failed.borrow()
        {
            self.shared.place.mark_clean();
        }
    }
}

/// What `quick_check` says, as an error when it is not `ok`.
pub(super) fn quick_check(conn: &Connection) -> Result<(), Fault> {
    let verdict: String = conn.query_row("pragma quick_check(1)", [], |r| r.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Fault::Damaged(verdict)) }
}

fn weight(job: &Job) -> usize {
    match job {
        Job::Accept(prepared, _) => prepared.batch.events.len(),
        Job::Conclude(_, fates, _) => fates.len(),
        _ => 1,
    }
}

fn split<T: Default>(result: rusqlite::Result<T>) -> (T, rusqlite::Result<()>) {
    match result {
        Ok(value) => (value, Ok(())),
        Err(error) => (T::default(), Err(error)),
    }
}

impl Answer {
    fn unearned(job: Job) -> Option<Self> {
        match job {
            Job::Accept(_, answer) => Some(Self::Accept(answer, Vec::new())),
            Job::Conclude(_, _, answer) => Some(Self::Conclude(answer)),
            Job::Verb(verb) => Some(Self::Verb(verb)),
            Job::Shut(_) => None,
        }
    }

    fn give(self) {
        // Nobody may be waiting any more: a request that was cut is no reason to stop.
        match self {
            Self::Accept(answer, accepted) => drop(answer.send(Ok(accepted))),
            Self::Conclude(answer) => drop(answer.send(Ok(()))),
            Self::Verb(verb) => verb.answer(Ok(())),
        }
    }

    fn refuse(self, error: &str) {
        match self {
            Self::Accept(answer, _) => drop(answer.send(Err(AcceptError::Unknown(error.to_owned())))),
            Self::Conclude(answer) => drop(answer.send(Err(ConcludeError::Unknown(error.to_owned())))),
            Self::Verb(verb) => verb.answer(Err(error)),
        }
    }
}
