//! Each error that SNS may answer, said of the whole call and of one entry, on both kinds of topic: it has its
//! class, its nine neighbours are published, and after the cure everything is where it belongs.

use std::time::{Duration, Instant};

use moodle_sns_producer::delivery::Cause;

use super::rig::{FIFO, Rig, STANDARD};
use crate::support::sns::script::{Fault, What};

/// What an error does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The entry is parked, alone.
    Park,
    /// It is tried again, and holds nothing else for long.
    Retry,
    /// The topic slows down, is held, or all topics are.
    Hold(Cause),
}

const THROTTLED: Class = Class::Hold(Cause::Throttled);
const TOPIC: Class = Class::Hold(Cause::Topic);
const ACCOUNT: Class = Class::Hold(Cause::Account);

const WHOLE: [(u16, &str, Class); 24] = [
    (429, "Throttled", THROTTLED),
    (400, "Throttling", THROTTLED),
    (400, "ThrottlingException", THROTTLED),
    (400, "KMSThrottling", THROTTLED),
    (500, "InternalError", Class::Retry),
    (503, "ServiceUnavailable", Class::Retry),
    (403, "ExpiredToken", ACCOUNT),
    (403, "InvalidClientTokenId", ACCOUNT),
    (403, "SignatureDoesNotMatch", ACCOUNT),
    (403, "AuthorizationError", TOPIC),
    (404, "NotFound", TOPIC),
    (400, "KMSAccessDenied", TOPIC),
    (400, "KMSDisabled", TOPIC),
    (400, "KMSNotFound", TOPIC),
    (400, "KMSInvalidState", TOPIC),
    (403, "KMSOptInRequired", TOPIC),
    (400, "BatchRequestTooLong", Class::Park),
    (400, "TooManyEntriesInBatchRequest", Class::Park),
    (400, "EmptyBatchRequest", Class::Park),
    (400, "BatchEntryIdsNotDistinct", Class::Park),
    (400, "InvalidBatchEntryId", Class::Park),
    (400, "InvalidParameter", Class::Park),
    (400, "ParameterValueInvalid", Class::Park),
    (400, "ValidationException", Class::Park),
];

const ENTRY: [(&str, bool, Class); 8] = [
    ("InvalidParameter", true, Class::Park),
    ("InternalError", true, Class::Park),
    ("InternalError", false, Class::Retry),
    ("Throttled", true, THROTTLED),
    ("KMSThrottling", false, THROTTLED),
    ("KMSAccessDenied", true, TOPIC),
    ("AuthorizationError", true, TOPIC),
    ("ExpiredToken", true, ACCOUNT),
];

/// Ten messages, of which one meets the error until it is cured.
async fn meets(rig: &mut Rig, topic: &'static str, what: What, class: Class) {
    let context = format!("{what:?} on {topic}");
    let parked_before = rig.parked().await.len();
    rig.stop().await;
    let debts = rig.owe(topic, &(0..10).collect::<Vec<_>>()).await;
    let (calls, taken) = (rig.double.calls(), rig.double.taken());
    rig.double.fault(Fault::always(what).holding(&debts[4].id));
    rig.publish().await;
    match class {
        Class::Park => rig.drained().await,
        Class::Hold(cause) => drop(rig.held_by(topic, cause).await),
        Class::Retry => {
            let begun = Instant::now();
            while rig.double.calls() < calls + 2 {
                assert!(begun.elapsed() < Duration::from_secs(20), "not tried again: {context}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    let mut parked = rig.parked().await;
    let expected = usize::from(class == Class::Park);
    assert_eq!(parked.len(), parked_before + expected, "{context}");
    if class == Class::Park {
        assert_eq!(parked.pop().unwrap().0, debts[4].stored.event.id, "{context}");
    }
    rig.double.calm();
    rig.drained().await;
    rig.running(topic).await;
    assert_eq!(rig.parked().await.len(), parked_before + expected, "{context}");
    assert!(rig.double.taken() >= taken + 10 - expected, "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_error_of_a_call_or_an_entry_has_its_class_on_both_kinds_of_topic() {
    for topic in [STANDARD, FIFO] {
        let mut rig = Rig::start().await;
        for (status, code, class) in WHOLE {
            meets(&mut rig, topic, What::refuse(status, code), class).await;
        }
        for (code, sender_fault, class) in ENTRY {
            meets(&mut rig, topic, What::Fail { place: None, code, sender_fault }, class).await;
        }
        rig.check().await;
    }
}
