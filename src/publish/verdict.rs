//! What an answer of SNS means for each message that was sent: a pure function over plain values.
//!
//! The table is that of Amazon's API reference with what was measured beside it: codes are matched, not
//! the SDK's variants, because SNS answers with codes the SDK doesn't model; a code that nobody knows is
//! judged by its status; and a batch is done only when each id sent has come back, because the SDK hands
//! a truncated answer back as a success that lists nothing.

use crate::delivery::{Cause, Parking, Reason, Receipt};
use crate::planted::{Bug, planted};

/// What came back for one `PublishBatch` call, reduced to plain values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// No connection was made, so for certain nothing was published.
    Unreached(String),
    /// The call went out, and no answer came back that can be read: all of it may be published.
    Lost(String),
    /// There are no credentials to sign with, or the call could not be built.
    Unsigned(String),
    /// SNS (or something before it) answered with an error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error's code, when the body was an error of SNS.
        code: Option<String>,
        /// The error's words.
        words: String,
    },
    /// An answer with its two lists.
    Listed {
        /// Entries that SNS took, by entry id.
        taken: Vec<(String, Receipt)>,
        /// Entries that SNS refused.
        failed: Vec<Failure>,
    },
}

/// One entry of an answer's `Failed` list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The entry's id.
    pub id: String,
    /// The error's code.
    pub code: String,
    /// The error's words.
    pub words: String,
    /// Whether SNS says that the sender is at fault.
    pub sender_fault: bool,
}

/// What becomes of one message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// SNS has it.
    Settled(Receipt),
    /// It can never be sent as it is.
    Park(Parking),
    /// Try it again later.
    Retry(Cause, Outcome),
    /// SNS asks the topic to slow down; it was not published.
    SlowDown,
    /// The topic can't be published to; no message's fault.
    HoldTopic(Fault),
    /// Nothing can be published anywhere; no message's fault.
    HoldAccount(Fault),
    /// One of the batch is at fault and the answer doesn't say which: send each alone.
    Split(String),
}

/// Whether a try that did not settle may have been published all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was not.
    NotPublished,
    /// Nobody can say.
    Unknown,
}

/// What holds a topic or the account, in SNS's words, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Code and words of the answer.
    pub words: String,
    /// What to do about it.
    pub cure: &'static str,
}

/// The verdicts on the messages of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// One for each entry sent, in its order.
    pub entries: Vec<Verdict>,
    /// Ids in the answer that were never sent, or came a second time: ignored.
    pub invented: u32,
    /// What was answered to the whole call, for people; empty when the answer went by entry.
    pub words: String,
}

/// What an answer means for each of the `sent` entries, whose ids were their places `0`, `1`, ….
pub(super) fn judge(sent: usize, answer: Answer) -> Judged {
    let (whole, words) = match answer {
        Answer::Listed { taken, failed } => return by_entry(sent, taken, failed),
        Answer::Unreached(words) => (Verdict::Retry(Cause::Unknown, Outcome::NotPublished), words),
        Answer::Lost(words) => (Verdict::Retry(Cause::Unknown, Outcome::Unknown), words),
        Answer::Unsigned(words) => {
            (Verdict::HoldAccount(Fault { words: words.clone(), cure: CREDENTIALS }), words)
        }
        Answer::Error { status, code, words } => {
            let verdict = match by_code(code.as_deref(), status, &words) {
                Verdict::Split(words) if sent == 1 => Verdict::Park(Parking::new(Reason::Refused, words)),
                other => other,
            };
            (verdict, format!("{status} {}", said(code.as_deref().unwrap_or("without a code"), &words)))
        }
    };
    Judged { entries: vec![whole; sent], invented: 0, words }
}

fn by_entry(sent: usize, taken: Vec<(String, Receipt)>, failed: Vec<Failure>) -> Judged {
    // An id that doesn't come back is unknown, whatever the status said.
    let missing = if planted(Bug::MissingIdTaken) {
        Verdict::Settled(Receipt::default())
    } else {
        Verdict::Retry(Cause::Unknown, Outcome::Unknown)
    };
    let mut entries = vec![missing.clone(); sent];
    let mut invented = 0;
    let mut put = |id: &str, verdict| match id.parse::<usize>().ok().and_then(|n| entries.get_mut(n)) {
        Some(entry) if *entry == missing => *entry = verdict,
        _ => invented += 1,
    };
    // Taken ones first: of an id in both lists, what matters is that SNS has it.
    for (id, receipt) in taken {
        put(&id, Verdict::Settled(receipt));
    }
    for failure in failed {
        put(&failure.id.clone(), of_failure(failure));
    }
    if planted(Bug::BatchParkedForOne)
        && let Some(park) = entries.iter().find(|entry| matches!(entry, Verdict::Park(_))).cloned()
    {
        entries.fill(park);
    }
    let words = if entries.iter().all(|entry| *entry == missing) { NOTHING_LISTED } else { "" };
    Judged { entries, invented, words: words.to_owned() }
}

