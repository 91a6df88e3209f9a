//! The certificate of the TLS listener, and how it is read again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::listen::BindError;

/// A certificate chain with its key, from two PEM files. Clones share what was read last.
#[derive(Clone)]
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    config: Arc<ArcSwap<ServerConfig>>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// A file can't be read, holds nothing fitting, or the two don't belong together.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, BindError> {
        let config = Arc::new(ArcSwap::new(load(cert, key)?));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), config })
    }

    /// Reads both files again. Connections opened from now on use them; where they can't be read,
    /// everything stays as it was.
    ///
    /// # Errors
    /// As [`Certificates::read`].
    pub fn reload(&self) -> Result<(), BindError> {
        self.config.store(load(&self.cert, &self.key)?);
        Ok(())
    }

    pub(super) fn present(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, BindError> {
    let fault = |path: &Path, cause: String| BindError::Certificate { path: path.to_owned(), cause };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| fault(cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(fault(cert, "there is no certificate in it".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| fault(key, e.to_string()))?;
    let together = |e: rustls::Error| fault(key, e.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(together)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(together)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
