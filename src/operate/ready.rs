//! Whether the process can accept and spool. A dead SNS is an alarm, not unreadiness: Moodle must go on
//! handing over its events.

use crate::spool::{Pressure, State};

/// How far the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not yet listening for Moodle.
    Starting,
    /// Listening.
    Serving,
    /// Drained by a person: what comes now is refused, what is owed is published.
    Draining,
    /// Told to end: what comes now is refused.
    Stopping,
}

/// One check, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it is well.
    pub good: bool,
    /// What was seen.
    pub words: String,
}

/// What was seen of the spool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk<'a> {
    /// Its account, or why it could not be read.
    pub state: Result<&'a State, &'a str>,
    /// It has given up.
    pub failed: bool,
    /// The log can't be copied into the file at present.
    pub checkpoint_failing: bool,
}

/// All checks, in the order in which they matter.
#[must_use]
pub(super) fn checks(phase: Phase, disk: Disk<'_>) -> Vec<Check> {
    let check = |name, good, words: &str| Check { name, good, words: words.to_owned() };
    vec![
        match phase {
            Phase::Starting => check("door", false, "not listening for Moodle yet"),
            Phase::Serving => check("door", true, "listening for Moodle"),
            Phase::Draining => check("door", false, "being drained: no new batch is taken"),
            Phase::Stopping => check("door", false, "stopping: no new batch is taken"),
        },
        match disk.state {
            _ if disk.failed => check(
                "spool",
                false,
                "it gave up after a failed commit: the process ends and must be started again",
            ),
            Err(why) => check("spool", false, &format!("can't be read: {why}")),
            Ok(_) => check("spool", true, "reads and commits"),
        },
        if disk.checkpoint_failing {
            check("checkpoint", false, "the log can't be copied into the file: look at the disk's room")
        } else {
            check("checkpoint", true, "the log is copied into the file")
        },
        match disk.state {
            Ok(state) if state.limit_bytes > 0 && state.owed_bytes >= state.limit_bytes => {
                check("room", false, "what is owed has reached spool.max_size: batches get a 429")
            }
            Ok(State { pressure: Pressure { shut: Some(shortage), .. }, .. }) => {
                check("room", false, &format!("batches get a 429. {}", shortage.cure()))
            }
            Ok(state) => {
                check("room", true, &format!("{} of {} bytes are owed", state.owed_bytes, state.limit_bytes))
            }
            Err(_) => check("room", false, "not known"),
        },
    ]
}

/// What a probe reads: `ok`, or the checks that failed; with `verbose` all of them, and the alarms, which say
/// nothing about readiness.
#[must_use]
pub(super) fn text(checks: &[Check], alarms: &[String], verbose: bool) -> String {
    let good = checks.iter().all(|check| check.good);
    let mut lines: Vec<String> = checks
        .iter()
        .filter(|check| verbose || !check.good)
        .map(|check| format!("[{}] {}: {}", if check.good { '+' } else { '-' }, check.name, check.words))
        .collect();
    if verbose {
        lines.extend(alarms.iter().map(|alarm| format!("[!] {alarm}")));
    }
    lines.push(if good { "ok" } else { "not ready" }.to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::sample::state;
    use crate::spool::Shortage;

    #[test]
    fn ready_means_that_a_batch_can_be_accepted_and_kept() {
        let good = state(&[]);
        let mut full = good.clone();
        full.owed_bytes = full.limit_bytes;
        let mut short = good.clone();
        short.pressure.shut = Some(Shortage::Disk);
        let disk = |state| Disk { state, failed: false, checkpoint_failing: false };
        for (phase, disk, failing) in [
            (Phase::Serving, disk(Ok(&good)), vec![]),
            (Phase::Starting, disk(Ok(&good)), vec!["door"]),
            (Phase::Stopping, disk(Ok(&good)), vec!["door"]),
            (Phase::Draining, disk(Ok(&good)), vec!["door"]),
            (Phase::Serving, disk(Ok(&full)), vec!["room"]),
            (Phase::Serving, disk(Ok(&short)), vec!["room"]),
            (Phase::Serving, disk(Err("disk I/O error")), vec!["spool", "room"]),
            (Phase::Serving, Disk { failed: true, ..disk(Ok(&good)) }, vec!["spool"]),
            (Phase::Serving, Disk { checkpoint_failing: true, ..disk(Ok(&good)) }, vec!["checkpoint"]),
        ] {
            let checks = checks(phase, disk);
            let failed: Vec<&str> =
                checks.iter().filter(|check| !check.good).map(|check| check.name).collect();
            assert_eq!(failed, failing);
            assert_eq!(text(&checks, &[], false).lines().count(), failing.len() + 1);
            assert_eq!(text(&checks, &["topic a: held".to_owned()], true).lines().count(), 6);
        }
    }
}
