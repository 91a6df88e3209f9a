//! The command line: a client of the other stages, and the one place where they are put together
//! (`run.rs`).
//!
//! A bare call prints the help and exits 64. What a program reads goes to standard output, everything
//! else to standard error. Commands that look ask the running process; when none runs they open the spool
//! themselves, change nothing and say so. Commands that change something need the running process.

mod args;
mod audit;
mod captured;
mod change;
mod client;
mod contracts;
mod drain;
mod erase;
mod exit;
mod gate;
mod gone;
mod init;
pub mod logging;
mod look;
mod map;
mod new;
mod output;
mod parked;
mod reload;
mod render;
mod replay;
pub mod run;
mod send;
mod settings;
mod topic;
mod upgrade;
mod withdraw;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use exit::{Exit, Failure};

use crate::contract::Generated;
use args::{Args, Command, ConfigCommand, ContractsCommand, KeysCommand, ParkedCommand};

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return unparsed(&error),
    };
    match dispatch(args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

/// Help and version go to standard output and are well; everything else is a wrong call.
fn unparsed(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done.into(),
        _ => Exit::Usage.into(),
    }
}

fn dispatch(args: Args) -> Result<Exit, Failure> {
    let Args { settings, output, command } = args;
    // Before a command that changes something has changed it.
    output.check(|form| command.has(form))?;
    match command {
        Command::Run => run::run(&settings.load()?, || settings.load()),
        Command::Init(init) => init::init(&init),
        Command::Config { command } => match command {
            ConfigCommand::Check { spool } => contracts::config_check(&settings, spool, output),
            ConfigCommand::Show => settings::show(&settings, output),
            ConfigCommand::Schema => settings::schema(),
        },
        Command::Reload(signed) => reload::reload(&settings, &signed, output),
        Command::Status => look::status(&settings, output),
        Command::Contracts { command } => match command {
            ContractsCommand::List(own) => contracts::list(&own, output),
            ContractsCommand::Show { contract, schema, own } => {
                contracts::show(&own, &contract, schema, output)
            }
            ContractsCommand::New(args) => new::new(&args, output),
            ContractsCommand::Check { folder, write, moodle } => {
                let generated = if write { Generated::Write } else { Generated::Compare };
                match (folder, moodle) {
                    (folder, Some(file)) => upgrade::check(&file, folder.as_deref(), generated, output),
                    (Some(folder), None) => contracts::check(&folder, generated),
                    // The arguments ask for one of the two.
                    (None, None) => Ok(Exit::Usage),
                }
            }
            ContractsCommand::Render(args) => render::render(&settings, &args),
            ContractsCommand::Diff(diff) => gate::diff(&diff, output),
            ContractsCommand::Release(order) => gate::release(&order, output),
            ContractsCommand::Privacy(own) => render::privacy(&settings, &own, output),
        },
        Command::Map(map) => map::map(&map, output),
        Command::Send(send) => send::send(&settings, &send, output),
        Command::Trace { id, source } => look::trace(&settings, &id, source.as_deref(), output),
        Command::Parked { command } => match command {
            ParkedCommand::List { filter, limit } => look::parked_list(&settings, &filter, limit, output),
            ParkedCommand::Show { number } => look::parked_show(&settings, number, output),
            ParkedCommand::Redrive(order) => parked::redrive(&settings, &order, output),
            ParkedCommand::Drop(chosen) => parked::drop(&settings, &chosen, output),
        },
        Command::Replay { command } => replay::replay(&settings, command, output),
        Command::Topic { command } => topic::topic(&settings, &command, output),
        Command::Audit { command: audit::AuditCommand::List { limit, before } } => {
            audit::list(&settings, limit, before, output)
        }
        Command::Drain(order) => drain::drain(&settings, &order, output),
        Command::Erase(args) => erase::erase(&settings, args, output),
        Command::Keys { command: KeysCommand::New { file } } => init::keys_new(file.as_deref()),
        Command::Healthcheck { url } => look::healthcheck(&settings, url.as_deref()),
        Command::Version => {
            output::say(&format!("moodle-sns-producer {}\n", env!("CARGO_PKG_VERSION")))?;
            Ok(Exit::Done)
        }
    }
}
