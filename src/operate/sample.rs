//! Made-up accounts and pulses, for the tests of what is said about them.

use crate::delivery::{Cause, Parking, Reason, TopicKey};
use crate::publish::{Flaw, HeldContract, Outlook, Pulse, State as Doing};
use crate::spool::{Count, Pressure, State, TopicState};

pub(super) fn key(name: &str) -> TopicKey {
    name.parse().unwrap()
}

pub(super) fn topic(name: &str, waiting: u64, held: u64) -> TopicState {
    let settled = 1000;
    TopicState {
        topic: key(name),
        waiting,
        held,
        owed_bytes: (waiting + held) * 1_000,
        parked: Vec::new(),
        paused: None,
        oldest: None,
        owed: waiting + held + settled,
        settled,
        set_aside: 0,
    }
}

pub(super) fn state(topics: &[TopicState]) -> State {
    State {
        spool_id: "a1b2c3".to_owned(),
        epoch: 7,
        topics: topics.to_vec(),
        parked_events: Vec::new(),
        events: vec![
            (Count::Received, 2100),
            (Count::Accepted, 2050),
            (Count::Duplicate, 12),
            (Count::Unwanted, 36),
            (Count::Parked, 2),
            (Count::Unrouted, 7),
        ],
        owed_bytes: 64 << 10,
        limit_bytes: 8 << 30,
        file_bytes: 1 << 20,
        checkpoint_failures: 0,
        commits: 500,
        commit_failures: 0,
        pressure: Pressure::default(),
    }
}

pub(super) fn running(name: &str) -> Pulse {
    Pulse {
        topic: key(name),
        state: Doing::Running,
        in_flight: 1,
        queued: 3,
        last_published: Some("2026-11-24T13:48:03Z".parse().unwrap()),
        per_second: 2.0,
        pace: None,
        outlook: Outlook { going: Some(2.0), ..Outlook::default() },
    }
}

pub(super) fn held(name: &str, cause: Cause) -> Pulse {
    Pulse {
        state: Doing::Held {
            cause,
            words: "AuthorizationError: Allow `sns:Publish` on the topic's ARN to this role".to_owned(),
            since: "2026-11-24T09:14:07Z".parse().unwrap(),
            next_probe: "2026-11-24T13:48:16Z".parse().unwrap(),
        },
        per_second: 0.0,
        ..running(name)
    }
}

pub(super) fn held_contract(name: &str, waiting: u64) -> HeldContract {
    HeldContract {
        contract: "moodle.grade.updated.v1".parse().unwrap(),
        since: "2026-11-24T09:14:07Z".parse().unwrap(),
        flaw: Flaw::Fault {
            failed: 20,
            of: 37,
            complaint: Parking::new(Reason::Mapping, "field user.id: expected an id above 0, found nothing"),
        },
        waiting: [(key(name), waiting)].into(),
    }
}
