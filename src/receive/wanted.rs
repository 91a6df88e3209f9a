//! `POST /v1/sources/{source}/wanted`: a plugin asks what to send. The answer decides which personal
//! fields leave Moodle, so it is signed too, under an id that no request may have.

use http::request::Parts;
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::question::{self, Kind};
use super::refusal::Refusal;
use super::serve::{Answer, Door};
use super::signature::WANTED;
use super::stats::PluginReport;
use crate::event::SourceKey;
use crate::spool::Count;

/// The form of question and answer that is spoken here.
const WIRE: u64 = 1;

/// The plugin's ledger is the larger part of a question.
const KIND: Kind = Kind { prefix: WANTED, max_body: 256 << 10, foreign: "ids" };

/// What the answer tells of our ledger begins this long ago.
const LEDGER_TOLD: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn answer(
    door: &Door,
    source: &str,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Answer, Refusal> {
    let context = &door.context;
    let mut question = question::read(door, source, &KIND, head, incoming, arrived).await?;
    let report = read(&mut question.object, arrived)?;
    let admitted = &question.admitted;
    if !admitted.sender.speaks_as(&report.url, arrived) {
        return Err(Refusal::SourceMismatch("`url`".into()));
    }
    let key = &admitted.sender.source.key;
    let etag_held = report.etag.clone();
    context.stats.asked(key, report);

    let routes = context.routes.load_full();
    let present = routes.wanted(key);
    door.lists.tell(key, &routes, &present, &context.spool, arrived).await.map_err(|error| {
        tracing::error!(source = %key, %error, "the wanted list can't be remembered, so it is not told");
        Refusal::NotReady
    })?;
    let answer = if present.etag() == etag_held {
        json!({ "etag": present.etag() })
    } else {
        tracing::info!(source = %key, etag = present.etag(), rows = present.rows().len(), "told the wanted list");
        let limits = &context.limits;
        json!({
            "etag": present.etag(),
            "limits": {
                "max_body": limits.max_body,
                "max_events": limits.max_events,
                "max_event": limits.max_event,
                "max_depth": limits.max_depth,
            },
            "rows": present.rows(),
            "ledger": ledger(door, key, arrived).await?,
        })
    };
    Ok(question.answer(&answer))
}

/// `{"wire":1,"plugin","moodle","url","etag","ledger":[…]}`. Keys that are not known are ignored.
fn read(question: &mut Map<String, Value>, at: Timestamp) -> Result<PluginReport, Refusal> {
    if question.get("wire").and_then(Value::as_u64) != Some(WIRE) {
        return Err(Refusal::Form("`wire` is not 1: if the plugin is newer, upgrade the sidecar first"));
    }
    let mut text = |key: &str| match question.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Ok(PluginReport {
        at,
        plugin: text("plugin").ok_or(Refusal::Form("`plugin` is not text: the plugin's version"))?,
        moodle: text("moodle").ok_or(Refusal::Form("`moodle` is not text: Moodle's version"))?,
        url: text("url").ok_or(Refusal::Form("`url` is not text: the site's URL"))?,
        etag: text("etag").unwrap_or_default(),
        ledger: question.remove("ledger").unwrap_or_default(),
    })
}

/// What became of this source's events since a day ago, by outcome: the plugin compares it with its own.
async fn ledger(door: &Door, source: &SourceKey, now: Timestamp) -> Result<Value, Refusal> {
    let since = now.checked_sub(LEDGER_TOLD).unwrap_or(now);
    let rows = door.context.spool.ledger(since).await.map_err(|error| {
        tracing::error!(%source, %error, "the ledger can't be read");
        Refusal::NotReady
    })?;
    let told = [Count::Received, Count::Accepted, Count::Duplicate, Count::Unwanted, Count::Parked];
    let sums: Map<String, Value> = told
        .into_iter()
        .map(|count| {
            let n: u64 = rows.iter().filter(|r| r.source == *source && r.count == count).map(|r| r.n).sum();
            (count.as_str().to_owned(), n.into())
        })
        .collect();
    Ok(json!({ "since": since.to_string(), "events": sums }))
}