fn of_failure(failure: Failure) -> Verdict {
    let Failure { code, words, sender_fault, .. } = failure;
    match known(&code, &words) {
        // A key that can't be used or a pace that is too high is no message's fault, whoever is blamed.
        Some(verdict @ (Verdict::SlowDown | Verdict::HoldTopic(_) | Verdict::HoldAccount(_))) => verdict,
        _ if sender_fault => Verdict::Park(Parking::new(Reason::Refused, said(&code, &words))),
        _ => Verdict::Retry(Cause::Failed, Outcome::NotPublished),
    }
}

fn by_code(code: Option<&str>, status: u16, words: &str) -> Verdict {
    if let Some(verdict) = code.and_then(|code| known(code, words)) {
        return verdict;
    }
    let words = said(code.unwrap_or("no code"), words);
    match status {
        429 => Verdict::SlowDown,
        401 => Verdict::HoldAccount(Fault { words, cure: CREDENTIALS }),
        403 => Verdict::HoldTopic(Fault { words, cure: PERMISSION }),
        404 => Verdict::HoldTopic(Fault { words, cure: MISSING }),
        400 | 413 => Verdict::Split(words),
        // 5xx, an unreadable 200, and what a proxy in between may answer.
        _ => Verdict::Retry(Cause::Unknown, Outcome::Unknown),
    }
}

/// The verdict on a code whose meaning is known.
fn known(code: &str, words: &str) -> Option<Verdict> {
    let topic = |cure| Some(Verdict::HoldTopic(Fault { words: said(code, words), cure }));
    let account = |cure| Some(Verdict::HoldAccount(Fault { words: said(code, words), cure }));
    match code {
        "Throttled"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "KMSThrottling"
        | "KMSThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Some(Verdict::SlowDown),
        "RequestExpired" | "SignatureDoesNotMatch" => account(CLOCK),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "OptInRequired" => account(CREDENTIALS),
        "AuthorizationError" | "AuthorizationErrorException" | "AccessDenied" | "AccessDeniedException" => {
            topic(PERMISSION)
        }
        "NotFound" | "NotFoundException" => topic(MISSING),
        _ if code.starts_with("KMS") => topic(KEY),
        // Said of the topic's ARN, it would park every message one by one.
        "InvalidParameter" | "InvalidParameterException" if words.contains("TopicArn") => topic(MISSING),
        "InvalidParameter"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "ParameterValueInvalid"
        | "ValidationException"
        | "BatchRequestTooLong"
        | "TooManyEntriesInBatchRequest"
        | "EmptyBatchRequest"
        | "BatchEntryIdsNotDistinct"
        | "InvalidBatchEntryId" => Some(Verdict::Split(said(code, words))),
        _ => None,
    }
}

fn said(code: &str, words: &str) -> String {
    format!("{code}: {words}")
}

const NOTHING_LISTED: &str = "200 that names none of the messages sent: the answer was cut";
const CREDENTIALS: &str =
    "give the process valid AWS credentials (role, profile or environment); it goes on by itself";
const CLOCK: &str =
    "set this machine's clock, and check the secret key of its AWS credentials; it goes on by itself";
const PERMISSION: &str = "allow sns:Publish on this topic (and kms:GenerateDataKey, kms:Decrypt on its key) for the role; it goes on by itself";
const MISSING: &str =
    "create the topic, or correct topics.KEY.arn and the region, and restart; nothing is lost";
