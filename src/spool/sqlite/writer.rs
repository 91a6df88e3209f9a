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

use super::super::{AcceptError, Accepted, ConcludeError, Settings};
use super::broken::{Broken, BrokenBy};
use super::change::{Change, Counting, Effects, Standing};
use super::erase::Erasing;
use super::house::{PRUNING, READERS, TRUNCATE};
use super::place::HighWater;
use super::prepared::Prepared;
use super::prune::Pruner;
use super::room::Room;
use super::schema::{self, BUSY, Fault};
use super::scrub::Scrub;
use super::shared::Shared;
use super::strain::Strain;
use super::verbs::Verb;
use crate::delivery::{Fate, Position, TopicKey};
use crate::planted::{Bug, planted};

/// The most events of one transaction: bounds how long a commit may take.
const GROUP_EVENTS: usize = 4_096;
/// A file that could not be opened again on a full disk is tried after this time.
const REOPEN_AGAIN: Duration = Duration::from_secs(1);
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
pub(super) enum Answer {
    Accept(oneshot::Sender<Result<Vec<Accepted>, AcceptError>>, Vec<Accepted>),
    Conclude(oneshot::Sender<Result<(), ConcludeError>>),
    Verb(Box<dyn Verb>),
}

pub(super) struct Writer {
    pub(super) conn: Option<Connection>,
    pub(super) file: PathBuf,
    pub(super) limit_bytes: u64,
    pub(super) standing: Standing,
    high: HighWater,
    pub(super) strain: Strain,
    pub(super) shared: Arc<Shared>,
    pub(super) pruner: Pruner,
    last_failure: Option<Instant>,
    /// When it was last looked whether what is to be erased is sent.
    pub(super) looked: Instant,
    /// The file, for what SQLite leaves in it.
    pub(super) scrub: Option<Scrub>,
    /// Not before: the next try to wipe after one that failed.
    pub(super) wipe_at: Instant,
    /// Which file was opened.
    identity: Option<(u64, u64)>,
    /// Not before: the next checkpoint after one that did not come to its end.
    pub(super) checkpoint_at: Instant,
    /// Not before: the next try to open the file again.
    reopen_at: Instant,
    /// Held until the file is closed, however the handles went, so that no two write to one file.
    _lock: File,
}

impl Writer {
    pub(super) fn new(
        settings: &Settings,
        lock: File,
        (conn, standing): (Connection, Standing),
        (high, room): (HighWater, Room),
        shared: Arc<Shared>,
        pruner: Pruner,
    ) -> Self {
        Self {
            conn: Some(conn),
            file: settings.path.clone(),
            limit_bytes: settings.max_size,
            standing,
            high,
            strain: Strain::new(settings, room),
            identity: shared.place.identity(),
            shared,
            pruner,
            last_failure: None,
            looked: Instant::now(),
            scrub: None,
            wipe_at: Instant::now(),
            checkpoint_at: Instant::now(),
            reopen_at: Instant::now(),
            _lock: lock,
        }
    }

