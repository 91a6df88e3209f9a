//! What may be written on the command line, and the help that teaches it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::audit::AuditCommand;
use super::change::Signed;
use super::drain::Drain;
use super::erase::Erase;
use super::exit::TABLE;
use super::gate::{Diff, Release};
use super::output::{Form, Output};
use super::parked::{Chosen, Redrive};
use super::replay::ReplayCommand;
use super::settings::Settings;
use super::topic::TopicCommand;
use crate::operate::look::Wish;

#[derive(Debug, Parser)]
#[command(
    name = "moodle-sns-producer",
    version,
    about = "Sends Moodle's events to Amazon SNS as published, versioned message contracts",
    after_help = format!("{TABLE}\n\nExamples:\n  moodle-sns-producer init ./here\n  moodle-sns-producer config check --config ./here/config.toml\n  moodle-sns-producer status"),
    arg_required_else_help = true,
    subcommand_required = true,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Receive, keep and publish, until SIGTERM.
    #[command(after_help = "\
Ends on SIGTERM within operate.shutdown_grace: no new batch is taken, what is in flight is finished.
Logs go to standard error; MSP_LOG filters them as RUST_LOG does.

Examples:
  moodle-sns-producer run --config /etc/moodle-sns-producer/config.toml
  MSP_LOG=debug moodle-sns-producer run --set receive.listen=127.0.0.1:8090")]
    Run,

    /// Write a commented configuration, a source's secret and an operator's token.
    #[command(after_help = "\
Never overwrites: what is there is left and said.

Examples:
  moodle-sns-producer init /etc/moodle-sns-producer
  moodle-sns-producer init ./here --source-url https://moodle.example.org")]
    Init(Init),

    /// Check, show or describe the configuration.
    #[command(after_help = "Example:\n  moodle-sns-producer config check --config ./config.toml")]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },

    /// Have the running process read its configuration again.
    #[command(after_help = "\
Takes over secrets and accept_urls of sources, what each topic gets (contracts, sources, drafts, test), and TLS
certificates. All of it or nothing: where another key changed, or a topic that something waits for went, it
says so and goes on as before. SIGHUP does the same, and says in the log what came of it.

Examples:
  moodle-sns-producer reload --why 'new secret'
  moodle-sns-producer config check --spool && moodle-sns-producer reload --why 'grades get quizzes too'")]
    Reload(Signed),

    /// Say in a sentence what is so, then the account and the topics.
    #[command(after_help = "\
Exits 2 when something wants a person. The same as a page: /status on the operator's listener.

Examples:
  moodle-sns-producer status
  moodle-sns-producer status --output json | jq -r .verdict.sentence")]
    Status,

    /// List, show, draft, check, compare, freeze or render contracts.
    #[command(after_help = "Example:\n  moodle-sns-producer contracts list")]
    Contracts {
        #[command(subcommand)]
        command: ContractsCommand,
    },

    /// Show what the events of a file become, and send nothing.
    #[command(after_help = FILES_MAP)]
    Map(Map),

    /// Sign and post the events of a file, as the plugin in Moodle would.
    #[command(after_help = FILES_SEND)]
    Send(Send),

    /// Tell what became of one event.
    #[command(after_help = "\
Exits 2 when the id is not known here.

Examples:
  moodle-sns-producer trace 01a20e53-90ce-7205-a292-0dd69749d9f5
  moodle-sns-producer trace 01a20e53-90ce-7205-a292-0dd69749d9f5:moodle.enrolment.created.v1")]
    Trace {
        /// An event's id, or a message's.
        id: String,
        /// Only of this source.
        #[arg(long, value_name = "KEY")]
        source: Option<String>,
    },

    /// List, show, send again or drop what was set aside for a person.
    #[command(after_help = "Example:\n  moodle-sns-producer parked list")]
    Parked {
        #[command(subcommand)]
        command: ParkedCommand,
    },

    /// Send past events again to one topic, for one addressee.
    #[command(after_help = "Example:\n  moodle-sns-producer replay list")]
    Replay {
        #[command(subcommand)]
        command: ReplayCommand,
    },

    /// Stop a topic, let it go on, or pass over what it is owed.
    #[command(after_help = "Example:\n  moodle-sns-producer topic pause grades --why 'ticket 4711'")]
    Topic {
        #[command(subcommand)]
        command: TopicCommand,
    },

    /// Tell who changed what by command, when and why.
    #[command(after_help = "Example:\n  moodle-sns-producer audit list")]
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },

    /// Take no new batch, and wait until nothing is owed: for the end of a sidecar.
    #[command(after_help = "\
Moodle is answered 503 with Retry-After, and keeps its events in its outbox for the sidecar that follows.
Exits 0 when nothing is owed and nothing is parked; 2 when something is parked, or is owed after --wait.
The process goes on until it is stopped. Started anew it takes batches again.

