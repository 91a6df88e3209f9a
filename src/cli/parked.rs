//! `parked redrive` and `parked drop`: what a person has done with what is parked.

use std::time::Duration;

use tokio::time::Instant;

use super::args::Filter;
use super::change::{Signed, order_from};
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use super::settings::Settings;
use crate::operate::change::parked::{DROP, Dropped, GoesOn, ParkedOrder, REDRIVE, Redriven};
use crate::operate::words::count;

/// Which parked rows are meant, and who asks why.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    #[command(flatten)]
    filter: Filter,
    /// All that is parked.
    #[arg(long, conflicts_with_all = ["number", "event", "reason", "topic", "contract"])]
    all: bool,
    #[command(flatten)]
    signed: Signed,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Redrive {
    #[command(flatten)]
    chosen: Chosen,
    /// So many a second at most. Ended early (Ctrl-C), what is not sent again is still parked.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
}

impl Chosen {
    fn order(&self) -> Result<ParkedOrder, Failure> {
        let filter = self.filter.wish();
        filter.filter().map_err(|why| Failure::new(Exit::Usage, why))?;
        if filter.is_all() && !self.all {
            return Err(Failure::new(
                Exit::Usage,
                "say which: --number, --event, --reason, --topic or --contract; or --all",
            ));
        }
        Ok(ParkedOrder {
            filter,
            all: self.all,
            by: self.signed.by(),
            why: self.signed.why.clone(),
            dry_run: self.dry_run,
            most: None,
            goes_on: None,
        })
    }
}

/// What the answers to both orders have in common.
trait Part: serde::de::DeserializeOwned {
    fn left(&self) -> u64;
    fn n(&self) -> u64;
    fn goes_on(&self) -> Option<GoesOn>;
}

impl Part for Redriven {
    fn left(&self) -> u64 {
        self.left
    }
    fn n(&self) -> u64 {
        self.redriven
    }
    fn goes_on(&self) -> Option<GoesOn> {
        self.goes_on
    }
}

impl Part for Dropped {
    fn left(&self) -> u64 {
        self.left
    }
    fn n(&self) -> u64 {
        self.dropped
    }
    fn goes_on(&self) -> Option<GoesOn> {
        self.goes_on
    }
}

/// Has an order carried out to its end, so many a second at most. Gives the last answer and the sum.
fn to_the_end<P: Part>(
    settings: &Settings,
    path: &str,
    mut order: ParkedOrder,
    rate: Option<u64>,
) -> Result<(P, u64), Failure> {
    const SECOND: Duration = Duration::from_secs(1);
    let config = settings.load()?;
    order.most = rate;
    block_on(async {
        let mut sum = 0;
        let mut next = Instant::now();
        loop {
            let part: P = order_from(&config, path, &order).await?;
            sum += part.n();
            if order.dry_run || part.left() == 0 || part.n() == 0 {
                return Ok((part, sum));
            }
            order.goes_on = part.goes_on();
            note(&format!("{} done, {} to go", count(sum), count(part.left())));
            if rate.is_some() {
                next += SECOND;
                tokio::time::sleep_until(next).await;
            }
        }
    })
}

pub(super) fn redrive(settings: &Settings, args: &Redrive, output: Output) -> Result<Exit, Failure> {
    let (last, redriven) = to_the_end::<Redriven>(settings, REDRIVE, args.chosen.order()?, args.rate)?;
    let done = Redriven { redriven, ..last };
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

pub(super) fn drop(settings: &Settings, chosen: &Chosen, output: Output) -> Result<Exit, Failure> {
    let (last, dropped) = to_the_end::<Dropped>(settings, DROP, chosen.order()?, None)?;
    let done = Dropped { dropped, ..last };
    output.one(&done, || match (done.dropped, done.dry_run) {
        (0, _) => "Nothing that is parked fits, so nothing is dropped.\n".to_owned(),
        (n, true) => format!("{} would be dropped.\n", count(n)),
        (n, false) => format!(
            "{} dropped: they are not sent, and the ledger counts them as dropped. `audit list` keeps who and why.\n",
            count(n)
        ),
    })?;
    Ok(Exit::Done)
}
