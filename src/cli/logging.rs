//! Log lines on standard error: text on a terminal, else JSON. One line a record; never a body or secret.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogForm;

/// The variable that filters log lines, in the form of `RUST_LOG`.
pub const FILTER: &str = "MSP_LOG";

/// What is logged when nobody says: our own `info`, and warnings of what we use.
const USUAL: &str = "warn,moodle_sns_producer=info";

/// Sets up logging for the process, once. A filter that can't be read is said, and the usual one holds.
pub fn start(form: LogForm) {
    let asked = std::env::var(FILTER).ok().filter(|text| !text.is_empty());
    let (filter, wrong) = match asked.as_deref().map(EnvFilter::try_new) {
        None => (EnvFilter::new(USUAL), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(USUAL), Some(error)),
    };
    let json = match form {
        LogForm::Json => true,
        LogForm::Text => false,
        LogForm::Auto => !std::io::stderr().is_terminal(),
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (tests) finds a subscriber there, and that one stays.
    let _ = if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        subscriber.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    if let Some(error) = wrong {
        tracing::warn!(%error, "{FILTER} can't be read: the usual filter holds");
    }
}
