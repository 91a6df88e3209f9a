//! Doors.
use std::sync::Arc;
pub(super) fn trusting(_: &std::path::Path) -> Arc<tokio_rustls::rustls::ClientConfig> {
    unimplemented!()
}
