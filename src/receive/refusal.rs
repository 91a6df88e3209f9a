//! Why a request is not taken, and how that is told: one closed list.

use http::StatusCode;

use super::signature::{Malformed, Refused};
use crate::spool::AcceptError;

/// Why a request got no 202. Its text is the `detail` of the answer: what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such path.
    #[error("POST to /v1/sources/{{source}}/events, …/wanted or …/trace")]
    NoSuchPath,
    /// Another method.
    #[error("only POST is answered here")]
    Method,
    /// Another media type than the path takes.
    #[error("send `Content-Type: {0}`")]
    ContentType(&'static str),
    /// Compressed or otherwise encoded.
    #[error("send the body as it is, without Content-Encoding: it is verified before it is read")]
    ContentEncoding,
    /// A header breaks its form.
    #[error("{0}")]
    Header(#[from] Malformed),
    /// No body.
    #[error("the body is empty: send a batch of at least `[]`")]
    Empty,
    /// More bytes than a request may have.
    #[error("a body may have {limit} bytes (max_body): send fewer events at once")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More events than a batch may have.
    #[error("a batch may have {limit} events (max_events): send fewer at once")]
    TooManyEvents {
        /// The limit.
        limit: usize,
    },
    /// More ids than a question may have.
    #[error("a question may have {limit} ids: ask for fewer at once")]
    TooManyIds {
        /// The limit.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {0} s: send it at once")]
    TooSlow(u64),
    /// The body was cut, or its framing broke.
    #[error("the body broke off before its end: send it again")]
    BrokenOff,
    /// No source, or no secret of it, made the signature.
    #[error(
        "no secret of this source made the signature over these bytes: compare the source's key in the path and \
         its secret on both sides"
    )]
    Signature,
    /// The signature fits, but a clock is wrong or the request is old.
    #[error(
        "the signature fits, but it was made at {theirs} (Unix seconds) and it is {ours} here; 300 s are borne: \
         set the clock that is wrong, and sign again when sending again"
    )]
    Clock {
        /// Unix seconds by the sender's clock.
        theirs: i64,
        /// Unix seconds by ours.
        ours: i64,
    },
    /// No JSON.
    #[error("the body is no JSON: {0}")]
    NotJson(String),
    /// JSON of another form.
    #[error("{0}")]
    Form(&'static str),
    /// It speaks as another site.
    #[error(
        "{0} names a site that is not this source: a copy of a site can't speak as the original. If the site \
         moved, add its URL to the source's accept_urls"
    )]
    SourceMismatch(String),
    /// Too many bytes of requests are held at once.
    #[error("too many requests are held at once: send it again")]
    Overloaded,
    /// The spool did not say that it is kept.
    #[error("{}", spooled(.0))]
    Spool(AcceptError),
    /// The spool can't be read.
    #[error("the spool can't be read now: ask again")]
    NotReady,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Signature => Self::Signature,
            Refused::Clock { theirs, ours } => Self::Clock { theirs, ours },
        }
    }
}

fn spooled(error: &AcceptError) -> &'static str {
    match error {
        AcceptError::Unknown(_) => {
            "whether the batch is kept is not known: send it again under the same event ids, which are kept once"
        }
        AcceptError::Full { .. } => {
            "too much waits to be published; nothing of this batch was kept: keep it and send it again later"
        }
        AcceptError::Short(_) => {
            "the spool's disk has no room for it; nothing of this batch was kept: keep it and send it again later"
        }
        AcceptError::Busy(_) => "the disk is behind; nothing of this batch was kept: send it again",
        AcceptError::Draining => {
            "the sidecar is being drained for good; nothing of this batch was kept: keep it and send it to the sidecar that follows"
        }
        AcceptError::Shut => "the sidecar is stopping; nothing of this batch was kept: send it again",
    }
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType(_) | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Header(_) | Self::Empty | Self::BrokenOff | Self::NotJson(_) | Self::Form(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyTooLarge { .. } | Self::TooManyEvents { .. } | Self::TooManyIds { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Signature | Self::Clock { .. } => StatusCode::UNAUTHORIZED,
            Self::SourceMismatch(_) => StatusCode::FORBIDDEN,
            Self::Spool(AcceptError::Full { .. } | AcceptError::Short(_) | AcceptError::Busy(_)) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Overloaded | Self::Spool(_) | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its one name, in `type` of the answer (`urn:moodle-sns-producer:problem:<kind>`), metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no-such-path",
            Self::Method => "method",
            Self::ContentType(_) => "content-type",
            Self::ContentEncoding => "content-encoding",
            Self::Header(malformed) => malformed.kind(),
            Self::Empty => "empty",
            Self::BodyTooLarge { .. } => "max-body",
            Self::TooManyEvents { .. } => "max-events",
            Self::TooManyIds { .. } => "max-ids",
            Self::TooSlow(_) => "too-slow",
            Self::BrokenOff => "broken-off",
            Self::Signature => "signature",
            Self::Clock { .. } => "clock",
            Self::NotJson(_) => "not-json",
            Self::Form(_) => "form",
            Self::SourceMismatch(_) => "source-mismatch",
            Self::Overloaded => "overloaded",
            Self::Spool(AcceptError::Unknown(_)) => "outcome-unknown",
            Self::Spool(AcceptError::Full { .. }) => "full",
            Self::Spool(AcceptError::Short(_)) => "no-room",
            Self::Spool(AcceptError::Busy(_)) => "busy",
            Self::Spool(AcceptError::Draining) => "draining",
            Self::Spool(AcceptError::Shut) => "stopping",
            Self::NotReady => "not-ready",
        }
    }

    /// A short sentence that is the same for each refusal of this kind.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "No such path",
            Self::Method => "Method not allowed",
            Self::ContentType(_) => "Wrong media type",
            Self::ContentEncoding => "Encoded body",
            Self::Header(_) => "Signature header not in its form",
            Self::Empty => "Empty body",
            Self::BodyTooLarge { .. } => "Body too large",
            Self::TooManyEvents { .. } => "Too many events",
            Self::TooManyIds { .. } => "Too many ids",
            Self::TooSlow(_) => "Body too slow",
            Self::BrokenOff => "Body broken off",
            Self::Signature => "Not signed by this source",
            Self::Clock { .. } => "Clock off",
            Self::NotJson(_) => "Not JSON",
            Self::Form(_) => "Not the agreed form",
            Self::SourceMismatch(_) => "Another site",
            Self::Overloaded => "Overloaded",
            Self::Spool(AcceptError::Unknown(_)) => "Outcome unknown",
            Self::Spool(AcceptError::Full { .. }) => "Spool full",
            Self::Spool(AcceptError::Short(_)) => "No room on the disk",
            Self::Spool(AcceptError::Busy(_)) => "Disk behind",
            Self::Spool(AcceptError::Draining) => "Draining",
            Self::Spool(AcceptError::Shut) => "Stopping",
            Self::NotReady => "Not ready",
        }
    }

    /// After how many seconds the sender may try again; none where trying again can't help.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Overloaded | Self::Spool(AcceptError::Busy(_)) => Some(1),
            Self::Spool(AcceptError::Unknown(_) | AcceptError::Shut) | Self::NotReady => Some(5),
            Self::Spool(AcceptError::Short(_)) => Some(10),
            Self::Spool(AcceptError::Full { .. }) => Some(30),
            Self::Spool(AcceptError::Draining) => Some(60),
            _ => None,
        }
    }
}
