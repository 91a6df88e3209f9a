//! Where the door is, and how it opens, closes and counts.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use moodle_sns_producer::receive::{BindError, Bound, Listen, Settings};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{ENROLLED, Open, URL, live, skipped};
use crate::support::client::{Endpoint, Outcome};
use crate::support::corpus;

/// A self-made certificate for localhost, by the `openssl` command.
fn certificate(cert: &Path, key: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
        .output()
        .expect("the openssl command");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A client that trusts this certificate and no other.
pub(super) fn trusting(cert: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert).unwrap()).unwrap();
    Arc::new(
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_group_and_is_gone_afterwards() {
    let group = rustix::process::getgid().as_raw();
    let mut at = None;
    let open = Open::with(|settings, folder| {
        let path = folder.join("in.sock");
        at = Some(path.clone());
        settings.listen = Listen::Unix { path, mode: 0o660, group: Some(group.to_string()) };
    })
    .await;
    let path = at.unwrap();
    let found = fs::symlink_metadata(&path).unwrap();
    assert_eq!((found.permissions().mode() & 0o777, found.gid()), (0o660, group));
    let body = corpus::body(&live(ENROLLED, 2), URL, &open.etag());
    assert_eq!(open.client().post(body).await.accepted()["accepted"], 2);
    open.stop.cancel();
    open.served.await.unwrap();
    assert!(!path.exists());
}

async fn bind(listen: Listen) -> Result<Bound, BindError> {
    Bound::bind(&Settings::at(listen)).await
}

#[tokio::test]
async fn a_socket_left_by_a_killed_process_is_replaced_and_anything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.sock");
    let unix = |group: Option<&str>| Listen::Unix {
        path: path.clone(),
        mode: 0o600,
        group: group.map(str::to_owned),
    };
    // As after kill -9: the file is there, and nobody listens.
    let left = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(left);
    drop(bind(unix(None)).await.unwrap());
    let alive = UnixListener::bind(&path).unwrap();
    assert!(matches!(bind(unix(None)).await, Err(BindError::InUse(_))));
    drop(alive);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "a file").unwrap();
    assert!(matches!(bind(unix(None)).await, Err(BindError::NotASocket(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(bind(unix(Some("no such group"))).await, Err(BindError::NoGroup { .. })));
    drop(bind(unix(Some("root"))).await.unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left over");
}

#[tokio::test]
async fn plain_http_leaves_the_machine_only_where_somebody_wrote_so() {
    for exposed in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = bind(Listen::Tcp(exposed.parse().unwrap())).await;
        assert!(matches!(refused, Err(BindError::Exposed(_))), "{exposed}");
    }
    assert!(bind(Listen::PlaintextBehindProxy("0.0.0.0:0".parse().unwrap())).await.is_ok());
    let bound = bind(Listen::Tcp("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let again = bind(Listen::Tcp(bound.address().unwrap())).await;
    assert!(matches!(again, Err(BindError::Io { .. })), "an address in use is told at the start");
}

#[tokio::test]
async fn tls_is_spoken_with_the_certificate_that_was_read_last() {
    if Command::new("openssl").arg("version").output().is_err() {
        return skipped("the TLS door", "install the command openssl");
    }
    let mut files = None;
    let mut open = Open::with(|settings, folder| {
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        certificate(&cert, &key);
        files = Some((cert.clone(), key.clone()));
        settings.timeouts.head = Duration::from_millis(500);
        settings.listen = Listen::Tls { addr: "127.0.0.1:0".parse().unwrap(), cert, key };
    })
    .await;
    let (cert, key) = files.unwrap();
    let Endpoint::Tls(addr, first) = open.endpoint.clone() else { panic!("not TLS") };
    let body = corpus::body(&live(ENROLLED, 1), URL, &open.etag());
    assert_eq!(open.client().post(body).await.accepted()["accepted"], 1);

    // Plain HTTP is not answered, nor is a handshake that never comes waited for.
    for sent in [&b"POST / HTTP/1.1\r\n\r\n"[..], b""] {
        let mut plain = TcpStream::connect(addr).await.unwrap();
        plain.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(3), plain.read_to_end(&mut answer)).await;
        assert!(closed.is_ok() && !answer.starts_with(b"HTTP"));
    }

    certificate(&cert, &key);
    let certificates = open.certificates.clone().unwrap();
    certificates.reload().unwrap();
    open.endpoint = Endpoint::Tls(addr, trusting(&cert));
    open.client().post("[]").await.accepted();
    open.endpoint = Endpoint::Tls(addr, first);
    assert!(
        matches!(open.client().post("[]").await, Outcome::Unknown(_)),
        "the one before is no longer shown"
    );

    fs::write(&key, "no key").unwrap();
    assert!(matches!(certificates.reload(), Err(BindError::Certificate { path, .. }) if path == key));
    open.endpoint = Endpoint::Tls(addr, trusting(&cert));
    open.client().post("[]").await.accepted();
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_lets_requests_finish() {
    let open = Open::new().await;
    let mut idle = open.client();
    idle.post("[]").await.accepted();
    // A request whose body is half here when the stop comes.
    let request = open.client().batch("[  ]".into());
    let mut head = "POST /v1/sources/vle/events HTTP/1.1\r\ncontent-length: 4\r\n".to_owned();
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let mut half = TcpStream::connect(open.address()).await.unwrap();
    half.write_all(format!("{head}\r\n[ ").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    open.stop.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(open.address()).await.is_err(), "no new connection");
    half.write_all(b" ]").await.unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("connection: close"), "{answer}");
    tokio::time::timeout(Duration::from_secs(2), open.served).await.expect("it ends").unwrap();
    assert!(matches!(idle.post("[]").await, Outcome::Unknown(_)));
}

#[tokio::test]
async fn what_is_counted_can_be_read() {
    let open = Open::new().await;
    let mut client = open.client();
    client.post("[]").await.accepted();
    client.post("hello").await;
    let mut registry = Registry::with_prefix("moodle_sns");
    open.context.stats.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "moodle_sns_requests_total{code=\"202\"} 1",
        "moodle_sns_requests_total{code=\"400\"} 1",
        "moodle_sns_refusals_total{kind=\"not-json\"} 1",
        "moodle_sns_request_duration_seconds_count 2",
        "moodle_sns_secret_last_used_timestamp_seconds{source=\"vle\",secret=\"a\"} ",
        "moodle_sns_request_bytes_held 0",
        "moodle_sns_connections 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
