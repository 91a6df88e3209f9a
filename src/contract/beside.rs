//! What stands beside a contract: its examples, and what was released of it. The running sidecar needs
//! neither; pages and the gate do.

use std::fs;
use std::path::Path;

use super::catalogue::{BUILT_IN, place_of, sorted, whole_file};
use super::problem::{Problem, Problems};
use crate::delivery::ContractId;

/// The files beside a contract, name and text each, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beside {
    /// Its examples: `examples/<name>.json` of version 1, `examples/<name>.v2.json` of version 2.
    pub examples: Vec<(String, String)>,
    /// What was released of it: `released/v1-…`.
    pub released: Vec<(String, String)>,
}

/// The files beside a contract: of a built-in one those of this program, of another those of its folder.
///
/// # Errors
/// A file cannot be read.
pub fn beside(own: Option<&Path>, id: &ContractId) -> Result<Beside, Problems> {
    let place = place_of(id);
    let mut found = Beside::default();
    if let Some(built_in) = BUILT_IN.iter().find(|b| b.place == place) {
        let owned = |texts: &[(&str, &str)]| -> Vec<(String, String)> {
            texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        found = Beside { examples: owned(built_in.examples), released: owned(built_in.released) };
    } else if let Some(folder) = own.map(|own| own.join(place)).as_deref().and_then(Path::parent) {
        let mut problems = Vec::new();
        found.examples = texts(&folder.join("examples"), &mut problems);
        found.released = texts(&folder.join("released"), &mut problems);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
    }
    let version = id.version();
    found.examples.retain(|(name, _)| is_example_of(name, version));
    found.released = released_of(found.released, version);
    Ok(found)
}

/// Of the files of `released/` those of this version.
pub(super) fn released_of(mut files: Vec<(String, String)>, version: &str) -> Vec<(String, String)> {
    let prefix = format!("{version}-");
    files.retain(|(name, _)| name.starts_with(&prefix));
    files
}

/// Whether a file of `examples/` is an example of this version (`v1`, `v2`, …).
pub(super) fn is_example_of(file: &str, version: &str) -> bool {
    let Some(name) = file.strip_suffix(".json") else { return false };
    let named = name.rsplit_once('.').map(|(_, last)| last).filter(|last| {
        last.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    named.unwrap_or("v1") == version
}

/// Name and text of each file of a folder that may not be there.
pub(super) fn texts(folder: &Path, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in sorted(folder, problems) {
        match fs::read_to_string(&path) {
            Ok(text) => {
                found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
            }
            Err(error) => problems.push(whole_file(
                &path,
                &format!("the file cannot be read: {error}"),
                "it must be UTF-8 text that this user may read",
            )),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_examples_version_is_in_its_name_and_none_means_the_first() {
        for (file, version) in
            [("ordinary.json", "v1"), ("ordinary.v2.json", "v2"), ("a.b.json", "v1"), ("x.v.json", "v1")]
        {
            assert!(is_example_of(file, version), "{file}");
            assert!(!is_example_of(file, "v3"), "{file}");
        }
        assert!(!is_example_of("README.md", "v1"));
    }

    #[test]
    fn the_built_in_ones_have_their_examples_with_them() {
        let id: ContractId = "moodle.enrolment.created.v1".parse().unwrap();
        let found = beside(None, &id).unwrap();
        assert!(
            found.examples.iter().any(|(name, text)| name == "ordinary.json" && text.contains("\"note\""))
        );
        assert_eq!(beside(None, &"moodle.enrolment.created.v9".parse().unwrap()).unwrap(), Beside::default());
    }
}
