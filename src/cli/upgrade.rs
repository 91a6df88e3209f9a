//! `contracts check --moodle INVENTORY`: what the contracts lose on a Moodle, before it is upgraded to.

use std::path::Path;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::contract::{self, Catalogue, Generated, Inventory, Loss};
use crate::operate::words::{counted, harmless};

/// What is told of one Moodle.
#[derive(Serialize)]
struct Told<'a> {
    moodle: &'a str,
    plugin: Option<&'a str>,
    contracts: usize,
    good: bool,
    /// What wants a person.
    findings: Vec<Loss>,
    /// Contracts that send nothing because the activity is not installed: nothing is wrong.
    not_installed: Vec<Loss>,
}

pub(super) fn check(
    file: &Path,
    folder: Option<&Path>,
    generated: Generated,
    output: Output,
) -> Result<Exit, Failure> {
    let named = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Unavailable, format!("reading {named}: {error}")))?;
    let inventory = Inventory::read(&text)
        .map_err(|error| Failure::new(Exit::Failed, format!("reading {named}: {error}")))?;
    let catalogue = match folder {
        Some(folder) => {
            contract::check(folder, generated)?;
            Catalogue::folder(folder)?
        }
        None => Catalogue::builtin()?,
    };
    let losses = catalogue.iter().flat_map(|contract| inventory.losses(contract));
    let (findings, not_installed): (Vec<Loss>, _) = losses.partition(|loss| loss.kind.is_finding());
    let told = Told {
        moodle: &inventory.moodle,
        plugin: inventory.plugin.as_deref(),
        contracts: catalogue.iter().count(),
        good: findings.is_empty(),
        findings,
        not_installed,
    };
    output.one(&told, || words(&told))?;
    Ok(if told.good { Exit::Done } else { Exit::Findings })
}

fn words(told: &Told<'_>) -> String {
    let moodle = harmless(told.moodle);
    let all = counted(told.contracts as u64, "contract", "contracts");
    let mut text = if told.good {
        format!("Moodle {moodle} has all that {all} read.\n")
    } else {
        format!("Moodle {moodle} takes something from {} of {all}:\n", contracts_of(&told.findings))
    };
    let mut last = "";
    for loss in &told.findings {
        if loss.contract != last {
            text += &format!("\n{}\n", loss.contract);
            last = &loss.contract;
        }
        let [what, effect, cure] = [&loss.what, &loss.effect, &loss.cure].map(|words| harmless(words));
        text += &format!("  {what}.\n  {effect}.\n  To do: {cure}.\n");
    }
    if !told.not_installed.is_empty() {
        let silent = counted(contracts_of(&told.not_installed) as u64, "contract sends", "contracts send");
        text += &format!("\n{silent} nothing there, because the activity is not installed:\n");
        for loss in &told.not_installed {
            text += &format!("  {}: {}\n", loss.contract, harmless(&loss.what));
        }
    }
    text
}

/// How many contracts the losses speak of: those of one stand together.
fn contracts_of(losses: &[Loss]) -> usize {
    losses.chunk_by(|a, b| a.contract == b.contract).count()
}
