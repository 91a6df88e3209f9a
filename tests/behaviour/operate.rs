//! The operator's listener through a real socket: who may ask what, and what is told.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::sidecar::{SOURCE, Sidecar};
use crate::support::sns::SnsDouble;

mod canary;
mod desk;
mod quiet;

const TOKEN: &str = "operator-token-of-a-test";

/// A sidecar whose operator's listener and probes are on TCP.
struct Watched {
    sidecar: Sidecar,
    double: SnsDouble,
    operator: SocketAddr,
    probes: SocketAddr,
    _folder: TempDir,
}

/// One answer, as it came.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends these bytes and reads until the other side closes.
fn raw(addr: SocketAddr, request: &[u8]) -> Got {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    // What came before a reset counts.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_default();
    Got { status, head: head.to_owned(), body: body.to_owned() }
}

fn ask(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let host = if headers.iter().any(|(name, _)| *name == "Host") { "" } else { "Host: localhost\r\n" };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    raw(addr, format!("{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").as_bytes())
}

impl Watched {
    /// With lines of the configuration changed by `adapt`.
    async fn new(adapt: impl Fn(String) -> String) -> Self {
        Self::with_variables(adapt, &[]).await
    }

    async fn with_variables(adapt: impl Fn(String) -> String, vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let double = SnsDouble::start(1).await;
        let mut sidecar = Sidecar::new(folder.path(), &double.url());
        for (name, value) in vars {
            sidecar = sidecar.with_variable(name, value);
        }
        let [operator, probes] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [operator, probes] = [operator, probes].map(|listener| listener.local_addr().unwrap());
        let file = sidecar.dir.join("config.toml");
        let unix = format!("listen = \"unix:{}/operate.sock\"", sidecar.dir.display());
        let tcp =
            format!("listen = \"{operator}\"\nprobe_listen = \"{probes}\"\nhosts = [\"sidecar.internal\"]");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(&unix));
        std::fs::write(&file, adapt(text.replace(&unix, &tcp))).unwrap();
        sidecar.start();
        sidecar.ready().await;
        Self { sidecar, double, operator, probes, _folder: folder }
    }

    fn get(&self, path: &str) -> Got {
        ask(self.operator, "GET", path, &[], "")
    }

    /// Sends captured events by the command, and waits until nothing waits.
    fn send(&self) {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/enriched.jsonl");
        let corpus = std::fs::read_to_string(corpus).unwrap();
        let wanted = corpus.lines().filter(|l| l.contains("\"class\":\"core\\\\event\\\\user_enrolment_"));
        let file = self.sidecar.dir.join("slice.jsonl");
        std::fs::write(&file, wanted.collect::<Vec<_>>().join("\n")).unwrap();
        let sent = self.sidecar.ask(&["send", file.to_str().unwrap(), "--source", SOURCE]);
        assert!(sent["accepted"].as_u64() > Some(10), "{sent}");
        let waits = || {
            let status = self.get("/status.json").json();
            status["topics"].as_array().unwrap().iter().any(|t| t["waiting"] != 0 || t["held"] != 0)
        };
        let begun = std::time::Instant::now();
        while waits() {
            assert!(begun.elapsed() < Duration::from_secs(20), "not published in 20 s");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_a_person_has_open_can_neither_read_nor_change() {
    let watched = Watched::new(|text| text).await;
    let at = watched.operator;
    // DNS rebinding: another name that leads here.
    for (host, status) in [
        ("localhost", 200),
        (&*at.to_string(), 200),
        ("sidecar.internal:1", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ] {
        for path in ["/status", "/v1/parked", "/metrics", "/livez"] {
            assert_eq!(ask(at, "GET", path, &[("Host", host)], "").status, status, "{host:?} {path}");
        }
    }
    let none = raw(at, b"GET /status HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(none.status == 421 || none.status == 400, "{none:?}");

    const ORDER: &str = r#"{"filter":{},"all":true,"by":"test","why":"test"}"#;
    let redrive = |headers: &[(&str, &str)], body: &str| ask(at, "POST", "/v1/parked/redrive", headers, body);
    let json = ("Content-Type", "application/json");
    let bearer = format!("Bearer {TOKEN}");
    let right = ("Authorization", bearer.as_str());
    for (what, got, status, kind) in [
        ("no token", redrive(&[json], ORDER), 401, "token"),
        ("a wrong one", redrive(&[json, ("Authorization", "Bearer nope")], ORDER), 401, "token"),
        ("a form", redrive(&[("Content-Type", "text/plain"), right], ORDER), 415, "json"),
        ("no type", redrive(&[right], ORDER), 415, "json"),
        ("no JSON", redrive(&[json, right], "{"), 400, "body"),
        (
            "an unknown key",
            redrive(&[json, right], r#"{"filter":{},"al":true,"by":"x","why":"y"}"#),
            400,
            "body",
        ),
        ("no filter", redrive(&[json, right], r#"{"filter":{},"by":"x","why":"y"}"#), 422, "order"),
        (
            "no reason",
            redrive(&[json, right], r#"{"filter":{},"all":true,"by":"x","why":" "}"#),
            422,
            "order",
        ),
        ("too long", redrive(&[json, right], &format!("{{\"x\":\"{}\"}}", "x".repeat(70_000))), 413, "body"),
        ("GET", ask(at, "GET", "/v1/parked/redrive?all=true", &[json, right], ""), 405, "method"),
        ("POST", ask(at, "POST", "/status", &[json, right], "{}"), 405, "method"),
        ("DELETE", ask(at, "DELETE", "/v1/parked/1", &[right], ""), 405, "method"),
        (
            "OPTIONS",
            ask(at, "OPTIONS", "/v1/parked/redrive", &[("Origin", "https://evil.example")], ""),
            405,
            "method",
        ),
        ("no path", watched.get("/nope"), 404, "path"),
        ("no verb", watched.get("/v1/parked/redrive/1/"), 400, "number"),
    ] {
        assert_eq!(got.status, status, "{what}: {got:?}");
        assert_eq!(got.header("content-type"), Some("application/problem+json"), "{what}");
        assert!(got.json()["type"].as_str().unwrap().ends_with(&format!(":{kind}")), "{what}: {got:?}");
        assert!(!got.json()["detail"].as_str().unwrap().is_empty(), "{what}");
    }
    assert_eq!(redrive(&[json, right], ORDER).json()["redriven"], 0);

    for path in [
        "/",
        "/status",
        "/status.json",
        "/status.css",
        "/trace?id=x",
        "/v1/parked",
        "/metrics",
        "/livez",
        "/nope",
    ] {
        let got = ask(at, "GET", path, &[("Origin", "https://evil.example")], "");
        assert!(!got.head.to_ascii_lowercase().contains("access-control-"), "{path}: {}", got.head);
        let csp = got.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(csp.contains(part), "{path}: {csp}");
        }
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(got.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_configured_token_nothing_may_be_changed() {
    let watched = Watched::new(|text| text.replace("token_file = \"operate.token\"\n", "")).await;
    let headers =
        [("Content-Type", "application/json"), ("Authorization", "Bearer operator-token-of-a-test")];
    let got = ask(watched.operator, "POST", "/v1/parked/redrive", &headers, "{}");
    assert_eq!(got.status, 403);
    assert!(got.json()["detail"].as_str().unwrap().contains("set operate.token_file"), "{got:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_say_whether_it_can_accept_and_keep() {
    let watched = Watched::new(|text| text).await;
    for addr in [watched.operator, watched.probes] {
        let get = |path: &str| ask(addr, "GET", path, &[], "");
        for path in ["/livez", "/healthz"] {
            assert_eq!((get(path).status, get(path).body.as_str()), (200, "ok\n"));
        }
        assert_eq!((get("/readyz").status, get("/readyz").body.as_str()), (200, "ok\n"));
        let all = get("/readyz?verbose").body;
        for check in ["[+] door: ", "[+] spool: ", "[+] checkpoint: ", "[+] room: "] {
            assert!(all.contains(check), "{all}");
        }
        let head = ask(addr, "HEAD", "/readyz", &[], "");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
    // The network's listener has three paths, whatever it is called, and no verb.
    let host = [("Host", "10.0.0.7:9081")];
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(ask(watched.probes, "GET", path, &host, "").status, 200, "{path}");
    }
    for path in
        ["/", "/status", "/status.json", "/status.css", "/trace", "/v1/status", "/v1/parked", "/v1/parked/1"]
    {
        assert_eq!(ask(watched.probes, "GET", path, &host, "").status, 404, "{path}");
    }
    let bearer = format!("Bearer {TOKEN}");
    let verb = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    assert_eq!(ask(watched.probes, "POST", "/v1/parked/redrive", &verb, "{}").status, 404);
    watched.send();
    let metrics = ask(watched.probes, "GET", "/metrics", &host, "").body;
    assert!(metrics.contains("moodle_sns_ready 1") && !metrics.contains("\"first\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_can_be_parsed_and_name_no_event_and_no_group() {
    let watched = Watched::new(|text| text).await;
    watched.send();
    let got = watched.get("/metrics");
    assert_eq!(got.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let log = watched.double.log();
    let groups: Vec<&String> = log.iter().filter_map(|taken| taken.group.as_ref()).collect();
    assert!(!groups.is_empty());
    let mut samples = 0;
    for line in got.body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")) {
            assert!(rest.starts_with("moodle_sns_") && rest.contains(' '), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
        assert!(name.starts_with("moodle_sns_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        match name.split_once('{') {
            None => assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{line}"),
            Some((_, labels)) => {
                let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
                assert!(labels.ends_with('"') && labels.contains("=\""), "{line}");
            }
        }
        samples += 1;
    }
    assert!(samples > 30, "{}", got.body);
    for taken in &log {
        assert!(!got.body.contains(taken.id().split(':').next().unwrap()), "an event's id is a label");
    }
    assert!(groups.iter().all(|group| !got.body.contains(group.as_str())), "a group is a label");
    assert!(got.body.contains("moodle_sns_ledger_missing{of=\"events\"} 0"), "{}", got.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_and_its_twin_say_the_same() {
    let watched = Watched::new(|text| text).await;
    watched.send();
    let page = watched.get("/status");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let twin = watched.get("/status.json").json();
    for other in [
        watched.get("/v1/status"),
        watched.get("/status?format=json"),
        ask(watched.operator, "GET", "/status", &[("Accept", "application/json")], ""),
    ] {
        assert_eq!(other.header("content-type"), Some("application/json"));
        for part in ["door", "messages", "verdict", "parked"] {
            assert_eq!(other.json()[part], twin[part], "{part}");
        }
    }
    assert!(page.body.contains(twin["verdict"]["sentence"].as_str().unwrap()), "{}", page.body);
    for account in ["door", "messages"] {
        let account = &twin[account];
        let lines = account["parts"].as_array().unwrap().iter().chain([&account["total"]]);
        for line in lines {
            let name = line["name"].as_str().unwrap();
            let counts: String = line["counts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| format!("<td class=\"num\">{n}</td>"))
                .collect();
            assert!(page.body.contains(&format!("<th scope=\"row\">{name}</th>{counts}")), "{name} {counts}");
        }
        assert!(account["missing"].as_array().unwrap().iter().all(|n| *n == 0), "{account}");
    }
    assert_eq!(page.body.matches("✓ adds up").count(), 2);
    assert!(
        !page.body.contains("http-equiv")
            && watched.get("/status?refresh=10").body.contains("content=\"10\"")
    );
    assert_eq!(watched.get("/").header("location"), Some("/status"));

    let id = watched.double.log()[0].id();
    let event = id.split(':').next().unwrap();
    let trace = watched.get(&format!("/trace?id={}", id.replace(':', "%3A")));
    assert!(trace.status == 200 && trace.body.contains("messages were published"), "{trace:?}");
    assert_eq!(watched.get(&format!("/v1/trace/{event}")).json()["id"], event);
    assert_eq!(watched.get("/v1/trace/01890000-0000-7000-8000-000000000000").status, 404);
    let bad = watched.get("/trace?id=%3Cscript%3E");
    assert!(bad.status == 400 && !bad.body.contains("<script"), "{bad:?}");
}
