//! One request, one answer: the paths of the operator's listener.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::gone::{self, OwedRow};
use super::guard::{self, Shown, Way};
use super::look::{self, ParkedPage, TraceReport, Wish};
use super::ready::{self, Check, Disk, Phase};
use super::report::Report;
use super::verdict::Workers;
use super::{Operator, alarm, audit, change, metrics, page, replays};
use crate::event::{EventId, SourceKey};
use crate::spool::{Door, SpoolError, State, Trace};

pub(super) type Answer = Response<Full<Bytes>>;

/// Which paths a listener has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paths {
    /// All of them.
    Operator,
    /// `/livez`, `/readyz`, `/metrics`, without ids: the network may reach it.
    Probes,
}

/// Answers a request whose body has been read.
pub(super) async fn answer(operator: &Operator, paths: Paths, way: Way, request: &Request<Bytes>) -> Answer {
    let headers = request.headers();
    // A probe's Host is whatever the prober calls us; there is nothing there to steal.
    if paths == Paths::Operator && !guard::knows_host(headers, way, &operator.hosts) {
        return problem(
            StatusCode::MISDIRECTED_REQUEST,
            "host",
            "this Host is not one of this listener's names: use localhost, or add the name to operate.hosts",
        );
    }
    let path = request.uri().path();
    let verb = change::verb_of(path).filter(|_| paths == Paths::Operator);
    let allowed = if verb.is_some() { request.method() == Method::POST } else { is_read(request.method()) };
    let known = verb.is_some() || path_of(paths, path).is_some();
    if known && !allowed {
        let allow = if verb.is_some() { "POST" } else { "GET, HEAD" };
        let answer =
            problem(StatusCode::METHOD_NOT_ALLOWED, "method", &format!("this path takes {allow} only"));
        return with(answer, ALLOW, allow);
    }
    if let Some(verb) = verb {
        return change::change(operator, verb, request).await;
    }
    match path_of(paths, path) {
        None => problem(StatusCode::NOT_FOUND, "path", "there is no such path; /status shows the way"),
        Some(found) => read(operator, paths, found, request).await,
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// What may be read.
enum Path<'a> {
    Root,
    Live,
    Ready,
    Metrics,
    Status,
    StatusJson,
    Css,
    TracePage,
    Trace(&'a str),
    Parked,
    ParkedOne(&'a str),
    Replays,
    Owed,
    Audit,
    Erasure(&'a str),
}

fn path_of(paths: Paths, path: &str) -> Option<Path<'_>> {
    let probe = match path {
        "/livez" | "/healthz" => Some(Path::Live),
        "/readyz" => Some(Path::Ready),
        "/metrics" => Some(Path::Metrics),
        _ => None,
    };
    if probe.is_some() || paths == Paths::Probes {
        return probe;
    }
    match path {
        "/" => Some(Path::Root),
        "/status" => Some(Path::Status),
        "/status.json" | "/v1/status" => Some(Path::StatusJson),
        "/status.css" => Some(Path::Css),
        "/trace" => Some(Path::TracePage),
        "/v1/parked" => Some(Path::Parked),
        "/v1/replays" => Some(Path::Replays),
        gone::OWED => Some(Path::Owed),
        "/v1/audit" => Some(Path::Audit),
        _ if path.starts_with("/v1/erasures/") => path.strip_prefix("/v1/erasures/").map(Path::Erasure),
        _ => match (path.strip_prefix("/v1/trace/"), path.strip_prefix("/v1/parked/")) {
            (Some(id), _) => Some(Path::Trace(id)),
            (_, Some(number)) => Some(Path::ParkedOne(number)),
            _ => None,
        },
    }
}

async fn read(operator: &Operator, paths: Paths, path: Path<'_>, request: &Request<Bytes>) -> Answer {
    let query = Query::of(request.uri().query().unwrap_or_default());
    let now = Timestamp::now();
    match path {
        Path::Root => with(plain(StatusCode::SEE_OTHER, String::new()), LOCATION, "/status"),
        Path::Live => plain(StatusCode::OK, "ok\n".to_owned()),
        Path::Ready => {
            let state = operator.spool.state().await;
            let checks = checks(operator, state.as_ref());
            let alarms =
                if query.has("verbose") { alarms(operator, state.ok().as_ref()) } else { Vec::new() };
            let status = if is_ready(&checks) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            plain(status, ready::text(&checks, &alarms, query.has("verbose")))
        }
        Path::Metrics => scrape(operator, paths, now).await,
        Path::Css => typed(StatusCode::OK, "text/css; charset=utf-8", crate::pages::CSS),
        Path::Status if wants_json(request.headers()) || query.get("format") == Some("json") => {
            status_json(operator, now).await
        }
        Path::StatusJson => status_json(operator, now).await,
        Path::Status => match report(operator, now).await {
            Ok(report) => {
                let refresh =
                    query.get("refresh").and_then(|n| n.parse().ok()).filter(|n| (1..=3600).contains(n));
                html(StatusCode::OK, page::status(&report, refresh))
            }
            Err(error) => failed(&error),
        },
        Path::TracePage => trace_page(operator, query.get("id").unwrap_or_default(), now).await,
        Path::Trace(id) => trace(operator, &percent_decoded(id), query.get("source"), now).await,
        Path::Parked => parked(operator, &query).await,
        Path::Owed => match operator.spool.owed().await {
            Ok(owed) => body(StatusCode::OK, &owed.into_iter().map(OwedRow::from).collect::<Vec<_>>()),
            Err(error) => failed(&error),
        },
        Path::ParkedOne(number) => parked_one(operator, number, request.headers()).await,
        Path::Erasure(number) => erasure(operator, number).await,
        Path::Replays => match replays::rows(&operator.spool).await {
            Ok(rows) => body(StatusCode::OK, &rows),
            Err(error) => failed(&error),
        },
        Path::Audit => audit_page(operator, &query, request.headers()).await,
    }
}

fn checks(operator: &Operator, state: Result<&State, &SpoolError>) -> Vec<Check> {
    let why = state.err().map(ToString::to_string).unwrap_or_default();
    let phase = match *operator.phase.borrow() {
        Phase::Serving if operator.spool.door_is() == Door::Draining => Phase::Draining,
        phase => phase,
    };
    ready::checks(
        phase,
        Disk {
            state: state.map_err(|_| why.as_str()),
            failed: *operator.spool.failed().borrow(),
            checkpoint_failing: operator.spool.checkpoint_failing(),
        },
    )
}

/// What wants a person, or SNS, though batches are accepted and kept.
fn alarms(operator: &Operator, state: Option<&State>) -> Vec<String> {
    let signs = (operator.signs)();
    alarm::alarms(&signs, state, &operator.setup, Timestamp::now())
}

fn is_ready(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.good)
}

async fn scrape(operator: &Operator, paths: Paths, now: Timestamp) -> Answer {
    let state = match operator.spool.state().await {
        Ok(state) => state,
        Err(error) => return failed(&error),
    };
    let ledger = match operator.spool.ledger(Timestamp::UNIX_EPOCH).await {
        Ok(ledger) => ledger,
        Err(error) => return failed(&error),
    };
    let ready = is_ready(&checks(operator, Ok(&state)));
    let mut account = metrics::account(&operator.spool, &state, &ledger, ready, now);
    let signs = (operator.signs)();
    alarm::register(&mut account, &signs, &state, &operator.setup);
    let Ok(text) = metrics::text(&operator.registry, &account) else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "metrics", "the metrics could not be written");
    };
    let text = if paths == Paths::Probes { metrics::without_ids(&text) } else { text };
    typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

/// All that `status` shows.
async fn report(operator: &Operator, now: Timestamp) -> Result<Report, SpoolError> {
    let midnight =
        Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(86_400)).unwrap_or(now);
    let today = operator.spool.ledger(midnight).await?;
    let state = operator.spool.state().await?;
    let signs = (operator.signs)();
    let workers = Workers::Here(&signs.pulses, &signs.contracts);
    let mut report = Report::new(&operator.setup, &state, &today, workers, &signs.senders, &signs.books, now);
    if operator.spool.door_is() == Door::Draining {
        report.say_that_it_drains();
    }
    Ok(report)
}

