//! The way in for every verb that changes something: POST, JSON, the operator's token, and who and why.
//!
//! A verb is a line of a table, an order that says [who and why](Order), and a function that carries it out
//! (`carry_out` reads the order, holds what all have in common against it, and says the outcome). What is
//! changed is changed in the spool, and the audit in the same transaction. The command line's half is
//! `cli/change.rs`.

pub mod drain;
pub mod erase;
pub mod parked;
pub mod reload;
pub mod replay;
pub mod topic;

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Operator;
use super::answer::{Answer, body, failed, problem, with};
use super::guard::{self, Shown};
use crate::spool::SpoolError;

/// A verb that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Send parked deliveries again.
    Redrive,
    /// Read the configuration again.
    Reload,
    /// Take a person's events out.
    Erase,
    /// Begin a replay.
    Replay,
    /// End one.
    CancelReplay,
    /// Take parked deliveries out for good.
    Drop,
    /// Stop a topic.
    Pause,
    /// Let it go on.
    Resume,
    /// Pass over what it is owed.
    Skip,
    /// Take no new batch.
    Drain,
}

/// Where each verb is asked for.
const VERBS: [(&str, Verb); 10] = [
    (parked::REDRIVE, Verb::Redrive),
    (parked::DROP, Verb::Drop),
    (topic::PAUSE, Verb::Pause),
    (topic::RESUME, Verb::Resume),
    (topic::SKIP, Verb::Skip),
    (replay::START, Verb::Replay),
    (replay::CANCEL, Verb::CancelReplay),
    (drain::DRAIN, Verb::Drain),
    (reload::RELOAD, Verb::Reload),
    (erase::ERASE, Verb::Erase),
];

/// The verb of a path, if it is one's.
pub(super) fn verb_of(path: &str) -> Option<Verb> {
    VERBS.iter().find(|(known, _)| *known == path).map(|(_, verb)| *verb)
}

/// Carries out what a POST to a verb's path asks for.
pub(super) async fn change(operator: &Operator, verb: Verb, request: &Request<Bytes>) -> Answer {
    if let Some(refusal) = turned_away(operator, request) {
        return refusal;
    }
    match verb {
        Verb::Reload => {
            carry_out(request, |order| reload::reload(&operator.spool, &operator.reload, order)).await
        }
        Verb::Redrive => carry_out(request, |order| parked::redrive(&operator.spool, order)).await,
        Verb::Erase => {
            carry_out(request, |order| erase::erase(&operator.spool, &operator.mapper, order)).await
        }
        Verb::Replay => {
            let (spool, replays) = (&operator.spool, &operator.replays);
            carry_out(request, |order| replay::start(spool, replays, order, Timestamp::now())).await
        }
        Verb::CancelReplay => carry_out(request, |order| replay::cancel(&operator.spool, order)).await,
        Verb::Drop => carry_out(request, |order| parked::drop(&operator.spool, order)).await,
        Verb::Pause => carry_out(request, |order| topic::pause(operator, order)).await,
        Verb::Resume => carry_out(request, |order| topic::resume(operator, order)).await,
        Verb::Skip => carry_out(request, |order| topic::skip(operator, order)).await,
        Verb::Drain => carry_out(request, |order| drain::drain(&operator.spool, order)).await,
    }
}

/// An order to change something: it says who asks and why, for the audit.
pub trait Order: DeserializeOwned {
    /// Who asks.
    fn by(&self) -> &str;
    /// Why.
    fn why(&self) -> &str;
}

/// The longest that `by` may be, in bytes.
const BY_BYTES: usize = 200;
/// The longest that `why` may be, in bytes.
const WHY_BYTES: usize = 2_000;

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It does not say clearly what it wants: what is missing or wrong. Nothing was changed.
    #[error("{0}")]
    Unclear(String),
    /// It is clear, and what is so forbids it: what, and the ways out. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The answer to who may not change anything: it takes JSON and the token.
fn turned_away(operator: &Operator, request: &Request<Bytes>) -> Option<Answer> {
    if !guard::is_json(request.headers()) {
        return Some(problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json",
            "send Content-Type: application/json",
        ));
    }
    without_token(operator, request.headers())
}

/// The answer to who does not show the operator's token.
pub(super) fn without_token(operator: &Operator, headers: &HeaderMap) -> Option<Answer> {
    match guard::token(headers, operator.token.as_ref()) {
        Shown::Right => None,
        Shown::Wrong => {
            let answer = problem(
                StatusCode::UNAUTHORIZED,
                "token",
                "send Authorization: Bearer and the token of operate.token_file",
            );
            Some(with(answer, WWW_AUTHENTICATE, "Bearer"))
        }
        Shown::NotConfigured => Some(problem(
            StatusCode::FORBIDDEN,
            "token",
            "no token is configured, so nothing may be changed and no audit shown: set operate.token_file and restart",
        )),
    }
}

/// Reads an order, has `work` carry it out, and says what came of it.
async fn carry_out<O, D, F>(request: &Request<Bytes>, work: impl FnOnce(O) -> F) -> Answer
where
    O: Order,
    D: Serialize,
    F: Future<Output = Result<D, ChangeError>>,
{
    let order: O = match serde_json::from_slice(request.body()) {
        Ok(order) => order,
        Err(error) => {
            return problem(StatusCode::BAD_REQUEST, "body", &format!("not the order expected: {error}"));
        }
    };
    if let Err(why) = signed(&order) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "order", why);
    }
    match work(order).await {
        Ok(done) => body(StatusCode::OK, &done),
        Err(ChangeError::Unclear(why)) => problem(StatusCode::UNPROCESSABLE_ENTITY, "order", &why),
        Err(ChangeError::Refused(why)) => problem(StatusCode::CONFLICT, "refused", &why),
        Err(ChangeError::Spool(error)) => failed(&error),
    }
}

/// Whether an order says who and why.
fn signed(order: &impl Order) -> Result<(), &'static str> {
    if order.by().trim().is_empty() || order.why().trim().is_empty() {
        return Err("say who asks (by) and why: both go into the audit");
    }
    if order.by().len() > BY_BYTES || order.why().len() > WHY_BYTES {
        return Err("`by` may have 200 bytes and `why` 2,000");
    }
    Ok(())
}
