//! A secret that a source and the sidecar share.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The shortest secret that is taken, in bytes (Standard Webhooks: 24 to 64).
const SHORTEST: usize = 24;

/// What each secret begins with, so that scanners find one that leaked.
const PREFIX: &str = "whsec_";

/// A shared secret. Its bytes are wiped from memory when it is dropped and stand in no `Debug` text.
#[derive(Clone)]
pub struct Secret {
    id: Arc<str>,
    bytes: Zeroizing<Vec<u8>>,
}

/// A text is no secret. The words never hold the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// It begins with something else.
    #[error("a secret begins with `whsec_`: make one with `moodle-sns-producer keys new`")]
    Prefix,
    /// What follows the prefix is no base64.
    #[error(
        "what follows `whsec_` is not base64 (standard alphabet, padded): was it cut when it was copied?"
    )]
    Base64,
    /// Too short to be safe.
    #[error("a secret has at least 24 bytes, this one has {0}: make one with `moodle-sns-producer keys new`")]
    Short(usize),
}

impl Secret {
    /// Reads `whsec_` and base64 of at least 24 bytes. The `id` names it in metrics and logs.
    ///
    /// # Errors
    /// Another form, or too short.
    pub fn parse(id: &str, text: &str) -> Result<Self, NotASecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(NotASecret::Prefix)?;
        let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| NotASecret::Base64)?);
        if bytes.len() < SHORTEST {
            return Err(NotASecret::Short(bytes.len()));
        }
        Ok(Self { id: id.into(), bytes })
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first 8 hexadecimal digits of SHA-256 over its bytes: enough to compare two by eye.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&*self.bytes)[..4].iter().fold(String::with_capacity(8), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether both are the same secret under whatever id. Not constant in time: it compares two of ours.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    /// The key of the MAC.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, {})", self.id, self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_form_and_at_least_24_bytes() {
        let text = |bytes: &[u8]| format!("whsec_{}", BASE64.encode(bytes));
        assert!(Secret::parse("a", &text(&[7; 24])).is_ok());
        assert!(Secret::parse("a", &format!("{}\n", text(&[7; 32]))).is_ok(), "a file ends with a line end");
        for (bad, why) in [
            (text(&[7; 23]), NotASecret::Short(23)),
            ("whsec_".to_owned(), NotASecret::Short(0)),
            (String::new(), NotASecret::Prefix),
            (BASE64.encode([7; 24]), NotASecret::Prefix),
            ("whsec_not base64!".to_owned(), NotASecret::Base64),
        ] {
            assert_eq!(Secret::parse("a", &bad).map(|_| ()), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_secret_shows_its_id_and_fingerprint_only() {
        let secret = Secret::parse("2026-a", &format!("whsec_{}", BASE64.encode([7; 24]))).unwrap();
        assert_eq!(format!("{secret:?}"), format!("Secret(2026-a, {})", secret.fingerprint()));
        assert_eq!(secret.fingerprint().len(), 8);
    }
}
