//! The real binary as a process of its own, with a configuration in a folder of its own.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::client::{Endpoint, SigningClient};

pub const SOURCE: &str = "vle";
pub const URL: &str = "https://moodle.example.ac.uk";
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
pub const FIFO: &str = "arn:aws:sns:eu-west-2:111122223333:all.fifo";
pub const STANDARD: &str = "arn:aws:sns:eu-west-2:111122223333:all";

/// A folder with a configuration, and the process that runs by it, if one does.
pub struct Sidecar {
    pub dir: PathBuf,
    variables: Vec<(String, String)>,
    /// What the binary is started under.
    under: Vec<String>,
    child: Option<Child>,
}

impl Sidecar {
    /// One source, a FIFO and a standard topic that each take every contract, published to `sns`.
    pub fn new(dir: &Path, sns: &str) -> Self {
        let topic = |key, arn| {
            format!("[topics.{key}]\narn = \"{arn}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n\n")
        };
        Self::with_topics(dir, sns, &(topic("ordered", FIFO) + &topic("plain", STANDARD)))
    }

    /// One source, and these topics as the configuration writes them.
    pub fn with_topics(dir: &Path, sns: &str, topics: &str) -> Self {
        let config = format!(
            r#"
[receive]
listen = "unix:{dir}/in.sock"

[operate]
listen = "unix:{dir}/operate.sock"
token_file = "operate.token"
log = "json"

[spool]
path = "{dir}/spool/spool.db"

[aws]
endpoint_url = "{sns}"
allow_custom_endpoint = true

[sources.{SOURCE}]
source = "{URL}"
secrets = [{{ id = "first", file = "vle.secret" }}]

{topics}"#,
            dir = dir.display()
        );
        for (name, text) in
            [("config.toml", &*config), ("vle.secret", SECRET), ("operate.token", "operator-token-of-a-test")]
        {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        for name in ["vle.secret", "operate.token"] {
            std::fs::set_permissions(dir.join(name), std::fs::Permissions::clone(&mode)).unwrap();
        }
        Self { dir: dir.into(), variables: Vec::new(), under: Vec::new(), child: None }
    }

    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs it under another program, which is given its command line.
    #[must_use]
    pub fn under(mut self, command: &[&str]) -> Self {
        self.under = command.iter().map(|&word| word.into()).collect();
        self
    }

    /// Runs it under `strace`, which does this to its syncs: `error=EIO:when=3`, `delay_enter=10000`.
    #[must_use]
    pub fn with_syncs(self, fault: &str) -> Self {
        self.with_calls("fsync,fdatasync", fault, None)
    }

    /// The same with other system calls; only with those on one file, where one is named.
    #[must_use]
    pub fn with_calls(self, calls: &str, fault: &str, file: Option<&Path>) -> Self {
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
        let file = file.map(|file| file.display().to_string());
        let mut words = vec!["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        words.extend(file.iter().flat_map(|file| ["-P", file]));
        self.under(&words)
    }

    pub fn program() -> &'static str {
        env!("CARGO_BIN_EXE_moodle-sns-producer")
    }

    /// Starts the process; its log goes to the end of `sidecar.log`.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("sidecar.log")).unwrap();
        let mut words = self.under.clone();
        words.extend([Self::program().into(), "run".into(), "--config".into()]);
        words.push(self.dir.join("config.toml").display().to_string());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(self.variables.iter().map(|(n, v)| (n, v)))
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A tracer and the traced share a group, so that both get a signal.
            .process_group(0)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Whether the process still runs; its status if it ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().unwrap();
        if status.is_some() {
            let group = self.group();
            self.child = None;
            wait_for_the_last_of(group);
        }
        status
    }

    /// The process and what it runs under.
    fn group(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Sends a signal, at once: what is aimed at lasts less than a millisecond.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process_group(self.group(), signal).unwrap();
    }

    /// SIGKILL, and no more of it is left when this returns.
    pub fn kill(&mut self) {
        let group = self.group();
        // It may have ended by itself just now.
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        self.child.take().unwrap().wait().unwrap();
        wait_for_the_last_of(group);
    }

    /// Takes away what it runs under, from the next start on.
    pub fn plainly(&mut self) {
        self.under.clear();
    }

    /// Changes a part of its configuration.
    #[must_use]
    pub fn reconfigured(self, old: &str, new: &str) -> Self {
        let path = self.dir.join("config.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old:?} is not in\n{text}");
        std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
        self
    }

    /// SIGTERM: how it ended, and how long that took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let status = self.child.take().unwrap().wait().unwrap();
        (status, begun.elapsed())
    }

    pub fn client(&self) -> SigningClient {
        SigningClient::new(Endpoint::Unix(self.dir.join("in.sock")), SOURCE, SECRET)
    }

    /// Runs a command of the binary by this configuration and gives its output; JSON where it can.
    pub fn ask(&self, words: &[&str]) -> serde_json::Value {
        let config = self.dir.join("config.toml");
        let output = Command::new(Self::program())
            .args(words)
            .arg("--config")
            .arg(&config)
            .args(["--output", "json"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "{words:?}: {error}\n{}\n{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        let begun = Instant::now();
        loop {
            let config = self.dir.join("config.toml");
            let done = Command::new(Self::program())
                .args(["healthcheck", "--config"])
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if done.success() {
                return;
            }
            if let Some(status) = self.ended() {
                panic!("the sidecar ended: {status}\n{}", self.log());
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "not ready in 60 s\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it takes connections for Moodle. False when it has ended instead.
    pub async fn listening(&mut self) -> bool {
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.dir.join("in.sock")).is_err() {
            if self.ended().is_some() {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "not listening in 60 s\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Waits until nothing waits or is held, at most so long, and gives the status that says so.
    pub async fn drained(&self, within: Duration) -> serde_json::Value {
        let begun = Instant::now();
        loop {
            let status = self.ask(&["status"]);
            let count = |topic: &serde_json::Value, key: &str| topic[key].as_u64().unwrap();
            let topics = status["topics"].as_array().unwrap();
            let left: u64 = topics.iter().map(|t| count(t, "waiting") + count(t, "held")).sum();
            if left == 0 {
                return status;
            }
            assert!(
                begun.elapsed() < within,
                "after {within:?} {left} messages are left: {status:#}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The spool's file, as the configuration names it.
    pub fn spool(&self) -> PathBuf {
        let text = std::fs::read_to_string(self.dir.join("config.toml")).unwrap();
        let path = text.lines().find_map(|line| line.strip_prefix("path = "));
        PathBuf::from(path.unwrap().trim_matches('"'))
    }

    /// All that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("sidecar.log")).unwrap_or_default()
    }
}

/// What ran under a tracer outlives it for a moment, and holds the spool's lock meanwhile.
fn wait_for_the_last_of(group: Pid) {
    while rustix::process::test_kill_process_group(group).is_ok() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
