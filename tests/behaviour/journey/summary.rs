//! Summaries, in the real process, held against what came by a consumer that has only its queue.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::{ask_wanted, assert_adds_up, assert_no_panic, post};
use crate::support::corpus;
use crate::support::sidecar::{FIFO, STANDARD, Sidecar};
use crate::support::sns::script::{Fault, What, When};
use crate::support::sns::{SnsDouble, Taken};
use crate::support::summary::{Book, SUMMARY};

fn sidecar(dir: &std::path::Path, double: &SnsDouble) -> Sidecar {
    let topic = |key, arn| {
        format!(
            "[topics.{key}]\narn = \"{arn}\"\ncontracts = [\"moodle.*.*.v1\", \"moodle.producer.*\"]\ndrafts = true\n\n"
        )
    };
    let topics = topic("ordered", FIFO) + &topic("plain", STANDARD) + "[heartbeat]\nevery = \"1s\"\n";
    Sidecar::with_topics(dir, &double.url(), &topics)
}

/// Waits while a day is all but over: the days of this test are counted from today.
async fn past_midnight() {
    let left = 86_400 - jiff::Timestamp::now().as_second().rem_euclid(86_400);
    if left < 120 {
        tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
    }
}

/// Lets a day pass for a spool that nobody has open: all its days are one earlier.
fn let_a_day_pass(sidecar: &Sidecar) {
    let conn = rusqlite::Connection::open(sidecar.dir.join("spool/spool.db")).unwrap();
    for shift in [-1_001, 1_000] {
        conn.execute("update tally set day = day + ?1", [shift]).unwrap();
        conn.execute("update own set day = day + ?1 where day is not null", [shift]).unwrap();
    }
}

/// A consumer's book of a topic, of messages of which some did not come. A day that passed for the spool only
/// makes all that was taken before it a day older, and the days that summaries tell.
fn book<'t>(taken: impl Iterator<Item = &'t (Taken, i64)>, topic: &str, passed: i64) -> Book {
    let mut book = Book::default();
    for (taken, on) in taken.filter(|(taken, _)| taken.topic == topic) {
        let older = (passed - on).days();
        let at = jiff::Timestamp::try_from(taken.at).unwrap();
        let mut body: Value = serde_json::from_str(&taken.message).unwrap();
        if body["type"] == SUMMARY {
            let told: Date = body["data"]["summary"]["day"].as_str().unwrap().parse().unwrap();
            body["data"]["summary"]["day"] = json!(told - older);
        }
        book.enter(&body, taken.attribute("replay").is_some(), Offset::UTC.to_datetime(at).date() - older);
    }
    book
}

/// All that was taken, with how many days had passed then.
struct Queue {
    taken: Vec<(Taken, i64)>,
    passed: i64,
}

impl Queue {
    fn read(&mut self, double: &SnsDouble) {
        let new = double.log().split_off(self.taken.len());
        self.taken.extend(new.into_iter().map(|taken| (taken, self.passed)));
    }

    fn summaries(&self, topic: &str) -> usize {
        let of = |t: &Taken| t.topic == topic && t.attribute("type") == Some(SUMMARY);
        self.taken.iter().filter(|(taken, _)| of(taken)).map(|(t, _)| t.id()).collect::<HashSet<_>>().len()
    }

    /// Ends the process, lets a day pass, starts it again and waits for the summary of each topic.
    async fn next_day(&mut self, sidecar: &mut Sidecar, double: &SnsDouble) {
        self.read(double);
        sidecar.terminate();
        self.read(double);
        let_a_day_pass(sidecar);
        self.passed += 1;
        sidecar.start();
        sidecar.ready().await;
        let begun = Instant::now();
        let expected = usize::try_from(self.passed).unwrap();
        while [FIFO, STANDARD].iter().any(|topic| self.summaries(topic) < expected) {
            assert!(begun.elapsed() < Duration::from_secs(30), "no summary\n{}", sidecar.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.read(double);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_finds_a_planted_loss_and_neither_kill_nor_restart_nor_redrive_makes_a_summary_lie() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    past_midnight().await;
    let begun = jiff::Timestamp::now().to_string();
    for what in [What::CutAfter, What::Omit(0), What::refuse(503, "ServiceUnavailable")] {
        double.fault(Fault::chance(0.1, what));
    }
    let refused = What::Fail { place: Some(0), code: "InvalidParameter", sender_fault: true };
    double.fault(Fault { when: When::Times(3), ..Fault::always(refused).on(STANDARD) });
    let mut sidecar = sidecar(dir.path(), &double);
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    let mut events = corpus::read(corpus::Recording::Hour);
    events.truncate(400);
    for (part, pause) in events.chunks(100).zip([0, 20, 60, 180]) {
        post(&mut client, part, &list).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        sidecar.kill();
        sidecar.start();
        sidecar.ready().await;
        client = sidecar.client();
    }
    double.calm();
    assert_adds_up(&sidecar.drained(Duration::from_secs(60)).await);

    let mut queue = Queue { taken: Vec::new(), passed: 0 };
    queue.next_day(&mut sidecar, &double).await;
    let books = |queue: &Queue| [FIFO, STANDARD].map(|topic| book(queue.taken.iter(), topic, queue.passed));
    let of_day = books(&queue);
    for book in &of_day {
        assert_eq!(book.complaints(), [""; 0]);
        assert!(book.told() > 100, "{}", book.told());
    }
    let parked = sidecar.ask(&["parked", "list"]);
    assert!(parked.to_string().contains("refused"), "{parked}");

    // One message that did not come is seen, whichever it is.
    let is_counted =
        |t: &Taken| t.topic == STANDARD && !t.attribute("type").unwrap().starts_with("moodle.producer.");
    let counted: Vec<String> =
        queue.taken.iter().filter(|(taken, _)| is_counted(taken)).map(|(taken, _)| taken.id()).collect();
    for lost in counted.iter().step_by(11) {
        let came = queue.taken.iter().filter(|(taken, _)| taken.id() != *lost);
        let complaints = book(came, STANDARD, queue.passed).complaints();
        assert!(complaints.len() == 1 && complaints[0].contains(": -1 messages"), "{lost}: {complaints:?}");
    }

    // What is redriven is published for the first time, and counts on its own day.
    sidecar.ask(&["parked", "redrive", "--reason", "refused", "--why", "cured"]);
    sidecar.drained(Duration::from_secs(30)).await;
    queue.next_day(&mut sidecar, &double).await;
    let [_, plain] = books(&queue);
    assert_eq!(plain.complaints(), [""; 0]);
    assert!(plain.told() > of_day[1].told(), "{} {}", plain.told(), of_day[1].told());
    // What a replay sends has come before: it counts on no day. A quiet day is told too, and no start tells a
    // day twice: the book would not take it.
    let replay = ["replay", "start", "--topic", "plain", "--for", "library", "--why", "their import failed"];
    let whole = ["--from", &begun, "--accept-gaps", "--rate", "1000"];
    sidecar.ask(&[&replay[..], &whole].concat());
    let asked = Instant::now();
    while sidecar.ask(&["replay", "list"])[0]["state"] != "done" {
        assert!(asked.elapsed() < Duration::from_secs(60), "the replay does not end\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    queue.next_day(&mut sidecar, &double).await;
    let copies = queue.taken.iter().filter(|(taken, _)| taken.attribute("replay").is_some()).count();
    assert!(copies > 100, "{copies}");
    let [_, after] = books(&queue);
    assert_eq!((after.complaints(), after.days().len(), after.told()), (vec![], 3, plain.told()));
    assert_no_panic(&sidecar);
}