async fn status_json(operator: &Operator, now: Timestamp) -> Answer {
    match report(operator, now).await {
        Ok(report) => body(StatusCode::OK, &report),
        Err(error) => failed(&error),
    }
}

async fn trace_page(operator: &Operator, asked: &str, now: Timestamp) -> Answer {
    match look::event_id(asked) {
        Err(why) => html(StatusCode::BAD_REQUEST, page::trace(Err(&why), asked)),
        Ok(id) => match operator.spool.trace(None, id).await {
            Ok(trace) => {
                let report = fate(operator, id, trace.as_ref(), now);
                html(found(trace.is_some()), page::trace(Ok(&report), asked))
            }
            Err(error) => failed(&error),
        },
    }
}

async fn trace(operator: &Operator, asked: &str, source: Option<&str>, now: Timestamp) -> Answer {
    let id: EventId = match look::event_id(asked) {
        Ok(id) => id,
        Err(why) => return problem(StatusCode::BAD_REQUEST, "id", &why),
    };
    let source: Option<SourceKey> = match source.map(str::parse).transpose() {
        Ok(source) => source,
        Err(error) => return problem(StatusCode::BAD_REQUEST, "source", &error.to_string()),
    };
    match operator.spool.trace(source.as_ref(), id).await {
        Ok(trace) => body(found(trace.is_some()), &fate(operator, id, trace.as_ref(), now)),
        Err(error) => failed(&error),
    }
}

