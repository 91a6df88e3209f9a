//! The two listeners: where Moodle sends to, and where a person looks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problem::Problems;
use super::read::Section;
use super::secret::{self, SecretText};

/// `[receive]`: the listener for Moodle and its limits.
#[derive(Debug, Clone)]
pub struct Receive {
    /// Where it listens.
    pub listen: Listen,
    /// The largest body, in bytes.
    pub max_body: u64,
    /// The most events of one batch.
    pub max_events: u64,
    /// The largest event, in bytes.
    pub max_event: u64,
    /// How deep an event may be nested.
    pub max_depth: u64,
    /// Bytes of all bodies being read at once.
    pub max_in_flight: u64,
    /// Connections at once.
    pub max_connections: u64,
    /// From a connection's opening, or the answer before, to the end of a request's head.
    pub header_timeout: Duration,
    /// For a whole body.
    pub body_timeout: Duration,
}

/// Where the listener for Moodle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Plain HTTP on a loopback address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its group, if another than the process's.
        group: Option<String>,
    },
    /// TLS on any address.
    Tls {
        /// The address.
        addr: SocketAddr,
        /// PEM file of the certificate chain.
        cert: PathBuf,
        /// PEM file of the private key.
        key: PathBuf,
    },
    /// Plain HTTP on any address: a person wrote that a proxy in front does TLS.
    PlaintextBehindProxy(SocketAddr),
}

/// `[operate]`: the operator's listener, logs and the end.
#[derive(Debug, Clone)]
pub struct Operate {
    /// Where it listens.
    pub listen: OperatorListen,
    /// What changing verbs must show; none refuses them.
    pub token: Option<SecretText>,
    /// Names a request's `Host` may have, beside those that are always allowed.
    pub hosts: Vec<String>,
    /// Where the probes are served too, without ids.
    pub probe_listen: Option<SocketAddr>,
    /// How log lines look.
    pub log: LogForm,
    /// From SIGTERM to the exit at the latest.
    pub shutdown_grace: Duration,
}

/// Where the operator's listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorListen {
    /// An address; loopback unless a person allowed another.
    Tcp(SocketAddr),
    /// A Unix socket, mode 0600.
    Unix(PathBuf),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text.
    Text,
}

/// A place as it is written: `unix:/path` or `address:port`.
enum Written {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

fn written(text: &str) -> Option<Written> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Path::new(path).is_absolute().then(|| Written::Unix(path.into()));
    }
    socket_address(text).map(Written::Tcp)
}

/// An address with its port; of names only `localhost`, so that nothing is looked up.
fn socket_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

const PLACE: &str = "write \"127.0.0.1:PORT\", \"[::1]:PORT\" or \"unix:/absolute/path\"";

pub(crate) fn receive(section: &Section, folder: Option<&Path>, problems: &mut Problems) -> Receive {
    Receive {
        listen: receive_listen(section, folder, problems),
        max_body: section.size("max_body"),
        max_events: section.count("max_events").unwrap_or_default(),
        max_event: section.size("max_event"),
        max_depth: section.count("max_depth").unwrap_or_default(),
        max_in_flight: section.size("max_in_flight"),
        max_connections: section.count("max_connections").unwrap_or_default(),
        header_timeout: section.span("header_timeout"),
        body_timeout: section.span("body_timeout"),
    }
}

fn receive_listen(section: &Section, folder: Option<&Path>, problems: &mut Problems) -> Listen {
    let nowhere = Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    if section.size("max_event") > section.size("max_body") && section.size("max_body") > 0 {
        problems.add(
            &section.origin("max_event"),
            "receive.max_event is larger than receive.max_body, so no such event could come",
            "raise max_body or lower max_event",
        );
    }
    if section.size("max_body") > section.size("max_in_flight") && section.size("max_in_flight") > 0 {
        problems.add(
            &section.origin("max_in_flight"),
            "receive.max_in_flight is smaller than receive.max_body, so such a request could never be read",
            "raise max_in_flight to several times max_body",
        );
    }
    let at = section.origin("listen");
    let Some(text) = section.text("listen") else { return nowhere };
    let tls = match (section.text("tls_cert"), section.text("tls_key")) {
        (Some(cert), Some(key)) => {
            let path = |name| secret::file_named(name, None, folder);
            Some((path(cert), path(key)))
        }
        (None, None) => None,
        (cert, _) => {
            let (is, misses) = if cert.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            problems.add(
                &section.origin(is),
                format!("receive.{is} is set without {misses}"),
                format!("set receive.{misses} too"),
            );
            return nowhere;
        }
    };
    let behind_proxy = section.text("plaintext").is_some();
    match (written(text), tls) {
        (None, _) => {
            problems.add(&at, format!("receive.listen is {text:?}"), PLACE);
            nowhere
        }
        (Some(Written::Unix(_)), Some(_)) => {
            problems.add(
                &section.origin("tls_cert"),
                "receive.tls_cert is set for a Unix socket",
                "take the tls keys out: nothing leaves the machine",
            );
            nowhere
        }
        (Some(Written::Unix(path)), None) => Listen::Unix {
            path,
            mode: socket_mode(section, problems),
            group: section.text("socket_group").map(str::to_owned),
        },
        (Some(Written::Tcp(addr)), Some((cert, key))) => {
            if behind_proxy {
                problems.add(
                    &section.origin("plaintext"),
                    "receive.plaintext is set together with tls_cert",
                    "take one of them out",
                );
            }
            Listen::Tls { addr, cert, key }
        }
        (Some(Written::Tcp(addr)), None) if addr.ip().is_loopback() => Listen::Tcp(addr),
        (Some(Written::Tcp(addr)), None) => {
            if !behind_proxy {
                problems.add(
                    &at,
                    format!("receive.listen is {addr}, which isn't loopback, and would be plain HTTP"),
                    "set tls_cert and tls_key; or use 127.0.0.1 or a Unix socket; or write plaintext = \"behind-proxy\" if a proxy in front does TLS",
                );
            }
            Listen::PlaintextBehindProxy(addr)
        }
    }
}

