//! To the consumer's queue, through a stand-in for SNS and SQS with the topics that production uses
//! (`deploy/aws/topics.yaml`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use jiff::Timestamp;
use moodle_sns_producer::contract::Message;
use moodle_sns_producer::event::EventId;
use moodle_sns_producer::spool::Spool;
use serde_json::{Value, json};

use super::{Decided, ask_wanted, assert_adds_up, assert_no_panic, kept_id, post};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::Sidecar;

/// A stand-in that runs as a process of its own; it ends when its standard input closes.
struct StandIn {
    url: String,
    /// What the template's stack gave: the queues' URLs.
    outputs: Value,
    child: Child,
    input: Option<ChildStdin>,
}

impl StandIn {
    /// Starts it by the script that the variable names. Without one, the test says that it proves nothing, and
    /// fails where nothing may be skipped.
    fn start(variable: &str, dir: &Path) -> Option<Self> {
        let Ok(script) = std::env::var(variable) else {
            println!(
                "SKIPPED: {variable} is not set (scripts/test.sh sets it); unproven: the way to a queue"
            );
            assert!(
                std::env::var("TESTS_REQUIRED").is_err(),
                "{variable} is not set and nothing may be skipped"
            );
            return None;
        };
        let mut child = Command::new(&script)
            .args(["--port", "0", "--until-eof", "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{variable}={script}: {error}"));
        let input = child.stdin.take();
        let output = child.stdout.take().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = tell.send(line);
        });
        let mut stand_in = Self { url: String::new(), outputs: Value::Null, child, input };
        let line = told.recv_timeout(Duration::from_secs(120)).expect("the stand-in says nothing for 120 s");
        let url = line.trim().strip_prefix("ready ");
        stand_in.url = url.unwrap_or_else(|| panic!("the stand-in is not ready: {line:?}")).to_owned();
        stand_in.outputs = serde_json::from_slice(&std::fs::read(dir.join("stack.json")).unwrap()).unwrap();
        Some(stand_in)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-2"))
            .credentials_provider(Credentials::new("test", "test", None, None, "a test"))
            .endpoint_url(&self.url)
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("no output {name}: {}", self.outputs))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.input.take());
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if begun.elapsed() > Duration::from_secs(15) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

const GRADES: [&str; 1] = ["moodle.grade.*.v1"];
const ENROLMENTS: [&str; 2] = ["moodle.enrolment.*.v1", "moodle.group.*.v1"];
const ACTIVITY: [&str; 2] = ["moodle.submission.*.v1", "moodle.course.*.v1"];

/// The topics that the template's head shows for production, and the demo uses.
fn topics(stand_in: &StandIn) -> String {
    let topic = |key: &str, output: &str, contracts: &[&str]| {
        let arn = stand_in.output(output);
        format!("[topics.{key}]\narn = \"{arn}\"\ncontracts = {contracts:?}\ndrafts = true\n\n")
    };
    topic("grades", "GradesTopicArn", &GRADES)
        + &topic("enrolments", "EnrolmentsTopicArn", &ENROLMENTS)
        + &topic("activity", "ActivityTopicArn", &ACTIVITY)
}

/// What is sent: some events of each contract, three of each grade so that a group has an order to keep, and a
/// few that nobody wants.
fn chosen(decided: &Decided) -> Vec<Captured> {
    let mut left: BTreeMap<Option<String>, usize> = BTreeMap::new();
    let hour = corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Hour));
    let mut chosen = Vec::new();
    for event in hour {
        let contract = decided.contracts(&event).into_iter().next();
        let left = left.entry(contract.clone()).or_insert(12);
        if *left == 0 {
            continue;
        }
        *left -= 1;
        let of_grade = contract.is_some_and(|contract| contract.starts_with("moodle.grade."));
        let copies = if of_grade { 3 } else { 1 };
        for n in 0..copies {
            let mut bytes = *event.id.as_bytes();
            bytes[15] = bytes[15].wrapping_add(n);
            chosen.push(Captured { id: EventId::try_from(&bytes[..]).unwrap(), ..event.clone() });
        }
    }
    chosen
}

/// One message as its consumer reads it.
struct Read {
    /// Our message, byte for byte.
    body: String,
    /// Name, type and value.
    attributes: Vec<[String; 3]>,
    group: Option<String>,
    deduplication: Option<String>,
}

/// Reads a queue until it holds no more, as a consumer does: each message is deleted when it is dealt with.
async fn read_queue(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
    expected: usize,
) -> Vec<aws_sdk_sqs::types::Message> {
    let begun = Instant::now();
    let mut read = Vec::new();
    loop {
        let answer = sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() && (read.len() >= expected || begun.elapsed() > Duration::from_secs(60)) {
            return read;
        }
        for message in messages {
            let handle = message.receipt_handle().unwrap();
            sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
            read.push(message);
        }
    }
}

/// Raw delivery: the queue's message is ours, the attributes are SQS's.
fn raw(message: &aws_sdk_sqs::types::Message) -> Read {
    let attributes = message.message_attributes().into_iter().flatten().map(|(name, value)| {
        [name.clone(), value.data_type().to_owned(), value.string_value().unwrap_or_default().to_owned()]
    });
    let system = |name| message.attributes().and_then(|all| all.get(&name)).cloned();
    Read {
        body: message.body().unwrap().to_owned(),
        attributes: attributes.collect(),
        group: system(MessageSystemAttributeName::MessageGroupId),
        deduplication: system(MessageSystemAttributeName::MessageDeduplicationId),
    }
}

