//! `topic pause|resume|skip`: the ways out of the on-call when a topic must not, or can't, be published to.

use clap::Subcommand;
use jiff::Timestamp;

use super::change::{Signed, order_from};
use super::client::block_on;
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use super::settings::Settings;
use crate::operate::change::topic::{
    PAUSE, RESUME, SKIP, SkipOrder, Skipped, TopicOrder, TopicStands, skipped_words,
};
use crate::operate::words::{count, counted};

#[derive(Debug, Subcommand)]
pub(super) enum TopicCommand {
    /// Stop publishing to a topic, until it is resumed.
    #[command(after_help = "\
What is in flight is finished; what comes waits. It stays so over restarts, and /status, /metrics and
/readyz?verbose say it. Other topics go on.

Example:
  moodle-sns-producer topic pause grades --why 'the consumer asked for it, ticket 4711'")]
    Pause(Named),
    /// Go on publishing to a topic.
    #[command(after_help = "\
What waits is sent in order.

Example:
  moodle-sns-producer topic resume grades --why 'the consumer is back'")]
    Resume(Named),
    /// Pass over all that a topic is owed: it is not sent, and moves into history.
    #[command(after_help = "\
The topic must be paused. Says until when what is skipped can be replayed from history, and refuses where
that is less than a day, unless --accept-loss says that it may be lost. What is accepted meanwhile stays.

Examples:
  moodle-sns-producer topic skip activity --why 'no consumer any more' --dry-run
  moodle-sns-producer topic skip activity --why 'no consumer any more' --accept-loss")]
    Skip {
        #[command(flatten)]
        named: Named,
        /// It need not stay replayable for a day.
        #[arg(long)]
        accept_loss: bool,
        /// Only say what would be.
        #[arg(long)]
        dry_run: bool,
    },
}

/// A topic, and who asks why.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Its key in the configuration.
    #[arg(value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    signed: Signed,
}

impl Named {
    fn order(&self) -> TopicOrder {
        TopicOrder { topic: self.topic.clone(), by: self.signed.by(), why: self.signed.why.clone() }
    }
}

pub(super) fn topic(settings: &Settings, command: &TopicCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        TopicCommand::Pause(named) => stand(settings, PAUSE, named, output),
        TopicCommand::Resume(named) => stand(settings, RESUME, named, output),
        TopicCommand::Skip { named, accept_loss, dry_run } => {
            let TopicOrder { topic, by, why } = named.order();
            let order =
                SkipOrder { topic, by, why, accept_loss: *accept_loss, dry_run: *dry_run, goes_on: None };
            skip(settings, order, output)
        }
    }
}

fn stand(settings: &Settings, path: &str, named: &Named, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let stands: TopicStands = block_on(order_from(&config, path, &named.order()))?;
    output.one(&stands, || {
        let is = if stands.paused { "paused" } else { "not paused" };
        let was = if stands.changed { "" } else { " (as before)" };
        let waiting = counted(stands.waiting, "message waits", "messages wait");
        format!("{} is {is}{was}. {waiting}.\n", stands.topic)
    })?;
    Ok(Exit::Done)
}

fn skip(settings: &Settings, mut order: SkipOrder, output: Output) -> Result<Exit, Failure> {
    let config = settings.load()?;
    let done = block_on(async {
        let mut first: Option<Skipped> = None;
        loop {
            let part: Skipped = order_from(&config, SKIP, &order).await?;
            // What was seen before the first message went is what holds for the oldest.
            let mut sum = first.take().unwrap_or_else(|| Skipped { skipped: 0, ..part.clone() });
            sum.skipped += part.skipped;
            sum.left = part.left;
            if order.dry_run || part.left == 0 {
                return Ok(sum);
            }
            note(&format!("{} skipped, {} to go", count(sum.skipped), count(part.left)));
            order.goes_on = part.goes_on;
            first = Some(sum);
        }
    })?;
    output.one(&done, || skipped_words(&done, Timestamp::now()) + "\n")?;
    Ok(Exit::Done)
}
