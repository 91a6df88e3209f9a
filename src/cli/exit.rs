//! How a command ends: the codes of `sysexits.h` where one fits, and what went wrong in words.

use std::fmt;
use std::process::ExitCode;

use crate::config::Problems;
use crate::spool::OpenError;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// It worked, and found something that wants a person.
    Findings,
    /// The command line is wrong.
    Usage,
    /// What is needed does not answer.
    Unavailable,
    /// The spool failed.
    SpoolFailed,
    /// Another process holds the spool.
    Locked,
    /// The configuration or a contract is wrong.
    BadConfiguration,
}

/// The codes as `--help` lists them.
pub(super) const TABLE: &str = "Exit codes:
  0   done
  1   failed
  2   done, and something was found that wants a person
  64  the command line is wrong
  69  the process, SNS or a needed file does not answer
  70  the spool failed
  75  another process holds the spool; try again
  78  the configuration or a contract is wrong";

impl Exit {
    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Findings => 2,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::SpoolFailed => 70,
            Self::Locked => 75,
            Self::BadConfiguration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ended early, for a person.
#[derive(Debug)]
pub struct Failure {
    /// With which code.
    pub exit: Exit,
    /// What was being done, what went wrong, what to try.
    pub words: String,
}

impl Failure {
    /// A failure with its code.
    pub fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, words: words.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(Exit::BadConfiguration, problems.to_string())
    }
}

impl From<crate::contract::Problems> for Failure {
    fn from(problems: crate::contract::Problems) -> Self {
        Self::new(Exit::BadConfiguration, problems.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let exit = match error {
            OpenError::Locked(_) => Exit::Locked,
            OpenError::NotASpool(_) | OpenError::Version { .. } | OpenError::Disk { .. } => {
                Exit::BadConfiguration
            }
            OpenError::Path { .. } => Exit::Unavailable,
            OpenError::Store { .. }
            | OpenError::Damaged { .. }
            | OpenError::Sqlite(_)
            | OpenError::Interrupted(_) => Exit::SpoolFailed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // Debug would print a backtrace where RUST_BACKTRACE is set.
        Self::new(Exit::Failed, format!("{error:#}"))
    }
}
