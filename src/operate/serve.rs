//! The sockets of the operator's listener. Small on purpose, and bounded everywhere: it must answer
//! while the rest of the process is in trouble.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Operator;
use super::answer::{Paths, answer, problem};
use super::guard::Way;

/// For a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole exchange.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections at once.
const CONNECTIONS: usize = 64;
/// The largest body: an order to redrive.
const BODY_BYTES: usize = 64 * 1024;

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// On an address.
    Tcp(TcpListener),
    /// On a Unix socket, mode 0600.
    Unix(UnixListener, PathBuf),
}

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("listening on {place}: {cause}; is another process there? set {key}")]
pub struct BindError {
    /// Where.
    pub place: String,
    /// What went wrong.
    pub cause: io::Error,
    /// The key of the configuration that says where.
    pub key: &'static str,
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn tcp(addr: SocketAddr, key: &'static str) -> Result<Self, BindError> {
        let bound = TcpListener::bind(addr).await;
        bound.map(Self::Tcp).map_err(|cause| BindError { place: addr.to_string(), cause, key })
    }

    /// Binds a Unix socket that only this process's user may use. A socket that nobody listens on any
    /// more, left by a kill, is replaced; anything else at the path is left alone.
    ///
    /// # Errors
    /// The path is taken or can't be made.
    pub async fn unix(path: &Path, key: &'static str) -> Result<Self, BindError> {
        let error = |cause| BindError { place: path.display().to_string(), cause, key };
        if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
            if tokio::net::UnixStream::connect(path).await.is_ok() {
                return Err(error(io::Error::from(io::ErrorKind::AddrInUse)));
            }
            std::fs::remove_file(path).map_err(error)?;
        }
        let listener = UnixListener::bind(path).map_err(error)?;
        // Between bind and chmod the umask rules; no verb is answered before `serve`.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(error)?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// Where it listens, for the log.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "?".to_owned(), |addr| addr.to_string())
            }
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }
}

/// Serves all paths until `stop`, then answers what has been asked and ends.
pub async fn serve(listener: Listener, operator: Arc<Operator>, stop: CancellationToken) {
    run(listener, operator, Paths::Operator, stop).await;
}

/// Serves `/livez`, `/readyz` and `/metrics` only, without ids, until `stop`.
pub async fn serve_probes(listener: Listener, operator: Arc<Operator>, stop: CancellationToken) {
    run(listener, operator, Paths::Probes, stop).await;
}

async fn run(listener: Listener, operator: Arc<Operator>, paths: Paths, stop: CancellationToken) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let seat = tokio::select! {
            () = stop.cancelled() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let Ok(seat) = seat else { break };
        let one = One { operator: Arc::clone(&operator), paths, stop: stop.clone() };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        match accepted {
            Ok(Stream::Tcp(stream)) => tasks.spawn(async move {
                one.connection(stream, Way::Tcp).await;
                drop(seat);
            }),
            Ok(Stream::Unix(stream)) => tasks.spawn(async move {
                one.connection(stream, Way::Unix).await;
                drop(seat);
            }),
            Err(error) => {
                // Out of files, most likely: the others must get a chance to close theirs.
                tracing::warn!(%error, "accepting a connection on the operator's listener failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
    }
    if let Listener::Unix(_, path) = &listener {
        // Best effort: a socket that is left is replaced at the next start.
        let _ = std::fs::remove_file(path);
    }
    tasks.close();
    tasks.wait().await;
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> io::Result<Stream> {
    match listener {
        Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
        Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
    }
}

/// What one connection needs.
struct One {
    operator: Arc<Operator>,
    paths: Paths,
    stop: CancellationToken,
}

impl One {
    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin, way: Way) {
        let service = service_fn(|request| {
            let operator = Arc::clone(&self.operator);
            async move { Ok::<_, std::convert::Infallible>(exchange(&operator, self.paths, way, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection on the operator's listener ended early");
        }
    }
}

async fn exchange(
    operator: &Operator,
    paths: Paths,
    way: Way,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let work = async {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "body", "the body may have 64 KiB");
        };
        answer(operator, paths, way, &Request::from_parts(head, body.to_bytes())).await
    };
    tokio::time::timeout(EXCHANGE_TIMEOUT, work).await.unwrap_or_else(|_| {
        problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "slow",
            "the spool did not answer within 15 s: look at the disk",
        )
    })
}