const KEY: &str = "enable the topic's KMS key and let the role use it; it goes on by itself";

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str) -> Answer {
        let code = if code.is_empty() { None } else { Some(code.to_owned()) };
        Answer::Error { status, code, words: "words".to_owned() }
    }

    fn kind(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Settled(_) => "settled",
            Verdict::Park(p) if p.reason == Reason::Refused => "park",
            Verdict::Park(_) => "park for another reason",
            Verdict::Retry(Cause::Failed, Outcome::NotPublished) => "retry failed",
            Verdict::Retry(Cause::Unknown, Outcome::NotPublished) => "retry certain",
            Verdict::Retry(Cause::Unknown, Outcome::Unknown) => "retry unknown",
            Verdict::Retry(..) => "retry",
            Verdict::SlowDown => "slow",
            Verdict::HoldTopic(_) => "topic",
            Verdict::HoldAccount(_) => "account",
            Verdict::Split(_) => "split",
        }
    }

    #[test]
    fn each_answer_to_a_whole_call_has_its_verdict() {
        let table: &[(u16, &str, &str)] = &[
            (429, "Throttled", "slow"),
            (400, "Throttling", "slow"),
            (400, "ThrottlingException", "slow"),
            (400, "KMSThrottling", "slow"),
            (429, "", "slow"),
            (500, "InternalError", "retry unknown"),
            (503, "", "retry unknown"),
            (502, "ServiceUnavailable", "retry unknown"),
            (200, "", "retry unknown"),
            (302, "", "retry unknown"),
            (403, "ExpiredToken", "account"),
            (403, "InvalidClientTokenId", "account"),
            (403, "SignatureDoesNotMatch", "account"),
            (400, "RequestExpired", "account"),
            (401, "", "account"),
            (403, "AuthorizationError", "topic"),
            (404, "NotFound", "topic"),
            (400, "KMSAccessDenied", "topic"),
            (400, "KMSDisabled", "topic"),
            (400, "KMSNotFound", "topic"),
            (400, "KMSInvalidState", "topic"),
            (403, "KMSOptInRequired", "topic"),
            (403, "", "topic"),
            (404, "", "topic"),
            (403, "NeverHeardOfIt", "topic"),
            (400, "BatchRequestTooLong", "split"),
            (400, "TooManyEntriesInBatchRequest", "split"),
            (400, "EmptyBatchRequest", "split"),
            (400, "BatchEntryIdsNotDistinct", "split"),
            (400, "InvalidBatchEntryId", "split"),
            (400, "InvalidParameter", "split"),
            (400, "ParameterValueInvalid", "split"),
            (400, "ValidationException", "split"),
            (413, "", "split"),
            (400, "NeverHeardOfIt", "split"),
            (500, "NeverHeardOfIt", "retry unknown"),
        ];
        for (status, code, expected) in table {
            let judged = judge(3, error(*status, code));
            assert_eq!(judged.entries.len(), 3);
            for verdict in &judged.entries {
                assert_eq!(kind(verdict), *expected, "{status} {code}");
            }
            let alone = if *expected == "split" { "park" } else { expected };
            assert_eq!(kind(&judge(1, error(*status, code)).entries[0]), alone, "{status} {code} alone");
        }
    }

    #[test]
    fn a_call_without_an_answer_is_unknown_unless_it_never_left() {
        assert_eq!(kind(&judge(1, Answer::Lost("timed out".into())).entries[0]), "retry unknown");
        assert_eq!(kind(&judge(1, Answer::Unreached("refused".into())).entries[0]), "retry certain");
        assert_eq!(kind(&judge(1, Answer::Unsigned("no credentials".into())).entries[0]), "account");
    }

    #[test]
    fn a_wrong_topic_arn_holds_the_topic_and_parks_nothing() {
        let words = "Invalid parameter: TopicArn Reason: no such region".to_owned();
        let answer = Answer::Error { status: 400, code: Some("InvalidParameter".into()), words };
        assert_eq!(kind(&judge(1, answer).entries[0]), "topic");
    }

    fn failure(id: &str, code: &str, sender_fault: bool) -> Failure {
        Failure { id: id.into(), code: code.into(), words: "words".into(), sender_fault }
    }

    #[test]
    fn each_failed_entry_has_its_own_verdict() {
        let table = [
            ("InvalidParameter", true, "park"),
            ("InternalError", false, "retry failed"),
            ("InternalError", true, "park"),
            ("NeverHeardOfIt", false, "retry failed"),
            ("Throttled", true, "slow"),
            ("KMSThrottling", false, "slow"),
            ("KMSAccessDenied", true, "topic"),
            ("AuthorizationError", true, "topic"),
            ("ExpiredToken", true, "account"),
        ];
        for (code, sender_fault, expected) in table {
            let answer = Answer::Listed {
                taken: vec![("0".into(), Receipt::default()), ("2".into(), Receipt::default())],
                failed: vec![failure("1", code, sender_fault)],
            };
            let judged = judge(3, answer);
            let kinds: Vec<_> = judged.entries.iter().map(kind).collect();
            assert_eq!(kinds, ["settled", expected, "settled"], "{code} {sender_fault}");
        }
    }

    #[test]
    fn missing_ids_are_unknown_and_invented_or_repeated_ones_are_counted() {
        let took = |id: &str| (id.to_owned(), Receipt { sns_id: format!("sns-{id}"), ..Receipt::default() });
        let judged = judge(
            3,
            Answer::Listed {
                taken: vec![took("2"), took("7"), took("x"), took("2"), took("")],
                failed: vec![failure("2", "InvalidParameter", true), failure("0", "InternalError", false)],
            },
        );
        let kinds: Vec<_> = judged.entries.iter().map(kind).collect();
        assert_eq!(kinds, ["retry failed", "retry unknown", "settled"]);
        assert_eq!(judged.invented, 5);
    }

    #[test]
    fn an_answer_that_lists_nothing_settles_nothing() {
        let judged = judge(2, Answer::Listed { taken: vec![], failed: vec![] });
        assert!(judged.entries.iter().all(|v| kind(v) == "retry unknown"));
    }
}
