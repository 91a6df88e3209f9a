//! Known bugs, in test builds only: a proof that can't fail proves nothing, so each of these must make at
//! least one named test fail (`scripts/test-the-tests.sh`).
//!
//! With the feature `planted-bugs` the environment variable `MSP_PLANTED_BUG` names the one that is planted;
//! without the feature none is, and nothing of this is in the program.

/// What may be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// 202 before the commit that holds the batch.
    AnswerBeforeCommit,
    /// `synchronous=NORMAL`: a commit that returned may not be on the disk.
    SyncNormal,
    /// Messages are settled before SNS has answered.
    SettleBeforeAnswer,
    /// An id that the answer leaves out counts as taken.
    MissingIdTaken,
    /// A message that is tried again lets the next of its group go first.
    GroupFreeOnRetry,
    /// A repeated event is kept and published as a new one.
    NoDedup,
    /// A redriven message gets an id of its own.
    NewIdAtRedrive,
    /// A body is parsed before its signature is verified.
    VerifyAfterParse,
    /// How old a signature is doesn't matter.
    TimestampUnchecked,
    /// An error of a checkpoint is nobody's business.
    CheckpointErrorsIgnored,
    /// One entry at fault parks its whole batch.
    BatchParkedForOne,
    /// What is held is pruned with the history.
    PruneTakesHeld,
    /// The wall clock says when a retry is due.
    WallClockBackoff,
    /// Events are stored uncut.
    UndeclaredPassed,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    const fn name(self) -> &'static str {
        match self {
            Self::AnswerBeforeCommit => "answer-before-commit",
            Self::SyncNormal => "sync-normal",
            Self::SettleBeforeAnswer => "settle-before-answer",
            Self::MissingIdTaken => "missing-id-taken",
            Self::GroupFreeOnRetry => "group-free-on-retry",
            Self::NoDedup => "no-dedup",
            Self::NewIdAtRedrive => "new-id-at-redrive",
            Self::VerifyAfterParse => "verify-after-parse",
            Self::TimestampUnchecked => "timestamp-unchecked",
            Self::CheckpointErrorsIgnored => "checkpoint-errors-ignored",
            Self::BatchParkedForOne => "batch-parked-for-one",
            Self::PruneTakesHeld => "prune-takes-held",
            Self::WallClockBackoff => "wall-clock-backoff",
            Self::UndeclaredPassed => "undeclared-passed",
        }
    }
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub(crate) fn planted(bug: Bug) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let named = PLANTED.get_or_init(|| std::env::var("MSP_PLANTED_BUG").ok());
    named.as_deref() == Some(bug.name())
}

/// Never, in a release.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}