/// What a trace means here, where a topic or contract may not be there any more.
fn fate(operator: &Operator, id: EventId, trace: Option<&Trace>, now: Timestamp) -> TraceReport {
    let mut report = TraceReport::new(id, trace, now);
    gone::mark(
        &mut report,
        |key| operator.setup.topics.iter().any(|topic| topic.key.as_str() == key),
        |name| name.parse().is_ok_and(|id| operator.mapper.catalogue.get(&id).is_some()),
    );
    report
}

fn found(known: bool) -> StatusCode {
    if known { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn parked(operator: &Operator, query: &Query) -> Answer {
    const MOST: usize = 1000;
    let text = |name: &str| query.get(name).map(str::to_owned);
    let number = |name: &str| query.get(name).map(str::parse::<u64>).transpose();
    let (Ok(one), Ok(after), Ok(limit)) = (number("number"), number("after"), number("limit")) else {
        return problem(StatusCode::BAD_REQUEST, "number", "number, after and limit are whole numbers");
    };
    let wish = Wish {
        number: one,
        event: text("event"),
        reason: text("reason"),
        topic: text("topic"),
        contract: text("contract"),
    };
    let filter = match wish.filter() {
        Ok(filter) => filter,
        Err(why) => return problem(StatusCode::BAD_REQUEST, "filter", &why),
    };
    let n = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(MOST).clamp(1, MOST);
    match operator.spool.parked(&filter, after, n).await {
        Ok(rows) => {
            let next = rows.last().filter(|_| rows.len() == n).map(|row| row.number);
            body(StatusCode::OK, &ParkedPage { rows: rows.into_iter().map(Into::into).collect(), next })
        }
        Err(error) => failed(&error),
    }
}

/// Who did what is for those who may do it: it names people.
async fn audit_page(operator: &Operator, query: &Query, headers: &HeaderMap) -> Answer {
    if let Some(refusal) = change::without_token(operator, headers) {
        return refusal;
    }
    let number = |name: &str| query.get(name).map(str::parse::<u64>).transpose();
    let (Ok(before), Ok(limit)) = (number("before"), number("limit")) else {
        return problem(StatusCode::BAD_REQUEST, "number", "before and limit are whole numbers");
    };
    let n = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(audit::MOST);
    match audit::page(&operator.spool, before, n).await {
        Ok(page) => body(StatusCode::OK, &page),
        Err(error) => failed(&error),
    }
}

async fn erasure(operator: &Operator, number: &str) -> Answer {
    let Ok(number) = number.parse() else {
        return problem(StatusCode::BAD_REQUEST, "number", "the number of an erasure is a whole number");
    };
    match change::erase::look(&operator.spool, number).await {
        Ok(Some(row)) => body(StatusCode::OK, &row),
        Ok(None) => problem(StatusCode::NOT_FOUND, "number", "there is no erasure of that number"),
        Err(error) => failed(&error),
    }
}

async fn parked_one(operator: &Operator, number: &str, headers: &HeaderMap) -> Answer {
    let Ok(number) = number.parse::<u64>() else {
        return problem(StatusCode::BAD_REQUEST, "number", "the number of a parked row is a whole number");
    };
    let content = match guard::token(headers, operator.token.as_ref()) {
        Shown::Right => look::Content::Shown,
        Shown::Wrong | Shown::NotConfigured => look::Content::Hidden,
    };
    match look::parked_detail(&operator.spool, &operator.mapper, number, content).await {
        Ok(Some(detail)) => body(StatusCode::OK, &detail),
        Ok(None) => problem(
            StatusCode::NOT_FOUND,
            "number",
            "nothing of that number is parked (any more): `moodle-sns-producer parked list` shows what is",
        ),
        Err(error) => failed(&error),
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// The parts of a query, decoded. Of a name that stands twice the first counts.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Self {
        let part = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (percent_decoded(&name.replace('+', " ")), percent_decoded(&value.replace('+', " ")))
        };
        Self(text.split('&').filter(|part| !part.is_empty()).map(part).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], escape) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn typed(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::CSP));
    answer
}