fn socket_mode(section: &Section, problems: &mut Problems) -> u32 {
    let text = section.text("socket_mode").unwrap_or_default();
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.unwrap_or_else(|| {
        problems.add(
            &section.origin("socket_mode"),
            format!("receive.socket_mode is {text:?}"),
            "write an octal mode: \"0660\"",
        );
        0
    })
}

/// Files named in the configuration are sought in these folders.
pub(crate) struct Folders<'a> {
    /// `$CREDENTIALS_DIRECTORY`.
    pub(crate) credentials: Option<&'a Path>,
    /// The configuration file's.
    pub(crate) beside: Option<&'a Path>,
}

pub(crate) fn operate(section: &Section, folders: &Folders<'_>, problems: &mut Problems) -> Operate {
    let token = token(section, folders, problems);
    let text = section.text("listen").unwrap_or_default();
    let listen = match written(text) {
        Some(Written::Unix(path)) => OperatorListen::Unix(path),
        Some(Written::Tcp(addr)) => {
            let remote = !addr.ip().is_loopback();
            if remote && !section.is_on("allow_remote") {
                problems.add(
                    &section.origin("listen"),
                    format!("operate.listen is {addr}, which isn't loopback"),
                    "use 127.0.0.1 or a Unix socket; for probes from elsewhere set probe_listen; if you must, set allow_remote = true and a token",
                );
            } else if remote
                && token.is_none()
                && section.secret("token").is_none()
                && section.text("token_file").is_none()
            {
                problems.add(
                    &section.origin("listen"),
                    format!("operate.listen is {addr}, which isn't loopback, and there is no token"),
                    "set operate.token_file",
                );
            }
            OperatorListen::Tcp(addr)
        }
        None => {
            if !text.is_empty() || section.text("listen").is_some() {
                problems.add(&section.origin("listen"), format!("operate.listen is {text:?}"), PLACE);
            }
            OperatorListen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
        }
    };
    let probe_listen = section.text("probe_listen").and_then(|text| {
        let addr = socket_address(text);
        if addr.is_none() {
            problems.add(
                &section.origin("probe_listen"),
                format!("operate.probe_listen is {text:?}"),
                "write \"ADDRESS:PORT\", e.g. \"0.0.0.0:9081\"",
            );
        }
        addr
    });
    Operate {
        listen,
        token,
        hosts: section.texts("hosts").unwrap_or_default().iter().map(|(host, _)| host.clone()).collect(),
        probe_listen,
        log: match section.text("log") {
            Some("json") => LogForm::Json,
            Some("text") => LogForm::Text,
            _ => LogForm::Auto,
        },
        shutdown_grace: section.span("shutdown_grace"),
    }
}

fn token(section: &Section, folders: &Folders<'_>, problems: &mut Problems) -> Option<SecretText> {
    const SHORTEST: usize = 24;
    let (token, at) = match (section.secret("token"), section.text("token_file")) {
        (Some(_), Some(_)) => {
            problems.add(
                &section.origin("token_file"),
                "operate.token and operate.token_file are both set",
                "take one of them out",
            );
            return None;
        }
        (Some(token), None) => (token.clone(), section.origin("token")),
        (None, Some(name)) => {
            let path = secret::file_named(name, folders.credentials, folders.beside);
            let at = section.origin("token_file");
            match secret::read(&path) {
                Ok(token) => (token, at),
                Err(fault) => {
                    problems.add(
                        &at,
                        format!("operate.token_file {} {fault}", path.display()),
                        "`moodle-sns-producer init` writes one",
                    );
                    return None;
                }
            }
        }
        (None, None) => return None,
    };
    if token.expose().len() < SHORTEST {
        problems.add(
            &at,
            format!("the operator's token is shorter than {SHORTEST} characters"),
            "`moodle-sns-producer init` writes one of 43",
        );
    }
    Some(token)
}
