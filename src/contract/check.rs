//! A folder of contracts, checked: each file by itself and beside the built-in ones, and what is generated
//! and committed beside it.

use std::fs;
use std::path::Path;

use super::beside::{is_example_of, released_of, texts};
use super::catalogue::{BUILT_IN, Reading, place_of, sorted, whole_file};
use super::example::Example;
use super::gate::{self, Verdict};
use super::problem::{Problem, Problems};
use super::{Contract, Status};
use crate::delivery::ContractId;

/// What to do with what is generated and committed beside a contract: its schema, and in each example what
/// is stored and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// Hold it against what the contract gives now.
    Compare,
    /// Write it anew.
    Write,
}

/// Checks a folder of contracts as `contracts check` does: each file by itself and beside the built-in
/// ones, and what is generated beside it.
///
/// # Errors
/// All that is wrong, at once.
pub fn check(folder: &Path, generated: Generated) -> Result<Vec<ContractId>, Problems> {
    let mut reading = Reading::default();
    reading.read_folder(folder);
    let mut ids = Vec::new();
    for (place, contract) in
        reading.places.iter().filter_map(|(id, place)| Some((place, reading.contracts.get(id)?)))
    {
        let own_place = place_of(&contract.id);
        if BUILT_IN.iter().any(|built_in| built_in.place == own_place && built_in.text != contract.text) {
            let help = "one type has one contract: give yours another name, or another version";
            reading.problems.push(whole_file(
                place,
                "this program has another contract of this name built in",
                help,
            ));
        }
        check_beside(contract, place, generated, &mut reading.problems);
        ids.push(contract.id.clone());
    }
    if reading.problems.is_empty() { Ok(ids) } else { Err(Problems(reading.problems)) }
}

fn check_beside(contract: &Contract, place: &Path, generated: Generated, problems: &mut Vec<Problem>) {
    let schema = place.with_extension("schema.json");
    let told = match generated {
        Generated::Write => put(&schema, &contract.schema),
        Generated::Compare => match fs::read_to_string(&schema) {
            Ok(text) if text == contract.schema => Ok(()),
            Ok(_) => Err("this schema is not the one that the contract gives".to_owned()),
            Err(error) => Err(format!("the schema cannot be read: {error}")),
        },
    };
    problems.extend(
        told.err().map(|told| whole_file(&schema, &told, "write it anew: `contracts check --write`")),
    );
    check_released(contract, place, problems);
    let Some(examples) =
        place.parent().map(|folder| folder.join("examples")).filter(|folder| folder.is_dir())
    else {
        return;
    };
    for path in sorted(&examples, problems) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !is_example_of(&name, contract.id.version()) {
            continue;
        }
        if let Err(told) = check_example(contract, &path, generated) {
            let help = "mend the contract, or write the example anew: `contracts check --write`";
            problems.push(whole_file(&path, &told, help));
        }
    }
}

/// Holds a contract against each of its releases, and each release against its record.
fn check_released(contract: &Contract, place: &Path, problems: &mut Vec<Problem>) {
    let folder = gate::released_folder(place);
    let files = released_of(texts(&folder, problems), contract.id.version());
    let releases = match gate::releases(&folder, &contract.id, files) {
        Ok(releases) => releases,
        Err(told) => return problems.extend(told.0),
    };
    let breaking = gate::breaking(contract, &releases);
    for (revision, change) in &breaking {
        let whom = change.whom.unwrap_or("consumers");
        let told = format!("{}: {}. That breaks release {revision}, for {whom}", change.at, change.what);
        problems.push(whole_file(place, &told, &change.cure));
    }
    let newest = releases.last();
    let as_released = newest.is_some_and(|newest| newest.contract.digest == contract.digest);
    if contract.status == Status::Draft || as_released || !breaking.is_empty() {
        return;
    }
    let help = format!(
        "`contracts diff {}` shows what is new; when it is agreed, `contracts release {} --by NAME`",
        contract.id, contract.id
    );
    let told = match newest {
        None => format!("it is {}, and was never released", contract.status.as_str()),
        Some(newest) => {
            let open = gate::compare(&newest.contract, contract);
            let open = open.iter().filter(|change| change.verdict == Verdict::NeedsApproval);
            let open: Vec<_> = open.map(|change| format!("; {}: {}", change.at, change.what)).collect();
            format!("it promises something else than release {}{}", newest.record.revision, open.concat())
        }
    };
    problems.push(whole_file(place, &told, &help));
}

fn check_example(contract: &Contract, path: &Path, generated: Generated) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|e| format!("the example cannot be read: {e}"))?;
    let example = Example::read(&text).map_err(|e| e.to_string())?;
    let again = example.write(contract).map_err(|e| e.to_string())?;
    match generated {
        _ if again == text => Ok(()),
        Generated::Write => put(path, &again),
        Generated::Compare => Err("the contract gives another message for this event".to_owned()),
    }
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("it cannot be written: {error}"))
}
