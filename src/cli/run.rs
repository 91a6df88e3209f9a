//! `run`: puts the stages together. The one place that knows them all.

use super::exit::{Exit, Failure};
use crate::config::Config;

/// Receives, keeps and publishes until SIGTERM.
///
/// # Errors
/// A stage could not be started; the exit code says which kind.
pub fn run(config: Config) -> Result<Exit, Failure> {
    drop(config);
    Err(Failure::new(Exit::Failed, "the stages are not put together yet"))
}
