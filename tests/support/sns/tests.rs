//! The double against the SDK: all else that is proven by the double rests on this.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use super::SnsDouble;

const STANDARD: &str = "arn:aws:sns:eu-west-2:111122223333:t";
const FIFO: &str = "arn:aws:sns:eu-west-2:111122223333:t.fifo";

fn client(double: &SnsDouble) -> Client {
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-2"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(double.url());
    Client::from_conf(config.build())
}

fn entry(id: &str, message: &str) -> PublishBatchRequestEntry {
    PublishBatchRequestEntry::builder().id(id).message(message).build().expect("id and message are set")
}

fn with_attributes(n: usize) -> PublishBatchRequestEntry {
    let value = || MessageAttributeValue::builder().data_type("String").string_value("v").build();
    let mut builder = PublishBatchRequestEntry::builder().id("0").message("m");
    for n in 0..n {
        builder = builder.message_attributes(format!("a{n}"), value().expect("a type is set"));
    }
    builder.build().expect("id and message are set")
}

#[tokio::test]
async fn the_double_refuses_what_sns_refuses() {
    let double = SnsDouble::start(0).await;
    let client = client(&double);
    let half = "x".repeat(131_073);
    let ten_and_one = (0..11).map(|n| entry(&n.to_string(), "m")).collect();
    let table: Vec<(&str, &str, Vec<PublishBatchRequestEntry>)> = vec![
        ("EmptyBatchRequest", STANDARD, vec![]),
        ("TooManyEntriesInBatchRequest", STANDARD, ten_and_one),
        ("BatchRequestTooLong", STANDARD, vec![entry("0", &half), entry("1", &half)]),
        ("BatchEntryIdsNotDistinct", STANDARD, vec![entry("0", "m"), entry("0", "m")]),
        ("InvalidBatchEntryId", STANDARD, vec![entry("a.b", "m")]),
        ("InvalidParameter", STANDARD, vec![entry("0", "a\u{FFFE}")]),
        ("InvalidParameter", STANDARD, vec![entry("0", "")]),
        ("InvalidParameter", STANDARD, vec![with_attributes(11)]),
        ("InvalidParameter", FIFO, vec![entry("0", "m")]),
    ];
    for (code, topic, entries) in table {
        let call = client.publish_batch().topic_arn(topic).set_publish_batch_request_entries(Some(entries));
        let error = call.send().await.expect_err(code);
        assert_eq!(error.code(), Some(code));
    }
    assert_eq!(double.taken(), 0);
}

#[tokio::test]
async fn the_double_keeps_what_it_took_byte_for_byte() {
    let double = SnsDouble::start(0).await;
    let message = "{\"a\":\"+ %26&=\\u00e9 é \u{1F600}\t\n\"}";
    let call = client(&double).publish_batch().topic_arn(STANDARD);
    let answer = call
        .publish_batch_request_entries(entry("x", message))
        .publish_batch_request_entries(with_attributes(10))
        .send()
        .await
        .expect("both are fine");
    let log = double.log();
    assert_eq!((log[0].entry_id.as_str(), log[0].message.as_str()), ("x", message));
    assert_eq!(log[1].attributes.len(), 10);
    assert_eq!(answer.successful()[0].message_id(), Some(log[0].sns_id.as_str()));
}

#[tokio::test]
async fn a_fifo_topic_forgets_a_deduplication_id_after_its_window() {
    let double = SnsDouble::start(0).await;
    let client = client(&double);
    let publish = async || {
        let call = client.publish().topic_arn(FIFO).message("m").message_group_id("g");
        let answer = call.message_deduplication_id("d").send().await.expect("it is fine");
        (answer.message_id.expect("an id"), answer.sequence_number.expect("a number"))
    };
    let (first, again) = (publish().await, publish().await);
    assert_eq!(first.0, again.0);
    double.set_window(Duration::ZERO);
    let later = publish().await;
    assert_ne!(first.0, later.0);
    assert!(first.1 < again.1 && again.1 < later.1);
    let suppressed: Vec<bool> = double.log().iter().map(|t| t.suppressed).collect();
    assert_eq!(suppressed, [false, true, false]);
}
