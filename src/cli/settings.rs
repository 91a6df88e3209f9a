//! Which configuration a command works with, and `config show` and `config schema`.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::output::{Output, say};
use crate::config::{self, Config};

/// Where the configuration is when nobody says.
const USUAL: &str = "/etc/moodle-sns-producer/config.toml";

/// The configuration's layers, as the command line names them.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Settings {
    /// The configuration file. Default: /etc/moodle-sns-producer/config.toml
    #[arg(long, global = true, env = "MSP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one key over file and environment: receive.listen=127.0.0.1:8090. Never a secret.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Settings {
    /// Reads and checks the configuration.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        Ok(self.read()?)
    }

    /// The configuration, where a file was named: for commands that work without one too.
    pub(super) fn named(&self) -> Result<Option<Config>, Failure> {
        self.config.is_some().then(|| self.load()).transpose()
    }

    /// What `load` gives, for the command that reports the problems itself.
    pub(super) fn read(&self) -> Result<Config, config::Problems> {
        let env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let by_variables = env.iter().any(|(name, _)| name.starts_with("MSP_") && name.contains("__"));
        let file = match &self.config {
            Some(file) => Some(file.as_path()),
            // A container may be configured by variables alone.
            None if by_variables && !Path::new(USUAL).exists() => None,
            None => Some(Path::new(USUAL)),
        };
        config::load(file, &env, &self.set)
    }
}

pub(super) fn show(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let shown = settings.load()?.show();
    output.rows(&shown, &["key", "value", "from"], |s: &config::Shown| {
        vec![s.key.clone(), s.value.clone(), s.origin.clone()]
    })?;
    Ok(Exit::Done)
}

pub(super) fn schema() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&config::schema()).map_err(anyhow::Error::from)?;
    say(&(text + "\n"))?;
    Ok(Exit::Done)
}
