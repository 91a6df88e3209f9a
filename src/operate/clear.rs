//! When what waits for a topic will have gone, in words.

use jiff::SignedDuration;

use super::words::span;
use crate::publish::{Clear, HeldContract, Pulse, State as Doing};
use crate::spool::TopicState;

/// What of a topic its worker has to send: all but what waits for contracts that are held.
fn backlog(lies: &TopicState, contracts: &[HeldContract]) -> u64 {
    let held: u64 = contracts.iter().filter_map(|held| held.waiting.get(&lies.topic)).sum();
    lies.still_owed().saturating_sub(held)
}

/// When a topic will be clear: in seconds, where a number can be said, and in words.
pub(super) fn clear(
    lies: Option<&TopicState>,
    pulse: Option<&Pulse>,
    contracts: &[HeldContract],
) -> (Option<f64>, String) {
    let (Some(lies), Some(pulse)) = (lies, pulse) else { return (None, "–".to_owned()) };
    let after = match &pulse.state {
        Doing::Running => "",
        Doing::Held { .. } | Doing::Paused { .. } => " once it goes on",
        Doing::Stopped { .. } => return (None, "–".to_owned()),
    };
    match pulse.outlook.clear(backlog(lies, contracts)) {
        Clear::Now => (Some(0.0), "–".to_owned()),
        Clear::In(time) => {
            let words = span(SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX));
            (Some(time.as_secs_f64()), format!("in {words}{after}"))
        }
        Clear::Never => (None, format!("grows: {:.0} a second come", pulse.outlook.arriving)),
        Clear::Unknown => (None, "not known yet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Cause;
    use crate::operate::sample::{held, held_contract, running, topic};
    use crate::publish::Outlook;

    #[test]
    fn the_words_say_when_and_under_which_condition() {
        let at = |going, pulse: Pulse| Pulse { outlook: Outlook { going, ..pulse.outlook }, ..pulse };
        let says = |waiting, pulse: &Pulse| clear(Some(&topic("grades", waiting, 0)), Some(pulse), &[]);
        let quick = at(Some(240.0), running("grades"));
        assert_eq!(says(0, &quick), (Some(0.0), "–".to_owned()));
        assert_eq!(says(72_000, &quick), (Some(300.0), "in 5 min".to_owned()));
        let stopped = at(Some(240.0), held("grades", Cause::Topic));
        assert_eq!(says(72_000, &stopped), (Some(300.0), "in 5 min once it goes on".to_owned()));
        assert_eq!(says(7, &at(None, running("grades"))), (None, "not known yet".to_owned()));
        let mut flooded = quick.clone();
        flooded.outlook.arriving = 500.0;
        assert_eq!(says(7, &flooded), (None, "grows: 500 a second come".to_owned()));
        assert_eq!(clear(None, Some(&quick), &[]), (None, "–".to_owned()));
        let contract = [held_contract("grades", 72_000)];
        assert_eq!(clear(Some(&topic("grades", 72_000, 0)), Some(&quick), &contract).0, Some(0.0));
    }
}
