//! The accept loop and one exchange. Our own, because `axum::serve` bounds no wait at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::body::{self, Budget};
use super::calm::{self, Calm};
use super::listen::{Bound, Peer};
use super::lists::Remembered;
use super::patience::Patience;
use super::refusal::Refusal;
use super::{Context, events, trace, wanted};

/// The most that is read ahead of a connection, in bytes.
const READ_AHEAD: usize = 64 << 10;

/// The largest head of a request, in bytes: three headers with 16 signatures take less than 2 KiB.
const MAX_HEAD: usize = 16 << 10;

/// How long a refused body may go on before its sender gets a reset instead of the answer.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked whether something was left out of the log.
const LOOK: Duration = Duration::from_secs(10);

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is said to a connection too many, without reading what it wants.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

pub(super) type Answer = Response<Full<Bytes>>;

/// What all exchanges share.
pub(super) struct Door {
    pub context: Context,
    pub lists: Remembered,
    pub budget: Budget,
    pub calm: Calm,
}

/// Serves until `stop`: then no connection is taken any more, what is being answered is answered with
/// `Connection: close`, and this returns. Dropping it ends everything at once.
pub async fn serve(bound: Bound, context: Context, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(context.max_connections));
    let budget = Budget::new(context.limits.in_flight, context.stats.in_flight.clone());
    let door = Arc::new(Door { context, lists: Remembered::default(), budget, calm: Calm::default() });
    let mut connections = JoinSet::new();
    let mut look = tokio::time::interval(LOOK);
    tracing::info!(place = bound.place(), "listening for Moodle");
    loop {
        let peer = tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|e| e.is_panic()) {
                    tracing::error!("a connection's task panicked: its request got no answer");
                }
                continue;
            }
            _ = look.tick() => {
                calm::tell(door.calm.over(Instant::now().into_std()));
                continue;
            }
            peer = bound.accept() => peer,
        };
        match peer {
            Ok(peer) => match free.clone().try_acquire_owned() {
                Ok(permit) => {
                    connections.spawn(connection(peer, door.clone(), stop.clone(), permit));
                }
                Err(_) => turn_away(&peer, &door),
            },
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(bound);
    while connections.join_next().await.is_some() {}
    calm::tell(door.calm.over(Instant::now().into_std() + calm::SPAN));
}

fn turn_away(peer: &Peer, door: &Door) {
    door.context.stats.connections_refused.inc();
    tracing::debug!("a connection was refused: too many are open");
    // If it can't be said in one write it isn't said.
    let _ = match peer {
        Peer::Tcp(stream) => stream.try_write(TOO_MANY),
        Peer::Unix(stream) => stream.try_write(TOO_MANY),
        Peer::Tls(..) => Ok(0),
    };
}

async fn connection(peer: Peer, door: Arc<Door>, stop: CancellationToken, _permit: OwnedSemaphorePermit) {
    let open = door.context.stats.connections.clone();
    open.inc();
    match peer {
        Peer::Tcp(stream) => converse(stream, door, stop).await,
        Peer::Unix(stream) => converse(stream, door, stop).await,
        Peer::Tls(stream, config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            match tokio::time::timeout(door.context.timeouts.head, handshake).await {
                Ok(Ok(stream)) => converse(stream, door, stop).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        }
    }
    open.dec();
}

async fn converse<S>(stream: S, door: Arc<Door>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let head = door.context.timeouts.head;
    let service = service_fn(move |request| {
        let door = door.clone();
        async move { Ok::<_, Infallible>(exchange(&door, request).await) }
    });
    let conversation = http1::Builder::new()
        // Without a timer hyper's time limits are silently off.
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(READ_AHEAD)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Patience::new(stream, head)), service);
    let mut conversation = std::pin::pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn exchange(door: &Door, request: Request<Incoming>) -> Answer {
    let began = Instant::now();
    let arrived = Timestamp::now();
    let (head, mut body) = request.into_parts();
    let answer = match route(door, &head, &mut body, arrived).await {
        Ok(answer) => answer,
        Err(refusal) => {
            door.context.stats.refused(refusal.kind());
            let unread = !body.is_end_stream();
            if unread && !matches!(refusal, Refusal::TooSlow(_) | Refusal::BrokenOff) {
                body::discard(&mut body, door.context.limits.max_body, DISCARD_WITHIN).await;
            }
            problem(&refusal, unread)
        }
    };
    door.context.stats.answered(answer.status().as_u16(), began.elapsed());
    answer
}

async fn route(
    door: &Door,
    head: &Parts,
    body: &mut Incoming,
    arrived: Timestamp,
) -> Result<Answer, Refusal> {
    let mut parts = head.uri.path().strip_prefix("/v1/sources/").ok_or(Refusal::NoSuchPath)?.split('/');
    let (Some(source), Some(what), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::NoSuchPath);
    };
    if !matches!(what, "events" | "wanted" | "trace") {
        return Err(Refusal::NoSuchPath);
    }
    if head.method != Method::POST {
        return Err(Refusal::Method);
    }
    let answered = match what {
        "events" => events::answer(door, source, head, body, arrived).await,
        "trace" => trace::answer(door, source, head, body, arrived).await,
        _ => wanted::answer(door, source, head, body, arrived).await,
    };
    if let Err(refusal) = &answered
        && door.calm.may_say(refusal.kind(), Instant::now().into_std())
    {
        // What is no key never reaches the log: it is whatever somebody put in a path.
        let source = if crate::event::is_key(source) { source } else { "?" };
        tracing::info!(source, kind = refusal.kind(), "a request was refused: {refusal}");
    }
    answered
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// RFC 9457. A body that was not read to its end leaves the connection where no next request can begin.
fn problem(refusal: &Refusal, unread: bool) -> Answer {
    let status = refusal.status();
    let body = serde_json::json!({
        "type": format!("urn:moodle-sns-producer:problem:{}", refusal.kind()),
        "title": refusal.title(),
        "status": status.as_u16(),
        "detail": refusal.to_string(),
    });
    let mut answer = json(status, "application/problem+json", body.to_string().into_bytes());
    let headers = answer.headers_mut();
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(refusal, Refusal::Method) {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if unread {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
