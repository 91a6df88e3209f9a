//! The HTTP client for our own listeners: plain HTTP/1.1 over loopback TCP or a Unix socket.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::exit::{Exit, Failure};
use crate::config::{OperatorListen, SecretText};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES: usize = 64 << 20;

/// Where a listener of ours is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// `host:port`.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Place {
    /// Reads `http://host:port` or `unix:/path`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let authority = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority {
            Some(authority) if !authority.is_empty() && !authority.contains(['/', '@']) => {
                let port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Ok(Self::Tcp(if port { authority.to_owned() } else { format!("{authority}:80") }))
            }
            _ => Err(Failure::new(
                Exit::Usage,
                format!(
                    "{text:?} is no address: write http://ADDRESS:PORT or unix:/path (TLS is not spoken here)"
                ),
            )),
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Tcp(authority) => format!("http://{authority}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl From<&OperatorListen> for Place {
    fn from(listen: &OperatorListen) -> Self {
        match listen {
            // A wildcard address can't be connected to everywhere.
            OperatorListen::Tcp(addr) if addr.ip().is_unspecified() => {
                Self::Tcp(format!("127.0.0.1:{}", addr.port()))
            }
            OperatorListen::Tcp(addr) => Self::Tcp(addr.to_string()),
            OperatorListen::Unix(path) => Self::Unix(path.clone()),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody listens there.
    #[error("nothing listens at {0}: {1}")]
    Nobody(String, std::io::Error),
    /// Somebody does and didn't answer.
    #[error("{0} did not answer: {1}")]
    Broken(String, String),
}

impl From<NoAnswer> for Failure {
    fn from(error: NoAnswer) -> Self {
        let hint = match error {
            NoAnswer::Nobody(..) => {
                "\nIs the process running, and with this configuration? `moodle-sns-producer run` starts it."
            }
            NoAnswer::Broken(..) => "",
        };
        Self::new(Exit::Unavailable, format!("{error}{hint}"))
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the answer is not what was expected (another version?): {error}"),
            )
        })
    }

    /// The kind of a refusal: the end of its `type`.
    pub(super) fn kind(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let kind = problem.get("type")?.as_str()?.strip_prefix("urn:moodle-sns-producer:problem:")?;
        Some(kind.to_owned())
    }

    /// What a refusal says.
    pub(super) fn detail(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let detail =
            problem.as_ref().and_then(|problem| problem.get("detail")).and_then(|detail| detail.as_str());
        match detail {
            Some(detail) => format!("{}: {detail}", self.status.as_u16()),
            None => self.status.to_string(),
        }
    }
}

/// A client of one listener.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) place: Place,
    pub(super) token: Option<SecretText>,
}

impl Client {
    pub(super) async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.exchange(Method::GET, path, HeaderMap::new(), Bytes::new()).await
    }

    pub(super) async fn post_json(&self, path: &str, value: &impl Serialize) -> Result<Answer, NoAnswer> {
        let body = serde_json::to_vec(value).map_err(|error| self.broken(&error))?;
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
        self.exchange(Method::POST, path, headers, body.into()).await
    }

    /// Posts a body with these headers.
    pub(super) async fn post(
        &self,
        path: &str,
        headers: Vec<(HeaderName, String)>,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let headers: Result<HeaderMap, _> =
            headers.into_iter().map(|(name, value)| Ok((name, HeaderValue::try_from(value)?))).collect();
        let headers = headers.map_err(|error: http::header::InvalidHeaderValue| self.broken(&error))?;
        self.exchange(Method::POST, path, headers, body).await
    }

    fn broken(&self, why: &impl ToString) -> NoAnswer {
        NoAnswer::Broken(self.place.words(), why.to_string())
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let host = match &self.place {
            Place::Tcp(authority) => authority.as_str(),
            Place::Unix(_) => "localhost",
        };
        headers.insert(HOST, HeaderValue::try_from(host).map_err(|error| self.broken(&error))?);
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
            headers.insert(AUTHORIZATION, value.map_err(|error| self.broken(&error))?);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|error: http::uri::InvalidUri| self.broken(&error))?;
        *request.headers_mut() = headers;

        let nobody = |error| NoAnswer::Nobody(self.place.words(), error);
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        match &self.place {
            Place::Tcp(authority) => {
                let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(authority)).await;
                let stream = stream.map_err(late).and_then(|stream| stream).map_err(nobody)?;
                self.over(stream, request).await
            }
            Place::Unix(path) => {
                let stream = tokio::time::timeout(CONNECT_TIMEOUT, UnixStream::connect(path)).await;
                let stream = stream.map_err(late).and_then(|stream| stream).map_err(nobody)?;
                self.over(stream, request).await
            }
        }
    }

    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, NoAnswer> {
        let work = async {
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(&error))?;
            // The connection's own error comes back as the request's.
            let driver = tokio::spawn(connection);
            let answer = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            let (head, body) = answer.into_parts();
            let body =
                Limited::new(body, ANSWER_BYTES).collect().await.map_err(|error| self.broken(&error))?;
            drop(sender);
            driver.abort();
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        let seconds = EXCHANGE_TIMEOUT.as_secs();
        tokio::time::timeout(EXCHANGE_TIMEOUT, work)
            .await
            .unwrap_or_else(|_| Err(self.broken(&format!("nothing came within {seconds} s"))))
    }
}

/// Runs one command's work.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Exit::Failed, format!("starting the runtime: {error}")))?;
    runtime.block_on(work)
}
