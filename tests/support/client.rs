//! A client that signs and posts as the Moodle plugin does, on one connection that it keeps.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use moodle_sns_producer::receive::{Secret, signature};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where the sidecar listens.
#[derive(Clone)]
pub enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Tls(SocketAddr, Arc<ClientConfig>),
}

/// What a sender may conclude from an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// 202: each event is kept, or the answer says what became of it.
    Accepted(Value),
    /// 4xx: nothing of it is kept.
    Refused(StatusCode, Value),
    /// 5xx, no answer, or a broken one: it may be kept or not.
    Unknown(String),
}

impl Outcome {
    /// The 202's body.
    #[track_caller]
    pub fn accepted(self) -> Value {
        match self {
            Self::Accepted(body) => body,
            other => panic!("not accepted: {other:?}"),
        }
    }
}

/// One answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Whether it is signed with this secret, now and under this id.
    pub fn is_signed(&self, id: &str, secret: &str) -> bool {
        let header = |name: &str| self.headers[name].to_str().unwrap();
        let secret = Secret::parse("x", secret).unwrap();
        let seconds: i64 = header(signature::TIMESTAMP).parse().unwrap();
        assert!((seconds - Timestamp::now().as_second()).abs() < 5);
        header(signature::ID) == id
            && header(signature::SIGNATURE) == signature::sign(&secret, id, seconds, &self.body)
    }

    /// Its body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The kind of a problem: the last part of its `type`.
    pub fn kind(&self) -> String {
        let body = self.json();
        body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned()
    }
}

/// Signs and posts for one source. Not shared: a connection has one exchange at a time.
pub struct SigningClient {
    endpoint: Endpoint,
    source: String,
    secret: Secret,
    timeout: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An id that no other message of this process has.
pub fn fresh_id() -> String {
    format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl SigningClient {
    pub fn new(endpoint: Endpoint, source: &str, secret: &str) -> Self {
        Self {
            endpoint,
            source: source.to_owned(),
            secret: Secret::parse("client", secret).unwrap(),
            timeout: Duration::from_secs(15),
            connection: None,
        }
    }

    /// Gives up on an answer after this time (default 15 s).
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Posts a batch, signed now under a fresh id, and says what may be concluded.
    pub async fn post(&mut self, body: impl Into<Bytes>) -> Outcome {
        let request = self.batch(body.into());
        match self.send(request).await {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => Outcome::Accepted(answer.json()),
            Ok(answer) if answer.status.is_client_error() => Outcome::Refused(answer.status, answer.json()),
            Ok(answer) => Outcome::Unknown(format!("{} {}", answer.status, answer.kind())),
            Err(error) => Outcome::Unknown(error),
        }
    }

    /// A signed batch, not yet sent.
    pub fn batch(&self, body: Bytes) -> Request<Full<Bytes>> {
        let now = Timestamp::now().as_second();
        self.signed("events", "application/cloudevents-batch+json", &fresh_id(), now, body)
    }

    /// A signed question for the wanted list, not yet sent.
    pub fn question(&self, id: &str, body: &Value) -> Request<Full<Bytes>> {
        let now = Timestamp::now().as_second();
        self.signed("wanted", "application/json", id, now, body.to_string().into())
    }

    /// A signed question for the fate of events, not yet sent.
    pub fn tracing(&self, id: &str, body: &Value) -> Request<Full<Bytes>> {
        let now = Timestamp::now().as_second();
        self.signed("trace", "application/json", id, now, body.to_string().into())
    }

    /// A request with its three headers; `what` is the last part of the path.
    pub fn signed(
        &self,
        what: &str,
        media_type: &str,
        id: &str,
        seconds: i64,
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        Request::post(format!("/v1/sources/{}/{what}", self.source))
            .header("host", "sidecar")
            .header("content-type", media_type)
            .header(signature::ID, id)
            .header(signature::TIMESTAMP, seconds)
            .header(signature::SIGNATURE, signature::sign(&self.secret, id, seconds, &body))
            .body(Full::new(body))
            .unwrap()
    }

    /// Sends a request as it is. A kept connection that the other side has closed meanwhile is opened
    /// anew once; any other fault is told.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let timeout = self.timeout;
        let exchange = self.exchange(request);
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let kept = match self.connection.take() {
            Some(mut kept) => kept.ready().await.is_ok().then_some(kept),
            None => None,
        };
        let mut request = request;
        if let Some(mut kept) = kept {
            match kept.try_send_request(request).await {
                Ok(response) => return self.read(response, kept).await,
                // Only where nothing was written: else it may have been taken.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().to_string()),
                },
            }
        }
        let mut fresh = connect(&self.endpoint).await?;
        let response = fresh.send_request(request).await.map_err(|e| e.to_string())?;
        self.read(response, fresh).await
    }

    async fn read(
        &mut self,
        response: http::Response<hyper::body::Incoming>,
        connection: SendRequest<Full<Bytes>>,
    ) -> Result<Answer, String> {
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

async fn connect(endpoint: &Endpoint) -> Result<SendRequest<Full<Bytes>>, String> {
    let tcp = async |addr: &SocketAddr| {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    match endpoint {
        Endpoint::Tcp(addr) => shake(tcp(addr).await.map_err(|e| e.to_string())?).await,
        Endpoint::Unix(path) => shake(UnixStream::connect(path).await.map_err(|e| e.to_string())?).await,
        Endpoint::Tls(addr, config) => {
            let stream = tcp(addr).await.map_err(|e| e.to_string())?;
            let name = ServerName::try_from("localhost").unwrap();
            let stream = TlsConnector::from(config.clone()).connect(name, stream).await;
            shake(stream.map_err(|e| e.to_string())?).await
        }
    }
}

async fn shake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        // Its end is told to whoever sends next.
        let _ = connection.await;
    });
    Ok(sender)
}
