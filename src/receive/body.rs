//! Reading a body: bounded in bytes, in time, and together with all others.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::refusal::Refusal;

/// How many bytes of bodies all requests together may hold.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    held: Gauge,
}

impl Budget {
    pub(super) fn new(bytes: usize, held: Gauge) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))), held }
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        let permit = self.free.clone().try_acquire_many_owned(bytes).ok()?;
        self.held.inc_by(bytes.into());
        Some(permit)
    }
}

/// A whole body. The budget has its bytes back when it is dropped.
#[derive(Debug)]
pub(super) struct Body {
    pub bytes: Bytes,
    permit: Option<OwnedSemaphorePermit>,
    held: Gauge,
}

impl Body {
    fn new(budget: &Budget) -> Self {
        Self { bytes: Bytes::new(), permit: None, held: budget.held.clone() }
    }

    /// Bytes are taken from the budget as they arrive, so that a peer which announces much and sends
    /// little holds little.
    fn charge(&mut self, budget: &Budget, bytes: usize) -> Result<(), Refusal> {
        if bytes == 0 {
            return Ok(());
        }
        let more = budget.take(bytes).ok_or(Refusal::Overloaded)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(permit) = &self.permit {
            self.held.dec_by(i64::try_from(permit.num_permits()).unwrap_or(i64::MAX));
        }
    }
}

/// Reads a body to its end, or says why not.
pub(super) async fn read(
    incoming: &mut Incoming,
    limit: usize,
    within: Duration,
    budget: &Budget,
) -> Result<Body, Refusal> {
    let too_large = || Refusal::BodyTooLarge { limit };
    if incoming.size_hint().exact().is_some_and(|announced| announced > limit as u64) {
        return Err(too_large());
    }
    let deadline = Instant::now() + within;
    let mut body = Body::new(budget);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = tokio::time::timeout_at(deadline, incoming.frame())
            .await
            .map_err(|_| Refusal::TooSlow(within.as_secs()))?;
        let Some(frame) = frame else { break };
        // Trailers are not looked at: nothing in them was signed.
        let Ok(data) = frame.map_err(|_| Refusal::BrokenOff)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(too_large());
        }
        body.charge(budget, data.len())?;
        // Most bodies are one frame: that one is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    body.bytes = if all.is_empty() { first } else { all.freeze() };
    if body.bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(body)
}

/// Lets a refused body pass by, up to a limit, so that its sender reads the answer instead of a reset
/// connection.
pub(super) async fn discard(incoming: &mut Incoming, limit: usize, within: Duration) {
    let mut left = limit;
    let pass = async {
        while let Some(Ok(frame)) = incoming.frame().await {
            let seen = frame.data_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(seen);
            if left == 0 {
                break;
            }
        }
    };
    // A sender that is slower than this gets the reset.
    let _ = tokio::time::timeout(within, pass).await;
}
