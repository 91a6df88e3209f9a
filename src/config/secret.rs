//! Secrets as the configuration brings them: read from a file or given in place, checked for form, and
//! never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The least entropy of a secret, in bytes (Standard Webhooks asks for 24 to 64).
const LEAST_BYTES: usize = 24;

/// A text that is never shown: its `Debug` has no content, and its memory is overwritten at the end.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text itself, for the one who checks or signs with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first 8 hexadecimal digits of the SHA-256 of its bytes (of a `whsec_` text those that it
    /// encodes): enough to see whether two places hold the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let encoded =
            self.0.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok()).map(Zeroizing::new);
        let digest = Sha256::digest(encoded.as_ref().map_or(self.0.as_bytes(), |bytes| bytes.as_slice()));
        digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(***)")
    }
}

/// What is wrong with a signing secret's form, if anything: `whsec_` and base64 of at least 24 bytes.
pub(crate) fn fault_of(secret: &SecretText) -> Option<String> {
    let Some(rest) = secret.expose().strip_prefix("whsec_") else {
        return Some("does not begin with whsec_".to_owned());
    };
    match STANDARD.decode(rest).map(Zeroizing::new) {
        Err(_) => Some("is not base64 after whsec_".to_owned()),
        Ok(bytes) if bytes.len() < LEAST_BYTES => {
            Some(format!("holds {} bytes, and at least {LEAST_BYTES} are needed", bytes.len()))
        }
        Ok(_) => None,
    }
}

/// The file that a configuration names: a bare name in systemd's `$CREDENTIALS_DIRECTORY` if it is
/// there; else a relative path beside the configuration file.
pub(crate) fn file_named(name: &str, credentials: Option<&Path>, beside: Option<&Path>) -> PathBuf {
    if let Some(folder) = credentials.filter(|_| !name.contains('/')) {
        let path = folder.join(name);
        if path.exists() {
            return path;
        }
    }
    match beside {
        Some(folder) => folder.join(name),
        None => PathBuf::from(name),
    }
}

/// The secret in a file, without the line end that editors add.
///
/// # Errors
/// The file can't be read, is over 4 KiB, or holds several lines.
pub(crate) fn read(path: &Path) -> Result<SecretText, String> {
    const MOST: u64 = 4096;
    let meta = std::fs::metadata(path).map_err(|error| format!("can't be read: {error}"))?;
    // A FIFO or a device would hang or never end.
    if !meta.is_file() || meta.len() > MOST {
        return Err("is not a small ordinary file".to_owned());
    }
    let text =
        Zeroizing::new(std::fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?);
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err("is empty".to_owned());
    }
    if line.contains('\n') {
        return Err("holds more than one line".to_owned());
    }
    Ok(SecretText::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_secret_has_a_form() {
        let whsec = |n: usize| SecretText::new(&format!("whsec_{}", STANDARD.encode(vec![7; n])));
        for (secret, fault) in [
            (whsec(24), None),
            (whsec(32), None),
            (whsec(23), Some("holds 23 bytes, and at least 24 are needed")),
            (SecretText::new("hunter2"), Some("does not begin with whsec_")),
            (SecretText::new("whsec_!"), Some("is not base64 after whsec_")),
        ] {
            assert_eq!(fault_of(&secret).as_deref(), fault);
        }
    }

    #[test]
    fn a_secret_shows_a_fingerprint_and_nothing_else() {
        let secret = SecretText::new("whsec_abc");
        assert_eq!(format!("{secret:?}"), "SecretText(***)");
        assert_eq!(secret.fingerprint().len(), 8);
        assert_ne!(secret.fingerprint(), SecretText::new("whsec_abd").fingerprint());
    }

    #[test]
    fn a_secret_file_is_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = dir.path().join("s");
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(file("abc\r\n"), Ok(SecretText::new("abc")));
        assert_eq!(file("\n"), Err("is empty".to_owned()));
        assert_eq!(file("a\nb\n"), Err("holds more than one line".to_owned()));
        assert_eq!(read(dir.path()), Err("is not a small ordinary file".to_owned()));
        assert!(read(&dir.path().join("none")).unwrap_err().starts_with("can't be read: No such file"));
    }

    #[test]
    fn a_bare_name_is_sought_among_the_credentials_first() {
        let dir = tempfile::tempdir().unwrap();
        let etc = Path::new("/etc/x");
        std::fs::write(dir.path().join("here"), "x").unwrap();
        for (name, path) in [
            ("here", dir.path().join("here")),
            ("there", PathBuf::from("/etc/x/there")),
            ("./here", PathBuf::from("/etc/x/./here")),
            ("/a/here", PathBuf::from("/a/here")),
        ] {
            assert_eq!(file_named(name, Some(dir.path()), Some(etc)), path);
        }
    }
}
