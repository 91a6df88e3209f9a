//! Who sent it: Standard Webhooks signatures, as pure functions of the request and a clock passed in.
//!
//! Stricter than the specification where it is ambiguous: ids hold no dot, so that `id.timestamp.body` can
//! be read in one way only, and the timestamp holds digits only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::Sha256;

use super::secret::Secret;
use crate::planted::{Bug, planted};

/// The header that names a message.
pub const ID: &str = "webhook-id";
/// The header that says when it was signed, in Unix seconds.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// How far the sender's clock may be off, in whole seconds either way.
pub const TOLERANCE_SECONDS: i64 = 300;
/// What the ids of answers to the question for the wanted list begin with.
pub const WANTED: &str = "wanted-";
/// What the ids of answers to the question for the fate of events begin with.
pub const TRACE: &str = "trace-";
/// Ids that begin so name the sidecar's own answers, never a request.
pub const RESERVED: [&str; 2] = [WANTED, TRACE];
/// The longest id, in characters.
pub const LONGEST_ID: usize = 64;
/// The longest id of a question: with what its answer's id begins with it must fit in an id.
pub const LONGEST_QUESTION: usize = LONGEST_ID - WANTED.len();
/// The most `v1` signatures that are looked at: one a secret that is valid on the other side.
pub const MOST_SIGNATURES: usize = 16;

/// The three headers of a signed message, each there once and in its form. Nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Names the message.
    pub id: &'a str,
    /// When it was signed, as it was signed.
    timestamp: &'a str,
    /// The same, in Unix seconds.
    pub seconds: i64,
    signatures: Vec<[u8; 32]>,
}

/// A header that breaks the form: the sender's software is wrong, whoever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It isn't there.
    #[error("the header `{0}` is missing: sign each request by Standard Webhooks")]
    Missing(&'static str),
    /// It is there more than once, so which one is meant is not known.
    #[error("the header `{0}` is there more than once: send one value")]
    Repeated(&'static str),
    /// The id has another form.
    #[error("`webhook-id` is not 1 to 64 characters of A-Z, a-z, 0-9, - and _")]
    Id,
    /// The id is one of the sidecar's own answers.
    #[error(
        "a `webhook-id` that begins with `wanted-` or `trace-` names an answer of the sidecar: use another"
    )]
    Reserved,
    /// The timestamp is no number.
    #[error("`webhook-timestamp` is not Unix seconds in 1 to 12 digits")]
    Timestamp,
    /// The signatures can't be read.
    #[error("`webhook-signature` is not a list of at most 16 `v1,` signatures with spaces between")]
    Signature,
}

impl Malformed {
    /// One word for a metric.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Missing(_) => "header-missing",
            Self::Repeated(_) => "header-repeated",
            Self::Id => "header-id",
            Self::Reserved => "reserved-id",
            Self::Timestamp => "header-timestamp",
            Self::Signature => "header-signature",
        }
    }
}

/// Why a message in good form is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No secret of the source made any of the signatures, or there is no such source.
    #[error("no signature fits")]
    Signature,
    /// A secret made it, but one of the two clocks is wrong, or the message is old.
    #[error("the signature fits, but it was made at {theirs} and it is {ours} here")]
    Clock {
        /// Unix seconds by the sender's clock.
        theirs: i64,
        /// Unix seconds by ours.
        ours: i64,
    },
}

/// A message whose sender is known.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'s> {
    /// The secret that made the signature.
    pub secret: &'s Secret,
}

/// Reads the three headers.
///
/// # Errors
/// One is missing, repeated, or breaks its form.
pub fn claim(headers: &HeaderMap) -> Result<Claim<'_>, Malformed> {
    let id = only(headers, ID, Malformed::Id)?;
    let timestamp = only(headers, TIMESTAMP, Malformed::Timestamp)?;
    let list = only(headers, SIGNATURE, Malformed::Signature)?;
    Claim::read(id, timestamp, list)
}

fn only<'h>(headers: &'h HeaderMap, name: &'static str, bad: Malformed) -> Result<&'h str, Malformed> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Malformed::Missing(name))?;
    if values.next().is_some() {
        return Err(Malformed::Repeated(name));
    }
    value.to_str().map_err(|_| bad)
}

impl<'a> Claim<'a> {
    /// Reads the values of the three headers.
    ///
    /// # Errors
    /// One breaks its form.
    pub fn read(id: &'a str, timestamp: &'a str, list: &str) -> Result<Self, Malformed> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(word) {
            return Err(Malformed::Id);
        }
        if RESERVED.iter().any(|prefix| id.starts_with(prefix)) {
            return Err(Malformed::Reserved);
        }
        // `parse` alone would take a sign.
        if !(1..=12).contains(&timestamp.len()) || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Malformed::Timestamp);
        }
        let seconds = timestamp.parse().map_err(|_| Malformed::Timestamp)?;
        let mut signatures = Vec::with_capacity(1);
        for (n, one) in list.split(' ').filter_map(|entry| entry.strip_prefix("v1,")).enumerate() {
            if n == MOST_SIGNATURES {
                return Err(Malformed::Signature);
            }
            // What no MAC could look like fits no secret: it needs no answer of its own.
            if let Ok(Ok(mac)) = BASE64.decode(one).map(<[u8; 32]>::try_from) {
                signatures.push(mac);
            }
        }
        Ok(Self { id, timestamp, seconds, signatures })
    }

    /// Whether one of the secrets made one of the signatures over this body, and lately. With no secret
    /// at all (an unknown source) the same work is done, so that the time taken tells nothing.
    ///
    /// # Errors
    /// None made it; or the clock is off.
    pub fn verify<'s>(
        &self,
        body: &[u8],
        secrets: &'s [Secret],
        now: Timestamp,
    ) -> Result<Verified<'s>, Refused> {
        let mut found = None;
        for secret in secrets {
            if self.fits(secret.bytes(), body) && found.is_none() {
                found = Some(secret);
            }
        }
        if secrets.is_empty() {
            std::hint::black_box(self.fits(&[0; 32], body));
        }
        let secret = found.ok_or(Refused::Signature)?;
        let ours = now.as_second();
        if (ours - self.seconds).abs() > TOLERANCE_SECONDS && !planted(Bug::TimestampUnchecked) {
            return Err(Refused::Clock { theirs: self.seconds, ours });
        }
        Ok(Verified { secret })
    }

    /// Looks at each signature, also after one that fits.
    fn fits(&self, key: &[u8], body: &[u8]) -> bool {
        let mac = mac(key, self.id, self.timestamp, body);
        let one = |found, signature: &[u8; 32]| found | mac.clone().verify_slice(signature).is_ok();
        self.signatures.iter().fold(false, one)
    }
}

/// The signature of a message: one entry for the header `webhook-signature`.
#[must_use]
pub fn sign(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    let mac = mac(secret.bytes(), id, &seconds.to_string(), body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn mac(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}
