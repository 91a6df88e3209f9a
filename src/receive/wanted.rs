//! `POST /v1/sources/{source}/wanted`: a plugin asks what to send. The answer decides which personal
//! fields leave Moodle, so it is signed too, under an id that no request may have.

use http::request::Parts;
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ledger::{Books, PluginLedger};
use super::question::{self, Kind};
use super::refusal::Refusal;
use super::serve::{Answer, Door};
use super::signature::WANTED;
use super::stats::PluginReport;
use crate::event::SourceKey;

/// The form of question and answer that is spoken here.
const WIRE: u64 = 1;

/// The plugin's ledger is the larger part of a question.
const KIND: Kind = Kind { prefix: WANTED, max_body: 256 << 10, foreign: "ids" };

pub(super) async fn answer(
    door: &Door,
    source: &str,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Answer, Refusal> {
    let context = &door.context;
    let mut question = question::read(door, source, &KIND, head, incoming, arrived).await?;
    let told = read(&mut question.object)?;
    let admitted = &question.admitted;
    if !admitted.sender.speaks_as(&told.url, arrived) {
        return Err(Refusal::SourceMismatch("`url`".into()));
    }
    let key = &admitted.sender.source.key;
    let etag_held = told.etag.clone();
    let plugin = PluginLedger::read(question.object.remove("ledger"), arrived);
    let books = balance(door, key, plugin, arrived).await?;
    let ledger = ledger(&books);
    context.stats.asked(key, told.with(books));

    let routes = context.routes.load_full();
    let present = routes.wanted(key);
    door.lists.tell(key, &routes, &present, &context.spool, arrived).await.map_err(|error| {
        tracing::error!(source = %key, %error, "the wanted list can't be remembered, so it is not told");
        Refusal::NotReady
    })?;
    let mut answer = json!({ "etag": present.etag(), "ledger": ledger });
    if present.etag() != etag_held {
        tracing::info!(source = %key, etag = present.etag(), rows = present.rows().len(), "told the wanted list");
        let limits = &context.limits;
        answer["limits"] = json!({
            "max_body": limits.max_body,
            "max_events": limits.max_events,
            "max_event": limits.max_event,
            "max_depth": limits.max_depth,
        });
        answer["rows"] = json!(present.rows());
    }
    Ok(question.answer(&answer))
}

/// What a question tells, but for the ledger.
struct Told {
    plugin: String,
    moodle: String,
    url: String,
    etag: String,
}

impl Told {
    fn with(self, books: Books) -> PluginReport {
        let Self { plugin, moodle, url, etag } = self;
        PluginReport { at: books.at, plugin, moodle, url, etag, books }
    }
}

/// `{"wire":1,"plugin","moodle","url","etag","ledger":[…]}`. Keys that are not known are ignored.
fn read(question: &mut Map<String, Value>) -> Result<Told, Refusal> {
    if question.get("wire").and_then(Value::as_u64) != Some(WIRE) {
        return Err(Refusal::Form("`wire` is not 1: if the plugin is newer, upgrade the sidecar first"));
    }
    let mut text = |key: &str| match question.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Ok(Told {
        plugin: text("plugin").ok_or(Refusal::Form("`plugin` is not text: the plugin's version"))?,
        moodle: text("moodle").ok_or(Refusal::Form("`moodle` is not text: Moodle's version"))?,
        url: text("url").ok_or(Refusal::Form("`url` is not text: the site's URL"))?,
        etag: text("etag").unwrap_or_default(),
    })
}

/// Holds the plugin's ledger against the spool's, and says where that has changed what is wrong.
async fn balance(
    door: &Door,
    source: &SourceKey,
    plugin: PluginLedger,
    now: Timestamp,
) -> Result<Books, Refusal> {
    let hours = Books::hours(&plugin, now);
    let ours = door.context.spool.door(source, hours).await.map_err(|error| {
        tracing::error!(%source, %error, "the ledger can't be read");
        Refusal::NotReady
    })?;
    let before = door.context.stats.plugin(source).map(|report| report.books);
    let (ledger, known) = match &before {
        Some(books) => (books.plugin.clone(), books.mismatches().map(|(_, n)| n)),
        None => (PluginLedger::default(), [0; 2]),
    };
    let books = Books::new(plugin, &ledger, &ours, now);
    for ((reason, events), before) in books.mismatches().into_iter().zip(known) {
        match events {
            events if events == before => {}
            0 => tracing::info!(%source, reason, "ledger-mismatch: the plugin's ledger holds again"),
            events => {
                tracing::error!(%source, reason, events, "ledger-mismatch: the plugin's ledger does not hold");
            }
        }
    }
    Ok(books)
}

/// What became of this source's events here, by outcome: the plugin shows it beside its own.
fn ledger(books: &Books) -> Value {
    let sums: Map<String, Value> =
        books.here.iter().map(|(count, n)| (count.as_str().to_owned(), (*n).into())).collect();
    json!({ "since": books.since.to_string(), "events": sums })
}
