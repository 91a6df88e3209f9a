//! The Moodle sites that send.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::listen::Folders;
use super::problem::{Origin, Problems};
use super::read::Section;
use super::secret::{self, SecretText};
use crate::event::SourceKey;

/// `[sources.KEY]`: a Moodle site that sends.
#[derive(Debug, Clone)]
pub struct Source {
    /// The key.
    pub key: SourceKey,
    /// The site's URL: `source` of its messages, the same for ever.
    pub url: String,
    /// What `dataschema` of its messages begins with.
    pub dataschema: String,
    /// Other URLs it may speak as, each until a time.
    pub accept_urls: Vec<(String, Timestamp)>,
    /// The secrets that are valid.
    pub secrets: Vec<Secret>,
}

/// A signing secret with its name.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name in status and metrics.
    pub id: String,
    /// `whsec_` and base64; the form has been checked.
    pub text: SecretText,
}

/// Reads all sources. No URL and no secret may be in two places.
pub(crate) fn sources(root: &Section, folders: &Folders<'_>, problems: &mut Problems) -> Vec<Source> {
    let mut urls: BTreeMap<String, (String, Origin)> = BTreeMap::new();
    let mut contents: BTreeMap<String, (String, Origin)> = BTreeMap::new();
    let mut list = Vec::new();
    for (name, section) in root.named("sources") {
        let path = format!("sources.{name}");
        let url = section.text("source").unwrap_or_default().to_owned();
        if section.text("source").is_some() {
            check_url(&url, &format!("{path}.source"), &section.origin("source"), &mut urls, problems);
        }
        let accept_urls = section
            .many("accept_urls")
            .iter()
            .filter_map(|entry| {
                let url = entry.text("url")?.to_owned();
                let what = format!("{path}.accept_urls: url");
                check_url(&url, &what, &entry.origin("url"), &mut urls, problems);
                let until = entry.text("until")?;
                let time = moment(until);
                if time.is_none() {
                    problems.add(
                        &entry.origin("until"),
                        format!("{path}.accept_urls: until is {until:?}"),
                        "write a day, \"2026-12-31\" (its end in UTC), or a time, \"2026-12-31T18:00:00Z\"",
                    );
                }
                Some((url, time?))
            })
            .collect();
        let secrets = secrets(section, &path, folders, &mut contents, problems);
        // A name that is no key has been told.
        if let Ok(key) = name.parse() {
            let dataschema = section.text("dataschema").unwrap_or_default().to_owned();
            list.push(Source { key, url, dataschema, accept_urls, secrets });
        }
    }
    if root.entry("sources").is_some() && root.named("sources").is_empty() {
        problems.add(&root.at, "there is no source", "write a [sources.KEY] for each Moodle that sends");
    }
    list
}

/// A site's URL as Moodle's `$CFG->wwwroot` has it. What events say must be equal byte for byte, so a
/// form that Moodle never gives is refused here.
fn check_url(
    url: &str,
    what: &str,
    at: &Origin,
    seen: &mut BTreeMap<String, (String, Origin)>,
    problems: &mut Problems,
) {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fault = match rest {
        None => Some("does not begin with https:// or http://"),
        Some("") => Some("has no host"),
        Some(rest) if rest.ends_with('/') => Some("ends with a slash"),
        Some(rest) if rest.contains(['?', '#']) => Some("has a query or a fragment"),
        Some(rest) if rest.contains('@') => Some("holds a user"),
        Some(rest) if rest.chars().any(|c| c.is_whitespace() || c.is_control()) => Some("holds a space"),
        Some(_) => None,
    };
    if let Some(fault) = fault {
        problems.add(
            at,
            format!("{what} {url:?} {fault}"),
            "write it as $CFG->wwwroot has it: \"https://moodle.example.org\"",
        );
    } else if let Some((first, place)) = seen.get(url) {
        problems.add(
            at,
            format!("{what} {url:?} is also {first} ({place})"),
            "a Moodle is one source: take one of them out",
        );
    } else {
        seen.insert(url.to_owned(), (what.to_owned(), at.clone()));
    }
}

/// A time, or the end of a day in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // A civil date also parses from a time without a zone, which could mean two moments.
    let day: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    let next = day.tomorrow().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()
}

fn secrets(
    section: &Section,
    path: &str,
    folders: &Folders<'_>,
    contents: &mut BTreeMap<String, (String, Origin)>,
    problems: &mut Problems,
) -> Vec<Secret> {
    let mut list: Vec<Secret> = Vec::new();
    if section.entry("secrets").is_some() && section.many("secrets").is_empty() {
        problems.add(
            &section.at,
            format!("{path}.secrets has no usable entry"),
            "write [{ id = \"2026-11\", file = \"…\" }]; `moodle-sns-producer keys new` makes one",
        );
    }
    for entry in section.many("secrets") {
        let Some(id) = entry.text("id") else { continue };
        if !crate::event::is_key(id) {
            problems.add(
                &entry.origin("id"),
                format!("{path}.secrets: id is {id:?}"),
                "use 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit",
            );
        }
        if list.iter().any(|other| other.id == id) {
            problems.add(
                &entry.origin("id"),
                format!("{path}.secrets has the id {id:?} twice"),
                "give each secret a name of its own, e.g. the month it was made",
            );
        }
        let Some((text, at)) = secret_of(entry, path, id, folders, problems) else { continue };
        if let Some(fault) = secret::fault_of(&text) {
            problems.add(
                &at,
                format!("{path}.secrets: secret {id} {fault}"),
                "make one with `moodle-sns-producer keys new` and put the same into Moodle",
            );
        } else if let Some((first, place)) = contents.get(text.expose()) {
            problems.add(
                &at,
                format!("{path}.secrets: secret {id} has the content of {first} ({place})"),
                "make one of its own with `moodle-sns-producer keys new`: who knows it could speak as the other",
            );
        } else {
            contents.insert(text.expose().to_owned(), (format!("{path}.secrets {id}"), at));
        }
        list.push(Secret { id: id.to_owned(), text });
    }
    list
}

fn secret_of(
    entry: &Section,
    path: &str,
    id: &str,
    folders: &Folders<'_>,
    problems: &mut Problems,
) -> Option<(SecretText, Origin)> {
    match (entry.secret("secret"), entry.text("file")) {
        (Some(_), Some(_)) => {
            problems.add(
                &entry.origin("file"),
                format!("{path}.secrets: secret {id} has both file and secret"),
                "take one of them out",
            );
            None
        }
        (None, None) => {
            problems.add(
                &entry.at,
                format!("{path}.secrets: secret {id} has no file"),
                "write file = \"/path\"; `moodle-sns-producer keys new --file /path` makes it",
            );
            None
        }
        (Some(text), None) => Some((text.clone(), entry.origin("secret"))),
        (None, Some(name)) => {
            let file = secret::file_named(name, folders.credentials, folders.beside);
            match secret::read(&file) {
                Ok(text) => Some((text, entry.origin("file"))),
                Err(fault) => {
                    problems.add(
                        &entry.origin("file"),
                        format!("{path}.secrets: file {} {fault}", file.display()),
                        format!("`moodle-sns-producer keys new --file {}` makes it", file.display()),
                    );
                    None
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_its_end() {
        assert_eq!(moment("2026-12-31"), "2027-01-01T00:00:00Z".parse().ok());
        assert_eq!(moment("2026-12-31T18:00:00Z"), "2026-12-31T18:00:00Z".parse().ok());
        assert_eq!(moment("soon"), None);
        assert_eq!(moment("2026-12-31T18:00:00"), None);
    }
}
