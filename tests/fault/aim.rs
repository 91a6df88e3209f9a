//! Kills that are aimed: by what the kernel shows of the process, and by what the double has in its hand.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;

/// A moment in the life of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The log is being synced: a commit is under way.
    Commit,
    /// The spool's own file is being written or synced: the log is being copied into it.
    Checkpoint,
    /// SNS has a batch and has not answered.
    Unanswered,
    /// SNS has just answered: what it took is not settled yet.
    Unsettled,
}

impl Moment {
    pub const ALL: [Self; 4] = [Self::Commit, Self::Checkpoint, Self::Unanswered, Self::Unsettled];

    pub fn words(self) -> &'static str {
        match self {
            Self::Commit => "killed in a commit",
            Self::Checkpoint => "killed in a checkpoint",
            Self::Unanswered => "killed between sending and the answer",
            Self::Unsettled => "killed between the answer and settling",
        }
    }
}

/// Waits for the moment, at most a while, and kills: a checkpoint comes at the start and after a second of
/// rest, the others come with the load. Says whether it came.
pub fn kill_at(moment: Moment, sidecar: &mut Sidecar, double: &SnsDouble) -> bool {
    let begun = Instant::now();
    let answers = double.answers();
    let mut came = false;
    while !came && begun.elapsed() < Duration::from_millis(3_000) {
        came = match moment {
            Moment::Commit => at_disk(sidecar.pid(), "-wal", &SYNCS),
            Moment::Checkpoint => at_disk(sidecar.pid(), ".db", &[SYNCS[0], SYNCS[1], PWRITE]),
            Moment::Unanswered => double.in_hand() > 0,
            Moment::Unsettled => double.answers() > answers,
        };
        if !came {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    sidecar.kill();
    came
}

/// Numbers of system calls on x86-64: fsync, fdatasync, pwrite64.
const SYNCS: [u32; 2] = [74, 75];
const PWRITE: u32 = 18;

/// Whether a thread of the process is in one of these calls on a file whose name ends so.
fn at_disk(pid: u32, ending: &str, calls: &[u32]) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.into_iter().any(|thread| {
        let call = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        let mut words = call.split(' ');
        let number = words.next().and_then(|word| word.parse().ok());
        let file = words.next().and_then(|word| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        let (Some(number), Some(file)) = (number, file) else { return false };
        calls.contains(&number)
            && fs::read_link(format!("/proc/{pid}/fd/{file}"))
                .is_ok_and(|path| path.display().to_string().ends_with(ending))
    })
}