Examples:
  moodle-sns-producer drain --why 'moves to another machine'
  moodle-sns-producer drain --why 'it stays after all' --cancel")]
    Drain(Drain),
    /// Take the events of a person out of the spool.
    #[command(after_help = ERASE)]
    Erase(Erase),

    /// Make a signing secret.
    #[command(after_help = "Example:\n  moodle-sns-producer keys new")]
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },

    /// Ask the running process whether it can accept and keep events.
    #[command(after_help = "\
Exits 0 when ready, 69 when not or when nothing answers. For containers and load balancers.

Examples:
  moodle-sns-producer healthcheck
  moodle-sns-producer healthcheck --url http://127.0.0.1:9081")]
    Healthcheck {
        /// Ask there instead of at operate.listen: `http://ADDRESS:PORT` or `unix:/path`.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },

    /// Print the version.
    #[command(after_help = "Example:\n  moodle-sns-producer version")]
    Version,
}

impl Command {
    /// Whether it has an output of this form.
    pub(super) fn has(&self, form: Form) -> bool {
        use ContractsCommand::{Diff, List, Privacy};
        match form {
            Form::Table | Form::Json | Form::Jsonl => true,
            Form::Markdown => matches!(self, Self::Contracts { command: Diff(_) }),
            Form::Html => matches!(self, Self::Contracts { command: Privacy(_) }),
            Form::Csv => matches!(
                self,
                Self::Config { command: ConfigCommand::Show }
                    | Self::Audit { .. }
                    | Self::Contracts { command: List(_) | Privacy(_) }
            ),
        }
    }
}

const ERASE: &str = "\
Takes out every event in which the person stands by the id of an account: history and what is parked at
once, what waits when it is sent. Exits 2 when some still waits after --wait; the order is kept, and goes on
by itself. The audit says who ordered it and why, and not whom it was about: don't name the person in --why.

Examples:
  moodle-sns-producer erase --source vle --user 1618 --why 'request 2026-31'
  moodle-sns-producer erase --source vle --user 1618 --why 'request 2026-31' --now";

const FILES_MAP: &str = "\
FILE holds one of: a CloudEvents batch (a JSON array), one CloudEvent, or captured events: a JSON object
a line, {\"class\", \"id\", \"raised\", \"data\": {what get_data() gave}, \"entities\": {…}}. Without an id one is
made of `at` and the line's number. - reads standard input.

Examples:
  moodle-sns-producer map event.json --output json
  zcat hour.jsonl.gz | moodle-sns-producer map - --contract 'moodle.enrolment.*'";

const FILES_SEND: &str = "\
FILE holds what `map --help` says. Captured events are moved to now, their ids remade, since an id may
be 35 days old at most; a CloudEvents file is sent as it is. --now and --as-is choose the other way.
Asks the sidecar what it wants and leaves out the rest, as the plugin does.

Examples:
  moodle-sns-producer send events.jsonl --source vle
  moodle-sns-producer send batch.json --source vle --now --to unix:/run/moodle-sns-producer/in.sock";

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check everything that a start checks, without network; say what each topic gets.
    #[command(after_help = "\
All problems at once, each with file, line and what to do; exit 78 when there is one.
With --spool also whether something waits for a topic or contract that this configuration doesn't have; exit 2
then, with counts and the ways out. Do that before a restart with another configuration: the start would hold it.

Examples:
  moodle-sns-producer config check --config ./config.toml
  moodle-sns-producer config check --config ./new.toml --spool
  moodle-sns-producer config check --output json | jq '.problems[].what'")]
    Check {
        /// Hold it against what waits: ask the running process, or read spool.path when none runs.
        #[arg(long)]
        spool: bool,
    },
    /// Show each value with where it comes from; secrets as *** and a fingerprint.
    #[command(after_help = "\
Examples:
  moodle-sns-producer config show
  MSP_SPOOL__MAX_SIZE='1 GiB' moodle-sns-producer config show --output json")]
    Show,
    /// Print the JSON Schema of the file, for editors.
    #[command(after_help = "\
Example:
  moodle-sns-producer config schema > config.schema.json")]
    Schema,
}

