//! `parked redrive`: what a person has done with what is parked.

use super::args::Redrive;
use super::change::order_from;
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::operate::change::parked::{self, RedriveOrder, Redriven};
use crate::operate::words::count;

pub(super) fn redrive(settings: &Settings, args: &Redrive, output: Output) -> Result<Exit, Failure> {
    let wish = args.filter.wish();
    wish.filter().map_err(|why| Failure::new(Exit::Usage, why))?;
    if wish.is_all() && !args.all {
        return Err(Failure::new(
            Exit::Usage,
            "say which: --number, --event, --reason, --topic or --contract; or --all",
        ));
    }
    let config = settings.load()?;
    let order = RedriveOrder {
        filter: wish,
        all: args.all,
        by: args.signed.by(),
        why: args.signed.why.clone(),
        dry_run: args.dry_run,
    };
    let done: Redriven = block_on(order_from(&config, parked::REDRIVE, &order))?;
    output.one(&done, || {
        let what = if done.dry_run { "would be sent again" } else { "will be sent again" };
        let mut text = format!("{} {what}.\n", count(done.redriven));
        if done.redriven == 0 {
            text = "Nothing that is parked fits, so nothing is sent again. `moodle-sns-producer parked list` shows what is parked.\n".to_owned();
        }
        if done.at_the_door > 0 {
            text += &format!(
                "{} parked at the door were passed over: they must come from Moodle again.\n",
                count(done.at_the_door)
            );
        }
        text
    })?;
    Ok(Exit::Done)
}
