//! The pages: templates filled from values that are made elsewhere.

use askama::Template;
use jiff::Timestamp;

use super::look::TraceReport;
use super::report::{Account, Report, TopicDoing};
use super::verdict::Level;
use super::words;
use crate::pages::pieces;

/// Nothing but our own style and form: no script, no frame, no other site.
pub(super) const CSP: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    report: &'a Report,
    refresh: Option<u32>,
}

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage<'a> {
    report: Result<&'a TraceReport, &'a str>,
    asked: &'a str,
}

/// The status page; it reloads itself only when asked to (`?refresh=10`).
pub(super) fn status(report: &Report, refresh: Option<u32>) -> Result<String, askama::Error> {
    StatusPage { report, refresh }.render().map(|page| shown(&page))
}

/// The page of one event's fate, or of why it can't be told.
pub(super) fn trace(report: Result<&TraceReport, &str>, asked: &str) -> Result<String, askama::Error> {
    TracePage { report, asked }.render().map(|page| shown(&page))
}

/// A page may be read in a terminal too: what is escaped for HTML is made harmless for that as well.
fn shown(page: &str) -> String {
    let lines: Vec<String> = page.split('\n').map(words::harmless).collect();
    lines.join("\n")
}

// What templates call takes references: askama passes everything so.

fn count(n: &u64) -> String {
    words::count(*n)
}

fn size(bytes: &u64) -> String {
    words::size(*bytes)
}

fn level_class(level: &Level) -> &'static str {
    match level {
        Level::Healthy => "",
        Level::Look | Level::Person => " warn",
        Level::Outage | Level::Wrong => " bad",
    }
}

fn doing_class(doing: &TopicDoing) -> &'static str {
    match doing {
        TopicDoing::Sending => "ok",
        TopicDoing::Held => "bad",
        TopicDoing::Paused | TopicDoing::Stopped | TopicDoing::NotServed => "warn",
    }
}

/// How a row of an account looks: 0 is quiet, what waits for a person is not.
fn line_class(name: &str, counts: &[u64]) -> &'static str {
    match counts.iter().any(|n| *n > 0) {
        false => "zero",
        true if name.starts_with("parked") || name == "held" => "look",
        true => "",
    }
}

/// The two accounts with their titles and what to know of them.
fn accounts(report: &Report) -> [(&'static str, &'static str, &Account, String); 2] {
    [
        (
            "1. At the door",
            "what became of each event that came in",
            &report.door,
            format!(
                "Today is since 00:00 UTC. Of all accepted, {} owe no topic a message (unrouted).",
                words::count(report.unrouted)
            ),
        ),
        (
            "2. To the topics",
            "where each message owed is now",
            &report.messages,
            "An accepted event may owe several messages, one for each topic and contract.".to_owned(),
        ),
    ]
}

/// A count of one side; a side that doesn't count it shows nothing.
fn side(n: &Option<u64>) -> String {
    n.map_or(String::new(), words::count)
}