fn plain(status: StatusCode, text: String) -> Answer {
    typed(status, "text/plain; charset=utf-8", text)
}

fn html(status: StatusCode, page: Result<String, askama::Error>) -> Answer {
    match page {
        Ok(text) => typed(status, "text/html; charset=utf-8", text),
        Err(error) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "page", &format!("filling the page: {error}"))
        }
    }
}

pub(super) fn body(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => typed(status, "application/json", text),
        Err(error) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "json", &format!("writing the answer: {error}"))
        }
    }
}

/// An RFC 9457 problem.
pub(super) fn problem(status: StatusCode, kind: &str, detail: &str) -> Answer {
    let body = json!({
        "type": format!("urn:moodle-sns-producer:operate:{kind}"),
        "title": status.canonical_reason().unwrap_or("problem"),
        "status": status.as_u16(),
        "detail": detail,
    });
    typed(status, "application/problem+json", body.to_string())
}

pub(super) fn failed(error: &SpoolError) -> Answer {
    problem(StatusCode::SERVICE_UNAVAILABLE, "spool", &format!("the spool failed: {error}"))
}

pub(super) fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let query = Query::of("id=01a2%3Amoodle.a.b.v1&reason=too-old&x&y=a+b&bad=%zz%4&%C3%A9=1");
        for (name, value) in [
            ("id", Some("01a2:moodle.a.b.v1")),
            ("reason", Some("too-old")),
            ("x", None),
            ("y", Some("a b")),
            ("bad", Some("%zz%4")),
            ("é", Some("1")),
            ("none", None),
        ] {
            assert_eq!(query.get(name), value, "{name}");
        }
        assert!(query.has("x"));
    }

    #[test]
    fn the_probes_listener_has_three_paths() {
        for path in ["/livez", "/healthz", "/readyz", "/metrics"] {
            assert!(path_of(Paths::Probes, path).is_some() && path_of(Paths::Operator, path).is_some());
        }
        for path in [
            "/",
            "/status",
            "/status.json",
            "/trace",
            "/v1/parked",
            "/v1/parked/7",
            "/v1/trace/x",
            "/status.css",
        ] {
            assert!(path_of(Paths::Probes, path).is_none() && path_of(Paths::Operator, path).is_some());
        }
        assert!(path_of(Paths::Operator, "/nope").is_none());
    }
}
