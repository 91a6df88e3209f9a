//! What the commands that change something have in common: who and why, and the order to the running process
//! (`operate/change.rs` is the other half).

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exit::{Exit, Failure};
use super::look::client;
use crate::config::Config;

/// Who asks and why.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Signed {
    /// Why, for the audit.
    #[arg(long)]
    pub(super) why: String,
    /// Who, for the audit. Default: `$SUDO_USER` or `$USER`.
    #[arg(long)]
    by: Option<String>,
}

impl Signed {
    /// Who asks.
    pub(super) fn by(&self) -> String {
        let user = || ["SUDO_USER", "USER"].iter().find_map(|name| std::env::var(name).ok());
        self.by.clone().or_else(user).unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Gives the running process an order, and what came of it.
///
/// # Errors
/// No process runs (69), or it refused (1) with its words.
pub(super) async fn order_from<D: DeserializeOwned>(
    config: &Config,
    path: &str,
    order: &impl Serialize,
) -> Result<D, Failure> {
    let answer = client(config).post_json(path, order).await.map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("{error}\nA command that changes something needs the running process: start it first."),
        )
    })?;
    if answer.status.is_success() { answer.json() } else { Err(Failure::new(Exit::Failed, answer.detail())) }
}