#[derive(Debug, Subcommand)]
pub(super) enum ContractsCommand {
    /// List all contracts.
    #[command(after_help = "\
Examples:
  moodle-sns-producer contracts list
  moodle-sns-producer contracts list --contracts ./contracts --output json")]
    List(Own),
    /// Show one contract as it was reviewed, or its JSON Schema.
    #[command(after_help = "\
Examples:
  moodle-sns-producer contracts show moodle.enrolment.created.v1
  moodle-sns-producer contracts show moodle.enrolment.created.v1 --schema")]
    Show {
        /// The contract's name with its version.
        contract: String,
        /// Print its JSON Schema instead.
        #[arg(long)]
        schema: bool,
        #[command(flatten)]
        own: Own,
    },
    /// Draft a contract from captured events; what a person must decide is marked.
    #[command(after_help = "\
The file holds what `map --help` says. Writes SUBJECT/NAME/v1.toml and up to four examples, and nothing over
what is there. Exits 2 when the draft does not hold each event. docs/contract-new.md goes through it.

Examples:
  moodle-sns-producer contracts new group/joined --event '\\core\\event\\group_member_added' --from day.jsonl
  zcat day.jsonl.gz | moodle-sns-producer contracts new wiki/page_saved --event '\\mod_wiki\\event\\page_updated' --from -")]
    New(New),
    /// Check a folder of contracts with their schemas and examples, or all contracts against a Moodle.
    #[command(after_help = "\
All problems at once, each with file, line and what to do; exit 78 when there is one.
An example is a JSON file in examples/ with note, captured (or constructed) and event; --write adds
the message, and writes the schema.
--moodle says which contracts lose their event, a key or a field on the Moodle that printed the file;
exit 2 when one does. Without a folder it speaks of the built-in ones.

Examples:
  moodle-sns-producer contracts check ./contracts
  moodle-sns-producer contracts check ./contracts --write
  moodle-sns-producer contracts check --moodle inventory.json")]
    Check {
        /// The folder: <subject>/<name>/v1.toml.
        #[arg(required_unless_present = "moodle")]
        folder: Option<PathBuf>,
        /// Write schemas and examples anew.
        #[arg(long, requires = "folder")]
        write: bool,
        /// What a Moodle has, as its plugin's cli/inventory.php prints it.
        #[arg(long, value_name = "INVENTORY")]
        moodle: Option<PathBuf>,
    },
    /// Write what reviewers and consumers read: pages of all contracts, or documents for tools.
    #[command(after_help = "\
Made from the contracts alone; with --config also the topics that carry each. Pages need no JavaScript and
ask no other site for anything.

Examples:
  moodle-sns-producer contracts render --html ./site
  moodle-sns-producer contracts render --html ./site --config ./config.toml --contracts ./contracts
  moodle-sns-producer contracts render --asyncapi grades.json --topic grades --config ./config.toml
  moodle-sns-producer contracts render --json-schema > schemas.json")]
    Render(Render),
    /// Say what changed in a contract, for whom it breaks, and what to do.
    #[command(after_help = "\
Exits 2 when a change breaks what was promised. --output markdown is for a pull request.

Examples:
  moodle-sns-producer contracts diff moodle.enrolment.created.v1
  moodle-sns-producer contracts diff old.toml contracts/enrolment/created/v1.toml --output markdown
  moodle-sns-producer contracts diff contracts/thing/done/v1.toml contracts/thing/done/v2.toml")]
    Diff(Diff),
    /// Freeze a contract: keep its text under released/ with who agreed and when.
    #[command(after_help = "\
Refuses what breaks an earlier release (exit 2): that needs a v2 beside v1. What only a person can judge,
such as other words, is named with --accept. A text that is released already is left, and said.

Examples:
  moodle-sns-producer contracts release moodle.enrolment.created.v1 --by 'Ada Ng, records office'
  moodle-sns-producer contracts release moodle.enrolment.created.v1 --by 'Ada Ng' --accept sent --note 'wording only'")]
    Release(Release),
    /// List the personal data that contracts tell: class, source, purpose, topics, retention.
    #[command(after_help = "\
A line for each field with a class, in the order of contracts. --output csv is for a spreadsheet, html is
a page. Topics and retention are told where a configuration is named.

Examples:
  moodle-sns-producer contracts privacy --output csv > personal-data.csv
  moodle-sns-producer contracts privacy --config ./config.toml --output html > personal-data.html")]
    Privacy(Own),
}

/// What to render.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["html", "asyncapi", "json_schema"])))]
pub(super) struct Render {
    /// Write pages to this folder: new, empty, or written by an earlier render.
    #[arg(long, value_name = "DIR")]
    pub(super) html: Option<PathBuf>,
    /// Write an AsyncAPI document to this file, or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(super) asyncapi: Option<PathBuf>,
    /// Write one JSON Schema of all contracts to this file, or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(super) json_schema: Option<PathBuf>,
    /// Only this topic of the configuration: one AsyncAPI document a topic.
    #[arg(long, value_name = "KEY", requires = "asyncapi")]
    pub(super) topic: Option<String>,
    #[command(flatten)]
    pub(super) own: Own,
}

