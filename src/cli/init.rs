//! `init` and `keys new`: what a new installation needs, made and never overwritten.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use zeroize::Zeroizing;

use super::args::Init;
use super::exit::{Exit, Failure};
use super::output::{note, say};
use crate::config::EXAMPLE;

/// 32 bytes of the operating system's randomness, by the TLS library that is there anyway.
fn random() -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    let filled = aws_lc_rs::default_provider().secure_random.fill(&mut *bytes);
    filled.map_err(|_| Failure::new(Exit::Unavailable, "the operating system gives no randomness"))?;
    Ok(bytes)
}

fn signing_secret() -> Result<Zeroizing<String>, Failure> {
    Ok(Zeroizing::new(format!("whsec_{}", STANDARD.encode(*random()?))))
}

fn operator_token() -> Result<Zeroizing<String>, Failure> {
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*random()?)))
}

/// Whether a file was written.
enum Wrote {
    New,
    WasThere,
}

/// Writes a file that only its owner may read, unless something is there.
fn write_new(path: &Path, text: &str) -> Result<Wrote, Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let failed = |error| Failure::new(Exit::Failed, format!("writing {}: {error}", path.display()));
    match opened {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(Wrote::New)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Wrote::WasThere),
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn keys_new(file: Option<&Path>) -> Result<Exit, Failure> {
    let secret = signing_secret()?;
    let Some(path) = file else {
        say(&format!("{}\n", *secret))?;
        return Ok(Exit::Done);
    };
    match write_new(path, &format!("{}\n", *secret))? {
        Wrote::New => {
            note(&format!("Wrote {} (mode 0600). Put the same text into Moodle.", path.display()));
            Ok(Exit::Done)
        }
        Wrote::WasThere => Err(Failure::new(
            Exit::Failed,
            format!("{} is there already and was left as it is: name another file", path.display()),
        )),
    }
}

pub(super) fn init(args: &Init) -> Result<Exit, Failure> {
    let folder = &args.folder;
    DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(|error| {
        Failure::new(Exit::Failed, format!("making the folder {}: {error}", folder.display()))
    })?;
    let config = EXAMPLE.replace("https://moodle.example.org", &args.source_url);
    let files = [
        ("config.toml", Zeroizing::new(config)),
        ("vle-first.secret", Zeroizing::new(format!("{}\n", *signing_secret()?))),
        ("operator.token", Zeroizing::new(format!("{}\n", *operator_token()?))),
    ];
    let mut exit = Exit::Done;
    for (name, text) in files {
        let path = folder.join(name);
        match write_new(&path, &text)? {
            Wrote::New => note(&format!("wrote    {}", path.display())),
            Wrote::WasThere => {
                note(&format!("kept     {} (it was there)", path.display()));
                exit = Exit::Findings;
            }
        }
    }
    let config = folder.join("config.toml");
    note(&format!(
        "
Next:
  1. In {config}, set the topic's ARN, and the Moodle's URL under [sources.vle].
  2. moodle-sns-producer config check --config {config}
  3. In Moodle, under the plugin's settings: this sidecar's address, the key vle, and the text of
     {secret}
  4. moodle-sns-producer run --config {config}",
        config = config.display(),
        secret = folder.join("vle-first.secret").display(),
    ));
    Ok(exit)
}