fn time(at: &Timestamp) -> String {
    at.strftime("%H:%M:%S UTC, %-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Cause, Reason};
    use crate::operate::books::{Books, Pair};
    use crate::operate::sample::{held, key, running, state, topic};
    use crate::operate::verdict::Workers;
    use crate::operate::{SetTopic, Setup, Sign};
    use crate::publish::Pulse;
    use crate::spool::State;

    fn now() -> Timestamp {
        "2026-11-24T13:48:04Z".parse().unwrap()
    }

    fn books() -> Books {
        let pair = |name: &str, moodle, here| Pair { name: name.into(), moodle, here };
        Books {
            source: "vle".into(),
            at: "2026-11-24T13:47:31Z".parse().unwrap(),
            since: "2026-11-23T13:00:00Z".parse().unwrap(),
            lines: vec![
                pair("observed, received", Some(2_107), Some(2_112)),
                pair("accepted", Some(2_100), Some(2_100)),
                pair("waiting in the outbox", Some(7), None),
            ],
            unaccounted: 0,
            not_received: 0,
        }
    }

    fn page(state: &State, pulses: &[Pulse]) -> String {
        let arn = |key: &str| format!("arn:aws:sns:eu-west-2:111122223333:moodle-{key}");
        let set = |name: &str, end: &str| SetTopic { key: key(name), arn: arn(name) + end };
        let setup = Setup {
            topics: vec![set("grades", ".fifo"), set("enrolments", ""), set("activity", "")],
            started: "2026-11-19T07:12:00Z".parse().unwrap(),
        };
        let sign = |secret: &str, last_used: Option<&str>| Sign {
            source: "vle".parse().unwrap(),
            url: "https://moodle.example.org".into(),
            secret: secret.into(),
            fingerprint: "9f2c01ab".into(),
            last_used: last_used.map(|at| at.parse().unwrap()),
            plugin: "13:47:31, plugin 1.2.0, Moodle 4.5.6 <b>\u{1b}[2J\u{202e}".into(),
        };
        let signs = [sign("2026-11", Some("2026-11-24T13:48:02Z")), sign("2026-05", None)];
        let report = Report::new(&setup, state, &[], Workers::Here(pulses, &[]), &signs, &[books()], now());
        status(&report, None).unwrap()
    }

    fn pages() -> [(&'static str, String); 3] {
        let mut healthy = state(&[topic("grades", 7, 0), topic("enrolments", 1, 0), topic("activity", 4, 0)]);
        healthy.topics[0].oldest = Some("2026-11-24T13:48:03.6Z".parse().unwrap());
        let well = [running("grades"), running("enrolments"), running("activity")];
        let mut parked = healthy.clone();
        parked.topics[2].parked = vec![(Reason::Mapping, 12), (Reason::Oversized, 3)];
        parked.topics[2].owed += 15;
        parked.parked_events = vec![(Reason::TooOld, 2)];
        let mut outage = healthy.clone();
        outage.topics[0] = topic("grades", 29_000, 822);
        outage.topics[0].oldest = Some("2026-11-24T09:14:00Z".parse().unwrap());
        outage.topics[1].owed += 3;
        let refused = [held("grades", Cause::Topic), running("enrolments"), running("activity")];
        [
            ("healthy", page(&healthy, &well)),
            ("parked", page(&parked, &well)),
            ("outage", page(&outage, &refused)),
        ]
    }

    #[test]
    fn the_page_says_what_is_so_and_escapes_what_came_from_outside() {
        for (name, page) in pages() {
            // For a person to look at: MSP_PAGES=folder cargo test.
            if let Some(folder) = std::env::var_os("MSP_PAGES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), &page).unwrap();
            }
            assert!(!page.contains("<b>\"") && page.contains("4.5.6 &#60;b&#62;\\u{1b}[2J\\u{202e}"));
            assert!(!page.contains("style=") && !page.contains("<script"), "the CSP allows neither");
            assert!(page.contains("✓ holds") && page.contains("<code>9f2c01ab</code>"));
            assert!(page.len() < 100_000);
            let part = match name {
                "healthy" => "12 messages wait, the oldest for 0.4 s. Nothing is held or parked.",
                "parked" => "parked list --reason mapping",
                _ => "✕ 3 missing",
            };
            assert!(page.contains(part), "{name}: {part}");
        }
    }

    #[test]
    fn a_trace_page_tells_the_fate_or_why_not() {
        let id = "01a20e53-90ce-7205-a292-0dd69749d9f5".parse().unwrap();
        let known = TraceReport::new(id, None, now());
        assert!(trace(Ok(&known), "x").unwrap().contains("Not known here"));
        let page = trace(Err("not an event id"), "<script>").unwrap();
        assert!(page.contains("not an event id") && !page.contains("<script"));
    }
}