/// Contracts beside the built-in ones.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Own {
    /// Folder of own contracts beside the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(super) contracts: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// Its subject and name: group/joined becomes moodle.group.joined.v1.
    #[arg(value_name = "SUBJECT/NAME")]
    pub(super) name: String,
    /// The event of Moodle that it speaks of, in single quotes; may be given several times.
    #[arg(long, required = true, value_name = "EVENT")]
    pub(super) event: Vec<String>,
    /// The file of captured events, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) from: PathBuf,
    /// The folder of contracts.
    #[arg(long, value_name = "DIR", default_value = "contracts")]
    pub(super) dir: PathBuf,
    /// Show texts that were seen, and keep people and texts in the examples as they were captured.
    #[arg(long)]
    pub(super) samples: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// Where to write; made if it isn't there.
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
    /// The Moodle's URL, as $CFG->wwwroot has it.
    #[arg(long, value_name = "URL", default_value = "https://moodle.example.org")]
    pub(super) source_url: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Map {
    /// The file, or - for standard input.
    pub(super) file: PathBuf,
    /// Only these contracts; * stands for any part of the name.
    #[arg(long, value_name = "NAME", default_value = "*")]
    pub(super) contract: String,
    /// The site that the messages name.
    #[arg(long, value_name = "URL", default_value = "https://moodle.example.org")]
    pub(super) source_url: String,
    #[command(flatten)]
    pub(super) own: Own,
}

#[derive(Debug, clap::Args)]
pub(super) struct Send {
    /// The file, or - for standard input.
    pub(super) file: PathBuf,
    /// Whose events they are: a source of the configuration.
    #[arg(long, value_name = "KEY")]
    pub(super) source: String,
    /// Where to post: `http://ADDRESS:PORT` or `unix:/path`. Default: receive.listen.
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<String>,
    /// The most events of one request.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) batch: u32,
    /// Move all events to now, and remake their ids.
    #[arg(long, conflicts_with = "as_is")]
    pub(super) now: bool,
    /// Leave times and ids as they are.
    #[arg(long)]
    pub(super) as_is: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ParkedCommand {
    /// List them.
    #[command(after_help = "\
Examples:
  moodle-sns-producer parked list
  moodle-sns-producer parked list --reason mapping --topic grades --output jsonl")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Show one: the complaint, what to do, what the contract makes of it now, the event.
    #[command(after_help = "\
The event itself is shown to who has the operator's token (operate.token_file).

Example:
  moodle-sns-producer parked show 42")]
    Show {
        /// Its number in the list.
        number: u64,
    },
    /// Send them again, after the cure.
    #[command(after_help = "\
They are published in the order of their sequence, under their old message ids, each before what its group
still waits to send. What was parked at the door is passed over: the event must come from Moodle again.
Needs the running process and the token.

Examples:
  moodle-sns-producer parked redrive --reason mapping --why 'contract corrected' --dry-run
  moodle-sns-producer parked redrive --topic grades --why 'key enabled' --rate 50
  moodle-sns-producer parked redrive --number 42 --why 'max_message raised'")]
    Redrive(Redrive),
    /// Give up on them for good: they are not sent, and counted as dropped.
    #[command(after_help = "\
The events stay in history for its time. Needs the running process and the token.

Examples:
  moodle-sns-producer parked drop --reason too-old --why 'told the consumers' --dry-run
  moodle-sns-producer parked drop --number 42 --why 'a test of ours'")]
    Drop(Chosen),
}

/// Which parked rows.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// One, by its number.
    #[arg(long)]
    pub(super) number: Option<u64>,
    /// Those of one event.
    #[arg(long, value_name = "ID")]
    pub(super) event: Option<String>,
    /// Those of one reason: shape, mapping, invalid, oversized, refused, too-old, …
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// Those of one topic.
    #[arg(long, value_name = "KEY")]
    pub(super) topic: Option<String>,
    /// Those of one contract.
    #[arg(long, value_name = "NAME")]
    pub(super) contract: Option<String>,
}

impl Filter {
    pub(super) fn wish(&self) -> Wish {
        Wish {
            number: self.number,
            event: self.event.clone(),
            reason: self.reason.clone(),
            topic: self.topic.clone(),
            contract: self.contract.clone(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Print a new secret, or write it to a file of mode 0600.
    #[command(after_help = "\
32 random bytes of the operating system, as Standard Webhooks writes them. Put the same into Moodle.
To change one without a pause: add the new one here, restart, put it into Moodle, remove the old one.

Examples:
  moodle-sns-producer keys new
  moodle-sns-producer keys new --file /etc/moodle-sns-producer/vle-2026-11.secret")]
    New {
        /// Write it there; never overwrites.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_teaches_by_an_example() {
        fn each(command: &clap::Command, seen: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
            assert!(help.contains("  moodle-sns-producer ") || help.contains("| moodle-sns-producer "));
            seen.push(command.get_name().to_owned());
            for inner in command.get_subcommands() {
                each(inner, seen);
            }
        }
        let command = Args::command();
        let mut seen = Vec::new();
        each(&command, &mut seen);
        assert!(seen.len() > 39, "{seen:?}");
        command.debug_assert();
    }
}
