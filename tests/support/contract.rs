//! Contracts of a test's own: stable ones, as the catalogue has none that could be broken.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::corpus::{self, Captured, Recording};

/// The contract that tests break.
pub const BREAKABLE: &str = "moodle.proof.breakable.v1";
/// Another one on the same event, in the same groups, that always works.
pub const SOUND: &str = "moodle.proof.sound.v1";

/// What [`BREAKABLE`] is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Needs a number in `event.other.code`.
    Picky,
    /// Needs a key that no event has.
    Broken,
    /// Takes every event.
    Mended,
}

/// Writes both contracts into a folder, in this status.
pub fn write(folder: &Path, shape: Shape, status: &str) {
    let field = match shape {
        Shape::Picky => "code = { from = \"event.other.code\", type = \"integer\", about = \"A code.\" }\n",
        Shape::Broken => {
            "code = { from = \"event.other.nowhere\", type = \"integer\", about = \"A code.\" }\n"
        }
        Shape::Mended => "",
    };
    one(folder, "breakable", status, field);
    one(folder, "sound", status, "");
}

fn one(folder: &Path, name: &str, status: &str, field: &str) {
    let place = folder.join("proof").join(name);
    std::fs::create_dir_all(&place).unwrap();
    let text = format!(
        r#"type     = "moodle.proof.{name}.v1"
title    = "Proof"
status   = "{status}"
event    = '\core\event\user_enrolment_created'
purpose  = "A test."
sent     = "In tests."
not_sent = "Elsewhere."
tells    = "state"
subject  = "enrolment/{{enrolment.id}}"

[data]
blocks = ["course", "user"]

[data.enrolment]
about  = "The place."
id     = {{ from = "event.objectid", type = "integer", about = "Its id." }}
{field}"#
    );
    std::fs::write(place.join("v1.toml"), text).unwrap();
}

/// So many events that both contracts take, of one person, with this in the field that a picky one reads.
/// Different `from` give different ids.
pub fn events(from: u8, n: u8, code: &Value) -> Vec<Captured> {
    let hour = corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Enriched));
    let created = hour.into_iter().find(|e| e.name.ends_with("\\user_enrolment_created")).unwrap();
    let with_code = |n| {
        let mut event = created.renamed(n);
        event.data["other"]["code"] = code.clone();
        event
    };
    (from..from + n).map(with_code).collect()
}