    /// Runs until it is told to shut, or has to give up.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        self.look();
        loop {
            self.hold_back();
            // Somebody waits for an erasure: it goes on between what others ask for.
            let erasing = self.standing.erasing == Erasing::Working || self.wipes();
            let pressed = self.squeeze().presses(self.pruner.keep) && !self.pruner.rests();
            let first = match jobs.recv_timeout(if pressed || erasing { PRUNING } else { IDLE }) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.idle();
                    if self.go_on_erasing() { continue } else { break }
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
            if !self.go_on_erasing() {
                break;
            }
        }
        self.close();
    }

    /// Does a group of work in one transaction. False when the spool has to give up.
    pub(super) fn commit(&mut self, group: Vec<Job>) -> bool {
        if group.is_empty() {
            return true;
        }
        if !self.is_there() {
            for answer in group.into_iter().filter_map(Answer::unearned) {
                answer.refuse("the spool's file is gone");
            }
            return false;
        }
        self.open_again();
        self.look();
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
                    self.checkpoint(TRUNCATE, BUSY);
                }
                // First: who hears of an order's answer may look at what it changed.
                self.shared.tell(&effects);
                for answer in answers {
                    answer.give();
                }
                true
            }
            Err(error) => {
                let going_on = self.recover(&error);
                for answer in answers {
                    answer.refuse(&error.words);
                }
                going_on
            }
        }
    }

    pub(super) fn transact(
        &mut self,
        group: Vec<Job>,
        answers: &mut Vec<Answer>,
        counting: Counting,
    ) -> Result<Effects, Broken> {
        let Some(conn) = &self.conn else {
            // Every answer must be given: an answer dropped would look like a shut spool.
            answers.extend(group.into_iter().filter_map(Answer::unearned));
            return Err(Broken {
                words: "the spool's file could not be opened again after a fault".into(),
                by: BrokenBy::Closed,
            });
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
                    if let Err(shortage) = self.strain.admit(prepared.owes()) {
                        let _ = answer.send(Err(AcceptError::Short(shortage)));
                        continue;
                    }
                    let done = change.accept(&prepared);
                    if planted(Bug::AnswerBeforeCommit) {
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
        if effects.erased {
            self.shared.unwiped.store(true, Ordering::Relaxed);
        }
        let committed = result.and_then(|()| conn.execute("commit", []).map(|_| ()));
        if let Err(error) = committed {
            let _ = conn.execute("rollback", []);
            return Err(error.into());
        }
        Ok(effects)
    }

    /// After a failed commit nothing in memory can be trusted, nor the connections: the failed transaction
    /// may be found in the file or not. Reads all of it again from the reopened file. False on a second
    /// failure in a short time.
    pub(super) fn recover(&mut self, broken: &Broken) -> bool {
        if broken.by == BrokenBy::Closed {
            // It was told when it was closed, and is tried again at its time.
            return true;
        }
        self.shared.commit_failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            error = broken.words,
            "a commit failed: what it held may or may not be kept; reading the spool again"
        );
        // A full disk is cured by room, not by a restart.
        let full = broken.by.may_be_room() && (self.strain.relieve() || broken.by == BrokenBy::Full);
        if full && self.read_again() {
            return true;
        }
        let again = !full && self.last_failure.is_some_and(|at| at.elapsed() < FAILURE_WINDOW);
        if !full {
            self.last_failure = Some(Instant::now());
        }
        self.conn = None;
        self.shared.readers.forget();
        if again {
            tracing::error!(
                "a second commit failed within a minute: giving up (exit 70); check the disk, then start again"
            );
            self.shared.failed.send_replace(true);
            return false;
        }
        self.reopen(full)
    }

    /// Reads all of it again on the connection that is there: a write that found no room leaves the file and
    /// the connection well, and to open files anew on a full disk may fail, or worse (a page of the shared
    /// memory that gets no block is a SIGBUS).
    fn read_again(&mut self) -> bool {
        let Some(Ok(standing)) = self.conn.as_ref().map(Standing::read) else { return false };
        self.stand_at(standing);
        true
    }

    fn stand_at(&mut self, mut standing: Standing) {
        // No number of the failed commit was ever told, so the epoch stays.
        standing.epoch = self.standing.epoch;
        self.standing = standing;
        self.shared.owed_bytes.store(self.standing.owed_bytes, Ordering::Relaxed);
        self.shared.rewind_all();
    }

    /// False when that can't be done, and room would not help.
    fn reopen(&mut self, full: bool) -> bool {
        let reopened = schema::open_writer(&self.file).and_then(|conn| {
            quick_check(&conn)?;
            let standing = Standing::read(&conn)?;
            Ok((conn, standing))
        });
        match reopened {
            Ok((mut conn, standing)) => {
                if let Err(error) = self.shared.watch_log(&mut conn) {
                    tracing::error!(%error, "could not watch the log's size");
                }
                match super::topics::paused(&conn) {
                    Ok(paused) => self.shared.set_paused(paused),
                    Err(error) => tracing::error!(%error, "it can't be read which topics are stopped"),
                }
                self.conn = Some(conn);
                self.stand_at(standing);
                true
            }
            Err(fault) if full || fault.is_full() => {
                tracing::error!(?fault, "the disk is full and the spool can't be reopened yet; trying again");
                self.reopen_at = Instant::now() + REOPEN_AGAIN;
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

    /// Tries the file again that could not be opened on a full disk.
    pub(super) fn open_again(&mut self) {
        if self.conn.is_none() && Instant::now() >= self.reopen_at {
            self.strain.relieve();
            self.reopen(true);
        }
    }

    /// Whether the file that is written to is still the one at the path. A file that was taken away takes
    /// commits with it that nobody will find: so this is asked before each.
    pub(super) fn is_there(&self) -> bool {
        let there = self.shared.place.identity() == self.identity;
        if !there {
            tracing::error!(
                spool = %self.file.display(),
                "the spool's file was taken away or replaced while it was in use: giving up (exit 70); put it back, then start again"
            );
            self.shared.failed.send_replace(true);
        }
        there
    }

    pub(super) fn look(&mut self) {
        self.strain.look(&self.shared, self.standing.owed_bytes, self.conn.as_ref());
    }

    fn close(&mut self) {
        self.checkpoint(TRUNCATE, READERS);
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