/// SNS's own JSON around ours, from this topic.
fn enveloped(message: &aws_sdk_sqs::types::Message, topic: &str) -> Read {
    let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
    assert_eq!((&envelope["Type"], &envelope["TopicArn"]), (&json!("Notification"), &json!(topic)));
    let attributes = envelope["MessageAttributes"].as_object().unwrap().iter().map(|(name, value)| {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        [name.clone(), text("Type"), text("Value")]
    });
    let body = envelope["Message"].as_str().unwrap().to_owned();
    Read { body, attributes: attributes.collect(), group: None, deduplication: None }
}

/// Each message is that of the contract, whole, and comes once.
fn assert_read(read: Vec<Read>, expected: &HashMap<String, Message>) {
    let mut ids = HashSet::new();
    for mut read in read {
        let body: Value = serde_json::from_str(&read.body).unwrap();
        let id = body["id"].as_str().unwrap();
        let message = expected.get(id).unwrap_or_else(|| panic!("{id} is not of this queue"));
        assert!(ids.insert(id.to_owned()), "{id} came twice");
        assert_eq!(read.body, message.body);
        let mut attributes: Vec<[String; 3]> = message
            .attributes
            .iter()
            .map(|(name, value)| [(*name).to_owned(), "String".to_owned(), value.clone()])
            .collect();
        attributes.sort();
        read.attributes.sort();
        assert_eq!(read.attributes, attributes, "{id}");
        let names: HashSet<&str> = attributes.iter().map(|[name, ..]| name.as_str()).collect();
        assert!(
            ["message_id", "type", "source", "area", "operation"].iter().all(|name| names.contains(name))
        );
    }
    assert_eq!(ids.len(), expected.len());
}

/// Goal: what a consumer reads from its queue is the message of the contract, byte for byte, with its attributes,
/// raw and in SNS's envelope, and a FIFO queue gives each group in the order of acceptance. Method: the real
/// binary, the template's topics and queues in a stand-in, captured events; what was stored is mapped again and
/// held against what the queues gave.
async fn an_event_reaches_a_queue(variable: &str) {
    let aws = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let Some(stand_in) = StandIn::start(variable, aws.path()) else { return };
    let started = begun.elapsed();
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &stand_in.url, &topics(&stand_in));
    sidecar.start();
    sidecar.ready().await;

    let decided = Decided::of(&[&GRADES[..], &ENROLMENTS, &ACTIVITY].concat());
    let events = chosen(&decided);
    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    assert_eq!(list, decided.list.etag());
    for batch in corpus::batches(&events, 200) {
        post(&mut client, &batch, &list).await;
    }
    let status = sidecar.drained(Duration::from_secs(60)).await;
    assert_adds_up(&status);
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0), "{}", sidecar.log());
    assert_no_panic(&sidecar);

    let spool = Spool::read_only(&dir.path().join("spool/spool.db")).await.unwrap();
    let mut expected: BTreeMap<&str, HashMap<String, Message>> = BTreeMap::new();
    for event in &events {
        for contract in decided.contracts(event) {
            let trace = spool.trace(None, kept_id(event)).await.unwrap().unwrap();
            let message = decided.message(&contract, &trace.event.unwrap()).unwrap();
            let queue = match contract.split('.').nth(1).unwrap() {
                "grade" => "GradesQueueUrl",
                "enrolment" | "group" => "EnrolmentsQueueUrl",
                _ => "ActivityQueueUrl",
            };
            expected.entry(queue).or_default().insert(message.id.clone(), message);
        }
    }
    let published: usize = expected.values().map(HashMap::len).sum();
    assert_eq!(status["messages"]["parts"][3]["counts"][0], published, "{}", status["messages"]);

    let sqs = stand_in.sqs();
    let mut queues = Vec::new();
    for (queue, expected) in &expected {
        queues.push((*queue, read_queue(&sqs, stand_in.output(queue), expected.len()).await));
    }
    let mut groups = 0;
    for (queue, messages) in &queues {
        let read: Vec<Read> = match *queue {
            "EnrolmentsQueueUrl" => messages
                .iter()
                .map(|message| enveloped(message, stand_in.output("EnrolmentsTopicArn")))
                .collect(),
            _ => messages.iter().map(raw).collect(),
        };
        if *queue == "GradesQueueUrl" {
            let mut order: HashMap<String, Vec<String>> = HashMap::new();
            for read in &read {
                let body: Value = serde_json::from_str(&read.body).unwrap();
                let text = |key: &str| body[key].as_str().unwrap().to_owned();
                let told = (read.group.as_deref(), read.deduplication.is_some());
                // The light stand-in keeps a batch's groups and deduplication ids to itself.
                let silent = variable == "TEST_STANDIN" && told == (None, false);
                assert!(silent || told == (Some(&*text("partitionkey")), true), "{told:?}");
                order.entry(text("partitionkey")).or_default().push(text("sequence"));
            }
            assert!(order.values().all(|g| g.len() >= 3 && g.is_sorted_by(|a, b| a < b)), "{order:?}");
            groups = order.len();
        }
        assert_read(read, &expected[queue]);
    }
    for queue in ["UndeliveredQueueUrl", "UndeliveredFifoQueueUrl"] {
        assert!(read_queue(&sqs, stand_in.output(queue), 0).await.is_empty(), "{queue}");
    }
    let lengths: Vec<String> =
        queues.iter().map(|(queue, messages)| format!("{} from {queue}", messages.len())).collect();
    println!(
        "{variable}: started in {started:.1?}; {} events, {published} messages read: {}; {groups} groups in order; in all {:.1?}",
        events.len(),
        lengths.join(", "),
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_a_queue_through_localstack() {
    an_event_reaches_a_queue("TEST_LOCALSTACK").await;
}

/// The demo runs on it, so it must carry what the demo shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_a_queue_through_the_light_stand_in() {
    an_event_reaches_a_queue("TEST_STANDIN").await;
}
