//! A person has the configuration read again.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{ChangeError, Order};
use crate::spool::{Signed, Spool};

/// Where it is asked for.
pub const RELOAD: &str = "/v1/reload";

/// Asks the process to read its configuration again: what it took over, or why it goes on as before.
pub type Asked = oneshot::Sender<Result<Vec<String>, String>>;

/// A person's order to read the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadOrder {
    /// Who asks, for the audit.
    pub by: String,
    /// Why, for the audit.
    pub why: String,
}

/// What is in force now that was not before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The keys whose values changed.
    pub changed: Vec<String>,
}

impl Order for ReloadOrder {
    fn by(&self) -> &str {
        &self.by
    }
    fn why(&self) -> &str {
        &self.why
    }
}

/// Has the configuration read again.
///
/// # Errors
/// It can't be taken over: why, and what goes on; or the spool failed to keep who asked.
pub async fn reload(
    spool: &Spool,
    process: &mpsc::Sender<Asked>,
    order: ReloadOrder,
) -> Result<Reloaded, ChangeError> {
    let (asked, answer) = oneshot::channel();
    let ending = || ChangeError::Refused("the process is ending: nothing is read again".to_owned());
    process.send(asked).await.map_err(|_| ending())?;
    let changed = answer.await.map_err(|_| ending())?.map_err(ChangeError::Refused)?;
    spool.note_reload(&changed, &Signed::new(&order.by, &order.why)).await?;
    Ok(Reloaded { changed })
}
