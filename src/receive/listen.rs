//! Where the door is: a loopback port, a Unix socket, or TLS.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::rustls::ServerConfig;

use super::Settings;
use super::tls::Certificates;

/// Where to listen. Plain HTTP leaves the machine only where somebody wrote so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Plain HTTP on a loopback address.
    Tcp(SocketAddr),
    /// Plain HTTP on a Unix socket.
    Unix {
        /// The socket's file.
        path: PathBuf,
        /// Its permission bits, e.g. `0o660`: who may write to it may connect.
        mode: u32,
        /// Its group, by name in `/etc/group` or by number; none: the process's own.
        group: Option<String>,
    },
    /// TLS on any address.
    Tls {
        /// The address.
        addr: SocketAddr,
        /// PEM file of the certificate chain.
        cert: PathBuf,
        /// PEM file of its key.
        key: PathBuf,
    },
    /// Plain HTTP on any address, because a proxy before it speaks TLS (`plaintext = "behind-proxy"`).
    PlaintextBehindProxy(SocketAddr),
}

/// Why the door can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Plain HTTP on an address that others reach.
    #[error(
        "listening on {0}: plain HTTP leaves this machine there; listen on a loopback address, a Unix socket or with \
         TLS, or write `plaintext = \"behind-proxy\"` if a proxy before it speaks TLS"
    )]
    Exposed(SocketAddr),
    /// The system said no.
    #[error("listening on {place}: {cause}")]
    Io {
        /// The address or file.
        place: String,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process listens on the Unix socket.
    #[error("listening on {0}: another process answers there; is the sidecar running already?")]
    InUse(PathBuf),
    /// Something else has the name of the Unix socket.
    #[error("listening on {0}: a file that is no socket is there; remove it, or choose another path")]
    NotASocket(PathBuf),
    /// The group of the Unix socket isn't known.
    #[error("listening on {path}: there is no group {group:?} in /etc/group; give its name or number")]
    NoGroup {
        /// The socket's file.
        path: PathBuf,
        /// The group asked for.
        group: String,
    },
    /// The certificate or its key can't be used.
    #[error("reading {path} for TLS: {cause}; give a PEM file, the key must belong to the first certificate")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

/// An open door through which nobody has come yet.
pub struct Bound {
    kind: Kind,
    place: String,
}

enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
    Tls(TcpListener, Certificates),
}

/// Somebody who came.
pub(super) enum Peer {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(TcpStream, Arc<ServerConfig>),
}

impl Bound {
    /// Opens the door, so that an address in use is told at the start.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(settings: &Settings) -> Result<Self, BindError> {
        let kind = match &settings.listen {
            Listen::Tcp(addr) if !addr.ip().is_loopback() => return Err(BindError::Exposed(*addr)),
            Listen::Tcp(addr) | Listen::PlaintextBehindProxy(addr) => Kind::Tcp(bind_tcp(*addr).await?),
            Listen::Unix { path, mode, group } => {
                let listener = bind_unix(path, *mode, group.as_deref())?;
                let file = SocketFile::of(path).map_err(|cause| io_at(path.display(), cause))?;
                Kind::Unix(listener, file)
            }
            Listen::Tls { addr, cert, key } => {
                let certificates = Certificates::read(cert, key)?;
                Kind::Tls(bind_tcp(*addr).await?, certificates)
            }
        };
        let place = match &kind {
            Kind::Tcp(listener) => format!("http://{}", local(listener)),
            Kind::Unix(_, file) => format!("unix:{}", file.path.display()),
            Kind::Tls(listener, _) => format!("https://{}", local(listener)),
        };
        Ok(Self { kind, place })
    }

    /// Where it is, for a person: `http://127.0.0.1:8080`, `unix:/run/…`, `https://…`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The address with its port, also where port 0 was asked for; none for a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) | Kind::Tls(listener, _) => listener.local_addr().ok(),
            Kind::Unix(..) => None,
        }
    }

    /// What to reread when the certificate was renewed; none without TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<Certificates> {
        match &self.kind {
            Kind::Tls(_, certificates) => Some(certificates.clone()),
            Kind::Tcp(_) | Kind::Unix(..) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Peer> {
        match &self.kind {
            Kind::Tcp(listener) => Ok(Peer::Tcp(without_delay(listener.accept().await?.0))),
            Kind::Unix(listener, _) => Ok(Peer::Unix(listener.accept().await?.0)),
            Kind::Tls(listener, certificates) => {
                let stream = without_delay(listener.accept().await?.0);
                Ok(Peer::Tls(stream, certificates.present()))
            }
        }
    }
}

fn local(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|_| "?".to_owned(), |addr| addr.to_string())
}

fn without_delay(stream: TcpStream) -> TcpStream {
    // An answer is one small write; holding it back for more would only cost its reader time.
    let _ = stream.set_nodelay(true);
    stream
}

fn io_at(place: impl std::fmt::Display, cause: io::Error) -> BindError {
    BindError::Io { place: place.to_string(), cause }
}

async fn bind_tcp(addr: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(addr).await.map_err(|cause| io_at(addr, cause))
}

/// Binds under another name, sets group and mode, and only then gives it its name: nobody meets it
/// with the wrong permissions, and a socket that a killed process left is replaced in the same step.
fn bind_unix(path: &Path, mode: u32, group: Option<&str>) -> Result<UnixListener, BindError> {
    let at_path = |cause| io_at(path.display(), cause);
    let gid = match group {
        Some(name) => Some(
            group_id(name)
                .ok_or_else(|| BindError::NoGroup { path: path.to_owned(), group: name.to_owned() })?,
        ),
        None => None,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket(path.to_owned())),
        Ok(_) if StdUnixStream::connect(path).is_ok() => return Err(BindError::InUse(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at_path(error)),
    }
    let mut before = path.as_os_str().to_owned();
    before.push(format!(".{}", std::process::id()));
    let before = PathBuf::from(before);
    let _ = fs::remove_file(&before);
    let listener = UnixListener::bind(&before).map_err(at_path)?;
    let name_it = || {
        if let Some(gid) = gid {
            rustix::fs::chown(&before, None, Some(rustix::fs::Gid::from_raw(gid)))?;
        }
        fs::set_permissions(&before, fs::Permissions::from_mode(mode))?;
        fs::rename(&before, path)
    };
    name_it().map_err(|cause| {
        let _ = fs::remove_file(&before);
        at_path(cause)
    })?;
    Ok(listener)
}

/// By number or by name. A static binary can't ask the name service, so only `/etc/group` is read.
fn group_id(group: &str) -> Option<u32> {
    if let Ok(number) = group.parse() {
        return Some(number);
    }
    let groups = fs::read_to_string("/etc/group").ok()?;
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok())?)
}

/// The socket's file goes with its listener, unless another process has taken its name since.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), inode: fs::symlink_metadata(path)?.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
